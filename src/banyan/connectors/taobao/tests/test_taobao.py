"""Taobao: the documents' signature, and a stand-in that refuses what TOP refuses."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta

import pytest

from banyan.connectors.taobao.connector import TRADE_FIELDS, Taobao, sign
from banyan.connectors.taobao.tests.shop import CHINA, KEY, SECRET, SESSION, TaobaoShop, moment
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, form_of, is_refused, opened, polls_lose_nothing, sample, ships
from tests.partners.standing import connection_to, outgoing

taobao = Taobao()


def test_the_documents_example_is_signed_byte_for_byte():
    given = {
        "method": "taobao.item.seller.get", "app_key": "12345678", "session": "test", "format": "json", "v": "2.0",
        "timestamp": "2016-01-01 12:00:00", "sign_method": "md5", "fields": "num_iid,title,nick,price,num",
        "num_iid": "11223344",
    }  # fmt: skip
    assert sign(given, "helloworld", "md5") == "66987CB115214E59E6EC978214934FB8"
    # RFC 2202, case 1 of HMAC-MD5: name and value run together make its text.
    assert sign({"Hi": " There"}, "\x0b" * 16, "hmac") == "9294727A3638BB1C13F48EF8158BFC9D"


def stand_in(orders, now=NOW):
    def error(code, text, sub=""):
        return {"error_response": {"code": code, "msg": text, "sub_code": sub, "request_id": "1"}}

    def answer(asked):
        form = form_of(asked)
        given = form.pop("sign", "")
        text = "".join(f"{name}{form[name]}" for name in sorted(form))
        digest = {"hmac": "md5", "hmac-sha256": "sha256"}.get(form["sign_method"])
        if digest:
            wanted = hmac.new(SECRET.encode(), text.encode(), digest).hexdigest().upper()
        else:
            wanted = hashlib.md5(f"{SECRET}{text}{SECRET}".encode()).hexdigest().upper()
        if given != wanted:
            return error(25, "Invalid signature")
        if abs(moment(form["timestamp"]) - now) > timedelta(minutes=10):
            return error(31, "Invalid timestamp")
        if form.get("session") != SESSION:
            return error(27, "Invalid session")
        if form["method"] == "taobao.trades.sold.increment.get":
            begin, end = moment(form["start_modified"]), moment(form["end_modified"])
            if end - begin > timedelta(days=1):
                return error(41, "Invalid Arguments", "isv.invalid-parameter")
            found, size = orders.within(begin, end), int(form["page_size"])
            page = found[(int(form["page_no"]) - 1) * size :][:size]
            trades = [
                {**sample(taobao, "trade.json"), "tid": str(n), "modified": f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"}
                for n, at in page
            ]
            body = {"total_results": len(found), **({"trades": {"trade": trades}} if trades else {})}
            return {"trades_sold_increment_get_response": body}
        if form["method"] == "taobao.logistics.offline.send":
            if form["tid"] == "0":
                return error(15, "Remote service error", "isv.logistics-offline-service-error:B04")
            if form["tid"] == "1":
                return error(15, "Remote service error", "isp.remote-connection-error")
            return {"logistics_offline_send_response": {"shipping": {"is_success": True}}}
        return error(22, "Invalid method")

    return answer


def link_to(there, secret=SECRET, session=SESSION, **settings):
    secrets = {"app_secret": secret, "session": session}
    return connection_to(taobao, {"address": f"{there.url}/router/rest", "app_key": KEY, **settings}, secrets, now=NOW)


@pytest.mark.parametrize("method", ["hmac-sha256", "hmac", "md5"])
def test_orders_are_read_and_none_is_lost_while_others_change(method):
    orders = Orders(120)
    with partner(stand_in(orders)) as there:
        polls_lose_nothing(taobao, link_to(there, sign_method=method), orders)


def test_what_the_router_refuses_is_said():
    with partner(stand_in(Orders(1))) as there:
        assert is_refused(taobao, link_to(there, secret="wrong"), "not_allowed").code == "25"
        assert is_refused(taobao, link_to(there, session="old"), "not_allowed").code == "27"
        late = replace(link_to(there), now=NOW - timedelta(hours=1))
        assert is_refused(taobao, late, "not_allowed").code == "31"
        assert not taobao.health(late).is_well
        assert taobao.health(link_to(there)).is_well


def test_a_shipment_is_sent_and_faults_of_ours_and_theirs_are_told_apart():
    with partner(stand_in(Orders(0))) as there:
        assert ships(taobao, link_to(there), sample(taobao, "ship.json")) == {"shipping": {"is_success": True}}
        for tid, kind in (("0", "refused"), ("1", "unavailable")):
            with pytest.raises(Failed) as fault:
                taobao.send(link_to(there), outgoing("ship", {"tid": tid}))
            assert fault.value.kind == kind


def test_an_order_is_to_be_shipped_by_the_time_tmall_promises_where_it_does():
    assert "delivery_time" in TRADE_FIELDS.split(",")
    with opened(TaobaoShop(NOW)) as shop:
        given = shop.orders[shop.place()]
        assert shop.mapped("orders", given)["orders"][0]["ship_by"] == "2026-03-03T08:00:00+00:00"
        receipt = {name: value for name, value in given.items() if name != "delivery_time"}
        receipt["timeout_action_time"] = "2026-03-12 10:00:00"  # until when the buyer confirms
        assert "ship_by" not in shop.mapped("orders", receipt)["orders"][0]


def test_stock_goes_by_the_keys_that_orders_bring():
    with opened(TaobaoShop(NOW)) as shop:
        order = shop.mapped("orders", shop.orders[shop.place()])["orders"][0]
        line = order["lines"][0]
        assert (line["sku"], line["outside_item"], line["outside_sku"]) == ("LAMP-01-W", "520813250866", "4711")
        told = shop.told("stock", outside_item=line["outside_item"], outside_sku=line["outside_sku"], quantity="42")
        shop.tell("stock", told)
        assert shop.stock == {"LAMP-01-W": 42}
        with pytest.raises(Failed, match="item-not-exist"):
            shop.tell("stock", told | {"num_iid": "1"})
        with pytest.raises(Failed) as fault:
            shop.tell("stock", told | {"quantity": "1.5"})
        assert fault.value.kind == "validation"


def test_a_shipment_names_its_sub_orders_only_where_they_are_not_all():
    with opened(TaobaoShop(NOW)) as shop:
        first, second = shop.place(), shop.place()
        lamp, bulb = (line["oid"] for line in shop.orders[first]["orders"]["order"])
        part = shop.told("ship", outside_number=first, is_whole=False, lines=[{"outside_line": lamp}])
        assert part == {"tid": first, "out_sid": "SF1234567890123", "company_code": "SF", "is_whole": False,
                        "oids": [lamp]}  # fmt: skip
        shop.tell("ship", part)
        shop.tell("ship", part | {"oids": [bulb], "out_sid": "SF2"})
        whole = shop.told("ship", outside_number=second, lines=[{"outside_line": "1"}, {"outside_line": "2"}])
        shop.tell("ship", whole)
        assert shop.sent == [
            (first, "SF1234567890123", {"LAMP-01-W": 2}), (first, "SF2", {"BULB-9": 1}),
            (second, "SF1234567890123", {"LAMP-01-W": 2, "BULB-9": 1}),
        ]  # fmt: skip
        with pytest.raises(Failed, match="B04") as fault:
            shop.tell("ship", whole | {"company_code": "顺丰"})
        assert fault.value.kind == "refused"


def test_a_refund_is_answered_by_its_state_and_version_and_once():
    with opened(TaobaoShop(NOW)) as shop:
        number = shop.place()
        shop.take_back(number)
        shop.now += timedelta(seconds=1)
        [refund] = shop.polled("refunds")
        key, oid = refund["refund_id"], shop.orders[number]["orders"]["order"][0]["oid"]
        assert shop.mapped("refunds", refund) == {"refunds": [{
            "shop": "S1", "order": number, "number": key, "kind": "return", "amount": "88.9", "reason": "灯罩破损",
            "asked_at": "2026-03-05T02:00:00+00:00", "lines": [{"line": oid, "quantity": "1"}],
        }]}  # fmt: skip
        money = shop.mapped("refunds", refund | {"has_good_return": False})["refunds"][0]
        assert (money["kind"], "lines" in money) == ("refund", False)
        agree = shop.told("answer", outside_refund=key, decision="agreed", kind="return", answer="")
        for decision in ("agreed", "agreed"):
            shop.tell("answer", agree | {"decision": decision})
        with pytest.raises(Failed, match="WAIT_BUYER_RETURN_GOODS"):
            shop.tell("answer", agree | {"decision": "refunded"})
        shop.refunds[key]["status"] = "WAIT_SELLER_CONFIRM_GOODS"
        for _ in range(2):
            shop.tell("answer", agree | {"decision": "refunded"})
        assert shop.answers == [(key, "agreed"), (key, "refunded")]
