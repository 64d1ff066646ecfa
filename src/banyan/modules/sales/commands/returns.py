"""Goods coming back from a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import command, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.lib.labels import L
from banyan.lib.pricing import part_amount
from banyan.modules.company import queries as company
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory import queries as inventory
from banyan.modules.inventory.errors import WrongLocation
from banyan.modules.inventory.kinds import OURS
from banyan.modules.inventory.values import MoveIntent, Standing
from banyan.modules.items import queries as items
from banyan.modules.items.queries import ItemFacts
from banyan.modules.sales import rules
from banyan.modules.sales.commands.shipments import named, share_of
from banyan.modules.sales.errors import LotNotShipped, OrderClosed, ReturnsTooMuch
from banyan.modules.sales.events import GoodsReturned, ShippedLine
from banyan.modules.sales.models import Order, OrderLine, ReturnLine, ReturnOrder
from banyan.modules.sales.places import standing
from banyan.modules.sales.queries import progress

NOUN = "sales.return_order"
ZERO = Decimal(0)


@command(
    "sales.return_order.receive", L("收货", "Receive"), icon="truck-loading", tone="green", is_primary=True
)
def receive_returns(ctx: Context, returns: Sequence[ReturnOrder]) -> None:
    """Take goods back at the value they left with: into stock, inspection or the rejected store.

    Raises: OrderClosed, ReturnsTooMuch, LotNotShipped, WrongLocation; the refusals of moves
    Writes: moves, returned quantities; lines to be replaced are open again; tells GoodsReturned
    """
    rows = list(
        ReturnLine.objects.filter(return_order__in=returns).order_by("return_order_id", "position", "pk")
    )
    keys = OrderLine.objects.filter(pk__in=[row.order_line_id for row in rows]).values_list(
        "order_id", flat=True
    )
    orders = lock(Order, keys)
    lines = {line.pk: line for line in OrderLine.objects.filter(order__in=list(orders)).order_by("position")}
    facts = items.items_by_id([row.item_id for row in rows])
    _refuse(rows, orders, lines)
    _fill_lots(rows, facts, orders, lines)
    worth = _worth([row.order_line_id for row in rows])
    days = {plant.id: plant.day(ctx.now) for plant in company.plants()}
    intents: list[MoveIntent] = []
    told = []
    for one in returns:
        mine = [row for row in rows if row.return_order_id == one.pk]
        found = []
        for row in mine:
            line = lines[row.order_line_id]
            if facts[row.item_id].has_stock:
                amount = _amount(worth.get(line.pk), line, row)
                intents.append(_intent(one, row, _place(ctx, one, row), amount))
            found.append(_count(orders[line.order_id], line, row))
        one.received_on = days[one.plant_id]
        told.append(
            GoodsReturned(
                record=one.pk,
                party=one.party_id,
                plant=one.plant_id,
                reason=one.reason,
                returned_on=one.received_on,
                currency=orders[found[0].order].currency_id,
                lines=named(found, facts),
            )
        )
    stock.post_moves(ctx, intents)
    ReturnLine.objects.bulk_update(rows, ["lot"], batch_size=1000)
    OrderLine.objects.bulk_update(
        list(lines.values()), ["returned_quantity", "replaced_quantity"], batch_size=1000
    )
    for order in orders.values():
        order.state = rules.order_state(
            progress(line) for line in lines.values() if line.order_id == order.pk
        )
    save(ctx, list(orders.values()))
    tell(*told)


@command("sales.return_order.cancel", L("取消", "Cancel"), icon="x", tone="red")
def cancel_returns(ctx: Context, returns: Sequence[ReturnOrder]) -> None:
    """Give up returns that have not come."""


def _refuse(
    rows: Sequence[ReturnLine], orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine]
) -> None:
    for order in orders.values():
        if order.state == "closed":
            raise OrderClosed(order=order.number)
    wanted: dict[UUID, Decimal] = {}
    for row in rows:
        wanted[row.order_line_id] = wanted.get(row.order_line_id, ZERO) + row.quantity
    for key in rules.returned_too_much(wanted, {k: progress(line) for k, line in lines.items()}):
        line = lines[key]
        code = items.items_by_id([line.item_id])[line.item_id].code
        raise ReturnsTooMuch(
            order=orders[line.order_id].number,
            item=code,
            kept=line.shipped_quantity - line.returned_quantity,
            quantity=wanted[key],
        )


_LOTS = """
    SELECT order_line_id, lot_id, sum(quantity) FROM (
        SELECT x.order_line_id, x.lot_id, x.quantity FROM sales_shipmentline x
        JOIN sales_shipment s ON s.id = x.shipment_id AND s.state = 'shipped'
            WHERE x.order_line_id = ANY(%(lines)s)
        UNION ALL
        SELECT r.order_line_id, r.lot_id, -r.quantity FROM sales_returnline r
        JOIN sales_returnorder o ON o.id = r.return_order_id AND o.state = 'received'
        WHERE r.order_line_id = ANY(%(lines)s)
    ) k WHERE lot_id IS NOT NULL GROUP BY order_line_id, lot_id HAVING sum(quantity) > 0
