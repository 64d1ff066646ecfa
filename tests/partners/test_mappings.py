"""Each shop's sample order through its mapping: the one form of an outside order, and its sums come out."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from banyan.integration.mapping import converters, definition
from banyan.integration.mapping.applying import apply
from tests.partners.shops import CONNECTORS

MAPPINGS = sorted(CONNECTORS.glob("*/orders.mapping.json"))


@pytest.mark.parametrize("file", MAPPINGS, ids=lambda file: file.parent.name)
def test_a_shops_order_becomes_an_outside_order_whose_sum_is_right(file):
    name = "trade.json" if (file.parent / "payloads" / "trade.json").exists() else "order.json"
    payload = json.loads((file.parent / "payloads" / name).read_text(encoding="utf-8"))
    mapping = definition.compile_mapping(json.loads(file.read_text(encoding="utf-8")))
    mapped = apply(mapping, payload, converters.Facts(settings={"shop": "S-1"}))
    assert [(fault.target, fault.code) for fault in mapped.faults] == []
    [order] = mapped.value["orders"]
    assert (order["shop"], order["state"], order["body"]) == ("S-1", "paid", payload)
    assert order["lines"][0]["sku"] == "LAMP-01-W"
    lines = sum(
        Decimal(line["quantity"]) * Decimal(line["price"]) - Decimal(line.get("discount_amount") or 0)
        for line in order["lines"]
    )
    total = lines - Decimal(order.get("discount_amount") or 0) + Decimal(order.get("freight_amount") or 0)
    assert total == Decimal(order["total_amount"])


@pytest.mark.parametrize(
    ("shop", "lines", "change"),
    [
        ("woocommerce", "line_items", {"quantity": 3, "subtotal": "100.00", "total": "100.00"}),
        ("vendure", "lines", {"quantity": 3, "linePriceWithTax": 10000, "discountedLinePriceWithTax": 10000}),
    ],
)
def test_a_price_that_does_not_come_out_has_six_places_and_the_line_still_its_amount(shop, lines, change):
    folder = CONNECTORS / shop
    payload = json.loads((folder / "payloads" / "order.json").read_text(encoding="utf-8"))
    payload[lines] = [payload[lines][0] | change]
    mapping = definition.compile_mapping(json.loads((folder / "orders.mapping.json").read_text(encoding="utf-8")))
    mapped = apply(mapping, payload, converters.Facts(settings={"shop": "S-1"}))
    assert mapped.faults == ()
    [line] = mapped.value["orders"][0]["lines"]
    assert line["price"] == Decimal("33.333333")
    assert round(line["quantity"] * line["price"], 2) == Decimal("100.00")


def test_a_cancelled_order_of_vendure_has_nothing_left_on_its_lines_and_is_still_understood():
    folder = CONNECTORS / "vendure"
    payload = json.loads((folder / "payloads" / "order.json").read_text(encoding="utf-8")) | {"state": "Cancelled"}
    nothing = {"quantity": 0, "orderPlacedQuantity": 2, "linePriceWithTax": 0, "discountedLinePriceWithTax": 0}
    payload["lines"] = [line | nothing for line in payload["lines"]]
    mapping = definition.compile_mapping(json.loads((folder / "orders.mapping.json").read_text(encoding="utf-8")))
    mapped = apply(mapping, payload, converters.Facts(settings={"shop": "S-1"}))
    assert mapped.faults == ()
    [order] = mapped.value["orders"]
    assert order["state"] == "cancelled"
    assert {line["quantity"] for line in order["lines"]} == {Decimal(2)}
