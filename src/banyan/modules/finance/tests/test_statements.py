"""Shops' statements in the books: paid for invoices, fees, open lines that a person decides, proved again."""

from __future__ import annotations

from decimal import Decimal as D
from importlib import import_module

import pytest
from django.db import connection

from banyan.kernel import proofs, registry
from banyan.kernel.commands import execute
from banyan.modules.channels.errors import NotAllMatched
from banyan.modules.channels.models import Settlement
from banyan.modules.channels.tests.conftest import nobody_plans  # noqa: F401
from banyan.modules.finance.errors import OrderOfAnotherShop, PaidByStatement
from banyan.modules.finance.models import (
    Account,
    CustomerInvoice,
    Entry,
    EntryLine,
    Payment,
    PostingRule,
    SettlementItem,
)
from banyan.modules.finance.queries import account_balance
from banyan.modules.finance.starts import notices_of_statement, pages_of_statement_line

pytestmark = pytest.mark.django_db
MONEY, CLEARING, FEES, RECEIVABLE = "101203", "122104", "560107", "1122"
GREEN = ("finance.statements", "finance.shares", "finance.matched", "finance.entries_balance", "finance.origins")


def sold(stall, shop, *prices, is_invoiced=True):
    """Give the outside numbers of orders that were received, shipped and invoiced."""
    given = [stall.outside(shop, {"price": price}, buyer=f"b{n}") for n, price in enumerate(prices)]
    stall.receive(*given)
    orders = [stall.order(shop, one["number"]) for one in given]
    for order in orders:
        stall.do("channels.order.ship", order)
    if is_invoiced:
        invoice(stall, *orders)
    return [one["number"] for one in given]


def invoice(stall, *orders):
    return stall.run("finance.customer_invoice.from_orders", orders=[str(order.order_id) for order in orders])


def settled(stall, *lines, number="2026-03"):
    """Give the items of a statement that was received and settled."""
    rows = [dict(zip(("kind", "order", "amount", "fee"), line, strict=False)) for line in lines]
    one = stall.run("channels.settlement.receive", shop="S", number=number, settled_on="2026-03-02", lines=rows)
    asked = stall.ctx.with_(consents=frozenset({NotAllMatched.code}))
    execute(asked, registry.command("channels.settlement.settle"), ids=[one.pk])
    return list(SettlementItem.objects.filter(settlement=one).order_by("line__position"))


def balances():
    return tuple(account_balance(code) for code in (MONEY, CLEARING, FEES, RECEIVABLE))


def assert_green():
    found = proofs.run(GREEN)
    assert [one.proof.key for one in found if not one.is_green] == []


def test_orders_pay_for_their_invoices_and_fees_are_an_expense(books, shop):
    first, second = sold(books, shop, "100.00", "50.00")
    items = settled(books, ("order", first, "100.00"), ("order", second, "50.00"), ("fee", "", "-4.50", "佣金"))
    assert [(one.state, one.paid_amount, one.fee_amount) for one in items] == [
        ("matched", D(100), D(0)), ("matched", D(50), D(0)), ("fee", D(0), D("-4.50")),
    ]  # fmt: skip
    assert list(CustomerInvoice.objects.values_list("state", flat=True)) == ["paid"]
    payment = Payment.objects.get()
    assert (payment.direction, payment.amount, payment.matched_amount) == ("in", D(150), D(150))
    assert (payment.state, bool(payment.number)) == ("posted", True)
    (page,) = pages_of_statement_line(books.ctx, {"id": items[0].pk})
    assert (str(page[1]), page[2]) == (payment.number, f"/finance/payments/{payment.pk}")
    (said,) = notices_of_statement(books.ctx, {"id": items[0].settlement_id, "state": "settled"})
    assert said[1].en == "Paid for invoices 150.00, fees -4.50, decided 0.00"
    assert balances() == (D("145.50"), D(0), D("4.50"), D(0))
    assert_green()


