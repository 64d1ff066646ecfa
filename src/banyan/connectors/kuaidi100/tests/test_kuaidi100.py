"""Kuaidi100 against a stand-in that refuses a wrong signature, and its pushes."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from banyan.connectors.kuaidi100.connector import Kuaidi100
from banyan.integration import mappings
from banyan.integration.connecting import Failed, Received
from tests.integration.partner import partner
from tests.partners.shops import NOW, form_of, sample
from tests.partners.standing import connection_to, outgoing

KEY, CUSTOMER, SALT = "iNqhTest745", "32309A4A287AF7840344DDE04255F276", "a-salt"
kuaidi = Kuaidi100()


def md5(text):
    return hashlib.md5(text.encode()).hexdigest().upper()


def answer(asked):
    form = form_of(asked)
    if asked.path == "/poll/query.do":
        if form["customer"] != CUSTOMER or form["sign"] != md5(form["param"] + KEY + CUSTOMER):
            return {"result": False, "returnCode": "503", "message": "验证签名失败"}
        number = json.loads(form["param"])["num"]
        if number == "none":
            return {"result": False, "returnCode": "500", "message": "查询无结果，请隔段时间再查"}
        return {"message": "ok", "state": "0", "status": "200", "com": "shunfeng", "nu": number, "data": []}
    given = json.loads(form["param"])
    if given["key"] != KEY:
        return {"result": False, "returnCode": "600", "message": "您不是合法的订阅者（即授权Key出错）"}
    again = given["number"] == "again"
    return {"result": not again, "returnCode": "501" if again else "200", "message": "重复订阅" if again else "成功"}


def link_to(there, key=KEY):
    settings = {"address": there.url, "customer": CUSTOMER, "push_address": "https://erp.example.com/hooks/k/pushed"}
    return connection_to(kuaidi, settings, {"key": key, "salt": SALT}, now=NOW)


def test_a_track_is_asked_and_subscribed_once_or_again():
    with partner(answer) as there:
        link = link_to(there)
        assert kuaidi.send(link, outgoing("track", sample(kuaidi, "track.json"))).reply["nu"] == "SF1234567890123"
        kuaidi.send(link, outgoing("subscribe", sample(kuaidi, "subscribe.json")))
        told = json.loads(form_of(there.asked[-1])["param"])["parameters"]
        assert (told["salt"], told["phone"], told["resultv2"]) == (SALT, "0000", "4")
        kuaidi.send(link, outgoing("subscribe", {"company": "shunfeng", "number": "again"}))


def test_refusals_are_said():
    with partner(answer) as there:
        for operation, body in (("track", {"com": "x", "num": "1"}), ("subscribe", {"company": "x", "number": "1"})):
            with pytest.raises(Failed) as fault:
                kuaidi.send(link_to(there, "wrong"), outgoing(operation, body))
            assert fault.value.kind == "not_allowed"
            assert "wrong" not in fault.value.text
        with pytest.raises(Failed, match="查询无结果"):
            kuaidi.send(link_to(there), outgoing("track", {"com": "x", "num": "none"}))


def test_a_push_is_checked_and_answered_in_its_own_words():
    param = json.dumps(sample(kuaidi, "pushed.json"), ensure_ascii=False)
    with partner(answer) as there:
        link = link_to(there)

        def pushed(sign):
            body = urlencode({"sign": sign, "param": param}).encode()
            return kuaidi.receive(link, "pushed", Received("POST", "/hooks/k/pushed", {}, {}, body, NOW))

        [message] = pushed(md5(param + SALT))
        assert (message.key, message.body["lastResult"]["state"]) == ("SF1234567890123", "0")
        assert pushed(md5(param + SALT))[0].id == message.id, "a repeated push is the same message"
        with pytest.raises(Failed) as fault:
            pushed(md5(param + "other"))
        assert fault.value.kind == "forged"
        assert json.loads(kuaidi.answer(link, "pushed", 1, None).body)["returnCode"] == "200"
        assert kuaidi.answer(link, "pushed", 0, fault.value).status == 401


def test_our_own_name_of_a_track_comes_back_and_is_that_of_no_other_waybill():
    with partner(answer) as there:
        link = link_to(there)
        kuaidi.send(link, outgoing("subscribe", sample(kuaidi, "subscribe.json") | {"reference": "SH2603-00001"}))
        given = json.loads(form_of(there.asked[-1])["param"])
    assert "reference" not in given
    address = urlsplit(given["parameters"]["callbackurl"])
    query = dict(parse_qsl(address.query))
    assert (address.path, query["reference"]) == ("/hooks/k/pushed", "SH2603-00001")

    def pushed(query, number="SF1234567890123"):
        body = sample(kuaidi, "pushed.json")
        body["lastResult"]["nu"] = number
        param = json.dumps(body, ensure_ascii=False)
        form = urlencode({"sign": md5(param + SALT), "param": param}).encode()
        return kuaidi.receive(link, "pushed", Received("POST", "/hooks/k/pushed", query, {}, form, NOW))[0]

    told = pushed(query).body
    assert mappings.apply(mappings.frozen({"preset": "kuaidi100.pushes"}), told) == {
        "records_of": "SH2603-00001", "text": "快递100 2026-03-02 18:40:11 揽收 [苏州市]已揽收",
    }  # fmt: skip
    for other, number in ((query | {"reference": "SH2603-00002"}, "SF1234567890123"), (query, "SF9")):
        with pytest.raises(Failed) as fault:
            pushed(other, number)
        assert fault.value.kind == "forged"
    with pytest.raises(Failed, match="records_of"):
        mappings.apply(mappings.frozen({"preset": "kuaidi100.pushes"}), pushed({}).body)
    aborted = told | {"status": "abort", "message": "3天查询无记录", "latest": None}
    assert mappings.apply(mappings.frozen({"preset": "kuaidi100.pushes"}), aborted)["text"] == "快递100 3天查询无记录"
    bare = connection_to(kuaidi, {"address": there.url, "customer": CUSTOMER}, {"key": KEY, "salt": SALT}, now=NOW)
    with pytest.raises(Failed, match="push_address"):
        kuaidi.send(bare, outgoing("subscribe", {"company": "x", "number": "1", "reference": "SH1"}))
