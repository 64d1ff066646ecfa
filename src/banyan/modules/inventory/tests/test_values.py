"""Value: what stock is worth by each costing method, at all times the sum of its entries."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banyan.kernel import db
from banyan.lib.ids import new_id
from banyan.modules.inventory import commands, errors, queries
from banyan.modules.inventory.models import ValueEntry, ValueLayer
from banyan.modules.inventory.values import ValueChange

pytestmark = pytest.mark.django_db
D = Decimal


def entries(item):
    """Give quantity and amount as the ledger of entries has them."""
    return db.one(
        "SELECT coalesce(sum(quantity), 0), coalesce(sum(amount), 0) "
        "FROM inventory_valueentry WHERE item_id = %s",
        [item.pk],
    )


def test_moving_average(stock):
    part = stock.world.screw
    stock.receive(part, 10, "100.00")
    stock.receive(part, 10, "140.00")
    assert stock.issue(part, 5).facts[0].amount == D("60.00")
    assert queries.unit_costs(stock.world.plant.pk, [part.pk]) == {part.pk: D("12.000000")}
    assert queries.stock_values(stock.world.plant.pk)[part.pk].amount == D("180.00")


def test_what_comes_in_without_a_value_is_worth_what_the_rest_is(stock):
    part, s = stock.world.screw, stock.standing
    stock.receive(part, 3, "10.00")
    assert stock.post(stock.intent(part, 1, s.adjustment, stock.bin)).facts[0].amount == D("3.33")
    stock.issue(part, 4)
    (fact,) = stock.post(stock.intent(part, 2, s.production, stock.bin)).facts
    assert fact.amount == D("6.67"), "13.33 / 4 pieces went out last"
    unknown = stock.world.part
    assert stock.post(stock.intent(unknown, 2, s.adjustment, stock.bin)).facts[0].amount == 0
    known = stock.world.item()
    stock.world.planned(known, standard_cost="2.5")
    assert stock.post(stock.intent(known, 3, s.adjustment, stock.bin)).facts[0].amount == D("7.50")


def test_standard_cost_sends_the_rest_to_variance(stock):
    part = stock.world.screw
    stock.world.planned(part, costing_method="standard", standard_cost="4")
    (fact,) = stock.receive(part, 10, "41.50").facts
    assert (fact.amount, fact.difference) == (D("40.00"), D("1.50"))
    entry = ValueEntry.objects.get()
    assert (entry.amount, entry.difference) == (D("40.00"), D("1.50"))
    assert stock.issue(part, 3).facts[0].amount == D("12.00")
    (move,) = stock.receive(part, 1, "5.00")
    (back,) = stock.reverse([move]).facts
    assert (back.amount, back.difference) == (D("4.00"), D("1.00"))
    assert stock.worth(part) == (7, D("28.00"))


def test_standard_without_a_standard_cost_is_refused(stock):
    part = stock.world.screw
    stock.world.planned(part, costing_method="standard")
    with pytest.raises(errors.StandardCostMissing):
        stock.receive(part, 10, "41.50")


def test_first_in_first_out_takes_the_oldest_layers(stock):
    part = stock.world.screw
    stock.world.planned(part, costing_method="fifo")
    stock.receive(part, 10, "100.00")
    stock.receive(part, 10, "140.00")
    assert stock.issue(part, 12).facts[0].amount == D("128.00")
    layer = ValueLayer.objects.get()
    assert (layer.quantity, layer.amount) == (8, D("112.00"))
    assert stock.issue(part, 8).facts[0].amount == D("112.00")
    assert ValueLayer.objects.count() == 0
    assert stock.worth(part) == (0, 0)


def test_a_reversed_receipt_takes_its_own_layer(stock):
    part = stock.world.screw
    stock.world.planned(part, costing_method="fifo")
    stock.receive(part, 10, "100.00")
    (dear,) = stock.receive(part, 10, "140.00")
    assert stock.reverse([dear]).facts[0].amount == D("140.00")
    assert stock.worth(part) == (10, D("100.00"))


def test_stock_from_before_the_method_was_chosen_goes_first(stock):
    part = stock.world.screw
    plan = stock.world.planned(part)
    stock.receive(part, 10, "100.00")
    stock.world.change(plan, costing_method="fifo")
    stock.receive(part, 10, "140.00")
    assert stock.issue(part, 5).facts[0].amount == D("50.00")
    assert stock.issue(part, 10).facts[0].amount == D("120.00")
    assert stock.worth(part) == (5, D("70.00"))


def test_a_fifo_posting_takes_one_statement_more(stock):
    part = stock.world.screw
    stock.world.planned(part, costing_method="fifo")
    stock.receive(part, 10, "100.00")
    intent = stock.intent(part, 3, stock.bin, stock.standing.production)
    assert stock.counted(lambda ctx: commands.post_moves(ctx, [intent])) == 5


def test_a_cost_run_adds_differences_and_leaves_the_past_alone(stock):
    part, run, plant = stock.world.screw, new_id(), stock.world.plant.pk
    stock.receive(part, 10, "100.00")
    stock.inside(lambda ctx: commands.revalue(ctx, run, [ValueChange(part.pk, plant, D("-12.34"))]))
    assert stock.worth(part) == (10, D("87.66"))
    entry = ValueEntry.objects.get(cost_run=run)
    assert (entry.quantity, entry.amount, entry.move_id) == (0, D("-12.34"), None)
    for amount in ("-87.67", "5"):
        if amount == "5":
            stock.issue(part, 10)
        with pytest.raises(errors.NoValueLeft):
            stock.inside(
                lambda ctx, a=amount: commands.revalue(ctx, run, [ValueChange(part.pk, plant, D(a))])
            )


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["in", "in", "out", "back", "all"]), st.integers(1, 40), st.integers(0, 99_999)
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("method", ["moving_average", "fifo"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_value_is_the_sum_of_its_entries_at_all_times(stock, method, steps):
    part = stock.world.item()
    stock.world.planned(part, costing_method=method)
    last = None
    for what, quantity, cents in steps:
        there, _ = stock.worth(part)
        if what == "in":
            (last,) = stock.receive(part, quantity, D(cents) / 100)
        elif what in ("out", "all") and there:
            (last,) = stock.issue(part, there if what == "all" else min(there, quantity))
        elif what == "back" and last is not None:
            try:
                stock.reverse([last])
            except errors.NotEnoughStock:
                pass
            last = None
        assert stock.worth(part) == entries(part)
        assert stock.worth(part)[0] == stock.on_hand(part)
        if not stock.worth(part)[0]:
            assert stock.worth(part)[1] == 0
