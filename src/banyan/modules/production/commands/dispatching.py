"""Who does what, as a team leader says it at the board: the people of an operation all together, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel import access, db, locks, registry
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Input, Quantity, field
from banyan.lib.errors import FieldFaults, NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.company.queries import plants
from banyan.modules.equipment.queries import centres_of_machines
from banyan.modules.people.queries import employees_by_id, skilled
from banyan.modules.production.commands.leading import ASSIGN, require_led
from banyan.modules.production.commands.materials import by
from banyan.modules.production.errors import DispatchStale, NotSkilled, OperationUnknown
from banyan.modules.production.models import AT_WORK, Assignment, Operation, WorkOrder

ORDER = "production.work_order"
ZERO = Decimal(0)


class Hand(Input):
    """A person, or a team, and how much of an operation they do; all of it without a quantity."""

    employee: UUID | None = field("员工", "Employee", None, reference="people.employee")
    team: UUID | None = field("班组", "Team", None, reference="people.team")
    machine: UUID | None = field("设备", "Machine", None, reference="equipment.machine")
    quantity: Quantity | None = field("数量", "Quantity", None, gt=0)


class DispatchLine(Input):
    """Who does an operation from now on, all of them; `seen` are the assignments that this replaces."""

    operation: UUID = field("工序", "Operation", reference="production.operation")
    hands: Annotated[list[Hand], Field(max_length=50)] = field("人员", "People", default_factory=list)
    seen: Annotated[list[UUID], Field(max_length=200)] | None = field(
        "看到的派工", "Assignments seen", None,
        help=L("与现状不同则拒绝", "Refused where it is not how things are now"),
    )  # fmt: skip


class Dispatch(Input):
    """Operations with the people who are to do them."""

    lines: Annotated[list[DispatchLine], Field(min_length=1, max_length=500)] = field("派工", "Dispatch")


class Arrange(Input):
    """What somebody does first, second and so on; what is not named comes after."""

    employee: UUID | None = field("员工", "Employee", None, reference="people.employee")
    team: UUID | None = field("班组", "Team", None, reference="people.team")
    assignments: Annotated[list[UUID], Field(max_length=500)] = field(
        "派工", "Assignments", reference="production.assignment"
    )


class Prioritise(Input):
    priority: Literal["normal", "urgent"] = field(
        "优先级", "Priority", "urgent",
        choices=[choice("normal", "普通", "Normal"), choice("urgent", "紧急", "Urgent", "red")],
    )  # fmt: skip


@command(
    f"{ORDER}.dispatch", L("派给人员", "Dispatch"), input=Dispatch, on="noun", icon="users", offered_on=(),
    permission=f"{ORDER}.assign", screen=False,
)  # fmt: skip
def dispatch_work(ctx: Context, data: Dispatch) -> tuple[Assignment, ...]:
    """Say who does operations from now on: who is not named any more is taken off.

    Gives:  the assignments of the operations that stand then
    Raises: DispatchStale where somebody else has changed them; OperationUnknown; Invalid naming line and field;
            NotSkilled, until it is consented to; NotYourTeam for what is given to, or taken from, people of others
    Writes: assignments, three statements at most; locks the orders
    """
    wanted = {line.operation for line in data.lines}
    orders = set(Operation.objects.filter(pk__in=wanted).values_list("work_order_id", flat=True))
    within = access.scope(ctx, registry.noun(ORDER), f"{ORDER}.assign")
    held = locks.lock(WorkOrder, orders, where=within)
    operations = {o.pk: o for o in Operation.objects.filter(pk__in=wanted, work_order__in=list(held))}
    if len(operations) < len(wanted):
        raise OperationUnknown
    now = _standing(wanted)
    _require_fresh(data, now, operations, held)
    _check(ctx, data, operations, held, now)
    return _write(ctx, data, operations, now)


#: What is wrong with a machine that work cannot be given to.
NOT_THERE = L("不是该工序工作中心的设备", "no machine of the operation's work centre")


def stands_at(centre: UUID | None, operation: Operation) -> bool:
    """Say whether a machine of a work centre, None for no such machine, can be given an operation."""
    return centre is not None and operation.work_centre_id in (None, centre)


def _standing(operations: set[UUID]) -> dict[UUID, list[Assignment]]:
    found: dict[UUID, list[Assignment]] = {key: [] for key in operations}
    for row in Assignment.objects.filter(operation__in=operations, is_active=True).order_by("pk"):
        found[row.operation_id].append(row)
    return found


def _require_fresh(data: Dispatch, now: dict, operations: dict[UUID, Operation], held: dict[UUID, WorkOrder]) -> None:
    for line in data.lines:
        if line.seen is not None and set(line.seen) != {row.pk for row in now[line.operation]}:
            operation = operations[line.operation]
            raise DispatchStale(
                order=held[operation.work_order_id].number, operation=operation.title
            )


def _check(
    ctx: Context, data: Dispatch, operations: dict[UUID, Operation], held: dict[UUID, WorkOrder],
    now: dict[UUID, list[Assignment]],
) -> None:  # fmt: skip
    hands = [hand for line in data.lines for hand in line.hands]
    people = employees_by_id([hand.employee for hand in hands])
    centres = centres_of_machines([hand.machine for hand in hands])
    faults = FieldFaults()
    if len({line.operation for line in data.lines}) < len(data.lines):
        faults.add(("lines",), L("同一工序只能出现一次", "each operation once"))
    for n, line in enumerate(data.lines):
        operation = operations[line.operation]
        if operation.state in ("skipped", "closed") or held[operation.work_order_id].state not in AT_WORK:
            faults.add(("lines", n, "operation"), L("工序已结束，或工单未下达", "at an end, or not released"))
        if len({(hand.employee, hand.team) for hand in line.hands}) < len(line.hands):
            faults.add(("lines", n, "hands"), L("同一人出现多次", "somebody is named twice"))
        if sum((hand.quantity or ZERO for hand in line.hands), ZERO) > operation.quantity:
            faults.add(("lines", n, "hands"), L("数量之和超过工序计划数", "add up to more than is planned"))
        for m, hand in enumerate(line.hands):
            is_known = hand.machine in {None, *(row.machine_id for row in now[line.operation])}
            if not is_known and not stands_at(centres.get(hand.machine), operation):
                faults.add(("lines", n, "hands", m, "machine"), NOT_THERE)
            if (hand.employee is None) == (hand.team is None):
                faults.add(
                    ("lines", n, "hands", m, "employee"),
                    L("填写员工或班组之一", "name an employee or a team, not both"),
                )
            elif hand.employee and (hand.employee not in people or not people[hand.employee].is_active):
                faults.add(("lines", n, "hands", m, "employee"), L("没有该在职员工", "no such employee at work"))
    faults.refuse_if_any()
    if NotSkilled.code not in ctx.consents:
        _require_skill(ctx, data, operations, people)


def _require_skill(ctx: Context, data: Dispatch, operations: dict[UUID, Operation], people: dict) -> None:
    asked = {
        (hand.employee, operations[line.operation].skill_id)
        for line in data.lines for hand in line.hands
        if hand.employee and operations[line.operation].skill_id
    }  # fmt: skip
    if not asked:
        return
    zone = {plant.id: plant for plant in plants()}
    day = zone[next(iter(operations.values())).plant_id].day(ctx.now)
    able = skilled(sorted({one for one, _ in asked}), sorted({skill for _, skill in asked}), day)
    lacking = sorted({people[one].name for one, skill in asked if (one, skill) not in able})
    if lacking:
        raise NotSkilled(people="、".join(lacking))


def _write(
    ctx: Context, data: Dispatch, operations: dict[UUID, Operation], now: dict[UUID, list[Assignment]]
) -> tuple[Assignment, ...]:
    stay: list[Assignment] = []
    made: list[Assignment] = []
    changed: list[Assignment] = []
    for line in data.lines:
        operation = operations[line.operation]
        known = {(row.employee_id, row.team_id): row for row in now[line.operation]}
        for hand in line.hands:
            row = known.pop((hand.employee, hand.team), None)
            if row is None:
                made.append(_made(ctx, operation, hand))
                continue
            stay.append(row)
            machine = hand.machine or row.machine_id
            if (row.quantity, row.machine_id) != (hand.quantity, machine):
                row.quantity, row.machine_id = hand.quantity, machine
                changed.append(row)
        for row in known.values():
            row.is_active = False
            changed.append(row)
    concerned = [*made, *changed]
    require_led(
        ctx, ASSIGN, people=[row.employee_id for row in concerned if row.employee_id],
        teams=[row.team_id for row in concerned if row.team_id],
    )  # fmt: skip
    for row in changed:
        row.version, row.changed_at, row.changed_by_id = row.version + 1, ctx.now, ctx.person
    db.update_rows(changed, ("quantity", "machine_id", "is_active", "version", "changed_at", "changed_by_id"))
    return (*stay, *Assignment.objects.bulk_create(made))


def _made(ctx: Context, operation: Operation, hand: Hand) -> Assignment:
    return Assignment(
        id=new_id(), operation_id=operation.pk, work_order_id=operation.work_order_id, plant_id=operation.plant_id,
        employee_id=hand.employee, team_id=hand.team, machine_id=hand.machine or operation.machine_id,
        quantity=hand.quantity, **by(ctx),
    )  # fmt: skip


@command(
    "production.assignment.arrange", L("排顺序", "Arrange"), input=Arrange, on="noun", icon="list-numbers",
    permission=f"{ORDER}.assign", screen=False,
)  # fmt: skip
def arrange_tasks(ctx: Context, data: Arrange) -> int:
    """Say in which order a person or a team does what is given to them; the station's tasks follow.

    Gives:  how many have a place then
    Raises: NotFound for an assignment that is not theirs any more, so that a stale order is not written; NotYourTeam
    """
    require_led(
        ctx, ASSIGN, people=[data.employee] if data.employee else [], teams=[data.team] if data.team else []
    )
    own = {"employee": data.employee} if data.employee else {"team": data.team}
    within = access.scope(ctx, registry.noun("production.assignment"), f"{ORDER}.assign")
    mine = Assignment.objects.filter(is_active=True, **own)
    keys = set((mine.filter(within) if within is not None else mine).values_list("pk", flat=True))
    if not any(own.values()) or set(data.assignments) - keys:
        raise NotFound(
            "production.assignments_changed",
            L("派工已变化，请刷新后再排", "The assignments have changed: look again, then arrange them"),
        )
    held = locks.lock(Assignment, keys)
    places = {key: n for n, key in enumerate(data.assignments, start=1)}
    changed = [row for row in held.values() if row.is_active and row.place != places.get(row.pk)]
    for row in changed:
        row.place, row.version = places.get(row.pk), row.version + 1
        row.changed_at, row.changed_by_id = ctx.now, ctx.person
    db.update_rows(changed, ("place", "version", "changed_at", "changed_by_id"))
    return len(places)


@command(f"{ORDER}.prioritise", L("设优先级", "Set priority"), input=Prioritise, icon="urgent")
def prioritise_orders(ctx: Context, orders: Sequence[WorkOrder], data: Prioritise) -> None:
    """Make orders urgent, or as others again; the tasks of their people follow."""
    for order in orders:
        order.priority = data.priority
