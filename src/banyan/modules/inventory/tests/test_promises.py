"""Promises and allocations: what is kept for whom, and what takes it away."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from banyan.kernel.models import Outbox
from banyan.modules.inventory import commands, errors, queries
from banyan.modules.inventory.models import Allocation, Promise

pytestmark = pytest.mark.django_db
NONE = (Decimal(0), Decimal(0))


def held(demand):
    """Give (promised, allocated) of a demand."""
    return queries.held_by([demand.line]).get(demand.line, NONE)


def broken():
    """Give what demand lines were told to have lost, in order."""
    return [
        (one["line"], Decimal(one["quantity"]))
        for row in Outbox.objects.filter(type="inventory.promises_broken").order_by("seq")
        for one in row.payload["broken"]
    ]


def promise_many(stock, *demands, is_partial=False):
    act = commands.promise_what_is_free if is_partial else commands.promise
    return stock.inside(lambda ctx: act(ctx, demands))


def test_a_promise_keeps_stock_from_others(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    demand = stock.promise(part, 8)
    assert stock.supply(part) == (10, 8)
    assert queries.available(stock.world.plant.pk, [part.pk]) == {part.pk: 2}
    with pytest.raises(errors.NotEnoughStock) as refusal:
        stock.issue(part, 3)
    assert (refusal.value.shortages[0].free, refusal.value.shortages[0].missing) == (2, 1)
    stock.issue(part, 2)
    stock.issue(part, 5, demand=demand.key)
    assert held(demand) == (3, 0)
    assert stock.supply(part) == (3, 3)


def test_promises_are_all_or_none_and_say_what_each_line_misses(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    one, two = stock.demand(part, 7), stock.demand(part, 5)
    with pytest.raises(errors.NotEnoughStock) as refusal:
        promise_many(stock, one, two)
    (short,) = refusal.value.shortages
    assert (short.line, short.item, short.location, short.free, short.missing) == (
        two.line,
        "BP-1",
        "P1",
        3,
        2,
    )
    assert Promise.objects.count() == 0
    assert stock.supply(part) == (10, 0)


def test_what_is_free_is_shared_first_come_first_served(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    one, two, three = (stock.demand(part, n) for n in (7, 5, 5))
    got = promise_many(stock, one, two, three, is_partial=True)
    assert got == {one.key: 7, two.key: 3, three.key: 0}
    assert stock.supply(part) == (10, 10)


def test_a_second_promise_of_a_line_adds_to_the_first(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    demand = stock.promise(part, 4)
    stock.promise(part, 3, demand.line)
    assert Promise.objects.get().quantity == 7


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_nothing_is_no_promise(stock, quantity):
    with pytest.raises(errors.QuantityNotPositive):
        stock.promise(stock.world.screw, quantity)


def test_promises_are_released_in_part_or_whole(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    demand = stock.promise(part, 8)
    assert stock.release(stock.demand(part, 3, demand.line)) == {demand.key: 3}
    assert held(demand) == (5, 0)
    assert stock.release(stock.demand(part, None, demand.line)) == {demand.key: 5}
    assert Promise.objects.count() == 0
    assert stock.supply(part) == (10, 0)
    assert stock.release(stock.demand(part, None, demand.line)) == {demand.key: 0}


def test_goods_that_wait_for_inspection_or_lie_at_the_line_cannot_be_promised(stock):
    part = stock.world.screw
    stock.receive(part, 5, target=stock.standing.inspection)
    stock.receive(part, 5, target=stock.line_side)
    stock.receive(part, 5, target=stock.standing.rejected)
    assert stock.supply(part) == (0, 0)
    with pytest.raises(errors.NotEnoughStock):
        stock.promise(part, 1)


def test_allocation_takes_first_expiry_then_first_in_and_uses_the_promise_up(stock):
    grease = stock.world.grease
    late, soon, never = (
        stock.lot(grease, number, expires_on=expires)
        for number, expires in (
            ("LATE", stock.ctx.now.date() + timedelta(days=300)),
            ("SOON", stock.ctx.now.date() + timedelta(days=30)),
            ("NEVER", None),
        )
    )
    gone = stock.lot(grease, "GONE", expires_on=stock.ctx.now.date() - timedelta(days=1))
    for lot in (late, soon, never, gone):
        stock.receive(grease, 5, lot=lot)
    demand = stock.promise(grease, 12)
    rows = stock.allocate(demand)
    assert [(row.lot, row.quantity) for row in rows] == [(soon.pk, 5), (late.pk, 5), (never.pk, 2)]
    assert held(demand) == (0, 12)
    assert stock.at(stock.bin, grease, never) == (5, 2)
    assert stock.supply(grease) == (8, 0)
    with pytest.raises(errors.NotEnoughStock) as refusal:
        stock.allocate(stock.demand(grease, 4))
    assert refusal.value.shortages[0].missing == 1, "what has expired is not allocated"


def test_allocating_again_gives_what_is_there_already_and_adds_the_rest(stock):
    part = stock.world.screw
    stock.receive(part, 5)
    stock.receive(part, 5, target=stock.other_bin)
    demand = stock.demand(part, 3)
    stock.allocate(demand)
    rows = stock.allocate(stock.demand(part, 7, demand.line))
    assert sorted((row.location, row.quantity) for row in rows) == sorted(
        [(stock.bin.pk, Decimal(3)), (stock.bin.pk, Decimal(2)), (stock.other_bin.pk, Decimal(2))]
    )
    assert held(demand) == (0, 7)
    assert Allocation.objects.count() == 2
    part_of_it = stock.allocate(stock.demand(part, 20, demand.line), is_partial=True)
    assert sum(row.quantity for row in part_of_it) == 10


def test_others_do_not_get_what_is_allocated(stock):
    part = stock.world.screw
    stock.receive(part, 5)
    stock.receive(part, 5, target=stock.other_bin)
    demand = stock.demand(part, 4)
    stock.allocate(demand)
    with pytest.raises(errors.NotEnoughStock) as refusal:
        stock.issue(part, 2)
    assert refusal.value.shortages[0].free == 1
    stock.issue(part, 2, demand=demand.key)
    assert stock.at(stock.bin, part) == (3, 2)


def test_taking_from_another_bin_frees_the_allocated_one(stock):
    part = stock.world.screw
    stock.receive(part, 5)
    stock.receive(part, 5, target=stock.other_bin)
    demand = stock.demand(part, 4)
    stock.allocate(demand)
    stock.issue(part, 4, stock.other_bin, demand=demand.key)
    assert held(demand) == NONE
    assert stock.at(stock.bin, part) == (5, 0)
    assert stock.at(stock.other_bin, part) == (1, 0)
    assert stock.supply(part) == (6, 0)


def test_released_allocations_are_available_again(stock):
    part = stock.world.screw
    stock.receive(part, 5)
    demand = stock.demand(part, 4)
    stock.allocate(demand)
    assert stock.supply(part) == (1, 0)
    stock.release(stock.demand(part, 1, demand.line))
    assert stock.at(stock.bin, part) == (5, 3)
    assert stock.supply(part) == (2, 0)


def test_a_fact_takes_what_is_promised_to_the_newest_demand(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    old = stock.promise(part, 4)
    later = stock.ctx.with_(now=stock.ctx.now + timedelta(minutes=1))
    new = stock.promise(part, 5, ctx=later)
    stock.issue(part, 4, is_fact=True)
    assert held(old) == (4, 0)
    assert held(new) == (2, 0)
    assert stock.supply(part) == (6, 6)
    assert broken() == [(str(new.line), 3)]


def test_a_fact_takes_what_is_allocated_too(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    demand = stock.demand(part, 8)
    stock.allocate(demand)
    stock.issue(part, 7, is_fact=True)
    assert held(demand) == (0, 3)
    assert stock.at(stock.bin, part) == (3, 3)
    assert stock.supply(part) == (0, 0)
    assert broken() == [(str(demand.line), 5)]


def test_a_hold_takes_promises_that_can_no_longer_be_kept_and_names_allocations(stock):
    steel = stock.world.steel
    lot, other = stock.lot(steel, "A"), stock.lot(steel, "B")
    stock.receive(steel, 10, lot=lot)
    stock.receive(steel, 5, lot=other)
    picked, promised = stock.demand(steel, 4), None
    stock.allocate(picked)
    promised = stock.promise(steel, 8)
    stock.world.do("inventory.lot.hold", lot, reason="裂纹")
    assert stock.supply(steel) == (5, 5)
    assert held(promised) == (5, 0)
    assert broken() == [(str(promised.line), 3)]
    told = Outbox.objects.get(type="inventory.lot_held").payload
    assert [(one["line"], one["quantity"]) for one in told["allocated"]] == [(str(picked.line), "4")]
    assert held(picked) == (0, 4)
    with pytest.raises(errors.NotEnoughStock):
        stock.allocate(picked)
    stock.release(stock.demand(steel, None, promised.line))
    rows = stock.allocate(picked)
    assert [(row.lot, row.quantity) for row in rows] == [(other.pk, 4)]
    assert stock.at(stock.bin, steel, lot) == (10, 0)
    stock.world.do("inventory.lot.release", lot, reason="复检合格")
    assert stock.supply(steel) == (11, 0)


def test_one_command_allocates_ships_and_gives_the_rest_back(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    demand = stock.promise(part, 6)

    def ship(ctx):
        (row,) = commands.allocate(ctx, [stock.demand(part, 4, demand.line)])
        commands.post_moves(
            ctx,
            [stock.intent(part, row.quantity, row.location, stock.standing.customer, demand=demand.key)],
        )
        commands.release_promises(ctx, [stock.demand(part, None, demand.line)])

    stock.inside(ship)
    assert stock.supply(part) == (6, 0)
    assert held(demand) == NONE


def test_what_has_just_arrived_may_go_on_in_the_same_command(stock):
    part, s = stock.world.screw, stock.standing

    def receive_and_use(ctx):
        commands.post_moves(ctx, [stock.intent(part, 10, s.supplier, stock.bin, amount="20")])
        commands.post_moves(ctx, [stock.intent(part, 3, stock.bin, s.production)])

    stock.inside(receive_and_use)
    assert stock.worth(part) == (7, Decimal("14.00"))


def test_promising_all_takes_three_statements(stock):
    part = stock.world.screw
    stock.receive(part, 10)
    demands = [stock.demand(part, 1) for _ in range(5)]
    assert stock.counted(lambda ctx: commands.promise(ctx, demands)) == 3
    assert stock.counted(lambda ctx: commands.promise_what_is_free(ctx, demands)) == 2
