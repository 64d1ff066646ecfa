"""Moves: what they change, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError

from banyan.kernel import registry
from banyan.kernel.models import Outbox
from banyan.lib.ids import new_id
from banyan.modules.inventory import errors
from banyan.modules.inventory.models import Balance, Lot, Move, ValueEntry

pytestmark = pytest.mark.django_db
D = Decimal


def test_a_receipt_puts_stock_on_a_shelf_and_value_in_the_books(stock):
    part = stock.world.screw
    (move,) = stock.receive(part, 100, "250.00")
    assert stock.at(stock.bin, part) == (100, 0)
    assert stock.supply(part) == (100, 0)
    assert stock.worth(part) == (100, D("250.00"))
    entry = ValueEntry.objects.get()
    assert (entry.move_id, entry.quantity, entry.amount, entry.kind) == (move.pk, 100, D("250.00"), "receipt")
    told = Outbox.objects.get(type="inventory.stock_moved")
    assert told.record == stock.origin
    assert told.noun == "inventory.stock_document"
    assert told.payload["moves"][0]["amount"] == "250"


def test_stock_of_the_same_kind_shares_one_balance_row(stock):
    stock.receive(stock.world.screw, 100)
    stock.receive(stock.world.screw, 50)
    assert Balance.objects.get().on_hand == 150


def test_an_issue_takes_its_share_of_value_and_the_last_piece_takes_the_rest(stock):
    part = stock.world.screw
    stock.receive(part, 3, "10.00")
    taken = [stock.issue(part, 1).facts[0].amount for _ in range(3)]
    assert taken == [D("3.33"), D("3.34"), D("3.33")]
    assert stock.worth(part) == (0, 0)


def test_moves_inside_a_plant_carry_no_value(stock):
    part = stock.world.screw
    stock.receive(part, 10, "10.00")
    stock.post(stock.intent(part, 4, stock.bin, stock.line_side))
    assert ValueEntry.objects.count() == 1
    assert stock.worth(part) == (10, D("10.00"))
    assert stock.at(stock.line_side, part) == (4, 0)
    assert stock.supply(part) == (6, 0)


def test_moves_between_plants_carry_their_value_along(stock):
    part = stock.world.screw
    there = stock.place("P2-BIN", plant=stock.world.second_plant)
    stock.receive(part, 10, "99.99")
    (fact,) = stock.post(stock.intent(part, 3, stock.bin, there)).facts
    assert fact.amount == fact.to_amount == D("30.00")
    assert (fact.plant, fact.to_plant) == (stock.world.plant.pk, stock.world.second_plant.pk)
    assert stock.worth(part) == (7, D("69.99"))
    assert stock.worth(part, stock.world.second_plant) == (3, D("30.00"))


def test_others_stock_lies_apart_and_carries_no_value(stock):
    part = stock.world.screw
    stock.receive(part, 10, "50.00", owner=stock.world.customer.pk)
    assert stock.worth(part) == (0, 0)
    assert stock.supply(part) == (0, 0)
    assert Balance.objects.get().owner_id == stock.world.customer.pk
    with pytest.raises(errors.NotEnoughStock):
        stock.issue(part, 1)
    stock.issue(part, 1, owner=stock.world.customer.pk)
    assert Balance.objects.get().on_hand == 9


def test_what_one_intent_puts_down_the_next_may_take_up(stock):
    part, s = stock.world.screw, stock.standing
    stock.post(
        stock.intent(part, 10, s.supplier, s.inspection, amount="20"),
        stock.intent(part, 8, s.inspection, stock.bin),
        stock.intent(part, 2, s.inspection, s.rejected),
    )
    assert stock.at(s.inspection, part) == (0, 0)
    assert stock.at(stock.bin, part) == (8, 0)
    assert stock.at(s.rejected, part) == (2, 0)
    assert stock.supply(part) == (8, 0)
    assert stock.worth(part) == (10, D("20.00"))


def test_too_little_is_refused_with_every_shortage_and_nothing_is_written(stock):
    screw, part = stock.world.screw, stock.world.part
    stock.receive(screw, 5)
    line = new_id()
    with pytest.raises(errors.NotEnoughStock) as refusal:
        stock.post(
            stock.intent(screw, 8, stock.bin, stock.standing.production),
            stock.intent(part, 1, stock.bin, stock.standing.production, origin_line=line),
        )
    first, second = refusal.value.shortages
    assert (first.item, first.location, first.free, first.missing) == ("BP-1", "BIN-1", 5, 3)
    assert (second.item, second.missing, second.line) == ("MP-1", 1, line)
    assert "BP-1" in refusal.value.text("zh")
    assert stock.at(stock.bin, screw) == (5, 0)
    assert Move.objects.count() == 1


def test_a_fact_moves_what_is_there_and_tells_what_is_missing(stock):
    part = stock.world.screw
    stock.receive(part, 5, "5.00")
    posted = stock.issue(part, 8, is_fact=True)
    assert [move.quantity for move in posted] == [5]
    assert posted.missing == {0: 3}
    assert stock.worth(part) == (0, 0)
    again = stock.issue(part, 2, is_fact=True)
    assert (tuple(again), again.missing) == ((), {0: 2})


CASES = [
    ("quantity below zero", dict(quantity=-1), errors.QuantityNotPositive),
    ("zero", dict(quantity=0), errors.QuantityNotPositive),
    ("too large", dict(quantity="100000000000000"), errors.QuantityTooLarge),
    ("too fine for pieces", dict(quantity="1.5"), errors.QuantityTooFine),
    ("value below zero", dict(amount="-1"), errors.AmountNotValid),
    ("value too fine", dict(amount="1.001"), errors.AmountNotValid),
    ("a lot where none is kept", dict(lot="other"), errors.LotNotTracked),
    ("an unknown place", dict(target=new_id()), errors.NoSuchLocation),
    ("a far end to a far end", dict(target="customer"), errors.WrongLocation),
    ("the same place", dict(source="bin"), errors.SamePlace),
    ("tomorrow", dict(moved_at=datetime(2026, 3, 3, 8, tzinfo=UTC)), errors.InFuture),
]


@pytest.mark.parametrize(("change", "refusal"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_an_intent_that_cannot_be_is_refused(stock, change, refusal):
    given = {"quantity": 1, "source": stock.standing.supplier, "target": stock.bin} | change
    given["source"] = stock.bin if given["source"] == "bin" else given["source"]
    given["target"] = stock.standing.customer if given["target"] == "customer" else given["target"]
    if given.get("lot") == "other":
        given["lot"] = stock.lot(stock.world.steel)
    with pytest.raises(refusal):
        stock.post(
            stock.intent(
                stock.world.screw, given.pop("quantity"), given.pop("source"), given.pop("target"), **given
            )
        )
    assert Move.objects.count() == 0


def test_services_have_no_stock(stock):
    with pytest.raises(errors.ItemNotStocked):
        stock.receive(stock.world.item(kind="service"), 1)


def test_a_closed_place_takes_nothing_more_in_but_can_be_emptied(stock):
    part = stock.world.screw
    stock.receive(part, 5)
    stock.world.change(stock.bin, is_active=False)
    with pytest.raises(errors.LocationClosed):
        stock.receive(part, 1)
    stock.post(stock.intent(part, 5, stock.bin, stock.other_bin))
    assert stock.at(stock.other_bin, part) == (5, 0)


def test_tracked_items_move_by_lot(stock):
    steel, lot = stock.world.steel, stock.lot(stock.world.steel, "H-1")
    with pytest.raises(errors.LotNeeded):
        stock.receive(steel, "1.5")
    stock.receive(steel, "1.5", "9.00", lot=lot)
    assert stock.at(stock.bin, steel, lot) == (D("1.5"), 0)
    other = stock.lot(stock.world.product, "P-1")
    with pytest.raises(errors.LotOfOtherItem):
        stock.receive(steel, 1, lot=other)
    with pytest.raises(errors.NoSuchLot):
        stock.receive(steel, 1, lot=new_id())


def test_a_serial_number_is_one_piece_in_one_place(stock):
    motor = stock.world.motor
    serial = stock.lot(motor, "SN-1")
    with pytest.raises(errors.SerialOfOne):
        stock.receive(motor, 2, lot=serial)
    stock.receive(motor, 1, "300", lot=serial)
    with pytest.raises(errors.SerialThere):
        stock.receive(motor, 1, "300", target=stock.other_bin, lot=serial)
    stock.post(stock.intent(motor, 1, stock.bin, stock.other_bin, lot=serial))
    stock.issue(motor, 1, stock.other_bin, lot=serial)
    stock.receive(motor, 1, "300", lot=serial)
    assert stock.at(stock.bin, motor, serial) == (1, 0)


def test_a_move_may_be_dated_back_only_into_an_open_period(stock, monkeypatch):
    monkeypatch.setitem(registry._ports, "inventory.period_is_open", lambda day: day.month != 1)
    stock.receive(stock.world.screw, 1, moved_at=datetime(2026, 2, 27, 8, tzinfo=UTC))
    with pytest.raises(errors.PeriodClosed) as refusal:
        stock.receive(stock.world.screw, 1, moved_at=datetime(2026, 1, 31, 15, 59, tzinfo=UTC))
    assert refusal.value.data["day"] == "2026-01-31"
    # in Shanghai it is February already
    stock.receive(stock.world.screw, 1, moved_at=datetime(2026, 1, 31, 16, 0, tzinfo=UTC))
    assert stock.at(stock.bin, stock.world.screw) == (2, 0)


def test_a_reversal_takes_back_the_exact_value_and_names_the_move(stock):
    part = stock.world.screw
    stock.receive(part, 3, "10.00")
    (out,) = stock.issue(part, 1)
    stock.receive(part, 7, "90.00")
    (back,) = stock.reverse([out])
    assert back.reverses_id == out.pk
    assert (back.source_id, back.target_id, back.reason) == (out.target_id, out.source_id, "录错")
    assert stock.worth(part) == (10, D("100.00"))
    with pytest.raises(errors.AlreadyReversed):
        stock.reverse([out])
    with pytest.raises(errors.AlreadyReversed):
        stock.reverse([back])


def test_a_reversed_receipt_leaves_no_value_without_stock(stock):
    part = stock.world.screw
    (dear,) = stock.receive(part, 10, "1000.00")
    stock.receive(part, 5, "50.00")
    stock.issue(part, 5)
    (fact,) = stock.reverse([dear]).facts
    assert (fact.amount, fact.difference) == (D("700.00"), D("300.00"))
    assert stock.worth(part) == (0, 0)


def test_a_reversal_is_refused_when_the_goods_have_gone_on(stock):
    part = stock.world.screw
    (move,) = stock.receive(part, 10, "10.00")
    stock.issue(part, 1)
    with pytest.raises(errors.NotEnoughStock):
        stock.reverse([move])


def test_a_chain_of_moves_is_reversed_from_its_end(stock):
    part, s = stock.world.screw, stock.standing
    moves = stock.post(
        stock.intent(part, 10, s.supplier, s.inspection, amount="20"),
        stock.intent(part, 10, s.inspection, stock.bin),
    )
    stock.reverse(moves)
    assert stock.on_hand(part) == 0
    assert stock.worth(part) == (0, 0)


def test_a_ledger_row_is_never_altered(stock):
    stock.receive(stock.world.screw, 1)
    with pytest.raises(DatabaseError, match="ledger"):
        Move.objects.update(quantity=2)


def test_five_lines_with_lots_and_demands_take_at_most_seven_statements(stock):
    w = stock.world
    lot = stock.lot(w.steel)
    for item, more in ((w.screw, {}), (w.part, {}), (w.steel, {"lot": lot})):
        stock.receive(item, 100, "100", **more)
    items = [(w.screw, {}), (w.part, {}), (w.steel, {"lot": lot}), (w.screw, {}), (w.part, {})]
    demand = stock.promise(w.screw, 5)
    stock.allocate(demand)
    stock.promise(w.part, 5, demand.line)
    from banyan.modules.inventory import commands

    intents = [
        stock.intent(item, 1, stock.bin, stock.standing.production, demand=demand.key, **more)
        for item, more in items
    ]
    assert stock.counted(lambda ctx: commands.post_moves(ctx, intents)) == 6
    plain = [stock.intent(w.screw, 1, stock.bin, stock.standing.production)]
    assert stock.counted(lambda ctx: commands.post_moves(ctx, plain)) == 4
    new = [stock.intent(w.item(), 1, stock.standing.supplier, stock.bin, amount="1")]
    assert stock.counted(lambda ctx: commands.post_moves(ctx, new)) == 4


def test_held_lots_cannot_be_issued_but_moved_aside(stock):
    steel = stock.world.steel
    lot = stock.lot(steel, "H-1")
    stock.receive(steel, 10, "10", lot=lot)
    stock.world.do("inventory.lot.hold", lot, reason="硬度偏低")
    assert stock.supply(steel) == (0, 0)
    for target in (stock.standing.production, stock.standing.customer, stock.line_side):
        with pytest.raises(errors.HeldLot) as refusal:
            stock.post(stock.intent(steel, 1, stock.bin, target, lot=lot))
        assert "硬度偏低" in refusal.value.text("zh")
    stock.post(stock.intent(steel, 4, stock.bin, stock.standing.rejected, lot=lot))
    assert stock.at(stock.bin, steel, lot) == (6, 0)
    stock.world.do("inventory.lot.release", lot, reason="复检合格")
    assert stock.supply(steel) == (6, 0)
    stock.issue(steel, 6, lot=lot)


def test_a_fact_from_before_the_hold_is_booked_and_flagged(stock):
    steel = stock.world.steel
    lot = stock.lot(steel, "H-1")
    stock.receive(steel, 10, "10", lot=lot)
    stock.world.do("inventory.lot.hold", lot, reason="硬度偏低")
    before = stock.ctx.now - timedelta(hours=1)
    (move,) = stock.issue(steel, 2, lot=lot, is_fact=True, moved_at=before)
    assert move.flag == "held_lot"
    assert Lot.objects.get(pk=lot.pk).state == "held"
    with pytest.raises(errors.HeldLot):
        stock.issue(steel, 2, lot=lot, is_fact=True)
