"""JD: the documents' signature, and a stand-in that refuses what JOS refuses."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from banyan.connectors.jd.connector import Jd, moment, sign
from banyan.connectors.jd.tests.shop import CHINA, SECRET, TOKEN, JdShop
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, form_of, is_refused, opened, polls_lose_nothing, sample, ships
from tests.partners.standing import connection_to, outgoing

jd = Jd()


def test_the_documents_example_is_signed_byte_for_byte():
    given = {
        "360buy_param_json": '{"end_date":null,"optional_fields":null,"order_state":"WAIT_SELLER_STOCK_OUT","page":"1",'
        '"page_size":"200","start_date":null}',
        "access_token": TOKEN, "app_key": "yourappkey", "method": "jingdong.pop.order.search", "v": "2.0",
        "timestamp": "2021-05-07 09:20:39.683+0800",
    }  # fmt: skip
    assert sign(given, SECRET) == "D70825340F4084360B9362B60DFD7930"
    assert moment(datetime(2021, 5, 7, 1, 20, 39, 683000, tzinfo=timezone.utc)) == given["timestamp"]  # noqa: UP017


def stand_in(orders, now=NOW):
    def error(code, text):
        return {"error_response": {"code": code, "zh_desc": text, "en_desc": ""}}

    def answer(asked):
        form = form_of(asked)
        given = form.pop("sign", "")
        text = "".join(f"{name}{form[name]}" for name in sorted(form))
        if given != hashlib.md5(f"{SECRET}{text}{SECRET}".encode()).hexdigest().upper():
            return error("12", "无效签名")
        if abs(datetime.strptime(form["timestamp"], "%Y-%m-%d %H:%M:%S.%f%z") - now) > timedelta(minutes=10):
            return error("8", "非法的时间戳参数")
        if form["access_token"] != TOKEN:
            return error("19", "无效的access_token")
        body = json.loads(form["360buy_param_json"])
        if form["method"] == "jingdong.pop.order.search":
            begin, end = (
                datetime.strptime(body[name], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
                for name in ("start_date", "end_date")
            )
            found, size = orders.within(begin, end), int(body["page_size"])
            page = found[(int(body["page"]) - 1) * size :][:size]
            given_orders = [
                {**sample(jd, "order.json"), "orderId": str(n), "modified": f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"}
                for n, at in page
            ]
            result = {"apiResult": {"success": True}, "orderTotal": len(found), "orderInfoList": given_orders}
            return {"jingdong_pop_order_search_responce": {"code": "0", "searchorderinfo_result": result}}
        if form["method"] == "jingdong.pop.order.shipment":
            good = body["orderId"] != "0"
            result = {"success": good, "chineseErrCode": "" if good else "订单已出库", "numberCode": 10400001}
            return {"jingdong_pop_order_shipment_responce": {"code": "0", "sopjosshipment_result": result}}
        return error("15", "不存在的方法名")

    return answer


def link_to(there, secret=SECRET, token=TOKEN):
    secrets = {"app_secret": secret, "access_token": token}
    return connection_to(jd, {"address": f"{there.url}/routerjson", "app_key": "yourappkey"}, secrets, now=NOW)


def test_orders_are_read_and_none_is_lost_while_others_change():
    orders = Orders(120)
    with partner(stand_in(orders)) as there:
        polls_lose_nothing(jd, link_to(there), orders)


def test_what_the_gateway_refuses_is_said():
    with partner(stand_in(Orders(1))) as there:
        assert is_refused(jd, link_to(there, secret="wrong"), "not_allowed").code == "12"
        assert is_refused(jd, link_to(there, token="old"), "not_allowed").code == "19"
        assert is_refused(jd, replace(link_to(there), now=NOW - timedelta(hours=1)), "not_allowed").code == "8"


def test_a_shipment_is_sent_and_a_result_that_is_no_success_is_refused():
    with partner(stand_in(Orders(0))) as there:
        assert ships(jd, link_to(there), sample(jd, "ship.json"))["sopjosshipment_result"]["success"] is True
        with pytest.raises(Failed, match="订单已出库"):
            jd.send(link_to(there), outgoing("ship", {"orderId": "0"}))
        with pytest.raises(Failed) as fault:
            jd.send(link_to(there), outgoing("stock", {"skuId": 1, "stockNum": 2}))
        assert (fault.value.kind, fault.value.code) == ("refused", "15")


@pytest.mark.parametrize(("code", "kind"), [
    ("2", "throttled"), ("1", "unavailable"), ("23", "unavailable"), ("66", "unavailable"), ("24", "not_allowed"),
    ("7", "refused"), ("13", "refused"), ("26", "refused"), ("68", "refused"),
])  # fmt: skip
def test_each_code_of_the_gateway_means_what_its_table_says(code, kind):
    with partner(lambda asked: {"error_response": {"code": code, "zh_desc": "说明", "en_desc": ""}}) as there:
        with pytest.raises(Failed, match="说明") as fault:
            jd.send(link_to(there), outgoing("stock", {"skuId": 1, "stockNum": 2}))
        assert (fault.value.kind, fault.value.code) == (kind, code)


def test_stock_shipment_and_a_refund_before_it_go_by_what_orders_and_links_say():
    with opened(JdShop(NOW)) as shop:
        number, other = shop.place(), shop.place()
        line = shop.mapped("orders", shop.orders[number])["orders"][0]["lines"][0]
        assert (line["outside_item"], line["outside_sku"]) == ("9001", "100012")
        stock = shop.told("stock", outside_sku=line["outside_sku"], quantity="42")
        assert stock == {"skuId": "100012", "stockNum": "42"}
        shop.tell("stock", stock)
        assert shop.stock == {"LAMP-01-W": 42}
        with pytest.raises(Failed, match="sku不存在"):
            shop.tell("stock", stock | {"skuId": "1"})
        ship = shop.told("ship", outside_number=number, carrier_code="467")
        assert ship == {"orderId": number, "logiCoprId": "467", "logiNo": "SF1234567890123"}
        shop.tell("ship", ship)
        assert shop.sent == [(number, "SF1234567890123", {"LAMP-01-W": 2, "BULB-9": 1})]
        with pytest.raises(Failed, match="已出库"):
            shop.tell("ship", ship)
        shop.take_back(other)
        shop.now += timedelta(seconds=1)
        [refund] = shop.polled("refunds")
        asked = datetime.fromisoformat(f"{refund['applyTime']}+08:00")
        assert shop.mapped("refunds", refund) == {"refunds": [{
            "shop": "S1", "order": other, "number": str(refund["id"]), "kind": "refund", "amount": "207.8",
            "reason": "不想要了", "asked_at": asked.astimezone(UTC).isoformat(),
        }]}  # fmt: skip
        answer = shop.told("answer", outside_refund=str(refund["id"]), decision="agreed", answer="")
        assert answer == {"id": str(refund["id"]), "status": "1", "checkUserName": "ERP", "remark": "同意退款"}
        shop.tell("answer", answer)
        with pytest.raises(Failed, match="已审核"):
            shop.tell("answer", answer)


def test_a_refund_is_refused_with_our_words_and_the_type_that_says_nothing_else():
    with opened(JdShop(NOW)) as shop:
        shop.take_back(shop.place())
        shop.now += timedelta(seconds=1)
        [refund] = shop.polled("refunds")
        key = str(refund["id"])
        answer = shop.told("answer", outside_refund=key, decision="refused", answer="货已发出，请拒收")
        assert answer == {
            "id": key, "status": "2", "checkUserName": "ERP", "remark": "货已发出，请拒收", "rejectType": "5",
        }  # fmt: skip
        with pytest.raises(Failed, match="rejectType"):
            shop.tell("answer", {name: value for name, value in answer.items() if name != "rejectType"})
        shop.tell("answer", answer)
        assert shop.answers == [(key, "refused")]
        words = shop.told("answer", outside_refund=key, decision="refused", answer="")["remark"]
        assert words == "商家不同意退款"
