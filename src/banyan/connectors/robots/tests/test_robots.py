"""Robots against stand-ins that refuse what the programs refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from banyan.connectors.robots.connector import Robots, dingtalk_sign, feishu_sign
from banyan.integration.connecting import Failed, Sent
from tests.integration.partner import NOW, partner
from tests.partners.standing import connection_to, outgoing

PAYLOADS = Path(__file__).parents[1] / "payloads"
TOKEN, SECRET = "t0ken-1", "SEC175ff0376a2551f1e785fab47fe2bb42"


def stand_in(kind, clock=NOW):
    def answer(asked):
        if kind == "wecom":
            good = asked.one("key") == TOKEN
            return {"errcode": 0 if good else 93000, "errmsg": "ok" if good else "invalid webhook url"}
        if kind == "dingtalk":
            moment = asked.one("timestamp") or "0"
            wanted = hmac.new(SECRET.encode(), f"{moment}\n{SECRET}".encode(), hashlib.sha256).digest()
            fresh = abs(int(moment) / 1000 - clock.timestamp()) < 3600
            if asked.one("access_token") != TOKEN:
                return {"errcode": 300001, "errmsg": "token is not exist"}
            if not fresh or base64.b64decode(asked.one("sign") or "") != wanted:
                return {"errcode": 310000, "errmsg": "sign not match"}
            return {"errcode": 0, "errmsg": "ok"}
        if not asked.path.endswith(f"/{TOKEN}"):
            return {"code": 19001, "msg": "param invalid: incoming webhook access token invalid"}
        wanted = hmac.new(f"{asked.json.get('timestamp')}\n{SECRET}".encode(), b"", hashlib.sha256).digest()
        if base64.b64decode(asked.json.get("sign", "")) != wanted:
            return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
        return {"code": 0, "msg": "success", "data": {}}

    return answer


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_what_is_sent_is_what_the_documents_show(kind):
    shown = json.loads((PAYLOADS / f"{kind}.json").read_text(encoding="utf-8"))
    with partner(stand_in(kind)) as there:
        link = connection_to(Robots(), {"kind": kind, "address": there.url}, {"token": TOKEN, "signing_secret": SECRET},
                             now=NOW)  # fmt: skip
        for one in shown:
            Robots().send(link, outgoing("tell", one["told"]))
    signed = {"timestamp", "sign"} if kind == "feishu" else set()
    assert [{name: part for name, part in asked.json.items() if name not in signed} for asked in there.asked] == [
        one["sent"] for one in shown]  # fmt: skip


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_people_are_told_and_a_wrong_key_is_not_allowed(kind):
    with partner(stand_in(kind)) as there:
        robots, settings = Robots(), {"kind": kind, "address": f"{there.url}/hook"}
        link = connection_to(robots, settings, {"token": TOKEN, "signing_secret": SECRET}, now=NOW)
        for body in ({"text": "缺料 WO-17"}, {"title": "缺料", "text": "WO-17", "mentions": ["13800000000"]}):
            assert robots.send(link, outgoing("tell", body)) == Sent(None, "0")
        assert "WO-17" in there.asked[0].body.decode()
        secrets = {"token": "wrong" if kind == "wecom" else TOKEN, "signing_secret": "wrong"}
        with pytest.raises(Failed) as fault:
            robots.send(connection_to(robots, settings, secrets, now=NOW), outgoing("tell", {"text": "x"}))
        assert fault.value.kind == "not_allowed"


def test_an_old_signature_is_refused_and_too_often_is_tried_again():
    robots = Robots()
    with partner(stand_in("dingtalk")) as there:
        settings = {"kind": "dingtalk", "address": there.url}
        old = connection_to(robots, settings, {"token": TOKEN, "signing_secret": SECRET}, now=NOW.replace(hour=1))
        with pytest.raises(Failed) as fault:
            robots.send(old, outgoing("tell", {"text": "x"}))
        assert (fault.value.kind, fault.value.code) == ("not_allowed", "310000")
    with partner(lambda asked: {"errcode": 45009, "errmsg": "api freq out of limit"}) as there:
        link = connection_to(robots, {"kind": "wecom", "address": there.url}, {"token": TOKEN})
        with pytest.raises(Failed) as fault:
            robots.send(link, outgoing("tell", {"text": "x"}))
        assert fault.value.is_passing
        assert TOKEN not in fault.value.text


def test_a_long_text_is_cut_between_characters():
    with partner(stand_in("wecom")) as there:
        link = connection_to(Robots(), {"kind": "wecom", "address": there.url}, {"token": TOKEN})
        Robots().send(link, outgoing("tell", {"text": "料" * 2000}))
        content = there.asked[0].json["text"]["content"]
    assert content.endswith("…")
    assert 2040 < len(content.encode()) <= 2048


def test_signatures_are_those_of_the_documents_procedure():
    # Feishu's and DingTalk's documents differ in what is the key; mixing them up is the usual fault.
    assert dingtalk_sign("1", "s") == base64.b64encode(hmac.new(b"s", b"1\ns", "sha256").digest()).decode()
    # Computed by others: tests of two public clients of Feishu's robot have this value.
    assert feishu_sign("1599360473", "test-secret") == "wSds2BzzFIIGf/WrhUO+NI1q/9j+FRJd3JNHKAq0NZY="
    assert feishu_sign("1", "s") == base64.b64encode(hmac.new(b"1\ns", b"", "sha256").digest()).decode()
