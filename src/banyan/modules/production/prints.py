"""What goes through the shop on paper: traveller, picking list, labels of orders and operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db, prints
from banyan.kernel.context import Context
from banyan.kernel.prints import blank, column, given, sign, table
from banyan.kernel.registry import answers
from banyan.lib.labels import L, plain
from banyan.modules.inventory.kinds import FREE
from banyan.modules.production.queries import ORDER

prints.scanned_as(ORDER, "w")
prints.scanned_as("production.operation", "o")

ITEM = (
    column("item.code", L("物料编码", "Item")),
    column("item.name", L("名称及规格", "Name and specification"), "item.specification"),
)
UNIT = column("item.unit.name", L("单位", "Unit"), stays=True)
HEAD = (
    column("item.code", L("物料编码", "Item"), is_strong=True),
    column("item.name", L("名称", "Name"), is_strong=True),
    column("item.specification"),
    column("quantity", is_strong=True),
    column("item.unit.name", L("单位", "Unit")),
    column("priority"),
    column("starts_on"),
    column("due_on", is_strong=True),
    column("plant.name", L("工厂", "Plant")),
)

prints.document(
    "traveller",
    ORDER,
    L("工序流转卡", "Work order traveller"),
    valid_in=("released", "running", "completed", "closed"),
    facts=(
        *HEAD,
        column("item.drawing_number"),
        column("item.drawing_revision"),
        column("kind"),
        column("bom.revision", L("物料清单版本", "BOM revision")),
        column("routing.revision", L("工艺版本", "Routing revision")),
        column("origin"),
        column("note", is_wide=True),
    ),
    tables=(
        table(
            "operations",
            column("sequence", L("工序号", "No."), is_strong=True, stays=True),
            column("name", L("工序", "Operation"), "instructions", stays=True),
            column("work_centre.name", L("工作中心", "Work centre"), "machine.name", "supplier.name"),
            column(
                "total_minutes",
                L("标准工时", "Standard time"),
                column("setup_minutes", L("准备", "Set-up")),
                column("run_minutes", L("单件", "Each")),
                width=24,
                stays=True,
            ),
            column("quantity", L("计划数", "Planned"), stays=True),
            column("id", L("扫码报工", "Scan to report"), scans="production.operation", width=20),
            blank("合格", "Good", 14),
            blank("报废", "Scrap", 12),
            blank("人、日期", "Who, when", 20),
            label=L("工序", "Operations"),
            given=(given("total_minutes", "quantity", "标准工时", "Standard time", unit="min"),),
            is_numbered=False,
            stays=True,
        ),
        table(
            "materials",
            *ITEM,
            column("quantity", L("需用", "Needed"), stays=True),
            UNIT,
            column("operation", L("用于工序", "For op.")),
            column("kept_lots", L("批次", "Lots")),
            column("place"),
            blank("实发", "Issued", 18),
            label=L("用料", "Materials"),
            given=(given("kept_lots", "text", "批次", "Lots", see="inventory.lot.read"),),
        ),
        table(
            "losses",
            blank("工序", "Operation", 20),
            blank("原因", "Reason"),
            blank("返工数", "Rework", 18),
            blank("报废数", "Scrap", 18),
            blank("处理", "Disposition", 36),
            blank("人、日期", "Who, when", 28),
            label=L("返工与报废", "Rework and scrap"),
            blank_rows=4,
            row_height=8,
            is_numbered=False,
        ),
    ),
    signs=(sign("下达", "Released by"), sign("检验", "Inspected by"), sign("入库", "Put away by")),
)  # fmt: skip
prints.document(
    "picking_list",
    ORDER,
    L("拣货单", "Picking list"),
    valid_in=("released", "running"),
    facts=HEAD,
    tables=(
        table(
            "picks",
            column("location.code", L("库位", "Location"), "location.name", is_strong=True, stays=True),
            *ITEM,
            column("lot.number", L("批号", "Lot")),
            column("quantity", stays=True, is_strong=True),
            UNIT,
            column("missing"),
            column("operation", L("用于工序", "For op.")),
            blank("实拣", "Picked", 18),
            given=(
                given("item", "reference", "物料", "Item", reference="items.item"),
                given("location", "reference", "库位", "Location", reference="inventory.location",
                      see="inventory.balance.read"),
                given("lot", "reference", "批次", "Lot", reference="inventory.lot",
                      see="inventory.balance.read"),
                given("quantity", "quantity", "数量", "Quantity"),
                given("missing", "quantity", "缺料", "Missing", see="inventory.balance.read"),
                given("operation", "integer", "用于工序", "For operation"),
            ),
            order=("location.walk_order", "location.code", "item.code", "lot.number"),
            row_height=9,
            stays=True,
        ),
    ),
    signs=(sign("拣货", "Picked by"), sign("领料", "Received by"), sign("日期", "Date")),
)  # fmt: skip
prints.label(
    "label",
    ORDER,
    L("工单标签", "Work order label"),
    title="number",
    lines=(
        column("item.code"),
        column("item.name"),
        column("item.specification"),
        column("quantity", L("数量", "Quantity")),
        column("due_on", L("完工", "Due")),
    ),
)
prints.label(
    "operations",
    ORDER,
    L("工序标签", "Operation labels"),
    source="operations",
    title="name",
    lines=(
        column("^.number"),
        column("sequence", L("工序", "Operation")),
        column("^.item.code"),
        column("^.item.name"),
        column("work_centre.name"),
        column("quantity", L("计划数", "Planned")),
    ),
    scans=("production.operation", "id"),
)
prints.label(
    "label",
    "production.operation",
    L("工序标签", "Operation label"),
    title="name",
    lines=(
        column("work_order.number"),
        column("sequence", L("工序", "Operation")),
        column("work_order.item.code"),
        column("work_order.item.name"),
        column("work_centre.name"),
        column("quantity", L("计划数", "Planned")),
    ),
)
prints.document(
    "slip",
    "production.material_issue",
    L("领料单", "Material issue"),
    heading="kind",
    headings=(
        ("supplement", L("补料单", "Supplementary issue")),
        ("return", L("退料单", "Material return")),
    ),
    valid_in=("posted",),
    facts=(
        column("work_order.number", L("工单", "Work order"), is_strong=True),
        column("work_order.item.code", L("产品", "Product")),
        column("moved_at"),
        column("plant.name", L("工厂", "Plant")),
        column("reason", is_wide=True),
    ),
    tables=(
        table(
            "lines",
            column("location.code", L("库位", "Location"), "location.name", is_strong=True),
            *ITEM,
            column("lot.number", L("批号", "Lot")),
            column("quantity", stays=True),
            UNIT,
            order=("location.code", "item.code", "lot.number"),
            stays=True,
        ),
    ),
    signs=(sign("制单", "Made by", "created_by"), sign("发料", "Issued by"), sign("领料", "Received by")),
)
prints.document(
    "slip",
    "production.completion",
    L("完工入库单", "Completion slip"),
    valid_in=("posted",),
    facts=(
        column("work_order.number", L("工单", "Work order"), is_strong=True),
        column("moved_at"),
        column("plant.name", L("工厂", "Plant")),
        column("note", is_wide=True),
    ),
    tables=(
        table(
            "lines",
            *ITEM,
            column("lot.number", L("批号", "Lot")),
            column("location.code", L("库位", "Location")),
            column("quantity", stays=True),
            UNIT,
            stays=True,
        ),
    ),
    signs=(sign("制单", "Made by", "created_by"), sign("检验", "Inspected by"), sign("入库", "Put away by")),
)

_KEPT_LOTS = """
    SELECT material, string_agg(number || ' × ' || trim_scale(quantity), ', ' ORDER BY number)
    FROM (
        SELECT material, number, sum(quantity) AS quantity FROM (
            SELECT a.demand_line AS material, l.number, a.quantity
            FROM inventory_allocation a
            JOIN inventory_balance b ON b.id = a.balance_id JOIN inventory_lot l ON l.id = b.lot_id
            WHERE a.demand_noun = %(noun)s AND a.demand_line = ANY(%(lines)s::uuid[])
            UNION ALL
            SELECT x.material_id, l.number, CASE d.kind WHEN 'return' THEN -x.quantity ELSE x.quantity END
            FROM production_materialissueline x
            JOIN production_materialissue d ON d.id = x.issue_id AND d.state = 'posted'
            JOIN inventory_lot l ON l.id = x.lot_id
            WHERE x.material_id = ANY(%(lines)s::uuid[])
        ) every GROUP BY 1, 2 HAVING sum(quantity) > 0
    ) kept GROUP BY 1
