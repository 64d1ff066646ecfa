"""A web shop joined to us by presets and flows: both sides' books agree, whatever happens on the way."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.db.models import Sum

from banyan.integration.models import Attempt, Message, Position
from banyan.kernel import proofs
from banyan.kernel.models import Audit
from banyan.modules.channels.models import ChannelOrder, OrderBody
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.inventory.models import Supply
from banyan.modules.sales.models import Order
from tests.integration.both_sides import bus_agrees
from tests.integration.shop import HALF, Integrator, carry, carry_over, joined, open_shop
from tests.plugins.levels import later
from tests.plugins.world import World

PROOFS = (
    "integration.carried", "integration.claims", "integration.once", "integration.order",
    "channels.amounts", "channels.bookings", "channels.bodies", "sales.kept_stock", "sales.states",
)  # fmt: skip
MINUTE = timedelta(minutes=1)
GOODS = (("LAMP", "88.90"), ("BULB", "20.00"))


@pytest.fixture
def trade(live_db, ctx, settings, tmp_path):
    """Give our stall with a hundred of each thing, a shop that sells them, and what joins the two."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    stall = Stall(World(ctx))
    with open_shop(datetime.now(UTC).replace(microsecond=0) + MINUTE, "LAMP", "BULB") as shop:
        ours = stall.shop("W1", platform="woocommerce", system="WOO")
        joined(Integrator(ctx), shop)
        for (sku, price), item in zip(GOODS, (stall.world.part, stall.world.screw), strict=True):
            stall.listing(ours, sku, item, price=price)
            stall.put(item, 100)
        carry(shop.now)
        assert shop.stock == {"LAMP": 100, "BULB": 100}
        yield stall, shop, ours
        assert [v.found.faults for v in proofs.run(PROOFS) if not v.is_green] == []
    connection.close()


def books_agree(stall, shop, ours):
    """Hold counts and sums of both sides against each other, and print them."""
    theirs = {n: one for n, one in shop.orders.items() if one["status"] in ("processing", "completed")}
    known = ChannelOrder.objects.filter(shop=ours)
    kept = known.exclude(state="cancelled")
    sums = sum((D(one["total"]) for one in theirs.values()), D(0))
    booked = Order.objects.filter(pk__in=kept.values("order"))
    print(
        f"shop: {len(shop.orders)} orders, {len(theirs)} good, {sums}; "
        f"channel orders: {known.count()}, {kept.count()} good, {kept.aggregate(s=Sum('total_amount'))['s']}; "
        f"sales orders: {booked.count()}, {booked.aggregate(s=Sum('gross_amount'))['s']}"
    )
    assert known.count() == len(shop.orders)
    assert {int(n) for n in kept.values_list("outside_number", flat=True)} == set(theirs)
    assert kept.aggregate(s=Sum("total_amount"))["s"] == booked.aggregate(s=Sum("gross_amount"))["s"] == sums
    assert booked.count() == len(theirs)
    wanted = {
        sku: 100 - sum(line["quantity"] for one in theirs.values() for line in one["line_items"] if line["sku"] == sku)
        for sku, _ in GOODS
    }
    print(f"pieces left: shop {shop.stock}, sold from 100: {wanted}")
    assert shop.stock == wanted


def waybills_agree(shop, orders):
    """Hold the waybills that were told of orders against the shop's notes, and print both."""
    got = [(note, str(n), n) for n, notes in shop.notes.items() for note in notes]
    bus_agrees("out", [(one, int(one)) for one in orders], got, flow="WAYBILL",
               number=lambda body: int(body["data"]["outside_number"]))  # fmt: skip


def ship(stall, orders):
    for order in orders:
        stall.do("channels.order.ship", order, tracking_number=f"SF{order.outside_number}")


def left_over():
    return list(Message.objects.exclude(state__in=("done", "filtered", "superseded")).values_list(
        "flow__code", "state", "reason", "error"))  # fmt: skip


def test_orders_that_came_together_are_taken_in_one_call_and_a_refused_one_stops_nobody(trade):
    stall, shop, ours = trade
    calls = Audit.objects.filter(command="channels.order.receive", outcome="done")
    for _ in range(6):
        shop.place("LAMP", 1, "88.90")
    carry_over(shop, MINUTE, MINUTE)
    assert calls.count() == 1
    refused = shop.place("LAMP", 1, "88.90")
    refused["currency"] = "QQQ"
    for _ in range(3):
        shop.place("LAMP", 1, "88.90")
    carry_over(shop, MINUTE, MINUTE)
    assert calls.count() == 4
    assert [row[:2] for row in left_over()] == [("ORDERS", "dead")]
    assert ChannelOrder.objects.filter(state="accepted").count() == 9
    assert Message.objects.filter(flow__code="ORDERS", state="done").count() == 9


