"""The life of a work order."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import registry
from banyan.kernel.commands import WrongState, execute
from banyan.lib.errors import Invalid, NotAllowed
from banyan.modules.production import queries
from banyan.modules.production.errors import (
    HasBegun,
    NotAllReceived,
    NothingToRelease,
    NotKitted,
    OpenDebts,
)
from banyan.modules.production.models import Material, Operation, WorkOrder

pytestmark = pytest.mark.django_db


def test_release_copies_the_lines_of_bom_and_routing_with_their_source(shop):
    shop.stocked()
    order = shop.order()
    shop.world.do("production.work_order.release", order)
    bom, routing = shop.recipe
    assert (order.state, order.bom_id, order.routing_id) == ("released", bom.pk, routing.pk)
    assert order.number.startswith("WO2603-")
    operations = Operation.objects.filter(work_order=order).order_by("sequence")
    assert [(o.sequence, o.predecessors, o.quantity, o.labour_rate, o.has_backflush) for o in operations] == [
        (10, "", 100, 36, False),
        (20, "10", 100, 36, True),
        (30, "20", 100, 36, False),
    ]
    assert all(o.source_line for o in operations)
    materials = Material.objects.filter(work_order=order).order_by("position")
    assert [(m.item.code, m.quantity, m.operation, m.is_backflushed, m.unit_cost) for m in materials] == [
        ("MP-1", 200, 10, False, 10),
        ("BP-1", 400, 20, True, D("0.1")),
        ("RM-1", 50, 10, False, 5),
    ]
    # (200×10 + 400×0.1 + 50×5 + (10 + 400 minutes) × 96/60) / 100
    assert order.unit_cost == D("29.46")


def test_release_keeps_free_stock_for_the_order(shop):
    shop.stocked()
    first, second = shop.order(), shop.order()
    shop.world.do("production.work_order.release", first)
    with pytest.raises(NotKitted) as asked:
        shop.world.do("production.work_order.release", second)
    assert asked.value.facts["missing"] == ["MP-1 × 100", "BP-1 × 200", "RM-1 × 20"]
    second.refresh_from_db()
    assert second.state == "planned"
    assert not Operation.objects.filter(work_order=second).exists()


def test_what_lacks_material_is_released_with_consent(shop, ctx):
    assert shop.places
    order = shop.order()
    shop.world.ctx = ctx.with_(consents=frozenset({"production.not_kitted"}))
    shop.world.do("production.work_order.release", order)
    assert order.state == "released"


def test_release_without_bom_and_routing_is_refused(shop):
    assert shop.places
    order = shop.order(item=shop.world.item())
    with pytest.raises(NothingToRelease):
        shop.world.do("production.work_order.release", order)


def test_lines_given_by_hand_are_not_replaced(shop):
    assert shop.places
    order = shop.order(
        kind="temporary",
        item=shop.world.item(),
        operations=[
            {"sequence": 5, "name": "试制", "work_centre": shop.world.turning, "run_minutes": "30"},
            {"sequence": 7, "name": "检验"},
        ],
        materials=[{"item": shop.world.part, "quantity": "3"}],
    )
    shop.world.do("production.work_order.release", order, check_kit=False)
    assert [
        (o.sequence, o.predecessors, o.labour_rate)
        for o in Operation.objects.filter(work_order=order).order_by("sequence")
    ] == [(5, "", 36), (7, "5", 0)]
    assert Material.objects.get(work_order=order).operation == 5


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "1.5"}, "quantity"),
        ({"starts_on": "2026-04-01"}, "starts_on"),
        ({"operations": [{"sequence": 1, "name": "a"}, {"sequence": 1, "name": "b"}]}, "operations"),
        ({"operations": [{"sequence": 1, "name": "a", "predecessors": "9"}]}, "operations"),
    ],
)
def test_an_order_that_cannot_be_is_refused(shop, values, field):
    with pytest.raises(Invalid) as refusal:
        shop.order(**values)
    assert [path.rsplit(".", 1)[-1] for path in refusal.value.fields] == [field]
    assert not WorkOrder.objects.exists()


def test_a_bought_item_is_not_made(shop):
    with pytest.raises(Invalid):
        shop.order(item=shop.world.screw)


def test_an_order_goes_its_way_from_plan_to_close(shop):
    shop.stocked()
    order = shop.order()
    shop.world.do("production.work_order.firm", order)
    assert (order.state, bool(order.number)) == ("firm", True)
    shop.world.do("production.work_order.release", order)
    shop.world.do("production.work_order.issue", order)
    shop.through(order, 100)
    order.refresh_from_db()
    assert order.state == "running"
    shop.world.do("production.work_order.complete", order)
    assert (order.state, order.made_quantity, order.completed_amount) == ("completed", 100, D("2946.00"))
    shop.world.do("production.work_order.close", order)
    assert order.state == "closed"
    assert set(Operation.objects.filter(work_order=order).values_list("state", flat=True)) == {"closed"}


def test_closing_waits_until_everything_good_is_received(shop):
    shop.stocked()
    order = shop.released()
    shop.through(order, 10)
    with pytest.raises(NotAllReceived):
        shop.world.do("production.work_order.close", order)
    shop.world.do("production.work_order.complete", order)
    shop.world.do("production.work_order.close", order)
    assert (order.state, order.made_quantity) == ("closed", 10)


def test_closing_waits_for_debts(shop):
    order = shop.released()
    shop.through(order, 10)
    shop.world.do("production.work_order.complete", order)
    with pytest.raises(OpenDebts) as refusal:
        shop.world.do("production.work_order.close", order)
    assert refusal.value.facts["debts"] == ["BP-1 × 40"]


def test_cancelling_gives_back_what_was_kept(shop):
    shop.stocked()
    order = shop.released()
    shop.world.do("production.work_order.cancel", order, reason="客户取消")
    assert (order.state, order.reason) == ("cancelled", "客户取消")
    other = shop.order()
    shop.world.do("production.work_order.release", other)
    assert other.state == "released"


def test_what_has_begun_is_not_cancelled_until_it_is_taken_back(shop):
    shop.stocked()
    order = shop.released()
    done = shop.report(order, 10, "good", 5)
    with pytest.raises(HasBegun):
        shop.world.do("production.work_order.cancel", order, reason="x")
    shop.undo(done)
    shop.world.do("production.work_order.cancel", order, reason="x")
    assert order.state == "cancelled"


@pytest.mark.parametrize(
    "command", ["firm", "release", "cancel", "close", "complete", "issue", "assign", "add_operation"]
)
def test_without_the_right_nothing_happens(shop, nobody, command):
    order = shop.released()
    shop.world.ctx = nobody
    with pytest.raises(NotAllowed):
        shop.world.do(f"production.work_order.{command}", order)
    order.refresh_from_db()
    assert (order.state, order.version) == ("released", order.version)


@pytest.mark.parametrize("command", ["release", "firm"])
def test_a_released_order_is_not_released_again(shop, command):
    order = shop.released()
    with pytest.raises(WrongState):
        shop.world.do(f"production.work_order.{command}", order)


def test_a_plan_is_checked_for_its_kit_before_release(shop):
    shop.stocked()
    order = shop.order(quantity="200")
    found = queries.kit_check([order.pk])
    assert [(line.needed, line.free, line.missing) for line in found] == [
        (400, 300, 100),
        (800, 600, 200),
        (100, 80, 20),
    ]
    shop.world.do("production.work_order.release", order, check_kit=False)
    assert [line.missing for line in queries.kit_check([order.pk])] == [100, 200, 20]


def test_supply_and_demand_are_told_to_planning(shop):
    order, planned = shop.released(starts_on="2026-03-10"), shop.order(quantity="7")
    plant = shop.world.plant.pk
    assert [(s.order, s.quantity, s.is_firm, s.is_exploded) for s in queries.open_supply(plant)] == [
        (order.pk, 100, True, True),
        (planned.pk, 7, False, False),
    ]
    assert sorted((d.order, d.quantity, str(d.due_on)) for d in queries.component_demand(plant)) == [
        (order.pk, 50, "2026-03-10"),
        (order.pk, 200, "2026-03-10"),
        (order.pk, 400, "2026-03-10"),
    ]


# --- statements ---------------------------------------------------------------------------------------------


def test_releasing_many_orders_takes_as_many_statements_as_releasing_one(shop):
    shop.stocked()
    counts = []
    for several in (1, 30):
        orders = [shop.order(quantity="1") for _ in range(several)]
        with CaptureQueriesContext(connection) as captured:
            execute(
                shop.ctx,
                registry.command("production.work_order.release"),
                ids=[o.pk for o in orders],
                data={"check_kit": False},
            )
        counts.append(len(captured))
    assert counts == [20, 20]
