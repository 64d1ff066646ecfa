"""Outside orders: kept as they came, booked once, changed as far as they still may."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from banyan.lib.errors import Invalid
from banyan.modules.channels.errors import NoSuchShop, UnknownCurrency
from banyan.modules.channels.models import Booking, ChannelOrder, Difference, OrderBody
from banyan.modules.sales.models import Order, OrderLine

pytestmark = pytest.mark.django_db


def test_an_order_is_accepted_and_stands_as_one_sales_order_to_the_cent(stall, shop):
    stall.put(stall.world.part, 10)
    given = stall.outside(
        shop, {"quantity": "3", "price": "9.99", "discount_amount": "1.00"}, discount_amount="2.01",
        freight_amount="6.00",
    )  # fmt: skip
    (found,) = stall.receive(given)
    assert (found.result, found.state, found.hold) == ("new", "accepted", "")
    order = stall.order(shop, given["number"])
    assert order.order.gross_amount == order.total_amount == D("32.96")
    assert (order.order.state, order.order.customer_reference) == ("confirmed", given["number"])
    lines = OrderLine.objects.filter(order=order.order).order_by("position")
    assert [(line.item, line.quantity, line.net_amount + line.tax_amount) for line in lines] == [
        (stall.world.part, D(3), D("26.96")), (stall.freight, D(1), D("6.00")),
    ]  # fmt: skip
    assert stall.supply(stall.world.part) == (D(10), D(3))
    (told,) = stall.told("order_accepted")
    assert (told["shop"], told["outside_number"], told["total_amount"]) == ("S", given["number"], "32.96")


def test_the_original_is_kept_exactly_as_it_came(stall, shop):
    body = {"tid": 1, "orders": [{"价": "9.90", "深": [None, True]}], "a": "后"}
    raw = '<order  id="1">\n</order>'
    stall.receive(stall.outside(shop, body=body), stall.outside(shop, body=raw, buyer="b"))
    kept = list(OrderBody.objects.order_by("at", "pk").values_list("no", "body"))
    assert kept == [(1, '{"tid":1,"orders":[{"价":"9.90","深":[null,true]}],"a":"后"}'), (1, raw)]


def test_nobody_alters_an_original_and_the_applications_role_may_do_the_rest(stall, shop, app_role):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop)
    assert stall.receive(given)[0].state == "accepted"
    stall.do("channels.order.ship", stall.order(shop, given["number"]))
    assert stall.run("channels.offer.refresh_all") == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        OrderBody.objects.update(body="")


def test_the_same_order_five_times_is_booked_once(stall, shop):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop)
    results = [stall.receive(given)[0].result for _ in range(3)] + [r.result for r in stall.receive(given, given)]
    assert results == ["new", "unchanged", "unchanged", "unchanged", "unchanged"]
    assert (ChannelOrder.objects.count(), Order.objects.count(), OrderBody.objects.count()) == (1, 1, 1)
    assert stall.supply(stall.world.part) == (D(10), D(1))


def test_without_stock_it_is_held_and_told_so_in_the_answer(stall, shop):
    stall.put(stall.world.part, 2)
    found = stall.receive(
        stall.outside(shop, {"quantity": "2"}), stall.outside(shop, {"quantity": "1"}, buyer="other")
    )
    assert [(one.state, one.hold) for one in found] == [("accepted", ""), ("held", "no_stock")]
    assert stall.world.part.code in found[1].text
    assert Order.objects.count() == 1
    assert stall.supply(stall.world.part) == (D(2), D(2))


def test_an_unknown_sku_waits_until_it_is_matched_once(stall, shop):
    stall.put(stall.world.part, 10)
    rows = stall.receive(*(stall.outside(shop, {"sku": "新品", "title": "新"}) for _ in range(3)))
    assert {(one.state, one.hold) for one in rows} == {("held", "unmatched")}
    row = {"shop": shop.pk, "sku": "新品", "item": stall.world.part.pk, "factor": "2"}
    stall.run("channels.listing.match", rows=[row])
    assert set(ChannelOrder.objects.values_list("state", "hold")) == {("accepted", "")}
    assert stall.supply(stall.world.part) == (D(10), D(6))


def test_what_is_not_paid_waits_and_is_accepted_when_it_is(stall, shop):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop, state="placed", pay_by="2026-03-02T09:00:00Z")
    assert stall.receive(given)[0].state == "received"
    paid = given | {"state": "paid", "version": "2", "paid_at": "2026-03-02T08:30:00Z"}
    (found,) = stall.receive(paid)
    assert (found.result, found.state) == ("updated", "accepted")


def test_a_newer_version_changes_what_is_open_and_tells_the_rest_as_a_difference(stall, shop):
    stall.put(stall.world.part, 10)
    shop_waits = stall.shop(is_automatic=False)
    stall.listing(shop_waits, "A-1", stall.world.part)
    given = stall.outside(shop_waits)
    stall.receive(given)
    more = stall.outside(shop_waits, {"quantity": "4"}, number=given["number"], address="文二路 2 号")
    assert stall.receive(more)[0].result == "updated"
    order = stall.order(shop_waits, given["number"])
    assert (order.total_amount, order.address, order.lines.get().quantity) == (D("40.00"), "文二路 2 号", D(4))
    stall.do("channels.order.accept", order)
    late = more | {"address": "文三路 3 号", "remark": "快点"}
    assert stall.receive(late)[0].result == "difference"
    order.refresh_from_db()
    assert (order.address, order.remark, order.has_difference) == ("文二路 2 号", "快点", True)
    one = Difference.objects.get()
    assert (one.field, one.ours, one.theirs) == ("address", "文二路 2 号", "文三路 3 号")
    stall.do("channels.difference.settle", one, note="已电话确认")
    order.refresh_from_db()
    assert not order.has_difference


def test_an_older_version_is_kept_and_not_taken(stall, shop):
    given = stall.outside(shop, changed_at="2026-03-02T10:00:00Z")
    stall.receive(given)
    older = given | {"address": "旧地址", "changed_at": "2026-03-02T09:00:00Z"}
    assert stall.receive(older)[0].result == "older"
    assert stall.order(shop, given["number"]).address == "文一路 1 号"
    assert OrderBody.objects.count() == 2


def test_the_shop_cancels_before_it_is_shipped_and_stock_is_free(stall, shop):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop)
    stall.receive(given)
    (found,) = stall.receive(given | {"state": "cancelled"})
    assert (found.result, found.state) == ("cancelled", "cancelled")
    assert stall.supply(stall.world.part) == (D(10), D(0))
    assert stall.told("order_cancelled")[0]["is_whole"] is True


def test_amounts_that_disagree_are_held_and_what_was_paid_is_charged_when_let_go(stall, shop):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop, {"price": "10.00"}, total_amount="9.50")
    (found,) = stall.receive(given)
    assert (found.state, found.hold, found.text) == ("held", "amounts", "-0.50")
    stall.do("channels.order.release", stall.order(shop, given["number"]))
    order = stall.order(shop, given["number"])
    assert (order.state, order.order.gross_amount, order.discount_amount) == ("accepted", D("9.50"), D("0.50"))


def test_a_bundle_is_taken_apart_with_its_gift(stall, shop):
    stall.put(stall.world.part, 10)
    stall.put(stall.world.screw, 10)
    stall.listing(shop, "SET", None, parts=[
        {"kind": "part", "item": stall.world.part, "quantity": "1", "weight": "3"},
        {"kind": "part", "item": stall.world.screw, "quantity": "2", "weight": "1"},
        {"kind": "gift", "item": stall.world.screw, "quantity": "1", "least_quantity": "2"},
    ])  # fmt: skip
    (found,) = stall.receive(stall.outside(shop, {"sku": "SET", "quantity": "2", "price": "10.01"}))
    assert found.state == "accepted"
    rows = Booking.objects.order_by("order_line__position").values_list("order_line__item", "quantity", "amount")
    assert list(rows) == [
        (stall.world.part.pk, D(2), D("15.02")), (stall.world.screw.pk, D(4), D("5.00")),
        (stall.world.screw.pk, D(1), D("0.00")),
    ]  # fmt: skip


def test_what_is_made_to_order_takes_no_stock(stall, shop):
    stall.put(stall.world.part, 10)
    stall.listing(shop, "MADE", stall.world.part, is_made_to_order=True)
    (found,) = stall.receive(stall.outside(shop, {"sku": "MADE", "quantity": "4"}, {"quantity": "2"}))
    assert found.state == "accepted"
    assert stall.supply(stall.world.part) == (D(10), D(2))
    assert OrderLine.objects.filter(open_quantity=4).count() == 1


def test_a_buyer_of_a_shop_without_customer_becomes_one_once(stall):
    stall.put(stall.world.part, 10)
    shop = stall.shop("B2C", party=None, tax_code=stall.world.vat13)
    stall.listing(shop, "A-1", stall.world.part)
    rows = stall.receive(*(stall.outside(shop) for _ in range(3)), stall.outside(shop, buyer="other"))
    assert [one.state for one in rows] == ["accepted"] * 4
    assert ChannelOrder.objects.values("party").distinct().count() == 2


def test_what_cannot_be_understood_is_refused_whole(stall, shop):
    good = stall.outside(shop)
    with pytest.raises(NoSuchShop):
        stall.receive(good, good | {"shop": "NOWHERE"})
    with pytest.raises(UnknownCurrency):
        stall.receive(good, good | {"currency": "XXX", "number": "x"})
    with pytest.raises(Invalid):
        stall.receive(good | {"lines": []})
    assert not ChannelOrder.objects.exists()


def test_a_hundred_orders_are_accepted_in_as_many_statements_as_one(stall, shop):
    def statements(n):
        given = [stall.outside(shop, buyer=f"b{k}") for k in range(n)]
        with CaptureQueriesContext(connection) as seen:
            found = stall.receive(*given)
        assert {one.state for one in found} == {"accepted"}
        return len([q for q in seen.captured_queries if "SAVEPOINT" not in q["sql"]])

    stall.put(stall.world.part, 1000)
    statements(1)
    one, many = statements(1), statements(100)
    print(f"{one} statements for one order, {many} for a hundred")
    assert max(one, many) <= 37
