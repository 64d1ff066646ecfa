"""Vendure: what is told to it and read of it, against a stand-in; tests/partners/test_vendure.py runs a real one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest

from banyan.connectors.vendure.tests.shop import VendureShop
from banyan.integration.connecting import Failed
from tests.partners.shops import NOW, opened, read_all


def test_a_shipment_a_cancellation_and_a_refund_are_done_once():
    with opened(VendureShop(NOW)) as shop:
        first, second = shop.place(), shop.place()
        key, line = shop.order(first)["id"], shop.order(first)["lines"][0]["id"]
        ship = shop.told("ship", outside_id=key, carrier="顺丰", lines=[{"outside_line": line, "quantity": "2"}])
        assert ship == {"order": key, "method": "顺丰", "tracking": "SF1234567890123",
                        "lines": [{"line": line, "quantity": "2"}]}  # fmt: skip
        for _ in range(2):
            shop.tell("ship", ship)
            shop.tell("refund", shop.told("refund", outside_id=key, amount="20.00"))
            shop.tell("cancel", shop.told("cancel", outside_id=shop.order(second)["id"]))
        assert shop.sent == [(first, "SF1234567890123", {"LAMP-01-W": 2})]
        assert shop.given_back == [(first, D("20.00"))]
        assert shop.cancelled == [second]
        with pytest.raises(Failed, match="REFUND_AMOUNT_ERROR"):
            shop.tell("refund", shop.told("refund", outside_id=key, amount="999.00", number="RF2"))
        with pytest.raises(Failed) as fault:
            shop.tell("cancel", shop.told("cancel", outside_id="77"))
        assert fault.value.kind == "gone"


def test_refunds_are_read_of_the_orders_of_two_weeks_and_keep_their_name():
    with opened(VendureShop(NOW)) as shop:
        number = shop.place()
        shop.take_back(number)
        shop.now += timedelta(seconds=2)
        [refund] = shop.polled("refunds")
        assert shop.mapped("refunds", refund) == {"refunds": [{
            "shop": "S1", "order": "1", "number": "1", "kind": "return", "amount": "101.59", "reason": "灯罩破损",
            "lines": [{"line": "11", "quantity": "1"}],
        }]}  # fmt: skip
        assert shop.connector.incoming(shop.connector.call("refunds"), refund).id == "1@Settled"


def test_stock_is_what_can_be_sold_beside_what_is_ordered():
    with opened(VendureShop(NOW)) as shop:
        shop.place()
        shop.tell("stock", shop.told("stock", quantity="40"))
        assert (shop.on_hand, shop.stock) == ({"LAMP-01-W": 42}, {"LAMP-01-W": 40})
        assert shop.polled("stock_shown") == [{"sku": "LAMP-01-W", "quantity": 40}]
        shop.on_hand |= {f"BULB-{n}": 2 + n for n in range(4)}
        found, _ = read_all(shop.connector, shop.link(), operation="stock_shown", limit=2)
        assert sorted(one.body["quantity"] for one in found.values()) == [0, 1, 2, 3, 40], "all pages"
        with pytest.raises(Failed) as fault:
            shop.tell("stock", shop.told("stock", sku="none"))
        assert fault.value.kind == "gone"
