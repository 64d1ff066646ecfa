"""What completes supplier items, orders, receipts and returns before they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.lib.errors import FieldFaults
from banyan.lib.labels import L
from banyan.lib.money import TaxSplit, rounded
from banyan.lib.pricing import line_amounts, summed
from banyan.modules.company import queries as company
from banyan.modules.items import queries as items
from banyan.modules.items.queries import ItemFacts
from banyan.modules.parties import queries as parties
from banyan.modules.purchasing import queries, rules
from banyan.modules.purchasing.errors import MixedOrders
from banyan.modules.purchasing.models import Order, OrderLine, SupplierItem

#: Above this an amount no longer fits its column.
MOST = Decimal(10) ** 17

Path = tuple[str | int, ...]
Row = tuple[Path, Order, OrderLine]


def prepare_orders(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete orders: plant, currency, rate, day, the supplier's terms, and amounts.

    Raises: the refusals of `parties.require_usable`, for a supplier newly named; Invalid by line
    """
    _complete_heads(ctx, drafts)
    _complete_rates(drafts)
    _complete_lines(drafts)
    for draft in drafts:
        for line in draft.lines["lines"]:
            line.party_id, line.plant_id = draft.record.party_id, draft.record.plant_id
            line.created_by_id = draft.record.created_by_id
        total = summed(TaxSplit(ln.net_amount, ln.tax_amount, Decimal(0)) for ln in draft.lines["lines"])
        draft.record.net_amount, draft.record.tax_amount, draft.record.gross_amount = total


def _complete_heads(ctx: Context, drafts: Sequence[Draft]) -> None:
    named = [d.record.party_id for d in drafts if _is_new(d) or "party" in d.given]
    known = parties.require_usable(named, "supplier")
    plants = {plant.id: plant for plant in company.plants()}
    usual = ctx.plant if ctx.plant in plants else None
    for draft in drafts:
        record = draft.record
        record.plant_id = record.plant_id or usual or company.default_plant().id
        if record.currency_id is None:
            party = known.get(record.party_id)
            record.currency_id = (party and party.currency) or company.the_company().currency_id
        if record.ordered_on is None:
            record.ordered_on = plants[record.plant_id].day(ctx.now)


def _complete_rates(drafts: Sequence[Draft]) -> None:
    known: dict[tuple[UUID, date], Decimal] = {}
    for draft in drafts:
        if "exchange_rate" in draft.given or not (_is_new(draft) or "currency" in draft.given):
            continue
        key = (draft.record.currency_id, draft.record.ordered_on)
        if key not in known:
            known[key] = company.exchange_rate(*key)
        draft.record.exchange_rate = known[key]


def _complete_lines(drafts: Sequence[Draft]) -> None:
    rows = list(_rows(drafts))
    facts = items.require_usable([line.item_id for _, _, line in rows])
    taxes = company.tax_codes()
    suppliers = parties.parties_by_id([d.record.party_id for d in drafts])
    places = currency_places(d.record.currency_id for d in drafts)
    faults = FieldFaults()
    _apply_sources(rows)
    _count(rows, facts, faults)
    for path, record, line in rows:
        line.tax_code_id = (
            line.tax_code_id or suppliers[record.party_id].tax_code or facts[line.item_id].tax_code_id
        )
        if line.tax_code_id is None:
            faults.add(
                (*path, "tax_code"), L("没有默认税码，请选择", "there is no usual tax code; choose one")
            )
        if line.price is None:
            faults.add(
                (*path, "price"), L("货源中没有价格，请填写", "has no price at the supplier; enter one")
            )
        if line.tax_code_id is None or line.price is None:
            continue
        line.tax_percent = taxes[line.tax_code_id].fraction * 100
        found = amounts_of(line, places[record.currency_id])
        if found.gross >= MOST:
            faults.add((*path, "price"), L("金额超出范围", "the amount is out of range"))
        line.net_amount, line.tax_amount = found.net, found.tax
    faults.refuse_if_any()


def _apply_sources(rows: Sequence[Row]) -> None:
    """Set what a line does not say from the supplier's terms; one statement, none when all is said."""
    open_rows = [row for row in rows if row[2].price is None or row[2].unit_id is None]
    sources = queries.sources([line.item_id for _, _, line in open_rows]) if open_rows else ()
    for _, record, line in rows:
        source = rules.source_for(
            sources, item=line.item_id, day=record.ordered_on, party=record.party_id, unit=line.unit_id,
            currency=record.currency_id,
        )  # fmt: skip
        if source:
            _apply(source, line)
        line.wanted_on = line.wanted_on or record.wanted_on
        if line.wanted_on is None and source:
            line.wanted_on = record.ordered_on + timedelta(days=source.lead_time_days)