"""


@answers("production.work_order.traveller.fill")
def fill_travellers(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say how long each operation takes in all, and which lots the materials are taken from. One statement.

    Gives:  lots kept for the order, or issued to it and not returned
    """
    lines = [row["id"] for one in records for row in one["materials"]]
    lots = (
        {str(key): text for key, text in db.rows(_KEPT_LOTS, {"noun": ORDER, "lines": lines})}
        if lines
        else {}
    )
    for one in records:
        for row in one["operations"]:
            each = Decimal(row["run_minutes"]) * Decimal(one["quantity"])
            row["total_minutes"] = plain(Decimal(row["setup_minutes"]) + each)
        for row in one["materials"]:
            row["kept_lots"] = lots.get(row["id"], "")


_SHELVES = """
    SELECT k.line, b.id, b.location_id, b.lot_id, b.on_hand - b.allocated, coalesce(a.quantity, 0)
    FROM unnest(%(lines)s::uuid[], %(items)s::uuid[], %(plants)s::uuid[]) AS k(line, item, plant)
    JOIN inventory_balance b ON b.item_id = k.item AND b.plant_id = k.plant
    JOIN inventory_location p ON p.id = b.location_id
    JOIN company_plant z ON z.id = b.plant_id
    LEFT JOIN inventory_lot l ON l.id = b.lot_id
    LEFT JOIN inventory_allocation a
        ON a.balance_id = b.id AND a.demand_line = k.line AND a.demand_noun = %(noun)s
    WHERE b.kind = ANY(%(kinds)s) AND b.owner_id IS NULL AND coalesce(l.state, 'released') = 'released'
      AND b.on_hand - b.allocated + coalesce(a.quantity, 0) > 0
      AND (l.expires_on IS NULL OR l.expires_on >= (%(now)s::timestamptz AT TIME ZONE z.zone)::date)
    ORDER BY a.quantity IS NULL, l.expires_on NULLS LAST, b.first_in_at, p.code, l.number, b.id
"""


