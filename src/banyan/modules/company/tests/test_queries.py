"""What the modules above read of the company."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from banyan.modules.company import queries
from banyan.modules.company.errors import NoExchangeRate, NotSetUp

pytestmark = pytest.mark.django_db


def test_without_a_plant_one_is_told_to_set_up(db):
    with pytest.raises(NotSetUp):
        queries.default_plant()
    with pytest.raises(NotSetUp):
        queries.the_company()


def test_the_default_plant_is_the_first_by_code(world):
    made = {world.second_plant.pk, world.plant.pk}
    assert queries.default_plant().id == world.plant.pk
    assert {one.id for one in queries.plants()} == made
    assert [one.code for one in queries.plants()] == ["P1", "P2"]


def test_the_plant_day_is_that_of_its_zone(world, django_assert_num_queries):
    plant = world.plant
    with django_assert_num_queries(1):
        assert queries.plant_day(plant.pk, datetime(2026, 3, 2, 17, 0, tzinfo=UTC)) == date(2026, 3, 3)


def test_a_calendar_counts_with_its_shifts_and_exceptions(world, django_assert_num_queries):
    calendar = world.make(
        "company.calendar", code="X", name="例外",
        shifts=[{"weekday": day, "starts_at": "08:00", "ends_at": "16:00"} for day in range(5)],
        exceptions=[
            {"day": "2026-03-03", "is_working": False, "note": "停电"},
            {"day": "2026-03-07", "is_working": True, "starts_at": "08:00", "ends_at": "12:00"},
        ],
    )  # fmt: skip
    plant = world.make("company.plant", code="X", name="二厂", company=world.company, calendar=calendar)
    with django_assert_num_queries(1):
        counting = queries.plant_calendar(plant.pk)
    assert counting.add_working_days(date(2026, 3, 2), 1) == date(2026, 3, 4)
    assert counting.is_working_day(date(2026, 3, 7))
    day = (datetime(2026, 3, 6, 16, 0, tzinfo=UTC), datetime(2026, 3, 7, 16, 0, tzinfo=UTC))
    assert counting.working_minutes_between(*day) == 240


@pytest.mark.parametrize(
    ("day", "rate"), [("2026-01-01", "7.00"), ("2026-02-28", "7.00"), ("2026-03-01", "7.10")]
)
def test_the_rate_of_a_day_is_the_last_one_before_it(world, day, rate):
    assert world.company
    assert queries.exchange_rate(world.dollar.pk, date.fromisoformat(day)) == Decimal(rate)


def test_the_own_currency_is_worth_one_and_a_missing_rate_is_said(world):
    assert world.company
    assert queries.exchange_rate(world.currency.pk, date(2020, 1, 1)) == 1
    with pytest.raises(NoExchangeRate) as refused:
        queries.exchange_rate(world.dollar.pk, date(2025, 12, 31))
    assert "USD" in refused.value.text("zh")


def test_tax_is_a_fraction_to_those_who_count_with_it(world):
    code = world.vat13.pk
    assert queries.tax_codes()[code].fraction == Decimal("0.13")
