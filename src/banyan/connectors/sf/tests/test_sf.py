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
from banyan.integration.connecting import Failed
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
    return connection_to(
        sf, {"address": f"{there.url}/std/service", "partner_id": "Y7h"}, {"check_word": word}, now=NOW
    )


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
