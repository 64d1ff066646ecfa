"""The recall list on paper: of a lot, and of a recall with who was told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from banyan.kernel import prints
from banyan.kernel.context import Context
from banyan.kernel.prints import blank, column, given, sign, table
from banyan.kernel.registry import answers
from banyan.lib.labels import L, plain
from banyan.modules.trace.lists import SECTIONS, STATES, rows_of, spoken
from banyan.modules.trace.queries import picture

prints.scanned_as("trace.recall", "rc")

_ROW = (
    given("party", "text", "客户", "Customer"),
    given("contact", "text", "联系人", "Contact"),
    given("reach", "text", "电话、邮箱", "Telephone, e-mail"),
    given("document", "text", "单据", "Document"),
    given("order", "text", "订单", "Order"),
    given("on", "date", "日期", "Date"),
    given("item", "text", "物料", "Item"),
    given("lot", "text", "批号", "Lot"),
    given("state", "text", "状态", "State"),
    given("quantity", "quantity", "数量", "Quantity"),
    given("unit", "text", "单位", "Unit"),
    given("place", "text", "库位", "Place"),
)
_LOT = (column("item", None, column("name")), column("lot", is_strong=True, stays=True))
_MUCH = (column("quantity", stays=True, is_strong=True), column("unit"))
_ROW = (*_ROW, given("name", "text", "名称", "Name"))
_TABLES = (
    table(
        "shipped", column("party", None, "contact", "reach", is_strong=True, stays=True),
        column("document", None, "order", width=32, stays=True), column("on", stays=True), *_LOT, *_MUCH,
        blank("已通知", "Told", 16), label=SECTIONS["customer"], given=_ROW, stays=True,
    ),
    *(
        table(key, column("place", stays=True), column("on"), *_LOT, column("state"), *_MUCH,
              label=SECTIONS[key], given=_ROW)
        for key in ("stock", "transit")
    ),
    *(
        table(key, column("document", None, "place", stays=True), column("on"), *_LOT, column("state"), *_MUCH,
              label=SECTIONS[key], given=_ROW)
        for key in ("order", "used")
    ),
    table("other", column("document"), column("place", stays=True), column("on"), *_LOT, *_MUCH,
          label=SECTIONS["other"], given=_ROW),
)  # fmt: skip
_SIGNS = (sign("质量", "Quality"), sign("批准", "Approved by"), sign("日期", "Date"))

prints.document(
    "recall_list", "inventory.lot", L("召回清单", "Recall list"),
    facts=(
        column("number", L("批号", "Lot"), is_strong=True), column("item.code", L("物料编码", "Item"), is_strong=True),
        column("item.name", L("名称", "Name")), column("state"), column("reason", is_wide=True),
        column("supplier.name", L("供应商", "Supplier")), column("supplier_lot"), column("heat_number"),
    ),
    tables=_TABLES, signs=_SIGNS, is_landscape=True,
)  # fmt: skip
prints.document(
    "recall_list", "trace.recall", L("召回清单", "Recall list"),
    facts=(
        column("lot.number", L("批号", "Lot"), is_strong=True),
        column("item.code", L("物料编码", "Item"), is_strong=True), column("item.name", L("名称", "Name")),
        column("created_at", L("召回时间", "Recalled at")), column("closed_at"), column("reason", is_wide=True),
        column("conclusion", is_wide=True),
    ),
    tables=(
        table(
            "customers", column("party.name", L("客户", "Customer"), is_strong=True, stays=True),
            column("shipments"), column("last_shipped_on"), column("quantity"),
            column("told_at", stays=True, is_open=True), column("told_by.name", L("通知人", "Told by")),
            column("note", is_open=True, stays=True), label=L("通知客户", "Customers to be told"), stays=True,
        ),
        *_TABLES,
    ),
    signs=_SIGNS, is_landscape=True,
)  # fmt: skip


@answers("inventory.lot.recall_list.fill")
def fill_lots(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where the lots and what was made of them are; each is traced by itself."""
    for one in records:
        _fill(ctx, one, one["id"])


@answers("trace.recall.recall_list.fill")
def fill_recalls(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where the recalled lots and what was made of them are; each is traced by itself."""
    for one in records:
        _fill(ctx, one, one["lot"])


def _fill(ctx: Context, record: dict[str, Any], lot: str) -> None:
    record |= {"shipped" if key == "customer" else key: [] for key in SECTIONS}
    for row in rows_of(picture(ctx, UUID(lot))):
        contact = row.contact
        record["shipped" if row.section == "customer" else row.section].append({
            "party": row.party_name, "contact": contact.name,
            "reach": "  ".join(one for one in (contact.phone, contact.email) if one), "document": row.document,
            "order": row.order, "on": row.on.isoformat() if row.on else None, "item": row.lot.code,
            "name": spoken(row.lot.name, row.lot.name_en), "lot": row.lot.number,
            "state": str(STATES[row.lot.state]), "quantity": plain(row.quantity),
            "unit": spoken(row.lot.unit, row.lot.unit_en), "place": row.place,
        })  # fmt: skip
