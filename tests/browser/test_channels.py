"""An outside order whose SKU nobody knows: matched, accepted and shipped through the screens."""

from __future__ import annotations

import pytest

from banyan.modules.channels.models import ChannelOrder, Dispatched
from banyan.modules.channels.tests.conftest import Stall
from tests.browser.conftest import settle
from tests.browser.hands import Hand
from tests.browser.looks import check
from tests.browser.soon import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("size", [
    pytest.param({}, id="desk"), pytest.param({"phone": True}, id="phone", marks=pytest.mark.slow),
])  # fmt: skip
def test_an_order_with_an_unknown_sku_is_shipped_through_the_screens(factory, signed_in, size):
    stall = Stall(factory)
    item = factory.item(code="SHAFT-20", name="传动轴 20")
    stall.put(item, 10)
    shop = stall.shop("TM", name="天猫旗舰店")
    (taken,) = stall.receive(
        stall.outside(shop, {"sku": "轴-20", "title": "传动轴", "quantity": "2"}, number="TB-7001")
    )
    assert (taken.state, taken.hold) == ("held", "unmatched")
    hand = Hand(signed_in(**size), is_touch=bool(size))
    page = hand.page
    page.goto("/channels/desk")
    hand.sees("TB-7001", "SKU 未对照")
    check(page, "desk", is_phone=bool(size))
    hand.press("对照 SKU")
    settle(page)
    check(page, "match", is_phone=bool(size))
    assert hand.cell("店铺 SKU").input_value() == "轴-20"
    hand.put(hand.cell("物料"), "SHAFT-20")
    hand.press("对照 SKU")
    settle(page)
    assert ChannelOrder.objects.get(pk=taken.order).state == "accepted"
    page.goto(f"/channels/orders/{taken.order}")
    hand.sees("已接单", "轴-20")
    hand.do("发货", 运单号="SF-7001")
    hand.sees("已发货")
    page.goto("/channels/desk")
    expect(page.locator("#main")).not_to_contain_text("TB-7001")
    order = ChannelOrder.objects.get(pk=taken.order)
    assert (order.state, stall.supply(item)) == ("shipped", (8, 0))
    assert Dispatched.objects.get(channel_order=order.pk).tracking_number == "SF-7001"
    assert page.faults == []


@pytest.mark.parametrize("size", [{}, {"tablet": True}], ids=["desk", "tablet"])
def test_a_long_sku_is_read_whole_where_it_is_matched(factory, signed_in, size):
    stall = Stall(factory)
    sku = "TMALL-2026-SPRING-SHAFT-20MM-STEEL-XL-BLUE"
    stall.receive(stall.outside(stall.shop("TM", name="天猫旗舰店"), {"sku": sku}))
    page = signed_in(**size)
    page.goto("/channels/listings/do/match")
    cell = Hand(page, is_touch=bool(size)).cell("店铺 SKU")
    assert cell.input_value() == sku
    assert cell.evaluate("e => e.scrollWidth <= e.clientWidth")
    check(page, "match")
