"""Reads of wages: prices and people as they are kept in a process, what has been earned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import orjson
from django.db.models import Exists, OuterRef, Q

from banyan.kernel import db, steady
from banyan.kernel.registry import answers
from banyan.modules.people.models import Employee, EmployeeSkill
from banyan.modules.wages import rules
from banyan.modules.wages.models import Approval, Deduction, Factor, Pool, Rate, StatementItem, WageLine
from banyan.modules.wages.values import PoolDays, Price, Valid, Work, Worker

ZERO, ONE = Decimal(0), Decimal(1)


@steady.kept(Rate)
def prices() -> Mapping[UUID | None, tuple[Price, ...]]:
    """Give the rates by item, None for those of all items, narrowest first. At most one statement."""
    rows = db.rows(
        "SELECT id, plant_id, item_id, operation, skill_id, piece_price, hour_price, is_own_pay, shift_minimum, "
        "valid_from, valid_to FROM wages_rate"
    )
    found: dict[UUID | None, list[Price]] = {}
    for row in rows:
        found.setdefault(row[2], []).append(Price(*row))
    return {item: rules.narrowest_first(group) for item, group in found.items()}


@steady.kept(Deduction)
def deductions() -> Mapping[UUID, tuple[Valid, ...]]:
    """Give what bad pieces cost, by reason. At most one statement."""
    return _grouped("SELECT reason_id, price, valid_from, valid_to, item_id FROM wages_deduction")


@steady.kept(Factor)
def factors() -> Mapping[UUID, tuple[Valid, ...]]:
    """Give how shared piece wages are spread, by employee. At most one statement."""
    return _grouped("SELECT employee_id, factor, valid_from, valid_to FROM wages_factor")


@steady.kept(Pool)
def pools() -> Mapping[UUID, tuple[PoolDays, ...]]:
    """Give the pools by team. At most one statement."""
    found: dict[UUID, list[PoolDays]] = {}
    for team, *rest in db.rows("SELECT team_id, id, is_by_time, valid_from, valid_to FROM wages_pool"):
        found.setdefault(team, []).append(PoolDays(*rest))
    return {team: tuple(group) for team, group in found.items()}


def pool_of(team: UUID | None, day: date) -> UUID | None:
    """Give the pool into which piece wages of a team go on a day, None where each earns their own."""
    return next((p.id for p in pools().get(team, ()) if rules.is_valid(p.valid_from, p.valid_to, day)), None)


def factor_on(employee: UUID, day: date) -> Decimal:
    """Give somebody's factor of a day, one without any."""
    found = rules.number_on(factors().get(employee, ()), day)
    return ONE if found is None else found


def _grouped(sql: str) -> Mapping[UUID, tuple[Valid, ...]]:
    found: dict[UUID, list[Valid]] = {}
    for key, *rest in db.rows(sql):
        found.setdefault(key, []).append(Valid(*rest))
    return {key: tuple(group) for key, group in found.items()}


@steady.kept(Employee, EmployeeSkill)
def workers() -> Mapping[UUID, Worker]:
    """Give everybody as wages see them. At most two statements."""
    skills: dict[UUID, list[tuple[UUID, date | None, date | None]]] = {}
    for employee, *skill in db.rows(
        "SELECT employee_id, skill_id, valid_from, valid_to FROM people_employeeskill"
    ):
        skills.setdefault(employee, []).append(tuple(skill))
    rows = db.rows(
        "SELECT id, plant_id, team_id, department_id, coalesce(hourly_pay, 0) FROM people_employee"
    )
    return {key: Worker(*facts, tuple(skills.get(key, ()))) for key, *facts in rows}


_EARNED = """
    SELECT l.employee_id, l.operation_id, l.kind, sum(l.amount), bool_or(l.pool_id IS NOT NULL)
    FROM wages_wageline l WHERE l.report_id IS NOT NULL AND l.employee_id = ANY(%(employees)s) AND l.day = %(day)s
    GROUP BY 1, 2, 3
"""


_POOLED = """
    SELECT pool_id, employee_id, sum(pooled_amount)
    FROM wages_wageline WHERE pool_id = ANY(%s) AND day = %s
    GROUP BY 1, 2 HAVING sum(pooled_amount) <> 0 ORDER BY 1, 2
"""


@answers("wages.earned")
def earned(employees: Sequence[UUID], day: date) -> dict[UUID, dict[tuple[UUID, str], Decimal]]:
    """Give what people earned by reports of a plant's day, each by operation and kind.

    Gives:  whose team has a pool, under (pool, "share"), an estimate: the pool's figure so far over those who have
            reported into it, by factor; what they get is known once the day is shared by attendance
    One statement; two where a pool is asked about
    """
    found: dict[UUID, dict[tuple[UUID, str], Decimal]] = {}
    pooled = set()
    for employee, operation, kind, amount, is_pooled in db.rows(_EARNED, {"employees": list(employees), "day": day}):
        found.setdefault(employee, {})[operation, kind] = amount
        pooled |= {employee} if is_pooled else set()
    for employee, pool, part in _shares_so_far(sorted(pooled), day):
        found.setdefault(employee, {})[pool, "share"] = part
    return found


