"""The declared queries of selling answer in words, in a fixed number of statements."""

from __future__ import annotations

import pytest

from banyan.kernel import queries
from banyan.kernel.queries import ask, declared_query
from banyan.lib.errors import NotAllowed
from banyan.modules.sales.tests.conftest import unplanned
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
KEYS = [q.key for q in queries.queries() if q.key.startswith("sales.")]


@pytest.fixture
@stands
@unplanned()
def order(shop, world):
    shop.put(world.part, 10)
    world.do("sales.order.ship", shop.confirmed(shop.line(world.part, 1)))
    order = shop.confirmed(shop.line(world.part, 2), wanted_on="2026-03-01")
    world.do("sales.order.promise", order, promised_on="2026-03-09", reason="缺料")
    return order


def test_late_lines_open_their_order(order, ctx, world, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        (row,) = ask(ctx, declared_query("sales.late_lines"))
    assert (row["number"], row["party"], row["_id"]) == (order.number, "CU-1 远山机械", str(order.pk))
    assert ask(ctx, declared_query("sales.late_lines"), {"plant": str(world.second_plant.pk)}) == []


def test_promises_kept_by_customer(order, ctx, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        (row,) = ask(ctx, declared_query("sales.promises_kept"))
    assert (row["lines"], row["kept"], row["percent"]) == (1, 1, "100")


def test_every_date_promised_for_an_order(order, ctx, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        rows = ask(ctx, declared_query("sales.promise_history"), {"order": str(order.pk)})
    assert [(r["was"], r["promised_on"], r["reason"]) for r in rows] == [
        (None, "2026-03-02", ""), ("2026-03-02", "2026-03-09", "缺料"),
    ]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_queries_need_the_right(nobody, key):
    with pytest.raises(NotAllowed):
        ask(nobody, declared_query(key), {})
