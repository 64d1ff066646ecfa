"""Vendure: a session by name and password, then GraphQL documents; a union's error member is a refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import STOCK_SHOWN, Call, Platform, Poll, Window, all_there_is, iso, needed
from banyan.integration.connecting import Connection, Failed, Incoming, PresetFlow, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L

ORDER = """
  id code state active currencyCode createdAt updatedAt orderPlacedAt
  subTotalWithTax shippingWithTax totalWithTax customer { emailAddress firstName lastName phoneNumber }
  shippingAddress { fullName phoneNumber countryCode province city streetLine1 streetLine2 postalCode }
  lines { id quantity orderPlacedQuantity unitPriceWithTax discountedLinePriceWithTax linePriceWithTax
          productVariant { id sku name product { id } } }
  fulfillments { id state method trackingCode }
  payments { id state createdAt amount refunds { id createdAt state total reason lines { orderLineId quantity } } }
"""
PLACED = f"""query ($after: DateTime!, $before: DateTime!, $take: Int!) {{
  orders(options: {{filter: {{orderPlacedAt: {{between: {{start: $after, end: $before}}}}}},
                   sort: {{orderPlacedAt: ASC}}, take: $take}}) {{ items {{ {ORDER} }} totalItems }} }}"""
CODED = """query ($code: String!) { orders(options: {filter: {code: {eq: $code}}, take: 1}) { items { id } } }"""
ONE = f"query ($id: ID!) {{ order(id: $id) {{ {ORDER} }} }}"
FULFIL = """mutation ($input: FulfillOrderInput!) { addFulfillmentToOrder(input: $input) {
  __typename ... on Fulfillment { id state trackingCode } ... on ErrorResult { errorCode message } } }"""
MOVE = """mutation ($id: ID!, $state: String!) { transitionFulfillmentToState(id: $id, state: $state) {
  __typename ... on Fulfillment { id state trackingCode } ... on ErrorResult { errorCode message } } }"""
CANCEL = """mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) {
  __typename ... on Order { id state } ... on ErrorResult { errorCode message } } }"""
GIVE_BACK = """mutation ($input: RefundOrderInput!) { refundOrder(input: $input) {
  __typename ... on Refund { id state total reason } ... on ErrorResult { errorCode message } } }"""
VARIANT = """query ($sku: String!) { productVariants(options: {filter: {sku: {eq: $sku}}, take: 2}) {
  items { id sku stockLevels { stockLocationId stockOnHand stockAllocated } } } }"""
SHOWN = """query ($skip: Int!, $take: Int!) { productVariants(options: {skip: $skip, take: $take, sort: {id: ASC}}) {
  items { id sku stockLevels { stockLocationId stockOnHand stockAllocated } } totalItems } }"""
STOCK = """mutation ($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) {
  id sku stockLevels { stockLocationId stockOnHand stockAllocated } } }"""
LOGIN = """mutation ($name: String!, $password: String!) { login(username: $name, password: $password) {
  __typename ... on ErrorResult { errorCode message } } }"""


def parameters_of(window: Window) -> dict[str, Any]:
    """Give what a window is called in the document."""
    return {"after": iso(window.begin - timedelta(seconds=1)), "before": iso(window.end), "take": window.size}


class VendureSettings(BaseModel):
    """The shop's address, without /admin-api; a channel's token where it has several."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("商城地址", "Shop's address", pattern=r"^https?://",
                        help=L("不含 /admin-api", "Without /admin-api"))  # fmt: skip
    user: str = field("用户", "User")
    channel: str = field("渠道令牌", "Channel's token", "")


def _two_weeks() -> Poll:
    return Poll(
        parameters_of, records="orders.items", id="code", version="orderPlacedAt", moves=datetime.fromisoformat,
        first=timedelta(days=14), overlap=timedelta(days=14), longest=timedelta(days=15),
    )  # fmt: skip


