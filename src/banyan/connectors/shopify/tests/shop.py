"""A Shopify shop by the documents of its Admin API: orders, fulfilment orders, inventory, refunds, payouts."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from banyan.connectors.shopify.connector import Shopify
from tests.partners.shops import Counter, sample

TOKEN, SECRET = "shpat_1", "hush"
LOCATION = 655441491
CHANGED = "2026-03-01T00:00:00Z"
#: Variant, inventory item by SKU.
GOODS = {"LAMP-01-W": (39072856, 808950810, 632910392), "BULB-9": (39072857, 808950811, 632910393)}


class ShopifyShop(Counter):
    """Its REST as legacy documents have it, 2025-10; GraphQL for the keys of goods."""

    connector = Shopify()
    settings = {"location": str(LOCATION)}
    secrets = {"access_token": TOKEN, "webhook_secret": SECRET}

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.left: dict[int, int] = {}
        self.fulfilled: dict[str, list[dict[str, Any]]] = {}
        self.payouts: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []

    def place(self) -> str:
        key = 450789469 + len(self.orders)
        order = sample(self.connector, "order.json")
        order |= {"id": key, "name": f"#{1001 + len(self.orders)}", "refunds": [], "updated_at": self.now.isoformat()}
        for n, line in enumerate(order["line_items"]):
            line["id"] = key * 10 + n
            self.left[line["id"]] = line["quantity"]
        self.orders[str(key)] = order
        return order["name"]

    def order(self, number: str) -> dict[str, Any]:
        """Give an order by its name."""
        return next(one for one in self.orders.values() if one["name"] == number)

    def cancel(self, number: str) -> None:
        self.order(number).update(cancelled_at=self.now.isoformat(), updated_at=self.now.isoformat())

    def take_back(self, number: str) -> None:
        order, refund = self.order(number), sample(self.connector, "refund.json")
        refund |= {"id": 509562969 + len(self.orders), "order_id": order["id"]}
        refund["refund_line_items"][0]["line_item_id"] = order["line_items"][0]["id"]
        order["refunds"].append(refund)
        order.update(updated_at=self.now.isoformat(), financial_status="partially_refunded")

    def pay_out(self, number: str) -> None:
        """Pay what was received for an order, less what was given back and the fee."""
        head = {"payout_id": 623721858, "source_order_id": self.order(number)["id"]}
        self.entries = [
            head | {"id": 1, "type": "charge", "amount": "207.80", "fee": "2.60", "net": "205.20"},
            head | {"id": 2, "type": "refund", "amount": "-88.90", "fee": "0.00", "net": "-88.90"},
            {"id": 3, "payout_id": 623721858, "source_order_id": None, "type": "payout", "amount": "-116.30",
             "fee": "0.00", "net": "-116.30"},
        ]  # fmt: skip
        self.payouts = [{"id": 623721858, "status": "paid", "date": f"{self.now:%F}", "currency": "CNY",
                         "amount": "116.30"}]  # fmt: skip

    def answer(self, asked: Any) -> Any:
        if asked.headers.get("x-shopify-access-token") != TOKEN:
            return 401, {"errors": "[API] Invalid API key or access token"}
        root = "/admin/api/2025-10/"
        if not asked.path.startswith(root):
            return 404, {"errors": "Not Found"}
        match asked.method, *asked.path.removeprefix(root).removesuffix(".json").split("/"):
            case "GET", "orders":
                begin, end = (datetime.fromisoformat(asked.one(f"updated_at_{x}")) for x in ("min", "max"))
                rows = sorted(self.orders.values(), key=lambda one: one["updated_at"])
                found = [one for one in rows if begin <= datetime.fromisoformat(one["updated_at"]) < end]
                return {"orders": found[: int(asked.one("limit"))]}
            case "POST", "graphql":
                return self._goods(asked.json)
            case "POST", "inventory_levels", "set":
                return self._set(asked.json)
            case "GET", "shopify_payments", "payouts":
                assert asked.one("status") == "paid"
                there = [one for one in self.payouts if asked.one("date_min") <= one["date"] <= asked.one("date_max")]
                return {"payouts": there}
            case "GET", "shopify_payments", "balance", "transactions":
                return self._entries(asked)
            case "POST", "fulfillments":
                return self._fulfil(asked.json["fulfillment"])
            case method, "orders", key, *rest if key in self.orders:
                return self._of_order(method, self.orders[key], rest, asked)
        return 404, {"errors": "Not Found"}

    def _of_order(self, method: str, order: dict[str, Any], rest: list[str], asked: Any) -> Any:
        key = str(order["id"])
        match method, *rest:
            case ("GET",):
                return {"order": order}
            case "GET", "fulfillments":
                return {"fulfillments": self.fulfilled.get(key, [])}
            case "GET", "fulfillment_orders":
                # Two of them, as where two places ship: the first holds the first line.
                parts = [[line] for line in order["line_items"]]
                return {"fulfillment_orders": [self._fulfilment_order(order, n, part) for n, part in enumerate(parts)]}
            case "POST", "cancel":
                if order.get("cancelled_at"):
                    return 422, {"error": "Cannot cancel an order that is already cancelled"}
                if asked.json.get("reason") not in ("customer", "inventory", "fraud", "declined", "other"):
                    return 422, {"errors": {"reason": ["is not included in the list"]}}
                self.cancel(order["name"])
                self.cancelled.append(order["name"])
                return {"order": order}
            case "GET", "transactions":
                return {"transactions": [
                    {"id": 801038806, "kind": "sale", "status": "success", "gateway": "bogus", "currency": "CNY",
                     "amount": order["total_price"]},
                ]}  # fmt: skip
            case "GET", "refunds":
                return {"refunds": order["refunds"]}
            case "POST", "refunds":
                refund = asked.json["refund"]
                [paid] = refund["transactions"]
                if set(paid) != {"parent_id", "amount", "kind", "gateway"} or paid["parent_id"] != 801038806:
                    return 422, {"errors": {"base": ["Transaction parent is invalid"]}}
                made = {"id": 9, "order_id": order["id"], "note": refund["note"], "refund_line_items": [],
                        "transactions": [paid | {"status": "success"}]}  # fmt: skip
                order["refunds"].append(made)
                self.given_back.append((order["name"], Decimal(paid["amount"])))
                return 201, {"refund": made}
        return 404, {"errors": "Not Found"}

    def _fulfilment_order(self, order: dict[str, Any], n: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
        rows = [
            {"id": line["id"] + 7, "line_item_id": line["id"], "quantity": line["quantity"],
             "fulfillable_quantity": self.left[line["id"]], "variant_id": line["variant_id"]}
            for line in lines
        ]  # fmt: skip
        is_open = any(row["fulfillable_quantity"] for row in rows) and not order.get("cancelled_at")
        return {"id": 1046000785 + order["id"] * 10 + n, "order_id": order["id"], "line_items": rows,
                "status": "open" if is_open else "closed"}  # fmt: skip

    def _fulfil(self, body: dict[str, Any]) -> Any:
        sent: dict[str, int] = {}
        order: dict[str, Any] = {}
        for part in body["line_items_by_fulfillment_order"]:
            order = self.orders.get(str((part["fulfillment_order_id"] - 1046000785) // 10), {})
            lines = {line["id"] + 7: line for line in order.get("line_items", ())}
            rows = part.get("fulfillment_order_line_items", ())
            if any(row["id"] not in lines or row["quantity"] > self.left[lines[row["id"]]["id"]] for row in rows):
                return 422, {"errors": {"base": ["The fulfillment order is not in a fulfillable state."]}}
            for row in rows:
                self.left[lines[row["id"]]["id"]] -= row["quantity"]
                sent[lines[row["id"]]["sku"]] = row["quantity"]
        if not sent:
            return 422, {"errors": {"base": ["The fulfillment order is not in a fulfillable state."]}}
        tracking = body["tracking_info"]
        made = {"id": len(self.sent) + 1, "status": "success", "tracking_number": tracking["number"],
                "tracking_company": tracking["company"]}  # fmt: skip
        self.fulfilled.setdefault(str(order["id"]), []).append(made)
        self.sent.append((order["name"], tracking["number"], sent))
        return 201, {"fulfillment": made}

    def _set(self, body: dict[str, Any]) -> Any:
        known = {item: sku for sku, (_, item, _) in GOODS.items()}
        if body["location_id"] != LOCATION or body["inventory_item_id"] not in known:
            return 404, {"errors": "Not Found"}
        assert isinstance(body["available"], int)
        self.stock[known[body["inventory_item_id"]]] = body["available"]
        return {"inventory_level": body | {"updated_at": self.now.isoformat()}}

    def _goods(self, body: dict[str, Any]) -> Any:
        """Give one item a page, so that cursors are gone by."""
        if "inventoryItems(" not in body["query"]:
            return {"errors": [{"message": "Field doesn't exist", "extensions": {"code": "undefinedField"}}]}
        names = list(GOODS)
        at = names.index(body["variables"]["after"]) + 1 if body["variables"]["after"] else 0
        if "quantities(" in body["query"]:
            return self._shown(names, at)
        begin, end = re.findall(r"'([^']+)'", body["variables"]["query"])
        if not begin <= CHANGED < end:
            return {"data": {"inventoryItems": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}}
        variant, item, product = GOODS[names[at]]
        node = {"legacyResourceId": str(item), "sku": names[at], "updatedAt": CHANGED,
                "variant": {"legacyResourceId": str(variant), "product": {"legacyResourceId": str(product)}},
                "inventoryLevels": {"nodes": [{"location": {"legacyResourceId": "1"}},
                                              {"location": {"legacyResourceId": str(LOCATION)}}]}}  # fmt: skip
        page = {"hasNextPage": at + 1 < len(names), "endCursor": names[at]}
        return {"data": {"inventoryItems": {"nodes": [node], "pageInfo": page}}}

    def _shown(self, names: list[str], at: int) -> Any:
        """Give one item a page with what is available of it at two places."""
        levels = [{"location": {"legacyResourceId": place}, "quantities": [{"name": "available", "quantity": quantity}]}
                  for place, quantity in (("1", 7), (str(LOCATION), self.stock.get(names[at], 0)))]  # fmt: skip
        node = {"legacyResourceId": str(GOODS[names[at]][1]), "sku": names[at], "inventoryLevels": {"nodes": levels}}
        page = {"hasNextPage": at + 1 < len(names), "endCursor": names[at]}
        return {"data": {"inventoryItems": {"nodes": [node], "pageInfo": page}}}

    def _entries(self, asked: Any) -> Any:
        """Give one transaction a page; the next is named by a Link header."""
        at = int(asked.one("page_info") or 0)
        if not at and asked.one("payout_id") != "623721858":
            return {"transactions": []}
        path = f"{self.url}/admin/api/2025-10/shopify_payments/balance/transactions.json"
        more = [f'Link: <{path}?limit=250&page_info={at + 1}>; rel="next"'] if at + 1 < len(self.entries) else []
        return 200, {"transactions": self.entries[at : at + 1]}, *more
