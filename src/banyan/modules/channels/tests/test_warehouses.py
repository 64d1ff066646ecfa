"""Warehouses of one plant are choices like plants: by each rule, with their own stock, to the last piece."""

from __future__ import annotations

import threading
from decimal import Decimal as D

import pytest
from django.db import connection

from banyan.kernel import proofs, registry
from banyan.kernel.commands import execute
from banyan.modules.channels.commands import refresh_due
from banyan.modules.channels.errors import NotAStore, NotTogether
from banyan.modules.channels.models import ChannelOrder, OfferDue
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.inventory.models import Allocation, Balance, Location
from banyan.modules.sales.models import ShipmentLine
from tests.plugins.world import World


class Two(Stall):
    """A plant with an east and a west store, and a shop that ships from both."""

    def __init__(self, world):
        super().__init__(world)
        assert self.standing
        self.east, self.west = (
            world.make("inventory.location", code=code, name=code, kind="warehouse", plant=self.plant)
            for code in ("EAST", "WEST")
        )
        self.bin = world.make(
            "inventory.location", code="WEST-1", name="西仓一架", kind="bin", plant=self.plant, parent=self.west
        )
        self.own = self.shop("S", is_split=True)
        self.listing(self.own, "A-1", world.part)
        self.listing(self.own, "B-1", world.screw)

    def ships(self, location, shop=None, region=(), **more):
        regions = [{"region": name, "distance": distance} for name, distance in region]
        return self.world.make(
            "channels.warehouse", plant=self.plant, location=location, shop=shop or self.own, regions=regions, **more
        )

    def lay(self, location, item=None, quantity=10):
        document = self.world.make(
            "inventory.stock_document", kind="receipt", plant=self.plant, reason="期初",
            lines=[{"item": item or self.world.part, "quantity": str(quantity), "target": location}],
        )  # fmt: skip
        self.world.do("inventory.stock_document.post", document)

    def move(self, source, target, quantity):
        self.run("inventory.stock_document.transfer", source=str(source.pk), target=str(target.pk),
                 item=str(self.world.part.pk), quantity=str(quantity), reason="移库")  # fmt: skip

    def ordered(self, *lines, **more):
        """Give the codes of the places that an order leaves from, part after part; why it is held when it is."""
        given = self.outside(self.own, *lines, **more)
        self.receive(given)
        rows = ChannelOrder.objects.filter(outside_number=given["number"]).order_by("part")
        return [row.hold or row.location.code for row in rows.select_related("location")]


@pytest.fixture
def two(world):
    return Two(world)


def elsewhere(two):
    return two.world.make(
        "inventory.location", code="P2W", name="二厂", kind="warehouse", plant=two.world.second_plant
    )


def both(two, east=None, west=None):
    two.ships(two.east, **(east or {}))
    two.ships(two.west, **(west or {}))


@pytest.mark.django_db
@pytest.mark.parametrize(("east", "west", "chosen"), [
    ({"region": [("浙江", 900)]}, {"region": [("浙江", 10)]}, "WEST"),
    ({"region": [("浙江", 10)]}, {"region": [("浙江", 900)], "priority": 1, "parcel_cost": "1"}, "EAST"),
    ({"priority": 9}, {"priority": 1}, "WEST"),
    ({"priority": 1, "parcel_cost": "9"}, {"priority": 9, "parcel_cost": "1"}, "EAST"),
    ({"parcel_cost": "9"}, {"parcel_cost": "8.50"}, "WEST"),
], ids=["the nearest", "before priority and cost", "the priority", "before the cost", "the cheaper"])
def test_a_warehouse_is_chosen_by_each_rule(two, east, west, chosen):
    both(two, east, west)
    two.lay(two.east)
    two.lay(two.bin)
    assert two.ordered() == [chosen]


@pytest.mark.django_db
def test_one_parcel_goes_before_the_nearest(two):
    both(two, {"region": [("浙江", 10)]}, {"region": [("浙江", 900)]})
    two.lay(two.east)
    two.lay(two.west)
    two.lay(two.west, two.world.screw)
    assert two.ordered({}, {"sku": "B-1"}) == ["WEST"]


@pytest.mark.django_db
def test_an_order_is_split_over_warehouses_where_none_has_all_of_it(two):
    both(two)
    two.lay(two.east)
    two.lay(two.bin, two.world.screw)
    assert two.ordered({}, {"sku": "B-1"}) == ["EAST", "WEST"]


@pytest.mark.django_db
def test_a_warehouse_that_lies_in_no_rule_ships_nothing(two):
    two.ships(two.east)
    two.lay(two.west)
    assert two.ordered() == ["no_stock"]


@pytest.mark.django_db
def test_the_share_kept_back_of_a_warehouse_is_the_last_to_go(two):
    two.world.change(two.own, safety_percent="50")
    both(two, {"priority": 1}, {"priority": 9})
    two.lay(two.east, quantity=4)
    two.lay(two.west, quantity=10)
    assert [two.ordered({"quantity": "3"}), two.ordered({"quantity": "2"}), two.ordered({"quantity": "4"})] == [
        ["WEST"], ["EAST"], ["WEST"],
    ]  # fmt: skip


