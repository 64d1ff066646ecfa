"""Events: what has happened, told to listeners before commit and, through the outbox, after it.

    @dataclass(frozen=True)
    class GoodsReceived(Event):
        type = "inventory.goods_received"
        noun = "inventory.receipt"
        label = L("货已入库", "Goods received")
        ...fields...

    @before_commit(GoodsReceived)           # may refuse or insert; runs in the same transaction
    def post_receipt(ctx, events): ...

    @after_commit(GoodsReceived)            # delivered at least once, in order per key
    def tell_buyer(ctx, event): ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

from banyan.lib.errors import jsonable
from banyan.lib.labels import L, Label


@dataclass(frozen=True)
class Event:
    """A frozen record of what has happened to one record of a noun; sub-classes add the facts.

    Takes:  record: key of the record it happened to; also the ordering key for listeners after commit
            label: what has happened, in short; every event that has a type bears its own
            help: a sentence on what it means and what its facts say, where the label does not; Markdown
    """

    type: ClassVar[str] = ""
    noun: ClassVar[str] = ""
    event_version: ClassVar[int] = 1
    label: ClassVar[Label | None] = None
    help: ClassVar[Label | None] = None

    record: UUID

    def payload(self) -> dict[str, Any]:
        """Give the facts as JSON data."""
        return {name: jsonable(getattr(self, name)) for name in _names(type(self))}


def label_of(kind: type[Event]) -> Label:
    """Give what an event is called, its type where nobody has named it."""
    return kind.label or L(kind.type, kind.type)


@lru_cache(maxsize=1024)
def _names(kind: type[Event]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


BeforeCommit = Callable[[Any, Sequence[Any]], None]
AfterCommit = Callable[[Any, Any], None]
TakesBatch = Callable[[Sequence[Any], datetime], None]

_before: dict[type[Event], list[BeforeCommit]] = {}
_after: dict[str, list[tuple[str, AfterCommit]]] = {}
_batches: list[TakesBatch] = []


def before_commit(*events: type[Event]) -> Callable[[BeforeCommit], BeforeCommit]:
    """Listen inside the transaction: the function takes (ctx, events of one type) and may refuse."""

    def register(function: BeforeCommit) -> BeforeCommit:
        for event in events:
            _before.setdefault(event, []).append(function)
        return function

    return register


def after_commit(*events: type[Event]) -> Callable[[AfterCommit], AfterCommit]:
    """Listen after commit: the function takes (ctx, delivered) and must bear being called twice."""

    def register(function: AfterCommit) -> AfterCommit:
        name = f"{function.__module__}.{function.__qualname__}"
        for event in events:
            _after.setdefault(event.type, []).append((name, function))
        return function

    return register


def listeners_before(event: type[Event]) -> Sequence[BeforeCommit]:
    return _before.get(event, ())


def listeners_after(type_: str) -> Sequence[tuple[str, AfterCommit]]:
    """Give the (name, function) pairs that hear of an event type after commit."""
    return (*_after.get(type_, ()), *_after.get("*", ()))


def hear_all(function: AfterCommit) -> AfterCommit:
    """Listen after commit to every event, whatever its type."""
    _after.setdefault("*", []).append((f"{function.__module__}.{function.__qualname__}", function))
    return function


def takes_batches(function: TakesBatch) -> TakesBatch:
    """Hand every batch of new outbox rows, in the order of commits, to a function (rows, at).

    It runs in the transaction that marks them as dispatched: what it writes is written once for each row, and a fault
    in it hands the same rows again. It sends nothing and waits for nobody.
    """
    if function not in _batches:
        _batches.append(function)
    return function


def takers_of_batches() -> Sequence[TakesBatch]:
    return tuple(_batches)
