"""Reads of exceptions: who is responsible, who is told, which operations stand still."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.records import titles
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label
from banyan.modules.exceptions.models import STOPPING, Level, Route, ShopException
from banyan.modules.exceptions.rules import LevelFacts, RouteFacts
from banyan.modules.production.models import Operation

NOUN = "exceptions.exception"


def routes(plant: UUID) -> tuple[RouteFacts, ...]:
    """Give the routes in force that lead to teams of a plant, by sequence. One statement."""
    found = Route.objects.filter(is_active=True, team__plant=plant).order_by("sequence", "pk")
    columns = ("sequence", "team_id", "category_id", "work_centre_id", "defect_reason_id", "operation_name")
    return tuple(RouteFacts(*row) for row in found.values_list(*columns))


def operation_names(operation: UUID | None) -> tuple[str, ...]:
    """Give what an operation is called, in both languages. One statement, none for none."""
    found = Operation.objects.filter(pk=operation).values_list("name", "name_en").first() if operation else None
    return tuple(name for name in found or () if name)


def levels() -> tuple[LevelFacts, ...]:
    """Give the levels of escalation, lowest first. One statement."""
    found = Level.objects.order_by("sequence").values_list("sequence", "after_minutes")
    return tuple(LevelFacts(*row) for row in found)


_TEAM = """
    SELECT DISTINCT u.id FROM people_employee e JOIN kernel_user u ON u.id = e.user_id AND u.is_active
    WHERE e.is_active AND (e.team_id = %(team)s OR e.id = (SELECT leader_id FROM people_team WHERE id = %(team)s))
    ORDER BY u.id
"""


def people_of_team(team: UUID) -> tuple[UUID, ...]:
    """Give the users of a team's members and of its leader. One statement."""
    return tuple(row[0] for row in db.rows(_TEAM, {"team": team}))


_TOLD = """
    WITH RECURSIVE asked AS (
        SELECT * FROM jsonb_to_recordset(%(asked)s::jsonb) a(exception uuid, level int)
    ), here AS (
        SELECT a.exception, a.level, v.id, v.audience, v.role_id, x.plant_id, t.leader_id,
               coalesce(l.department_id, w.department_id) AS department
        FROM asked a JOIN exceptions_shopexception x ON x.id = a.exception
        JOIN exceptions_level v ON v.sequence = a.level
        LEFT JOIN people_team t ON t.id = x.team_id LEFT JOIN people_employee l ON l.id = t.leader_id
        LEFT JOIN equipment_workcentre w ON w.id = x.work_centre_id
    ), above AS (
        SELECT DISTINCT department AS origin, department AS id FROM here WHERE department IS NOT NULL
        UNION
        SELECT a.origin, d.parent_id FROM above a JOIN company_department d ON d.id = a.id
        WHERE d.parent_id IS NOT NULL
    ), named AS (
        SELECT h.exception, h.level, e.user_id AS person FROM here h JOIN people_employee e ON e.id = h.leader_id
        WHERE h.audience = 'team_leader' AND e.is_active
        UNION
        SELECT h.exception, h.level, e.user_id FROM here h JOIN exceptions_levelhead p ON p.level_id = h.id
        JOIN people_employee e ON e.id = p.employee_id AND e.is_active
        WHERE h.audience = 'department' AND (p.department_id IS NULL OR EXISTS (
            SELECT 1 FROM above a WHERE a.origin = h.department AND a.id = p.department_id))
        UNION
        SELECT h.exception, h.level, r.user_id FROM here h JOIN kernel_userrole r ON r.role_id = h.role_id
        JOIN kernel_user u ON u.id = r.user_id AND (u.plants = '{}' OR h.plant_id = ANY(u.plants))
        WHERE h.audience = 'role'
    )
    SELECT n.exception, n.level, array_agg(u.id ORDER BY u.id)
    FROM named n JOIN kernel_user u ON u.id = n.person AND u.is_active GROUP BY 1, 2
"""


