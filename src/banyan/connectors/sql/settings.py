"""What an administrator says of an outside system's database."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "oracle": 1521}
_NAME = r"^[^\x00\"`;]{1,128}$"


class Part(BaseModel):
    """Base of the parts: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Where(Part):
    """One condition on a column; several must all hold."""

    column: str = Field(pattern=_NAME)
    op: Literal["=", "!=", "<", "<=", ">", ">=", "in", "is_null", "is_not_null", "like"] = "="
    value: Any = None


class SqlOperation(Part):
    """A table or view that is read, or a staging table that is written.

    Takes:  watermark and key: columns by whose pair rows are strictly ordered; overlap: how far each poll looks back,
            in seconds for times, in units for numbers; order_key: the column by which messages stay in order;
            message_column: of a written table, holds the message's id; it (with `line_column`, where one message
            has several rows) must be unique, so that a second try changes nothing
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$")
    zh: str = ""
    en: str = ""
    ways: list[Literal["send", "poll"]] = ["poll"]
    schema_name: str = ""
    table: str = Field(pattern=_NAME)
    columns: list[str] = []
    where: list[Where] = []
    watermark: str = ""
    key_column: str = ""
    order_key: str = ""
    overlap: float = Field(300, ge=0, le=31_536_000)
    message_column: str = "message_id"
    line_column: str = ""
    rows_path: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> SqlOperation:
        if "poll" in self.ways and not (self.watermark and self.key_column):
            raise ValueError("a table that is read needs watermark and key_column")
        return self


class SqlSettings(Part):
    """A database: where it is, who we are, how long a statement may take."""

    kind: Literal["postgresql", "mysql", "mssql", "oracle"] = Field("mysql", title="类型 / Kind")
    host: str = Field(title="主机 / Host", min_length=1)
    port: int = Field(0, title="端口 / Port", ge=0, le=65535)
    database: str = Field(title="数据库 / Database", min_length=1)
    user: str = Field(title="用户 / User", min_length=1)
    tls: Literal["verify", "require", "off"] = Field("verify", title="TLS")
    trusted: str = Field("", title="对方的 CA 证书 / Their CA certificate (PEM)")
    zone: str = Field("UTC", title="时区 / Time zone")
    statement_timeout: float = Field(15, title="语句时限（秒） / Statement limit, seconds", gt=0, le=600)
    operations: list[SqlOperation] = Field([], title="操作 / Operations")

    @property
    def used_port(self) -> int:
        return self.port or PORTS[self.kind]

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value}") from None
        return value

    @field_validator("operations")
    @classmethod
    def _keys_differ(cls, value: list[SqlOperation]) -> list[SqlOperation]:
        keys = [each.key for each in value]
        if len(set(keys)) != len(keys):
            raise ValueError("operations named twice")
        return value
