"""A fault planted for each proof of finance is seen and named; an untouched factory is green."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from banyan.kernel import db, proofs, registry
from banyan.kernel.commands import execute
from banyan.lib.ids import new_id
from banyan.modules.finance.models import Account, CustomerInvoice, Period, SupplierInvoice, Voucher
from banyan.modules.inventory.commands import ensure_standing
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
KEYS = [p.key for p in proofs.proofs() if p.key.startswith("finance.")]


def account(code):
    return str(Account.objects.get(code=code).pk)


@pytest.fixture
@stands
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
    for side, party in (("customer", world.customer), ("supplier", world.supplier)):
        line = {"text": "咨询", "quantity": "2", "price": "10", "tax_code": world.vat13}
        paper = world.make(f"finance.{side}_invoice", party=party, plant=world.plant, currency=world.currency,
                           invoiced_on="2026-03-02", lines=[line])  # fmt: skip
        world.do(f"finance.{side}_invoice.post", paper)
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
    "finance.balances": [
        "INSERT INTO finance_accountbalance (period_id, account_id, debit, credit, closing) SELECT p.id, a.id, 0, 0, 0 "
        "FROM finance_period p, finance_account a WHERE p.code = '2026-03' AND a.code = '1001'"
    ],
    "finance.invoice_amounts": ["UPDATE finance_customerinvoice SET tax_amount = tax_amount + 1"],
    "finance.matched": ["UPDATE finance_payment SET matched_amount = 1"],
    "finance.invoiced": ["UPDATE sales_orderline SET invoiced_quantity = 1"],
    "finance.statements": ["UPDATE channels_settlement SET total_amount = total_amount - 1"],
    "finance.shares": ["UPDATE finance_settlementitem SET paid_amount = 1, fee_amount = fee_amount - 1"],
    "finance.origins": ["UPDATE finance_entry SET origin = gen_random_uuid() WHERE event = 'manual'"],
}
LEDGERS = ("finance_entry", "finance_entryline", "finance_voucherentry", "inventory_valueentry")


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


def said(key, *faults):
    """Give what a proof says in English, with faults written past the ledgers' guards and taken away again."""
    with transaction.atomic():
        db.run("SET CONSTRAINTS ALL IMMEDIATE")
        for table in LEDGERS:
            db.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in faults:
            assert db.run(statement)
        found = [fault.text.split(" / ")[1] for fault in proofs.run([key])[0].found.faults]
        transaction.set_rollback(True)
    return found


@pytest.fixture
@stands
def closed(ctx, factory):
    """Give the factory with its first three months closed."""
    other = ctx.with_(principal=ctx.principal.__class__(new_id(), "审核", grants=(("*", "all"),)))
    factory.do("finance.voucher.number")
    execute(other, registry.command("finance.voucher.check"), ids=list(Voucher.objects.values_list("pk", flat=True)))
    factory.do("finance.period.close", Period.objects.filter(code__lte="2026-03"))
    return factory


BANK = "account_id = (SELECT id FROM finance_account WHERE code = '1002')"
KEPT_WRONG = {
    f"UPDATE finance_accountbalance SET debit = debit + 1 WHERE {BANK}":
        "2026-03 1002: kept debit 6.00, credit 0.00, balance 5.00; the entries say 5.00, 0",
    f"UPDATE finance_accountbalance SET closing = 4 WHERE {BANK}":
        "2026-03 1002: kept debit 5.00, credit 0.00, balance 4.00; the entries say 5.00, 0",
    f"DELETE FROM finance_accountbalance WHERE {BANK}":
        "2026-03 1002: no balance is kept; the entries say debit 5.00, credit 0",
    "UPDATE finance_period SET state = 'open' WHERE code = '2026-03'":
        "2026-03 1002: a balance of 5.00 is kept, but the period is open",
}  # fmt: skip


@pytest.mark.plants("finance.balances")
def test_a_balance_kept_wrong_is_named(closed):
    assert proofs.run(["finance.balances"])[0].found.counted > 2
    assert said("finance.balances") == []
    for fault, says in KEPT_WRONG.items():
        assert [text for text in said("finance.balances", fault) if text.startswith(says)], fault
    closed.do("finance.period.close", Period.objects.get(code="2026-04"))
    kept = db.rows(
        f"SELECT debit, closing FROM finance_accountbalance b JOIN finance_period p ON p.id = b.period_id WHERE {BANK} "
        "ORDER BY p.starts_on"
    )
    assert kept == [(5, 5), (0, 5)], "a month without entries holds what came before"
    assert said("finance.balances") == []


@pytest.mark.plants("finance.invoice_amounts")
def test_an_invoice_is_held_to_its_lines_and_its_entry(factory):
    for side, model in (("customer", CustomerInvoice), ("supplier", SupplierInvoice)):
        for column in ("net_amount", "tax_amount", "gross_amount"):
            wrong = f"UPDATE finance_{side}invoice SET {column} = {column} + 1"
            lines, entry = sorted(said("finance.invoice_amounts", wrong), key=lambda text: "add up" not in text)
            assert lines.endswith("its lines add up to 20.00, 2.60, 22.60")
            assert entry.endswith("should be posted; its entries say 20.00, 2.60, 22.60")
        (text,) = said(
            "finance.invoice_amounts",
            "UPDATE finance_entryline SET amount = amount + 1 WHERE entry_id = (SELECT id FROM finance_entry "
            f"WHERE event = '{side}_invoice')",
        )
        assert text.endswith("net 20.00, tax 2.60, gross 22.60 should be posted; its entries say 21.00, 3.60, 23.60")
        factory.do(f"finance.{side}_invoice.reverse", model.objects.get(), reason="开错")
        assert said("finance.invoice_amounts") == []
        (text,) = said("finance.invoice_amounts", f"UPDATE finance_{side}invoice SET state = 'posted'")
        assert text.endswith("gross 22.60 should be posted; its entries say 0.00, 0.00, 0.00")


VOUCHERS_WRONG = {
    "UPDATE finance_voucher SET no = no + 1 WHERE no = (SELECT max(no) FROM finance_voucher)": "numbers run to",
    "UPDATE finance_voucher SET entries = 9": "names 9 entries, there are 1",
    "UPDATE finance_voucher SET amount = amount + 1 WHERE event = 'manual'": "is of 6.00, its entries of 5.00",
    "DELETE FROM finance_voucherentry": "an entry has no voucher",
}
OUT_OF_PERIOD = {
    "UPDATE finance_entry SET period_id = gen_random_uuid() WHERE event = 'manual'":
        "an entry of 2026-03-02 has no period",
    f"UPDATE finance_entryline SET \"on\" = '2026-03-05' WHERE id = {LINE}":
        "a line of 2026-03-05 is of an entry of 2026-03-02",
}  # fmt: skip


@pytest.mark.plants("finance.vouchers", "finance.entries_in_period")
def test_what_is_wrong_with_vouchers_and_days_is_named(closed):
    for key, faults in (("finance.vouchers", VOUCHERS_WRONG), ("finance.entries_in_period", OUT_OF_PERIOD)):
        assert said(key) == []
        for fault, says in faults.items():
            assert [text for text in said(key, fault) if says in text], fault
