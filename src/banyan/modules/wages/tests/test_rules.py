"""Which rate, which day, who gets what: tables of cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from uuid import UUID

import pytest

from banyan.modules.wages import rules
from banyan.modules.wages.values import Price, Share, Valid, Wage

PLANT, ITEM, OTHER, SKILL = (UUID(int=n) for n in range(1, 5))
DAY = date(2026, 3, 2)
ANY = Price(UUID(int=9), None, None, "", None, D("1"), D("0"), False, D("0"), date(2026, 1, 1), None)


def asked(*prices, item=ITEM, operation="车削", skills=frozenset(), day=DAY):
    return rules.price_for(
        rules.narrowest_first(prices), plant=PLANT, item=item, operation=operation, skills=skills, day=day
    )


def test_the_narrower_rate_goes_first():
    by_item, by_step = replace(ANY, item=ITEM), replace(ANY, operation="车削")
    both, skilled = replace(ANY, item=ITEM, operation="车削"), replace(ANY, item=ITEM, operation="车削", skill=SKILL)
    assert asked(ANY, by_step, by_item) == by_item
    assert asked(ANY, by_step) == by_step
    assert asked(skilled, both, by_item, ANY) == both
    assert asked(skilled, both, skills=frozenset([SKILL])) == skilled
    assert asked(by_item, ANY, item=OTHER) == ANY
    assert asked(both, item=OTHER) is None
    assert asked(both, operation="铣削") is None
    assert asked(replace(ANY, plant=ITEM)) is None


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "found"),
    [
        (date(2026, 3, 2), None, True), (date(2026, 3, 3), None, False),
        (date(2026, 1, 1), date(2026, 3, 3), True), (date(2026, 1, 1), date(2026, 3, 2), False),
        (date(2026, 3, 2), date(2026, 3, 3), True),
    ],
)  # fmt: skip
def test_a_rate_is_valid_from_its_first_day_up_to_not_with_its_last(valid_from, valid_to, found):
    assert (asked(replace(ANY, valid_from=valid_from, valid_to=valid_to)) is not None) is found


def test_a_number_of_the_item_goes_before_that_of_all():
    general, own = Valid(D("1"), date(2026, 1, 1), None), Valid(D("2"), date(2026, 1, 1), date(2026, 3, 2), ITEM)
    assert rules.number_on([general, own], date(2026, 3, 1), ITEM) == 2
    assert rules.number_on([general, own], DAY, ITEM) == 1
    assert rules.number_on([own], DAY, ITEM) is None


def share(weight="1", quantity="0", minutes="0", price=ANY, hour="0"):
    return Share(price, D(hour), D(weight), D(quantity), D(minutes))


def test_parts_of_a_report_add_up_to_the_cent():
    price = replace(ANY, piece_price=D("0.333333"))
    three = [share(quantity="3.333334", price=price), *(share(quantity="3.333333", price=price) for _ in range(2))]
    earned = rules.wages(three, is_good=True, deductions=[])
    assert [w.piece_amount for w in earned] == [D("1.11"), D("1.11"), D("1.11")]
    three[2] = share("2", "3.333333", price=price)
    assert [w.amount for w in rules.wages(three, is_good=True, deductions=[])] == [D("0.83"), D("0.83"), D("1.67")]


def test_time_is_paid_by_own_time_and_bad_pieces_by_weight():
    pair = [share("2", minutes="31", hour="36"), share("1", minutes="14.5", hour="36")]
    earned = rules.wages(pair, is_good=False, deductions=[(D("3"), D("1.1")), (D("1"), D("0"))])
    assert earned == (Wage(D("0"), D("18.60"), D("-2.20")), Wage(D("0"), D("8.70"), D("-1.10")))
    assert sum(w.amount for w in earned) == D("24.00")


def test_different_prices_are_spread_apart_and_nobody_with_a_weight_means_all_alike():
    dear = replace(ANY, id=UUID(int=8), piece_price=D("2"))
    mixed = [share(quantity="5"), share(quantity="5", price=dear)]
    assert [w.amount for w in rules.wages(mixed, is_good=True, deductions=[])] == [5, 10]
    none = [share("0", "1"), share("0", "1")]
    assert [w.amount for w in rules.wages(none, is_good=True, deductions=[])] == [1, 1]
    assert rules.wages([], is_good=True, deductions=[]) == ()


@pytest.mark.parametrize(
    ("minimum", "earned", "granted", "more"),
    [("0", "-5", "0", "0"), ("100", "80", "0", "20"), ("100", "120", "0", "0"), ("100", "-5", "0", "105"),
     ("100", "110", "20", "-20"), ("0", "0", "30", "-30")],
)  # fmt: skip
def test_what_lacks_to_the_minimum_is_added_once(minimum, earned, granted, more):
    assert rules.top_up(minimum=D(minimum), earned=D(earned), granted=D(granted)) == D(more)


def test_a_month_ends_where_the_calendar_says():
    assert rules.month_of(date(2028, 2, 29)) == (date(2028, 2, 1), date(2028, 2, 29))
    assert rules.month_of(date(2026, 12, 31)) == (date(2026, 12, 1), date(2026, 12, 31))
