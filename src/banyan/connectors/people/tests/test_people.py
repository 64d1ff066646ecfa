"""Messages to single persons against stand-ins that refuse what the programs refuse, and their documents' examples."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from pydantic import ValidationError

from banyan.connectors.people.connector import People
from banyan.integration.connecting import Failed, Sent
from tests.integration.partner import NOW, partner
from tests.partners.standing import connection_to, outgoing

PAYLOADS = {
    file.stem: json.loads(file.read_text(encoding="utf-8"))
    for file in (Path(__file__).parents[1] / "payloads").glob("*.json")
}
KINDS = sorted(PAYLOADS)
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
SECRET = "app-s3cret"
#: Who is known there; nobody else is.
KNOWN = {"zhangsan", "ou_7d8a6e6df7621556ce0d21922b676706ccs"}
TEXT = "告警：看住死信"


class Office:
    """What stands for a program: it gives tokens for the right secret, each good for so many calls."""

    def __init__(self, kind, good_for=100):
        self.kind, self.good_for, self.left, self.given, self.told = kind, good_for, 0, 0, []

    def __call__(self, asked):
        said = PAYLOADS[self.kind]
        if "oken" in asked.path:
            return self._token(asked, said)
        token = f"{said['token'].get('access_token') or said['token']['tenant_access_token']}-{self.given}"
        shown = asked.headers.get("authorization", "").removeprefix("Bearer ") or asked.one("access_token")
        if shown != token or not self.left:
            return (400 if self.kind == "feishu" else 200), said["refusal"]
        self.left -= 1
        return getattr(self, self.kind)(asked, said["answer"])

    def _token(self, asked, said):
        name, secret = {"wecom": ("corpid", "corpsecret"), "dingtalk": ("appkey", "appsecret"),
                        "feishu": ("app_id", "app_secret")}[self.kind]  # fmt: skip
        shown = asked.json if asked.method == "POST" else {name: asked.one(name), secret: asked.one(secret)}
        if shown != {name: "app-1", secret: SECRET}:
            code = {"wecom": 40001, "dingtalk": 40089, "feishu": 10014}[self.kind]
            return {"errcode": code, "errmsg": "wrong"} if self.kind != "feishu" else {"code": code, "msg": "wrong"}
        self.given, self.left = self.given + 1, self.good_for
        word = "tenant_access_token" if self.kind == "feishu" else "access_token"
        return said["token"] | {word: f"{said['token'][word]}-{self.given}"}

    def wecom(self, asked, answer):
        assert (asked.method, asked.path) == ("POST", "/cgi-bin/message/send")
        to = asked.json["touser"].split("|")
        lost = [one for one in to if one not in KNOWN]
        if len(lost) == len(to):
            return {"errcode": 81013, "errmsg": "user & party & tag all invalid"}
        self.told.append((tuple(one for one in to if one in KNOWN), asked.json))
        return answer | {"invaliduser": "|".join(lost)}

    def dingtalk(self, asked, answer):
        assert (asked.method, asked.path) == ("POST", "/topapi/message/corpconversation/asyncsend_v2")
        self.told.append((tuple(asked.json["userid_list"].split(",")), asked.json))
        return answer

    def feishu(self, asked, answer):
        assert (asked.method, asked.path) == ("POST", "/open-apis/im/v1/messages")
        assert asked.one("receive_id_type") == "open_id"
        if asked.json["receive_id"] not in KNOWN:
            return 400, {"code": 230013, "msg": "Bot has NO availability to this user."}
        self.told.append(((asked.json["receive_id"],), asked.json))
        return answer


def link(kind, there, secret=SECRET, now=NOW):
    agent = {} if kind == "feishu" else {"agent": str(PAYLOADS[kind]["sent"].get("agentid") or "153858650")}
    settings = {"kind": kind, "app_key": "app-1", "address": there.url, **agent}
    return connection_to(People(), settings, {"app_secret": secret}, now=now)


def account(kind):
    return "ou_7d8a6e6df7621556ce0d21922b676706ccs" if kind == "feishu" else "zhangsan"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_is_what_the_document_shows(kind):
    office, people = Office(kind), People()
    with partner(office) as there:
        body = {"to": [account(kind)], "text": TEXT}
        assert people.send(link(kind, there), outgoing("tell", body, id=ID)) == Sent(None, "0")
        people.send(link(kind, there), outgoing("tell", body | {"title": "死信"}, id=ID))
    shown = PAYLOADS[kind]["sent"]
    (_, plain), (_, titled) = office.told
    changed = {"wecom": {"touser": "zhangsan"}, "dingtalk": {"userid_list": "zhangsan"},
               "feishu": {"uuid": str(uuid5(ID, account(kind)))}}[kind]  # fmt: skip
    assert plain == shown | changed
    assert "死信" in json.dumps(titled, ensure_ascii=False)
    assert office.given == 1, "a token is kept while it is good"


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_is_over_is_asked_for_anew_once_and_each_is_told_once(kind):
    office, people = Office(kind, good_for=2), People()
    with partner(office) as there:
        for n in range(5):
            people.send(link(kind, there), outgoing("tell", {"to": [account(kind)], "text": f"{n}"}))
        assert (office.given, len(office.told)) == (3, 5)
        later = link(kind, there, now=NOW + timedelta(hours=2))
        people.send(later, outgoing("tell", {"to": [account(kind)], "text": "x"}))
        assert office.given == 4, "by its own time"
        office.good_for = office.left = 0
        with pytest.raises(Failed) as fault:
            people.send(link(kind, there), outgoing("tell", {"to": [account(kind)], "text": "x"}))
    assert (fault.value.kind, office.given) == ("not_allowed", 5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_secret_and_an_unknown_person_are_said_without_the_secret(kind):
    office, people = Office(kind), People()
    with partner(office) as there:
        assert people.health(link(kind, there)).is_well
        wrong = link(kind, there, secret="n0t-it")
        assert not people.health(wrong).is_well
        with pytest.raises(Failed) as fault:
            people.send(wrong, outgoing("tell", {"to": [account(kind)], "text": "x"}))
        assert (fault.value.kind, "n0t-it" in fault.value.text) == ("not_allowed", False)
        if kind != "dingtalk":  # it says nothing of whom it does not know
            with pytest.raises(Failed) as fault:
                people.send(link(kind, there), outgoing("tell", {"to": ["nobody"], "text": "x"}))
            assert fault.value.kind == "not_allowed"
    assert office.told == []


def test_whom_wecom_does_not_know_is_named_and_the_others_are_told():
    office = Office("wecom")
    with partner(office) as there, pytest.raises(Failed) as fault:
        People().send(link("wecom", there), outgoing("tell", {"to": ["zhangsan", "lisi"], "text": "x"}))
    assert (fault.value.kind, "lisi" in fault.value.text) == ("refused", True)
    assert [to for to, _ in office.told] == [("zhangsan",)]


@pytest.mark.parametrize(
    "body", [{}, {"text": "x"}, {"to": [], "text": "x"}, {"to": ["a"], "text": " "}, {"to": ["@all"], "text": "x"},
             {"to": ["a|b"], "text": "x"}, {"to": "zhangsan", "text": "x"}],
)  # fmt: skip
def test_what_names_nobody_everybody_or_says_nothing_is_refused_before_it_is_sent(body):
    with partner(Office("wecom")) as there:
        with pytest.raises(Failed) as fault:
            People().send(link("wecom", there), outgoing("tell", body))
        assert there.asked == []
    assert fault.value.kind == "validation"


@pytest.mark.parametrize(("status", "said", "kind"), [
    (200, {"errcode": 45009, "errmsg": "api freq out of limit"}, "throttled"),
    (200, {"errcode": -1, "errmsg": "system busy"}, "unavailable"), (502, b"<html>", "unavailable"),
    (200, b"{}", "refused"),
])  # fmt: skip
def test_faults_that_pass_are_told_from_those_that_stay(status, said, kind):
    def answer(asked):
        return PAYLOADS["wecom"]["token"] if "gettoken" in asked.path else (status, said)

    with partner(answer) as there, pytest.raises(Failed) as fault:
        People().send(link("wecom", there), outgoing("tell", {"to": ["zhangsan"], "text": "料" * 2000}))
    assert fault.value.kind == kind
    content = there.asked[-1].json["text"]["content"]
    assert content.endswith("…")
    assert len(content.encode()) <= 2048


def test_an_application_without_its_agent_is_refused():
    with pytest.raises(ValidationError, match="agent"):
        People.settings(kind="wecom", app_key="x")
