"""Assignments, and deviations on orders that are at work."""

from __future__ import annotations

import pytest

from banyan.kernel.models import Outbox
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.modules.production import queries
from banyan.modules.production.errors import (
    AlreadyIssued,
    NotSkippable,
    OneAtATime,
    OperationUnknown,
    SequenceTaken,
    StillNeededLater,
    TooMuchReported,
)
from banyan.modules.production.models import Assignment, Material, Operation
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


@pytest.fixture
@stands
def order(shop):
    shop.stocked()
    return shop.released()


def test_what_is_made_otherwise_is_told_as_it_is_now(shop, order):
    milling = shop.operation(order, 20).pk
    shop.world.do("production.work_order.skip_operation", order, operation=milling, reason="毛坯已铣")
    shop.world.do("production.work_order.change_quantity", order, quantity="90", reason="客户减量")
    skipped, smaller = (row.payload for row in Outbox.objects.filter(type="production.work_changed").order_by("seq"))
    assert (skipped["change"], skipped["reason"], skipped["quantity"]) == ("skip", "毛坯已铣", "100")
    assert [step["sequence"] for step in skipped["steps"]] == [10, 30]
    assert (smaller["change"], smaller["quantity"]) == ("quantity", "90")
    assert {step["quantity"] for step in smaller["steps"]} == {"90"}
    shop.world.do("production.work_order.cancel", order, reason="客户取消")
    planned = shop.order()
    shop.world.do("production.work_order.cancel", planned, reason="不做了")
    told = Outbox.objects.filter(type="production.work_order_cancelled").order_by("seq")
    assert [row.payload["was_released"] for row in told] == [True, False]


# --- who does what ------------------------------------------------------------------------------------------


def test_tasks_are_those_of_the_person_and_of_the_team(shop, order):
    first, second, third = (shop.operation(order, s).pk for s in (10, 20, 30))
    shop.world.do(
        "production.work_order.assign",
        order,
        lines=[
            {
                "operation": first,
                "employee": shop.world.worker.pk,
                "quantity": "60",
                "machine": shop.world.lathe.pk,
            },
            {"operation": second, "team": shop.world.team.pk},
            {"operation": third, "employee": shop.world.second_worker.pk},
        ],
    )
    shop.report(order, 10, "good", 8)
    tasks = queries.my_tasks(shop.world.worker.pk)
    assert [(t.sequence, t.quantity, t.good_quantity, t.room, t.machine) for t in tasks] == [
        (10, 60, 8, 92, shop.world.lathe.pk),
        (20, 100, 0, 8, None),
    ]
    assert queries.my_tasks(new_id()) == ()


def test_assigning_again_changes_the_quantity(shop, order):
    line = {"operation": shop.operation(order, 10).pk, "employee": shop.world.worker.pk, "quantity": "60"}
    for quantity in ("60", "40"):
        shop.world.do("production.work_order.assign", order, lines=[line | {"quantity": quantity}])
    assert Assignment.objects.get(is_active=True).quantity == 40


def test_a_closed_order_is_on_nobodys_list(shop, order):
    line = {"operation": shop.operation(order, 10).pk, "employee": shop.world.worker.pk}
    shop.world.do("production.work_order.assign", order, lines=[line])
    shop.world.do("production.work_order.close", order)
    assert queries.my_tasks(shop.world.worker.pk) == ()
    assert not Assignment.objects.filter(is_active=True).exists()


@pytest.mark.parametrize(
    "wrong", [{"operation": new_id()}, {"employee": None}, {"employee": new_id()}, {"team": "team"}]
)
def test_an_assignment_that_cannot_be_is_refused(shop, order, wrong):
    line = {"operation": shop.operation(order, 10).pk, "employee": shop.world.worker.pk} | wrong
    if wrong.get("team"):
        line["team"] = shop.world.team.pk
    with pytest.raises(Invalid):
        shop.world.do("production.work_order.assign", order, lines=[line])
    assert not Assignment.objects.exists()


# --- operations ---------------------------------------------------------------------------------------------


def test_an_added_operation_stands_between_the_others(shop, order):
    shop.report(order, 10, "good", 10)
    made = shop.world.do(
        "production.work_order.add_operation",
        order,
        sequence=15,
        name="去毛刺",
        after=[10],
        work_centre=shop.world.turning.pk,
        run_minutes="1",
        reason="毛刺大",
    )
    assert (made.deviation_reason, made.labour_rate, made.quantity) == ("毛刺大", 36, 100)
    assert list(
        Operation.objects.filter(work_order=order)
        .order_by("sequence")
        .values_list("sequence", "predecessors")
    ) == [(10, ""), (15, "10"), (20, "15"), (30, "20")]
    with pytest.raises(TooMuchReported):
        shop.report(order, 20, "good", 1)
    shop.report(order, 15, "good", 1)
    shop.report(order, 20, "good", 1)


