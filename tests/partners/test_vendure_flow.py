"""A real Vendure shop joined to us by presets and flows: orders, stock, waybills, a cancelled order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import connection

from banyan.connectors.vendure.connector import VARIANT, Vendure
from banyan.integration.models import Message
from banyan.kernel import proofs
from banyan.modules.channels.models import ChannelOrder, Refund, Shop
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.inventory.models import Supply
from banyan.modules.sales.models import Order
from tests.integration.shop import Integrator, carry
from tests.partners.standing import outgoing
from tests.partners.test_vendure import Buyer, reach, shop, variants
from tests.plugins.world import World

pytestmark = pytest.mark.partner("Vendure")
__all__ = ["shop"]
PROOFS = ("integration.carried", "integration.claims", "integration.once", "integration.order", "channels.amounts",
          "channels.bookings", "channels.bodies", "sales.kept_stock")  # fmt: skip


def join(hand, url):
    """Join the shop by all the flows that its preset brings."""
    account = hand.account("channels.order.receive", "channels.refund.receive")
    system = hand.system("V", "vendure", {"address": url, "user": "superadmin"}, {"password": "superadmin"},
                         account=account, timeout_seconds=10)  # fmt: skip
    for flow in hand.do("integration.flow.add_presets", system=str(system), settings={"shop": "V1"}).value:
        hand.do("integration.flow.test", flow.pk)
        hand.do("integration.flow.activate", flow.pk)


def saleable(url, sku):
    """Give what the shop itself would still sell."""
    found = Vendure()._document(reach(url), VARIANT, {"sku": sku})["productVariants"]["items"][0]["stockLevels"]
    return sum(level["stockOnHand"] - level["stockAllocated"] for level in found)


def test_orders_stock_waybills_and_a_cancelled_order_agree_on_both_sides(live_db, ctx, settings, tmp_path, shop):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    stall, sold, now = Stall(World(ctx)), variants(shop), datetime.now(UTC)
    stall.shop("V1", platform="vendure", system="V", currency=stall.world.dollar)
    join(Integrator(ctx), shop)
    stall.listing(Shop.objects.get(), "LAMP-01-W", stall.world.part)
    stall.put(stall.world.part, 50)

    def pass_time():
        nonlocal now
        for _ in range(3):
            now += timedelta(seconds=31)
            carry(now)
        left = Message.objects.exclude(state__in=("done", "filtered", "superseded"))
        assert list(left.values_list("flow__code", "reason", "error")) == []

    pass_time()
    assert saleable(shop, "LAMP-01-W") == 50
    bought = [Buyer(shop).buys(sold["LAMP-01-W"], n)["code"] for n in (1, 2, 3, 4)]
    pass_time()
    orders = {code: ChannelOrder.objects.get(outside_number=code) for code in bought}
    assert {order.state for order in orders.values()} == {"accepted"}
    assert (ChannelOrder.objects.count(), Order.objects.count()) == (4, 4)
    assert saleable(shop, "LAMP-01-W") == 40
    theirs = {each.key: each.body for each in Vendure().poll(reach(shop), "orders", None, 50).messages}
    totals = sum(D(theirs[code]["totalWithTax"]) / 100 for code in bought)
    assert sum(order.total_amount for order in orders.values()) == totals
    assert sum(order.gross_amount for order in Order.objects.all()) == totals

    stall.do("channels.order.ship", orders[bought[1]], tracking_number="SF-2")
    cancel = {"orderId": theirs[bought[3]]["id"], "reason": "买家取消"}
    Vendure().send(reach(shop), outgoing("cancel", cancel))
    pass_time()
    theirs = {each.key: each.body for each in Vendure().poll(reach(shop), "orders", None, 50).messages}
    assert theirs[bought[1]]["state"] == "Shipped"
    assert [each["trackingCode"] for each in theirs[bought[1]]["fulfillments"]] == ["SF-2"]
    states = dict(ChannelOrder.objects.values_list("outside_number", "state"))
    assert states == dict(zip(bought, ("accepted", "shipped", "accepted", "cancelled"), strict=True))
    supply = Supply.objects.get(item=stall.world.part)
    assert (supply.available, supply.promised) == (48, 4)
    assert saleable(shop, "LAMP-01-W") == 44
    print(f"shop: 4 orders, {totals}, 44 to sell; ours: {len(states)} orders, {totals}, "
          f"{supply.available} there, {supply.promised} promised")  # fmt: skip

    ours = orders[bought[1]]
    stall.do("channels.order.ask_refund", ours, kind="refund", amount="20.00", reason="运输损坏")
    stall.do("channels.refund.agree", Refund.objects.get())
    stall.do("channels.refund.pay", Refund.objects.get())
    stall.do("channels.order.cancel", orders[bought[0]], reason="缺货")
    pass_time()
    theirs = {each.key: each.body for each in Vendure().poll(reach(shop), "orders", None, 50).messages}
    [back] = [refund for paid in theirs[bought[1]]["payments"] for refund in paid["refunds"]]
    refund = Refund.objects.get()
    assert (back["total"], back["reason"]) == (2000, f"{refund.number} 运输损坏")
    assert (refund.outside_number, refund.state) == (back["id"], "refunded"), "what we began comes back as ours"
    assert theirs[bought[0]]["state"] == "Cancelled"
    assert saleable(shop, "LAMP-01-W") == 45
    assert [v.found.faults for v in proofs.run(PROOFS) if not v.is_green] == []
    connection.close()
