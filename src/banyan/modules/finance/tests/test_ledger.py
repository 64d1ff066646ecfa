"""The ledger: charts, periods, balance, closing, vouchers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from django.db import IntegrityError

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.queries import ask, declared_query
from banyan.lib.errors import Conflict, NotAllowed
from banyan.lib.ids import new_id
from banyan.lib.labels import speaking
from banyan.modules.finance import posting, proofs
from banyan.modules.finance.errors import NotBalanced, PeriodClosed
from banyan.modules.finance.models import Account, Entry, EntryLine, Period, PostingRule, Voucher
from banyan.modules.finance.nouns import EVENTS
from banyan.modules.finance.queries import trial_balance
from banyan.modules.finance.values import Leg, Posting
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
MARCH = date(2026, 3, 2)


def do(ctx, key, ids=(), **data):
    return execute(ctx, registry.command(key), ids=ids, data=data or None).value


@pytest.fixture
@stands
def books(ctx, world):
    assert world.plant
    do(ctx, "finance.account.install", chart="cas_small")
    do(ctx, "finance.period.open_year", year=2026)
    return {a.code: a.pk for a in Account.objects.all()}


def test_every_event_of_the_rules_has_words(books):
    known = {choice.key for choice in EVENTS}
    assert set(PostingRule.objects.values_list("event", flat=True)) - known == set()
    assert "conversion" in known, "what reported time is posted under"


def sell(ctx, books, amount="100.00", on=MARCH):
    legs = (Leg(books["1122"], "debit", D(amount)), Leg(books["5001"], "credit", D(amount)))
    return posting.post(ctx, [Posting("manual", on, "finance.manual_entry", new_id(), legs)])


def test_a_chart_is_installed_once(ctx, books):
    assert Account.objects.get(code="222101").is_leaf is False
    with pytest.raises(Conflict):
        do(ctx, "finance.account.install", chart="cas")


@pytest.mark.parametrize("chart", ["cas_small", "cas"])
def test_both_charts_have_all_accounts_of_the_rules(ctx, world, chart):
    do(ctx, "finance.account.install", chart=chart)
    assert posting.accounts_of(["completion", "cost_of_sales", "labour"])


def test_an_entry_that_does_not_balance_is_refused(ctx, books):
    legs = (Leg(books["1122"], "debit", D("1.00")), Leg(books["5001"], "credit", D("0.99")))
    with pytest.raises(NotBalanced):
        posting.post(ctx, [Posting("manual", MARCH, "finance.manual_entry", new_id(), legs)])
    assert Entry.objects.count() == 0


def test_the_database_refuses_what_does_not_balance(ctx, books):
    sell(ctx, books)
    entry = Entry.objects.get()
    with pytest.raises(IntegrityError, match="does not balance"):
        EntryLine.objects.create(
            entry=entry, position=9, on=MARCH, account_id=books["1122"], side="debit", amount=D("5")
        )


def test_a_reversal_is_red_and_keeps_the_turnover_true(ctx, books):
    (key,) = sell(ctx, books)
    posting.reverse(ctx, [key], MARCH)
    assert [
        row for row in trial_balance(date(2026, 3, 1), date(2026, 3, 31)) if row.debit or row.credit
    ] == []
    assert list(EntryLine.objects.order_by("amount").values_list("side", "amount"))[0] == (
        "debit",
        D("-100.00"),
    )
    with pytest.raises(IntegrityError):
        posting.reverse(ctx, [key], MARCH)


def test_the_trial_balance_sums_accounts_above(ctx, books):
    sell(ctx, books, on=date(2026, 2, 27))
    sell(ctx, books, "30.00")
    rows = {
        r.code: (r.opening, r.debit, r.credit, r.closing)
        for r in trial_balance(date(2026, 3, 1), date(2026, 3, 31))
    }
    assert rows["1122"] == (D("100.00"), D("30.00"), D(0), D("130.00"))
    assert rows["5001"] == (D("-100.00"), D(0), D("30.00"), D("-130.00"))


def close(ctx, code):
    period = Period.objects.get(code=code)
    do(ctx, "finance.voucher.number")
    other = ctx.with_(principal=ctx.principal.__class__(new_id(), "审核", grants=(("*", "all"),)))
    waiting = list(Voucher.objects.filter(period=period, state="made").values_list("pk", flat=True))
    if waiting:
        do(other, "finance.voucher.check", waiting)
    do(ctx, "finance.period.close", [period.pk])


def test_a_closed_period_takes_no_entry_and_its_vouchers_run_without_gaps(ctx, books):
    sell(ctx, books, on=date(2026, 1, 5))
    sell(ctx, books, on=date(2026, 1, 6))
    close(ctx, "2026-01")
    assert list(Voucher.objects.order_by("no").values_list("no", "entries")) == [(1, 1), (2, 1)]
    with pytest.raises(PeriodClosed):
        sell(ctx, books, on=date(2026, 1, 31))
    assert trial_balance(date(2026, 2, 1), date(2026, 2, 28))[0].opening == D("200.00")
    do(ctx, "finance.period.reopen", [Period.objects.get(code="2026-01").pk])
    sell(ctx, books, on=date(2026, 1, 31))


def test_a_period_is_not_closed_before_the_one_ahead_of_it(ctx, books):
    with pytest.raises(Conflict):
        close(ctx, "2026-02")


def test_whoever_made_a_voucher_may_not_check_it(ctx, books):
    sell(ctx, books)
    do(ctx, "finance.voucher.number")
    with pytest.raises(NotAllowed):
        do(ctx, "finance.voucher.check", [Voucher.objects.get().pk])


def test_a_manual_entry_is_posted_by_somebody_else(ctx, books, person):
    maker, checker = person("finance.*"), person("finance.*")
    lines = [
        {"account": str(books["1002"]), "side": "debit", "amount": "5.00"},
        {"account": str(books["1001"]), "side": "credit", "amount": "5.00"},
    ]
    key = execute(
        maker,
        registry.command("finance.manual_entry.create"),
        data={"records": [{"on": "2026-03-02", "text": "存现", "lines": lines}]},
    ).ids[0]
    with pytest.raises(NotAllowed):
        do(maker, "finance.manual_entry.post", [key])
    do(checker, "finance.manual_entry.post", [key])
    do(checker, "finance.manual_entry.reverse", [key], reason="错了")
    assert proofs.entries_balance().broken == 0
    assert EntryLine.objects.count() == 4


def test_nothing_is_posted_while_the_books_are_off(ctx):
    assert posting.accounts_of(["labour"]) == {}


@pytest.mark.parametrize(("language", "says"), [("zh", "1122 应收账款"), ("en", "1122 Accounts receivable")])
def test_accounts_are_named_in_the_readers_language(ctx, world, books, language, says):
    due = dict(item=world.part, quantity="1", plant=world.plant, due_on="2026-03-20")
    order = world.make("production.work_order", **due).pk
    legs = [Leg(books["1122"], "debit", D(5), work_order=order), Leg(books["5001"], "credit", D(5))]
    posting.post(ctx, [Posting("manual", MARCH, "finance.manual_entry", new_id(), tuple(legs))])
    reader, march = ctx.with_(language=language), {"first": "2026-03-01", "last": "2026-03-31"}
    with speaking(language):
        (cost,) = ask(reader, declared_query("finance.order_cost"), {"work_order": str(order)})
        (line,) = ask(reader, declared_query("finance.ledger"), {"account": str(books["1122"])} | march)
    assert (cost["account"], line["account"]) == (says, says)
