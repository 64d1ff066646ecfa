"""The proofs of buying: green on a factory at work, and each names the fault planted for it."""

from __future__ import annotations

import pytest

from banyan.kernel import db, proofs, registry
from banyan.kernel.commands import execute
from banyan.lib.ids import new_id
from tests.plugins.standing import stands
from tests.plugins.world import plain

pytestmark = pytest.mark.django_db
KEYS = [key for key in (p.key for p in proofs.proofs()) if key.startswith("purchasing.")]


@pytest.fixture
@stands
def at_work(yard, world):
    """Orders in every state: received in parts, judged, sent back, replaced, reversed, cancelled, history."""
    freight = world.item(kind="service", code="FREIGHT", name="运费")
    yard.draft(yard.line(world.screw, 1))
    order = yard.placed(
        yard.line(world.steel, 100, "4.333333", discount_percent="2.5", over_receipt_percent="10"),
        yard.line(world.motor, 3, "113", price_includes_tax=True), yard.line(freight, 1, "50"),
        currency=world.dollar,
    )  # fmt: skip
    steel, motor, service = yard.lines(order)
    receipt = yard.receive(order, (steel, "60.5", {"heat_number": "H1"}), (motor, 2, {}), (service, 1, {}))
    row = yard.rows(receipt)[0]
    verdict = {"receipt_line": row.pk, "accepted": "50", "rejected": "4.5", "reason": "裂纹"}
    world.do("purchasing.receipt.book", receipt, lines=[verdict])
    back = [{"order_line": steel.pk, "quantity": "4.5", "lot": row.lot_id, "is_replaced": True}]
    one = world.make("purchasing.return_order", party=world.supplier, plant=world.plant, lines=back)
    world.do("purchasing.return_order.send", one)
    world.do(
        "purchasing.receipt.reverse", yard.receive(order, (steel, 10, {}), book_at_once=True), reason="错"
    )
    world.do("purchasing.order.cancel", yard.placed(yard.line(world.screw, 1)), reason="x")
    world.do("purchasing.order.cancel", yard.draft(yard.line(world.screw, 1)), reason="x")
    old = {
        "number": "PO-1",
        "party": world.supplier,
        "ordered_on": "2014-05-01",
        "lines": [
            {"item": world.screw, "quantity": "3", "price": "4.5678", "received": "5", "rejected": "1"}
        ],
    }
    data = plain({"tax_code": world.vat13, "plant": world.plant, "records": [old]})
    execute(world.ctx, registry.command("purchasing.order.import_history"), data=data)
    return order


def test_a_yard_at_work_is_proved(at_work, world):
    db.run(
        "UPDATE purchasing_orderline SET origin_noun = 'parties.party', origin = %s WHERE order_id = %s",
        [world.supplier.pk, at_work.pk],
    )
    verdicts = proofs.run(KEYS)
    assert len(verdicts) == 8
    for verdict in verdicts:
        assert verdict.is_green, (verdict.proof.key, verdict.found.faults)
        assert verdict.found.counted > 0, verdict.proof.key


FAULTS = {
    "purchasing.amounts": (
        "UPDATE purchasing_order SET tax_amount = tax_amount + 0.01, gross_amount = gross_amount "
        "+ 0.01 WHERE id = %s"
    ),
    "purchasing.line_amounts": (
        "UPDATE purchasing_orderline SET net_amount = net_amount + 0.01 WHERE order_id = %s AND position = 1"
    ),
    "purchasing.received": (
        "UPDATE purchasing_orderline SET received_quantity = received_quantity + 1 WHERE order_id "
        "= %s AND position = 1"
    ),
    "purchasing.moves": (
        "UPDATE purchasing_receiptline SET accepted_quantity = 51 WHERE accepted_quantity = 50 "
        "AND order_line_id IN (SELECT id FROM purchasing_orderline WHERE order_id = %s)"
    ),
    "purchasing.values": (
        "UPDATE purchasing_receiptline SET amount = amount + 0.01 WHERE accepted_quantity = 50 "
        "AND order_line_id IN (SELECT id FROM purchasing_orderline WHERE order_id = %s)"
    ),
    "purchasing.states": ("UPDATE purchasing_order SET state = 'received' WHERE id = %s"),
    "purchasing.copies": (
        "UPDATE purchasing_orderline SET party_id = (SELECT id FROM parties_party WHERE code = "
        "'CU-1') WHERE order_id = %s AND position = 1"
    ),
    "purchasing.origins": (
        f"UPDATE purchasing_orderline SET origin_noun = 'items.item', origin = '{new_id()}' WHERE "
        "order_id = %s AND position = 1"
    ),
}


@pytest.mark.parametrize("key", sorted(FAULTS))
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(at_work, world, key):
    assert world.customer
    assert db.run(FAULTS[key], [at_work.pk]) == 1
    (verdict,) = proofs.run([key])
    assert verdict.found.broken == 1
    fault = verdict.found.faults[0]
    assert registry.noun(fault.noun).model.objects.filter(pk=fault.record).exists()
    assert fault.text


def test_every_proof_has_a_fault_planted_for_it():
    assert sorted(FAULTS) == sorted(KEYS)
