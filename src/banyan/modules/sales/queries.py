"""Questions about selling; frozen values for the modules above, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.lib.pricing import part_amount
from banyan.modules.inventory.kinds import FREE
from banyan.modules.sales.models import CustomerPrice, OrderLine, PromiseEntry
from banyan.modules.sales.rules import Offer, Progress, Shelf, days_late, price_for

#: States in which an order still waits for goods.
OPEN = ("confirmed", "partly_shipped")
#: The noun of a demand line, as promises and pegs name it.
LINE = "sales.order_line"


@dataclass(frozen=True, slots=True)
class DemandRow:
    """An open order line as planning sees it; quantities in the item's stock unit."""

    noun: str
    order: UUID
    line: UUID
    item: UUID
    quantity: Decimal
    due: date
    priority: str
    number: str
    party: UUID


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """What of an order line is to be invoiced; below zero, to be credited.

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


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """An entry of the promise ledger."""

    order: UUID
    line: UUID
    no: int
    promised_on: date | None
    was: date | None
    reason: str
    at: datetime
    person: UUID | None


@dataclass(frozen=True, slots=True)
class LateRow:
    """An open line whose promised day has passed, or was promised later than wanted."""

    order: UUID
    line: UUID
    number: str
    party: UUID
    item: UUID
    open_quantity: Decimal
    wanted_on: date | None
    promised_on: date | None
    days: int


_OFFER = (
    "id", "party_id", "item_id", "unit_id", "currency_id", "minimum_quantity", "price", "price_includes_tax",
    "valid_from", "valid_to", "tax_code_id",
)  # fmt: skip


def offers(items: Sequence[UUID]) -> tuple[Offer, ...]:
    """Give the price list of some items. One statement."""
    rows = CustomerPrice.objects.filter(item__in=set(items)).values_list(*_OFFER)
    return tuple(Offer(*row) for row in rows)


def price(
    *, party: UUID, item: UUID, unit: UUID, currency: UUID, quantity: Decimal, day: date
) -> Offer | None:
    """Give the price that counts for a customer, quantity and day, None without one. One statement."""
    return price_for(
        offers([item]), party=party, item=item, unit=unit, currency=currency, quantity=quantity, day=day
    )


def progress(line: OrderLine) -> Progress:
    """Give how far a line is."""
    return Progress(
        ordered=line.stock_quantity, shipped=line.shipped_quantity, cancelled=line.cancelled_quantity,
        returned=line.returned_quantity, replaced=line.replaced_quantity, invoiced=line.invoiced_quantity,
    )  # fmt: skip


_DEMAND = """
    SELECT o.id, l.id, l.item_id, l.open_quantity, coalesce(l.promised_on, l.wanted_on, o.ordered_on),
        o.priority,
           o.number, o.party_id
    FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id
    WHERE l.plant_id = %s AND l.open_quantity > 0 AND o.state = ANY(%s)
    ORDER BY 5, o.number, l.position
"""


def open_demand(plant_id: UUID) -> tuple[DemandRow, ...]:
    """Give what customers of a plant wait for, by due day (promised, else wanted). One statement."""
    return tuple(DemandRow("sales.order", *row) for row in db.rows(_DEMAND, [plant_id, list(OPEN)]))


def lines_to_invoice(orders: Sequence[UUID]) -> tuple[InvoiceRow, ...]:
    """Give what of some orders was shipped, is kept and not invoiced, by order and line. One statement."""
    rows = (
        OrderLine.objects.filter(order__in=list(orders))
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


def promise_ledger(lines: Sequence[UUID]) -> tuple[PromiseRow, ...]:
    """Give every day that was promised for some lines and each change of it, oldest first. One statement."""
    rows = PromiseEntry.objects.filter(order_line__in=list(lines)).order_by("order_line_id", "no")
    columns = ("order_id", "order_line_id", "no", "promised_on", "was", "reason", "at", "person")
    return tuple(PromiseRow(*row) for row in rows.values_list(*columns))


_KEPT_STOCK = """
    SELECT k.line, coalesce((SELECT sum(p.quantity) FROM inventory_promise p
                             WHERE p.demand_line = k.line AND p.demand_noun = %(noun)s), 0)
                 + coalesce((SELECT sum(a.quantity) FROM inventory_allocation a
                             WHERE a.demand_line = k.line AND a.demand_noun = %(noun)s), 0)
    FROM unnest(%(lines)s::uuid[]) AS k(line)
