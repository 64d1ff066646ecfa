"""Doudian: a path per method, public parameters in the query, business parameters as sorted JSON in the body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll, judged, needed, unix
from banyan.connectors.signing import china_time, joined, keyed, wrapped
from banyan.integration.connecting import Connection, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L


class DouyinSettings(BaseModel):
    """The gateway and our app; the shop's access token is a secret."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("网关地址", "Gateway", "https://openapi-fxg.jinritemai.com", pattern=r"^https?://")
    app_key: str = field("应用 Key", "App key")


@connector
class Douyin(Platform):
    """Douyin shops."""

    key = "douyin"
    label = L("抖店", "Douyin shop")
    help = L("按抖店开放平台取订单、发货、改库存", "Orders, shipment and stock by the Doudian open platform")
    settings = DouyinSettings
    secrets = ("app_secret", "access_token")
    calls = (
        Call(
            "orders",
            L("订单（增量）", "Orders (changed)"),
            "order.searchList",
            Poll(
                lambda w: {
                    "update_time_start": unix(w.begin) - 1, "update_time_end": unix(w.end), "order_by": "update_time",
                    "order_asc": True, "page": 0, "size": w.size,
                },
                records="shop_order_list", id="order_id", version="update_time", longest=timedelta(days=1),
                moves=lambda seconds: datetime.fromtimestamp(int(seconds), UTC),
            ),
            sample="order.json",
        ),
        Call("order", L("订单详情", "One order"), "order.orderDetail"),
        Call("ship", L("发货", "Ship"), "order.logisticsAdd", sample="ship.json"),
        Call("stock", L("改 SKU 库存", "Set a SKU's stock"), "sku.syncStock", fixed={"incremental": False}),
    )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call. Raises: Failed by the gateway's code."""
        settings: DouyinSettings = connection.settings
        secret, token = needed(connection, "app_secret"), needed(connection, "access_token")
        body = sorted_json(parameters)
        query = {
            "method": call.name, "app_key": settings.app_key, "timestamp": china_time(connection.now), "v": "2",
        }  # fmt: skip
        query["sign"] = sign({**query, "param_json": body}, secret)
        query |= {"access_token": token, "sign_method": "hmac-sha256"}
        said = connection.http.request(
            "POST", f"{settings.address}/{call.name.replace('.', '/')}", query=query, body=body.encode(),
            headers={"Content-Type": "application/json; charset=utf-8"}, hide=(secret, token),
        ).checked().json()  # fmt: skip
        said = said if isinstance(said, Mapping) else {}
        code = said.get("code", said.get("err_no", ""))
        if str(code) not in ("10000", "0"):
            text = " ".join(str(said[name]) for name in ("msg", "message", "sub_code", "sub_msg") if said.get(name))
            sub = str(said.get("sub_code") or "")
            throttled = frozenset({str(code)} if "limit" in sub and sub.startswith("isp") else ()) | THROTTLED
            raise judged(code, text, throttled=throttled, passing=PASSING, denied=DENIED, hide=(secret, token))
        return said.get("data")


THROTTLED = frozenset({"80000"})
#: Errors of their own services.
PASSING = frozenset({"20000"})
#: Token, signature, time, rights.
DENIED = frozenset({"30001", "30002", "30003", "30005", "30006", "30007", "40003"})


def sorted_json(value: Any) -> str:
    """Give JSON with the names of every level sorted, Chinese and signs such as & as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)


def sign(parameters: Mapping[str, str], secret: str) -> str:
    """Give a signature of Doudian: app_key, method, param_json, timestamp, v between two secrets, HMAC-SHA256, hex.

    Source: 抖店开放平台, API 调用指南 · 签名算法 (sign_method hmac-sha256)
    """
    return keyed(wrapped(joined(parameters), secret), secret, "sha256").hex()
