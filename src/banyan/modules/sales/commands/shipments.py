"""Goods going out: picked, shipped, tracked, taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import db, registry
from banyan.kernel.commands import command, name_of, owe_numbers, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.money import round_money
from banyan.lib.pricing import part_amount
from banyan.modules.company import queries as company
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.errors import NoSuchLocation, WrongLocation
from banyan.modules.inventory.kinds import FREE
from banyan.modules.inventory.values import Demand, MoveIntent
from banyan.modules.items import queries as items
from banyan.modules.items.queries import ItemFacts
from banyan.modules.parties import queries as parties
from banyan.modules.parties.queries import PartyFacts
from banyan.modules.sales import queries, rules
from banyan.modules.sales.errors import (
    AlreadyInvoiced,
    AlreadyReturned,
    LineUnknown,
    NothingToShip,
    NotYetConfirmed,
    OrderClosed,
    PartTooLarge,
    ShipsTooMuch,
)
from banyan.modules.sales.events import GoodsShipped, ShipmentReversed, ShipmentTracked, ShippedLine
from banyan.modules.sales.models import Order, OrderLine, Parcel, Shipment, ShipmentLine
from banyan.modules.sales.places import standing
from banyan.modules.sales.queries import LINE, OPEN, progress

NOUN = "sales.shipment"
ZERO = Decimal(0)


@dataclass(slots=True)
class Dispatch:
    """A shipment with its lines and parcels, in the order they are written."""

    shipment: Shipment
    lines: list[ShipmentLine]
    parcels: list[Parcel]


class ShipLine(Input):
    """How much of an order line goes, and from where."""

    order_line: UUID = field("订单行", "Order line", reference=LINE)
    quantity: Annotated[Quantity, Field(gt=0)] = field(
        "数量", "Quantity", help=L("按库存单位", "In the stock unit")
    )
    lot: UUID | None = field("批次", "Lot", None, reference="inventory.lot")
    location: UUID | None = field("库位", "Location", None, reference="inventory.location")
    parcel: Annotated[int, Field(ge=1, le=32_000)] | None = field("包裹", "Parcel", None)


class ShipParcel(Input):
    """A parcel of the shipment."""

    parcel: Annotated[int, Field(ge=1, le=32_000)] = field("包裹号", "Parcel")
    tracking_number: Text = field("运单号", "Tracking number", "", max_length=80)
    weight: Annotated[Quantity, Field(gt=0)] | None = field("重量", "Weight", None, unit="kg")


class Ship(Input):
    """What goes and how; without lines, all that is open."""

    lines: list[ShipLine] = field("明细", "Lines", [], max_length=5000)
    parcels: list[ShipParcel] = field("包裹", "Parcels", [], max_length=500)
    carrier: UUID | None = field("承运商", "Carrier", None, reference="parties.party", only="is_carrier")
    tracking_number: Text = field("运单号", "Tracking number", "", max_length=80)
    note: Text = field("备注", "Note", "", max_length=500)


class PartLine(Input):
    """How much of a prepared line goes."""

    line: UUID = field("发货明细", "Line", reference="sales.shipment_line")
    quantity: Annotated[Quantity, Field(ge=0)] = field("数量", "Quantity")


class ShipPart(Input):
    """What goes of what was prepared; lines that are not named stay."""

    lines: Annotated[list[PartLine], Field(min_length=1, max_length=5000)] = field("明细", "Lines")


class Track(Input):
    """Who carries it, under which number."""

    carrier: UUID | None = field("承运商", "Carrier", None, reference="parties.party", only="is_carrier")
    tracking_number: Text = field("运单号", "Tracking number", min_length=1, max_length=80)


class Reverse(Input):
    """Why it is taken back."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)


