"""Lots: made, held, linked and traced."""

from __future__ import annotations

import time
from datetime import date

import pytest

from banyan.kernel import db
from banyan.kernel.models import Outbox
from banyan.lib.errors import Invalid, NotAllowed
from banyan.lib.ids import new_id
from banyan.modules.inventory import commands, errors, queries
from banyan.modules.inventory.models import Lot
from banyan.modules.inventory.values import Edge, LotWant

pytestmark = pytest.mark.django_db
WO = "production.work_order"


def edge(first, second, quantity=1, origin=None):
    return Edge(first.pk, second.pk if second else None, quantity, WO, origin or new_id())


def found(trace):
    return [(step.depth, step.number) for step in trace.steps]


def test_lots_get_a_number_and_the_day_they_expire(stock):
    one, two = stock.inside(
        lambda ctx: commands.make_lots(
            ctx,
            [
                LotWant(item=stock.world.grease.pk, made_on=date(2026, 1, 1)),
                LotWant(item=stock.world.steel.pk),
            ],
        )
    )
    assert one.number.startswith("L2603-")
    assert one.number != two.number
    assert (one.expires_on, two.expires_on) == (date(2027, 1, 1), None)


def test_the_same_number_of_an_item_is_the_same_lot(stock):
    first = stock.lot(stock.world.steel, "H25", heat_number="X1")
    again = stock.lot(stock.world.steel, "H25", heat_number="other")
    assert (again.pk, again.heat_number) == (first.pk, "X1")
    assert stock.lot(stock.world.grease, "H25").pk != first.pk


def test_untracked_items_have_no_lots(stock):
    with pytest.raises(errors.LotNotTracked):
        stock.lot(stock.world.screw, "X")


def test_a_hold_needs_the_right_and_a_reason(stock, nobody, person):
    lot = stock.lot(stock.world.steel, "A")
    from banyan.kernel.registry import command

    with pytest.raises(NotAllowed):
        command("inventory.lot.hold")(nobody, lot, {"reason": "x"})
    with pytest.raises(Invalid):
        command("inventory.lot.hold")(person("inventory.lot.*"), lot, {"reason": ""})
    command("inventory.lot.hold")(person("inventory.lot.hold"), lot, {"reason": "裂纹"})
    lot.refresh_from_db()
    assert (lot.state, lot.reason, lot.stopped_at) == ("held", "裂纹", stock.ctx.now)


def test_the_life_of_a_lot(stock):
    lot = stock.lot(stock.world.steel, "A")
    stock.receive(stock.world.steel, 5, lot=lot)
    for name, state, free in (
        ("hold", "held", 0), ("reject", "rejected", 0), ("hold", "held", 0), ("release", "released", 5),
        ("reject", "rejected", 0), ("release", "released", 5),
    ):  # fmt: skip
        stock.world.do(f"inventory.lot.{name}", lot, reason="检验")
        assert lot.state == state
        assert stock.supply(stock.world.steel) == (free, 0)
    assert lot.stopped_at is None
    assert Outbox.objects.filter(type="inventory.lot_released").count() == 2


def test_a_lot_that_has_moved_stays_of_its_item(stock):
    lot = stock.lot(stock.world.steel, "A")
    stock.world.change(lot, item=stock.world.grease, heat_number="H1")
    with pytest.raises(errors.LotNotTracked):
        stock.world.change(lot, item=stock.world.screw)
    stock.receive(stock.world.grease, 5, lot=lot)
    with pytest.raises(errors.LotInUse):
        stock.world.change(lot, item=stock.world.steel)
    stock.world.change(lot, heat_number="H2")


def test_what_arrives_of_a_held_lot_is_not_available(stock):
    lot = stock.lot(stock.world.steel, "A")
    stock.world.do("inventory.lot.hold", lot, reason="待检")
    stock.receive(stock.world.steel, 5, lot=lot)
    assert stock.supply(stock.world.steel) == (0, 0)
    stock.world.do("inventory.lot.release", lot, reason="合格")
    assert stock.supply(stock.world.steel) == (5, 0)


def test_a_hold_follows_genealogy_down_when_asked(stock):
    steel, product = stock.world.steel, stock.world.product
    bar, gear, box, other = (
        stock.lot(i, n) for i, n in ((steel, "BAR"), (product, "GEAR"), (product, "BOX"), (product, "OTHER"))
    )
    stock.link(edge(bar, gear), edge(gear, box))
    stock.receive(product, 3, lot=box)
    stock.receive(product, 4, lot=other)
    stock.world.do("inventory.lot.hold", bar, reason="炉号有误", with_output=True)
    states = dict(Lot.objects.values_list("number", "state"))
    assert states == {"BAR": "held", "GEAR": "held", "BOX": "held", "OTHER": "released"}
    assert stock.supply(product) == (4, 0)


def test_the_output_of_a_held_lot_is_held(stock):
    bar, gear = stock.lot(stock.world.steel, "BAR"), stock.lot(stock.world.product, "GEAR")
    stock.world.do("inventory.lot.hold", bar, reason="裂纹")
    stock.link(edge(bar, gear))
    gear.refresh_from_db()
    assert (gear.state, gear.reason) == ("held", "BAR: 裂纹")