"""


def _fill_lots(
    rows: Sequence[ReturnLine], facts: Mapping[UUID, ItemFacts], orders: Mapping[UUID, Order],
    lines: Mapping[UUID, OrderLine],
) -> None:  # fmt: skip
    """Give a tracked line its lot where only one was shipped. Raises: LotNotShipped."""
    kept: dict[UUID, dict[UUID, Decimal]] = {}
    for line, lot, quantity in db.rows(_LOTS, {"lines": [row.order_line_id for row in rows]}):
        kept.setdefault(line, {})[lot] = quantity
    for row in rows:
        there = kept.get(row.order_line_id, {})
        if facts[row.item_id].tracking == "none":
            continue
        if row.lot_id is None and len(there) == 1:
            row.lot_id = next(iter(there))
        if row.lot_id is not None:
            if there.get(row.lot_id, ZERO) < row.quantity:
                order = orders[lines[row.order_line_id].order_id]
                raise LotNotShipped(
                    order=order.number, item=facts[row.item_id].code, kept=there.get(row.lot_id, ZERO)
                )
            there[row.lot_id] -= row.quantity


_WORTH = """
    SELECT x.order_line_id, sum(-v.quantity), sum(-v.amount)
    FROM sales_shipmentline x
    JOIN sales_shipment s ON s.id = x.shipment_id AND s.state = 'shipped'
    JOIN inventory_move m ON m.origin = s.id AND m.origin_line = x.id AND m.reverses_id IS NULL
    JOIN inventory_valueentry v ON v.move_id = m.id
    WHERE x.order_line_id = ANY(%s)
    GROUP BY x.order_line_id
"""


def _worth(lines: Sequence[UUID]) -> dict[UUID, tuple[Decimal, Decimal]]:
    """Give quantity and value that left stock for some order lines. One statement."""
    return {line: (quantity, amount) for line, quantity, amount in db.rows(_WORTH, [list(lines)])}


def _amount(worth: tuple[Decimal, Decimal] | None, line: OrderLine, row: ReturnLine) -> Decimal | None:
    """Give the value that comes back: the share of what left, piece by piece."""
    if worth is None or worth[0] <= 0 or worth[1] < 0:
        return None
    return part_amount(worth[1], whole=worth[0], before=line.returned_quantity, part=row.quantity)


def _count(order: Order, line: OrderLine, row: ReturnLine) -> ShippedLine:
    before = line.shipped_quantity - line.returned_quantity
    found = share_of(order, line, row.lot_id, before=before, quantity=-row.quantity)
    line.returned_quantity += row.quantity
    line.replaced_quantity += row.quantity if row.is_replaced else ZERO
    return found


def _place(ctx: Context, one: ReturnOrder, row: ReturnLine) -> tuple[Standing, UUID]:
    """Give the plant's standing places, and where the line goes. Raises: WrongLocation."""
    places = standing(ctx, one.plant_id)
    if row.location_id:
        found = db.one("SELECT code, kind, plant_id FROM inventory_location WHERE id = %s", [row.location_id])
        kinds = {"inspection": ("inspection",), "rejected": ("rejected",)}.get(row.outcome, OURS)
        if found[1] not in kinds or found[2] != one.plant_id:
            raise WrongLocation(location=found[0], kind=found[1])
        return places, row.location_id
    if row.outcome == "stock":
        usual = inventory.put_away_places(one.plant_id, [row.item_id])
        return places, usual.get(row.item_id, places.warehouse)
    return places, getattr(places, row.outcome)


def _intent(
    one: ReturnOrder, row: ReturnLine, where: tuple[Standing, UUID], amount: Decimal | None
) -> MoveIntent:
    return MoveIntent(
        item=row.item_id, quantity=row.quantity, source=where[0].customer, target=where[1], lot=row.lot_id,
        origin_noun=NOUN, origin=one.pk, origin_line=row.pk, amount=amount, reason=one.reason,
    )  # fmt: skip
