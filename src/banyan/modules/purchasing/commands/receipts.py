"""Goods coming in: announced, at the gate, judged and booked, taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
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
from banyan.modules.inventory import queries as inventory
from banyan.modules.inventory.errors import NoSuchLocation, WrongLocation
from banyan.modules.inventory.values import LotWant, MoveIntent, Standing
from banyan.modules.items import queries as items
from banyan.modules.items.queries import ItemFacts
from banyan.modules.purchasing import rules
from banyan.modules.purchasing.errors import (
    AlreadyInvoiced,
    AlreadyReturned,
    BooksTooMuch,
    HistoryOnly,
    LineUnknown,
    NothingToBook,
    NotPlaced,
    OrderClosed,
    ReceivesTooMuch,
    RejectReasonNeeded,
    SerialsDiffer,
)
from banyan.modules.purchasing.events import ArrivalReversed, GoodsArrived, GoodsReceived, ReceivedLine
from banyan.modules.purchasing.models import Order, OrderLine, Receipt, ReceiptLine
from banyan.modules.purchasing.places import standing
from banyan.modules.purchasing.queries import OPEN, progress

NOUN = "purchasing.receipt"
ZERO = Decimal(0)
#: Kinds of places that goods are booked into.
STORES = ("warehouse", "zone", "bin", "line_side")
#: So many pieces with serial numbers come in at once, at most.
MOST_SERIALS = 5000


@dataclass(slots=True)
class Arrival:
    """A receipt with its lines, in the order they are written."""

    receipt: Receipt
    lines: list[ReceiptLine]
    serials: dict[UUID, list[str]] = dataclass_field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a receipt line."""

    accepted: Decimal
    rejected: Decimal = ZERO
    location: UUID | None = None
    reason: str = ""


class BookLine(Input):
    """What was found of a line, and where it goes."""

    receipt_line: UUID = field("收货行", "Receipt line")
    accepted: Annotated[Quantity, Field(ge=0)] = field("合格", "Accepted")
    rejected: Annotated[Quantity, Field(ge=0)] = field("不合格", "Rejected", Decimal(0))
    location: UUID | None = field("库位", "Into", None, reference="inventory.location")
    reason: Text = field("不合格原因", "Why rejected", "", max_length=255)


class Book(Input):
    """What was found; without lines everything is accepted into its usual place."""

    lines: list[BookLine] = field("明细", "Lines", [], max_length=5000)


