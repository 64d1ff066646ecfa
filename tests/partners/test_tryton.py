"""A real Tryton keeps the books of what we invoice: posted, balanced, once; what it refuses is dead with its words."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.db.models import Sum

from banyan.connectors.tryton.connector import Tryton
from banyan.integration import engine
from banyan.integration.connecting import Failed
from banyan.integration.models import Message, System
from banyan.kernel import dispatcher, proofs
from banyan.modules.finance.models import CustomerInvoice, Entry, EntryLine, SupplierInvoice
from tests.integration.shop import Integrator
from tests.partners import servers
from tests.partners.shops import sample
from tests.partners.standing import connection_to, outgoing
from tests.plugins import figures
from tests.plugins.world import World

pytestmark = pytest.mark.partner("Tryton")
PASSWORD = "Banyan-2026"
SETTINGS = {"revenue_account": "4.1.1", "expense_account": "5.1.1", "taxes": {"VAT13": "VAT13", "VAT6": "VAT6"}}
PROOFS = ("integration.carried", "integration.claims", "integration.once", "integration.order")
tryton = Tryton()


@pytest.fixture
def books(tmp_path, needs):
    """Give a Tryton's address and its database."""
    needs((servers.TRYTON / "template.sqlite").exists(), "Tryton (scripts/setup test with BANYAN_TEST_ALL=1)")
    with servers.tryton(tmp_path) as server:
        yield f"http://127.0.0.1:{server.port}", tmp_path / "tryton.sqlite"


def reach(address, user="banyan", password=PASSWORD, **more):
    settings = {"address": address, "user": user} | SETTINGS | more
    return connection_to(tryton, settings, {"password": password}, now=datetime.now(UTC), timeout=20)


def asked(base, statement, *values):
    """Ask Tryton's own database."""
    with sqlite3.connect(f"file:{base}?mode=ro", uri=True, timeout=10) as opened:
        return opened.execute(statement, values).fetchall()


INVOICES = """
    SELECT i.description, i.type, i.state, p.code, i.reference, m.state,
           (SELECT round(sum(l.debit), 2) FROM account_move_line l WHERE l.move = m.id),
           (SELECT round(sum(l.credit), 2) FROM account_move_line l WHERE l.move = m.id)
    FROM account_invoice i JOIN party_party p ON p.id = i.party LEFT JOIN account_move m ON m.id = i.move
    ORDER BY i.description
"""
TURNOVER = """
    SELECT coalesce(sum(l.debit), 0) - coalesce(sum(l.credit), 0) FROM account_move_line l
    JOIN account_account a ON a.id = l.account JOIN account_move m ON m.id = l.move
    JOIN account_account_type t ON t.id = a.type WHERE m.state = 'posted' AND {}
"""


def test_invoices_entries_and_parties_go_in_and_are_read_back(books):
    address, base = books
    link = reach(address)
    customer = sample(tryton, "customer_invoice.json")
    first, again = (tryton.send(link, outgoing("customer_invoice", customer)).reply for _ in range(2))
    assert first == again
    assert (first["state"], first["net_amount"], first["tax_amount"], first["gross_amount"]) == (
        "posted", "366.70", "47.67", "414.37")  # fmt: skip
    assert first["debit"] == first["credit"] == "414.37"
    tryton.send(link, outgoing("supplier_invoice", sample(tryton, "supplier_invoice.json")))
    tryton.send(link, outgoing("move", sample(tryton, "move.json")))
    tryton.send(link, outgoing("party", {"code": "PA-001", "name": "杭州王记五金有限公司"}))
    later, read = replace(link, now=datetime.now(UTC) + timedelta(seconds=2)), {}
    for kind in ("invoices", "moves", "payments", "parties", "accounts"):
        position, read[kind], more = {"from": (later.now - timedelta(minutes=30)).isoformat()}, {}, True
        while more:
            page = tryton.poll(later, kind, position, 2)
            read[kind] |= {one.body["id"]: one.body for one in page.messages}
            position, more = page.position, page.has_more
    assert [(one["description"], one["total_amount"], one["party."]["code"]) for one in read["invoices"].values()] == [
        ("CI-000012", "414.37", "PA-001"), ("SI-000003", "571.89", "PA-002")]  # fmt: skip
    assert len(read["moves"]) == 3
    for move in read["moves"].values():
        debit, credit = (sum(D(line[side]) for line in move["lines"]) for side in ("debit", "credit"))
        assert debit == credit > 0
    assert read["payments"] == {}
    assert {one["code"]: one["name"] for one in read["parties"].values() if one["code"] != "1"} == {
        "PA-001": "杭州王记五金有限公司", "PA-002": "宁波钢材"}  # fmt: skip
    assert tryton.health(link).is_well
    assert len(asked(base, "SELECT id FROM account_invoice")) == 2


