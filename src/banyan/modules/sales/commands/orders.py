"""What people do with an order: confirm, promise, reserve, cancel, close."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import orjson

from banyan.kernel import db
from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.registry import port
from banyan.kernel.schema import Day, Input, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.money import round_money
from banyan.modules.company import queries as company
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.values import Demand
from banyan.modules.items import queries as items
from banyan.modules.parties import queries as parties
from banyan.modules.sales import queries, rules
from banyan.modules.sales.errors import (
    DateInPast,
    LineUnknown,
    NothingOpen,
    NotYetInvoiced,
    OrderEmpty,
    ReasonNeeded,
)
from banyan.modules.sales.events import (
    ConfirmedLine,
    OrderCancelled,
    OrderClosed,
    OrderConfirmed,
    OrderedLine,
    OrderPromised,
)
from banyan.modules.sales.models import Order, OrderLine
from banyan.modules.sales.queries import LINE, progress

#: The reason in the ledger when a promise is worked out anew and nobody gives another.
RECKONED = L("按库存和计划重新计算", "Worked out anew from stock and plan")


@dataclass(frozen=True, slots=True)
class DateWish:
    """An order line that asks for a day: so much of an item, in its stock unit, at a plant, when wanted.

    `lead_time_days` is the item's at the plant, in working days: what counts when nobody plans.
    """

    line: UUID
    order: UUID
    item: UUID
    plant: UUID
    quantity: Decimal
    wanted_on: date | None
    priority: str
    lead_time_days: int = 0


class Confirm(Input):
    """How to confirm."""

    must_promise: bool = field(
        "必须有现货", "Stock must be free", False,
        help=L("库存不足则不确认", "Refuse when stock is not free for all of it"),
    )  # fmt: skip
    promised_on: Day | None = field(
        "承诺日期", "Promised on", None,
        help=L("空则按库存和计划计算", "Empty: worked out from stock and plan"),
    )  # fmt: skip
    made_to_order: list[UUID] = field(
        "按单生产的行", "Lines made to order", default_factory=list, reference=LINE, max_length=5000,
        help=L("不占现货，成为生产需求", "They take no stock and become demand of the plan"),
    )  # fmt: skip


class Promise(Input):
    """Which day to promise, for which lines, and why."""

    promised_on: Day | None = field(
        "承诺日期", "Promised on", None, help=L("空则重新计算", "Empty: worked out anew")
    )  # fmt: skip
    reason: Text = field("原因", "Reason", "", max_length=255)
    lines: list[UUID] = field(
        "明细行", "Lines", default_factory=list, reference=LINE, max_length=5000,
        help=L("空为所有未发的行", "Empty: all open lines"),
    )  # fmt: skip


class Cancel(Input):
    """Why, and which lines."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)
    lines: list[UUID] = field(
        "明细行", "Lines", default_factory=list, reference=LINE, max_length=5000,
        help=L("空为所有未发的数量", "Empty: all that is open"),
    )  # fmt: skip


@command(
    "sales.order.confirm", L("确认", "Confirm"), input=Confirm, icon="check", tone="green", is_primary=True
)
def confirm_orders(ctx: Context, orders: Sequence[Order], data: Confirm) -> None:
    """Make orders binding: what stock is free is promised, the rest becomes demand of the plan.

    Takes:  made_to_order: lines that take no stock, whatever is free
    Raises: OrderEmpty; what `parties.require_usable` and `items.require_usable` refuse; NotEnoughStock with
            must_promise, naming what is short; LineUnknown; what listeners refuse (the credit limit)
    Writes: stock promises, promised days and their ledger; locks orders, then stock; tells OrderConfirmed
    """
    rows = _rows(orders, ctx)
    _refuse_unusable(orders, rows)
    lines = {line: row for line, row in rows.items() if row.has_stock}
    made = set(_chosen(lines, data.made_to_order)) if data.made_to_order else set()
    demands = [
        Demand(LINE, row.line, row.item, row.plant, row.open) for row in lines.values() if row.line not in made
    ]
    if data.must_promise:
        stock.promise(ctx, demands)
        free = rows.keys() - made
    else:
        kept = stock.promise_what_is_free(ctx, demands)
        free = {
            row.line for row in rows.values()
            if not row.has_stock or kept.get((LINE, row.line), Decimal(0)) >= row.open
        }  # fmt: skip
        free -= made
    days = _given_days(rows, data.promised_on) or _days(ctx, rows, free)
    _write_promises(ctx, days, "")
    by_order = _by_order(rows)
    for order in orders:
        order.promised_on = rules.latest_day([days[row.line] for row in by_order[order.pk]])
    tell(*(_confirmed(order, by_order[order.pk], days) for order in orders))


