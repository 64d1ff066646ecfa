"""The rules of selling, as tables of cases."""

from datetime import date, time
from decimal import Decimal as D
from uuid import UUID

import pytest

from banyan.lib.calendar import Shift, WorkingCalendar
from banyan.modules.sales import rules
from banyan.modules.sales.rules import Offer, Progress

ANNA, BODO, BOLT, NUT, PIECE, BOX, CNY, USD = (UUID(int=n) for n in range(1, 9))
A, B = UUID(int=21), UUID(int=22)
WEEKDAYS = WorkingCalendar("Asia/Shanghai", [Shift(day, time(8), time(17)) for day in range(5)])


def offer(
    n, price, *, party=None, minimum="0", item=BOLT, unit=PIECE, currency=CNY, since=(2026, 1, 1), until=None
):
    return Offer(
        UUID(int=100 + n),
        party,
        item,
        unit,
        currency,
        D(minimum),
        D(price),
        False,
        date(*since),
        date(*until) if until else None,
    )


OFFERS = (
    offer(1, "10"),
    offer(2, "9", minimum="100"),
    offer(3, "8.5", party=ANNA),
    offer(4, "8", party=ANNA, minimum="50"),
    offer(5, "7", party=ANNA, minimum="50", since=(2027, 1, 1)),
    offer(6, "99", unit=BOX),
    offer(7, "1.4", currency=USD),
    offer(8, "3", item=NUT, until=(2026, 7, 1)),
    offer(9, "4", item=NUT, since=(2026, 7, 1)),
    offer(10, "2", item=NUT, party=BODO, minimum="1000"),
)


@pytest.mark.parametrize(
    ("party", "item", "unit", "currency", "quantity", "day", "price"),
    [
        (BODO, BOLT, PIECE, CNY, "1", (2026, 3, 1), "10"),
        (BODO, BOLT, PIECE, CNY, "99.999999", (2026, 3, 1), "10"),
        (BODO, BOLT, PIECE, CNY, "100", (2026, 3, 1), "9"),
        (ANNA, BOLT, PIECE, CNY, "1", (2026, 3, 1), "8.5"),
        (ANNA, BOLT, PIECE, CNY, "500", (2026, 3, 1), "8"),
        (ANNA, BOLT, PIECE, CNY, "500", (2027, 1, 1), "8"),
        (BODO, BOLT, BOX, CNY, "1", (2026, 3, 1), "99"),
        (BODO, BOLT, PIECE, USD, "1", (2026, 3, 1), "1.4"),
        (BODO, BOLT, BOX, USD, "1", (2026, 3, 1), None),
        (BODO, BOLT, PIECE, CNY, "1", (2025, 12, 31), None),
        (BODO, NUT, PIECE, CNY, "1", (2026, 6, 30), "3"),
        (BODO, NUT, PIECE, CNY, "1", (2026, 7, 1), "4"),
        (BODO, NUT, PIECE, CNY, "1000", (2026, 7, 1), "2"),
        (ANNA, NUT, PIECE, CNY, "1000", (2026, 7, 1), "4"),
    ],
)
def test_price_for(party, item, unit, currency, quantity, day, price):
    found = rules.price_for(
        OFFERS, party=party, item=item, unit=unit, currency=currency, quantity=D(quantity), day=date(*day)
    )
    assert (found and found.price) == (price and D(price))


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([("10",)], "confirmed"),
        ([("10",), ("5",)], "confirmed"),
        ([("10", "3")], "partly_shipped"),
        ([("10", "10"), ("5",)], "partly_shipped"),
        ([("10", "10"), ("5", "5")], "shipped"),
        ([("10", "10"), ("5", "0", "5")], "shipped"),
        ([("10", "4", "6")], "shipped"),
        ([("10", "0", "10"), ("5", "0", "5")], "cancelled"),
        ([("10", "0", "4")], "confirmed"),
        ([("10", "10", "0", "2", "0")], "shipped"),
        ([("10", "10", "0", "2", "2")], "partly_shipped"),
        ([("10", "12", "0", "2", "2")], "shipped"),
    ],
)
def test_order_state(lines, state):
    assert rules.order_state(Progress(*map(D, line)) for line in lines) == state


@pytest.mark.parametrize(
    ("progress", "open_", "to_invoice"),
    [
        (Progress(D(10)), "10", "0"),
        (Progress(D(10), D(4)), "6", "4"),
        (Progress(D(10), D(4), D(6)), "0", "4"),
        (Progress(D(10), D(10), returned=D(3)), "0", "7"),
        (Progress(D(10), D(10), returned=D(3), replaced=D(3)), "3", "7"),
        (Progress(D(10), D(10), returned=D(3), invoiced=D(10)), "0", "-3"),
    ],
)
def test_open_and_to_invoice(progress, open_, to_invoice):
    assert (progress.open, progress.to_invoice) == (D(open_), D(to_invoice))


@pytest.mark.parametrize(
    ("wanted", "excess"),
    [({A: "5"}, {}), ({A: "5.000001"}, {A: "0.000001"}), ({A: "1", B: "1"}, {B: "1"}), ({}, {})],
)
def test_what_may_be_shipped(wanted, excess):
    found = rules.shipped_too_much({k: D(v) for k, v in wanted.items()}, {A: D(5)})
    assert found == {k: D(v) for k, v in excess.items()}


@pytest.mark.parametrize(("wanted", "excess"), [("6", {}), ("7", {A: D(1)})])
def test_what_may_be_returned(wanted, excess):
    assert rules.returned_too_much({A: D(wanted)}, {A: Progress(D(10), D(8), returned=D(2))}) == excess


def test_a_line_that_was_never_shipped_cannot_come_back():
    assert rules.returned_too_much({B: D(1)}, {}) == {B: D(1)}


FRIDAY, MONDAY, TUESDAY = date(2026, 3, 6), date(2026, 3, 9), date(2026, 3, 10)


@pytest.mark.parametrize(
    ("wanted_on", "is_free", "lead", "promised"),
    [
        (None, True, 5, FRIDAY),
        (MONDAY, True, 5, MONDAY),
        (date(2026, 3, 1), True, 5, FRIDAY),
        (None, False, 0, FRIDAY),
        (None, False, 1, MONDAY),
        (MONDAY, False, 2, TUESDAY),
        (date(2026, 4, 1), False, 2, date(2026, 4, 1)),
    ],
)
def test_default_promise(wanted_on, is_free, lead, promised):
    found = rules.default_promise(
        wanted_on=wanted_on, today=FRIDAY, is_free=is_free, lead_time_days=lead, calendar=WEEKDAYS
    )
    assert found == promised


@pytest.mark.parametrize(
    ("promised_on", "done_on", "days"),
    [(FRIDAY, FRIDAY, 0), (FRIDAY, MONDAY, 3), (MONDAY, FRIDAY, 0), (None, FRIDAY, 0)],
)
def test_days_late(promised_on, done_on, days):
    assert rules.days_late(promised_on=promised_on, done_on=done_on) == days


def test_only_real_changes_are_noted():
    found = rules.promise_changes({A: FRIDAY, B: None}, {A: FRIDAY, B: MONDAY})
    assert found == (rules.PromiseChange(B, None, MONDAY),)


@pytest.mark.parametrize(("days", "latest"), [([], None), ([FRIDAY, MONDAY], MONDAY), ([FRIDAY, None], None)])
def test_latest_day(days, latest):
    assert rules.latest_day(days) == latest
