"""U8 against a stand-in that refuses wrong keys, ended tokens, strangers, and documents that are there."""

from __future__ import annotations

import pytest

from banyan.connectors.numbers import with_numbers
from banyan.connectors.yonyou_u8.connector import NUMBERS, YonyouU8
from banyan.integration import mappings
from banyan.integration.conditions import is_true
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, read_all, sample
from tests.partners.standing import connection_to, outgoing

SECRET = "secret-of-app"
ORDERS = {"business_type": "普通销售", "sale_type": "01", "department": "0301"}


class U8:
    """A U8 behind the platform: one document for a biz_id, orders by their number, vouchers by their outside number.

    Takes:  repeats: what a biz_id that was used is answered: what came of it ("again"), or a refusal ("refused");
            lost: how many answers to additions are lost after their effect; slow: how many asks a result takes
    """

    def __init__(self, repeats: str = "again", lost: int = 0, slow: int = 0) -> None:
        self.repeats, self.lost, self.slow = repeats, lost, slow
        self.tokens, self.valid, self.is_away = 0, "", False
        self.orders: dict[str, dict] = {}
        self.vouchers: dict[str, dict] = {}
        self.made: dict[str, dict] = {}
        self.results: dict[str, dict] = {}
        self.customers = [{"code": f"CU-{n}", "name": "远山机械"} for n in range(1, 26)]

    def answer(self, asked):
        if asked.path == "/system/token":
            if (asked.one("from_account"), asked.one("app_key"), asked.one("app_secret")) != ("dev", "opa1", SECRET):
                return {"errcode": "20002", "errmsg": "app_secret 不正确"}
            self.tokens += 1
            self.valid = f"token-{self.tokens}"
            return {"errcode": "0", "errmsg": "成功", "token": {"appKey": "opa1", "expiresIn": 7200, "id": self.valid}}
        if asked.path == "/result":
            self.slow -= 1
            return {"ping_after": 0} if self.slow >= 0 else self.results[asked.one("requestid")]
        if (asked.one("from_account"), asked.one("to_account"), asked.one("app_key")) != ("dev", "factory", "opa1"):
            return {"errcode": "20003", "errmsg": "未授权"}
        if asked.one("token") != self.valid:
            return {"errcode": 30012, "errmsg": f"参数token已过期 {asked.one('token')}"}
        if self.is_away:
            return {"errcode": 20001, "errmsg": "客户端未登录"}
        match asked.method, asked.path:
            case "GET", "/api/customer/batch_get":
                size, page = int(asked.one("rows_per_page")), int(asked.one("page_index"))
                rows = self.customers[(page - 1) * size : page * size]
                return {"errcode": "0", "errmsg": "", "row_count": str(len(self.customers)), "customer": rows}
            case "GET", "/api/saleorder/get":
                found = self.orders.get(asked.one("id"))
                return {"errcode": "0", "saleorder": found} if found else {"errcode": "1", "errmsg": "未找到数据"}
            case "GET", "/api/voucherdetails/batch_get":
                return {"errcode": "0", "voucherdetails": self.rows(asked.one("coutno_id"))}
            case "POST", "/api/saleorder/add" | "/api/voucher/add":
                return self.added(asked)
        return {"errcode": "0", "errmsg": "", "path": asked.path}

    def rows(self, number):
        """Give a voucher's rows as U8 lists them."""
        kept = self.vouchers.get(number) or {"debit": {"entry": []}, "credit": {"entry": []}}
        return [
            {"i_id": n, "ino_id": 1, "code": row["account_code"], "coutno_id": number,
             "md": row.get("natural_debit_currency", 0), "mc": row.get("natural_credit_currency", 0)}
            for n, row in enumerate((*kept["debit"]["entry"], *kept["credit"]["entry"]), start=7)
        ]  # fmt: skip

    def added(self, asked):
        key = asked.one("biz_id")
        if key in self.made and self.repeats == "refused":
            said = {"errcode": "30099", "errmsg": "重复提交"}
        else:
            said = self.made.get(key) or self.add(asked.json)
        if said["errcode"] == "0":
            self.made[key] = said
        if self.lost:
            self.lost -= 1
            return 503, {}
        if asked.one("sync") == "1":
            return said
        self.results[key] = said
        return {"ping_after": 0, "tradeid": key, "url": f"https://api.yonyouup.com:443/result?requestid={key}"}

    def add(self, body):
        if "saleorder" in body:
            order = body["saleorder"]
            if order["custcode"] not in {one["code"] for one in self.customers}:
                return {"errcode": "1", "errmsg": f"客户编码 {order['custcode']} 不存在"}
            if order["code"] in self.orders:
                return {"errcode": "1", "errmsg": f"单据号 {order['code']} 重复"}
            assert {"businesstype", "typecode", "custcode", "deptcode", "entry"} <= set(order), "what must be there"
            assert all({"inventorycode", "quantity", "bgift", "rowno"} <= set(row) for row in order["entry"])
            self.orders[order["code"]] = order
            return {"errcode": "0", "errmsg": "", "id": order["code"], "tradeid": "t"}
        voucher = body["voucher"]
        sums = [
            round(sum(row[f"natural_{side}_currency"] for row in voucher[side]["entry"]), 2)
            for side in ("debit", "credit")
        ]
        if sums[0] != sums[1]:
            return {"errcode": "1", "errmsg": "借贷不平"}
        if voucher["voucher_making_system"] != "CDM" or voucher["reserve2"] in self.vouchers:
            return {"errcode": "1", "errmsg": "外部凭证业务号重复"}
        self.vouchers[voucher["reserve2"]] = voucher
        return {"errcode": "0", "errmsg": "", "id": str(len(self.vouchers)), "tradeid": "t"}


