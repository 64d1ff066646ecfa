"""Questions about buying; frozen values for the modules above, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from banyan.kernel import db
from banyan.lib.pricing import part_amount
from banyan.modules.purchasing import rules
from banyan.modules.purchasing.models import OrderLine, ReceiptLine, SupplierItem
from banyan.modules.purchasing.rules import Delivery, Performance, Progress, Source, source_for

#: States in which an order still waits for goods.
OPEN = ("ordered", "confirmed", "partly_received")


@dataclass(frozen=True, slots=True)
class SupplyRow:
    """What is still to come of an order line, as planning sees it; quantities in the item's stock unit.

    Gives:  `is_firm` when the supplier has confirmed the day; noun purchasing.receipt for goods at the gate
            that wait for inspection: they lie in the plant but are not yet available
    """

    noun: str
    order: UUID
    line: UUID
    item: UUID
    quantity: Decimal
    due: date
    is_firm: bool
    number: str
    party: UUID


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """What of an order line was received, kept and not invoiced; below zero, what the supplier is to credit.

    Gives:  `stock_quantity` in the item's stock unit, `quantity` in the line's, amounts in the order's money
    """

    order: UUID
    line: UUID
    party: UUID
    plant: UUID
    currency: UUID
    exchange_rate: Decimal
    number: str
    item: UUID
    unit: UUID
    stock_quantity: Decimal
    quantity: Decimal
    price: Decimal
    price_includes_tax: bool
    discount_percent: Decimal
    tax_code: UUID
    tax_percent: Decimal
    net_amount: Decimal
    tax_amount: Decimal


_SOURCE = (
    "id", "party_id", "item_id", "unit_id", "currency_id", "price", "price_includes_tax", "tax_code_id",
    "lead_time_days", "minimum_quantity", "pack_factor", "over_receipt_percent", "is_preferred", "priority",
    "supplier_code", "valid_from", "valid_to",
)  # fmt: skip


def sources(items: Sequence[UUID], *, is_usable: bool = False) -> tuple[Source, ...]:
    """Give the supplier list of some items; where told, only of suppliers in use. One statement."""
    rows = SupplierItem.objects.filter(item__in=set(items))
    if is_usable:
        rows = rows.filter(party__is_active=True, party__is_blocked=False)
    return tuple(Source(*row) for row in rows.values_list(*_SOURCE))


def preferred_suppliers(items: Sequence[UUID], on: date) -> dict[UUID, Source]:
    """Give from whom to buy each item on a day: the preferred source, else by priority and price.

    Gives:  items that nobody in use delivers are left out. One statement
    """
    by_item: dict[UUID, list[Source]] = {}
    for row in sources(items, is_usable=True):
        by_item.setdefault(row.item, []).append(row)
    found = {item: source_for(rows, item=item, day=on) for item, rows in by_item.items()}
    return {item: source for item, source in found.items() if source}


def sources_of(pairs: Sequence[tuple[UUID, UUID]], on: date) -> dict[tuple[UUID, UUID], Source]:
    """Give the terms of (supplier, item) pairs on a day; pairs without any are left out. One statement."""
    by_pair: dict[tuple[UUID, UUID], list[Source]] = {}
    for row in sources([item for _, item in pairs]):
        by_pair.setdefault((row.party, row.item), []).append(row)
    found = {
        pair: source_for(by_pair.get(pair, ()), item=pair[1], day=on, party=pair[0]) for pair in set(pairs)
    }
    return {pair: source for pair, source in found.items() if source}


def progress(line: OrderLine) -> Progress:
    """Give how far a line is."""
    return Progress(
        ordered=line.stock_quantity, received=line.received_quantity, booked=line.booked_quantity,
        rejected=line.rejected_quantity, cancelled=line.cancelled_quantity, returned=line.returned_quantity,
        replaced=line.replaced_quantity, invoiced=line.invoiced_quantity,
    )  # fmt: skip


def brought_too_much(receipt: UUID) -> bool:
    """Say whether a receipt brought more of a line than its order could still take. Two statements."""
    rows = ReceiptLine.objects.filter(receipt=receipt).values_list("order_line").annotate(Sum("quantity"))
    came = dict(rows.order_by())
    lines = OrderLine.objects.in_bulk(came)
    before = {key: replace(progress(line), received=line.received_quantity - came[key]) for key, line in lines.items()}
    return bool(rules.received_too_much(came, before, {key: ln.over_receipt_percent for key, ln in lines.items()}))


#: Columns as in SupplyRow; planning asks it together with others.
OPEN_SUPPLY = """
    SELECT 'purchasing.order', o.id, l.id, l.item_id, l.open_quantity,
           coalesce(l.confirmed_on, l.wanted_on, o.ordered_on) AS due,
           l.confirmed_on IS NOT NULL, o.number, o.party_id
    FROM purchasing_orderline l JOIN purchasing_order o ON o.id = l.order_id
    WHERE l.plant_id = %(plant)s AND l.open_quantity > 0 AND o.state = ANY(%(open)s) AND NOT o.is_history
    UNION ALL
    SELECT 'purchasing.receipt', r.id, x.id, x.item_id,
        x.quantity - x.accepted_quantity - x.rejected_quantity,
           r.arrived_on, true, r.number, r.party_id
    FROM purchasing_receipt r JOIN purchasing_receiptline x ON x.receipt_id = r.id
    WHERE r.plant_id = %(plant)s AND r.state IN ('arrived', 'partly_booked')
      AND x.quantity > x.accepted_quantity + x.rejected_quantity
    ORDER BY due, 8, 3