def told_at(asked: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], tuple[UUID, ...]]:
    """Give the users to tell of each (exception, level): leader, heads of the department, holders of the role.

    The department is that of the team's leader, else of the work centre, with those above it. One statement.
    """
    rows = [dict(exception=key, level=level) for key, level in asked]
    found = db.rows(_TOLD, {"asked": orjson.dumps(rows).decode()}) if rows else []
    return {(key, level): tuple(people) for key, level, people in found}


def stopping(operations: Iterable[UUID], besides: Sequence[UUID] = ()) -> dict[UUID, tuple[UUID, ...]]:
    """Give the exceptions, besides some, that stop each of some operations, oldest first. One statement."""
    found: dict[UUID, list[UUID]] = {}
    rows = ShopException.objects.filter(
        operation__in=list(operations), severity="severe", state__in=STOPPING
    ).exclude(pk__in=list(besides)).order_by("raised_at", "pk")
    for operation, key in rows.values_list("operation_id", "pk"):
        found.setdefault(operation, []).append(key)
    return {operation: tuple(keys) for operation, keys in found.items()}


@answers("production.operation.stops")
def stops(ctx: Context, operations: Sequence[UUID]) -> dict[UUID, Label]:
    """Say in words which exceptions stop each of some operations, and who raised them. Three statements."""
    by_operation = stopping(operations)
    named = titles(NOUN, [key for keys in by_operation.values() for key in keys])
    rows = ShopException.objects.filter(pk__in=named).values_list("pk", "problem", "created_by__name")
    said = {key: _in_words(named[key], problem, name or "") for key, problem, name in rows}
    return {
        operation: L("；".join(said[key].zh for key in keys), "; ".join(said[key].en for key in keys))
        for operation, keys in by_operation.items()
    }


def _in_words(title: str, problem: str, name: str) -> Label:
    facts = {"title": title, "problem": problem[:80], "name": name}
    zh = "异常 {title}" + ("“{problem}”" if problem else "") + ("（{name}提出）" if name else "")
    en = "exception {title}" + (" “{problem}”" if problem else "") + (", raised by {name}" if name else "")
    return L(zh, en).filled(facts)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an exception is: what the records named in it say of each other."""

    plant: UUID | None = None
    work_order: UUID | None = None
    operation: UUID | None = None
    work_centre: UUID | None = None
    machine: UUID | None = None
    lot: UUID | None = None
    item: UUID | None = None


_PLACE = """
    SELECT 'operation', o.plant_id, o.work_order_id, o.work_centre_id, o.machine_id, w.item_id
    FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id WHERE o.id = %(operation)s
    UNION ALL
    SELECT 'work_order', w.plant_id, w.id, NULL, NULL, w.item_id FROM production_workorder w
    WHERE w.id = %(work_order)s
    UNION ALL
    SELECT 'machine', c.plant_id, NULL, c.id, m.id, NULL
    FROM equipment_machine m JOIN equipment_workcentre c ON c.id = m.work_centre_id WHERE m.id = %(machine)s
    UNION ALL
    SELECT 'lot', NULL, NULL, NULL, NULL, l.item_id FROM inventory_lot l WHERE l.id = %(lot)s
    UNION ALL
    SELECT 'plant', p.id, NULL, NULL, NULL, NULL FROM company_plant p WHERE p.id = %(plant)s
"""


def places(**named: UUID | None) -> dict[str, tuple[UUID | None, ...]]:
    """Give what operation, work order, machine, lot and plant say of where they are; those that exist.

    Gives:  by name, (plant, work order, work centre, machine, item). One statement
    """
    return {row[0]: row[1:] for row in db.rows(_PLACE, named)}


def to_escalate(now: datetime, most: int) -> list[UUID]:
    """Give exceptions whose next level is due, the longest first. One statement."""
    found = ShopException.objects.filter(escalates_at__lte=now).order_by("escalates_at", "pk")
    return list(found.values_list("pk", flat=True)[:most])