def link_to(there, secret=SECRET, **more):
    settings = {"address": there.url, "from_account": "dev", "to_account": "factory", "app_key": "opa1"} | more
    return connection_to(YonyouU8(), settings, {"app_secret": secret}, now=NOW)


def test_a_token_is_kept_and_taken_anew_once_where_it_has_ended():
    u8, suite = U8(), YonyouU8()
    with partner(u8.answer) as there:
        link = link_to(there, data_source=2)
        for _ in range(3):
            assert suite.send(link, outgoing("call", sample(suite, "call.json"))).reply["errcode"] == "0"
        assert u8.tokens == 1
        assert there.asked[-1].one("ds_sequence") == "2"
        u8.valid = "of-another"
        suite.send(link, outgoing("call", sample(suite, "call.json")))
        assert u8.tokens == 2
    with partner(lambda asked: u8.answer(asked) if "token" in asked.path else {"errcode": 30012}) as there, \
            pytest.raises(Failed) as fault:  # fmt: skip
        YonyouU8().send(link_to(there), outgoing("call", sample(suite, "call.json")))
    assert (fault.value.kind, u8.tokens) == ("not_allowed", 4)


@pytest.mark.parametrize(("secret", "more", "kind", "words"), [
    ("wrong", {}, "not_allowed", "app_secret 不正确"), (SECRET, {"to_account": "stranger"}, "refused", "未授权"),
])  # fmt: skip
def test_a_wrong_key_and_a_stranger_are_refused(secret, more, kind, words):
    with partner(U8().answer) as there, pytest.raises(Failed, match=words) as fault:
        YonyouU8().send(link_to(there, secret, **more), outgoing("sale_order", sample(YonyouU8(), "sale_order.json")))
    assert fault.value.kind == kind
    assert SECRET not in fault.value.text


def test_a_u8_that_is_not_signed_in_is_tried_again():
    u8 = U8()
    u8.is_away = True
    with partner(u8.answer) as there, pytest.raises(Failed, match="客户端未登录") as fault:
        YonyouU8().send(link_to(there), outgoing("voucher", sample(YonyouU8(), "voucher.json")))
    assert fault.value.is_passing


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("repeats", ["again", "refused"])
@pytest.mark.parametrize("operation", ["sale_order", "voucher"])
def test_a_document_is_added_once_wherever_its_answer_was_lost(operation, repeats, waits):
    u8, suite = U8(repeats, lost=1), YonyouU8()
    with partner(u8.answer) as there:
        link, body = link_to(there, waits=waits), sample(suite, f"{operation}.json")
        with pytest.raises(Failed) as fault:
            suite.send(link, outgoing(operation, body))
        assert fault.value.is_passing
        for _ in range(2):
            assert suite.send(link, outgoing(operation, body)).reply["id"]
    kept = u8.orders if operation == "sale_order" else u8.vouchers
    assert list(kept.values()) == [body["saleorder" if operation == "sale_order" else "voucher"]]
    assert {asked.one("biz_id") for asked in there.asked if asked.path.endswith("/add")} == {body["biz_id"]}


def test_what_u8_adds_after_its_answer_is_asked_for_until_it_is_told():
    u8, suite = U8(slow=1), YonyouU8()
    with partner(u8.answer) as there:
        link, body = link_to(there, waits=False), sample(suite, "voucher.json")
        with pytest.raises(Failed) as fault:
            suite.send(link, outgoing("voucher", body))
        assert (fault.value.kind, fault.value.code) == ("busy", "pending")
        assert suite.send(link, outgoing("voucher", body)).reply == {"id": "1", "tradeid": "t"}
    assert all(asked.one("token") is None for asked in there.asked if asked.path == "/result")


