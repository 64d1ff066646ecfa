"""The channels' own pages: clocks, the original beside our understanding, many SKUs matched at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.kernel import registry
from banyan.kernel.models import User
from banyan.modules.channels.models import ChannelOrder, Listing
from banyan.modules.channels.starts import match
from banyan.modules.channels.views import MOST

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(db):
    """Give a way to ask for pages as somebody who may do everything."""
    User.objects.create(login="all", name="林小雨", is_superuser=True)
    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.get(login="all"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def due(hours):
    return (datetime.now(UTC) + timedelta(hours=hours, minutes=5)).isoformat()


def test_the_desk_shows_the_least_time_left_first_in_words(stall, shop, client):
    stall.put(stall.world.part, 10)
    stall.receive(
        stall.outside(shop, number="LATER", ship_by=due(100)), stall.outside(shop, number="SOON", ship_by=due(3)),
        stall.outside(shop, number="LATE", ship_by=due(-2)),
        stall.outside(shop, {"sku": "?"}, number="HELD", ship_by=due(30)),
    )
    text = client.get("/channels/desk").content.decode()
    places = [text.index(f">{number}<") for number in ("LATE", "SOON", "HELD", "LATER")]
    assert places == sorted(places)
    for words in ("逾期 1 小时", "剩 3 小时", "剩 30 小时", "剩 4 天", "SKU 未对照"):
        assert words in text, words
    only = client.get("/channels/desk?state=held").content.decode()
    assert "HELD" in only
    assert "SOON" not in only
    User.objects.filter(login="all").update(language="en")
    english = client.get("/channels/desk").content.decode()
    assert "3 h left" in english


def many(order, count, **said):
    """Make open orders like one, each a minute later than the one before; give their numbers in order."""
    made = []
    for n in range(count):
        one = ChannelOrder.objects.get(pk=order.pk)
        one.pk, one.outside_number = uuid4(), f"M{n:03}"
        one.ship_by = datetime.now(UTC) + timedelta(hours=5, minutes=n)
        for name, value in said.items():
            setattr(one, name, value)
        made.append(one)
    ChannelOrder.objects.bulk_create(made)
    return [one.outside_number for one in made]


def numbers(text):
    return re.findall(r"<strong>([^<]+)</strong></a>", text.split("<tbody>")[1])


def test_the_clock_that_ends_first_leads_among_more_orders_than_a_page_holds(stall, shop, client):
    stall.receive(
        stall.outside(shop, number="FAR", ship_by=due(300)),
        stall.outside(shop, number="UNPAID", state="placed", pay_by=due(1), ship_by=due(400)),
        stall.outside(shop, number="PATIENT", state="placed", pay_by=due(500), ship_by=due(2)),
    )
    between = many(stall.order(shop, "FAR"), MOST + 10)
    first = client.get("/channels/desk").content.decode()
    assert "付款 剩 1 小时" in re.sub(r"\s+", " ", first)
    assert f'<span class="dim">{MOST + 13}</span>' in first
    assert "/channels/desk?after=" in first
    seen, text = numbers(first), first
    while found := re.search(r'href="(/channels/desk\?[^"]*after=[^"]+)"', text):
        text = client.get(found[1].replace("&amp;", "&")).content.decode()
        seen += numbers(text)
    assert seen == ["UNPAID", *between, "FAR", "PATIENT"]


def test_the_next_page_of_the_desk_keeps_its_filters_and_orders_without_a_clock_come_last(stall, shop, client):
    other = stall.shop()
    stall.receive(stall.outside(shop, number="HERE"), stall.outside(other, number="THERE", ship_by=due(1)))
    between = many(stall.order(shop, "HERE"), MOST + 3)
    ChannelOrder.objects.filter(outside_number="HERE").update(ship_by=None)
    text = client.get(f"/channels/desk?shop={shop.pk}").content.decode()
    path = re.search(r'href="(/channels/desk\?[^"]*after=[^"]+)"', text)[1].replace("&amp;", "&")
    assert f"shop={shop.pk}" in path
    then = client.get(path).content.decode()
    assert numbers(text) + numbers(then) == [*between, "HERE"]
    assert f'href="/channels/desk?shop={shop.pk}"' in then
    assert "THERE" not in text + then


def test_a_cursor_of_the_desk_that_is_none_is_refused(shop, client):
    for after in ("x", "eA", "MjAyNi0wMS0wMSB4", "%00"):
        assert client.get("/channels/desk", {"after": after}).status_code == 422, after


def test_the_desk_asks_as_much_for_one_order_as_for_forty(stall, shop, client):
    def statements():
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/channels/desk").status_code == 200
        return len(seen)

    stall.receive(stall.outside(shop))
    client.get("/channels/desk")
    one = statements()
    stall.receive(*(stall.outside(shop, buyer=f"b{n}") for n in range(40)))
    assert statements() == one
    assert one <= 30


def test_the_original_stands_beside_what_we_understood(stall, shop, client):
    stall.put(stall.world.part, 10)
    given = stall.outside(shop, body={"tid": "原文 <1>"})
    stall.receive(given)
    stall.receive(given | {"address": "文三路 3 号", "version": "2", "body": {"tid": "改了"}})
    order = stall.order(shop, given["number"])
    path = f"/channels/orders/{order.pk}"
    assert f"{path}/original" in client.get(path).content.decode()
    text = client.get(f"{path}/original").content.decode()
    for words in ("改了", "文一路 1 号", "文三路 3 号", "A-1", "第 1 版"):
        assert words in text, words
    assert "原文 &lt;1&gt;" in client.get(f"{path}/original?no=1").content.decode()


def test_an_unpaid_order_has_the_same_clock_beside_its_original_as_at_the_desk(stall, shop, client):
    stall.receive(stall.outside(shop, number="UNPAID", state="placed", pay_by=due(1), ship_by=due(400)))
    path = f"/channels/orders/{stall.order(shop, 'UNPAID').pk}/original"
    assert "剩 1 小时" in client.get(path).content.decode()


def test_fifty_unknown_skus_are_laid_out_to_be_matched_in_one_go(stall, shop, ctx, client):
    same = stall.world.item(code="SAME-CODE")
    stall.receive(*(stall.outside(shop, {"sku": f"N{n:02}"}, buyer=f"b{n}") for n in range(49)))
    stall.receive(stall.outside(shop, {"sku": "SAME-CODE"}))
    start = match(ctx, ())["rows"]
    assert len(start) == 50
    assert [row["item"] for row in start if row["item"]] == [same.pk]
    assert client.get("/channels/listings/do/match").status_code == 200
    rows = [row | {"item": row["item"] or stall.world.part.pk} for row in start[:20]] + start[20:30]
    stall.run("channels.listing.match", rows=rows)
    assert Listing.objects.filter(sku__startswith="N").count() + Listing.objects.filter(sku="SAME-CODE").count() >= 20
    assert ChannelOrder.objects.filter(hold="unmatched").count() <= 30


def test_whoever_may_not_read_orders_sees_none_of_it(stall, shop, client):
    assert registry.has_noun("channels.order")
    User.objects.create(login="none", name="无权")
    other = Client(HTTP_HOST="localhost")
    other.force_login(User.objects.get(login="none"), backend="django.contrib.auth.backends.ModelBackend")
    assert other.get("/channels/desk").status_code == 403
