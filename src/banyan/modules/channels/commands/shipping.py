"""What has left, told to the shops: from whatever sales ships, whoever shipped it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.commands import command, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import dirty, lock
from banyan.kernel.schema import Input, field
from banyan.lib.errors import jsonable
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.pricing import part_amount
from banyan.modules.channels.commands.accepting import words_of
from banyan.modules.channels.events import OrderCancelled, OutsideLine, Receiver, ShipmentTold
from banyan.modules.channels.models import BINDING, ChannelOrder, ChannelOrderLine, Dispatched, Shop
from banyan.modules.sales.models import Order

ZERO = Decimal(0)


class Shipments(Input):
    """Shipments of sales that have left, were tracked or taken back."""

    shipments: list[UUID] = field("发货单", "Shipments", reference="sales.shipment", min_length=1, max_length=500)


class SalesOrders(Input):
    """Sales orders that were cancelled."""

    orders: list[UUID] = field("销售订单", "Sales orders", reference="sales.order", min_length=1, max_length=500)


@command("channels.order.note_shipments", L("回传发货", "Tell of shipments"), input=Shipments, on="noun",
         icon="truck", screen=False)  # fmt: skip
def tell_shipments(ctx: Context, data: Shipments) -> int:
    """Tell the shops of shipments whatever has not been told of them; give how many orders were told of.

    Writes: what was told, states of orders; locks orders by key; tells ShipmentTold
    """
    return note_shipments(ctx, data.shipments)


_SHIPPED = """
    SELECT b.channel_order_id, s.id, s.number, s.state = 'reversed', coalesce(c.name, ''), coalesce(c.code, ''),
           coalesce(nullif(s.tracking_number, ''), (SELECT p.tracking_number FROM sales_parcel p
                    WHERE p.shipment_id = s.id AND p.tracking_number <> '' ORDER BY p.parcel LIMIT 1), ''),
           b.line_id, b.order_line_id, b.quantity, sum(x.quantity)
    FROM sales_shipment s
    JOIN sales_shipmentline x ON x.shipment_id = s.id
    JOIN channels_booking b ON b.order_line_id = x.order_line_id
    LEFT JOIN parties_party c ON c.id = s.carrier_id
    WHERE s.id = ANY(%s) AND s.state IN ('shipped', 'reversed')
    GROUP BY b.channel_order_id, s.id, b.line_id, b.order_line_id, b.quantity, c.name, c.code
    ORDER BY b.channel_order_id, s.id, b.line_id, b.order_line_id
