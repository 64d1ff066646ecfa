"""A Vendure shop as its Admin GraphQL API answers; `make test-all` runs the same flows against a real one."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from banyan.connectors.vendure import connector as documents
from banyan.connectors.vendure.connector import Vendure
from tests.partners.shops import Counter, sample

TOKEN = "token-1"


class VendureShop(Counter):
    """Orders, variants, fulfilments and refunds of one shop."""

    connector = Vendure()
    settings = {"user": "superadmin"}
    secrets = {"password": "superadmin"}
    goods = ("LAMP-01-W",)
    total = Decimal("213.17")
    currency = "USD"
    back = (1, Decimal("101.59"))

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.on_hand = {"LAMP-01-W": 0}

    def place(self) -> str:
        key = str(len(self.orders) + 1)
        order = sample(self.connector, "order.json")
        order |= {"id": key, "code": f"5VD3FM6CSQX2GLS{key}", "orderPlacedAt": f"{self.now:%FT%T}.244Z"}
        order["lines"][0]["id"] = key + "1"
        order["payments"][0]["id"] = key
        self.orders[key] = order
        return order["code"]

    def order(self, number: str) -> dict[str, Any]:
        """Give an order by its code."""
        return next(one for one in self.orders.values() if one["code"] == number)

    @property
    def allocated(self) -> int:
        """Give how many lamps are ordered and have not gone."""
        return sum(
            line["quantity"] for one in self.orders.values() if one["state"] == "PaymentSettled"
            for line in one["lines"]
        )  # fmt: skip

    @property
    def stock(self) -> dict[str, int]:
        """Give what the shop itself would still sell."""
        return {sku: quantity - self.allocated for sku, quantity in self.on_hand.items()}

    @stock.setter
    def stock(self, value: dict[str, int]) -> None:
        """It follows from what is on hand."""

    def cancel(self, number: str) -> None:
        order = self.order(number)
        order["state"] = "Cancelled"
        for line in order["lines"]:
            line.update(quantity=0, orderPlacedQuantity=2)

    def take_back(self, number: str) -> None:
        order = self.order(number)
        refund = sample(self.connector, "refund.json")
        del refund["order"]
        refund["lines"][0]["orderLineId"] = order["lines"][0]["id"]
        order["payments"][0]["refunds"].append(refund)

    def answer(self, asked: Any) -> Any:
        assert asked.path == "/admin-api"
        document, given = asked.json["query"], asked.json["variables"]
        if document == documents.LOGIN:
            if given != {"name": "superadmin", "password": "superadmin"}:
                return _fault("login", "INVALID_CREDENTIALS_ERROR")
            return 200, {"data": {"login": {"__typename": "CurrentUser"}}}, f"vendure-auth-token: {TOKEN}"
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return {"errors": [{"message": "You are not authorized", "extensions": {"code": "FORBIDDEN"}}]}
        return self._said(document, given)

    def _said(self, document: str, given: dict[str, Any]) -> Any:
        match document:
            case documents.PLACED:
                begin, end = (datetime.fromisoformat(given[name]) for name in ("after", "before"))
                rows = [one for one in self.orders.values()
                        if begin <= datetime.fromisoformat(one["orderPlacedAt"]) <= end]  # fmt: skip
                return {"data": {"orders": {"items": rows[: given["take"]], "totalItems": len(rows)}}}
            case documents.ONE:
                return {"data": {"order": self.orders.get(given["id"])}}
            case documents.VARIANT:
                found = [{"id": "1", "sku": sku, "stockLevels": self._levels(sku)}
                         for sku in self.on_hand if sku == given["sku"]]  # fmt: skip
                return {"data": {"productVariants": {"items": found}}}
            case documents.SHOWN:
                shown = [{"id": str(n), "sku": sku, "stockLevels": self._levels(sku)}
                         for n, sku in enumerate(self.on_hand)]  # fmt: skip
                found = shown[given["skip"] :][: given["take"]]
                return {"data": {"productVariants": {"items": found, "totalItems": len(shown)}}}
            case documents.STOCK:
                [row] = given["input"]
                assert isinstance(row["stockOnHand"], int)
                self.on_hand["LAMP-01-W"] = row["stockOnHand"]
                levels = self._levels("LAMP-01-W")
                return {"data": {"updateProductVariants": [{"id": "1", "sku": "LAMP-01-W", "stockLevels": levels}]}}
            case documents.FULFIL:
                return self._fulfil(given["input"])
            case documents.MOVE:
                order = next(one for one in self.orders.values() if one["fulfillments"] and
                             one["fulfillments"][-1]["id"] == given["id"])  # fmt: skip
                order["fulfillments"][-1]["state"], order["state"] = given["state"], given["state"]
                self.on_hand["LAMP-01-W"] -= 2
                return {"data": {"transitionFulfillmentToState": order["fulfillments"][-1]}}
            case documents.CANCEL:
                order = self.orders[given["input"]["orderId"]]
                if order["state"] == "Cancelled":
                    return _fault("cancelOrder", "ORDER_STATE_TRANSITION_ERROR")
                self.cancel(order["code"])
                self.cancelled.append(order["code"])
                return {"data": {"cancelOrder": {"__typename": "Order", "id": order["id"], "state": "Cancelled"}}}
            case documents.GIVE_BACK:
                return self._give_back(given["input"])
        return {"errors": [{"message": "Cannot query", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}

    def _levels(self, sku: str) -> list[dict[str, Any]]:
        return [{"stockLocationId": "1", "stockOnHand": self.on_hand[sku], "stockAllocated": self.allocated}]

    def _fulfil(self, body: dict[str, Any]) -> Any:
        wanted = {line["orderLineId"]: line["quantity"] for line in body["lines"]}
        order = next((one for one in self.orders.values() if one["lines"][0]["id"] in wanted), None)
        if order is None or order["state"] != "PaymentSettled":
            return _fault("addFulfillmentToOrder", "FULFILLMENT_STATE_TRANSITION_ERROR")
        facts = {one["name"]: one["value"] for one in body["handler"]["arguments"]}
        made = {"id": f"f{order['id']}", "state": "Pending", "method": facts["method"],
                "trackingCode": facts["trackingCode"]}  # fmt: skip
        order["fulfillments"].append(made)
        self.sent.append((order["code"], facts["trackingCode"], {"LAMP-01-W": wanted[order["lines"][0]["id"]]}))
        return {"data": {"addFulfillmentToOrder": {"__typename": "Fulfillment", **made}}}

    def _give_back(self, body: dict[str, Any]) -> Any:
        if {"shipping", "adjustment"} - body.keys():
            text = "NOT NULL constraint failed: refund.shipping"
            return {"errors": [{"message": text, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
        order = next((one for one in self.orders.values() if one["payments"][0]["id"] == body["paymentId"]), None)
        if order is None or not isinstance(body["amount"], int) or body["amount"] > order["totalWithTax"]:
            return _fault("refundOrder", "REFUND_AMOUNT_ERROR")
        made = {"id": f"r{len(self.given_back) + 10}", "createdAt": f"{self.now:%FT%T}.000Z", "state": "Settled",
                "total": body["amount"], "reason": body["reason"], "lines": []}  # fmt: skip
        order["payments"][0]["refunds"].append(made)
        self.given_back.append((order["code"], Decimal(body["amount"]) / 100))
        return json.loads(json.dumps({"data": {"refundOrder": {"__typename": "Refund", **made}}}))


def _fault(name: str, code: str) -> dict[str, Any]:
    return {"data": {name: {"__typename": code.title().replace("_", ""), "errorCode": code, "message": code.lower()}}}
