"""What completes quotations, orders, shipments, returns and prices before they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
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
from banyan.modules.sales import queries, rules
from banyan.modules.sales.errors import MixedOrders
from banyan.modules.sales.models import CustomerPrice, OrderLine

#: Above this an amount no longer fits its column.
MOST = Decimal(10) ** 17

Path = tuple[str | int, ...]


def prepare_quotations(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete quotations: plant, currency, day, prices and amounts. Raises: Invalid by line."""
    complete_heads(ctx, drafts, day="quoted_on")
    complete_lines(drafts, day="quoted_on")


def prepare_orders(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete orders: plant, currency, rate, day, prices and amounts. Raises: Invalid by line."""
    complete_heads(ctx, drafts, day="ordered_on")
    complete_rates(drafts)
    complete_lines(drafts, day="ordered_on")
    for draft in drafts:
        for line in draft.lines["lines"]:
            line.party_id, line.plant_id = draft.record.party_id, draft.record.plant_id
            line.created_by_id = draft.record.created_by_id


def complete_heads(ctx: Context, drafts: Sequence[Draft], *, day: str) -> None:
    """Set what a document does not say: the person's plant, the customer's currency, today at the plant.

    Raises: the refusals of `parties.require_usable`, for a customer newly named
    """
    named = [d.record.party_id for d in drafts if _is_new(d) or "party" in d.given]
    known = parties.require_usable(named, "customer")
    plants = {plant.id: plant for plant in company.plants()}
    usual = ctx.plant if ctx.plant in plants else None
    for draft in drafts:
        record = draft.record
        record.plant_id = record.plant_id or usual or company.default_plant().id
        if record.currency_id is None:
            party = known.get(record.party_id)
            record.currency_id = (party and party.currency) or company.the_company().currency_id
        if getattr(record, day) is None:
            setattr(record, day, plants[record.plant_id].day(ctx.now))


def complete_rates(drafts: Sequence[Draft]) -> None:
    """Set the exchange rate of the order's day where nobody gave one."""
    known: dict[tuple[UUID, date], Decimal] = {}
    for draft in drafts:
        if "exchange_rate" in draft.given or not (_is_new(draft) or "currency" in draft.given):
            continue
        key = (draft.record.currency_id, draft.record.ordered_on)
        if key not in known:
            known[key] = company.exchange_rate(*key)
        draft.record.exchange_rate = known[key]


def complete_lines(drafts: Sequence[Draft], *, day: str) -> None:
    """Set unit, stock quantity, price, tax and amounts of every line, and the sums of every document.

    Takes:  day: the field of the document that decides which price is valid
    Raises: Invalid naming each line without a price or tax code, or with a quantity its unit does not allow
    """
    rows = list(_rows(drafts))
    facts = items.require_usable([line.item_id for _, _, line in rows])
    taxes = company.tax_codes()
    customers = parties.parties_by_id([d.record.party_id for d in drafts])
    places = currency_places(d.record.currency_id for d in drafts)
    faults = FieldFaults()
    _count(rows, facts, faults)
    _price(rows, day, faults)
    for path, record, line in rows:
        line.tax_code_id = (
            line.tax_code_id or customers[record.party_id].tax_code or facts[line.item_id].tax_code_id
        )
        line.wanted_on = line.wanted_on or record.wanted_on
        if line.tax_code_id is None:
            faults.add(
                (*path, "tax_code"), L("没有默认税码，请选择", "there is no usual tax code; choose one")
            )
        if line.tax_code_id is None or line.price is None:
            continue
        line.tax_percent = taxes[line.tax_code_id].fraction * 100
        found = amounts_of(line, places[record.currency_id])
        if found.gross >= MOST:
            faults.add((*path, "price"), L("金额超出范围", "the amount is out of range"))
        line.net_amount, line.tax_amount = found.net, found.tax
    faults.refuse_if_any()
    for draft in drafts:
        total = summed(TaxSplit(ln.net_amount, ln.tax_amount, Decimal(0)) for ln in draft.lines["lines"])
        draft.record.net_amount, draft.record.tax_amount, draft.record.gross_amount = total


def amounts_of(line: Any, places: int) -> TaxSplit:
    """Give what a priced line comes to."""
    return line_amounts(
        quantity=line.quantity, price=line.price, rate_percent=line.tax_percent, places=places,
        included=line.price_includes_tax, discount_percent=line.discount_percent,
    )  # fmt: skip


def currency_places(ids: Iterable[UUID]) -> dict[UUID, int]:
    """Give how many decimal places the amounts of some currencies have. One statement."""
    return dict(db.rows("SELECT id, places FROM company_currency WHERE id = ANY(%s)", [list(set(ids))]))


def _count(
    rows: Sequence[tuple[Path, Any, Any]], facts: Mapping[UUID, ItemFacts], faults: FieldFaults
) -> None:
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


def _price(rows: Sequence[tuple[Path, Any, Any]], day: str, faults: FieldFaults) -> None:
    """Look up the prices nobody gave; one statement for all."""
    missing = [row for row in rows if row[2].price is None]
    offers = queries.offers([line.item_id for _, _, line in missing]) if missing else ()
    for path, record, line in missing:
        offer = rules.price_for(
            offers, party=record.party_id, item=line.item_id, unit=line.unit_id, currency=record.currency_id,
            quantity=line.quantity, day=getattr(record, day),
        )  # fmt: skip
        if offer is None:
            faults.add((*path, "price"), L("价目表中没有价格，请填写", "has no price in the list; enter one"))
            continue
        line.price, line.price_includes_tax = offer.price, offer.price_includes_tax
        line.tax_code_id = line.tax_code_id or offer.tax_code


def _rows(drafts: Sequence[Draft]) -> Iterator[tuple[Path, Any, Any]]:
    """Give path, document and line of every line, the path as the caller's input names it."""
    for number, draft in enumerate(drafts):
        head: Path = ("records", number) if _is_new(draft) else ()
        for n, line in enumerate(draft.lines["lines"]):
            yield (*head, "lines", n), draft.record, line


def _is_new(draft: Draft) -> bool:
    return draft.record._state.adding


# --- shipments and returns ----------------------------------------------------------------------------------


def prepare_shipments(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete draft shipments from the orders their lines name: item, order, plant, address.

    Raises: MixedOrders when a line belongs to another customer, plant or currency
    """
    lines = _order_lines(drafts)
    for draft in drafts:
        orders = _complete_from_orders(draft, lines)
        draft.record.order_id = next(iter(orders)) if len(orders) == 1 else None
        if not draft.record.address and len(orders) == 1:
            draft.record.address = next(iter(orders.values())).address


def prepare_returns(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete draft returns from the orders their lines name. Raises: MixedOrders."""
    lines = _order_lines(drafts)
    for draft in drafts:
        _complete_from_orders(draft, lines)


def _order_lines(drafts: Sequence[Draft]) -> dict[UUID, OrderLine]:
    wanted = {line.order_line_id for draft in drafts for line in draft.lines["lines"]}
    return {line.pk: line for line in OrderLine.objects.filter(pk__in=wanted).select_related("order")}


def _complete_from_orders(draft: Draft, lines: Mapping[UUID, OrderLine]) -> dict[UUID, Any]:
    """Set item of every line, and customer and plant of the document; give the orders by key."""
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


# --- prices -------------------------------------------------------------------------------------------------


def prepare_prices(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete prices: the item's stock unit, the company's currency, valid from today."""
    prices: list[CustomerPrice] = [draft.record for draft in drafts]
    facts = items.items_by_id([price.item_id for price in prices])
    for price in prices:
        price.unit_id = price.unit_id or facts[price.item_id].unit_id
        price.currency_id = price.currency_id or company.the_company().currency_id
        price.valid_from = price.valid_from or company.default_plant().day(ctx.now)
