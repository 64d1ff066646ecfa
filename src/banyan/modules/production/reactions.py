"""What production does when stock moves: what an order owes is taken from what has arrived."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel import locks
from banyan.kernel.context import Context
from banyan.kernel.events import before_commit
from banyan.modules.inventory.events import StockMoved
from banyan.modules.inventory.kinds import FREE, STOPPED
from banyan.modules.inventory.queries import stock_rows
from banyan.modules.production.commands.flush import Arrived, settle
from banyan.modules.production.models import Material


@before_commit(StockMoved)
def settle_debts_of_arrivals(ctx: Context, events: Sequence[StockMoved]) -> None:
    """Move what lies where something has arrived into the orders that owe it: urgent ones first, then by due
    date.

    The rows of the debts are taken without waiting, because stock is locked already: one that is being
    changed now is settled with the next arrival at the same place, or by hand.
    """
    arrived = {
        (f.item, f.to_plant or f.plant, f.target, f.lot)
        for event in events
        for f in event.moves
        if f.target_kind in (*FREE, "line_side") and f.owner is None
    }
    if not arrived:
        return
    materials = _owing({item for item, *_ in arrived}, {plant for _, plant, *_ in arrived})
    if not materials:
        return
    there = [
        Arrived(row.item, plant, row.location, row.lot, row.on_hand - row.allocated)
        for plant in sorted({plant for _, plant, *_ in arrived})
        for row in stock_rows(plant, sorted({m.item_id for m in materials}))
        if row.owner is None
        and row.lot_state not in STOPPED
        and (row.item, plant, row.location, row.lot) in arrived
    ]
    settle(ctx, materials, {m.work_order_id: m.work_order.plant_id for m in materials}, there)


def _owing(items: set, plants: set) -> list[Material]:
    rows = (
        Material.objects.filter(item__in=items, debt_quantity__gt=0, work_order__plant__in=plants)
        .select_related("work_order")
        .order_by("-work_order__priority", "work_order__due_on", "pk")
        .select_for_update(no_key=True, skip_locked=True, of=("self",))
    )
    return [locks.remember(row) for row in rows]
