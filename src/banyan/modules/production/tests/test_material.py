"""Material: backflush and its debts, issues, returns, lots, completions."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.kernel.models import Outbox
from banyan.lib.errors import Invalid
from banyan.modules.inventory.models import Genealogy, Lot, Move, StockValue
from banyan.modules.inventory.queries import trace
from banyan.modules.production import queries
from banyan.modules.production.errors import (
    LotNeeded,
    LotNotForOrder,
    MaterialShort,
    MoreThanNeeded,
    NoDebts,
    NothingToIssue,
    TooMuchReceived,
    TooMuchReturned,
    WrongLine,
)
from banyan.modules.production.models import (
    Completion,
    CompletionLine,
    MaterialDebt,
    MaterialIssue,
    MaterialIssueLine,
)
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


@pytest.fixture
@stands
def order(shop):
    shop.stocked()
    return shop.released()


def quantities(material):
    material.refresh_from_db()
    return tuple(
        int(q)
        for q in (
            material.issued_quantity,
            material.returned_quantity,
            material.flushed_quantity,
            material.debt_quantity,
        )
    )


# --- backflush ----------------------------------------------------------------------------------------------


def test_backflush_follows_the_pieces(shop, order):
    shop.report(order, 10, "good", 20)
    shop.report(order, 20, "good", 10)
    shop.report(order, 20, "scrap", 2)
    assert quantities(shop.material(order, shop.world.screw)) == (48, 0, 48, 0)
    assert shop.on_hand(shop.world.screw) == 552


def test_what_is_not_there_is_owed_and_settled_by_the_next_receipt(shop):
    assert shop.places
    assert shop.recipe
    shop.receive(shop.world.screw, 10, "1")
    order = shop.released()
    shop.report(order, 10, "good", 20)
    shop.report(order, 20, "good", 5)
    screws = shop.material(order, shop.world.screw)
    assert quantities(screws) == (10, 0, 20, 10)
    shop.receive(shop.world.screw, 4, "0.4")
    assert quantities(screws) == (14, 0, 20, 6)
    shop.receive(shop.world.screw, 100, "10")
    assert quantities(screws) == (20, 0, 20, 0)
    assert shop.on_hand(shop.world.screw) == 94
    assert list(MaterialDebt.objects.order_by("at", "id").values_list("kind", "quantity")) == [
        ("owed", 10),
        ("settled", -4),
        ("settled", -6),
    ]


def test_the_urgent_order_is_settled_first(shop):
    assert shop.places
    late, urgent = shop.released(due_on="2026-03-05"), shop.released(priority="urgent", due_on="2026-03-30")
    for order in (late, urgent):
        shop.report(order, 10, "good", 5)
        shop.report(order, 20, "good", 5)
    shop.receive(shop.world.screw, 25, "2.5")
    assert [quantities(shop.material(o, shop.world.screw))[3] for o in (late, urgent)] == [15, 0]


def test_arrivals_that_wait_for_inspection_settle_nothing(shop):
    order = shop.released()
    shop.report(order, 10, "good", 5)
    shop.report(order, 20, "good", 5)
    shop.receive(shop.world.screw, 25, "2.5", target=shop.places.inspection)
    assert quantities(shop.material(order, shop.world.screw))[3] == 20


def test_an_undo_brings_backflushed_material_and_debts_back(shop):
    assert shop.places
    assert shop.recipe
    shop.receive(shop.world.screw, 10, "1")
    order = shop.released()
    shop.report(order, 10, "good", 20)
    done = shop.report(order, 20, "good", 5)
    shop.receive(shop.world.screw, 4, "0.4")
    shop.undo(done)
    assert quantities(shop.material(order, shop.world.screw)) == (0, 0, 0, 0)
    assert shop.on_hand(shop.world.screw) == 14
    assert StockValue.objects.get(item=shop.world.screw).amount == D("1.40")


def test_a_piece_that_comes_again_takes_its_material_once(shop, order):
    shop.report(order, 10, "good", 10)
    shop.report(order, 20, "good", 10)
    shop.report(order, 30, "rework", 2, back_to=shop.operation(order, 20).pk)
    shop.report(order, 20, "good", 2)
    assert quantities(shop.material(order, shop.world.screw)) == (40, 0, 40, 0)


def test_debts_are_settled_by_hand_or_given_up(shop):
    order = shop.released()
    shop.report(order, 10, "good", 5)
    shop.report(order, 20, "good", 5)
    with pytest.raises(NoDebts):
        shop.world.do("production.work_order.settle_debts", order)
    shop.world.do("production.work_order.waive_debts", order, reason="实际用了旧螺钉")
    assert quantities(shop.material(order, shop.world.screw)) == (0, 0, 20, 0)
    with pytest.raises(NoDebts):
        shop.world.do("production.work_order.waive_debts", order, reason="x")
    shop.report(order, 10, "good", 1)
    shop.report(order, 20, "good", 1)
    assert quantities(shop.material(order, shop.world.screw)) == (0, 0, 24, 4)


# --- issue, supplement, return ------------------------------------------------------------------------------


def test_everything_still_needed_is_issued_by_lot(shop, order):
    shop.world.do("production.work_order.issue", order)
    paper = MaterialIssue.objects.get()
    assert (paper.kind, paper.work_order_id, paper.number[:7]) == ("issue", order.pk, "MI2603-")
    assert sorted(
        (line.item.code, line.quantity, line.lot_id) for line in MaterialIssueLine.objects.all()
    ) == [("MP-1", 200, None), ("RM-1", 50, shop.steel_lot.pk)]
    assert (shop.on_hand(shop.world.part), shop.on_hand(shop.world.steel)) == (100, 30)
    edge = Genealogy.objects.get()
    assert (edge.input_lot_id, edge.output_lot_id, edge.quantity, edge.origin) == (
        shop.steel_lot.pk,
        None,
        50,
        order.pk,
    )
    with pytest.raises(NothingToIssue):
        shop.world.do("production.work_order.issue", order)


def test_an_issue_takes_what_was_kept_and_nothing_of_others(shop, order):
    other = shop.released(quantity="50")
    with pytest.raises(MaterialShort) as refusal:
        shop.world.do(
            "production.work_order.supplement",
            other,
            reason="报废",
            lines=[{"material": shop.material(other, shop.world.part).pk, "quantity": "400"}],
        )
    assert refusal.value.facts["missing"] == ["MP-1 × 100"]
    shop.world.do("production.work_order.issue", order)
    assert shop.on_hand(shop.world.part) == 100


def test_more_than_planned_is_a_supplement_with_its_reason(shop, order):
    line = {"material": shop.material(order, shop.world.part).pk, "quantity": "201"}
    with pytest.raises(MoreThanNeeded):
        shop.world.do("production.work_order.issue", order, lines=[line])
    shop.world.do("production.work_order.issue", order)
    with pytest.raises(Invalid):
        shop.world.do("production.work_order.supplement", order, lines=[line])
    shop.world.do(
        "production.work_order.supplement", order, lines=[line | {"quantity": "3"}], reason="报废补料"
    )
    assert quantities(shop.material(order, shop.world.part))[0] == 203


def test_a_line_of_another_order_is_refused(shop, order):
    other = shop.released(quantity="1")
    with pytest.raises(WrongLine):
        shop.world.do(
            "production.work_order.issue",
            order,
            lines=[{"material": shop.material(other, shop.world.part).pk, "quantity": "1"}],
        )


def test_what_comes_back_has_the_value_it_went_with(shop, order):
    shop.world.do("production.work_order.issue", order)
    steel = shop.material(order, shop.world.steel)
    shop.world.do(
        "production.work_order.return_material",
        order,
        reason="余料",
        lines=[{"material": steel.pk, "quantity": "20", "lot": shop.steel_lot.pk}],
    )
    assert quantities(steel) == (50, 20, 0, 0)
    assert shop.on_hand(shop.world.steel) == 50
    assert StockValue.objects.get(item=shop.world.steel).amount == D("250.00")
    with pytest.raises(TooMuchReturned):
        shop.world.do(
            "production.work_order.return_material",
            order,
            lines=[{"material": steel.pk, "quantity": "31", "lot": shop.steel_lot.pk}],
        )
    other_lot = shop.lot(shop.world.steel, "HEAT-9")
    with pytest.raises(TooMuchReturned):
        shop.world.do(
            "production.work_order.return_material",
            order,
            lines=[{"material": steel.pk, "quantity": "1", "lot": other_lot.pk}],
        )


def test_an_issue_is_reversed_once(shop, order):
    shop.world.do("production.work_order.issue", order)
    paper = MaterialIssue.objects.get()
    shop.world.do("production.material_issue.reverse", paper)
    assert paper.state == "reversed"
    assert quantities(shop.material(order, shop.world.part)) == (0, 0, 0, 0)
    assert (shop.on_hand(shop.world.part), sum(e.quantity for e in Genealogy.objects.all())) == (300, 0)


def test_issuing_two_orders_at_once_makes_two_papers(shop, order):
    other = shop.released(quantity="10")
    shop.world.do("production.work_order.issue", [order, other])
    assert set(MaterialIssue.objects.values_list("work_order_id", flat=True)) == {order.pk, other.pk}


# --- lots ---------------------------------------------------------------------------------------------------


def test_from_the_input_lot_to_the_output_lot_and_back(shop, order):
    shop.world.do("production.work_order.issue", order)
    shop.report(order, 10, "good", 10, output_lot="G-1", lots=[{"lot": shop.steel_lot.pk, "quantity": "5"}])
    made = Lot.objects.get(number="G-1")
    assert [(s.lot, s.quantity) for s in trace([made.pk], "up").steps] == [(shop.steel_lot.pk, 50)]
    sums = {}
    for edge in Genealogy.objects.all():
        sums[edge.output_lot_id] = sums.get(edge.output_lot_id, 0) + edge.quantity
    assert sums == {None: 45, made.pk: 5}
    assert [s.lot for s in trace([shop.steel_lot.pk], "down").steps] == [made.pk]


def test_an_undo_unlinks_lots(shop, order):
    shop.world.do("production.work_order.issue", order)
    done = shop.report(
        order, 10, "good", 10, output_lot="G-1", lots=[{"lot": shop.steel_lot.pk, "quantity": "5"}]
    )
    shop.undo(done)
    made = Lot.objects.get(number="G-1")
    assert sum(e.quantity for e in Genealogy.objects.filter(output_lot=made)) == 0
    assert sum(e.quantity for e in Genealogy.objects.filter(output_lot=None)) == 50


def test_a_lot_of_something_else_is_refused(shop, order):
    stray = shop.lot(shop.world.grease, "X")
    with pytest.raises(LotNotForOrder):
        shop.report(order, 10, "good", 1, lots=[{"lot": stray.pk, "quantity": "1"}])


# --- completion ---------------------------------------------------------------------------------------------


def test_finished_pieces_go_to_store_at_planned_cost(shop, order):
    shop.through(order, 30)
    shop.world.do(
        "production.work_order.complete",
        order,
        lines=[{"quantity": "10", "lot": "A"}, {"quantity": "20", "lot": "B"}],
    )
    assert (order.state, order.made_quantity, order.completed_amount) == ("running", 30, D("883.80"))
    assert StockValue.objects.get(item=shop.world.product).amount == D("883.80")
    assert [(line.lot.number, line.amount) for line in CompletionLine.objects.order_by("position")] == [
        ("A", D("294.60")),
        ("B", D("589.20")),
    ]
    told = Outbox.objects.get(type="production.goods_completed").payload
    assert (told["quantity"], told["amount"], len(told["lines"])) == ("30", "883.8", 2)


def test_more_than_is_good_is_not_received(shop, order):
    shop.through(order, 30)
    with pytest.raises(TooMuchReceived):
        shop.world.do("production.work_order.complete", order, lines=[{"quantity": "31"}])
    shop.world.do("production.work_order.complete", order)
    with pytest.raises(TooMuchReceived):
        shop.world.do("production.work_order.complete", order)


def test_the_last_receipt_completes_an_order_that_fell_short(shop, order):
    shop.through(order, 98)
    shop.world.do("production.work_order.complete", order, is_last=True)
    assert (order.state, order.made_quantity) == ("completed", 98)


def test_a_receipt_is_reversed(shop, order):
    shop.through(order, 100)
    shop.world.do("production.work_order.complete", order)
    shop.world.do("production.completion.reverse", Completion.objects.get())
    order.refresh_from_db()
    assert (order.state, order.made_quantity, order.completed_amount) == ("running", 0, 0)
    assert shop.on_hand(shop.world.product) == 0
    assert (
        Outbox.objects.filter(type="production.goods_completed").order_by("-seq").first().payload["amount"]
        == "-2946"
    )


def test_a_serial_number_is_named_for_each_piece(shop):
    assert shop.places
    item = shop.world.item(tracking="serial")
    order = shop.order(
        kind="temporary", item=item, quantity="2", operations=[{"sequence": 5, "name": "装配"}]
    )
    shop.world.do("production.work_order.release", order, check_kit=False)
    shop.report(order, 5, "good", 2)
    with pytest.raises(LotNeeded):
        shop.world.do("production.work_order.complete", order, lines=[{"quantity": "1"}])
    shop.world.do(
        "production.work_order.complete",
        order,
        lines=[{"quantity": "1", "lot": "S1"}, {"quantity": "1", "lot": "S2"}],
    )
    assert order.state == "completed"


def test_an_order_without_operations_is_completed_within_its_quantity(shop):
    shop.stocked()
    item = shop.world.item()
    order = shop.order(
        kind="temporary", item=item, quantity="5", materials=[{"item": shop.world.part, "quantity": "5"}]
    )
    shop.world.do("production.work_order.release", order, check_kit=False)
    with pytest.raises(TooMuchReceived):
        shop.world.do("production.work_order.complete", order, lines=[{"quantity": "6"}])
    shop.world.do("production.work_order.issue", order)
    shop.world.do("production.work_order.complete", order)
    assert (order.state, order.completed_amount) == ("completed", D("50.00"))


def test_taking_apart_brings_the_parts(shop):
    shop.stocked()
    assert shop.recipe
    lot = shop.lot(shop.world.product, "OLD-1")
    shop.receive(shop.world.product, 2, "60", lot)
    order = shop.order(kind="disassembly", quantity="2")
    shop.world.do("production.work_order.release", order)
    shop.world.do("production.work_order.issue", order)
    outputs = {o.item.code: o for o in order.outputs.all()}
    assert {code: o.quantity for code, o in outputs.items()} == {"MP-1": 4, "BP-1": 8, "RM-1": 1}
    shop.world.do("production.work_order.complete", order)
    assert order.state == "completed"
    assert shop.on_hand(shop.world.part) == 304
    shop.world.do("production.work_order.close", order)


# --- as designed, as planned, as built ----------------------------------------------------------------------


def test_designed_planned_and_built_differ_where_people_deviated(shop, order):
    shop.world.do("production.work_order.issue", order)
    other = shop.world.item(code="MP-9")
    shop.receive(other, 10, "10")
    shop.world.do("production.work_order.add_material", order, item=other, quantity="10", reason="改用")
    shop.world.do("production.work_order.issue", order)
    assert [(b.item, b.quantity) for b in queries.as_designed(order.pk)] == [
        (shop.world.part.pk, 200),
        (shop.world.screw.pk, 400),
        (shop.world.steel.pk, 50),
    ]
    assert [(b.item, b.deviation_reason) for b in queries.as_planned(order.pk)][-1] == (other.pk, "改用")
    assert [(b.item, b.quantity, b.lot) for b in queries.as_built(order.pk)] == [
        (shop.world.part.pk, 200, None),
        (shop.world.steel.pk, 50, shop.steel_lot.pk),
        (other.pk, 10, None),
    ]
    assert Move.objects.filter(origin=order.pk).count() == 3
