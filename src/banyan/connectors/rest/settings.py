"""What an administrator says of a REST partner. Paths are dotted; texts may hold slots such as `{body.id}`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from banyan.integration.guard import check_text
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Wrong, field
from banyan.lib.labels import L

Clock = Literal["iso", "iso_ms", "unix", "unix_ms"]
WAYS = [choice("send", "发送", "Send"), choice("poll", "轮询", "Poll")]


class Part(BaseModel):
    """Base of the parts: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Signing(Part):
    """How a request is signed: `{signature}` = encoding(hash(parts joined)).

    Slots of `parts`: method, path, query (as sent, sorted), params (name and value of the query run together, sorted),
    body, body_sha256, body_md5, timestamp, nonce, secret.<name>, header.<name in small letters>
    """

    parts: list[str] = field("签名内容", "What is signed", min_length=1, help=L(
        "如 {method}, {path}, {timestamp}, {body_sha256}",
        "Such as {method}, {path}, {timestamp}, {body_sha256}"))  # fmt: skip
    joiner: str = field("连接符", "Joined by", "")
    hash: Literal["md5", "sha1", "sha256", "sha512"] = field("摘要算法", "Hash", "sha256")
    is_keyed: bool = field("带密钥（HMAC）", "Keyed (HMAC)", True)
    secret: str = field("用哪个密钥", "By which secret", "signing_key")
    secret_encoding: Literal["text", "base64", "hex"] = field("密钥的写法", "The secret is written as", "text")
    encoding: Literal["hex", "HEX", "base64", "base64url"] = field("签名的写法", "The signature is written as", "hex")
    clock: str = field("时间戳格式", "Clock", "unix")
    zone: str = field("时区", "Time zone", "UTC")
    headers: dict[str, str] = field("签名请求头", "Headers", {}, help=L(
        "每行一个，如 X-Sign: {signature}", "One a line, such as X-Sign: {signature}"))  # fmt: skip
    query: dict[str, str] = field("签名参数", "Query", {})


class Auth(Part):
    """How we prove who we are."""

    kind: Literal["none", "basic", "header", "query", "bearer", "oauth2", "signed"] = field(
        "方式", "Kind", "none", choices=[
            choice("none", "无", "None"), choice("basic", "用户名密码（Basic）", "Basic"),
            choice("header", "请求头中的密钥", "Key in a header"), choice("query", "参数中的密钥", "Key in the query"),
            choice("bearer", "固定令牌（Bearer）", "Bearer token"),
            choice("oauth2", "OAuth2 客户端凭据", "OAuth2 client"),
            choice("signed", "请求签名", "Signed requests")])  # fmt: skip
    user: str = field("用户名", "User", "")
    name: str = field("密钥的名称", "Name of the key", "X-API-Key",
                      help=L("请求头或参数的名称", "Of the header or the parameter"))  # fmt: skip
    token_address: str = field("令牌地址", "Address for tokens", "")
    client_id: str = field("客户端标识", "Client id", "")
    scope: str = field("范围", "Scope", "")
    audience: str = field("受众", "Audience", "")
    client_in: Literal["header", "body"] = field("客户端凭据放在", "Client's credentials in", "header", choices=[
        choice("header", "请求头", "Header"), choice("body", "正文", "Body")])  # fmt: skip
    signing: Signing | None = field("签名", "Signing", None)

    @model_validator(mode="after")
    def _is_whole(self) -> Auth:
        needed = {"basic": "user", "oauth2": "token_address", "signed": "signing"}.get(self.kind)
        if needed and not getattr(self, needed):
            raise Wrong(f"方式 {self.kind} 需要填写", f"is needed for {self.kind}", needed)
        if self.token_address and (fault := check_text(self.token_address)) is not None:
            raise Wrong(fault.zh, fault.en, "token_address")
        return self


class Since(Part):
    """How a poll asks for what has changed.

    Takes:  parameter: of the query; path: where each record says when it changed; clock: iso, iso_ms, unix, unix_ms
            or a pattern such as `%Y-%m-%d %H:%M:%S`; zone: of times without one; overlap: seconds asked again, since a
            record may become visible after a later one; first: where to begin; is_sorted: records come oldest first
    """

    parameter: str = field("参数", "Parameter",
                        help=L("按修改时间查询的参数名", "Of the query, for the time of change"))  # fmt: skip
    path: str = field("修改时间路径", "Path of the time",
                      help=L("每条记录何时修改", "Where a record says when it changed"))  # fmt: skip
    clock: str = field("时间格式", "Clock", "iso", help=L(
        "iso、iso_ms、unix、unix_ms 或 %Y-%m-%d %H:%M:%S",
        "iso, iso_ms, unix, unix_ms or %Y-%m-%d %H:%M:%S"))  # fmt: skip
    zone: str = field("时区", "Time zone", "UTC")
    overlap: float = field("回看", "Looks back", 300, unit="s", ge=0, le=86_400)
    first: str = field("最早从", "Begins at", "")
    is_sorted: bool = field("由旧到新", "Oldest first", False)


