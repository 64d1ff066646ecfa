"""Plain SQL where a set needs it, and what the database must know of every table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db import connection


def rows(sql: str, params: Sequence[Any] | dict = ()) -> list[tuple]:
    """Give the rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall()


def one(sql: str, params: Sequence[Any] | dict = ()) -> tuple | None:
    """Give the first row of one statement, None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchone()


def run(sql: str, params: Sequence[Any] | dict = ()) -> int:
    """Run one statement and give the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.rowcount


def append_only_tables() -> tuple[str, ...]:
    """Give the tables that `banyan_app` may only read and append to, in name order."""
    return tuple(sorted(m._meta.db_table for m in apps.get_models() if getattr(m, "append_only", False)))
