"""Plain SQL where a set needs it, and what the database must know of every table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import orjson
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

from banyan.kernel import steady

Row = TypeVar("Row", bound=models.Model)


class _Cursor(ServerBindingCursor):
    """Remembers a prepared statement too, as a log of statements wants it."""

    def _send_query_prepared(self, name: bytes, pgq: Any, **more: Any) -> None:
        self._query = pgq
        super()._send_query_prepared(name, pgq, **more)


_AMONG = re.compile(r"= ANY\((%\((\w+)\)s|%s)(?:::(\w+)\[\])?\)|%s")


def equal(sql: str, params: Sequence[Any] | Mapping[str, Any]) -> tuple[str, Sequence[Any] | Mapping[str, Any]]:
    """Give a statement that compares with one value where it would look among a list of one.

    The server guesses that a list has ten; so the plan for any list seems worse to it than one for this very list,
    and it plans each time anew (docs/adr/0009). Planning a join of six takes longer than running it.
    """
    if "= ANY(%" not in sql:
        return sql, params
    if isinstance(params, Mapping):
        lone = frozenset(name for name, value in params.items() if isinstance(value, (list, tuple)) and len(value) == 1)
        return _equal(sql, lone), {**params, **{f"{name}_1": params[name][0] for name in lone}} if lone else params
    lone = frozenset(n for n in _places(sql) if isinstance(params[n], (list, tuple)) and len(params[n]) == 1)
    if not lone:
        return sql, params
    return _equal(sql, lone), [value[0] if n in lone else value for n, value in enumerate(params)]


@lru_cache(maxsize=4096)
def _equal(sql: str, lone: frozenset[Any]) -> str:
    place = -1

    def one(found: re.Match) -> str:
        nonlocal place
        name, kind = found[2], f"::{found[3]}" if found[3] else ""
        if name is not None:
            return f"= %({name}_1)s{kind}" if name in lone else found[0]
        place += 1
        return f"= %s{kind}" if place in lone else found[0]

    return _AMONG.sub(one, sql)


@lru_cache(maxsize=4096)
def _places(sql: str) -> frozenset[int]:
    """Give which of the values of a statement are lists that something is looked for among."""
    values = [found for found in _AMONG.finditer(sql) if found[2] is None]
    return frozenset(n for n, found in enumerate(values) if found[1])


def cursor() -> CursorWrapper:
    """Give a cursor that sends values beside the statement, so that the server keeps its plan (docs/adr/0009).

    A value is what its place in the statement says: where that says nothing, the statement must (`%s::date`)
    """
    held = connections[DEFAULT_DB_ALIAS]  # found once: `connection` looks for itself at every word
    held.ensure_connection()
    with held.wrap_database_errors:
        bare = _Cursor(held.connection)
    return held._prepare_cursor(bare)  # as connection.cursor() does: health, counting, errors


def _asked(sql: str, params: Sequence[Any] | Mapping[str, Any]) -> tuple[str, Any]:
    return equal(sql, params) if params else (sql, None)


def rows(sql: str, params: Sequence[Any] | dict = ()) -> list[tuple]:
    """Give the rows of one statement."""
    with cursor() as held:
        held.execute(*_asked(sql, params))
        return held.fetchall()


def one(sql: str, params: Sequence[Any] | dict = ()) -> tuple | None:
    """Give the first row of one statement, None where there is none."""
    with cursor() as held:
        held.execute(*_asked(sql, params))
        return held.fetchone()


def run(sql: str, params: Sequence[Any] | dict = ()) -> int:
    """Run one statement and give the number of rows it touched."""
    with cursor() as held:
        held.execute(*_asked(sql, params))
        return held.rowcount


def insert_rows(records: Sequence[Row], *, ignore_conflicts: bool = False) -> tuple[Row, ...]:
    """Write new records of one model and give them. One statement, however many there are.

    What the database fills in itself, or is told as an expression, goes the ORM's way
    """
    if not records:
        return ()
    model = type(records[0])
    steady.written(model)
    fields = [f for f in model._meta.concrete_fields if not f.generated]
    values = [[f.pre_save(record, True) for f in fields] for record in records]
    if any(hasattr(value, "resolve_expression") for row in values for value in row):
        return tuple(model._base_manager.bulk_create(records, batch_size=2000, ignore_conflicts=ignore_conflicts))
    columns = [f.column for f in fields]
    listed = ", ".join(f'"{column}"' for column in columns)
    end = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    for start in range(0, len(records), 5000):
        rows_ = [dict(zip(columns, row, strict=True)) for row in values[start : start + 5000]]
        run(
            f'INSERT INTO "{model._meta.db_table}" ({listed}) '
            f'SELECT {listed} FROM jsonb_populate_recordset(NULL::"{model._meta.db_table}", %s::jsonb){end}',
            [orjson.dumps(rows_, default=_as_json).decode()],
        )
    for record in records:
        record._state.adding, record._state.db = False, connection.alias
    return tuple(records)


def update_rows(records: Sequence[models.Model], columns: Sequence[str]) -> int:
    """Write columns of records of one model back, each with its own values. One statement.

    Takes:  columns by attribute name (`party_id`)
    """
    if not records:
        return 0
    model = type(records[0])
    steady.written(model)
    table, key = model._meta.db_table, model._meta.pk
    names = {f.attname: f.column for f in model._meta.concrete_fields}
    rows_ = [
        {key.column: record.pk} | {names[column]: getattr(record, column) for column in columns} for record in records
    ]
    pairs = ", ".join(f'"{names[column]}" = v."{names[column]}"' for column in columns)
    return run(
        f'UPDATE "{table}" t SET {pairs} FROM jsonb_populate_recordset(NULL::"{table}", %s::jsonb) v '
        f'WHERE t."{key.column}" = v."{key.column}"',
        [orjson.dumps(rows_, default=_as_json).decode()],
    )


def _as_json(value: Any) -> str:
    return "\\x" + bytes(value).hex() if isinstance(value, (bytes, memoryview)) else str(value)


def append_only_tables() -> tuple[str, ...]:
    """Give the tables that `banyan_app` may only read and append to, in name order."""
    return tuple(sorted(m._meta.db_table for m in apps.get_models() if getattr(m, "append_only", False)))