@command(
    "sales.order.ship",
    L("发货", "Ship"),
    input=Ship,
    icon="truck-delivery",
    tone="green",
    is_primary=True,
    is_big=True,
)
def ship_orders(ctx: Context, orders: Sequence[Order], data: Ship) -> tuple[Shipment, ...]:
    """Ship goods on orders: what is told, from where it is told, else by first expiry and first in.

    Gives:  one shipment per order
    Raises: LineUnknown, NothingToShip, ShipsTooMuch; HeldLot, NotEnoughStock and the other refusals of moves
    Writes: shipments, moves, shipped quantities; uses up what was promised; tells GoodsShipped
    """
    lines = _lines_of(orders)
    dispatches = _drafts(ctx, orders, lines, data)
    dispatch(ctx, dispatches, {order.pk: order for order in orders}, lines)
    return tuple(one.shipment for one in dispatches)


@command("sales.order.pick", L("备货", "Prepare a shipment"), input=Ship, icon="clipboard-list")
def pick_orders(ctx: Context, orders: Sequence[Order], data: Ship) -> tuple[Shipment, ...]:
    """Prepare shipments: lots and bins are fixed for the order lines, the goods stay until it is shipped.

    Gives:  one draft shipment per order, with a line per lot and place
    Raises: as shipping does
    Writes: shipments, allocations
    """
    lines = _lines_of(orders)
    dispatches = _drafts(ctx, orders, lines, data)
    _refuse(dispatches, {order.pk: order for order in orders}, lines)
    facts = items.require_usable([row.item_id for one in dispatches for row in one.lines])
    _resolve(ctx, dispatches, facts)
    _write(dispatches)
    return tuple(one.shipment for one in dispatches)


@command("sales.shipment.ship", L("发货", "Ship"), icon="truck-delivery", tone="green", is_primary=True)
def ship_shipments(ctx: Context, shipments: Sequence[Shipment]) -> None:
    """Ship what was prepared.

    Raises: NotYetConfirmed, ShipsTooMuch; the refusals of moves
    Writes: as `sales.order.ship`
    """
    dispatches = _dispatches(shipments)
    orders, lines = _orders_of(dispatches)
    dispatch(ctx, dispatches, orders, lines)
    save(ctx, list(orders.values()))


@command(
    "sales.shipment.ship_part", L("部分发货", "Ship a part"), input=ShipPart, icon="truck-loading", is_big=True,
    help=L("只发拿到的；其余回到订单，仍为它保留", "Only what was fetched goes; the rest stays kept for the order"),
)  # fmt: skip
def ship_parts(ctx: Context, shipments: Sequence[Shipment], data: ShipPart) -> None:
    """Ship a part of what was prepared; the rest is open on the order again, and stays fixed for it.

    Raises: LineUnknown; PartTooLarge for more than was prepared; what shipping refuses
    Writes: as `sales.shipment.ship`; takes the lines that do not go out of the shipment
    """
    dispatches = _dispatches(shipments)
    told = {one.line: one.quantity for one in data.lines}
    known = {row.pk for one in dispatches for row in one.lines}
    if unknown := [key for key in told if key not in known]:
        raise LineUnknown(lines=unknown)
    dropped = []
    for one in dispatches:
        for row in one.lines:
            part = told.get(row.pk, ZERO)
            if part > row.quantity:
                raise PartTooLarge(item=_item(row.item_id), prepared=row.quantity, asked=part)
            if not part:
                dropped.append(row.pk)
            row.quantity = part
        one.lines = [row for row in one.lines if row.quantity]
    orders, lines = _orders_of(dispatches)
    dispatch(ctx, dispatches, orders, lines)
    ShipmentLine.objects.filter(pk__in=dropped).delete()
    save(ctx, list(orders.values()))


def change_lot(shipment: Shipment, line: UUID, quantity: Decimal, lot: UUID | None, location: UUID) -> None:
    """Let a line of a draft take another lot, or a part of it that becomes a line of its own; stock is the caller's."""
    rows = list(ShipmentLine.objects.filter(shipment=shipment).order_by("position", "pk"))
    row = next(one for one in rows if one.pk == line)
    if quantity < row.quantity:
        row.quantity -= quantity
        row.save(update_fields=["quantity"])
        row.pk, row._state.adding = new_id(), True
        row.position, row.quantity = len(rows) + 1, quantity
    row.lot_id, row.location_id = lot, location
    row.save()