@command("sales.order.promise", L("承诺日期", "Promise a day"), input=Promise, icon="calendar-check")
def promise_days(ctx: Context, orders: Sequence[Order], data: Promise) -> None:
    """Promise a day for open lines; asked of the plan when none is given.

    Raises: LineUnknown; ReasonNeeded where a person changes an earlier promise; DateInPast
    Writes: promised days and their ledger; tells OrderPromised
    """
    rows = {line: row for line, row in _rows(orders, ctx).items() if row.open}
    chosen = _chosen(rows, data.lines)
    days = _given_days(chosen, data.promised_on) or _days(ctx, chosen, _kept(chosen))
    changes = rules.promise_changes({line: row.promised_on for line, row in chosen.items()}, days)
    if data.promised_on and any(change.was for change in changes) and not data.reason:
        raise ReasonNeeded
    reason = data.reason or ("" if data.promised_on else RECKONED.in_(ctx.language))
    _write_promises(ctx, {change.line: change.becomes for change in changes}, reason)
    known = {line: row.promised_on for line, row in rows.items()} | days
    by_order = _by_order(rows)
    for order in orders:
        order.promised_on = rules.latest_day([known[row.line] for row in by_order.get(order.pk, ())])
    changed = {change.line for change in changes}
    for order in orders:
        told = tuple(_ordered(row, known) for row in by_order.get(order.pk, ()) if row.line in changed)
        if told:
            tell(OrderPromised(record=order.pk, party=order.party_id, reason=reason, lines=told))


@command("sales.order.reserve", L("占用库存", "Reserve stock"), icon="lock")
def reserve_stock(ctx: Context, orders: Sequence[Order]) -> dict[UUID, Decimal]:
    """Promise what stock is free now for what is open: after a receipt or a completion, for instance.

    Gives:  the quantity that is now promised, by line
    Writes: stock promises
    """
    rows = [row for row in _rows(orders, ctx).values() if row.open and row.has_stock]
    kept = queries.kept_stock([row.line for row in rows])
    demands = [
        Demand(LINE, row.line, row.item, row.plant, row.open - kept[row.line])
        for row in rows
        if row.open > kept[row.line]
    ]
    got = stock.promise_what_is_free(ctx, demands)
    return {line: quantity + got.get((LINE, line), Decimal(0)) for line, quantity in kept.items()}


@command(
    "sales.order.cancel", L("取消", "Cancel"), input=Cancel, icon="x", tone="red",
    confirm=L("取消未发的数量？", "Cancel what has not been shipped?"),
)  # fmt: skip
def cancel_orders(ctx: Context, orders: Sequence[Order], data: Cancel) -> None:
    """Give up orders, or the rest of them, or some lines; what was promised becomes free.

    Raises: LineUnknown; NothingOpen
    Writes: cancelled quantities; releases stock promises; tells OrderCancelled
    """
    binding = {order.pk: order for order in orders if order.state != "draft"}
    lines = list(OrderLine.objects.filter(order__in=orders).order_by("order_id", "position"))
    chosen = _chosen({line.pk: line for line in lines}, data.lines)
    given_up = {order.pk: [] for order in orders}
    for line in lines:
        if line.open_quantity > 0 and (line.pk in chosen or line.order_id not in binding):
            given_up[line.order_id].append(line)
    events = []
    for order in orders:
        order.cancel_reason = data.reason
        if order.pk in binding and not given_up[order.pk]:
            raise NothingOpen(order=order.number)
        if order.pk in binding:
            events.append(_cancelled(order, given_up[order.pk], data.reason))
    gone = [line for rows in given_up.values() for line in rows]
    for line in gone:
        line.cancelled_quantity += line.open_quantity
    db.update_rows(gone, ["cancelled_quantity"])
    for order in orders:
        order.state = rules.order_state(progress(line) for line in lines if line.order_id == order.pk)
    kept = [Demand(LINE, ln.pk, ln.item_id, ln.plant_id) for ln in gone if ln.order_id in binding]
    stock.release_promises(ctx, kept)
    tell(*events)