def test_what_tryton_refuses_is_said_and_leaves_nothing_there(books):
    address, base = books
    link, good = reach(address), sample(tryton, "customer_invoice.json")
    entry = sample(tryton, "move.json")
    unbalanced = entry | {"lines": [entry["lines"][0], entry["lines"][1] | {"credit": "119.00"}]}
    cases = [
        ("customer_invoice", good | {"date": "1999-01-01"}, "refused", "UserError"),
        ("customer_invoice", good | {"tax_amount": "47.66", "gross_amount": "414.36"}, "refused", "amounts"),
        ("customer_invoice", good | {"currency": "XXX"}, "refused", ""),
        ("customer_invoice", good | {"lines": []}, "validation", ""),
        ("customer_invoice", good | {"lines": [good["lines"][0] | {"tax_code": "VAT9"}]}, "refused", ""),
        ("customer_invoice", good | {"lines": [good["lines"][0] | {"account": "9.9.9"}]}, "refused", ""),
        ("move", unbalanced, "validation", ""),
        ("move", entry | {"date": "1999-01-01"}, "refused", ""),
    ]
    for operation, body, kind, code in cases:
        with pytest.raises(Failed) as fault:
            tryton.send(link, outgoing(operation, body))
        print(operation, "→", fault.value.text.replace("\n", " / "))
        assert (fault.value.kind, fault.value.code) == (kind, code)
        assert fault.value.text
    for user, password, words in (("banyan", "wrong", "does not know"), ("guest", PASSWORD, "guest|access")):
        with pytest.raises(Failed, match=words) as fault:
            tryton.send(reach(address, user, password), outgoing("customer_invoice", good))
        assert fault.value.kind in ("not_allowed", "refused")
        assert PASSWORD not in fault.value.text
    for name in ("account_invoice", "account_move", "account_move_line"):
        assert asked(base, f"SELECT count(*) FROM {name}") == [(0,)]
    # A session that Tryton has thrown out is opened anew.
    assert tryton.send(link, outgoing("customer_invoice", good)).reply["state"] == "posted"
    with sqlite3.connect(base, timeout=10) as opened:
        opened.execute("DELETE FROM ir_session")
    assert tryton.send(link, outgoing("party", sample(tryton, "party.json"))).reply


