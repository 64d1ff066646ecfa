"""TOP: every call is one signed form to the router; the answer names itself after the method."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll, judged, needed, plain_parameters, renewed, whole
from banyan.connectors.signing import china_time, digest, joined, keyed, wrapped
from banyan.integration.connecting import Connection, Failed, Renewed, connector
from banyan.integration.templates import as_text
from banyan.kernel.schema import field
from banyan.lib.labels import L

Method = Literal["hmac", "hmac-sha256", "md5"]

TRADE_FIELDS = (
    "tid,status,type,buyer_nick,buyer_open_uid,buyer_message,seller_memo,created,pay_time,delivery_time,modified,"
    "payment,post_fee,discount_fee,total_fee,receiver_name,receiver_state,receiver_city,receiver_district,receiver_town,"
    "receiver_address,receiver_zip,receiver_mobile,receiver_phone,orders"
)
REFUND_FIELDS = (
    "refund_id,tid,oid,status,reason,refund_fee,num,created,modified,good_status,has_good_return,refund_phase,"
    "refund_version"
)


class TaobaoSettings(BaseModel):
    """The router and our app; the shop's session is a secret.

    Takes:  returns: where goods come back to, as taobao.rp.returngoods.agree wants it: seller_address_id, for Taobao
            also name, address, post, tel, mobile
    """

    model_config = ConfigDict(extra="forbid")

    address: str = field("网关地址", "Gateway", "https://eco.taobao.com/router/rest", pattern=r"^https?://")
    app_key: str = field("应用 Key", "App key")
    sign_method: Method = field("签名方式", "Signed by", "hmac-sha256")
    returns: dict[str, str] = field(
        "退货地址", "Returns go to", {},
        help=L("taobao.rp.returngoods.agree 所要的，如 seller_address_id",
               "What taobao.rp.returngoods.agree wants, such as seller_address_id"),
    )


@connector
class Taobao(Platform):
    """Taobao and Tmall shops."""

    key = "taobao"
    label = L("淘宝 / 天猫", "Taobao and Tmall")
    help = L(
        "按开放平台 TOP 取订单与退款、改库存、发货、同意退款", "Orders, refunds, stock and shipment by the platform TOP"
    )
    settings = TaobaoSettings
    secrets = ("app_secret", "session", "refresh_token")
    session = "session"
    joins = {
        "orders": "", "stock": 'data.outside_item != ""', "ship": "",
        "refunds": 'status != "CLOSED" and status != "SELLER_REFUSE_BUYER"',
        "answer": '(data.decision = "refunded" or data.decision = "agreed" and data.kind = "return")',
    }  # fmt: skip
    shipped = (
        "ship",
        'status = "WAIT_BUYER_CONFIRM_GOODS" or status = "TRADE_BUYER_SIGNED" or status = "TRADE_FINISHED"',
    )
    calls = (
        Call(
            "orders",
            L("订单（增量）", "Orders (changed)"),
            "taobao.trades.sold.increment.get",
            Poll(
                lambda w: {
                    "fields": TRADE_FIELDS, "page_no": w.page + 1, "page_size": w.size,
                    "start_modified": china_time(w.begin), "end_modified": china_time(w.end),
                },
                records="trades.trade", id="tid", version="modified", total="total_results", size=50,
            ),
            sample="trade.json",
        ),
        Call(
            "refunds",
            L("退款（增量）", "Refunds (changed)"),
            "taobao.refunds.receive.get",
            Poll(
                lambda w: {
                    "fields": REFUND_FIELDS, "page_no": w.page + 1, "page_size": w.size,
                    "start_modified": china_time(w.begin), "end_modified": china_time(w.end),
                },
                records="refunds.refund", id="refund_id", version="modified", total="total_results",
                longest=timedelta(days=7),
            ),
            sample="refund.json",
        ),
        Call("order", L("订单详情", "One order"), "taobao.trade.fullinfo.get", fixed={"fields": TRADE_FIELDS}),
        Call("refund", L("退款详情", "One refund"), "taobao.refund.get", fixed={"fields": REFUND_FIELDS}),
        Call("agree_return", L("同意退货", "Agree to a return"), "taobao.rp.returngoods.agree"),
        Call("agree_refund", L("同意退款", "Agree to a refund"), "taobao.rp.refunds.agree"),
        Call("answer", L("答复退款", "Answer a refund"), "taobao.rp.refunds.agree", sample="answer.json"),
        Call("stock", L("改 SKU 库存", "Set a SKU's stock"), "taobao.item.quantity.update", fixed={"type": 1},
             sample="stock.json", whole=("quantity",)),
        Call("ship", L("发货", "Ship"), "taobao.logistics.offline.send", sample="ship.json"),
        Call("carriers", L("物流公司", "Carriers"), "taobao.logistics.companies.get", fixed={"fields": "id,code,name"}),
    )  # fmt: skip

    def renew(self, connection: Connection) -> Renewed:
        """Ask for a new session; only apps that are ordered in the service market have one that can be renewed."""
        asked = {"refresh_token": needed(connection, "refresh_token")}
        said = self._call(connection, RENEW, asked, session="").get("token_result") or "{}"
        try:
            return renewed(connection, json.loads(said), self.session)
        except ValueError:
            raise Failed("refused", L("会话密钥的回复不是 JSON", "The answer with the session is no JSON")) from None

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call; a refund is answered by what it has come to. Raises: Failed as the router says."""
        given = dict(parameters)
        match call.key:
            case "answer":
                return self._answer(connection, given)
            case "ship" if "oids" in given:
                oids, is_whole = given.pop("oids"), given.pop("is_whole", True)
                if not is_whole:
                    # Sub orders are named only where they are not all of them.
                    given |= {"is_split": 1, "sub_tid": ",".join(as_text(one) for one in oids)}
        return self._call(connection, call, given)

    def _answer(self, connection: Connection, body: Mapping[str, Any]) -> Any:
        """Agree that goods come back, or give the money back: {refund_id, decision: agreed or refunded, remark}."""
        key = {"refund_id": body.get("refund_id")}
        refund = self._call(connection, self.call("refund"), {"fields": REFUND_FIELDS, **key})["refund"]
        facts = {"refund_phase": refund.get("refund_phase"), "refund_version": refund.get("refund_version")}
        match body.get("decision"), refund["status"]:
            case "agreed", "WAIT_SELLER_AGREE":
                remark = body.get("remark") or "同意退货"
                given = {**connection.settings.returns, **key, **facts, "remark": remark}
                return self._call(connection, self.call("agree_return"), given)
            case "refunded", "WAIT_SELLER_AGREE" | "WAIT_SELLER_CONFIRM_GOODS":
                fen = whole(Decimal(as_text(refund["refund_fee"])) * 100)
                parts = (refund["refund_id"], fen, facts["refund_version"], facts["refund_phase"])
                infos = "|".join(as_text(part) for part in parts if part)
                said = self._call(connection, self.call("agree_refund"), {"refund_infos": infos})
                if not said.get("succ"):
                    # A larger sum asks for a code by SMS: a person does it there.
                    raise Failed("refused", f"{said.get('msg_code', '')} {said.get('message', '')}".strip()[:500])
                return said
            case ("agreed", "WAIT_BUYER_RETURN_GOODS" | "WAIT_SELLER_CONFIRM_GOODS" | "SUCCESS") | (
                "refunded", "SUCCESS"
            ):  # fmt: skip
                return refund
        words = L("退款状态为 {state}，不能这样答复", "The refund is {state}: it is not answered so")
        raise Failed("refused", words.filled({"state": refund["status"]}))

    def _call(
        self, connection: Connection, call: Call, parameters: Mapping[str, Any], session: str | None = None
    ) -> Any:
        """Make one call. Raises: Failed by the router's code, and by sub codes of its own services (isp.)."""
        settings: TaobaoSettings = connection.settings
        secret = needed(connection, "app_secret")
        session = connection.secret("session") if session is None else session
        hide = (secret, session, str(parameters.get("refresh_token", "")))
        form = plain_parameters({
            **parameters, "method": call.name, "app_key": settings.app_key, "session": session or None,
            "timestamp": china_time(connection.now), "format": "json", "v": "2.0", "sign_method": settings.sign_method,
        })  # fmt: skip
        form["sign"] = sign(form, secret, settings.sign_method)
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        said = connection.http.request(
            "POST", settings.address, headers=headers, body=body, hide=hide
        ).checked().json()  # fmt: skip
        fault = said.get("error_response") if isinstance(said, Mapping) else {"code": "", "msg": "no answer"}
        if fault is not None:
            sub = str(fault.get("sub_code") or "")
            text = " ".join(str(fault[name]) for name in ("msg", "sub_code", "sub_msg") if fault.get(name))
            # The sub code tells whose fault it is: isv. is ours and stays one, isp. is theirs and passes.
            passing = {str(fault.get("code"))} if sub.startswith("isp.") else frozenset() if sub else PASSING
            throttled = THROTTLED | ({str(fault.get("code"))} if sub in LIMITS else frozenset())
            raise judged(
                fault.get("code"), text, throttled=throttled, passing=frozenset(passing), denied=DENIED,
                hide=hide,
            )  # fmt: skip
        return next(iter(said.values())) if said else {}


RENEW = Call("renew", L("刷新令牌", "Renew the session"), "taobao.top.auth.token.refresh")
#: App Call Limited; the sub codes say which limit.
THROTTLED = frozenset({"7"})
LIMITS = frozenset({"accesscontrol.limited-by-api-access-count", "accesscontrol.limited-by-app-access-count"})
#: Upload failed, HTTP action not allowed, service currently unavailable, remote service error.
PASSING = frozenset({"10", "15"})
#: Rights, session, app key, signature, time.
DENIED = frozenset({"11", "12", "13", "24", "25", "26", "27", "28", "29", "30", "31"})


def sign(parameters: Mapping[str, str], secret: str, method: Method) -> str:
    """Give a signature of TOP: sorted names and values, MD5 between two secrets or HMAC, upper hex.

    Source: TOP, API 调用方法详解 (docId 101617): app secret helloworld → 66987CB115214E59E6EC978214934FB8
    """
    text = joined(parameters, empty=False)
    if method == "md5":
        return digest(wrapped(text, secret), "md5").hex().upper()
    return keyed(text, secret, "md5" if method == "hmac" else "sha256").hex().upper()
