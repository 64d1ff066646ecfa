"""WooCommerce: signatures of webhooks, and a stand-in of the REST API v3."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from banyan.connectors.woocommerce.connector import WooCommerce
from banyan.connectors.woocommerce.tests.shop import KEY, SECRET, WooShop
from banyan.integration.connecting import Failed, Received
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, is_refused, opened, polls_lose_nothing, read_all, sample
from tests.partners.standing import connection_to, outgoing

woo = WooCommerce()


def stand_in(orders):
    def answer(asked):
        wanted = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != wanted:
            return 401, {"code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources."}
        match asked.method, asked.path.removeprefix("/wp-json/wc/v3/"):
            case "GET", "orders":
                # WordPress takes neither bound into the window.
                begin, end = (datetime.fromisoformat(asked.one(f"modified_{x}")) for x in ("after", "before"))
                rows = [
                    {**sample(woo, "order.json"), "id": n, "date_modified_gmt": at.astimezone(UTC).strftime("%FT%T")}
                    for n, at in orders.within(begin, end)
                    if at != begin
                ]
                return rows[: int(asked.one("per_page"))]
            case "PUT", "orders/727":
                return {"id": 727, **asked.json}
            case "PUT", "products/9":
                return {"id": 9, **asked.json}
            case "GET", "products":
                goods = {"LAMP-01": [{"id": 9, "sku": "LAMP-01", "parent_id": 0}],
                         "LAMP-01-W": [{"id": 10, "sku": "LAMP-01-W", "parent_id": 9}],
                         "TWICE": [{"id": n, "sku": "TWICE", "parent_id": 0} for n in (1, 2)]}
                return goods.get(asked.one("sku"), [])
            case "PUT", "products/9/variations/10":
                return {"id": 10, **asked.json}
        return 404, {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID."}

    return answer


def link_to(there, secret=SECRET):
    secrets = {"consumer_secret": secret, "webhook_secret": "hook"}
    return connection_to(woo, {"address": there.url, "consumer_key": KEY}, secrets, now=NOW)


def test_orders_are_read_and_none_is_lost_while_others_change():
    orders = Orders(120)
    with partner(stand_in(orders)) as there:
        polls_lose_nothing(woo, link_to(there), orders)


def test_a_pushed_order_is_the_polled_one_the_first_ping_is_taken_and_a_forged_one_refused():
    body = json.dumps(sample(woo, "order.json")).encode()
    good = base64.b64encode(hmac.new(b"hook", body, hashlib.sha256).digest()).decode()
    with partner(stand_in(Orders(0))) as there:
        link = link_to(there)

        def pushed(content, signature):
            request = Received("POST", "/hooks/shop/orders", {}, {"X-WC-Webhook-Signature": signature}, content, NOW)
            return woo.receive(link, "orders", request)

        assert [message.id for message in pushed(body, good)] == ["727@2026-03-02T02:22:31"]
        assert pushed(b"webhook_id=3", "") == ()
        for content, signature in ((body, ""), (body + b" ", good), (b"webhook_id=3&x=" + b"a" * 40, "")):
            with pytest.raises(Failed) as fault:
                pushed(content, signature)
            assert fault.value.kind == "forged"


def test_state_and_stock_reach_the_shop_and_its_refusals_are_said():
    with partner(stand_in(Orders(0))) as there:
        link = link_to(there)
        assert woo.send(link, outgoing("state", {"id": 727, "status": "completed"})).reply["status"] == "completed"
        stock = woo.send(link, outgoing("stock", {"id": 9, "stock_quantity": 4})).reply
        assert stock == {"id": 9, "manage_stock": True, "stock_quantity": 4}
        for sku, found in (("LAMP-01", 9), ("LAMP-01-W", 10)):
            reply = woo.send(link, outgoing("stock", {"sku": sku, "stock_quantity": 4})).reply
            assert reply == {"id": found, "manage_stock": True, "stock_quantity": 4}
        for sku, kind in (("NONE", "gone"), ("TWICE", "refused")):
            with pytest.raises(Failed) as fault:
                woo.send(link, outgoing("stock", {"sku": sku, "stock_quantity": 4}))
            assert fault.value.kind == kind
        with pytest.raises(Failed, match="Invalid ID") as fault:
            woo.send(link, outgoing("state", {"id": 1, "status": "completed"}))
        assert fault.value.kind == "refused"
        assert is_refused(woo, link_to(there, "other"), "not_allowed").code == "401"


def test_stock_goes_by_the_keys_of_product_and_variation_and_by_sku_until_they_are_known():
    with opened(WooShop(NOW)) as shop:
        order = shop.mapped("orders", shop.order(shop.place()))["orders"][0]
        keys = [(line["sku"], line["outside_item"], line["outside_sku"]) for line in order["lines"]]
        assert keys == [("LAMP-01-W", "93", "794"), ("BULB-9", "799", "0")]
        for n, (sku, item, variation) in enumerate(keys):
            for known in ({"outside_item": item, "outside_sku": variation}, {"outside_item": "", "outside_sku": ""}):
                shop.tell("stock", shop.told("stock", sku=sku, quantity=str(40 + n), **known))
                assert shop.stock.pop(sku) == 40 + n
        with pytest.raises(Failed) as fault:
            shop.tell("stock", shop.told("stock", sku="X", outside_item="5", outside_sku="6"))
        assert fault.value.code == "404"


def test_the_stock_shown_is_that_of_products_and_of_variations_page_by_page():
    with opened(WooShop(NOW)) as shop:
        shop.stock |= {"LAMP-01-W": 40}
        for limit in (2, 100):
            found, _ = read_all(woo, shop.link(), operation="stock_shown", limit=limit)
            assert sorted((one.key, one.body["quantity"]) for one in found.values()) == [
                ("BULB-9", None), ("LAMP-01-W", 40),
            ]  # fmt: skip


def test_a_waybill_is_a_note_to_the_buyer_and_a_refund_is_made_once():
    with opened(WooShop(NOW)) as shop:
        number = shop.place()
        key = str(shop.order(number)["id"])
        note = shop.told("ship", outside_id=key, carrier="顺丰", tracking_number="SF1")
        assert note == {"id": key, "note": "顺丰 SF1"}
        for _ in range(2):
            shop.tell("ship", note)
            shop.tell("refund", shop.told("refund", outside_id=key, amount="20.00"))
        assert shop.sent == [(number, "SF1", {"LAMP-01-W": 2, "BULB-9": 1})]
        assert shop.given_back == [(number, D("20.00"))]
        shop.tell("state", shop.told("done", outside_id=key))
        assert shop.order(number)["status"] == "completed"
        shop.tell("cancel", shop.told("cancel", outside_id=key))
        assert shop.cancelled == [number]
        with pytest.raises(Failed, match="Invalid refund amount"):
            shop.tell("refund", shop.told("refund", outside_id=key, amount="999.00", number="RF2"))


def test_refunds_are_read_with_the_order_they_are_of():
    with opened(WooShop(NOW)) as shop:
        number = shop.place()
        shop.place()
        shop.take_back(number)
        shop.now += timedelta(seconds=1)
        [refund] = shop.polled("refunds")
        assert refund["order_id"] == shop.order(number)["id"]
        assert shop.mapped("refunds", refund) == {"refunds": [{
            "shop": "S1", "order": str(refund["order_id"]), "number": str(refund["id"]), "kind": "return",
            "amount": "88.9", "reason": "灯罩破损", "asked_at": "2026-03-05T02:00:00+00:00",
            "lines": [{"sku": "LAMP-01-W", "quantity": "1"}],
        }]}  # fmt: skip