"""


def open_supply(plant_id: UUID) -> tuple[SupplyRow, ...]:
    """Give what suppliers still owe a plant and what waits for inspection, by due day. One statement.

    What is in inspection is on hand, not available: whoever nets against stock on hand leaves those rows out.
    """
    return tuple(SupplyRow(*row) for row in db.rows(OPEN_SUPPLY, {"plant": plant_id, "open": list(OPEN)}))


def lines_to_invoice(orders: Sequence[UUID]) -> tuple[InvoiceRow, ...]:
    """Give what of some orders was received, is kept and not invoiced, by order and line. One statement."""
    rows = (
        OrderLine.objects.filter(order__in=list(orders), order__is_history=False)
        .exclude(order__state__in=("draft", "cancelled"))
        .select_related("order")
        .order_by("order__number", "position")
    )
    return tuple(_invoice_row(line) for line in rows if progress(line).to_invoice)


def _invoice_row(line: OrderLine) -> InvoiceRow:
    order, quantity = line.order, progress(line).to_invoice
    share = {"whole": line.stock_quantity, "before": line.invoiced_quantity, "part": quantity}
    return InvoiceRow(
        order=order.pk,
        line=line.pk,
        party=order.party_id,
        plant=order.plant_id,
        currency=order.currency_id,
        exchange_rate=order.exchange_rate,
        number=order.number,
        item=line.item_id,
        unit=line.unit_id,
        stock_quantity=quantity,
        quantity=part_amount(line.quantity, places=6, **share),
        price=line.price,
        price_includes_tax=line.price_includes_tax,
        discount_percent=line.discount_percent,
        tax_code=line.tax_code_id,
        tax_percent=line.tax_percent,
        net_amount=part_amount(line.net_amount, **share),
        tax_amount=part_amount(line.tax_amount, **share),
    )


@dataclass(frozen=True, slots=True)
class Warning:
    """An open line to look at, why (`overdue`, `will_be_late`, `unconfirmed`) and by how many days."""

    order: UUID
    line: UUID
    number: str
    party: UUID
    item: UUID
    open_quantity: Decimal
    wanted_on: date | None
    confirmed_on: date | None
    why: str
    days: int


_WARN = """
    SELECT o.id, l.id, o.number, o.party_id, l.item_id, l.open_quantity, l.wanted_on, l.confirmed_on,
           coalesce(s.lead_time_days, 0)
    FROM purchasing_orderline l JOIN purchasing_order o ON o.id = l.order_id
    LEFT JOIN LATERAL (
        SELECT max(lead_time_days) AS lead_time_days FROM purchasing_supplieritem i
        WHERE i.item_id = l.item_id AND i.party_id = l.party_id AND i.valid_from <= %(day)s
          AND (i.valid_to IS NULL OR i.valid_to > %(day)s)
    ) s ON true
    WHERE l.plant_id = %(plant)s AND l.open_quantity > 0 AND o.state = ANY(%(open)s) AND NOT o.is_history
    ORDER BY coalesce(l.confirmed_on, l.wanted_on), o.number, l.position
