"""WooCommerce: orders polled and pushed in one shape, stock, the order's state with its tracking note, refunds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

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
)
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


def _of_orders() -> Poll:
    return Poll(
        lambda w: {
            "orderby": "modified", "order": "asc", "per_page": w.size,
            "modified_after": iso(w.begin - timedelta(seconds=1)), "modified_before": iso(w.end),
            "dates_are_gmt": "true",
        },
        records="", id="id", version="date_modified_gmt", longest=timedelta(days=7),
        moves=lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
    )  # fmt: skip


@connector
class WooCommerce(Platform):
    """A WooCommerce shop."""

    key = "woocommerce"
    label = L("WooCommerce", "WooCommerce")
    help = L(
        "订单（轮询与推送）、库存、状态与运单、退款", "Orders (polled and pushed), stock, state, tracking, refunds"
    )
    settings = WooSettings
    secrets = ("consumer_secret", "webhook_secret")
    joins = {
        "orders": "", "orders_pushed": "", "stock": "", "ship": "", "done": "", "cancel": "", "refunds": "",
        "refund": "",
    }  # fmt: skip
    shipped = ("done", 'status = "completed"')
    calls = (
        Call("orders", L("订单", "Orders"), "GET orders", _of_orders(), hears=True, sample="order.json"),
        Call("refunds", L("退款", "Refunds"), "GET orders", _of_orders(), sample="refund.json"),
        Call("state", L("改订单状态", "Change an order's state"), "PUT orders/{id}", sample="state.json"),
        Call("note", L("订单备注（运单号）", "Note on an order"), "POST orders/{id}/notes", sample="note.json"),
        Call("ship", L("运单告知买家", "Tell the buyer of the waybill"), "POST orders/{id}/notes",
             fixed={"customer_note": True}, sample="note.json"),
        Call("cancel", L("取消订单", "Cancel an order"), "PUT orders/{id}"),
        Call("refund", L("退款给买家", "Give back"), "POST orders/{id}/refunds", fixed={"api_refund": True},
             sample="give_back.json"),
        Call("stock", L("设商品库存", "Set a product's stock"), "PUT products/{id}", fixed={"manage_stock": True},
             sample="stock.json", whole=("stock_quantity",)),
        Call(
            "variation_stock",
            L("设规格库存", "Set a variation's stock"),
            "PUT products/{product_id}/variations/{id}",
            fixed={"manage_stock": True},
            whole=("stock_quantity",),
        ),
        Call(STOCK_SHOWN, L("商城库存", "Stock shown"), "GET products", all_there_is(
            lambda w: {"page": w.page + 1, "per_page": w.size, "orderby": "id", "order": "asc"}, "rows", cursor="next",
        )),
    )  # fmt: skip

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one call of the REST API v3; what must not be done twice is first looked for. Raises: Failed.

        Stock may be set by the keys of product and variation, or by SKU, which is looked up
        """
        given = dict(parameters)
        match call.key:
            case "stock_shown":
                rows = self._call(connection, call.name, dict(given))
                return {"rows": rows, "next": given["page"] + 1 if len(rows) == given["per_page"] else None}
            case "stock" if "id" not in given:
                call, given = self._by_keys(connection, given)
            case "note" | "ship":
                if known := self._known(connection, "notes", "note", given):
                    return known
            case "refund":
                if known := self._known(connection, "refunds", "reason", given):
                    return known
        return self._call(connection, call.name, given)

    def parts_of(self, connection: Connection, call: Call, record: Any) -> Iterable[Any]:
        """Give an order's refunds, which are asked for where it says that it has some; of a product what it shows."""
        if call.key == STOCK_SHOWN:
            return [{"sku": one["sku"], "quantity": one["stock_quantity"]}
                    for one in self._sold_as(connection, record) if one["sku"]]  # fmt: skip
        if call.key != "refunds":
            return (record,)
        if not record.get("refunds"):
            return ()
        found = self._call(connection, "GET orders/{id}/refunds", {"id": record["id"], "per_page": 100})
        return [one | {"order_id": record["id"]} for one in found]

    def _sold_as(self, connection: Connection, product: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Give a product and its variations."""
        yield product
        page = 1 if product["type"] == "variable" else 0
        while page:
            asked = {"id": product["id"], "page": page, "per_page": 100, "orderby": "id", "order": "asc"}
            found = self._call(connection, "GET products/{id}/variations", asked)
            yield from found
            page = page + 1 if len(found) == 100 else 0

    def incoming(self, call: Call, record: Any) -> Incoming:
        """Give a record as a message; refunds do not change, so one is known by its number alone."""
        if call.key == "refunds":
            given = super().incoming(call, record)
            return replace(given, id=str(record["id"]), key=str(record["order_id"]))
        return super().incoming(call, record)

    def _by_keys(self, connection: Connection, given: dict[str, Any]) -> tuple[Call, dict[str, Any]]:
        """Give the call that sets stock. WooCommerce writes 0 for the variation of a product that has none."""
        product, variation = (str(given.pop(name, "") or "") for name in ("product_id", "variation_id"))
        if not product:
            return self._by_sku(connection, given)
        given.pop("sku", None)
        if variation in ("", "0"):
            return self.call("stock"), given | {"id": product}
        return self.call("variation_stock"), given | {"id": variation, "product_id": product}

    def _by_sku(self, connection: Connection, given: dict[str, Any]) -> tuple[Call, dict[str, Any]]:
        sku = str(given.pop("sku", ""))
        found = self._call(connection, "GET products", {"sku": sku})
        rows = [one for one in found if one.get("sku") == sku] if isinstance(found, list) else []
        if len(rows) != 1:
            words = L("SKU {sku} 在商城中不唯一或不存在", "The SKU {sku} is not one in the shop").filled({"sku": sku})
            raise Failed("refused" if rows else "gone", words)
        given["id"] = rows[0]["id"]
        if parent := rows[0].get("parent_id"):
            return self.call("variation_stock"), given | {"product_id": parent}
        return self.call("stock"), given

    def _known(self, connection: Connection, kind: str, name: str, given: Mapping[str, Any]) -> Any:
        """Give the note or refund of an earlier try whose answer was lost: nobody is written to or paid twice."""
        found = self._call(connection, f"GET orders/{{id}}/{kind}", {"id": given.get("id")})
        return next((one for one in found if given.get(name) and one.get(name) == given[name]), None)

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
