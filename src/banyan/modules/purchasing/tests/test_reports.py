"""The declared queries of buying answer in words, in a fixed number of statements."""

from __future__ import annotations

import pytest

from banyan.kernel import queries
from banyan.kernel.queries import ask, declared_query
from banyan.lib.errors import NotAllowed
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
KEYS = [q.key for q in queries.queries() if q.key.startswith("purchasing.")]


@pytest.fixture
@stands
def order(yard, world):
    yard.received(yard.line(world.screw, 5, "2"), wanted_on="2026-03-01", book=True)
    order = yard.placed(yard.line(world.screw, 10, "3"), wanted_on="2026-03-01")
    yard.receive(order, (yard.lines(order)[0], 4, {}))
    return order


def test_late_warnings_open_their_order(order, ctx, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        (row,) = ask(ctx, declared_query("purchasing.late_warnings"))
    assert (row["why"], row["number"], row["open_quantity"], row["_id"]) == (
        "已逾期",
        order.number,
        "6",
        str(order.pk),
    )
    (row,) = ask(ctx.with_(language="en"), declared_query("purchasing.late_warnings"))
    assert row["why"] == "Overdue"


def test_delivery_performance_by_supplier(order, ctx, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        (row,) = ask(ctx, declared_query("purchasing.delivery_performance"))
    assert (row["lines"], row["late"], row["on_time_percent"], row["average_days_late"]) == (2, 2, "0", "1")
    (row,) = ask(ctx, declared_query("purchasing.delivery_performance"), {"grace_days": 1})
    assert row["late"] == 0


def test_price_history_of_an_item(order, ctx, world, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        rows = ask(ctx, declared_query("purchasing.price_history"), {"item": str(world.screw.pk)})
    assert [(r["price"], r["unit"][0], r["currency"][:3]) for r in rows] == [
        ("3", "件", "CNY"),
        ("2", "件", "CNY"),
    ]


def test_what_waits_at_the_gate(order, ctx, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        (row,) = ask(ctx, declared_query("purchasing.waiting_at_gate"))
    assert (row["quantity"], row["hours"]) == ("4", "0")


@pytest.mark.parametrize("key", KEYS)
def test_queries_need_the_right(nobody, key):
    with pytest.raises(NotAllowed):
        ask(nobody, declared_query(key), {})
