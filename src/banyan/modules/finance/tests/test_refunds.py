"""Refunds without goods in the books: a red credit note by itself, once, and never more than was invoiced."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from django.test import Client

from banyan.kernel import proofs
from banyan.kernel.models import Outbox, User
from banyan.lib.ids import new_id
from banyan.modules.channels.models import Difference
from banyan.modules.channels.tests.conftest import nobody_plans  # noqa: F401
from banyan.modules.finance import rules
from banyan.modules.finance.errors import CreditsTooMuch, NothingToCredit
from banyan.modules.finance.models import CustomerInvoice, CustomerInvoiceLine
from banyan.modules.finance.refunds import credits_of_order
from banyan.modules.finance.tests.test_ledger import close
from banyan.modules.finance.tests.test_statements import balances, invoice, settled, sold
from banyan.modules.finance.values import Billed
from banyan.modules.sales.models import OrderLine
from tests.rest.conftest import account  # noqa: F401

pytestmark = pytest.mark.django_db
NOTE, LINE = CustomerInvoice.objects, CustomerInvoiceLine.objects


@pytest.fixture
def green():
    """Prove afterwards that everything in the books and in channels holds."""
    yield
    found = proofs.run([one.key for one in proofs.proofs() if one.key.startswith(("finance.", "channels."))])
    assert [(one.proof.key, one.found.faults) for one in found if not one.is_green] == []


def paid_back(stall, number, amount, name="R1", **more):
    """Give a refund that the shop told of and that was paid; nobody has heard of it yet."""
    said = {"shop": "S", "order": number, "number": name, "amount": amount, "reason": "降价"} | more
    (one,) = stall.run("channels.refund.receive", refunds=[said])
    stall.do("channels.refund.agree", one)
    stall.do("channels.refund.pay", one)
    return one


def refund(stall, number, amount, name="R1", **more):
    """Give a refund that the books have heard of, too."""
    one = paid_back(stall, number, amount, name, **more)
    stall.deliver()
    return one


def credits():
    return list(NOTE.filter(kind="credit").order_by("created_at", "id").values_list("gross_amount", flat=True))


def take_back_goods(stall, order):
    """Let the goods of an order come back, in sales alone."""
    line = OrderLine.objects.get(order=order.order_id)
    back = stall.world.make(
        "sales.return_order", party=order.party, plant=order.plant, reason="other",
        lines=[{"order_line": line.pk, "quantity": str(line.shipped_quantity), "outcome": "inspection"}],
    )  # fmt: skip
    stall.do("sales.return_order.receive", back)


def test_a_full_refund_takes_the_whole_invoice_back_and_the_statement_pays_both(books, shop, green):
    (number,) = sold(books, shop, "100.00")
    refund(books, number, "100.00")
    blue, red = NOTE.order_by("created_at", "id")
    assert (red.kind, red.state, red.reference, red.reverses) == ("credit", "posted", number, blue)
    assert (red.net_amount, red.tax_amount, red.gross_amount) == (-blue.net_amount, -blue.tax_amount, D(-100))
    (line,) = LINE.filter(invoice=red)
    assert (line.item, line.quantity, line.text, line.order_line) == (books.world.part, D(-1), "退款 R1", None)
    assert balances()[3] == D(0)
    items = settled(books, ("order", number, "100.00"), ("refund", number, "-100.00"))
    assert [(one.state, one.paid_amount) for one in items] == [("matched", D(100)), ("matched", D(-100))]
    assert set(NOTE.values_list("state", flat=True)) == {"paid"}
    assert balances() == (D(0), D(0), D(0), D(0))


def test_a_part_is_spread_over_lines_of_different_vat_to_the_cent_and_the_last_one_takes_all(books, green):
    world = books.world
    vat9 = world.make("company.tax_code", code="VAT9", name="增值税9%", rate="9", kind="vat")
    mine = books.shop("S", party=world.party())
    for sku, tax in (("A-1", world.vat13), ("B-1", vat9)):
        item = world.item(tax_code=tax)
        books.listing(mine, sku, item)
        books.put(item, 5)
    given = books.outside(mine, {"line": "L1", "price": "113.00"}, {"line": "L2", "sku": "B-1", "price": "109.00"})
    books.receive(given)
    order = books.order(mine, given["number"])
    books.do("channels.order.ship", order)
    invoice(books, order)

    def lines():
        note = NOTE.order_by("-created_at", "-id").first()
        said = LINE.filter(invoice=note).order_by("tax_code__code")
        return list(said.values_list("tax_code__code", "net_amount", "tax_amount"))

    for name, amount, expected in (
        ("R1", "22.20", [("VAT13", D("-10.00"), D("-1.30")), ("VAT9", D("-10.00"), D("-0.90"))]),
        ("R2", "10.00", [("VAT13", D("-4.50"), D("-0.59")), ("VAT9", D("-4.50"), D("-0.41"))]),
        ("R3", "189.80", [("VAT13", D("-85.50"), D("-11.11")), ("VAT9", D("-85.50"), D("-7.69"))]),
    ):
        refund(books, given["number"], amount, name)
        assert lines() == expected
    assert (credits(), balances()[3]) == ([D("-22.20"), D("-10.00"), D("-189.80")], D(0))


def test_a_refund_that_is_told_polled_and_heard_again_is_credited_once(books, shop, green):
    (number,) = sold(books, shop, "100.00")
    one = refund(books, number, "20.00")
    said = {"shop": "S", "order": number, "number": "R1", "amount": "20.00", "reason": "降价"}
    assert books.run("channels.refund.receive", refunds=[said, said]) == (one, one)
    Outbox.objects.update(dispatched_at=None)
    books.deliver()
    with pytest.raises(NothingToCredit):
        books.run("finance.customer_invoice.from_refunds", orders=[str(one.channel_order_id)])
    assert (credits(), balances()[3]) == ([D(-20)], D(80))
    refund(books, number, "30.00", "R2")
    assert credits() == [D(-20), D(-30)]
    assert LINE.order_by("-id").first().text == "退款 R2"


def test_a_person_who_is_faster_is_not_followed_by_another_credit(books, shop, green):
    (number,) = sold(books, shop, "100.00")
    one = paid_back(books, number, "20.00")
    (note,) = books.run("finance.customer_invoice.from_refunds", orders=[str(one.channel_order_id)])
    note.refresh_from_db()
    assert (note.state, note.number[:2]) == ("posted", "SI")
    books.deliver()
    assert credits() == [D(-20)]


def test_a_credit_note_by_hand_under_the_outside_number_counts(books, shop, green):
    (number,) = sold(books, shop, "100.00")
    order = books.order(shop, number)
    by_hand = books.world.make(
        "finance.customer_invoice", party=order.party, plant=order.plant, kind="credit", invoiced_on="2026-03-02",
        currency=order.currency, reference=number,
        lines=[{"text": "退款", "quantity": "-1", "price": "17.70", "tax_code": books.world.vat13}],
    )  # fmt: skip
    books.do("finance.customer_invoice.post", by_hand)
    refund(books, number, "20.00")
    assert credits() == [D("-20.00")]
    refund(books, number, "5.00", "R2")
    assert (credits(), balances()[3]) == ([D(-20), D(-5)], D(75))


def test_more_than_is_left_of_the_invoice_waits_for_a_person_and_the_desk_says_why(books, shop, green):
    (number,) = sold(books, shop, "100.00")
    order = books.order(shop, number)
    take_back_goods(books, order)
    invoice(books, order)
    refund(books, number, "100.00")
    Outbox.objects.update(dispatched_at=None)
    books.deliver()
    assert (credits(), balances()[3]) == ([D(-100)], D(0))
    one = Difference.objects.get()
    assert (one.channel_order, one.field, one.state) == (order, "credit_note", "open")
    assert (one.ours, one.theirs) == ("0.00", "100.00")
    with pytest.raises(CreditsTooMuch):
        books.run("finance.customer_invoice.from_refunds", orders=[str(order.pk)])
    text = browser().get("/channels/desk?has_difference=true").content.decode()
    assert "退款红字（发票可冲减、应冲减）：0.00 ≠ 100.00" in text
    assert f">{number}<" not in browser().get("/channels/desk").content.decode()
    books.do("channels.difference.settle", one, note="货已退回，不再冲减")
    assert not books.order(shop, number).has_difference


def test_goods_that_come_back_after_all_are_told_to_a_person(books, shop, green):
    (number,) = sold(books, shop, "100.00")
    refund(books, number, "100.00")
    assert not Difference.objects.exists()
    order = books.order(shop, number)
    take_back_goods(books, order)
    invoice(books, order)
    books.deliver()
    assert credits() == [D(-100), D(-100)]
    assert Difference.objects.get().ours == "-100.00"


def test_before_the_invoice_nothing_is_credited_and_with_it_what_was_paid_back(books, shop, green):
    (number,) = sold(books, shop, "100.00", is_invoiced=False)
    refund(books, number, "20.00")
    items = settled(books, ("order", number, "100.00"), ("refund", number, "-20.00"))
    assert (credits(), [one.reason for one in items]) == ([], ["no_invoice", "no_invoice"])
    invoice(books, books.order(shop, number))
    books.deliver()
    assert credits() == [D(-20)]
    for one in items:
        one.refresh_from_db()
    assert [one.state for one in items] == ["matched", "matched"]
    assert balances() == (D(80), D(0), D(0), D(0))


def test_what_is_not_invoiced_yet_takes_the_refund_first(books, shop, green):
    given = books.outside(shop, {"quantity": "2", "price": "50.00"})
    books.receive(given)
    order = books.order(shop, given["number"])
    line = OrderLine.objects.get(order=order.order_id)
    for n, expected in ((1, []), (2, [D(-5)])):
        books.do("sales.order.ship", order.order, lines=[{"order_line": line.pk, "quantity": "1"}])
        invoice(books, order)
        if n == 1:
            refund(books, given["number"], "5.00")
        books.deliver()
        assert credits() == expected
    assert balances()[3] == D(95)


def test_what_was_cancelled_is_not_credited_for_it_was_never_invoiced(books, shop, green):
    whole, part = books.outside(shop, {"price": "100.00"}), books.outside(shop, {"quantity": "2", "price": "50.00"})
    books.receive(whole, part)
    gone, kept = (books.order(shop, one["number"]) for one in (whole, part))
    books.do("channels.order.cancel", gone, reason="买家不要了")
    refund(books, whole["number"], "100.00")
    line = OrderLine.objects.get(order=kept.order_id)
    books.do("sales.order.ship", kept.order, lines=[{"order_line": line.pk, "quantity": "1"}])
    invoice(books, kept)
    books.deliver()
    books.do("channels.order.cancel", books.order(shop, part["number"]), reason="缺货")
    refund(books, part["number"], "50.00", "R2")
    assert (credits(), balances()[3], Difference.objects.count()) == ([], D(50), 0)
    refund(books, part["number"], "5.00", "R3")
    assert (credits(), balances()[3]) == ([D(-5)], D(45))


def test_goods_that_are_stopped_on_their_way_are_credited_when_they_come_back(books, shop, green):
    (number,) = sold(books, shop, "100.00")
    books.do("channels.order.cancel", books.order(shop, number), reason="买家不要了")
    refund(books, number, "100.00")
    assert credits() == []
    take_back_goods(books, books.order(shop, number))
    invoice(books, books.order(shop, number))
    books.deliver()
    assert (credits(), balances()[3], Difference.objects.count()) == ([D(-100)], D(0), 0)


def test_in_a_closed_period_it_is_dated_on_the_first_open_day(books, shop, ctx, green):
    (number,) = sold(books, shop, "100.00")
    for code in ("2026-01", "2026-02", "2026-03"):
        close(ctx, code)
    refund(books, number, "20.00")
    assert NOTE.get(kind="credit").invoiced_on == date(2026, 4, 1)


def test_the_number_of_another_shops_order_is_not_taken_for_its_own(books, shop, green):
    other = books.shop("T", tax_code=books.world.vat13)
    books.listing(other, "A-1", books.world.part)
    for one in (shop, other):
        given = books.outside(one, {"price": "100.00"}, number="1001")
        books.receive(given)
        books.do("channels.order.ship", books.order(one, "1001"))
        invoice(books, books.order(one, "1001"))
    for one in (shop, other):
        refund(books, "1001", "20.00", shop=one.code)
    assert (credits(), balances()[3]) == ([D(-20), D(-20)], D(160))
    shown = [credits_of_order(books.order(one, "1001").pk) for one in (shop, other)]
    assert [len(notes) for notes in shown] == [1, 1]
    assert shown[0] != shown[1]


def browser():
    user, _ = User.objects.get_or_create(login="all", defaults={"name": "林小雨", "is_superuser": True})
    client = Client(HTTP_HOST="localhost")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_refund_shows_its_credit_note_and_rest_finds_it_by_the_outside_number(books, shop, account):  # noqa: F811
    (number,) = sold(books, shop, "100.00")
    one = refund(books, number, "20.00")
    note = NOTE.get(kind="credit")
    text = browser().get(f"/channels/refunds/{one.pk}").content.decode()
    assert f'href="/finance/customer_invoices/{note.pk}"' in text
    assert f"红字发票 {note.number}（-20.00）" in text
    (row,) = account("*").get(f"finance/customer_invoices?reference={number}").data["items"]
    assert (row["id"], row["kind"], row["gross_amount"]) == (str(note.pk), "credit", "-20")
    assert str(note.reverses_id) in str(row["reverses"])


@pytest.mark.parametrize(("amount", "said"), [
    ("10.00", [("4.50", "0.59"), ("4.50", "0.41")]),
    ("0.01", [("0.01", "0.00")]),
    ("222.00", [("100.00", "13.00"), ("100.00", "9.00")]),
])  # fmt: skip
def test_an_amount_is_credited_by_what_each_comes_to(amount, said):
    one = Billed(None, new_id(), D("100.00"), D("13.00"))
    other = Billed(None, new_id(), D("100.00"), D("9.00"))
    over = Billed(None, new_id(), D("-5.00"), D("-0.65"))
    found = rules.credited_of(D(amount), (one, over, other))
    assert [(f"{part.net:.2f}", f"{part.tax:.2f}") for part in found] == said
    assert sum(part.gross for part in found) == D(amount)


@pytest.mark.parametrize(("credited", "left"), [("0", "ab"), ("20", "b"), ("25", "b"), ("30", "")])
def test_refunds_that_earlier_credits_cover_are_not_named_again(credited, left):
    assert rules.not_covered([("a", D(20)), ("b", D(10))], D(credited)) == tuple(left)
