from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.lib.money import MixedCurrencies, Money, allocate, round_money, take_value, vat

cents = st.integers(-(10**17), 10**17).map(lambda number: D(number).scaleb(-2))
quantities = st.integers(1, 10**19).map(lambda number: D(number).scaleb(-6))


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("2.675", 2, "2.68"),
        ("1.4", 0, "1"),
        ("123456789012345678.905", 2, "123456789012345678.91"),
        ("99999999999999.9999995", 6, "100000000000000.000000"),
    ],
)
def test_half_a_cent_goes_away_from_zero(value, places, expected):
    assert str(round_money(D(value), places)) == expected


@pytest.mark.parametrize("value", [0.1, True, "1", None])
def test_only_exact_numbers_are_money(value):
    with pytest.raises(TypeError, match="not an exact number"):
        round_money(value)


def test_money_adds_subtracts_and_compares_within_one_currency():
    a, b = Money(D("10.50"), "CNY"), Money(D("0.25"), "CNY")
    assert a + b == Money(D("10.75"), "CNY")
    assert b - a == Money(D("-10.25"), "CNY")
    assert -a == Money(D("-10.50"), "CNY")
    assert b < a
    assert a <= a
    assert a > b
    assert a >= a
    assert not Money(D(0), "CNY")
    assert str(Money(D("1234567.50"), "CNY")) == "1,234,567.50 CNY"
    assert Money(D("3.335"), "CNY").times(3) == Money(D("10.01"), "CNY")
    assert Money(D("3.335"), "CNY").rounded() == Money(D("3.34"), "CNY")
    assert Money.total([a, b], "CNY") == Money(D("10.75"), "CNY")
    assert Money.total([], "USD") == Money(D(0), "USD")


@pytest.mark.parametrize(
    "mix",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
        lambda a, b: Money.total([b], "CNY"),
    ],
)
def test_currencies_are_never_mixed(mix):
    with pytest.raises(MixedCurrencies) as caught:
        mix(Money(D(1), "CNY"), Money(D(1), "USD"))
    assert caught.value.text("en") == "CNY and USD cannot be added or compared"


def test_the_same_amount_in_another_currency_is_another_thing():
    assert Money(D(1), "CNY") != Money(D(1), "USD")
    with pytest.raises(ValueError, match="not a currency code"):
        Money(D(1), "yuan")


@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        ("10.00", [1, 1, 1], ["3.34", "3.33", "3.33"]),
        ("-10.00", [1, 1, 1], ["-3.34", "-3.33", "-3.33"]),
        ("0.05", [D("0.7"), D("0.3")], ["0.04", "0.01"]),
        ("0.01", [0, 1, 1], ["0.00", "0.01", "0.00"]),
        ("100.00", [D("1E+2"), D("0.001")], ["100.00", "0.00"]),
        ("0.00", [0, 0], ["0.00", "0.00"]),
        ("0.00", [], []),
    ],
)
def test_an_amount_is_spread_to_the_cent(amount, weights, expected):
    assert [str(part) for part in allocate(D(amount), weights)] == expected


@pytest.mark.parametrize(
    ("amount", "weights", "fault"),
    [
        ("1.00", [], "all zero"),
        ("1.00", [0], "all zero"),
        ("1.00", [1, -1], "negative"),
        ("1.001", [1], "more than 2"),
    ],
)
def test_what_cannot_be_spread_is_refused(amount, weights, fault):
    with pytest.raises(ValueError, match=fault):
        allocate(D(amount), weights)


@given(cents, st.lists(quantities, min_size=1, max_size=30))
def test_parts_add_up_and_stay_within_a_cent_of_their_share(amount, weights):
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    scale = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * scale - amount * weight) < D("0.01") * scale * D("1.0000001")


@pytest.mark.parametrize(
    ("on_hand", "value", "taken", "expected"),
    [
        ("3", "10.00", "1", "3.33"),
        ("2", "6.67", "1", "3.34"),
        ("1", "3.33", "1", "3.33"),
        ("0.000003", "0.01", "0.000002", "0.01"),
        ("5", "0.00", "2", "0.00"),
        ("4", "-1.00", "1", "-0.25"),
    ],
)
def test_an_issue_takes_its_share_of_the_value(on_hand, value, taken, expected):
    assert str(take_value(D(on_hand), D(value), D(taken))) == expected


@pytest.mark.parametrize("taken", ["0", "-1", "5.000001"])
def test_more_than_there_is_cannot_be_taken(taken):
    with pytest.raises(ValueError, match="cannot take"):
        take_value(D(5), D(10), D(taken))


@given(st.integers(0, 10**17), st.lists(quantities, min_size=1, max_size=20))
def test_when_the_last_piece_goes_no_value_stays(value_in_cents, takes):
    on_hand, value = sum(takes), D(value_in_cents).scaleb(-2)
    for taken in takes:
        gone = take_value(on_hand, value, taken)
        assert 0 <= gone <= value
        on_hand, value = on_hand - taken, value - gone
    assert (on_hand, value) == (0, 0)


@pytest.mark.parametrize(
    ("amount", "rate", "included", "expected"),
    [
        ("113.00", "0.13", True, ("100.00", "13.00", "113.00")),
        ("100.00", "0.13", False, ("100.00", "13.00", "113.00")),
        ("0.01", "0.13", True, ("0.01", "0.00", "0.01")),
        ("99.99", "0.06", True, ("94.33", "5.66", "99.99")),
        ("-113.00", "0.13", True, ("-100.00", "-13.00", "-113.00")),
        ("50.00", "0", False, ("50.00", "0.00", "50.00")),
    ],
)
def test_tax_is_split_off_or_added(amount, rate, included, expected):
    assert tuple(str(part) for part in vat(D(amount), D(rate), included)) == expected


@given(cents, st.integers(0, 99).map(lambda rate: D(rate).scaleb(-2)), st.booleans())
def test_net_and_tax_are_gross_and_a_credit_note_mirrors_its_invoice(amount, rate, included):
    split = vat(amount, rate, included)
    assert split.net + split.tax == split.gross
    assert tuple(-part for part in split) == tuple(vat(-amount, rate, included))


@pytest.mark.parametrize("rate", ["13", "1", "-0.01"])
def test_a_percentage_is_not_taken_for_a_rate(rate):
    with pytest.raises(ValueError, match="as a fraction"):
        vat(D(100), D(rate), included=False)