@connector
class Vendure(Platform):
    """A Vendure shop."""

    key = "vendure"
    label = L("Vendure 商城", "Vendure shop")
    help = L(
        "订单、可售库存、发货、取消、退款（Admin GraphQL）",
        "Orders, saleable stock, shipments, refunds (Admin GraphQL)",
    )
    settings = VendureSettings
    secrets = ("password",)
    joins = {"orders": "", "stock": "", "ship": "", "cancel": "", "refunds": "", "refund": ""}
    shipped = ("ship", 'state = "Shipped" or state = "Delivered"')
    calls = (
        Call(
            "orders",
            L("订单", "Orders"),
            PLACED,
            Poll(
                parameters_of, records="orders.items", id="code", version="orderPlacedAt",
                moves=datetime.fromisoformat, longest=timedelta(days=7),
            ),
            sample="order.json",
        ),
        Call("changes", L("订单变化（两周内）", "Changes of orders (two weeks back)"), PLACED, _two_weeks(),
             sample="order.json"),
        Call("refunds", L("退款（两周内的订单）", "Refunds (of orders two weeks back)"), PLACED, _two_weeks(),
             sample="refund.json"),
        Call("order", L("订单详情", "One order"), ONE),
        Call("stock", L("设可售库存", "Set saleable stock"), STOCK, sample="stock.json", whole=("quantity",)),
        Call(STOCK_SHOWN, L("商城库存", "Stock shown"), SHOWN, all_there_is(
            lambda w: {"skip": w.page * w.size, "take": w.size}, "productVariants.items",
            total="productVariants.totalItems",
        )),
        Call("ship", L("发货", "Ship"), FULFIL, sample="ship.json"),
        Call("cancel", L("取消订单", "Cancel an order"), CANCEL),
        Call("refund", L("退款给买家", "Give back"), GIVE_BACK, sample="give_back.json", whole=("amount",)),
    )  # fmt: skip

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, ...], str] = {}
        self._gate = threading.Lock()

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call; shipments and stock are several documents, each of which may be repeated without harm."""
        given = dict(parameters)
        match call.key:
            case "ship":
                return self._ship(connection, given)
            case "stock":
                return self._stock(connection, given)
            case "cancel":
                order = self._order(connection, _text(given, "orderId"))
                return order if order["state"] == "Cancelled" else self._said(
                    connection, CANCEL, {"input": given}, "cancelOrder"
                )  # fmt: skip
            case "refund":
                return self._give_back(connection, given)
        return self._document(connection, call.name, given)

    def presets(self) -> Sequence[PresetFlow]:
        """Give the shop's flows; its orders are read by what has become of them."""
        return tuple(replace(one, subject="changes") if one.name == "orders" else one for one in super().presets())

    def parts_of(self, connection: Connection, call: Call, record: Any) -> Iterable[Any]:
        """Give the refunds of an order's payments that have not failed; of a variant what can still be sold."""
        if call.key == STOCK_SHOWN:
            left = sum(one["stockOnHand"] - one["stockAllocated"] for one in record["stockLevels"])
            return [{"sku": record["sku"], "quantity": left}] if record["sku"] else ()
        if call.key != "refunds":
            return (record,)
        order = {"id": record["id"], "code": record["code"]}
        return [
            one | {"order": order} for payment in record["payments"] for one in payment["refunds"]
            if one["state"] != "Failed"
        ]  # fmt: skip

    def incoming(self, call: Call, record: Any) -> Incoming:
        """Give an order as a message. Payment, shipment, refund and cancelling leave Vendure's updatedAt as it was, so
        its version is made of what can change."""
        given = super().incoming(call, record)
        if call.key == STOCK_SHOWN:
            return given
        if call.key == "refunds":
            return replace(given, id=f"{record['id']}@{record['state']}", key=record["order"]["code"])
        made = "/".join(f"{each['state']} {each['trackingCode']}" for each in record.get("fulfillments") or ())
        back = [one for paid in record.get("payments") or () for one in paid.get("refunds") or ()]
        made += "".join(f"-{each['id']} {each['state']}" for each in back)
        name = f"{record['code']}@{record['state']}@{record['updatedAt']}@{made}"
        return replace(given, id=name, type="vendure.orders")

    def _ship(self, connection: Connection, body: dict[str, Any]) -> Any:
        """Ship an order or some of its lines: {order or code, method, tracking, lines?: [{line, quantity}]}.

        A fulfilment with this tracking code, made by an earlier try, is gone on with.
        """
        if body.get("code") and not body.get("order"):
            coded = self._document(connection, CODED, {"code": _text(body, "code")})["orders"]["items"]
            body = body | {"order": coded[0]["id"] if coded else "0"}
        order = self._order(connection, _text(body, "order"))
        tracking = _text(body, "tracking")
        found = next((each for each in order["fulfillments"] or [] if each["trackingCode"] == tracking), None)
        if found is None:
            asked = body.get("lines") or [{"line": each["id"], "quantity": each["quantity"]} for each in order["lines"]]
            lines = [{"orderLineId": str(each["line"]), "quantity": int(each["quantity"])} for each in asked]
            told = {"method": str(body.get("method") or ""), "trackingCode": tracking}
            arguments = [{"name": name, "value": value} for name, value in told.items()]
            handler = {"code": "manual-fulfillment", "arguments": arguments}
            found = self._said(
                connection, FULFIL, {"input": {"lines": lines, "handler": handler}}, "addFulfillmentToOrder"
            )
        if found["state"] == "Pending":
            moved = {"id": found["id"], "state": "Shipped"}
            found = self._said(connection, MOVE, moved, "transitionFulfillmentToState")
        return found

    def _order(self, connection: Connection, key: str) -> dict[str, Any]:
        order = self._document(connection, ONE, {"id": key})["order"]
        if order is None:
            raise Failed("gone", L("商城没有此订单", "The shop knows no such order"))
        return order

    def _give_back(self, connection: Connection, body: dict[str, Any]) -> Any:
        """Give back an amount, in the smallest unit, of what was paid: {order, amount, reason}.

        A refund with this reason, made by an earlier try, is the answer
        """
        reason = _text(body, "reason")
        paid = [one for one in self._order(connection, _text(body, "order"))["payments"] if one["state"] == "Settled"]
        for one in (refund for payment in paid for refund in payment["refunds"]):
            if one["reason"] == reason and one["state"] != "Failed":
                return one
        if len(paid) != 1:
            raise Failed("refused", L("付款不是一笔，请在商城中退款", "It was not paid at once; give back in the shop"))
        # The last three are deprecated, yet 3.7.2 writes no refund without them.
        asked = {
            "amount": body.get("amount"), "paymentId": paid[0]["id"], "reason": reason, "lines": [], "shipping": 0,
            "adjustment": 0,
        }  # fmt: skip
        return self._said(connection, GIVE_BACK, {"input": asked}, "refundOrder")

    def _stock(self, connection: Connection, body: dict[str, Any]) -> Any:
        """Set what can be sold of a SKU: {sku, quantity}. The shop counts what is ordered and not shipped beside it."""
        items = self._document(connection, VARIANT, {"sku": _text(body, "sku")})["productVariants"]["items"]
        if len(items) != 1:
            words = L("SKU 在商城中不唯一或不存在", "The SKU is not one in the shop")
            raise Failed("refused" if items else "gone", words)
        allocated = sum(level["stockAllocated"] for level in items[0]["stockLevels"])
        wanted = {"id": items[0]["id"], "stockOnHand": int(body.get("quantity") or 0) + allocated}
        return self._document(connection, STOCK, {"input": [wanted]})["updateProductVariants"][0]

    def _said(self, connection: Connection, document: str, variables: Mapping[str, Any], name: str) -> Any:
        said = self._document(connection, document, variables)[name]
        if said.get("errorCode"):
            raise Failed("refused", f"{said['errorCode']}: {said['message']}"[:500], code=said["errorCode"])
        return said

    def _document(self, connection: Connection, document: str, variables: Mapping[str, Any]) -> Any:
        for attempt in (1, 2):
            answer = self._post(connection, document, variables, self._token(connection, anew=attempt == 2))
            said = answer.json()
            said = said if isinstance(said, Mapping) else {}
            errors = said.get("errors") or []
            code = str((errors[0].get("extensions") or {}).get("code", "")) if errors else ""
            if code in ("FORBIDDEN", "UNAUTHENTICATED") and attempt == 1:
                continue
            if errors:
                kind = "not_allowed" if code in ("FORBIDDEN", "UNAUTHENTICATED") else "refused"
                kind = "unavailable" if code == "INTERNAL_SERVER_ERROR" else kind
                raise Failed(kind, f"{code}: {errors[0].get('message', '')}"[:500], code=code)
            return answer.checked().json()["data"]
        raise AssertionError

    def _token(self, connection: Connection, *, anew: bool) -> str:
        settings: VendureSettings = connection.settings
        password = needed(connection, "password")
        key = (connection.system, connection.environment, settings.address, settings.user, password)
        with self._gate:
            if not anew and key in self._tokens:
                return self._tokens[key]
            answer = self._post(connection, LOGIN, {"name": settings.user, "password": password}, "")
            said = (answer.checked().json() or {}).get("data", {}).get("login") or {}
            token = answer.headers.get("vendure-auth-token", "")
            if said.get("errorCode") or not token:
                raise Failed("not_allowed", f"{said.get('errorCode', '')}: {said.get('message', '')}", code="login")
            self._tokens[key] = token
            return token

    @staticmethod
    def _post(connection: Connection, document: str, variables: Mapping[str, Any], token: str) -> Any:
        settings: VendureSettings = connection.settings
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if settings.channel:
            headers["vendure-token"] = settings.channel
        hide = (token, connection.secret("password")) if token else (connection.secret("password"),)
        body = {"query": document, "variables": dict(variables)}
        url = f"{settings.address.rstrip('/')}/admin-api"
        return connection.http.request("POST", url, json=body, headers=headers, hide=hide)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = str(body.get(name) or "")
    if not value:
        raise Failed("validation", L("缺少 {name}", "{name} is missing").filled({"name": name}))
    return value
