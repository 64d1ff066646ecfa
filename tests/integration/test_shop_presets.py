"""Each shop joined to us by the flows that its preset brings: an order's whole life, seen on both sides."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter as Count
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test import Client

from banyan.connectors.douyin.tests.shop import DouyinShop
from banyan.connectors.jd.tests.shop import JdShop
from banyan.connectors.pinduoduo.tests.shop import PinduoduoShop
from banyan.connectors.platform import STOCK_SHOWN
from banyan.connectors.shopify.tests.shop import ShopifyShop
from banyan.connectors.taobao.tests.shop import TaobaoShop
from banyan.connectors.vendure.tests.shop import VendureShop
from banyan.connectors.woocommerce.tests.shop import WooShop
from banyan.integration.models import Flow, Message, Position
from banyan.integration.plans import link_of
from banyan.integration.watch import defaults, scanning
from banyan.integration.watch.models import Discrepancy, Scan
from banyan.kernel import proofs
from banyan.modules.channels.models import ChannelOrder, Listing, Offer, OrderBody, Refund, Settlement
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.finance.models import CustomerInvoice
from banyan.modules.inventory.models import Supply
from banyan.modules.sales.models import ReturnOrder
from tests.integration.shop import Integrator, carry
from tests.partners.shops import Counter, opened
from tests.plugins.world import World

SHOPS: tuple[type[Counter], ...] = (
    ShopifyShop, WooShop, VendureShop, TaobaoShop, JdShop, DouyinShop, PinduoduoShop,
)  # fmt: skip
PROOFS = (
    "integration.carried", "integration.claims", "integration.once", "integration.order", "channels.amounts",
    "channels.bookings", "channels.bodies", "sales.kept_stock", "sales.states",
)  # fmt: skip
GRANTS = ("channels.order.receive", "channels.listing.note_goods", "channels.refund.receive",
          "channels.settlement.receive")  # fmt: skip


class Trade:
    """Our plant with a hundred of each thing, and the shop; time passes for both."""

    def __init__(self, ctx, counter: Counter) -> None:
        self.counter = counter
        self.stall, self.hand = Stall(World(ctx)), Integrator(ctx)
        world = self.stall.world
        self.stall.run("finance.account.install", chart="cas_small")
        self.stall.run("finance.period.open_year", year=2026)
        more = {"currency": world.dollar} if counter.currency == "USD" else {}
        self.shop = self.stall.shop("P1", platform=counter.connector.key, system="P", **more)
        for sku, item in zip(counter.goods, (world.part, world.screw), strict=False):
            self.stall.listing(self.shop, sku, item)
            self.stall.put(item, 100)
        self.carrier = world.party(code="SF", name="顺丰速运", is_customer=False, is_carrier=True)
        system = self.hand.system("P", counter.connector.key, counter.settings_of(), counter.secrets,
                                  account=self.hand.account(*GRANTS), timeout_seconds=5)  # fmt: skip
        if counter.carrier:
            self.hand.do("mapping.key_link.link", system="P", entity="parties.party",
                         code=counter.carrier, record=str(self.carrier.pk))  # fmt: skip
        flows = self.hand.do("integration.flow.add_presets", system=str(system), settings={"shop": "P1"}).value
        assert [one.code for one in flows] == [f"P-{name}" for name in counter.connector.joins]
        for one in flows:
            self.hand.do("integration.flow.test", one.pk)
            self.hand.do("integration.flow.activate", one.pk)
        self.names = {one.code.removeprefix("P-") for one in flows}
        self.passes()

    def passes(self, span: timedelta = timedelta(minutes=3)) -> None:
        """Let time pass; nothing may be left over."""
        self.counter.now += span
        carry(self.counter.now)
        left = Message.objects.exclude(state__in=("done", "filtered", "superseded"))
        assert list(left.values_list("flow__code", "reason", "error", "body")) == [], self.counter.refused

    def order(self, number: str) -> ChannelOrder:
        return ChannelOrder.objects.get(outside_number=number, part=0)

    def supply(self) -> tuple[D, D]:
        row = Supply.objects.get(item=self.stall.world.part)
        return row.available, row.promised


@pytest.fixture(params=SHOPS, ids=lambda one: one.connector.key)
def trade(request, live_db, ctx, settings, tmp_path):
    """Give a shop that is joined to us by all its preset flows."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    with opened(request.param(datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1))) as counter:
        yield Trade(ctx, counter)
        assert [v.found.faults for v in proofs.run(PROOFS) if not v.is_green] == []
    connection.close()