@pytest.mark.django_db
def test_what_an_order_is_to_leave_with_is_nobody_elses(two):
    both(two, {"priority": 1}, {"priority": 9})
    two.lay(two.east, quantity=3)
    two.lay(two.west, quantity=3)
    assert [two.ordered({"quantity": "2"}) for _ in range(3)] == [["EAST"], ["WEST"], ["no_stock"]]
    assert two.promises() == 2


@pytest.mark.django_db
def test_goods_are_allocated_and_shipped_from_the_warehouse_that_was_chosen(two):
    both(two, {"priority": 9}, {"priority": 1})
    two.lay(two.east)
    two.lay(two.bin)
    two.ordered()
    two.ordered(address="别处", buyer="x")
    first, second = ChannelOrder.objects.order_by("created_at", "pk")
    two.do("channels.order.allocate", first)
    assert Allocation.objects.get().balance.location_id == two.bin.pk
    two.do("channels.order.ship", [first, second])
    assert set(ShipmentLine.objects.values_list("location_id", flat=True)) == {two.bin.pk}
    assert Balance.objects.get(location=two.east).on_hand == D(10)


@pytest.mark.django_db
def test_where_the_goods_were_moved_away_the_next_best_warehouse_ships(two):
    both(two, {"priority": 1}, {"priority": 9})
    two.lay(two.east)
    two.ordered()
    two.move(two.east, two.west, 10)
    order = ChannelOrder.objects.get()
    two.do("channels.order.allocate", order)
    order.refresh_from_db()
    assert (order.state, order.location_id) == ("allocated", two.west.pk)


@pytest.mark.django_db
def test_orders_from_two_warehouses_do_not_leave_in_one_parcel(two):
    both(two, {"priority": 1}, {"priority": 9})
    two.lay(two.east, quantity=1)
    two.lay(two.west, quantity=1)
    assert [two.ordered(), two.ordered()] == [["EAST"], ["WEST"]]
    with pytest.raises(NotTogether):
        two.do("channels.order.merge", list(ChannelOrder.objects.all()))


@pytest.mark.django_db
def test_a_place_of_another_plant_or_kind_is_refused(two):
    line_side = two.world.make("inventory.location", code="LS", name="线边", kind="line_side", plant=two.plant)
    with pytest.raises(NotAStore):
        two.ships(line_side)
    other = elsewhere(two)
    with pytest.raises(NotAStore):
        two.ships(other)


def offered(two):
    execute(two.ctx, refresh_due)
    (verdict,) = proofs.run(["channels.offers"])
    assert verdict.is_green
    return two.offer(two.listings).quantity


@pytest.mark.django_db
def test_offers_count_the_warehouses_that_ship_and_follow_what_is_moved_between_them(two):
    two.listings = two.listing(two.own, "C-1", two.world.part)
    two.lay(two.east, quantity=7)
    two.lay(two.bin, quantity=5)
    assert offered(two) == D(12)
    rule = two.ships(two.west)
    assert offered(two) == D(5)
    two.move(two.east, two.bin, 3)
    assert OfferDue.objects.exists()
    assert offered(two) == D(8)
    two.ordered({"quantity": "2"})
    assert offered(two) == D(6)
    two.do("channels.order.ship", ChannelOrder.objects.get())
    assert offered(two) == D(6)
    two.world.change(rule, is_active=False)
    assert offered(two) == D(10)


@pytest.mark.django_db
@pytest.mark.plants("channels.offers")
def test_an_offer_above_what_its_warehouses_have_is_proved_wrong(two):
    two.listings = two.listing(two.own, "C-1", two.world.part)
    two.ships(two.west)
    two.lay(two.east, quantity=7)
    two.lay(two.west, quantity=5)
    assert offered(two) == D(5)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channels_offer SET quantity = 6")
    (verdict,) = proofs.run(["channels.offers"])
    assert verdict.found.broken >= 1


@pytest.mark.django_db
@pytest.mark.plants("channels.warehouses")
def test_a_warehouse_of_another_plant_is_proved_wrong(two):
    two.ships(two.east)
    two.lay(two.east)
    two.ordered()
    far = elsewhere(two)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channels_channelorder SET location_id = %s", [far.pk])
    (verdict,) = proofs.run(["channels.warehouses"])
    assert verdict.found.broken == 1


def test_the_last_piece_of_a_warehouse_is_sold_once_whoever_asks(live_db, ctx, monkeypatch):
    monkeypatch.delitem(registry._ports, "sales.earliest_date", raising=False)
    two = Two(World(ctx))
    both(two, {"priority": 1}, {"priority": 9})
    two.lay(two.east, quantity=4)
    two.lay(two.west, quantity=4)
    given = [two.outside(two.own, buyer=f"b{n}") for n in range(12)]
    barrier = threading.Barrier(4)

    def ask(mine):
        try:
            barrier.wait(20)
            for one in mine:
                execute(ctx, registry.command("channels.order.receive"), data={"orders": [one]})
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(given[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = list(ChannelOrder.objects.values_list("hold", "location__code").order_by("hold", "location__code"))
    assert found == [("", "EAST")] * 4 + [("", "WEST")] * 4 + [("no_stock", None)] * 4
    assert Location.objects.filter(code__in=("EAST", "WEST")).count() == 2
