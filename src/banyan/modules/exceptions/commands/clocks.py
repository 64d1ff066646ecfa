"""What the commands on exceptions share: clocks, steps, and the stop of an operation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from banyan.kernel.commands import tell
from banyan.kernel.context import Context
from banyan.lib.calendar import WorkingCalendar
from banyan.modules.company.queries import plant_calendar
from banyan.modules.equipment.queries import work_centres
from banyan.modules.exceptions import queries, rules
from banyan.modules.exceptions.events import ExceptionMoved
from banyan.modules.exceptions.models import OPEN, Escalation, ShopException, Step
from banyan.modules.production.commands.flow import lock_operations, mark_stopped


class Calendars:
    """The working calendars of work centres and plants, each read once, and the levels."""

    def __init__(self) -> None:
        self._own: dict[UUID | None, UUID | None] = {None: None}
        self._known: dict[tuple[UUID, UUID | None], WorkingCalendar] = {}
        self.levels = queries.levels()

    def of(self, case: ShopException) -> WorkingCalendar:
        """Give the calendar by which an exception's clocks run: the work centre's own, else the plant's."""
        centre = case.work_centre_id
        if centre not in self._own:
            self._own[centre] = work_centres([centre])[centre].calendar
        key = (case.plant_id, self._own[centre])
        if key not in self._known:
            self._known[key] = plant_calendar(*key)
        return self._known[key]

    def minutes(self, case: ShopException, until: datetime) -> Decimal:
        """Give the working minutes since an exception was first raised."""
        return self.of(case).working_minutes_between(case.raised_at, until)

    def start(self, case: ShopException, at: datetime, response: int, resolution: int) -> None:
        """Start both clocks of an exception."""
        found = rules.dues(self.of(case), at, response, resolution)
        case.response_due_at, case.resolution_due_at = found.response, found.resolution

    def wind(self, case: ShopException, told: int = 0) -> None:
        """Set which clock runs in an exception's state, and when its next level is told.

        Takes:  told: the highest level told of that clock in this round
        """
        if case.state not in OPEN:
            case.due_at = case.escalates_at = None
            return
        case.due_at = case.response_due_at if case.state == "raised" else case.resolution_due_at
        level = rules.next_level(self.levels, told)
        calendar = self.of(case)
        case.escalates_at = rules.after(calendar, case.due_at, level.after_minutes) if level else None


def clock_of(state: str) -> str:
    """Give the clock that runs in a state."""
    return "response" if state == "raised" else "resolution"


def told_levels(cases: Sequence[ShopException]) -> dict[tuple[UUID, int, str], int]:
    """Give the highest level told by (exception, round, clock). One statement."""
    found: dict[tuple[UUID, int, str], int] = {}
    rows = Escalation.objects.filter(exception__in=[case.pk for case in cases])
    for key, number, clock, level in rows.values_list("exception_id", "round", "clock", "level"):
        found[key, number, clock] = max(level, found.get((key, number, clock), 0))
    return found


def wind_all(calendars: Calendars, cases: Sequence[ShopException]) -> None:
    """Set the clocks of exceptions that have just changed their state. One statement beside the calendars."""
    told = told_levels(cases)
    for case in cases:
        calendars.wind(case, told.get((case.pk, case.round, clock_of(case.state)), 0))


def note_steps(ctx: Context, cases: Sequence[ShopException], kind: str, note: str = "") -> None:
    """Write what was done about exceptions, and tell it. One statement."""
    Step.objects.bulk_create(
        Step(exception_id=case.pk, plant_id=case.plant_id, round=case.round, kind=kind, at=ctx.now,
             person_id=ctx.person, note=note)
        for case in cases
    )  # fmt: skip
    if kind != "raised":
        tell(*(
            ExceptionMoved(
                record=case.pk, step=kind, state=case.state, severity=case.severity, team=case.team_id,
                round=case.round, at=ctx.now,
            )
            for case in cases
        ))  # fmt: skip


def settle_stops(cases: Sequence[ShopException]) -> bool:
    """Say of the operations of exceptions, as these stand now, whether nobody may go on with them.

    Gives:  whether any operation stands still
    Writes: operations, their rows locked first: what others wrote about them meanwhile is seen then
    """
    operations = sorted({case.operation_id for case in cases if case.operation_id})
    if not operations:
        return False
    lock_operations(operations)
    now = set(queries.stopping(operations, besides=[case.pk for case in cases]))
    now |= {case.operation_id for case in cases if case.is_stopping}
    mark_stopped({key: key in now for key in operations})
    return bool(now)
