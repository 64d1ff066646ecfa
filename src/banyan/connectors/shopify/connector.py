"""Shopify: orders polled and pushed in one shape, stock by location, shipments with tracking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll, data_of, filled_path, header, iso, needed
from banyan.connectors.signing import base64, keyed, same
from banyan.integration.connecting import Connection, Failed, Incoming, Received, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L


class ShopifySettings(BaseModel):
    """The shop's own address and the version of the Admin API."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("店铺地址", "Shop's address", pattern=r"^https?://")
    version: str = field("接口版本", "Version", "2025-10", pattern=r"^\d{4}-\d{2}$")


@connector
class Shopify(Platform):
    """A Shopify shop."""

    key = "shopify"
    label = L("Shopify", "Shopify")
    help = L("订单（轮询与推送）、库存、发货", "Orders (polled and pushed), stock, shipments")
    settings = ShopifySettings
    secrets = ("access_token", "webhook_secret")
    calls = (
        Call(
            "orders",
            L("订单", "Orders"),
            "GET orders.json",
            Poll(
                lambda w: {
                    "status": "any", "order": "updated_at asc", "limit": w.size, "updated_at_min": iso(w.begin),
                    "updated_at_max": iso(w.end),
                },
                records="orders", id="id", version="updated_at", size=250,
                moves=datetime.fromisoformat, longest=timedelta(days=7),
            ),
            hears=True,
            sample="order.json",
        ),
        Call("refunds", L("退款推送", "Refunds pushed"), "POST refunds", hears=True),
        Call("stock", L("设库存", "Set stock"), "POST inventory_levels/set.json", sample="stock.json"),
        Call("fulfilment_orders", L("待发货单", "Fulfilment orders"), "GET orders/{order_id}/fulfillment_orders.json"),
        Call("ship", L("发货", "Ship"), "POST fulfillments.json", sample="ship.json"),
        Call("cancel", L("取消订单", "Cancel an order"), "POST orders/{order_id}/cancel.json"),
    )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call of the Admin API. Raises: Failed."""
        settings: ShopifySettings = connection.settings
        token = needed(connection, "access_token")
        method, _, path = call.name.partition(" ")
        given = dict(parameters)
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
        return answer.checked().json()

    def receive(self, connection: Connection, operation: str, request: Received) -> tuple[Incoming, ...]:
        """Check Shopify's signature over the body and give the order or refund it tells of."""
        call = self.call(operation)
        wanted = base64(keyed(request.body, needed(connection, "webhook_secret")))
        if not same(header(request, "X-Shopify-Hmac-Sha256"), wanted):
            raise Failed("forged", L("签名不符", "The signature does not match"))
        body = data_of(request)
        if call.poll is not None:
            return (self.incoming(call, body),)
        name = header(request, "X-Shopify-Event-Id") or header(request, "X-Shopify-Webhook-Id") or str(body.get("id"))
        return (Incoming(name, body, str(body.get("order_id", "")), f"shopify.{header(request, 'X-Shopify-Topic')}"),)
