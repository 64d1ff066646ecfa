"""Vendure, a real web shop: bought in by its own interface, read, stocked, shipped and cancelled by ours."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from banyan.config.environ import CHECKOUT
from banyan.connectors.vendure.connector import Vendure
from banyan.integration.connecting import Failed
from tests.partners.nodes import Broker, free_port
from tests.partners.shops import read_all
from tests.partners.standing import connection_to, outgoing

pytestmark = pytest.mark.partner("Vendure")
HERE = Path(__file__).parent / "vendure"


@pytest.fixture(scope="module")
def shop(tmp_path_factory, needs):
    packages = CHECKOUT / ".data" / "partners" / "vendure" / "node_modules"
    node = shutil.which("node", path=f"{CHECKOUT}/.venv/bin:{os.environ['PATH']}")
    needs(node and packages.exists(), "Vendure (npm, installed by `BANYAN_TEST_ALL=1 scripts/setup test`)")
    folder = tmp_path_factory.mktemp("vendure")
    for file in ("server.js", "goods.csv"):
        shutil.copy(HERE / file, folder / file)
    (folder / "node_modules").symlink_to(packages)
    port = free_port()
    environment = {"PORT": str(port), "VENDURE_DISABLE_TELEMETRY": "true"}
    running = Broker([node, "server.js"], port, folder, environment, ready="READY", patience=90)
    running.start()
    yield f"http://127.0.0.1:{port}"
    running.stop()


class Buyer:
    """Someone at the shop's own interface."""

    def __init__(self, url):
        self.url, self.token = f"{url}/shop-api", ""

    def ask(self, document, **variables):
        body = json.dumps({"query": document, "variables": variables}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        with urllib.request.urlopen(urllib.request.Request(self.url, body, headers)) as answer:  # loopback only
            self.token = answer.headers.get("vendure-auth-token") or self.token
            said = json.load(answer)
        assert "errors" not in said, said
        return said["data"]

    def buys(self, variant, quantity):
        self.ask("mutation ($v: ID!, $q: Int!) { addItemToOrder(productVariantId: $v, quantity: $q) { __typename } }",
                 v=variant, q=quantity)  # fmt: skip
        self.ask("""mutation { setCustomerForOrder(input: {firstName: "收", lastName: "件人",
                    emailAddress: "buyer@example.com"}) { __typename } }""")
        self.ask("""mutation { setOrderShippingAddress(input: {fullName: "收件人", streetLine1: "金枫南路 1 号",
                    city: "苏州", province: "江苏", postalCode: "215101", countryCode: "CN",
                    phoneNumber: "13800000000"}) { __typename } }""")
        [method] = self.ask("{ eligibleShippingMethods { id } }")["eligibleShippingMethods"]
        self.ask("mutation ($m: [ID!]!) { setOrderShippingMethod(shippingMethodId: $m) { __typename } }",
                 m=[method["id"]])  # fmt: skip
        self.ask('mutation { transitionOrderToState(state: "ArrangingPayment") { __typename } }')
        paid = self.ask("""mutation { addPaymentToOrder(input: {method: "pay", metadata: {}}) {
                           ... on Order { code state } ... on ErrorResult { message } } }""")
        return paid["addPaymentToOrder"]


def reach(shop, **more):
    now = datetime.now(UTC) + timedelta(seconds=1)
    settings = {"address": shop, "user": "superadmin"}
    return connection_to(Vendure(), settings, {"password": "superadmin"}, now=now, **more)


def variants(shop):
    found = Buyer(shop).ask("{ products { items { variants { id sku } } } }")["products"]["items"]
    return {each["sku"]: each["id"] for product in found for each in product["variants"]}


def test_an_order_goes_its_whole_way(shop):
    vendure, sold = Vendure(), variants(shop)
    bought = Buyer(shop).buys(sold["LAMP-01-W"], 2)
    assert bought["state"] == "PaymentSettled"

    page = vendure.poll(reach(shop), "orders", None, 50)
    [message] = [each for each in page.messages if each.key == bought["code"]]
    order = message.body
    assert [(line["productVariant"]["sku"], line["quantity"]) for line in order["lines"]] == [("LAMP-01-W", 2)]
    assert order["shippingAddress"]["city"] == "苏州"
    Path(os.environ.get("BANYAN_CAPTURE", os.devnull)).write_text(json.dumps(order, ensure_ascii=False, indent=1))

    stock = vendure.send(reach(shop), outgoing("stock", {"sku": "LAMP-01-W", "quantity": 40})).reply["stockLevels"][0]
    assert (stock["stockOnHand"], stock["stockAllocated"]) == (42, 2), "what is ordered is not offered again"
    shown, _ = read_all(vendure, reach(shop), operation="stock_shown", limit=2)
    assert {"LAMP-01-W": 40}.items() <= {one.key: one.body["quantity"] for one in shown.values()}.items()
    assert {one.key for one in shown.values()} == set(variants(shop)), "all pages"

    body = {"order": order["id"], "method": "顺丰", "tracking": "SF1234567890123"}
    first, again = (vendure.send(reach(shop), outgoing("ship", body)).reply for _ in range(2))
    assert first["state"] == again["state"] == "Shipped"
    assert first["id"] == again["id"], "a repeated shipment is the same"
    page = vendure.poll(reach(shop), "changes", None, 50)
    [shipped] = [each for each in page.messages if each.key == bought["code"]]
    assert shipped.body["state"] == "Shipped"
    assert shipped.body["fulfillments"][0]["trackingCode"] == "SF1234567890123"
    assert shipped.id != message.id
    time.sleep(1)
    again = vendure.poll(reach(shop), "changes", page.position, 50)
    assert {each.id for each in page.messages} <= {each.id for each in again.messages}, "the same state, the same name"


def test_a_cancelled_order_is_seen_and_faults_are_said(shop):
    vendure, sold = Vendure(), variants(shop)
    bought = Buyer(shop).buys(sold["BULB-9"], 3)
    found = {each.key: each.body for each in vendure.poll(reach(shop), "orders", None, 50).messages}
    order = found[bought["code"]]
    vendure.send(reach(shop), outgoing("cancel", {"orderId": order["id"], "reason": "买家取消"}))
    found = {each.key: each.body for each in vendure.poll(reach(shop), "orders", None, 50).messages}
    assert found[bought["code"]]["state"] == "Cancelled"
    with pytest.raises(Failed) as fault:
        vendure.send(reach(shop), outgoing("ship", {"order": order["id"], "tracking": "X"}))
    assert (fault.value.kind, fault.value.is_passing) == ("refused", False)
    with pytest.raises(Failed) as fault:
        vendure.send(reach(shop), outgoing("stock", {"sku": "none", "quantity": 1}))
    assert fault.value.kind == "gone"
    wrong = replace(reach(shop), secret=lambda name: "wrong")
    with pytest.raises(Failed) as fault:
        vendure.poll(wrong, "orders", None, 1)
    assert fault.value.kind == "not_allowed"
    assert vendure.health(reach(shop)).is_well


def test_many_orders_of_one_moment_are_each_read_once_per_version(shop):
    vendure, sold = Vendure(), variants(shop)
    codes = {Buyer(shop).buys(sold["BULB-9"], 1)["code"] for _ in range(7)}
    position, seen = None, {}
    for _ in range(30):
        page = vendure.poll(reach(shop), "orders", position, 4)
        seen |= {each.id: each.key for each in page.messages}
        position = json.loads(json.dumps(page.position))
        if not page.has_more:
            break
    assert codes <= set(seen.values())
