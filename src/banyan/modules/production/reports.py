"""What people ask of production: is the kit there, what is mine to do, what did I do today, where orders
stand."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.records import titles
from banyan.kernel.schema import Day, Input, field
from banyan.lib.labels import L
from banyan.modules.company.queries import default_plant
from banyan.modules.people.queries import work_day
from banyan.modules.production import queries
from banyan.modules.production.nouns import OPERATION_STATES, REPORT_KINDS

ORDER = "production.work_order"
#: Whoever may see orders may ask these; what they show of cost and pay has rights of its own.
READ = "production.work_order.read"
#: What a person gets of their team's piece wages, as far as it can be said before attendance is known.
_SHARE = L("班组份额（按目前报工估算）", "Share of the team's figure so far (estimate)")
_KINDS = {one.key: one.label for one in REPORT_KINDS}
_STATES = {one.key: one.label for one in OPERATION_STATES}


class OfOrder(Input):
    """Which order."""

    work_order: UUID = field("工单", "Work order", reference=ORDER)


class Mine(Input):
    """Whose; one's own when empty."""

    employee: UUID | None = field("员工", "Employee", None, reference="people.employee")


class MyDay(Mine):
    """Whose, and of which day."""

    day: Day | None = field("日期", "Day", None, help=L("空为今天", "Today when empty"))


class AtPlant(Input):
    """Which plant; all of them when empty."""

    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")


def _items(ids: list[UUID]) -> dict[UUID, str]:
    return dict(titles("items.item", ids))


@query(
    "production.kit_check", L("齐套检查", "Kit check"), input=OfOrder, icon="checklist", permission=READ,
    columns=(
        column("item", "物料", "Item"), column("needed", "还需", "Still needed", "quantity"),
        column("free", "可用", "There for it", "quantity"),
        column("missing", "缺", "Missing", "quantity"),
    ),
)  # fmt: skip
def kit(ctx: Context, data: OfOrder) -> Iterator[dict[str, Any]]:
    """Give what an order still needs and what of it is there; what lacks most comes first."""
    lines = queries.kit_check([data.work_order])
    named = _items([line.item for line in lines])
    for line in sorted(lines, key=lambda one: (-one.missing, named.get(one.item, ""))):
        yield {
            "item": named.get(line.item, ""), "needed": line.needed, "free": line.free,
            "missing": line.missing, "_noun": "items.item", "_id": line.item,
        }  # fmt: skip


@query(
    "production.my_tasks", L("我的任务", "My tasks"), input=Mine, icon="list-check", permission=READ, order=5,
    card=("operation", "item", "room", "number", "due_on"),
    help=L("派给我和我班组的工序", "Operations given to me and my team"),
    columns=(
        column("number", "工单", "Work order"), column("item", "物料", "Item"),
        column("operation", "工序", "Operation"), column("state", "状态", "State"),
        column("quantity", "任务数", "To do", "quantity"), column("good", "已合格", "Good", "quantity"),
        column("room", "可报", "Can be reported", "quantity"), column("due_on", "交期", "Due", "date"),
    ),
)  # fmt: skip
def my_tasks(ctx: Context, data: Mine) -> Iterator[dict[str, Any]]:
    """Give the open operations of a person and their team; a row opens the operation."""
    employee = data.employee or ctx.principal.employee
    tasks = queries.my_tasks(employee) if employee else ()
    named = _items([task.item for task in tasks])
    for task in tasks:
        yield {
            "number": task.number, "item": task.part_name or named.get(task.item, ""),
            "operation": f"{task.sequence} {task.name}",
            "state": _STATES[task.state].in_(ctx.language), "quantity": task.quantity,
            "good": task.good_quantity, "room": task.room, "due_on": task.due_on,
            "_noun": "production.operation", "_id": task.operation,
        }  # fmt: skip


