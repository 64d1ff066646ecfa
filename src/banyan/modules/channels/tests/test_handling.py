"""Orders in people's hands: held, let go, split, put together, allocated, shipped, cancelled, refunded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.lib.errors import DomainError
from banyan.modules.channels.errors import (
    GoodsNotBack,
    MergesOne,
    NotTogether,
    RefundsTooMuch,
    SplitsTooMuch,
    StillUnpaid,
)
from banyan.modules.channels.models import ChannelHold, ChannelOrder, Dispatched, Refund
from banyan.modules.channels.tests.conftest import unplanned
from banyan.modules.inventory.models import Allocation
from banyan.modules.sales.models import Order, OrderLine, ReturnOrder, Shipment
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


@pytest.fixture
@stands
@unplanned()
def accepted(stall, shop):
    """Give an order of three pieces that is accepted, ten being in stock."""
    stall.put(stall.world.part, 10)
    given = stall.outside(shop, {"quantity": "3", "line": "L1"})
    stall.receive(given)
    return stall.order(shop, given["number"])


def again(order):
    order.refresh_from_db()
    return order


def test_a_rule_holds_an_order_and_a_person_lets_it_go(stall, shop):
    stall.put(stall.world.part, 10)
    stall.world.make(
        "channels.rule", code="BIG", name="大单", reason="quantity", condition='pieces > 2 or region = "西藏"'
    )
    given = stall.outside(shop, {"quantity": "3"})
    assert stall.receive(given)[0].hold == "quantity"
    assert stall.told("order_held")[0]["reasons"] == [["quantity", "大单"]]
    order = stall.order(shop, given["number"])
    stall.do("channels.order.release", order)
    assert (again(order).state, order.hold) == ("accepted", "")
    hold = ChannelHold.objects.get()
    assert (hold.released_at, hold.released_by) == (stall.ctx.now, stall.ctx.person)


def test_a_rule_that_names_nothing_known_is_refused_with_its_place(stall, shop):
    with pytest.raises(DomainError) as refusal:
        stall.world.make("channels.rule", code="X", name="x", condition="preis > 1")
    assert list(refusal.value.fields) == ["records.0.condition"]


def test_a_price_below_the_listing_is_held_unless_tolerated(stall, shop):
    stall.put(stall.world.part, 10)
    stall.listing(shop, "P", stall.world.part, price="10")
    assert stall.receive(stall.outside(shop, {"sku": "P", "price": "9.99"}))[0].hold == "price"
    stall.world.change(shop, price_tolerance_percent="10")
    assert stall.receive(stall.outside(shop, {"sku": "P", "price": "9.00"}))[0].state == "accepted"


def test_a_discount_of_the_whole_order_counts_against_the_listings_price(stall, shop):
    stall.put(stall.world.part, 10)
    stall.listing(shop, "P", stall.world.part, price="10")
    stall.world.change(shop, price_tolerance_percent="10")
    taken = [
        stall.receive(stall.outside(shop, {"sku": "P"}, {"price": "30.00"}, discount_amount=off))[0]
        for off in ("4.00", "4.05")
    ]
    assert [(one.state, one.hold) for one in taken] == [("accepted", ""), ("held", "price")]


def test_held_for_stock_it_is_accepted_when_there_is_some(stall, shop):
    given = stall.outside(shop)
    assert stall.receive(given)[0].hold == "no_stock"
    order = stall.order(shop, given["number"])
    stall.do("channels.order.release", order)
    assert again(order).hold == "no_stock"
    stall.put(stall.world.part, 1)
    stall.do("channels.order.release", order)
    assert again(order).state == "accepted"


def test_held_by_hand_it_waits(stall, shop):
    given = stall.outside(shop, state="placed")
    stall.receive(given)
    order = stall.order(shop, given["number"])
    with pytest.raises(StillUnpaid):
        stall.do("channels.order.accept", order)
    stall.do("channels.order.hold", order, reason="等客户回电")
    stall.put(stall.world.part, 1)
    stall.receive(given | {"state": "paid", "remark": "快"})
    assert (again(order).state, order.hold, order.remark) == ("held", "person", "快")
    stall.do("channels.order.release", order)
    assert again(order).state == "accepted"


def test_split_orders_add_up_to_the_cent(stall):
    shop = stall.shop(is_automatic=False)
    stall.listing(shop, "A-1", stall.world.part)
    stall.put(stall.world.part, 10)
    given = stall.outside(
        shop, {"quantity": "3", "price": "3.33"}, {"quantity": "1", "price": "1.00"}, discount_amount="1.00",
        freight_amount="5.00",
    )  # fmt: skip
    stall.receive(given)
    order = stall.order(shop, given["number"])
    first = order.lines.order_by("position").first()
    with pytest.raises(SplitsTooMuch):
        stall.do("channels.order.split", order, lines=[{"line": first.pk, "quantity": "4"}])
    stall.do("channels.order.split", order, lines=[{"line": first.pk, "quantity": "1"}])
    whole, part = again(order), stall.order(shop, given["number"], 1)
    assert whole.total_amount + part.total_amount == D(given["total_amount"])
    assert (part.goods_amount, part.freight_amount, whole.freight_amount) == (D("3.33"), D(0), D(5))
    stall.do("channels.order.accept", [whole, part])
    assert {o.order.gross_amount for o in (again(whole), again(part))} == {whole.total_amount, part.total_amount}
    assert Order.objects.count() == 2


def test_an_order_is_split_over_plants_where_its_shop_allows(stall):
    shop = stall.shop(is_split=True)
    second = stall.world.second_plant
    stall.stand(second)
    for plant in (stall.plant, second):
        stall.world.make("channels.warehouse", plant=plant, shop=shop)
    stall.listing(shop, "A-1", stall.world.part)
    stall.listing(shop, "B-1", stall.world.screw)
    stall.put(stall.world.part, 5)
    stall.put(stall.world.screw, 5, second)
    given = stall.outside(shop, {"quantity": "2"}, {"sku": "B-1"}, freight_amount="3.00")
    assert stall.receive(given)[0].state == "accepted"
    parts = ChannelOrder.objects.filter(outside_number=given["number"]).order_by("part")
    assert [(o.plant, o.state, o.total_amount) for o in parts] == [
        (stall.plant, "accepted", D(23)), (second, "accepted", D(10)),
    ]  # fmt: skip
    assert stall.receive(given)[0].result == "unchanged"


def test_the_nearest_plant_ships(stall, shop):
    second = stall.world.second_plant
    stall.stand(second)
    near = [{"region": "四川", "distance": 1}]
    stall.world.make("channels.warehouse", plant=stall.plant, shop=shop, priority=1)
    stall.world.make("channels.warehouse", plant=second, regions=near, priority=9)
    for plant in (stall.plant, second):
        stall.put(stall.world.part, 5, plant)
    there = ("四川", "四川省", "Sichuan", "51", "CN24")
    for region, plant in (*((spelling, second) for spelling in there), ("浙江", stall.plant)):
        given = stall.outside(shop, region=region)
        stall.receive(given)
        assert stall.order(shop, given["number"]).plant == plant


def test_orders_of_one_buyer_leave_together(stall):
    shop = stall.shop(merge_minutes=30)
    stall.listing(shop, "A-1", stall.world.part)
    stall.put(stall.world.part, 10)
    stall.receive(
        stall.outside(shop, ordered_at="2026-03-02T08:00:00Z"),
        stall.outside(shop, ordered_at="2026-03-02T08:20:00Z"),
        stall.outside(shop, ordered_at="2026-03-02T08:20:00Z", address="别处"),
    )
    parcels = list(ChannelOrder.objects.order_by("created_at", "pk").values_list("parcel", flat=True))
    assert parcels[0] is not None
    assert parcels[0] == parcels[1]
    assert parcels[2] is None
    together = list(ChannelOrder.objects.filter(parcel=parcels[0]))
    stall.do("channels.order.ship", together, tracking_number="SF1")
    assert Shipment.objects.count() == 1
    assert {order.state for order in ChannelOrder.objects.filter(parcel=parcels[0])} == {"shipped"}
    assert [told["tracking_number"] for told in stall.told("shipment_told")] == ["SF1", "SF1"]


def test_only_what_goes_to_one_door_is_put_together(stall, accepted, shop):
    other = stall.outside(shop, address="别处")
    stall.receive(other)
    with pytest.raises(MergesOne):
        stall.do("channels.order.merge", accepted)
    with pytest.raises(NotTogether):
        stall.do("channels.order.merge", [accepted, stall.order(shop, other["number"])])


def test_allocating_fixes_lots_and_bins(stall, accepted):
    stall.do("channels.order.allocate", accepted)
    assert again(accepted).state == "allocated"
    assert sum(one.quantity for one in Allocation.objects.all()) == D(3)


def test_what_the_warehouse_ships_by_itself_is_told_to_the_shop_piece_by_piece(stall, accepted):
    line = OrderLine.objects.get(order=accepted.order)
    for quantity in ("1", "2"):
        stall.do("sales.order.ship", accepted.order, lines=[{"order_line": line.pk, "quantity": quantity}])
        stall.deliver()
    told = stall.told("shipment_told")
    assert [(one["is_last"], one["lines"]) for one in told] == [
        (False, [{"outside_line": "L1", "sku": "A-1", "outside_item": "", "outside_sku": "", "quantity": "1"}]),
        (True, [{"outside_line": "L1", "sku": "A-1", "outside_item": "", "outside_sku": "", "quantity": "2"}]),
    ]
    assert again(accepted).state == "shipped"


def test_a_waybill_that_comes_later_and_a_shipment_taken_back_are_told_as_well(stall, accepted):
    (shipment,) = stall.do("sales.order.ship", accepted.order)
    stall.deliver()
    stall.do("sales.shipment.track", shipment, tracking_number="YT2")
    stall.deliver()
    stall.do("sales.shipment.reverse", shipment, reason="没装车")
    stall.deliver()
    told = [(one["tracking_number"], one["is_reversed"]) for one in stall.told("shipment_told")]
    assert told == [("", False), ("YT2", False), ("YT2", True)]
    assert (again(accepted).state, Dispatched.objects.count()) == ("accepted", 3)


def test_a_shipment_tells_who_carries_it_to_whom(stall, accepted):
    stall.do("sales.order.ship", accepted.order, carrier=stall.world.carrier.pk)
    stall.deliver()
    [told] = stall.told("shipment_told")
    assert (told["carrier"], told["carrier_code"]) == (stall.world.carrier.name, "CA-1")
    assert told["receiver"] == {
        "name": "王小明", "phone": "13800000000", "country": "CN", "region": "浙江", "city": "杭州",
        "address": "文一路 1 号", "postcode": "",
    }  # fmt: skip


def test_an_event_that_comes_twice_is_told_once(stall, accepted):
    (shipment,) = stall.do("sales.order.ship", accepted.order)
    for _ in range(3):
        stall.run("channels.order.note_shipments", shipments=[shipment.pk])
    assert len(stall.told("shipment_told")) == 1


def test_cancelled_in_sales_is_cancelled_in_the_shop(stall, accepted):
    stall.do("sales.order.cancel", accepted.order, reason="停产")
    stall.deliver()
    assert (again(accepted).state, accepted.cancel_reason) == ("cancelled", "停产")
    assert stall.told("order_cancelled")[0]["reason"] == "停产"


def test_cancelled_after_it_has_gone_it_is_to_be_stopped_on_its_way(stall, accepted):
    stall.do("channels.order.ship", accepted)
    stall.do("channels.order.cancel", accepted, reason="买家不要了")
    refund = Refund.objects.get()
    assert (again(accepted).state, refund.kind, refund.amount) == ("shipped", "intercept", D("30.00"))


def test_goods_that_come_back_are_received_in_sales_before_the_money_is_paid(stall, accepted):
    stall.do("channels.order.ship", accepted)
    line = accepted.lines.get()
    (refund,) = stall.run("channels.refund.receive", refunds=[
        {"shop": "S", "order": accepted.outside_number, "number": "R1", "kind": "return", "amount": "20.00",
         "lines": [{"line": "L1", "quantity": "2"}]},
    ])  # fmt: skip
    assert refund.lines.get().order_line == line
    stall.do("channels.refund.agree", refund, answer="请寄回")
    refund.refresh_from_db()
    with pytest.raises(GoodsNotBack):
        stall.do("channels.refund.pay", refund)
    stall.do("sales.return_order.receive", ReturnOrder.objects.get())
    stall.deliver()
    refund.refresh_from_db()
    assert refund.state == "returned"
    stall.do("channels.refund.pay", refund)
    assert (again(accepted).refunded_amount, OrderLine.objects.get().returned_quantity) == (D(20), D(2))
    assert [one["decision"] for one in stall.told("refund_decided")] == ["agreed", "refunded"]


def test_a_refund_of_a_split_order_is_asked_for_at_the_parts_it_touches(stall):
    shop = stall.shop("S", is_split=True)
    second = stall.world.second_plant
    stall.stand(second)
    for plant in (stall.plant, second):
        stall.world.make("channels.warehouse", plant=plant, shop=shop)
    stall.listing(shop, "A-1", stall.world.part)
    stall.listing(shop, "B-1", stall.world.screw)
    stall.put(stall.world.part, 5)
    stall.put(stall.world.screw, 5, second)
    given = stall.outside(shop, {"line": "L1", "price": "60.00"}, {"line": "L2", "sku": "B-1", "price": "40.00"})
    stall.receive(given)
    parts = list(ChannelOrder.objects.filter(outside_number=given["number"]).order_by("part"))
    stall.do("channels.order.ship", parts)
    ask = {"shop": "S", "order": given["number"], "number": "R1", "kind": "return", "amount": "40.00",
           "lines": [{"line": "L2", "quantity": "1"}]}  # fmt: skip
    (back,) = stall.run("channels.refund.receive", refunds=[ask])
    assert (back.channel_order_id, back.kind, back.amount) == (parts[1].pk, "return", D(40))
    (first,) = stall.run("channels.refund.receive", refunds=[ask | {"number": "R2", "kind": "refund", "lines": [],
                                                                   "amount": "60.00"}])  # fmt: skip
    assert (first.channel_order_id, first.amount) == (parts[0].pk, D(60))
    with pytest.raises(RefundsTooMuch):
        stall.run("channels.refund.receive", refunds=[ask | {"number": "R3", "amount": "0.01"}])
    assert stall.run("channels.refund.receive", refunds=[ask]) == (back,)
    for one in (back, first):
        stall.do("channels.refund.agree", one)
    stall.do("sales.return_order.receive", ReturnOrder.objects.get())
    stall.deliver()
    stall.do("channels.refund.pay", [back, first])
    assert set(ChannelOrder.objects.values_list("state", flat=True)) == {"refunded"}


def test_no_more_is_refunded_than_was_paid_and_the_same_refund_is_asked_for_once(stall, accepted):
    ask = {"shop": "S", "order": accepted.outside_number, "number": "R1", "amount": "25.00", "reason": "少件"}
    first = stall.run("channels.refund.receive", refunds=[ask])
    assert stall.run("channels.refund.receive", refunds=[ask]) == first
    with pytest.raises(RefundsTooMuch):
        stall.do("channels.order.ask_refund", accepted, amount="6.00", reason="再退")
    stall.do("channels.refund.refuse", first[0], answer="证据不足")
    stall.do("channels.order.ask_refund", accepted, amount="6.00", reason="再退")
    assert Refund.objects.count() == 2


def test_a_refund_bears_the_time_that_the_shop_says_it_was_asked_for_else_that_of_its_coming(stall, accepted):
    when = stall.world.ctx.now - timedelta(days=3)
    ask = {"shop": "S", "order": accepted.outside_number, "amount": "5.00"}
    for number, more in (("R1", {"asked_at": when.isoformat()}), ("R2", {})):
        stall.run("channels.refund.receive", refunds=[ask | {"number": number} | more])
    asked = dict(Refund.objects.values_list("outside_number", "asked_at"))
    assert (asked["R1"], asked["R2"] > when) == (when, True)


def test_whoever_may_not_take_orders_in_is_refused_and_nothing_is_left(stall, shop, nobody):
    with pytest.raises(DomainError):
        execute(nobody, registry.command("channels.order.receive"), data={"orders": [stall.outside(shop)]})
    assert not ChannelOrder.objects.exists()
