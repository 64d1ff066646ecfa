"""Puts a database back to what its template holds after a test that committed, twenty times quicker than a new copy.

The server counts what was written to which table; those tables are emptied and what the template holds is put back.
Where a test changed more than rows, or too many of them, there is nothing for it but a new copy.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from banyan.ops.cluster import SUPERUSER, Cluster

MOST_ROWS = 30_000
_WRITTEN = """
    SELECT s.schemaname, s.relname, s.n_tup_ins + s.n_tup_upd + s.n_tup_del
    FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid AND NOT c.relisshared
    WHERE s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0 AND s.schemaname <> 'pg_toast'
"""
_SEQUENCES = """
    SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
    FROM pg_sequences
"""
_OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> ALL(%s)"


@dataclass(frozen=True)
class Held:
    """Rows of tables, and where sequences stand."""

    rows: dict[tuple[str, str], bytes]
    sequences: dict[str, list]


class Sweeper:
    """Keeps a connection to a worker's database, as the superuser, and the rows that the template has."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.url = cluster.url(SUPERUSER, name)
        self._rows: dict[tuple[str, str], bytes] = {}
        self._sequences: dict[str, list] = {}
        self._connection: psycopg.Connection | None = None

    def begin(self, own: int | None) -> None:
        """Count anew from here; nobody but the test's own connection (its process id) writes any more."""
        if self._connection is None:
            self._connection = psycopg.connect(self.url, autocommit=True)
        if not self._rows:
            self._rows = {table: self._copied(table) for table in self._tables()}
            self._sequences = self._places()
        self._end_others(own)
        self._connection.execute("SELECT pg_stat_reset()")

    def is_restored(self, own: int | None) -> bool:
        """Put back what was written since `begin`; False where only a new copy would do."""
        assert self._connection is not None
        self._end_others(own)
        written = self._connection.execute(_WRITTEN).fetchall()
        if any(schema == "pg_catalog" for schema, _, _ in written) or sum(row[2] for row in written) > MOST_ROWS:
            return False
        tables = [(schema, table) for schema, table, _ in written]
        self.put(Held({table: self._rows.get(table, b"") for table in tables}, self._sequences))
        return True

    def held(self) -> Held:
        """Give what was committed since `begin`, to be put back as often as wanted."""
        now = {table: self._copied(table) for table in self._tables()}
        return Held({table: rows for table, rows in now.items() if rows != self._rows[table]}, self._places())

    def put(self, held: Held) -> None:
        """Have tables hold these rows, and sequences stand at these places."""
        assert self._connection is not None
        with self._connection.transaction():
            self._connection.execute("SET LOCAL session_replication_role = replica")
            for table in held.rows:
                self._connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)))
            for table, rows in held.rows.items():
                if rows:
                    with self._connection.cursor().copy(_copying(table, "FROM STDIN")) as put:
                        put.write(rows)
            for name, place in self._places().items():
                if place != held.sequences[name]:
                    self._connection.execute("SELECT setval(%s::regclass, %s, %s)", [name, *held.sequences[name]])
        self._connection.execute("SELECT pg_stat_force_next_flush()")

    def differing(self) -> list[str]:
        """Name the tables that hold anything else than the template's rows."""
        return [
            table[1] for table in self._tables()
            if sorted(self._copied(table).split(b"\n")) != sorted(self._rows[table].split(b"\n"))
        ]  # fmt: skip

    def close(self) -> None:
        """Let the database go, before it is dropped."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _places(self) -> dict[str, list]:
        assert self._connection is not None
        return {name: place for name, *place in self._connection.execute(_SEQUENCES)}

    def _tables(self) -> list[tuple[str, str]]:
        assert self._connection is not None
        return self._connection.execute("SELECT schemaname::text, relname::text FROM pg_stat_user_tables").fetchall()

    def _copied(self, table: tuple[str, str]) -> bytes:
        assert self._connection is not None
        with self._connection.cursor().copy(_copying(table, "TO STDOUT")) as found:
            return b"".join(bytes(part) for part in found)

    def _end_others(self, own: int | None) -> None:
        assert self._connection is not None
        kept = [self._connection.info.backend_pid, *([own] if own else [])]
        limit = time.monotonic() + 10
        while others := self._connection.execute(_OTHERS, [kept]).fetchall():
            if time.monotonic() > limit:
                raise TimeoutError(f"connections do not end: {others}")
            for (pid,) in others:
                self._connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            time.sleep(0.002)


def _copying(table: tuple[str, str], way: str) -> sql.Composed:
    return sql.SQL("COPY {} {}").format(sql.Identifier(*table), sql.SQL(way))
