"""Purchase orders: terms, confirmation, cancelling, closing, history; and every refusal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import Audit, Outbox
from banyan.lib.errors import Conflict, Invalid, NeedsConfirmation, NotAllowed, NotFound, Stale
from banyan.lib.ids import new_id
from banyan.modules.inventory.models import Move
from banyan.modules.purchasing import queries
from banyan.modules.purchasing.commands import Need, count_invoiced, order_needs
from banyan.modules.purchasing.models import Order, OrderLine, SupplierItem
from tests.plugins.world import plain

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 3, 2)


def source(world, price, **more):
    values = {"party": world.supplier, "item": world.steel, "price": price, "valid_from": "2026-01-01"}
    return world.make("purchasing.supplier_item", **(values | more))


# --- drafts -------------------------------------------------------------------------------------------------


def test_an_order_is_completed_from_the_suppliers_terms(yard, world):
    source(world, "4.30", lead_time_days=5, over_receipt_percent="3", supplier_code="S-45")
    order = yard.draft({"item": world.steel, "quantity": "591.9"})
    (line,) = yard.lines(order)
    assert (line.price, line.unit, line.over_receipt_percent, line.wanted_on) == (
        D("4.30"), world.kilogram, D(3), date(2026, 3, 7),
    )  # fmt: skip
    assert (line.net_amount, line.tax_amount, order.gross_amount) == (D("2545.17"), D("330.87"), D("2876.04"))
    assert (order.state, order.number, order.ordered_on) == ("draft", None, MONDAY)


def test_a_supplier_may_sell_in_another_unit(yard, world):
    source(world, "12", item=world.screw, unit=world.box)
    order = yard.draft({"item": world.screw, "quantity": "4"})
    (line,) = yard.lines(order)
    assert (line.unit, line.stock_quantity, line.net_amount) == (world.box, D(400), D("48.00"))


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "1.2345"}, "quantity"),
        ({"quantity": "1e99"}, "quantity"),
        ({"price": "-1"}, "price"),
        ({"price": None}, "price"),
        ({"quantity": "99999999999999", "price": "99999999999999"}, "price"),
        ({"item": str(new_id())}, "item"),
        ({"over_receipt_percent": "101"}, "over_receipt_percent"),
    ],
)
def test_what_cannot_be_is_named_by_line(yard, world, values, path):
    line = yard.line(world.steel, 1) | values
    with pytest.raises(Invalid) as refusal:
        yard.draft(line)
    assert list(refusal.value.fields) == [f"records.0.lines.0.{path}"]
    assert Order.objects.count() == 0


def test_a_line_nobody_priced_is_named(yard, world):
    with pytest.raises(Invalid) as refusal:
        yard.draft({"item": world.steel, "quantity": "1"})
    assert list(refusal.value.fields) == ["records.0.lines.0.price"]


def test_sources_do_not_overlap_and_one_is_preferred(yard, world):
    source(world, "4", valid_to="2026-06-01", is_preferred=True)
    with pytest.raises(Conflict) as refusal:
        source(world, "5", valid_from="2026-05-31")
    assert refusal.value.code == "purchasing.sources_overlap"
    other = world.party(is_supplier=True, is_customer=False)
    with pytest.raises(Conflict) as refusal:
        source(world, "5", party=other, is_preferred=True)
    assert refusal.value.code == "purchasing.one_preferred"
    source(world, "5", party=other, is_preferred=True, valid_from="2026-06-01")
    assert SupplierItem.objects.count() == 2
    with pytest.raises(Conflict) as refusal:
        source(world, "5", party=world.customer)
    assert refusal.value.code == "parties.not_a_supplier"


def test_only_suppliers_in_good_standing_get_orders(yard, world):
    with pytest.raises(Conflict) as refusal:
        yard.draft(yard.line(world.steel, 1), party=world.customer)
    assert refusal.value.code == "parties.not_a_supplier"
    order = yard.draft(yard.line(world.steel, 1))
    world.do("parties.party.block", world.supplier, reason="质量")
    with pytest.raises(Conflict) as refusal:
        world.do("purchasing.order.order", order)
    assert refusal.value.code == "parties.blocked"


# --- placing, confirming ------------------------------------------------------------------------------------


def test_placing_numbers_the_order_and_tells_it(yard, world):
    order = yard.placed(yard.line(world.steel, 10, "5"), currency=world.dollar)
    assert (order.state, order.number) == ("ordered", "PO2603-00001")
    event = Outbox.objects.get(type="purchasing.order_placed")
    assert (event.payload["gross_amount"], event.payload["amount"]) == ("56.5", "401.15")
    (line,) = event.payload["lines"]
    told = [line[name] for name in ("quantity", "item_code", "item_name", "unit", "has_stock")]
    assert told == ["10", world.steel.code, world.steel.name, world.steel.unit.code, True]
    order = yard.draft(yard.line(world.steel, 1))
    world.change(order, lines=[])
    with pytest.raises(Conflict) as refusal:
        world.do("purchasing.order.order", order)
    assert refusal.value.code == "purchasing.order_empty"


def test_the_suppliers_word_is_kept_by_line_and_may_change(yard, world):
    order = yard.placed(yard.line(world.steel, 10), yard.line(world.screw, 5), wanted_on="2026-03-20")
    first, second = yard.lines(order)
    world.do("purchasing.order.confirm", order, supplier_reference="合同🙂7")
    assert (order.state, order.is_confirmed, order.supplier_reference) == ("confirmed", True, "合同🙂7")
    assert {line.confirmed_on for line in yard.lines(order)} == {date(2026, 3, 20)}
    world.do(
        "purchasing.order.confirm", order, lines=[{"order_line": second.pk, "confirmed_on": "2026-03-25"}]
    )
    assert [line.confirmed_on for line in yard.lines(order)] == [date(2026, 3, 20), date(2026, 3, 25)]
    told = list(Outbox.objects.filter(type="purchasing.order_confirmed").order_by("seq"))
    assert [len(event.payload["lines"]) for event in told] == [2, 1]
    with pytest.raises(Invalid) as refusal:
        world.do(
            "purchasing.order.confirm", order, lines=[{"order_line": new_id(), "confirmed_on": "2026-03-25"}]
        )
    assert refusal.value.code == "purchasing.line_unknown"


# --- cancelling, closing ------------------------------------------------------------------------------------


def test_the_rest_of_an_order_is_given_up(yard, world):
    order = yard.placed(yard.line(world.steel, 10), yard.line(world.screw, 5))
    first, second = yard.lines(order)
    yard.receive(order, (first, 4, {}))
    world.do("purchasing.order.cancel", order, reason="改用替代料", lines=[second.pk])
    assert order.state == "partly_received"
    world.do("purchasing.order.cancel", order, reason="不再需要")
    first.refresh_from_db()
    assert (order.state, first.cancelled_quantity, first.open_quantity) == ("received", D(6), D(0))
    told = Outbox.objects.filter(type="purchasing.order_cancelled").order_by("seq").last()
    assert told.payload["lines"][0]["quantity"] == "6"
    untouched = yard.placed(yard.line(world.steel, 1))
    world.do("purchasing.order.cancel", untouched, reason="x")
    assert untouched.state == "cancelled"
    with pytest.raises(WrongState):
        world.do("purchasing.order.cancel", untouched, reason="x")


def test_a_line_is_not_given_up_twice(yard, world):
    order = yard.placed(yard.line(world.steel, 10), yard.line(world.screw, 5))
    second = yard.lines(order)[1]
    world.do("purchasing.order.cancel", order, reason="x", lines=[second.pk])
    assert order.state == "ordered"
    with pytest.raises(Conflict) as refusal:
        world.do("purchasing.order.cancel", order, reason="x", lines=[second.pk])
    assert refusal.value.code == "purchasing.nothing_open"


def test_closing_needs_empty_inspection_and_consent_without_invoice(yard, world, ctx):
    order, receipt = yard.received(yard.line(world.screw, 5))
    close = registry.command("purchasing.order.close")
    with pytest.raises(Conflict) as refusal:
        execute(ctx, close, ids=[order.pk])
    assert refusal.value.code == "purchasing.still_in_inspection"
    world.do("purchasing.receipt.book", receipt)
    with pytest.raises(NeedsConfirmation):
        execute(ctx, close, ids=[order.pk])
    yard.inside(lambda c: count_invoiced(c, {yard.lines(order)[0].pk: D(5)}))
    execute(ctx, close, ids=[order.pk])
    order.refresh_from_db()
    assert order.state == "closed"


# --- who may, what state, stale, twice ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data"),
    [("order", None), ("confirm", {}), ("receive", {}), ("cancel", {"reason": "x"}), ("close", None)],
)
def test_without_the_right_nothing_happens(yard, world, nobody, name, data):
    order = yard.draft(yard.line(world.steel, 1))
    with pytest.raises(NotAllowed):
        execute(nobody, registry.command(f"purchasing.order.{name}"), ids=[order.pk], data=data)
    order.refresh_from_db()
    assert (order.state, order.version) == ("draft", 1)
    assert Audit.objects.filter(command=f"purchasing.order.{name}", outcome="refused").count() == 1


@pytest.mark.parametrize(("name", "data"), [("confirm", {}), ("receive", {}), ("close", None)])
def test_a_draft_is_placed_before_anything_else(yard, world, name, data):
    order = yard.draft(yard.line(world.steel, 1))
    with pytest.raises(WrongState):
        execute(yard.ctx, registry.command(f"purchasing.order.{name}"), ids=[order.pk], data=data)


def test_a_stale_version_and_another_plant_are_refused(yard, world, person):
    order = yard.draft(yard.line(world.steel, 1))
    world.change(order, terms="新")
    place = registry.command("purchasing.order.order")
    with pytest.raises(Stale):
        execute(yard.ctx, place, ids=[order.pk], versions={order.pk: 1})
    with pytest.raises(NotFound):
        execute(person(("purchasing.*", "plant"), plants=[world.second_plant.pk]), place, ids=[order.pk])


# --- for planning: needs become orders ----------------------------------------------------------------------


def test_needs_become_orders_by_supplier_in_whole_packs(yard, world):
    other = world.party(is_supplier=True, is_customer=False, tax_code=world.vat13)
    source(world, "4", minimum_quantity="100", pack_factor="30")
    source(world, "0.1", item=world.screw, party=other)
    wants = [
        Need(
            world.steel.pk,
            world.plant.pk,
            D(70),
            date(2026, 4, 1),
            origin_noun="planning.planned_order",
            origin=new_id(),
        ),
        Need(world.screw.pk, world.plant.pk, D(33), date(2026, 3, 20)),
        Need(world.steel.pk, world.plant.pk, D(130), date(2026, 3, 15)),
    ]
    chosen = queries.preferred_suppliers([world.steel.pk, world.screw.pk], MONDAY)
    orders = yard.inside(lambda ctx: order_needs(ctx, wants, chosen))
    assert [(o.party, o.wanted_on, o.state) for o in orders] == [
        (world.supplier, date(2026, 3, 15), "draft"), (other, date(2026, 3, 20), "draft"),
    ]  # fmt: skip
    rows = OrderLine.objects.filter(order=orders[0]).order_by("position")
    assert [(r.quantity, r.wanted_on, r.origin) for r in rows] == [
        (D(120), date(2026, 4, 1), wants[0].origin), (D(150), date(2026, 3, 15), None),
    ]  # fmt: skip


# --- history ------------------------------------------------------------------------------------------------


def history(world, *records, **more):
    data = plain({"tax_code": world.vat13, "plant": world.plant, "records": list(records), **more})
    return execute(world.ctx, registry.command("purchasing.order.import_history"), data=data).value


def old(world, number, *lines, **more):
    values = {"number": number, "party": world.supplier, "ordered_on": "2014-05-01", "lines": list(lines)}
    return values | more


def test_history_is_taken_as_given_and_moves_nothing(yard, world):
    rows = [
        {"item": world.steel, "quantity": "10", "price": "4.5678", "received": "12", "rejected": "2",
         "wanted_on": "2014-05-15", "arrived_on": "2014-05-20"},
        {"item": world.screw, "quantity": "3", "price": "2"},
    ]  # fmt: skip
    (order,) = history(world, old(world, "PO-4001", *rows))
    first, second = yard.lines(order)
    assert (order.number, order.state, order.is_history, order.net_amount) == (
        "PO-4001",
        "closed",
        True,
        D("51.68"),
    )
    assert (first.received_quantity, first.booked_quantity, first.rejected_quantity) == (D(12), D(12), D(2))
    assert (second.received_quantity, second.arrived_on) == (D(0), None)
    assert (
        Move.objects.count(),
        queries.open_supply(world.plant.pk),
        queries.lines_to_invoice([order.pk]),
    ) == (0, (), ())


def test_history_keeps_the_key_it_is_given_and_comes_in_once(yard, world):
    key, line = new_id(), {"item": world.screw, "quantity": "3", "price": "2"}
    given, free = history(world, old(world, "PO-1", line, id=key), old(world, "PO-2", line))
    assert (given.pk, free.pk is not None, free.pk != key) == (key, True, True)
    assert set(Order.objects.values_list("pk", flat=True)) == {key, free.pk}
    assert OrderLine.objects.filter(order=key).count() == 1
    with pytest.raises(Conflict):
        history(world, old(world, "PO-3", line, id=key))
    assert Order.objects.get(pk=key).number == "PO-1"
    assert OrderLine.objects.count() == 2


def test_nothing_moves_on_history(yard, world):
    (order,) = history(
        world, old(world, "PO-1", {"item": world.screw, "quantity": "3", "price": "2"}, state="received")
    )
    for name, data in (("receive", {}), ("cancel", {"reason": "x"}), ("confirm", {})):
        with pytest.raises((Conflict, WrongState)):
            world.do(f"purchasing.order.{name}", order, **data)
    world.do("purchasing.order.close", order)
    assert order.state == "closed"


def test_history_names_every_fault(yard, world):
    bad = {"item": world.screw, "quantity": "3", "price": "2", "received": "1", "rejected": "2"}
    unknown = {"item": new_id(), "quantity": "3", "price": "2"}
    with pytest.raises(Invalid) as refusal:
        history(world, old(world, "PO-1", bad), old(world, "PO-2", unknown, party=world.customer))
    assert sorted(refusal.value.fields) == [
        "records.0.lines.0.rejected", "records.1.lines.0.item", "records.1.party",
    ]  # fmt: skip
    with pytest.raises(Conflict):
        history(
            world,
            *(old(world, "PO-1", {"item": world.screw, "quantity": "3", "price": "2"}) for _ in range(2)),
        )
    assert Order.objects.count() == 0


def test_history_of_any_size_takes_few_statements(yard, world):
    line = {"item": world.screw, "quantity": "3", "price": "2", "received": "3"}
    small, large = (
        [old(world, f"{n}-{k}", line, line) for k in range(count)] for n, count in (("S", 1), ("L", 300))
    )
    one = yard.count(lambda: history(world, *small))
    many = yard.count(lambda: history(world, *large))
    assert len(many) <= len(one) <= 16, "\n".join(one)
    assert OrderLine.objects.count() == 602


# --- queries ------------------------------------------------------------------------------------------------


def test_open_supply_has_what_is_to_come_and_what_waits_at_the_gate(yard, world, django_assert_num_queries):
    order = yard.placed(yard.line(world.steel, 10), yard.line(world.screw, 5), wanted_on="2026-03-20")
    first, second = yard.lines(order)
    world.do(
        "purchasing.order.confirm", order, lines=[{"order_line": second.pk, "confirmed_on": "2026-03-10"}]
    )
    receipt = yard.receive(order, (first, 4, {}))
    yard.draft(yard.line(world.steel, 99))
    with django_assert_num_queries(1):
        rows = queries.open_supply(world.plant.pk)
    assert [(r.noun, r.quantity, r.due, r.is_firm, r.number) for r in rows] == [
        ("purchasing.receipt", D(4), MONDAY, True, receipt.number),
        ("purchasing.order", D(5), date(2026, 3, 10), True, order.number),
        ("purchasing.order", D(6), date(2026, 3, 20), False, order.number),
    ]


def test_preferred_suppliers_by_preference_then_priority_then_price(yard, world, django_assert_num_queries):
    other = world.party(is_supplier=True, is_customer=False)
    source(world, "4"), source(world, "3", party=other)
    source(world, "1", item=world.screw, priority=2), source(world, "2", item=world.screw, party=other)
    wanted = [world.steel.pk, world.screw.pk, world.part.pk]
    with django_assert_num_queries(1):
        found = queries.preferred_suppliers(wanted, MONDAY)
    assert {k: v.price for k, v in found.items()} == {world.steel.pk: D(3), world.screw.pk: D(2)}
    assert queries.preferred_suppliers([world.steel.pk], date(2025, 1, 1)) == {}


def test_late_warnings_say_why(yard, world, django_assert_num_queries):
    source(world, "4", lead_time_days=10)
    orders = {
        "overdue": yard.placed(yard.line(world.steel, 1), wanted_on="2026-03-01"),
        "will_be_late": yard.placed(yard.line(world.steel, 1), wanted_on="2026-03-05"),
        "unconfirmed": yard.placed(yard.line(world.steel, 1), wanted_on="2026-03-12"),
    }
    world.do("purchasing.order.confirm", orders["will_be_late"], confirmed_on="2026-03-09")
    yard.placed(yard.line(world.steel, 1), wanted_on="2026-06-01")
    with django_assert_num_queries(1):
        rows = queries.late_warnings(world.plant.pk, MONDAY)
    assert [(r.why, r.number, r.days) for r in rows] == [
        ("overdue", orders["overdue"].number, 1), ("will_be_late", orders["will_be_late"].number, 4),
        ("unconfirmed", orders["unconfirmed"].number, 10),
    ]  # fmt: skip


def test_delivery_performance_and_price_history(yard, world, django_assert_num_queries):
    in_time, _ = yard.received(yard.line(world.screw, 10, "2"), wanted_on="2026-03-02", book=True)
    rows = [{"item": world.screw, "quantity": "10", "price": "1.5", "received": "10", "rejected": "5",
             "wanted_on": "2014-05-15", "arrived_on": "2014-05-18"}]  # fmt: skip
    history(world, old(world, "PO-1", *rows))
    with django_assert_num_queries(1):
        found = queries.delivery_performance(date(2014, 1, 1), date(2026, 12, 31))[world.supplier.pk]
    assert (
        found.lines,
        found.late,
        found.average_days_late,
        found.on_time_percent,
        found.rejected_percent,
    ) == (
        2,
        1,
        D("3.0"),
        D("50.0"),
        D("25.0"),
    )
    assert queries.delivery_performance(date(2026, 1, 1), date(2026, 12, 31), [world.customer.pk]) == {}
    with django_assert_num_queries(1):
        prices = queries.price_history([world.screw.pk], world.supplier.pk)
    assert [(p.number, p.price, p.net_unit_price) for p in prices] == [
        (in_time.number, D(2), D(2)), ("PO-1", D("1.5"), D("1.5")),
    ]  # fmt: skip
