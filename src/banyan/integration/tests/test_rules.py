"""Decisions of the bus, as tables."""

from __future__ import annotations

import pytest

from banyan.integration import conditions, rules
from banyan.integration.connecting import Failed
from banyan.integration.rules import Breaker


@pytest.mark.parametrize(
    ("tries", "schedule", "chance", "asked", "pause"),
    [
        (1, (), 0.5, None, 5.0),
        (2, (), 0.5, None, 300.0),
        (9, (), 0.5, None, 86_400.0),
        (10, (), 0.5, None, None),
        (1, (), 0.0, None, 4.5),
        (1, (), 1.0, None, 5.5),
        (1, (), 0.5, 60.0, 60.0),
        (2, (), 0.5, 60.0, 300.0),
        (1, (7,), 0.5, None, 7.0),
        (2, (7,), 0.5, 99.0, None),
    ],
)
def test_the_pause_before_the_next_try(tries, schedule, chance, asked, pause):
    assert rules.pause_before_next(tries, schedule, chance, asked) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("before", "succeeded", "failed", "after", "seconds"),
    [
        (Breaker(), 3, 0, Breaker(), None),
        (Breaker(), 0, 4, Breaker("closed", 4, 0), None),
        (Breaker("closed", 4, 0), 0, 1, Breaker("open", 5, 1), 5.0),
        (Breaker("closed", 4, 0), 1, 4, Breaker(), None),
        (Breaker("half_open", 5, 1), 0, 1, Breaker("open", 6, 2), 10.0),
        (Breaker("half_open", 9, 9), 0, 1, Breaker("open", 10, 10), 600.0),
        (Breaker("half_open", 5, 1), 1, 0, Breaker(), None),
        (Breaker("open", 5, 1), 0, 0, Breaker("open", 5, 1), None),
    ],
)
def test_the_breaker_after_a_batch(before, succeeded, failed, after, seconds):
    assert rules.breaker_after(before, succeeded=succeeded, failed=failed, most=5) == (after, seconds)


@pytest.mark.parametrize(
    ("tokens", "seconds", "wanted", "given", "left"),
    [(10, 0, 3, 3, 7), (0, 2, 30, 10, 0), (0, 1e9, 30, 20, 0), (0.4, 0.1, 5, 0, 0.9), (5, -100, 9, 5, 0)],
)
def test_what_the_token_bucket_grants(tokens, seconds, wanted, given, left):
    assert rules.granted(tokens, seconds, rate=5, burst=20, wanted=wanted) == (given, pytest.approx(left))


@pytest.mark.parametrize(
    ("type_", "patterns", "hears"),
    [("sales.order_confirmed", ["sales.order_confirmed"], True), ("sales.order_confirmed", ["sales.*"], True),
     ("sales.order_confirmed", ["*"], True), ("sales.order_confirmed", ["purchasing.*"], False),
     ("sales.order_confirmed", ["sales.order"], False), ("sales.order_confirmed", [], False)],
)  # fmt: skip
def test_which_events_a_flow_hears(type_, patterns, hears):
    assert rules.matches(type_, patterns) is hears


BODY = {"type": "t", "data": {"rush": True, "n": 3, "price": "12.50", "code": "1.10", "gone": None,
                              "lines": [{"item": "A", "quantity": 2}, {"item": "B", "quantity": 5.5}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('type = "t"', True),
        ("data.rush", True),
        ("data.n > 2", True),
        ("data.price > 12", True),
        ('data.code = "1.10"', True),
        ("data.gone = null", True),
        ("data.missing = null", True),
        ("data.missing.deeper = null", True),
        ("sum(data.lines.quantity) > 7", True),
        ('"B" in data.lines.item', True),
        ("count(data.lines) = 3", False),
        ('concat(type, "-", data.code)', "t-1.10"),
    ],
)
def test_an_expression_over_a_body(text, value):
    assert conditions.value_of(text, BODY) == value


@pytest.mark.parametrize("text", ["data.n", 'data.rush + "x" > 1', "data."])
def test_a_filter_that_is_no_condition_is_a_fault_of_mapping(text):
    with pytest.raises(Failed) as fault:
        conditions.is_true(text, BODY)
    assert fault.value.kind == "mapping"
