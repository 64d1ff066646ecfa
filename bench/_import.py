"""An import by hand: the rows that the product has brought in, copied into the same tables of another database.

Both have the same constraints, indexes and triggers; what triggers write (history, what is due to shops) is left to
them. bench/README.md says what is left out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from _bare import Bare, connected
from psycopg import sql

from banyan.kernel.context import SYSTEM

#: Written by triggers, or by nobody who brings records in.
LEFT_OUT = ("kernel_history", "kernel_stamp", "django_", "procrastinate_")
#: Lines of a released revision can no longer be added, so they come before it.
LINES_FIRST = ("engineering_bomline", "engineering_bomoutput", "engineering_routingoperation")

_TABLES = """
    SELECT c.table_name, array_agg(c.column_name::text ORDER BY c.ordinal_position),
           (SELECT array_agg(a.attname::text) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
            AND a.attnum = ANY(i.indkey) WHERE i.indisprimary AND i.indrelid = c.table_name::regclass)
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'
      AND c.identity_generation IS DISTINCT FROM 'ALWAYS'
    GROUP BY c.table_name ORDER BY c.table_name
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table as COPY writes and reads them."""

    columns: tuple[str, ...]
    count: int
    text: bytes


def keys_there(bare: Bare) -> dict[str, list[str]]:
    """Give the keys of all rows that are there, by table."""
    return {
        table: [key for (key,) in bare.all(f"SELECT {_key(keys)} FROM {table}")] for table, _, keys in _tables(bare)
    }


def take(bare: Bare, before: Mapping[str, list[str]]) -> dict[str, Rows]:
    """Give all rows that were not there before, by table."""
    taken = {}
    for table, columns, keys in _tables(bare):
        names = ", ".join(f'"{name}"' for name in columns)
        query = f"SELECT {names} FROM {table} WHERE {_key(keys)} <> ALL(%s)"
        with bare.cursor.copy(f"COPY ({query}) TO STDOUT", [before.get(table, [])]) as copy:
            text = b"".join(bytes(part) for part in copy)
        if text:
            taken[table] = Rows(tuple(columns), text.count(b"\n"), text)
    return taken


def write(bare: Bare, rows: Mapping[str, Rows], actor: str) -> None:
    """Write rows in one transaction, as somebody whom history names."""
    with bare.held.transaction():
        bare.run("SELECT set_config('banyan.actor', %s, true)", actor)
        for table, one in rows.items():
            names = sql.SQL(", ").join(map(sql.Identifier, one.columns))
            bare.count += 1
            with bare.cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)) as copy:
                copy.write(one.text)
        bare.run("SET CONSTRAINTS ALL IMMEDIATE")


def seconds(rows: Mapping[str, Rows]) -> tuple[float, int]:
    """Give the seconds and the statements that writing rows takes, and prove that they are there.

    Raises: RuntimeError where some lack
    """
    with connected() as bare:
        before = keys_there(bare)
        bare.count, begun = 0, time.perf_counter()
        write(bare, rows, f"{SYSTEM.id}|import|import")
        spent, counted = time.perf_counter() - begun, bare.count
        seen = take(bare, before)
    lacking = [table for table, one in rows.items() if table not in seen or seen[table].count < one.count]
    if lacking:
        raise RuntimeError(f"rows lack of {', '.join(lacking)}")
    return spent, counted


def _tables(bare: Bare) -> list[tuple]:
    found = [row for row in bare.all(_TABLES) if not row[0].startswith(LEFT_OUT)]
    return sorted(found, key=lambda row: row[0] not in LINES_FIRST)


def _key(columns: list[str]) -> str:
    return f"""concat_ws('|', {", ".join(f'"{name}"' for name in columns)})"""
