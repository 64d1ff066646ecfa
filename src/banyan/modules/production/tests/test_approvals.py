"""Approving reports: what it lets pass on, who may take back what, and two at once."""

from __future__ import annotations

from decimal import Decimal as D
from functools import partial

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.proofs import run
from banyan.lib.errors import Invalid, NotAllowed, NotFound
from banyan.lib.ids import new_id
from banyan.modules.production import rules
from banyan.modules.production.errors import (
    AlreadyUndone,
    ApprovedAlready,
    NotAllApproved,
    ReversalReasonNeeded,
    StillNeededLater,
    TooMuchReported,
)
from banyan.modules.production.models import Operation, Report, ReportApproval, ReportFlag
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
PROOFS = ["production.approvals", "production.approved", "production.counters", "production.within_limits"]


def faults() -> list[str]:
    return [fault.text for verdict in run(PROOFS) for fault in verdict.found.faults]


def approve(shop, *reports, ctx=None, **told):
    data = {"reports": [one.id for one in reports], **told}
    return execute(ctx or shop.ctx, registry.command("production.report.approve"), data=data).value


def correct(shop, report, quantity, ctx=None, **told):
    data = {"report": report.id, "quantity": str(quantity), "reason": "数错", **told}
    return execute(ctx or shop.ctx, registry.command("production.report.correct"), data=data).value


def states() -> list[str]:
    return list(ReportApproval.objects.order_by("at").values_list("state", flat=True))


@pytest.fixture
@stands
def order(shop):
    shop.stocked()
    return shop.released()


@pytest.fixture
@stands
def strict(shop):
    """Give an order whose first operation passes on what is approved only."""
    shop.stocked()
    order = shop.released()
    Operation.objects.filter(work_order=order, sequence=10).update(needs_approval=True)
    return order


def test_an_order_takes_from_its_routing_what_needs_approval(shop):
    world = shop.world
    steps = [{"sequence": n, "name": "磨", "work_centre": world.turning, "needs_approval": n == 20} for n in (10, 20)]
    routing = world.make("engineering.routing", item=world.part, revision="A", operations=steps)
    world.do("engineering.routing.release", routing)
    order = shop.released(item=world.part)
    assert [shop.operation(order, n).needs_approval for n in (10, 20)] == [False, True]


@pytest.mark.parametrize(
    ("needs", "good", "approved", "arrived"), [(False, 5, 0, 5), (True, 5, 0, 0), (True, 5, 3, 3), (True, 5, 5, 5)]
)
def test_what_passes_on(needs, good, approved, arrived):
    flows = {
        10: rules.Flow(10, quantity=D(10), good=D(good), approved=D(approved), needs_approval=needs),
        20: rules.Flow(20, (10,), quantity=D(10)),
    }
    assert rules.room(20, flows, D(10)) == arrived
    undone = rules.applied(flows, rules.Step(10, "good", D(2), sign=-1, is_approved=bool(approved)))
    assert undone[10].approved == (D(approved) - 2 if approved else 0)


def test_a_sweep_approves_all_without_a_flag_once(shop, order):
    clear = [shop.report(order, 10, "good", 5), shop.report(order, 10, "scrap", 1)]
    shop.report(order, 10, "start")
    over = shop.report(order, 20, "good", 9, offline=True, device_at="2026-03-02T07:00:00Z")
    assert states() == ["waiting"] * 3
    assert str(approve(shop).in_("en")) == "2 approved"
    assert (shop.operation(order, 10).approved_quantity, shop.operation(order, 20).approved_quantity) == (5, 0)
    assert str(approve(shop).in_("en")) == "0 approved"
    assert approve(shop, *clear).in_("en") == "0 approved; 2 were approved or taken back before"
    assert approve(shop, over).in_("en") == "1 approved"
    assert ReportFlag.objects.get().state == "settled"
    assert faults() == []


def test_only_approved_pieces_pass_on_where_it_is_set(shop, strict):
    first = shop.report(strict, 10, "good", 8)
    with pytest.raises(TooMuchReported):
        shop.report(strict, 20, "good", 1)
    approve(shop, first)
    shop.report(strict, 20, "good", 8)
    with pytest.raises(StillNeededLater):
        shop.send({"id": new_id(), "kind": "undo", "reverses": first.id, "note": "数错"})
    assert faults() == []


def test_an_order_closes_when_its_reports_are_approved(shop, strict):
    first = shop.report(strict, 10, "good", 8)
    with pytest.raises(NotAllApproved):
        shop.world.do("production.work_order.close", strict)
    approve(shop, first)
    shop.world.do("production.work_order.close", strict)
    assert strict.state == "closed"


