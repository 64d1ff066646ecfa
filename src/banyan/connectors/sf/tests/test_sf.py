"""SF Express against a stand-in that computes the digest as SF's own client does."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.parse
from dataclasses import replace
from datetime import timedelta

import pytest

from banyan.connectors.sf.connector import Sf
from banyan.integration import mappings
from banyan.integration.connecting import Failed, Received
from tests.integration.partner import partner
from tests.partners.shops import NOW, form_of, sample
from tests.partners.standing import connection_to, outgoing

WORD = "ehpA2SxjTest"
sf = Sf()


def stand_in():
    made = {}

    def said(data):
        return {"apiErrorMsg": "", "apiResponseID": "1", "apiResultCode": "A1000", "apiResultData": json.dumps(data)}

    def answer(asked):
        form = form_of(asked)
        text = urllib.parse.quote_plus(form["msgData"] + form["timestamp"] + WORD)
        if form["msgDigest"] != base64.b64encode(hashlib.md5(text.encode("utf-8")).digest()).decode("utf-8"):
            return {
                "apiErrorMsg": "数字签名无效",
                "apiResponseID": "1",
                "apiResultCode": "A1006",
                "apiResultData": None,
            }
        if abs(int(form["timestamp"]) - NOW.timestamp()) > 600:
            return {
                "apiErrorMsg": "请求时效已过期",
                "apiResponseID": "1",
                "apiResultCode": "A1002",
                "apiResultData": None,
            }
        body = json.loads(form["msgData"])
        match form["serviceCode"]:
            case "EXP_RECE_CREATE_ORDER":
                if body["orderId"] in made:
                    return said({"success": False, "errorCode": "8016", "errorMsg": "重复下单", "msgData": None})
                made[body["orderId"]] = f"SF{len(made):013}"
                return said({"success": True, "errorCode": "S0000", "msgData": waybill(body["orderId"])})
            case "EXP_RECE_SEARCH_ORDER_RESP":
                return said({"success": True, "errorCode": "S0000", "msgData": waybill(body["orderId"])})
            case "EXP_RECE_UPDATE_ORDER":
                if body["orderId"] not in made:
                    return said({"success": False, "errorCode": "8252", "errorMsg": "订单不存在", "msgData": None})
                return said({"success": True, "errorCode": "S0000", "msgData": {"resStatus": body["dealType"]}})
        return {"apiErrorMsg": "服务代码错误", "apiResponseID": "1", "apiResultCode": "A1004", "apiResultData": None}

    def waybill(order):
        return {"orderId": order, "waybillNoInfoList": [{"waybillType": 1, "waybillNo": made[order]}]}

    return answer


def link_to(there, word=WORD):
    secrets = {"check_word": word, "push_token": "t0ken-of-ours"}
    return connection_to(sf, {"address": f"{there.url}/std/service", "partner_id": "Y7h"}, secrets, now=NOW)


def test_an_order_gives_one_waybill_however_often_it_is_sent():
    with partner(stand_in()) as there:
        link = link_to(there)
        first, again = (sf.send(link, outgoing("order", sample(sf, "order.json"))).reply for _ in range(2))
        assert first["waybillNoInfoList"] == again["waybillNoInfoList"]
        assert sf.send(link, outgoing("cancel", {"orderId": "SO-2026-0001"})).reply == {"resStatus": 2}


def test_refusals_of_the_gateway_and_of_the_service_are_said():
    with partner(stand_in()) as there:
        order = sample(sf, "order.json")
        for link, code in (
            (link_to(there, "wrong"), "A1006"),
            (replace(link_to(there), now=NOW - timedelta(hours=1)), "A1002"),
        ):
            with pytest.raises(Failed) as fault:
                sf.send(link, outgoing("order", order))
            assert (fault.value.kind, fault.value.code) == ("not_allowed", code)
        with pytest.raises(Failed, match="订单不存在") as fault:
            sf.send(link_to(there), outgoing("cancel", {"orderId": "none"}))
        assert fault.value.kind == "refused"
        with pytest.raises(Failed) as fault:
            sf.send(link_to(there), outgoing("routes", sample(sf, "routes.json")))
        assert fault.value.code == "A1004"


SENDER = {
    "sender_company": "榕树机械", "sender_contact": "发货员", "sender_phone": "13900000000",
    "sender_province": "江苏省", "sender_city": "苏州市", "sender_address": "工业园区 1 号",
    "monthly_card": "7551234567",
}  # fmt: skip


def test_a_shipment_without_a_waybill_becomes_an_order_and_its_answer_a_waybill():
    told = sample(sf, "shipment_told.json")
    order = mappings.apply(mappings.frozen({"preset": "sf.parcels", "settings": SENDER}), told)
    with partner(stand_in()) as there:
        sf.send(link_to(there), outgoing("order", order))
        sent = json.loads(form_of(there.asked[0])["msgData"])
    receiver = {
        "contactType": 2, "contact": "王小明", "mobile": "13800000000", "country": "CN", "province": "浙江省",
        "city": "杭州市", "address": "西湖区文一路 1 号",
    }  # fmt: skip
    assert sent == {
        "language": "zh-CN", "orderId": told["data"]["shipment"], "custReferenceNo": "64520001",
        "monthlyCard": "7551234567", "payMethod": 1, "expressTypeId": 1, "isReturnRoutelabel": 1,
        "cargoDetails": [{"name": "A-1", "count": 2}],
        "contactInfoList": [
            {"contactType": 1, "company": "榕树机械", "contact": "发货员", "mobile": "13900000000", "country": "CN",
             "province": "江苏省", "city": "苏州市", "address": "工业园区 1 号"},
            receiver,
        ],
    }  # fmt: skip
    answer = {"reply": sample(sf, "ordered.json"), "message": {"id": "1", "key": "", "record": None}}
    assert mappings.apply(mappings.frozen({"preset": "sf.waybills"}), answer) == {
        "records_of": "OrderNum20250523", "tracking_number": "SF7444496931331",
    }  # fmt: skip
    answer["reply"] = {"orderId": "1", "filterResult": 3, "remark": "1", "waybillNoInfoList": None}
    with pytest.raises(Failed, match="tracking_number"):
        mappings.apply(mappings.frozen({"preset": "sf.waybills"}), answer)
    told["data"]["receiver"]["phone"] = ""
    with pytest.raises(Failed, match="mobile"):
        mappings.apply(mappings.frozen({"preset": "sf.parcels", "settings": SENDER}), told)


def test_a_push_is_known_by_our_token_and_answered_in_its_own_words():
    body = json.dumps(sample(sf, "pushed.json")).encode()
    with partner(stand_in()) as there:
        link = link_to(there)

    def pushed(body=body, **query):
        return sf.receive(link, "pushed", Received("POST", "/hooks/s/pushed", query, {}, body, NOW))

    first, second = pushed(token="t0ken-of-ours")
    assert first.body == sample(sf, "route.json")
    assert (first.key, second.body["opCode"]) == ("SF7444400031887", "31")
    assert [one.id for one in pushed(token="t0ken-of-ours")] == [first.id, second.id], "a repeated push is the same"
    assert mappings.apply(mappings.frozen({"preset": "sf.routes"}), second.body) == {
        "records_of": "202003225d33322239ddW1df5t3",
        "text": "顺丰 2020-05-11 16:56:54 郑州市 快件到达 【郑州园博中转场】",
    }  # fmt: skip
    assert json.loads(sf.answer(link, "pushed", 2, None).body) == {"return_code": "0000", "return_msg": "成功"}
    for query in ({}, {"token": "other"}):
        with pytest.raises(Failed) as fault:
            pushed(**query)
        assert fault.value.kind == "forged"
    refused = sf.answer(link, "pushed", 0, fault.value)
    assert (refused.status, json.loads(refused.body)["return_code"]) == (401, "1000")
    for broken in (b"<Request/>", b"[]", b'{"Body": {"WaybillRoute": [{"mailno": "SF1"}]}}'):
        with pytest.raises(Failed) as fault:
            pushed(broken, token="t0ken-of-ours")
        assert fault.value.kind == "validation"


@pytest.mark.parametrize(("code", "kind"), [
    ("A1005", "throttled"), ("A1009", "unavailable"), ("A1099", "unavailable"), ("A1001", "refused"),
    ("A1008", "refused"), ("A1011", "not_allowed"), ("A1003", "not_allowed"),
])  # fmt: skip
def test_each_code_of_the_gateway_means_what_its_document_says(code, kind):
    said = {"apiErrorMsg": "x", "apiResponseID": "1", "apiResultCode": code, "apiResultData": None}
    with partner(lambda asked: said) as there, pytest.raises(Failed) as fault:
        sf.send(link_to(there), outgoing("routes", sample(sf, "routes.json")))
    assert (fault.value.kind, fault.value.code) == (kind, code)
