"""What a platform takes from no program: a person is told what to do in the shop's back office, once."""

from __future__ import annotations

import pytest

from banyan.connectors.douyin.connector import Douyin
from banyan.connectors.jd.connector import Jd
from banyan.connectors.pinduoduo.connector import Pinduoduo
from banyan.connectors.shopify.connector import Shopify
from banyan.connectors.taobao.connector import Taobao
from banyan.connectors.vendure.connector import Vendure
from banyan.connectors.woocommerce.connector import WooCommerce
from banyan.kernel.models import InboxItem, Role, User, UserRole
from banyan.modules.channels import by_hand
from banyan.modules.channels.models import Refund
from banyan.modules.channels.tests.conftest import Stall


@pytest.fixture
def stall(world) -> Stall:
    """Give a plant that sells through shops."""
    return Stall(world)


@pytest.fixture
def seller(db):
    """Give somebody who looks after channels."""
    user = User.objects.create(login="anna", name="安娜")
    role = Role.objects.create(code="shops", name_zh="店铺", name_en="Shops", areas=["channels"])
    UserRole.objects.create(user=user, role=role)
    return user


def sold(stall, platform: str):
    """Give an order of two pieces that a shop of a platform sold and we accepted."""
    shop = stall.shop(platform=platform, system="S")
    stall.listing(shop, "A-1", stall.world.part)
    stall.put(stall.world.part, 10)
    given = stall.outside(shop, {"quantity": "2", "line": "L1"})
    stall.receive(given)
    return given, stall.order(shop, given["number"])


def tasks():
    return list(InboxItem.objects.filter(kind="shop_by_hand", done_at=None).values_list("noun", "record"))


def test_the_shops_whose_connector_brings_no_cancelling_are_those_a_person_is_told_of():
    known = (Taobao, Jd, Douyin, Pinduoduo, Shopify, WooCommerce, Vendure)
    assert {one.key for one in known if "cancel" not in one.joins} == set(by_hand.OFFICES)


@pytest.mark.django_db
@pytest.mark.parametrize("platform", sorted(by_hand.OFFICES))
def test_what_we_cancel_or_refuse_is_a_persons_task_until_the_shop_says_so_itself(stall, seller, platform):
    given, order = sold(stall, platform)
    (refund,) = stall.run("channels.refund.receive", refunds=[
        {"shop": given["shop"], "order": given["number"], "number": "R1", "kind": "return", "amount": "10.00",
         "lines": [{"line": "L1", "quantity": "1"}]},
    ])  # fmt: skip
    stall.do("channels.refund.refuse", refund, answer="已拆封")
    stall.deliver()
    assert tasks() == [("channels.refund", refund.pk)]
    item = InboxItem.objects.get(record=refund.pk)
    assert item.person_id in (seller.pk, stall.ctx.person)
    for text, office in ((item.text_zh, by_hand.OFFICES[platform].zh), (item.text_en, by_hand.OFFICES[platform].en)):
        assert all(word in text for word in (given["number"], "R1", "已拆封", office)), text

    stall.do("channels.order.cancel", order, reason="缺货")
    stall.deliver()
    assert tasks() == [("channels.refund", refund.pk), ("channels.order", order.pk)]
    text = InboxItem.objects.get(record=order.pk).text_zh
    assert all(word in text for word in (given["number"], "缺货", by_hand.OFFICES[platform].zh)), text
    stall.receive({**given, "state": "cancelled", "version": "2"})
    stall.deliver()
    assert tasks() == [("channels.refund", refund.pk)]


@pytest.mark.django_db
def test_what_the_shop_says_itself_or_hears_of_by_its_flow_is_nobodys_task(stall, seller):
    for platform, state in (("shopify", "paid"), ("taobao", "cancelled"), ("jd", "paid")):
        given, order = sold(stall, platform)
        if state == "cancelled":
            stall.receive({**given, "state": state, "version": "2"})
        elif platform == "shopify":
            stall.do("channels.order.cancel", order, reason="缺货")
        else:
            stall.run("channels.refund.receive", refunds=[
                {"shop": given["shop"], "order": given["number"], "number": "R1", "amount": "10.00"}])  # fmt: skip
            stall.do("channels.refund.refuse", Refund.objects.get(), answer="已拆封")
        stall.deliver()
    assert tasks() == []
    assert len(stall.told("order_cancelled")) == 2
