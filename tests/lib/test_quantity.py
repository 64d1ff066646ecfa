from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.lib.quantity import (
    Conversion,
    LotRule,
    MixedUnits,
    NotANumber,
    NumberTooFine,
    NumberTooLarge,
    Quantity,
    Rounding,
    TooManyLots,
    lot_sizes,
    parse_decimal,
    round_quantity,
    whole_pieces,
)

quantities = st.integers(1, 10**16).map(lambda number: D(number).scaleb(-6))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("12", "12"),
        (" -1.50 ", "-1.50"),
        ("+.5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1.5E-3", "0.0015"),
        ("1.1000000000", "1.1000000000"),
        ("99999999999999.999999", "99999999999999.999999"),
        ("００１２．５", "12.5"),
        ("−3", "-3"),
        ("-0", "0"),
        ("0e999", "0"),
        (7, "7"),
        (D("2.50"), "2.50"),
    ],
)
def test_a_number_is_read_as_typed(given_, expected):
    assert str(parse_decimal(given_)) == expected


@pytest.mark.parametrize(
    "given_",
    [
        "", " ", "-", ".", "abc", "1.2.3", "1 2", "1_000", "0x10", "1,5", "1,234", "NaN", "Infinity", "-inf",
        "sNaN", "1e", "1e1000", "٣", "½", "1" * 61, "1\n2", None, True, 1.5, [], b"1",
        D("NaN"), D("Infinity"), 10**100,
    ],
)  # fmt: skip
def test_what_is_not_a_number_is_refused(given_):
    with pytest.raises(NotANumber):
        parse_decimal(given_)


@pytest.mark.parametrize("given_", ["100000000000000", "1e14", "-1e999", D("1E+500"), 10**14])
def test_more_than_fourteen_digits_are_refused(given_):
    with pytest.raises(NumberTooLarge):
        parse_decimal(given_)


@pytest.mark.parametrize("given_", ["0.0000001", "1e-7", "1.12345678", "1e-999", "99999999999999.9999999"])
def test_places_that_would_be_lost_are_refused(given_):
    with pytest.raises(NumberTooFine):
        parse_decimal(given_)


def test_limits_may_be_narrower():
    assert parse_decimal("99.99", places=2, integer_digits=2) == D("99.99")
    with pytest.raises(NumberTooFine) as caught:
        parse_decimal("99.999", places=2)
    assert caught.value.text("zh") == "99.999 的小数位过多：最多 2 位"
    with pytest.raises(NumberTooLarge):
        parse_decimal("100", integer_digits=2)


@pytest.mark.parametrize(
    ("given_", "expected"), [("1,234.50", "1234.50"), ("-1,234,567", "-1234567"), ("12", "12")]
)
def test_pasted_numbers_may_be_grouped(given_, expected):
    assert str(parse_decimal(given_, grouped=True)) == expected


@pytest.mark.parametrize("given_", ["1,23", "12,34,567", ",123", "1234,567", "1,234,56.0"])
def test_wrong_groups_are_not_guessed(given_):
    with pytest.raises(NotANumber):
        parse_decimal(given_, grouped=True)


@given(st.text(max_size=80))
def test_no_text_whatever_gives_a_number_out_of_range(text):
    try:
        number = parse_decimal(text, grouped=True)
    except (NotANumber, NumberTooFine, NumberTooLarge):
        return
    assert number.is_finite()
    assert abs(number) < 10**14
    assert number == number.quantize(D("0.000001"))


@given(quantities)
def test_every_quantity_is_read_back_from_its_text(number):
    assert parse_decimal(str(number)) == number


@pytest.mark.parametrize(
    ("value", "places", "rounding", "expected"),
    [
        ("1.0000005", 6, "nearest", "1.000001"),
        ("-1.0000005", 6, "nearest", "-1.000001"),
        ("1.0000001", 6, "up", "1.000001"),
        ("1.0000009", 6, "down", "1.000000"),
        ("2.3", 0, "up", "3"),
        ("2.7", 0, "down", "2"),
        ("2.5", 0, "nearest", "3"),
        ("9.999999", 0, "down", "10"),
        ("10.000001", 0, "up", "10"),
        ("0.0001", 0, "up", "1"),
        ("-2.3", 0, "up", "-2"),
        ("-2.3", 0, "down", "-3"),
    ],
)
def test_a_quantity_goes_to_the_grid_of_its_unit(value, places, rounding, expected):
    assert str(round_quantity(D(value), places, Rounding(rounding))) == expected


