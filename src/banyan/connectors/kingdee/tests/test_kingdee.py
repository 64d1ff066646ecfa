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

from banyan.connectors.kingdee.connector import NUMBERS, Kingdee, unhidden
from banyan.connectors.numbers import with_numbers
from banyan.integration import mappings
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


ORGANIZATION = {"settings": {"organization": "100"}}
LINE = {"item": "A", "quantity": "1", "net_amount": "1", "tax_amount": "0", "tax_code": "VAT13"}


def test_an_invoice_of_ours_becomes_a_receivable_or_payable_of_the_documents_words():
    event = sample(kingdee, "customer_invoiced.json")
    made = mappings.apply(mappings.frozen({"preset": "kingdee.receivables"} | ORGANIZATION), event)
    assert with_numbers(made, NUMBERS) == sample(kingdee, "receivable.json")
    event |= {"subject": "SI2603-00007", "data": event["data"] | {"party": "SU-1"}}
    made = mappings.apply(mappings.frozen({"preset": "kingdee.payables"} | ORGANIZATION), event)
    assert with_numbers(made, NUMBERS) == sample(kingdee, "payable.json")


@pytest.mark.parametrize(("change", "words"), [
    ({"kind": "proforma"}, "proforma"), ({"currency": "USD"}, "USD"),
    ({"lines": [LINE | {"item": ""}]}, "FMATERIALID"), ({"lines": [LINE | {"tax_code": "OWN"}]}, "OWN"),
])  # fmt: skip
def test_what_kingdee_would_book_otherwise_is_refused_with_its_place(change, words):
    event = sample(kingdee, "customer_invoiced.json")
    event["data"] |= change
    with pytest.raises(Failed, match=words) as fault:
        mappings.apply(mappings.frozen({"preset": "kingdee.receivables"} | ORGANIZATION), event)
    assert fault.value.kind == "mapping"


def red(event):
    """Give what is told of the credit note to an invoice: quantities and amounts are negative, prices are not."""
    data = event["data"]
    lines = [
        line | {name: f"-{line[name]}" for name in ("quantity", "net_amount", "tax_amount")} for line in data["lines"]
    ]
    sums = {name: f"-{data[name]}" for name in ("net_amount", "tax_amount", "gross_amount")}
    return event | {"subject": "CI2603-00013", "data": data | sums | {"kind": "credit", "lines": lines}}


@pytest.mark.parametrize(("preset", "kind"), [("receivables", "YSD01_SYS"), ("payables", "YFD01_SYS")])
def test_a_credit_note_is_a_bill_of_the_same_type_with_negative_quantities_and_prices_that_are_not(preset, kind):
    event = red(sample(kingdee, "customer_invoiced.json"))
    made = mappings.apply(mappings.frozen({"preset": f"kingdee.{preset}"} | ORGANIZATION), event)
    made = with_numbers(made, NUMBERS)
    lines = made["Model"]["FEntityDetail"]
    assert (made["gross_amount"], made["Model"]["FBillTypeID"]) == ("-414.37", {"FNUMBER": kind})
    assert [(one["FPriceQty"], one["FTaxPrice"], one["FALLAMOUNTFOR_D"]) for one in lines] == [
        (-3, 100.456667, -301.37), (-3, 37.666667, -113),
    ]  # fmt: skip
    bills: dict = {}
    with partner(ledger(bills, lost=("Save", "Audit", "UnAudit"))) as there:
        link, target = link_to(there), preset.removesuffix("s")
        back = {"FBillNo": "CI2603-00013", "gross_amount": "414.37"}
        for operation, body in ((target, made), (f"{target}_back", back)):
            for _ in range(2 if operation == target else 1):
                with pytest.raises(Failed) as fault:
                    kingdee.send(link, outgoing(operation, body))
                assert fault.value.is_passing
            kingdee.send(link, outgoing(operation, body))
            if operation == target:
                [kept] = bills.values()
                assert kept == {"CI2603-00013": ["C", -414.37]}
    assert list(bills.values()) == [{}]


def ledger(bills, calls=None, lost=()):
    """Answer as K3 Cloud keeps bills by number: {form: {number: [status, amount]}}; some answers are lost."""
    left = list(lost)

    def answer(asked):
        name = asked.path.rpartition("DynamicFormService.")[2].removesuffix(".common.kdsvc")
        body, good = asked.json, {"Result": {"ResponseStatus": {"IsSuccess": True, "Errors": []}}}
        form = body.get("formid") or body["data"]["FormId"]
        kept = bills.setdefault(form, {})
        if calls is not None:
            calls.append(name)
        if name == "ExecuteBillQuery":
            number = body["data"]["FilterString"].split("'")[1]
            return [[100 + len(kept), number, *kept[number]]] if number in kept else []
        if name == "Save":
            model = body["data"]["Model"]
            if model["FBillNo"] in kept:
                errors = [{"FieldName": "FBillNo", "Message": "单据编号已存在"}]
                return {"Result": {"ResponseStatus": {"IsSuccess": False, "Errors": errors, "MsgCode": 11}}}
            amount = sum(round(line["FPriceQty"] * line["FTaxPrice"], 2) for line in model["FEntityDetail"])
            kept[model["FBillNo"]] = ["A", round(amount, 2)]
        for number in body["data"].get("Numbers", ()):
            if name == "Delete" and kept[number][0] == "C":
                errors = [{"FieldName": "", "Message": "已审核的单据不能删除"}]
                return {"Result": {"ResponseStatus": {"IsSuccess": False, "Errors": errors, "MsgCode": 11}}}
            if name == "Delete":
                del kept[number]
            else:
                kept[number][0] = {"Submit": "B", "Audit": "C", "UnAudit": "D"}[name]
        return (503, {}) if name in left and not left.remove(name) else good

    return answer


