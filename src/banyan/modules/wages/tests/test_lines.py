"""What a report earns: at the rate of the day, shared to the cent, taken back when undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel.proofs import run
from banyan.kernel.queries import ask, declared_query
from banyan.modules.wages.errors import RateInUse, RateOverlaps, TwoHourPrices, WrongValidity
from banyan.modules.wages.models import WageLine

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def proved(payroll):
    """Let everything that wages promise be proved after each test."""
    yield
    broken = [v.proof.key for v in run([f"wages.{name}" for name in NAMES]) if not v.is_green]
    assert broken == []


NAMES = ("reports", "rates", "whole", "taken_back", "statements", "items", "pools", "bonuses")


def test_a_good_report_is_paid_by_the_piece_and_the_hour(payroll):
    payroll.rate(hour_price="30", shift_minimum="200", item=payroll.world.product, operation="车削")
    payroll.good(10, minutes="30")
    (line,) = WageLine.objects.all()
    assert (line.piece_amount, line.time_amount, line.deduction_amount, line.amount) == (
        D("12.50"), D("15.00"), 0, D("27.50"),
    )  # fmt: skip
    assert (line.employee_id, line.day.isoformat(), line.quantity, line.shift_minimum, line.team_id) == (
        payroll.world.worker.pk, "2026-03-02", 10, 200, payroll.world.team.pk,
    )  # fmt: skip


def test_without_a_rate_nothing_is_paid_and_nothing_is_written(payroll):
    payroll.good()
    payroll.rate(operation="铣削")
    payroll.good()
    assert payroll.amounts() == []


def test_a_report_takes_one_statement_more_and_none_without_rates(payroll):
    def cost():
        with CaptureQueriesContext(connection) as seen:
            payroll.good(1, payroll.world.worker, payroll.world.second_worker)
        return [q["sql"] for q in seen if "wages_" in q["sql"]]

    payroll.good(1)
    cost()
    assert cost() == []
    payroll.rate()
    payroll.world.make("wages.factor", employee=payroll.world.worker, factor="1.5", valid_from="2026-01-01")
    cost()
    assert [sql.split()[:3] for sql in cost()] == [["INSERT", "INTO", '"wages_wageline"']]


def test_several_share_by_share_else_by_their_factor_of_the_day(payroll):
    a, b = payroll.world.worker, payroll.world.second_worker
    payroll.rate(piece_price="1.01")
    payroll.good(1, {"employee": a.pk, "share": "2"}, {"employee": b.pk, "share": "1"})
    assert payroll.amounts() == [D("0.67"), D("0.34")]
    payroll.world.make("wages.factor", employee=a, factor="3", valid_from="2026-03-02", valid_to="2026-03-03")
    payroll.good(1, a, b)
    assert payroll.amounts()[2:] == [D("0.76"), D("0.25")]
    payroll.good(10, {"employee": a.pk, "share": "0"}, {"employee": b.pk, "share": "1"})
    assert payroll.amounts()[4:] == [D("0.00"), D("10.10")]


def test_a_rate_for_a_skill_pays_who_has_it_that_day(payroll):
    payroll.rate(piece_price="1")
    payroll.rate(piece_price="2", skill=payroll.world.skill)
    payroll.good(10, payroll.world.worker, payroll.world.second_worker)
    assert payroll.amounts() == [10, 5]
    skills = [{"skill": payroll.world.skill, "level": 2, "valid_to": "2026-03-02"}]
    payroll.world.change(payroll.world.worker, skills=skills)
    payroll.good(10)
    assert payroll.amounts()[2:] == [10]


def test_the_hour_may_be_that_of_the_employee(payroll):
    payroll.rate(piece_price="0", is_own_pay=True)
    payroll.good(10, minutes="50")
    payroll.good(10, payroll.world.second_worker, minutes="50")
    assert payroll.amounts() == [30, 0]
    with pytest.raises(TwoHourPrices):
        payroll.rate(item=payroll.world.part, is_own_pay=True, hour_price="1")


def test_the_rate_is_that_of_the_day_on_which_it_happened(payroll, ctx):
    payroll.rate(piece_price="1", valid_to="2026-03-02")
    payroll.rate(piece_price="2", valid_from="2026-03-02", valid_to="2026-03-03")
    payroll.rate(piece_price="3", valid_from="2026-03-03")
    payroll.good(1)
    payroll.good(1, offline=True, device_at=(ctx.now - timedelta(days=1)).isoformat())
    payroll.good(1, ctx=ctx.with_(now=ctx.now + timedelta(days=1)))
    assert payroll.amounts() == [2, 1, 3]


def test_work_after_midnight_earns_for_the_night_it_was_done_in(payroll, ctx):
    world, now = payroll.world, ctx.now + timedelta(hours=10)  # two in the morning of the third, in Shanghai
    night = world.make("people.shift", code="N", name="夜班", starts_at="20:00", ends_at="08:00")
    world.change(world.worker, shift=night)
    payroll.rate()
    payroll.good(4, world.worker, world.second_worker, ctx=ctx.with_(now=now))
    days = dict(WageLine.objects.values_list("employee", "day"))
    assert {one: day.day for one, day in days.items()} == {world.worker.pk: 2, world.second_worker.pk: 3}
    own = ctx.with_(principal=replace(ctx.principal, employee=world.worker.pk), now=now)
    assert [r["wage"] for r in ask(own, declared_query("production.my_day"))] == ["2.5"]


def test_missing_wages_are_counted_by_the_day_the_work_was_done(payroll, ctx):
    payroll.good(4, offline=True, device_at=(ctx.now - timedelta(days=1)).isoformat())
    payroll.rate()
    assert payroll.world.do("wages.line.count_missing", first="2026-03-02", last="2026-03-02").en == "0 counted"
    assert payroll.world.do("wages.line.count_missing", first="2026-03-01", last="2026-03-01").en == "1 counted"
    assert [line.day.isoformat() for line in WageLine.objects.all()] == ["2026-03-01"]


def test_bad_pieces_cost_by_reason(payroll):
    reasons = [payroll.world.make("production.defect_reason", code=c, name=c) for c in ("D1", "D2")]
    payroll.rate(hour_price="60")
    payroll.world.make("wages.deduction", reason=reasons[0], price="2.5", valid_from="2026-01-01")
    defects = [{"reason": r.pk, "quantity": "2"} for r in reasons]
    payroll.report(
        payroll.current, 10, "scrap", 4, minutes="1", defects=defects,
        people=[{"employee": payroll.world.worker.pk}, {"employee": payroll.world.second_worker.pk}],
    )  # fmt: skip
    assert payroll.amounts() == [D("-2.00"), D("-2.00")]


def test_an_undone_report_is_taken_back_with_the_opposite_sign(payroll):
    payroll.rate(hour_price="7")
    first = payroll.good(3, payroll.world.worker, payroll.world.second_worker, minutes="7")
    payroll.undo(first)
    lines = list(WageLine.objects.order_by("pk"))
    assert [line.amount for line in lines[2:]] == [-line.amount for line in lines[:2]]
    assert sum(line.amount for line in lines) == 0
    assert {line.reverses_id for line in lines[2:]} == {line.pk for line in lines[:2]}
    same = payroll.say(payroll.current, 10, "good", 5, people=[{"employee": payroll.world.worker.pk}])
    payroll.send(same)
    payroll.send(same)
    assert WageLine.objects.count() == 5


def test_a_rate_that_has_paid_may_only_be_ended(payroll):
    rate = payroll.rate()
    payroll.good()
    payroll.world.change(rate, note="2026")
    for change in ({"piece_price": "2"}, {"valid_to": "2026-03-02"}, {"valid_from": "2026-03-03"}, {"operation": "x"}):
        with pytest.raises(RateInUse):
            payroll.world.change(rate, **change)
    with pytest.raises(RateInUse):
        payroll.world.do("wages.rate.delete", rate)
    payroll.world.do("wages.rate.delete", [payroll.rate(item=payroll.world.part).pk])
    payroll.world.change(rate, valid_to="2026-03-03")
    payroll.rate(piece_price="2", valid_from="2026-03-03")


def test_what_was_reported_before_there_was_a_rate_is_counted_later(payroll, ctx):
    payroll.good(2, payroll.world.worker, payroll.world.second_worker)
    payroll.undo(payroll.good(3))
    payroll.good(4, ctx=ctx.with_(now=ctx.now + timedelta(days=1)))
    payroll.rate(piece_price="1.25")
    payroll.good(1)
    count = {"first": "2026-03-01", "last": "2026-03-02"}
    assert payroll.world.do("wages.line.count_missing", **count).en == "2 counted"
    assert payroll.world.do("wages.line.count_missing", **count).en == "0 counted"
    assert sorted(payroll.amounts()) == [D("1.25"), D("1.25"), D("1.25")]
    payroll.world.do("wages.line.count_missing", first="2026-03-03", last="2026-03-03")
    assert sum(payroll.amounts()) == D("8.75")


def test_two_rates_for_the_same_at_a_time_are_refused(payroll):
    payroll.rate(item=payroll.world.product)
    payroll.rate(item=payroll.world.part)
    with pytest.raises(RateOverlaps):
        payroll.rate(item=payroll.world.product, valid_from="2026-06-01")
    with pytest.raises(WrongValidity):
        payroll.rate(item=payroll.world.screw, valid_to="2026-01-01")


def test_a_worker_hears_what_the_day_earned_and_sees_it_on_their_day(payroll, ctx):
    payroll.rate()
    own = ctx.with_(principal=replace(ctx.principal, employee=payroll.world.worker.pk))
    operation = payroll.operation(payroll.current, 10).pk
    tally = payroll.world.__class__(own)
    assert "工资 ¥12.50" in tally.do("production.operation.tally", operation=operation, good="10").zh
    assert "工资 ¥25.00" in tally.do("production.operation.tally", operation=operation, good="10").zh
    assert [r["wage"] for r in ask(own, declared_query("production.my_day"))] == ["25"]
