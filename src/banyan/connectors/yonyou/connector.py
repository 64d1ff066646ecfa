"""Yonyou open platform (YonSuite, YonBIP): a token by signature, then JSON over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.numbers import with_numbers
from banyan.connectors.platform import Call, Platform, Poll, Window, judged, needed
from banyan.connectors.signing import base64, china_time, joined, keyed
from banyan.integration.connecting import Connection, Failed, Health, PresetScan, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L


class YonyouSettings(BaseModel):
    """Where tokens are given, where calls go, and our own application."""

    model_config = ConfigDict(extra="forbid")

    token_address: str = field(
        "取令牌地址", "Address for tokens",
        "https://c2.yonyoucloud.com/iuap-api-auth/open-auth/selfAppAuth/base/v1/getAccessToken",
        pattern=r"^https?://",
    )
    address: str = field("网关地址", "Gateway", "https://c2.yonyoucloud.com/iuap-api-gateway", pattern=r"^https?://")
    app_key: str = field("应用 Key", "App key")


def _dated(window: Window) -> dict[str, Any]:
    """Give how heads of orders are listed by their day, which has no hour: by whole days of China."""
    return {
        "pageIndex": window.page + 1, "pageSize": window.size, "isSum": True,
        "open_vouchdate_begin": china_time(window.begin, "%Y-%m-%d 00:00:00"),
        "open_vouchdate_end": china_time(window.end, "%Y-%m-%d 23:59:59"),
        "queryOrders": [{"field": "id", "order": "asc"}],
    }  # fmt: skip


@connector
class Yonyou(Platform):
    """Yonyou's open platform."""

    key = "yonyou"
    label = L("用友开放平台", "Yonyou open platform")
    help = L("按自建应用取令牌后调用接口", "Calls by the token of an own application")
    settings = YonyouSettings
    secrets = ("app_secret",)
    calls = (
        Call("call", L("调用接口", "Make a call"), "", sample="call.json"),
        Call("sale_order_save", L("保存销售订单", "Save a sales order"), "/yonbip/sd/voucherorder/singleSave",
             sample="sale_order.json"),
        Call("sale_order_list", L("销售订单列表", "List sales orders"), "/yonbip/sd/voucherorder/list"),
        Call("sale_orders", L("销售订单（按单据日期）", "Sales orders (by their day)"), "/yonbip/sd/voucherorder/list",
             Poll(_dated, records="recordList", id="id", version="pubts", total="recordCount", size=500,
                  longest=timedelta(days=31)), sample="sale_order_listed.json"),
        Call("voucher_save", L("保存凭证", "Save a voucher"), "/yonbip/fi/ficloud/openapi/voucher/addVoucher",
             sample="voucher.json"),
    )

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}
        self._gate = threading.Lock()

    def scans(self) -> Sequence[PresetScan]:
        """Give the comparison of binding orders with those there; what was cancelled there is gone."""
        return (PresetScan(
            "sale_orders", L("订单核对", "orders compared"), "sales.order_confirmed", "sale_order_save", "sales.order",
            "state:in=confirmed,partly_shipped,shipped,closed", ("number", "code"), ("ordered_on", "ordered_at"),
            ("gross_amount", "payMoney"), holds='coalesce(nextStatus, "") != "OPPOSE"', operation="sale_orders",
        ),)  # fmt: skip

    def parts_of(self, connection: Connection, call: Call, record: Any) -> Iterable[Any]:
        """Give an order with the moment its day begins in China; a row of totals is none."""
        day = str(record.get("vouchdate") or "")[:10]
        return (record | {"ordered_at": f"{day}T00:00:00+08:00"},) if record.get("code") and day else ()

    def health(self, connection: Connection) -> Health:
        """Take a token: which calls the application may make differs from one to the next."""
        try:
            self._token(connection, anew=True)
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh or fault.kind, en or zh or fault.kind))
        return Health(True, L("可用", "Well"))

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call; once more with a new token where the kept one is refused.

        Takes:  `call`: {"path", "method"?, "query"?, "body"?}; the others: the body itself
        """
        given = dict(parameters)
        path = call.name or str(given.get("path") or "")
        if not path.startswith("/"):
            raise Failed("validation", L("缺少 path，如 /yonbip/…", "path is missing, such as /yonbip/…"))
        method = str(given.get("method") or "POST").upper() if not call.name else "POST"
        body = with_numbers(given, NUMBERS) if call.name else given.get("body")
        query = {} if call.name else dict(given.get("query") or {})
        for attempt in (1, 2):
            token = self._token(connection, anew=attempt == 2)
            more = {"json": body} if method != "GET" else {}
            said = connection.http.request(
                method, f"{connection.settings.address.rstrip('/')}{path}", query={**query, "access_token": token},
                hide=(token,), **more,
            ).checked().json()  # fmt: skip
            said = said if isinstance(said, Mapping) else {}
            code = str(said.get("code", ""))
            if code in GOOD or (code in REPEATED and _is_keyed(body)):
                return said.get("data")
            is_expired = code == "310036" or "token" in str(said.get("message") or "").lower()
            if is_expired and attempt == 1:
                continue
            raise judged(
                code, said.get("message"), throttled=THROTTLED, passing=PASSING,
                denied=DENIED | frozenset({code} if is_expired else ()), hide=(token,),
            )  # fmt: skip
        raise AssertionError

    def _token(self, connection: Connection, *, anew: bool) -> str:
        settings: YonyouSettings = connection.settings
        secret = needed(connection, "app_secret")
        key = (connection.system, connection.environment, settings.token_address, settings.app_key, secret)
        now = connection.now.timestamp()
        with self._gate:
            kept = self._tokens.get(key)
            if kept and kept[1] > now and not anew:
                return kept[0]
            query = {"appKey": settings.app_key, "timestamp": str(int(now * 1000))}
            query["signature"] = sign(query, secret)
            headers = {"Content-Type": "application/json"}
            said = connection.http.request(
                "GET", settings.token_address, query=query, headers=headers, hide=(secret,)
            ).checked().json()  # fmt: skip
            said = said if isinstance(said, Mapping) else {}
            if str(said.get("code")) != "00000":
                raise judged(said.get("code"), said.get("message"), denied=frozenset({str(said.get("code"))}))
            token = str(said["data"]["access_token"])
            self._tokens[key] = (token, now + max(float(said["data"].get("expire") or 7200) - 60, 30))
            return token


#: Members of sales orders and vouchers that the platform takes as numbers: it refuses texts (310023).
NUMBERS = frozenset({
    "debitOriginal", "debitOrg", "creditOriginal", "creditOrg",
    "payMoney", "orderPrices!exchRate", "qty", "subQty", "priceQty", "invExchRate", "invPriceExchRate",
    "unitExchangeType", "unitExchangeTypePrice", "oriTaxUnitPrice", "oriSum", *(
        f"orderDetailPrices!{name}" for name in (
            "oriUnitPrice", "oriMoney", "oriTax", "natUnitPrice", "natTaxUnitPrice", "natMoney", "natSum", "natTax",
        )
    ),
})  # fmt: skip
#: What codes mean (README): good; saved before by the same key of ours; calls beyond what the system, the
#: application, the product, the API is allowed; still at it, and errors of their own; application, right, address.
GOOD = frozenset({"200", "00000", "0"})
REPEATED = frozenset({"10004", "100004"})
THROTTLED = frozenset({"310032", "310039", "310042", "310046"})
PASSING = frozenset({"202", "310043", "310071", "310072", "310504", "500", "502", "503"})
DENIED = frozenset({"310001", "310005", "310006", "310031", "310037", "310038", "310041", "310047"})


def _is_keyed(body: Any) -> bool:
    """Say whether a body bears a key of ours by which the platform saves it once."""
    if not isinstance(body, Mapping):
        return False
    data = body.get("data")
    return bool(body.get("businessId") or (isinstance(data, Mapping) and data.get("resubmitCheckKey")))


def sign(parameters: Mapping[str, str], secret: str) -> str:
    """Give base64(HMAC-SHA256(sorted names and values)); the query encodes it.

    Source: yonyoucloud-open/corp-demo, README: 获取 access_token
    """
    return base64(keyed(joined(parameters, skip=("signature",)), secret))