class Reverse(Input):
    """Why it is taken back."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)


@command(
    "purchasing.receipt.arrive", L("到货", "Arrived"), icon="truck-loading", tone="green", is_primary=True
)
def arrive_receipts(ctx: Context, receipts: Sequence[Receipt]) -> None:
    """Take announced goods in at the gate.

    Raises: NotPlaced, HistoryOnly, ReceivesTooMuch; the refusals of lots and moves
    Writes: as `purchasing.order.receive`
    """
    arrivals = _arrivals(receipts)
    orders, lines = _orders_of(arrivals)
    arrive(ctx, arrivals, orders, lines)
    save(ctx, list(orders.values()))


@command(
    "purchasing.receipt.book",
    L("入库", "Book"),
    input=Book,
    icon="building-warehouse",
    tone="green",
    is_big=True,
    is_primary=True,
)
def book_receipts(ctx: Context, receipts: Sequence[Receipt], data: Book) -> None:
    """Judge goods and book them: the accepted part into the store, the rejected part to the rejected store.

    Raises: LineUnknown, BooksTooMuch, NothingToBook, RejectReasonNeeded; the refusals of moves
    Writes: moves, what was found of each line; tells GoodsReceived
    """
    arrivals = _arrivals(receipts)
    orders, lines = _orders_of(arrivals)
    _refuse_places(receipts, [row.location for row in data.lines])
    verdicts: dict[UUID, list[Verdict]] = {}
    known = {line.pk for arrival in arrivals for line in arrival.lines}
    for row in data.lines:
        if row.receipt_line not in known:
            raise LineUnknown(lines=[row.receipt_line])
        if row.rejected and not row.reason:
            raise RejectReasonNeeded
        verdicts.setdefault(row.receipt_line, []).append(
            Verdict(row.accepted, row.rejected, row.location, row.reason)
        )
    book(ctx, arrivals, orders, lines, verdicts)


@command(
    "purchasing.receipt.reverse", L("撤销", "Reverse"), input=Reverse, icon="arrow-back-up", tone="red",
    confirm=L("撤销这次到货？", "Take this arrival back?"),
)  # fmt: skip
def reverse_receipts(ctx: Context, receipts: Sequence[Receipt], data: Reverse) -> None:
    """Take arrivals back as if the goods had never come; what was booked leaves the store again.

    Raises: OrderClosed, AlreadyInvoiced, AlreadyReturned; NotEnoughStock when the goods are no longer there
    Writes: reverse moves, received quantities; tells ArrivalReversed
    """
    arrivals = _arrivals(receipts)
    orders, lines = _orders_of(arrivals)
    for order in orders.values():
        if order.state == "closed":
            raise OrderClosed(order=order.number)
    told = []
    for arrival in arrivals:
        rows = [_take_back(orders, lines[row.order_line_id], row) for row in arrival.lines]
        told.append(_event(ArrivalReversed, arrival.receipt, orders, rows))
        arrival.receipt.reverse_reason = data.reason
    moves = db.rows(_MOVES, [[arrival.receipt.pk for arrival in arrivals]])
    stock.reverse_moves(ctx, [key for (key,) in moves], data.reason)
    _save_order_lines(lines.values())
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


def draft(
    ctx: Context, order: Order, rows: Sequence[Mapping[str, Any]], delivery_note: str, key: UUID | None = None
) -> Arrival:
    """Give a receipt for an order, not written yet. Takes: rows: the fields of `ReceiveLine`; key: its own, if told"""
    receipt = Receipt(
        id=key or new_id(),
        party_id=order.party_id, plant_id=order.plant_id, order_id=order.pk, delivery_note=delivery_note,
        created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
    )  # fmt: skip
    arrival = Arrival(receipt, [])
    for row in rows:
        line = ReceiptLine(
            receipt=receipt,
            order_line_id=row["order_line"],
            quantity=row["quantity"],
            lot_number=row["lot_number"],
            supplier_lot=row["supplier_lot"],
            heat_number=row["heat_number"],
            made_on=row["made_on"],
            expires_on=row["expires_on"],
        )
        arrival.lines.append(line)
        arrival.serials[line.pk] = list(row["serial_numbers"])
    return arrival


@dataclass(slots=True)
class Posting:
    """What is to move, and what is told of it when it has: the kind of event, the receipt, its lines."""

    kind: type[GoodsArrived]
    intents: list[MoveIntent]
    told: list[tuple[Receipt, list[ReceivedLine]]]


def arrive(
    ctx: Context, arrivals: Sequence[Arrival], orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine],
    *, and_book: bool = False,
) -> None:  # fmt: skip
    """Take goods in: lots are made, moves go from the supplier into inspection at the order's net price.

    Told afterwards it is dated by when they came, and more than may come is taken in: it is here.

    Takes:  orders, locked, and their lines, both by key; and_book: all is accepted and goes on into the store
    Writes: receipts and their lines, lots, moves, received quantities and states; tells GoodsArrived, and
            GoodsReceived when booked
    """
    _refuse_arrival(ctx, arrivals, orders, lines)
    facts = items.items_by_id([line.item_id for line in lines.values()])
    days = {plant.id: plant.day(ctx.done_at) for plant in company.plants()}
    for arrival in arrivals:
        arrival.receipt.arrived_at, arrival.receipt.arrived_on = ctx.done_at, days[arrival.receipt.plant_id]
        for row in arrival.lines:
            line = lines[row.order_line_id]
            row.item_id = line.item_id
            line.arrived_on = max(line.arrived_on or arrival.receipt.arrived_on, arrival.receipt.arrived_on)
        arrival.lines = [part for row in arrival.lines for part in _pieces(row, facts[row.item_id], arrival)]
    _give_lots(ctx, arrivals, facts)
    postings = [_plan_arrival(ctx, arrivals, orders, lines, facts)]
    if and_book:
        postings.append(_plan_booking(ctx, arrivals, orders, lines, facts, {}))
    events = _post(ctx, postings, orders)
    _conclude(ctx, arrivals)
    _write_arrivals(arrivals)
    _save_order_lines(lines.values())
    _settle(orders, lines)
    tell(*events)


def book(
    ctx: Context, arrivals: Sequence[Arrival], orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine],
    verdicts: Mapping[UUID, Sequence[Verdict]],
) -> None:  # fmt: skip
    """Judge and book what lies in inspection; without verdicts all that is left is accepted.

    Told afterwards it is dated by when it was put away, never before it had come.

    Raises: NotEnoughStock where goods are no longer in inspection
    Writes: moves, lines of receipts and orders; tells GoodsReceived
    """
    facts = items.items_by_id([row.item_id for arrival in arrivals for row in arrival.lines])
    events = _post(ctx, [_plan_booking(ctx, arrivals, orders, lines, facts, verdicts)], orders)
    _conclude(ctx, arrivals)
    rows = [row for arrival in arrivals for row in arrival.lines]
    columns = ["accepted_quantity", "rejected_quantity", "reject_reason"]
    ReceiptLine.objects.bulk_update(rows, columns, batch_size=1000)
    _save_order_lines(lines.values())
    tell(*events)


def _plan_arrival(
    ctx: Context, arrivals: Sequence[Arrival], orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine],
    facts: Mapping[UUID, ItemFacts],
) -> Posting:  # fmt: skip
    posting = Posting(GoodsArrived, [], [])
    for arrival in arrivals:
        places = standing(ctx, arrival.receipt.plant_id)
        received = [_receive(orders, lines[row.order_line_id], row) for row in arrival.lines]
        posting.told.append((arrival.receipt, received))
        posting.intents += _dated(ctx, arrival.receipt.arrived_at, [
            _intent(row, row.quantity, places.supplier, places.inspection, row.amount)
            for row in arrival.lines
            if facts[row.item_id].has_stock
        ])  # fmt: skip
    return posting


def _plan_booking(
    ctx: Context, arrivals: Sequence[Arrival], orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine],
    facts: Mapping[UUID, ItemFacts], verdicts: Mapping[UUID, Sequence[Verdict]],
) -> Posting:  # fmt: skip
    posting = Posting(GoodsReceived, [], [])
    for arrival in arrivals:
        places = standing(ctx, arrival.receipt.plant_id)
        usual = inventory.put_away_places(arrival.receipt.plant_id, [row.item_id for row in arrival.lines])
        booked: list[ReceivedLine] = []
        for row in arrival.lines:
            for verdict in _verdicts(arrival.receipt, row, facts[row.item_id], verdicts):
                booked.append(_judge(orders, lines[row.order_line_id], row, verdict))
                if facts[row.item_id].has_stock:
                    into = verdict.location or usual.get(row.item_id, places.warehouse)
                    moves = _put_away(row, verdict, places, into)
                    posting.intents += _dated(ctx, _put_away_at(ctx, arrival.receipt), moves)
        if not booked:
            raise NothingToBook(receipt=_name(arrival.receipt))
        posting.told.append((arrival.receipt, booked))
    return posting


def _post(ctx: Context, postings: Sequence[Posting], orders: Mapping[UUID, Order]) -> list[GoodsArrived]:
    """Post the moves of all postings at once and give the events, each line with its moves."""
    intents = [intent for posting in postings for intent in posting.intents]
    moves = stock.post_moves(ctx, intents)
    stock.refuse_missing(intents, moves)
    events, first = [], 0
    for posting in postings:
        moved = _by_line(moves[first : first + len(posting.intents)])
        first += len(posting.intents)
        for receipt, rows in posting.told:
            told = [replace(row, moves=tuple(moved.get(row.receipt_line, ()))) for row in rows]
            events.append(_event(posting.kind, receipt, orders, told))
    return events


def _conclude(ctx: Context, arrivals: Sequence[Arrival]) -> None:
    """Set the state of receipts from what was found of their lines."""
    for arrival in arrivals:
        found = ((row.quantity, row.accepted_quantity + row.rejected_quantity) for row in arrival.lines)
        arrival.receipt.state = rules.receipt_state(found)
        if arrival.receipt.state == "booked":
            arrival.receipt.booked_at = _put_away_at(ctx, arrival.receipt)


def _put_away_at(ctx: Context, receipt: Receipt) -> datetime:
    """Give when goods are put away; told afterwards never before they came, whoever's clock said so."""
    return max(ctx.done_at, receipt.arrived_at) if ctx.told_at else ctx.now


