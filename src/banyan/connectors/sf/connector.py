"""SF Express: orders with waybills, their cancelling, routes; every call is one signed form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, compact, judged, needed
from banyan.connectors.signing import base64, digest
from banyan.integration.connecting import Connection, Failed, connector
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
    help = L("下单取运单号、取消、查询路由（丰桥）", "Orders with waybills, cancelling, routes (open platform)")
    settings = SfSettings
    secrets = ("check_word",)
    calls = (
        Call("order", L("下单", "Order a waybill"), "EXP_RECE_CREATE_ORDER", sample="order.json"),
        Call("result", L("查询下单结果", "Ask for an order"), "EXP_RECE_SEARCH_ORDER_RESP"),
        Call("cancel", L("取消下单", "Cancel an order"), "EXP_RECE_UPDATE_ORDER", fixed={"dealType": 2}),
        Call("routes", L("查询路由", "Ask for routes"), "EXP_RECE_SEARCH_ROUTES", sample="routes.json"),
    )

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call. Raises: Failed by the gateway's code, then by that of the service itself."""
        settings: SfSettings = connection.settings
        word, text = needed(connection, "check_word"), compact(dict(parameters))
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
            raise judged(data.get("errorCode"), data.get("errorMsg"), hide=(word,))
        return data.get("msgData")


#: The gateway's codes: limit; errors of its own; address, time, rights, digest.
THROTTLED = frozenset({"A1008"})
PASSING = frozenset({"A1011", "A1099", "A1012"})
DENIED = frozenset({"A1001", "A1002", "A1003", "A1004", "A1005", "A1006"})


def msg_digest(text: str, moment: str, word: str) -> str:
    """Give SF's digest: base64(MD5(URL-encoded(message, time, check word run together))).

    Source: 丰桥开放平台, 数字签名认证说明; the partner's own Python SDK V2.0 (quote_plus)
    """
    return base64(digest(quote_plus(f"{text}{moment}{word}"), "md5"))
