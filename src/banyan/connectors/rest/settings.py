"""What an administrator says of a REST partner. Paths are dotted; texts may hold slots such as `{body.id}`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from banyan.integration.guard import check_text
from banyan.lib.labels import spoken_language

Clock = Literal["iso", "iso_ms", "unix", "unix_ms"]


class Part(BaseModel):
    """Base of the parts: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Signing(Part):
    """How a request is signed: `{signature}` = encoding(hash(parts joined)).

    Slots of `parts`: method, path, query (as sent, sorted), params (name and value of the query run together, sorted),
    body, body_sha256, body_md5, timestamp, nonce, secret.<name>, header.<name in small letters>
    """

    parts: list[str] = Field(min_length=1)
    joiner: str = ""
    hash: Literal["md5", "sha1", "sha256", "sha512"] = "sha256"
    is_keyed: bool = True
    secret: str = "signing_key"
    secret_encoding: Literal["text", "base64", "hex"] = "text"
    encoding: Literal["hex", "HEX", "base64", "base64url"] = "hex"
    clock: str = "unix"
    zone: str = "UTC"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}


class Auth(Part):
    """How we prove who we are."""

    kind: Literal["none", "basic", "header", "query", "bearer", "oauth2", "signed"] = "none"
    user: str = ""
    name: str = "X-API-Key"
    token_address: str = ""
    client_id: str = ""
    scope: str = ""
    audience: str = ""
    client_in: Literal["header", "body"] = "header"
    signing: Signing | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Auth:
        needed = {"basic": "user", "oauth2": "token_address", "signed": "signing"}.get(self.kind)
        if needed and not getattr(self, needed):
            raise ValueError(f"{self.kind} needs {needed}")
        if self.token_address:
            _checked_address(self.token_address)
        return self


class Since(Part):
    """How a poll asks for what has changed.

    Takes:  parameter: of the query; path: where each record says when it changed; clock: iso, iso_ms, unix, unix_ms
            or a pattern such as `%Y-%m-%d %H:%M:%S`; zone: of times without one; overlap: seconds asked again, since a
            record may become visible after a later one; first: where to begin; is_sorted: records come oldest first
    """

    parameter: str
    path: str
    clock: str = "iso"
    zone: str = "UTC"
    overlap: float = Field(300, ge=0, le=86_400)
    first: str = ""
    is_sorted: bool = False


class Paging(Part):
    """How the next page is asked for.

    Takes:  kind: cursor (the answer names the next one), offset, page (counted from `first_page`), link (header
            `Link: …; rel="next"`); next_path: where the cursor or the next address lies; is_lasting: the cursor stays
            valid, and the next poll goes on from it
    """

    kind: Literal["none", "cursor", "offset", "page", "link"] = "none"
    parameter: str = ""
    size_parameter: str = ""
    size: int = Field(100, ge=1, le=10_000)
    next_path: str = ""
    more_path: str = ""
    first_page: int = 1
    is_lasting: bool = False


class Outcome(Part):
    """Where an answer of status 200 says that it is a fault."""

    path: str
    good: list[str] = ["0"]
    text_path: str = ""
    throttled: list[str] = []
    passing: list[str] = []


class RestOperation(Part):
    """One call of the partner's interface."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$")
    zh: str = ""
    en: str = ""
    ways: list[Literal["send", "poll"]] = ["send"]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = "/"
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    body: Any = "{body}"
    is_form: bool = False
    list_path: str = ""
    id_path: str = "id"
    version_path: str = ""
    key_path: str = ""
    type: str = ""
    since: Since | None = None
    paging: Paging = Paging()
    outcome: Outcome | None = None
    input: dict[str, Any] = {}
    output: dict[str, Any] = {}
    samples: list[dict[str, Any]] = []


class RestSettings(Part):
    """A REST partner: its address, how we prove who we are, its operations."""

    address: str = Field(title="地址 / Address")
    auth: Auth = Field(Auth(), title="认证 / Authentication")
    headers: dict[str, str] = Field({}, title="请求头 / Headers")
    idempotency_header: str = Field("Idempotency-Key", title="幂等头 / Idempotency header")
    outcome: Outcome | None = Field(None, title="结果判断 / Outcome")
    operations: list[RestOperation] = Field([], title="操作 / Operations")
    health_path: str = Field("", title="检测路径 / Health path")

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        return _checked_address(value)

    @field_validator("operations")
    @classmethod
    def _keys_differ(cls, value: list[RestOperation]) -> list[RestOperation]:
        keys = [each.key for each in value]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"operations named twice: {', '.join(twice)}")
        return value


def _checked_address(value: str) -> str:
    fault = check_text(value)
    if fault is not None:
        raise ValueError(fault.in_(spoken_language()))
    return value.rstrip("/")