@command("sales.shipment.track", L("填运单号", "Add waybill"), input=Track, icon="barcode")
def track_shipments(ctx: Context, shipments: Sequence[Shipment], data: Track) -> None:
    """Note carrier and waybill of goods that have gone. Raises: NotACarrier. Writes: tells ShipmentTracked."""
    if data.carrier:
        parties.require_usable([data.carrier], "carrier")
    for shipment in shipments:
        shipment.tracking_number = data.tracking_number
        shipment.carrier_id = data.carrier or shipment.carrier_id
        tell(
            ShipmentTracked(
                record=shipment.pk, order=shipment.order_id, party=shipment.party_id, carrier=shipment.carrier_id,
                tracking_number=shipment.tracking_number,
            )
        )  # fmt: skip


@command(
    "sales.shipment.reverse", L("撤销", "Reverse"), input=Reverse, icon="arrow-back-up", tone="red",
    confirm=L("撤销这次发货？", "Take this shipment back?"),
)  # fmt: skip
def reverse_shipments(ctx: Context, shipments: Sequence[Shipment], data: Reverse) -> None:
    """Take shipments back as if the goods had never left: they return to the places they came from.

    Raises: OrderClosed, AlreadyInvoiced, AlreadyReturned
    Writes: reverse moves, shipped quantities; tells ShipmentReversed
    """
    dispatches = _dispatches(shipments)
    orders, lines = _orders_of(dispatches)
    customers = parties.parties_by_id([one.shipment.party_id for one in dispatches])
    facts = items.items_by_id([row.item_id for one in dispatches for row in one.lines])
    told = []
    for one in dispatches:
        rows = [
            _take_back(orders[lines[row.order_line_id].order_id], lines[row.order_line_id], row)
            for row in one.lines
        ]
        one.shipment.reverse_reason = data.reason
        told.append(_event(ShipmentReversed, one.shipment, customers, orders, named(rows, facts)))
    moves = db.rows(_MOVES, [[one.shipment.pk for one in dispatches]])
    stock.reverse_moves(ctx, [key for (key,) in moves], data.reason)
    _settle(orders, lines)
    save(ctx, list(orders.values()))
    tell(*told)


#: The moves of documents that still stand, first to last; reversing takes them the other way round.
_MOVES = """
    SELECT m.id FROM inventory_move m
    WHERE m.origin = ANY(%s) AND m.reverses_id IS NULL
      AND NOT EXISTS (SELECT FROM inventory_move r WHERE r.reverses_id = m.id)
    ORDER BY m.posted_at, m.id
"""


# --- what the commands stand on -----------------------------------------------------------------------------


def dispatch(
    ctx: Context,
    dispatches: Sequence[Dispatch],
    orders: Mapping[UUID, Order],
    lines: Mapping[UUID, OrderLine],
) -> None:
    """Ship: places are found where none is named, moves go to the customer, the order lines count.

    Takes:  orders, locked, and their lines, both by key
    Writes: shipments, moves, shipped quantities and states; tells GoodsShipped
    """
    _refuse(dispatches, orders, lines)
    customers = parties.require_usable([one.shipment.party_id for one in dispatches], "customer")
    facts = items.items_by_id([row.item_id for one in dispatches for row in one.lines])
    _resolve(ctx, dispatches, facts)
    intents = [intent for one in dispatches for intent in _intents(ctx, one, facts)]
    moved: dict[UUID, list[UUID]] = {}
    for move in stock.post_moves(ctx, intents):
        moved.setdefault(move.origin_line, []).append(move.pk)
    days = {plant.id: plant.day(ctx.now) for plant in company.plants()}
    told = []
    for one in dispatches:
        shipment = one.shipment
        shipment.state, shipment.shipped_at, shipment.shipped_on = "shipped", ctx.now, days[shipment.plant_id]
        rows = [
            _count(orders[lines[row.order_line_id].order_id], lines[row.order_line_id], row)
            for row in one.lines
        ]
        rows = [replace(r, moves=tuple(moved.get(x.pk, ()))) for r, x in zip(rows, one.lines, strict=True)]
        told.append(_event(GoodsShipped, shipment, customers, orders, named(rows, facts)))
    _write(dispatches)
    _settle(orders, lines)
    tell(*told)


