"""WooCommerce: orders polled and pushed in one shape, stock, and the order's state with its tracking note."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, Poll, data_of, filled_path, header, iso, needed
from banyan.connectors.signing import base64, keyed, same
from banyan.integration.connecting import Connection, Failed, Incoming, Received, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L


class WooSettings(BaseModel):
    """The shop's address, without /wp-json."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("商城地址", "Shop's address", pattern=r"^https?://",
                        help=L("不含 /wp-json", "Without /wp-json"))  # fmt: skip
    consumer_key: str = field("消费者密钥编号", "Consumer key")


@connector
class WooCommerce(Platform):
    """A WooCommerce shop."""

    key = "woocommerce"
    label = L("WooCommerce", "WooCommerce")
    help = L("订单（轮询与推送）、库存、状态与运单", "Orders (polled and pushed), stock, state and tracking")
    settings = WooSettings
    secrets = ("consumer_secret", "webhook_secret")
    calls = (
        Call(
            "orders",
            L("订单", "Orders"),
            "GET orders",
            Poll(
                lambda w: {
                    "orderby": "modified", "order": "asc", "per_page": w.size,
                    "modified_after": iso(w.begin - timedelta(seconds=1)), "modified_before": iso(w.end),
                    "dates_are_gmt": "true",
                },
                records="", id="id", version="date_modified_gmt", longest=timedelta(days=7),
                moves=lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
            ),
            hears=True,
            sample="order.json",
        ),
        Call("state", L("改订单状态", "Change an order's state"), "PUT orders/{id}", sample="state.json"),
        Call("note", L("订单备注（运单号）", "Note on an order"), "POST orders/{id}/notes", sample="note.json"),
        Call("stock", L("设商品库存", "Set a product's stock"), "PUT products/{id}", fixed={"manage_stock": True}),
        Call(
            "variation_stock",
            L("设规格库存", "Set a variation's stock"),
            "PUT products/{product_id}/variations/{id}",
            fixed={"manage_stock": True},
        ),
    )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call of the REST API v3; stock may be set by SKU, which is looked up first. Raises: Failed."""
        given = dict(parameters)
        if call.key == "stock" and "id" not in given and given.get("sku"):
            call, given = self._by_sku(connection, given)
        if call.key == "note" and (known := self._known_note(connection, given)):
            return known
        return self._call(connection, call.name, given)

    def _by_sku(self, connection: Connection, given: dict[str, Any]) -> tuple[Call, dict[str, Any]]:
        sku = str(given.pop("sku"))
        found = self._call(connection, "GET products", {"sku": sku})
        rows = [one for one in found if one.get("sku") == sku] if isinstance(found, list) else []
        if len(rows) != 1:
            words = L("SKU {sku} 在商城中不唯一或不存在", "The SKU {sku} is not one in the shop").filled({"sku": sku})
            raise Failed("refused" if rows else "gone", words)
        given["id"] = rows[0]["id"]
        if parent := rows[0].get("parent_id"):
            return self.call("variation_stock"), given | {"product_id": parent}
        return self.call("stock"), given

    def _known_note(self, connection: Connection, given: Mapping[str, Any]) -> Any:
        """Give the note of an earlier try whose answer was lost; a buyer is not written to twice."""
        found = self._call(connection, "GET orders/{id}/notes", {"id": given.get("id")})
        return next((one for one in found if one.get("note") == given.get("note")), None)

    def _call(self, connection: Connection, name: str, given: dict[str, Any]) -> Any:
        settings: WooSettings = connection.settings
        secret = needed(connection, "consumer_secret")
        method, _, path = name.partition(" ")
        url = f"{settings.address.rstrip('/')}/wp-json/wc/v3/{filled_path(path, given)}"
        headers = {"Authorization": f"Basic {base64(f'{settings.consumer_key}:{secret}'.encode())}"}
        more = {"query": given} if method == "GET" else {"json": given}
        answer = connection.http.request(method, url, headers=headers, hide=(secret,), **more)
        if answer.status in (401, 403):
            raise Failed("not_allowed", answer.text()[:300], code=str(answer.status))
        return answer.checked().json()

    def receive(self, connection: Connection, operation: str, request: Received) -> tuple[Incoming, ...]:
        """Check WooCommerce's signature over the body and give the order it tells of; its first ping tells of none."""
        call = self.call(operation)
        wanted = base64(keyed(request.body, needed(connection, "webhook_secret")))
        if not same(header(request, "X-WC-Webhook-Signature"), wanted):
            # A new webhook is tried with a form that holds its number and no signature.
            if request.body.startswith(b"webhook_id=") and len(request.body) < 40:
                return ()
            raise Failed("forged", L("签名不符", "The signature does not match"))
        return (self.incoming(call, data_of(request)),)
