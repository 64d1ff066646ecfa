"""What an administrator says of a SOAP partner; what it can do is in its WSDL."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from banyan.connectors.rest.settings import Outcome, Paging, Since
from banyan.integration.guard import check_text
from banyan.lib.labels import spoken_language


class Part(BaseModel):
    """Base of the parts: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class SoapOperation(Part):
    """How one operation of the WSDL is used; operations that are not named here can be sent as they are.

    Takes:  name: in the WSDL, where it differs from key; arguments: with slots (`{body}` alone: all of the body);
            the rest as for a REST poll, paths within the reply
    """

    key: str = Field(min_length=1, max_length=120)
    name: str = ""
    ways: list[Literal["send", "poll"]] = ["send"]
    arguments: Any = "{body}"
    list_path: str = ""
    id_path: str = "id"
    version_path: str = ""
    key_path: str = ""
    since: Since | None = None
    paging: Paging = Paging()
    outcome: Outcome | None = None


class SoapSettings(Part):
    """A SOAP partner: its WSDL, its address, who we are."""

    wsdl_address: str = Field("", title="WSDL 地址 / WSDL address")
    wsdl: str = Field("", title="WSDL 文本 / WSDL text", max_length=2_000_000)
    address: str = Field("", title="服务地址 / Service address")
    service: str = Field("", title="服务 / Service")
    port: str = Field("", title="端口 / Port")
    auth: Literal["none", "basic", "text", "digest"] = Field("none", title="认证 / Authentication")
    user: str = Field("", title="用户 / User")
    id_field: str = Field("", title="消息编号字段 / Field of the message's id")
    passing_faults: list[str] = Field([], title="可重试的错误码 / Faults worth another try")
    operations: list[SoapOperation] = Field([], title="操作 / Operations")

    @field_validator("wsdl_address", "address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and (fault := check_text(value)) is not None:
            raise ValueError(fault.in_(spoken_language()))
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> SoapSettings:
        if bool(self.wsdl) == bool(self.wsdl_address):
            raise ValueError("give the WSDL's address or its text")
        if self.auth != "none" and not self.user:
            raise ValueError(f"{self.auth} needs user")
        return self
