"""Orders of an earlier system, taken as they are: they make no moves."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.schema import Day, Input, Quantity, Text, field
from banyan.lib.errors import FieldFaults
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.money import TaxSplit
from banyan.lib.pricing import line_amounts
from banyan.modules.company import queries as company
from banyan.modules.items import queries as items
from banyan.modules.items.queries import ItemFacts
from banyan.modules.parties import queries as parties
from banyan.modules.purchasing.drafts import MOST, currency_places
from banyan.modules.purchasing.models import Order

Positive = Annotated[Quantity, Field(gt=0)]
NotNegative = Annotated[Quantity, Field(ge=0)]


class HistoryLine(Input):
    """A line as the earlier system had it; quantities in the item's stock unit, price net per unit."""

    item: UUID = field("物料", "Item", reference="items.item")
    quantity: Positive = field("数量", "Quantity")
    price: NotNegative = field("单价", "Price")
    received: NotNegative = field("到货", "Received", Decimal(0))
    rejected: NotNegative = field("不合格", "Rejected", Decimal(0))
    wanted_on: Day | None = field("需求日期", "Wanted on", None)
    arrived_on: Day | None = field("到货日期", "Arrived on", None)


class HistoryOrder(Input):
    """An order as the earlier system had it; a key given with it says which one it is at the next import."""

    id: UUID | None = field("标识", "Key", None)
    number: Text = field("单号", "Number", min_length=1, max_length=40)
    party: UUID = field("供应商", "Supplier", reference="parties.party", only="is_supplier")
    ordered_on: Day = field("订单日期", "Ordered on")
    state: Literal["received", "closed", "cancelled"] = field("状态", "State", "closed")
    supplier_reference: Text = field("供应商单号", "Supplier's reference", "", max_length=80)
    lines: list[HistoryLine] = field("明细", "Lines", min_length=1, max_length=5000)


class ImportHistory(Input):
    """Orders of an earlier system, all of one plant, currency and tax code."""

    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")
    currency: UUID | None = field("币种", "Currency", None, reference="company.currency")
    tax_code: UUID = field("税码", "Tax code", reference="company.tax_code")
    records: list[HistoryOrder] = field("订单", "Orders", min_length=1, max_length=20_000)


@command(
    "purchasing.order.import_history", L("导入历史订单", "Import history"), input=ImportHistory, on="noun",
    creates=True, icon="history", screen=False,
)  # fmt: skip
def import_history(ctx: Context, data: ImportHistory) -> tuple[Order, ...]:
    """Write orders of an earlier system with the quantities they say were received and rejected.

    Gives:  the orders, in the order of the records
    Raises: Invalid naming every record whose supplier or item is unknown, or whose quantities cannot be
    Writes: orders and lines, no moves; few statements for any number of them
    """
    own = company.the_company().currency_id
    plant, currency = data.plant or company.default_plant().id, data.currency or own
    facts = items.items_by_id([line.item for record in data.records for line in record.lines])
    _refuse_unknown(data, facts)
    tax = company.tax_codes((data.tax_code,))[data.tax_code]
    places = currency_places((currency,))[currency]
    days = {record.ordered_on for record in data.records} if currency != own else ()
    rates = {day: company.exchange_rate(currency, day) for day in days}
    orders, lines = [], []
    for record in data.records:
        order = Order(
            id=record.id or new_id(),
            number=record.number,
            party_id=record.party,
            plant_id=plant,
            currency_id=currency,
            state=record.state,
            exchange_rate=rates.get(record.ordered_on, Decimal(1)),
            ordered_on=record.ordered_on,
            supplier_reference=record.supplier_reference,
            is_confirmed=True,
            is_history=True,
            created_at=ctx.now,
            changed_at=ctx.now,
            created_by_id=ctx.person,
            changed_by_id=ctx.person,
        )
        for position, line in enumerate(record.lines, start=1):
            found = line_amounts(
                quantity=line.quantity, price=line.price, rate_percent=tax.fraction * 100, places=places
            )
            order.net_amount += found.net
            order.tax_amount += found.tax
            lines.append(_columns(order, position, line, facts[line.item], found))
        order.gross_amount = order.net_amount + order.tax_amount
        orders.append(order)
    db.insert_rows(orders)
    db.run(
        _WRITE_LINES,
        [
            plant,
            ctx.person,
            tax.id,
            tax.fraction * 100,
            *(list(column) for column in zip(*lines, strict=True)),
        ],
    )
    return tuple(orders)


# Written without model instances, of which a whole history would need one per line.
_WRITE_LINES = """
    INSERT INTO purchasing_orderline (
        id, position, order_id, party_id, plant_id, created_by_id, item_id, note, unit_id, quantity,
        stock_quantity, price, price_includes_tax, discount_percent, over_receipt_percent, tax_code_id,
        tax_percent, net_amount, tax_amount, wanted_on, confirmed_on, arrived_on, received_quantity,
        booked_quantity, rejected_quantity, returned_quantity, replaced_quantity, cancelled_quantity,
        invoiced_quantity, origin_noun
    )
    SELECT k.id, k.position, k.of_order, k.party, c.plant, c.person, k.item, '', k.unit, k.quantity,
           k.quantity, k.price, false, 0, 0, c.tax,
           c.percent, k.net, k.vat, k.wanted, k.wanted, k.arrived, k.received,
           k.received, k.rejected, 0, 0, 0,
           0, ''
    FROM (SELECT %s::uuid, %s::uuid, %s::uuid, %s::numeric) AS c(plant, person, tax, percent),
         unnest(%s::uuid[], %s::integer[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::numeric[],
                %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::date[],
                %s::date[])
             AS k(id, position, of_order, party, item, unit, quantity,
                  price, net, vat, received, rejected, wanted,
                  arrived)
"""


def _columns(order: Order, position: int, line: HistoryLine, item: ItemFacts, amounts: TaxSplit) -> tuple:
    """Give what is written of a line, in the order that the statement takes it."""
    arrived_on = line.arrived_on if line.received else None
    return (
        new_id(), position, order.pk, order.party_id, line.item, item.unit_id, line.quantity, line.price,
        amounts.net, amounts.tax, line.received, line.rejected, line.wanted_on, arrived_on,
    )  # fmt: skip


def _refuse_unknown(data: ImportHistory, facts: Mapping[UUID, ItemFacts]) -> None:
    known = parties.parties_by_id([record.party for record in data.records])
    faults = FieldFaults()
    if data.tax_code not in company.tax_codes((data.tax_code,)):
        faults.add("tax_code", L("找不到该税码", "no such tax code"))
    for n, record in enumerate(data.records):
        if record.party not in known or not known[record.party].is_supplier:
            faults.add(("records", n, "party"), L("找不到该供应商", "no such supplier"))
        for k, line in enumerate(record.lines):
            path = ("records", n, "lines", k)
            if line.item not in facts:
                faults.add((*path, "item"), L("找不到该物料", "no such item"))
            if line.rejected > line.received:
                faults.add((*path, "rejected"), L("不合格多于到货", "more was rejected than received"))
            if line.quantity * line.price >= MOST:
                faults.add((*path, "price"), L("金额超出范围", "the amount is out of range"))
    faults.refuse_if_any()
