"""What shops may sell: free stock less what is kept back, told when it changes, proved again."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import proofs
from banyan.kernel.commands import execute
from banyan.lib.ids import new_id
from banyan.modules.channels.commands import refresh_due
from banyan.modules.channels.models import OfferDue

pytestmark = pytest.mark.django_db


def refresh(stall):
    return execute(stall.ctx, refresh_due).value


def told(stall):
    return [(one["sku"], D(one["quantity"])) for one in stall.told("offer_changed")]


@pytest.fixture
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


def test_what_is_offered_is_free_less_the_share_in_the_shops_pieces(stall, listed):
    _, listings = listed
    found = {sku: stall.offer(one).quantity for sku, one in listings.items()}
    assert found == {"ONE": D(8), "THREE": D(2), "SAFE": D(3)}


def test_each_change_is_told_once_per_listing_that_changed(stall, listed):
    shop, listings = listed
    before = len(told(stall))
    stall.receive(stall.outside(shop, {"sku": "ONE", "quantity": "1"}))
    assert refresh(stall) == 2
    assert sorted(told(stall)[before:]) == [("ONE", D(7)), ("SAFE", D(2))]
    assert (refresh(stall), OfferDue.objects.count()) == (0, 0)


def test_what_leaves_changes_no_offer_for_it_was_promised(stall, listed):
    shop, _ = listed
    given = stall.outside(shop, {"sku": "ONE"})
    stall.receive(given)
    refresh(stall)
    stall.do("channels.order.ship", stall.order(shop, given["number"]))
    assert not OfferDue.objects.exists()


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


def confirming(stall):
    """Give the statements of confirming an order of one part, savepoints left out."""
    line = {"item": stall.world.part, "quantity": "1", "price": "10"}
    order = stall.world.make("sales.order", party=stall.world.customer, plant=stall.plant, lines=[line])
    with CaptureQueriesContext(connection) as seen:
        stall.world.do("sales.order.confirm", order)
    return len([q for q in seen.captured_queries if "SAVEPOINT" not in q["sql"]])


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


def test_stock_of_what_nobody_lists_is_no_work_of_ours(stall, listed):
    stall.put(stall.world.screw, 5)
    assert not OfferDue.objects.exists()


def test_the_nightly_run_tells_what_the_shop_was_told_otherwise(stall, listed):
    _, listings = listed
    for one in listings.values():
        offer = stall.offer(one)
        stall.do("channels.offer.note_pushed", offer, quantity=str(offer.quantity))
    assert stall.run("channels.offer.refresh_all") == 0
    stall.do("channels.offer.note_pushed", stall.offer(listings["ONE"]), quantity="99")
    assert stall.run("channels.offer.refresh_all") == 1
    assert told(stall)[-1] == ("ONE", D(8))


def test_many_listings_are_worked_out_in_a_handful_of_statements(stall, listed, django_assert_max_num_queries):
    shop, _ = listed
    stall.world.make_many(
        "channels.listing", [{"shop": shop, "sku": f"M{n}", "item": stall.world.part} for n in range(60)]
    )
    with django_assert_max_num_queries(12):
        assert refresh(stall) == 60


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


@pytest.mark.parametrize(("key", "fault"), [
    ("channels.amounts", "UPDATE channels_booking SET amount = amount + 0.01"),
    ("channels.amounts", "UPDATE channels_channelorderline SET amount = amount + 0.01"),
    ("channels.bookings", "DELETE FROM channels_booking"),
    ("channels.cancelled", "UPDATE channels_channelorder SET state = 'cancelled'"),
    ("channels.refunds", "UPDATE channels_channelorder SET refunded_amount = 1"),
    ("channels.settlements", "UPDATE channels_settlementline SET amount = amount + 1"),
    ("channels.settlements", "UPDATE channels_settlement SET difference_amount = 5"),
])  # fmt: skip
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


def test_a_lost_original_is_found(stall, shop):
    given = stall.outside(shop)
    stall.receive(given)
    assert verdict("channels.bodies").is_green
    one = stall.order(shop, given["number"])
    one.pk, one.outside_number = new_id(), "无原文"
    one.save(force_insert=True)
    assert verdict("channels.bodies").found.broken == 1