def test_an_order_is_accepted_shipped_and_given_back_and_the_shop_knows_it(trade):
    counter, stall, lamp = trade.counter, trade.stall, trade.counter.goods[0]
    first, second, third = counter.place(), counter.place(), counter.place()
    trade.passes()
    orders = [trade.order(number) for number in (first, second, third)]
    assert [(one.state, one.total_amount) for one in orders] == [("accepted", counter.total)] * 3
    assert trade.supply() == (100, 6)

    # What may be sold goes there by the shop's own keys, learnt from its order or its goods; so does new stock.
    assert counter.stock[lamp] == 94
    stall.put(stall.world.part, 10)
    trade.passes()
    assert counter.stock[lamp] == 104
    kept = Listing.objects.get(sku=lamp)
    assert (kept.outside_item, kept.outside_sku) != ("", "")

    # Allocated and shipped, the waybill is there, under the carrier's code.
    stall.do("channels.order.allocate", orders[0])
    stall.do("channels.order.ship", trade.order(first), carrier=str(trade.carrier.pk), tracking_number="SF1001")
    trade.passes()
    whole = {line.sku: int(line.quantity) for line in orders[0].lines.all()}
    assert counter.sent == [(first, "SF1001", whole)]
    assert trade.order(first).state == "shipped"
    stall.run("finance.customer_invoice.from_orders", orders=[str(orders[0].order_id)])

    # The buyer cancels the second: what was promised is free again, and told.
    counter.cancel(second)
    trade.passes()
    assert trade.order(second).state == "cancelled"
    assert trade.supply() == (108, 2)
    assert counter.stock[lamp] == 106
    assert counter.cancelled == [], "the shop is not told what it said itself"

    # We cancel the third.
    stall.do("channels.order.cancel", trade.order(third), reason="缺货")
    trade.passes()
    assert counter.cancelled == ([third] if "cancel" in trade.names else [])
    if "cancel" in trade.names:
        trade.passes()
        assert counter.stock[lamp] == 108, "whatever the shop itself did with its stock"

    gives_back(trade, first) if counter.returns else gives_money_back(trade)
    if "statements" in trade.names:
        counter.pay_out(first)
        trade.passes(timedelta(hours=1))
        settlement = Settlement.objects.get()
        assert (settlement.unmatched, settlement.state) == (0, "draft")


def gives_back(trade: Trade, first: str) -> None:
    """Prove that goods come back for credit, and that the shop gets our answer."""
    counter, stall = trade.counter, trade.stall
    if "refunds" in trade.names:
        counter.take_back(first)
        trade.passes()
        refund = Refund.objects.get(channel_order=trade.order(first))
        assert (refund.kind, refund.amount, refund.state) == ("return", counter.back[1], "asked")
        stall.do("channels.refund.agree", refund, answer="同意")
        refund.refresh_from_db()
        trade.passes()
        counter.send_back(first)
        stall.do("sales.return_order.receive", ReturnOrder.objects.get(pk=refund.return_order_id))
        trade.passes()
        refund.refresh_from_db()
        assert refund.state == "returned"
        stall.do("channels.refund.pay", refund)
        trade.passes()
        assert trade.order(first).refunded_amount == counter.back[1]
        assert counter.given_back == []
        if "answer" in trade.names:
            said = [("agreed", "refunded"), ("agreed",)][counter.connector.key == "douyin"]
            assert counter.answers == [(refund.outside_number, decision) for decision in said]
        stall.run("finance.customer_invoice.from_orders", orders=[str(trade.order(first).order_id)])
        kinds = CustomerInvoice.objects.order_by("created_at").values_list("kind", flat=True)
        assert list(kinds) == ["invoice", "credit"]
    if "refund" in trade.names:
        stall.do("channels.order.ask_refund", trade.order(first), kind="refund", amount="20.00", reason="运输损坏")
        ours = Refund.objects.get(outside_number="")
        stall.do("channels.refund.agree", ours, answer="")
        stall.do("channels.refund.pay", ours)
        trade.passes()
        assert counter.given_back == [(first, D("20.00"))]