class Paging(Part):
    """How the next page is asked for.

    Takes:  kind: cursor (the answer names the next one), offset, page (counted from `first_page`), link (header
            `Link: …; rel="next"`); next_path: where the cursor or the next address lies; is_lasting: the cursor stays
            valid, and the next poll goes on from it
    """

    kind: Literal["none", "cursor", "offset", "page", "link"] = field("方式", "Kind", "none", choices=[
        choice("none", "不翻页", "None"), choice("cursor", "游标", "Cursor"), choice("offset", "偏移", "Offset"),
        choice("page", "页码", "Page number"), choice("link", "下一页地址", "Link to the next")])  # fmt: skip
    parameter: str = field("参数", "Parameter", "")
    size_parameter: str = field("每页条数的参数", "Parameter of the size", "")
    size: int = field("每页条数", "Size", 100, ge=1, le=10_000)
    next_path: str = field("下一页路径", "Path of the next", "")
    more_path: str = field("是否还有的路径", "Path of “there is more”", "")
    first_page: int = field("首页页码", "First page", 1)
    is_lasting: bool = field("游标长期有效", "The cursor lasts", False)


class Outcome(Part):
    """Where an answer of status 200 says that it is a fault."""

    path: str = field("代码路径", "Path of the code")
    good: list[str] = field("成功的代码", "Good codes", ["0"])
    text_path: str = field("说明路径", "Path of the text", "")
    throttled: list[str] = field("限流的代码", "Codes of throttling", [])
    passing: list[str] = field("可重试的代码", "Codes worth another try", [])


class RestOperation(Part):
    """One call of the partner's interface."""

    key: str = field("代号", "Key", pattern=r"^[a-z][a-z0-9_.]{0,79}$",
                     help=L("小写字母开头，流程按它引用", "Small letters; flows name it"))  # fmt: skip
    zh: str = field("中文名", "Chinese name", "")
    en: str = field("英文名", "English name", "")
    ways: list[Literal["send", "poll"]] = field("用法", "Used to", ["send"], choices=WAYS)
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = field("方法", "Method", "POST")
    path: str = field("路径", "Path", "/", help=L("可含 {body.id} 这样的占位", "May hold slots such as {body.id}"))
    query: dict[str, Any] = field("参数", "Query", {})
    headers: dict[str, str] = field("请求头", "Headers", {}, help=L("每行一个：名称: 值", "One a line: name: value"))
    body: Any = field("正文", "Body", "{body}",
                      help=L('"{body}" 为映射结果的全部', '"{body}": all that the mapping gives'))  # fmt: skip
    is_form: bool = field("按表单提交", "Sent as a form", False)
    list_path: str = field("列表路径", "Path of the list", "", help=L("轮询时记录所在", "Where a poll finds records"))
    id_path: str = field("编号路径", "Path of the id", "id")
    version_path: str = field("版本路径", "Path of the version", "")
    key_path: str = field("顺序键路径", "Path of the ordering key", "")
    type: str = field("消息类型", "Type of message", "")
    since: Since | None = field("按修改时间取", "By time of change", None)
    paging: Paging = field("翻页", "Paging", Paging())
    outcome: Outcome | None = field("结果判断", "Outcome", None)
    input: dict[str, Any] = field("正文结构（JSON Schema）", "Schema of the body", {})
    output: dict[str, Any] = field("应答结构（JSON Schema）", "Schema of the answer", {})
    samples: list[dict[str, Any]] = field("样例", "Samples", [])


class RestSettings(Part):
    """A REST partner: its address, how we prove who we are, its operations."""

    address: str = field("地址", "Address", help=L("如 https://api.example.com/v1", "Such as https://api.example.com/v1"))
    auth: Auth = field("认证", "Authentication", Auth())
    headers: dict[str, str] = field("请求头", "Headers", {}, help=L("每行一个：名称: 值", "One a line: name: value"))
    idempotency_header: str = field("幂等头", "Idempotency header", "Idempotency-Key")
    outcome: Outcome | None = field("结果判断", "Outcome", None, help=L(
        "状态 200 的应答里何处说明失败", "Where an answer of status 200 says that it is a fault"))  # fmt: skip
    operations: list[RestOperation] = field("操作", "Operations", [])
    health_path: str = field("检测路径", "Health path", "")

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if (fault := check_text(value)) is not None:
            raise Wrong(fault.zh, fault.en)
        return value.rstrip("/")

    @field_validator("operations")
    @classmethod
    def _keys_differ(cls, value: list[RestOperation]) -> list[RestOperation]:
        return once(value)


def once(value: list[Any]) -> list[Any]:
    """Give operations whose keys differ. Raises: Wrong"""
    keys = [each.key for each in value]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise Wrong(f"操作重名：{', '.join(twice)}", f"operations named twice: {', '.join(twice)}")
    return value
