"""What people do with channel orders: accept, hold, let go, split, put together, allocate, ship, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db, registry
from banyan.kernel.commands import attempt, command, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.schema import Input, Text, field
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.regions import keys_of
from banyan.modules.channels import queries, rules
from banyan.modules.channels.commands.accepting import take, words_of
from banyan.modules.channels.commands.cancelling import cancel
from banyan.modules.channels.commands.merging import put_together
from banyan.modules.channels.commands.parting import part_lines
from banyan.modules.channels.commands.shipping import note_shipments
from banyan.modules.channels.errors import (
    HasNothing,
    LineUnknown,
    MergesOne,
    NotTogether,
    SplitsTooMuch,
    StillUnpaid,
)
from banyan.modules.channels.events import OrderHeld
from banyan.modules.channels.inputs import Pieces
from banyan.modules.channels.models import (
    BINDING,
    ChannelHold,
    ChannelOrder,
    ChannelOrderLine,
    Difference,
    Shop,
)
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.values import Demand
from banyan.modules.sales.models import Order, OrderLine
from banyan.modules.sales.queries import LINE

ZERO = Decimal(0)


class Reason(Input):
    """Why."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)


class SplitLine(Input):
    """How much of a line goes into an order of its own."""

    line: UUID = field("明细行", "Line")
    quantity: Pieces | None = field("数量", "Quantity", None, help=L("空为整行", "Empty: the whole line"))


class Split(Input):
    """What goes into an order of its own."""

    lines: list[SplitLine] = field("拆出的明细", "Lines", min_length=1, max_length=500)


class Merge(Input):
    """With which others."""

    others: list[UUID] = field(
        "一起发的订单", "Others", default_factory=list, reference="channels.order", max_length=100,
        help=L("空为所选的订单", "Empty: those that are chosen"),
    )  # fmt: skip


class Ship(Input):
    """Who carries it, under which number."""

    carrier: UUID | None = field("承运商", "Carrier", None, reference="parties.party", only="is_carrier")
    tracking_number: Text = field("运单号", "Tracking number", "", max_length=80)


class Settle(Input):
    """What was decided."""

    note: Text = field("处理说明", "What was decided", min_length=1, max_length=255)


@command("channels.order.accept", L("接单", "Accept"), icon="check", tone="green", is_primary=True)
def accept_orders(ctx: Context, orders: Sequence[ChannelOrder]) -> None:
    """Accept orders that wait, where nothing holds them.

    Raises: StillUnpaid
    Writes: as receiving does
    """
    for order in orders:
        if order.outside_state != "paid":
            raise StillUnpaid(order=order.outside_number)
    take(ctx, orders, is_asked=True)
    put_together(ctx, [order for order in orders if order.state in BINDING])


@command("channels.order.hold", L("暂停", "Hold"), input=Reason, icon="player-pause", tone="orange")
def hold_orders(ctx: Context, orders: Sequence[ChannelOrder], data: Reason) -> None:
    """Let orders wait for a person. Writes: holds; tells OrderHeld."""
    shops = Shop.objects.in_bulk({order.shop_id for order in orders})
    places = dict(
        db.rows(
            "SELECT channel_order_id, max(position) FROM channels_channelhold "
            "WHERE channel_order_id = ANY(%s) GROUP BY 1",
            [[order.pk for order in orders]],
        )
    )
    db.insert_rows([
        ChannelHold(channel_order_id=order.pk, position=places.get(order.pk, 0) + 1, reason="person",
                    text=data.reason, at=ctx.now)
        for order in orders
    ])  # fmt: skip
    for order in orders:
        order.state, order.hold = "held", "person"
    tell(*(
        OrderHeld(**words_of(order, shops[order.shop_id]), reasons=(("person", data.reason),)) for order in orders
    ))  # fmt: skip


@command("channels.order.release", L("放行", "Let go"), icon="player-play", tone="green", is_primary=True)
def release_orders(ctx: Context, orders: Sequence[ChannelOrder]) -> None:
    """Let held orders go on: what a person has looked at holds them no more, what is unknown or missing still does.

    Writes: the holds, with who let go; as receiving does
    """
    holds = ChannelHold.objects.filter(channel_order__in=orders, released_at__isnull=True)
    holds.update(released_at=ctx.now, released_by=ctx.person)
    take(ctx, orders, is_asked=True)
    put_together(ctx, [order for order in orders if order.state in BINDING])


