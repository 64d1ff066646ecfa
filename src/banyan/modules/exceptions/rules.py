"""The decisions of exceptions: who is responsible, when clocks run out, who is told next, what counts most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from banyan.lib.calendar import NoWorkingTime, WorkingCalendar
from banyan.lib.money import EXACT, rounded

HUNDRED = Decimal(100)
#: Upper ends, in hours, of the ages that open exceptions are counted by; the last group has none.
AGES = (4, 24, 72, 168)


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A routing rule; what it leaves empty agrees with everything."""

    sequence: int
    team: UUID
    category: UUID | None = None
    work_centre: UUID | None = None
    defect_reason: UUID | None = None
    operation: str = ""


@dataclass(frozen=True, slots=True)
class LevelFacts:
    """A level of escalation, told so many working minutes after a clock has run out."""

    sequence: int
    after_minutes: int


class Dues(NamedTuple):
    """When the two clocks run out."""

    response: datetime
    resolution: datetime


def responsible(
    routes: Iterable[RouteFacts], *, category: UUID, work_centre: UUID | None, defect_reason: UUID | None,
    operation: Sequence[str] = (),
) -> UUID | None:  # fmt: skip
    """Give the team of the route that says most of where and what it is; None where none agrees.

    A defect reason weighs more than an operation, that more than a work centre, that more than a category; the
    sequence decides among equals.

    Takes:  operation: its names
    """
    names = {_folded(name) for name in operation}
    found: list[tuple[tuple[bool, ...], int, UUID]] = []
    for route in routes:
        step = _folded(route.operation)
        named = (route.defect_reason, step or None, route.work_centre, route.category)
        at = (defect_reason, step if step in names else None, work_centre, category)
        if all(wanted is None or wanted == here for wanted, here in zip(named, at, strict=True)):
            found.append((tuple(wanted is None for wanted in named), route.sequence, route.team))
    return min(found)[2] if found else None


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def after(calendar: WorkingCalendar, start: datetime, minutes: int) -> datetime:
    """Give when so many working minutes are over; on a calendar without working time, minutes of the clock."""
    try:
        return calendar.add_working_time(start, minutes)
    except NoWorkingTime:
        return start + timedelta(minutes=minutes)


def dues(calendar: WorkingCalendar, start: datetime, response_minutes: int, resolution_minutes: int) -> Dues:
    """Give when the clocks that begin at start run out."""
    return Dues(after(calendar, start, response_minutes), after(calendar, start, resolution_minutes))


def next_level(levels: Sequence[LevelFacts], told: int) -> LevelFacts | None:
    """Give the lowest level above the one told last; None when all have been told."""
    return min((one for one in levels if one.sequence > told), key=lambda one: one.sequence, default=None)


def levels_due(
    levels: Sequence[LevelFacts], calendar: WorkingCalendar, *, due_at: datetime, told: int, now: datetime
) -> tuple[tuple[LevelFacts, ...], datetime | None]:
    """Give the levels to tell now, lowest first, and when the next one is told; None when nobody is left.

    A level is never told before a lower one, whatever the minutes say.
    """
    found: list[LevelFacts] = []
    at = due_at
    while level := next_level(levels, told):
        at = max(at, after(calendar, due_at, level.after_minutes))
        if at > now:
            return tuple(found), at
        found.append(level)
        told = level.sequence
    return tuple(found), None


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the whole something makes up, and all that weigh as much or more together."""

    count: int
    percent: Decimal
    cumulative: Decimal


def pareto(counts: Sequence[int]) -> tuple[Share, ...]:
    """Give shares of counts, which stand in falling order; the last one comes to a hundred.

    Source: Juran, Quality Control Handbook: the vital few first
    """
    total, so_far, found = sum(counts), 0, []
    for count in counts:
        so_far += count
        found.append(Share(count, _percent(count, total), _percent(so_far, total)))
    return tuple(found)


def _percent(part: int, whole: int) -> Decimal:
    return rounded(EXACT.divide(Decimal(part) * HUNDRED, Decimal(whole)), 1) if whole else Decimal(0)


def age_group(age: timedelta) -> int:
    """Give the place of an age among `AGES`; their number for what is older."""
    hours = age / timedelta(hours=1)
    return next((place for place, end in enumerate(AGES) if hours < end), len(AGES))
