"""What shops may sell: free stock less what is kept back, told when it changes, proved again."""

from __future__ import annotations

import asyncio
import threading
import time
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django import app as queue

from banyan.kernel import db, dispatcher, proofs
from banyan.kernel.commands import execute
from banyan.lib.ids import new_id
from banyan.modules.channels import jobs
from banyan.modules.channels.commands import offering, refresh_due
from banyan.modules.channels.jobs import hear
from banyan.modules.channels.models import ChannelOrder, Offer, OfferDue
from banyan.modules.channels.tests.conftest import Stall, unplanned
from tests.plugins.standing import stands
from tests.plugins.world import World


def refresh(stall):
    return execute(stall.ctx, refresh_due).value


def told(stall):
    return [(one["sku"], D(one["quantity"])) for one in stall.told("offer_changed")]


@pytest.fixture
@stands
@unplanned()
def listed(stall):
    """Give a shop that keeps a fifth back, with ten parts in stock and three listings of them."""
    shop = stall.shop("S", safety_percent="20")
    listings = {
        "ONE": stall.listing(shop, "ONE", stall.world.part),
        "THREE": stall.listing(shop, "THREE", stall.world.part, factor="3"),
        "SAFE": stall.listing(shop, "SAFE", stall.world.part, safety_quantity="7"),
    }
    stall.put(stall.world.part, 10)
    refresh(stall)
    return shop, listings


@pytest.mark.django_db
def test_what_is_offered_is_free_less_the_share_in_the_shops_pieces(stall, listed):
    _, listings = listed
    found = {sku: stall.offer(one).quantity for sku, one in listings.items()}
    assert found == {"ONE": D(8), "THREE": D(2), "SAFE": D(3)}


