"""What others are told of invoices: all that books of their own need."""

from __future__ import annotations

from datetime import date

import pytest

from banyan.kernel.models import Outbox
from banyan.lib.errors import NotAllowed
from banyan.lib.ids import new_id
from banyan.modules.finance.models import Voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(world):
    assert world.plant
    world.do("finance.account.install", chart="cas_small")
    world.do("finance.period.open_year", year=2026)

    def make(side, sign=1):
        party = world.customer if side == "customer" else world.supplier
        lines = [
            {"item": world.part, "quantity": sign * 3, "price": "88.90", "tax_code": world.vat13},
            {"text": "运费", "quantity": sign * 1, "price": "20", "tax_code": world.vat13},
        ]
        made = world.make(
            f"finance.{side}_invoice", party=party, plant=world.plant, currency=world.currency, lines=lines,
            kind="invoice" if sign > 0 else "credit", invoiced_on=date(2026, 3, 2), reference=f"R{sign}",
        )  # fmt: skip
        world.do(f"finance.{side}_invoice.post", made)
        return made

    return make


def told():
    return [(row.type, row.number, row.payload) for row in Outbox.objects.filter(type__startswith="finance.")
            .order_by("seq")]  # fmt: skip


@pytest.mark.parametrize(("side", "party"), [("customer", "CU-1"), ("supplier", "SU-1")])
def test_a_posted_invoice_and_its_reversal_are_told_in_whole(world, invoice, side, party):
    made, red = invoice(side), invoice(side, -1)
    world.do(f"finance.{side}_invoice.reverse", made, reason="开错")
    (kind, number, first), (_, _, credit), (reversed_kind, reversed_number, last) = told()
    assert (kind, number) == (f"finance.{side}_invoiced", made.number)
    assert (reversed_kind, reversed_number) == (f"finance.{side}_invoice_reversed", made.number)
    names = ("party", "invoiced_on", "currency", "reference", "kind", "gross_amount")
    assert {name: first[name] for name in names} == {
        "party": party, "invoiced_on": "2026-03-02", "currency": "CNY", "reference": "R1", "kind": "invoice",
        "gross_amount": "323.97",
    }  # fmt: skip
    assert [(line["item"], line["text"], line["quantity"], line["tax_code"], line["net_amount"], line["tax_amount"])
            for line in first["lines"]] == [
        ("MP-1", "齿轮", "3", "VAT13", "266.7", "34.67"), ("", "运费", "1", "VAT13", "20", "2.6"),
    ]  # fmt: skip
    assert (credit["kind"], credit["gross_amount"], credit["lines"][0]["quantity"]) == ("credit", "-323.97", "-3")
    assert (last["net_amount"], last["tax_amount"], last["gross_amount"]) == ("-286.7", "-37.27", "-323.97")
    assert [line["net_amount"] for line in last["lines"]] == ["-266.7", "-20"]
    assert red.number != made.number


def test_a_checked_voucher_is_told_with_the_sums_of_its_accounts(world, invoice):
    for sign in (1, 1, -1):
        invoice("customer", sign)
    invoice("supplier")
    world.do("finance.voucher.number")
    maker = world.ctx
    world.ctx = maker.with_(principal=maker.principal.__class__(new_id(), "审核", grants=(("*", "all"),)))
    kept = {one.event: one for one in Voucher.objects.all()}
    world.do("finance.voucher.check", list(kept.values()))
    checked = {row.payload["event"]: row for row in Outbox.objects.filter(type="finance.voucher_checked")}
    assert {event: row.record for event, row in checked.items()} == {event: one.pk for event, one in kept.items()}
    said = checked["customer_invoice"].payload
    names = ("word", "no", "period", "on", "text", "entries", "amount")
    assert {name: said[name] for name in names} == {
        "word": "记", "no": kept["customer_invoice"].no, "period": "2026-03", "on": "2026-03-02", "text": "销售开票",
        "entries": 3, "amount": "323.97",
    }  # fmt: skip
    assert [(line["account"], line["debit"], line["credit"], line["customer"], line["supplier"])
            for line in said["lines"]] == [
        ("1122", "323.97", None, "CU-1", ""), ("22210107", None, "37.27", "", ""), ("5001", None, "286.7", "CU-1", ""),
    ]  # fmt: skip
    owed = [line for line in checked["supplier_invoice"].payload["lines"] if line["supplier"]]
    assert ("220201", "323.97", "SU-1") in {(line["account"], line["credit"], line["supplier"]) for line in owed}
    assert Outbox.objects.filter(type="finance.voucher_checked").count() == len(kept)


def test_an_unchecked_voucher_is_told_to_nobody(world, invoice):
    invoice("customer")
    world.do("finance.voucher.number")
    with pytest.raises(NotAllowed):
        world.do("finance.voucher.check", list(Voucher.objects.all()))
    assert not Outbox.objects.filter(type="finance.voucher_checked").exists()
