"""Scans of a joined shop: what lies weeks back and has not changed is no difference; what must never be is listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from banyan.integration.models import Flow
from banyan.integration.watch import defaults
from banyan.integration.watch.models import Discrepancy, Scan, ScanRun
from banyan.integration.watch.scanning import run_scan
from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Principal
from banyan.kernel.models import InboxItem, User
from banyan.lib.ids import new_id
from banyan.modules.channels.models import ChannelOrder, Offer
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.sales.models import Shipment
from tests.integration.shop import Integrator, carry, joined, open_shop, told
from tests.plugins.world import World

LONG_AGO = timedelta(days=20)


@pytest.fixture
def trade(live_db, ctx, settings, tmp_path):
    """Give our stall, a shop joined to us that sold a lamp twenty days ago, the system, and who makes scans."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    stall, hand = Stall(World(ctx)), Integrator(ctx)
    with open_shop(datetime.now(UTC).replace(microsecond=0) - LONG_AGO, "LAMP") as shop:
        ours = stall.shop("W1", platform="woocommerce", system="WOO")
        system = joined(hand, shop)
        stall.listing(ours, "LAMP", stall.world.part, price="88.90")
        stall.put(stall.world.part, 100)
        shop.place("LAMP", 1, "88.90")
        shop.now += timedelta(minutes=1)
        carry(shop.now)
        assert list(ChannelOrder.objects.values_list("outside_number", "state")) == [("1000", "accepted")]
        yield stall, shop, system, hand


def run(hand: Integrator, **facts) -> ScanRun:
    """Make a scan and run it now."""
    key = hand.do("watch.scan.create", records=[dict(code=f"S{new_id().hex[-8:]}", name="对账") | facts]).ids[0]
    return run_scan(hand.ctx.with_(now=datetime.now(UTC)), Scan.objects.select_related("system").get(pk=key))


def found() -> list[tuple[str, str]]:
    return list(Discrepancy.objects.order_by("key").values_list("kind", "key"))


def test_an_order_of_weeks_ago_that_has_not_changed_is_no_difference_and_a_lost_one_is(trade):
    _, shop, system, hand = trade
    facts = dict(
        kind="theirs", system=str(system), operation="orders", noun="channels.order", key_field="outside_number",
        at_field="ordered_at", amount_field="total_amount", their_key="id", their_at="date_created_gmt",
        their_amount="total", days=30,
    )  # fmt: skip
    made = run(hand, **facts)
    assert (made.ours, made.theirs, made.found) == (1, 1, 0), found()
    shop.now -= timedelta(days=5)
    shop.place("LAMP", 1, "88.90")
    del shop.orders[1000]
    assert run(hand, **facts).found == 2
    assert found() == [("missing_there", "1000"), ("missing_here", "1001")]


def test_what_must_never_be_of_a_shop_is_listed_with_its_owner_and_what_is_proposed(trade):
    stall, _, _, hand = trade
    owner = User.objects.create(login=f"o-{new_id().hex[-8:]}", name="电商主管")
    stall.do("channels.order.ship", ChannelOrder.objects.get())
    made = run(hand, kind="ours", owner=str(owner.pk))
    shipment = Shipment.objects.get()
    assert (made.state, made.new) == ("done", 1)
    listed = Discrepancy.objects.get()
    assert (listed.noun, listed.record, listed.owner_id, listed.proposed) == (
        "sales.shipment", shipment.pk, owner.pk, "task",
    )  # fmt: skip
    assert listed.text == (
        f"已发货却没有运单号：{shipment.number}（渠道订单 1000）\n"
        f"Shipped without a waybill: {shipment.number} (channel orders 1000)"
    )


