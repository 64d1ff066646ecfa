"""What people do with a purchase order: place it, note the supplier's word, receive on it, cancel, close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import db, registry
from banyan.kernel.commands import command, execute, name_of, tell
from banyan.kernel.context import Context
from banyan.kernel.schema import Day, Input, Quantity, Text, field
from banyan.lib.labels import L
from banyan.lib.money import round_money
from banyan.modules.items import queries as items
from banyan.modules.items.queries import ItemFacts
from banyan.modules.parties import queries as parties
from banyan.modules.purchasing import rules
from banyan.modules.purchasing.commands import receipts
from banyan.modules.purchasing.errors import (
    HistoryOnly,
    LineUnknown,
    NothingOpen,
    NothingToReceive,
    NotYetInvoiced,
    OrderEmpty,
    ReceiptKeyTaken,
    StillInInspection,
)
from banyan.modules.purchasing.events import (
    OrderCancelled,
    OrderClosed,
    OrderConfirmed,
    OrderedLine,
    OrderPlaced,
    PlacedLine,
)
from banyan.modules.purchasing.models import Order, OrderLine, Receipt
from banyan.modules.purchasing.queries import progress

LINE = "purchasing.order_line"


class ConfirmLine(Input):
    """The supplier's word on a line."""

    order_line: UUID = field("订单行", "Order line", reference=LINE)
    confirmed_on: Day = field("确认交期", "Confirmed for")


class Confirm(Input):
    """The supplier's word: one day for all open lines, or a day by line."""

    confirmed_on: Day | None = field(
        "确认交期", "Confirmed for", None, help=L("空则按需求日期", "Empty: as wanted")
    )
    supplier_reference: Text = field("供应商单号", "Supplier's reference", "", max_length=80)
    lines: list[ConfirmLine] = field("明细", "Lines", [], max_length=5000)


class ReceiveLine(Input):
    """What came of a line."""

    order_line: UUID = field("订单行", "Order line", reference=LINE)
    quantity: Annotated[Quantity, Field(gt=0)] = field(
        "数量", "Quantity", help=L("按库存单位", "In the stock unit")
    )
    lot_number: Text = field("批号", "Lot number", "", max_length=60)
    serial_numbers: list[Text] = field("序列号", "Serial numbers", [], max_length=5000)
    supplier_lot: Text = field("供应商批号", "Supplier's lot", "", max_length=60)
    heat_number: Text = field("炉号", "Heat number", "", max_length=60)
    made_on: Day | None = field("生产日期", "Made on", None)
    expires_on: Day | None = field("到期日期", "Expires on", None)


class Receive(Input):
    """What came; without lines, all that is open."""

    receipt: UUID | None = field(
        "收货单标识", "Key of the receipt", None,
        help=L("由设备生成的 UUID，收货单用它作标识", "A UUID made by the device; the receipt bears it"),
    )  # fmt: skip
    lines: list[ReceiveLine] = field("明细", "Lines", [], max_length=5000)
    delivery_note: Text = field("送货单号", "Delivery note", "", max_length=80)
    book_at_once: bool = field(
        "免检直接入库",
        "Book at once",
        False,
        help=L("全部合格，直接入库", "All accepted, straight into the store"),
    )