@pytest.mark.django_db
def test_each_change_is_told_once_per_listing_that_changed(stall, listed):
    shop, listings = listed
    before = len(told(stall))
    stall.receive(stall.outside(shop, {"sku": "ONE", "quantity": "1"}))
    assert refresh(stall) == 2
    assert sorted(told(stall)[before:]) == [("ONE", D(7)), ("SAFE", D(2))]
    assert (refresh(stall), OfferDue.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_what_leaves_changes_no_offer_for_it_was_promised(stall, listed):
    shop, _ = listed
    given = stall.outside(shop, {"sku": "ONE"})
    stall.receive(given)
    refresh(stall)
    stall.do("channels.order.ship", stall.order(shop, given["number"]))
    assert not OfferDue.objects.exists()


@pytest.mark.django_db
def test_a_changed_listing_or_shop_is_worked_out_anew(stall, listed):
    shop, listings = listed
    stall.world.change(listings["ONE"], factor="2")
    refresh(stall)
    assert stall.offer(listings["ONE"]).quantity == D(4)
    stall.world.change(shop, safety_percent="0")
    refresh(stall)
    assert stall.offer(listings["ONE"]).quantity == D(5)
    stall.world.change(shop, is_active=False)
    refresh(stall)
    assert stall.offer(listings["ONE"]).quantity == D(0)


@pytest.mark.django_db
def test_the_shop_is_told_nothing_of_what_is_made_to_order(stall, listed):
    shop, _ = listed
    before = told(stall)
    made = stall.listing(shop, "MADE", stall.world.screw, is_made_to_order=True)
    stall.put(stall.world.screw, 5)
    assert (refresh(stall), stall.run("channels.offer.refresh_all")) == (0, 3)
    assert "MADE" not in {sku for sku, _ in told(stall)[len(before) :]}
    stall.world.change(shop, is_active=False)
    refresh(stall)
    assert "MADE" not in {sku for sku, _ in told(stall)}
    assert not Offer.objects.filter(listing=made).exists()


@pytest.mark.django_db
def test_what_becomes_made_to_order_is_not_told_as_sold_out_and_comes_back_with_its_stock(stall, listed):
    _, listings = listed
    before = len(told(stall))
    stall.world.change(listings["ONE"], is_made_to_order=True)
    offer = stall.offer(listings["ONE"])
    assert stall.do("channels.offer.refresh", offer) == 0
    assert refresh(stall) == 0
    assert not Offer.objects.filter(listing=listings["ONE"]).exists()
    assert verdict("channels.offers").is_green
    stall.world.change(listings["ONE"], is_made_to_order=False)
    assert refresh(stall) == 1
    assert told(stall)[before:] == [("ONE", D(8))]


def confirming(stall):
    """Give the statements of confirming an order of one part, savepoints left out."""
    line = {"item": stall.world.part, "quantity": "1", "price": "10"}
    order = stall.world.make("sales.order", party=stall.world.customer, plant=stall.plant, lines=[line])
    with CaptureQueriesContext(connection) as seen:
        stall.world.do("sales.order.confirm", order)
    return len([q for q in seen.captured_queries if "SAVEPOINT" not in q["sql"]])


@pytest.mark.django_db
def test_confirming_asks_no_more_of_the_database_where_an_item_is_listed(stall):
    stall.put(stall.world.part, 50)
    confirming(stall)
    without = confirming(stall)
    shop = stall.shop("S")
    for n in range(20):
        stall.listing(shop, f"L{n}", stall.world.part)
    refresh(stall)
    assert confirming(stall) == without
    assert OfferDue.objects.count() == 1


@pytest.mark.django_db
def test_stock_of_what_nobody_lists_is_no_work_of_ours(stall, listed):
    stall.put(stall.world.screw, 5)
    assert not OfferDue.objects.exists()


@pytest.mark.django_db
def test_each_night_the_shop_is_told_all_it_sells_whatever_it_was_told_before(stall, listed, monkeypatch):
    """Stock changed in the shop itself is put right although nothing has changed here."""
    shop, listings = listed
    stall.world.change(listings["SAFE"], is_offered=False)
    stall.listing(stall.shop("GONE", is_active=False), "GONE", stall.world.part)
    refresh(stall)
    for offer in Offer.objects.all():
        stall.do("channels.offer.note_pushed", offer, quantity=str(offer.quantity))
    before = len(told(stall))
    monkeypatch.setattr(offering, "MOST", 2)
    assert jobs.offer_everything() == 2
    assert sorted(told(stall)[before:]) == [("ONE", D(8)), ("THREE", D(2))]
    assert stall.run("channels.offer.refresh_all", shop=str(shop.pk)) == 2
    assert len(told(stall)) == before + 4


@pytest.mark.django_db
def test_each_night_what_is_not_sold_is_told_until_the_shop_has_heard_it(stall, listed):
    _, listings = listed
    stall.world.change(listings["ONE"], is_active=False)
    refresh(stall)
    before = len(told(stall))
    jobs.offer_everything()
    assert ("ONE", D(0)) in told(stall)[before:]
    stall.do("channels.offer.note_pushed", stall.offer(listings["ONE"]), quantity="0")
    before = len(told(stall))
    jobs.offer_everything()
    assert sorted(told(stall)[before:]) == [("SAFE", D(3)), ("THREE", D(2))]


@pytest.mark.django_db
def test_many_listings_are_worked_out_in_a_handful_of_statements(stall, listed, django_assert_max_num_queries):
    shop, _ = listed
    stall.world.make_many(
        "channels.listing", [{"shop": shop, "sku": f"M{n}", "item": stall.world.part} for n in range(60)]
    )
    with django_assert_max_num_queries(12):
        assert refresh(stall) == 60


@pytest.mark.django_db
@pytest.mark.plants("channels.offers")
def test_an_offer_that_is_too_high_is_proved_wrong(stall, listed):
    _, listings = listed
    assert verdict("channels.offers").is_green
    plant(f"UPDATE channels_offer SET quantity = 9 WHERE listing_id = '{listings['ONE'].pk}'")
    assert "9" in verdict("channels.offers").found.faults[0].text


# --- the other proofs, each with a fault that is planted --------------------------------------------------------


def verdict(key):
    (found,) = proofs.run([key])
    return found


def plant(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.rowcount >= 1


@pytest.mark.django_db
@pytest.mark.parametrize(("key", "fault"), [
    ("channels.amounts", "UPDATE channels_booking SET amount = amount + 0.01"),
    ("channels.amounts", "UPDATE channels_channelorderline SET amount = amount + 0.01"),
    ("channels.bookings", "DELETE FROM channels_booking"),
    ("channels.cancelled", "UPDATE channels_channelorder SET state = 'cancelled'"),
    ("channels.refunds", "UPDATE channels_channelorder SET refunded_amount = 1"),
    ("channels.settlements", "UPDATE channels_settlementline SET amount = amount + 1"),
    ("channels.settlements", "UPDATE channels_settlement SET difference_amount = 5"),
])  # fmt: skip
@pytest.mark.plants("key")
def test_a_planted_fault_is_found(stall, listed, key, fault):
    shop, _ = listed
    given = stall.outside(shop, {"sku": "ONE"})
    stall.receive(given)
    stall.run("channels.settlement.receive", shop="S", number="ST1", settled_on="2026-03-02", lines=[
        {"order": given["number"], "amount": "10.00"}, {"kind": "fee", "fee": "佣金", "amount": "-0.50"},
    ])  # fmt: skip
    assert verdict(key).is_green
    plant(fault)
    assert not verdict(key).is_green


@pytest.mark.django_db
@pytest.mark.plants("channels.bodies")
def test_a_lost_original_is_found(stall, shop):
    given = stall.outside(shop)
    stall.receive(given)
    assert verdict("channels.bodies").is_green
    one = stall.order(shop, given["number"])
    one.pk, one.outside_number = new_id(), "无原文"
    one.save(force_insert=True)
    assert verdict("channels.bodies").found.broken == 1


# --- as soon as it happens --------------------------------------------------------------------------------------


def waiting(stall, shop, quantity, at, **more):
    given = stall.outside(shop, {"sku": "ONE", "quantity": quantity}, ordered_at=at, **more)
    (found,) = stall.receive(given)
    return given["number"], found.state


@pytest.mark.django_db
def test_orders_that_waited_for_stock_go_on_by_themselves_the_oldest_first(stall, listed):
    shop, _ = listed
    late, late_state = waiting(stall, shop, "12", "2026-03-02T09:00:00Z")
    early, early_state = waiting(stall, shop, "15", "2026-03-02T08:00:00Z")
    assert {late_state, early_state} == {"held"}
    refresh(stall)
    stall.put(stall.world.part, 9)
    refresh(stall)
    states = [stall.order(shop, number).state for number in (early, late)]
    assert states == ["accepted", "held"]
    assert stall.supply(stall.world.part) == (D(19), D(15))
    hold = stall.order(shop, early).holds.get()
    assert (hold.reason, hold.released_at, hold.released_by) == ("no_stock", stall.ctx.now, None)
    assert len(stall.told("order_held")) == 2


@pytest.mark.django_db
def test_what_still_lacks_stock_is_left_as_it_was_and_asked_once_for_each_growth(stall, listed):
    shop, listings = listed
    number, _ = waiting(stall, shop, "99", "2026-03-02T08:00:00Z")
    refresh(stall)
    stall.put(stall.world.part, 1)
    before = stall.order(shop, number)
    assert list(OfferDue.objects.values_list("item", "is_more")) == [(stall.world.part.pk, True)]
    refresh(stall)
    after = stall.order(shop, number)
    assert (after.state, after.version, after.holds.count()) == ("held", before.version, 1)
    small, state = waiting(stall, shop, "1", "2026-03-02T08:00:00Z")
    assert (state, list(OfferDue.objects.values_list("is_more", flat=True))) == ("accepted", [False])
    with CaptureQueriesContext(connection) as seen:
        refresh(stall)
    assert not [q for q in seen.captured_queries if "no_stock" in q["sql"]]


@pytest.mark.django_db
def test_many_that_waited_are_accepted_in_one_set(stall, listed):
    shop, _ = listed
    stall.receive(*(stall.outside(shop, {"sku": "ONE", "quantity": "20"}, buyer=f"b{n}") for n in range(20)))
    refresh(stall)
    stall.put(stall.world.part, 390)
    with CaptureQueriesContext(connection) as seen:
        refresh(stall)
    assert ChannelOrder.objects.filter(state="accepted").count() == 20
    assert len([q for q in seen.captured_queries if "SAVEPOINT" not in q["sql"]]) < 90


@pytest.mark.django_db
def test_what_has_happened_asks_for_one_job_and_nothing_asks_for_none(stall, listed):
    hear((), stall.ctx.now)
    assert asked() == 0
    stall.put(stall.world.part, 1)
    hear((), stall.ctx.now)
    hear((), stall.ctx.now)
    assert asked() == 1


def asked():
    return db.one("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'channels.offer_due'")[0]


def test_any_change_of_stock_reaches_the_offer_within_two_seconds(live_db, ctx):
    """A dispatcher and a worker beside each other, as `banyan up` runs them: nobody waits for the minute."""
    stall = Stall(World(ctx))
    shop = stall.shop("S")
    listing = stall.listing(shop, "ONE", stall.world.part)
    stop = threading.Event()
    threads = [threading.Thread(target=serve, args=(stop,)) for serve in (dispatcher.run, serve_jobs)]
    for thread in threads:
        thread.start()
    try:
        took = []
        for n in range(1, 4):
            stall.put(stall.world.part, 10)
            took.append(seconds_until(lambda n=n: Offer.objects.filter(listing=listing.pk, quantity=10 * n).exists()))
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
        connection.close()
    print(f"offers followed after {', '.join(f'{one:.2f}' for one in took)} s")
    assert sorted(took)[1] < 2.0


def seconds_until(holds, most=30.0):
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < most
        time.sleep(0.02)
    return time.monotonic() - began


def with_own_connection(work, *_):
    """Do a job and close the connection that its thread opened."""
    try:
        return work()
    finally:
        connection.close()


def serve_jobs(stop):
    """Work off jobs until told to stop."""

    async def run():
        worker = queue.with_connector(queue.connector.get_worker_connector())
        async with worker.open_async():
            at_work = asyncio.create_task(worker.run_worker_async(
                fetch_job_polling_interval=60.0, install_signal_handlers=False,
                task_middleware=[with_own_connection],
            ))  # fmt: skip
            while not stop.is_set():
                await asyncio.sleep(0.05)
            at_work.cancel()
            await asyncio.gather(at_work, return_exceptions=True)

    asyncio.run(run())
