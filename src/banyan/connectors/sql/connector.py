"""The SQL connector: tables and views read in strict order, staging tables written repeatably."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from banyan.connectors.sql.engines import session
from banyan.connectors.sql.settings import SqlOperation, SqlSettings, Where
from banyan.connectors.sql.values import at_mark, before, instant, is_mark, kept, mark
from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Incoming,
    Operation,
    Outgoing,
    Page,
    Sent,
    connector,
)  # fmt: skip
from banyan.integration.guard import too_large
from banyan.integration.templates import MISSING, as_text, at
from banyan.integration.values import as_json
from banyan.lib.labels import L

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table

MOST_LINES = 5_000
_KINDS = {int: "integer", float: "number", bool: "boolean", dict: "object", list: "array"}


@connector
class Sql(Connector):
    """A partner's database, through views it gives us and staging tables it takes from."""

    key: ClassVar[str] = "sql"
    label = L("SQL 数据库", "SQL database")
    help = L("按水位读取表或视图，写入对方的中间表", "Tables and views by watermark; staging tables written")
    settings = SqlSettings
    secrets: ClassVar[tuple[str, ...]] = ("password",)

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the operations with their columns as the database has them. Raises: Failed."""
        found = []
        with session(connection, is_reading=True) as opened:
            for each in connection.settings.operations:
                shape = _shape(_table(opened, each))
                found.append(
                    Operation(each.key, L(each.zh or each.key, each.en or each.key), frozenset(each.ways),
                              shape if "send" in each.ways else {}, shape if "poll" in each.ways else {})
                )  # fmt: skip
        return tuple(found)

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Give rows in the order of (watermark, key), from the overlap before the last mark on.

        Takes:  position: {mark, walk: {mark, key, high}}; rows without a watermark are never read
        """
        import sqlalchemy

        asked = _operation(connection, operation, "poll")
        state = position if isinstance(position, Mapping) else {}
        walk = state.get("walk")
        with session(connection, is_reading=True) as opened:
            table = _table(opened, asked)
            watermark, key = _column(table, asked.watermark), _column(table, asked.key_column)
            names = list(dict.fromkeys([*(asked.columns or table.columns.keys()), asked.watermark, asked.key_column]))
            query = sqlalchemy.select(*(_column(table, name) for name in names)).where(watermark.is_not(None))
            for each in asked.where:
                query = query.where(_condition(table, each))
            if walk:
                since, last = mark(walk["mark"]), mark(walk["key"])
                query = query.where((watermark > since) | ((watermark == since) & (key > last)))
            elif state.get("mark"):
                query = query.where(watermark >= before(mark(state["mark"]), asked.overlap))
            query = query.order_by(watermark, key).limit(limit)
            rows = opened.execute(query).mappings().all()
        messages, is_cut = _messages(connection, asked, rows, watermark.type)
        rows = rows[: len(messages)]
        highs = [mark(state.get("mark")), mark(walk["high"]) if walk else None]
        highs += [row[asked.watermark] for row in rows if is_mark(row[asked.watermark], watermark.type)][-1:]
        high = max((each for each in highs if each is not None), default=None)
        if rows and (is_cut or len(rows) >= limit):
            end = rows[-1]
            walk = {"mark": kept(end[asked.watermark]), "key": kept(end[asked.key_column]), "high": kept(high)}
            return Page(messages, {"mark": state.get("mark"), "walk": walk}, has_more=True)
        return Page(messages, {"mark": kept(high)})

    def position_at(
        self, connection: Connection, operation: str, since: datetime, until: datetime | None = None
    ) -> Any:
        """Give the position from which rows changed since a time are read, where the watermark is a time."""
        asked = _operation(connection, operation, "poll")
        with session(connection, is_reading=True) as opened:
            column = _column(_table(opened, asked), asked.watermark)
        begun = at_mark(column.type, since, connection.settings.zone)
        return {"mark": kept(begun)} if begun is not None else None

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Insert a message's rows, all or none; rows that a try before has left are found by the message's id.

        Raises: Failed: mapping for columns the table has not, refused where a second try could double the rows
        """
        from sqlalchemy import exc, insert, select

        asked = _operation(connection, out.operation, "send")
        given = at(out.body, asked.rows_path, MISSING)
        rows = given if isinstance(given, list) else [given]
        if not rows or not all(isinstance(row, Mapping) for row in rows):
            raise Failed("mapping", L("正文须为一行或多行的键值", "The body is a row or a list of rows"))
        if len(rows) > MOST_LINES or (len(rows) > 1 and not asked.line_column):
            raise Failed("mapping", L("一条消息有多行时须设 line_column", "Several rows of a message need line_column"))
        with session(connection, is_reading=False) as opened:
            table = _table(opened, asked)
            _check_unique(opened, table, asked)
            made = [_row(table, asked, row, out, number) for number, row in enumerate(rows, 1)]
            column = _column(table, asked.message_column)
            try:
                opened.execute(insert(table), made)
                return Sent({"rows": len(made), "is_repeated": False})
            except exc.IntegrityError as error:
                opened.rollback()
                there = opened.execute(select(column).where(column == str(out.id))).all()
                if len(there) == len(made):
                    return Sent({"rows": len(made), "is_repeated": True})
                text = " ".join(str(error.orig).split())[:300]
                raise Failed("refused", text) from None

    def health(self, connection: Connection) -> Health:
        """Ask the database for nothing, and time it."""
        import time

        from sqlalchemy import literal, select

        begun = time.monotonic()
        try:
            with session(connection, is_reading=True) as opened:
                opened.execute(select(literal(1))).scalar_one()
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh or fault.kind, en or zh or fault.kind))
        return Health(True, L("可以连接", "Reached"), (time.monotonic() - begun) * 1000)


def _messages(
    connection: Connection, asked: SqlOperation, rows: Sequence[Mapping[Any, Any]], kind: Any
) -> tuple[tuple[Incoming, ...], bool]:
    """Give rows as messages, and whether the page was cut because it grew too large.

    A row whose watermark is nothing to go on from (infinity, NaN) has that as its fault, and holds no other up.

    Takes:  kind: the watermark's type
    Raises: Failed("too_large")
    """
    size, found = 0, []
    zone = connection.settings.zone
    for row in rows:
        body = {str(name): as_json(value) for name, value in row.items()}
        text = orjson.dumps(body)
        size += len(text)
        if size > connection.most_bytes:
            if not found:
                raise too_large(connection.most_bytes)
            return tuple(found), True
        key = as_text(body.get(asked.key_column))
        name = f"{key}@{hashlib.sha256(text).hexdigest()[:20]}"
        order = as_text(body.get(asked.order_key)) if asked.order_key else key
        given, fault = row[asked.watermark], None
        if not is_mark(given, kind):
            fault = Failed("mapping", L(
                f"列 {asked.watermark} 的值 {given} 不能用作水位，请在对方改正",
                f"Column {asked.watermark} holds {given}, no watermark to go on from; correct it at the partner",
            ))  # fmt: skip
        found.append(Incoming(name, body, order, asked.key, instant(given, zone), fault=fault))
    return tuple(found), False


def _operation(connection: Connection, key: str, way: str) -> SqlOperation:
    found = next((each for each in connection.settings.operations if each.key == key), None)
    if found is None or way not in found.ways:
        raise Failed(
            "refused",
            L("系统没有可这样使用的操作 {key}", "The system has no operation {key} to be used so").filled({"key": key}),
        )
    return found


def _table(opened: Any, asked: SqlOperation) -> Table:
    """Give a table or view as the database has it; read once per engine."""
    import sqlalchemy

    cache = opened.engine.__dict__.setdefault("_banyan_tables", {})
    name = (asked.schema_name or None, asked.table)
    found: Table | None = cache.get(name)
    if found is None:
        found = cache[name] = sqlalchemy.Table(
            asked.table, sqlalchemy.MetaData(), schema=asked.schema_name or None, autoload_with=opened,
            resolve_fks=False,
        )  # fmt: skip
        for column in found.columns:
            if opened.dialect.name in ("mysql", "mariadb") and isinstance(column.type, sqlalchemy.Time):
                column.type = sqlalchemy.types.NullType()  # a span, from -838 to 838 hours, no time of day
    return found


def _column(table: Table, name: str) -> ColumnElement[Any]:
    if name not in table.columns:
        raise Failed("refused", L(f"表 {table.name} 没有列 {name}", f"Table {table.name} has no column {name}"))
    return table.columns[name]


def _condition(table: Table, each: Where) -> ColumnElement[bool]:
    column = _column(table, each.column)
    match each.op:
        case "is_null":
            return column.is_(None)
        case "is_not_null":
            return column.is_not(None)
        case "in":
            return column.in_(each.value if isinstance(each.value, list) else [each.value])
        case "like":
            return column.like(str(each.value))
        case "!=":
            return column != each.value
        case "=":
            return column == each.value
    return column.op(each.op)(each.value)


def _check_unique(opened: Any, table: Table, asked: SqlOperation) -> None:
    import sqlalchemy

    needed = {asked.message_column, *([asked.line_column] if asked.line_column else [])}
    cache = opened.engine.__dict__.setdefault("_banyan_unique", set())
    name = (table.schema, table.name, *sorted(needed))
    if name in cache:
        return
    looked = sqlalchemy.inspect(opened)
    sets = [set(looked.get_pk_constraint(table.name, table.schema)["constrained_columns"])]
    sets += [set(each["column_names"]) for each in looked.get_unique_constraints(table.name, table.schema)]
    sets += [set(each["column_names"]) for each in looked.get_indexes(table.name, table.schema) if each["unique"]]
    if not any(each and each <= needed and asked.message_column in each for each in sets if each) or (
        asked.line_column and not any(each == needed for each in sets)
    ):
        columns = ", ".join(sorted(needed))
        raise Failed(
            "refused",
            L(
                f"表 {table.name} 的 {columns} 须有唯一约束，否则重试会产生重复行",
                f"Table {table.name} needs a unique constraint on {columns}: without it a second try doubles rows",
            ),
        )
    cache.add(name)


def _row(table: Table, asked: SqlOperation, row: Mapping[str, Any], out: Outgoing, number: int) -> dict[str, Any]:
    unknown = sorted(set(row) - set(table.columns.keys()))
    if unknown:
        names = ", ".join(unknown)
        raise Failed("mapping", L(f"表 {table.name} 没有列 {names}", f"Table {table.name} has no column {names}"))
    made = {name: _value(table.columns[name], value) for name, value in row.items()}
    made[asked.message_column] = str(out.id)
    if asked.line_column:
        made[asked.line_column] = number
    return made


def _value(column: Any, value: Any) -> Any:
    """Give JSON data as the column wants it: texts become times and numbers, objects become JSON text."""
    from datetime import date, datetime, time
    from decimal import Decimal, InvalidOperation

    try:
        kind = column.type.python_type
    except NotImplementedError:
        kind = str
    if isinstance(value, (dict, list)):
        return value if kind in (dict, list) else orjson.dumps(value).decode()
    if not isinstance(value, str) or kind not in (datetime, date, time, Decimal, int, float):
        return value
    if not value:
        return None
    try:
        if kind in (datetime, date, time):
            return kind.fromisoformat(value)
        return Decimal(value) if kind is Decimal else kind(value)
    except (ValueError, InvalidOperation):
        raise Failed(
            "mapping",
            L(
                f"{column.name}：{value[:40]} 不是 {kind.__name__}",
                f"{column.name}: {value[:40]} is no {kind.__name__}",
            ),
        ) from None


def _shape(table: Table) -> dict[str, Any]:
    properties = {}
    for column in table.columns:
        try:
            kind = _KINDS.get(column.type.python_type, "string")
        except NotImplementedError:
            kind = "string"
        properties[column.name] = {"type": kind, "title": column.comment or column.name}
    needed = [c.name for c in table.columns if not c.nullable and c.server_default is None and not c.autoincrement]
    return {"type": "object", "properties": properties, "required": needed}
