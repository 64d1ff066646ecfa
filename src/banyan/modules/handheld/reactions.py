"""What happens to borrowed material when stock moves or an order ends: it is settled without anybody's doing."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import locks
from banyan.kernel.commands import save
from banyan.kernel.context import Context
from banyan.kernel.events import before_commit
from banyan.lib.labels import L
from banyan.modules.handheld.models import Borrow
from banyan.modules.handheld.settling import open_borrows, settle_issued, settle_with_free, waive
from banyan.modules.inventory.events import StockMoved
from banyan.modules.inventory.kinds import FREE
from banyan.modules.production.events import WorkOrderCancelled, WorkOrderClosed
from banyan.modules.production.queries import ORDER

ZERO = Decimal(0)
ENDED = L("借出工单已结束", "The lender has ended")


@before_commit(StockMoved)
def settle_borrows(ctx: Context, events: Sequence[StockMoved]) -> None:
    """Keep for lenders what arrives in a store, and count what they are issued.

    The rows are taken without waiting, because stock is locked already: one that is being changed now is settled
    with the next arrival, or by hand.
    """
    arrived: dict[tuple[UUID, UUID], Decimal] = {}
    issued: set[UUID] = set()
    for fact in (f for event in events for f in event.moves if f.owner is None):
        if fact.target_kind in FREE and fact.source_kind not in FREE:
            pool = (fact.item, fact.to_plant or fact.plant)
            arrived[pool] = arrived.get(pool, ZERO) + fact.quantity
        elif fact.target_kind == "production" and fact.origin_noun == ORDER:
            issued.add(fact.item)
    items = issued | {item for item, _ in arrived}
    rows = _open(items) if items else []
    if not rows:
        return
    settle_issued(ctx, rows, open_borrows(rows))
    if arrived:
        concerned = [b for b in rows if (b.item_id, b.plant_id) in arrived]
        settle_with_free(ctx, concerned, open_borrows(concerned), arrived)
    save(ctx, [row for row in rows if locks.dirty(row)])


def _open(items: set[UUID]) -> list[Borrow]:
    rows = Borrow.objects.filter(item__in=items, state="open").order_by("borrowed_at", "pk")
    return [locks.remember(row) for row in rows.select_for_update(no_key=True, skip_locked=True)]


@before_commit(WorkOrderClosed)
def forget_of_closed(ctx: Context, events: Sequence[WorkOrderClosed]) -> None:
    """Ask nothing back for orders that are closed."""
    _forget(ctx, {event.record for event in events})


@before_commit(WorkOrderCancelled)
def forget_of_cancelled(ctx: Context, events: Sequence[WorkOrderCancelled]) -> None:
    """Ask nothing back for orders that are cancelled."""
    _forget(ctx, {event.record for event in events})


def _forget(ctx: Context, orders: set[UUID]) -> None:
    rows = Borrow.objects.filter(lender__in=orders, state="open").order_by("borrowed_at", "pk")
    found = [locks.remember(row) for row in rows.select_for_update(no_key=True, skip_locked=True)]
    if found:
        waive(ctx, found, str(ENDED))
        save(ctx, found)
