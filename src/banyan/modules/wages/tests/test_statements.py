"""From approval to payment: sweeps, statements of a month, what is guaranteed, the books, who sees what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import db, exchange, registry
from banyan.kernel.commands import execute
from banyan.kernel.proofs import run
from banyan.kernel.queries import ask, declared_query
from banyan.kernel.reading import Query, matching
from banyan.lib.errors import Conflict, NotAllowed
from banyan.lib.ids import new_id
from banyan.modules.finance.models import Account, Entry, EntryLine
from banyan.modules.wages.models import Approval, Statement, StatementDay, StatementItem, WageLine
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db
NAMES = ("reports", "rates", "whole", "taken_back", "statements", "items", "pools", "bonuses")


def are_proofs_green() -> bool:
    return all(v.is_green for v in run([f"wages.{name}" for name in NAMES]))


@pytest.fixture
@stands
def earned(payroll):
    """Give a payroll in which the first worker has earned 25 and the second 12.50."""
    payroll.rate()
    payroll.good(20)
    payroll.good(10, payroll.world.second_worker)
    return payroll


def test_one_sweep_approves_all_that_wait_and_nothing_twice(earned):
    assert earned.approve().filled({}).en == "2 approved"
    assert (earned.approve().en, Approval.objects.count()) == ("0 approved", 2)
    earned.good(4)
    other = earned.approve(employee=earned.world.second_worker.pk, last="2026-03-01")
    assert other.en == "0 approved"


def test_a_statement_is_the_sum_of_its_approved_lines(earned):
    assert earned.prepare() == ()
    earned.approve()
    earned.good(1)
    one, two = sorted(earned.prepare(), key=lambda s: s.amount)
    assert (one.amount, two.amount, two.quantity, two.state, two.number) == (D("12.50"), 25, 20, "draft", None)
    assert (two.starts_on.isoformat(), two.ends_on.isoformat()) == ("2026-03-01", "2026-03-31")
    assert are_proofs_green()


def test_a_draft_is_made_anew_and_goes_when_nothing_is_left(earned):
    earned.approve(employee=earned.world.worker.pk)
    (first,) = earned.prepare()
    report = earned.good(4)
    earned.approve()
    again = {s.employee_id: s for s in earned.prepare()}
    assert again[earned.world.worker.pk].pk == first.pk
    assert again[earned.world.worker.pk].amount == 30
    earned.undo(report)
    assert [s.amount for s in earned.prepare(employee=earned.world.worker.pk)] == [25]
    assert earned.prepare(month="2026-04-15") == ()
    StatementItem.objects.all().delete()
    assert earned.prepare(month="2026-02-15") == ()
    earned.world.do("wages.statement.confirm", [s.pk for s in earned.prepare()])
    assert earned.prepare() == ()
    assert are_proofs_green()


def test_what_is_undone_after_confirming_comes_off_the_next_statement(earned, ctx):
    report = earned.good(8)
    earned.approve()
    (statement,) = earned.prepare(employee=earned.world.worker.pk)
    earned.world.do("wages.statement.confirm", statement)
    assert statement.number
    assert statement.amount == 35
    earned.undo(report)
    (next_one,) = earned.prepare(month="2026-04-01", employee=earned.world.worker.pk)
    assert (next_one.amount, next_one.starts_on.month) == (-10, 4)
    earned.world.do("wages.statement.confirm", next_one)
    statement.refresh_from_db()
    assert statement.amount == 35
    assert are_proofs_green()


def test_a_shift_is_made_up_to_its_minimum_once(payroll, ctx):
    payroll.rate(shift_minimum="100")
    report = payroll.good(40)
    payroll.good(20)
    payroll.approve()
    (first,) = payroll.prepare()
    assert (first.amount, first.top_up_amount) == (100, 25)
    payroll.world.do("wages.statement.confirm", first)
    payroll.undo(report)
    payroll.good(12, ctx=ctx.with_(now=ctx.now + timedelta(days=1)))
    payroll.approve()
    (second,) = payroll.prepare(month="2026-03-31")
    days = StatementDay.objects.filter(statement=second).order_by("day")
    assert [(d.piece_amount, d.top_up_amount, d.amount) for d in days] == [(-50, 50, 0), (15, 85, 100)]
    assert are_proofs_green()


def test_nothing_is_guaranteed_for_a_day_of_which_nothing_stands(payroll):
    payroll.rate(shift_minimum="100")
    report = payroll.good(40)
    payroll.approve()
    (first,) = payroll.prepare()
    payroll.world.do("wages.statement.confirm", first)
    payroll.undo(report)
    (second,) = payroll.prepare(month="2026-04-01")
    assert (second.amount, second.top_up_amount) == (-100, -50)


def test_a_statement_of_nothing_is_a_statement(payroll):
    payroll.rate(piece_price="0")
    payroll.good(5)
    payroll.approve()
    (statement,) = payroll.prepare()
    payroll.world.do("wages.statement.confirm", statement)
    assert (statement.amount, statement.quantity, statement.state) == (0, 5, "confirmed")


@pytest.fixture
@stands
def books(earned):
    for key, data in (("finance.account.install", {"chart": "cas"}), ("finance.period.open_year", {"year": 2026})):
        execute(earned.ctx, registry.command(key), data=data)
    earned.approve()
    (statement,) = earned.prepare(employee=earned.world.worker.pk)
    return statement


def balance(code):
    lines = EntryLine.objects.filter(account=Account.objects.get(code=code))
    return sum((line.amount if line.side == "debit" else -line.amount for line in lines), D(0))


def test_confirming_accrues_and_reversing_takes_back(earned, books):
    earned.world.do("wages.statement.confirm", books)
    assert (balance("221101"), balance("510108")) == (-25, 25)
    entry = Entry.objects.get(event="wage_accrual")
    assert (entry.on.isoformat(), entry.origin) == ("2026-03-31", books.pk)
    line = EntryLine.objects.filter(entry=entry).first()
    assert (line.employee_id, line.department_id) == (earned.world.worker.pk, earned.world.department.pk)
    earned.world.do("wages.statement.reverse", books, reason="单价错误")
    assert (balance("221101"), balance("510108"), books.state) == (0, 0, "reversed")
    (again,) = earned.prepare(employee=earned.world.worker.pk)
    assert (again.amount, again.pk != books.pk) == (25, True)
    assert are_proofs_green()


def test_paying_clears_what_is_owed_and_ends_it(earned, books):
    with pytest.raises(Conflict):
        earned.world.do("wages.statement.pay", books, paid_on="2026-04-10")
    earned.world.do("wages.statement.confirm", books)
    earned.world.do("wages.statement.pay", books, paid_on="2026-04-10")
    assert (balance("221101"), books.state) == (0, "paid")
    with pytest.raises(Conflict):
        earned.world.do("wages.statement.reverse", books, reason="x")


def test_one_sees_ones_own_pay_and_others_only_by_right(earned, person):
    earned.approve()
    earned.prepare()
    me, other = earned.world.worker, earned.world.second_worker
    own = person(("wages.line.read", "own"), ("wages.statement.read", "own"), ("wages.pay", "own"))
    own = own.with_(principal=replace(own.principal, employee=me.pk))
    leader = person("wages.line.*", "wages.statement.read")
    statements, lines = registry.noun("wages.statement"), registry.noun("wages.line")
    assert [s.amount for s in matching(own, statements, Query())] == [25]
    assert [line.employee_id for line in matching(own, lines, Query())] == [me.pk]
    assert matching(leader, statements, Query()).count() == 2
    nobody = own.with_(principal=replace(own.principal, employee=None))
    assert matching(nobody, lines, Query()).count() == 0

    def month(ctx, **data):
        return [row["amount"] for row in ask(ctx, declared_query("wages.my_month"), {"month": "2026-03-01"} | data)]

    assert month(own) == ["25"]
    assert month(own, employee=str(other.pk)) == []
    assert month(leader, employee=str(other.pk)) == [None]
    theirs = Statement.objects.get(employee=other)
    question = declared_query("wages.of_statement")
    assert ask(own, question, {"statement": str(theirs.pk)}) == []
    assert [row["amount"] for row in ask(leader, question, {"statement": str(theirs.pk)})] == [None]
    with pytest.raises(NotAllowed):
        execute(own, registry.command("wages.line.approve"), data={})
    with pytest.raises(NotAllowed):
        ask(own, declared_query("wages.to_approve"))


def test_a_leader_approves_within_reach_and_sees_no_amount(earned, person):
    leader = person(("wages.line.*", "plant"), plants=[earned.world.second_plant.pk])
    assert execute(leader, registry.command("wages.line.approve"), data={}).value.en == "0 approved"
    leader = person(("wages.line.*", "plant"), plants=[earned.world.plant.pk])
    rows = ask(leader, declared_query("wages.to_approve"))
    assert [(row["lines"], row["quantity"], row["amount"]) for row in rows] == [(1, "10", None), (1, "20", None)]
    assert execute(leader, registry.command("wages.line.approve"), data={}).value.en == "2 approved"


def copied(first: WageLine, number: int) -> list[WageLine]:
    """Give so many lines like one, of as many reports, over the days of a month and back."""
    values = {f.attname: getattr(first, f.attname) for f in WageLine._meta.concrete_fields}
    return [
        WageLine(**values | {"id": new_id(), "report_id": new_id(), "day": first.day.replace(day=n % 28 + 1)})
        for n in range(number)
    ]


def test_ten_thousand_lines_take_as_many_statements_as_two(earned):
    first = WageLine.objects.first()

    def statements(act):
        with CaptureQueriesContext(connection) as seen:
            act()
        return len(seen)

    few = statements(earned.approve), statements(earned.prepare)
    db.insert_rows(copied(first, 9_998))
    many = statements(earned.approve), statements(earned.prepare)
    assert many[0] <= few[0] + 2
    assert many[1] <= few[1] + 3
    assert Statement.objects.get(employee=first.employee_id).amount == first.amount * 9_999


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_statements_leave_as_a_table_for_payroll(earned, person, form):
    earned.approve()
    earned.prepare()
    noun = registry.noun("wages.statement")

    def columns(ctx):
        table = exchange.read_table(f"x.{form}", b"".join(exchange.export(ctx, noun, Query(), form)))
        return dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))

    assert sorted(D(str(amount)) for amount in columns(earned.ctx)["应付工资"]) == [D("12.50"), 25]
    assert {"员工", "合格数"} <= set(columns(person("wages.statement.read")))
    assert "应付工资" not in columns(person("wages.statement.read"))


def test_a_statement_opens_to_its_reports(earned, ctx):
    earned.approve()
    (statement,) = earned.prepare(employee=earned.world.worker.pk)
    item = StatementItem.objects.get(statement=statement)
    line = WageLine.objects.get(employee=earned.world.worker)
    assert (item.report_id, item.quantity, item.amount) == (line.report_id, 20, 25)
    (row,) = ask(ctx, declared_query("wages.of_statement"), {"statement": str(statement.pk)})
    assert (row["_noun"], row["_id"], row["operation"]) == ("production.report", str(line.report_id), "10 车削")
