"""Rules of finance as tables of cases."""

from decimal import Decimal as D

import pytest

from banyan.modules.finance import rules
from banyan.modules.finance.values import Due


@pytest.mark.parametrize(
    ("source", "target", "finished", "opening", "event"),
    [
        ("supplier", "inspection", False, False, "purchase_receipt"),
        ("inspection", "bin", False, False, None),
        ("inspection", "supplier", False, False, "purchase_return"),
        ("bin", "production", False, False, "material_issue"),
        ("production", "bin", False, False, "material_return"),
        ("production", "bin", True, False, "completion"),
        ("bin", "production", True, False, "completion_undone"),
        ("bin", "customer", False, False, "shipment"),
        ("customer", "inspection", False, False, "customer_return"),
        ("adjustment", "bin", False, False, "stock_gain"),
        ("adjustment", "bin", False, True, "stock_opening"),
        ("bin", "adjustment", False, False, "stock_loss"),
        ("rejected", "scrap", False, False, "stock_scrap"),
        ("supplier", "customer", False, False, None),
    ],
)
def test_a_move_is_posted_by_where_it_goes(source, target, finished, opening, event):
    assert rules.stock_event(source, target, is_finished=finished, is_opening=opening) == event


def test_parts_of_a_line_always_sum_up_to_the_line():
    whole, total = D("100.00"), D(3)
    parts = [rules.share(whole, D(n), D(1), total) for n in range(3)]
    assert (sum(parts), parts) == (whole, [D("33.33"), D("33.34"), D("33.33")])
    assert rules.share(whole, D(3), D(-1), total) == D("-33.33")


@pytest.mark.parametrize(
    ("quantity", "amount", "part", "value"),
    [
        (D(3), D("10.00"), D(1), D("3.33")),
        (D(2), D("6.67"), D(2), D("6.67")),
        (D(0), D(0), D(1), D(0)),
        (D(-1), D("-3.33"), D(-1), D("-3.33")),
    ],
)
def test_the_last_piece_takes_what_is_left(quantity, amount, part, value):
    assert rules.cost_share(quantity, amount, part) == value


@pytest.mark.parametrize(
    ("limit", "owed", "on_order", "amount", "over"),
    [
        (None, D(10), D(0), D(99), D(0)),
        (D(100), D(40), D(30), D(30), D(0)),
        (D(100), D(40), D(30), D("30.01"), D("0.01")),
        (D(0), D(0), D(0), D(5), D(5)),
    ],
)
def test_credit(limit, owed, on_order, amount, over):
    assert rules.credit_over(limit=limit, owed=owed, on_order=on_order, amount=amount) == over


def test_entries_of_a_day_and_event_share_a_voucher():
    assert rules.voucher_groups([("a", "d1", "x"), ("b", "d1", "y"), ("c", "d1", "x")]) == {
        ("d1", "x"): ["a", "c"],
        ("d1", "y"): ["b"],
    }


@pytest.mark.parametrize(
    ("lines", "dues", "open_", "paid"),
    [
        ([("a", 100)], {"a": [("I1", 60), ("I2", 30)]}, {"I1": 60, "I2": 30}, [("I1", 60), ("I2", 30)]),
        ([("a", 50), ("a", 30)], {"a": [("I1", 60)]}, {"I1": 60}, [("I1", 50), ("I1", 10)]),
        ([("a", 90)], {"a": [("I1", 50)], "b": [("I1", 50)]}, {"I1": 100}, [("I1", 50)]),
        ([("a", 50)], {"a": [("I1", 50)]}, {"I1": 20}, [("I1", 20)]),
        ([("a", 50)], {"a": [("I1", 50)]}, {}, []),
        ([("a", -20)], {"a": [("I1", 50), ("C1", -15)]}, {"I1": 50, "C1": -15}, [("C1", -15)]),
        ([("a", 20)], {"a": [("C1", -15)]}, {"C1": -15}, []),
        ([("a", 20)], {}, {}, []),
    ],
)
def test_lines_of_a_statement_pay_what_is_due_for_their_order(lines, dues, open_, paid):
    known = {order: [Due(invoice, order, D(amount)) for invoice, amount in rows] for order, rows in dues.items()}
    given = [(n, order, D(amount)) for n, (order, amount) in enumerate(lines)]
    found = rules.paid_of(given, known, {invoice: D(amount) for invoice, amount in open_.items()})
    assert [(one.due.invoice, one.amount) for one in found] == [(invoice, D(amount)) for invoice, amount in paid]