@query(
    "production.my_day", L("我的今天", "My day"), input=MyDay, icon="calendar-time", permission=READ, order=6,
    card=("operation", "kind", "quantity", "wage", "number"),
    help=L("当天报的件数、工时和工资", "Pieces, time and wage of a day"),
    columns=(
        column("number", "工单", "Work order"), column("operation", "工序", "Operation"),
        column("kind", "类型", "Kind"), column("quantity", "数量", "Quantity", "quantity", summed=True),
        column("minutes", "工时（分）", "Minutes", "quantity", summed=True),
        column("wage", "工资", "Wage", "money", summed=True),
    ),
)  # fmt: skip
def my_day(ctx: Context, data: MyDay) -> Iterator[dict[str, Any]]:
    """Give what a person did on a day; the wage is shown to themselves, and to those who may see pay."""
    employee = data.employee or ctx.principal.employee
    sees_wage = employee == ctx.principal.employee or ctx.principal.reach("wages.pay") not in (None, "own")
    day = data.day or work_day(employee, default_plant().id, ctx.now)
    wages = queries.earned(employee, day) if employee and sees_wage else {}
    for done in queries.work_of(employee, day) if employee else ():
        yield {
            "number": done.number, "operation": f"{done.sequence} {done.name}",
            "kind": _KINDS[done.kind].in_(ctx.language), "quantity": done.quantity, "minutes": done.minutes,
            "wage": wages.get((done.operation, done.kind), Decimal(0)) if sees_wage else None,
            "_noun": "production.operation", "_id": done.operation,
        }  # fmt: skip
    share = sum((amount for (_, kind), amount in wages.items() if kind == "share"), Decimal(0))
    if share:
        yield {
            "number": "", "operation": _SHARE.in_(ctx.language), "kind": "", "quantity": None, "minutes": None,
            "wage": share,
        }  # fmt: skip


@query(
    "production.wip", L("在制工单", "Work in progress"), input=AtPlant, icon="progress", permission=READ,
    columns=(
        column("number", "工单", "Work order"), column("item", "物料", "Item"),
        column("quantity", "计划数", "Planned", "quantity"),
        column("finished", "末道合格", "Good at the end", "quantity"),
        column("made", "已入库", "Made", "quantity"), column("scrapped", "报废", "Scrapped", "quantity"),
        column("equivalents", "在制约当量", "Equivalents in work", "quantity"),
        column("hours", "人工小时", "Labour hours", "quantity", summed=True),
        column("conversion", "加工费用", "Conversion", "money", summed=True),
    ),
)  # fmt: skip
def wip(ctx: Context, data: AtPlant) -> Iterator[dict[str, Any]]:
    """Give where open orders stand; the cost for those who may see it. A row opens the order."""
    facts = queries.wip_facts(data.plant)
    named = _items([one.item for one in facts])
    for one in facts:
        yield {
            "number": one.number, "item": named.get(one.item, ""), "quantity": one.quantity,
            "finished": one.finished_quantity, "made": one.made_quantity, "scrapped": one.scrapped_quantity,
            "equivalents": one.equivalents, "hours": round(one.labour_minutes / Decimal(60), 2),
            "conversion": one.conversion_amount if ctx.may("production.costs") else None,
            "_noun": ORDER, "_id": one.order,
        }  # fmt: skip


@query(
    "production.as_built", L("设计、计划与实际用料", "As designed, as planned, as built"), input=OfOrder,
    icon="git-compare", permission=READ,
    columns=(
        column("item", "物料", "Item"), column("designed", "设计", "As designed", "quantity"),
        column("planned", "工单计划", "As planned", "quantity"),
        column("built", "实际", "As built", "quantity"),
        column("reason", "偏离原因", "Deviation"),
    ),
)  # fmt: skip
def as_built(ctx: Context, data: OfOrder) -> Iterator[dict[str, Any]]:
    """Give what an order was designed, planned and built with, item by item."""
    sides = {
        "designed": queries.as_designed(data.work_order), "planned": queries.as_planned(data.work_order),
        "built": queries.as_built(data.work_order),
    }  # fmt: skip
    rows: dict[UUID, dict[str, Any]] = {}
    for side, lines in sides.items():
        for line in lines:
            row = rows.setdefault(line.item, dict.fromkeys(sides, Decimal(0)) | {"reason": ""})
            row[side] += line.quantity
            row["reason"] = row["reason"] or line.deviation_reason
    named = _items(list(rows))
    for item, row in sorted(rows.items(), key=lambda one: named.get(one[0], "")):
        yield {"item": named.get(item, ""), **row, "_noun": "items.item", "_id": item}
