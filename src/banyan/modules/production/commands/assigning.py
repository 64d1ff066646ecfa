"""Who does what: assignments of people and teams to operations, and flags that a leader settles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Instant, Quantity, Text, field
from banyan.lib.errors import FieldFaults
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.equipment.queries import centres_of_machines
from banyan.modules.people.queries import employees_by_id
from banyan.modules.production.commands.dispatching import NOT_THERE, stands_at
from banyan.modules.production.commands.leading import ASSIGN, require_led, teams_led, teams_of_reports
from banyan.modules.production.commands.materials import by
from banyan.modules.production.models import Assignment, Operation, ReportFlag, WorkOrder

SETTLE = "production.report_flag.settle"


class AssignLine(Input):
    """An operation for a person or for a team."""

    operation: UUID = field("工序", "Operation", reference="production.operation")
    employee: UUID | None = field("员工", "Employee", None, reference="people.employee")
    team: UUID | None = field("班组", "Team", None, reference="people.team")
    machine: UUID | None = field("设备", "Machine", None, reference="equipment.machine")
    quantity: Quantity | None = field("数量", "Quantity", None, gt=0)
    starts_at: Instant | None = field("开始", "Starts at", None)
    note: Annotated[Text, Field(max_length=255)] = field("备注", "Note", "")


class Assign(Input):
    """Assignments to add; who is at an operation already gets the new quantity, machine and time."""

    lines: Annotated[list[AssignLine], Field(min_length=1, max_length=2_000)] = field("派工", "Assignments")


class Settle(Input):
    answer: Annotated[Text, Field(min_length=1, max_length=255)] = field("处理", "Answer")


@command("production.work_order.assign", L("派工", "Assign"), input=Assign, icon="user-check")
def assign_work(ctx: Context, orders: Sequence[WorkOrder], data: Assign) -> tuple[Assignment, ...]:
    """Give operations of orders to people or teams, each pair once.

    Raises: Invalid naming line and field: an operation of another order or at an end, somebody who has left;
            NotYourTeam
    Writes: assignments, one statement
    """
    keys = [order.pk for order in orders]
    operations = {o.pk: o for o in Operation.objects.filter(work_order__in=keys)}
    people = employees_by_id([line.employee for line in data.lines])
    centres = centres_of_machines([line.machine for line in data.lines])
    faults = FieldFaults()
    rows: dict[tuple, Assignment] = {}
    for place, line in enumerate(data.lines):
        operation = operations.get(line.operation)
        if operation is None or operation.state in ("skipped", "closed"):
            faults.add(
                ("lines", place, "operation"),
                L("不属于所选工单，或已结束", "not of the chosen orders, or at an end"),
            )
            continue
        if line.machine and not stands_at(centres.get(line.machine), operation):
            faults.add(("lines", place, "machine"), NOT_THERE)
        if (line.employee is None) == (line.team is None):
            faults.add(
                ("lines", place, "employee"), L("填写员工或班组之一", "name an employee or a team, not both")
            )
        elif line.employee and (line.employee not in people or not people[line.employee].is_active):
            faults.add(("lines", place, "employee"), L("没有该在职员工", "no such employee at work"))
        rows[line.operation, line.employee, line.team] = Assignment(
            id=new_id(),
            operation_id=operation.pk,
            work_order_id=operation.work_order_id,
            plant_id=operation.plant_id,
            employee_id=line.employee,
            team_id=line.team,
            machine_id=line.machine or operation.machine_id,
            quantity=line.quantity,
            starts_at=line.starts_at,
            note=line.note,
            **by(ctx),
        )
    faults.refuse_if_any()
    require_led(
        ctx, ASSIGN, people=[line.employee for line in data.lines if line.employee],
        teams=[line.team for line in data.lines if line.team],
    )  # fmt: skip
    Assignment.objects.filter(
        operation__in={key[0] for key in rows}, is_active=True, pk__in=_replaced(list(rows))
    ).update(is_active=False, changed_at=ctx.now, changed_by=ctx.person)
    return tuple(Assignment.objects.bulk_create(rows.values()))


def _replaced(pairs: Sequence[tuple]) -> list[UUID]:
    """Give the assignments in force of the same operation to the same person or team."""
    wanted = set(pairs)
    found = Assignment.objects.filter(operation__in={p[0] for p in pairs}, is_active=True)
    rows = found.values_list("id", "operation_id", "employee_id", "team_id")
    return [key for key, *pair in rows if tuple(pair) in wanted]


@command(SETTLE, L("处理", "Settle"), input=Settle, icon="check", is_primary=True)
def settle_flags(ctx: Context, flags: Sequence[ReportFlag], data: Settle) -> None:
    """Say what was found and done about flagged reports. Raises: NotYourTeam"""
    if teams_led(ctx, SETTLE) is not None:
        require_led(ctx, SETTLE, teams=teams_of_reports(flag.report_id for flag in flags))
    for flag in flags:
        flag.answer = data.answer
