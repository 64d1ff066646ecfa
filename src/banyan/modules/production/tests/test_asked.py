"""What people ask of production, as pages answer it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from banyan.kernel import registry
from banyan.kernel.queries import ask, declared_query
from banyan.modules.production import queries
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


def asked(ctx, key, **data):
    return [
        {name: value for name, value in row.items() if not name.startswith("_")}
        for row in ask(ctx, declared_query(f"production.{key}"), data)
    ]


@pytest.fixture
@stands
def order(shop):
    shop.stocked()
    return shop.released()


def test_a_person_sees_their_own_pieces_and_wage_of_the_day(shop, order, ctx):
    a, b = shop.world.worker, shop.world.second_worker
    shop.report(order, 10, "good", 10, minutes="30", people=[{"employee": a.pk}, {"employee": b.pk}])
    shop.undo(shop.report(order, 10, "good", 4, people=[{"employee": a.pk}]))
    shop.report(order, 10, "scrap", 1, people=[{"employee": a.pk}])
    own = ctx.with_(principal=replace(ctx.principal, employee=a.pk))
    assert [(r["kind"], r["quantity"], r["minutes"]) for r in asked(own, "my_day")] == [
        ("合格", "5", "15"),
        ("报废", "1", "2"),
    ]
    assert asked(own, "my_day", day="2026-03-01") == []
    blind = ctx.with_(principal=replace(ctx.principal, grants=(("production.*.read", "all"),), employee=b.pk))
    assert [r["wage"] for r in asked(blind, "my_day", employee=str(a.pk))] == [None, None]
    assert [r["wage"] for r in asked(blind, "my_day")] == ["0"]


def test_tasks_kit_and_standing_are_answered(shop, order, ctx):
    line = {"operation": shop.operation(order, 10).pk, "employee": shop.world.worker.pk}
    shop.world.do("production.work_order.assign", order, lines=[line])
    shop.report(order, 10, "good", 40)
    assert [
        (r["operation"], r["good"], r["room"]) for r in asked(ctx, "my_tasks", employee=shop.world.worker.pk)
    ] == [("10 车削", "40", "60")]
    assert [(r["needed"], r["missing"]) for r in asked(ctx, "kit_check", work_order=order.pk)] == [
        ("400", "0"),
        ("200", "0"),
        ("50", "0"),
    ]
    (row,) = asked(ctx, "wip")
    assert (row["finished"], row["equivalents"], row["hours"]) == ("0", "20", "1.5")


def test_designed_planned_and_built_stand_side_by_side(shop, order, ctx):
    shop.world.do("production.work_order.issue", order)
    rows = asked(ctx, "as_built", work_order=order.pk)
    assert [(r["designed"], r["planned"], r["built"]) for r in rows] == [
        ("400", "400", "0"),
        ("200", "200", "200"),
        ("50", "50", "50"),
    ]


def test_facts_of_open_orders_add_up(shop, order):
    shop.through(order, 10)
    shop.world.do("production.work_order.complete", order)
    (facts,) = queries.wip_facts(shop.world.plant.pk)
    assert (facts.finished_quantity, facts.made_quantity, facts.equivalents, facts.planned_amount) == (
        10,
        10,
        0,
        2946,
    )
    assert facts.conversion_amount == 80


def test_a_receipt_is_offered_the_lots_that_were_reported(shop, order, ctx):
    start = registry.port("production.work_order.complete.start", None)
    for number, quantity in (("A", 6), ("B", 4)):
        for sequence in (10, 20, 30):
            told = shop.report(order, sequence, "good", quantity, output_lot=number)
    shop.undo(told)
    shop.report(order, 30, "good", 1)
    assert start(ctx, [order.pk])["lines"] == [{"quantity": 6, "lot": "A"}, {"quantity": 1}]
    shop.world.do("production.work_order.complete", order, lines=[{"quantity": "6", "lot": "A"}])
    assert start(ctx, [order.pk])["lines"] == [{"quantity": 1}]
