"""Stock on paper: labels of lots and places, count sheets, slips of stock documents."""

from __future__ import annotations

from uuid import UUID

from banyan.kernel import prints
from banyan.kernel.context import Context
from banyan.kernel.prints import blank, block, column, sign, table
from banyan.kernel.registry import answers
from banyan.lib.labels import L
from banyan.modules.inventory.models import Location

prints.scanned_as("inventory.lot", "l")
prints.scanned_as("inventory.location", "b")

ITEM = (
    column("item.code", L("物料编码", "Item")),
    column("item.name", L("名称及规格", "Name and specification"), "item.specification"),
)
UNIT = column("item.unit.name", L("单位", "Unit"))

prints.label(
    "label",
    "inventory.lot",
    L("批次标签", "Lot label"),
    title="number",
    lines=(
        column("item.code"),
        column("item.name"),
        column("item.specification"),
        column("heat_number", L("炉号", "Heat")),
        column("supplier_lot", L("供方批号", "Supplier's lot")),
        column("made_on", L("生产", "Made")),
        column("expires_on", L("有效期至", "Expires")),
    ),
)
prints.label(
    "label",
    "inventory.location",
    L("库位标签", "Location label"),
    title="code",
    lines=(column("name"), column("parent.name"), column("walk_order")),
)
prints.document(
    "count_sheet",
    "inventory.count",
    L("盘点表", "Count sheet"),
    valid_in=("draft", "counting"),
    facts=(
        column("location.code", L("库位", "Location"), is_strong=True),
        column("location.name", L("库位名称", "Name")),
        column("counter.name", L("盘点人", "Counter")),
        column("plant.name", L("工厂", "Plant")),
        column("note", is_wide=True),
    ),
    tables=(
        table(
            "lines",
            column("location.code", L("库位", "Location"), is_strong=True),
            *ITEM,
            column("lot.number", L("批号", "Lot")),
            column("owner.name", L("货主", "Owner")),
            UNIT,
            blank("实盘", "Counted", 20),
            blank("复盘", "Again", 20),
            blank("备注", "Note", 20),
            order=("location.code", "item.code", "lot.number"),
            row_height=8,
            blank_rows=3,
            stays=True,
        ),
    ),
    signs=(sign("盘点人", "Counted by"), sign("复盘人", "Counted again by"), sign("日期", "Date")),
)
prints.document(
    "slip",
    "inventory.stock_document",
    L("出入库单", "Stock slip"),
    heading="kind",
    headings=(
        ("receipt", L("其他入库单", "Receipt slip")),
        ("issue", L("其他出库单", "Issue slip")),
        ("transfer", L("调拨单", "Transfer slip")),
        ("return", L("退货单", "Return slip")),
        ("adjustment", L("库存调整单", "Adjustment slip")),
    ),
    valid_in=("posted",),
    blocks=(
        block("从", "From", column("source.name", is_strong=True), column("source.code")),
        block("到", "To", column("target.name", is_strong=True), column("target.code")),
    ),
    facts=(
        column("plant.name", L("工厂", "Plant")),
        column("moved_at"),
        column("owner.name", L("货主", "Owner")),
        column("reason", is_wide=True),
    ),
    tables=(
        table(
            "lines",
            *ITEM,
            column("lot.number", L("批号", "Lot"), "lot_number"),
            column("source.code", L("从", "From")),
            column("target.code", L("到", "To")),
            column("quantity", stays=True),
            UNIT,
            sums=("quantity",),
            sums_within="item.unit",
        ),
    ),
    signs=(sign("制单", "Made by", "created_by"), sign("发货", "Issued by"), sign("收货", "Received by")),
)


@answers("inventory.location.scan")
def location_by_barcode(ctx: Context, code: str) -> tuple[UUID, ...]:
    """Give the location whose own barcode reads so."""
    return tuple(Location.objects.filter(barcode=code).exclude(barcode="").values_list("pk", flat=True)[:2])
