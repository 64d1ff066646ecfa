"""The proofs of selling: green on a factory at work, and each names the fault planted for it."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.kernel import db, proofs
from banyan.kernel.registry import noun
from banyan.modules.sales.models import Shipment
from banyan.modules.sales.tests.conftest import unplanned
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
KEYS = [key for key in (p.key for p in proofs.proofs()) if key.startswith("sales.")]


@pytest.fixture
@stands
@unplanned()
def at_work(shop, world):
    """Orders in every state: shipped in parts, returned, reversed, cancelled, promised anew."""
    fee = world.item(kind="service", code="FEE", name="安装费")
    shop.put(world.part, 50, amount="500"), shop.put(world.product, 9, lot="A", amount="900")
    shop.order(shop.line(world.part, 1))
    order = shop.confirmed(
        shop.line(world.part, 7, "3.333333", discount_percent="5"),
        shop.line(world.product, 4, "113", price_includes_tax=True), shop.line(fee, 1),
        currency=world.dollar,
    )  # fmt: skip
    first, second, _ = shop.lines(order)
    world.do("sales.order.promise", order, promised_on="2026-03-20", reason="缺料", lines=[first.pk])
    for line, quantity in ((first, "3"), (second, "4")):
        world.do("sales.order.ship", order, lines=[{"order_line": line.pk, "quantity": quantity}])
    world.do("sales.shipment.reverse", Shipment.objects.order_by("number").first(), reason="错")
    back = [{"order_line": second.pk, "quantity": "2", "outcome": "rejected", "is_replaced": True}]
    returned = world.make("sales.return_order", party=world.customer, plant=world.plant, lines=back)
    world.do("sales.return_order.receive", returned)
    world.do("sales.order.pick", order, lines=[{"order_line": first.pk, "quantity": "2"}])
    gone = shop.confirmed(shop.line(world.part, 5))
    world.do("sales.order.cancel", gone, reason="撤单")
    world.do("sales.order.cancel", shop.order(shop.line(world.part, 5)), reason="撤单")
    world.do("sales.quotation.send", world.make(
        "sales.quotation", party=world.customer, plant=world.plant, lines=[shop.line(world.part, 5, "1.11")]
    ))  # fmt: skip
    return order


def test_a_shop_at_work_is_proved(at_work):
    verdicts = proofs.run(KEYS)
    assert len(verdicts) == 8
    for verdict in verdicts:
        assert verdict.is_green, (verdict.proof.key, verdict.found.faults)
        assert verdict.found.counted > 0, verdict.proof.key


FAULTS = {
    "sales.amounts": (
        "UPDATE sales_order SET net_amount = net_amount + 0.01, gross_amount = gross_amount + "
        "0.01 WHERE id = %s"
    ),
    "sales.line_amounts": (
        "UPDATE sales_orderline SET net_amount = net_amount + 0.01, tax_amount = tax_amount - "
        "0.01 WHERE order_id = %s AND position = 1"
    ),
    "sales.shipped": (
        "UPDATE sales_orderline SET shipped_quantity = shipped_quantity + 1, stock_quantity = "
        "stock_quantity + 1 WHERE order_id = %s AND position = 2"
    ),
    "sales.moves": (
        "UPDATE sales_shipmentline SET quantity = quantity + 1 WHERE order_line_id IN (SELECT id "
        "FROM sales_orderline WHERE order_id = %s AND position = 2)"
    ),
    "sales.promises": (
        "UPDATE sales_orderline SET promised_on = promised_on + 1 WHERE order_id = %s AND position = 1"
    ),
    "sales.states": ("UPDATE sales_order SET state = 'shipped' WHERE id = %s"),
    "sales.kept_stock": (
        "UPDATE sales_orderline SET cancelled_quantity = 7 WHERE order_id = %s AND position = 1"
    ),
    "sales.copies": (
        "UPDATE sales_orderline SET party_id = (SELECT id FROM parties_party WHERE code = 'SU-1') "
        "WHERE order_id = %s AND position = 1"
    ),
}


@pytest.mark.parametrize("key", sorted(FAULTS))
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(at_work, world, key):
    assert world.supplier
    assert db.run(FAULTS[key], [at_work.pk]) == 1
    (verdict,) = proofs.run([key])
    assert verdict.found.broken == 1
    fault = verdict.found.faults[0]
    model = noun(fault.noun).model
    assert model.objects.filter(pk=fault.record).exists() or key == "sales.moves"
    assert fault.text


def test_every_proof_has_a_fault_planted_for_it():
    assert sorted(FAULTS) == sorted(KEYS)


def test_amounts_of_the_shop_are_not_zero(at_work):
    assert at_work.net_amount == D("422.17") + D("10")