def _dated(ctx: Context, moment: datetime, intents: Sequence[MoveIntent]) -> list[MoveIntent]:
    """Give moves as of a moment; what is told afterwards is a fact."""
    return [replace(one, moved_at=moment, is_fact=ctx.told_at is not None) for one in intents]


def _arrivals(receipts: Sequence[Receipt]) -> list[Arrival]:
    rows = list(ReceiptLine.objects.filter(receipt__in=receipts).order_by("receipt_id", "position", "pk"))
    return [Arrival(receipt, [row for row in rows if row.receipt_id == receipt.pk]) for receipt in receipts]


def _orders_of(arrivals: Sequence[Arrival]) -> tuple[dict[UUID, Order], dict[UUID, OrderLine]]:
    """Lock the orders of some receipts and give them with the lines concerned, by key."""
    wanted = [row.order_line_id for arrival in arrivals for row in arrival.lines]
    orders = lock(Order, OrderLine.objects.filter(pk__in=wanted).values_list("order_id", flat=True))
    lines = {line.pk: line for line in OrderLine.objects.filter(order__in=list(orders)).order_by("position")}
    return orders, lines


def _refuse_arrival(
    ctx: Context, arrivals: Sequence[Arrival], orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine]
) -> None:
    life = registry.noun("purchasing.order").spec.life
    for order in orders.values():
        if order.is_history:
            raise HistoryOnly(order=_name(order))
        if order.state not in OPEN:
            raise NotPlaced(order=_name(order), state=life.state(order.state).label)
    if ctx.told_at is not None:
        return
    wanted: dict[UUID, Decimal] = {}
    for arrival in arrivals:
        for row in arrival.lines:
            wanted[row.order_line_id] = wanted.get(row.order_line_id, ZERO) + row.quantity
    known = {key: progress(line) for key, line in lines.items()}
    tolerance = {key: line.over_receipt_percent for key, line in lines.items()}
    for key in rules.received_too_much(wanted, known, tolerance):
        line = lines[key]
        raise ReceivesTooMuch(
            order=orders[line.order_id].number, item=_item(line.item_id),
            most=rules.may_still_come(known[key], tolerance[key]), quantity=wanted[key],
        )  # fmt: skip


