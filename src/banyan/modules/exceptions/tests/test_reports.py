"""What is asked of exceptions, against figures worked out by hand; and the proofs against planted faults."""

from __future__ import annotations

from decimal import Decimal as D
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from banyan.kernel import figures, queries
from banyan.kernel.figures import Days
from banyan.kernel.proofs import run
from banyan.modules.company.queries import default_plant
from banyan.modules.exceptions.models import ShopException
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


def asked(floor, key, **data):
    return queries.ask(floor.ctx, queries.declared_query(key), data)


@pytest.fixture
@stands
def operation(floor):
    return floor.operation(floor.released(), 10)


def test_median_and_ninth_tenth_by_category_team_and_month(floor, operation):
    floor.category("MATERIAL", team=floor.team)
    for minutes in (10, 20, 30):
        floor.act("take", floor.call(operation=operation), minutes=minutes)
    floor.call("OTHER", operation=operation)
    cancelled = floor.call(operation=operation)
    floor.act("cancel", cancelled, reason="x")
    rows = asked(floor, "exceptions.times")
    assert [(r["group"], r["count"], r["taken"], r["respond_median"], r["respond_p90"]) for r in rows] == [
        ("物料", 3, 3, "20", "28"), ("其他", 1, 0, None, None),
    ]  # fmt: skip
    assert [(r["group"], r["count"]) for r in asked(floor, "exceptions.times", by="month")] == [("2026-03", 4)]
    assert [r["count"] for r in asked(floor, "exceptions.times", by="team")] == [3, 1]


def test_causes_in_falling_order_with_their_cumulative_share(floor, operation):
    for _ in range(3):
        floor.solved(floor.call(operation=operation), minutes=10)
    floor.call(operation=operation)
    rows = asked(floor, "exceptions.pareto")
    assert [(r["cause"], r["count"], D(r["percent"]), D(r["cumulative"])) for r in rows] == [
        ("设备", 3, D(75), D(75)), ("未查明", 1, D(25), D(100)),
    ]  # fmt: skip


def test_open_ones_by_age_open_their_list(floor, operation):
    floor.call("QUALITY", operation=operation)
    floor.solved(floor.call(operation=operation))
    (row,) = asked(floor, "exceptions.open_by_age")
    assert (row["count"], row["severe"], row["overdue"]) == (1, 1, 0)
    (one,) = asked(floor, row["_query"], **row["_input"])
    assert one["number"] == "EX2603-00001"


def test_questions_stay_within_reach(floor, operation, person):
    floor.call(operation=operation)
    who = person(("exceptions.exception.read", "plant"), plants=[floor.world.second_plant.pk])
    for key in ("exceptions.times", "exceptions.pareto", "exceptions.open_by_age", "exceptions.open"):
        assert queries.ask(who, queries.declared_query(key), {} if "age" not in key else None) == [], key


def test_figures_count_open_overdue_and_severe(floor, operation):
    floor.call("QUALITY", operation=operation)
    floor.call("MATERIAL", operation=operation)
    later = floor.ctx.with_(now=floor.ctx.now.replace(hour=8, minute=20))
    days = Days(default_plant().day(later.now), ZoneInfo("Asia/Shanghai"))
    found = figures.measure(later, ["exceptions.open", "exceptions.overdue", "exceptions.severe"], days)
    assert {key: int(one.value) for key, one in found.items()} == {
        "exceptions.open": 2, "exceptions.overdue": 2, "exceptions.severe": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("proof", "fault"),
    [
        ("exceptions.clocks", "UPDATE exceptions_shopexception SET taken_at = raised_at"),
        ("exceptions.clocks", "UPDATE exceptions_shopexception SET round = 2"),
        ("exceptions.levels", "UPDATE exceptions_shopexception SET level = 2"),
        ("exceptions.stops", "UPDATE production_operation SET is_stopped = NOT is_stopped"),
        ("exceptions.places", "UPDATE exceptions_shopexception SET plant_id = %s"),
    ],
)
@pytest.mark.plants("proof")
def test_a_planted_fault_is_named(floor, operation, proof, fault):
    floor.call("QUALITY", operation=operation)
    assert [v.is_green for v in run([proof])] == [True]
    with connection.cursor() as cursor:
        cursor.execute(fault, [floor.world.second_plant.pk] if "%s" in fault else None)
    assert [v.is_green for v in run([proof])] == [False]
    assert ShopException.objects.count() == 1