def test_trace_goes_both_ways_at_least_depth(stock):
    steel, product = stock.world.steel, stock.world.product
    a, b, c, d, e = (stock.lot(steel if n in "AB" else product, n) for n in "ABCDE")
    stock.link(edge(a, c), edge(b, c), edge(c, d), edge(a, d), edge(d, e))
    assert found(queries.trace([a.pk], "down")) == [(1, "C"), (1, "D"), (2, "E")]
    assert found(queries.trace([e.pk], "up")) == [(1, "D"), (2, "A"), (2, "C"), (3, "B")]
    cut = queries.trace([e.pk], "up", depth_limit=2)
    assert (found(cut), cut.is_cut) == ([(1, "D"), (2, "A"), (2, "C")], True)
    assert queries.trace([e.pk], "down").steps == ()


def test_a_loop_ends(stock):
    product = stock.world.product
    a, b, c = (stock.lot(product, n) for n in "ABC")
    stock.link(edge(a, b), edge(b, c), edge(c, a))
    assert found(queries.trace([a.pk], "down")) == [(1, "B"), (2, "C")]


def test_an_edge_taken_back_leads_nowhere(stock):
    a, b, order = stock.lot(stock.world.steel, "A"), stock.lot(stock.world.product, "B"), new_id()
    stock.link(edge(a, b, 2, order))
    stock.link(edge(a, b, -2, order))
    assert queries.trace([a.pk], "down").steps == ()
    assert queries.trace([b.pk], "up").steps == ()


def test_what_is_known_for_the_order_only_leads_to_all_its_lots(stock):
    order = new_id()
    bar = stock.lot(stock.world.steel, "BAR")
    one, two = (stock.lot(stock.world.product, n, origin_noun=WO, origin=order) for n in ("ONE", "TWO"))
    stock.link(edge(bar, None, 5, order))
    assert found(queries.trace([bar.pk], "down")) == [(1, "ONE"), (1, "TWO")]
    assert found(queries.trace([two.pk], "up")) == [(1, "BAR")]
    assert queries.trace([one.pk], "up").steps[0].origin == order


def test_where_a_lot_came_from_and_where_it_is(stock):
    steel, s = stock.world.steel, stock.standing
    lot = stock.lot(steel, "A")
    stock.receive(steel, 10, lot=lot)
    shipment = new_id()
    stock.post(stock.intent(steel, 4, stock.bin, s.customer, lot=lot, origin=shipment))
    (wrong,) = stock.post(stock.intent(steel, 2, stock.bin, s.scrap, lot=lot, origin=new_id()))
    stock.reverse([wrong])
    (came,) = queries.origins([lot.pk])
    assert (came.quantity, came.source_kind) == (10, "supplier")
    here, gone = queries.whereabouts([lot.pk])
    assert (here.location_code, here.quantity) == ("BIN-1", 6)
    assert (gone.kind, gone.quantity, gone.origin) == ("customer", 4, shipment)


@pytest.mark.slow
def test_a_trace_among_a_million_edges_answers_at_once(stock):
    """500 bars go into 5,000 gears, and 25 gears into each of 40,000 boxes."""
    stock.world.product  # noqa: B018  made while the tables still have their guards
    db.run("SET CONSTRAINTS ALL IMMEDIATE")
    for table in ("inventory_genealogy", "inventory_lot"):
        # loading a million rows is not what is measured
        foreign = db.rows(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", [table]
        )
        for (name,) in foreign:
            db.run(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        db.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    db.run(
        "INSERT INTO inventory_lot "
        "(id, item_id, number, state, reason, supplier_lot, heat_number, origin_noun, version) "
        "SELECT md5('lot' || n)::uuid, %s, 'N' || n, 'released', '', '', '', '', 1 "
        "FROM generate_series(0, 45499) n",
        [stock.world.product.pk],
    )
    db.run(
        """
        INSERT INTO inventory_genealogy (id, input_lot_id, output_lot_id, quantity, origin_noun, origin, at)
        SELECT gen_random_uuid(), md5('lot' || a)::uuid, md5('lot' || b)::uuid, 1, 'x', gen_random_uuid(),
               now()
        FROM (
            SELECT g % 500 AS a, 500 + g AS b FROM generate_series(0, 4999) g
            UNION ALL SELECT 500 + (b * 7 + k * 131) % 5000, 5500 + b
            FROM generate_series(0, 39999) b, generate_series(0, 24) k
        ) e
        """
    )
    db.run("ANALYZE inventory_genealogy")
    db.run("ANALYZE inventory_lot")
    for number, way, count, most in (
        ("lot30000", "up", 50, 0.05), ("lot700", "down", 200, 0.1), ("lot17", "down", 2010, 0.5),
    ):  # fmt: skip
        key = db.one("SELECT md5(%s)::uuid", [number])[0]
        queries.trace([key], way)
        began = time.perf_counter()
        steps = queries.trace([key], way).steps
        taken = time.perf_counter() - began
        print(f"{len(steps)} lots {way} in {taken * 1000:.0f} ms")
        assert len(steps) == pytest.approx(count, rel=0.1)
        assert taken < most
