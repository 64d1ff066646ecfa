"""What people ask of structure: what lies below an item, where it is used, what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.records import titles
from banyan.kernel.schema import Day, Input, Quantity, field
from banyan.lib.labels import L
from banyan.modules.company import queries as company
from banyan.modules.engineering import queries
from banyan.modules.engineering.nouns import LIFE

_STATES = {state.key: state.label for state in LIFE["states"]}


class AtPlant(Input):
    """Which plant's structure, on which day."""

    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")
    on: Day | None = field("日期", "On", None, help=L("空为今天", "Empty: today"))


class BelowItem(AtPlant):
    """So much of which item."""

    item: UUID = field("物料", "Item", reference="items.item")
    quantity: Quantity = field("数量", "Quantity", Decimal(1), gt=0)
    is_summed: bool = field("每个物料一行", "One row per item", False)


class UsesOf(Input):
    """The uses of which item."""

    item: UUID = field("物料", "Item", reference="items.item")
    on: Day | None = field(
        "日期", "On", None, help=L("空为所有版本，包括草稿", "Empty: every revision, drafts too")
    )


class CostsOf(AtPlant):
    """The cost of which items."""

    item: UUID | None = field("物料", "Item", None, reference="items.item", help=L("空为全部", "Empty: all"))


def _where_and_when(ctx: Context, data: AtPlant) -> tuple[UUID, date]:
    plant = data.plant or ctx.plant or company.default_plant().id
    return plant, data.on or company.plant_day(plant, ctx.now)


@query(
    "engineering.explosion", L("BOM展开", "Explosion"), input=BelowItem, icon="sitemap",
    help=L("要用到的全部物料，含损耗", "Everything that so much of an item takes"),
    columns=(
        column("level", "层", "Level", "integer"), column("item", "物料", "Item"),
        column("quantity", "数量", "Quantity", "quantity"), column("parent", "用于", "For"),
        column("operation", "工序", "Operation", "integer"),
    ),
)  # fmt: skip
def explosion(ctx: Context, data: BelowItem) -> Iterator[dict[str, Any]]:
    """Give everything below an item as its orders would take it; a row opens the item."""
    plant, on = _where_and_when(ctx, data)
    if data.is_summed:
        totals = queries.total_needs({data.item: data.quantity}, on, plant)
        named = titles("items.item", list(totals))
        for item, quantity in totals.items():
            yield {"item": named[item], "quantity": quantity, "_noun": "items.item", "_id": item}
        return
    rows = queries.explode(data.item, data.quantity, on, plant, phantoms=True)
    named = titles("items.item", [data.item, *(row.item for row in rows)])
    for row in rows:
        yield {
            "level": row.level, "item": named[row.item], "quantity": row.quantity,
            "parent": named[row.parent], "operation": row.operation, "_noun": "items.item", "_id": row.item,
        }  # fmt: skip


@query(
    "engineering.where_used", L("反查", "Where used"), input=UsesOf, icon="arrow-up-bar",
    help=L("哪些物料用到它，直到成品", "What takes it, up to the finished products"),
    columns=(
        column("level", "层", "Level", "integer"), column("item", "用于", "Used in"),
        column("revision", "版本", "Revision"), column("state", "状态", "State"),
        column("component", "子件", "Component"), column("quantity", "用量", "Quantity per", "quantity"),
        column("is_fixed", "每单固定", "Fixed per order", "boolean"),
    ),
)  # fmt: skip
def where_used(ctx: Context, data: UsesOf) -> Iterator[dict[str, Any]]:
    """Give the places where an item is used, its own parents first; a row opens the BOM."""
    uses = queries.where_used([data.item], data.on)
    named = titles("items.item", [data.item, *(use.item for use in uses)])
    for use in uses:
        yield {
            "level": use.level, "item": named[use.item], "revision": use.revision,
            "state": _STATES[use.state].in_(ctx.language), "component": named[use.component],
            "quantity": use.quantity, "is_fixed": use.is_fixed, "_noun": "engineering.bom", "_id": use.bom,
        }  # fmt: skip


@query(
    "engineering.costs", L("成本卷积", "Cost roll-up"), input=CostsOf, icon="calculator",
    permission="items.cost", help=L("按结构、费率和价格", "By structure, rates and prices"),
    columns=(
        column("level", "层", "Level", "integer"), column("item", "物料", "Item"),
        column("material", "材料", "Material", "decimal"), column("labour", "人工", "Labour", "decimal"),
        column("machine", "机器", "Machine", "decimal"),
        column("overhead", "制造费用", "Overhead", "decimal"),
        column("subcontract", "委外", "Subcontract", "decimal"),
        column("total", "合计", "Total", "decimal"),
        column("missing", "缺少成本", "Without cost"),
    ),
)  # fmt: skip
def costs(ctx: Context, data: CostsOf) -> Iterator[dict[str, Any]]:
    """Give what one of each item costs, finished products first; a row opens the item."""
    plant, on = _where_and_when(ctx, data)
    found = queries.standard_costs(plant, [data.item] if data.item else None, on)
    named = titles("items.item", list(found))
    for item, cost in sorted(found.items(), key=lambda pair: (pair[1].level, named[pair[0]])):
        yield {
            "level": cost.level, "item": named[item], "material": cost.material, "labour": cost.labour,
            "machine": cost.machine, "overhead": cost.overhead, "subcontract": cost.subcontract,
            "total": cost.total, "missing": "、".join(sorted(named[one] for one in cost.missing)),
            "_noun": "items.item", "_id": item,
        }  # fmt: skip