def _lines_of(orders: Iterable[Order]) -> dict[UUID, OrderLine]:
    return {
        line.pk: line for line in OrderLine.objects.filter(order__in=orders).order_by("order_id", "position")
    }


def _drafts(
    ctx: Context, orders: Sequence[Order], lines: Mapping[UUID, OrderLine], data: Ship
) -> list[Dispatch]:
    """Give a shipment per order, not written yet. Raises: LineUnknown, NothingToShip, NotACarrier."""
    unknown = [row.order_line for row in data.lines if row.order_line not in lines]
    if unknown:
        raise LineUnknown(lines=unknown)
    if data.carrier:
        parties.require_usable([data.carrier], "carrier")
    wanted = data.lines or [
        ShipLine(order_line=line.pk, quantity=line.open_quantity)
        for line in lines.values()
        if line.open_quantity > 0
    ]
    found = []
    for order in orders:
        rows = [row for row in wanted if lines[row.order_line].order_id == order.pk]
        if not rows:
            raise NothingToShip(order=order.number)
        shipment = Shipment(
            party_id=order.party_id, plant_id=order.plant_id, order_id=order.pk, address=order.address,
            carrier_id=data.carrier, tracking_number=data.tracking_number, note=data.note, created_at=ctx.now,
            changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
        )  # fmt: skip
        found.append(
            Dispatch(
                shipment,
                [
                    ShipmentLine(
                        shipment=shipment,
                        order_line_id=row.order_line,
                        item_id=lines[row.order_line].item_id,
                        quantity=row.quantity,
                        lot_id=row.lot,
                        location_id=row.location,
                        parcel=row.parcel,
                    )
                    for row in rows
                ],
                [
                    Parcel(shipment=shipment, position=n, **p.model_dump())
                    for n, p in enumerate(data.parcels, start=1)
                ],
            )
        )
    return found


def _dispatches(shipments: Sequence[Shipment]) -> list[Dispatch]:
    rows = list(ShipmentLine.objects.filter(shipment__in=shipments).order_by("shipment_id", "position", "pk"))
    return [Dispatch(one, [row for row in rows if row.shipment_id == one.pk], []) for one in shipments]


def _orders_of(dispatches: Sequence[Dispatch]) -> tuple[dict[UUID, Order], dict[UUID, OrderLine]]:
    """Lock the orders of some shipments and give them with all their lines, by key."""
    wanted = [row.order_line_id for one in dispatches for row in one.lines]
    orders = lock(Order, OrderLine.objects.filter(pk__in=wanted).values_list("order_id", flat=True))
    return orders, _lines_of(orders.values())


def _refuse(
    dispatches: Sequence[Dispatch], orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine]
) -> None:
    life = registry.noun("sales.order").spec.life
    for order in orders.values():
        if order.state not in OPEN:
            number = name_of(registry.noun("sales.order"), order)
            raise NotYetConfirmed(order=number, state=life.state(order.state).label)
    wanted: dict[UUID, Decimal] = {}
    for one in dispatches:
        if not one.lines:
            raise NothingToShip(order=one.shipment.number or "—")
        for row in one.lines:
            wanted[row.order_line_id] = wanted.get(row.order_line_id, ZERO) + row.quantity
    for key in rules.shipped_too_much(wanted, {k: line.open_quantity for k, line in lines.items()}):
        line = lines[key]
        raise ShipsTooMuch(
            order=orders[line.order_id].number,
            item=_item(line.item_id),
            open=line.open_quantity,
            quantity=wanted[key],
        )


# --- where it comes from ------------------------------------------------------------------------------------


def _resolve(ctx: Context, dispatches: Sequence[Dispatch], facts: Mapping[UUID, ItemFacts]) -> None:
    """Give every line of a stocked item its place, splitting it where several lots or bins make it up.

    Lines that name nothing are allocated, under the locks of stock; where others of the command name a place,
    which allocation cannot know of, they are picked as the shelves stand and the posting has the last word.
    """
    rows = [row for one in dispatches for row in one.lines if facts[row.item_id].has_stock]
    _refuse_places(dispatches, [row.location_id for row in rows if row.location_id])
    loose = [row for row in rows if row.location_id is None]
    if not loose:
        return
    plants = {row.pk: one.shipment.plant_id for one in dispatches for row in one.lines}
    if len(loose) == len(rows) and not any(row.lot_id for row in rows):
        parts = _allocated(ctx, loose, plants)
    else:
        parts = _picked(ctx, rows, plants)
    for one in dispatches:
        one.lines = [part for row in one.lines for part in parts.get(row.pk, [row])]


