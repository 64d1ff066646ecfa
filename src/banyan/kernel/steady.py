"""Facts that hardly change, kept in a process until their table is written (docs/adr/0010).

A trigger gives such a table (`is_steady` of its model) a new stamp whenever it is written. The statement with which
a command begins reads the stamps, so that whoever needs the facts within it knows, without asking, whether those in
hand still hold. Outside of a command they are read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

import orjson
from django.db import connection

Facts = TypeVar("Facts")

#: SQL for the stamps as one value, to be read by the statement with which a command begins.
STAMPS = "(SELECT jsonb_object_agg(s.name, s.stamp)::text FROM kernel_stamp s)"
_stamps: ContextVar[Mapping[str, str] | None] = ContextVar("stamps", default=None)


def begin(stamps: str | None) -> None:
    """Note the stamps that the outermost command has read, as JSON."""
    _stamps.set(orjson.loads(stamps) if stamps else {})


def end() -> None:
    """Read facts anew from here on: the outermost command has ended, or has itself written a steady table."""
    _stamps.set(None)


def written(model: type) -> None:
    """Say that rows of a model are written by the command that runs."""
    if getattr(model, "is_steady", False):
        end()


def kept(*models: type) -> Callable[[Callable[[], Facts]], Callable[[], Facts]]:
    """Keep what a function without arguments reads from tables, frozen values only, until one of them is written."""

    def decorate(load: Callable[[], Facts]) -> Callable[[], Facts]:
        names = tuple(model._meta.db_table for model in models)  # type: ignore[attr-defined]
        held: dict[str, Any] = {}

        @wraps(load)
        def read() -> Facts:
            stamps = _stamps.get()
            if stamps is None:
                return load()
            seen = tuple(stamps.get(name) for name in names)
            known = held.get("facts")
            if known is not None and known[0] == seen:
                return known[1]
            facts = load()
            if seen == tuple(_now().get(name) for name in names):  # nobody wrote meanwhile, we ourselves included
                held["facts"] = seen, facts
            return facts

        return read

    return decorate


def _now() -> Mapping[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, stamp::text FROM kernel_stamp")
        return dict(cursor.fetchall())
