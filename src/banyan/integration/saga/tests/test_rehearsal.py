"""A saga rehearsed before it is switched on: what each step would be given, what would take it back, nothing done."""

from __future__ import annotations

import orjson
import pytest
from django.test import Client

from banyan.integration.models import Message
from banyan.integration.saga.models import Run, Saga
from banyan.integration.saga.tests.conftest import STEPS, do, reading
from banyan.kernel.models import Role, User


@pytest.fixture
def drafted(ctx, system, boss):
    """Make a saga that is not switched on."""

    def make(*steps, **given) -> Saga:
        rows = [dict(system=str(system.pk)) | one for one in steps or STEPS]
        facts = dict(code="SHIP", name="发货", trigger="call", key="order", role=str(boss.held.pk), steps=rows) | given
        return Saga.objects.get(pk=do(ctx, "saga.saga.create", records=[facts]).ids[0])

    return make


def rehearsed(ctx, saga, payload, **answers):
    return do(ctx, "saga.saga.rehearse", saga=str(saga.pk), payload=payload, answers=answers).value


def test_each_step_shows_what_it_would_be_given_and_what_takes_it_back(ctx, drafted, partner):
    saga = drafted()
    answers = {"reserve": {"id": "R-1"}, "waybill": {"id": "W-1"}}
    start, *parts = rehearsed(ctx, saga, {"order": "A-1"}, **answers)
    assert (start["value"], start["is_well"]) == ({"key": "A-1"}, True)
    assert [(one["step"], one["target"], one["value"]) for one in parts] == [
        ("预留库存", "reserve", {"order": "A-1", "run": "SG-0"}),
        ("预订运单", "book", {"order": "A-1", "reservation": "R-1"}),
        ("通知财务", "tell", {"order": "A-1", "waybill": "W-1"}),
        ("预订运单", "cancel", {"order": "A-1"}),
        ("预留库存", "release", {"reservation": "R-1"}),
    ]
    assert all(one["is_well"] for one in parts)
    assert len({one["way"] for one in parts[:3]} & {one["way"] for one in parts[3:]}) == 0
    assert (partner.got, Message.objects.count(), Run.objects.count()) == ([], 0, 0)


def test_what_is_missing_is_said_at_its_step(ctx, drafted):
    _, reserve, waybill, *_ = rehearsed(ctx, drafted(), {"order": "A-1"})
    assert (reserve["is_well"], waybill["is_well"], waybill["reason"]) == (True, False, "mapping")
    assert "reservation" in waybill["error"]


def test_a_command_of_ours_is_checked_and_not_run(ctx, drafted, system):
    role = reading(("code", "order"), ("name_zh", "order"), ("name_en", "order"))
    wrong = reading(("code", "order"))
    saga = drafted(
        dict(name="well", title="好", kind="command", target="kernel.role.create", mapping=role),
        dict(name="wrong", title="坏", kind="command", target="kernel.role.create", mapping=wrong),
    )  # fmt: skip
    _, well, broken = rehearsed(ctx, saga, {"order": "NEW"})
    assert (well["is_well"], broken["is_well"], broken["reason"]) == (True, False, "validation")
    assert not Role.objects.filter(code="NEW").exists()


def test_beyond_the_point_of_no_return_nothing_is_taken_back(ctx, drafted):
    first, second, third = STEPS
    saga = drafted(dict(first, is_point_of_no_return=True), second, third)
    parts = rehearsed(ctx, saga, {"order": "A-1"}, reserve={"id": "R-1"}, waybill={"id": "W-1"})[1:]
    assert [one["target"] for one in parts] == ["reserve", "book", "tell", "release"]


def test_a_sample_that_starts_no_run_is_told_first(ctx, drafted):
    saga = drafted(trigger="event", events=["sales.*"], filter='data.priority = "rush"', key="")
    start = rehearsed(ctx, saga, {"order": "A-1", "data": {"priority": "low"}})[0]
    assert (start["is_well"], start["reason"]) == (False, "filtered")


def test_mappings_of_steps_are_picked_and_what_was_written_stays(ctx, drafted, live_db):
    do(ctx, "mapping.table.create", records=[dict(code="SHIP-OUT", name="发货", target="push", target_kind="operation",
                                                  lines=[dict(target="order", source="order")])])  # fmt: skip
    saga = drafted()
    client = Client(headers={"HX-Request": "true"})
    client.force_login(User.objects.create(login="all", name="林", is_superuser=True))
    page = client.get(f"/saga/sagas/{saga.pk}/edit").content.decode()
    assert "SHIP-OUT 发货</option>" in page
    select = page.split('name="steps.0.mapping"')[1].split("</select>")[0]
    assert "另行写出" in select.split("selected")[1].split("</option>")[0]
    picked = orjson.dumps({"table": "SHIP-OUT"}).decode()
    assert picked.replace('"', "&quot;") in select
