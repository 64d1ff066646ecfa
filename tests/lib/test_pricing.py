"""Line amounts and their parts, as tables of cases."""

from decimal import Decimal as D

import pytest

from banyan.lib.money import TaxSplit
from banyan.lib.pricing import line_amounts, part_amount, summed


@pytest.mark.parametrize(
    ("quantity", "price", "rate", "included", "discount", "expected"),
    [
        ("10", "1420", "13", False, "0", ("14200.00", "1846.00", "16046.00")),
        ("10", "1604.60", "13", True, "0", ("14200.00", "1846.00", "16046.00")),
        ("3", "9.99", "13", False, "10", ("26.97", "3.51", "30.48")),
        ("3", "9.99", "13", True, "10", ("23.87", "3.10", "26.97")),
        ("1", "0.005", "0", False, "0", ("0.01", "0.00", "0.01")),
        ("1", "0.004", "13", False, "0", ("0.00", "0.00", "0.00")),
        ("0.5", "0.01", "13", False, "0", ("0.01", "0.00", "0.01")),
        ("7", "0", "13", False, "0", ("0.00", "0.00", "0.00")),
        ("7", "12.34", "9", False, "100", ("0.00", "0.00", "0.00")),
        ("3", "33.333333", "6", False, "0", ("100.00", "6.00", "106.00")),
        ("59.19", "4.30", "13", False, "2.5", ("248.15", "32.26", "280.41")),
    ],
)
def test_line_amounts(quantity, price, rate, included, discount, expected):
    found = line_amounts(
        quantity=D(quantity),
        price=D(price),
        rate_percent=D(rate),
        included=included,
        discount_percent=D(discount),
    )
    assert found == TaxSplit(*map(D, expected))


def test_a_currency_without_cents_rounds_to_whole_units():
    found = line_amounts(quantity=D(3), price=D("99.5"), rate_percent=D(10), places=0)
    assert found == TaxSplit(D(299), D(30), D(329))


def test_tax_is_rounded_by_line():
    lines = [line_amounts(quantity=D(1), price=D("0.04"), rate_percent=D(13)) for _ in range(3)]
    assert summed(lines) == TaxSplit(D("0.12"), D("0.03"), D("0.15"))


@pytest.mark.parametrize(
    ("amount", "whole", "steps", "expected"),
    [
        ("10.00", "3", ("1", "1", "1"), ("3.33", "3.34", "3.33")),
        ("10.00", "3", ("2", "-1", "2"), ("6.67", "-3.34", "6.67")),
        ("0.01", "3", ("1", "1", "1"), ("0.00", "0.01", "0.00")),
        ("100.00", "10", ("10", "2"), ("100.00", "20.00")),
        ("-10.00", "3", ("1", "1", "1"), ("-3.33", "-3.34", "-3.33")),
    ],
)
def test_parts_add_up_to_the_whole(amount, whole, steps, expected):
    before, found = D(0), []
    for step in steps:
        found.append(part_amount(D(amount), whole=D(whole), before=before, part=D(step)))
        before += D(step)
    assert found == [D(e) for e in expected]


def test_an_amount_for_nothing_has_no_parts():
    with pytest.raises(ValueError):
        part_amount(D(1), whole=D(0), before=D(0), part=D(1))
