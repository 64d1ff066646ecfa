"""Values as nodes take and give them: fitting or refused, plain whatever the controller holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from banyan.connectors.opcua.speaking import _fit, _plain, failed


@pytest.mark.parametrize(
    ("value", "kind", "gives"),
    [
        (True, "Boolean", True), (2, "Double", 2.0), ("7", "Int16", 7), (7.0, "UInt32", 7), (255, "Byte", 255),
        (-128, "SByte", -128), ([1, 2], "UInt16", [1, 2]), (17, "String", "17"),
        ("2026-03-02T12:00:00+08:00", "DateTime", datetime(2026, 3, 2, 4)),
    ],
)  # fmt: skip
def test_a_value_that_fits_is_given_in_the_nodes_own_type(value, kind, gives):
    made = _fit(value, kind)
    assert (made, type(made)) == (gives, type(gives))


@pytest.mark.parametrize(
    ("value", "kind"),
    [(1, "Boolean"), (True, "Double"), (True, "Int32"), (1.5, "Int32"), (-1, "UInt16"), (65_536, "UInt16"),
     (256, "Byte"), (128, "SByte"), ("many", "Int64"), ("noon", "DateTime"), ([1, -1], "Byte")],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused(value, kind):
    with pytest.raises((TypeError, ValueError)):
        _fit(value, kind)


def test_what_a_controller_holds_becomes_plain_data():
    moment = datetime(2026, 3, 2, 4)
    held = [True, 7, 1.5, float("nan"), float("-inf"), moment, b"\x00\xff", (1, "a"), None]
    assert _plain(held) == [
        True, 7, 1.5, "nan", "-inf", moment.replace(tzinfo=UTC).isoformat(), "00ff", [1, "a"], None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [("BadSessionIdInvalid", "transport"), ("BadUserAccessDenied", "not_allowed"), ("BadNodeIdUnknown", "gone"),
     ("BadTypeMismatch", "refused")],
)  # fmt: skip
def test_a_controllers_own_word_says_whether_it_is_worth_another_try(name, kind):
    assert failed(type(name, (Exception,), {})("x")).kind == kind
    assert failed(TimeoutError()).kind == "timeout"
    assert failed(ConnectionRefusedError(111, "x")).kind == "transport"
