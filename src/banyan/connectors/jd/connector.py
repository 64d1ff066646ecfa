"""JOS: every call is one signed form to routerjson; business parameters are one JSON text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll, compact, judged, needed, renewed
from banyan.connectors.signing import CHINA, china_time, digest, joined, wrapped
from banyan.integration.connecting import Connection, Failed, Renewed, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L

ORDER_FIELDS = (
    "orderId,venderId,orderState,orderStateRemark,orderStartTime,orderEndTime,paymentConfirmTime,modified,"
    "orderTotalPrice,orderSellerPrice,orderPayment,freightPrice,sellerDiscount,orderRemark,venderRemark,pin,"
    "consigneeInfo,itemInfoList,couponDetailList,waybill"
)


class JdSettings(BaseModel):
    """The gateway and our app; the shop's access token is a secret."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("网关地址", "Gateway", "https://api.jd.com/routerjson", pattern=r"^https?://")
    app_key: str = field("应用 Key", "App key")
    token_address: str = field(
        "令牌地址", "Address of tokens", "https://open-oauth.jd.com/oauth2/refresh_token", pattern=r"^https?://",
        help=L("其主机须在允许的主机中", "Its host must be among the allowed ones"),
    )  # fmt: skip


@connector
class Jd(Platform):
    """Shops of JD's open platform (POP)."""

    key = "jd"
    label = L("京东", "JD")
    help = L(
        "按宙斯开放平台取订单、发货、改库存、审核退款", "Orders, shipment, stock and refunds by the open platform JOS"
    )
    settings = JdSettings
    secrets = ("app_secret", "access_token", "refresh_token")
    session = "access_token"
    joins = {
        "orders": "", "stock": 'data.outside_sku != ""', "ship": "data.is_all", "refunds": "status = 0",
        "answer": 'data.kind = "refund" and (data.decision = "agreed" or data.decision = "refused")',
    }  # fmt: skip
    shipped = ("ship", 'orderState = "WAIT_GOODS_RECEIVE_CONFIRM" or orderState = "FINISHED_L"')
    calls = (
        Call(
            "orders",
            L("订单（增量）", "Orders (changed)"),
            "jingdong.pop.order.search",
            Poll(
                lambda w: {
                    "start_date": china_time(w.begin), "end_date": china_time(w.end), "dateType": "0",
                    "order_state": "WAIT_SELLER_STOCK_OUT,WAIT_GOODS_RECEIVE_CONFIRM,TRADE_CANCELED,FINISHED_L,LOCKED",
                    "optional_fields": ORDER_FIELDS, "page": str(w.page + 1), "page_size": str(w.size), "sortType": "1",
                },
                records="searchorderinfo_result.orderInfoList", id="orderId", version="modified",
                total="searchorderinfo_result.orderTotal", longest=timedelta(days=1),
            ),
            sample="order.json",
        ),
        Call("order", L("订单详情", "One order"), "jingdong.pop.order.get", fixed={"optional_fields": ORDER_FIELDS}),
        Call("ship", L("发货", "Ship"), "jingdong.pop.order.shipment", sample="ship.json"),
        Call("stock", L("改 SKU 库存", "Set a SKU's stock"), "jingdong.stock.write.updateSkuStock", sample="stock.json",
             whole=("skuId", "stockNum")),
        Call(
            "refunds",
            L("退款申请（未出库）", "Refunds asked for before shipment"),
            "jingdong.pop.afs.soa.refundapply.queryPageList",
            Poll(
                lambda w: {
                    "applyTimeStart": china_time(w.begin), "applyTimeEnd": china_time(w.end), "pageIndex": w.page + 1,
                    "pageSize": w.size,
                },
                records="queryResult.result", id="id", version="status", total="queryResult.totalCount", size=50,
            ),
            sample="refund.json",
        ),
        Call("answer", L("审核退款", "Answer a refund"), "jingdong.pop.afs.soa.refundapply.replyRefund",
             sample="answer.json", whole=("id", "status", "rejectType")),
    )  # fmt: skip

    def renew(self, connection: Connection) -> Renewed:
        """Ask for a new access token; the refresh token is new with it. Raises: Failed by the code it answers."""
        settings: JdSettings = connection.settings
        secret, refresh = needed(connection, "app_secret"), needed(connection, "refresh_token")
        query = {"app_key": settings.app_key, "app_secret": secret, "grant_type": "refresh_token",
                 "refresh_token": refresh}  # fmt: skip
        said = connection.http.request("GET", settings.token_address, query=query, hide=(secret, refresh))
        said = said.checked().json()
        if isinstance(said, Mapping) and not said.get("access_token"):
            raise judged(said.get("code"), said.get("msg"), denied=frozenset({str(said.get("code"))}),
                         hide=(secret, refresh))  # fmt: skip
        return renewed(connection, said, self.session)

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call. Raises: Failed by the gateway's code, or by a result that says it is no success."""
        settings: JdSettings = connection.settings
        secret, token = needed(connection, "app_secret"), needed(connection, "access_token")
        form = {
            "method": call.name, "app_key": settings.app_key, "access_token": token, "v": "2.0",
            "timestamp": moment(connection.now), "360buy_param_json": compact(dict(parameters)),
        }  # fmt: skip
        form["sign"] = sign(form, secret)
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        said = connection.http.request(
            "POST", settings.address, headers=headers, body=urlencode(form).encode(), hide=(secret, token)
        ).checked().json()  # fmt: skip
        said = said if isinstance(said, Mapping) else {}
        fault = said.get("error_response")
        if fault is not None:
            text = " ".join(str(fault[name]) for name in ("zh_desc", "en_desc") if fault.get(name))
            raise judged(
                fault.get("code"), text, throttled=THROTTLED, passing=PASSING, denied=DENIED, hide=(secret, token)
            )
        answer = next(iter(said.values()), {})
        for result in (each for each in answer.values() if isinstance(each, Mapping)):
            outcome = result.get("apiResult", result)
            if isinstance(outcome, Mapping) and outcome.get("success") is False:
                text = outcome.get("chineseErrCode") or outcome.get("englishErrCode") or outcome.get("errorMessage")
                raise Failed("refused", f"{outcome.get('numberCode', '')} {text or ''}".strip()[:500])
        return answer


#: The gateway's codes (README): calls beyond what is allowed in a time; services of theirs that are away or closed for
#: a while; clock, signature, token, application and rights. All others are refused for good.
THROTTLED = frozenset({"2"})
PASSING = frozenset({"1", "23", "43", "65", "66", "67", "69"})
DENIED = frozenset({"3", "8", "11", "12", "18", "19", "20", "21", "22", "24", "25", "64", "72", "73"})


def moment(at: Any) -> str:
    """Give an instant as JOS writes it: 2021-05-07 09:20:39.683+0800."""
    there = at.astimezone(CHINA)
    return f"{there:%Y-%m-%d %H:%M:%S}.{there.microsecond // 1000:03}{there:%z}"


def sign(parameters: Mapping[str, str], secret: str) -> str:
    """Give a signature of JOS: sorted names and values between two secrets, MD5, upper hex.

    Source: JOS, 开发指南 · 签名 (listId 2643): secret yourappSecret → D70825340F4084360B9362B60DFD7930
    """
    return digest(wrapped(joined(parameters), secret), "md5").hex().upper()
