"""Stock documents, counts and locations: every command, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import Outbox
from banyan.kernel.queries import ask, declared_query
from banyan.kernel.reading import Query, list_records, read_record
from banyan.lib.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound, Stale
from banyan.modules.inventory import commands, errors, queries
from banyan.modules.inventory.models import Count, CountLine, Location, Move, StockDocument
from banyan.modules.inventory.values import Edge
from banyan.modules.items.commands import moved_items as moved

pytestmark = pytest.mark.django_db
D = Decimal
DOCUMENT, COUNT = "inventory.stock_document", "inventory.count"


def document(stock, kind, *lines, **head):
    stock.standing  # noqa: B018  the places it falls back to
    rows = [{"item": item.pk, "quantity": str(quantity), **more} for item, quantity, more in lines]
    return stock.world.make(
        DOCUMENT, kind=kind, plant=stock.world.plant, lines=rows, **{"reason": "试", **head}
    )


def post(stock, one):
    stock.world.do(f"{DOCUMENT}.post", one)
    return one


# --- documents ----------------------------------------------------------------------------------------------


def test_a_receipt_brings_goods_with_their_value_and_makes_named_lots(stock):
    steel = stock.world.steel
    one = document(
        stock, "receipt", (steel, "2.5", {"lot_number": "H-1", "amount": "25", "target": stock.bin.pk})
    )
    post(stock, one)
    assert (one.state, one.number, one.moved_at) == ("posted", "ST2603-00001", stock.ctx.now)
    (row,) = queries.stock_rows(stock.world.plant.pk, [steel.pk])
    assert (row.lot_number, row.location_code, row.on_hand) == ("H-1", "BIN-1", D("2.5"))
    assert stock.worth(steel) == (D("2.5"), D("25"))
    move = Move.objects.get()
    assert (move.origin_noun, move.origin, move.origin_line) == (DOCUMENT, one.pk, one.lines.get().pk)
    assert move.reason == "试"


def test_documents_fall_back_to_the_places_of_the_plant(stock):
    screw, s = stock.world.screw, stock.standing
    post(stock, document(stock, "receipt", (screw, 10, {})))
    assert stock.at(s.warehouse, screw) == (10, 0)
    post(stock, document(stock, "issue", (screw, 1, {})))
    post(stock, document(stock, "issue", (screw, 1, {"target": s.scrap})))
    post(stock, document(stock, "transfer", (screw, 2, {}), target=stock.bin))
    post(stock, document(stock, "return", (screw, 3, {})))
    post(
        stock,
        document(
            stock, "adjustment", (screw, 5, {}), (screw, -4, {"source": stock.bin.pk}), source=stock.bin
        ),
    )
    assert stock.at(s.warehouse, screw) == (9, 0)
    assert stock.at(stock.bin, screw) == (3, 0)


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [
        ("receipt", "warehouse", "inspection"), ("issue", "warehouse", "customer"),
        ("issue", "warehouse", "rejected"), ("transfer", "supplier", "warehouse"),
        ("return", "warehouse", "scrap"), ("return", "supplier", "warehouse"),
    ],
)  # fmt: skip
def test_a_document_joins_only_ends_of_its_kind(stock, kind, source, target):
    s = stock.standing
    one = document(
        stock, kind, (stock.world.screw, 1, {}), source=getattr(s, source), target=getattr(s, target)
    )
    with pytest.raises(errors.WrongLocation):
        post(stock, one)
    one.refresh_from_db()
    assert (one.state, one.number) == ("draft", None)


def test_a_reversed_document_takes_everything_back(stock):
    screw = stock.world.screw
    one = post(stock, document(stock, "receipt", (screw, 3, {"amount": "10"}), (screw, 4, {"amount": "11"})))
    stock.world.do(f"{DOCUMENT}.reverse", one, reason="录错")
    assert one.state == "reversed"
    assert stock.worth(screw) == (0, 0)
    assert Move.objects.filter(reverses__isnull=False).count() == 2
    with pytest.raises(WrongState):
        stock.world.do(f"{DOCUMENT}.reverse", one, reason="又一次")


def test_a_posted_document_is_neither_changed_nor_posted_again(stock):
    one = post(stock, document(stock, "receipt", (stock.world.screw, 3, {})))
    for command, data in (("change", {"reason": "别的"}), ("post", {}), ("delete", {})):
        with pytest.raises(WrongState):
            stock.world.do(f"{DOCUMENT}.{command}", one, **data)


@pytest.mark.parametrize(("kind", "quantity"), [("receipt", "0"), ("issue", "-1"), ("adjustment", "0")])
def test_a_document_that_cannot_be_is_not_written(stock, kind, quantity):
    with pytest.raises(Invalid):
        document(stock, kind, (stock.world.screw, quantity, {}))
    assert StockDocument.objects.count() == 0


def test_a_document_is_posted_with_a_reason(stock):
    with pytest.raises(errors.ReasonNeeded):
        post(stock, document(stock, "receipt", (stock.world.screw, 1, {}), reason=""))


def test_scrapping_more_than_there_is_is_refused_as_a_whole(stock):
    screw = stock.world.screw
    post(stock, document(stock, "receipt", (screw, 3, {})))
    with pytest.raises(errors.NotEnoughStock) as refusal:
        post(stock, document(stock, "issue", (screw, 5, {"target": stock.standing.scrap})))
    assert (refusal.value.shortages[0].free, refusal.value.shortages[0].missing) == (3, 2)
    assert stock.on_hand(screw) == 3


def test_rights_stale_versions_and_repeated_keys(stock, nobody, person):
    one = document(stock, "receipt", (stock.world.screw, 3, {}))
    cmd = registry.command(f"{DOCUMENT}.post")
    with pytest.raises(NotAllowed):
        execute(nobody, cmd, ids=[one.pk])
    with pytest.raises(NotFound):
        execute(person((f"{DOCUMENT}.post", "plant")), cmd, ids=[one.pk])
    with pytest.raises(Stale):
        execute(stock.ctx, cmd, ids=[one.pk], versions={one.pk: 7})
    keyed = stock.ctx.with_(key="scan-1")
    first, again = execute(keyed, cmd, ids=[one.pk]), execute(keyed, cmd, ids=[one.pk])
    assert (first.is_replay, again.is_replay) == (False, True)
    assert Move.objects.count() == 1


def test_a_document_moves_stock_of_its_own_plant(stock, person):
    screw = stock.world.screw
    stock.receive(screw, 5)
    far = stock.place("FAR", plant=stock.world.second_plant)
    with pytest.raises(errors.WrongLocation):
        post(stock, document(stock, "receipt", (screw, 1, {}), target=far))
    with pytest.raises(errors.WrongLocation):
        post(stock, document(stock, "transfer", (screw, 1, {}), source=far, target=stock.bin))
    post(stock, document(stock, "transfer", (screw, 1, {}), source=stock.bin, target=far))
    data = {"item": screw.pk, "quantity": "1", "source": stock.bin.pk, "target": far.pk}
    here, elsewhere = stock.world.plant.pk, stock.world.second_plant.pk
    cmd = registry.command(f"{DOCUMENT}.transfer")
    with pytest.raises(NotFound):
        execute(person((cmd.key, "plant"), plants=[elsewhere]), cmd, data=data)
    execute(person((cmd.key, "plant"), plants=[here]), cmd, data=data)
    assert stock.at(far, screw) == (2, 0)


def test_two_scans_transfer_at_once(stock):
    screw = stock.world.screw
    stock.receive(screw, 5)
    data = {"item": screw.pk, "quantity": "2", "source": stock.bin.pk, "target": stock.other_bin.pk}
    outcome = execute(stock.ctx, registry.command(f"{DOCUMENT}.transfer"), data=data)
    made = StockDocument.objects.get(pk=outcome.ids[0])
    assert (made.state, made.number, made.kind) == ("posted", "ST2603-00001", "transfer")
    assert stock.at(stock.other_bin, screw) == (2, 0)
    for change, refusal in (
        ({"quantity": "0"}, Invalid), ({"quantity": "9"}, errors.NotEnoughStock),
        ({"target": stock.standing.customer}, errors.WrongLocation),
        ({"target": stock.bin.pk}, errors.SamePlace),
    ):  # fmt: skip
        with pytest.raises(refusal):
            execute(stock.ctx, registry.command(f"{DOCUMENT}.transfer"), data=data | change)
    assert StockDocument.objects.count() == 1


def test_a_transfer_told_afterwards_is_a_fact_of_then(stock):
    steel = stock.world.steel
    lot = stock.lot(steel, "H-1")
    stock.receive(steel, 5, lot=lot)
    stock.allocate(stock.promise(steel, 5))
    cmd, hour = registry.command(f"{DOCUMENT}.transfer"), timedelta(hours=1)
    data = {"item": steel.pk, "lot": lot.pk, "quantity": "2", "source": stock.bin.pk, "target": stock.line_side.pk}
    with pytest.raises(errors.NotEnoughStock):  # now it would be taken from who holds it
        execute(stock.ctx, cmd, data=data)
    stock.world.do("inventory.lot.hold", lot, reason="复检")
    lot.refresh_from_db()
    told = stock.ctx.with_(now=lot.stopped_at + 2 * hour)
    with pytest.raises(errors.HeldLot):
        execute(told.with_(told_at=lot.stopped_at + hour), cmd, data=data)
    made = execute(told.with_(told_at=lot.stopped_at - hour), cmd, data=data).value
    move = Move.objects.get(origin=made.pk)
    assert (made.moved_at, move.moved_at, move.flag) == (lot.stopped_at - hour,) * 2 + ("held_lot",)
    assert stock.at(stock.line_side, steel, lot)[0] == 2
    with pytest.raises(errors.NotEnoughStock):  # all of a line moves or nothing
        execute(told.with_(told_at=lot.stopped_at - hour), cmd, data=data | {"quantity": "9"})
    assert stock.at(stock.bin, steel, lot)[0] == 3


# --- counts -------------------------------------------------------------------------------------------------


def count(stock, **more):
    stock.standing  # noqa: B018  the far end of adjustments
    made = stock.world.make(COUNT, plant=stock.world.plant, location=stock.store, **more)
    stock.world.do(f"{COUNT}.start", made)
    return made


def enter(stock, made, *found):
    rows = [
        {"item": i.pk, "location": place.pk, "quantity": str(q), "lot": getattr(lot, "pk", None)}
        for i, place, q, *rest in found
        for lot in [rest[0] if rest else None]
    ]
    stock.world.do(f"{COUNT}.enter", made, found=rows)


def test_a_count_lays_out_what_the_books_know_below_its_location(stock):
    w = stock.world
    stock.receive(w.screw, 5, target=stock.shelf)
    stock.receive(w.screw, 5)
    made = count(stock)
    line = CountLine.objects.get(count=made)
    assert (line.item_id, line.location_id, line.expected, line.counted) == (
        w.screw.pk,
        stock.shelf.pk,
        5,
        None,
    )


def test_a_count_hides_the_books_from_the_counter(stock, person):
    stock.receive(stock.world.screw, 5, target=stock.shelf)
    made = count(stock)
    noun = registry.noun(COUNT)
    seen = read_record(person(f"{COUNT}.read", f"{COUNT}.enter"), noun, made.pk)["lines"][0]
    assert "expected" not in seen
    assert read_record(stock.ctx, noun, made.pk)["lines"][0]["expected"] == "5"


def test_differences_become_adjustments(stock):
    w = stock.world
    lot = stock.lot(w.steel, "A")
    stock.receive(w.screw, 5, "10", target=stock.shelf)
    stock.receive(w.steel, 4, "8", target=stock.shelf, lot=lot)
    made = count(stock, tolerance_percent="100")
    with pytest.raises(errors.NotCounted) as refusal:
        stock.world.do(f"{COUNT}.post", made)
    assert refusal.value.data["count"] == 2
    enter(stock, made, (w.screw, stock.shelf, 7), (w.steel, stock.shelf, "1.5", lot))
    enter(stock, made, (w.part, stock.shelf, 3))
    with pytest.raises(errors.RecountNeeded):
        stock.world.do(f"{COUNT}.post", made)
    enter(stock, made, (w.part, stock.shelf, 2))
    stock.world.do(f"{COUNT}.post", made)
    assert (made.state, made.number) == ("posted", "CT2603-00001")
    assert stock.at(stock.shelf, w.screw) == (7, 0)
    assert stock.at(stock.shelf, w.steel, lot) == (D("1.5"), 0)
    assert stock.at(stock.shelf, w.part) == (2, 0)
    assert stock.worth(w.screw) == (7, D("14.00"))
    told = Outbox.objects.get(type="inventory.count_posted").payload
    assert {(one[0], one[3]) for one in told["differences"]} == {
        (str(w.screw.pk), "2"), (str(w.steel.pk), "-2.5"), (str(w.part.pk), "2"),
    }  # fmt: skip


def test_a_large_difference_is_counted_again_and_the_second_figure_counts(stock):
    screw = stock.world.screw
    stock.receive(screw, 100, target=stock.shelf)
    made = count(stock, tolerance_percent="2")
    enter(stock, made, (screw, stock.shelf, 97))
    with pytest.raises(errors.RecountNeeded):
        stock.world.do(f"{COUNT}.post", made)
    enter(stock, made, (screw, stock.shelf, 96))
    stock.world.do(f"{COUNT}.post", made)
    assert stock.on_hand(screw) == 96


def test_what_moves_after_the_count_is_not_counted_away(stock):
    screw = stock.world.screw
    stock.receive(screw, 100, target=stock.shelf)
    made = count(stock)
    stock.issue(screw, 10, stock.shelf)
    enter(stock, made, (screw, stock.shelf, 90))
    stock.issue(screw, 20, stock.shelf)
    stock.world.do(f"{COUNT}.post", made)
    assert stock.on_hand(screw) == 70
    assert Move.objects.filter(origin=made.pk).count() == 0


def test_a_count_takes_promises_that_stock_does_not_cover(stock):
    screw = stock.world.screw
    stock.receive(screw, 10, target=stock.shelf)
    stock.promise(screw, 9)
    made = count(stock, tolerance_percent="100")
    enter(stock, made, (screw, stock.shelf, 6))
    stock.world.do(f"{COUNT}.post", made)
    assert stock.supply(screw) == (6, 6)
    assert Outbox.objects.filter(type="inventory.promises_broken").count() == 1


def test_places_outside_the_count_are_refused(stock):
    made = count(stock)
    with pytest.raises(NotFound):
        enter(stock, made, (stock.world.screw, stock.bin, 1))
    with pytest.raises(Invalid):
        enter(stock, made, (stock.world.screw, stock.shelf, -1))
    assert CountLine.objects.count() == 0


def test_a_cancelled_count_moves_nothing(stock):
    stock.receive(stock.world.screw, 5, target=stock.shelf)
    made = count(stock)
    stock.world.do(f"{COUNT}.cancel", made)
    with pytest.raises(WrongState):
        enter(stock, made, (stock.world.screw, stock.shelf, 1))
    assert Count.objects.get().state == "cancelled"


# --- locations ----------------------------------------------------------------------------------------------


def test_a_plant_gets_its_standing_locations_once(stock):
    plant = stock.world.plant
    with pytest.raises(errors.NoStanding):
        queries.standing(plant.pk)
    own = stock.place("RAW", "warehouse")
    for _ in range(2):
        stock.world.do("inventory.location.make_standing", plant=plant)
    assert Location.objects.filter(plant=plant).count() == 8
    assert queries.standing(plant.pk).warehouse == own.pk
    main = stock.place("MAIN", "warehouse", is_default=True)
    assert queries.standing(plant.pk).warehouse == main.pk
    with pytest.raises(Conflict):
        stock.place("MAIN-2", "warehouse", is_default=True)


def test_locations_lie_in_a_tree_of_one_plant(stock):
    store = stock.place("STORE", "warehouse")
    shelf = stock.place("SHELF", parent=store)
    with pytest.raises(errors.LocationLoop):
        stock.world.change(store, parent=shelf)
    with pytest.raises(errors.LocationLoop):
        stock.place("FAR", plant=stock.world.second_plant, parent=store)
    with pytest.raises(DomainError):
        stock.place("SHELF")
    with pytest.raises(errors.WrongLocation):
        stock.place("CUST", party=stock.world.customer)
    assert set(queries.locations_below(store.pk)) == {store.pk, shelf.pk}


def test_a_location_keeps_its_kind_once_stock_has_moved(stock):
    stock.world.change(stock.bin, kind="zone")
    stock.receive(stock.world.screw, 1)
    for values in ({"kind": "rejected"}, {"plant": stock.world.second_plant}):
        with pytest.raises(errors.LocationInUse):
            stock.world.change(stock.bin, **values)
    stock.world.change(stock.bin, name="新名")


def test_an_item_has_its_place(stock):
    w = stock.world
    w.make("inventory.item_location", item=w.screw, plant=w.plant, location=stock.bin)
    assert queries.put_away_places(w.plant.pk, [w.screw.pk, w.part.pk]) == {w.screw.pk: stock.bin.pk}
    with pytest.raises(errors.WrongLocation):
        w.make("inventory.item_location", item=w.part, plant=w.plant, location=stock.standing.customer)


def test_items_that_moved_are_known(stock):
    stock.receive(stock.world.screw, 1)
    assert moved([stock.world.screw.pk, stock.world.part.pk]) == {stock.world.screw.pk}


# --- reading ------------------------------------------------------------------------------------------------


def test_ledgers_and_balances_are_lists_that_nobody_writes(stock):
    steel = stock.world.steel
    lot = stock.lot(steel, "A")
    stock.receive(steel, 5, "10", lot=lot)
    demand = stock.demand(steel, 1)
    stock.allocate(demand)
    stock.promise(steel, 1)
    for name in ("move", "value_entry", "balance", "supply", "stock_value", "promise", "allocation"):
        noun = registry.noun(f"inventory.{name}")
        assert noun.spec.verbs == ()
        page = list_records(stock.ctx, noun, Query(search="RM-1" if noun.spec.find_through else ""))
        assert len(page.rows) == 1, name
        assert read_record(stock.ctx, noun, UUID(page.rows[0]["id"]))
    assert commands.period_is_open(stock.ctx.now.date())


def answer(ctx, key, **data):
    return ask(ctx, declared_query(key), data)


def test_a_trace_names_lot_document_and_what_it_went_through(stock, nobody):
    w, s = stock.world, stock.standing
    bar, gear = stock.lot(w.steel, "BAR"), stock.lot(w.product, "GEAR")
    one = document(stock, "transfer", (w.part, 1, {}))
    stock.receive(w.steel, 10, lot=bar)
    stock.issue(w.steel, 4, lot=bar, origin=one.pk)
    stock.link(Edge(bar.pk, gear.pk, 4, DOCUMENT, one.pk))
    stock.receive(w.product, 3, lot=gear)
    stock.post(stock.intent(w.product, 1, stock.bin, s.customer, lot=gear, origin=one.pk))
    (step,) = answer(stock.ctx, "inventory.trace", lot=str(gear.pk), direction="up")
    assert (step["lot"], step["item"], step["through"]) == ("BAR", "RM-1 圆钢", "GEAR")
    assert step["document"].startswith("出入库单")
    with pytest.raises(NotAllowed):
        answer(nobody, "inventory.trace", lot=str(gear.pk), direction="up")


def test_stock_by_item_with_what_is_free(stock, person):
    w = stock.world
    lot = stock.lot(w.steel, "A", expires_on=stock.ctx.now.date())
    stock.receive(w.screw, 10, "25")
    stock.receive(w.screw, 2, target=stock.line_side)
    stock.promise(w.screw, 3)
    stock.receive(w.steel, 4, lot=lot)
    stock.world.do("inventory.lot.hold", lot, reason="裂纹")
    screw, steel = answer(stock.ctx, "inventory.stock_summary")
    names = ("on_hand", "in_stores", "stopped", "promised", "free", "amount")
    assert [screw[n] for n in names] == ["12", "10", 0, "3", "7", "25"]
    assert [steel[n] for n in names] == ["4", "4", "4", "0", "0", "0"]
    (seen, _) = answer(person("inventory.stock_summary.read"), "inventory.stock_summary")
    assert seen["amount"] is None
    (soon,) = answer(stock.ctx, "inventory.expiring", days=0, plant=str(w.plant.pk))
    assert (soon["lot"], soon["quantity"]) == ("A", "4")
