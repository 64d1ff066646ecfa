"""Whom to give what, how a quantity is split, what a shift should bring."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal as D
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from banyan.modules.teamboard import rules
from banyan.modules.teamboard.rules import Candidate, Load, Need

SHANGHAI = ZoneInfo("Asia/Shanghai")
TURN, MILL = UUID(int=901), UUID(int=902)
LATHE, CENTRE = UUID(int=801), UUID(int=701)


def who(n, *skills, **more):
    return Candidate(UUID(int=n), f"E{n}", frozenset(skills), **more)


def op(n, **more):
    return Need(UUID(int=100 + n), **more)


def given(needs, people):
    return [(o.int - 100, p.int) for o, p in rules.propose(needs, people)]


@pytest.mark.parametrize(
    ("needs", "people", "expected"),
    [
        ([op(1, skill=TURN)], [who(1, MILL), who(2, TURN)], [(1, 2)]),
        ([op(1, skill=TURN)], [who(1, MILL)], []),
        ([op(1, skill=TURN)], [who(1, TURN, is_here=False)], []),
        ([op(1)], [who(1, load=D(60)), who(2)], [(1, 2)]),
        ([op(1, minutes=D(30)), op(2), op(3)], [who(1), who(2)], [(1, 1), (2, 2), (3, 2)]),
        ([op(1, machine=LATHE)], [who(1), who(2, machines=frozenset({LATHE}), load=D(50))], [(1, 2)]),
        ([op(1, machine=LATHE)], [who(1), who(2, machines=frozenset({LATHE}), load=D(61))], [(1, 1)]),
        ([op(1, centre=CENTRE)], [who(1), who(2, centres=frozenset({CENTRE}), load=D(5))], [(1, 2)]),
        ([op(1, minutes=D(9), machine=LATHE), op(2, machine=LATHE)], [who(1), who(2)], [(1, 1), (2, 1)]),
        ([], [who(1)], []),
        ([op(1)], [], []),
    ],
)
def test_work_goes_to_who_can_and_has_least(needs, people, expected):
    assert given(needs, people) == expected


@pytest.mark.parametrize(
    ("quantity", "count", "places", "parts"),
    [("100", 3, 0, "34 33 33"), ("2", 3, 0, "1 1 0"), ("1", 2, 2, "0.5 0.5"), ("7.5", 2, 1, "3.8 3.7"),
     ("5", 0, 0, "")],
)
def test_a_quantity_is_split_into_like_parts(quantity, count, places, parts):
    found = rules.split_evenly(D(quantity), count, places)
    assert found == tuple(D(one) for one in parts.split())
    assert sum(found) == (D(quantity) if count else 0)


@pytest.mark.parametrize(
    ("starts", "ends", "pause", "first", "minutes"),
    [
        (time(8), time(17), 60, "08", [60, 60, 60, 60, 0, 60, 60, 60, 60]),
        (time(7, 30), time(10), 0, "07", [30, 60, 60]),
        (time(22), time(6), 0, "22", [60] * 8),
    ],
)
def test_a_shift_has_hours_with_its_break_in_the_middle(starts, ends, pause, first, minutes):
    found = rules.hours_of(starts, ends, pause, date(2026, 3, 2), SHANGHAI)
    assert [int(m) for _, m in found] == minutes
    assert f"{found[0][0]:%H}" == first


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ([Load(D(90), D(1))], [60, 30, 0]),
        ([Load(D(30), D(1)), Load(D(20), D(3))], [40, 10, 0]),
        ([Load(D(500), D(0))], [500, 0, 0]),
        ([Load(D(999), D(1))], [60, 60, 60]),
        ([], [0, 0, 0]),
    ],
)
def test_a_shift_should_bring_what_the_routing_says(loads, expected):
    hours = rules.hours_of(time(8), time(11), 0, date(2026, 3, 2), SHANGHAI)
    plan = rules.planned(hours, loads)
    assert [int(plan.get(hour, D(0))) for hour, _ in hours] == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (dict(is_absent=False, mark="start", is_stopped=False, has_tasks=True), "working"),
        (dict(is_absent=True, mark="start", is_stopped=True, has_tasks=True), "stopped"),
        (dict(is_absent=False, mark="pause", is_stopped=True, has_tasks=True), "paused"),
        (dict(is_absent=True, mark="", is_stopped=False, has_tasks=True), "absent"),
        (dict(is_absent=False, mark="", is_stopped=False, has_tasks=True), "free"),
        (dict(is_absent=False, mark="", is_stopped=False, has_tasks=False), "none"),
    ],
)
def test_what_somebody_does_now(said, expected):
    assert rules.status(**said) == expected
