"""Shops' own keys of goods and orders: learnt, kept, told, and gone by when refunds and statements come."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.modules.channels.errors import NoSuchShop
from banyan.modules.channels.models import Listing, Refund, SettlementLine

pytestmark = pytest.mark.django_db
KEYS = ("outside_item", "outside_sku", "outside_stock", "outside_place")


def keys_of(shop, sku="A-1"):
    return Listing.objects.filter(shop=shop, sku=sku).values_list(*KEYS).get()


def refund_of(shop, order, **more):
    return {"shop": shop.code, "order": order, "number": "R1", "kind": "refund", "amount": "1.00"} | more


def test_an_order_teaches_its_listing_the_shops_keys_and_the_offer_is_told_with_them(stall, shop):
    stall.put(stall.world.part, 10)
    stall.run("channels.offer.refresh_all")
    assert [one["outside_sku"] for one in stall.told("offer_changed")] == [""]
    given = stall.outside(shop, {"outside_item": "9", "outside_sku": "91"})
    stall.receive(given)
    assert keys_of(shop) == ("9", "91", "", "")
    last = stall.told("offer_changed")[-1]
    assert (last["outside_item"], last["outside_sku"], last["quantity"]) == ("9", "91", "9")
    told = len(stall.told("offer_changed"))
    stall.receive(stall.outside(shop, {"outside_item": "9", "outside_sku": "91"}), given)
    assert len(stall.told("offer_changed")) == told, "what is known is not told again"
    stall.receive(stall.outside(shop, {"outside_sku": "92"}))
    assert keys_of(shop) == ("9", "92", "", ""), "the newest counts, and nothing said leaves what is known"


def test_a_sku_that_is_matched_later_has_the_keys_that_came_with_its_order(stall, shop):
    stall.receive(stall.outside(shop, {"sku": "N-1", "title": "新品", "outside_item": "7", "outside_sku": "71"}))
    stall.run("channels.listing.match", rows=[{"shop": shop.pk, "sku": "N-1", "item": stall.world.part.pk}])
    assert keys_of(shop, "N-1") == ("7", "71", "", "")
    assert Listing.objects.get(sku="N-1").title == "新品"


def test_a_list_of_goods_fills_in_what_is_listed_and_passes_over_the_rest(stall, shop):
    goods = [{"shop": "S", "sku": sku, "outside_stock": "808", "outside_place": "655"} for sku in ("A-1", "X")]
    assert stall.run("channels.listing.note_goods", goods=goods) == 1
    assert keys_of(shop) == ("", "", "808", "655")
    assert stall.run("channels.listing.note_goods", goods=goods) == 0
    with pytest.raises(NoSuchShop):
        stall.run("channels.listing.note_goods", goods=[*goods, goods[0] | {"shop": "NONE", "outside_sku": "1"}])
    assert keys_of(shop) == ("", "", "808", "655")


def test_refunds_and_statements_find_orders_by_the_shops_key_before_a_number_that_looks_the_same(stall, shop):
    stall.put(stall.world.part, 10)
    stall.receive(*(
        stall.outside(shop, {"quantity": "1"}, number=number, outside_id=key)
        for number, key in (("12", "11"), ("13", "12"))
    ))  # fmt: skip
    (made,) = stall.run("channels.refund.receive", refunds=[refund_of(shop, "12")])
    assert made.channel_order.outside_number == "13", "12 is the key of the order that is numbered 13"
    (other,) = stall.run("channels.refund.receive", refunds=[refund_of(shop, "13", number="R2")])
    assert other.channel_order.outside_number == "13", "nothing has the key 13, so it is a number"
    one = stall.run("channels.settlement.receive", shop="S", number="P1", settled_on="2026-03-02",
                    lines=[{"order": "11", "amount": "10.00"}])  # fmt: skip
    assert SettlementLine.objects.get(settlement=one).channel_order.outside_number == "12"
    assert (one.unmatched, one.difference_amount) == (0, D(0))


def test_what_a_shop_gives_back_itself_takes_the_place_of_what_we_asked_for_when_it_cancelled(stall, shop):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop, {"quantity": "1"})
    stall.receive(given)
    order = stall.order(shop, given["number"])
    stall.do("channels.order.ship", order, tracking_number="SF1")
    stall.receive(given | {"state": "cancelled", "version": "2"})
    (asked,) = Refund.objects.filter(channel_order=order)
    assert (asked.kind, asked.state) == ("intercept", "asked")
    (made,) = stall.run("channels.refund.receive", refunds=[refund_of(shop, given["number"], amount="10.00")])
    asked.refresh_from_db()
    assert (asked.state, made.state, made.amount) == ("refused", "asked", D("10.00"))


def test_a_refund_that_we_began_and_the_shop_tells_of_is_ours(stall, shop):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop, {"quantity": "1"})
    stall.receive(given)
    order = stall.order(shop, given["number"])
    stall.do("channels.order.ask_refund", order, kind="refund", amount="2.00", reason="晚到")
    stall.do("channels.refund.agree", Refund.objects.get())
    ours = Refund.objects.get()
    back = refund_of(shop, given["number"], amount="2.00", reason=f"{ours.number} 晚到")
    (made,) = stall.run("channels.refund.receive", refunds=[back])
    assert (made.pk, made.outside_number, Refund.objects.count()) == (ours.pk, "R1", 1)
    other = refund_of(shop, given["number"], number="R2", reason=f"{ours.number}0")
    stall.run("channels.refund.receive", refunds=[other])
    assert Refund.objects.count() == 2


def test_parts_say_when_the_whole_order_has_gone_or_was_given_up(stall, shop):
    stall.put(stall.world.part, 20)
    given = stall.outside(shop, {"quantity": "3", "line": "L1"})
    whole = stall.outside(shop, {"quantity": "1", "line": "L1"})
    stall.receive(given, whole)
    stall.do("channels.order.ship", stall.order(shop, whole["number"]), tracking_number="SF0")
    stall.deliver()
    [told] = stall.told("shipment_told")
    assert (told["is_last"], told["is_all"], told["is_whole"]) == (True, True, True)

    shop.is_automatic = False
    shop.save()
    parted, gone = (stall.outside(shop, {"quantity": "3", "line": "L1"}) for _ in range(2))
    stall.receive(parted, gone)
    for one in (parted, gone):
        order = stall.order(shop, one["number"])
        stall.do("channels.order.split", order, lines=[{"line": order.lines.get().pk, "quantity": "1"}])
    parts = [stall.order(shop, parted["number"], n) for n in (0, 1)]
    stall.do("channels.order.accept", parts)
    stall.do("channels.order.accept", [stall.order(shop, gone["number"], n) for n in (0, 1)])
    for n, part in enumerate(parts, start=1):
        stall.do("channels.order.ship", part, tracking_number=f"SF{n}")
        stall.deliver()
    told = stall.told("shipment_told")[1:]
    assert [(one["is_last"], one["is_all"], one["is_whole"]) for one in told] == [
        (True, False, False), (True, True, False),
    ]  # fmt: skip
    stall.do("channels.order.cancel", [stall.order(shop, gone["number"], n) for n in (0, 1)], reason="缺货")
    said = [(one["part"], one["is_whole"], one["is_all"], one["is_outside"]) for one in stall.told("order_cancelled")]
    assert said == [(0, True, False, False), (1, True, True, False)]
    stall.receive(given | {"state": "cancelled", "version": "2"})
    assert stall.told("order_cancelled")[-1]["is_outside"] is True


def test_when_the_shop_lets_go_of_what_we_gave_up_its_stock_is_told_again(stall, shop):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop, {"quantity": "3"})
    stall.receive(given)
    stall.do("channels.order.cancel", stall.order(shop, given["number"]), reason="缺货")
    stall.run("channels.offer.refresh_due")
    told = len(stall.told("offer_changed"))
    for version in ("2", "3"):
        stall.receive(given | {"state": "cancelled", "version": version})
    assert [one["quantity"] for one in stall.told("offer_changed")[told:]] == ["10", "10"]
    assert len(stall.told("order_cancelled")) == 1