def gives_money_back(trade: Trade) -> None:
    """Prove that what a buyer asks back before it goes is agreed to there, and that the order ends with it."""
    counter, number = trade.counter, trade.counter.place()
    trade.passes()
    before = trade.supply()
    counter.take_back(number)
    trade.passes()
    refund = Refund.objects.get(channel_order=trade.order(number))
    assert (refund.kind, refund.amount, refund.state) == ("refund", counter.total, "asked")
    trade.stall.do("channels.refund.agree", refund, answer="同意")
    trade.passes()
    assert counter.answers == [(refund.outside_number, "agreed")]
    counter.cancel(number)
    trade.passes()
    assert trade.order(number).state == "cancelled"
    assert trade.supply() == (before[0], before[1] - 2)


#: By shop: when an order was placed, what it is while it waits and once it has gone, as its platform writes it.
WRITES = {
    "shopify": ("created_at", "iso", {"fulfillment_status": None}, {"fulfillment_status": "fulfilled"}),
    "woocommerce": ("date_created_gmt", "utc", {"status": "processing"}, {"status": "completed"}),
    "vendure": ("orderPlacedAt", "iso", {"state": "PaymentSettled"}, {"state": "Shipped"}),
    "taobao": ("created", "china", {"status": "WAIT_SELLER_SEND_GOODS"}, {"status": "WAIT_BUYER_CONFIRM_GOODS"}),
    "jd": ("orderStartTime", "china", {"orderState": "WAIT_SELLER_STOCK_OUT"},
           {"orderState": "WAIT_GOODS_RECEIVE_CONFIRM"}),
    "douyin": ("create_time", "unix", {"order_status": 2}, {"order_status": 3}),
    "pinduoduo": ("created_time", "china", {"order_status": 1}, {"order_status": 2}),
}  # fmt: skip


def written(when: datetime, how: str):
    china = when.astimezone(timezone(timedelta(hours=8)))
    return {"iso": when.isoformat(), "utc": f"{when:%FT%T}", "china": f"{china:%F %T}",
            "unix": int(when.timestamp())}[how]  # fmt: skip