def _shares_so_far(employees: Sequence[UUID], day: date) -> list[tuple[UUID, UUID, Decimal]]:
    if not employees:
        return []
    people = workers()
    asked = {one: pool_of(people[one].team, day) for one in employees if one in people}
    wanted = {pool for pool in asked.values() if pool}
    into: dict[UUID, dict[UUID, Decimal]] = {}
    for pool, employee, amount in db.rows(_POOLED, [list(wanted), day]) if wanted else ():
        into.setdefault(pool, {})[employee] = amount
    found = []
    for pool, amounts in into.items():
        parts = rules.parts_of(sum(amounts.values(), ZERO), [factor_on(one, day) for one in amounts])
        found += [
            (one, pool, part) for one, part in zip(amounts, parts, strict=True) if asked.get(one) == pool
        ]
    return found


def price_of(
    by_item: Mapping[UUID | None, tuple[Price, ...]], worker: Worker, plant: UUID, item: UUID, operation: str, day: date
) -> Price | None:
    """Give the rate for somebody's work on a day; that of the item goes before those of all items."""
    skills = frozenset(skill for skill, start, end in worker.skills if rules.is_valid(start, end, day))
    for group in (by_item.get(item, ()), by_item.get(None, ())):
        found = rules.price_for(group, plant=plant, item=item, operation=operation, skills=skills, day=day)
        if found is not None:
            return found
    return None


def piece_prices(employee: UUID, day: date, work: Iterable[tuple[UUID, UUID, str]]) -> dict[tuple, Decimal]:
    """Give what somebody is paid for a good piece by (plant, item, operation), where there is a rate; nothing for
    whose pieces go into a pool."""
    by_item = prices()
    worker = workers().get(employee) if by_item else None
    if worker and pool_of(worker.team, day):
        return {}
    found = {one: price_of(by_item, worker, *one, day) for one in set(work)} if worker else {}
    return {one: price.piece_price for one, price in found.items() if price is not None}


_UNPAID = """
    SELECT r.id, r.work_order_id, r.operation_id, o.name, r.kind, w.item_id, r.plant_id, r.reported_at,
           least(coalesce(r.device_at, r.reported_at), r.reported_at), r.day, r.people::text, r.defects::text
    FROM production_report r JOIN production_operation o ON o.id = r.operation_id
    JOIN production_workorder w ON w.id = r.work_order_id
    WHERE r.kind IN ('good', 'scrap', 'rework') AND (%(plants)s::uuid[] IS NULL OR r.plant_id = ANY(%(plants)s))
      AND r.day BETWEEN %(first)s AND %(last)s
      AND NOT EXISTS (SELECT 1 FROM wages_wageline l WHERE l.report_id = r.id)
      AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
    ORDER BY r.reported_at, r.id
"""


def unpaid_work(first: date, last: date, plants: Sequence[UUID] | None) -> tuple[Work, ...]:
    """Give the reports of some days that stand and have earned nobody anything. One statement.

    Takes:  plants: None for all
    """
    rows = db.rows(_UNPAID, {"first": first, "last": last, "plants": None if plants is None else list(plants)})
    return tuple(
        Work(
            *facts,
            tuple(
                (UUID(p["employee"]), None if p["share"] is None else Decimal(p["share"]), Decimal(p["quantity"]),
                 Decimal(p["minutes"]))
                for p in orjson.loads(people)
            ),
            tuple((UUID(d["reason"]), Decimal(d["quantity"])) for d in orjson.loads(defects)),
        )
        for *facts, people, defects in rows
    )  # fmt: skip


def _approved(line: str) -> Exists:
    return Exists(Approval.objects.filter(line=OuterRef(line)))


def is_approved() -> Q:
    """Give the condition that a wage line is approved: it, or the one it takes back."""
    return Q(_approved("pk")) | Q(_approved("reverses"))


def is_waiting() -> Q:
    """Give the condition that a wage line stands and is not approved."""
    taken_back = Exists(WageLine.objects.filter(reverses=OuterRef("pk")))
    return Q(~_approved("pk"), ~Q(taken_back), reverses__isnull=True)


def is_open() -> Q:
    """Give the condition that no statement pays a wage line."""
    return ~Q(Exists(StatementItem.objects.filter(line=OuterRef("pk"), is_active=True)))
