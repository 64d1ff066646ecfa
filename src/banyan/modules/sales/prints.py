"""What customers get on paper: quotation, order confirmation, delivery note; and the picking list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from banyan.kernel import prints
from banyan.kernel.context import Context
from banyan.kernel.prints import blank, block, column, given, sign, table
from banyan.kernel.registry import answers
from banyan.lib.labels import L
from banyan.modules.parties.prints import GIVEN, add_addresses
from banyan.modules.sales.models import OrderLine

prints.scanned_as("sales.quotation", "q")
prints.scanned_as("sales.order", "so")
prints.scanned_as("sales.shipment", "s")

ITEM = (
    column("item.code", L("物料编码", "Item")),
    column("item.name", L("名称及规格", "Name and specification"), "item.specification", "note"),
)
PRICED = (
    *ITEM,
    column("quantity", stays=True),
    column("unit.name", L("单位", "Unit"), stays=True),
    column("price", stays=True),
    column("discount_percent"),
    column("price_includes_tax", L("含税", "Incl. tax")),
    column("tax_code.rate", L("税率", "VAT"), stays=True),
    column("net_amount", stays=True),
)
TOTALS = tuple(column(key, stays=True) for key in ("net_amount", "tax_amount", "gross_amount"))
CUSTOMER = (
    column("party.name", is_strong=True, stays=True),
    column("party_address"),
    column("party_contact", L("联系人", "Contact")),
    column("party.tax_number", L("税号", "Tax number")),
)

prints.document(
    "quotation",
    "sales.quotation",
    L("报价单", "Quotation"),
    valid_in=("sent", "accepted", "ordered"),
    blocks=(block("致", "To", *CUSTOMER),),
    facts=(
        column("quoted_on"),
        column("valid_until"),
        column("wanted_on"),
        column("currency.code", L("币种", "Currency")),
        column("customer_reference"),
    ),
    tables=(table("lines", *PRICED, column("wanted_on", L("交期", "Delivery")), stays=True),),
    totals=TOTALS,
    in_words=("gross_amount", "currency.code"),
    notes=(column("terms"),),
    signs=(sign("报价人", "Quoted by", "created_by"), sign("客户确认（签章）", "Accepted by (stamp)")),
    given=GIVEN,
)
prints.document(
    "confirmation",
    "sales.order",
    L("销售订单确认书", "Order confirmation"),
    valid_in=("confirmed", "partly_shipped", "shipped", "closed"),
    blocks=(
        block("客户", "Customer", *CUSTOMER),
        block(
            "收货地址", "Deliver to", column("deliver_to"), column("party_contact", L("联系人", "Contact"))
        ),
    ),
    facts=(
        column("ordered_on"),
        column("promised_on"),
        column("currency.code", L("币种", "Currency")),
        column("customer_reference", is_strong=True),
        column("wanted_on"),
    ),
    tables=(table("lines", *PRICED, column("promised_on", L("承诺交期", "Promised")), stays=True),),
    totals=TOTALS,
    in_words=("gross_amount", "currency.code"),
    notes=(column("terms"),),
    signs=(
        sign("销售", "Sales", "created_by"),
        sign("审核", "Checked by"),
        sign("客户确认（签章）", "Accepted by (stamp)"),
    ),
    given=(*GIVEN, given("deliver_to", "text", "收货地址", "Deliver to", see="sales.order.read")),
)  # fmt: skip

_SHIPPED_LINE = (
    given("order_number", "text", "订单号", "Order"),
    given("customer_order", "text", "客户订单号", "Your order"),
    given("note", "text", "备注", "Note"),
)
prints.document(
    "delivery_note",
    "sales.shipment",
    L("送货单", "Delivery note"),
    valid_in=("draft", "shipped"),
    blocks=(
        block(
            "收货单位",
            "Deliver to",
            column("party.name", is_strong=True, stays=True),
            column("deliver_to"),
            column("party_contact", L("联系人", "Contact")),
        ),
        block(
            "运输",
            "Transport",
            column("carrier.name", L("承运商", "Carrier")),
            column("tracking_number", L("运单号", "Waybill")),
            column("parcel_count", L("件数", "Parcels")),
            column("total_weight", L("总重", "Total weight")),
        ),
    ),
    facts=(
        column("shipped_on", stays=True),
        column("order.number", L("订单号", "Order")),
        column("order.customer_reference", L("客户订单号", "Your order")),
    ),
    tables=(
        table(
            "lines",
            *ITEM,
            column("quantity", stays=True),
            column("item.unit.name", L("单位", "Unit"), stays=True),
            column("lot.number", L("批号", "Lot")),
            column("parcel"),
            column("order_number", None, "customer_order"),
            blank("实收", "Received", 17),
            given=_SHIPPED_LINE,
            sums=("quantity",),
            sums_within="item.unit",
            stays=True,
        ),
        table(
            "parcels",
            column("parcel"),
            column("tracking_number"),
            column("weight"),
            label=L("包裹", "Parcels"),
            sums=("weight",),
        ),
    ),
    notes=(column("note"),),
    signs=(
        sign("制单", "Made by", "created_by"),
        sign("发货", "Issued by"),
        sign("送货", "Carried by"),
        sign("收货人（签章、日期）", "Received by (stamp, date)"),
    ),
    given=(
        *GIVEN,
        given("deliver_to", "text", "收货地址", "Deliver to"),
        given("parcel_count", "integer", "件数", "Parcels"),
        given("total_weight", "quantity", "总重", "Total weight", unit="kg"),
    ),
)
prints.document(
    "picking_list",
    "sales.shipment",
    L("拣货单", "Picking list"),
    valid_in=("draft",),
    facts=(
        column("party.name", L("客户", "Customer"), is_strong=True),
        column("order.number", L("订单号", "Order")),
        column("plant.name", L("工厂", "Plant")),
        column("note", is_wide=True),
    ),
    tables=(
        table(
            "lines",
            column("location.code", L("库位", "Location"), "location.name", is_strong=True, stays=True),
            *ITEM,
            column("lot.number", L("批号", "Lot")),
            column("quantity", stays=True, is_strong=True),
            column("item.unit.name", L("单位", "Unit"), stays=True),
            column("parcel"),
            blank("实拣", "Picked", 20),
            given=_SHIPPED_LINE,
            order=("location.walk_order", "location.code", "item.code", "lot.number"),
            row_height=9,
            stays=True,
        ),
    ),
    signs=(sign("拣货", "Picked by"), sign("复核", "Checked by"), sign("日期", "Date")),
)  # fmt: skip
prints.label(
    "parcel",
    "sales.shipment",
    L("包裹标签", "Parcel label"),
    source="parcels",
    title="^.party.name",
    lines=(
        column("^.deliver_to"),
        column("^.party_contact"),
        column("^.number", L("发货单", "Shipment")),
        column("parcel", L("包裹", "Parcel")),
        column("tracking_number", L("运单号", "Waybill")),
        column("weight", L("重量", "Weight")),
    ),
    scans=("sales.shipment", "^.id"),
    given=(*GIVEN, given("deliver_to", "text", "收货地址", "Deliver to")),
    preferred="100x70",
)


@answers("sales.quotation.quotation.fill")
def fill_quotations(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where the customer is. Two statements."""
    add_addresses(ctx, records, "registered")


