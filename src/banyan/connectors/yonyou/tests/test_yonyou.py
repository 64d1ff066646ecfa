"""Yonyou against a stand-in that gives tokens for right signatures and lets them end."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest

from banyan.connectors.numbers import with_numbers
from banyan.connectors.yonyou.connector import NUMBERS, Yonyou
from banyan.integration import mappings
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, read_all, sample
from tests.partners.standing import connection_to, outgoing

TOKENS = "/iuap-api-auth/open-auth/selfAppAuth/base/v1/getAccessToken"
KEY, SECRET = "fbb5f5b6-21fb-4156-8b73-3ec3ac389ab7", "secret-of-app"


def stand_in():
    state = {"given": 0, "valid": ""}

    def answer(asked):
        if asked.path == TOKENS:
            text = f"appKey{asked.one('appKey')}timestamp{asked.one('timestamp')}"
            wanted = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
            if asked.one("signature") != wanted:
                return {"code": "50000", "message": "签名不正确"}
            state["given"] += 1
            assert asked.headers["content-type"] == "application/json"
            state["valid"] = f"to/ken+{state['given']}=="
            return {"code": "00000", "message": "成功！", "data": {"access_token": state["valid"], "expire": 7200}}
        if asked.one("access_token") != state["valid"]:
            return {"code": "310036", "message": "非法token"}
        if asked.path == "/yonbip/sd/voucherorder/singleSave":
            if not asked.json.get("data"):
                return {"code": "999", "message": "data不能为空"}
            return {"code": "200", "message": "操作成功", "data": {"id": 1, "code": "UO-1"}}
        return {"code": "200", "data": {"recordCount": 0}}

    return answer, state


def link_to(there, secret=SECRET):
    settings = {"token_address": f"{there.url}{TOKENS}", "address": there.url, "app_key": KEY}
    return connection_to(Yonyou(), settings, {"app_secret": secret}, now=NOW)


def test_a_token_is_kept_while_it_is_good_and_taken_anew_once_where_it_is_not():
    yonyou = Yonyou()
    answer, state = stand_in()
    with partner(answer) as there:
        link = link_to(there)
        order = {"data": {"code": "SO-1"}}
        for _ in range(3):
            assert yonyou.send(link, outgoing("sale_order_save", order)).reply["code"] == "UO-1"
        assert state["given"] == 1
        state["valid"] = "ended"
        assert yonyou.send(link, outgoing("sale_order_save", order)).reply["code"] == "UO-1"
        assert state["given"] == 2
        assert yonyou.send(link, outgoing("call", sample(yonyou, "call.json"))).reply == {"recordCount": 0}


def test_orders_are_listed_by_whole_days_of_china_from_the_last_page_to_the_first():
    answer, _ = stand_in()
    rows = [{"id": n, "code": f"SO-{n}", "vouchdate": "2026-03-05 00:00:00", "pubts": "1"} for n in range(5)]
    seen = []

    def listing(asked):
        if "open-auth" in asked.path:
            return answer(asked)
        seen.append(asked.json)
        first = (seen[-1]["pageIndex"] - 1) * seen[-1]["pageSize"]
        return {"code": "200", "data": {"recordCount": 5, "recordList": rows[first : first + seen[-1]["pageSize"]]}}

    with partner(listing) as there:
        yonyou, link = Yonyou(), link_to(there)
        position = yonyou.position_at(link, "sale_orders", NOW - timedelta(hours=20))
        found, _ = read_all(yonyou, link, operation="sale_orders", position=position, limit=2)
        assert yonyou.health(link).is_well
        assert not yonyou.health(link_to(there, "wrong")).is_well
    assert sorted(one.body["code"] for one in found.values()) == [row["code"] for row in rows]
    assert {one.body["ordered_at"] for one in found.values()} == {"2026-03-05T00:00:00+08:00"}
    assert {(one["open_vouchdate_begin"], one["open_vouchdate_end"]) for one in seen} == {
        ("2026-03-04 00:00:00", "2026-03-05 23:59:59")}  # fmt: skip
    assert [one["pageIndex"] for one in seen] == [1, 3, 2, 1]


def test_refusals_are_said():
    answer, _ = stand_in()
    with partner(answer) as there:
        with pytest.raises(Failed, match="签名不正确") as fault:
            Yonyou().send(link_to(there, "wrong"), outgoing("sale_order_save", {}))
        assert fault.value.kind == "not_allowed"
        with pytest.raises(Failed, match="data不能为空") as fault:
            Yonyou().send(link_to(there), outgoing("sale_order_save", {}))
        assert fault.value.kind == "refused"
        with pytest.raises(Failed) as fault:
            Yonyou().send(link_to(there), outgoing("call", {"path": "//evil.example.com/x"[1:].removeprefix("/")}))
        assert fault.value.kind == "validation"


@pytest.mark.parametrize(("code", "message", "kind"), [
    ("310046", "API被限流", "throttled"), ("503", "服务不可用", "unavailable"), ("999", "查询失败", "refused"),
    ("310036", "非法token", "not_allowed"), ("310036", "验证失败", "not_allowed"),
    ("310037", "API未被授权", "not_allowed"), ("310032", "触发了系统级限流", "throttled"),
    ("202", "后端服务正在处理中", "unavailable"), ("310504", "请求超时", "unavailable"),
    ("10004", "重复提交请求", "refused"),
])  # fmt: skip
def test_each_code_means_what_is_known_of_it(code, message, kind):
    answer, _ = stand_in()

    def refuse(asked):
        return answer(asked) if "open-auth" in asked.path else {"code": code, "message": message}

    with partner(refuse) as there, pytest.raises(Failed, match=message) as fault:
        Yonyou().send(link_to(there), outgoing("sale_order_list", {}))
    assert (fault.value.kind, fault.value.code) == (kind, code)


@pytest.mark.parametrize("code", ["10004", "100004"])
def test_what_was_saved_before_by_the_same_key_is_what_was_wanted(code):
    answer, _ = stand_in()

    def repeat(asked):
        return answer(asked) if "open-auth" in asked.path else {"code": code, "message": "重复提交", "data": {"id": 7}}

    body = {"data": {"resubmitCheckKey": "k", "code": "SO-1"}}
    with partner(repeat) as there:
        assert Yonyou().send(link_to(there), outgoing("sale_order_save", body)).reply == {"id": 7}


VOUCHERS = {"book": "BOOK01", "voucher_type": "01", "maker_mobile": "13800000000", "customer_field": "0005"}


def test_a_voucher_of_ours_is_saved_in_the_documents_words_and_once():
    yonyou = Yonyou()
    body = mappings.apply(
        mappings.frozen({"preset": "yonyou.vouchers", "settings": VOUCHERS}), sample(yonyou, "voucher_checked.json")
    )
    assert with_numbers(body, NUMBERS) == sample(yonyou, "voucher.json")
    answer, _ = stand_in()
    kept: dict[str, dict] = {}

    def book(asked):
        if "open-auth" in asked.path:
            return answer(asked)
        assert asked.path == "/yonbip/fi/ficloud/openapi/voucher/addVoucher"
        voucher = asked.json
        missing = {"accbookCode", "voucherTypeCode", "bodies"} - set(voucher)
        if missing or not (voucher.get("makerMobile") or voucher.get("makerEmail")):
            return {"code": "404", "message": f"凭证保存不成功,{sorted(missing) or '制单人'}不能为空！", "data": {}}
        sums = [sum(line.get(f"{side}Org", 0) for line in voucher["bodies"]) for side in ("debit", "credit")]
        if round(sums[0], 2) != round(sums[1], 2):
            return {"code": "404", "message": "凭证保存不成功,借贷不平", "data": {}}
        again = kept.setdefault(voucher["businessId"], voucher) is not voucher
        return {"code": "10004" if again else "200", "message": "OK", "data": {"voucherId": "2A45", "billCode": 14}}

    with partner(book) as there:
        link = link_to(there)
        for _ in range(2):
            assert yonyou.send(link, outgoing("voucher_save", body)).reply["voucherId"] == "2A45"
        booked = {name: value for name, value in body.items() if name != "accbookCode"}
        for broken in (booked, body | {"makerMobile": ""}, body | {"bodies": body["bodies"][:1]}):
            with pytest.raises(Failed, match="凭证保存不成功") as fault:
                yonyou.send(link, outgoing("voucher_save", broken))
            assert (fault.value.kind, fault.value.code) == ("refused", "404")
    assert list(kept.values()) == [sample(yonyou, "voucher.json")]


def test_a_voucher_names_a_dimension_only_where_its_field_is_told():
    event = sample(Yonyou(), "voucher_checked.json")
    event["data"]["lines"][1] |= {"employee": "E-1", "debit": "-5", "credit": None}
    settings = VOUCHERS | {"customer_field": "", "employee_field": "0003"}
    made = mappings.apply(mappings.frozen({"preset": "yonyou.vouchers", "settings": settings}), event)
    assert [line.get("clientAuxiliaryList") for line in made["bodies"]] == [
        None, [{"filedCode": "0003", "valueCode": "E-1"}], None,
    ]  # fmt: skip
    assert (made["bodies"][1]["debitOrg"], "creditOrg" in made["bodies"][1]) == ("-5", False)
