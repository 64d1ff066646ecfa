"""States that must never be, told by whoever knows them: shipped without a waybill, paid without an order.

    @impossible("channels.shipped_without_waybill",
                L("已发货却没有运单：{number}", "Shipped without a waybill: {number}"), noun="sales.shipment")
    def shipped_without_waybill(now): return db.rows("SELECT id, jsonb_build_object('number', number) FROM …")

Proofs hold for every record at every moment; these may come about by what happens outside, and are put right by people.
Where nobody looks, nothing is lost: the nightly scan of the bus does (`banyan.integration.watch`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from banyan.lib.labels import Label

Rows = Iterable[tuple[UUID, Mapping[str, Any] | str]]


@dataclass(frozen=True, slots=True)
class Impossible:
    """A state that must never be: `label` with slots for the facts of each record found."""

    key: str
    label: Label
    noun: str
    function: Callable[[datetime], Rows]


_known: dict[str, Impossible] = {}


def impossible(key: str, label: Label, *, noun: str) -> Callable[[Callable[[datetime], Rows]], Callable]:
    """Register a state that must never be.

    Takes:  a function of the present time that gives (key of the record, facts for the label), set-based; facts
            are a mapping, or JSON as the database gives it
    """

    def register(function: Callable[[datetime], Rows]) -> Callable[[datetime], Rows]:
        _known[key] = Impossible(key, label, noun, function)
        return function

    return register


def impossibles() -> Mapping[str, Impossible]:
    """Give all, by key."""
    return dict(sorted(_known.items()))
