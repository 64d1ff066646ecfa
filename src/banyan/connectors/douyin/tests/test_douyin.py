"""Douyin: a signature computed by the document's steps, and a stand-in that refuses what Doudian refuses."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from banyan.connectors.douyin.connector import Douyin, sorted_json
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, is_refused, polls_lose_nothing, sample, ships
from tests.partners.standing import connection_to, outgoing

CHINA = timezone(timedelta(hours=8))
KEY, SECRET, TOKEN = "3409409348479354011", "2ad2355c-01d0-11f8-91dc-05a8cd1054b1", "c6f957da-1239"
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
        assert ships(douyin, link_to(there), sample(douyin, "ship.json")) == {}
        with pytest.raises(Failed, match="已发货"):
            douyin.send(link_to(there), outgoing("ship", {"order_id": "0"}))
