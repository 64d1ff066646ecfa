"""Goods going back to a supplier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import command, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.lib.labels import L
from banyan.lib.money import round_money
from banyan.lib.pricing import part_amount
from banyan.modules.company import queries as company
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.errors import WrongLocation
from banyan.modules.inventory.kinds import OURS
from banyan.modules.inventory.values import MoveIntent
from banyan.modules.items import queries as items
from banyan.modules.purchasing import rules
from banyan.modules.purchasing.errors import HistoryOnly, OrderClosed, ReturnsTooMuch
from banyan.modules.purchasing.events import GoodsReturnedToSupplier, ReceivedLine
from banyan.modules.purchasing.models import Order, OrderLine, ReturnLine, ReturnOrder
from banyan.modules.purchasing.places import standing
from banyan.modules.purchasing.queries import progress

NOUN = "purchasing.return_order"
ZERO = Decimal(0)


@command(
    "purchasing.return_order.send",
    L("退货", "Send back"),
    icon="truck-return",
    tone="orange",
    is_primary=True,
)
def send_returns(ctx: Context, returns: Sequence[ReturnOrder]) -> None:
    """Send goods back to suppliers at the price they came in for; those to be replaced are due again.

    Raises: HistoryOnly, OrderClosed, ReturnsTooMuch, WrongLocation; NotEnoughStock where they do not lie
    Writes: moves, returned quantities; tells GoodsReturnedToSupplier
    """
    rows = list(
        ReturnLine.objects.filter(return_order__in=returns).order_by("return_order_id", "position", "pk")
    )
    keys = OrderLine.objects.filter(pk__in=[row.order_line_id for row in rows]).values_list(
        "order_id", flat=True
    )
    orders = lock(Order, keys)
    lines = {line.pk: line for line in OrderLine.objects.filter(order__in=list(orders)).order_by("position")}
    _refuse(rows, orders, lines)
    facts = items.items_by_id([row.item_id for row in rows])
    days = {plant.id: plant.day(ctx.now) for plant in company.plants()}
    intents: list[MoveIntent] = []
    told = []
    for one in returns:
        mine = [row for row in rows if row.return_order_id == one.pk]
        found = [_count(orders, lines[row.order_line_id], row) for row in mine]
        intents += _intents(
            ctx, one, [(r, -f.amount) for r, f in zip(mine, found, strict=True) if facts[r.item_id].has_stock]
        )
        one.returned_on = days[one.plant_id]
        told.append(
            GoodsReturnedToSupplier(
                record=one.pk,
                party=one.party_id,
                plant=one.plant_id,
                reason=one.reason,
                returned_on=one.returned_on,
                currency=orders[found[0].order].currency_id,
                lines=tuple(found),
            )
        )
    stock.post_moves(ctx, intents)
    OrderLine.objects.bulk_update(
        list(lines.values()), ["returned_quantity", "replaced_quantity"], batch_size=1000
    )
    for order in orders.values():
        found = [progress(line) for line in lines.values() if line.order_id == order.pk]
        order.state = rules.order_state(found, is_confirmed=order.is_confirmed)
    save(ctx, list(orders.values()))
    tell(*told)


@command("purchasing.return_order.cancel", L("取消", "Cancel"), icon="x", tone="red")
def cancel_returns(ctx: Context, returns: Sequence[ReturnOrder]) -> None:
    """Give up returns that have not been sent."""


def _refuse(
    rows: Sequence[ReturnLine], orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine]
) -> None:
    for order in orders.values():
        if order.is_history:
            raise HistoryOnly(order=order.number)
        if order.state == "closed":
            raise OrderClosed(order=order.number)
    wanted: dict[UUID, Decimal] = {}
    for row in rows:
        wanted[row.order_line_id] = wanted.get(row.order_line_id, ZERO) + row.quantity
    for key, quantity in wanted.items():
        line = lines[key]
        kept = line.received_quantity - line.returned_quantity
        if quantity > kept:
            code = items.items_by_id([line.item_id])[line.item_id].code
            raise ReturnsTooMuch(order=orders[line.order_id].number, item=code, kept=kept, quantity=quantity)


def _count(orders: Mapping[UUID, Order], line: OrderLine, row: ReturnLine) -> ReceivedLine:
    """Count a return on its order line; its amount is what as much came in for last, below zero."""
    order = orders[line.order_id]
    share = {
        "whole": line.stock_quantity,
        "before": line.received_quantity - line.returned_quantity,
        "part": -row.quantity,
    }
    line.returned_quantity += row.quantity
    line.replaced_quantity += row.quantity if row.is_replaced else ZERO
    return ReceivedLine(
        order=order.pk,
        order_line=line.pk,
        receipt_line=None,
        item=line.item_id,
        lot=row.lot_id,
        quantity=-row.quantity,
        net_amount=part_amount(line.net_amount, **share),
        tax_amount=part_amount(line.tax_amount, **share),
        amount=part_amount(round_money(line.net_amount * order.exchange_rate), **share),
        rejected=ZERO,
        reason="",
        moves=(),
    )


def _intents(ctx: Context, one: ReturnOrder, rows: Sequence[tuple[ReturnLine, Decimal]]) -> list[MoveIntent]:
    """Give the moves of a return: from the place named, else the rejected store, back to the supplier."""
    if not rows:
        return []
    places = standing(ctx, one.plant_id)
    named = [row.location_id for row, _ in rows if row.location_id]
    for code, kind, plant in db.rows(
        "SELECT code, kind, plant_id FROM inventory_location WHERE id = ANY(%s)", [named]
    ):
        if kind not in OURS or plant != one.plant_id:
            raise WrongLocation(location=code, kind=kind)
    return [
        MoveIntent(
            item=row.item_id,
            quantity=row.quantity,
            source=row.location_id or places.rejected,
            target=places.supplier,
            lot=row.lot_id,
            origin_noun=NOUN,
            origin=one.pk,
            origin_line=row.pk,
            amount=amount,
            reason=one.reason,
        )
        for row, amount in rows
    ]
