"""Shopify: signatures of webhooks, and a stand-in of the Admin API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone

import pytest

from banyan.connectors.shopify.connector import Shopify
from banyan.connectors.signing import base64 as in_base64
from banyan.connectors.signing import keyed
from banyan.integration.connecting import Failed, Received
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, is_refused, polls_lose_nothing, sample, ships
from tests.partners.standing import connection_to, outgoing

TOKEN, SECRET = "shpat_1", "hush"
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
            case "POST", "fulfillments.json":
                lines = asked.json["fulfillment"]["line_items_by_fulfillment_order"]
                if lines[0]["fulfillment_order_id"] == 0:
                    return 422, {"errors": {"base": ["The fulfillment order is not in a fulfillable state."]}}
                return 201, {"fulfillment": {"id": 1, "status": "success"}}
            case "GET", "orders/450789469/fulfillment_orders.json":
                return {"fulfillment_orders": [{"id": 1046000785}]}
            case "POST", "inventory_levels/set.json":
                return {"inventory_level": asked.json}
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


def test_stock_and_shipments_reach_the_shop_and_its_refusals_are_said():
    with partner(stand_in(Orders(0))) as there:
        link = link_to(there)
        assert ships(shopify, link, sample(shopify, "ship.json"))["fulfillment"]["status"] == "success"
        stock = sample(shopify, "stock.json")
        assert shopify.send(link, outgoing("stock", stock)).reply == {"inventory_level": stock}
        given = shopify.send(link, outgoing("fulfilment_orders", {"order_id": 450789469})).reply
        assert given["fulfillment_orders"][0]["id"] == 1046000785
        wrong = {"fulfillment": {"line_items_by_fulfillment_order": [{"fulfillment_order_id": 0}]}}
        with pytest.raises(Failed, match="not in a fulfillable state") as fault:
            ships(shopify, link, wrong)
        assert fault.value.kind == "refused"
        with pytest.raises(Failed) as fault:
            shopify.send(link, outgoing("fulfilment_orders", {"order_id": ".."}))
        assert fault.value.kind == "validation"
        assert is_refused(shopify, link_to(there, token="old"), "not_allowed").code == "401"
    with partner(lambda asked: (429, {"errors": "Exceeded 2 calls per second"}, "Retry-After: 2.0")) as there:
        assert is_refused(shopify, link_to(there), "throttled").retry_after == 2
