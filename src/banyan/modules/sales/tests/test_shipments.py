"""Shipments and returns: lots, places, parts, held lots, reversal; and every refusal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import Audit, Outbox
from banyan.lib.errors import Conflict, DomainError, Invalid, NotAllowed
from banyan.lib.ids import new_id
from banyan.modules.inventory.errors import HeldLot, NotEnoughStock, WrongLocation
from banyan.modules.inventory.models import Allocation, Balance, StockValue
from banyan.modules.sales import queries
from banyan.modules.sales.commands import count_invoiced
from banyan.modules.sales.models import ReturnOrder, Shipment, ShipmentLine

pytestmark = pytest.mark.django_db


def ship(world, order, *lines, **more):
    """Ship (order line, quantity, …) and give the shipment."""
    rows = [{"order_line": line.pk, "quantity": str(quantity), **where} for line, quantity, where in lines]
    return world.do("sales.order.ship", order, lines=rows, **more)[0]


def on_hand(item, **where):
    return sum((b.on_hand for b in Balance.objects.filter(item=item, **where)), D(0))


# --- shipping -----------------------------------------------------------------------------------------------


def test_shipping_all_uses_up_the_promise(shop, world):
    shop.put(world.part, 10, amount="80")
    order = shop.confirmed(shop.line(world.part, 4, "25"), wanted_on="2026-03-20", address="一号码头")
    (shipment,) = world.do("sales.order.ship", order, carrier=world.carrier, tracking_number="SF-1")
    shipment.refresh_from_db()
    (line,), (move,) = shop.lines(order), shop.moves(shipment)
    assert (order.state, line.shipped_quantity, line.open_quantity) == ("shipped", D(4), D(0))
    assert (shipment.number, shipment.state, shipment.order_id) == ("SH2603-00001", "shipped", order.pk)
    assert (shipment.shipped_on, shipment.carrier, shipment.address) == (
        date(2026, 3, 2),
        world.carrier,
        "一号码头",
    )
    assert (move.quantity, move.target_id, move.origin_noun) == (
        D(4),
        shop.standing.customer,
        "sales.shipment",
    )
    assert (shop.supply(world.part), shop.promised(line)) == ((D(6), D(0)), D(0))
    assert StockValue.objects.get(item=world.part).amount == D("48.00")


def test_goods_shipped_tells_what_each_line_is_worth(shop, world):
    shop.put(world.part, 10)
    order = shop.confirmed(shop.line(world.part, 3, "3.3333333"[:8]), currency=world.dollar)
    (line,) = shop.lines(order)
    for _ in range(3):
        ship(world, order, (line, 1, {}))
    events = list(Outbox.objects.filter(type="sales.goods_shipped").order_by("seq"))
    told = [event.payload["lines"][0] for event in events]
    assert [row["net_amount"] for row in told] == ["3.33", "3.34", "3.33"]
    assert sum(D(row["amount"]) for row in told) == D("71.00")
    assert all(len(row["moves"]) == 1 for row in told)
    assert events[0].payload["order"] == str(order.pk)
    assert (events[0].payload["carrier"], events[0].payload["tracking_number"]) == (None, "")


def test_goods_shipped_tells_who_carries_them(shop, world):
    shop.put(world.part, 10)
    order = shop.confirmed(shop.line(world.part, 3))
    world.do("sales.order.ship", order, carrier=world.carrier, tracking_number="YT-1")
    payload = Outbox.objects.get(type="sales.goods_shipped").payload
    assert (payload["carrier"], payload["tracking_number"]) == (str(world.carrier.pk), "YT-1")


def test_an_order_goes_in_parts_until_nothing_is_open(shop, world):
    shop.put(world.part, 10)
    order = shop.confirmed(shop.line(world.part, 6), shop.line(world.part, 4))
    first, second = shop.lines(order)
    ship(world, order, (first, 2, {}))
    assert order.state == "partly_shipped"
    ship(world, order, (first, 4, {"parcel": 1}), (second, 1, {"parcel": 2}),
         parcels=[{"parcel": 1, "weight": "3.5"}, {"parcel": 2, "tracking_number": "YT-2"}])  # fmt: skip
    assert order.state == "partly_shipped"
    ship(world, order, (second, 3, {}))
    assert order.state == "shipped"
    assert Shipment.objects.filter(order=order).count() == 3
    assert [p.tracking_number for p in Shipment.objects.order_by("number")[1].parcels.order_by("parcel")] == [
        "",
        "YT-2",
    ]
    assert shop.supply(world.part) == (D(0), D(0))


def test_lots_go_by_first_expiry_when_nobody_names_them(shop, world):
    late, soon = shop.put(world.grease, 10, lot="LATE"), shop.put(world.grease, 3, lot="SOON")
    late.expires_on, soon.expires_on = date(2027, 1, 1), date(2026, 6, 1)
    late.save(), soon.save()
    order = shop.shipped(shop.line(world.grease, 5))
    rows = ShipmentLine.objects.filter(shipment__order=order).order_by("position")
    assert [(row.lot.number, row.quantity) for row in rows] == [("SOON", D(3)), ("LATE", D(2))]
    assert order.state == "shipped"


def test_a_named_lot_and_place_is_what_goes(shop, world):
    shop.put(world.product, 5, lot="A")
    chosen = shop.put(world.product, 5, lot="B", target=shop.bin)
    order = shop.confirmed(shop.line(world.product, 2), shop.line(world.product, 1))
    first, second = shop.lines(order)
    ship(world, order, (first, 2, {"lot": chosen.pk, "location": shop.bin.pk}), (second, 1, {}))
    assert (order.state, on_hand(world.product)) == ("shipped", D(7))
    assert on_hand(world.product, lot=chosen) <= D(3)


def test_lines_that_name_no_place_share_what_the_others_leave(shop, world):
    shop.put(world.part, 3), shop.put(world.part, 5, target=shop.bin)
    order = shop.confirmed(*(shop.line(world.part, n) for n in (4, 2, 2)))
    first, second, third = shop.lines(order)
    ship(world, order, (first, 4, {"location": shop.bin.pk}), (second, 2, {}), (third, 2, {}))
    assert (order.state, on_hand(world.part)) == ("shipped", D(0))


def test_a_named_lot_is_found_wherever_it_lies(shop, world):
    lot = shop.put(world.product, 2, lot="A")
    shop.put(world.product, 3, lot="A", target=shop.bin)
    shop.put(world.product, 9, lot="B")
    order = shop.confirmed(shop.line(world.product, 4))
    shipment = ship(world, order, (shop.lines(order)[0], 4, {"lot": lot.pk}))
    assert {row.lot_id for row in shipment.lines.all()} == {lot.pk}
    assert sum(row.quantity for row in shipment.lines.all()) == D(4)


def test_a_held_lot_does_not_leave(shop, world):
    lot = shop.put(world.product, 5, lot="A")
    order = shop.confirmed(shop.line(world.product, 2))
    (line,) = shop.lines(order)
    world.do("inventory.lot.hold", lot, reason="复检")
    with pytest.raises(HeldLot) as refusal:
        ship(world, order, (line, 2, {"lot": lot.pk}))
    assert "复检" in refusal.value.text("zh")
    with pytest.raises(NotEnoughStock):
        ship(world, order, (line, 2, {}))
    order.refresh_from_db(), line.refresh_from_db()
    assert (order.state, line.shipped_quantity, Shipment.objects.count()) == ("confirmed", D(0), 0)
    world.do("inventory.lot.release", lot, reason="合格")
    ship(world, order, (line, 2, {"lot": lot.pk}))
    assert order.state == "shipped"


def test_too_little_stock_is_refused_with_what_is_missing(shop, world):
    shop.put(world.part, 3)
    order = shop.confirmed(shop.line(world.part, 5))
    with pytest.raises(NotEnoughStock) as refusal:
        world.do("sales.order.ship", order)
    assert refusal.value.shortages[0].missing == D(2)
    assert (on_hand(world.part), Shipment.objects.count()) == (D(3), 0)
    ship(world, order, (shop.lines(order)[0], 3, {}))
    assert order.state == "partly_shipped"


def test_what_is_promised_to_another_order_stays(shop, world):
    shop.put(world.part, 5)
    first, second = shop.confirmed(shop.line(world.part, 4)), shop.confirmed(shop.line(world.part, 4))
    with pytest.raises(NotEnoughStock):
        world.do("sales.order.ship", second)
    ship(world, second, (shop.lines(second)[0], 1, {}))
    world.do("sales.order.ship", first)
    assert (first.state, second.state) == ("shipped", "partly_shipped")


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "1e30", "99999999999999"])
def test_quantities_that_cannot_be_shipped(shop, world, quantity):
    shop.put(world.part, 5)
    order = shop.confirmed(shop.line(world.part, 5))
    with pytest.raises(DomainError):
        ship(world, order, (shop.lines(order)[0], quantity, {}))
    assert (on_hand(world.part), Shipment.objects.count()) == (D(5), 0)


def test_more_than_is_open_is_refused(shop, world):
    shop.put(world.part, 50)
    order = shop.confirmed(shop.line(world.part, 5))
    (line,) = shop.lines(order)
    with pytest.raises(Conflict) as refusal:
        ship(world, order, (line, 3, {}), (line, 3, {}))
    assert (refusal.value.code, refusal.value.facts["open"]) == ("sales.ships_too_much", D(5))


def test_goods_leave_from_stores_of_the_plant_only(shop, world):
    shop.put(world.part, 5)
    order = shop.confirmed(shop.line(world.part, 5))
    (line,) = shop.lines(order)
    for place in (shop.standing.inspection, shop.standing.supplier, shop.standing.customer):
        with pytest.raises(WrongLocation):
            ship(world, order, (line, 1, {"location": place}))
    with pytest.raises(DomainError) as refusal:
        ship(world, order, (line, 1, {"location": new_id()}))
    assert refusal.value.code == "inventory.no_such_location"


def test_lines_and_carriers_must_fit(shop, world):
    shop.put(world.part, 5)
    order, other = shop.confirmed(shop.line(world.part, 1)), shop.confirmed(shop.line(world.part, 1))
    with pytest.raises(Invalid) as refusal:
        ship(world, order, (shop.lines(other)[0], 1, {}))
    assert refusal.value.code == "sales.line_unknown"
    with pytest.raises(Conflict) as refusal:
        world.do("sales.order.ship", order, carrier=world.customer)
    assert refusal.value.code == "parties.not_a_carrier"


def test_the_same_key_ships_once(shop, world):
    shop.put(world.part, 5)
    order = shop.confirmed(shop.line(world.part, 5))
    keyed, data = (
        shop.ctx.with_(key="s-1"),
        {"lines": [{"order_line": shop.lines(order)[0].pk, "quantity": "2"}]},
    )
    command = registry.command("sales.order.ship")
    execute(keyed, command, ids=[order.pk], data=data)
    assert execute(keyed, command, ids=[order.pk], data=data).is_replay
    assert (on_hand(world.part), Shipment.objects.count()) == (D(3), 1)


def test_many_orders_ship_in_hardly_more_statements_than_one(shop, world):
    shop.put(world.part, 100)
    orders = [shop.confirmed(shop.line(world.part, 2), shop.line(world.part, 3)) for _ in range(6)]
    command = registry.command("sales.order.ship")
    one = shop.count(lambda: execute(shop.ctx, command, ids=[orders[0].pk]))
    many = shop.count(lambda: execute(shop.ctx, command, ids=[o.pk for o in orders[1:]]))
    assert len(one) <= 28, "\n".join(one)
    assert len(many) <= len(one) + 6, "\n".join(many)
    assert on_hand(world.part) == D(70)


# --- picking first ------------------------------------------------------------------------------------------


def test_a_prepared_shipment_keeps_its_lots_until_it_goes(shop, world):
    shop.put(world.product, 5, lot="A"), shop.put(world.product, 5, lot="B")
    order = shop.confirmed(shop.line(world.product, 7))
    (shipment,) = world.do("sales.order.pick", order)
    shipment.refresh_from_db()
    assert (shipment.state, shipment.number, order.state) == ("draft", None, "confirmed")
    rows = list(shipment.lines.order_by("position"))
    assert [(row.lot.number, row.quantity) for row in rows] == [("A", D(5)), ("B", D(2))]
    assert sum(a.quantity for a in Allocation.objects.all()) == D(7)
    other = shop.confirmed(shop.line(world.product, 4))
    with pytest.raises(NotEnoughStock):
        world.do("sales.order.ship", other)
    world.do("sales.shipment.ship", shipment)
    order.refresh_from_db()
    assert (shipment.state, order.state, Allocation.objects.count()) == ("shipped", "shipped", 0)
    assert on_hand(world.product) == D(3)


def test_what_was_picked_goes_also_without_its_prepared_shipment(shop, world):
    shop.put(world.product, 5, lot="A")
    order = shop.confirmed(shop.line(world.product, 5))
    (prepared,) = world.do("sales.order.pick", order)
    execute(shop.ctx, registry.command("sales.shipment.delete"), ids=[prepared.pk])
    world.do("sales.order.ship", order)
    assert (order.state, on_hand(world.product), Allocation.objects.count()) == ("shipped", D(0), 0)


def test_a_prepared_shipment_of_a_cancelled_order_does_not_go(shop, world):
    shop.put(world.part, 5)
    order = shop.confirmed(shop.line(world.part, 5))
    (shipment,) = world.do("sales.order.pick", order)
    world.do("sales.order.cancel", order, reason="撤单")
    with pytest.raises(Conflict) as refusal:
        world.do("sales.shipment.ship", shipment)
    assert refusal.value.code == "sales.order_not_open"
    assert shop.supply(world.part) == (D(5), D(0))


def test_one_shipment_may_carry_several_orders_of_a_customer(shop, world):
    shop.put(world.part, 10)
    orders = [shop.confirmed(shop.line(world.part, 2)) for _ in range(2)]
    lines = [{"order_line": shop.lines(order)[0].pk, "quantity": "2"} for order in orders]
    shipment = world.make("sales.shipment", party=world.customer, plant=world.plant, lines=lines)
    world.do("sales.shipment.ship", shipment)
    for order in orders:
        order.refresh_from_db()
    assert ([order.state for order in orders], shipment.order_id) == (["shipped", "shipped"], None)
    with pytest.raises(Invalid) as refusal:
        world.make("sales.shipment", party=world.party(), plant=world.plant, lines=lines)
    assert refusal.value.code == "sales.mixed_orders"


def test_the_waybill_may_come_later(shop, world):
    shop.put(world.part, 1)
    order = shop.shipped(shop.line(world.part, 1))
    shipment = Shipment.objects.get(order=order)
    world.do("sales.shipment.track", shipment, tracking_number="SF🚚123", carrier=world.carrier)
    assert (shipment.tracking_number, shipment.carrier, shipment.state) == (
        "SF🚚123",
        world.carrier,
        "shipped",
    )


# --- taking back --------------------------------------------------------------------------------------------


def test_a_reversed_shipment_leaves_everything_as_before(shop, world):
    lot = shop.put(world.product, 5, lot="A", amount="500")
    order = shop.shipped(shop.line(world.product, 2, "300"))
    shipment = Shipment.objects.get(order=order)
    world.do("sales.shipment.reverse", shipment, reason="装错车")
    order.refresh_from_db()
    (line,) = shop.lines(order)
    assert (order.state, line.shipped_quantity, shipment.state, shipment.reverse_reason) == (
        "confirmed", D(0), "reversed", "装错车",
    )  # fmt: skip
    assert (on_hand(world.product, lot=lot), StockValue.objects.get(item=world.product).amount) == (
        D(5),
        D("500.00"),
    )
    assert [move.reverses_id is None for move in shop.moves(shipment)] == [True, False]
    told = Outbox.objects.get(type="sales.shipment_reversed").payload["lines"][0]
    assert (told["quantity"], told["net_amount"]) == ("-2", "-600")
    with pytest.raises(WrongState):
        world.do("sales.shipment.reverse", shipment, reason="再来")
    world.do("sales.order.ship", order)
    assert (order.state, on_hand(world.product)) == ("shipped", D(3))


def test_what_is_invoiced_or_has_come_back_is_not_reversed(shop, world):
    shop.put(world.part, 5)
    order = shop.shipped(shop.line(world.part, 5))
    (line,), shipment = shop.lines(order), Shipment.objects.get(order=order)
    inside(shop.ctx, lambda ctx: count_invoiced(ctx, {line.pk: D(1)}))
    with pytest.raises(Conflict) as refusal:
        world.do("sales.shipment.reverse", shipment, reason="x")
    assert refusal.value.code == "sales.already_invoiced"
    inside(shop.ctx, lambda ctx: count_invoiced(ctx, {line.pk: D(-1)}))
    returned(world, line, 1)
    with pytest.raises(Conflict) as refusal:
        world.do("sales.shipment.reverse", shipment, reason="x")
    assert refusal.value.code == "sales.already_returned"


def inside(ctx, act):
    from banyan.kernel.commands import Command

    return execute(
        ctx, Command(key="sales.order.test", label="t", function=act, on="noun", permission="sales.x")
    ).value


def returned(world, line, quantity, *, reason="defective", receive=True, **more):
    lines = [{"order_line": line.pk, "quantity": str(quantity), **more}]
    one = world.make(
        "sales.return_order", party=world.customer, plant=world.plant, reason=reason, lines=lines
    )
    if receive:
        world.do("sales.return_order.receive", one)
    return one


@pytest.mark.parametrize(
    ("outcome", "place", "available"),
    [("stock", "warehouse", 3), ("inspection", "inspection", 1), ("rejected", "rejected", 1)],
)
def test_goods_come_back_to_where_they_belong(shop, world, outcome, place, available):
    shop.put(world.part, 5, amount="55")
    order = shop.shipped(shop.line(world.part, 4, "20"))
    (line,) = shop.lines(order)
    one = returned(world, line, 2, outcome=outcome)
    line.refresh_from_db(), order.refresh_from_db()
    assert (one.state, one.number, one.received_on) == ("received", "RT2603-0001", date(2026, 3, 2))
    assert (line.returned_quantity, line.open_quantity, order.state) == (D(2), D(0), "shipped")
    (move,) = shop.moves(one)
    assert (move.target_id, move.reason) == (getattr(shop.standing, place), "defective")
    assert shop.supply(world.part)[0] == D(available)
    assert StockValue.objects.get(item=world.part).amount == D("33.00")
    told = Outbox.objects.get(type="sales.goods_returned").payload
    assert (told["reason"], told["lines"][0]["quantity"], told["lines"][0]["net_amount"]) == (
        "defective",
        "-2",
        "-40",
    )


def test_a_replacement_opens_the_line_again(shop, world):
    shop.put(world.part, 10)
    order = shop.shipped(shop.line(world.part, 4))
    (line,) = shop.lines(order)
    returned(world, line, 1, is_replaced=True, outcome="rejected")
    order.refresh_from_db(), line.refresh_from_db()
    assert (order.state, line.open_quantity) == ("partly_shipped", D(1))
    world.do("sales.order.ship", order)
    line.refresh_from_db()
    assert (order.state, line.shipped_quantity, queries.progress(line).to_invoice) == ("shipped", D(5), D(4))


def test_only_what_the_customer_has_comes_back(shop, world):
    shop.put(world.part, 10)
    order = shop.confirmed(shop.line(world.part, 4))
    (line,) = shop.lines(order)
    ship(world, order, (line, 2, {}))
    with pytest.raises(Conflict) as refusal:
        returned(world, line, 3)
    assert (refusal.value.code, refusal.value.facts["kept"]) == ("sales.returns_too_much", D(2))
    returned(world, line, 2)
    with pytest.raises(Conflict):
        returned(world, line, 1)


def test_a_lot_comes_back_only_if_it_was_shipped(shop, world):
    shop.put(world.product, 2, lot="A")
    order = shop.shipped(shop.line(world.product, 2))
    stranger = shop.put(world.product, 2, lot="B")
    (line,) = shop.lines(order)
    with pytest.raises(Conflict) as refusal:
        returned(world, line, 1, lot=stranger.pk)
    assert refusal.value.code == "sales.lot_not_shipped"
    one = returned(world, line, 1)
    assert one.lines.get().lot.number == "A"


def test_a_return_that_did_not_come_is_cancelled(shop, world):
    shop.put(world.part, 1)
    order = shop.shipped(shop.line(world.part, 1))
    one = returned(world, shop.lines(order)[0], 1, receive=False)
    world.do("sales.return_order.cancel", one)
    assert (one.state, shop.lines(order)[0].returned_quantity) == ("cancelled", D(0))
    with pytest.raises(WrongState):
        world.do("sales.return_order.receive", one)


# --- rights, invoices, queries ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noun", "name", "data"),
    [
        ("shipment", "ship", None),
        ("shipment", "reverse", {"reason": "x"}),
        ("shipment", "track", {"tracking_number": "1"}),
        ("return_order", "receive", None),
        ("return_order", "cancel", None),
    ],
)
def test_without_the_right_nothing_moves(shop, world, nobody, noun, name, data):
    shop.put(world.part, 2)
    order = shop.shipped(shop.line(world.part, 1))
    record = (
        Shipment.objects.get()
        if noun == "shipment"
        else returned(world, shop.lines(order)[0], 1, receive=False)
    )
    with pytest.raises(NotAllowed):
        execute(nobody, registry.command(f"sales.{noun}.{name}"), ids=[record.pk], data=data)
    assert on_hand(world.part) == D(1)
    assert Audit.objects.filter(outcome="refused").count() == 1


def test_lines_to_invoice_are_what_is_kept_and_not_charged(shop, world, django_assert_num_queries):
    shop.put(world.screw, 500)
    order = shop.confirmed(shop.line(world.screw, 3, "33.33", unit=world.box))
    (line,) = shop.lines(order)
    ship(world, order, (line, 100, {}))
    with django_assert_num_queries(1):
        (row,) = queries.lines_to_invoice([order.pk])
    assert (row.stock_quantity, row.quantity, row.net_amount, row.tax_amount) == (
        D(100),
        D(1),
        D("33.33"),
        D("4.33"),
    )
    inside(shop.ctx, lambda ctx: count_invoiced(ctx, {line.pk: D(100)}))
    assert queries.lines_to_invoice([order.pk]) == ()
    world.do("sales.order.ship", order)
    (row,) = queries.lines_to_invoice([order.pk])
    assert (row.net_amount, row.tax_amount) == (D("66.66"), D("8.67"))
    with pytest.raises(Conflict) as refusal:
        inside(shop.ctx, lambda ctx: count_invoiced(ctx, {line.pk: D(201)}))
    assert refusal.value.code == "sales.invoices_too_much"
    inside(shop.ctx, lambda ctx: count_invoiced(ctx, {line.pk: D(200)}))
    returned(world, line, 100)
    (row,) = queries.lines_to_invoice([order.pk])
    assert (row.stock_quantity, row.net_amount) == (D(-100), D("-33.33"))


def test_open_demand_is_what_customers_wait_for(shop, world, django_assert_num_queries):
    shop.put(world.part, 10)
    urgent = shop.confirmed(shop.line(world.part, 6), priority="urgent", wanted_on="2026-03-10")
    later = shop.confirmed(shop.line(world.screw, 2, unit=world.box), wanted_on="2026-03-20")
    shop.order(shop.line(world.part, 99))
    ship(world, urgent, (shop.lines(urgent)[0], 2, {}))
    with django_assert_num_queries(1):
        rows = queries.open_demand(world.plant.pk)
    assert [(r.number, r.item, r.quantity, r.due, r.priority) for r in rows] == [
        (urgent.number, world.part.pk, D(4), date(2026, 3, 10), "urgent"),
        (later.number, world.screw.pk, D(200), date(2026, 3, 20), "normal"),
    ]
    assert queries.open_demand(world.second_plant.pk) == ()


def test_late_lines_and_kept_promises(shop, world, django_assert_num_queries):
    shop.put(world.part, 10)
    kept = shop.confirmed(shop.line(world.part, 1))
    world.do("sales.order.ship", kept)
    broken = shop.confirmed(shop.line(world.part, 1))
    world.ctx = shop.ctx = world.ctx.with_(now=world.ctx.now.replace(day=6))
    with django_assert_num_queries(1):
        (row,) = queries.late_lines(world.plant.pk, date(2026, 3, 6))
    assert (row.number, row.days) == (broken.number, 4)
    world.do("sales.order.promise", broken, promised_on="2026-03-06", reason="排产冲突")
    world.do("sales.order.ship", broken)
    with django_assert_num_queries(1):
        (found,) = queries.promises_kept(world.plant.pk, date(2026, 3, 1), date(2026, 3, 31))
    assert (found.party, found.lines, found.kept, found.average_days_late) == (world.customer.pk, 2, 1, D(2))


def test_a_return_is_read_back_with_its_lines(shop, world, ctx):
    from banyan.kernel import reading

    shop.put(world.part, 1)
    order = shop.shipped(shop.line(world.part, 1))
    one = returned(world, shop.lines(order)[0], 1)
    row = reading.read_record(ctx, registry.noun("sales.return_order"), one.pk)
    assert row["lines"][0]["order_line"] == str(shop.lines(order)[0].pk)
    assert ReturnOrder.objects.get().reason == "defective"
