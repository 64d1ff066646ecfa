"""What must never be of shops' orders: each state is made and found, and its healthy neighbour is not."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from banyan.kernel.impossible import impossibles
from banyan.modules.channels.models import Dispatched
from banyan.modules.channels.tests.conftest import unplanned
from banyan.modules.sales.models import Shipment
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


def found(stall, key, **later):
    """Give what a check names so much later: the facts, by record."""
    rows = impossibles()[f"channels.{key}"].function(stall.ctx.now + timedelta(**later))
    return {record: orjson.loads(facts) if isinstance(facts, str) else facts for record, facts in rows}


@pytest.fixture
@stands
@unplanned()
def orders(stall, shop):
    """Give two accepted orders of two buyers."""
    stall.put(stall.world.part, 10)
    given = [stall.outside(shop), stall.outside(shop, buyer="b", phone="13900000000")]
    stall.receive(*given)
    return [stall.order(shop, one["number"]) for one in given]


def shipment_of(order):
    return Shipment.objects.get(order=order.order)


def test_shipped_without_a_waybill_is_found_when_its_time_is_over_until_it_has_one(stall, orders):
    bare, well = orders
    stall.do("channels.order.ship", bare)
    stall.do("channels.order.ship", well, tracking_number="SF1")
    gone = shipment_of(bare)
    assert found(stall, "shipped_without_waybill", hours=23) == {}
    told = {"number": gone.number, "orders": bare.outside_number}
    assert found(stall, "shipped_without_waybill", hours=25) == {gone.pk: told}
    stall.do("sales.shipment.track", gone, tracking_number="SF2")
    assert found(stall, "shipped_without_waybill", hours=25) == {}


def test_a_waybill_of_a_parcel_is_one_and_what_was_taken_back_or_left_for_no_shop_needs_none(stall, orders):
    back, parcelled = orders
    for order in orders:
        stall.do("channels.order.ship", order)
    stall.do("sales.shipment.reverse", shipment_of(back), reason="没装车")
    shipment_of(parcelled).parcels.create(position=1, parcel=1, tracking_number="SF9")
    own = stall.world.make(
        "sales.order", party=stall.world.customer, plant=stall.plant,
        lines=[{"item": stall.world.part, "quantity": "1", "price": "10"}],
    )  # fmt: skip
    stall.do("sales.order.confirm", own)
    stall.do("sales.order.ship", own)
    assert Shipment.objects.get(order=own).state == "shipped"
    assert found(stall, "shipped_without_waybill", hours=25) == {}


def test_a_shipment_its_waybill_and_its_taking_back_are_found_until_the_shop_is_told(stall, orders):
    order, well = orders
    stall.do("channels.order.ship", well, tracking_number="SF1")
    (gone,) = stall.do("sales.order.ship", order.order)
    for step in (None, ("track", {"tracking_number": "SF2"}), ("reverse", {"reason": "没装车"})):
        if step:
            gone.refresh_from_db()
            stall.do(f"sales.shipment.{step[0]}", gone, **step[1])
        assert found(stall, "shipment_untold", minutes=50) == {}
        assert list(found(stall, "shipment_untold", hours=2)) == [gone.pk]
        stall.deliver()
        assert found(stall, "shipment_untold", hours=2) == {}
    assert Dispatched.objects.filter(shipment=gone).count() == 3


def test_what_was_taken_back_before_the_shop_heard_of_it_need_not_be_told(stall, orders):
    (gone,) = stall.do("sales.order.ship", orders[0].order)
    stall.do("sales.shipment.reverse", gone, reason="没装车")
    assert found(stall, "shipment_untold", hours=2) == {}


def test_paid_and_not_taken_is_found_when_it_should_have_been_shipped_and_others_are_not(stall):
    slow = stall.shop("SLOW", is_automatic=False, ship_hours=24)
    stall.listing(slow, "A-1", stall.world.part)
    stall.put(stall.world.part, 10)
    given = {name: stall.outside(slow, buyer=name, phone=f"1390000000{n}", **more) for n, (name, more) in enumerate({
        "left": {}, "unpaid": {"state": "placed"}, "taken": {}, "held": {}, "cancelled": {},
    }.items())}  # fmt: skip
    stall.receive(*given.values())
    order = {name: stall.order(slow, one["number"]) for name, one in given.items()}
    stall.do("channels.order.accept", order["taken"])
    stall.do("channels.order.hold", order["held"], reason="等客户")
    stall.do("channels.order.cancel", order["cancelled"], reason="不要了")
    assert found(stall, "paid_without_order", hours=23) == {}
    named = found(stall, "paid_without_order", hours=25)
    assert list(named) == [order["left"].pk]
    assert named[order["left"].pk] == {
        "shop": "SLOW", "number": given["left"]["number"], "ship_by": "2026-03-03 08:00 UTC",
    }  # fmt: skip


def test_a_statement_that_pays_for_orders_we_never_had_is_found_until_they_come(stall, shop, orders):
    head = {"shop": "S", "settled_on": "2026-03-31"}
    rows = [{"order": orders[0].outside_number, "amount": "10.00"}, {"kind": "fee", "fee": "佣金", "amount": "-1.00"}]
    stall.run("channels.settlement.receive", number="WELL", lines=rows, **head)
    lost = [*rows, {"order": "LOST", "amount": "10.00"}, {"order": "LOST", "kind": "refund", "amount": "-1.00"}]
    one = stall.run("channels.settlement.receive", number="LESS", lines=lost, **head)
    assert found(stall, "settled_without_order", hours=71) == {}
    said = {"number": "LESS", "count": 1, "first": "LOST"}
    assert found(stall, "settled_without_order", hours=73) == {one.pk: said}
    stall.receive(stall.outside(shop, number="LOST", buyer="c", phone="13700000000"))
    assert found(stall, "settled_without_order", hours=73) == {}
