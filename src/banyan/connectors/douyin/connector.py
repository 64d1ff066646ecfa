"""Doudian: a path per method, public parameters in the query, business parameters as sorted JSON in the body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll, judged, needed, renewed, unix, whole
from banyan.connectors.signing import CHINA, china_time, joined, keyed, wrapped
from banyan.integration.connecting import Connection, Failed, Page, Renewed, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L


class DouyinSettings(BaseModel):
    """The gateway and our app; the shop's access token is a secret.

    Takes:  return_address: the address_id (/address/list) that goods come back to
    """

    model_config = ConfigDict(extra="forbid")

    address: str = field("网关地址", "Gateway", "https://openapi-fxg.jinritemai.com", pattern=r"^https?://")
    app_key: str = field("应用 Key", "App key")
    return_address: int | None = field(
        "退货地址编号", "Address for returns", None,
        help=L("address_id，见抖店的地址列表（/address/list）", "An address_id of its list (/address/list)"),
    )


@connector
class Douyin(Platform):
    """Douyin shops."""

    key = "douyin"
    label = L("抖店", "Douyin shop")
    help = L(
        "按抖店开放平台取订单、发货、改库存、售后、结算",
        "Orders, shipment, stock, after-sales and statements by the Doudian open platform",
    )
    settings = DouyinSettings
    secrets = ("app_secret", "access_token", "refresh_token")
    session = "access_token"
    #: Earlier than an hour before its end the platform gives the same token back.
    renews_before = timedelta(minutes=50)
    joins = {
        "orders": "", "stock": 'data.outside_sku != ""', "ship": "",
        "refunds": "aftersale_info.aftersale_type <= 2 and aftersale_info.aftersale_status < 27",
        "answer": 'data.decision = "agreed" and data.kind = "return"', "statements": "",
    }  # fmt: skip
    shipped = ("ship", 'order_status = 3 or order_status = 5')
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
        Call(
            "refunds",
            L("售后单（增量）", "After-sales (changed)"),
            "afterSale.List",
            Poll(
                lambda w: {
                    "update_start_time": unix(w.begin), "update_end_time": unix(w.end),
                    "order_by": ["update_time asc"], "page": 0, "size": w.size,
                },
                records="items", id="aftersale_info.aftersale_id", version="aftersale_info.update_time",
                longest=timedelta(days=1), moves=lambda seconds: datetime.fromtimestamp(int(seconds), UTC),
            ),
            sample="aftersale.json",
        ),
        Call(
            "statements",
            L("结算账单（按日）", "Statements by day"),
            "order.getSettleBillDetailV3",
            Poll(lambda w: {}, records="data", id="day", version=""),
            sample="settled.json",
        ),
        Call("order", L("订单详情", "One order"), "order.orderDetail"),
        Call("ship", L("发货（一个包裹）", "Ship a parcel"), "order.logisticsAddSinglePack", sample="ship.json"),
        Call("ship_whole", L("整单发货", "Ship an order"), "order.logisticsAdd", sample="ship_whole.json"),
        Call("answer", L("同意退货", "Agree to a return"), "afterSale.operate", sample="answer.json"),
        Call("stock", L("改 SKU 库存", "Set a SKU's stock"), "sku.syncStock", fixed={"incremental": False},
             sample="stock.json", whole=("product_id", "sku_id", "stock_num")),
    )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call; numbers within lists are sent as such. Raises: Failed by the gateway's code."""
        given = dict(parameters)
        match call.key:
            case "ship":
                rows = given.get("shipped_order_info") or ()
                given["shipped_order_info"] = [row | {"shipped_num": whole(row["shipped_num"])} for row in rows]
            case "answer" if "aftersale_id" in given:
                place = connection.settings.return_address
                item = {"aftersale_id": given["aftersale_id"]} | (
                    {"logistics": {"receiver_address_id": place}} if place else {}
                )
                given = {"type": AGREES_TO_RETURN, "items": [item]}
        return self._call(connection, call, given)

    def renew(self, connection: Connection) -> Renewed:
        """Ask for a new access token; the refresh token is new with it."""
        asked = {"grant_type": "refresh_token", "refresh_token": needed(connection, "refresh_token")}
        return renewed(connection, self._call(connection, RENEW, asked, token=""), self.session)

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Give the next page; of statements, the next day that is over, with all that was settled on it."""
        if operation != "statements":
            return super().poll(connection, operation, position, limit)
        position = position if isinstance(position, Mapping) else {}
        today, there, last = connection.now.astimezone(CHINA).date(), position.get("day"), position.get("last")
        end = min(today, date.fromisoformat(last) + timedelta(days=1)) if last else today
        rest = {"last": last} if last else {}
        day = date.fromisoformat(there) if there else today - timedelta(days=7)
        if day >= end:
            return Page((), {"day": day.isoformat()} | rest)
        call, entries = self.call(operation), list(self._settled(connection, day))
        record = {"day": day.isoformat(), "entries": entries}
        later = day + timedelta(days=1)
        return Page((self.incoming(call, record),) if entries else (), {"day": later.isoformat()} | rest, later < end)

    def position_at(
        self, connection: Connection, operation: str, since: datetime, until: datetime | None = None
    ) -> Any:
        """Give the position from which changes since a time are asked for; of statements, its day in China."""
        if operation != "statements":
            return super().position_at(connection, operation, since, until)
        there = {"day": since.astimezone(CHINA).date().isoformat()}
        return there | ({"last": until.astimezone(CHINA).date().isoformat()} if until else {})

    def _settled(self, connection: Connection, day: date) -> Iterable[dict[str, Any]]:
        """Give what was settled on a day, in fen: what came in, and what the platform and others kept of it."""
        call = self.call("statements")
        asked = {"size": 100, "start_time": f"{day} 00:00:00", "end_time": f"{day} 23:59:59", "time_type": "0"}
        while asked:
            said = self._call(connection, call, asked)
            if str(said.get("code", "")) not in ("100000", ""):
                raise Failed("refused", f"{said['code']}: {said.get('code_msg', '')}"[:500], code=str(said["code"]))
            for row in said.get("data") or ():
                head = {"shop_order_id": row["shop_order_id"]}
                kind = "order" if row["trade_type"] == 0 else "refund"
                yield {"type": kind, **head, "fee": "", "amount": row["total_income"]}
                if kept := row["settle_amount"] - row["total_income"]:
                    yield {"type": "fee", **head, "fee": "平台支出", "amount": kept}
            more = {"start_index": said.get("next_start_index"), "start_time": said.get("next_start_time")}
            asked = {} if said.get("is_end") else asked | more

    def _call(
        self, connection: Connection, call: Call, parameters: Mapping[str, Any], token: str | None = None
    ) -> Any:
        settings: DouyinSettings = connection.settings
        secret = needed(connection, "app_secret")
        token = needed(connection, "access_token") if token is None else token
        hide = (secret, token, *(str(given) for name, given in parameters.items() if name == "refresh_token"))
        body = sorted_json(parameters)
        query = {
            "method": call.name, "app_key": settings.app_key, "timestamp": china_time(connection.now), "v": "2",
        }  # fmt: skip
        query["sign"] = sign({**query, "param_json": body}, secret)
        query |= ({"access_token": token} if token else {}) | {"sign_method": "hmac-sha256"}
        said = connection.http.request(
            "POST", f"{settings.address}/{call.name.replace('.', '/')}", query=query, body=body.encode(),
            headers={"Content-Type": "application/json; charset=utf-8"}, hide=hide,
        ).checked().json()  # fmt: skip
        said = said if isinstance(said, Mapping) else {}
        code = said.get("code", said.get("err_no", ""))
        if str(code) not in ("10000", "0"):
            text = " ".join(str(said[name]) for name in ("msg", "message", "sub_code", "sub_msg") if said.get(name))
            sub = str(said.get("sub_code") or "")
            throttled = frozenset({str(code)} if "limit" in sub and sub.startswith("isp") else ()) | THROTTLED
            raise judged(code, text, throttled=throttled, passing=PASSING, denied=DENIED, hide=hide)
        return said.get("data")


RENEW = Call("renew", L("刷新令牌", "Renew the token"), "token.refresh")
#: 操作类型 of afterSale.operate: agree that goods come back, with the address they go to.
AGREES_TO_RETURN = 101
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
