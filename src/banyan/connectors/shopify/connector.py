"""Shopify: orders polled and pushed in one shape, stock by location, shipments, refunds, payouts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import (
    STOCK_SHOWN,
    Call,
    Platform,
    Poll,
    all_there_is,
    data_of,
    filled_path,
    header,
    iso,
    needed,
    whole,
)
from banyan.connectors.signing import base64, keyed, same
from banyan.integration.connecting import Connection, Failed, Incoming, Received, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L

GOODS = """query ($first: Int!, $after: String, $query: String!) {
  inventoryItems(first: $first, after: $after, query: $query) {
    nodes { legacyResourceId sku updatedAt variant { legacyResourceId product { legacyResourceId } }
            inventoryLevels(first: 10) { nodes { location { legacyResourceId } } } }
    pageInfo { hasNextPage endCursor } } }"""
SHOWN = """query ($first: Int!, $after: String) {
  inventoryItems(first: $first, after: $after) {
    nodes { legacyResourceId sku
            inventoryLevels(first: 10) {
              nodes { location { legacyResourceId } quantities(names: ["available"]) { name quantity } } } }
    pageInfo { hasNextPage endCursor } } }"""


class ShopifySettings(BaseModel):
    """The shop's own address, the version of the Admin API, and where its stock is told for; empty: its first place."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("店铺地址", "Shop's address", pattern=r"^https?://")
    version: str = field("接口版本", "Version", "2025-10", pattern=r"^\d{4}-\d{2}$")
    location: str = field("库存地点", "Stock's place", "", pattern=r"^\d*$",
                          help=L("地点编号；留空为第一个地点", "Id of a location; empty: the first"))  # fmt: skip


def _changed(window: Any) -> dict[str, Any]:
    return {
        "status": "any", "order": "updated_at asc", "limit": window.size, "updated_at_min": iso(window.begin),
        "updated_at_max": iso(window.end),
    }  # fmt: skip


def _of_orders() -> Poll:
    return Poll(
        _changed, records="orders", id="id", version="updated_at", size=250, moves=datetime.fromisoformat,
        longest=timedelta(days=7),
    )  # fmt: skip


