"""Reads of people; frozen values for the modules above."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, Sum

from banyan.kernel import steady
from banyan.lib.calendar import Span, shift_day
from banyan.modules.company.queries import plant_calendars
from banyan.modules.people.models import Attendance, Employee, EmployeeSkill, Shift, Team


@dataclass(frozen=True, slots=True)
class EmployeeFacts:
    """An employee as others see it."""

    id: UUID
    code: str
    name: str
    plant: UUID
    team: UUID | None
    department: UUID | None
    user: UUID | None
    is_active: bool


_COLUMNS = ("id", "code", "name", "plant_id", "team_id", "department_id", "user_id", "is_active")


def employees_by_id(ids: Sequence[UUID]) -> dict[UUID, EmployeeFacts]:
    """Give the facts of employees by key. One statement."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    return {
        row[0]: EmployeeFacts(*row) for row in Employee.objects.filter(pk__in=wanted).values_list(*_COLUMNS)
    }


def employee_of(user_id: UUID) -> EmployeeFacts | None:
    """Give the employee behind a user, None when there is none. One statement."""
    row = Employee.objects.filter(user=user_id).values_list(*_COLUMNS).first()
    return EmployeeFacts(*row) if row else None


def team_members(team_ids: Sequence[UUID]) -> dict[UUID, tuple[EmployeeFacts, ...]]:
    """Give who works in each team now, by code. One statement."""
    found: dict[UUID, list[EmployeeFacts]] = {team: [] for team in team_ids}
    rows = Employee.objects.filter(team__in=list(team_ids), is_active=True).order_by("code")
    for row in rows.values_list(*_COLUMNS):
        found[row[4]].append(EmployeeFacts(*row))
    return {team: tuple(members) for team, members in found.items()}


def teams_looked_after(teams: Iterable[UUID], employee: UUID | None) -> frozenset[UUID]:
    """Give the teams somebody is entrusted with: those of the account, and those the employee leads. One statement."""
    led = Team.objects.filter(leader=employee).values_list("pk", flat=True) if employee else ()
    return frozenset(teams) | frozenset(led)


@steady.kept(Employee, Shift)
def shifts_of_people() -> Mapping[UUID, Span]:
    """Give when people's shifts begin and end, by employee; those without one are left out. At most one statement."""
    rows = Employee.objects.filter(shift__isnull=False)
    found = rows.values_list("id", "shift__starts_at", "shift__ends_at")
    return {key: Span(starts, ends) for key, starts, ends in found}


def shift_of(employee: UUID | None) -> Span | None:
    """Give when somebody's shift begins and ends, None for who has none. One statement."""
    rows = Employee.objects.filter(pk=employee, shift__isnull=False)
    found = rows.values_list("shift__starts_at", "shift__ends_at").first() if employee else None
    return Span(*found) if found else None


def work_day(employee: UUID | None, plant: UUID, at: datetime) -> date:
    """Give the day to which somebody's work at a moment belongs: that on which their night shift began.

    Takes:  employee: None for nobody, then the shifts of the plant's calendar count, as for who has no shift
    At most two statements, none where a command knows them already
    """
    own = shifts_of_people().get(employee) if employee else None
    calendar = plant_calendars()[plant]
    return shift_day(at.astimezone(calendar.zone), [own], [own]) if own else calendar.shift_day(at)


def skilled(
    employee_ids: Sequence[UUID], skill_ids: Sequence[UUID], on: date
) -> frozenset[tuple[UUID, UUID]]:
    """Give the pairs (employee, skill) that are valid on a day. One statement."""
    rows = EmployeeSkill.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=on),
        Q(valid_to__isnull=True) | Q(valid_to__gt=on),
        employee__in=list(employee_ids),
        skill__in=list(skill_ids),
    )
    return frozenset(rows.values_list("employee_id", "skill_id"))


def hourly_pay(ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """Give what an hour of each employee is paid; those without a rate are left out. One statement."""
    rows = Employee.objects.filter(pk__in=list(ids), hourly_pay__isnull=False)
    return dict(rows.values_list("id", "hourly_pay"))


def minutes_present(ids: Sequence[UUID], start: date, end: date) -> dict[UUID, int]:
    """Give the minutes each employee was there from a day up to (not with) another. One statement."""
    rows = Attendance.objects.filter(employee__in=list(ids), day__gte=start, day__lt=end)
    return dict(rows.values_list("employee_id").annotate(total=Sum("minutes")))
