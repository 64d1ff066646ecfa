"""What a station shows for a day: tasks with all that is needed at them, people, reasons, and what was done today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib.labels import plain
from banyan.modules.people.models import Employee
from banyan.modules.people.queries import employees_by_id, team_members
from banyan.modules.production import queries as production
from banyan.modules.production import rules
from banyan.modules.production.commands.flow import read_shop
from banyan.modules.production.models import DefectReason
from banyan.modules.station.acts import further_day
from banyan.modules.wages.queries import piece_price

ZERO = Decimal(0)
#: Operations of a plant that a station knows besides a person's own tasks, so that any traveller can be scanned.
MOST_OTHERS = 300
#: Reports shown on a task card.
LAST_REPORTS = 3

_TASKS = """
    SELECT o.id, w.id, w.number, w.priority, w.due_on, w.quantity, i.code, i.name, i.specification,
           u.name, u.name_en, o.sequence, o.name, o.name_en, o.state, o.quantity, o.good_quantity, o.scrap_quantity,
           o.rework_quantity, o.started, o.places, o.report_ratio, o.instructions, o.capture, i.id,
           o.machine_id, m.code, c.name
    FROM production_operation o
    JOIN production_workorder w ON w.id = o.work_order_id
    JOIN items_item i ON i.id = w.item_id JOIN company_unit u ON u.id = i.unit_id
    LEFT JOIN equipment_machine m ON m.id = o.machine_id
    LEFT JOIN equipment_workcentre c ON c.id = o.work_centre_id
    WHERE o.id = ANY(%(mine)s) OR (
        w.plant_id = %(plant)s AND w.state IN ('released', 'running') AND o.state IN ('open', 'running')
        AND o.id = ANY(ARRAY(
            SELECT p.id FROM production_operation p JOIN production_workorder x ON x.id = p.work_order_id
            WHERE x.plant_id = %(plant)s AND x.state IN ('released', 'running') AND p.state IN ('open', 'running')
            ORDER BY x.due_on, x.id, p.sequence LIMIT %(most)s)))
    ORDER BY w.due_on, w.number, o.sequence
"""
_NAMES = (
    "id", "order", "number", "priority", "due_on", "order_quantity", "item", "item_name", "specification",
    "unit", "unit_en", "sequence", "name", "name_en", "state", "quantity", "good", "scrap",
    "rework", "started", "places", "ratio", "instructions", "capture", "item_id",
    "machine", "machine_code", "work_centre",
)  # fmt: skip

_MATERIALS = """
    SELECT m.work_order_id, m.operation, i.code, i.name, u.name, u.name_en, m.quantity,
           m.issued_quantity - m.returned_quantity, m.debt_quantity, m.is_backflushed, m.place, i.tracking
    FROM production_material m JOIN items_item i ON i.id = m.item_id JOIN company_unit u ON u.id = i.unit_id
    WHERE m.work_order_id = ANY(%s) ORDER BY m.work_order_id, m.position
"""

_LAST = """
    SELECT r.operation_id, r.kind, r.quantity, coalesce(r.device_at, r.reported_at), e.name
    FROM production_report r LEFT JOIN people_employee e ON e.id = r.worker
    WHERE r.work_order_id = ANY(%s) AND r.operation_id = ANY(%s) AND r.kind IN ('good', 'scrap', 'rework')
      AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
    ORDER BY r.reported_at DESC LIMIT 300
