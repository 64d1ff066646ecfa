"""Many people at once: the last pieces are promised once, and no press of a button counts twice."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal as D

import pytest
from django.db import connection

from banyan.kernel import proofs, registry
from banyan.kernel.commands import execute
from banyan.lib.errors import DomainError
from banyan.modules.inventory.models import Balance, Supply
from banyan.modules.sales.models import Order, OrderLine, Shipment
from tests.plugins.world import World


@pytest.fixture
def open_shop(live_db, ctx):
    """A shop whose commands really commit."""
    from banyan.kernel.commands import Command
    from banyan.modules.inventory import commands as stock

    world = World(ctx)
    assert world.plant
    cmd = Command(
        key="sales.order.test", label="t", on="noun", permission="sales.x",
        function=lambda c: stock.ensure_standing(c, world.plant),
    )  # fmt: skip
    execute(ctx, cmd)
    yield world
    connection.close()


def stocked(world, quantity):
    line = {"item": world.part, "quantity": str(quantity)}
    document = world.make(
        "inventory.stock_document", kind="receipt", plant=world.plant, reason="期初", lines=[line]
    )
    world.do("inventory.stock_document.post", document)


def drafts(world, count, quantity=1):
    line = {"item": world.part, "quantity": str(quantity), "price": "10"}
    rows = [{"party": world.customer, "plant": world.plant, "lines": [line]} for _ in range(count)]
    return world.make_many("sales.order", rows)


def together(clients, acts):
    """Run the acts by so many clients at once; give how each ended: done, or the code of its refusal."""

    def run(act):
        try:
            act()
        except DomainError as refusal:
            return refusal.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(clients) as pool:
        return Counter(pool.map(run, acts))


def confirming(world, orders):
    confirm, data = registry.command("sales.order.confirm"), {"must_promise": True}
    return [lambda o=order: execute(world.ctx, confirm, ids=[o.pk], data=data) for order in orders]


def check(world, promised):
    supply = Supply.objects.get(item=world.part)
    assert (supply.available, supply.promised) == (D(promised), D(promised))
    assert Order.objects.filter(state="confirmed").count() == promised
    assert Order.objects.filter(state="draft", number=None).count() == promised
    assert all(
        verdict.is_green for verdict in proofs.run(["sales.kept_stock", "sales.promises", "sales.states"])
    )


def test_the_last_pieces_are_promised_once(open_shop):
    stocked(open_shop, 12)
    ended = together(6, confirming(open_shop, drafts(open_shop, 24)))
    assert ended == {"done": 12, "inventory.not_enough_stock": 12}
    check(open_shop, 12)


@pytest.mark.slow
def test_two_hundred_tries_by_32_clients_promise_the_last_hundred_exactly(open_shop):
    stocked(open_shop, 100)
    acts = confirming(open_shop, drafts(open_shop, 200))
    began = time.perf_counter()
    ended = together(32, acts)
    assert ended == {"done": 100, "inventory.not_enough_stock": 100}
    check(open_shop, 100)
    assert time.perf_counter() - began < 60


def test_two_who_confirm_the_same_order_confirm_it_once(open_shop):
    stocked(open_shop, 10)
    (order,) = drafts(open_shop, 1, 4)
    assert together(4, confirming(open_shop, [order] * 4)) == {"done": 1, "wrong_state": 3}
    assert Supply.objects.get(item=open_shop.part).promised == D(4)


def test_two_who_ship_the_same_line_ship_it_once(open_shop):
    stocked(open_shop, 10)
    (order,) = drafts(open_shop, 1, 6)
    execute(open_shop.ctx, registry.command("sales.order.confirm"), ids=[order.pk], data={})
    line = OrderLine.objects.get()
    data = {"lines": [{"order_line": str(line.pk), "quantity": "4"}]}
    ship = registry.command("sales.order.ship")
    acts = [lambda: execute(open_shop.ctx, ship, ids=[order.pk], data=data) for _ in range(4)]
    assert together(4, acts) == {"done": 1, "sales.ships_too_much": 3}
    line.refresh_from_db()
    assert (line.shipped_quantity, Shipment.objects.count(), Balance.objects.get().on_hand) == (D(4), 1, D(6))


def test_many_who_ship_the_same_item_all_find_their_goods(open_shop):
    for _ in range(5):
        stocked(open_shop, 4)
    orders = drafts(open_shop, 10, 2)
    execute(open_shop.ctx, registry.command("sales.order.confirm"), ids=[o.pk for o in orders], data={})
    ship = registry.command("sales.order.ship")
    assert together(5, [lambda o=o: execute(open_shop.ctx, ship, ids=[o.pk], data={}) for o in orders]) == {
        "done": 10
    }
    assert (Supply.objects.get().available, Supply.objects.get().promised) == (D(0), D(0))
    assert Order.objects.filter(state="shipped").count() == 10
    numbers = Shipment.objects.order_by("number").values_list("number", flat=True)
    assert [int(number[-5:]) for number in numbers] == list(range(1, 11))
