"""A JD shop behind routerjson: orders, stock by SKU, refunds asked for before shipment."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone
from typing import Any

from banyan.connectors.jd.connector import Jd
from tests.partners.shops import Counter, form_of, sample

CHINA = timezone(timedelta(hours=8))
SECRET, TOKEN = "yourappSecret", "yourtoken"
GOODS = {100012: "LAMP-01-W", 100013: "BULB-9"}


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)


class JdShop(Counter):
    """Orders by increments, stock by SKU; a refund is asked for while the order has not gone."""

    connector = Jd()
    settings = {"app_key": "yourappkey"}
    secrets = {"app_secret": SECRET, "access_token": TOKEN}
    carrier = "467"
    returns = False

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.refunds: dict[str, dict[str, Any]] = {}

    def text(self) -> str:
        return f"{self.now.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"

    def place(self) -> str:
        number = str(298700123456 + len(self.orders))
        order = sample(self.connector, "order.json") | {"orderId": number, "modified": self.text()}
        self.orders[number] = order
        return number

    def cancel(self, number: str) -> None:
        self.orders[number].update(orderState="TRADE_CANCELED", modified=self.text())

    def take_back(self, number: str) -> None:
        key = 700123 + len(self.refunds)
        made = {"id": key, "orderId": number, "applyTime": self.text()}
        self.refunds[str(key)] = sample(self.connector, "refund.json") | made

    def answer(self, asked: Any) -> Any:
        form = form_of(asked)
        given = form.pop("sign", "")
        text = "".join(f"{name}{form[name]}" for name in sorted(form))
        if given != hashlib.md5(f"{SECRET}{text}{SECRET}".encode()).hexdigest().upper():
            return error("12", "无效签名")
        if abs(datetime.strptime(form["timestamp"], "%Y-%m-%d %H:%M:%S.%f%z") - self.now) > timedelta(minutes=6):
            return error("8", "非法的时间戳参数")
        if form["access_token"] != TOKEN:
            return error("19", "无效的access_token")
        name = form["method"].removeprefix("jingdong.")
        said = self._said(name, json.loads(form["360buy_param_json"]))
        if said is None:
            return error("15", "不存在的方法名")
        return {f"jingdong_{name.replace('.', '_')}_responce": {"code": "0", **said}}

    def _said(self, name: str, body: dict[str, Any]) -> dict[str, Any] | None:
        match name:
            case "pop.order.search":
                rows = self._within(self.orders, "modified", body["start_date"], body["end_date"])
                page = _page(rows, body["page"], body["page_size"])
                result = {"apiResult": {"success": True}, "orderTotal": len(rows), "orderInfoList": page}
                return {"searchorderinfo_result": result}
            case "pop.afs.soa.refundapply.queryPageList":
                rows = self._within(self.refunds, "applyTime", body["applyTimeStart"], body["applyTimeEnd"])
                page = _page(rows, body["pageIndex"], body["pageSize"])
                return {"queryResult": {"success": True, "totalCount": len(rows), "result": page}}
            case "pop.afs.soa.refundapply.replyRefund":
                refund = self.refunds.get(str(body["id"]))
                if refund is None or refund["status"] != 0 or not body["remark"] or not body["checkUserName"]:
                    return {"replyResult": {"success": False, "errorMessage": "退款单不存在或已审核"}}
                if body["status"] not in (1, 2) or (body["status"] == 2) != (body.get("rejectType") in range(1, 7)):
                    return {"replyResult": {"success": False, "errorMessage": "审核不通过时须填写 rejectType"}}
                refund["status"] = body["status"]
                self.answers.append((str(body["id"]), "agreed" if body["status"] == 1 else "refused"))
                return {"replyResult": {"success": True}}
            case "pop.order.shipment":
                order = self.orders.get(body["orderId"])
                is_open = order is not None and order["orderState"] == "WAIT_SELLER_STOCK_OUT"
                if not is_open or not body["logiCoprId"].isdecimal():
                    result = {"success": False, "chineseErrCode": "订单不存在或已出库", "numberCode": 10400001}
                    return {"sopjosshipment_result": result}
                order.update(orderState="WAIT_GOODS_RECEIVE_CONFIRM", modified=self.text())
                pieces = {line["outerSkuId"]: int(line["itemTotal"]) for line in order["itemInfoList"]}
                self.sent.append((body["orderId"], body["logiNo"], pieces))
                return {"sopjosshipment_result": {"success": True}}
            case "stock.write.updateSkuStock":
                if body["skuId"] not in GOODS:
                    return {"result": {"success": False, "errorMessage": "sku不存在"}}
                self.stock[GOODS[body["skuId"]]] = body["stockNum"]
                return {"result": {"success": True}}
        return None

    def _within(self, rows: dict[str, dict[str, Any]], name: str, begin: str, end: str) -> list[dict[str, Any]]:
        return [one for one in rows.values() if moment(begin) <= moment(one[name]) < moment(end)]


def _page(rows: list[dict[str, Any]], page: Any, size: Any) -> list[dict[str, Any]]:
    return rows[(int(page) - 1) * int(size) :][: int(size)]


def error(code: str, text: str) -> dict[str, Any]:
    return {"error_response": {"code": code, "zh_desc": text, "en_desc": ""}}
