"""What a station knows of who reports at a work centre and which reasons are offered there, before anything is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from banyan.modules.production.models import Report, ReportFlag

pytestmark = pytest.mark.django_db


def outside(station):
    """Give by operation who reports there where the person is none of them, and the skill it takes."""
    return {
        task["sequence"]: (task["outside"], task.get("skill"))
        for task in station.day().json()["tasks"] if "outside" in task
    }  # fmt: skip


def test_the_day_tells_at_which_work_centres_a_reason_is_offered(station, shop, first):
    world = shop.world
    world.make("production.defect_reason", code="D1", name="划伤")
    centres = [{"work_centre": world.milling}, {"work_centre": world.turning}]
    world.make("production.defect_reason", code="D2", name="刀纹", centres=centres)
    world.make("production.defect_reason", code="D3", name="停用", centres=centres, is_active=False)
    day = station.day().json()
    assert [(one["code"], one.get("centres")) for one in day["reasons"]] == [
        ("D1", None), ("D2", [str(world.milling.pk), str(world.turning.pk)]),
    ]  # fmt: skip
    assert [task["work_centre_id"] for task in day["tasks"]] == [
        str(one.pk) for one in (world.turning, world.milling, world.turning)
    ]


def test_the_day_tells_where_others_report(station, shop, first):
    world = shop.world
    assert outside(station) == {}
    world.change(world.turning, reporters="skilled", skill=world.skill)
    world.change(world.milling, reporters="given")
    assert outside(station) == {20: ("given", None)}
    second = shop.operation(first.work_order, 20)
    lines = [{"operation": second.pk, "team": world.team}]
    world.do("production.work_order.assign", first.work_order, lines=lines)
    assert outside(station) == {}
    until = (timezone.now() - timedelta(days=1)).date()
    world.change(world.worker, skills=[{"skill": world.skill, "level": 2, "valid_to": str(until)}])
    assert outside(station) == {10: ("skilled", "数控车削"), 30: ("skilled", "数控车削")}


def test_what_is_told_at_a_task_of_others_or_by_another_reason_is_booked_and_flagged(station, shop, first):
    world = shop.world
    world.change(world.turning, reporters="given")
    reason = world.make("production.defect_reason", code="D2", name="刀纹", centres=[{"work_centre": world.milling}])
    start = station.act("start", first.pk, ("start", 0))
    act = station.act("report", first.pk, ("good", 8), ("scrap", 2))
    act["parts"][1]["defects"] = [{"reason": str(reason.pk), "quantity": "2"}]
    answer = station.sync(start, act).json()["acts"]
    assert [(one["state"], one["flags"]) for one in answer] == [("done", []), ("flagged", ["reporter", "reason"])]
    assert station.states(act) == ["flagged"]
    first.refresh_from_db()
    assert (first.good_quantity, first.scrap_quantity, Report.objects.count()) == (8, 2, 3)
    kinds = ReportFlag.objects.order_by("report__kind", "kind").values_list("report__kind", "kind")
    assert list(kinds) == [("good", "reporter"), ("scrap", "reason"), ("scrap", "reporter")]