def test_each_fee_is_an_entry_of_its_own_and_fees_given_back_are_red(books, shop):
    settled(books, ("fee", "", "-4.50", "佣金"), ("fee", "", "-1.00", "运费险"), ("fee", "", "0.50", "佣金"))
    told = Entry.objects.filter(event="platform_fee").order_by("text").values_list("text", flat=True)
    assert list(told) == ["佣金", "运费险"]
    assert balances() == (D("-5.00"), D(0), D("5.00"), D(0))
    settled(books, ("fee", "", "2.00", "佣金"), number="2026-04")
    assert EntryLine.objects.filter(account__code=FEES, amount=D("-2.00"), side="debit").count() == 1
    assert_green()


def test_a_buyers_own_customer_gets_a_payment_of_their_own(books):
    own = books.shop("S", party=None, tax_code=books.world.vat13)
    books.listing(own, "A-1", books.world.part)
    first, second = sold(books, own, "100.00", "50.00")
    settled(books, ("order", first, "100.00"), ("order", second, "50.00"))
    assert sorted(Payment.objects.values_list("amount", flat=True)) == [D(50), D(100)]
    assert set(CustomerInvoice.objects.values_list("state", flat=True)) == {"paid"}
    assert_green()


def test_what_is_paid_short_stays_open_and_never_takes_another_orders_share(books, shop):
    first, _ = sold(books, shop, "100.00", "50.00")
    (short,) = settled(books, ("order", first, "90.00"))
    assert (short.state, balances()) == ("matched", (D(90), D(0), D(0), D(60)))
    (more,) = settled(books, ("order", first, "30.00"), number="2026-04")
    assert (more.state, more.paid_amount, more.open_amount, more.reason) == ("open", D(10), D(20), "more")
    assert balances() == (D(120), D(-20), D(0), D(50))
    assert_green()


def test_what_has_no_order_waits_until_a_person_names_it(books, shop):
    (first,) = sold(books, shop, "100.00")
    (item,) = settled(books, ("order", "错号", "100.00"))
    assert (item.state, item.reason, balances()) == ("open", "no_order", (D(100), D(-100), D(0), D(100)))
    books.do("finance.settlement_item.match", item, order=str(books.order(shop, first).pk))
    item.refresh_from_db()
    assert (item.state, item.reason, item.paid_amount) == ("matched", "", D(100))
    assert balances() == (D(100), D(0), D(0), D(0))
    assert_green()


def test_an_order_of_another_shop_is_refused_and_nothing_changes(books, shop):
    other = books.shop("T")
    books.listing(other, "A-1", books.world.part)
    (number,) = sold(books, other, "100.00")
    (item,) = settled(books, ("order", "错号", "100.00"))
    with pytest.raises(OrderOfAnotherShop):
        books.do("finance.settlement_item.match", item, order=str(books.order(other, number).pk))
    item.refresh_from_db()
    assert (item.state, item.channel_order_id, balances()[1]) == ("open", None, D(-100))


def test_money_that_comes_before_the_invoice_pays_for_it_as_soon_as_it_is_posted(books, shop):
    (number,) = sold(books, shop, "100.00", is_invoiced=False)
    (item,) = settled(books, ("order", number, "100.00"))
    assert (item.state, item.reason) == ("open", "no_invoice")
    invoice(books, books.order(shop, number))
    books.deliver()
    item.refresh_from_db()
    assert (item.state, CustomerInvoice.objects.get().state) == ("matched", "paid")
    assert balances() == (D(100), D(0), D(0), D(0))
    assert_green()


def test_a_refund_pays_the_credit_note_of_its_order_back(books, shop):
    (number,) = sold(books, shop, "100.00")
    order = books.order(shop, number)
    credit = books.world.make(
        "finance.customer_invoice", party=order.party, plant=order.plant, kind="credit", invoiced_on="2026-03-02",
        currency=order.currency, reference=number,
        lines=[{"text": "退款", "quantity": "-1", "price": "17.70", "tax_code": books.world.vat13}],
    )  # fmt: skip
    books.do("finance.customer_invoice.post", credit)
    items = settled(books, ("order", number, "100.00"), ("refund", number, "-20.00"))
    assert [(one.state, one.paid_amount) for one in items] == [("matched", D(100)), ("matched", D(-20))]
    assert dict(Payment.objects.values_list("direction", "amount")) == {"in": D(100), "back": D(20)}
    assert balances() == (D(80), D(0), D(0), D(0))
    assert_green()