@answers("sales.order.confirmation.fill")
def fill_confirmations(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where the customer is and where the goods go. Four statements."""
    add_addresses(ctx, records, "delivery")
    _deliver(records)
    add_addresses(ctx, records, "registered")


@answers("sales.shipment.parcel.fill")
def fill_parcels(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where the goods go. Two statements."""
    add_addresses(ctx, records, "delivery")
    _deliver(records)


@answers("sales.shipment.delivery_note.fill")
def fill_delivery_notes(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where the goods go, in how many parcels, and which order they are of. Three statements."""
    from decimal import Decimal

    fill_parcels(ctx, records)
    rows = [row for one in records for row in one["lines"]]
    orders = {
        str(key): (number, reference, note)
        for key, number, reference, note in OrderLine.objects.filter(
            pk__in={row["order_line"] for row in rows}
        ).values_list("pk", "order__number", "order__customer_reference", "note")
    }
    for one in records:
        weights = [Decimal(p["weight"]) for p in one["parcels"] if p.get("weight")]
        one["parcel_count"] = len(one["parcels"]) or None
        one["total_weight"] = str(sum(weights)) if weights else None
        for row in one["lines"]:
            number, reference, note = orders.get(row["order_line"], ("", "", ""))
            row["note"] = note
            if not one.get("order"):
                row["order_number"], row["customer_order"] = number, reference


def _deliver(records: Sequence[dict[str, Any]]) -> None:
    """Set where goods go: as the record says, else to the customer."""
    for one in records:
        one["deliver_to"] = one.get("address") or one["party_address"]
