"""What an administrator says of an outside system's database."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from banyan.connectors.rest.settings import WAYS, once
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Wrong, field
from banyan.lib.labels import L

PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "oracle": 1521}
_NAME = r"^[^\x00\"`;]{1,128}$"


class Part(BaseModel):
    """Base of the parts: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Where(Part):
    """One condition on a column; several must all hold."""

    column: str = field("列", "Column", pattern=_NAME)
    op: Literal["=", "!=", "<", "<=", ">", ">=", "in", "is_null", "is_not_null", "like"] = field("比较", "Is", "=")
    value: Any = field("值", "Value", None)


class SqlOperation(Part):
    """A table or view that is read, or a staging table that is written.

    Takes:  watermark and key: columns by whose pair rows are strictly ordered; overlap: how far each poll looks back,
            in seconds for times, in units for numbers; order_key: the column by which messages stay in order;
            message_column: of a written table, holds the message's id; it (with `line_column`, where one message
            has several rows) must be unique, so that a second try changes nothing
    """

    key: str = field("代号", "Key", pattern=r"^[a-z][a-z0-9_.]{0,79}$",
                     help=L("小写字母开头，流程按它引用", "Small letters; flows name it"))  # fmt: skip
    zh: str = field("中文名", "Chinese name", "")
    en: str = field("英文名", "English name", "")
    ways: list[Literal["send", "poll"]] = field("用法", "Used to", ["poll"], choices=WAYS)
    schema_name: str = field("模式", "Schema", "")
    table: str = field("表或视图", "Table or view", pattern=_NAME)
    columns: list[str] = field("列", "Columns", [], help=L("空为全部", "All when empty"))
    where: list[Where] = field("条件", "Conditions", [], help=L(
        '如 [{"column": "state", "op": "=", "value": "new"}]',
        'Such as [{"column": "state", "op": "=", "value": "new"}]'))  # fmt: skip
    watermark: str = field("水位列", "Watermark column", "",
                           help=L("随修改递增，如修改时间", "Grows with each change"))  # fmt: skip
    key_column: str = field("主键列", "Key column", "")
    order_key: str = field("顺序键列", "Ordering column", "")
    overlap: float = field("回看", "Looks back", 300, ge=0, le=31_536_000,
                           help=L("时间为秒，数字为个", "Seconds for times, units for numbers"))  # fmt: skip
    message_column: str = field("消息编号列", "Column of the message's id", "message_id")
    line_column: str = field("行号列", "Line column", "")
    rows_path: str = field("行的路径", "Path of the rows", "")

    @model_validator(mode="after")
    def _is_whole(self) -> SqlOperation:
        if "poll" in self.ways:
            for name in ("watermark", "key_column"):
                if not getattr(self, name):
                    raise Wrong("读取的表需要水位列和主键列",
                    "a table that is read needs watermark and key_column", name)
        return self


class SqlSettings(Part):
    """A database: where it is, who we are, how long a statement may take."""

    kind: Literal["postgresql", "mysql", "mssql", "oracle"] = field("类型", "Kind", "mysql", choices=[
        choice("postgresql", "PostgreSQL", "PostgreSQL"), choice("mysql", "MySQL、MariaDB", "MySQL, MariaDB"),
        choice("mssql", "SQL Server", "SQL Server"), choice("oracle", "Oracle", "Oracle")])  # fmt: skip
    host: str = field("主机", "Host", min_length=1)
    port: int = field("端口", "Port", 0, ge=0, le=65535, help=L("0 为通常的端口", "0: the usual one"))
    database: str = field("数据库", "Database", min_length=1)
    user: str = field("用户", "User", min_length=1)
    tls: Literal["verify", "require", "off"] = field("加密", "TLS", "verify", choices=[
        choice("verify", "加密并核对证书", "Verified"),
        choice("require", "加密，不核对证书", "Encrypted, not verified"),
        choice("off", "不加密", "Off")])  # fmt: skip
    trusted: str = field("对方的 CA 证书（PEM）", "Their CA certificate (PEM)", "", max_length=100_000)
    zone: str = field("时区", "Time zone", "UTC", help=L("如 Asia/Shanghai", "Such as Asia/Shanghai"))
    statement_timeout: float = field("语句时限", "Statement limit", 15, unit="s", gt=0, le=600)
    operations: list[SqlOperation] = field("操作", "Operations", [])

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
            raise Wrong(f"没有时区 {value}", f"there is no time zone {value}") from None
        return value

    @field_validator("operations")
    @classmethod
    def _keys_differ(cls, value: list[SqlOperation]) -> list[SqlOperation]:
        return once(value)