class Cancel(Input):
    """Why, and which lines."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)
    lines: list[UUID] = field(
        "明细行", "Lines", [], reference=LINE, max_length=5000,
        help=L("空为所有未到的数量", "Empty: all that is open"),
    )  # fmt: skip


@command("purchasing.order.order", L("下单", "Place"), icon="send", tone="green", is_primary=True)
def place_orders(ctx: Context, orders: Sequence[Order]) -> None:
    """Send orders to their suppliers.

    Raises: OrderEmpty; what `parties.require_usable`, `items.require_usable` and listeners refuse
    Writes: the orders; tells OrderPlaced
    """
    lines = lines_of(orders)
    for order in orders:
        if not lines[order.pk]:
            raise OrderEmpty(order=order.number or str(L("订单", "The order")))
    suppliers = parties.require_usable([order.party_id for order in orders], "supplier")
    facts = items.require_usable([line.item_id for rows in lines.values() for line in rows])
    tell(*(_placed(order, lines[order.pk], facts, suppliers[order.party_id].code) for order in orders))


@command("purchasing.order.confirm", L("确认交期", "Note confirmation"), input=Confirm, icon="calendar-check")
def confirm_orders(ctx: Context, orders: Sequence[Order], data: Confirm) -> None:
    """Note when the supplier says that open lines will come; said again, the new word counts.

    Raises: LineUnknown; HistoryOnly
    Writes: confirmed days; tells OrderConfirmed with the lines that have a new day
    """
    refuse_history(orders)
    by_order = lines_of(orders)
    known = {line.pk: line for rows in by_order.values() for line in rows}
    given = {row.order_line: row.confirmed_on for row in data.lines}
    _refuse_unknown(given, known)
    changed = []
    for line in known.values():
        day = given.get(line.pk) if given else (data.confirmed_on or line.wanted_on)
        if day and line.open_quantity and line.confirmed_on != day:
            line.confirmed_on = day
            changed.append(line)
    db.update_rows(changed, ["confirmed_on"])
    for order in orders:
        order.is_confirmed = True
        order.supplier_reference = data.supplier_reference or order.supplier_reference
        told = tuple(_ordered(line) for line in changed if line.order_id == order.pk)
        if told:
            tell(OrderConfirmed(record=order.pk, party=order.party_id, plant=order.plant_id, lines=told))


@command(
    "purchasing.order.receive",
    L("到货", "Receive"),
    input=Receive,
    icon="truck-loading",
    tone="green",
    is_big=True,
    is_primary=True,
)
def receive_orders(ctx: Context, orders: Sequence[Order], data: Receive) -> tuple[Receipt, ...]:
    """Take goods in at the gate: they lie in inspection, ours and at their value, until they are booked.

    Gives:  one receipt per order
    Raises: HistoryOnly, LineUnknown, NothingToReceive, ReceivesTooMuch, ReceiptKeyTaken; the refusals of lots and
            moves
    Writes: receipts, lots, moves, received quantities; tells GoodsArrived, and GoodsReceived when booked
    """
    refuse_history(orders)
    by_order = lines_of(orders)
    known = {line.pk: line for rows in by_order.values() for line in rows}
    _refuse_unknown([row.order_line for row in data.lines], known)
    wanted = data.lines or [
        ReceiveLine(order_line=line.pk, quantity=line.open_quantity)
        for line in known.values()
        if line.open_quantity
    ]
    if data.receipt and (len(orders) > 1 or Receipt.objects.filter(pk=data.receipt).exists()):
        raise ReceiptKeyTaken(key=data.receipt)
    made = []
    for order in orders:
        rows = [row for row in wanted if known[row.order_line].order_id == order.pk]
        if not rows:
            raise NothingToReceive(order=order.number)
        made.append(receipts.draft(ctx, order, [row.model_dump() for row in rows], data.delivery_note, data.receipt))
    by_key = {order.pk: order for order in orders}
    receipts.arrive(ctx, made, by_key, known, and_book=data.book_at_once)
    return tuple(draft.receipt for draft in made)


@command(
    "purchasing.order.cancel", L("取消", "Cancel"), input=Cancel, icon="x", tone="red",
    confirm=L("取消未到的数量？", "Cancel what has not come?"),
)  # fmt: skip
def cancel_orders(ctx: Context, orders: Sequence[Order], data: Cancel) -> None:
    """Give up orders, or the rest of them, or some lines.

    Raises: HistoryOnly; LineUnknown; NothingOpen
    Writes: cancelled quantities; tells OrderCancelled
    """
    refuse_history(orders)
    by_order = lines_of(orders)
    known = {line.pk: line for rows in by_order.values() for line in rows}
    _refuse_unknown(data.lines, known)
    chosen = set(data.lines) or set(known)
    given_up: list[OrderLine] = []
    for order in orders:
        order.cancel_reason = data.reason
        is_draft = order.state == "draft"
        rows = [ln for ln in by_order[order.pk] if ln.open_quantity > 0 and (is_draft or ln.pk in chosen)]
        if not is_draft and not rows:
            raise NothingOpen(order=order.number)
        if not is_draft:
            tell(_cancelled(order, rows, data.reason))
        given_up += rows
    for line in given_up:
        line.cancelled_quantity += line.open_quantity
    db.update_rows(given_up, ["cancelled_quantity"])
    for order in orders:
        order.state = state_of(order, by_order[order.pk])


@command("purchasing.order.close", L("关闭", "Close"), icon="archive")
def close_orders(ctx: Context, orders: Sequence[Order]) -> None:
    """Close orders of which all has come and been booked.

    Raises: StillInInspection; NotYetInvoiced, to be consented to, when something kept has no invoice
    Writes: the orders; tells OrderClosed
    """
    by_order = lines_of(orders)
    waiting = []
    for order in orders:
        found = [progress(line) for line in by_order[order.pk]]
        in_inspection = sum(p.in_inspection for p in found)
        if in_inspection and not order.is_history:
            raise StillInInspection(order=order.number, quantity=in_inspection)
        if any(p.to_invoice for p in found) and not order.is_history:
            waiting.append(order.number)
    if waiting and NotYetInvoiced.code not in ctx.consents:
        raise NotYetInvoiced(orders=waiting)
    tell(*(OrderClosed(record=order.pk, party=order.party_id) for order in orders))


# --- for the modules above ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    """What is to be bought.

    Takes:  quantity in the item's stock unit; party: None is the preferred supplier; origin: whom it is for;
            price: without tax, None is the supplier's
    """

    item: UUID
    plant: UUID
    quantity: Decimal
    due_on: date
    party: UUID | None = None
    origin_noun: str = ""
    origin: UUID | None = None
    price: Decimal | None = None


def order_needs(
    ctx: Context, needs: Sequence[Need], source_of: Mapping[UUID, rules.Source]
) -> tuple[Order, ...]:
    """Make draft orders for needs, one per supplier, plant and currency, in the suppliers' packs.

    Takes:  source_of: the source of each item, as `preferred_suppliers` gives it
    Gives:  the orders; their lines name the needs they are for
    Raises: the refusals of creating an order, for a need without supplier or price among them
    """
    groups: dict[tuple, list[Need]] = {}
    for need in needs:
        source = source_of.get(need.item)
        party = need.party or (source and source.party)
        groups.setdefault((need.plant, party, source and source.currency), []).append(need)
    records = [
        {
            "party": party,
            "plant": plant,
            "wanted_on": min(need.due_on for need in group),
            **({"currency": currency} if currency else {}),
            "lines": [_line(need, source_of.get(need.item)) for need in group],
        }
        for (plant, party, currency), group in groups.items()
    ]
    made = execute(ctx, registry.command("purchasing.order.create"), data={"records": records}).value
    lines = list(OrderLine.objects.filter(order__in=made).order_by("position"))
    for order, group in zip(made, groups.values(), strict=True):
        for line, need in zip([ln for ln in lines if ln.order_id == order.pk], group, strict=True):
            line.origin_noun, line.origin = need.origin_noun, need.origin
    OrderLine.objects.bulk_update(lines, ["origin_noun", "origin"], batch_size=1000)
    return tuple(made)


def _line(need: Need, source: rules.Source | None) -> dict:
    own = items.items_by_id([need.item])[need.item].unit_id
    told = {} if need.price is None else {"price": need.price}
    if source is None or source.unit != own:
        return {"item": need.item, "unit": own, "quantity": need.quantity, "wanted_on": need.due_on} | told
    quantity = rules.quantity_to_order(
        need.quantity, minimum=source.minimum_quantity, pack=source.pack_factor
    )
    return {"item": need.item, "unit": own, "quantity": quantity, "wanted_on": need.due_on} | told


# --- what the commands above stand on -----------------------------------------------------------------------


def lines_of(orders: Sequence[Order]) -> dict[UUID, list[OrderLine]]:
    """Give the lines of some orders, by order and place. One statement, none for no orders."""
    found: dict[UUID, list[OrderLine]] = {order.pk: [] for order in orders}
    if orders:
        for line in OrderLine.objects.filter(order__in=orders).order_by("order_id", "position"):
            found[line.order_id].append(line)
    return found


def state_of(order: Order, lines: Sequence[OrderLine]) -> str:
    """Give the state of a placed order from its lines."""
    return rules.order_state((progress(line) for line in lines), is_confirmed=order.is_confirmed)


def refuse_history(orders: Sequence[Order]) -> None:
    """Refuse to move anything on orders of an earlier system. Raises: HistoryOnly."""
    for order in orders:
        if order.is_history:
            raise HistoryOnly(order=name_of(registry.noun("purchasing.order"), order))


def _refuse_unknown(wanted: Sequence[UUID] | Mapping[UUID, object], known: Mapping[UUID, object]) -> None:
    unknown = [line for line in wanted if line not in known]
    if unknown:
        raise LineUnknown(lines=unknown)


def _ordered(line: OrderLine) -> OrderedLine:
    return OrderedLine(line.pk, line.item_id, line.open_quantity, line.wanted_on, line.confirmed_on)


def _cancelled(order: Order, lines: Sequence[OrderLine], reason: str) -> OrderCancelled:
    return OrderCancelled(
        record=order.pk, party=order.party_id, plant=order.plant_id, reason=reason,
        lines=tuple(_ordered(line) for line in lines),
    )  # fmt: skip


def _placed(
    order: Order, lines: Sequence[OrderLine], facts: Mapping[UUID, ItemFacts], supplier: str
) -> OrderPlaced:
    return OrderPlaced(
        record=order.pk, party=order.party_id, party_code=supplier, plant=order.plant_id,
        ordered_on=order.ordered_on, currency=order.currency_id,
        gross_amount=order.gross_amount, amount=round_money(order.gross_amount * order.exchange_rate),
        lines=tuple(
            PlacedLine(
                line.pk, line.item_id, line.open_quantity, line.wanted_on, line.confirmed_on, item.code, item.name,
                item.unit, item.has_stock, line.net_amount,
            )
            for line in lines
            for item in [facts[line.item_id]]
        ),
    )  # fmt: skip
