from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from banyan.lib.labels import L, Label, fill, plain, slots_of, speaking


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", "销售订单"),
        ("zh-Hans-CN", "销售订单"),
        ("ZH_cn", "销售订单"),
        (None, "销售订单"),
        ("en", "Sales order"),
        ("en-GB", "Sales order"),
        ("de", "Sales order"),
    ],
)
def test_a_label_speaks_chinese_first_and_english_to_all_others(language, expected):
    assert L("销售订单", "Sales order").in_(language) == expected


def test_a_label_is_worded_in_the_language_now_spoken():
    label = L("批次", "Lot")
    assert str(label) == "批次"
    with speaking("en"):
        assert f"{label}" == "Lot"
        with speaking("zh"):
            assert str(label) == "批次"
        assert str(label) == "Lot"
    assert str(label) == "批次"


@pytest.mark.parametrize(("zh", "en"), [("", "Lot"), ("批次", "")])
def test_half_a_label_is_refused(zh, en):
    with pytest.raises(ValueError, match="both languages"):
        Label(zh, en)


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        (Decimal("1.500000"), "1.5", "1.5"),
        (L("件", "pcs"), "件", "pcs"),
        (["A", L("件", "pcs")], "A、件", "A, pcs"),
        (True, "是", "yes"),
        (None, "—", "—"),
        (date(2025, 3, 1), "2025-03-01", "2025-03-01"),
        (datetime(2025, 3, 1, 8, 5, tzinfo=UTC), "2025-03-01 08:05+00:00", "2025-03-01 08:05+00:00"),
        ("{other}", "{other}", "{other}"),
    ],
)
def test_a_fact_is_worded_in_the_language_of_its_side(value, zh, en):
    filled = L("值 {x}", "value {x}").filled({"x": value, "other": "never"})
    assert filled == L(f"值 {zh}", f"value {en}")


def test_only_plain_names_are_slots():
    facts = {"x": "seen"}
    assert fill("{x} {{x}} {x.__class__} {x[0]} {X} {0} {missing}", facts, "en") == (
        "seen {x} {x.__class__} {x[0]} {X} {0} {missing}"
    )
    assert slots_of("{x} {{y}} {z_1}") == {"x", "z_1"}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1E+3", "1000"),
        ("-0.000", "0"),
        ("0.10", "0.1"),
        ("100", "100"),
        ("-2.50", "-2.5"),
        ("1E-7", "0.0000001"),
    ],
)
def test_a_decimal_is_written_plainly(number, expected):
    assert plain(Decimal(number)) == expected
