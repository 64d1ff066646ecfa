"""Kingdee against a stand-in that computes both signatures as the official client's code does."""

from __future__ import annotations

import base64
import codecs
import hashlib
import hmac
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from banyan.connectors.kingdee.connector import Kingdee, unhidden
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, is_refused, polls_lose_nothing, sample
from tests.partners.standing import connection_to, outgoing

CHINA = timezone(timedelta(hours=8))
HIDDEN = base64.b64encode(bytes(range(24))).decode()
APPLICATION, SECRET = f"200001_{HIDDEN}", "0123456789abcdef0123456789abcdef"
kingdee = Kingdee()


def client_code(text):
    """The official client's DecodeAppSecret: seed turned by ROT13, byte by byte over the base64."""
    stream = codecs.encode("0054s397p6234378o09pn7q3r5qropr7", "rot13").encode()
    return base64.b64encode(bytes(a ^ stream[i] for i, a in enumerate(base64.b64decode(text)))).decode()


def in_hex_and_base64(text, secret):
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().encode()).decode()


def stand_in(orders):
    def answer(asked):
        headers = asked.headers
        moment = headers["x-api-timestamp"]
        if abs(int(moment) - NOW.timestamp()) > 720:
            return 519, {"errcode": 4006, "description_cn": f"认证失败, errDescCn: X-Api-TimeStamp过期: {moment}"}
        escaped = quote(asked.path).replace("/", "%2F")
        told = f"POST\n{escaped}\n\nx-api-nonce:{headers['x-api-nonce']}\nx-api-timestamp:{moment}\n"
        data = base64.b64decode(headers["x-kd-appdata"]).decode()
        good = (
            headers["x-api-signature"] == in_hex_and_base64(told, client_code(HIDDEN))
            and headers["x-kd-signature"] == in_hex_and_base64(APPLICATION + data, SECRET)
            and data == "62f0c8a1,demo,2052,0"
        )
        if not good:
            return 519, {"errcode": 4002, "description_cn": "认证失败"}
        name = asked.path.rpartition("DynamicFormService.")[2].removesuffix(".common.kdsvc")
        body = asked.json
        if name == "ExecuteBillQuery":
            if body["data"]["FormId"] == "NONE":
                errors = [{"FieldName": "", "Message": "业务对象不存在"}]
                status = {"ErrorCode": 500, "IsSuccess": False, "Errors": errors, "MsgCode": 4}
                return [[{"Result": {"ResponseStatus": status}}]]
            begin, end = (
                datetime.strptime(part.split("'")[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
                for part in body["data"]["FilterString"].split(" and ")
            )
            found = orders.within(begin, end + timedelta(seconds=1))[: body["data"]["Limit"]]
            return [
                [str(n), "2026-03-02T00:00:00", "C", "C001", at.astimezone(CHINA).strftime("%Y-%m-%dT%H:%M:%S")]
                for n, at in found
            ]
        if name == "Save":
            if not body["data"]["Model"].get("FCustId"):
                errors = [{"FieldName": "FCustId", "Message": "客户必录", "DIndex": 0}]
                return {"Result": {"ResponseStatus": {"IsSuccess": False, "Errors": errors, "MsgCode": 11}}}
            return {"Result": {"ResponseStatus": {"IsSuccess": True, "Errors": []}, "Id": 100001, "Number": "XSDD001"}}
        return 200, "response_error:服务不存在".encode()

    return answer


def link_to(there, secret=SECRET):
    account = {"account_set": "62f0c8a1", "user": "demo", "application": APPLICATION}
    settings = {"address": f"{there.url}/k3cloud", **account}
    return connection_to(kingdee, settings, {"application_secret": secret}, now=NOW)


def test_the_hidden_key_is_found_as_the_official_client_finds_it():
    assert unhidden(HIDDEN) == client_code(HIDDEN)
    assert unhidden("short") == ""


def test_changed_bills_are_read_and_none_is_lost_while_others_change():
    orders = Orders(120)
    with partner(stand_in(orders)) as there:
        polls_lose_nothing(kingdee, link_to(there), orders, operation="changed")


def test_a_bill_is_saved_and_what_the_server_refuses_with_status_200_is_a_refusal():
    with partner(stand_in(Orders(0))) as there:
        link = link_to(there)
        assert kingdee.send(link, outgoing("save", sample(kingdee, "save.json"))).reply["Result"]["Number"] == "XSDD001"
        for operation, body, words in (
            ("save", {"formid": "SAL_SaleOrder", "data": {"Model": {}}}, "FCustId 客户必录"),
            ("query", {"data": {"FormId": "NONE", "FieldKeys": "FNumber"}}, "业务对象不存在"),
            ("audit", {"formid": "SAL_SaleOrder", "data": {"Numbers": ["1"]}}, "服务不存在"),
        ):
            with pytest.raises(Failed, match=words) as fault:
                kingdee.send(link, outgoing(operation, body))
            assert fault.value.kind == "refused"
        assert is_refused(kingdee, link_to(there, "other"), "not_allowed", "changed").code == "519"
        is_refused(kingdee, replace(link, now=NOW - timedelta(hours=1)), "not_allowed", "changed")
