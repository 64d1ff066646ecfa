"""Shopify: signatures of webhooks, and a stand-in of the Admin API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal as D

import pytest

from banyan.connectors.shopify.connector import Shopify
from banyan.connectors.shopify.tests.shop import SECRET, TOKEN, ShopifyShop
from banyan.connectors.signing import base64 as in_base64
from banyan.connectors.signing import keyed
from banyan.integration.connecting import Failed, Received
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, is_refused, opened, polls_lose_nothing, sample
from tests.partners.standing import connection_to

shopify = Shopify()


def stand_in(orders):
    def answer(asked):
        if asked.headers.get("x-shopify-access-token") != TOKEN:
            return 401, {"errors": "[API] Invalid API key or access token"}
        if not asked.path.startswith("/admin/api/2025-10/"):
            return 404, {"errors": "Not Found"}
        match asked.method, asked.path.removeprefix("/admin/api/2025-10/"):
            case "GET", "orders.json":
                begin, end = (datetime.fromisoformat(asked.one(f"updated_at_{x}")) for x in ("min", "max"))
                there = timezone(timedelta(hours=-5))
                rows = [
                    {**sample(shopify, "order.json"), "id": n, "updated_at": at.astimezone(there).isoformat()}
                    for n, at in orders.within(begin, end)[: int(asked.one("limit"))]
                ]
                return {"orders": rows}
        return 404, {"errors": "Not Found"}

    return answer


def link_to(there, token=TOKEN):
    secrets = {"access_token": token, "webhook_secret": SECRET}
    return connection_to(shopify, {"address": there.url}, secrets, now=NOW)


def test_signatures_are_those_that_others_compute():
    # Shopify's former document on OAuth (secret "hush"), as kept by the client library exshopify.
    query = "code=0907a61c0c8d55e99db179b68161bc00&shop=some-shop.myshopify.com&timestamp=1337178173"
    assert keyed(query, "hush").hex() == "4712bf92ffc2917d15a2f5a273e39f0116667419aa4b6ac0b3baaf26fa3c4d20"
    # A webhook's body, as SQLPage's tests have it.
    body = '{"id":1234567890,"email":"customer@example.com","total_price":"123.45"}'
    assert in_base64(keyed(body, "test-webhook-secret")) == "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw="


def test_orders_are_read_and_none_is_lost_while_others_change():
    orders = Orders(120)
    with partner(stand_in(orders)) as there:
        polls_lose_nothing(shopify, link_to(there), orders)


def test_a_pushed_order_is_the_polled_one_and_a_forged_one_is_refused():
    order = sample(shopify, "order.json")
    body = json.dumps(order).encode()

    def pushed(secret):
        signature = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()
        headers = {"X-Shopify-Hmac-SHA256": signature, "X-Shopify-Topic": "orders/updated"}
        return Received("POST", "/hooks/shop/orders", {}, headers, body, NOW)

    with partner(stand_in(Orders(0))) as there:
        link = link_to(there)
        [message] = shopify.receive(link, "orders", pushed(SECRET.encode()))
        assert message.id == shopify.incoming(shopify.call("orders"), order).id == "450789469@2026-03-02T10:22:31+08:00"
        for request in (pushed(b"other"), Received("POST", "/", {}, {}, body, NOW)):
            with pytest.raises(Failed) as fault:
                shopify.receive(link, "orders", request)
            assert fault.value.kind == "forged"


def test_stock_is_set_by_the_keys_of_item_and_place_that_the_list_of_goods_gives():
    with opened(ShopifyShop(NOW)) as shop:
        keys = [shop.mapped("goods", one)["goods"][0] for one in shop.polled("goods")]
        assert keys[0] == {
            "shop": "S1", "sku": "LAMP-01-W", "outside_item": "632910392", "outside_sku": "39072856",
            "outside_stock": "808950810", "outside_place": "655441491",
        }  # fmt: skip
        assert len(keys) == 2, "page after page, by cursor"
        told = shop.told("stock", quantity="42")
        assert told == {"location_id": "655441491", "inventory_item_id": "808950810", "available": "42"}
        given = shop.tell("stock", told)
        assert given["inventory_level"]["available"] == 42
        assert shop.stock == {"LAMP-01-W": 42}
        assert shop.polled("stock_shown") == [
            {"sku": "LAMP-01-W", "quantity": 42}, {"sku": "BULB-9", "quantity": 0},
        ], "of the place that stock is told for"  # fmt: skip
        for wrong, kind in ({"inventory_item_id": "1"}, "refused"), ({"available": "1.5"}, "validation"):
            with pytest.raises(Failed) as fault:
                shop.tell("stock", told | wrong)
            assert fault.value.kind == kind
        assert is_refused(shopify, shop.link(access_token="old"), "not_allowed").code == "401"
    with partner(lambda asked: (429, {"errors": "Exceeded 2 calls per second"}, "Retry-After: 2.0")) as there:
        assert is_refused(shopify, link_to(there), "throttled").retry_after == 2


def test_what_graphql_refuses_with_200_is_a_refusal():
    for code, kind in ("THROTTLED", "throttled"), ("undefinedField", "refused"):
        answer = {"errors": [{"message": "no", "extensions": {"code": code}}]}
        with partner(lambda asked, answer=answer: answer) as there:
            assert is_refused(shopify, link_to(there), kind, "goods").code == code


def test_a_shipment_goes_by_the_orders_fulfilment_orders_in_parts_and_once():
    with opened(ShopifyShop(NOW)) as shop:
        name = shop.place()
        order = shop.order(name)
        lamp, bulb = (str(line["id"]) for line in order["line_items"])
        head = {"outside_id": str(order["id"]), "carrier": "SF Express"}
        first = shop.told("ship", **head, tracking_number="SF1", lines=[{"outside_line": lamp, "quantity": "1"}])
        assert first == {"order_id": str(order["id"]), "company": "SF Express", "number": "SF1",
                         "lines": [{"line": lamp, "quantity": "1"}]}  # fmt: skip
        shop.tell("ship", first)
        shop.tell("ship", first)
        assert shop.sent == [(name, "SF1", {"LAMP-01-W": 1})], "a try whose answer was lost is not done again"
        rest = {"lines": [{"line": lamp, "quantity": "1"}, {"line": bulb, "quantity": "1"}]}
        made = shop.tell("ship", first | rest | {"number": "SF2"})
        assert made["fulfillment"]["tracking_number"] == "SF2"
        assert shop.sent[1:] == [(name, "SF2", {"LAMP-01-W": 1, "BULB-9": 1})]
        with pytest.raises(Failed) as fault:
            shop.tell("ship", first | {"number": "SF3"})
        assert fault.value.kind == "refused"
        with pytest.raises(Failed) as fault:
            shop.tell("ship", first | {"order_id": "7", "number": "SF4"})
        assert (fault.value.kind, fault.value.code) == ("refused", "404")
        with pytest.raises(Failed) as fault:
            shop.tell("fulfilment_orders", {"order_id": ".."})
        assert fault.value.kind == "validation"


def test_cancelling_and_giving_back_are_done_once():
    with opened(ShopifyShop(NOW)) as shop:
        name = shop.place()
        key = str(shop.order(name)["id"])
        for _ in range(2):
            shop.tell("cancel", shop.told("cancel", outside_id=key))
            shop.tell("refund", shop.told("refund", outside_id=key, amount="20.00"))
        assert shop.cancelled == [name]
        assert shop.given_back == [(name, D("20.00"))]
        assert shop.order(name)["refunds"][0]["note"] == "RF2603-0001 运输损坏"


def test_a_refund_polled_and_pushed_is_one_and_a_payout_adds_up():
    with opened(ShopifyShop(NOW)) as shop:
        name = shop.place()
        shop.take_back(name)
        shop.pay_out(name)
        shop.now += timedelta(seconds=1)
        [refund] = shop.polled("refunds")
        body = json.dumps(refund).encode()
        signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        pushed = Received("POST", "/", {}, {"X-Shopify-Hmac-SHA256": signature}, body, NOW)
        [message] = shopify.receive(shop.link(), "refunds", pushed)
        assert message.id == shopify.incoming(shopify.call("refunds"), refund).id == str(refund["id"])
        line = str(shop.order(name)["line_items"][0]["id"])
        assert shop.mapped("refunds", refund) == {"refunds": [{
            "shop": "S1", "order": str(shop.order(name)["id"]), "number": str(refund["id"]), "kind": "return",
            "amount": "88.9", "reason": "灯罩破损", "asked_at": "2026-03-05T02:00:00+00:00",
            "lines": [{"line": line, "quantity": "1"}],
        }]}  # fmt: skip
        [payout] = shop.polled("statements")
        made = shop.mapped("statements", payout)
        assert sum(D(one["amount"]) for one in made["lines"]) == D(made["total_amount"]) == D("116.30")
        assert [one["kind"] for one in made["lines"]] == ["order", "fee", "refund"]


def test_what_was_given_back_whole_is_cancelled_only_where_nothing_went():
    with opened(ShopifyShop(NOW)) as shop:
        order = shop.order(shop.place()) | {"financial_status": "refunded"}
        assert shop.mapped("orders", order)["orders"][0]["state"] == "cancelled"
        assert shop.mapped("orders", order | {"fulfillment_status": "fulfilled"})["orders"][0]["state"] == "paid"