"""


def orders_of_shipments(shipments: Sequence[UUID]) -> set[UUID]:
    """Give the channel orders that shipments are for. One statement."""
    rows = db.rows(
        "SELECT DISTINCT b.channel_order_id FROM sales_shipmentline x "
        "JOIN channels_booking b ON b.order_line_id = x.order_line_id WHERE x.shipment_id = ANY(%s)",
        [list(shipments)],
    )
    return {key for (key,) in rows}


def note_shipments(
    ctx: Context, shipments: Sequence[UUID], orders: Mapping[UUID, ChannelOrder] | None = None
) -> int:
    """Write and tell what has not been told of shipments yet: goods gone, a waybill, or their taking back.

    Takes:  orders: those that the caller holds and saves; others are locked and saved here
    Gives:  how many were told of
    """
    held = dict(orders or {})
    others = lock(ChannelOrder, orders_of_shipments(shipments) - held.keys())
    held |= others
    found: dict[tuple[UUID, UUID], list[tuple]] = {}
    for key, shipment, *rest in db.rows(_SHIPPED, [list(shipments)]):
        found.setdefault((key, shipment), []).append(tuple(rest))
    if not found:
        return 0
    known = set(
        Dispatched.objects.filter(channel_order__in=list(held), shipment__in=list(shipments))
        .values_list("channel_order_id", "shipment_id", "is_reversed", "tracking_number")
    )  # fmt: skip
    lines = {line.pk: line for line in ChannelOrderLine.objects.filter(channel_order__in=list(held))}
    shops = Shop.objects.in_bulk({order.shop_id for order in held.values()})
    open_ = _open([order.order_id for order in held.values()])
    fresh, told = [], []
    for (key, shipment), rows in found.items():
        number, is_reversed, carrier, carrier_code, tracking = rows[0][:5]
        if (key, shipment, is_reversed, tracking) in known:
            continue
        if is_reversed and not any(one[:3] == (key, shipment, False) for one in known):
            continue
        order = held[key]
        gone = _in_pieces(rows, lines, -1 if is_reversed else 1)
        _advance(ctx, order, open_[order.order_id])
        fresh.append(
            Dispatched(
                id=new_id(), channel_order_id=key, shipment_id=shipment, is_reversed=is_reversed, carrier=carrier,
                tracking_number=tracking, at=ctx.now,
                lines=jsonable(gone),
            )
        )  # fmt: skip
        told.append(
            ShipmentTold(
                **words_of(order, shops[order.shop_id]), shipment=shipment, shipment_number=number or "",
                carrier=carrier, carrier_code=carrier_code, tracking_number=tracking, is_reversed=is_reversed,
                receiver=_receiver(order), is_last=open_[order.order_id][0] == 0, lines=gone,
            )
        )  # fmt: skip
    db.insert_rows(fresh)
    save(ctx, [order for order in others.values() if dirty(order)])
    tell(*told)
    return len(fresh)


def _receiver(order: ChannelOrder) -> Receiver:
    return Receiver(order.buyer_name, order.phone, order.country, order.region, order.city, order.address,
                    order.postcode)  # fmt: skip


def _open(orders: Sequence[UUID]) -> dict[UUID, tuple[Decimal, Decimal]]:
    """Give what is open and what has gone of sales orders. One statement."""
    rows = db.rows(
        "SELECT order_id, sum(open_quantity), sum(shipped_quantity) FROM sales_orderline "
        "WHERE order_id = ANY(%s) GROUP BY order_id",
        [[key for key in orders if key]],
    )
    return {order: (left, gone) for order, left, gone in rows}


def _advance(ctx: Context, order: ChannelOrder, progress: tuple[Decimal, Decimal]) -> None:
    """Set the state that follows from what is open: shipped when nothing is, accepted again when taken back."""
    left, gone = progress
    if order.state in BINDING and left == 0 and gone > 0:
        order.state, order.shipped_at = "shipped", ctx.now
    elif order.state == "shipped" and left > 0:
        order.state, order.shipped_at = "accepted", None


def _in_pieces(
    rows: Sequence[tuple], lines: Mapping[UUID, ChannelOrderLine], sign: int
) -> tuple[OutsideLine, ...]:
    """Give what has gone in the shop's pieces: of a bundle, what its part that went least of makes up."""
    pieces: dict[UUID, Decimal] = {}
    for *_, line, _, booked, gone in rows:
        if line is not None:
            part = part_amount(lines[line].quantity, whole=booked, before=ZERO, part=gone, places=6)
            pieces[line] = min(pieces.get(line, part), part)
    return tuple(
        OutsideLine(lines[key].outside_line, lines[key].sku, sign * quantity) for key, quantity in pieces.items()
    )


@command("channels.order.note_cancelled", L("回传取消", "Tell of cancelled orders"), input=SalesOrders, on="noun",
         icon="x", screen=False)  # fmt: skip
def note_cancelled(ctx: Context, data: SalesOrders) -> int:
    """Cancel the channel orders of sales orders that were cancelled by themselves, and tell their shops.

    Writes: states of orders; locks them by key; tells OrderCancelled
    """
    keys = ChannelOrder.objects.filter(order__in=data.orders, state__in=BINDING).values_list("pk", flat=True)
    held = lock(ChannelOrder, keys)
    sales = dict(
        Order.objects.filter(pk__in=[o.order_id for o in held.values()]).values_list("pk", "cancel_reason")
    )
    gone = _open(list(sales))
    shops = Shop.objects.in_bulk({order.shop_id for order in held.values()})
    told = []
    for order in held.values():
        left, shipped = gone[order.order_id]
        if order.state not in BINDING or left > 0:
            continue
        order.state, order.cancel_reason = "shipped" if shipped else "cancelled", sales[order.order_id]
        order.shipped_at = ctx.now if shipped else None
        told.append(
            OrderCancelled(
                **words_of(order, shops[order.shop_id]), reason=order.cancel_reason, is_whole=not shipped
            )
        )  # fmt: skip
    save(ctx, [order for order in held.values() if dirty(order)])
    tell(*told)
    return len(told)