def test_a_person_decides_where_an_open_amount_goes(books, shop):
    (item,) = settled(books, ("other", "", "-7.00"))
    assert (item.state, item.reason) == ("open", "other")
    account = Account.objects.get(code="560199")
    books.do("finance.settlement_item.decide", item, account=str(account.pk), note="运费险赔付")
    item.refresh_from_db()
    assert (item.state, item.decided_amount, item.note) == ("decided", D(-7), "运费险赔付")
    assert (balances()[:2], account_balance("560199")) == ((D(-7), D(0)), D(7))
    assert_green()


def test_what_was_matched_or_decided_can_be_taken_back(books, shop):
    (number,) = sold(books, shop, "100.00")
    items = settled(books, ("order", number, "103.00"))
    account = Account.objects.get(code="530199")
    books.do("finance.settlement_item.decide", items[0], account=str(account.pk), note="多付")
    with pytest.raises(PaidByStatement):
        books.do("finance.payment.reverse", Payment.objects.get(), reason="错")
    assert_green()
    books.do("finance.settlement_item.reopen", items[0], reason="对错了")
    items[0].refresh_from_db()
    assert (items[0].state, items[0].open_amount, items[0].reason) == ("open", D(103), "back")
    assert (Payment.objects.get().state, CustomerInvoice.objects.get().state) == ("reversed", "posted")
    assert balances() == (D(103), D(-103), D(0), D(100))
    assert_green()
    books.do("finance.settlement_item.match", items[0])
    assert balances() == (D(103), D(-3), D(0), D(0))
    assert_green()


def test_a_statement_is_settled_without_books_and_posts_nothing(stall, shop):
    stall.put(stall.world.part, 5)
    assert settled(stall, ("fee", "", "-1.00", "佣金")) == []
    assert (Settlement.objects.get().state, Entry.objects.count()) == ("settled", 0)


def test_without_its_rule_a_statement_is_not_settled(books, shop):
    PostingRule.objects.get(event="platform_fee").delete()
    with pytest.raises(Exception, match="platform_fee"):
        settled(books, ("fee", "", "-1.00", "佣金"))
    assert (Settlement.objects.get().state, SettlementItem.objects.count()) == ("draft", 0)


def test_many_lines_take_a_fixed_number_of_statements(books, shop, django_assert_max_num_queries):
    numbers = sold(books, shop, *["10.00"] * 12)
    with django_assert_max_num_queries(60):
        settled(books, *(("order", number, "10.00") for number in numbers))
    assert Payment.objects.get().amount == D(120)


@pytest.mark.parametrize(("proof", "fault"), [
    ("finance.statements", "UPDATE finance_payment SET amount = amount + 1"),
    ("finance.statements",
     "UPDATE finance_settlementitem SET fee_amount = fee_amount - 1, paid_amount = paid_amount + 1 WHERE amount > 9"),
    ("finance.statements", "UPDATE channels_settlement SET total_amount = total_amount + 1"),
    ("finance.shares", "UPDATE finance_settlementitem SET paid_amount = paid_amount - 1, fee_amount = fee_amount + 1"
                       " WHERE kind = 'order'"),
])  # fmt: skip
@pytest.mark.plants("proof")
def test_a_planted_fault_is_found(books, shop, proof, fault):
    (number,) = sold(books, shop, "100.00")
    settled(books, ("order", number, "95.00"), ("fee", "", "-4.50", "佣金"), ("other", "", "1.00"))
    assert_green()
    with connection.cursor() as cursor:
        cursor.execute(fault)
        assert cursor.rowcount >= 1
    (found,) = proofs.run([proof])
    assert not found.is_green


def test_books_that_were_opened_before_get_the_accounts_and_rules(books):
    events, codes = ("settlement", "platform_fee", "payment_back"), (MONEY, CLEARING)
    rules = {one.event: (one.debit.code, one.credit.code) for one in PostingRule.objects.filter(event__in=events)}
    PostingRule.objects.filter(event__in=events).delete()
    Account.objects.filter(code__in=codes).delete()
    migration = import_module("banyan.modules.finance.migrations.0004_statement_rules")
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(migration.STATEMENTS)
    assert rules == {
        one.event: (one.debit.code, one.credit.code) for one in PostingRule.objects.filter(event__in=events)
    }
    assert Account.objects.filter(code__in=codes, parent__isnull=False).count() == 2
