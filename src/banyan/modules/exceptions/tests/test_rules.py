"""The decisions of exceptions, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest

from banyan.lib.calendar import Shift, WorkingCalendar
from banyan.modules.exceptions.rules import (
    AGES,
    LevelFacts,
    RouteFacts,
    after,
    age_group,
    dues,
    levels_due,
    pareto,
    responsible,
)

MATERIAL, QUALITY = UUID(int=1), UUID(int=2)
TURNING, MILLING = UUID(int=11), UUID(int=12)
SCRATCH = UUID(int=21)
A, B, C, E = (UUID(int=n) for n in (31, 32, 33, 34))
ROUTES = (
    RouteFacts(10, A, category=MATERIAL),
    RouteFacts(20, B, work_centre=TURNING),
    RouteFacts(30, C, category=QUALITY, work_centre=TURNING),
    RouteFacts(40, E, defect_reason=SCRATCH),
)


@pytest.mark.parametrize(
    ("category", "work_centre", "reason", "team"),
    [
        (MATERIAL, None, None, A),
        (MATERIAL, TURNING, None, B),  # a work centre weighs more than a category
        (QUALITY, TURNING, None, C),  # both weigh more than one
        (QUALITY, TURNING, SCRATCH, E),  # a defect reason weighs most
        (QUALITY, MILLING, None, None),
        (QUALITY, None, None, None),
    ],
)
def test_the_route_that_says_most_decides(category, work_centre, reason, team):
    assert responsible(ROUTES, category=category, work_centre=work_centre, defect_reason=reason) == team


@pytest.mark.parametrize(
    ("names", "reason", "team"),
    [
        (("精 车", "Finish turning"), None, B),
        (("x", "FINISH  turning "), None, B),
        (("精车外圆",), None, A),
        ((), None, A),
        (("Finish turning",), SCRATCH, E),  # a defect reason weighs more
    ],
)
def test_a_route_may_name_an_operation(names, reason, team):
    routes = (RouteFacts(10, A, QUALITY, TURNING), RouteFacts(20, B, operation="Finish turning"), ROUTES[3])
    said = {"category": QUALITY, "work_centre": TURNING, "defect_reason": reason}
    assert responsible(routes, operation=names, **said) == team


def test_the_sequence_decides_among_equals():
    routes = (RouteFacts(20, B, category=MATERIAL), RouteFacts(10, A, category=MATERIAL))
    assert responsible(routes, category=MATERIAL, work_centre=None, defect_reason=None) == A


SHANGHAI = "Asia/Shanghai"
DAY = WorkingCalendar(
    SHANGHAI,
    [Shift(d, time(8), time(12)) for d in range(5)] + [Shift(d, time(13), time(17)) for d in range(5)],
    {date(2026, 3, 5): ()},
)
#: Two shifts, the second through the night: Monday 20:00 to Tuesday 06:00 and so on, no work at the weekend.
NIGHT = WorkingCalendar(SHANGHAI, [Shift(d, time(20), time(6)) for d in range(5)])
NEVER = WorkingCalendar(SHANGHAI, [], {})


def at(day: int, clock: str) -> datetime:
    """Give an instant of March 2026 by Shanghai's wall; the 2nd is a Monday."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


@pytest.mark.parametrize(
    ("calendar", "start", "minutes", "end"),
    [
        (DAY, at(2, "09:00"), 15, at(2, "09:15")),
        (DAY, at(2, "11:50"), 15, at(2, "13:05")),  # lunch
        (DAY, at(2, "16:50"), 15, at(3, "08:05")),  # the evening
        (DAY, at(6, "16:50"), 15, at(9, "08:05")),  # the weekend
        (DAY, at(7, "10:00"), 15, at(9, "08:15")),  # raised on a Saturday
        (DAY, at(4, "16:50"), 15, at(6, "08:05")),  # a holiday on Thursday
        (NIGHT, at(2, "23:50"), 30, at(3, "00:20")),  # over midnight
        (NIGHT, at(3, "05:50"), 30, at(3, "20:20")),  # the end of the night
        (NIGHT, at(7, "05:50"), 30, at(9, "20:20")),  # the night that began on Friday, then the weekend
        (NEVER, at(2, "09:00"), 15, at(2, "09:15")),  # a plant that has entered no shifts yet
    ],
)
def test_clocks_run_in_working_time(calendar, start, minutes, end):
    assert after(calendar, start, minutes) == end


def test_both_clocks_begin_together():
    assert dues(DAY, at(2, "16:00"), 30, 120) == (at(2, "16:30"), at(3, "09:00"))


LEVELS = (LevelFacts(1, 0), LevelFacts(2, 30), LevelFacts(3, 120))


@pytest.mark.parametrize(
    ("now", "told", "due", "next_at"),
    [
        (at(2, "09:59"), 0, (), at(2, "10:00")),
        (at(2, "10:00"), 0, (1,), at(2, "10:30")),
        (at(2, "10:29"), 1, (), at(2, "10:30")),
        (at(2, "10:45"), 0, (1, 2), at(2, "12:00")),  # whoever was not looked at for a while is told all at once
        (at(2, "23:00"), 2, (3,), None),
        (at(2, "23:00"), 3, (), None),
    ],
)
def test_levels_are_told_one_after_the_other(now, told, due, next_at):
    found, later = levels_due(LEVELS, DAY, due_at=at(2, "10:00"), told=told, now=now)
    assert (tuple(level.sequence for level in found), later) == (due, next_at)


def test_a_higher_level_never_comes_before_a_lower_one():
    levels = (LevelFacts(1, 60), LevelFacts(2, 10))
    assert levels_due(levels, DAY, due_at=at(2, "10:00"), told=0, now=at(2, "10:30")) == ((), at(2, "11:00"))


def test_shares_add_up_to_a_hundred():
    shares = pareto([5, 3, 1, 1])
    assert [(s.percent, s.cumulative) for s in shares] == [
        (D("50.0"), D("50.0")), (D("30.0"), D("80.0")), (D("10.0"), D("90.0")), (D("10.0"), D("100.0")),
    ]  # fmt: skip
    assert pareto([]) == ()


@pytest.mark.parametrize(("hours", "group"), [(0, 0), (3.99, 0), (4, 1), (24, 2), (72, 3), (168, 4), (9999, 4)])
def test_ages_fall_into_groups(hours, group):
    assert age_group(timedelta(hours=hours)) == group
    assert len(AGES) == 4