@answers("production.work_order.picking_list.fill")
def fill_picking_lists(ctx: Context, records: Sequence[dict[str, Any]]) -> None:
    """Say where to find what the orders still need, as an issue would take it. One statement.

    Gives:  rows `picks`: a quantity of a lot in a place; what is missing stands on a row without a place.
            Several orders never get the same pieces
    """
    wanted = [(one, row) for one in records for row in one["materials"] if open_quantity(row) > 0]
    given = {
        "lines": [row["id"] for _, row in wanted],
        "items": [row["item"] for _, row in wanted],
        "plants": [one["plant"] for one, _ in wanted],
        "noun": ORDER, "kinds": list(FREE), "now": ctx.now,
    }  # fmt: skip
    shelves: dict[UUID, list[Shelf]] = {}
    free: dict[UUID, Decimal] = {}
    for line, balance, location, lot, left, own in db.rows(_SHELVES, given) if wanted else ():
        shelves.setdefault(line, []).append(Shelf(balance, location, lot, own))
        free[balance] = left
    for one in records:
        one["picks"] = []
    for one, row in wanted:
        found = taken_from(open_quantity(row), shelves.get(UUID(row["id"]), ()), free)
        one["picks"] += _rows(row, found)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A lot in a place; `own` of it is kept for the material in question."""

    balance: UUID
    location: UUID
    lot: UUID | None
    own: Decimal


def taken_from(
    quantity: Decimal, shelves: Iterable[Shelf], free: MutableMapping[UUID, Decimal]
) -> Iterator[tuple[Shelf | None, Decimal]]:
    """Give what to take from each shelf in turn; what is missing after the last comes without a shelf.

    Takes:  free: by balance, what is kept for nobody; what is taken of it is taken away
    """
    for shelf in shelves:
        part = min(quantity, shelf.own + max(free[shelf.balance], Decimal(0)))
        if part > 0:
            free[shelf.balance] -= max(part - shelf.own, Decimal(0))
            quantity -= part
            yield shelf, part
    if quantity > 0:
        yield None, quantity


def open_quantity(row: Mapping[str, Any]) -> Decimal:
    """Give what an order still needs of a material; nothing of what is taken when work is reported."""
    if row["is_backflushed"]:
        return Decimal(0)
    return Decimal(row["quantity"]) - Decimal(row["issued_quantity"]) + Decimal(row["returned_quantity"])


def _rows(row: Mapping[str, Any], found: Iterable[tuple[Shelf | None, Decimal]]) -> list[dict[str, Any]]:
    return [
        {
            "item": row["item"],
            "operation": row["operation"],
            "location": str(shelf.location) if shelf else None,
            "lot": str(shelf.lot) if shelf and shelf.lot else None,
            "quantity": plain(quantity) if shelf else None,
            "missing": None if shelf else plain(quantity),
        }
        for shelf, quantity in found
    ]
