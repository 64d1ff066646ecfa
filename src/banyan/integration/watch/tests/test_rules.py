"""Tables: what tries took, what becomes of alerts, what is the same value on both sides, which window, which colour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from banyan.integration.watch import rules
from banyan.integration.watch.rules import Open, Signs, Subject, Terms

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
RULE, FLOW, ALERT = UUID(int=1), UUID(int=2), UUID(int=3)
ONE = Subject(RULE, None, FLOW)


@pytest.mark.parametrize(
    ("counts", "share", "ms"),
    [
        ({}, 0.5, None),
        ({0: 4}, 0.95, 0.5),
        ({1: 1}, 0.5, 2.2 / 2.1),
        ({1: 1, 25: 1}, 0.5, (2.2 / 2.1 + 2 * 1.1**25 / 2.1) / 2),
        ({1: 95, 25: 5}, 0.95, 2.2 / 2.1 + (2 * 1.1**25 / 2.1 - 2.2 / 2.1) * 0.05),
        ({25: 6, 1: 94}, 0.95, 2 * 1.1**25 / 2.1),
        ({300: 1, 5: 10**9}, 0.95, 2 * 1.1**5 / 2.1),
    ],
)
def test_a_share_of_times_is_read_from_their_classes(counts, share, ms):
    assert rules.quantile(counts, share) == (None if ms is None else pytest.approx(ms))


def test_sums_add_up_to_figures():
    sums = rules.Sums()
    assert sums.figures == rules.NOTHING
    sums.add(25, tries=3, failed=0, dead=0, retried=1, ms=30)
    sums.add(-1, tries=4, failed=3, dead=2, retried=0, ms=0)
    sums.add(25, tries=1, failed=0, dead=0, retried=0, ms=14)
    found = sums.figures
    assert (found.done, found.failed, found.retried, found.dead, found.mean_ms) == (4, 3, 1, 2, 11.0)
    assert found.rate == pytest.approx(300 / 7)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


@pytest.mark.parametrize(
    ("state", "since", "told", "is_broken", "lasts", "pause", "becomes"),
    [
        (None, 0, None, True, 0, 60, "raised_at_once"),
        (None, 0, None, True, 5, 60, "begun"),
        (None, 0, None, False, 5, 60, None),
        ("pending", 4.9, None, True, 5, 60, None),
        ("pending", 5, None, True, 5, 60, "raised"),
        ("pending", 60, None, False, 5, 60, "forgotten"),
        ("raised", 90, 59, True, 5, 60, None),
        ("raised", 90, 60, True, 5, 60, "repeated"),
        ("raised", 90, 600, True, 5, 0, None),
        ("raised", 90, 10, False, 5, 60, "cleared"),
        ("acknowledged", 90, 600, True, 5, 60, None),
        ("acknowledged", 90, 600, False, 5, 60, "cleared"),
    ],
)
def test_alerts_are_raised_once_repeated_after_a_pause_and_cleared_once(
    state, since, told, is_broken, lasts, pause, becomes
):
    held = {}
    if state:
        held[ONE] = Open(ALERT, state, NOW - minutes(since), NOW - minutes(told) if told is not None else None)
    found = rules.judged([ONE] if is_broken else [], held, {RULE: Terms(lasts, pause)}, NOW)
    names = ("begun", "raised_at_once", "raised", "repeated", "cleared", "forgotten")
    assert [name for name in names if getattr(found, name)] == ([becomes] if becomes else [])
    assert found.is_quiet == (becomes is None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), ("", ""), (True, "true"), (Decimal("12.500000"), "12.5"), ("12.50", "12.5"), (12.5, "12.5"),
        (12, "12"), ("1200", "1200"), (Decimal("1200"), "1200"), ("0012", "0012"), ("0.50", "0.5"), ("0", "0"),
        (Decimal("0.00"), "0"), ("-3.10", "-3.1"), ("SO-1", "SO-1"), (" SO-1 ", "SO-1"), ("1e3", "1000"),
        ("NaN", "NaN"),
        (date(2026, 3, 2), "2026-03-02"), (datetime(2026, 3, 2, 8, tzinfo=UTC), "2026-03-02T08:00:00Z"), ("000", "000"),
    ],
)  # fmt: skip
def test_a_value_is_written_the_same_way_on_both_sides(value, text):
    assert rules.canonical(value) == text


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("total", Decimal("7.5")), ("lines[].quantity", Decimal("3.5")), ("a.rows[].n", Decimal(2)), ("none", None),
        ("none[].n", None), ("lines[].none", None), ("total[].n", None),
    ],
)  # fmt: skip
def test_an_amount_lies_at_its_path_or_is_the_sum_of_what_a_list_has_there(path, number):
    body = {"total": "7.50", "lines": [{"quantity": "2"}, {"quantity": 1.5}, {}], "a": {"rows": [{"n": 2}]}}
    assert rules.amount_at(body, path) == number


def test_windows_begin_at_whole_multiples_and_leave_out_what_is_on_its_way():
    since, until = rules.span(NOW, days=2, hours=24, quiet_minutes=15)
    assert (since, until) == (datetime(2026, 2, 28, tzinfo=UTC), NOW - minutes(15))
    assert rules.slot_of(since, since, until, 24) == 0
    assert rules.slot_of(NOW - timedelta(days=1), since, until, 24) == 1
    assert rules.slot_of(until, since, until, 24) is None
    assert rules.slot_of(None, since, until, 24) is None
    later, _ = rules.span(NOW + timedelta(hours=1), days=2, hours=24, quiet_minutes=15)
    assert later == since


@pytest.mark.parametrize(
    ("signs", "colour", "says"),
    [
        (Signs("active"), "green", "Well"),
        (Signs("active", breaker="open", dead=4, blocked=2), "red", "Partner unreachable, breaker open"),
        (Signs("active", dead=4, blocked=2), "red", "Blocked keys: 2"),
        (Signs("active", dead=4), "red", "Dead: 4"),
        (Signs("active", reading_failures=3), "red", "Reading fails"),
        (Signs("active", breaker="half_open"), "orange", "Probing"),
        (Signs("active", waiting=5, oldest=899), "green", "Well"),
        (Signs("active", waiting=5, oldest=900), "orange", "Backlog"),
        (Signs("active", differences=3), "orange", "Discrepancies: 3"),
        (Signs("stopped", dead=4), "grey", "Stopped"),
        (Signs("draft"), "grey", "Not in use"),
    ],
)
def test_the_worst_decides_the_colour_and_the_words(signs, colour, says):
    found, label = rules.standing(signs)
    assert (found, label.in_("en")) == (colour, says)


def test_telling_the_outside_is_given_up_after_ten_failures():
    assert [rules.pause_after(n) for n in (1, 2, 7, 10, 11)] == [
        minutes(1), minutes(2), minutes(60), minutes(60), None,
    ]  # fmt: skip
