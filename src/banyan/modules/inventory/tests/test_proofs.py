"""One fault planted per proof, and seen named."""

from __future__ import annotations

import pytest

from banyan.kernel import db, proofs
from banyan.modules.inventory.values import Edge
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
NOUN = "inventory.stock_document"

FAULTS = {
    "inventory.balances": "UPDATE inventory_balance SET on_hand = on_hand + 1 WHERE on_hand > 0",
    "inventory.places": "UPDATE inventory_balance SET kind = 'zone' WHERE kind = 'bin'",
    "inventory.lot_items": "UPDATE inventory_lot "
    "SET item_id = (SELECT id FROM items_item WHERE code = 'FG-1')",
    "inventory.serials": "UPDATE inventory_balance b SET on_hand = 2 FROM items_item i "
    "WHERE i.id = b.item_id AND i.tracking = 'serial'",
    "inventory.allocated": "UPDATE inventory_allocation SET quantity = quantity + 1",
    "inventory.supply": "UPDATE inventory_promise SET quantity = quantity + 1",
    "inventory.values": "UPDATE inventory_stockvalue SET amount = amount + 1 WHERE quantity > 0",
    "inventory.valued": "UPDATE inventory_stockvalue SET quantity = quantity + 1",
    "inventory.layers": "UPDATE inventory_valuelayer SET quantity = quantity + 1",
    "inventory.reversals": "UPDATE inventory_move SET quantity = quantity + 1 WHERE reverses_id IS NOT NULL",
    "inventory.genealogy": "UPDATE inventory_genealogy SET quantity = 1000",
    "inventory.references": "UPDATE inventory_move SET origin = gen_random_uuid() WHERE reverses_id IS NULL",
}


@pytest.fixture
@stands
def filled(stock):
    """Do a little of everything."""
    w, s = stock.world, stock.standing
    document = w.make(
        "inventory.stock_document", kind="transfer", plant=w.plant, lines=[{"item": w.screw, "quantity": "1"}]
    )
    stock.origin = document.pk
    w.planned(w.part, costing_method="fifo")
    w.product  # noqa: B018  the item that a fault puts in another's place
    bar, serial = stock.lot(w.steel, "BAR"), stock.lot(w.motor, "SN")
    stock.receive(w.screw, 10, "10")
    stock.receive(w.part, 10, "10")
    stock.receive(w.steel, 10, "10", lot=bar)
    stock.receive(w.motor, 1, "300", lot=serial)
    (move,) = stock.issue(w.steel, 4, lot=bar)
    stock.reverse([move])
    stock.issue(w.steel, 4, lot=bar)
    stock.link(Edge(bar.pk, None, 4, NOUN, document.pk))
    line = document.lines.get().pk
    stock.allocate(stock.demand(w.screw, 3, line))
    stock.promise(w.screw, 2, line)
    stock.post(stock.intent(w.screw, 1, stock.bin, s.scrap))


def verdicts():
    return {verdict.proof.key: verdict for verdict in proofs.run(tuple(FAULTS))}


def test_every_proof_of_stock_has_a_fault_here(stock):
    assert {proof.key for proof in proofs.proofs() if proof.key.startswith("inventory.")} == set(FAULTS)


def test_books_kept_by_commands_are_proved(filled):
    for verdict in verdicts().values():
        assert verdict.is_green, (verdict.proof.key, verdict.found.faults)
        assert verdict.found.counted, verdict.proof.key


@pytest.mark.parametrize("key", FAULTS)
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(filled, key):
    assert verdicts()[key].is_green
    for ledger in ("inventory_move", "inventory_genealogy"):
        db.run("SET CONSTRAINTS ALL IMMEDIATE")
        db.run(f"ALTER TABLE {ledger} DISABLE TRIGGER USER")
    assert db.run(FAULTS[key])
    found = verdicts()[key].found
    assert found.broken
    assert found.faults[0].record


@pytest.mark.parametrize(
    ("table", "column"),
    [("move", "origin"), ("move", "origin_line"), ("genealogy", "origin"), ("promise", "demand_line"),
     ("allocation", "demand_line"), ("lot", "origin")],
)  # fmt: skip
@pytest.mark.plants("inventory.references")
def test_a_document_or_line_that_is_not_there_is_named(filled, table, column):
    db.run("SET CONSTRAINTS ALL IMMEDIATE")
    for ledger in ("inventory_move", "inventory_genealogy"):
        db.run(f"ALTER TABLE {ledger} DISABLE TRIGGER USER")
    if table == "lot":
        db.run("UPDATE inventory_lot SET origin_noun = %s", [NOUN])
    changed = db.run(f"UPDATE inventory_{table} SET {column} = id")
    found = proofs.run(["inventory.references"])[0].found
    assert (found.broken, {fault.noun for fault in found.faults}) == (changed, {f"inventory.{table}"})
    fault = found.faults[0]
    assert f"{fault.record}" in fault.text.rpartition(" / ")[2]
