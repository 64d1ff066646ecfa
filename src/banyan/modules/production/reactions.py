"""What production does when stock moves and goods come: what an order owes is taken from what has arrived, and a
subcontractor's work reports the operation it was bought for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID, uuid5

from banyan.kernel import locks
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.dispatcher import Delivered
from banyan.kernel.events import after_commit, before_commit
from banyan.lib.money import round_money
from banyan.modules.inventory.events import StockMoved
from banyan.modules.inventory.kinds import FREE, STOPPED
from banyan.modules.inventory.queries import stock_rows
from banyan.modules.production.commands.flush import Arrived, settle
from banyan.modules.production.commands.outside import (
    OPERATION,
    receive_outside,
    return_outside,
    use_outside,
)
from banyan.modules.production.models import Material, OutsideWork
from banyan.modules.purchasing.events import ArrivalReversed, GoodsReceived
from banyan.modules.purchasing.models import OrderLine


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


@after_commit(GoodsReceived)
def report_outside_work(ctx: Context, delivered: Delivered) -> None:
    """Report the operations whose outside work was booked, once however often it is delivered; what was rejected as to
    be mended.

    After commit, because goods of the same receipt hold locks of stock, which come behind those of operations.
    """
    every = delivered.payload["lines"]
    lines = [line for line in every if Decimal(line["quantity"]) > Decimal(line["rejected"])]
    wanted = OrderLine.objects.filter(pk__in=[line["order_line"] for line in every], origin_noun=OPERATION)
    known = set(wanted.values_list("pk", flat=True))
    for place, line in enumerate(lines):
        if UUID(line["order_line"]) not in known:
            continue
        whole, accepted = Decimal(line["quantity"]), Decimal(line["quantity"]) - Decimal(line["rejected"])
        data = dict(
            key=uuid5(delivered.id, str(place)), order_line=line["order_line"], receipt=delivered.record,
            quantity=accepted, amount=round_money(Decimal(line["amount"]) * accepted / whole),
        )  # fmt: skip
        execute(ctx, use_outside, data=data)
        execute(ctx, receive_outside, data=data)
    for place, line in enumerate(every):
        if Decimal(line["rejected"]) > 0 and UUID(line["order_line"]) in known:
            execute(ctx, receive_outside, data=dict(
                key=uuid5(delivered.id, f"rejected {place}"), order_line=line["order_line"], receipt=delivered.record,
                quantity=Decimal(line["rejected"]), is_rejected=True, reason=line["reason"],
            ))  # fmt: skip


@after_commit(ArrivalReversed)
def take_outside_work_back(ctx: Context, delivered: Delivered) -> None:
    """Take back what a reversed receipt had reported."""
    if OutsideWork.objects.filter(receipt=delivered.record).exists():
        execute(ctx, return_outside, data={"receipt": delivered.record})