def test_orders_pushed_and_polled_many_times_and_out_of_order_arrive_once(trade):
    stall, shop, ours = trade
    chance, pushes = random.Random(4), []
    for n in range(24):
        sku, price = GOODS[n % 2]
        first = shop.place(sku, 1 + n % 3, price, state="pending")
        shop.now += timedelta(seconds=1)
        pushes += [first, shop.change(first["id"], "processing")] * 5
    chance.shuffle(pushes)
    assert {shop.push(one) for one in pushes} == {200}
    carry(shop.now)
    carry_over(shop, 3 * MINUTE, MINUTE)
    assert left_over() == []
    assert Message.objects.filter(flow__code="PUSHED").count() == 48
    books_agree(stall, shop, ours)
    assert set(ChannelOrder.objects.values_list("state", "outside_state")) == {("accepted", "paid")}
    assert OrderBody.objects.count() in range(24, 49), "an older version is kept once, or was never seen"

    ship(stall, ChannelOrder.objects.filter(state="accepted")[:10])
    cancelled = list(ChannelOrder.objects.filter(state="accepted")[:4])
    for order in cancelled:
        shop.now += timedelta(seconds=1)
        shop.push(shop.change(int(order.outside_number), "cancelled"))
    carry_over(shop, 3 * MINUTE, MINUTE)
    shipped = ChannelOrder.objects.filter(state="shipped")
    assert {int(order.outside_number) for order in shipped} == {n for n, one in shop.orders.items()
                                                               if one["status"] == "completed"}  # fmt: skip
    waybills_agree(shop, shipped.values_list("outside_number", flat=True))
    assert ChannelOrder.objects.filter(state="cancelled").count() == 4
    assert left_over() == []
    books_agree(stall, shop, ours)
    for item in (stall.world.part, stall.world.screw):
        assert Supply.objects.get(item=item).promised == sum(
            line["quantity"] for one in shop.orders.values() for line in one["line_items"]
            if one["status"] == "processing" and line["sku"] == {"MP-1": "LAMP", "BP-1": "BULB"}[item.code]
        )  # fmt: skip


FAULTS = {
    "half an answer": HALF,
    "500": (500, {"message": "Allowed memory size exhausted"}),
    "429": (429, {"message": "Too many requests"}, "Retry-After: 120"),
    "hung up": None,
}


@pytest.mark.parametrize("fault", ["500", "429", "hung up", later("half an answer")])
def test_each_fault_of_the_shop_passes_and_nothing_is_told_twice(trade, fault):
    stall, shop, ours = trade
    for n in range(4):
        shop.place(*[(sku, 2, price) for sku, price in GOODS][n % 2])
        shop.now += timedelta(seconds=1)
    shop.now += MINUTE
    shop.script = [FAULTS[fault]] * 2
    carry(shop.now)
    assert not ChannelOrder.objects.exists(), "the first page did not come"
    carry_over(shop, timedelta(minutes=12), 2 * MINUTE)
    books_agree(stall, shop, ours)
    ship(stall, ChannelOrder.objects.order_by("outside_number"))
    # Nothing is read at first: the fault meets what is sent, and not a poll that then holds it back.
    Position.objects.update(next_at=shop.now + timedelta(minutes=20))
    shop.script = [FAULTS[fault]] * 3
    carry_over(shop, timedelta(minutes=40), 4 * MINUTE)
    assert shop.script == []
    assert shop.notes == {n: [f"SF{n}"] for n in shop.orders}
    assert {one["status"] for one in shop.orders.values()} == {"completed"}
    assert Attempt.objects.filter(outcome="failed").exists()
    assert left_over() == []
    waybills_agree(shop, [str(n) for n in shop.orders])
    books_agree(stall, shop, ours)


def test_after_a_day_without_the_shop_both_sides_agree(trade):
    stall, shop, ours = trade
    for n in range(6):
        shop.place(*[(sku, 1, price) for sku, price in GOODS][n % 2])
        shop.now += timedelta(seconds=1)
    carry_over(shop, 2 * MINUTE, MINUTE)
    shop.is_down = True
    orders = list(ChannelOrder.objects.filter(state="accepted").order_by("outside_number"))
    ship(stall, orders[:4])
    for n in range(40):
        # Buyers go on buying: what is cut off is we.
        shop.place(*[(sku, 1, price) for sku, price in GOODS][n % 2])
        if n % 10 == 0:
            shop.change(1000 + len(shop.orders) - 1, "cancelled")
        carry_over(shop, timedelta(minutes=36), timedelta(minutes=36))
    waiting = Message.objects.filter(state="waiting").count()
    assert waiting >= 8
    assert not Message.objects.filter(state="dead").exists()
    shop.is_down = False
    print(f"{shop.calls} calls; {waiting} messages waited out a day")
    carry_over(shop, timedelta(hours=24), timedelta(hours=1))
    assert left_over() == []
    waybills_agree(shop, [order.outside_number for order in orders[:4]])
    books_agree(stall, shop, ours)


def test_an_expired_key_holds_everything_until_it_is_renewed(trade):
    stall, shop, ours = trade
    shop.place("LAMP", 1, "88.90")
    shop.now += timedelta(seconds=1)
    carry_over(shop, 2 * MINUTE, MINUTE)
    shop.secret = "cs_2"
    shop.place("BULB", 2, "20.00")
    ship(stall, ChannelOrder.objects.all())
    carry_over(shop, timedelta(minutes=10), 2 * MINUTE)
    assert {(state, reason) for _, state, reason, _ in left_over()} == {("dead", "not_allowed")}
    hand = Integrator(stall.ctx)
    system = Message.objects.first().system_id
    hand.do("integration.secret.set", system=str(system), name="consumer_secret", value="cs_2")
    hand.do("integration.message.replay_where", system=str(system), reason="not_allowed")
    carry_over(shop, timedelta(minutes=30), 5 * MINUTE)
    assert left_over() == []
    waybills_agree(shop, ["1000"])
    books_agree(stall, shop, ours)
