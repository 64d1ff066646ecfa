"""Orders changed while they are at work: moved, resized, split, reworked, revised, done outside; all of it kept."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.kernel import db
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.dispatcher import Delivered
from banyan.kernel.models import Outbox, User
from banyan.kernel.proofs import proofs, run
from banyan.kernel.registry import command, port
from banyan.lib.errors import Invalid, NeedsConfirmation, NotAllowed
from banyan.modules.production import comparing, queries
from banyan.modules.production.commands.revising import difference
from banyan.modules.production.errors import (
    AlreadyBegun,
    DifferenceChanged,
    GoesBack,
    LotNamedBefore,
    NoPlaceOutside,
    NotASubstitute,
    NothingLeft,
    NothingToReturn,
    NoWayBack,
    OpenRework,
    SameRevision,
    ServiceNeeded,
    StillNeededLater,
    TooMuchReported,
)
from banyan.modules.production.models import (
    Deviation,
    Material,
    MaterialIssue,
    Operation,
    OutsideWork,
    Report,
    WorkOrder,
)
from banyan.modules.production.reactions import report_outside_work, take_outside_work_back
from banyan.modules.purchasing.events import ArrivalReversed, GoodsReceived
from banyan.modules.purchasing.models import Order as Purchase
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
KEYS = [p.key for p in proofs() if p.key.startswith(("production.", "inventory.")) and p.key != "inventory.references"]


def faults():
    return [fault.text for verdict in run(KEYS) for fault in verdict.found.faults]


def links(order):
    rows = Operation.objects.filter(work_order=order).order_by("position")
    return list(rows.values_list("sequence", "predecessors"))


@pytest.fixture
@stands
def order(shop):
    shop.stocked()
    return shop.released()


# --- order of operations, quantity, split -----------------------------------------------------------------


def test_an_operation_is_moved_and_its_number_stays(shop, order):
    third = shop.operation(order, 30)
    shop.world.do("production.work_order.move_operation", order, operation=third.pk, after=[10], reason="先检后铣")
    assert links(order) == [(10, ""), (30, "10"), (20, "30")]
    shop.report(order, 10, "good", 5)
    shop.report(order, 30, "good", 5)
    with pytest.raises(StillNeededLater):
        shop.world.do("production.work_order.move_operation", order, operation=third.pk, after=[20], reason="x")
    shop.world.do(
        "production.work_order.move_operation", order, operation=shop.operation(order, 20).pk, after=[30], reason="x"
    )
    assert links(order) == [(10, ""), (30, "10"), (20, "30")]
    kept = Deviation.objects.filter(work_order=order).earliest("at")
    assert (kept.kind, kept.before, kept.after, kept.reason) == (
        "reorder", {"predecessors": "20"}, {"predecessors": "10"}, "先检后铣",
    )  # fmt: skip
    assert faults() == []


@pytest.mark.parametrize("after", [[30], [99]])
def test_an_operation_does_not_follow_itself_or_what_is_not_there(shop, order, after):
    with pytest.raises(Invalid):
        shop.world.do(
            "production.work_order.move_operation", order, operation=shop.operation(order, 30).pk, after=after,
            reason="x",
        )  # fmt: skip


def test_an_operation_moved_to_the_front_comes_first(shop, order):
    third = shop.operation(order, 30).pk
    shop.world.do("production.work_order.move_operation", order, operation=third, after=[], reason="来料先检")
    assert links(order) == [(30, ""), (10, "30"), (20, "10")]


def test_a_quantity_changes_what_is_open_and_nothing_else(shop, order):
    shop.world.do("production.work_order.issue", order)
    shop.report(order, 10, "good", 40)
    shop.world.do("production.work_order.change_quantity", order, quantity="60", reason="客户减单")
    part = shop.material(order, shop.world.part)
    assert (order.quantity, part.quantity, part.issued_quantity) == (60, 200, 200)
    assert shop.material(order, shop.world.screw).quantity == 240
    assert shop.operation(order, 10).quantity == 60
    shop.report(order, 10, "good", 20)
    with pytest.raises(TooMuchReported):
        shop.report(order, 10, "good", 1)
    with pytest.raises(AlreadyBegun):
        shop.world.do("production.work_order.change_quantity", order, quantity="59", reason="x")
    shop.world.do("production.work_order.change_quantity", order, quantity="120", reason="加单")
    assert shop.material(order, shop.world.part).quantity == 400
    assert faults() == []


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "1e30"])
def test_a_quantity_that_cannot_be_is_refused(shop, order, quantity):
    with pytest.raises(Invalid):
        shop.world.do("production.work_order.change_quantity", order, quantity=quantity, reason="x")
    order.refresh_from_db()
    assert (order.quantity, Deviation.objects.count()) == (100, 0)


def test_what_nobody_has_begun_is_split_off(shop, order):
    shop.report(order, 10, "good", 30)
    with pytest.raises(AlreadyBegun):
        shop.world.do("production.work_order.split", order, quantity="71", reason="x")
    with pytest.raises(Invalid):
        shop.world.do("production.work_order.split", order, quantity="100", reason="x")
    made = shop.world.do("production.work_order.split", order, quantity="40", note="热处理批 2", reason="单独成批")
    made.refresh_from_db()
    order.refresh_from_db()
    assert (order.quantity, made.quantity, made.state, made.origin) == (60, 40, "released", order.pk)
    assert made.number
    assert shop.material(made, shop.world.part).quantity == 80
    assert shop.operation(made, 10).quantity == 40
    shop.through(made, 40)
    shop.world.do("production.work_order.complete", made)
    assert made.state == "completed"
    kept = Deviation.objects.get(work_order=order)
    assert (kept.kind, kept.other, kept.after) == ("split", made.pk, {"quantity": "60"})
    assert faults() == []


def known(order):
    """Give how much of lots is known for an order, by number."""
    return dict(db.rows(
        "SELECT l.number, sum(g.quantity)::int FROM inventory_genealogy g "
        "JOIN inventory_lot l ON l.id = g.input_lot_id "
        "WHERE g.origin = %s AND g.output_lot_id IS NULL GROUP BY 1", [order.pk],
    ))  # fmt: skip


@pytest.fixture
def half_way(shop, order):
    """Give an order whose pieces wait before its second operation, and what was split off of them."""
    shop.world.do("production.work_order.issue", order)
    shop.report(order, 10, "good", 70)
    shop.report(order, 20, "good", 20)
    made = shop.world.do("production.work_order.split", order, quantity="40", note="热处理批 2", reason="单独成批")
    order.refresh_from_db()
    made.refresh_from_db()
    return made


def test_what_waits_half_way_is_split_off_and_what_was_reported_stays(shop, order, half_way):
    made = half_way
    assert (order.quantity, made.quantity, made.state) == (60, 40, "released")
    planned = {o.sequence: (o.quantity, o.split_quantity) for o in Operation.objects.filter(work_order=order)}
    assert planned == {10: (100, 0), 20: (60, 40), 30: (60, 0)}
    states = dict(Operation.objects.filter(work_order=made).values_list("sequence", "state"))
    assert states == {10: "skipped", 20: "open", 30: "open"}
    assert shop.counters(order, 10) == (70, 0, 0)
    with pytest.raises(TooMuchReported):
        shop.report(order, 20, "good", 11)
    with pytest.raises(StillNeededLater):
        shop.undo(Report.objects.get(kind="good", quantity=70))
    shop.report(order, 10, "good", 30)
    with pytest.raises(TooMuchReported):
        shop.report(order, 10, "good", 1)
    shop.report(order, 20, "good", 40)
    shop.report(order, 30, "good", 60)
    shop.through(made, 40, (20, 30))
    with pytest.raises(TooMuchReported):
        shop.report(made, 30, "good", 1)
    shop.world.do("production.work_order.complete", [order])
    shop.world.do("production.work_order.complete", [made])
    kept = Deviation.objects.get(work_order=order)
    assert (kept.kind, kept.other, kept.after) == (
        "split", made.pk, {"quantity": "60", "operation": "20 铣削", "counts": "40"},
    )  # fmt: skip
    assert faults() == []


def test_material_half_way_stays_where_it_was_used_and_the_rest_is_shared(shop, order, half_way):
    by_operation = {m.item.code: m.operation for m in order.materials.all()}
    theirs = {m.item.code: m.quantity for m in half_way.materials.all()}
    assert set(theirs) == {code for code, at in by_operation.items() if at != 10}
    assert {code: m.quantity for code, m in ((m.item.code, m) for m in order.materials.all()) if m.operation == 10} == {
        m.item.code: m.issued_quantity for m in order.materials.all() if m.operation == 10
    }  # fmt: skip
    whole = {number: known(order).get(number, 0) + count for number, count in known(half_way).items()}
    assert whole
    assert {number: count * 10 for number, count in known(half_way).items()} == {n: c * 4 for n, c in whole.items()}
    assert faults() == []


def test_more_than_waits_in_one_place_is_not_split_off(shop, order):
    shop.report(order, 10, "good", 70)
    shop.report(order, 20, "good", 20)
    for quantity in ("51", "99"):
        with pytest.raises(AlreadyBegun):
            shop.world.do("production.work_order.split", order, quantity=quantity, reason="x")
    assert (WorkOrder.objects.count(), Deviation.objects.count()) == (1, 0)


def test_what_bears_a_lot_already_is_not_split_off(shop, order):
    shop.report(order, 10, "good", 70, output_lot="G-1")
    with pytest.raises(LotNamedBefore) as refusal:
        shop.world.do("production.work_order.split", order, quantity="40", reason="x")
    assert refusal.value.data["lot"] == "G-1"
    assert WorkOrder.objects.count() == 1


@pytest.mark.plants("production.split")
def test_what_left_without_a_record_is_named(shop, order, half_way):
    db.run("UPDATE production_operation SET split_quantity = 39 WHERE split_quantity = 40")
    (red,) = run(["production.split"])
    assert red.found.faults[0].record == str(order.pk)


# --- rework ----------------------------------------------------------------------------------------------------


def test_reworked_pieces_come_back_to_where_they_came_from(shop, order):
    shop.report(order, 10, "good", 20)
    second = shop.operation(order, 20)
    made = shop.world.do(
        "production.work_order.rework", order, operation=second.pk, quantity="6", reason="尺寸超差",
        operations=[{"name": "重磨", "work_centre": shop.world.turning.pk, "run_minutes": "5"}],
    )  # fmt: skip
    made.refresh_from_db()
    assert (made.kind, made.state, made.quantity, made.returns_to_id) == ("rework", "released", 6, second.pk)
    assert shop.operation(order, 20).away_quantity == 6
    shop.report(order, 20, "good", 14)
    with pytest.raises(TooMuchReported):
        shop.report(order, 20, "good", 1)
    with pytest.raises(OpenRework):
        shop.world.do("production.work_order.close", order)
    shop.report(made, 10, "good", 5, minutes="30")
    shop.report(made, 10, "scrap", 1)
    with pytest.raises(GoesBack):
        shop.world.do("production.work_order.complete", made)
    with pytest.raises(NothingToReturn):
        shop.world.do("production.work_order.return_rework", made, quantity="6")
    shop.world.do("production.work_order.return_rework", made)
    assert (made.state, made.returned_quantity, made.returned_scrap_quantity) == ("completed", 5, 1)
    assert shop.operation(order, 20).away_quantity == 0
    assert shop.counters(order, 20) == (14, 1, 6)
    shop.report(order, 20, "good", 5)
    with pytest.raises(TooMuchReported):
        shop.report(order, 20, "good", 1)
    shop.world.do("production.work_order.close", made)
    assert WorkOrder.objects.get(pk=order.pk).scrapped_quantity == 1
    assert faults() == []


def test_rework_that_is_given_up_frees_its_pieces(shop, order):
    shop.report(order, 10, "good", 20)
    made = shop.world.do(
        "production.work_order.rework", order, operation=shop.operation(order, 20).pk, quantity="6", reason="x"
    )
    shop.world.do("production.work_order.cancel", made, reason="让步接收")
    assert shop.operation(order, 20).away_quantity == 0
    shop.report(order, 20, "good", 20)
    with pytest.raises(NoWayBack):
        shop.world.do("production.work_order.return_rework", order)
    assert faults() == []


def test_no_more_is_reworked_than_is_there(shop, order):
    shop.report(order, 10, "good", 5)
    with pytest.raises(TooMuchReported):
        shop.world.do(
            "production.work_order.rework", order, operation=shop.operation(order, 20).pk, quantity="6", reason="x"
        )
    assert not WorkOrder.objects.filter(kind="rework").exists()


# --- material -----------------------------------------------------------------------------------------------


def test_a_substitute_has_a_reason_and_a_listed_one_follows_its_ratio(shop, order):
    other, unlisted = shop.world.item(code="MP-9"), shop.world.item(code="MP-8")
    shop.world.change(shop.world.part, substitutes=[{"item": other, "ratio": "1.5", "priority": 1}])
    part = shop.material(order, shop.world.part)
    shop.world.do("production.work_order.issue", order, lines=[{"material": part.pk, "quantity": "50"}])
    for item in (other, unlisted, None):
        with pytest.raises(Invalid) as refused:
            shop.world.do("production.work_order.substitute_material", order, material=part.pk, item=item)
        assert "reason" in refused.value.fields
    screw = shop.material(order, shop.world.screw)
    with pytest.raises(NotASubstitute):
        shop.world.do("production.work_order.substitute_material", order, material=screw.pk, reason="缺料")
    reason = port("production.work_order.substitute_material.start", dict)(shop.ctx, [order.pk])["_usual"]["reason"][0]
    made = shop.world.do("production.work_order.substitute_material", order, material=part.pk, reason=reason.zh)
    assert (made.item_id, made.quantity) == (other.pk, 225)
    kept = Deviation.objects.get(work_order=order)
    assert (kept.kind, kept.before["quantity"], kept.after["quantity"]) == ("substitute", "200", "225")
    assert (kept.reason, made.deviation_reason) == ("替代料档案", "替代料档案")
    assert faults() == []


# --- revisions ----------------------------------------------------------------------------------------------


def newer(shop):
    """Release a BOM with three screws instead of four, a seal, no steel; a routing with an operation more."""
    world = shop.world
    bom, routing = shop.recipe
    seal = world.item(code="SEAL", kind="bought")
    second = world.do("engineering.bom.new_revision", bom)[0]
    world.change(second, lines=[
        {"component": world.part, "quantity": "2", "operation": 10},
        {"component": world.screw, "quantity": "3", "operation": 20},
        {"component": seal, "quantity": "1", "operation": 30},
    ])  # fmt: skip
    steps = world.do("engineering.routing.new_revision", routing)[0]
    world.change(steps, operations=[
        {"sequence": 10, "name": "车削", "work_centre": world.turning, "setup_minutes": "10", "run_minutes": "3"},
        {"sequence": 25, "name": "去毛刺", "work_centre": world.milling, "run_minutes": "1"},
        {"sequence": 30, "name": "检验", "work_centre": world.turning, "run_minutes": "1"},
    ])  # fmt: skip
    on = (shop.ctx.now + timedelta(days=1)).date().isoformat()
    world.do("engineering.bom.release", second, effective_from=on)
    world.do("engineering.routing.release", steps, effective_from=on)
    return on, seal, second, steps


def test_a_newer_revision_is_shown_then_accepted_and_what_happened_stands(shop, order):
    steel = shop.material(order, shop.world.steel)
    shop.world.do("production.work_order.issue", order, lines=[{"material": steel.pk, "quantity": "20"}])
    shop.report(order, 10, "good", 10)
    shop.report(order, 20, "good", 4)
    with pytest.raises(SameRevision):
        shop.world.do("production.work_order.change_revision", order, reason="x")
    on, seal, bom, routing = newer(shop)
    with pytest.raises(NeedsConfirmation) as asked:
        shop.world.do("production.work_order.change_revision", order, on=on, reason="ECN-7")
    assert "7" in str(asked.value)
    found = _difference(order, on)
    assert sorted((c.part, c.change, str(c.name).split()[0]) for c in found.changes) == [
        ("material", "added", "SEAL"), ("material", "changed", "BP-1"), ("material", "removed", "RM-1"),
        ("operation", "added", "25"), ("operation", "changed", "10"), ("operation", "changed", "30"),
        ("operation", "removed", "20"),
    ]  # fmt: skip
    shop.report(order, 10, "good", 1)
    with pytest.raises(DifferenceChanged):
        shop.world.do("production.work_order.change_revision", order, on=on, accepted=found.mark, reason="ECN-7")
    shop.world.do(
        "production.work_order.change_revision", order, on=on, accepted=_difference(order, on).mark, reason="ECN-7"
    )
    assert (order.bom_id, order.routing_id) == (bom.pk, routing.pk)
    assert Material.objects.get(pk=steel.pk).quantity == 20
    assert shop.material(order, shop.world.screw).quantity == 300
    assert Material.objects.get(work_order=order, item=seal).operation == 30
    assert shop.operation(order, 20).state == "skipped"
    assert links(order) == [(10, ""), (20, "10"), (25, "20"), (30, "25")]
    shop.report(order, 25, "good", 11)
    with pytest.raises(TooMuchReported):
        shop.report(order, 25, "good", 1)
    assert faults() == []


def test_what_was_added_by_hand_is_no_difference(shop, order):
    shop.world.do(
        "production.work_order.add_operation", order, sequence=15, name="去毛刺", after=[10], reason="毛刺大"
    )
    on = shop.ctx.now.date().isoformat()
    assert _difference(order, on).changes == []
    with pytest.raises(SameRevision):
        shop.world.do("production.work_order.change_revision", order, on=on, reason="x")


def _difference(order, on):
    return difference(WorkOrder.objects.get(pk=order.pk), date.fromisoformat(on))


# --- outside ------------------------------------------------------------------------------------------------


def delivered(ctx, listener):
    """Deliver to a listener all that the outbox holds for it, as the dispatcher does, but in this transaction."""
    kinds = {report_outside_work: GoodsReceived.type, take_outside_work_back: ArrivalReversed.type}
    for event in Outbox.objects.filter(type=kinds[listener]).order_by("seq"):
        told = (event.pk, event.seq, event.at, event.type, event.event_version, event.noun, event.record, event.number)
        listener(ctx, Delivered(*told, event.payload, event.person))


@pytest.fixture
def heat(shop):
    """A subcontractor with a place of its own, and the service it sells."""
    world = shop.world
    place = world.make(
        "inventory.location", code="SUB-1", name="热处理厂内", kind="subcontractor", plant=world.plant,
        party=world.supplier,
    )  # fmt: skip
    return place, world.item(code="SV-HT", name="热处理", kind="service")


def test_outside_work_is_bought_material_lies_there_and_what_comes_back_reports(shop, order, heat):
    place, service = heat
    assert shop.places
    shop.report(order, 10, "good", 50)
    second = shop.operation(order, 20)
    with pytest.raises(ServiceNeeded):
        shop.world.do(
            "production.work_order.subcontract", order, operation=second.pk, supplier=shop.world.supplier, reason="x"
        )
    with pytest.raises(NothingLeft):
        shop.world.do(
            "production.work_order.subcontract", order, operation=second.pk, supplier=shop.world.supplier,
            service=service, quantity="101", price="2", reason="x",
        )  # fmt: skip
    purchase = shop.world.do(
        "production.work_order.subcontract", order, operation=second.pk, supplier=shop.world.supplier,
        service=service, quantity="50", price="2.5", reason="设备停机",
    )  # fmt: skip
    assert isinstance(purchase, Purchase)
    assert purchase.net_amount == 125
    second.refresh_from_db()
    assert (second.is_subcontracted, second.supplier_id) == (True, shop.world.supplier.pk)
    assert shop.on_hand_at(shop.world.screw, place) == 200
    shop.world.do("purchasing.order.order", purchase)
    receipt = shop.world.do("purchasing.order.receive", purchase, book_at_once=True)[0]
    delivered(shop.ctx, report_outside_work)
    delivered(shop.ctx, report_outside_work)
    assert shop.counters(order, 20) == (50, 0, 0)
    work = OutsideWork.objects.get()
    assert (work.quantity, work.amount, work.operation_id) == (50, D(125), second.pk)
    assert shop.on_hand_at(shop.world.screw, place) == 0
    assert shop.material(order, shop.world.screw).issued_quantity == 200
    assert MaterialIssue.objects.filter(work_order=order).count() == 1
    shop.world.do("purchasing.receipt.reverse", receipt, reason="错收")
    delivered(shop.ctx, take_outside_work_back)
    delivered(shop.ctx, take_outside_work_back)
    assert shop.counters(order, 20) == (0, 0, 0)
    assert sum(OutsideWork.objects.values_list("amount", flat=True)) == 0
    assert faults() == []


def test_what_is_rejected_of_outside_work_is_reported_and_comes_good_later(shop, order, heat):
    assert shop.places
    shop.report(order, 10, "good", 50)
    purchase = shop.world.do(
        "production.work_order.subcontract", order, operation=shop.operation(order, 20).pk,
        supplier=shop.world.supplier, service=heat[1], quantity="50", price="2", reason="设备停机",
    )  # fmt: skip
    shop.world.do("purchasing.order.order", purchase)
    receipt = shop.world.do("purchasing.order.receive", purchase)[0]
    (line,) = receipt.lines.all()
    row = {"receipt_line": line.pk, "accepted": "42", "rejected": "8", "reason": "硬度不足"}
    shop.world.do("purchasing.receipt.book", receipt, lines=[row])
    for _ in range(2):
        delivered(shop.ctx, report_outside_work)
    assert shop.counters(order, 20) == (42, 0, 8)
    assert list(Report.objects.filter(kind="rework").values_list("quantity", "note")) == [(8, "硬度不足")]
    assert sorted(OutsideWork.objects.values_list("quantity", "amount")) == [(8, 0), (42, 84)]
    assert shop.report(order, 20, "good", 3).flags == ()
    assert faults() == []
    shop.undo(Report.objects.filter(kind="good", quantity=3).get())
    shop.world.do("purchasing.receipt.reverse", receipt, reason="错收")
    for _ in range(2):
        delivered(shop.ctx, take_outside_work_back)
    assert shop.counters(order, 20) == (0, 0, 0)
    assert sum(OutsideWork.objects.values_list("quantity", flat=True)) == 0
    assert faults() == []


@pytest.mark.parametrize("fault", [
    "UPDATE production_outsidework SET quantity = quantity + 1",
    "UPDATE production_outsidework SET report_id = NULL",
    "UPDATE production_outsidework SET party_id = (SELECT id FROM parties_party WHERE code = 'CU-1')",
    "UPDATE production_outsidework SET operation_id = (SELECT o.id FROM production_operation o "
    "WHERE o.work_order_id = production_outsidework.work_order_id AND o.sequence = 30)",
    "UPDATE purchasing_orderline SET origin = gen_random_uuid()",
    "UPDATE purchasing_receipt SET state = 'reversed'",
])  # fmt: skip
@pytest.mark.plants("production.outside")
def test_outside_work_that_agrees_with_nothing_is_named(shop, order, heat, fault):
    assert shop.world.customer
    shop.report(order, 10, "good", 50)
    purchase = shop.world.do(
        "production.work_order.subcontract", order, operation=shop.operation(order, 20).pk,
        supplier=shop.world.supplier, service=heat[1], quantity="50", price="2.5", reason="设备停机",
    )  # fmt: skip
    shop.world.do("purchasing.order.order", purchase)
    shop.world.do("purchasing.order.receive", purchase, book_at_once=True)
    delivered(shop.ctx, report_outside_work)
    (green,) = run(["production.outside"])
    assert (green.is_green, green.found.counted) == (True, 1)
    db.run("SET CONSTRAINTS ALL IMMEDIATE")
    db.run("ALTER TABLE production_outsidework DISABLE TRIGGER USER")
    assert db.run(fault) == 1
    (red,) = run(["production.outside"])
    assert red.found.faults[0].record == str(OutsideWork.objects.get().pk)
    assert order.number in red.found.faults[0].text


def test_material_is_not_sent_to_nowhere(shop, order):
    service = shop.world.item(code="SV-HT", name="热处理", kind="service")
    with pytest.raises(NoPlaceOutside):
        shop.world.do(
            "production.work_order.subcontract", order, operation=shop.operation(order, 20).pk,
            supplier=shop.world.supplier, service=service, price="2", reason="x",
        )  # fmt: skip
    assert not Purchase.objects.exists()


# --- the three views, and who may ---------------------------------------------------------------------------


def test_the_three_views_mark_what_differs(shop, order):
    other = shop.world.item(code="MP-9")
    part = shop.material(order, shop.world.part)
    shop.world.do("production.work_order.issue", order)
    shop.world.do(
        "production.work_order.add_material", order, item=other, quantity="3", operation=10, reason="加垫片"
    )
    shop.world.do(
        "production.work_order.skip_operation", order, operation=shop.operation(order, 20).pk, reason="免铣"
    )
    shop.report(order, 10, "good", 10)
    materials, operations = comparing.materials(order.pk), comparing.operations(order.pk)
    kept = comparing.deviations(order.pk, shop.ctx.now.tzinfo)
    assert part.item_id
    assert [(m.name.split()[0], m.designed.text, m.planned.text, m.is_different) for m in materials] == [
        ("BP-1", "400", "400", False), ("MP-1", "200", "200", False), ("MP-9", "", "3", True),
        ("RM-1", "50", "50", False),
    ]  # fmt: skip
    assert [(o.name, o.planned.text, o.built.text, o.is_different) for o in operations] == [
        ("10 车削", "210 min", "10", False), ("20 铣削", "", "", True), ("30 检验", "100 min", "", False),
    ]  # fmt: skip
    assert [(one.kind.key, one.reason) for one in kept] == [("skip", "免铣"), ("add_material", "加垫片")]
    assert queries.as_designed(order.pk)


@pytest.mark.parametrize("asked", ["", "?revision=&on=2026-03-02"])
def test_the_page_of_the_three_views_takes_as_many_statements_for_many_changes_as_for_few(shop, order, asked):
    User.objects.create(login="all", name="林小雨", is_superuser=True)
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(User.objects.get(login="all"), backend="django.contrib.auth.backends.ModelBackend")

    def statements(added: int) -> int:
        with CaptureQueriesContext(connection) as seen:
            page = browser.get(f"/production/work_orders/{order.pk}/views{asked}")
        assert page.status_code == 200
        assert asked or page.content.decode().count("加垫片") >= added
        return len(seen)

    def add(count: int) -> None:
        for _ in range(count):
            shop.world.do("production.work_order.add_material", order, item=shop.world.item(), quantity="3",
                          operation=10, reason="加垫片")  # fmt: skip

    shop.world.do("production.work_order.issue", order)
    shop.report(order, 10, "good", 10)
    add(1)
    statements(1)
    few = statements(1)
    add(6)
    assert statements(7) == few
    assert few <= 30


COMMANDS = {
    "move_operation": {"after": [], "reason": "x"},
    "change_quantity": {"quantity": "5", "reason": "x"},
    "split": {"quantity": "5", "reason": "x"},
    "rework": {"quantity": "5", "reason": "x"},
    "change_revision": {"reason": "x"},
    "substitute_material": {"reason": "x"},
    "subcontract": {"reason": "x"},
    "make_card": {"part_name": "x"},
    "use_material": {},
}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_nobody_deviates_without_the_right(shop, order, person, name):
    worker = person(("production.work_order.report", "plant"), ("production.work_order.read", "plant"))
    ids = () if name == "make_card" else (order.pk,)
    with pytest.raises(NotAllowed):
        execute(worker, command(f"production.work_order.{name}"), ids=ids, data=COMMANDS[name])
    assert not Deviation.objects.exists()


def test_a_deviation_says_why(shop, order):
    for reason in ("", "   ", "字" * 256):
        with pytest.raises(Invalid):
            shop.world.do("production.work_order.change_quantity", order, quantity="90", reason=reason)
    shop.world.do("production.work_order.change_quantity", order, quantity="90", reason="减单 🙂")
    assert Deviation.objects.get().reason == "减单 🙂"
    assert isinstance(shop.ctx, Context)