@command("channels.order.split", L("拆单", "Split"), input=Split, icon="arrows-split")
def split_orders(ctx: Context, orders: Sequence[ChannelOrder], data: Split) -> tuple[ChannelOrder, ...]:
    """Put some lines of an order into one of its own, before it is accepted; amounts add up to the whole.

    Gives:  the new order; it waits to be accepted
    Raises: LineUnknown; SplitsTooMuch when nothing would be left
    Writes: orders and lines
    """
    made = []
    for order in orders:
        lines = {line.pk: line for line in ChannelOrderLine.objects.filter(channel_order=order.pk)}
        group: dict[UUID, Decimal] = {}
        for one in data.lines:
            if one.line not in lines:
                raise LineUnknown(order=order.outside_number)
            quantity = one.quantity if one.quantity is not None else lines[one.line].quantity
            group[one.line] = group.get(one.line, ZERO) + quantity
        for key, quantity in group.items():
            if quantity > lines[key].quantity:
                raise _splits_too_much(order, lines[key])
        if all(group.get(key) == line.quantity for key, line in lines.items()):
            raise _splits_too_much(order, next(iter(lines.values())))
        (part,) = part_lines(ctx, order, [group])
        if part.state == "held":
            db.insert_rows([
                ChannelHold(channel_order_id=part.pk, position=1, reason=part.hold, text=order.outside_number,
                            at=ctx.now)
            ])  # fmt: skip
        made.append(part)
    return tuple(made)


def _splits_too_much(order: ChannelOrder, line: ChannelOrderLine) -> SplitsTooMuch:
    return SplitsTooMuch(order=order.outside_number, sku=line.sku, quantity=line.quantity)


@command("channels.order.merge", L("合并发货", "Ship together"), input=Merge, icon="arrow-merge")
def merge_orders(ctx: Context, orders: Sequence[ChannelOrder], data: Merge) -> None:
    """Let orders of one buyer and address leave in one parcel.

    Raises: MergesOne; NotTogether, also for one that is not accepted or has gone
    Writes: the orders
    """
    others = list(lock(ChannelOrder, set(data.others) - {order.pk for order in orders}).values())
    together = [*orders, *others]
    if len(together) < 2:
        raise MergesOne
    if not all(one.state in BINDING and rules.leaves_together(orders[0], one) for one in together):
        raise NotTogether(orders=[order.outside_number for order in together])
    parcel = next((order.parcel for order in together if order.parcel), None) or new_id()
    for order in together:
        order.parcel = parcel
    save(ctx, others)


@command("channels.order.allocate", L("配货", "Allocate"), icon="forklift")
def allocate_orders(ctx: Context, orders: Sequence[ChannelOrder]) -> None:
    """Fix lots and bins for accepted orders, as far as the goods are there; orders that lack some stay accepted.

    An order leaves from the warehouse that was chosen for it, or from the plant's next best that has all of it.

    Raises: NotEnoughStock when none of the orders can be allocated
    Writes: allocations; locks sales orders, then stock
    """
    shops = dict(Shop.objects.filter(pk__in={o.shop_id for o in orders}).values_list("pk", "priority"))
    refused: DomainError | None = None
    for order in sorted(orders, key=lambda o: (shops[o.shop_id], o.ship_by or ctx.now, o.pk)):
        try:
            with attempt(ctx):
                _allocate(ctx, order)
            order.state = "allocated"
        except DomainError as refusal:
            refused = refused or refusal
    if refused and all(order.state != "allocated" for order in orders):
        raise refused


def _allocate(ctx: Context, order: ChannelOrder) -> None:
    """Fix what is open of an order where it was to leave from, else in another warehouse of its plant."""
    lock(Order, [order.order_id])
    rows = list(
        OrderLine.objects.filter(order=order.order_id, open_quantity__gt=0)
        .exclude(item__kind__in=("service", "phantom")).order_by("position")
    )  # fmt: skip
    refused: DomainError | None = None
    for place in _places(order):
        try:
            with attempt(ctx):
                stock.allocate(ctx, [
                    Demand(LINE, row.pk, row.item_id, row.plant_id, row.open_quantity, place) for row in rows
                ])  # fmt: skip
            order.location_id = place
            return
        except DomainError as refusal:
            refused = refused or refusal
    raise refused or HasNothing(order=order.outside_number)