def test_a_bill_is_booked_once_wherever_its_answer_was_lost():
    for lost in ((), ("Save",), ("Submit",), ("Audit",), ("Save", "Submit", "Audit")):
        bills: dict = {}
        with partner(ledger(bills, lost=lost)) as there:
            link, body = link_to(there), sample(kingdee, "receivable.json")
            for _ in lost:
                with pytest.raises(Failed) as fault:
                    kingdee.send(link, outgoing("receivable", body))
                assert fault.value.is_passing
            reply = kingdee.send(link, outgoing("receivable", body)).reply
            assert kingdee.send(link, outgoing("receivable", body)).reply == reply
        assert reply == {"id": 101, "number": "CI2603-00012", "status": "C"}
        assert bills == {"AR_receivable": {"CI2603-00012": ["C", 414.37]}}, lost


def test_a_bill_that_comes_to_another_amount_is_taken_back_unless_it_is_audited():
    bills, calls = {"AP_Payable": {}}, []
    with partner(ledger(bills, calls)) as there:
        link, body = link_to(there), sample(kingdee, "payable.json")
        with pytest.raises(Failed, match=r"comes to 414\.37 there, to 414\.38 here") as fault:
            kingdee.send(link, outgoing("payable", body | {"gross_amount": "414.38"}))
        assert (fault.value.kind, fault.value.code) == ("refused", "amount")
        assert bills == {"AP_Payable": {}}
        assert calls == ["ExecuteBillQuery", "Save", "ExecuteBillQuery", "Delete"]
        kingdee.send(link, outgoing("payable", body))
        with pytest.raises(Failed, match="414"):
            kingdee.send(link, outgoing("payable", body | {"gross_amount": "1"}))
        assert bills["AP_Payable"]["SI2603-00007"] == ["C", 414.37]
        for broken in ({"Model": {"FBillNo": "x' or '1"}}, {"Model": body["Model"], "gross_amount": "viel"}, {}):
            with pytest.raises(Failed) as fault:
                kingdee.send(link, outgoing("payable", broken))
            assert fault.value.kind == "validation"


def test_a_reversed_invoice_takes_its_bill_back_once_and_only_by_its_amount():
    bills, calls = {}, []
    event = sample(kingdee, "customer_invoiced.json")
    event["data"] |= {"gross_amount": "-414.37"}
    back = mappings.apply(mappings.frozen({"preset": "kingdee.reversals"}), event)
    assert back == sample(kingdee, "back.json")
    with partner(ledger(bills, calls, lost=("UnAudit", "Delete"))) as there:
        link = link_to(there)
        kingdee.send(link, outgoing("receivable", sample(kingdee, "receivable.json")))
        with pytest.raises(Failed, match=r"comes to 414\.37 there, 1 is reversed"):
            kingdee.send(link, outgoing("receivable_back", back | {"gross_amount": "-1.00"}))
        assert bills["AR_receivable"]["CI2603-00012"][0] == "C"
        for _ in range(2):
            with pytest.raises(Failed) as fault:
                kingdee.send(link, outgoing("receivable_back", back))
            assert fault.value.is_passing
        for _ in range(2):
            reply = kingdee.send(link, outgoing("receivable_back", back)).reply
            assert reply == {"number": "CI2603-00012", "status": ""}
    assert bills == {"AR_receivable": {}}
    assert [name for name in calls if name != "ExecuteBillQuery"][-2:] == ["UnAudit", "Delete"]


def test_bills_are_listed_by_the_form_and_fields_of_their_kind():
    asked = []

    def answer(call):
        asked.append(call.json["data"])
        return [["CI2603-00012", "2026-03-02T00:00:00", 414.37, "C", "2026-03-05T16:29:00.123"]]

    with partner(answer) as there:
        [bill] = kingdee.poll(link_to(there), "receivables", None, 10).messages
        kingdee.poll(link_to(there), "payables", None, 10)
    assert (bill.key, bill.body["FALLAMOUNTFOR"]) == ("CI2603-00012", 414.37)
    assert [one["FormId"] for one in asked] == ["AR_receivable", "AP_Payable"]