@pytest.fixture
def factory(live_db, ctx, settings, tmp_path):
    """Give our side: a company with books."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    world = World(ctx.with_(now=datetime.now(UTC)))
    assert world.plant
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=world.ctx.now.year)
    yield world
    assert [v.found.faults for v in proofs.run(PROOFS) if not v.is_green] == []
    connection.close()


def invoice(world, side, *lines, sign=1, tax="13", day=None):
    """Post an invoice of ours."""
    party = world.customer if side == "customer" else world.supplier
    made = world.make(
        f"finance.{side}_invoice", party=party, plant=world.plant, currency=world.currency,
        kind="invoice" if sign > 0 else "credit", invoiced_on=day or world.ctx.now.date(),
        reference=world.next_code("R"),
        lines=[{"item": world.part, "quantity": sign * D(quantity), "price": price,
                "tax_code": world.vat13 if tax == "13" else tax} for quantity, price in lines],
    )  # fmt: skip
    world.do(f"finance.{side}_invoice.post", made)
    return made


def join(hand, address, **more):
    system = hand.system("BOOKS", "tryton", {"address": address, "user": "banyan"} | SETTINGS, {"password": PASSWORD},
                         account=hand.account("kernel.role.create"), timeout_seconds=10, failures=50)  # fmt: skip
    line = {"order_line": None, "item": "A", "text": "甲", "quantity": "1", "price": "1", "tax_code": "VAT13",
            "net_amount": "1", "tax_amount": "0.13"}  # fmt: skip
    event = {"specversion": "1.0", "id": "e", "type": "x", "subject": "SI1", "data": {
        "party": "P", "party_name": "某", "invoiced_on": "2026-11-02", "currency": "CNY", "reference": "",
        "lines": [line],
        "net_amount": "1", "tax_amount": "0.13", "gross_amount": "1.13", "kind": "invoice"}}  # fmt: skip
    for side in ("customer", "supplier"):
        for code, kind, preset in (("INV", "invoiced", "invoices"), ("REV", "invoice_reversed", "reversals")):
            hand.flow(
                system, f"{side[0].upper()}-{code}", event, direction="out", trigger="event", target=f"{side}_invoice",
                detail={"events": [f"finance.{side}_{kind}"]}, mapping={"preset": f"tryton.{preset}"},
                reply={"keep": True}, **more,
            )  # fmt: skip
    return system


def carry(seconds):
    """Carry what is due so many seconds from now."""
    dispatcher.wait_until_quiet()
    engine.carry_until_quiet(datetime.now(UTC) + timedelta(seconds=seconds), 200)


def test_what_we_invoice_is_in_trytons_books_once_and_both_sides_agree(factory, books):
    world, (address, base) = factory, books
    join(hand := Integrator(world.ctx), address)
    made = [invoice(world, "customer", *lines) for lines in (
        [("3", "88.90")], [("7", "33.333333"), ("2", "0.07")], [("1", "1999.99")],
    )]  # fmt: skip
    made.append(invoice(world, "customer", ("2", "88.90"), sign=-1))
    bought = [invoice(world, "supplier", ("120", "4.20")), invoice(world, "supplier", ("15", "4.20"), sign=-1)]
    world.do("finance.customer_invoice.reverse", made[2], reason="开错")
    now = datetime.now(UTC)
    carry(5)
    assert list(Message.objects.exclude(state="done").values_list("flow__code", "state", "reason", "error")) == []
    # Everything again: by hand, and as an event of a range that is sent on purpose.
    flows = {flow.code: flow for flow in {m.flow for m in Message.objects.select_related("flow")}}
    for flow in flows.values():
        hand.do("integration.flow.backfill", flow=str(flow.pk), since=(now - timedelta(hours=1)).isoformat(),
                until=(now + timedelta(hours=1)).isoformat(), reason="对账", only_missing=False)  # fmt: skip
    carry(10)
    assert set(Message.objects.values_list("state", flat=True)) == {"done"}
    assert Message.objects.count() == 14

    theirs = {number: row for number, *row in asked(base, INVOICES)}
    assert {number: row[:3] for number, row in theirs.items()} == {
        **{one.number: ["out", "posted", "CU-1"] for one in made},
        **{one.number: ["in", "posted", "SU-1"] for one in bought},
        f"{made[2].number}-R": ["out", "posted", "CU-1"],
    }
    for _, _, _, reference, state, debit, credit in theirs.values():
        assert state == "posted"
        assert debit == credit
        assert reference
    ours = {
        side: sum((one.gross_amount for one in model.objects.exclude(state="reversed")), D(0))
        for side, model in (("receivable", CustomerInvoice), ("payable", SupplierInvoice))
    }
    there = {side: asked(base, TURNOVER.format(f"t.{side}"))[0][0] for side in ours}
    booked = {
        "receivable": sum((line.amount for line in EntryLine.objects.filter(account__code="1122")), D(0)),
        "payable": sum((line.amount for line in EntryLine.objects.filter(account__code="220201")), D(0)),
    }
    print(f"ours: {CustomerInvoice.objects.count() + SupplierInvoice.objects.count()} invoices, 1 taken back, {ours}, "
          f"ledger {booked}, {Entry.objects.count()} entries; Tryton: {len(theirs)} invoices, {there}")  # fmt: skip
    assert D(str(there["receivable"])).quantize(D("0.01")) == ours["receivable"] == booked["receivable"]
    assert -D(str(there["payable"])).quantize(D("0.01")) == ours["payable"] == booked["payable"]


def test_what_tryton_refuses_is_dead_with_its_words_until_it_is_put_right(factory, books):
    world, (address, base) = factory, books
    join(hand := Integrator(world.ctx), address)
    strange = world.make("company.tax_code", code="VAT9", name="9%", rate="9", kind="vat")
    first = invoice(world, "customer", ("1", "100"), tax=strange)
    second = invoice(world, "customer", ("1", "200"))
    carry(5)
    states = {m.body["subject"]: (m.state, m.reason, m.error) for m in Message.objects.all()}
    assert states[first.number][:2] == ("dead", "refused")
    assert "VAT9" in states[first.number][2]
    assert states[second.number][0] == "done"
    assert [row[0] for row in asked(base, INVOICES)] == [second.number]
    system = System.objects.get(code="BOOKS")
    settings = system.settings | {"taxes": {"VAT13": "VAT13", "VAT9": "VAT6"}}
    hand.do("integration.system.change", system.pk, settings=settings)
    hand.do("integration.message.replay_where", system=str(system.pk), reason="refused")
    carry(10)
    dead = Message.objects.get(state="dead")
    print(dead.error)
    assert (dead.reason, dead.code) == ("refused", "amounts")
    assert [row[0] for row in asked(base, INVOICES)] == [second.number], "nothing is left of what came to other amounts"


def test_a_tryton_that_is_killed_amid_its_work_has_every_invoice_once(factory, tmp_path, needs):
    needs((servers.TRYTON / "template.sqlite").exists(), "Tryton (scripts/setup test with BANYAN_TEST_ALL=1)")
    chance = random.Random(seed := figures.seed())
    world, base, kills = factory, tmp_path / "tryton.sqlite", 0
    with servers.tryton(tmp_path) as server:
        join(Integrator(world.ctx), f"http://127.0.0.1:{server.port}", retries=[1] * 20)
        made = {one.number: one.gross_amount for one in (
            invoice(world, "customer", ("1", f"{n}.10")) for n in range(1, 11))}  # fmt: skip
        dispatcher.wait_until_quiet()

        def kill_and_start() -> None:
            server.kill()
            server.start()

        limit = time.monotonic() + 120
        while Message.objects.filter(state="waiting").exists():
            assert time.monotonic() < limit, list(Message.objects.values_list("state", "reason", "error"))
            rival = None
            if kills < 3:
                rival, kills = threading.Timer(chance.uniform(0.05, 0.6), kill_and_start), kills + 1
                rival.start()
            engine.carry_once(most=5)
            if rival:
                rival.join()
            time.sleep(0.1)
        theirs = asked(base, INVOICES)
    print(f"seed {seed}: {kills} kills, {Message.objects.aggregate(n=Sum('attempts'))['n']} tries of "
          f"{len(made)} invoices, {len(theirs)} in Tryton, ours {sum(made.values())}, theirs "
          f"{sum(D(str(row[6])) for row in theirs)}")  # fmt: skip
    assert set(Message.objects.values_list("state", flat=True)) == {"done"}
    assert {row[0]: (row[2], row[6], row[7]) for row in theirs} == {
        number: ("posted", float(amount), float(amount)) for number, amount in made.items()
    }