@pytest.mark.parametrize("waits", [True, False])
def test_an_unknown_customer_and_a_number_of_another_document_are_refused(waits):
    u8, suite = U8(), YonyouU8()
    with partner(u8.answer) as there:
        link, body = link_to(there, waits=waits), sample(suite, "sale_order.json")
        stranger = body | {"saleorder": body["saleorder"] | {"custcode": "CU-99"}}
        with pytest.raises(Failed, match="CU-99 不存在") as fault:
            suite.send(link, outgoing("sale_order", stranger))
        assert fault.value.kind == "refused"
        u8.orders["SO2603-00012"] = body["saleorder"] | {"custcode": "CU-2"}
        with pytest.raises(Failed, match="SO2603-00012 重复"):
            suite.send(link, outgoing("sale_order", body))
        u8.orders["SO2603-00012"] = body["saleorder"] | {"entry": [{"inventorycode": "FG-1", "sum": "1130.01"}]}
        with pytest.raises(Failed, match="SO2603-00012 重复"):
            suite.send(link, outgoing("sale_order", body))
        voucher = sample(suite, "voucher.json")
        suite.send(link, outgoing("voucher", voucher))
        other = {"entry": [{"account_code": "1122", "natural_debit_currency": 5}]}
        changed = voucher["voucher"] | {"debit": other, "credit": {"entry": [{"natural_credit_currency": 5}]}}
        with pytest.raises(Failed, match="外部凭证业务号重复"):
            suite.send(link, outgoing("voucher", {"biz_id": "another", "voucher": changed}))
    assert len(u8.vouchers) == 1


@pytest.mark.parametrize(("operation", "body"), [
    ("call", {"path": "api/x"}), ("call", {"path": "/api/customer/add", "body": {}}), ("sale_order", {"saleorder": {}}),
    ("voucher", {"biz_id": "k", "saleorder": {}}),
])  # fmt: skip
def test_what_could_be_added_twice_or_is_nothing_is_not_sent(operation, body):
    with partner(U8().answer) as there:
        with pytest.raises(Failed) as fault:
            YonyouU8().send(link_to(there), outgoing(operation, body))
        assert (fault.value.kind, there.asked) == ("validation", [])


def test_an_archive_is_read_whole_and_what_changed_comes_again():
    u8, suite = U8(), YonyouU8()
    with partner(u8.answer) as there:
        link = link_to(there)
        found, position = read_all(suite, link, operation="customers", limit=10)
        assert sorted(one.key for one in found.values()) == sorted(one["code"] for one in u8.customers)
        u8.customers[3] = u8.customers[3] | {"name": "改名"}
        again, _ = read_all(suite, link, operation="customers", position=position, limit=10)
    assert [again[key].body for key in set(again) - set(found)] == [{"code": "CU-4", "name": "改名"}]


def test_an_answer_without_errcode_is_no_success():
    def answer(asked):
        said = {"errcode": "0", "token": {"id": "t", "expiresIn": 7200}}
        return said if "token" in asked.path else {"message": "bad gateway"}

    with partner(answer) as there, pytest.raises(Failed, match="no errcode") as fault:
        YonyouU8().poll(link_to(there), "items", None, 10)
    assert fault.value.kind == "refused"


def test_an_order_and_a_voucher_of_ours_become_documents_in_u8s_words():
    suite = YonyouU8()
    for preset, settings, event, made in (
        ("sale_orders", ORDERS, "order_confirmed.json", "sale_order.json"),
        ("vouchers", {"maker": "demo"}, "voucher_checked.json", "voucher.json"),
    ):
        frozen = mappings.frozen({"preset": f"yonyou_u8.{preset}", "settings": settings})
        assert with_numbers(mappings.apply(frozen, sample(suite, event)), NUMBERS) == sample(suite, made)


@pytest.mark.parametrize(("change", "words"), [
    ({"amount": "8000"}, "foreign currency"), ({"lines": [{"tax_code": "VAT5"}]}, "VAT5"),
    ({"party_code": ""}, "custcode"),
])  # fmt: skip
def test_an_order_that_u8_would_keep_otherwise_is_refused_with_its_place(change, words):
    event = sample(YonyouU8(), "order_confirmed.json")
    lines = [line | change.get("lines", [{}])[0] for line in event["data"]["lines"]]
    event["data"] |= change | {"lines": lines}
    with pytest.raises(Failed, match=words) as fault:
        mappings.apply(mappings.frozen({"preset": "yonyou_u8.sale_orders", "settings": ORDERS}), event)
    assert fault.value.kind == "mapping"


def test_red_amounts_stay_on_their_side_and_a_voucher_that_cancels_out_is_kept_back():
    event = sample(YonyouU8(), "voucher_checked.json")
    lines = event["data"]["lines"]
    event["data"]["lines"] = [line | {"debit": f"-{line['debit']}"} if line["debit"] else line for line in lines[:1]]
    made = mappings.apply(mappings.frozen({"preset": "yonyou_u8.vouchers"}), event)["voucher"]
    assert made["debit"]["entry"][0]["natural_debit_currency"] == "-323.97"
    assert (made["credit"]["entry"], "enter" in made) == ([], False)
    [voucher] = [flow for flow in YonyouU8().presets() if flow.name == "vouchers"]
    assert is_true(voucher.filter, event)
    assert not is_true(voucher.filter, event | {"data": event["data"] | {"lines": []}})