def _pieces(row: ReceiptLine, item: ItemFacts, arrival: Arrival) -> list[ReceiptLine]:
    """Give the line, split into single pieces where the item has serial numbers. Raises: SerialsDiffer."""
    serials = arrival.serials.get(row.pk, [])
    if item.tracking != "serial":
        if serials:
            raise SerialsDiffer(item=item.code, quantity=row.quantity, count=len(serials))
        return [row]
    numbers = serials or ([row.lot_number] if row.lot_number else [""] * int(min(row.quantity, MOST_SERIALS)))
    if row.quantity != len(numbers):
        raise SerialsDiffer(item=item.code, quantity=row.quantity, count=len(numbers))
    copied = ("order_line_id", "item_id", "supplier_lot", "heat_number", "made_on", "expires_on")
    kept = {name: getattr(row, name) for name in copied}
    return [
        ReceiptLine(
            **({"id": row.pk} if n == 0 else {}),
            receipt_id=row.receipt_id,
            quantity=Decimal(1),
            lot_number=number,
            **kept,
        )
        for n, number in enumerate(numbers)
    ]


def _give_lots(ctx: Context, arrivals: Sequence[Arrival], facts: Mapping[UUID, ItemFacts]) -> None:
    rows = [(arrival.receipt, row) for arrival in arrivals for row in arrival.lines]
    tracked = [(receipt, row) for receipt, row in rows if facts[row.item_id].tracking != "none"]
    lots = stock.make_lots(ctx, [
        LotWant(
            item=row.item_id, number=row.lot_number, supplier=receipt.party_id, supplier_lot=row.supplier_lot,
            heat_number=row.heat_number, made_on=row.made_on, expires_on=row.expires_on, origin_noun=NOUN,
            origin=receipt.pk,
        )
        for receipt, row in tracked
    ])  # fmt: skip
    for (_, row), lot in zip(tracked, lots, strict=True):
        row.lot_id, row.lot_number = lot.pk, lot.number


