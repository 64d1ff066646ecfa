"""What happens to employees besides being written down, and what is refused before that."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Case, F, UUIDField, Value, When

from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.models import User
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Day, Input, field
from banyan.lib.errors import FieldFaults
from banyan.lib.labels import L
from banyan.modules.people.events import EmployeeLeft, EmployeeReturned
from banyan.modules.people.models import Employee, Team


class Leave(Input):
    """The last day."""

    left_on: Day = field("离职日", "Left on")


class Return(Input):
    """The first day of the new employment."""

    hired_on: Day = field("重新入职日", "Hired again on")


@command("people.employee.leave", L("离职", "Leave"), input=Leave, icon="door-exit", tone="orange")
def leave(ctx: Context, employees: Sequence[Employee], data: Leave) -> None:
    """End employments. Writes: the employees; tells EmployeeLeft."""
    for employee in employees:
        employee.left_on, employee.is_active = data.left_on, False
    tell(*(EmployeeLeft(record=employee.pk, left_on=data.left_on) for employee in employees))


@command("people.employee.return", L("重新入职", "Return"), input=Return, icon="door-enter", tone="green")
def return_to_work(ctx: Context, employees: Sequence[Employee], data: Return) -> None:
    """Take back employees who had left. Writes: the employees; tells EmployeeReturned."""
    gone = [employee for employee in employees if not employee.is_active]
    for employee in gone:
        employee.hired_on, employee.left_on, employee.is_active = data.hired_on, None, True
    tell(*(EmployeeReturned(record=employee.pk) for employee in gone))


def prepare_employees(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a team of another plant, and let users know their employee.

    Raises: Invalid naming the field
    Writes: users, two statements where any is given
    """
    _link_users(drafts)
    teams = {draft.record.team_id for draft in drafts if draft.record.team_id and _moves(draft)}
    if not teams:
        return
    plants = dict(Team.objects.filter(pk__in=teams).values_list("pk", "plant_id"))
    faults = FieldFaults()
    for draft in drafts:
        if plants.get(draft.record.team_id, draft.record.plant_id) != draft.record.plant_id:
            faults.add("team", L("该班组属于另一个工厂", "belongs to another plant"))
    faults.refuse_if_any()


def _link_users(drafts: Sequence[Draft]) -> None:
    """Write on each user which employee it is; what a user may do is then read anew."""
    linked = {draft.record.user_id: draft.record.pk for draft in drafts if "user" in draft.given}
    if not linked:
        return
    later = {"access_epoch": F("access_epoch") + 1}
    User.objects.filter(employee_key__in=linked.values()).exclude(pk__in=[u for u in linked if u]).update(
        employee_key=None, **later
    )
    choices = [When(pk=user, then=Value(key)) for user, key in linked.items() if user]
    if choices:
        User.objects.filter(pk__in=[user for user in linked if user]).update(
            employee_key=Case(*choices, output_field=UUIDField()), **later
        )


def _moves(draft: Draft) -> bool:
    return bool({"team", "plant"} & draft.given)
