"""A fault planted for each proof of finance is seen and named; an untouched factory is green."""

from __future__ import annotations

import pytest
from django.db import connection

from banyan.kernel import db, proofs
from banyan.modules.finance.models import Account
from banyan.modules.inventory.commands import ensure_standing

pytestmark = pytest.mark.django_db
KEYS = [p.key for p in proofs.proofs() if p.key.startswith("finance.")]


def account(code):
    return str(Account.objects.get(code=code).pk)


@pytest.fixture
def factory(ctx, world):
    """Give a factory whose books have seen stock come in, an entry by hand, a voucher, an order of each kind."""
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=2026)
    ensure_standing(ctx, world.plant.pk)
    place = world.make("inventory.location", code="B1", name="架", kind="bin", plant=world.plant)
    found = db.one(
        "SELECT id FROM inventory_location WHERE kind = 'adjustment' AND plant_id = %s", [world.plant.pk]
    )[0]
    paper = world.make(
        "inventory.stock_document",
        kind="adjustment",
        plant=world.plant,
        source=str(found),
        reason="期初",
        lines=[{"item": world.part, "quantity": "10", "amount": "50.00", "target": place}],
    )
    world.do("inventory.stock_document.post", paper)
    entry = world.make(
        "finance.manual_entry",
        on="2026-03-02",
        text="存现",
        lines=[
            {"account": account("1002"), "side": "debit", "amount": "5.00"},
            {"account": account("1001"), "side": "credit", "amount": "5.00"},
        ],
    )
    world.do("finance.manual_entry.post", entry)
    world.do("finance.voucher.number")
    world.make(
        "finance.payment",
        direction="in",
        party=world.customer,
        paid_on="2026-03-02",
        account=account("1002"),
        currency=world.currency,
        amount="10.00",
    )
    world.make(
        "production.work_order", item=world.product, plant=world.plant, quantity="1", due_on="2026-03-20"
    )
    world.make(
        "sales.order",
        party=world.customer,
        plant=world.plant,
        currency=world.currency,
        ordered_on="2026-03-02",
        lines=[{"item": world.part, "quantity": "1", "price": "9", "tax_code": world.vat13}],
    )
    world.make("channels.shop", code="S", name="旗舰店", platform="taobao", plant=world.plant, party=world.customer)
    fee = {"kind": "fee", "fee": "佣金", "amount": "-1.00"}
    statement = world.do("channels.settlement.receive", shop="S", number="1", settled_on="2026-03-02", lines=[fee])
    world.do("channels.settlement.settle", statement)
    return world


LINE = """(
    SELECT l.id FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id
    WHERE e.event = 'manual' ORDER BY l.position LIMIT 1
)"""
ON_ORDER = (
    """
UPDATE finance_entryline SET work_order_id = (SELECT id FROM production_workorder LIMIT 1),
       account_id = (SELECT id FROM finance_account WHERE code = '40010102') WHERE id = """
    + LINE
)
FAULTS = {
    "finance.entries_balance": ["UPDATE finance_entryline SET amount = amount + 1 WHERE id = " + LINE],
    "finance.entries_in_period": ["UPDATE finance_entry SET \"on\" = '2026-05-05' WHERE event = 'manual'"],
    "finance.dimensions": ["UPDATE finance_entryline SET party_id = gen_random_uuid() WHERE id = " + LINE],
    "finance.stock_in_ledger": ["UPDATE inventory_valueentry SET amount = amount + 0.01"],
    "finance.wip": [ON_ORDER],
    "finance.closed_orders": [
        ON_ORDER,
        "UPDATE production_workorder SET state = 'closed', closed_at = now()",
    ],
    "finance.vouchers": [
        "UPDATE finance_voucher SET no = no + 1 WHERE no = (SELECT max(no) FROM finance_voucher)"
    ],
    "finance.matched": ["UPDATE finance_payment SET matched_amount = 1"],
    "finance.invoiced": ["UPDATE sales_orderline SET invoiced_quantity = 1"],
    "finance.statements": ["UPDATE channels_settlement SET total_amount = total_amount - 1"],
    "finance.shares": ["UPDATE finance_settlementitem SET paid_amount = 1, fee_amount = fee_amount - 1"],
    "finance.origins": ["UPDATE finance_entry SET origin = gen_random_uuid() WHERE event = 'manual'"],
}
LEDGERS = ("finance_entry", "finance_entryline", "inventory_valueentry")


def test_every_proof_has_a_planted_fault():
    assert sorted(FAULTS) == sorted(KEYS)


def test_an_untouched_factory_is_green(factory):
    assert {v.proof.key: v.found.faults for v in proofs.run(KEYS) if not v.is_green} == {}


@pytest.mark.parametrize("key", sorted(FAULTS))
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(factory, key):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in LEDGERS:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in FAULTS[key]:
            cursor.execute(statement)
    (verdict,) = proofs.run([key])
    assert verdict.found.broken >= 1
    assert verdict.found.faults[0].text


@pytest.mark.plants("finance.origins")
def test_an_order_line_that_is_not_there_is_named(factory):
    db.run("SET CONSTRAINTS ALL IMMEDIATE")
    db.run("ALTER TABLE finance_entryline DISABLE TRIGGER USER")
    there = db.one("SELECT id FROM sales_orderline LIMIT 1")[0]
    db.run(f"UPDATE finance_entryline SET origin_line = %s WHERE id = {LINE}", [there])
    assert proofs.run(["finance.origins"])[0].is_green
    db.run(f"UPDATE finance_entryline SET origin_line = entry_id WHERE id = {LINE}")
    (fault,) = proofs.run(["finance.origins"])[0].found.faults
    assert f"line {fault.record} of sales.order / purchasing.order" in fault.text
