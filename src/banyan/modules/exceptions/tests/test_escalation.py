"""Whoever does not answer in time hears of it, then those above; each level once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from banyan.kernel.models import InboxItem
from banyan.kernel.proofs import run
from banyan.modules.exceptions import jobs
from banyan.modules.exceptions.models import Escalation, ShopException
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


def faults():
    return [fault.text for verdict in run(("exceptions.levels", "exceptions.clocks")) for fault in verdict.found.faults]


@pytest.fixture
@stands
def case(floor):
    floor.world.change(floor.level(2), heads=[{"employee": floor.user("head", "planner")}])
    assert floor.boss
    floor.category("MATERIAL", team=floor.team)
    return floor.call(operation=floor.operation(floor.released(), 10))


def told(case):
    rows = Escalation.objects.filter(exception=case).order_by("at", "level")
    return [(row.clock, row.level, len(row.people)) for row in rows]


def levels(login, floor):
    return [kind for kind in floor.inbox(login) if kind == "escalation"]


def test_leader_department_and_boss_hear_one_after_the_other(floor, case):
    floor.escalate(14)
    assert told(case) == []
    floor.escalate(15)
    assert told(case) == [("response", 1, 1)]
    floor.escalate(44)
    floor.escalate(45)
    assert told(case) == [("response", 1, 1), ("response", 2, 1)]
    # Monday 16:15 and 120 working minutes: 45 today, 75 tomorrow from eight o'clock
    floor.escalate(60 + 15 * 60 + 74)
    assert len(told(case)) == 2
    floor.escalate(60 + 15 * 60 + 75)
    assert told(case)[2:] == [("response", 3, 1)]
    case.refresh_from_db()
    assert (case.level, case.escalates_at) == (3, None)
    assert [levels(login, floor) for login in ("lead", "head", "boss", "work")] == [["escalation"]] * 3 + [[]]
    assert faults() == []


def test_clocks_follow_the_work_centres_own_calendar_where_it_has_one(floor):
    late = [{"weekday": day, "starts_at": "13:00", "ends_at": "23:00"} for day in range(5)]
    calendar = floor.world.make("company.calendar", code="LATE", name="中班", shifts=late)
    floor.world.change(floor.world.turning, calendar=calendar)
    floor.category("MATERIAL", team=floor.team)
    assert floor.boss
    order = floor.released()
    own, other = (floor.call(operation=floor.operation(order, n)) for n in (10, 20))
    # Monday 16:15 and 120 working minutes: all of them today where the late shift works, tomorrow where it does not
    floor.escalate(15 + 119)
    assert not {3} & {level for _, level, _ in (*told(own), *told(other))}
    floor.escalate(15 + 120)
    assert ("response", 3, 1) in told(own)
    assert 3 not in {level for _, level, _ in told(other)}
    assert faults() == []


def test_the_job_run_twice_tells_nobody_twice(floor, case):
    floor.escalate(20)
    before = InboxItem.objects.count()
    assert floor.escalate(20) == "Levels told: 0"
    assert floor.escalate(21) == "Levels told: 0"
    assert (InboxItem.objects.count(), Escalation.objects.count()) == (before, 1)


def test_a_job_that_comes_late_tells_every_level_in_order(floor, case):
    assert floor.escalate(7 * 24 * 60) == "Levels told: 3"
    assert told(case) == [("response", 1, 1), ("response", 2, 1), ("response", 3, 1)]
    assert faults() == []


def test_whoever_is_taken_care_of_is_not_escalated_until_the_other_clock_runs_out(floor, case):
    floor.escalate(15)
    floor.act("take", case, minutes=16)
    floor.escalate(60)
    assert told(case) == [("response", 1, 1)]
    floor.escalate(60 + 15 * 60 + 60)  # 120 working minutes after the call
    assert told(case)[1:] == [("resolution", 1, 1)]
    floor.act("contain", case, minutes=1100, countermeasure="x")
    floor.act("resolve", case, minutes=1101, cause=floor.cause, root_cause="x")
    floor.escalate(7 * 24 * 60)
    assert len(told(case)) == 2
    assert faults() == []


def test_one_opened_again_begins_below(floor, case):
    floor.escalate(15)
    floor.solved(case)
    floor.act("reopen", case, minutes=20, reason="又来了")
    assert case.level == 0
    floor.escalate(34)
    assert len(told(case)) == 1
    floor.escalate(35)
    assert told(case) == [("response", 1, 1), ("response", 1, 1)]
    assert faults() == []


def test_a_level_without_people_does_not_hold_up_the_next(floor):
    assert floor.boss
    case = floor.call(plant=floor.world.plant)
    floor.escalate(7 * 24 * 60)
    assert told(case) == [("response", 1, 0), ("response", 2, 0), ("response", 3, 1)]


def test_the_heads_of_departments_above_hear_as_well(floor, case):
    above = floor.world.make("company.department", code="PROD", name="生产部", plant=floor.world.plant)
    floor.world.change(floor.world.department, parent=above)
    other = floor.world.make("company.department", code="SAL", name="销售部", plant=floor.world.plant)
    floor.world.change(floor.level(2), heads=[
        {"department": above, "employee": floor.user("high", "planner")},
        {"department": other, "employee": floor.user("else", "planner")},
    ])  # fmt: skip
    floor.escalate(45)
    assert (levels("high", floor), levels("else", floor)) == (["escalation"], [])


def test_nights_and_weekends_wake_nobody(floor):
    floor.category("MATERIAL", team=floor.team)
    friday = floor.ctx.with_(now=floor.ctx.now + timedelta(days=4, minutes=55))  # 16:55 by the plant's wall
    case = floor.call(ctx=friday, plant=floor.world.plant)
    minutes = 4 * 24 * 60 + 55
    floor.escalate(minutes + 2 * 24 * 60)
    assert told(case) == []
    floor.escalate(minutes + 2 * 24 * 60 + 15 * 60 + 15)  # Monday 08:10
    assert told(case) == [("response", 1, 1)]


def test_the_job_by_itself_escalates_what_is_due_and_leaves_no_trace_else(floor, case):
    from banyan.kernel.models import Audit

    jobs.escalate(0)
    assert Escalation.objects.count() == 3  # all of March 2026 is over
    before = Audit.objects.count()
    jobs.escalate(0)
    assert Audit.objects.count() == before
    assert ShopException.objects.get().escalates_at is None