"""


def day(ctx: Context, on: date) -> dict[str, Any]:
    """Give all that a person needs at a station for a shift without a network. A fixed number of statements.

    Takes:  on: the plant's day whose pieces, time and wage count as today's
    Gives:  plain JSON; quantities as text; `mine` says which tasks are assigned to the person or the team
    """
    employee = ctx.principal.employee
    me = employees_by_id([employee]).get(employee) if employee else None
    mine = production.my_tasks(employee) if employee else ()
    tasks = _tasks(ctx.plant, [task.operation for task in mine], employee, on)
    return {
        "person": _person(ctx, me),
        "day": on.isoformat(),
        "tasks": _ordered(tasks, [task.operation for task in mine]),
        "reasons": list(
            DefectReason.objects.filter(is_active=True).order_by("code").values("id", "code", "name", "name_en", "kind")
        ),
        "people": _people(me),
        "today": today(ctx, on),
        **further_day(ctx),
    }


def _person(ctx: Context, me: Any) -> dict[str, Any]:
    who = ctx.principal
    return {
        "id": str(who.id),
        "name": me.name if me else who.name,
        "code": me.code if me else who.login,
        "employee": str(me.id) if me else None,
        "language": who.language,
        "may_report": who.may("production.work_order.report"),
    }


def _people(me: Any) -> list[dict[str, Any]]:
    """Give who may share a report: the team, else everybody of the plant."""
    if me is None:
        return []
    if me.team:
        found = team_members([me.team])[me.team]
        return [{"id": str(one.id), "code": one.code, "name": one.name} for one in found]
    rows = Employee.objects.filter(plant=me.plant, is_active=True).order_by("code")[:200]
    return [{"id": str(key), "code": code, "name": name} for key, code, name in rows.values_list("id", "code", "name")]


def _tasks(plant: UUID | None, mine: Sequence[UUID], employee: UUID | None, on: date) -> list[dict[str, Any]]:
    rows = db.rows(_TASKS, {"mine": list(mine), "plant": plant, "most": MOST_OTHERS})
    tasks = [dict(zip(_NAMES, row, strict=True)) for row in rows]
    orders = sorted({task["order"] for task in tasks})
    shop = read_shop(orders=orders) if orders else None
    materials = _materials(orders)
    last = _last(orders, [task["id"] for task in tasks])
    firsts = {order: min(ops) for order, ops in shop.by_order.items()} if shop else {}
    for task in tasks:
        at = shop.ops[task["id"]].plant
        task["rate"] = piece_price(employee, at, task["item_id"], task["name"], on) if employee else ZERO
    return [
        _task(
            task, shop,
            [m for at, m in materials.get(task["order"], ()) if (at or firsts[task["order"]]) == task["sequence"]],
            last.get(task["id"], []),
        )
        for task in tasks
    ]  # fmt: skip


def _task(
    task: dict[str, Any], shop: Any, materials: list[dict[str, Any]], last: list[dict[str, Any]]
) -> dict[str, Any]:
    op = shop.ops[task["id"]]
    room = max(ZERO, rules.room(task["sequence"], shop.flows(task["order"]), op.planned, op.tolerance))
    numbers = ("order_quantity", "quantity", "good", "scrap", "rework", "ratio", "rate")
    return {
        **{key: value for key, value in task.items() if value not in (None, "")},
        **{key: plain(task[key]) for key in numbers},
        "due_on": task["due_on"].isoformat(),
        "room": plain(room),
        "materials": materials,
        "last": last,
    }


def _materials(orders: Sequence[UUID]) -> dict[UUID, list[tuple[int | None, dict[str, Any]]]]:
    found = defaultdict(list)
    for order, at, code, name, unit, unit_en, needed, issued, debt, flushed, place, tracking in db.rows(
        _MATERIALS, [list(orders)]
    ):
        line = {
            "item": code, "name": name, "unit": unit, "unit_en": unit_en, "needed": plain(needed),
            "issued": plain(issued), "owed": plain(debt), "flushed": flushed, "place": place, "tracking": tracking,
        }  # fmt: skip
        found[order].append((at, line))
    return found


def _last(orders: Sequence[UUID], operations: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    found = defaultdict(list)
    for operation, kind, quantity, at, name in db.rows(_LAST, [list(orders), list(operations)]):
        if len(found[operation]) < LAST_REPORTS:
            line = {"kind": kind, "quantity": plain(quantity), "at": at.isoformat(), "who": name or ""}
            found[operation].append(line)
    return found


def _ordered(tasks: list[dict[str, Any]], mine: Sequence[UUID]) -> list[dict[str, Any]]:
    """Give a person's own tasks first, in the order they are to be done, then the others."""
    places = {key: place for place, key in enumerate(mine)}
    for task in tasks:
        task["mine"] = task["id"] in places
    return sorted(tasks, key=lambda task: (places.get(task["id"], len(places)), task["due_on"], task["number"]))


def today(ctx: Context, on: date) -> dict[str, Any]:
    """Give what a person did on a day: pieces, minutes, what they earned, and by operation. Two statements."""
    employee = ctx.principal.employee
    done = production.work_of(employee, on) if employee else ()
    earned = production.earned(employee, on) if employee else {}
    return {
        "good": plain(sum((one.quantity for one in done if one.kind == "good"), ZERO)),
        "bad": plain(sum((one.quantity for one in done if one.kind != "good"), ZERO)),
        "minutes": plain(round(sum((one.minutes for one in done), ZERO), 0)),
        "wage": f"{sum(earned.values(), ZERO):.2f}",
        "lines": [
            {
                "number": one.number, "operation": f"{one.sequence} {one.name}", "kind": one.kind,
                "quantity": plain(one.quantity), "wage": f"{earned.get((one.operation, one.kind), ZERO):.2f}",
            }
            for one in done
        ],
    }  # fmt: skip