def _receive(orders: Mapping[UUID, Order], line: OrderLine, row: ReceiptLine) -> ReceivedLine:
    """Count an arrival on its order line; its value is its share of the line's net amount."""
    found = _share(orders[line.order_id], line, row, before=line.received_quantity, quantity=row.quantity)
    row.amount = found.amount
    line.received_quantity += row.quantity
    return found


def _judge(orders: Mapping[UUID, Order], line: OrderLine, row: ReceiptLine, verdict: Verdict) -> ReceivedLine:
    quantity = verdict.accepted + verdict.rejected
    found = _share(
        orders[line.order_id], line, row, before=line.booked_quantity, quantity=quantity,
        rejected=verdict.rejected, reason=verdict.reason,
    )  # fmt: skip
    row.accepted_quantity += verdict.accepted
    row.rejected_quantity += verdict.rejected
    row.reject_reason = "；".join(filter(None, dict.fromkeys((row.reject_reason, verdict.reason))))[:255]
    line.booked_quantity += quantity
    line.rejected_quantity += verdict.rejected
    return found


def _take_back(orders: Mapping[UUID, Order], line: OrderLine, row: ReceiptLine) -> ReceivedLine:
    order = orders[line.order_id]
    judged = row.accepted_quantity + row.rejected_quantity
    left = line.received_quantity - row.quantity
    if line.returned_quantity > left:
        raise AlreadyReturned(order=order.number, item=_item(line.item_id))
    if line.invoiced_quantity > left - line.returned_quantity:
        raise AlreadyInvoiced(order=order.number, item=_item(line.item_id))
    found = _share(
        order,
        line,
        row,
        before=line.received_quantity,
        quantity=-row.quantity,
        rejected=-row.rejected_quantity,
    )
    line.received_quantity, line.booked_quantity = left, line.booked_quantity - judged
    line.rejected_quantity -= row.rejected_quantity
    return found


def _share(
    order: Order, line: OrderLine, row: ReceiptLine, *, before: Decimal, quantity: Decimal,
    rejected: Decimal = ZERO, reason: str = "",
) -> ReceivedLine:  # fmt: skip
    share = {"whole": line.stock_quantity, "before": before, "part": quantity}
    return ReceivedLine(
        order=order.pk,
        order_line=line.pk,
        receipt_line=row.pk,
        item=line.item_id,
        lot=row.lot_id,
        quantity=quantity,
        net_amount=part_amount(line.net_amount, **share),
        tax_amount=part_amount(line.tax_amount, **share),
        amount=part_amount(round_money(line.net_amount * order.exchange_rate), **share),
        rejected=rejected,
        reason=reason,
        moves=(),
    )


