"""The day of a report: that whose shift it was made in, whenever it arrives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from django.db import connection

from banyan.kernel.queries import ask, declared_query
from banyan.modules.inventory.models import Lot
from banyan.modules.production import queries
from banyan.modules.production.models import Report
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
#: The context's now is the second of March, 16:00 in Shanghai.
SECOND, FIRST = date(2026, 3, 2), date(2026, 3, 1)


def shanghai(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


@pytest.fixture
@stands
def order(shop):
    shop.stocked()
    return shop.released()


def late(shop, order, at, quantity=3, **more):
    people = more.pop("people", [{"employee": shop.world.worker.pk}])
    return shop.report(order, 10, "good", quantity, people=people, offline=True, device_at=at.isoformat(), **more)


def day_of(answer):
    return Report.objects.get(pk=answer.id).day


def test_what_waited_on_a_device_belongs_to_the_day_it_was_done(shop, order):
    assert day_of(shop.report(order, 10, "good", 1, people=[{"employee": shop.world.worker.pk}])) == SECOND
    assert day_of(late(shop, order, shanghai(1, 10))) == FIRST
    # by the plant's clock, which is ahead of the server's
    assert day_of(late(shop, order, shanghai(1, 23, 59))) == FIRST
    assert day_of(late(shop, order, shanghai(2, 0, 1))) == SECOND
    work = {day: [int(done.quantity) for done in queries.work_of(shop.world.worker.pk, day)] for day in (FIRST, SECOND)}
    assert work == {FIRST: [6], SECOND: [4]}


def test_the_hours_after_midnight_belong_to_the_night_shift_that_began_before(shop, order):
    night = shop.world.make("people.shift", code="N", name="夜班", starts_at="20:00", ends_at="08:00")
    shop.world.change(shop.world.worker, shift=night)
    assert day_of(late(shop, order, shanghai(2, 2))) == FIRST
    assert day_of(late(shop, order, shanghai(2, 8, 5))) == FIRST
    assert day_of(late(shop, order, shanghai(2, 15))) == SECOND
    other = [{"employee": shop.world.second_worker.pk}]
    assert day_of(late(shop, order, shanghai(2, 2), people=other)) == SECOND


def test_who_has_no_shift_goes_by_the_plants_calendar(shop, order):
    calendar = shop.world.make(
        "company.calendar", code="N", name="三班",
        shifts=[{"weekday": day, "starts_at": "22:00", "ends_at": "06:00"} for day in range(7)],
    )  # fmt: skip
    assert day_of(late(shop, order, shanghai(2, 2))) == SECOND
    shop.world.change(shop.world.plant, calendar=calendar)
    assert day_of(late(shop, order, shanghai(2, 2))) == FIRST
    exception = {"day": "2026-03-01", "is_working": False}
    shop.world.change(calendar, exceptions=[exception])
    assert day_of(late(shop, order, shanghai(2, 2))) == SECOND


def test_a_clock_ahead_makes_no_report_of_tomorrow(shop, order, ctx):
    assert day_of(late(shop, order, ctx.now + timedelta(days=2))) == SECOND


def test_an_undo_takes_from_the_day_it_was_reported_for(shop, order, ctx):
    said = late(shop, order, shanghai(1, 10))
    undone = shop.undo(said, ctx=ctx.with_(now=ctx.now + timedelta(days=3)))
    assert day_of(undone) == FIRST
    assert queries.work_of(shop.world.worker.pk, FIRST) == ()


def test_a_lot_is_made_on_the_day_of_its_report(shop, order):
    late(shop, order, shanghai(1, 10), output_lot="L-1")
    shop.report(order, 10, "good", 1, output_lot="L-2")
    assert dict(Lot.objects.filter(number__in=("L-1", "L-2")).values_list("number", "made_on")) == {
        "L-1": FIRST, "L-2": SECOND,
    }  # fmt: skip


def test_my_day_at_night_is_that_of_the_shift(shop, order, ctx):
    night = shop.world.make("people.shift", code="N", name="夜班", starts_at="20:00", ends_at="08:00")
    shop.world.change(shop.world.worker, shift=night)
    late(shop, order, shanghai(1, 22), 4)
    rows = {
        hour: list(ask(ctx.with_(now=shanghai(2, hour)), declared_query("production.my_day"),
                       {"employee": shop.world.worker.pk}))
        for hour in (3, 15)
    }  # fmt: skip
    assert [int(row["quantity"]) for row in rows[3]] == [4]
    assert rows[15] == []


def test_reports_from_before_days_were_kept_get_the_day_that_the_rule_gives(shop, order):
    night = shop.world.make("people.shift", code="N", name="夜班", starts_at="20:00", ends_at="08:00")
    shop.world.change(shop.world.worker, shift=night)
    other = [{"employee": shop.world.second_worker.pk}]
    told = [late(shop, order, shanghai(2, hour)) for hour in (2, 13, 15)]
    late(shop, order, shanghai(2, 2), people=other)
    shop.undo(told[0])
    days = dict(Report.objects.values_list("pk", "day"))
    fill = import_module("banyan.modules.production.migrations.0003_day_of_reports").FILL
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE production_report ALTER day DROP NOT NULL; "
            "ALTER TABLE production_report DISABLE TRIGGER USER; UPDATE production_report SET day = NULL; "
            "ALTER TABLE production_report ENABLE TRIGGER USER"
        )
        cursor.execute(fill)
        cursor.execute("ALTER TABLE production_report ALTER day SET NOT NULL")
    assert dict(Report.objects.values_list("pk", "day")) == days
    assert sorted(days.values()) == [FIRST, FIRST, FIRST, SECOND, SECOND]