def _places(order: ChannelOrder) -> list[UUID | None]:
    """Give where an order may leave from in its plant: as chosen, then the others by distance, priority and cost."""
    if order.location_id is None:
        return [None]
    where = keys_of(order.country, order.region, order.city)
    others = sorted(
        (one.source(where, {}, {}) for one in queries.who_ships([order.shop_id]).get(order.shop_id, ())),
        key=lambda one: (one.distance, one.priority, one.cost, str(one.place)),
    )
    return [order.location_id, *(
        one.place.location for one in others
        if one.place.plant == order.plant_id and one.place.location != order.location_id
    )]  # fmt: skip


@command(
    "channels.order.ship", L("发货", "Ship"), input=Ship, icon="truck-delivery", tone="green", is_primary=True
)
def ship_orders(ctx: Context, orders: Sequence[ChannelOrder], data: Ship) -> None:
    """Ship what is open of orders, those of one parcel together, and tell their shops.

    Raises: HasNothing; what shipping in sales refuses
    Writes: shipments, moves; as sales does
    """
    parcels: dict[UUID, list[ChannelOrder]] = {}
    for order in orders:
        parcels.setdefault(order.parcel or order.pk, []).append(order)
    made: list[UUID] = []
    for together in parcels.values():
        made += _ship(ctx, together, data)
    note_shipments(ctx, made, orders={order.pk: order for order in orders})


def _ship(ctx: Context, orders: Sequence[ChannelOrder], data: Ship) -> list[UUID]:
    for order in orders:
        if order.location_id and order.state == "accepted":
            _allocate(ctx, order)
    rows = list(
        OrderLine.objects.filter(order__in=[o.order_id for o in orders], open_quantity__gt=0)
        .order_by("order_id", "position")
    )  # fmt: skip
    if not rows:
        raise HasNothing(order=orders[0].outside_number)
    if len({row.order_id for row in rows}) == 1:
        more = data.model_dump(exclude_none=True)
        with attempt(ctx):
            made = registry.command("sales.order.ship")(ctx, [rows[0].order_id], more)
        return [one.pk for one in made]
    with attempt(ctx):
        (shipment,) = registry.command("sales.shipment.create")(ctx, {"records": [{
            "party": orders[0].party_id, "plant": orders[0].plant_id, "tracking_number": data.tracking_number,
            "carrier": data.carrier, "address": Order.objects.get(pk=rows[0].order_id).address,
            "lines": [{"order_line": row.pk, "quantity": row.open_quantity} for row in rows],
        }]})  # fmt: skip
        registry.command("sales.shipment.ship")(ctx, [shipment.pk])
    return [shipment.pk]


@command(
    "channels.order.cancel", L("取消", "Cancel"), input=Reason, icon="x", tone="red",
    confirm=L("取消这些订单？已发出的将申请拦截", "Cancel these orders? What has gone is to be stopped on its way"),
)  # fmt: skip
def cancel_orders(ctx: Context, orders: Sequence[ChannelOrder], data: Reason) -> None:
    """Cancel orders: before they have gone, stock becomes free; after, a refund is asked for to stop them.

    Raises: HasNothing when all of it was refunded already
    Writes: sales orders, promises, refunds; tells OrderCancelled
    """
    for order in orders:
        if order.state == "shipped" and order.refunded_amount >= order.total_amount:
            raise HasNothing(order=order.outside_number)
        with attempt(ctx):
            cancel(ctx, [order], data.reason, held=orders)


@command("channels.order.finish", L("完成", "Finish"), icon="circle-check")
def finish_orders(ctx: Context, orders: Sequence[ChannelOrder]) -> None:
    """Note that buyers have what they ordered."""


@command("channels.difference.settle", L("已处理", "Settle"), input=Settle, icon="check", tone="green", is_primary=True)
def settle_differences(ctx: Context, differences: Sequence[Difference], data: Settle) -> None:
    """Note what was decided; an order without any that is open has none any more.

    Writes: the differences, and their orders
    """
    mine = [one.pk for one in differences]
    keys = {one.channel_order_id for one in differences}
    still = set(
        Difference.objects.filter(channel_order__in=keys, state="open").exclude(pk__in=mine)
        .values_list("channel_order_id", flat=True)
    )  # fmt: skip
    for one in differences:
        one.note = data.note
    done = [order for order in lock(ChannelOrder, keys - still).values() if order.has_difference]
    for order in done:
        order.has_difference = False
    save(ctx, done)
