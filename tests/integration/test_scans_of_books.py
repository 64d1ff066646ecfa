"""Our posted invoices against the books of finance, by the scans that nobody had to make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from banyan.integration.watch import defaults
from banyan.integration.watch.models import Discrepancy, Scan
from banyan.integration.watch.scanning import run_scan
from tests.integration.partner import partner
from tests.integration.shop import Integrator, samples
from tests.plugins.world import World

BOOKS = ("kingdee", "tryton")
TRYTON = {"user": "banyan", "revenue_account": "1", "expense_account": "2", "company": 1}
KINGDEE = {"account_set": "62f0c8a1", "user": "demo", "application": "200001_" + "A" * 32}


class Ledger:
    """Books that list their invoices: number and gross amount; Tryton keeps reversals and drafts beside them."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.day = datetime.now(UTC).date() - timedelta(days=1)

    def answer(self, asked):
        return self.kingdee(asked) if "kdsvc" in asked.path else self.tryton(asked)

    def kingdee(self, asked):
        assert asked.json["data"]["FormId"] == "AR_receivable"
        begin, end = (part.split("'")[1] for part in asked.json["data"]["FilterString"].split(" and "))
        stamp = datetime.now(UTC) + timedelta(hours=7)
        if not begin <= f"{stamp:%F %T}" <= end:
            return []
        return [[number, f"{self.day}T00:00:00", float(amount), "C", f"{stamp:%FT%T}"]
                for number, amount in self.rows.items()]  # fmt: skip

    def tryton(self, asked):
        method = asked.json["method"]
        if method == "common.db.login":
            return {"id": 1, "result": [2, "token", None]}
        given = [("out", "posted", number, amount) for number, amount in self.rows.items()]
        given += [("out", "posted", f"{number}-R", f"-{amount}") for number, amount in self.rows.items()]
        given += [("out", "draft", "DRAFT", "1"), ("in", "posted", "SI-1", "1")]
        window = str(asked.json["params"][0])
        found = given if f"'day': {self.day.day}" in window else []
        if method.endswith("search_count"):
            return {"id": 1, "result": len(found)}
        day = {"__class__": "date", "year": self.day.year, "month": self.day.month, "day": self.day.day}
        return {"id": 1, "result": [
            {"id": n, "type": kind, "state": state, "description": number, "invoice_date": day,
             "total_amount": {"__class__": "Decimal", "decimal": amount}, "write_date": None,
             "create_date": {"__class__": "datetime", "year": self.day.year, "month": self.day.month,
                             "day": self.day.day, "hour": 0, "minute": 0, "second": 1, "microsecond": 0}}
            for n, (kind, state, number, amount) in enumerate(found, start=1)
        ]}  # fmt: skip


@pytest.fixture(params=BOOKS)
def books(request, live_db, ctx, settings, tmp_path):
    """Give the scan of our customers' invoices, the ledger, and an invoice maker."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    ledger, ctx = Ledger(), ctx.with_(now=datetime.now(UTC))
    world, hand = World(ctx), Integrator(ctx)
    assert world.plant
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=ledger.day.year)
    with partner(ledger.answer) as there:
        if request.param == "kingdee":
            system = hand.system("BK", "kingdee", {"address": f"{there.url}/k3cloud"} | KINGDEE,
                                 {"application_secret": "s" * 32})  # fmt: skip
            target, mapping = "receivable", {"preset": "kingdee.receivables", "settings": {"organization": "100"}}
        else:
            system = hand.system("BK", "tryton", {"address": there.url} | TRYTON, {"password": "p"})
            target, mapping = "customer_invoice", {"preset": "tryton.invoices"}
        flow = hand.flow(system, "AR", samples("kingdee", "customer_invoiced.json"), direction="out", trigger="event",
                         target=target, detail={"events": ["finance.customer_invoiced"]}, mapping=mapping)  # fmt: skip
        defaults.seed(ctx)
        scan = Scan.objects.select_related("system").get(kind="theirs")
        assert (scan.code, scan.send_flow_id) == ("SCAN-AR", flow.pk)

        def invoice(price: str):
            made = world.make(
                "finance.customer_invoice", party=world.customer, plant=world.plant, currency=world.currency,
                kind="invoice", invoiced_on=ledger.day, reference=world.next_code("R"),
                lines=[{"item": world.part, "quantity": 3, "price": price, "tax_code": world.vat13}],
            )  # fmt: skip
            world.do("finance.customer_invoice.post", made)
            return made

        yield scan, ledger, invoice, ctx
    connection.close()


def test_an_invoice_that_is_missing_or_comes_to_something_else_is_found(books):
    scan, ledger, invoice, ctx = books
    agreed, lost, other = invoice("88.90"), invoice("33.30"), invoice("10")
    ledger.rows = {agreed.number: str(agreed.gross_amount), other.number: "1.00", "CI-OF-NOBODY": "5"}
    run_scan(ctx, scan)
    assert sorted(Discrepancy.objects.values_list("kind", "key", "proposed")) == sorted([
        ("missing_there", lost.number, "send_again"), ("different", other.number, "send_again"),
        ("missing_here", "CI-OF-NOBODY", "task"),
    ])  # fmt: skip
