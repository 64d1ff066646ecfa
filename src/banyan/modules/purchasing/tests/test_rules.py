"""The rules of buying, as tables of cases."""

from datetime import date
from decimal import Decimal as D
from uuid import UUID

import pytest

from banyan.modules.purchasing import rules
from banyan.modules.purchasing.rules import Delivery, Performance, Progress, Source

A, STEEL, NORTH, SOUTH, KG, BAR, CNY, USD = (UUID(int=n) for n in range(1, 9))


@pytest.mark.parametrize(
    ("lines", "is_confirmed", "state"),
    [
        ([Progress(D(10))], False, "ordered"),
        ([Progress(D(10))], True, "confirmed"),
        ([Progress(D(10), D(1))], False, "partly_received"),
        ([Progress(D(10), D(10)), Progress(D(5))], True, "partly_received"),
        ([Progress(D(10), D(10))], True, "received"),
        ([Progress(D(10), D(11))], True, "received"),
        ([Progress(D(10), D(4), cancelled=D(6))], True, "received"),
        ([Progress(D(10), cancelled=D(10))], True, "cancelled"),
        ([Progress(D(10), D(10), returned=D(3))], True, "received"),
        ([Progress(D(10), D(10), returned=D(3), replaced=D(3))], True, "partly_received"),
    ],
)
def test_order_state(lines, is_confirmed, state):
    assert rules.order_state(lines, is_confirmed=is_confirmed) == state


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([("5", "0")], "arrived"),
        ([("5", "5")], "booked"),
        ([("5", "2")], "partly_booked"),
        ([("5", "5"), ("3", "0")], "partly_booked"),
        ([("5", "5"), ("3", "3")], "booked"),
    ],
)
def test_receipt_state(rows, state):
    assert rules.receipt_state((D(a), D(b)) for a, b in rows) == state


@pytest.mark.parametrize(
    ("progress", "tolerance", "most"),
    [
        (Progress(D(100)), "0", "100"),
        (Progress(D(100)), "5", "105"),
        (Progress(D(100), D(100)), "5", "5"),
        (Progress(D(100), D(105)), "5", "0"),
        (Progress(D(100), D(110)), "5", "0"),
        (Progress(D(100), D(40), cancelled=D(60)), "5", "5"),
        (Progress(D(100), D(100), returned=D(10), replaced=D(10)), "0", "10"),
        (Progress(D("0.000001")), "10", "0.000001"),
    ],
)
def test_over_receipt_tolerance(progress, tolerance, most):
    assert rules.may_still_come(progress, D(tolerance)) == D(most)


@pytest.mark.parametrize(("wanted", "excess"), [("105", {}), ("105.5", {A: D("0.5")})])
def test_received_too_much(wanted, excess):
    assert rules.received_too_much({A: D(wanted)}, {A: Progress(D(100))}, {A: D(5)}) == excess


def test_the_gap_between_gate_and_store():
    assert Progress(D(10), received=D(8), booked=D(5)).in_inspection == D(3)


@pytest.mark.parametrize(
    ("need", "minimum", "pack", "ordered"),
    [
        ("7", "0", "0", "7"),
        ("7", "10", "0", "10"),
        ("7", "0", "5", "10"),
        ("10", "0", "5", "10"),
        ("7", "12", "5", "15"),
        ("600", "591.90", "59.19", "651.09"),
        ("0", "0", "5", "0"),
    ],
)
def test_quantity_to_order(need, minimum, pack, ordered):
    assert rules.quantity_to_order(D(need), minimum=D(minimum), pack=D(pack)) == D(ordered)


def source(
    n, party, price, *, preferred=False, priority=1, unit=KG, currency=CNY, since=(2026, 1, 1), until=None
):
    return Source(
        UUID(int=50 + n),
        party,
        STEEL,
        unit,
        currency,
        D(price),
        False,
        None,
        5,
        D(0),
        D(0),
        D(0),
        preferred,
        priority,
        "",
        date(*since),
        date(*until) if until else None,
    )


SOURCES = (
    source(1, NORTH, "4.30", until=(2026, 7, 1)),
    source(2, NORTH, "4.50", since=(2026, 7, 1)),
    source(3, SOUTH, "4.90", preferred=True, until=(2026, 4, 1)),
    source(4, SOUTH, "4.10", priority=2, since=(2026, 4, 1)),
    source(5, NORTH, "250", unit=BAR),
    source(6, SOUTH, "0.70", currency=USD, priority=3),
)


@pytest.mark.parametrize(
    ("day", "narrow", "price"),
    [
        ((2026, 3, 1), {}, "4.90"),
        ((2026, 3, 1), {"party": NORTH, "unit": KG}, "4.30"),
        ((2026, 5, 1), {"unit": KG}, "4.30"),
        ((2026, 7, 1), {"unit": KG}, "4.50"),
        ((2026, 7, 1), {"party": SOUTH}, "4.10"),
        ((2026, 7, 1), {"unit": BAR}, "250"),
        ((2026, 7, 1), {"currency": USD}, "0.70"),
        ((2025, 7, 1), {}, None),
    ],
)
def test_source_for(day, narrow, price):
    found = rules.source_for(SOURCES, item=STEEL, day=date(*day), **narrow)
    assert (found and found.price) == (price and D(price))


D1, D5, D9 = date(2026, 3, 1), date(2026, 3, 5), date(2026, 3, 9)


@pytest.mark.parametrize(
    ("open_", "wanted", "confirmed", "lead", "why"),
    [
        ("1", D1, None, 0, "overdue"),
        ("1", D9, D1, 0, "overdue"),
        ("1", D1, D9, 0, "will_be_late"),
        ("1", D5, D9, 0, "will_be_late"),
        ("1", D9, None, 3, None),
        ("1", D9, None, 4, "unconfirmed"),
        ("1", D9, D9, 30, None),
        ("1", None, None, 30, None),
        ("0", D1, None, 0, None),
        ("1", D5, D5, 0, None),
    ],
)
def test_warning(open_, wanted, confirmed, lead, why):
    found = rules.warning(
        open_quantity=D(open_), wanted_on=wanted, confirmed_on=confirmed, today=D5, lead_time_days=lead
    )
    assert found == why


def test_performance_of_a_supplier():
    rows = [
        Delivery(D5, D1, D(10), D(0)),
        Delivery(D5, D5, D(10), D(1)),
        Delivery(D5, D9, D(10), D(2)),
        Delivery(None, D9, D(10), D(0)),
        Delivery(D1, D9, D(0), D(0)),
    ]
    assert rules.performance(rows) == Performance(5, 3, 2, D("6.0"), D("60.0"), D("7.5"))
    assert rules.performance(rows, grace_days=4) == Performance(5, 4, 1, D("8.0"), D("80.0"), D("7.5"))


def test_performance_of_nobody_is_zero():
    assert rules.performance([]) == Performance(0, 0, 0, D("0.0"), D("0.0"), D("0.0"))


@pytest.mark.parametrize(("quantity", "size", "packs"), [
    (100, 40, [40, 40, 20]), (80, 40, [40, 40]), (30, 40, [30]), (30, None, [30]), (10_000, 1, [1] * 199 + [9801]),
])  # fmt: skip
def test_what_came_is_divided_into_packs(quantity, size, packs):
    from banyan.modules.purchasing.prints import packs_of

    assert packs_of(D(quantity), size and D(size)) == packs
