"""What planners ask: what becomes of an item, what an order is for, what serves it, what a run changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from banyan.kernel import registry
from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.records import titles
from banyan.kernel.schema import Input, field
from banyan.lib.labels import L
from banyan.modules.company import queries as company
from banyan.modules.engineering.values import from_micro
from banyan.modules.planning import queries
from banyan.modules.planning.queries import STOCK, PegStep

_STOCK, _SAFETY = L("库存", "Stock"), L("安全库存", "Safety stock")


class OfItem(Input):
    """Which item, in which plant."""

    item: UUID = field("物料", "Item", reference="items.item")
    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")


class OfPlannedOrder(Input):
    """Which planned order."""

    order: UUID = field("计划订单", "Planned order", reference="planning.planned_order")


class OfCustomerOrder(Input):
    """Which customer order."""

    order: UUID = field("销售订单", "Sales order", reference="sales.order")


class TwoRuns(Input):
    """Which runs."""

    before: UUID = field("原运算", "Before", reference="planning.run")
    after: UUID = field("对比运算", "After", reference="planning.run")


_STEPS = (
    column("level", "层", "Level", "integer"), column("item", "物料", "Item"),
    column("quantity", "数量", "Quantity", "quantity"), column("supply", "供给", "Supply"),
    column("supply_on", "可用日期", "There on", "date"), column("demand", "需求", "Demand"),
    column("demand_on", "需求日期", "Wanted on", "date"),
)  # fmt: skip


@query(
    "planning.outlook", L("供需清单", "Stock and requirements"), input=OfItem, icon="chart-line",
    help=L("逐日的需求、供给和结余", "An item's demand, supply and balance, day by day"),
    columns=(
        column("day", "日期", "Day", "date"), column("document", "单据", "Document"),
        column("incoming", "供给", "In", "quantity"), column("outgoing", "需求", "Out", "quantity"),
        column("left", "结余", "Left", "quantity"), column("priority", "优先级", "Priority"),
    ),
)  # fmt: skip
def outlook(ctx: Context, data: OfItem) -> Iterator[dict[str, Any]]:
    """Give what comes and goes of an item by day, planned orders of the current run included."""
    plant = data.plant or ctx.plant or company.default_plant().id
    today = company.plant_day(plant, ctx.now)
    rows = queries.changes_of(plant, data.item, today)
    named = _names(ctx, ((row.noun, row.record) for row in rows))
    left = 0
    for row in rows:
        left += row.quantity
        yield {
            "day": row.day, "document": named.get((row.noun, row.record), str(_STOCK.in_(ctx.language))),
            "incoming": from_micro(row.quantity) if row.quantity > 0 else None,
            "outgoing": from_micro(-row.quantity) if row.quantity < 0 else None,
            "left": from_micro(left), "priority": row.priority, "_noun": row.noun, "_id": row.record,
        }  # fmt: skip


@query(
    "planning.serves", L("用于哪些订单", "What it is for"), input=OfPlannedOrder, icon="arrow-up-bar",
    columns=_STEPS, help=L("满足谁，直到客户订单", "Whom a planned order serves, up to the customers"),
)  # fmt: skip
def serves(ctx: Context, data: OfPlannedOrder) -> Iterator[dict[str, Any]]:
    """Give what a planned order is for, level by level up; a row opens the demand."""
    run = queries.current_run_with(data.order)
    yield from _steps(ctx, queries.serves(run, [data.order]) if run else (), "demand")


@query(
    "planning.served_by", L("订单由什么满足", "What serves it"), input=OfCustomerOrder, icon="sitemap",
    columns=_STEPS, help=L("由哪些库存和订单满足", "What serves a customer order, level by level down"),
)  # fmt: skip
def served_by(ctx: Context, data: OfCustomerOrder) -> Iterator[dict[str, Any]]:
    """Give what serves a customer order, level by level down to what is bought; a row opens the supply."""
    run = queries.current_run_with(data.order)
    yield from _steps(ctx, queries.served_by(run, [data.order]) if run else (), "supply")


def _steps(ctx: Context, steps: Iterable[PegStep], opens: str) -> Iterator[dict[str, Any]]:
    steps = tuple(steps)
    items = titles("items.item", [step.item for step in steps])
    ends = [(s.supply_noun, s.supply) for s in steps] + [(s.demand_noun, s.demand) for s in steps]
    named = _names(ctx, ends)
    for step in steps:
        yield {
            "level": step.level, "item": items[step.item], "quantity": step.quantity,
            "supply": named.get((step.supply_noun, step.supply), str(_STOCK.in_(ctx.language))),
            "supply_on": step.supply_on,
            "demand": named.get((step.demand_noun, step.demand), str(_SAFETY.in_(ctx.language))),
            "demand_on": step.demand_on,
            "_noun": getattr(step, f"{opens}_noun"), "_id": getattr(step, opens),
        }  # fmt: skip


def _names(ctx: Context, ends: Iterable[tuple[str, UUID | None]]) -> dict[tuple[str, UUID | None], str]:
    """Give how documents are called, with what they are; a fixed number of statements per noun."""
    wanted: dict[str, set[UUID]] = {}
    for noun, key in ends:
        if key is not None and noun not in (STOCK, queries.SAFETY_STOCK):
            wanted.setdefault(noun, set()).add(key)
    named = {}
    for noun, keys in wanted.items():
        label = registry.noun(noun).spec.label.in_(ctx.language)
        for key, title in titles(noun, list(keys)).items():
            named[noun, key] = f"{label} {title}".strip()
    return named


@query(
    "planning.slips", L("两次运算对比", "Compare runs"), input=TwoRuns, icon="arrows-diff",
    help=L("哪些客户订单提前或延后", "Which customer orders gain or lose days"),
    columns=(
        column("order", "订单", "Order"), column("item", "物料", "Item"),
        column("wanted_on", "需求日期", "Wanted on", "date"), column("before", "原可用", "Before", "date"),
        column("after", "现可用", "After", "date"), column("days", "延后天数", "Days lost", "integer"),
    ),
)  # fmt: skip
def slips(ctx: Context, data: TwoRuns) -> Iterator[dict[str, Any]]:
    """Give the customer order lines whose day differs, the worst first; a row opens the order."""
    found = queries.compare_runs(data.before, data.after)
    items = titles("items.item", [one.item for one in found])
    orders = titles("sales.order", [one.order for one in found])
    for one in found:
        yield {
            "order": orders.get(one.order, ""), "item": items[one.item], "wanted_on": one.wanted_on,
            "before": one.before, "after": one.after, "days": one.days,
            "_noun": "sales.order", "_id": one.order,
        }  # fmt: skip
