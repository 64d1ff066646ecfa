"""Invoices by the bus: what is posted here is an audited receivable or payable in Kingdee, once, to the amount."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

from django.db import connection

from banyan.connectors.kingdee.tests.test_kingdee import APPLICATION, SECRET, ledger
from banyan.integration.models import Flow, Message
from banyan.kernel import proofs
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry
from tests.plugins.world import World


def post(world, side, price, kind="invoice"):
    """Post an invoice of ours: three pieces of a part."""
    party, sign = (world.customer if side == "customer" else world.supplier), 1 if kind == "invoice" else -1
    made = world.make(
        f"finance.{side}_invoice", party=party, plant=world.plant, currency=world.currency, kind=kind,
        invoiced_on=world.ctx.now.date(), reference=world.next_code("R"),
        lines=[{"item": world.part, "quantity": 3 * sign, "price": price, "tax_code": world.vat13}],
    )  # fmt: skip
    world.do(f"finance.{side}_invoice.post", made)
    return made


def test_what_is_invoiced_is_booked_there_once(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    bills: dict = {}
    now = datetime.now(UTC)
    ctx = ctx.with_(now=now)
    world, hand = World(ctx), Integrator(ctx)
    assert world.plant
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=now.year)
    with partner(ledger(bills, lost=("Save", "Audit"))) as there:
        account = {"account_set": "62f0c8a1", "user": "demo", "application": APPLICATION}
        system = hand.system("K3", "kingdee", {"address": f"{there.url}/k3cloud"} | account,
                             {"application_secret": SECRET})  # fmt: skip
        hand.do("integration.flow.add_presets", system=str(system), settings={"organization": "100"})
        flows = list(Flow.objects.values_list("pk", flat=True))
        hand.do("integration.flow.test", *flows)
        hand.do("integration.flow.activate", *flows)
        sold = [post(world, "customer", "88.90"), post(world, "customer", "33.333333")]
        bought = post(world, "supplier", "4.20")
        red = post(world, "customer", "88.90", "credit")
        for _ in range(3):
            now += timedelta(minutes=6)
            carry(now)
    assert {form: {number: (status, D(str(amount))) for number, (status, amount) in kept.items()}
            for form, kept in bills.items()} == {
        "AR_receivable": {one.number: ("C", one.gross_amount) for one in (*sold, red)},
        "AP_Payable": {bought.number: ("C", bought.gross_amount)},
    }  # fmt: skip
    states = dict(Message.objects.values_list("record", "state"))
    assert red.gross_amount < 0
    assert set(states.values()) == {"done"}
    assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith("integration.")] == []
    connection.close()
