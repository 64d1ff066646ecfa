"""Sums by minute: the same as counting each try, whoever writes, folds and counts at once; a fault is named, mended."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Attempt, Flow
from banyan.integration.tests.conftest import do
from banyan.integration.tests.telling import sell
from banyan.integration.watch import days, health, jobs, minutes
from banyan.integration.watch.models import Day, Minute
from banyan.integration.watch.rules import GROWTH, NOTHING, Figures, quantile
from banyan.kernel import db, proofs
from banyan.lib.ids import new_id

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 8, 0, 30, tzinfo=UTC)  # 16:00:30 in Shanghai


def ago(**given: float) -> datetime:
    return NOW - timedelta(**given)


def one_by_one(of: Flow, since: datetime, until: datetime) -> Figures:
    """Give the figures of a flow as counted from each of its tries."""
    tries = list(Attempt.objects.filter(message__flow=of, at__gte=since, at__lt=until).select_related("message"))
    took = sorted(max(0.0, (one.at - one.message.at).total_seconds() * 1000) for one in tries if one.outcome == "done")

    def at(share: float) -> float | None:
        place = (len(took) - 1) * share
        low, high = (took[f(place)] for f in (math.floor, math.ceil))
        return low + (high - low) * (place - math.floor(place))

    return Figures(
        len(took), sum(one.outcome in ("failed", "dead") for one in tries),
        sum(one.outcome == "done" and one.position > 1 for one in tries), sum(one.outcome == "dead" for one in tries),
        statistics.fmean(took) if took else None, at(0.5) if took else None, at(0.95) if took else None,
    )  # fmt: skip


def agree(shown: Figures, counted: Figures) -> None:
    assert astuple(shown)[:4] == astuple(counted)[:4]
    assert shown.mean_ms == pytest.approx(counted.mean_ms, abs=0.5)
    assert (shown.p50_ms, shown.p95_ms) == pytest.approx((counted.p50_ms, counted.p95_ms), rel=0.05, abs=0.5)


def hour_of(flow: Flow) -> Figures:
    (line,) = [line for line in health.board(NOW, ZONE).flows if line.id == flow.pk]
    return line.hour


@pytest.fixture
def borders(flow, message) -> Flow:
    """Give a flow whose tries lie at the borders of minutes and of the hour, with one that took a year."""
    made, begins = flow(), minutes.begun(ago(hours=1))
    for at in (begins, begins - timedelta(microseconds=1), begins + timedelta(seconds=59, microseconds=999_999),
               begins + timedelta(minutes=1), minutes.begun(NOW), ago(microseconds=1)):  # fmt: skip
        message(made, at - timedelta(milliseconds=130.4), (0.1304, "done"))
    message(made, ago(days=365), (365 * 86_400 - 60, "done"))
    message(made, ago(minutes=5), (-3, "done"))  # clocks of two machines
    message(made, ago(minutes=4), (1, "failed"), (7.7, "failed"), (31, "done"))
    message(made, ago(minutes=3), (0.0004, "done"), (0.5, "again"))
    message(made, ago(minutes=2), (0.02, "dead"), state="dead")
    return made


def test_the_hour_is_what_counting_each_try_gives(borders):
    counted = one_by_one(borders, minutes.begun(ago(hours=1)), NOW)
    assert (counted.done, counted.failed, counted.retried, counted.dead) == (9, 3, 1, 1)
    agree(hour_of(borders), counted)
    left = minutes.fold(NOW)
    assert 0 < left == Minute.objects.filter(is_folded=True).count()
    agree(hour_of(borders), counted)
    assert minutes.mend(ago(days=1), NOW) == 0


def test_a_flow_without_tries_has_no_figures(flow):
    assert hour_of(flow()) == NOTHING
    assert minutes.fold(NOW) == 0
    days.rebuild(days.due_days(NOW, ZONE), ZONE, NOW)
    assert Day.objects.count() == 0


def test_what_the_bus_tries_is_summed_as_it_is_marked(ctx, flow, partner):
    made, now = flow(), datetime.now(UTC)
    partner.script = [503, 400]
    sell(ctx, *((new_id(), n) for n in range(7)))
    carry_until_quiet()
    counted = one_by_one(made, minutes.begun(now), now + timedelta(minutes=5))
    assert (counted.done, counted.failed, counted.dead) == (5, 2, 1)
    shown = minutes.figures(now, now + timedelta(minutes=5))
    agree(shown[made.system_id, made.pk], counted)
    assert shown[made.system_id, None] == shown[made.system_id, made.pk]
    assert next(one for one in proofs.run(["watch.minutes"])).found == proofs.Found(7)


def test_the_application_itself_may_sum_fold_and_mend(flow, message, app_role):
    made = flow()
    message(made, ago(minutes=5), (1, "done"))
    assert (minutes.fold(NOW), minutes.mend(ago(hours=1), NOW), minutes.purge(NOW)) == (1, 0, 0)
    assert hour_of(made).done == 1


def test_a_refused_transaction_leaves_neither_tries_nor_sums(flow, message):
    made = flow()
    with transaction.atomic():
        message(made, ago(minutes=5), (1, "done"))
        assert hour_of(made).done == 1
        transaction.set_rollback(True)
    assert hour_of(made) == NOTHING


def elsewhere(work: Callable[[], object]) -> object:
    """Do something in a connection of its own, to its end."""

    def run() -> object:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=30)


def test_what_is_committed_after_its_minute_was_folded_is_not_missed(flow, message):
    made = flow()
    message(made, ago(minutes=5), (1, "done"))
    with transaction.atomic():
        message(made, ago(minutes=5), (2, "done"))
        elsewhere(lambda: (minutes.fold(NOW), days.rebuild([NOW.date()], ZONE, NOW)))
        assert Day.objects.get(flow=made).done == 1
    counted = one_by_one(made, ago(hours=1), NOW)
    assert counted.done == 2
    agree(hour_of(made), counted)
    assert minutes.fold(NOW) == 1
    agree(hour_of(made), counted)


def test_two_that_fold_at_once_fold_once(flow, message):
    made = flow()
    for _ in range(3):
        message(made, ago(minutes=5), (1, "done"), (2, "again"))
    with transaction.atomic():
        assert minutes.fold(NOW) == 2
        assert elsewhere(lambda: minutes.fold(NOW)) == 0
    assert minutes.fold(NOW) == 0
    assert Minute.objects.count() == 2
    assert hour_of(made).done == 3


def test_many_write_fold_and_count_at_once_and_nothing_is_lost_or_counted_twice(flow, message):
    made, rounds = flow(), 12

    def write() -> None:
        for n in range(rounds):
            message(made, ago(minutes=n % 3 + 1), (n + 1, "done"))

    def fold() -> None:
        for _ in range(rounds):
            minutes.fold(NOW)

    def count() -> None:
        for _ in range(rounds):
            days.rebuild([NOW.date()], ZONE, NOW)

    def closing(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(closing, [write, write, fold, fold, count, write]))
    assert minutes.mend(ago(days=1), NOW + timedelta(days=1)) == 0
    agree(hour_of(made), one_by_one(made, minutes.begun(ago(hours=1)), NOW))
    assert hour_of(made).done == 3 * rounds


FAULTS = [
    "UPDATE watch_minute SET tries = tries + 1",
    "UPDATE watch_minute SET bucket = bucket + 1 WHERE bucket >= 0",
    "UPDATE watch_minute SET ms = ms + 1",
    "UPDATE watch_minute SET failed = failed + 1",
    "DELETE FROM watch_minute",
    "INSERT INTO watch_minute (flow_id, minute, bucket, tries, failed, dead, retried, ms, is_folded) "
    "SELECT flow_id, minute, bucket, tries, failed, dead, retried, ms, false FROM watch_minute",
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.plants("watch.minutes")
def test_sums_that_are_not_those_of_the_tries_are_named_and_mended(ctx, flow, message, fault):
    made, at = flow(), datetime.now(UTC) - timedelta(minutes=3)
    message(made, at, (1, "done"))
    message(made, at, (1, "done"))
    assert minutes.fold(datetime.now(UTC)) == 1
    (before,) = proofs.run(["watch.minutes"])
    assert (before.is_green, before.found.counted) == (True, 2)
    assert db.run(fault) == 1
    (after,) = proofs.run(["watch.minutes"])
    assert after.found.broken == 1
    assert after.found.faults[0].record == str(made.pk)
    assert after.found.faults[0].text.endswith("there were 2")
    on = (at + timedelta(seconds=1)).astimezone(ZONE).date()
    do(ctx, "watch.day.rebuild", first=on.isoformat(), last=on.isoformat())
    assert Day.objects.get(flow=made).done == 2
    assert proofs.run(["watch.minutes"])[0].is_green


def test_the_job_mends_days_that_are_over(flow, message):
    made, at = flow(), datetime.now(UTC) - timedelta(days=1)
    message(made, at, (1, "done"))
    db.run("DELETE FROM watch_minute")
    jobs.count_days(0)
    assert Day.objects.get(flow=made).done == 1
    assert proofs.run(["watch.minutes"])[0].is_green


def test_minutes_are_forgotten_when_their_days_are_final(flow, message):
    made = flow()
    message(made, ago(days=10), (1, "done"))
    message(made, ago(days=8), (1, "done"))
    assert minutes.purge(NOW) == 1
    assert {one.minute for one in Minute.objects.all()} == {minutes.begun(ago(days=8) + timedelta(seconds=1))}


@pytest.mark.slow
def test_what_was_tried_before_there_were_sums_is_summed_by_the_migration(flow, message):
    made, at = flow(), datetime.now(UTC) - timedelta(minutes=3)
    call_command("migrate", "watch", "0001", verbosity=0)
    message(made, at, (1, "failed"), (4, "done"))
    call_command("migrate", "watch", verbosity=0)
    message(made, at, (1, "failed"), (4, "done"))
    agree(minutes.figures(at, datetime.now(UTC))[made.system_id, made.pk], one_by_one(made, at, datetime.now(UTC)))
    assert proofs.run(["watch.minutes"])[0].found == proofs.Found(4)


@pytest.mark.parametrize("ms", [0, 0.4, 0.999, 1, 1.1, 1.5, 17, 250, 999.5, 60_000, 86_400_000, 3.2e10, 3.2e12])
def test_a_time_is_told_within_five_percent(live_db, ms):
    counted = "SELECT bucket, ms FROM watch_counted('done', 1, %s::timestamptz, %s::timestamptz)"
    bucket, kept = db.one(counted, [NOW + timedelta(milliseconds=ms), NOW])
    assert quantile({bucket: 1}, 0.5) == pytest.approx(ms, rel=(GROWTH - 1) / 2, abs=0.5)
    assert kept == pytest.approx(ms, abs=0.5)