def _allocated(
    ctx: Context, rows: Sequence[ShipmentLine], plants: Mapping[UUID, UUID]
) -> dict[UUID, list[ShipmentLine]]:
    demands: dict[UUID, Demand] = {}
    for row in rows:
        known = demands.get(row.order_line_id)
        quantity = row.quantity + (known.quantity or ZERO if known else ZERO)
        demands[row.order_line_id] = Demand(LINE, row.order_line_id, row.item_id, plants[row.pk], quantity)
    shelves: dict[UUID, list[rules.Shelf]] = {}
    for found in stock.allocate(ctx, list(demands.values())):
        shelves.setdefault(found.line, []).append(rules.Shelf(found.lot, found.location, found.quantity))
    return {row.pk: _split(row, rules.take(shelves[row.order_line_id], row.quantity)) for row in rows}


def _picked(
    ctx: Context, rows: Sequence[ShipmentLine], plants: Mapping[UUID, UUID]
) -> dict[UUID, list[ShipmentLine]]:
    loose = [row for row in rows if row.location_id is None]
    shelves = queries.shelves(ctx.now, [(row.order_line_id, row.item_id, plants[row.pk]) for row in loose])
    used: Counter[tuple[UUID, UUID | None, UUID]] = Counter()
    for row in rows:
        if row.location_id:
            used[row.item_id, row.lot_id, row.location_id] += row.quantity
    found = {}
    for row in loose:
        usable = [
            replace(s, quantity=s.quantity - used[row.item_id, s.lot, s.location])
            for s in shelves.get(row.order_line_id, ())
            if row.lot_id in (None, s.lot)
        ]
        parts = rules.take([s for s in usable if s.quantity > 0], row.quantity)
        for part in parts:
            used[row.item_id, part.lot, part.location] += part.quantity
        short = row.quantity - sum((part.quantity for part in parts), ZERO)
        # What is short is left on the first place, so that the posting refuses it in its own words.
        if short:
            first = (
                parts[0] if parts else rules.Shelf(row.lot_id, standing(ctx, plants[row.pk]).warehouse, ZERO)
            )
            parts = [replace(first, quantity=first.quantity + short), *parts[1:]]
        found[row.pk] = _split(row, parts)
    return found


def _split(row: ShipmentLine, parts: Sequence[rules.Shelf]) -> list[ShipmentLine]:
    """Give a line per place; the first keeps the key of the line."""
    found = []
    for n, part in enumerate(parts):
        line = (
            row
            if n == 0
            else ShipmentLine(
                shipment_id=row.shipment_id,
                order_line_id=row.order_line_id,
                item_id=row.item_id,
                parcel=row.parcel,
            )
        )
        line.quantity, line.lot_id, line.location_id = part.quantity, part.lot, part.location
        found.append(line)
    return found


def _refuse_places(dispatches: Sequence[Dispatch], wanted: Sequence[UUID]) -> None:
    """Refuse to ship from a place that is no store of the shipments' plants. Raises: WrongLocation."""
    keys = list(set(wanted))
    if not keys:
        return
    plants = {one.shipment.plant_id for one in dispatches}
    found = db.rows("SELECT id, code, kind, plant_id FROM inventory_location WHERE id = ANY(%s)", [keys])
    for _, code, kind, plant in found:
        if kind not in FREE or plant not in plants:
            raise WrongLocation(location=code, kind=kind)
    if len(found) < len(keys):
        raise NoSuchLocation(location=next(key for key in keys if key not in {row[0] for row in found}))


