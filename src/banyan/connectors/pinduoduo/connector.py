"""POP: every call is one signed JSON body to the router; the answer's outer name differs from call to call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll, judged, needed, plain_parameters, renewed, unix
from banyan.connectors.signing import digest, joined, wrapped
from banyan.integration.connecting import Connection, Failed, Renewed, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L


class PinduoduoSettings(BaseModel):
    """The router and our app; the shop's access token is a secret.

    Takes:  return_address: the id of the address that goods come back to
    """

    model_config = ConfigDict(extra="forbid")

    address: str = field("网关地址", "Gateway", "https://gw-api.pinduoduo.com/api/router", pattern=r"^https?://")
    client_id: str = field("客户端标识", "Client id")
    return_address: str = field(
        "退货地址编号", "Address for returns", "",
        help=L("pdd.refund.address.list.get 中的地址编号", "An id of its list (pdd.refund.address.list.get)"),
    )  # fmt: skip


@connector
class Pinduoduo(Platform):
    """Pinduoduo shops."""

    key = "pinduoduo"
    label = L("拼多多", "Pinduoduo")
    help = L(
        "按拼多多开放平台取订单与售后、发货、改库存",
        "Orders, after-sales, shipment and stock by the Pinduoduo open platform",
    )
    settings = PinduoduoSettings
    secrets = ("client_secret", "access_token", "refresh_token")
    session = "access_token"
    joins = {
        "orders": "", "stock": 'data.outside_item != "" and data.outside_sku != ""', "ship": "data.is_all",
        "refunds": "(after_sales_type = 2 or after_sales_type = 3) and (after_sales_status < 6 or "
                   "after_sales_status = 7 or after_sales_status = 8 or after_sales_status = 10)",
        "answer": '(data.decision = "refunded" or data.decision = "agreed" and data.kind = "return")',
    }  # fmt: skip
    shipped = ("ship", 'order_status >= 2')
    calls = (
        Call(
            "orders",
            L("订单（增量）", "Orders (changed)"),
            "pdd.order.number.list.increment.get",
            Poll(
                lambda w: {
                    "is_lucky_flag": 0, "order_status": 5, "refund_status": 5, 
                    "start_updated_at": unix(w.begin), "end_updated_at": unix(w.end), "page": w.page + 1,
                    "page_size": w.size,
                },
                records="order_sn_list", id="order_sn", version="updated_at", total="total_count",
                longest=timedelta(minutes=30), first=timedelta(days=1),
            ),
            sample="order.json",
        ),
        Call("order", L("订单详情", "One order"), "pdd.order.information.get"),
        Call("ship", L("发货", "Ship"), "pdd.logistics.online.send", sample="ship.json"),
        Call(
            "refunds",
            L("售后单（增量）", "After-sales (changed)"),
            "pdd.refund.list.increment.get",
            Poll(
                lambda w: {
                    "after_sales_status": 1, "after_sales_type": 1, "start_updated_at": unix(w.begin),
                    "end_updated_at": unix(w.end), "page": w.page + 1, "page_size": w.size,
                },
                records="refund_list", id="id", version="updated_time", total="total_count",
                longest=timedelta(minutes=30), first=timedelta(days=1),
            ),
            sample="refund.json",
        ),
        Call("agree_return", L("同意退货", "Agree to a return"), "pdd.refund.returngoods.agree"),
        Call("agree_refund", L("同意退款", "Agree to a refund"), "pdd.refund.agree"),
        Call("answer", L("答复售后", "Answer an after-sale"), "pdd.refund.agree", sample="answer.json"),
        Call("stock", L("改 SKU 库存", "Set a SKU's stock"), "pdd.goods.quantity.update", fixed={"update_type": 1},
             sample="stock.json", whole=("quantity",)),
    )  # fmt: skip

    def renew(self, connection: Connection) -> Renewed:
        """Ask for a new access token; the refresh token is new with it."""
        said = self.ask(connection, RENEW, {"refresh_token": needed(connection, "refresh_token")})
        return renewed(connection, said, self.session)

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call. Raises: Failed by the router's code, or by an answer that says it is no success."""
        settings: PinduoduoSettings = connection.settings
        if call.key == "answer":
            return self._answer(connection, parameters)
        secret = needed(connection, "client_secret")
        token = None if call is RENEW else needed(connection, "access_token")
        hide = (secret, token or "", str(parameters.get("refresh_token", "")))
        body = plain_parameters({
            **parameters, "type": call.name, "client_id": settings.client_id, "access_token": token,
            "timestamp": unix(connection.now), "data_type": "JSON",
        })  # fmt: skip
        body["sign"] = sign(body, secret)
        said = connection.http.request("POST", settings.address, json=body, hide=hide).checked().json()
        said = said if isinstance(said, Mapping) else {}
        fault = said.get("error_response")
        if fault is not None:
            text = " ".join(str(fault[name]) for name in ("error_msg", "sub_code", "sub_msg") if fault.get(name))
            raise judged(
                fault.get("error_code"), text, throttled=THROTTLED, passing=PASSING, denied=DENIED, hide=hide
            )
        answer = next(iter(said.values()), {})
        if isinstance(answer, Mapping) and answer.get("is_success") is False:
            raise Failed("refused", str(answer.get("error_msg") or answer)[:500])
        return answer

    def _answer(self, connection: Connection, body: Mapping[str, Any]) -> Any:
        """Agree that goods come back, or give the money back: {order_sn, after_sales_id, decision, operate_desc}."""
        given = {name: body[name] for name in ("order_sn", "after_sales_id", "operate_desc") if body.get(name)}
        match body.get("decision"):
            case "agreed":
                place = connection.settings.return_address
                if not place:
                    words = L("外部系统未填写退货地址编号", "The system's address for returns has not been entered")
                    raise Failed("refused", words)
                given = {"operate_desc": "同意退货", **given, "return_address_id": place}
                said = self.ask(connection, self.call("agree_return"), {"request": given})
            case "refunded":
                said = self.ask(connection, self.call("agree_refund"), {"request": given})
            case decision:
                words = L("拼多多没有“{decision}”的接口，请在商家后台处理",
                          "There is no call for “{decision}”: do it in the shop")  # fmt: skip
                raise Failed("refused", words.filled({"decision": str(decision)}))
        result = said.get("result") if isinstance(said, Mapping) else None
        result = result if isinstance(result, Mapping) else {}
        if said.get("success") is False or not (result.get("success") or result.get("succ")):
            text = result.get("message") or said.get("error_msg") or said
            raise Failed("refused", str(text)[:500], code=str(said.get("error_code") or ""))
        return result


RENEW = Call("renew", L("刷新令牌", "Renew the token"), "pdd.pop.auth.token.refresh")
#: Calls beyond what is allowed in a time, or in the app's test.
THROTTLED = frozenset({"52101", "70031", "70036"})
#: Errors of their own services; calls that are switched off for a while.
PASSING = frozenset({"50000", "50001", "50002", "52001", "52002", "52102", "52103", "70033"})
#: Token, signature, address, rights, risk.
DENIED = frozenset({"10019", "20004", "20005", "20031", "70032", "70034", "70035"})


def sign(parameters: Mapping[str, str], secret: str) -> str:
    """Give a signature of POP: sorted names and values between two secrets, MD5, upper hex.

    Source: 拼多多开放平台, API 调用方法 (idStr 8EC06C399636041E): testSecret → E4DE3ED21002510DED352819E7AE6775
    """
    return digest(wrapped(joined(parameters), secret), "md5").hex().upper()
