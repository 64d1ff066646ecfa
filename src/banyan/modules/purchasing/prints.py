"""What suppliers get on paper, and what goes with goods from the gate to the shelf."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import F

from banyan.kernel import prints
from banyan.kernel.context import Context
from banyan.kernel.prints import blank, block, column, given, sign, table
from banyan.kernel.registry import answers
from banyan.lib.labels import L, plain
from banyan.modules.parties.prints import GIVEN, add_addresses
from banyan.modules.purchasing.models import SupplierItem

prints.scanned_as("purchasing.order", "po")
prints.scanned_as("purchasing.receipt", "r")

ITEM = (
    column("item.code", L("物料编码", "Item")),
    column("item.name", L("名称及规格", "Name and specification"), "item.specification"),
)
NOTED = (ITEM[0], column("item.name", ITEM[1].label, "item.specification", "note"))

prints.document(
    "order",
    "purchasing.order",
    L("采购订单", "Purchase order"),
    valid_in=("ordered", "confirmed", "partly_received", "received", "closed"),
    blocks=(
        block(
            "供应商",
            "Supplier",
            column("party.name", is_strong=True, stays=True),
            column("party_address"),
            column("party_contact", L("联系人", "Contact")),
            column("party.tax_number", L("税号", "Tax number")),
        ),
        block(
            "交货与结算",
            "Delivery and payment",
            column("plant.name", L("交货到", "Deliver to"), stays=True),
            column("wanted_on", L("要求到货", "Wanted on")),
            column("party.payment_terms", L("付款条件", "Payment terms")),
            column("party.payment_days", L("账期", "Payment days")),
        ),
    ),
    facts=(
        column("ordered_on"),
        column("currency.code", L("币种", "Currency")),
        column("supplier_reference"),
    ),
    tables=(
        table(
            "lines",
            *NOTED,
            column("quantity", stays=True),
            column("unit.name", L("单位", "Unit"), stays=True),
            column("price", stays=True),
            column("discount_percent"),
            column("price_includes_tax", L("含税", "Incl. tax")),
            column("tax_code.rate", L("税率", "VAT"), stays=True),
            column("net_amount", stays=True),
            column("wanted_on", L("要求到货", "Wanted")),
            column("confirmed_on", L("确认交期", "Confirmed")),
            stays=True,
        ),
    ),
    totals=tuple(column(key, stays=True) for key in ("net_amount", "tax_amount", "gross_amount")),
    in_words=("gross_amount", "currency.code"),
    notes=(column("terms"),),
    signs=(
        sign("采购", "Buyer", "created_by"),
        sign("审批", "Approved by"),
        sign("供应商确认（签章）", "Confirmed by supplier (stamp)"),
    ),
    given=GIVEN,
)
prints.document(
    "inspection",
    "purchasing.receipt",
    L("收货检验单", "Receipt and inspection slip"),
    valid_in=("draft", "arrived", "partly_booked", "booked"),
    facts=(
        column("party.name", L("供应商", "Supplier"), is_strong=True),
        column("order.number", L("采购订单", "Purchase order")),
        column("delivery_note"),
        column("arrived_at", stays=True),
        column("expected_on"),
        column("plant.name", L("工厂", "Plant")),
        column("note", is_wide=True),
    ),
    tables=(
        table(
            "lines",
            *ITEM,
            column("quantity", stays=True),
            column("item.unit.name", L("单位", "Unit"), stays=True),
            column("lot.number", L("批号", "Lot"), "lot_number"),
            column("supplier_lot", L("供方批号", "Supplier's lot"), "heat_number"),
            blank("抽检", "Sample", 14),
            column("accepted_quantity", width=17, is_open=True),
            column("rejected_quantity", width=17, is_open=True),
            column("reject_reason", L("不合格原因", "Why rejected"), width=28, is_open=True),
            row_height=9,
            stays=True,
        ),
    ),
    signs=(
        sign("收货", "Received by", "created_by"),
        sign("检验", "Inspected by"),
        sign("入库", "Put away by"),
        sign("日期", "Date"),
    ),
    is_landscape=True,
)
prints.label(
    "lots",
    "purchasing.receipt",
    L("批次标签", "Lot labels"),
    source="lines",
    title="lot.number",
    lines=(
        column("item.code"),
        column("item.name"),
        column("item.specification"),
        column("quantity", L("数量", "Quantity")),
        column("heat_number", L("炉号", "Heat")),
        column("supplier_lot", L("供方批号", "Supplier's lot")),
        column("^.number", L("收货单", "Receipt")),
    ),
    scans=("inventory.lot", "lot"),
)


prints.label(
    "packs",
    "purchasing.receipt",
    L("包装标签（每包一张）", "Pack labels, one a pack"),
    source="packs",
    title="item.code",
    lines=(
        column("item.name"),
        column("lot.number", L("批号", "Lot")),
        column("quantity", L("本包数量", "In this pack")),
        column("item.unit.name"),
        column("pack", L("第几包", "Pack")),
        column("^.number", L("收货单", "Receipt")),
    ),
    scans=("inventory.lot", "lot"),
    given=(
        given("item", "reference", "物料", "Item", reference="items.item"),
        given("lot", "reference", "批次", "Lot", reference="inventory.lot"),
        given("quantity", "quantity", "数量", "Quantity"),
        given("pack", "text", "第几包", "Pack"),
    ),
)
#: Packs of a line at most; what lies beyond is in the last.
MOST_PACKS = 200


@answers("purchasing.receipt.packs.fill")
def fill_packs(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Divide what came into the supplier's packs; a line of which no pack is known is one. One statement.

    Gives:  rows `packs`; the last of a line may be smaller
    """
    wanted = {(one["party"], row["item"]) for one in records for row in one["lines"]}
    rows = SupplierItem.objects.filter(
        party__in={party for party, _ in wanted}, item__in={item for _, item in wanted}, pack_factor__gt=0,
        unit=F("item__unit"),
    ).order_by("valid_from")  # fmt: skip
    sizes = {
        (str(party), str(item)): size
        for party, item, size in rows.values_list("party_id", "item_id", "pack_factor")
    }
    for one in records:
        one["packs"] = [
            {
                "item": row["item"], "lot": row["lot"], "quantity": plain(part), "pack": f"{n}/{count}",
            }
            for row in one["lines"]
            for parts in (packs_of(Decimal(row["quantity"]), sizes.get((one["party"], row["item"]))),)
            for count in (len(parts),)
            for n, part in enumerate(parts, start=1)
        ]  # fmt: skip


def packs_of(quantity: Decimal, size: Decimal | None) -> list[Decimal]:
    """Give the quantities of the packs that something comes in: whole ones, and what is left."""
    if not size or quantity <= size:
        return [quantity]
    whole = min(int(quantity // size), MOST_PACKS - 1)
    left = quantity - whole * size
    return [size] * whole + ([left] if left else [])


@answers("purchasing.order.order.fill")
def fill_orders(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where the supplier is. Two statements."""
    add_addresses(ctx, records, "registered")