def test_a_part_of_a_piece_needs_the_piece():
    assert whole_pieces(D("2.01")) == 3
    assert whole_pieces(D("2.99"), Rounding.DOWN) == 2


def test_conversion_is_exact_and_composes():
    box = Conversion(12)
    assert box.convert(D("2.5")) == 30
    assert box.back().convert(10) == D("0.833333")
    assert Conversion(10, 4) == Conversion(5, 2)
    pound = Conversion.by(D("0.45359237"))
    assert pound.convert(1000) == D("453.592370")
    assert pound.then(pound.back()) == Conversion(1)
    assert Conversion(1, 3).then(Conversion(3)).convert(10) == 10
    assert box.back().convert(30, 0, Rounding.UP) == 3
    with pytest.raises(ValueError, match="not a conversion factor"):
        Conversion(0)


@given(st.integers(1, 10_000), st.integers(1, 1_000))
def test_pieces_survive_a_larger_unit_there_and_back(pieces, per_box):
    there = Conversion(1, per_box).convert(pieces)
    back = Conversion(per_box).convert(there)
    if per_box <= 20:
        assert whole_pieces(back, Rounding.UP) == whole_pieces(back, Rounding.DOWN) == pieces
    assert abs(back - pieces) <= D("0.0000005") * per_box


def test_quantities_add_and_compare_within_one_unit():
    a, b = Quantity(D("2.5"), "kg"), Quantity(D("0.0000004"), "kg")
    assert a + b == Quantity(D("2.500000"), "kg")
    assert a - Quantity(D(1), "kg") == Quantity(D("1.5"), "kg")
    assert -a == Quantity(D("-2.5"), "kg")
    assert b < a
    assert b <= a
    assert a > b
    assert a >= b
    assert not b
    assert str(Quantity(D("12345.500000"), "kg")) == "12,345.5 kg"
    assert str(Quantity(D(1000), "pcs")) == "1,000 pcs"
    assert Quantity.total([a, a], "kg") == Quantity(D(5), "kg")
    assert a.converted(Conversion(1000), "g") == Quantity(D(2500), "g")
    for mix in (a.__add__, a.__sub__, a.__lt__, a.__le__, a.__gt__, a.__ge__):
        with pytest.raises(MixedUnits):
            mix(Quantity(D(1), "pcs"))
    assert a != Quantity(D("2.5"), "pcs")


@pytest.mark.parametrize(
    ("net", "limits", "expected"),
    [
        (0, {}, []),
        (-5, {"minimum": 10}, []),
        (7, {}, [7]),
        (7, {"minimum": 10}, [10]),
        (13, {"minimum": 10, "multiple": 5}, [15]),
        (3, {"minimum": 11, "multiple": 5}, [15]),
        (D("0.7"), {"multiple": D("0.25")}, [D("0.75")]),
        (25, {"maximum": 10}, [10, 10, 5]),
        (25, {"maximum": 10, "minimum": 8}, [10, 10, 8]),
        (25, {"maximum": 12, "multiple": 5}, [10, 10, 5]),
        (20, {"maximum": 10}, [10, 10]),
        (101, {"rule": LotRule.FIXED, "fixed": 50}, [50, 50, 50]),
        (100, {"rule": LotRule.FIXED, "fixed": 50, "minimum": 500}, [50, 50]),
    ],
)
def test_a_net_requirement_becomes_lots(net, limits, expected):
    assert list(lot_sizes(net, **limits)) == expected


def test_contradicting_limits_are_refused():
    with pytest.raises(ValueError, match="above zero"):
        lot_sizes(1, LotRule.FIXED)
    with pytest.raises(ValueError, match="no lot is at least"):
        lot_sizes(1, minimum=20, maximum=10)
    with pytest.raises(ValueError, match="no lot is at least"):
        lot_sizes(1, multiple=20, maximum=10)
    with pytest.raises(TooManyLots) as caught:
        lot_sizes(10**9, LotRule.FIXED, fixed=1)
    assert caught.value.data["count"] == 10**9


@given(quantities, quantities, quantities, quantities)
def test_lots_cover_the_need_within_their_limits(net, minimum, multiple, spread):
    maximum = minimum + multiple + spread
    try:
        lots = lot_sizes(net, minimum=minimum, multiple=multiple, maximum=maximum)
    except TooManyLots:
        return
    assert sum(lots) >= net
    assert sum(lots[:-1]) < net
    assert all(minimum <= lot <= maximum and lot % multiple == 0 for lot in lots)