def _verdicts(
    receipt: Receipt, row: ReceiptLine, item: ItemFacts, given: Mapping[UUID, Sequence[Verdict]]
) -> Sequence[Verdict]:
    left = row.quantity - row.accepted_quantity - row.rejected_quantity
    if not given:
        return [Verdict(left)] if left else []
    wanted = [verdict for verdict in given.get(row.pk, ()) if verdict.accepted or verdict.rejected]
    total = sum((verdict.accepted + verdict.rejected for verdict in wanted), ZERO)
    if total > left:
        raise BooksTooMuch(receipt=_name(receipt), item=item.code, left=left, quantity=total)
    return wanted


def _put_away(row: ReceiptLine, verdict: Verdict, places: Standing, into: UUID) -> list[MoveIntent]:
    found = []
    if verdict.accepted:
        found.append(_intent(row, verdict.accepted, places.inspection, into))
    if verdict.rejected:
        found.append(
            _intent(row, verdict.rejected, places.inspection, places.rejected, reason=verdict.reason)
        )
    return found


def _intent(
    row: ReceiptLine,
    quantity: Decimal,
    source: UUID,
    target: UUID,
    amount: Decimal | None = None,
    reason: str = "",
) -> MoveIntent:
    return MoveIntent(
        item=row.item_id, quantity=quantity, source=source, target=target, lot=row.lot_id, origin_noun=NOUN,
        origin=row.receipt_id, origin_line=row.pk, amount=amount, reason=reason,
    )  # fmt: skip


def _by_line(moves: Sequence[Any]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for move in moves:
        found.setdefault(move.origin_line, []).append(move.pk)
    return found


def _event(
    kind: type[GoodsArrived], receipt: Receipt, orders: Mapping[UUID, Order], rows: Sequence[ReceivedLine]
) -> Any:
    return kind(
        record=receipt.pk, party=receipt.party_id, plant=receipt.plant_id, arrived_on=receipt.arrived_on,
        currency=orders[rows[0].order].currency_id, lines=tuple(rows),
    )  # fmt: skip


def _write_arrivals(arrivals: Sequence[Arrival]) -> None:
    """Write receipts that were not announced, and the lines of all as they came."""
    rows = [row for arrival in arrivals for row in arrival.lines]
    for arrival in arrivals:
        for position, row in enumerate(arrival.lines, start=1):
            row.position = position
    fresh = [arrival.receipt for arrival in arrivals if arrival.receipt._state.adding]
    db.insert_rows(fresh)
    owe_numbers(fresh)
    columns = [f.name for f in ReceiptLine._meta.concrete_fields if not f.primary_key]
    ReceiptLine.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=columns)


def _save_order_lines(lines: Any) -> None:
    OrderLine.objects.bulk_update(
        list(lines),
        ["received_quantity", "booked_quantity", "rejected_quantity", "arrived_on"],
        batch_size=1000,
    )


def _settle(orders: Mapping[UUID, Order], lines: Mapping[UUID, OrderLine]) -> None:
    """Set the states of orders from their lines."""
    for order in orders.values():
        rows = [progress(line) for line in lines.values() if line.order_id == order.pk]
        order.state = rules.order_state(rows, is_confirmed=order.is_confirmed)


def _refuse_places(receipts: Sequence[Receipt], wanted: Sequence[UUID | None]) -> None:
    """Refuse to book into what is no store of the plant. Raises: WrongLocation, NoSuchLocation."""
    keys = list({key for key in wanted if key})
    if not keys:
        return
    plants = {receipt.plant_id for receipt in receipts}
    found = db.rows("SELECT id, code, kind, plant_id FROM inventory_location WHERE id = ANY(%s)", [keys])
    for _, code, kind, plant in found:
        if kind not in STORES or plants != {plant}:
            raise WrongLocation(location=code, kind=kind)
    if len(found) < len(keys):
        raise NoSuchLocation(location=next(key for key in keys if key not in {row[0] for row in found}))


def _item(key: UUID) -> str:
    return items.items_by_id([key])[key].code


def _name(record: Order | Receipt) -> str:
    return name_of(registry.noun("purchasing.order" if isinstance(record, Order) else NOUN), record)
