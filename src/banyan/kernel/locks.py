"""Row locks in rank order: lock the sorted keys, then read, then decide.

Every lockable model carries `lock_rank` (models.Rank plus its place inside the rank). A command and the
listeners it wakes lock only upward, so that two of them never wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, models

from banyan.kernel import db

Row = TypeVar("Row", bound=models.Model)

_held: ContextVar[dict[int, set] | None] = ContextVar("held_locks", default=None)


class LockOrderBroken(RuntimeError):
    """A programming fault: a lock was asked for below the highest rank already held."""


def begin() -> object:
    """Start counting locks for a transaction; give the token for `end`."""
    return _held.set({})


def end(token: object) -> None:
    _held.reset(token)


def claim(rank: int, keys: Iterable) -> None:
    """Note that rows of this rank are being locked.

    Raises: LockOrderBroken when a higher rank is held already and the rows are not
    """
    held = _held.get()
    if held is None:
        return
    wanted = set(keys)
    mine = held.setdefault(rank, set())
    if wanted <= mine:
        return
    above = [r for r, k in held.items() if r > rank and k]
    if above:
        raise LockOrderBroken(f"rank {rank} asked for while {max(above)} is held")
    mine |= wanted


def note(rank: int, keys: Iterable) -> None:
    """Note rows that a statement has locked beside those claimed, so that asking for them again is no step back."""
    held = _held.get()
    if held is not None:
        held.setdefault(rank, set()).update(keys)


def lock(model: type[Row], keys: Iterable[UUID], *, where: models.Q | None = None) -> dict[UUID, Row]:
    """Lock rows of a model by primary key, in key order, and give them by key.

    Takes:  where: only rows for which it holds are locked and given
    Gives:  the rows found; a missing key is simply absent
    Writes: row locks (FOR NO KEY UPDATE) of the model's rank
    """
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    claim(model.lock_rank, wanted)
    if where is not None:
        rows = model._base_manager.filter(where, pk__in=wanted)
        found = rows.order_by("pk").select_for_update(no_key=True, of=("self",))
        return {row.pk: remember(row) for row in found}
    shape = _shape(model)
    return {row.pk: remember(row) for row in map(shape.row, db.rows(shape.statement, [wanted]))}


@dataclass(frozen=True, slots=True)
class _Shape:
    """How rows of a model are locked and read: written once, so that the server plans the statement once."""

    model: type[models.Model]
    statement: str
    names: tuple[str, ...]
    converted: tuple[tuple[int, Callable[..., Any]], ...]

    def row(self, values: tuple) -> models.Model:
        """Give a row as the ORM would."""
        found = list(values)
        for place, convert in self.converted:
            found[place] = convert(found[place], None, connection)
        return self.model.from_db(connection.alias, self.names, found)


@lru_cache(maxsize=1024)
def _shape(model: type[models.Model]) -> _Shape:
    fields, key = model._meta.concrete_fields, model._meta.pk.column
    columns = ", ".join(f'"{f.column}"' for f in fields)
    return _Shape(
        model,
        f'SELECT {columns} FROM "{model._meta.db_table}" WHERE "{key}" = ANY(%s) ORDER BY "{key}" FOR NO KEY UPDATE',
        tuple(f.attname for f in fields),
        tuple((n, f.from_db_value) for n, f in enumerate(fields) if hasattr(f, "from_db_value")),
    )


def remember(row: Row) -> Row:
    """Keep a copy of the row's stored values, so that only what changes is written back."""
    row._stored = {f.attname: row.__dict__.get(f.attname) for f in row._meta.concrete_fields}
    return row


def dirty(row: models.Model) -> dict[str, object]:
    """Give the columns of a remembered row whose value has changed."""
    return {
        name: row.__dict__[name] for name, old in row._stored.items()
        if name in row.__dict__ and row.__dict__[name] != old
    }
