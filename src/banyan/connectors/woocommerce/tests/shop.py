"""A WooCommerce shop by the document of its REST API v3: orders, notes, products and variations, refunds."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from banyan.connectors.woocommerce.connector import WooCommerce
from tests.partners.shops import Counter, sample

KEY, SECRET = "ck_1", "cs_1"
#: Product and variation by SKU; a product without variations has 0.
GOODS = {"LAMP-01-W": (93, 794), "BULB-9": (799, 0)}
STATES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "trash")


class WooShop(Counter):
    """Its REST API v3."""

    connector = WooCommerce()
    settings = {"consumer_key": KEY}
    secrets = {"consumer_secret": SECRET, "webhook_secret": "hook"}

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.refunds: dict[str, list[dict[str, Any]]] = {}

    def place(self) -> str:
        key = 727 + len(self.orders)
        order = sample(self.connector, "order.json")
        # A shop with numbers of its own: the interface goes by the id all the same.
        order |= {"id": key, "number": f"SO-{key}", "refunds": [], "date_modified_gmt": self.now.strftime("%FT%T")}
        for n, line in enumerate(order["line_items"]):
            line["id"] = key * 10 + n
        self.orders[str(key)] = order
        return order["number"]

    def order(self, number: str) -> dict[str, Any]:
        """Give an order by its number."""
        return next(one for one in self.orders.values() if one["number"] == number)

    def cancel(self, number: str) -> None:
        self.change(self.order(number), "cancelled")

    def change(self, order: dict[str, Any], state: str) -> None:
        """Change an order's state, now."""
        order.update(status=state, date_modified_gmt=self.now.strftime("%FT%T"))

    def take_back(self, number: str) -> None:
        order = self.order(number)
        refund = sample(self.connector, "refund.json") | {"id": 9000 + order["id"]}
        del refund["order_id"]
        self._refunded(order, refund)

    def _refunded(self, order: dict[str, Any], refund: dict[str, Any]) -> None:
        self.refunds.setdefault(str(order["id"]), []).append(refund)
        said = {"id": refund["id"], "reason": refund["reason"], "total": f"-{refund['amount']}"}
        order["refunds"].append(said)
        self.change(order, order["status"])

    def answer(self, asked: Any) -> Any:
        wanted = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != wanted:
            return 401, {"code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources."}
        match asked.method, *asked.path.removeprefix("/wp-json/wc/v3/").split("/"):
            case "GET", "orders":
                begin, end = (datetime.fromisoformat(asked.one(f"modified_{x}")) for x in ("after", "before"))
                rows = sorted(self.orders.values(), key=lambda one: one["date_modified_gmt"])
                moments = [datetime.fromisoformat(one["date_modified_gmt"]).replace(tzinfo=UTC) for one in rows]
                found = [one for one, at in zip(rows, moments, strict=True) if begin < at < end]
                return found[: int(asked.one("per_page"))]
            case method, "orders", key, *rest if key in self.orders:
                return self._of_order(method, self.orders[key], rest, asked)
            case "GET", "products" if asked.one("sku") is None:
                assert (asked.one("orderby"), asked.one("order")) == ("id", "asc")
                shown = [self._shown(product, "" if variation else sku, "variable" if variation else "simple")
                         for sku, (product, variation) in GOODS.items()]  # fmt: skip
                size = int(asked.one("per_page"))
                return shown[(int(asked.one("page")) - 1) * size :][:size]
            case "GET", "products", product, "variations":
                shown = [self._shown(variation, sku, "variation") for sku, (there, variation) in GOODS.items()
                         if there == int(product) and variation]  # fmt: skip
                return shown if asked.one("page") == "1" else []
            case "GET", "products":
                return [
                    {"id": variation or product, "sku": sku, "parent_id": product if variation else 0}
                    for sku, (product, variation) in GOODS.items() if sku == asked.one("sku")
                ]  # fmt: skip
            case "PUT", "products", product:
                return self._set(int(product), 0, asked.json)
            case "PUT", "products", product, "variations", variation:
                return self._set(int(product), int(variation), asked.json)
        return 404, {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID."}

    def _of_order(self, method: str, order: dict[str, Any], rest: list[str], asked: Any) -> Any:
        key = str(order["id"])
        match method, *rest:
            case ("PUT",):
                if asked.json["status"] not in STATES:
                    return 400, {"code": "rest_invalid_param", "message": "Invalid parameter(s): status"}
                if asked.json["status"] == "cancelled":
                    self.cancelled.append(order["number"])
                self.change(order, asked.json["status"])
                return order
            case "GET", "notes":
                return self.notes.get(key, [])
            case "POST", "notes":
                assert asked.json["customer_note"] is True
                note = {"id": len(self.notes) + 1, "note": asked.json["note"], "customer_note": True}
                self.notes.setdefault(key, []).append(note)
                pieces = {line["sku"]: line["quantity"] for line in order["line_items"]}
                self.sent.append((order["number"], note["note"].split()[-1], pieces))
                return 201, note
            case "GET", "refunds":
                return self.refunds.get(key, [])
            case "POST", "refunds":
                if Decimal(asked.json["amount"]) > Decimal(order["total"]):
                    return 400, {"code": "woocommerce_rest_invalid_order_refund", "message": "Invalid refund amount."}
                assert asked.json["api_refund"] is True
                made = {"id": 8000 + order["id"], "amount": asked.json["amount"], "reason": asked.json["reason"],
                        "line_items": []}  # fmt: skip
                self._refunded(order, made)
                self.given_back.append((order["number"], Decimal(made["amount"])))
                return 201, made
        return 404, {"code": "rest_no_route", "message": "No route was found."}

    def _shown(self, key: int, sku: str, kind: str) -> dict[str, Any]:
        """Give a product or a variation as lists show it; one whose stock is not managed shows none."""
        is_managed = sku in self.stock
        return {"id": key, "sku": sku, "type": kind, "manage_stock": is_managed,
                "stock_quantity": self.stock[sku] if is_managed else None}  # fmt: skip

    def _set(self, product: int, variation: int, body: dict[str, Any]) -> Any:
        known = {keys: sku for sku, keys in GOODS.items()}
        if (product, variation) not in known:
            return 404, {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID."}
        assert isinstance(body["stock_quantity"], int)
        assert body["manage_stock"] is True
        self.stock[known[product, variation]] = body["stock_quantity"]
        return {"id": variation or product, **body}