def test_an_approved_report_is_taken_back_by_a_leader_with_a_reason(shop, order, person):
    report = shop.report(order, 10, "good", 8, people=[{"employee": shop.world.worker.pk}])
    worker = person("production.work_order.report", ("production.report.undo", "own"))
    mine = shop.report(order, 10, "good", 2, ctx=worker)
    approve(shop, report, mine)
    with pytest.raises(ApprovedAlready):
        shop.undo(mine, ctx=worker)
    with pytest.raises(ReversalReasonNeeded):
        shop.undo(report)
    shop.send({"id": new_id(), "kind": "undo", "reverses": report.id, "note": "数错"})
    row = shop.operation(order, 10)
    assert (row.good_quantity, row.approved_quantity, states()) == (2, 2, ["undone", "approved"])
    with pytest.raises(AlreadyUndone):
        correct(shop, report, 3)
    assert faults() == []


def test_a_correction_keeps_people_and_time_and_leaves_both_in_the_ledger(shop, order):
    shares = [{"employee": shop.world.worker.pk, "share": "3"}, {"employee": shop.world.second_worker.pk, "share": "1"}]
    told = shop.report(order, 10, "good", 80, people=shares, minutes="40", output_lot="L-9")
    back, anew = correct(shop, told, 8)
    row = Report.objects.get(pk=anew.id)
    assert [(p["employee"], p["quantity"]) for p in row.people] == [
        (str(shop.world.worker.pk), "6.000000"), (str(shop.world.second_worker.pk), "2.000000")
    ]  # fmt: skip
    assert (row.minutes, row.note, row.output_lot.number, row.device_at) == (40, "数错", "L-9", told.reported_at)
    assert (shop.counters(order, 10), Report.objects.count(), states()) == ((8, 0, 0), 3, ["undone", "waiting"])
    correct(shop, anew, 0)
    assert shop.counters(order, 10) == (0, 0, 0)
    assert back.kind == "undo"
    assert faults() == []


def test_a_correction_moves_a_report_to_another_order(shop, order):
    other = shop.released()
    told = shop.report(order, 10, "good", 5, people=[{"employee": shop.world.worker.pk}])
    correct(shop, told, 5, operation=shop.operation(other, 10).pk)
    assert (shop.counters(order, 10), shop.counters(other, 10)) == ((0, 0, 0), (5, 0, 0))
    assert faults() == []


def test_who_may_not_and_what_cannot_be_is_refused_and_writes_nothing(shop, order, nobody, person):
    told = shop.report(order, 10, "good", 5, people=[{"employee": shop.world.worker.pk}])
    away = person(("production.*", "plant"), plants=[new_id()])
    for act, refusal in (
        (partial(approve, shop, told, ctx=nobody), NotAllowed),
        (partial(approve, shop, told, ctx=away), NotFound),
        (partial(correct, shop, told, 4, ctx=nobody), NotAllowed),
        (partial(correct, shop, told, 4, ctx=away), NotFound),
        (partial(correct, shop, told, -1), Invalid),
        (partial(correct, shop, told, "1e30"), Invalid),
        (partial(correct, shop, told, 4, reason=""), Invalid),
        (partial(correct, shop, told, "4.5"), Invalid),
        (partial(correct, shop, told, 4, operation=new_id()), NotFound),
        (partial(shop.world.do, "production.report.approve", reports=["x"]), Invalid),
        (partial(shop.world.do, "production.report.approve", reports=[new_id()]), NotFound),
    ):
        with pytest.raises(refusal):
            act()
    assert (states(), Report.objects.count()) == (["waiting"], 1)
    assert approve(shop, ctx=away).in_("en") == "0 approved"


def test_wages_are_approved_with_their_reports(shop, order):
    from banyan.modules.wages.models import Approval, WageLine

    shop.world.make("wages.rate", piece_price="1.25", valid_from="2026-01-01")
    told = shop.report(order, 10, "good", 8, people=[{"employee": shop.world.worker.pk}])
    assert (WageLine.objects.count(), Approval.objects.count()) == (1, 0)
    approve(shop, told)
    assert Approval.objects.get().line.report_id == told.id
    approve(shop, told)
    assert Approval.objects.count() == 1


def test_statements_are_the_same_for_one_report_and_for_many(shop, order, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def some(count):
        return shop.send(*(shop.say(order, 10, "good", 1) for _ in range(count)))

    few, many = some(1), some(40)
    with CaptureQueriesContext(connection) as seen:
        approve(shop, *few)
    with django_assert_num_queries(len(seen)):
        approve(shop, *many)
