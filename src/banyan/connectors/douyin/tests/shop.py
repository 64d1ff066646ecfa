"""A Douyin shop behind its gateway: orders and sub orders, stock by product and SKU, after-sales, settled rows."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from typing import Any

from banyan.connectors.douyin.connector import Douyin
from tests.partners.shops import Counter, sample

CHINA = timezone(timedelta(hours=8))
KEY, SECRET, TOKEN = "3409409348479354011", "2ad2355c-01d0-11f8-91dc-05a8cd1054b1", "c6f957da-1239"
GOODS = {(3539925204033339668, 1700001): "LAMP-01-W", (3539925204033339669, 1700002): "BULB-9"}


class DouyinShop(Counter):
    """Its orders by the moment of change, parcels by sub order and request, statements row by row."""

    connector = Douyin()
    settings = {"app_key": KEY, "return_address": 95251}
    secrets = {"app_secret": SECRET, "access_token": TOKEN}
    carrier = "shunfeng"

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.aftersales: dict[str, dict[str, Any]] = {}
        self.settled: list[dict[str, Any]] = []
        self.requests: set[str] = set()
        self.left: dict[str, int] = {}

    def place(self) -> str:
        number = str(6917000012345678901 + 1000 * len(self.orders))
        order = sample(self.connector, "order.json")
        order |= {"order_id": number, "update_time": int(self.now.timestamp())}
        for n, line in enumerate(order["sku_order_list"], start=1):
            line["order_id"] = str(int(number) + n)
            self.left[line["order_id"]] = line["item_num"]
        self.orders[number] = order
        return number

    def cancel(self, number: str) -> None:
        self.orders[number].update(order_status=4, update_time=int(self.now.timestamp()))

    def take_back(self, number: str) -> None:
        one = sample(self.connector, "aftersale.json")
        key = str(6959800000297566494 + len(self.aftersales))
        one["aftersale_info"].update(aftersale_id=key, update_time=int(self.now.timestamp()))
        one["order_info"]["shop_order_id"] = number
        sub = self.orders[number]["sku_order_list"][0]["order_id"]
        one["order_info"]["related_order_info"][0]["sku_order_id"] = sub
        self.aftersales[key] = one

    def pay_out(self, number: str) -> None:
        """Settle an order's sub orders, and what was given back of one of them, on the day that is now."""
        rows = ((0, 18780, 17841), (0, 2000, 1900), (1, -8890, -8446))
        self.settled = [
            {"settle_time": f"{self.now.astimezone(CHINA):%F} 00:00:0{n}", "request_no": str(n), "trade_type": kind,
             "shop_order_id": number, "order_id": number, "total_income": income, "settle_amount": amount}
            for n, (kind, income, amount) in enumerate(rows)
        ]  # fmt: skip
        self.now += timedelta(days=1)

    def answer(self, asked: Any) -> Any:
        body = asked.body.decode()
        text = (
            f"{SECRET}app_key{asked.one('app_key')}method{asked.one('method')}param_json{body}"
            f"timestamp{asked.one('timestamp')}v{asked.one('v')}{SECRET}"
        )
        if asked.one("sign") != hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest():
            return fault(30005, "签名错误", "isv.signature-invalid")
        there = datetime.strptime(asked.one("timestamp"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
        if abs(there - self.now) > timedelta(minutes=10):
            return fault(30006, "时间戳过期", "isv.timestamp-invalid")
        if asked.one("access_token") != TOKEN:
            return fault(30001, "access_token 无效", "isv.access-token-expired")
        assert asked.path == f"/{asked.one('method').replace('.', '/')}"
        said = self._said(asked.path, json.loads(body))
        return said if "code" in said else {"code": 10000, "msg": "success", "data": said}

    def _said(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        match path:
            case "/order/searchList":
                rows = [one for one in self.orders.values()
                        if given["update_time_start"] <= one["update_time"] <= given["update_time_end"]]  # fmt: skip
                rows.sort(key=lambda one: one["update_time"])
                return {"shop_order_list": rows[: given["size"]], "total": len(rows)}
            case "/afterSale/List":
                assert given["order_by"] == ["update_time asc"], "else rows are lost between pages"
                rows = [one for one in self.aftersales.values() if given["update_start_time"]
                        <= one["aftersale_info"]["update_time"] <= given["update_end_time"]]  # fmt: skip
                return {"items": rows[: given["size"]], "total": len(rows), "page": 0, "has_more": False}
            case "/afterSale/operate":
                [item] = given["items"]
                one = self.aftersales.get(item["aftersale_id"])
                if one is None or one["aftersale_info"]["aftersale_status"] != 6:
                    return fault(50002, "业务处理失败", "isv.business-failed:20309541")
                if given["type"] != 101 or item["logistics"] != {"receiver_address_id": 95251}:
                    return fault(40004, "非法的参数", "isv.parameter-invalid:11000")
                one["aftersale_info"]["aftersale_status"] = 7
                self.answers.append((item["aftersale_id"], "agreed"))
                return {"items": [{"aftersale_id": item["aftersale_id"], "status_code": 0, "status_msg": ""}]}
            case "/order/logisticsAddSinglePack":
                return self._send(given)
            case "/sku/syncStock":
                keys = (given.get("product_id"), given["sku_id"])
                if keys not in GOODS or given["incremental"] is not False or not isinstance(given["stock_num"], int):
                    return fault(50002, "业务处理失败", "isv.business-failed:2010002")
                self.stock[GOODS[keys]] = given["stock_num"]
                return {}
            case "/order/getSettleBillDetailV3":
                return self._settled(given)
        return fault(70000, "方法不存在", "")

    def _send(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["request_id"] in self.requests:
            return {"pack_id": given["request_id"]}
        order = self.orders.get(given["order_id_list"][0])
        lines = {line["order_id"]: line for line in order["sku_order_list"]} if order else {}
        rows = {row["shipped_order_id"]: row["shipped_num"] for row in given["shipped_order_info"]}
        is_wrong = rows.keys() - lines.keys() or given["company_code"] != "shunfeng"
        if is_wrong or any(self.left[key] < number for key, number in rows.items()):
            return fault(50002, "业务处理失败", "isv.business-failed:1")
        for key, number in rows.items():
            self.left[key] -= number
        self.requests.add(given["request_id"])
        pieces = {lines[key]["code"]: number for key, number in rows.items()}
        self.sent.append((order["order_id"], given["logistics_code"], pieces))
        return {"pack_id": given["request_id"]}

    def _settled(self, given: dict[str, Any]) -> dict[str, Any]:
        """Give two rows a page, the next from where this one ends."""
        found = [one for one in self.settled if given["start_time"] <= one["settle_time"] <= given["end_time"]]
        at = int(given.get("start_index") or 0)
        page = [one for one in found if int(one["request_no"]) >= at][:2]
        last = int(page[-1]["request_no"]) + 1 if page else 0
        is_end = not page or page[-1] is found[-1]
        return {"data": page, "size": given["size"], "is_end": int(is_end), "next_start_index": str(last),
                "next_start_time": page[-1]["settle_time"] if page else ""}  # fmt: skip


def fault(code: int, text: str, sub: str) -> dict[str, Any]:
    return {"code": code, "msg": text, "sub_code": sub, "sub_msg": text}