def _intents(ctx: Context, one: Dispatch, facts: Mapping[UUID, ItemFacts]) -> list[MoveIntent]:
    rows = [row for row in one.lines if facts[row.item_id].has_stock]
    if not rows:
        return []
    customer = standing(ctx, one.shipment.plant_id).customer
    return [
        MoveIntent(
            item=row.item_id, quantity=row.quantity, source=row.location_id, target=customer, lot=row.lot_id,
            origin_noun=NOUN, origin=one.shipment.pk, origin_line=row.pk, demand=(LINE, row.order_line_id),
        )
        for row in rows
    ]  # fmt: skip


# --- counting and writing -----------------------------------------------------------------------------------


def _count(order: Order, line: OrderLine, row: ShipmentLine) -> ShippedLine:
    found = share_of(order, line, row.lot_id, before=line.shipped_quantity, quantity=row.quantity)
    line.shipped_quantity += row.quantity
    return found


def _take_back(order: Order, line: OrderLine, row: ShipmentLine) -> ShippedLine:
    left = line.shipped_quantity - row.quantity
    if order.state == "closed":
        raise OrderClosed(order=order.number)
    if line.returned_quantity > left:
        raise AlreadyReturned(order=order.number, item=_item(line.item_id))
    if line.invoiced_quantity > left - line.returned_quantity:
        raise AlreadyInvoiced(order=order.number, item=_item(line.item_id))
    found = share_of(order, line, row.lot_id, before=line.shipped_quantity, quantity=-row.quantity)
    line.shipped_quantity = left
    return found


def share_of(
    order: Order, line: OrderLine, lot: UUID | None, *, before: Decimal, quantity: Decimal
) -> ShippedLine:
    """Give what a part of an order line is worth; below zero for a part that comes back."""
    share = {"whole": line.stock_quantity, "before": before, "part": quantity}
    return ShippedLine(
        order=order.pk, order_line=line.pk, item=line.item_id, lot=lot, quantity=quantity,
        net_amount=part_amount(line.net_amount, **share), tax_amount=part_amount(line.tax_amount, **share),
        amount=part_amount(round_money(line.net_amount * order.exchange_rate), **share), moves=(),
        order_number=order.number, customer_reference=order.customer_reference,
    )  # fmt: skip


def named(rows: Iterable[ShippedLine], facts: Mapping[UUID, ItemFacts]) -> tuple[ShippedLine, ...]:
    """Give lines with the codes of their items and stock units."""
    return tuple(replace(row, item_code=facts[row.item].code, unit=facts[row.item].unit) for row in rows)


def _event(
    kind: type[GoodsShipped], shipment: Shipment, customers: Mapping[UUID, PartyFacts], orders: Mapping[UUID, Order],
    rows: Sequence[ShippedLine],
) -> GoodsShipped:  # fmt: skip
    return kind(
        record=shipment.pk, order=shipment.order_id, party=shipment.party_id,
        party_code=customers[shipment.party_id].code, plant=shipment.plant_id,
        shipped_on=shipment.shipped_on, currency=orders[rows[0].order].currency_id, carrier=shipment.carrier_id,
        tracking_number=shipment.tracking_number, lines=tuple(rows),
    )  # fmt: skip


def _write(dispatches: Sequence[Dispatch]) -> None:
    """Write shipments that are new, and the lines of all as they go."""
    fresh = [one.shipment for one in dispatches if one.shipment._state.adding]
    db.insert_rows(fresh)
    owe_numbers(fresh)
    db.insert_rows([parcel for one in dispatches for parcel in one.parcels])
    for one in dispatches:
        for position, row in enumerate(one.lines, start=1):
            row.position = position
    columns = [f.name for f in ShipmentLine._meta.concrete_fields if not f.primary_key]
    rows = [row for one in dispatches for row in one.lines]
    ShipmentLine.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=columns)


def _settle(orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine]) -> None:
    """Write the counters of order lines, and set the states of orders from them."""
    db.update_rows(list(lines.values()), ["shipped_quantity"])
    for order in orders.values():
        order.state = rules.order_state(
            progress(line) for line in lines.values() if line.order_id == order.pk
        )


def _item(key: UUID) -> str:
    return items.items_by_id([key])[key].code
