"""Exceptions from the call to their closing, and what is refused on the way."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import Attachment, Outbox, StoredFile
from banyan.kernel.proofs import run
from banyan.lib.errors import Invalid, NotAllowed, NotFound
from banyan.lib.ids import new_id
from banyan.modules.exceptions.errors import (
    CategoryOutOfUse,
    CauseOutOfUse,
    ExceptionKeyReused,
    NothingMissing,
    NothingNamed,
    NotOfOneOrder,
    SameTeam,
    TeamOfAnotherPlant,
    WrongException,
)
from banyan.modules.exceptions.models import Category, Cause, Level, ShopException, Step
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
KEYS = ("exceptions.clocks", "exceptions.levels", "exceptions.stops", "exceptions.places")


def faults():
    return [fault.text for verdict in run(KEYS) for fault in verdict.found.faults]


@pytest.fixture
@stands
def operation(floor):
    return floor.operation(floor.released(), 10)


def test_a_call_says_where_it_is_and_who_is_responsible(floor, operation):
    floor.world.make("exceptions.route", category=floor.category("MATERIAL"), work_centre=floor.world.turning,
                     team=floor.team)  # fmt: skip
    case = floor.call(operation=operation, problem="缺圆钢")
    assert case.number == "EX2603-00001"
    assert (case.state, case.severity, case.level, case.round) == ("raised", "major", 0, 1)
    assert (case.work_order_id, case.work_centre_id) == (operation.work_order_id, floor.world.turning.pk)
    assert (case.plant_id, case.item_id, case.team_id) == (
        floor.world.plant.pk, floor.world.product.pk, floor.team.pk,
    )  # fmt: skip
    assert case.response_due_at == floor.ctx.now + timedelta(minutes=15)
    # Monday 16:00, sixty minutes are left of the day
    assert case.resolution_due_at == floor.ctx.now + timedelta(hours=17)
    assert case.due_at == case.escalates_at == case.response_due_at
    assert floor.inbox("lead") == floor.inbox("work") == ["exception"]
    assert Outbox.objects.filter(type="exceptions.raised").count() == 1


def test_an_operation_has_its_own_team(floor, operation):
    floor.world.make("exceptions.route", work_centre=floor.world.turning, team=floor.team)
    floor.world.make("exceptions.route", operation_name=f" {operation.name} ", team=floor.repair)
    assert floor.call(operation=operation).team_id == floor.repair.pk
    assert floor.call(machine=floor.world.lathe).team_id == floor.team.pk
    assert floor.call(operation=floor.operation(operation.work_order, 20)).team_id != floor.repair.pk


@pytest.mark.parametrize("on", ["work_order", "operation", "machine", "lot"])
def test_the_dialog_offers_what_may_be_meant(floor, operation, on):
    floor.report(operation.work_order, 10, "start")
    record = {
        "work_order": operation.work_order, "operation": operation, "machine": floor.world.lathe,
        "lot": floor.steel_lot,
    }[on]  # fmt: skip
    start = registry.port("exceptions.exception.raise.start", None)(floor.ctx, [record.pk])
    choices = {name: [key for key, _ in found] for name, found in start["_choices"].items() if found}
    assert choices.pop(on) == [record.pk]
    others = [floor.operation(operation.work_order, sequence).pk for sequence in (10, 20, 30)]
    assert choices == {"work_order": {"operation": others}, "machine": {"operation": others[:1]}}.get(on, {})
    assert start.get("operation") == (operation.pk if on == "work_order" else None)


@pytest.mark.parametrize("on", ["work_order", "machine", "lot", "plant"])
def test_a_call_comes_from_an_order_a_machine_a_lot_or_a_plant(floor, operation, on):
    named = {
        "work_order": operation.work_order, "machine": floor.world.lathe, "lot": floor.steel_lot,
        "plant": floor.world.plant,
    }[on]  # fmt: skip
    ctx = floor.ctx.with_(plant=floor.world.plant.pk)
    case = floor.call(ctx=ctx, **{on: named})
    assert case.plant_id == floor.world.plant.pk
    assert getattr(case, f"{on}_id") == named.pk
    if on == "machine":
        assert case.work_centre_id == floor.world.turning.pk
    if on == "lot":
        assert case.item_id == floor.world.steel.pk


def test_a_photo_hangs_on_the_exception(floor, operation):
    photo = StoredFile.objects.create(digest="a" * 64, size=10, media_type="image/jpeg")
    case = floor.call(operation=operation, photo=photo.digest)
    found = Attachment.objects.get(record=case.pk)
    assert (found.noun, found.file_id, found.name) == ("exceptions.exception", photo.digest, f"{case.number}.jpg")


def test_an_unknown_photo_leaves_nothing(floor, operation):
    with pytest.raises(NotFound):
        floor.call(operation=operation, photo="b" * 64)
    assert ShopException.objects.count() == 0


def test_the_same_call_sent_again_is_the_same_exception(floor, operation):
    assert floor.team
    key = new_id()
    first = floor.call(id=key, operation=operation, problem="缺料")
    again = floor.call(id=key, operation=operation, problem="缺料")
    assert (again.pk, again.number) == (first.pk, first.number)
    assert (ShopException.objects.count(), Step.objects.count()) == (1, 1)
    with pytest.raises(ExceptionKeyReused):
        floor.call(id=key, operation=operation, problem="别的")


def test_who_calls_without_route_calls_the_own_team(floor, operation):
    assert floor.team
    case = floor.call(ctx=floor.acting("work"), operation=operation)
    assert case.team_id == floor.team.pk
    assert (floor.inbox("lead"), floor.inbox("work")) == (["exception"], [])


@pytest.mark.parametrize("end", ["resolve", "cancel"])
def test_what_is_solved_or_none_waits_in_no_inbox(floor, operation, end):
    assert floor.team
    case, other = (floor.call(ctx=floor.acting("work"), operation=operation) for _ in range(2))
    floor.escalate(10_000)
    if end == "resolve":
        floor.solved(case)
    else:
        floor.act("cancel", case, reason="误报")
    assert floor.waiting("lead", case) == []
    assert floor.waiting("lead", other) != []


@pytest.mark.parametrize(
    ("named", "fault"),
    [
        ({}, NothingNamed),
        ({"operation": new_id()}, WrongException),
        ({"machine": new_id()}, WrongException),
        ({"category": new_id()}, WrongException),
        ({"defect_reason": new_id()}, WrongException),
        ({"severity": "awful"}, Invalid),
    ],
)
def test_a_call_that_says_nothing_true_is_refused(floor, operation, named, fault):
    given = {} if not named else {"operation": operation} | named
    with pytest.raises(fault):
        floor.call(**given)
    assert (ShopException.objects.count(), Step.objects.count()) == (0, 0)


def test_an_operation_of_another_order_is_refused(floor, operation):
    with pytest.raises(NotOfOneOrder):
        floor.call(operation=operation, work_order=floor.released())


def test_a_category_out_of_use_is_refused(floor, operation):
    floor.category("MATERIAL", is_active=False)
    with pytest.raises(CategoryOutOfUse):
        floor.call(operation=operation)


def test_nobody_calls_beyond_the_own_plant(floor, operation, person):
    who = person(("exceptions.exception.raise", "plant"), plants=[floor.world.second_plant.pk])
    with pytest.raises(NotFound):
        floor.call(ctx=who, operation=operation)
    with pytest.raises(NotAllowed):
        floor.call(ctx=person("exceptions.exception.read"), operation=operation)


def test_five_sections_are_filled_in_step_by_step(floor, operation):
    assert floor.team
    case = floor.call(ctx=floor.acting("work"), operation=operation)
    floor.act("take", case, minutes=10, ctx=floor.acting("lead"))
    assert (case.state, case.taken_by.login, case.responded_in) == ("taken", "lead", D(10))
    assert case.due_at == case.resolution_due_at
    floor.act("contain", case, minutes=20, countermeasure="先用替代料")
    assert (case.state, case.countermeasure) == ("contained", "先用替代料")
    floor.act("resolve", case, minutes=30, cause=floor.cause, root_cause="送货晚了")
    assert (case.state, case.resolved_in, case.due_at, case.escalates_at) == ("resolved", D(30), None, None)
    floor.act("close", case, minutes=40, prevention="安全库存加倍")
    assert (case.state, case.prevention) == ("closed", "安全库存加倍")
    steps = Step.objects.filter(exception=case).order_by("at").values_list("kind", flat=True)
    assert list(steps) == ["raised", "taken", "contained", "resolved", "closed"]
    assert floor.inbox("work") == ["exception", "exception"]
    assert faults() == []


def test_an_exception_opened_again_begins_anew(floor, operation):
    case = floor.solved(floor.call(operation=operation), minutes=10)
    floor.act("reopen", case, minutes=30, reason="又缺了")
    assert (case.state, case.round, case.taken_at) == ("raised", 2, None)
    assert (case.resolved_at, case.resolved_in) == (None, None)
    assert (case.due_at, case.responded_in) == (floor.ctx.now + timedelta(minutes=45), D(10))
    floor.act("cancel", case, minutes=40, reason="误报")
    assert (case.state, case.due_at) == ("cancelled", None)
    assert faults() == []


def test_another_team_must_take_it_anew(floor, operation):
    case = floor.call(operation=operation)
    floor.act("take", case, minutes=5)
    floor.act("assign", case, minutes=6, team=floor.repair, note="设备的事")
    assert (case.state, case.team_id, case.taken_at, case.due_at) == (
        "raised", floor.repair.pk, None, case.response_due_at,
    )  # fmt: skip
    assert floor.inbox("mend") == ["exception"]
    assert faults() == []
    with pytest.raises(SameTeam):
        floor.act("assign", case, team=floor.repair)
    other = floor.world.make("people.team", code="T-FAR", name="远", plant=floor.world.second_plant)
    with pytest.raises(TeamOfAnotherPlant):
        floor.act("assign", case, team=other)
    with pytest.raises(WrongException):
        floor.act("assign", case, team=new_id())


@pytest.mark.parametrize(
    ("state", "name", "data"),
    [
        ("raised", "contain", {"countermeasure": "x"}),
        ("raised", "close", {"prevention": "x"}),
        ("raised", "reopen", {"reason": "x"}),
        ("resolved", "take", {}),
        ("resolved", "assign", {}),
        ("resolved", "grade", {"severity": "minor"}),
        ("resolved", "cancel", {"reason": "x"}),
        ("raised", "resolve", {}),
    ],
)
def test_steps_out_of_order_are_refused(floor, operation, state, name, data):
    case = floor.call(operation=operation)
    if state == "resolved":
        floor.solved(case)
    if name == "assign":
        data = {"team": floor.team}
    if name == "resolve":
        data = {"cause": floor.cause, "root_cause": "x"}
    before = Step.objects.count()
    with pytest.raises(WrongState):
        floor.act(name, case, **data)
    assert (ShopException.objects.get().state, Step.objects.count()) == (state, before)


@pytest.mark.parametrize(
    ("name", "data"), [("contain", {}), ("contain", {"countermeasure": " "}), ("resolve", {"root_cause": "x"})]
)
def test_sections_must_say_something(floor, operation, name, data):
    case = floor.call(operation=operation)
    floor.act("take", case)
    with pytest.raises(Invalid):
        floor.act(name, case, **data)


def test_a_cause_out_of_use_is_refused(floor, operation):
    case = floor.call(operation=operation)
    floor.act("take", case)
    with pytest.raises(WrongException):
        floor.act("resolve", case, cause=new_id(), root_cause="x")
    floor.world.change(floor.cause, is_active=False)
    with pytest.raises(CauseOutOfUse):
        floor.act("resolve", case, cause=floor.cause, root_cause="x")


def test_the_usual_ones_are_added_once(floor):
    assert (Category.objects.count(), Cause.objects.count(), Level.objects.count()) == (6, 6, 3)
    with pytest.raises(NothingMissing):
        floor.world.do("exceptions.category.add_usual")
    Category.objects.filter(code="OTHER").delete()
    assert "1" in floor.world.do("exceptions.category.add_usual").en


def test_a_step_about_many_takes_as_many_statements_as_about_one(floor, operation):
    def statements(count):
        cases = [floor.call(operation=operation) for _ in range(count)]
        with CaptureQueriesContext(connection, ) as seen:
            execute(floor.ctx, registry.command("exceptions.exception.take"), ids=[c.pk for c in cases])
        return len(seen)

    statements(1)
    assert statements(1) == statements(9)
