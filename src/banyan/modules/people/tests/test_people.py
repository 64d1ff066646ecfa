"""People: who is here, who may do what, and when they were there."""

from __future__ import annotations

from datetime import date

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.reading import read_record
from banyan.lib.errors import NotAllowed, NotFound
from banyan.modules.people import errors, queries
from banyan.modules.people.models import Employee

pytestmark = pytest.mark.django_db


def test_somebody_leaves_and_returns(world):
    worker = world.worker
    world.change(worker, hired_on="2025-01-01")
    with pytest.raises(errors.LeftBeforeHired):
        world.do("people.employee.leave", worker, left_on="2024-12-31")
    world.do("people.employee.leave", worker, left_on="2026-02-28")
    assert queries.team_members([world.team.pk]) == {world.team.pk: ()}
    world.do("people.employee.return", worker, hired_on="2026-05-01")
    worker.refresh_from_db()
    assert (worker.is_active, worker.left_on, worker.hired_on) == (True, None, date(2026, 5, 1))
    assert [one.code for one in queries.team_members([world.team.pk])[world.team.pk]] == ["E-WORK"]


@pytest.mark.parametrize(
    ("day", "is_valid"),
    [("2025-12-31", False), ("2026-01-01", True), ("2026-06-30", True), ("2026-07-01", False)],
)
def test_a_skill_is_valid_from_a_day_up_to_another(world, day, is_valid):
    lines = [{"skill": world.skill, "level": 3, "valid_from": "2026-01-01", "valid_to": "2026-07-01"}]
    who = world.employee(skills=lines)
    found = queries.skilled([who.pk], [world.skill.pk], date.fromisoformat(day))
    assert ((who.pk, world.skill.pk) in found) is is_valid


def test_a_skill_is_not_valid_twice_at_a_time(world):
    one = {"skill": world.skill, "valid_from": "2026-01-01", "valid_to": "2026-07-01"}
    later = one | {"valid_from": "2026-07-01", "valid_to": None}
    assert world.employee(skills=[one, later])
    with pytest.raises(errors.SkillOverlaps):
        world.employee(skills=[one, later | {"valid_from": "2026-06-30"}])
    with pytest.raises(errors.SkillValidity):
        world.employee(skills=[one | {"valid_to": "2026-01-01"}])


def test_pay_is_seen_only_by_those_who_may(world, person):
    noun = registry.noun("people.employee")
    reader, payer = person("people.employee.*"), person("people.employee.*", "people.pay")
    assert "hourly_pay" not in read_record(reader, noun, world.worker.pk)
    assert read_record(payer, noun, world.worker.pk)["hourly_pay"] == "36"
    with pytest.raises(NotAllowed):
        execute(
            reader,
            registry.command("people.employee.change"),
            ids=[world.worker.pk],
            data={"hourly_pay": "99"},
        )
    assert Employee.objects.get(pk=world.worker.pk).hourly_pay == 36


def test_a_leader_reaches_only_the_own_team(world, person):
    noun = registry.noun("people.employee")
    leader = person(("people.employee.read", "team"), teams=[world.team.pk])
    assert read_record(leader, noun, world.worker.pk)["code"] == "E-WORK"
    stranger = world.employee()
    with pytest.raises(NotFound):
        read_record(leader, noun, stranger.pk)


def test_attendance_is_once_a_day_and_shift_and_sums_up(world, django_assert_num_queries):
    row = {"employee": world.worker, "day": "2026-03-02", "minutes": 450}
    world.make("people.attendance", **row)
    with pytest.raises(errors.AttendanceTwice):
        world.make("people.attendance", **row)
    world.make("people.attendance", **(row | {"shift": world.shift, "minutes": 30}))
    world.make("people.attendance", **(row | {"day": "2026-04-01"}))
    with django_assert_num_queries(1):
        found = queries.minutes_present([world.worker.pk], date(2026, 3, 1), date(2026, 4, 1))
    assert found == {world.worker.pk: 480}


def test_facts_are_read_in_one_statement(world, django_assert_num_queries):
    ids = [world.worker.pk, world.second_worker.pk]
    with django_assert_num_queries(1):
        assert {one.code for one in queries.employees_by_id(ids).values()} == {"E-WORK", "E-TWO"}
    with django_assert_num_queries(1):
        assert queries.hourly_pay(ids) == {world.worker.pk: 36}
    assert queries.employee_of(world.worker.pk) is None
