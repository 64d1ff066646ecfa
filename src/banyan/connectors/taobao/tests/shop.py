"""A Taobao shop behind TOP: trades, items, refunds; it refuses what the router and its services refuse."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from banyan.connectors.taobao.connector import Taobao
from tests.partners.shops import Counter, form_of, sample

CHINA = timezone(timedelta(hours=8))
KEY, SECRET, SESSION = "12345678", "top-secret", "61000-session"
GOODS = {("520813250866", "4711"): "LAMP-01-W", ("520813250867", "4712"): "BULB-9"}


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)


class TaobaoShop(Counter):
    """Its trades by increments, its stock by item and SKU, its refunds by state and version."""

    connector = Taobao()
    settings = {"app_key": KEY, "returns": {"seller_address_id": "77"}}
    secrets = {"app_secret": SECRET, "session": SESSION}
    carrier = "SF"

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.refunds: dict[str, dict[str, Any]] = {}
        self.gone: set[str] = set()

    def text(self) -> str:
        return f"{self.now.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"

    def place(self) -> str:
        tid = str(2610001234567890123 + 1000 * len(self.orders))
        trade = sample(self.connector, "trade.json") | {"tid": tid, "modified": self.text()}
        for n, line in enumerate(trade["orders"]["order"], start=1):
            line["oid"] = str(int(tid) + n)
        self.orders[tid] = trade
        return tid

    def cancel(self, number: str) -> None:
        self.orders[number].update(status="TRADE_CLOSED", modified=self.text())

    def take_back(self, number: str) -> None:
        key = str(46350001112225678 + len(self.refunds))
        oid = self.orders[number]["orders"]["order"][0]["oid"]
        made = {"refund_id": key, "tid": number, "oid": oid, "modified": self.text()}
        self.refunds[key] = sample(self.connector, "refund.json") | made

    def send_back(self, number: str) -> None:
        for refund in self.refunds.values():
            if refund["tid"] == number and refund["status"] == "WAIT_BUYER_RETURN_GOODS":
                refund.update(status="WAIT_SELLER_CONFIRM_GOODS", modified=self.text())

    def answer(self, asked: Any) -> Any:
        form = form_of(asked)
        given = form.pop("sign", "")
        text = "".join(f"{name}{form[name]}" for name in sorted(form))
        if given != hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest().upper():
            return error(25, "Invalid signature")
        if abs(moment(form["timestamp"]) - self.now) > timedelta(minutes=10):
            return error(31, "Invalid timestamp")
        if form.get("session") != SESSION:
            return error(27, "Invalid session")
        method = form["method"]
        said = self._said(method, form)
        if "error_response" in said:
            self.refused.append(said)
            return said
        return {f"{method.removeprefix('taobao.').replace('.', '_')}_response": said}

    def _said(self, method: str, form: dict[str, str]) -> dict[str, Any]:
        match method:
            case "taobao.trades.sold.increment.get":
                return self._page(form, self.orders, "trades", "trade")
            case "taobao.refunds.receive.get":
                return self._page(form, self.refunds, "refunds", "refund")
            case "taobao.item.quantity.update":
                keys = (form.get("num_iid", ""), form.get("sku_id", ""))
                if keys not in GOODS or form["type"] != "1" or not form["quantity"].isdecimal():
                    return error(15, "Remote service error", "isv.item-not-exist:invalid-numIid-or-iid")
                self.stock[GOODS[keys]] = int(form["quantity"])
                return {"item": {"num_iid": int(keys[0]), "modified": self.text()}}
            case "taobao.logistics.offline.send":
                return self._send(form)
            case "taobao.refund.get":
                refund = self.refunds.get(form["refund_id"])
                return {"refund": refund} if refund else error(15, "Remote service error", "isv.refund-not-exist")
            case "taobao.rp.returngoods.agree":
                refund = self.refunds[form["refund_id"]]
                if {form.get(name) for name in ("remark", "refund_phase", "seller_address_id")} & {None, ""} or \
                        form.get("refund_version") != str(refund["refund_version"]):  # fmt: skip
                    return error(40, "Missing required arguments", "isv.missing-parameter")
                refund.update(status="WAIT_BUYER_RETURN_GOODS", refund_version=refund["refund_version"] + 1)
                self.answers.append((form["refund_id"], "agreed"))
                return {"is_success": True}
            case "taobao.rp.refunds.agree":
                return self._pay(form)
        return error(22, "Invalid method")

    def _page(self, form: dict[str, str], rows: dict[str, dict[str, Any]], name: str, row: str) -> dict[str, Any]:
        begin, end = moment(form["start_modified"]), moment(form["end_modified"])
        found = [one for one in rows.values() if begin <= moment(one["modified"]) < end]
        size = int(form["page_size"])
        page = found[(int(form["page_no"]) - 1) * size :][:size]
        wanted = set(form["fields"].split(",")) - {"oid"}
        assert all(wanted >= set(one) - {"oid", "type"} for one in page), "a field that is not asked for is not given"
        return {"total_results": len(found)} | ({name: {row: page}} if page else {})

    def _send(self, form: dict[str, str]) -> dict[str, Any]:
        trade = self.orders.get(form["tid"])
        lines = {line["oid"]: line for line in trade["orders"]["order"]} if trade else {}
        chosen = form["sub_tid"].split(",") if form.get("is_split") == "1" else list(lines)
        is_wrong = trade is None or form["company_code"] not in ("SF", "STO") or set(chosen) - lines.keys()
        if is_wrong or set(chosen) & self.gone:
            return error(15, "Remote service error", "isv.logistics-offline-service-error:B04")
        if form.get("is_split") == "1" and len(chosen) == len(lines):
            return error(15, "Remote service error", "isv.logistics-offline-service-error:P03")
        pieces = {lines[oid]["outer_sku_id"]: lines[oid]["num"] for oid in chosen}
        self.gone |= set(chosen)
        self.sent.append((form["tid"], form["out_sid"], pieces))
        return {"shipping": {"is_success": True}}

    def _pay(self, form: dict[str, str]) -> dict[str, Any]:
        key, fen, version, phase = form["refund_infos"].split("|")
        refund = self.refunds[key]
        if Decimal(fen) != Decimal(refund["refund_fee"]) * 100 or version != str(refund["refund_version"]):
            return {"succ": False, "msg_code": "OP_FAILURE_UE", "message": "退款版本已变化"}
        if phase != refund["refund_phase"]:
            return {"succ": False, "msg_code": "OP_FAILURE_UE", "message": "退款阶段不符"}
        refund["status"] = "SUCCESS"
        self.answers.append((key, "refunded"))
        return {"succ": True, "msg_code": "OP_SUCC"}


def error(code: int, text: str, sub: str = "") -> dict[str, Any]:
    return {"error_response": {"code": code, "msg": text, "sub_code": sub, "request_id": "1"}}