def test_the_default_scans_find_what_is_missing_on_either_side(trade, monkeypatch):
    counter, hand = trade.counter, trade.hand

    def reached(system):
        connector, connect = link_of(system)
        return connector, lambda: replace(connect(), now=counter.now)

    monkeypatch.setattr(scanning, "link_of", reached)
    field, how, waits, gone = WRITES[counter.connector.key]
    placed = counter.now - timedelta(hours=2)
    numbers = {}
    for name in ("agreed", "lost there", "sent there", "sent here", "sent"):
        numbers[name] = counter.place()
        list(counter.orders.values())[-1].update({field: written(placed, how)})
    rows = dict(zip(numbers, counter.orders, strict=True))
    trade.passes()
    assert ChannelOrder.objects.count() == len(numbers)
    ctx = hand.ctx.with_(now=counter.now)
    defaults.seed(ctx)
    made = {scan.code: scan for scan in Scan.objects.filter(kind="theirs").select_related("system", "fetch_flow")}
    shipping = f"SCAN-P-{counter.connector.shipped[0]}"
    lists_stock = STOCK_SHOWN in {call.key for call in counter.connector.calls}
    lists_refunds = counter.connector.key != "vendure"
    more = [name for name, is_there in (("stock", lists_stock), ("refunds", lists_refunds)) if is_there]
    assert set(made) == {"SCAN-P-orders", shipping, *(f"SCAN-P-{name}" for name in more)}
    Scan.objects.filter(kind="theirs").update(days=1)

    def found(code: str) -> list[tuple[str, str]]:
        counter.now += timedelta(minutes=1)
        made[code].refresh_from_db()
        scanning.run_scan(ctx, made[code])
        listed = Discrepancy.objects.filter(scan=made[code], state="open")
        return sorted(listed.values_list("kind", "key"))

    assert found("SCAN-P-orders") == found(shipping) == []
    if lists_refunds:
        assert found("SCAN-P-refunds") == []
    if lists_stock:
        Offer.objects.update(offered_at=counter.now - timedelta(hours=1))
        assert found("SCAN-P-stock") == [], "the shop shows what it was told"
        Offer.objects.update(quantity=7)
        assert found("SCAN-P-stock") == sorted(("different", sku) for sku in counter.goods)
    here = counter.place()
    list(counter.orders.values())[-1].update({field: written(placed, how)})
    del counter.orders[rows["lost there"]]
    assert found("SCAN-P-orders") == sorted([("missing_there", numbers["lost there"]), ("missing_here", here)])
    ChannelOrder.objects.filter(outside_number__in=(numbers["sent here"], numbers["sent"])).update(state="shipped")
    for name in ("sent there", "sent"):
        counter.orders[rows[name]].update(gone)
    counter.orders[rows["sent here"]].update(waits)
    assert found(shipping) == sorted([("missing_there", numbers["sent here"]), ("missing_here", numbers["sent there"])])
    assert defaults.seed(ctx) == 0


#: By shop: where its refunds lie, their number and when they were asked for, as its platform writes it.
REFUNDS = {
    "shopify": (lambda there: [one for order in there.orders.values() for one in order["refunds"]], "id", "created_at",
                "iso"),
    "woocommerce": (lambda there: [one for rows in there.refunds.values() for one in rows], "id", "date_created_gmt",
                    "utc"),
    "taobao": (lambda there: list(there.refunds.values()), "refund_id", "created", "china"),
}  # fmt: skip


@pytest.mark.parametrize("trade", [
    pytest.param(ShopifyShop, marks=pytest.mark.slow), WooShop, pytest.param(TaobaoShop, marks=pytest.mark.slow),
], indirect=True, ids=lambda one: one.connector.key)  # fmt: skip
def test_refunds_are_compared_by_the_shops_own_number_and_fetched(trade, monkeypatch):
    counter, hand, key = trade.counter, trade.hand, trade.counter.connector.key
    listed, name, field, how = REFUNDS[key]
    connector, connect = link_of(Flow.objects.first().system_id)
    monkeypatch.setattr(scanning, "link_of", lambda _: (connector, lambda: replace(connect(), now=counter.now)))
    asked = counter.now - timedelta(hours=2)

    numbers = [counter.place() for _ in range(3)]
    trade.passes()

    def back() -> str:
        counter.take_back(numbers[len(listed(counter))])
        made = listed(counter)[-1]
        made[field] = written(asked, how)
        if key == "shopify":
            made["id"] += len(listed(counter))
        return str(made[name])

    kept, lost = back(), back()
    trade.passes()
    assert set(Refund.objects.values_list("outside_number", "asked_at")) == {(kept, asked), (lost, asked)}
    ctx = hand.ctx.with_(now=counter.now)
    defaults.seed(ctx)
    scan = Scan.objects.select_related("system").get(code="SCAN-P-refunds")

    def found() -> list[tuple[str, str, str]]:
        counter.now += timedelta(minutes=1)
        found.run = scanning.run_scan(ctx, scan)
        rows = Discrepancy.objects.filter(scan=scan).exclude(state="closed")
        return sorted(rows.values_list("kind", "key", "proposed"))

    assert (found(), found.run.ours, found.run.windows_differ) == ([], 2, 0)
    missed = back()
    assert found() == [("missing_here", missed, "fetch_again")]
    assert D(found.run.sums[0]["their_sum"]) == 3 * counter.back[1]
    hand.do("watch.discrepancy.fetch_again", Discrepancy.objects.get().pk)
    trade.passes()
    assert (Refund.objects.filter(outside_number=missed).count(), found()) == (1, [])

    if key == "taobao":
        counter.refunds[kept]["status"] = "CLOSED"
        del counter.refunds[lost]
        back_to = Refund.objects.filter(outside_number=missed)
    else:
        held = [order["refunds"] for order in counter.orders.values()]
        for rows in (*held, *getattr(counter, "refunds", {}).values()):
            rows[:] = [one for one in rows if str(one["id"]) != lost]
        back_to = Refund.objects.filter(outside_number=kept)
    assert found() == [("missing_there", lost, "task")], "what was closed there since is no difference"
    back_to.update(asked_at=asked - timedelta(days=40), amount=1)
    assert found() == sorted([("missing_there", lost, "task"),
                              ("different", back_to.get().outside_number, "fetch_again")])  # fmt: skip