def test_each_shop_that_is_joined_has_a_nightly_scan_without_anybody_having_made_one(trade):
    """Read through the flow's own mapping: number, time and amount are theirs as we would take them in."""
    _, shop, system, hand = trade
    ctx = hand.ctx.with_(now=datetime.now(UTC))
    owner = User.objects.create(login=f"o-{new_id().hex[-8:]}", name="启用流的人")
    as_owner = ctx.with_(principal=Principal(owner.pk, owner.name, grants=(("*", "all"),)))
    for name in ("stop", "revise", "test", "activate"):
        execute(as_owner, registry.command(f"integration.flow.{name}"), ids=[Flow.objects.get(code="ORDERS").pk])
    defaults.seed(ctx)
    made = Scan.objects.select_related("system", "fetch_flow").get(kind="theirs")
    assert (made.code, made.system_id, made.fetch_flow.code, made.is_active) == ("SCAN-ORDERS", system, "ORDERS", True)
    Scan.objects.filter(pk=made.pk).update(days=30)  # the order is twenty days old
    made.days = 30
    first = run_scan(ctx, made)
    assert (first.ours, first.theirs, first.found) == (1, 1, 0), found()
    assert [sum_["agrees"] for sum_ in first.sums] == []
    shop.orders[1000]["total"] = "1.00"
    shop.now -= timedelta(days=5)
    shop.place("LAMP", 1, "88.90")
    assert run_scan(ctx, made).found == 2
    assert found() == [("different", "1000"), ("missing_here", "1001")]
    assert set(Discrepancy.objects.values_list("owner", flat=True)) == {owner.pk}
    assert InboxItem.objects.filter(person=owner, noun="watch.scan", record=made.pk).count() == 1
    hand.do("watch.discrepancy.fetch_again", Discrepancy.objects.get(key="1001").pk)
    carry(datetime.now(UTC))
    assert ChannelOrder.objects.filter(outside_number="1001").exists()
    assert defaults.seed(ctx) == 0


def test_stock_that_the_shop_shows_is_compared_with_what_we_offer_as_it_stands_and_sent_again(trade):
    stall, shop, system, hand = trade
    flow = hand.flow(
        system, "OFFERS", told(shop="W1", sku="LAMP", quantity="4"), direction="out", trigger="event", target="stock",
        detail={"events": ["channels.offer_changed"]}, filter='data.shop = "W1"', order="newest",
        mapping={"preset": "woocommerce.stock", "settings": {"shop": "W1"}},
    )  # fmt: skip
    defaults.seed(hand.ctx.with_(now=datetime.now(UTC)))
    scan = Scan.objects.select_related("system", "send_flow").get(operation="stock_shown")
    assert (scan.code, scan.noun, scan.send_flow_id) == ("SCAN-OFFERS", "channels.offer", flow.pk)
    carry(datetime.now(UTC))
    offered = Offer.objects.get()
    assert shop.stock == {"LAMP": int(offered.quantity)}

    def scanned(minutes: int) -> ScanRun:
        return run_scan(hand.ctx.with_(now=datetime.now(UTC) + timedelta(minutes=minutes)), scan)

    shop.stock |= {"LAMP": 3, "OF-NOBODY": 8}
    assert scanned(0).found == 0, "our offer has just changed"
    first = scanned(20)
    assert (first.ours, first.theirs, first.found) == (1, 2, 1)
    listed = Discrepancy.objects.get()
    assert (listed.kind, listed.key, listed.record, listed.proposed, listed.facts) == (
        "different", "LAMP", offered.pk, "send_again", {"=": [offered.quantity, 3]},
    )  # fmt: skip
    scanned(0)
    assert Discrepancy.objects.get().state == "open", "what is left alone is not closed"
    hand.do("watch.discrepancy.send_again", listed.pk)
    carry(datetime.now(UTC))
    assert shop.stock["LAMP"] == int(offered.quantity)
    assert scanned(20).gone == 1
    del shop.stock["LAMP"]
    assert scanned(20).found == 1
    assert Discrepancy.objects.get(state="open").kind == "missing_there"
    Offer.objects.update(quantity=0)
    assert scanned(20).gone == 1, "neither side has any of it"
