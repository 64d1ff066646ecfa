"""Douyin: a signature computed by the document's steps, and a stand-in that refuses what Doudian refuses."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from banyan.connectors.douyin.connector import Douyin, sorted_json
from banyan.connectors.douyin.tests.shop import CHINA, KEY, SECRET, TOKEN, DouyinShop
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, is_refused, opened, polls_lose_nothing, sample, ships
from tests.partners.standing import connection_to, outgoing

douyin = Douyin()


def test_business_parameters_are_sorted_on_every_level_and_not_escaped():
    body = {"b": [{"z": 1, "a": "中文 & <b>"}], "a": 1}
    assert sorted_json(body) == '{"a":1,"b":[{"a":"中文 & <b>","z":1}]}'


def stand_in(orders, now=NOW):
    def answer(asked):
        body = asked.body.decode()
        text = (
            f"{SECRET}app_key{asked.one('app_key')}method{asked.one('method')}param_json{body}"
            f"timestamp{asked.one('timestamp')}v{asked.one('v')}{SECRET}"
        )
        if asked.one("sign") != hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest():
            return {"code": 30005, "msg": "签名错误", "sub_code": "isv.signature-invalid", "sub_msg": "签名校验失败"}
        there = datetime.strptime(asked.one("timestamp"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
        if abs(there - now) > timedelta(minutes=10):
            return {"code": 30006, "msg": "时间戳过期", "sub_code": "isv.timestamp-invalid", "sub_msg": ""}
        if asked.one("access_token") != TOKEN:
            return {"code": 30001, "msg": "access_token 无效", "sub_code": "isv.access-token-expired", "sub_msg": ""}
        given = json.loads(body)
        if asked.path == "/order/searchList":
            begin = datetime.fromtimestamp(given["update_time_start"], UTC)
            end = datetime.fromtimestamp(given["update_time_end"], UTC)
            rows = [
                {**sample(douyin, "order.json"), "order_id": str(n), "update_time": int(at.timestamp())}
                for n, at in orders.within(begin, end)[: given["size"]]
            ]
            return {"code": 10000, "msg": "success", "data": {"shop_order_list": rows, "total": len(rows)}}
        if asked.path == "/order/logisticsAdd":
            if given["order_id"] == "0":
                return {"code": 50002, "msg": "业务处理失败", "sub_code": "isv.business-failed:1", "sub_msg": "已发货"}
            return {"code": 10000, "msg": "success", "data": {}}
        return {"code": 70000, "msg": "方法不存在", "sub_code": "", "sub_msg": ""}

    return answer


def link_to(there, secret=SECRET, token=TOKEN):
    secrets = {"app_secret": secret, "access_token": token}
    return connection_to(douyin, {"address": there.url, "app_key": KEY}, secrets, now=NOW)


def test_orders_are_read_and_none_is_lost_while_others_change():
    orders = Orders(120)
    with partner(stand_in(orders)) as there:
        polls_lose_nothing(douyin, link_to(there), orders)


def test_what_the_gateway_refuses_is_said():
    with partner(stand_in(Orders(1))) as there:
        assert is_refused(douyin, link_to(there, secret="wrong"), "not_allowed").code == "30005"
        assert is_refused(douyin, link_to(there, token="old"), "not_allowed").code == "30001"
        assert is_refused(douyin, replace(link_to(there), now=NOW - timedelta(hours=1)), "not_allowed").code == "30006"


def test_a_shipment_is_sent_and_their_reason_is_said():
    with partner(stand_in(Orders(0))) as there:
        assert ships(douyin, link_to(there), sample(douyin, "ship_whole.json"), "ship_whole") == {}
        with pytest.raises(Failed, match="已发货"):
            douyin.send(link_to(there), outgoing("ship_whole", {"order_id": "0"}))


def test_an_order_has_the_clock_of_the_shop_and_none_of_1970_before_it_is_paid():
    with opened(DouyinShop(NOW)) as shop:
        given = shop.orders[shop.place()]
        order = shop.mapped("orders", given)["orders"][0]
        assert (order["paid_at"], order["ship_by"]) == ("2026-03-02T02:22:30+00:00", "2026-03-04T02:22:30+00:00")
        for said in ({"pay_time": 0, "exp_ship_time": 0}, {"pay_time": None, "exp_ship_time": None}):
            order = shop.mapped("orders", {**given, "order_status": 1, **said})["orders"][0]
            assert order["state"] == "placed"
            assert not {"paid_at", "ship_by"} & set(order)


def test_stock_and_parcels_go_by_the_keys_of_orders_and_a_parcel_goes_once():
    with opened(DouyinShop(NOW)) as shop:
        number = shop.place()
        lamp, bulb = shop.mapped("orders", shop.orders[number])["orders"][0]["lines"]
        assert (lamp["outside_item"], lamp["outside_sku"]) == ("3539925204033339668", "1700001")
        keys = {name: lamp[name] for name in ("outside_item", "outside_sku")}
        stock = shop.told("stock", quantity="42", **keys)
        shop.tell("stock", stock)
        assert shop.stock == {"LAMP-01-W": 42}
        with pytest.raises(Failed, match="2010002"):
            shop.tell("stock", stock | {"sku_id": "1"})
        part = shop.told("ship", outside_number=number, carrier_code="shunfeng", shipment="s1",
                         lines=[{"outside_line": lamp["line"], "quantity": "1"}])  # fmt: skip
        assert part == {
            "order_id_list": [number], "shipped_order_info": [{"shipped_order_id": lamp["line"], "shipped_num": "1"}],
            "logistics_code": "SF1234567890123", "company_code": "shunfeng", "request_id": "s1-SF1234567890123",
        }  # fmt: skip
        for _ in range(2):
            shop.tell("ship", part)
        rest = [{"shipped_order_id": one["line"], "shipped_num": "1"} for one in (lamp, bulb)]
        shop.tell("ship", part | {"shipped_order_info": rest, "request_id": "s2", "logistics_code": "SF2"})
        assert shop.sent == [(number, "SF1234567890123", {"LAMP-01-W": 1}),
                             (number, "SF2", {"LAMP-01-W": 1, "BULB-9": 1})]  # fmt: skip
        with pytest.raises(Failed, match="isv.business-failed:1"):
            shop.tell("ship", part | {"request_id": "s3"})


def test_after_sales_are_read_and_a_return_is_agreed_to_with_its_address():
    with opened(DouyinShop(NOW)) as shop:
        number = shop.place()
        shop.take_back(number)
        shop.now += timedelta(seconds=2)
        [one] = shop.polled("refunds")
        key, sub = one["aftersale_info"]["aftersale_id"], shop.orders[number]["sku_order_list"][0]["order_id"]
        assert shop.mapped("refunds", one) == {"refunds": [{
            "shop": "S1", "order": number, "number": key, "kind": "return", "amount": "88.9", "reason": "商品破损",
            "asked_at": "2026-03-05T02:00:00+00:00", "lines": [{"line": sub, "quantity": "1"}],
        }]}  # fmt: skip
        shop.tell("answer", shop.told("answer", outside_refund=key))
        assert shop.answers == [(key, "agreed")]
        with pytest.raises(Failed, match="20309541"):
            shop.tell("answer", shop.told("answer", outside_refund=key))


def test_a_day_that_is_over_is_one_statement_page_by_page():
    with opened(DouyinShop(NOW)) as shop:
        number = shop.place()
        shop.pay_out(number)
        [day] = shop.polled("statements")
        made = shop.mapped("statements", day)
        assert (made["number"], made["settled_on"]) == ("2026-03-05", "2026-03-05")
        assert [(one["kind"], one["order"], D(one["amount"])) for one in made["lines"]] == [
            ("order", number, D("187.80")), ("fee", number, D("-9.39")), ("order", number, D("20.00")),
            ("fee", number, D("-1.00")), ("refund", number, D("-88.90")), ("fee", number, D("4.44")),
        ]  # fmt: skip
        assert sum(D(one["amount"]) for one in made["lines"]) == D("112.95")