SIGNED = {"shopify": "X-Shopify-Hmac-Sha256", "woocommerce": "X-WC-Webhook-Signature"}


@pytest.mark.parametrize("trade", [ShopifyShop, WooShop], indirect=True, ids=lambda one: one.connector.key)
def test_an_order_that_is_pushed_is_the_channels_order_once_though_it_is_polled_too(trade):
    counter, number = trade.counter, trade.counter.place()
    (body,) = [json.dumps(one).encode() for one in counter.orders.values()]

    def push(secret: str) -> int:
        signed = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        return Client().post("/hooks/P/orders", body, content_type="application/json",
                             headers={SIGNED[counter.connector.key]: signed}).status_code  # fmt: skip

    def came() -> dict[str, int]:
        return Count(Message.objects.filter(flow__target="channels.order.receive").values_list("flow__code", flat=True))

    assert push("another") == 401
    assert (push(counter.secrets["webhook_secret"]), push(counter.secrets["webhook_secret"])) == (200, 200)
    Position.objects.update(next_at=counter.now + timedelta(hours=1))
    trade.passes()
    assert came() == {"P-orders_pushed": 1}, "nothing was polled yet"
    assert (trade.order(number).state, trade.supply()) == ("accepted", (100, 2))
    Position.objects.update(next_at=counter.now)
    trade.passes()
    assert came() == {"P-orders_pushed": 1, "P-orders": 1}
    assert ChannelOrder.objects.count() == OrderBody.objects.count() == 1
    assert trade.supply() == (100, 2)


@pytest.mark.parametrize("trade", [WooShop], indirect=True, ids=lambda one: one.connector.key)
def test_a_shop_that_only_pushes_is_compared_by_what_it_lists(trade, monkeypatch):
    counter, hand = trade.counter, trade.hand
    hand.do("integration.flow.stop", Flow.objects.get(code="P-orders").pk)
    missed = counter.place()
    list(counter.orders.values())[-1].update(date_created_gmt=written(counter.now - timedelta(hours=2), "utc"))
    counter.now += timedelta(minutes=1)
    connector, connect = link_of(Flow.objects.first().system_id)
    monkeypatch.setattr(scanning, "link_of", lambda _: (connector, lambda: replace(connect(), now=counter.now)))
    ctx = hand.ctx.with_(now=counter.now)
    defaults.seed(ctx)
    (scan,) = Scan.objects.filter(noun="channels.order", fetch_flow__trigger="webhook")
    assert (scan.code, scan.operation, scan.is_mapped) == ("SCAN-P-orders_pushed", "orders", True)
    scanning.run_scan(ctx, scan)
    (found,) = Discrepancy.objects.filter(scan=scan)
    assert (found.kind, found.key) == ("missing_here", missed)
    hand.do("watch.discrepancy.fetch_again", found.pk)
    trade.passes()
    assert trade.order(missed).state == "accepted"


def test_flows_that_are_there_are_not_made_again(trade):
    system = Flow.objects.first().system_id
    assert trade.hand.do("integration.flow.add_presets", system=str(system), settings={"shop": "P1"}).value == ()