def _apply(source: rules.Source, line: OrderLine) -> None:
    if line.price is None:
        line.price, line.price_includes_tax = source.price, source.price_includes_tax
    line.unit_id = line.unit_id or source.unit
    line.tax_code_id = line.tax_code_id or source.tax_code
    line.over_receipt_percent = line.over_receipt_percent or source.over_receipt_percent


def amounts_of(line: OrderLine, places: int) -> TaxSplit:
    """Give what an order line comes to."""
    return line_amounts(
        quantity=line.quantity, price=line.price, rate_percent=line.tax_percent, places=places,
        included=line.price_includes_tax, discount_percent=line.discount_percent,
    )  # fmt: skip


def currency_places(ids: Iterable[UUID]) -> dict[UUID, int]:
    """Give how many decimal places the amounts of some currencies have. One statement."""
    return dict(db.rows("SELECT id, places FROM company_currency WHERE id = ANY(%s)", [list(set(ids))]))


def _count(rows: Sequence[Row], facts: Mapping[UUID, ItemFacts], faults: FieldFaults) -> None:
    for _, _, line in rows:
        line.unit_id = line.unit_id or facts[line.item_id].unit_id
    counted = items.to_stock_units([(line.item_id, line.unit_id, line.quantity) for _, _, line in rows])
    for (path, _, line), quantity in zip(rows, counted, strict=True):
        line.stock_quantity = quantity
        places = facts[line.item_id].places
        if quantity <= 0 or quantity != rounded(quantity, places):
            faults.add(
                (*path, "quantity"),
                L(
                    "折合库存单位 {n}，最多 {places} 位小数",
                    "is {n} in the stock unit, which has {places} places",
                ).filled({"n": quantity, "places": places}),
            )


def _rows(drafts: Sequence[Draft]) -> Iterator[Row]:
    """Give path, order and line of every line, the path as the caller's input names it."""
    for number, draft in enumerate(drafts):
        head: Path = ("records", number) if _is_new(draft) else ()
        for n, line in enumerate(draft.lines["lines"]):
            yield (*head, "lines", n), draft.record, line


def _is_new(draft: Draft) -> bool:
    return draft.record._state.adding


# --- receipts and returns -----------------------------------------------------------------------------------


def prepare_receipts(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete announced receipts from the orders their lines name. Raises: MixedOrders."""
    lines = _order_lines(drafts)
    for draft in drafts:
        orders = _complete_from_orders(draft, lines)
        draft.record.order_id = next(iter(orders)) if len(orders) == 1 else None


def prepare_returns(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete draft returns from the orders their lines name. Raises: MixedOrders."""
    lines = _order_lines(drafts)
    for draft in drafts:
        _complete_from_orders(draft, lines)


def _order_lines(drafts: Sequence[Draft]) -> dict[UUID, OrderLine]:
    wanted = {line.order_line_id for draft in drafts for line in draft.lines["lines"]}
    return {line.pk: line for line in OrderLine.objects.filter(pk__in=wanted).select_related("order")}


def _complete_from_orders(draft: Draft, lines: Mapping[UUID, OrderLine]) -> dict[UUID, Order]:
    """Set item of every line, and plant of the document; give the orders by key."""
    record, orders = draft.record, {}
    for line in draft.lines["lines"]:
        wanted = lines[line.order_line_id]
        line.item_id = wanted.item_id
        orders[wanted.order_id] = wanted.order
    if record.plant_id is None and orders:
        record.plant_id = next(iter(orders.values())).plant_id
    kinds = {(o.party_id, o.plant_id) for o in orders.values()}
    if kinds - {(record.party_id, record.plant_id)} or len({o.currency_id for o in orders.values()}) > 1:
        raise MixedOrders
    return orders


# --- supplier items -----------------------------------------------------------------------------------------


def prepare_sources(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete supplier items: the item's stock unit, the company's currency, valid from today.

    Raises: the refusals of `parties.require_usable`
    """
    rows: list[SupplierItem] = [draft.record for draft in drafts]
    parties.require_usable([row.party_id for row in rows], "supplier")
    facts = items.items_by_id([row.item_id for row in rows])
    for row in rows:
        row.unit_id = row.unit_id or facts[row.item_id].unit_id
        row.currency_id = row.currency_id or company.the_company().currency_id
        row.valid_from = row.valid_from or company.default_plant().day(ctx.now)
