"""A Pinduoduo shop behind its router: orders by half hours, stock by goods and SKU, after-sales."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from banyan.connectors.pinduoduo.connector import Pinduoduo
from tests.partners.shops import Counter, sample

CHINA = timezone(timedelta(hours=8))
SECRET, TOKEN = "testSecret", "t0ken"
GOODS = {("77", "55001"): "LAMP-01-W", ("78", "55002"): "BULB-9"}


class PinduoduoShop(Counter):
    """Its orders and after-sales by increments of at most half an hour."""

    connector = Pinduoduo()
    settings = {"client_id": "1", "return_address": "8801"}
    secrets = {"client_secret": SECRET, "access_token": TOKEN}
    carrier = "44"

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.refunds: dict[str, dict[str, Any]] = {}

    def text(self) -> str:
        return f"{self.now.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"

    def place(self) -> str:
        number = f"260302-{123456789012345 + len(self.orders)}"
        self.orders[number] = sample(self.connector, "order.json") | {"order_sn": number, "updated_at": self.text()}
        return number

    def cancel(self, number: str) -> None:
        self.orders[number].update(refund_status=4, updated_at=self.text())

    def take_back(self, number: str) -> None:
        key = 6100123 + len(self.refunds)
        made = {"id": key, "order_sn": number, "updated_time": self.text()}
        self.refunds[str(key)] = sample(self.connector, "refund.json") | made

    def answer(self, asked: Any) -> Any:
        body = asked.json
        given = body.pop("sign", "")
        text = "".join(f"{name}{body[name]}" for name in sorted(body))
        if given != hashlib.md5(f"{SECRET}{text}{SECRET}".encode()).hexdigest().upper():
            return error(20004, "签名校验失败")
        if abs(int(body["timestamp"]) - self.now.timestamp()) > 600:
            return error(20003, "timestamp 过期")
        if body["access_token"] != TOKEN:
            return error(10019, "access_token 已过期")
        match body["type"]:
            case "pdd.order.number.list.increment.get":
                return self._page(body, self.orders, "updated_at", "order_sn_increment_get_response", "order_sn_list")
            case "pdd.refund.list.increment.get":
                if not {"after_sales_status", "after_sales_type"} <= body.keys():
                    return error(10001, "公共参数错误")
                return self._page(body, self.refunds, "updated_time", "refund_increment_get_response", "refund_list")
            case "pdd.logistics.online.send":
                order = self.orders.get(body["order_sn"])
                if order is None or order["order_status"] != 1 or not body["logistics_id"].isdecimal():
                    return error(50001, "业务服务错误", "1005")
                order.update(order_status=2, updated_at=self.text())
                pieces = {line["outer_id"]: line["goods_count"] for line in order["item_list"]}
                self.sent.append((body["order_sn"], body["tracking_number"], pieces))
                return {"logistics_online_send_response": {"is_success": True}}
            case "pdd.refund.returngoods.agree":
                given = json.loads(body["request"])
                refund = self._after_sale(given, 3)
                if refund is None or given.get("return_address_id") != "8801" or not given.get("operate_desc"):
                    return {"response": {"success": False, "error_code": 20001, "error_msg": "售后单状态不符"}}
                refund["after_sales_status"] = 4
                self.answers.append((given["after_sales_id"], "agreed"))
                return {"response": {"success": True, "result": {"success": True, "message": "成功"}}}
            case "pdd.refund.agree":
                given = json.loads(body["request"])
                refund = self._after_sale(given, 4)
                if refund is None:
                    return {"response": {"result": {"succ": False, "message": "售后单状态不符"}}}
                refund["after_sales_status"] = 10
                self.answers.append((given["after_sales_id"], "refunded"))
                return {"response": {"result": {"succ": True, "message": "退款操作成功"}}}
            case "pdd.goods.quantity.update":
                keys = (body["goods_id"], body["sku_id"])
                if keys not in GOODS or body["update_type"] != "1" or not body["quantity"].isdecimal():
                    return {"goods_quantity_update_response": {"is_success": False, "error_msg": "sku不存在"}}
                self.stock[GOODS[keys]] = int(body["quantity"])
                return {"goods_quantity_update_response": {"is_success": True}}
        return error(10001, "type 不存在")

    def _after_sale(self, given: dict[str, Any], state: int) -> dict[str, Any] | None:
        """Give the after-sale that is named, None where it is in another state or of another order."""
        refund = self.refunds.get(given["after_sales_id"])
        is_it = refund is not None and (refund["order_sn"], refund["after_sales_status"]) == (given["order_sn"], state)
        return refund if is_it else None

    def _page(self, body: dict[str, Any], rows: dict[str, Any], name: str, outer: str, inner: str) -> dict[str, Any]:
        begin, end = (datetime.fromtimestamp(int(body[f"{x}_updated_at"]), UTC) for x in ("start", "end"))
        if end - begin > timedelta(minutes=30):
            return error(50001, "业务服务错误", "30001")
        found = [one for one in rows.values() if begin <= moment(one[name]) < end]
        size = int(body["page_size"])
        page = found[(int(body["page"]) - 1) * size :][:size]
        return {outer: {"total_count": len(found), inner: page}}


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)


def error(code: int, text: str, sub: str = "") -> dict[str, Any]:
    return {"error_response": {"error_code": code, "error_msg": text, "sub_code": sub, "sub_msg": ""}}