@command("sales.order.close", L("关闭", "Close"), icon="archive")
def close_orders(ctx: Context, orders: Sequence[Order]) -> None:
    """Close orders of which all has gone.

    Raises: NotYetInvoiced, to be consented to, when something shipped and kept is not invoiced
    Writes: the orders; tells OrderClosed
    """
    waiting = {
        line.order_id
        for line in OrderLine.objects.filter(order__in=orders)
        if progress(line).to_invoice
    }  # fmt: skip
    if waiting and NotYetInvoiced.code not in ctx.consents:
        raise NotYetInvoiced(orders=[order.number for order in orders if order.pk in waiting])
    tell(*(OrderClosed(record=order.pk, party=order.party_id) for order in orders))


# --- what the commands above stand on -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """An order line with what a decision on it needs to know."""

    line: UUID
    order: UUID
    item: UUID
    plant: UUID
    party: UUID
    open: Decimal
    wanted_on: date | None
    promised_on: date | None
    priority: str
    has_stock: bool
    is_usable: bool
    lead_time_days: int
    today: date
    item_code: str
    item_name: str
    unit: str
    net_amount: Decimal
    tax_amount: Decimal
    tax_code: str
    party_code: str


#: What is looked up of a line stands in selections of its own: a join of eight takes three milliseconds to plan, which
#: is done at the first uses on each connection.
_ROWS = """
    SELECT l.id, l.order_id, l.item_id, o.plant_id, o.party_id, l.open_quantity, coalesce(l.wanted_on, o.wanted_on),
           l.promised_on, o.priority, i.kind NOT IN ('service', 'phantom'),
           i.is_active AND p.is_customer AND p.is_active AND NOT p.is_blocked,
           coalesce((SELECT t.lead_time_days FROM items_itemplant t
                     WHERE t.item_id = l.item_id AND t.plant_id = o.plant_id), 0),
           (SELECT (%(now)s::timestamptz AT TIME ZONE f.zone)::date FROM company_plant f WHERE f.id = o.plant_id),
           i.code, i.name, (SELECT u.code FROM company_unit u WHERE u.id = i.unit_id), l.net_amount, l.tax_amount,
           (SELECT x.code FROM company_taxcode x WHERE x.id = l.tax_code_id), p.code
    FROM sales_order o
    JOIN sales_orderline l ON l.order_id = o.id
    JOIN items_item i ON i.id = l.item_id
    JOIN parties_party p ON p.id = o.party_id
    WHERE o.id = ANY(%(orders)s)
    ORDER BY o.id, l.position
"""


def _rows(orders: Sequence[Order], ctx: Context) -> dict[UUID, Row]:
    """Give the lines of orders with item, customer and plant; one statement, because confirming is hot."""
    found = db.rows(_ROWS, {"orders": [order.pk for order in orders], "now": ctx.now})
    return {row[0]: Row(*row) for row in found}


def _refuse_unusable(orders: Sequence[Order], rows: Mapping[UUID, Row]) -> None:
    filled = {row.order for row in rows.values()}
    for order in orders:
        if order.pk not in filled:
            raise OrderEmpty(order=order.number or str(L("订单", "The order")))
    if not all(row.is_usable for row in rows.values()):
        parties.require_usable([order.party_id for order in orders], "customer")
        items.require_usable([row.item for row in rows.values()])


def _by_order(rows: Mapping[UUID, Row]) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = {}
    for row in rows.values():
        found.setdefault(row.order, []).append(row)
    return found


def _chosen(known: Mapping, wanted: Sequence[UUID]) -> Mapping:
    """Give the lines that are wanted, all when none is named. Raises: LineUnknown."""
    if not wanted:
        return known
    unknown = [line for line in wanted if line not in known]
    if unknown:
        raise LineUnknown(lines=unknown)
    return {line: known[line] for line in wanted}


def _given_days(rows: Mapping[UUID, Row], day: date | None) -> dict[UUID, date]:
    if day is None:
        return {}
    if any(day < row.today for row in rows.values()):
        raise DateInPast(day=day)
    return {line: day for line in rows}