@connector
class Shopify(Platform):
    """A Shopify shop."""

    key = "shopify"
    label = L("Shopify", "Shopify")
    help = L(
        "订单（轮询与推送）、库存、发货、取消、退款、打款",
        "Orders (polled and pushed), stock, shipments, refunds, payouts",
    )
    settings = ShopifySettings
    secrets = ("access_token", "webhook_secret")
    joins = {
        "orders": "", "orders_pushed": "", "goods": "",
        "stock": 'data.outside_stock != "" and data.outside_place != ""', "ship": "", "cancel": "",
        "refunds": "count(transactions) > 0", "refund": "", "statements": "",
    }  # fmt: skip
    shipped = ("ship", 'fulfillment_status = "fulfilled"')
    calls = (
        Call("orders", L("订单", "Orders"), "GET orders.json", _of_orders(), hears=True, sample="order.json"),
        Call(
            "goods",
            L("商品 ID", "Keys of goods"),
            "POST graphql.json",
            Poll(
                lambda w: {"query": GOODS, "variables": {
                    "first": w.size, "after": w.after or None,
                    "query": f"updated_at:>='{iso(w.begin)}' AND updated_at:<'{iso(w.end)}'",
                }},
                records="data.inventoryItems.nodes", id="legacyResourceId", version="updatedAt", size=25,
                cursor="data.inventoryItems.pageInfo.endCursor", longest=timedelta(days=3650),
                first=timedelta(days=3650),
            ),
            sample="goods.json",
        ),
        Call("refunds", L("退款", "Refunds"), "GET orders.json", _of_orders(), hears=True, sample="refund.json"),
        Call(
            "statements",
            L("打款", "Payouts"),
            "GET shopify_payments/payouts.json",
            Poll(
                lambda w: {"status": "paid", "date_min": f"{w.begin:%F}", "date_max": f"{w.end:%F}"},
                records="payouts", id="id", version="status", longest=timedelta(days=31), first=timedelta(days=31),
                overlap=timedelta(days=7),
            ),
            sample="payout.json",
        ),
        Call(
            "stock", L("设库存", "Set stock"), "POST inventory_levels/set.json", sample="stock.json",
            whole=("location_id", "inventory_item_id", "available"),
        ),
        Call(STOCK_SHOWN, L("店铺库存", "Stock shown"), "POST graphql.json", all_there_is(
            lambda w: {"query": SHOWN, "variables": {"first": w.size, "after": w.after or None}},
            "data.inventoryItems.nodes", size=25, cursor="data.inventoryItems.pageInfo.endCursor",
        )),
        Call("fulfilment_orders", L("待发货单", "Fulfilment orders"), "GET orders/{order_id}/fulfillment_orders.json"),
        Call("ship", L("发货", "Ship"), "POST fulfillments.json", sample="ship.json"),
        Call("cancel", L("取消订单", "Cancel an order"), "POST orders/{order_id}/cancel.json", sample="cancel.json"),
        Call("refund", L("退款给买家", "Give back"), "POST orders/{order_id}/refunds.json", sample="give_back.json"),
    )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call; what must not be done twice is first looked for. Raises: Failed."""
        given = dict(parameters)
        match call.key:
            case "ship" if "fulfillment" not in given:
                return self._ship(connection, given)
            case "cancel":
                return self._cancel(connection, call, given)
            case "goods" | "stock_shown":
                said = self._call(connection, call.name, given)
                page = said["data"]["inventoryItems"]["pageInfo"]
                page["endCursor"] = page["endCursor"] if page["hasNextPage"] else None
                return said
            case "refund":
                return self._give_back(connection, call, given)
        return self._call(connection, call.name, given)

    def parts_of(self, connection: Connection, call: Call, record: Any) -> Iterable[Any]:
        """Give an order's refunds, a SKU with the place its stock is told for or what it shows there, a payout with
        what it is made of."""
        match call.key:
            case "refunds":
                return record.get("refunds") or ()
            case "goods":
                level = _level(connection, record)
                place = level["location"]["legacyResourceId"] if level else ""
                return [record | {"place": place}] if record.get("sku") else ()
            case "stock_shown":
                level = _level(connection, record)
                if not record.get("sku") or not level:
                    return ()
                return [{"sku": record["sku"], "quantity": level["quantities"][0]["quantity"]}]
            case "statements":
                return [record | {"entries": list(self._entries(connection, record))}]
        return (record,)

    def _entries(self, connection: Connection, payout: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
        """Give what a payout is made of: each transaction, and its fee as an entry of its own."""
        asked: dict[str, Any] = {"payout_id": payout["id"], "limit": 250}
        while asked:
            said, asked = self._page(connection, "GET shopify_payments/balance/transactions.json", asked)
            for one in said["transactions"]:
                if one["type"] != "payout":
                    yield {"type": one["type"], "source_order_id": one["source_order_id"], "amount": one["amount"]}
                    if fee := Decimal(one["fee"]):
                        yield {"type": "fee", "source_order_id": one["source_order_id"], "amount": str(-fee)}

    def _ship(self, connection: Connection, body: dict[str, Any]) -> Any:
        """Ship lines of an order: {order_id, company, number, lines: [{line, quantity}]}.

        Its fulfilment orders say what is still to go, and from which of them; a fulfilment with this number, made by an
        earlier try, is the answer.
        """
        order, number = {"order_id": body.get("order_id")}, str(body.get("number") or "")
        made = self._call(connection, "GET orders/{order_id}/fulfillments.json", dict(order))["fulfillments"]
        for one in made:
            if number and one.get("tracking_number") == number and one.get("status") != "cancelled":
                return {"fulfillment": one}
        there = self._call(connection, "GET orders/{order_id}/fulfillment_orders.json", dict(order))
        wanted = {str(line["line"]): whole(line["quantity"]) for line in body.get("lines") or ()}
        chosen = []
        for one in there["fulfillment_orders"]:
            rows = []
            for line in one["line_items"] if one["status"] in ("open", "in_progress") else ():
                left = wanted.get(str(line["line_item_id"]), 0)
                if quantity := min(left, line["fulfillable_quantity"]):
                    rows.append({"id": line["id"], "quantity": quantity})
                    wanted[str(line["line_item_id"])] = left - quantity
            if rows:
                chosen.append({"fulfillment_order_id": one["id"], "fulfillment_order_line_items": rows})
        if not chosen or any(wanted.values()):
            raise Failed("refused", L("店铺没有这么多待发的", "The shop has not so much of it to be shipped"))
        tracking = {"company": str(body.get("company") or ""), "number": number}
        fulfilment = {
            "line_items_by_fulfillment_order": chosen, "tracking_info": tracking, "notify_customer": True,
        }  # fmt: skip
        return self._call(connection, "POST fulfillments.json", {"fulfillment": fulfilment})

    def _cancel(self, connection: Connection, call: Call, body: dict[str, Any]) -> Any:
        there = self._call(connection, "GET orders/{order_id}.json", {"order_id": body.get("order_id")})
        return there if there["order"].get("cancelled_at") else self._call(connection, call.name, body)

    def _give_back(self, connection: Connection, call: Call, body: dict[str, Any]) -> Any:
        """Give back an amount of what was paid: {order_id, amount, note}. The note tells whether it was done before."""
        order, note = {"order_id": body.get("order_id")}, str(body.get("note") or "")
        for one in self._call(connection, "GET orders/{order_id}/refunds.json", dict(order))["refunds"]:
            if note and one.get("note") == note:
                return {"refund": one}
        known = self._call(connection, "GET orders/{order_id}/transactions.json", dict(order))["transactions"]
        paid = [
            one for one in known
            if one["kind"] in ("sale", "capture") and one["status"] == "success"
        ]  # fmt: skip
        if len(paid) != 1:
            raise Failed("refused", L("付款不是一笔，请在店铺中退款", "It was not paid at once; give back in the shop"))
        transaction = {
            "parent_id": paid[0]["id"], "amount": str(body.get("amount")), "kind": "refund",
            "gateway": paid[0]["gateway"],
        }  # fmt: skip
        refund = {"currency": paid[0]["currency"], "notify": True, "note": note, "transactions": [transaction]}
        return self._call(connection, call.name, {**order, "refund": refund})

    def _call(self, connection: Connection, name: str, given: dict[str, Any]) -> Any:
        return self._page(connection, name, given)[0]

    def _page(self, connection: Connection, name: str, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Give an answer, and what its next page is asked by."""
        settings: ShopifySettings = connection.settings
        token = needed(connection, "access_token")
        method, _, path = name.partition(" ")
        url = f"{settings.address.rstrip('/')}/admin/api/{settings.version}/{filled_path(path, given)}"
        more = {"query": given} if method == "GET" else {"json": given}
        answer = connection.http.request(method, url, headers={"X-Shopify-Access-Token": token}, hide=(token,), **more)
        if answer.status in (401, 403):
            raise Failed("not_allowed", f"HTTP {answer.status}", code=str(answer.status))
        if answer.status == 429:
            # Shopify's seconds have a point: 2.0.
            wait = answer.headers.get("retry-after", "")
            seconds = float(wait) if wait.replace(".", "", 1).isdigit() else None
            raise Failed("throttled", "HTTP 429", code="429", retry_after=seconds)
        said = answer.checked().json()
        if faults := said.get("errors") if isinstance(said, Mapping) else None:
            # GraphQL refuses with 200.
            code = str(((faults[0] if isinstance(faults, list) else {}).get("extensions") or {}).get("code", ""))
            raise Failed("throttled" if code == "THROTTLED" else "refused", str(faults)[:500], code=code)
        return said, _next(answer.headers.get("link", ""))

    def receive(self, connection: Connection, operation: str, request: Received) -> tuple[Incoming, ...]:
        """Check Shopify's signature over the body and give the order or refund it tells of."""
        call = self.call(operation)
        wanted = base64(keyed(request.body, needed(connection, "webhook_secret")))
        if not same(header(request, "X-Shopify-Hmac-Sha256"), wanted):
            raise Failed("forged", L("签名不符", "The signature does not match"))
        return (self.incoming(call, data_of(request)),)

    def incoming(self, call: Call, record: Any) -> Incoming:
        """Give a record as a message; refunds do not change, so one is known by its number alone."""
        given = super().incoming(call, record)
        if call.key == "refunds":
            return Incoming(str(record["id"]), record, str(record["order_id"]), given.type, raw=given.raw)
        return given


def _level(connection: Connection, item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give an item's stock at the place it is told for, the first one where none is set."""
    wanted = connection.settings.location
    levels = item["inventoryLevels"]["nodes"]
    return next((one for one in levels if wanted in ("", one["location"]["legacyResourceId"])), None)


def _next(link: str) -> dict[str, Any]:
    """Give the parameters of the next page that a Link header names, none on the last."""
    for one in link.split(","):
        address, _, rel = one.partition(";")
        if 'rel="next"' in rel:
            return dict(parse_qsl(urlsplit(address.strip(" <>")).query))
    return {}
