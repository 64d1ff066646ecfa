"""A team's piece wages of a day shared over those who were there, and bonuses by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel.proofs import run
from banyan.kernel.queries import ask, declared_query
from banyan.lib.errors import NotAllowed
from banyan.modules.people.models import Attendance
from banyan.modules.wages.errors import (
    NobodyThere,
    NoBonus,
    OwnBonus,
    PoolInUse,
    PoolOverlaps,
    ReportedButNotThere,
)
from banyan.modules.wages.models import Bonus, Sharing, StatementItem, WageLine
from banyan.modules.wages.queries import piece_prices
from tests.plugins.standing import stands
from tests.plugins.world import World

pytestmark = pytest.mark.django_db
DAY = "2026-03-02"


@pytest.fixture(autouse=True)
def proved(payroll):
    """Let everything that wages promise be proved after each test."""
    yield
    names = ("reports", "rates", "whole", "taken_back", "statements", "items", "pools", "bonuses")
    assert [v.proof.key for v in run([f"wages.{name}" for name in names]) if not v.is_green] == []


@pytest.fixture
@stands
def pooled(payroll):
    """Give a payroll whose first team has a pool, with both workers in it."""
    payroll.rate(hour_price="30")
    payroll.pool = payroll.world.make("wages.pool", team=payroll.world.team, valid_from="2026-01-01")
    if payroll.world.second_worker.team_id != payroll.world.team.pk:
        payroll.world.change(payroll.world.second_worker, team=payroll.world.team.pk)
    return payroll


def there(shop, *minutes):
    for worker, many in zip((shop.world.worker, shop.world.second_worker), minutes, strict=False):
        shop.world.make("people.attendance", employee=worker, day=DAY, minutes=many)


def share(shop, **told):
    return shop.world.do("wages.sharing.share", **({"first": DAY, "last": DAY} | told))


def shares(shop):
    """Give what the workers have of shares, what was taken back set off."""
    found = dict.fromkeys((shop.world.worker.pk, shop.world.second_worker.pk), D(0))
    for line in WageLine.objects.filter(kind="share"):
        found[line.employee_id] += line.amount
    return list(found.values())


def test_a_report_into_a_pool_earns_time_and_no_pieces(pooled):
    pooled.good(10, minutes="30")
    (line,) = WageLine.objects.all()
    assert (line.piece_amount, line.pooled_amount, line.time_amount, line.amount) == (0, D("12.50"), 15, 15)
    assert line.pool_id == pooled.pool.pk


def test_a_day_is_shared_by_time_there_and_factor_to_the_cent(pooled):
    pooled.world.make("wages.factor", employee=pooled.world.worker, factor="1.5", valid_from="2026-01-01")
    pooled.good(10, minutes="0")
    pooled.good(7, pooled.world.second_worker, minutes="0")
    there(pooled, 240, 480)
    assert share(pooled) == ()
    pooled.approve()
    (sharing,) = share(pooled)
    assert sharing.amount == D("21.25")
    assert shares(pooled) == [D("9.11"), D("12.14")]
    people = list(sharing.people.order_by("position").values_list("minutes", "factor", "amount"))
    assert sorted(people) == [(240, D("1.5"), D("9.11")), (480, 1, D("12.14"))]
    assert share(pooled) == ()


def test_who_was_there_shares_without_a_report_and_who_was_elsewhere_does_not(pooled):
    pooled.good(8, minutes="0")
    pooled.approve()
    there(pooled, 100, 300)
    share(pooled)
    assert shares(pooled) == [D("2.50"), D("7.50")]


def test_by_factor_alone_the_time_does_not_count(pooled):
    pooled.world.change(pooled.pool, is_by_time=False)
    pooled.good(10, minutes="0")
    pooled.approve()
    there(pooled, 60, 480)
    share(pooled)
    assert shares(pooled) == [D("6.25"), D("6.25")]


def test_a_changed_day_is_taken_back_and_shared_anew(pooled):
    report = pooled.good(8, minutes="0")
    pooled.good(8, pooled.world.second_worker, minutes="0")
    pooled.approve()
    there(pooled, 480, 480)
    (first,) = share(pooled)
    kept = list(WageLine.objects.filter(sharing=first).order_by("pk").values_list("pk", "amount"))
    pooled.undo(report)
    (row,) = ask(pooled.ctx, declared_query("wages.to_share"))
    assert (row["amount"], row["lines"]) == ("-10", 1)
    share(pooled)
    assert shares(pooled) == [5, 5]
    assert list(WageLine.objects.filter(pk__in=[pk for pk, _ in kept]).values_list("pk", "amount")) == kept
    assert [s.is_current for s in Sharing.objects.order_by("pk")] == [False, True]
    pooled.world.change(Attendance.objects.get(employee=pooled.world.worker), minutes=160)
    share(pooled)
    assert shares(pooled) == [D("2.50"), D("7.50")]
    assert ask(pooled.ctx, declared_query("wages.to_share")) == []


def test_without_attendance_nothing_is_shared_and_it_can_be_proposed(pooled):
    pooled.good(8, minutes="50")
    pooled.approve()
    with pytest.raises(ReportedButNotThere):
        share(pooled)
    assert WageLine.objects.filter(kind="share").count() == 0
    (made,) = pooled.world.do("people.attendance.propose", first=DAY, last=DAY)
    shift = pooled.world.worker.shift
    assert made.minutes == (50 if shift is None else made.minutes)
    assert pooled.world.do("people.attendance.propose", first=DAY, last=DAY) == ()
    pooled.world.change(made, minutes=0)
    with pytest.raises(NobodyThere):
        share(pooled)
    pooled.world.change(Attendance.objects.get(), minutes=5)
    share(pooled)
    assert shares(pooled) == [10, 0]


def test_attendance_is_proposed_by_the_shift_less_its_break(pooled):
    shift = pooled.world.make(
        "people.shift", code="N9", name="夜", starts_at="22:00", ends_at="06:00", break_minutes=30
    )
    pooled.world.change(pooled.world.worker, shift=shift.pk)
    pooled.good(1)
    day = WageLine.objects.get().day.isoformat()
    (made,) = pooled.world.do("people.attendance.propose", first=day, last=day)
    assert (made.minutes, made.shift_id) == (450, shift.pk)


def test_a_share_is_in_the_statement_and_opens_its_sharing(pooled, ctx):
    pooled.good(8, minutes="60")
    pooled.approve()
    there(pooled, 240, 240)
    (sharing,) = share(pooled)
    one, two = sorted(pooled.prepare(), key=lambda s: s.amount)
    assert (one.amount, one.piece_amount, two.amount, two.time_amount) == (5, 5, 35, 30)
    item = StatementItem.objects.get(statement=one)
    assert item.report_id is None
    (row,) = ask(ctx, declared_query("wages.of_statement"), {"statement": str(one.pk)})
    assert (row["_noun"], row["_id"], row["piece"]) == ("wages.sharing", str(sharing.pk), "5")
    pooled.world.do("wages.statement.confirm", [one.pk, two.pk])
    pooled.world.change(Attendance.objects.get(employee=pooled.world.worker), minutes=120)
    share(pooled)
    assert sorted(s.amount for s in pooled.prepare(month="2026-04-01")) == [D("-1.67"), D("1.67")]


def test_the_worker_hears_an_estimate_that_says_it_is_one(pooled, ctx):
    own = ctx.with_(principal=replace(ctx.principal, employee=pooled.world.worker.pk))
    pooled.good(10, pooled.world.second_worker, minutes="0")
    operation = pooled.operation(pooled.current, 10).pk
    said = World(own).do("production.operation.tally", operation=operation, good="10", minutes="0")
    assert "工资约 ¥12.50，其中班组份额 ¥12.50 按目前报工估算" in said.zh
    rows = ask(own, declared_query("production.my_day"))
    assert [D(row["wage"]) for row in rows] == [0, D("12.5")]
    key = (pooled.world.plant.pk, pooled.world.product.pk, "车削")
    day = WageLine.objects.first().day
    assert piece_prices(pooled.world.worker.pk, day, [key]) == {}


def test_a_report_into_a_pool_takes_no_statement_more(pooled):
    pooled.good(1)
    with CaptureQueriesContext(connection) as seen:
        pooled.good(1, pooled.world.worker, pooled.world.second_worker)
    assert [q["sql"].split()[0] for q in seen if "wages_" in q["sql"]] == ["INSERT"]


def test_many_days_take_as_many_statements_as_one(pooled, ctx):
    def counted(days):
        for n in days:
            later = ctx.with_(now=ctx.now + timedelta(days=n))
            pooled.good(2, minutes="0", ctx=later)
            pooled.world.make(
                "people.attendance", employee=pooled.world.worker, day=(later.now.date()).isoformat(), minutes=60
            )
        pooled.approve()
        with CaptureQueriesContext(connection) as seen:
            made = share(pooled, last="2026-03-31")
        assert len(made) == len(days)
        return len(seen)

    assert counted([1]) >= counted([2, 3, 4, 5]) - 4


def test_a_pool_that_has_wages_may_only_be_ended_after_them(pooled):
    with pytest.raises(PoolOverlaps):
        pooled.world.make("wages.pool", team=pooled.world.team, valid_from="2026-06-01")
    pooled.good(1)
    with pytest.raises(PoolInUse):
        pooled.world.change(pooled.pool, valid_to=DAY)
    with pytest.raises(PoolInUse):
        pooled.world.do("wages.pool.delete", pooled.pool)
    pooled.world.change(pooled.pool, valid_to="2026-03-03")
    later = pooled.world.make("wages.pool", team=pooled.world.team, valid_from="2026-06-01")
    pooled.world.do("wages.pool.delete", [later.pk])


def test_a_bonus_counts_once_another_approves_it(payroll, person):
    payroll.rate(shift_minimum="100")
    payroll.good(8)
    payroll.approve()
    maker, other = person("wages.bonus.*", "wages.pay"), person("wages.bonus.*", "wages.pay")
    told = {"employee": payroll.world.worker.pk, "day": DAY, "reason": "急单"}
    with pytest.raises(NoBonus):
        World(maker).make("wages.bonus", amount="0", **told)
    bonus = World(maker).make("wages.bonus", amount="20", **told)
    minus = World(maker).make("wages.bonus", amount="-5.5", **told)
    with pytest.raises(OwnBonus):
        World(maker).do("wages.bonus.approve", bonus)
    mine = other.with_(principal=replace(other.principal, employee=payroll.world.worker.pk))
    with pytest.raises(OwnBonus):
        World(mine).do("wages.bonus.approve", bonus)
    with pytest.raises(NotAllowed):
        World(person("wages.bonus.read")).do("wages.bonus.approve", bonus)
    World(other).do("wages.bonus.approve", [bonus.pk, minus.pk])
    (statement,) = payroll.prepare()
    assert (statement.piece_amount, statement.bonus_amount, statement.top_up_amount, statement.amount) == (
        10, D("14.5"), 90, D("114.5"),
    )  # fmt: skip
    payroll.world.do("wages.statement.confirm", statement)
    payroll.world.do("wages.bonus.reverse", [bonus.pk])
    (after,) = payroll.prepare(month="2026-04-01")
    assert (after.amount, after.bonus_amount, after.top_up_amount) == (-20, -20, 0)
    assert sorted(Bonus.objects.values_list("state", flat=True)) == ["approved", "reversed"]