"""


def kept_stock(lines: Sequence[UUID]) -> dict[UUID, Decimal]:
    """Give how much stock is promised to or allocated for order lines, by line. One statement."""
    return dict(db.rows(_KEPT_STOCK, {"noun": LINE, "lines": list(lines)}))


_SHELVES = """
    SELECT k.line, b.lot_id, b.location_id, b.on_hand - b.allocated + coalesce(a.quantity, 0)
    FROM unnest(%(lines)s::uuid[], %(items)s::uuid[], %(plants)s::uuid[]) AS k(line, item, plant)
    JOIN inventory_balance b ON b.item_id = k.item AND b.plant_id = k.plant
    JOIN inventory_location p ON p.id = b.location_id
    JOIN company_plant z ON z.id = b.plant_id
    LEFT JOIN inventory_lot l ON l.id = b.lot_id
    LEFT JOIN inventory_allocation a ON a.balance_id = b.id AND a.demand_line = k.line
        AND a.demand_noun = %(noun)s
    WHERE b.kind = ANY(%(kinds)s) AND b.owner_id IS NULL
        AND b.on_hand - b.allocated + coalesce(a.quantity, 0) > 0
      AND (l.expires_on IS NULL OR l.expires_on >= (%(now)s::timestamptz AT TIME ZONE z.zone)::date)
    ORDER BY a.quantity IS NULL, l.state <> 'released', l.expires_on NULLS LAST, b.first_in_at, p.code,
        l.number, b.id
"""


def shelves(now: datetime, wanted: Sequence[tuple[UUID, UUID, UUID]]) -> dict[UUID, list[Shelf]]:
    """Give where stock for order lines lies, in the order to pick it: allocated, first expiry, first in.

    Takes:  wanted: (order line, item, plant)
    Gives:  stopped lots come last, so that taking one is refused in words. One statement
    """
    lines, items, plants = ([row[n] for row in wanted] for n in range(3))
    given = {"lines": lines, "items": items, "plants": plants, "noun": LINE, "kinds": list(FREE), "now": now}
    found: dict[UUID, list[Shelf]] = {}
    for line, lot, location, quantity in db.rows(_SHELVES, given):
        found.setdefault(line, []).append(Shelf(lot, location, quantity))
    return found


_LATE = """
    SELECT o.id, l.id, o.number, o.party_id, l.item_id, l.open_quantity, l.wanted_on, l.promised_on
    FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id
    WHERE l.plant_id = %(plant)s AND l.open_quantity > 0 AND o.state = ANY(%(open)s)
      AND (coalesce(l.promised_on, l.wanted_on) < %(day)s OR l.promised_on > l.wanted_on)
    ORDER BY coalesce(l.promised_on, l.wanted_on), o.number, l.position
"""


def late_lines(plant_id: UUID, today: date) -> tuple[LateRow, ...]:
    """Give open lines that are overdue or were promised later than wanted, the oldest first. One statement.

    Gives:  days since the promised day, zero for those still to come
    """
    rows = db.rows(_LATE, {"plant": plant_id, "open": list(OPEN), "day": today})
    return tuple(LateRow(*row, days_late(promised_on=row[-1] or row[-2], done_on=today)) for row in rows)


_KEPT = """
    SELECT l.party_id, count(*), count(*) FILTER (WHERE s.shipped_on <= first.promised_on),
           coalesce(avg(greatest(s.shipped_on - first.promised_on, 0)), 0)
    FROM sales_orderline l
    JOIN LATERAL (SELECT promised_on FROM sales_promiseentry p WHERE p.order_line_id = l.id
        ORDER BY no LIMIT 1) first
        ON first.promised_on IS NOT NULL
    JOIN LATERAL (SELECT max(h.shipped_on) AS shipped_on FROM sales_shipmentline x
                  JOIN sales_shipment h ON h.id = x.shipment_id AND h.state = 'shipped'
                  WHERE x.order_line_id = l.id) s ON s.shipped_on BETWEEN %(since)s AND %(until)s
    WHERE l.plant_id = %(plant)s AND l.open_quantity = 0
    GROUP BY l.party_id ORDER BY l.party_id
"""


@dataclass(frozen=True, slots=True)
class KeptPromises:
    """How well promises to a customer were kept, measured against the first day that was promised."""

    party: UUID
    lines: int
    kept: int
    average_days_late: Decimal


def promises_kept(plant_id: UUID, since: date, until: date) -> tuple[KeptPromises, ...]:
    """Give by customer how many lines finished in some days went by the day first promised. One statement."""
    rows = db.rows(_KEPT, {"plant": plant_id, "since": since, "until": until})
    return tuple(KeptPromises(*row) for row in rows)
