"""Outbox, dispatcher, audit chain, jobs and rates: what happens after a command has committed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Timer

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from oauth2_provider.models import get_access_token_model, get_application_model

from banyan.kernel import chain, db, dispatcher, events, jobs, proofs, rates
from banyan.kernel.commands import Command, execute, tell
from banyan.kernel.events import Event
from banyan.kernel.models import Audit, Delivery, JobRun, Outbox, Request, User
from banyan.lib.errors import Conflict, TooMany
from banyan.lib.ids import first_id, new_id
from banyan.lib.labels import L
from tests.plugins.database import until_older_end


@dataclass(frozen=True)
class Rang(Event):
    type = "test.rang"
    noun = "kernel.user"
    text: str = ""


heard: list[str] = []
broken: set[str] = set()


@events.after_commit(Rang)
def hear(ctx, delivered):
    if delivered.payload["text"] in broken:
        raise RuntimeError("not now")
    heard.append(delivered.payload["text"])


def ring(ctx, record, *texts):
    command = Command(
        key="kernel.user.ring",
        label=L("响铃", "Ring"),
        on="noun",
        permission="kernel.user.ring",
        function=lambda ctx: tell(*(Rang(record=record, text=t) for t in texts)),
    )
    execute(ctx, command)


def found(key):
    (verdict,) = proofs.run([key])
    return verdict.found


@pytest.fixture(autouse=True)
def silence():
    heard.clear()
    broken.clear()


def test_events_are_delivered_in_order_and_once(ctx, live_db):
    one = new_id()
    ring(ctx, one, "a", "b")
    ring(ctx, one, "c")
    dispatcher.wait_until_quiet()
    dispatcher.wait_until_quiet()
    assert heard == ["a", "b", "c"]


def test_an_event_of_an_open_transaction_is_not_skipped(ctx, live_db):
    """A later event waits until the earlier transaction has ended, so nothing appears behind the dispatcher."""
    from django.db import connections

    side = connections.create_connection("default")
    side.set_autocommit(False)
    with side.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")
    ring(ctx, new_id(), "later")
    dispatcher.drain()
    assert heard == []
    side.rollback()
    side.close()
    until_older_end()
    dispatcher.drain()
    assert heard == ["later"]


def test_it_is_not_quiet_while_an_open_transaction_holds_events_back(ctx, live_db):
    with psycopg.connect(live_db.url()) as side:
        side.execute("SELECT pg_current_xact_id()")
        ring(ctx, new_id(), "held back")
        with pytest.raises(TimeoutError):
            dispatcher.wait_until_quiet(0.02)
        Timer(0.02, side.rollback).start()
        dispatcher.wait_until_quiet()
    assert heard == ["held back"]


def test_an_open_transaction_of_another_database_delays_nothing(ctx, live_db, app_role):
    with psycopg.connect(live_db.cluster.url("banyan_owner", "postgres")) as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        ring(ctx, new_id(), "at once")
        until_older_end()
        dispatcher.drain()
        assert heard == ["at once"]
        assert chain.seal().rows == 1


def test_the_horizon_stays_below_the_own_open_transaction(live_db):
    with transaction.atomic():
        own = db.one("SELECT banyan_xid()")[0]
        assert db.one("SELECT banyan_horizon()")[0] <= own


@pytest.mark.plants("kernel.outbox")
def test_a_failing_delivery_holds_back_its_record_only_and_can_be_replayed(ctx, live_db):
    first, second = new_id(), new_id()
    broken.add("bad")
    ring(ctx, first, "bad", "after bad")
    ring(ctx, second, "other")
    until_older_end()
    dispatcher.drain()
    assert heard == ["other"]
    Delivery.objects.filter(state="waiting").update(
        attempts=dispatcher.MOST_ATTEMPTS - 1, next_at="2020-01-01T00:00Z"
    )
    dispatcher.drain()
    (dead,) = dispatcher.dead_letters()
    assert "not now" in dead.error
    (fault,) = found("kernel.outbox").faults
    assert (fault.record, "test.rang: dead for" in fault.text) == (str(dead.event_id), True)
    broken.clear()
    dispatcher.replay(ctx, [dead.pk])
    Delivery.objects.update(next_at="2020-01-01T00:00Z")
    dispatcher.wait_until_quiet()
    assert heard == ["other", "bad", "after bad"]
    assert found("kernel.outbox").faults == ()


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 64), (7, 128), (8, 256), (9, 512), (10, 1024), (11, 2048),
     (12, 3600), (13, 3600), (100, 3600)],
)  # fmt: skip
@pytest.mark.parametrize("chance", [0.9, 1.0, 1.1])
def test_the_pause_before_a_delivery_is_tried_again_doubles_up_to_an_hour(monkeypatch, attempts, seconds, chance):
    asked = []
    monkeypatch.setattr(dispatcher.random, "uniform", lambda *ends: asked.append(ends) or chance)
    assert dispatcher._pause(attempts) == timedelta(seconds=seconds * chance)
    assert asked == [(0.9, 1.1)]


def test_a_failed_delivery_waits_out_its_pause(ctx, live_db, monkeypatch):
    monkeypatch.setattr(dispatcher.random, "uniform", lambda *_: 1.0)
    broken.add("again")
    ring(ctx, new_id(), "again")
    until_older_end()
    at = datetime.now(UTC)
    for attempts, pause in ((1, 2), (2, 4), (3, 8)):
        dispatcher.drain(at)
        row = Delivery.objects.get()
        assert (row.state, row.attempts, row.next_at - at) == ("waiting", attempts, timedelta(seconds=pause))
        dispatcher.drain(row.next_at - timedelta(milliseconds=1))
        assert Delivery.objects.get().attempts == attempts, "it is not tried before its time"
        at = row.next_at
    broken.clear()
    dispatcher.drain(at)
    assert (Delivery.objects.get().state, heard) == ("done", ["again"])


@pytest.mark.plants("kernel.outbox")
def test_an_event_that_was_passed_over_is_named(ctx, live_db):
    ring(ctx, new_id(), "passed over")
    ring(ctx, new_id(), "taken up")
    passed = Outbox.objects.order_by("seq").first()
    until_older_end()
    dispatcher.drain()
    assert found("kernel.outbox").broken == 0
    Outbox.objects.filter(pk=passed.pk).update(dispatched_at=None)
    (fault,) = found("kernel.outbox").faults
    assert (fault.record, "not taken up" in fault.text) == (str(passed.pk), True)


@pytest.mark.plants("kernel.outbox")
def test_events_that_no_dispatcher_took_up_for_five_minutes_are_named(ctx, live_db):
    """With the dispatcher down for good, nothing is ever marked as taken up."""
    ring(ctx, new_id(), "waiting", "just now")
    assert found("kernel.outbox").broken == 0
    waiting, fresh = Outbox.objects.order_by("seq")
    for event, minutes in ((waiting, 6), (fresh, 4)):
        made = first_id(datetime.now(UTC) - timedelta(minutes=minutes))
        Outbox.objects.filter(pk=event.pk).update(id=made)
    (fault,) = found("kernel.outbox").faults
    assert (fault.record, "not taken up" in fault.text) == (str(Outbox.objects.order_by("seq").first().pk), True)
    until_older_end()
    dispatcher.drain()
    assert found("kernel.outbox").faults == ()


def test_a_refused_command_leaves_no_event(ctx, live_db):
    def refuse(ctx):
        tell(Rang(record=new_id(), text="never"))
        raise Conflict("no", L("不", "no"))

    with pytest.raises(Conflict):
        execute(
            ctx,
            Command(key="kernel.user.no", label=L("不", "No"), on="noun", function=refuse, permission="x"),
        )
    assert Outbox.objects.count() == 0


@pytest.mark.plants("kernel.audit_chain")
def test_the_chain_covers_every_audit_row_and_names_a_break(ctx, live_db, settings, tmp_path):
    settings.BANYAN_AUDIT_HEAD = tmp_path / "head.json"
    ring(ctx, new_id(), "a")
    until_older_end()
    assert chain.seal().rows == 1
    assert chain.seal() is None
    ring(ctx, new_id(), "b")
    ring(ctx, new_id(), "c")
    until_older_end()
    assert (chain.seal().no, found("kernel.audit_chain").broken) == (2, 0)
    altered = Audit.objects.order_by("seq").last().pk
    with transaction.atomic():
        db.run("ALTER TABLE kernel_audit DISABLE TRIGGER USER")
        db.run("UPDATE kernel_audit SET outcome = 'refused' WHERE id = %s", [altered])
        db.run("ALTER TABLE kernel_audit ENABLE TRIGGER USER")
    (fault,) = found("kernel.audit_chain").faults
    assert fault.text == "封印 2 内有一行被改动 / a row under seal 2 was altered"


@pytest.mark.plants("kernel.audit_chain")
def test_a_rewritten_chain_differs_from_its_outside_head(ctx, live_db, settings, tmp_path):
    settings.BANYAN_AUDIT_HEAD = tmp_path / "head.json"
    ring(ctx, new_id(), "a")
    until_older_end()
    chain.seal()
    with transaction.atomic():
        db.run("ALTER TABLE kernel_auditseal DISABLE TRIGGER USER")
        db.run("DELETE FROM kernel_auditseal")
        db.run("ALTER TABLE kernel_auditseal ENABLE TRIGGER USER")
    assert "the chain ends at 0" in found("kernel.audit_chain").faults[0].text


@jobs.job("test.count", L("数数", "Count"))
def count(ctx, progress, data):
    User.objects.bulk_create([User(login=f"u{n}", name="x") for n in range(data["to"])])
    progress(data["to"], data["to"], force=True)
    return {"counted": data["to"]}


def test_a_job_shows_progress_and_its_answer(ctx, live_db):
    with transaction.atomic():
        run = jobs.start(ctx, "test.count", {"to": 3})
    jobs.perform(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.total, run.result) == ("done", 3, 3, {"counted": 3})
    jobs.perform(run.pk)
    assert User.objects.count() == 3


def test_a_rolled_back_start_leaves_no_job(ctx, live_db):
    with transaction.atomic():
        jobs.start(ctx, "test.count", {"to": 3})
        transaction.set_rollback(True)
    assert JobRun.objects.count() == db.one("SELECT count(*) FROM procrastinate_jobs")[0] == 0


def test_a_cancelled_job_stops_at_its_next_sign(ctx, live_db):
    run = jobs.start(ctx, "test.count", {"to": 3})
    jobs.cancel(ctx, run.pk)
    jobs.perform(run.pk)
    run.refresh_from_db()
    assert run.state == "cancelled"
    with pytest.raises(Conflict):
        jobs.cancel(ctx, run.pk)


@pytest.mark.django_db
def test_rates_hold_over_processes():
    clock = lambda: 1_000_000.0  # noqa: E731
    for _ in range(100):
        rates.take("a", 120, clock=clock)
    rates._leases.clear()  # as if another process asked
    with pytest.raises(TooMany) as refusal:
        [rates.take("a", 120, clock=clock) for _ in range(40)]
    assert refusal.value.data["limit"] == 120


@jobs.job("test.break", L("中断", "Break"))
def break_off(ctx, progress, data):
    User.objects.create(login="made", name="x")
    with progress._side.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [db.one("SELECT pg_backend_pid()")[0]])
    return {"users": User.objects.count()}


def test_a_job_whose_database_went_away_is_done_again_until_it_is_given_up(ctx, live_db, app_role):
    with transaction.atomic():
        run = jobs.start(ctx, "test.break", {})
    for _ in range(2):
        with pytest.raises(jobs.BrokenOff), transaction.atomic():
            jobs.perform(run.pk)
        connection.close()
        run.refresh_from_db()
        assert (run.state, run.finished_at, User.objects.count()) == ("running", None, 0)
    jobs.perform(run.pk, attempts=jobs.MOST_ATTEMPTS)
    run.refresh_from_db()
    assert (run.state, run.result["code"]) == ("failed", "job_broken_off")


def test_what_has_expired_is_forgotten_and_nothing_else(ctx, live_db, app_role):
    user = User.objects.create(login="robot", name="Robot")
    program = get_application_model().objects.create(
        user=user, name="shop", authorization_grant_type="client-credentials"
    )
    now = datetime.now(UTC)
    for name, expires in (("old", now - timedelta(minutes=1)), ("new", now + timedelta(minutes=1))):
        Session.objects.create(session_key=name, session_data="", expire_date=expires)
        get_access_token_model().objects.create(token=name, application=program, expires=expires, scope="*")
    for key, days in (("old", 15), ("new", 13)):
        Request.objects.create(principal=user.pk, key=key, body_hash=b"", at=now - timedelta(days=days))
    jobs.forget_expired(timestamp=0)
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
    assert get_access_token_model().objects.get().expires > now
    assert list(Request.objects.values_list("key", flat=True)) == ["new"]
