"""Pinduoduo: the documents' signature, and a stand-in that refuses what POP refuses."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from banyan.connectors.pinduoduo.connector import Pinduoduo, sign
from banyan.connectors.pinduoduo.tests.shop import CHINA, SECRET, TOKEN, PinduoduoShop
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, is_refused, opened, polls_lose_nothing, sample, ships
from tests.partners.standing import connection_to, outgoing

pinduoduo = Pinduoduo()


def test_the_documents_example_is_signed_byte_for_byte():
    given = {
        "access_token": "asd78172s8ds9a921j9qqwda12312w1w21211", "client_id": "1", "data_type": "XML",
        "order_status": "1", "page": "1", "page_size": "10", "timestamp": "1480411125",
        "type": "pdd.order.number.list.get",
    }  # fmt: skip
    assert sign(given, SECRET) == "E4DE3ED21002510DED352819E7AE6775"


def stand_in(orders, now=NOW):
    def error(code, text, sub=""):
        return {"error_response": {"error_code": code, "error_msg": text, "sub_code": sub, "sub_msg": ""}}

    def answer(asked):
        body = asked.json
        given = body.pop("sign", "")
        text = "".join(f"{name}{body[name]}" for name in sorted(body))
        if given != hashlib.md5(f"{SECRET}{text}{SECRET}".encode()).hexdigest().upper():
            return error(20004, "签名校验失败")
        if abs(int(body["timestamp"]) - now.timestamp()) > 600:
            return error(20003, "timestamp 过期")
        if body["access_token"] != TOKEN:
            return error(10019, "access_token 已过期")
        if body["type"] == "pdd.order.number.list.increment.get":
            begin, end = (datetime.fromtimestamp(int(body[f"{x}_updated_at"]), UTC) for x in ("start", "end"))
            if end - begin > timedelta(minutes=30):
                return error(50001, "业务服务错误", "30001")
            found, size = orders.within(begin, end), int(body["page_size"])
            page = found[(int(body["page"]) - 1) * size :][:size]
            rows = [
                {
                    **sample(pinduoduo, "order.json"),
                    "order_sn": str(n),
                    "updated_at": f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}",
                }
                for n, at in page
            ]
            return {"order_sn_increment_get_response": {"total_count": len(found), "order_sn_list": rows}}
        if body["type"] == "pdd.logistics.online.send":
            return {"logistics_online_send_response": {"is_success": body["order_sn"] != "0"}}
        return error(10001, "type 不存在")

    return answer


def link_to(there, secret=SECRET, token=TOKEN):
    secrets = {"client_secret": secret, "access_token": token}
    return connection_to(pinduoduo, {"address": f"{there.url}/api/router", "client_id": "1"}, secrets, now=NOW)


def test_orders_are_read_in_half_hours_and_none_is_lost_while_others_change():
    orders = Orders(120, every=timedelta(seconds=20))
    with partner(stand_in(orders)) as there:
        polls_lose_nothing(pinduoduo, link_to(there), orders)


def test_what_the_router_refuses_is_said():
    with partner(stand_in(Orders(1))) as there:
        assert is_refused(pinduoduo, link_to(there, secret="wrong"), "not_allowed").code == "20004"
        assert is_refused(pinduoduo, link_to(there, token="old"), "not_allowed").code == "10019"
        assert is_refused(pinduoduo, replace(link_to(there), now=NOW - timedelta(hours=1)), "refused").code == "20003"
    with partner(lambda asked: {"error_response": {"error_code": 70031, "error_msg": "调用过于频繁"}}) as there:
        assert is_refused(pinduoduo, link_to(there), "throttled").is_passing


def test_a_shipment_is_sent_and_an_answer_that_is_no_success_is_refused():
    with partner(stand_in(Orders(0))) as there:
        assert ships(pinduoduo, link_to(there), sample(pinduoduo, "ship.json")) == {"is_success": True}
        with pytest.raises(Failed):
            pinduoduo.send(link_to(there), outgoing("ship", {"order_sn": "0"}))


def test_stock_and_shipment_go_by_what_orders_and_links_say_and_returns_name_their_sku():
    with opened(PinduoduoShop(NOW)) as shop:
        number = shop.place()
        order = shop.mapped("orders", shop.orders[number])["orders"][0]
        assert order["ship_by"] == "2026-03-04T02:22:30+00:00"
        line = order["lines"][0]
        assert (line["outside_item"], line["outside_sku"]) == ("77", "55001")
        stock = shop.told("stock", outside_item="77", outside_sku="55001", quantity="42")
        assert stock == {"goods_id": "77", "sku_id": "55001", "quantity": "42"}
        shop.tell("stock", stock)
        assert shop.stock == {"LAMP-01-W": 42}
        with pytest.raises(Failed, match="sku不存在"):
            shop.tell("stock", stock | {"sku_id": "1"})
        ship = shop.told("ship", outside_number=number, carrier_code="44")
        assert ship == {"order_sn": number, "logistics_id": "44", "tracking_number": "SF1234567890123"}
        shop.tell("ship", ship)
        assert shop.sent == [(number, "SF1234567890123", {"LAMP-01-W": 2, "BULB-9": 1})]
        with pytest.raises(Failed, match="1005"):
            shop.tell("ship", ship)
        shop.take_back(number)
        shop.now += timedelta(seconds=1)
        [refund] = shop.polled("refunds")
        assert shop.mapped("refunds", refund) == {"refunds": [{
            "shop": "S1", "order": number, "number": str(refund["id"]), "kind": "return", "amount": "88.9",
            "reason": "灯罩破损", "asked_at": "2026-03-05T02:00:00+00:00",
            "lines": [{"line": "55001", "quantity": "1"}],
        }]}  # fmt: skip


def test_a_return_is_agreed_to_and_paid_and_what_has_no_call_is_said():
    with opened(PinduoduoShop(NOW)) as shop:
        number = shop.place()
        shop.take_back(number)
        [key] = shop.refunds
        agree = shop.told("answer", outside_number=number, outside_refund=key, decision="agreed", answer="")
        assert agree == {"order_sn": number, "after_sales_id": key, "decision": "agreed"}
        with pytest.raises(Failed, match="状态不符"):
            shop.tell("answer", agree | {"decision": "refunded"})
        for decision in ("agreed", "refunded"):
            shop.tell("answer", agree | {"decision": decision})
        assert shop.answers == [(key, "agreed"), (key, "refunded")]
        with pytest.raises(Failed, match="状态不符"):
            shop.tell("answer", agree)
        with pytest.raises(Failed, match="no call for “refused”"):
            shop.tell("answer", agree | {"decision": "refused"})
        shop.settings = {"client_id": "1"}
        with pytest.raises(Failed, match="address for returns"):
            shop.tell("answer", agree)
