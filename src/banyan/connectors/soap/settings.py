"""What an administrator says of a SOAP partner; what it can do is in its WSDL."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator, model_validator

from banyan.connectors.rest.settings import WAYS, Outcome, Paging, Part, Since
from banyan.integration.guard import check_text
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Wrong, field
from banyan.lib.labels import L


class SoapOperation(Part):
    """How one operation of the WSDL is used; operations that are not named here can be sent as they are.

    Takes:  name: in the WSDL, where it differs from key; arguments: with slots (`{body}` alone: all of the body);
            the rest as for a REST poll, paths within the reply
    """

    key: str = field("代号", "Key", min_length=1, max_length=120)
    name: str = field("WSDL 中的名称", "Name in the WSDL", "", help=L("与代号相同时留空", "Empty where it is the key"))
    ways: list[Literal["send", "poll"]] = field("用法", "Used to", ["send"], choices=WAYS)
    arguments: Any = field("参数", "Arguments", "{body}")
    list_path: str = field("列表路径", "Path of the list", "")
    id_path: str = field("编号路径", "Path of the id", "id")
    version_path: str = field("版本路径", "Path of the version", "")
    key_path: str = field("顺序键路径", "Path of the ordering key", "")
    since: Since | None = field("按修改时间取", "By time of change", None)
    paging: Paging = field("翻页", "Paging", Paging())
    outcome: Outcome | None = field("结果判断", "Outcome", None)


class SoapSettings(Part):
    """A SOAP partner: its WSDL, its address, who we are."""

    wsdl_address: str = field("WSDL 地址", "WSDL address", "")
    wsdl: str = field("WSDL 文本", "WSDL text", "", max_length=2_000_000,
                      help=L("地址与文本填一个", "Either its address or its text"))  # fmt: skip
    address: str = field("服务地址", "Service address", "", help=L("空为 WSDL 所写", "As the WSDL says when empty"))
    service: str = field("服务", "Service", "")
    port: str = field("端口", "Port", "")
    auth: Literal["none", "basic", "text", "digest"] = field("认证", "Authentication", "none", choices=[
        choice("none", "无", "None"), choice("basic", "用户名密码（Basic）", "Basic"),
        choice("text", "WS-Security 明文", "WS-Security, plain"),
        choice("digest", "WS-Security 摘要", "WS-Security, digest")])  # fmt: skip
    user: str = field("用户", "User", "")
    id_field: str = field("消息编号字段", "Field of the message's id", "")
    passing_faults: list[str] = field("可重试的错误码", "Faults worth another try", [])
    operations: list[SoapOperation] = field("操作", "Operations", [])

    @field_validator("wsdl_address", "address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and (fault := check_text(value)) is not None:
            raise Wrong(fault.zh, fault.en)
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> SoapSettings:
        if bool(self.wsdl) == bool(self.wsdl_address):
            raise Wrong("填写 WSDL 的地址或文本之一", "give the WSDL's address or its text", "wsdl_address")
        if self.auth != "none" and not self.user:
            raise Wrong(f"认证 {self.auth} 需要用户", f"{self.auth} needs user", "user")
        return self
