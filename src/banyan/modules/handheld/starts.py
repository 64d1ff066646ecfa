"""What the warehouse's phone adds to the station: its face, and the acts that wait without a network."""

from __future__ import annotations

from banyan.kernel.context import Principal
from banyan.kernel.registry import answers
from banyan.modules.handheld import acts
from banyan.modules.station.acts import ActKind

#: Whoever may do one of these sees the warehouse.
RIGHTS = ("purchasing.receipt.book", "inventory.stock_document.transfer", "inventory.count.enter")


@answers("station.faces")
def faces(who: Principal) -> tuple[str, ...]:
    """Give the warehouse to whoever works in one."""
    return ("warehouse",) if any(who.may(right) for right in RIGHTS) else ()


@answers("station.act.gate")
def gate() -> ActKind:
    """Give how goods at the gate are booked."""
    return ActKind(acts.Gate, acts.book_gate)


@answers("station.act.store")
def store() -> ActKind:
    """Give how goods put away are booked."""
    return ActKind(acts.Store, acts.book_store)


@answers("station.act.move")
def move() -> ActKind:
    """Give how goods carried to another place are booked."""
    return ActKind(acts.Move, acts.book_move)


@answers("station.act.count")
def count() -> ActKind:
    """Give how what was counted is noted."""
    return ActKind(acts.Counted, acts.book_count)
