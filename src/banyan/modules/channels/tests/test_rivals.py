"""Many clients at once, on connections of their own: nothing is sold twice, nothing is booked twice."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal as D
from threading import Barrier

import pytest
from django.db import connection

from banyan.kernel import proofs, registry
from banyan.kernel.commands import execute
from banyan.modules.channels.models import ChannelOrder, OrderBody
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.inventory.models import Supply
from banyan.modules.sales.models import Order
from tests.plugins.world import World

PROOFS = ["channels.amounts", "channels.bookings", "channels.bodies", "sales.kept_stock", "sales.states"]


@pytest.fixture
def market(live_db, ctx):
    """A plant whose commands really commit."""
    yield Stall(World(ctx))
    connection.close()


def together(clients, acts):
    """Run the acts by so many clients at once, all connected before the first begins; give answers and seconds."""
    start = Barrier(min(clients, len(acts)))

    def run(number, act):
        try:
            if number < start.parties:
                connection.ensure_connection()
                start.wait(60)
            return act()
        finally:
            connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        found = list(pool.map(run, range(len(acts)), acts))
    return found, time.perf_counter() - began


def receiving(market, given):
    cmd = registry.command("channels.order.receive")
    return [lambda one=one: execute(market.ctx, cmd, data={"orders": [one]}).value[0] for one in given]


def shops(market, count):
    found = [market.shop(f"S{n}") for n in range(count)]
    for shop in found:
        market.listing(shop, "A-1", market.world.part)
    return found


def answers(found):
    return Counter((one.state, one.hold) for one in found)


def check(market, pieces):
    supply = Supply.objects.get(item=market.world.part)
    assert (supply.available, supply.promised) == (D(pieces), D(pieces))
    assert ChannelOrder.objects.filter(state="accepted").count() == Order.objects.count() == pieces
    assert all(one.is_green for one in proofs.run(PROOFS))


def test_the_last_pieces_are_accepted_once_and_the_others_are_told_so(market):
    market.put(market.world.part, 12)
    given = [market.outside(shop, buyer=f"b{n}") for shop in shops(market, 4) for n in range(6)]
    found, _ = together(8, receiving(market, given))
    assert answers(found) == {("accepted", ""): 12, ("held", "no_stock"): 12}
    check(market, 12)


@pytest.mark.slow
def test_four_shops_with_32_clients_each_sell_the_last_hundred_exactly(market):
    market.put(market.world.part, 100)
    given = [market.outside(shop, buyer=f"b{n}") for shop in shops(market, 4) for n in range(32)]
    found, seconds = together(128, receiving(market, given))
    print(f"128 clients, 100 pieces: {answers(found)[('accepted', '')]} accepted in {seconds:.1f} s")
    assert answers(found) == {("accepted", ""): 100, ("held", "no_stock"): 28}
    assert all(market.world.part.code in one.text for one in found if one.hold)
    check(market, 100)
    assert seconds < 60


def test_five_clients_with_the_same_order_book_it_once(market):
    market.put(market.world.part, 10)
    (shop,) = shops(market, 1)
    given = market.outside(shop)
    found, _ = together(5, receiving(market, [given] * 5))
    assert Counter(one.result for one in found) == {"new": 1, "unchanged": 4}
    assert len({one.order for one in found}) == 1
    assert (ChannelOrder.objects.count(), Order.objects.count(), OrderBody.objects.count()) == (1, 1, 1)
    assert Supply.objects.get(item=market.world.part).promised == D(1)


def test_orders_of_a_new_buyer_at_once_make_one_customer(market):
    market.put(market.world.part, 10)
    shop = market.shop("B2C", party=None, tax_code=market.world.vat13)
    market.listing(shop, "A-1", market.world.part)
    found, _ = together(4, receiving(market, [market.outside(shop) for _ in range(4)]))
    assert answers(found) == {("accepted", ""): 4}
    assert ChannelOrder.objects.values("party").distinct().count() == 1
