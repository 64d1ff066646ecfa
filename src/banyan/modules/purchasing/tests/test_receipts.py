"""Receipts: the gate, inspection, booking, lots and serial numbers, reversal, returns; and every refusal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import Outbox
from banyan.lib.errors import Conflict, DomainError, Invalid, NotAllowed
from banyan.lib.ids import new_id
from banyan.modules.inventory.errors import NotEnoughStock, SerialThere, WrongLocation
from banyan.modules.inventory.models import Lot, ValueEntry
from banyan.modules.purchasing import queries
from banyan.modules.purchasing.commands import count_invoiced
from banyan.modules.purchasing.models import OrderLine, Receipt

pytestmark = pytest.mark.django_db


# --- the gate -----------------------------------------------------------------------------------------------


def test_goods_at_the_gate_are_ours_and_lie_in_inspection_at_their_value(yard, world):
    order = yard.placed(yard.line(world.steel, "100.5", "4.30"), wanted_on="2026-03-01")
    (line,) = yard.lines(order)
    details = {"supplier_lot": "炉批-7", "heat_number": "H🔥1", "made_on": "2026-02-20"}
    receipt = yard.receive(order, (line, 60, details), delivery_note="送货-1")
    (row,), (move,) = yard.rows(receipt), yard.moves(receipt)
    line.refresh_from_db()
    assert (receipt.state, receipt.number, receipt.delivery_note) == ("arrived", "GR2603-00001", "送货-1")
    assert (receipt.arrived_on, line.arrived_on, receipt.booked_at) == (
        date(2026, 3, 2),
        date(2026, 3, 2),
        None,
    )
    assert (order.state, line.received_quantity, line.booked_quantity, line.open_quantity) == (
        "partly_received", D(60), D(0), D("40.5"),
    )  # fmt: skip
    assert (row.lot.supplier_lot, row.lot.heat_number, row.lot.supplier) == ("炉批-7", "H🔥1", world.supplier)
    assert (move.source_id, move.target_id) == (yard.standing.supplier, yard.standing.inspection)
    assert (row.amount, yard.value(world.steel)) == (D("258.00"), D("258.00"))
    told = Outbox.objects.get(type="purchasing.goods_arrived").payload
    assert (told["lines"][0]["amount"], told["lines"][0]["moves"]) == ("258", [str(move.pk)])


def test_the_values_of_parts_add_up_to_the_lines_net_amount(yard, world):
    order = yard.placed(yard.line(world.screw, 3, "3.333333"), currency=world.dollar)
    (line,) = yard.lines(order)
    amounts = [yard.rows(yard.receive(order, (line, 1, {})))[0].amount for _ in range(3)]
    assert sum(amounts) == D("71.00") == yard.value(world.screw)
    assert amounts == [D("23.67"), D("23.66"), D("23.67")]
    assert order.state == "received"


@pytest.mark.parametrize(("quantity", "is_taken"), [("105", True), ("105.001", False), ("200", False)])
def test_over_receipt_within_tolerance_only(yard, world, quantity, is_taken):
    order = yard.placed(yard.line(world.steel, 100, over_receipt_percent="5"))
    (line,) = yard.lines(order)
    if is_taken:
        yard.receive(order, (line, quantity, {}))
        assert (order.state, yard.value(world.steel)) == ("received", D("1050.00"))
        return
    with pytest.raises(Conflict) as refusal:
        yard.receive(order, (line, quantity, {}))
    assert (refusal.value.code, refusal.value.facts["most"]) == ("purchasing.receives_too_much", D(105))
    order.refresh_from_db()
    assert (order.state, yard.on_hand(world.steel), Receipt.objects.count()) == ("ordered", D(0), 0)


@pytest.mark.parametrize("quantity", ["0", "-3", "1.5", "1e30", "99999999999999"])
def test_quantities_that_cannot_come(yard, world, quantity):
    order = yard.placed(yard.line(world.screw, 5, over_receipt_percent="100"))
    with pytest.raises(DomainError):
        yard.receive(order, (yard.lines(order)[0], quantity, {}))
    assert (yard.on_hand(world.screw), Receipt.objects.count(), Lot.objects.count()) == (D(0), 0, 0)


def test_serial_numbers_come_in_one_by_one(yard, world):
    order = yard.placed(yard.line(world.motor, 3, "100"))
    (line,) = yard.lines(order)
    receipt = yard.receive(order, (line, 2, {"serial_numbers": ["SN-1", "SN-2"]}))
    assert [(r.lot_number, r.quantity, r.amount) for r in yard.rows(receipt)] == [
        ("SN-1", D(1), D("100.00")), ("SN-2", D(1), D("100.00")),
    ]  # fmt: skip
    with pytest.raises(Invalid) as refusal:
        yard.receive(order, (line, 1, {"serial_numbers": ["SN-3", "SN-4"]}))
    assert refusal.value.code == "purchasing.serials_differ"
    with pytest.raises(SerialThere):
        yard.receive(order, (line, 1, {"serial_numbers": ["SN-1"]}))
    yard.receive(order, (line, 1, {}))
    assert (order.state, yard.on_hand(world.motor)) == ("received", D(3))


def test_serial_numbers_of_an_absurd_quantity_are_refused_quickly(yard, world):
    order = yard.placed(yard.line(world.motor, "10000000000000", "0.0001"))
    with pytest.raises(Invalid):
        yard.receive(order)


def test_only_lines_of_the_order_and_something_open_come(yard, world):
    order, other = yard.placed(yard.line(world.screw, 5)), yard.placed(yard.line(world.screw, 5))
    with pytest.raises(Invalid) as refusal:
        yard.receive(order, (yard.lines(other)[0], 1, {}))
    assert refusal.value.code == "purchasing.line_unknown"
    yard.receive(order)
    with pytest.raises(WrongState):
        yard.receive(order)


def test_an_announced_delivery_arrives(yard, world):
    order = yard.placed(yard.line(world.steel, 10), yard.line(world.screw, 5))
    lines = [
        {"order_line": ln.pk, "quantity": "5", "lot_number": "L-7" if n == 0 else ""}
        for n, ln in enumerate(yard.lines(order))
    ]
    receipt = world.make(
        "purchasing.receipt", party=world.supplier, plant=world.plant, expected_on="2026-03-05", lines=lines
    )
    assert (receipt.state, receipt.order_id, receipt.number) == ("draft", order.pk, None)
    world.do("purchasing.receipt.arrive", receipt)
    order.refresh_from_db()
    assert (receipt.state, order.state, yard.on_hand(world.steel)) == ("arrived", "partly_received", D(5))
    assert [row.lot_number for row in yard.rows(receipt)] == ["L-7", ""]
    with pytest.raises(Invalid) as refusal:
        world.make("purchasing.receipt", party=world.party(is_supplier=True), plant=world.plant, lines=lines)
    assert refusal.value.code == "purchasing.mixed_orders"


def test_services_are_received_without_moves(yard, world):
    freight = world.item(kind="service", code="FREIGHT", name="运费")
    order, receipt = yard.received(yard.line(freight, 1, "500"), book=True)
    assert (order.state, receipt.state, yard.moves(receipt)) == ("received", "booked", [])
    assert queries.lines_to_invoice([order.pk])[0].net_amount == D("500.00")


# --- booking ------------------------------------------------------------------------------------------------


def test_what_is_accepted_goes_to_the_store_and_the_bad_part_aside(yard, world):
    order, receipt = yard.received(yard.line(world.steel, 100, "4"))
    (row,) = yard.rows(receipt)
    part = [{"receipt_line": row.pk, "accepted": "60", "location": yard.bin}]
    world.do("purchasing.receipt.book", receipt, lines=part)
    assert (receipt.state, receipt.booked_at) == ("partly_booked", None)
    rest = [{"receipt_line": row.pk, "accepted": "30", "rejected": "10", "reason": "划伤"}]
    world.do("purchasing.receipt.book", receipt, lines=rest)
    (row,), (line,) = yard.rows(receipt), yard.lines(order)
    assert (receipt.state, receipt.booked_at, row.reject_reason) == ("booked", yard.ctx.now, "划伤")
    assert (row.accepted_quantity, row.rejected_quantity) == (D(90), D(10))
    assert (line.booked_quantity, line.rejected_quantity, line.received_quantity) == (D(100), D(10), D(100))
    assert {
        kind: yard.on_hand(world.steel, kind) for kind in ("inspection", "bin", "warehouse", "rejected")
    } == {
        "inspection": D(0),
        "bin": D(60),
        "warehouse": D(30),
        "rejected": D(10),
    }
    assert yard.value(world.steel) == D("400.00")
    told = [
        e.payload["lines"][0] for e in Outbox.objects.filter(type="purchasing.goods_received").order_by("seq")
    ]
    assert [(t["quantity"], t["rejected"], t["amount"]) for t in told] == [
        ("60", "0", "240"),
        ("40", "10", "160"),
    ]


def test_the_gap_between_gate_and_store_is_seen(yard, world, django_assert_num_queries):
    order, receipt = yard.received(yard.line(world.screw, 10))
    later = yard.ctx.now.replace(day=3, hour=14)
    with django_assert_num_queries(1):
        (gap,) = queries.waiting_at_gate(world.plant.pk, later)
    assert (gap.receipt, gap.quantity, gap.hours) == (receipt.pk, D(10), D("30.0"))
    world.do("purchasing.receipt.book", receipt)
    assert queries.waiting_at_gate(world.plant.pk, later) == ()


def test_goods_go_to_the_items_own_place(yard, world):
    world.make("inventory.item_location", item=world.screw, plant=world.plant, location=yard.bin)
    yard.received(yard.line(world.screw, 10), book=True)
    assert yard.on_hand(world.screw, location=yard.bin) == D(10)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"accepted": "11"}, "purchasing.books_too_much"),
        ({"accepted": "6", "rejected": "5", "reason": "x"}, "purchasing.books_too_much"),
        ({"accepted": "5", "rejected": "1"}, "purchasing.reject_reason_needed"),
        ({"accepted": "-1"}, "invalid"),
        ({"accepted": "0"}, "purchasing.nothing_to_book"),
        ({"accepted": "1", "receipt_line": str(new_id())}, "purchasing.line_unknown"),
        ({"accepted": "1", "location": str(new_id())}, "inventory.no_such_location"),
    ],
)
def test_a_verdict_that_cannot_be(yard, world, values, code):
    _, receipt = yard.received(yard.line(world.screw, 10))
    (row,) = yard.rows(receipt)
    with pytest.raises(DomainError) as refusal:
        world.do("purchasing.receipt.book", receipt, lines=[{"receipt_line": row.pk} | values])
    assert refusal.value.code == code
    assert (yard.on_hand(world.screw, "inspection"), yard.rows(receipt)[0].accepted_quantity) == (D(10), D(0))


def test_goods_are_booked_into_stores_of_the_plant_only(yard, world):
    _, receipt = yard.received(yard.line(world.screw, 10))
    (row,) = yard.rows(receipt)
    for place in (yard.standing.customer, yard.standing.supplier, yard.standing.scrap):
        with pytest.raises(WrongLocation):
            world.do(
                "purchasing.receipt.book",
                receipt,
                lines=[{"receipt_line": row.pk, "accepted": "1", "location": place}],
            )


def test_receiving_many_lines_takes_hardly_more_statements_than_one(yard, world):
    one = yard.placed(yard.line(world.screw, 1))
    many = yard.placed(
        *(yard.line(item, 1) for item in (world.screw, world.part, world.steel, world.grease) * 5)
    )
    command = registry.command("purchasing.order.receive")
    few = yard.count(lambda: execute(yard.ctx, command, ids=[one.pk], data={"book_at_once": True}))
    more = yard.count(lambda: execute(yard.ctx, command, ids=[many.pk], data={"book_at_once": True}))
    assert len(few) <= 34, "\n".join(few)
    assert len(more) <= len(few) + 8, "\n".join(more)


def test_the_same_key_receives_once(yard, world):
    order = yard.placed(yard.line(world.screw, 10))
    keyed, command = yard.ctx.with_(key="r-1"), registry.command("purchasing.order.receive")
    data = {"lines": [{"order_line": yard.lines(order)[0].pk, "quantity": "4"}]}
    execute(keyed, command, ids=[order.pk], data=data)
    assert execute(keyed, command, ids=[order.pk], data=data).is_replay
    assert (yard.on_hand(world.screw), Receipt.objects.count()) == (D(4), 1)


@pytest.mark.parametrize(("name", "data"), [("arrive", None), ("book", {}), ("reverse", {"reason": "x"})])
def test_without_the_right_nothing_moves(yard, world, nobody, name, data):
    _, receipt = yard.received(yard.line(world.screw, 10))
    with pytest.raises(NotAllowed):
        execute(nobody, registry.command(f"purchasing.receipt.{name}"), ids=[receipt.pk], data=data)
    assert yard.on_hand(world.screw, "inspection") == D(10)


# --- taking back, sending back ------------------------------------------------------------------------------


def test_a_reversed_arrival_leaves_everything_as_before(yard, world):
    order, receipt = yard.received(yard.line(world.steel, 10, "4"), book=True)
    world.do("purchasing.receipt.reverse", receipt, reason="录错单")
    order.refresh_from_db()
    (line,) = yard.lines(order)
    assert (receipt.state, receipt.reverse_reason, order.state) == ("reversed", "录错单", "ordered")
    assert (line.received_quantity, line.booked_quantity, line.open_quantity) == (D(0), D(0), D(10))
    assert (yard.on_hand(world.steel), yard.value(world.steel)) == (D(0), D(0))
    assert sum(entry.amount for entry in ValueEntry.objects.all()) == D(0)
    told = Outbox.objects.get(type="purchasing.arrival_reversed").payload["lines"][0]
    assert (told["quantity"], told["amount"]) == ("-10", "-40")
    with pytest.raises(WrongState):
        world.do("purchasing.receipt.reverse", receipt, reason="x")
    yard.receive(order)
    assert order.state == "received"


def test_what_is_gone_or_invoiced_is_not_reversed(yard, world):
    order, receipt = yard.received(yard.line(world.screw, 10), book=True)
    (line,) = yard.lines(order)
    yard.inside(lambda ctx: count_invoiced(ctx, {line.pk: D(10)}))
    with pytest.raises(Conflict) as refusal:
        world.do("purchasing.receipt.reverse", receipt, reason="x")
    assert refusal.value.code == "purchasing.already_invoiced"
    with pytest.raises(Conflict) as refusal:
        yard.inside(lambda ctx: count_invoiced(ctx, {line.pk: D(1)}))
    assert refusal.value.code == "purchasing.invoices_too_much"
    yard.inside(lambda ctx: count_invoiced(ctx, {line.pk: D(-10)}))
    issue = world.make(
        "inventory.stock_document", kind="issue", plant=world.plant, reason="领用",
        lines=[{"item": world.screw, "quantity": "1"}],
    )  # fmt: skip
    world.do("inventory.stock_document.post", issue)
    with pytest.raises(NotEnoughStock):
        world.do("purchasing.receipt.reverse", receipt, reason="x")


def send_back(world, line, quantity, *, send=True, **more):
    lines = [{"order_line": line.pk, "quantity": str(quantity), **more}]
    one = world.make("purchasing.return_order", party=world.supplier, plant=world.plant, lines=lines)
    if send:
        world.do("purchasing.return_order.send", one)
    return one


def rejected(yard, world, quantity=10, bad=4):
    """An order of steel of which a part was rejected."""
    order, receipt = yard.received(yard.line(world.steel, quantity, "4"))
    (row,) = yard.rows(receipt)
    verdict = {
        "receipt_line": row.pk,
        "accepted": str(quantity - bad),
        "rejected": str(bad),
        "reason": "裂纹",
    }
    world.do("purchasing.receipt.book", receipt, lines=[verdict])
    return order, row.lot_id


def test_bad_goods_go_back_at_the_price_they_came_for(yard, world):
    order, lot = rejected(yard, world)
    (line,) = yard.lines(order)
    one = send_back(world, line, 4, lot=lot)
    line.refresh_from_db(), order.refresh_from_db()
    (move,) = yard.moves(one)
    assert (one.state, one.number, one.returned_on) == ("returned", "PR2603-0001", date(2026, 3, 2))
    assert (move.source_id, move.target_id) == (yard.standing.rejected, yard.standing.supplier)
    assert (line.returned_quantity, line.open_quantity, order.state) == (D(4), D(0), "received")
    assert (yard.on_hand(world.steel), yard.value(world.steel)) == (D(6), D("24.00"))
    told = Outbox.objects.get(type="purchasing.goods_returned_to_supplier").payload["lines"][0]
    assert (told["quantity"], told["amount"]) == ("-4", "-16")
    assert queries.lines_to_invoice([order.pk])[0].stock_quantity == D(6)


def test_goods_to_be_replaced_are_due_again(yard, world):
    order, lot = rejected(yard, world)
    (line,) = yard.lines(order)
    send_back(world, line, 4, lot=lot, is_replaced=True)
    order.refresh_from_db(), line.refresh_from_db()
    assert (order.state, line.open_quantity) == ("partly_received", D(4))
    yard.receive(order, book_at_once=True)
    line.refresh_from_db()
    assert (order.state, line.received_quantity, queries.lines_to_invoice([order.pk])[0].net_amount) == (
        "received", D(14), D("40.00"),
    )  # fmt: skip


def test_no_more_goes_back_than_came_and_only_from_where_it_lies(yard, world):
    order, lot = rejected(yard, world)
    (line,) = yard.lines(order)
    with pytest.raises(Conflict) as refusal:
        send_back(world, line, 11, lot=lot)
    assert refusal.value.code == "purchasing.returns_too_much"
    with pytest.raises(NotEnoughStock):
        send_back(world, line, 5, lot=lot)
    with pytest.raises(WrongLocation):
        send_back(world, line, 1, lot=lot, location=yard.standing.customer)
    one = send_back(world, line, 1, lot=lot, send=False)
    world.do("purchasing.return_order.cancel", one)
    with pytest.raises(WrongState):
        world.do("purchasing.return_order.send", one)
    assert OrderLine.objects.get().returned_quantity == D(0)


def test_a_return_needs_the_right(yard, world, nobody):
    order, lot = rejected(yard, world)
    one = send_back(world, yard.lines(order)[0], 1, lot=lot, send=False)
    for name in ("send", "cancel"):
        with pytest.raises(NotAllowed):
            execute(nobody, registry.command(f"purchasing.return_order.{name}"), ids=[one.pk])
    assert yard.on_hand(world.steel) == D(10)
