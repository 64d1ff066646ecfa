"""SF Express: orders with waybills, their cancelling, routes; every call is one signed form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from banyan.connectors.numbers import with_numbers
from banyan.connectors.platform import Call, Platform, compact, data_of, judged, needed
from banyan.connectors.signing import base64, digest, same
from banyan.integration.connecting import Connection, Failed, Incoming, Received, Reply, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L


class SfSettings(BaseModel):
    """The gateway and our customer code."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("网关地址", "Gateway", "https://sfapi.sf-express.com/std/service", pattern=r"^https?://")
    partner_id: str = field("顾客编码", "Partner id")


@connector
class Sf(Platform):
    """SF Express (顺丰速运)."""

    key = "sf"
    label = L("顺丰速运", "SF Express")
    help = L(
        "下单取运单号、取消、查询路由、接收路由推送（丰桥）",
        "Orders with waybills, cancelling, routes asked and pushed (open platform)",
    )
    settings = SfSettings
    secrets = ("check_word", "push_token")
    calls = (
        Call("order", L("下单", "Order a waybill"), "EXP_RECE_CREATE_ORDER", sample="order.json"),
        Call("result", L("查询下单结果", "Ask for an order"), "EXP_RECE_SEARCH_ORDER_RESP"),
        Call("cancel", L("取消下单", "Cancel an order"), "EXP_RECE_UPDATE_ORDER", fixed={"dealType": 2}),
        Call("routes", L("查询路由", "Ask for routes"), "EXP_RECE_SEARCH_ROUTES", sample="routes.json"),
        Call("pushed", L("路由推送", "Routes pushed"), "", hears=True, sample="route.json"),
    )

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call. Raises: Failed by the gateway's code, then by that of the service itself."""
        settings: SfSettings = connection.settings
        if not call.name:
            raise Failed("refused", L("路由由顺丰推送", "Routes are pushed by SF"))
        word, text = needed(connection, "check_word"), compact(with_numbers(parameters, NUMBERS))
        moment = str(int(connection.now.timestamp()))
        form = {
            "partnerID": settings.partner_id, "requestID": str(uuid4()), "serviceCode": call.name,
            "timestamp": moment, "msgDigest": msg_digest(text, moment, word), "msgData": text,
        }  # fmt: skip
        said = connection.http.request(
            "POST", settings.address, body=urlencode(form).encode(), hide=(word,),
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        ).checked().json()  # fmt: skip
        said = said if isinstance(said, Mapping) else {}
        code = said.get("apiResultCode", "")
        if code != "A1000":
            raise judged(
                code, said.get("apiErrorMsg"), throttled=THROTTLED, passing=PASSING, denied=DENIED, hide=(word,)
            )
        try:
            data = json.loads(said.get("apiResultData") or "{}")
        except ValueError:
            raise Failed("refused", L("apiResultData 不是 JSON", "apiResultData is not JSON")) from None
        if not data.get("success"):
            # 8016: this order number was ordered before, and what was made then is what is wanted now.
            if data.get("errorCode") == "8016" and call.key == "order":
                return self.ask(connection, self.call("result"), {"orderId": parameters.get("orderId")})
            raise judged(data.get("errorCode"), data.get("errorMsg"), passing=PASSING, hide=(word,))
        return data.get("msgData")

    def receive(self, connection: Connection, operation: str, request: Received) -> tuple[Incoming, ...]:
        """Give each step of a push as a message. SF signs nothing: who knows the token in our address is SF."""
        self.call(operation)
        if not same(str(request.query.get("token") or ""), needed(connection, "push_token")):
            raise Failed("forged", L("推送地址中的 token 不符", "The token in the push address does not match"))
        said = data_of(request)
        body = said.get("Body") if isinstance(said, Mapping) else None
        steps = body.get("WaybillRoute") if isinstance(body, Mapping) else None
        if not isinstance(steps, list) or not all(
            isinstance(one, Mapping) and one.get("id") and one.get("mailno") for one in steps
        ):
            raise Failed("validation", L("缺少 Body.WaybillRoute", "Body.WaybillRoute is missing"))
        return tuple(
            Incoming(f"{one['mailno']}@{one['id']}", dict(one), str(one["mailno"]), "sf.route", raw=compact(dict(one)))
            for one in steps
        )

    def answer(self, connection: Connection, operation: str, taken: int, fault: Failed | None) -> Reply:
        """Give the words that end SF's repeating, or its reason to repeat."""
        if fault is None:
            return Reply('{"return_code":"0000","return_msg":"成功"}'.encode())
        status = 401 if fault.kind == "forged" else 503 if fault.is_passing else 422
        return Reply('{"return_code":"1000","return_msg":"系统异常"}'.encode(), status)


#: Members of what is ordered that SF takes as numbers.
NUMBERS = frozenset({"count", "contactType", "expressTypeId", "isReturnRoutelabel", "payMethod"})
#: The gateway's codes: limit; errors of its own and (S…) of the service; address, time, rights, digest, token.
THROTTLED = frozenset({"A1005"})
PASSING = frozenset({"A1009", "A1099", "S0003"})
DENIED = frozenset({"A1002", "A1003", "A1004", "A1006", "A1011"})


def msg_digest(text: str, moment: str, word: str) -> str:
    """Give SF's digest: base64(MD5(URL-encoded(message, time, check word run together))).

    Source: 丰桥开放平台, 数字签名认证说明; the partner's own Python SDK V2.0 (quote_plus)
    """
    return base64(digest(quote_plus(f"{text}{moment}{word}"), "md5"))