def _days(ctx: Context, rows: Mapping[UUID, Row], free: frozenset[UUID] | set[UUID]) -> dict[UUID, date]:
    """Give the day to promise for each line: at once where stock is free, else as the plan says."""
    waiting = [row for row in rows.values() if row.line not in free]
    found = earliest_date(ctx, tuple(_wish(row) for row in waiting)) if waiting else {}
    days = {}
    for line, row in rows.items():
        day = found.get(line) or row.wanted_on or row.today
        days[line] = max(day, row.today)
    return days


def _kept(rows: Mapping[UUID, Row]) -> set[UUID]:
    """Give the lines whose goods are kept for them in stock, or need none."""
    kept = queries.kept_stock(list(rows))
    return {line for line, row in rows.items() if not row.has_stock or kept[line] >= row.open}


def _wish(row: Row) -> DateWish:
    return DateWish(
        row.line, row.order, row.item, row.plant, row.open, row.wanted_on, row.priority, row.lead_time_days
    )


def lead_time_dates(ctx: Context, wishes: Sequence[DateWish]) -> dict[UUID, date]:
    """Give the days to promise when nobody plans: after the item's lead time, by the plant's calendar."""
    calendars = {plant: company.plant_calendar(plant) for plant in {wish.plant for wish in wishes}}
    return {
        wish.line: rules.default_promise(
            wanted_on=wish.wanted_on, today=calendars[wish.plant].day_of(ctx.now), is_free=False,
            lead_time_days=wish.lead_time_days, calendar=calendars[wish.plant],
        )
        for wish in wishes
    }  # fmt: skip


#: When can these lines be there at the earliest? Answered by planning; by lead times when nobody plans.
earliest_date: Callable[[Context, Sequence[DateWish]], dict[UUID, date]] = port(
    "sales.earliest_date", lead_time_dates
)

_WRITE_PROMISES = """
    WITH wish AS (
        SELECT * FROM jsonb_to_recordset(%(days)s::jsonb) AS w(line uuid, day date, key uuid)
    ), told AS (
        UPDATE sales_orderline l SET promised_on = w.day FROM wish w
        WHERE l.id = w.line AND l.promised_on IS DISTINCT FROM w.day
    )
    INSERT INTO sales_promiseentry (id, order_id, order_line_id, no, promised_on, was, reason, at, person)
    SELECT w.key, l.order_id, l.id, 1 + (SELECT count(*) FROM sales_promiseentry p
        WHERE p.order_line_id = l.id),
           w.day, l.promised_on, %(reason)s, %(at)s, %(person)s
    FROM wish w JOIN sales_orderline l ON l.id = w.line
    WHERE l.promised_on IS DISTINCT FROM w.day
"""


def _write_promises(ctx: Context, days: Mapping[UUID, date | None], reason: str) -> None:
    """Set the promised day of lines and note every change in the ledger. One statement."""
    if not days:
        return
    db.run(
        _WRITE_PROMISES,
        {
            "days": orjson.dumps([{"line": line, "day": day, "key": new_id()} for line, day in days.items()]).decode(),
            "reason": reason,
            "at": ctx.now,
            "person": ctx.person,
        },
    )


def _ordered(row: Row, days: Mapping[UUID, date | None]) -> OrderedLine:
    return OrderedLine(row.line, row.item, row.open, row.wanted_on, days[row.line])


def _confirmed(order: Order, rows: Sequence[Row], days: Mapping[UUID, date | None]) -> OrderConfirmed:
    return OrderConfirmed(
        record=order.pk, party=order.party_id, party_code=rows[0].party_code, plant=order.plant_id,
        ordered_on=order.ordered_on, currency=order.currency_id, gross_amount=order.gross_amount,
        amount=round_money(order.gross_amount * order.exchange_rate),
        priority=order.priority, address=order.address, customer_reference=order.customer_reference,
        lines=tuple(
            ConfirmedLine(
                row.line, row.item, row.open, row.wanted_on, days[row.line], row.item_code, row.item_name, row.unit,
                row.has_stock, row.net_amount, row.tax_amount, row.tax_code,
            )
            for row in rows
        ),
    )  # fmt: skip


def _cancelled(order: Order, lines: Sequence[OrderLine], reason: str) -> OrderCancelled:
    told = tuple(
        OrderedLine(ln.pk, ln.item_id, ln.open_quantity, ln.wanted_on, ln.promised_on) for ln in lines
    )
    return OrderCancelled(
        record=order.pk, party=order.party_id, plant=order.plant_id, reason=reason, lines=told
    )
