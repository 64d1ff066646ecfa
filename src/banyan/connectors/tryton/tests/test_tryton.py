"""Tryton without Tryton: conversations captured from 8.0.12, call by call as they were."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from banyan.connectors.tryton.connector import Tryton, in_prices
from banyan.connectors.tryton.speaking import decoded, encoded
from banyan.integration import mappings
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import CONNECTORS, sample
from tests.partners.standing import connection_to, outgoing

TALK = json.loads((CONNECTORS / "tryton" / "payloads" / "talk.json").read_text(encoding="utf-8"))
SESSION = "Session " + b64encode(b"banyan:2:the-token").decode()
GOOD = sample(Tryton(), "customer_invoice.json")
OPENING = TALK["an invoice"]["talk"][:2]
LOGIN = OPENING[0]
#: What is sent in each conversation.
STORIES = {
    "a wrong password": ("party", sample(Tryton(), "party.json")),
    "an invoice": ("customer_invoice", GOOD),
    "the same invoice again": ("customer_invoice", GOOD),
    "other amounts": (
        "customer_invoice", GOOD | {"number": "CI-000013", "tax_amount": "47.66", "gross_amount": "414.36"},
    ),
    "a day without a period": ("customer_invoice", GOOD | {"number": "CI-000014", "date": "1999-01-01"}),
    "an entry": ("move", sample(Tryton(), "move.json")),
}  # fmt: skip


def plays(talk, faults):
    """Answer as Tryton did, and note every call that is not the one it had then."""
    left = list(talk)

    def answer(asked):
        said = asked.json
        if not left:
            faults.append(f"one call too many: {said['method']}")
            return 500, {}
        then = left.pop(0)
        if (said["method"], said["params"]) != (then["method"], then["params"]):
            faults.append(f"{said['method']} {said['params']}, then {then['method']} {then['params']}")
        if said["method"] != "common.db.login" and asked.headers.get("authorization") != SESSION:
            faults.append(f"{said['method']} without our session")
        if asked.path != "/tryton/rpc/" or asked.headers.get("accept-encoding", "").find("gzip") < 0:
            faults.append(f"{asked.path} {asked.headers}")
        return then["status"], then["said"]

    return answer, left


def reach(there, password="s3cret", **more):
    settings = {"address": there.url, "user": "banyan", "revenue_account": "4.1.1", "expense_account": "5.1.1",
                "taxes": {"VAT13": "VAT13"}} | more  # fmt: skip
    return connection_to(Tryton(), settings, {"password": password})


def needs_opening(name):
    """Give a conversation with the login before it: in the capture the session was open by then."""
    talk = TALK[name]["talk"]
    return talk if talk[0]["method"] == "common.db.login" else [LOGIN, *talk]


@pytest.mark.parametrize("name", STORIES)
def test_a_captured_conversation_goes_as_it_went(name):
    faults, (operation, body) = [], STORIES[name]
    answer, left = plays(needs_opening(name), faults)
    with partner(answer) as there:
        link = reach(there, "wrong" if name == "a wrong password" else "s3cret")
        comes = TALK[name]["comes"]
        if "kind" in comes:
            with pytest.raises(Failed) as refusal:
                Tryton().send(link, outgoing(operation, body))
            assert {"kind": refusal.value.kind, "code": refusal.value.code, "text": refusal.value.text} == comes
        else:
            assert Tryton().send(link, outgoing(operation, body)).reply == comes
    assert (faults, left) == ([], [])


def test_captured_entries_are_read_with_their_lines_and_balance():
    faults: list[str] = []
    answer, left = plays(needs_opening("entries read"), faults)
    with partner(answer) as there:
        window = {"from": "2026-11-29T10:00:00+00:00", "to": "2026-11-30T10:00:00+00:00", "page": 0, "size": 50}
        page = Tryton().poll(reach(there), "moves", window, 50)
    assert [one.body for one in page.messages] == TALK["entries read"]["comes"]
    assert (faults, left) == ([], [])
    for one in page.messages:
        assert one.id == f"{one.body['id']}@{one.body['changed_at']}"
        assert sum(D(line["debit"]) - D(line["credit"]) for line in one.body["lines"]) == 0


def test_a_session_that_is_over_is_opened_anew_once_and_no_more():
    calls = []

    def answer(asked):
        method = asked.json["method"]
        calls.append(method)
        if method == "common.db.login":
            return {"id": 1, "result": [2, f"token-{calls.count(method)}", None]}
        return (401, b"") if asked.headers["authorization"] == first or over else {"id": 1, "result": [{"id": 7}]}

    first, over = "Session " + b64encode(b"banyan:2:token-1").decode(), False
    with partner(answer) as there:
        assert Tryton().send(reach(there, company=1, makes_parties=False), outgoing("party", {"code": "A"}))
        assert calls == ["common.db.login", "model.party.party.search_read", "common.db.login",
                         "model.party.party.search_read"]  # fmt: skip
        over = True
        with pytest.raises(Failed, match="does not let the user banyan") as fault:
            Tryton().send(reach(there, company=1), outgoing("party", {"code": "A"}))
        assert fault.value.kind == "not_allowed"


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ({"id": 1, "error": ["UserError", ["不允许", "请先开期间", None]]}, "refused", "不允许 请先开期间"),
        ({"id": 1, "error": ["UserWarning", ["w1", "日期在将来", "确认？"]]}, "refused", "日期在将来 确认？"),
        ({"id": 1, "error": ["ConcurrencyException", "被他人修改"]}, "busy", "被他人修改"),
        ({"id": 1, "error": ["database is locked", "Traceback …"]}, "busy", "locked"),
        ({"id": 1, "error": ["'nothing'", "Traceback (most recent call last): secret"]}, "refused", "'nothing'"),
        ({"error": None}, "refused", "None"),
        ([1, 2], "refused", "JSON-RPC"),
        ((429, {}, "Retry-After: 7"), "throttled", ""),
        ((503, {}), "unavailable", ""),
        ({"id": 1, "result": {"__class__": "Strange"}}, "mapping", "Strange"),
    ],
)
def test_faults_are_told_apart_and_tracebacks_stay_out(said, kind, words):
    def answer(asked):
        return LOGIN["said"] if asked.json["method"] == "common.db.login" else said

    with partner(answer) as there, pytest.raises(Failed) as fault:
        Tryton().send(reach(there, company=1), outgoing("party", {"code": "A"}))
    assert fault.value.kind == kind
    assert words in fault.value.text
    assert "Traceback" not in fault.value.text
    assert fault.value.retry_after == (7 if kind == "throttled" else None)


def test_values_travel_as_classes_and_come_back_as_text():
    at = datetime(2026, 3, 2, 8, 0, 1, 20, tzinfo=UTC)
    sent = encoded({"d": D("12.50"), "on": at.date(), "at": at, "rows": [(D("1E+2"), None, True)]})
    assert sent["d"] == {"__class__": "Decimal", "decimal": "12.50"}
    assert sent["on"] == {"__class__": "date", "year": 2026, "month": 3, "day": 2}
    assert sent["rows"] == [[{"__class__": "Decimal", "decimal": "100"}, None, True]]
    assert decoded(sent) == {"d": "12.50", "on": "2026-03-02", "at": "2026-03-02T08:00:01.000020+00:00",
                             "rows": [["100", None, True]]}  # fmt: skip


@pytest.mark.parametrize(
    ("quantity", "price", "net", "gives"),
    [
        ("3", "88.90", "266.70", ("3", "88.90", "甲")),
        ("-3", "88.90", "-266.70", ("-3", "88.90", "甲")),
        ("3000", "33.333333", "100000.00", ("1", "100000.00", "甲 × 3000")),
        ("-7", "33.333333", "-233.33", ("-7", "33.3333", "甲")),
        ("-3000", "33.333333", "-100000.00", ("-1", "100000.00", "甲 × 3000")),
        ("1000", "0.00004", "0.04", ("1", "0.04", "甲 × 1000")),
    ],
)
def test_a_line_comes_to_its_amount_whatever_its_price(quantity, price, net, gives):
    line = {"quantity": quantity, "price": price, "net_amount": net, "text": "甲"}
    made = in_prices(line)
    assert (made[0], made[1], made[2]) == (D(gives[0]), D(gives[1]), gives[2])
    assert (made[0] * made[1]).quantize(D("0.01")) == D(net)


def test_the_events_of_finance_become_invoices_and_what_takes_them_back():
    line = {"order_line": None, "item": "MP-1", "text": "齿轮", "quantity": "-3", "price": "88.9", "tax_code": "VAT13",
            "net_amount": "-266.7", "tax_amount": "-34.67"}  # fmt: skip
    data = {"kind": "invoice", "party": "CU-1", "party_name": "远山机械", "invoiced_on": "2026-03-02", "due_on": None,
            "currency": "CNY", "reference": "R1", "net_amount": "-266.7", "tax_amount": "-34.67",
            "gross_amount": "-301.37", "lines": [line]}  # fmt: skip
    event = {"specversion": "1.0", "id": "e", "type": "x", "subject": "SI1", "data": data}
    made = {name: mappings.apply(mappings.frozen({"preset": f"tryton.{name}"}), event)
            for name in ("invoices", "reversals")}  # fmt: skip
    assert made["invoices"]["number"] == "SI1"
    assert made["reversals"] == made["invoices"] | {"number": "SI1-R"}
    assert made["reversals"]["party"] == {"code": "CU-1", "name": "远山机械"}
    assert made["reversals"]["lines"] == [{name: line[name] for name in line if name != "order_line"}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"code": ""}, "code is missing"),
        (GOOD | {"net_amount": "viel"}, "net_amount is no number"),
        (GOOD | {"net_amount": "NaN"}, "net_amount is no number"),
        (GOOD | {"number": " "}, "number is missing"),
    ],
)
def test_what_is_no_record_of_ours_never_leaves(body, words):
    with partner(lambda asked: None) as there:
        operation = "party" if "code" in body else "customer_invoice"
        with pytest.raises(Failed, match=words) as fault:
            Tryton().send(reach(there, company=1), outgoing(operation, body))
        assert fault.value.kind == "validation"
        assert there.asked == []
