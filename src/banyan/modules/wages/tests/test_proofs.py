"""One fault planted per proof of wages, and seen named."""

from __future__ import annotations

import pytest

from banyan.kernel import db, proofs
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db

FAULTS = {
    "wages.reports": "UPDATE wages_wageline SET minutes = minutes + 1 WHERE reverses_id IS NULL",
    "wages.rates": "UPDATE wages_rate SET valid_from = valid_from + 365",
    "wages.whole": "UPDATE wages_wageline SET piece_amount = piece_amount + 1, amount = amount + 1 "
    "WHERE reverses_id IS NULL",
    "wages.taken_back": "UPDATE wages_wageline SET piece_amount = piece_amount - 1, amount = amount - 1 "
    "WHERE reverses_id IS NOT NULL",
    "wages.statements": "UPDATE wages_statement SET piece_amount = piece_amount + 1, amount = amount + 1",
    "wages.items": "DELETE FROM wages_approval",
    "wages.pools": "UPDATE wages_wageline SET piece_amount = piece_amount + 0.01, amount = amount + 0.01 "
    "WHERE kind = 'share' AND reverses_id IS NULL",
    "wages.bonuses": "UPDATE wages_bonus SET amount = amount + 1",
}


@pytest.fixture
@stands
def paid(payroll):
    """Give a payroll with one report paid, one taken back, one shared in a pool, and a bonus."""
    payroll.rate()
    payroll.good(20)
    payroll.undo(payroll.good(4))
    payroll.world.make("wages.pool", team=payroll.world.team, valid_from="2026-01-01")
    payroll.good(8)
    payroll.approve()
    told = {"employee": payroll.world.worker.pk, "day": "2026-03-02"}
    payroll.world.make("people.attendance", minutes=60, **told)
    payroll.world.do("wages.sharing.share", first="2026-03-02", last="2026-03-02")
    payroll.world.do("wages.bonus.approve", payroll.world.make("wages.bonus", amount="5", reason="急单", **told))
    (statement,) = payroll.prepare()
    payroll.world.do("wages.statement.confirm", statement)
    return payroll


def verdicts():
    return {verdict.proof.key: verdict for verdict in proofs.run(tuple(FAULTS))}


def test_every_proof_of_wages_has_a_fault_here():
    assert {proof.key for proof in proofs.proofs() if proof.key.startswith("wages.")} == set(FAULTS)


@pytest.mark.parametrize("key", FAULTS)
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(paid, key):
    before = verdicts()
    assert [k for k, verdict in before.items() if not verdict.is_green] == []
    assert before[key].found.counted
    db.run("SET CONSTRAINTS ALL IMMEDIATE")
    for ledger in ("wages_wageline", "wages_approval"):
        db.run(f"ALTER TABLE {ledger} DISABLE TRIGGER USER")
    assert db.run(FAULTS[key])
    found = verdicts()[key].found
    assert found.broken
    assert found.faults[0].record