def test_an_operation_is_not_put_before_what_is_done(shop, order):
    shop.through(order, 5, (10, 20))
    with pytest.raises(StillNeededLater):
        shop.world.do(
            "production.work_order.add_operation", order, sequence=15, name="x", after=[10], reason="x"
        )
    assert Operation.objects.filter(work_order=order).count() == 3


def test_a_sequence_is_used_once_and_follows_what_is_there(shop, order):
    with pytest.raises(SequenceTaken):
        shop.world.do("production.work_order.add_operation", order, sequence=10, name="x", reason="x")
    with pytest.raises(Invalid):
        shop.world.do(
            "production.work_order.add_operation", order, sequence=15, name="x", after=[99], reason="x"
        )
    other = shop.released(quantity="1")
    with pytest.raises(OneAtATime):
        shop.world.do(
            "production.work_order.add_operation", [order, other], sequence=15, name="x", reason="x"
        )


def test_an_operation_follows_several_of_which_one_follows_the_other(shop, order):
    do = shop.world.do
    do("production.work_order.add_operation", order, sequence=40, name="去毛刺", after=[10, 20], reason="毛刺多")
    steps = Operation.objects.filter(work_order=order).order_by("position")
    assert list(steps.values_list("sequence", "predecessors")) == [(10, ""), (20, "10"), (40, "10;20"), (30, "40")]
    moved = shop.operation(order, 40).pk
    do("production.work_order.move_operation", order, operation=moved, after=[20, 30], reason="最后去")
    assert list(steps.values_list("sequence", "predecessors")) == [(10, ""), (20, "10"), (30, "10;20"), (40, "20;30")]


def test_a_skipped_operation_lets_pieces_pass(shop, order):
    shop.report(order, 10, "good", 10)
    shop.world.do(
        "production.work_order.skip_operation", order, operation=shop.operation(order, 20).pk, reason="免检"
    )
    shop.report(order, 30, "good", 10)
    with pytest.raises(NotSkippable):
        shop.world.do(
            "production.work_order.skip_operation", order, operation=shop.operation(order, 20).pk, reason="x"
        )
    with pytest.raises(OperationUnknown):
        shop.world.do("production.work_order.skip_operation", order, operation=new_id(), reason="x")


def test_a_re_routed_operation_costs_the_new_rate(shop, order):
    dear = shop.world.work_centre_of(labour_rate="60", machine_rate="0", overhead_rate="0")
    shop.world.do(
        "production.work_order.reroute_operation",
        order,
        operation=shop.operation(order, 20).pk,
        work_centre=dear.pk,
        reason="设备停机",
    )
    moved = shop.operation(order, 20)
    assert (moved.work_centre_id, moved.labour_rate, moved.machine_rate) == (dear.pk, 60, 0)


# --- material -----------------------------------------------------------------------------------------------


def test_a_substitute_takes_over_what_is_open(shop, order):
    other = shop.world.item(code="MP-9")
    part = shop.material(order, shop.world.part)
    shop.world.do("production.work_order.issue", order, lines=[{"material": part.pk, "quantity": "50"}])
    made = shop.world.do(
        "production.work_order.add_material",
        order,
        item=other,
        quantity="150",
        replaces=part.pk,
        reason="缺料替代",
    )
    part.refresh_from_db()
    assert (part.quantity, part.deviation_reason, made.quantity, made.operation) == (50, "缺料替代", 150, 10)
    with pytest.raises(AlreadyIssued):
        shop.world.do(
            "production.work_order.add_material",
            order,
            item=other,
            quantity="1",
            replaces=part.pk,
            reason="x",
        )


def test_an_added_material_that_is_backflushed_follows_the_reports(shop, order):
    glue = shop.world.item(code="GLUE", kind="bought")
    shop.world.planned(glue, backflush=True)
    shop.receive(glue, 100, "10")
    shop.world.do(
        "production.work_order.add_material", order, item=glue, quantity="100", operation=30, reason="加胶"
    )
    shop.through(order, 7)
    assert Material.objects.get(item=glue).issued_quantity == 7
