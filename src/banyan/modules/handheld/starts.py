"""What the warehouse's phone adds to the station: its face, and the acts that wait without a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context, Principal
from banyan.kernel.registry import answers
from banyan.modules.handheld import acts

#: Whoever may do one of these sees the warehouse.
RIGHTS = ("purchasing.receipt.book", "inventory.stock_document.transfer", "inventory.count.enter")


@answers("station.faces")
def faces(who: Principal) -> tuple[str, ...]:
    """Give the warehouse to whoever works in one."""
    return ("warehouse",) if any(who.may(right) for right in RIGHTS) else ()


@answers("station.act.gate")
def gate(ctx: Context, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take goods in at the gate."""
    return acts.book(acts.GATE, ctx, told)


@answers("station.take_back.gate")
def take_back_gate(ctx: Context, key: UUID) -> None:
    """Take back goods that somebody told and that never came."""
    acts.take_back_arrival(ctx, key)


@answers("station.act.store")
def store(ctx: Context, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Book goods into the places they were put."""
    return acts.book(acts.STORE, ctx, told)


@answers("station.act.move")
def move(ctx: Context, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Move goods that were carried to another place."""
    return acts.book(acts.MOVE, ctx, told)


@answers("station.act.count")
def count(ctx: Context, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Note what was counted; tell what must be counted again, and no figure."""
    return acts.book(acts.COUNT, ctx, told) | {"text": acts.recount(told)}