"""


def late_warnings(plant_id: UUID, today: date) -> tuple[Warning, ...]:
    """Give lines that are or will be late or lack the supplier's word, most urgent first. One statement."""
    rows = db.rows(_WARN, {"plant": plant_id, "open": list(OPEN), "day": today})
    found = []
    for *facts, lead in rows:
        open_quantity, wanted_on, confirmed_on = facts[5:]
        why = rules.warning(
            open_quantity=open_quantity, wanted_on=wanted_on, confirmed_on=confirmed_on, today=today,
            lead_time_days=lead,
        )  # fmt: skip
        if why:
            found.append(Warning(*facts, why, _days(why, wanted_on, confirmed_on, today)))
    return tuple(found)


def _days(why: str, wanted_on: date | None, confirmed_on: date | None, today: date) -> int:
    if why == "will_be_late":
        return (confirmed_on - wanted_on).days  # type: ignore[operator]
    return abs((today - (confirmed_on or wanted_on)).days)  # type: ignore[operator]


_DELIVERED = """
    SELECT l.party_id, coalesce(l.confirmed_on, l.wanted_on), l.arrived_on, l.received_quantity,
        l.rejected_quantity
    FROM purchasing_orderline l
    WHERE l.arrived_on BETWEEN %(since)s AND %(until)s AND l.received_quantity > 0
      AND (%(parties)s::uuid[] IS NULL OR l.party_id = ANY(%(parties)s))
"""


def delivery_performance(
    since: date, until: date, parties: Sequence[UUID] | None = None, *, grace_days: int = 0
) -> dict[UUID, Performance]:
    """Give by supplier how lines that came between two days compare with the day agreed. One statement.

    Takes:  grace_days: so late is still in time; a line counts once, on the day its last delivery came
    """
    wanted = None if parties is None else list(parties)
    by_party: dict[UUID, list[Delivery]] = {}
    for party, *rest in db.rows(_DELIVERED, {"since": since, "until": until, "parties": wanted}):
        by_party.setdefault(party, []).append(Delivery(*rest))
    return {party: rules.performance(rows, grace_days=grace_days) for party, rows in by_party.items()}


@dataclass(frozen=True, slots=True)
class PriceRow:
    """What an item cost on an order: price per unit of the line, net price per stock unit in our currency."""

    order: UUID
    item: UUID
    party: UUID
    ordered_on: date
    number: str
    quantity: Decimal
    unit: UUID
    currency: UUID
    price: Decimal
    net_unit_price: Decimal


_PRICES = """
    SELECT o.id, l.item_id, o.party_id, o.ordered_on, coalesce(o.number, ''), l.quantity, l.unit_id,
        o.currency_id, l.price,
           round(l.net_amount * o.exchange_rate / l.stock_quantity, 6)
    FROM purchasing_orderline l JOIN purchasing_order o ON o.id = l.order_id
    WHERE l.item_id = ANY(%(items)s) AND o.state NOT IN ('draft', 'cancelled')
      AND (%(party)s::uuid IS NULL OR o.party_id = %(party)s)
    ORDER BY l.item_id, o.ordered_on DESC, o.number DESC, l.position
"""


def price_history(items: Sequence[UUID], party: UUID | None = None) -> tuple[PriceRow, ...]:
    """Give what some items cost on every placed order, history included, the latest first. One statement."""
    return tuple(PriceRow(*row) for row in db.rows(_PRICES, {"items": list(items), "party": party}))


@dataclass(frozen=True, slots=True)
class GapRow:
    """A receipt line between gate and store: since when, and how much."""

    receipt: UUID
    line: UUID
    number: str
    party: UUID
    item: UUID
    lot: UUID | None
    quantity: Decimal
    arrived_at: datetime
    hours: Decimal


_GAP = """
    SELECT r.id, x.id, r.number, r.party_id, x.item_id, x.lot_id,
           x.quantity - x.accepted_quantity - x.rejected_quantity, r.arrived_at,
           round((extract(epoch FROM %(now)s - r.arrived_at) / 3600)::numeric, 1)
    FROM purchasing_receipt r JOIN purchasing_receiptline x ON x.receipt_id = r.id
    WHERE r.plant_id = %(plant)s AND r.state IN ('arrived', 'partly_booked')
      AND x.quantity > x.accepted_quantity + x.rejected_quantity
    ORDER BY r.arrived_at, r.number, x.position
"""


def waiting_at_gate(plant_id: UUID, now: datetime) -> tuple[GapRow, ...]:
    """Give what has arrived and is not booked, the longest waiting first, with its hours. One statement."""
    return tuple(GapRow(*row) for row in db.rows(_GAP, {"plant": plant_id, "now": now}))
