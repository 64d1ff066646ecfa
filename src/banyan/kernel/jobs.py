"""Long work: started by a command, done by the worker, with progress that can be left and found again.

    @job("kernel.import", L("导入", "Import"))
    def import_table(ctx, run, data): ...
        run.progress(done, total)               # also refuses to go on when somebody asked to cancel

`start(ctx, "kernel.import", data)` enqueues inside the transaction: rolled back, nothing is left. A worker that
dies is noticed by its missing heartbeat, and its job runs again from the start, as it does when the database went
away: jobs are one transaction, or rerunnable. One that was broken off `MOST_ATTEMPTS` times may be the cause, and is
given up.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app as queue

from banyan.kernel import access, tracing
from banyan.kernel.context import SYSTEM, SYSTEM_ID, Context
from banyan.kernel.models import JobRun
from banyan.lib.errors import Conflict, DomainError, NotFound
from banyan.lib.labels import L, Label

log = logging.getLogger("banyan.jobs")
BEAT_SECONDS = 0.5
MOST_ATTEMPTS = 10
RETRY_SECONDS = 3


class Cancelled(Exception):
    """Somebody asked to stop; the job's transaction is rolled back."""


class BrokenOff(Exception):
    """The database went away in the middle of a job; it is done again."""


@dataclass(frozen=True)
class Kind:
    """A kind of long work."""

    key: str
    label: Label
    function: Callable[[Context, Progress, dict[str, Any]], Any]


class Progress:
    """Tells how far a job is, over a connection of its own, so that others see it before the job commits."""

    def __init__(self, key: UUID) -> None:
        self.key = key
        self._side = connections.create_connection("default")
        self._last = 0.0

    def progress(self, done: int, total: int | None = None, *, force: bool = False) -> None:
        """Say how many of how many are done, at most twice a second.

        Raises: Cancelled when somebody asked to stop
        """
        now = time.monotonic()
        if not force and now - self._last < BEAT_SECONDS and done != total:
            return
        self._last = now
        with self._side.cursor() as cursor:
            cursor.execute(
                "UPDATE kernel_jobrun SET done = %s, total = coalesce(%s, total), beat_at = now() WHERE id = %s "
                "RETURNING is_cancel_asked", [done, total, self.key],
            )
            row = cursor.fetchone()
        if row and row[0]:
            raise Cancelled

    __call__ = progress

    def mark(self, **values: Any) -> None:
        """Set columns of the job's row at once, whatever becomes of its transaction."""
        names = ", ".join(f"{name} = %s" for name in values)
        with self._side.cursor() as cursor:
            cursor.execute(f"UPDATE kernel_jobrun SET {names} WHERE id = %s", [*values.values(), self.key])

    def close(self) -> None:
        self._side.close()


_kinds: dict[str, Kind] = {}


def job(key: str, label: Label) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a kind of long work; the function takes (ctx, progress, data) and gives JSON data."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _kinds[key] = Kind(key, label, function)
        return function

    return register


def start(ctx: Context, kind: str, data: dict[str, Any]) -> JobRun:
    """Enqueue long work in the present transaction, done as the person who starts it."""
    if kind not in _kinds:
        raise NotFound("job_unknown", L("没有名为 {kind} 的任务", "There is no job named {kind}"), {"kind": kind})
    label = _kinds[kind].label
    run = JobRun(kind=kind, title_zh=label.zh, title_en=label.en, input=data, created_at=ctx.now,
                 created_by_id=ctx.person, changed_at=ctx.now, changed_by_id=ctx.person)
    JobRun.objects.bulk_create([run])
    limits = list(ctx.principal.limits) if ctx.principal.limits is not None else None
    do_job.defer(run=str(run.pk), limits=limits, **({"trace": ctx.trace} if ctx.trace else {}))
    return run


def cancel(ctx: Context, key: UUID) -> None:
    """Ask a job to stop; it does at its next sign of progress.

    Raises: NotFound for a job of somebody else without the right, Conflict when it has ended
    """
    run = JobRun.objects.filter(pk=key).first()
    if run is None or (run.created_by_id != ctx.person and not ctx.may("kernel.job.cancel")):
        raise NotFound()
    if not JobRun.objects.filter(pk=key, finished_at=None).update(is_cancel_asked=True):
        raise Conflict("job_ended", L("任务已结束", "The job has ended"))


def perform(
    key: UUID, limits: tuple[str, ...] | None = None, now: datetime | None = None, *, attempts: int = 0,
    trace: str | None = None,
) -> None:
    """Do a job: the worker's way in. Ends in state done, failed or cancelled; a second call after the end does nothing.

    Takes:  attempts: how often it was broken off before; trace: of who started it
    Raises: BrokenOff when the database went away, to be done again
    """
    try:
        _perform(key, limits, now or datetime.now(UTC), attempts, trace)
    except (OperationalError, InterfaceError) as fault:
        if not is_away(fault):
            raise
        raise BrokenOff(str(key)) from fault


def is_away(fault: Exception) -> bool:
    """Say whether a fault means that the database went away, and not that it refused."""
    state = getattr(fault.__cause__, "sqlstate", None)
    return state is None or state.startswith("08") or state in ("57P01", "57P02", "57P03")


def _perform(
    key: UUID, limits: tuple[str, ...] | None, started: datetime, attempts: int, trace: str | None
) -> None:
    run = JobRun.objects.filter(pk=key).first()
    if run is None or run.finished_at is not None:
        return
    side = Progress(key)
    side.mark(state="running", beat_at=datetime.now(UTC))
    try:
        if attempts >= MOST_ATTEMPTS:
            raise Conflict("job_broken_off",
                           L("任务中断了 {count} 次，不再重试", "The job was broken off {count} times and is given up"),
                           {"count": attempts})
        who = SYSTEM if run.created_by_id in (None, SYSTEM_ID) else access.principal_of(run.created_by_id, limits)
        if who is None:
            raise Conflict("job_owner_gone", L("任务的发起人已停用", "Whoever started the job is no longer active"))
        ctx = Context(who, now=started, through="job", program=run.kind, key=f"job:{key}", language=who.language,
                      trace=trace)
        if run.is_cancel_asked:
            raise Cancelled
        with tracing.begin(f"job {run.kind}", trace, kind="consumer", begins=True, job=str(key),
                           attempt=attempts + 1) as step:
            result = _kinds[run.kind].function(step.of(ctx), side, run.input)
            step.say(outcome="done")
    except Cancelled:
        side.mark(state="cancelled", finished_at=datetime.now(UTC))
    except DomainError as refusal:
        import orjson

        side.mark(state="failed", error=refusal.text("zh"), finished_at=datetime.now(UTC),
                  result=orjson.dumps(refusal.as_problem(run_language(run))).decode())
    except Exception as fault:
        if isinstance(fault, (OperationalError, InterfaceError)) and is_away(fault):
            raise
        log.exception("job %s (%s) failed", key, run.kind)
        side.mark(state="failed", error=traceback.format_exc()[-4000:], finished_at=datetime.now(UTC))
        raise
    else:
        import orjson

        side.mark(state="done", result=orjson.dumps(result, default=str).decode(), finished_at=datetime.now(UTC))
    finally:
        side.close()


def run_language(run: JobRun) -> str:
    """Give the language of whoever started a job."""
    who = access.principal_of(run.created_by_id) if run.created_by_id else None
    return who.language if who else "zh"


@queue.task(
    name="banyan.job", queue="jobs", pass_context=True,
    retry=RetryStrategy(wait=RETRY_SECONDS, retry_exceptions=(BrokenOff,)),
)
def do_job(context: JobContext, run: str, limits: list[str] | None = None, trace: str | None = None) -> None:
    """Procrastinate's way to `perform`."""
    perform(UUID(run), tuple(limits) if limits is not None else None, attempts=context.job.attempts, trace=trace)


@queue.periodic(cron="* * * * *")
@queue.task(name="banyan.seal_audit", queue="jobs", queueing_lock="seal_audit")
def seal_audit(timestamp: int) -> None:
    """Seal the audit chain every minute."""
    from banyan.kernel import chain

    chain.seal()


@queue.periodic(cron="17 * * * *")
@queue.task(name="banyan.forget_expired", queue="jobs", queueing_lock="forget_expired")
def forget_expired(timestamp: int) -> None:
    """Forget what has had its time; each hour, because a machine may be off at any one of them.

    Writes: removes stored answers after 14 days, rate windows after two, calls after BANYAN_CALL_LOG_DAYS, expired
            sessions and OAuth2 tokens; marks sessions that have outlived their limits as ended
    """
    from oauth2_provider.models import clear_expired

    from banyan.kernel import db, sessions

    db.run("DELETE FROM kernel_request WHERE at < now() - interval '14 days'")
    db.run('DELETE FROM kernel_ratelease WHERE "window" < extract(epoch FROM now()) / 60 - 2880')
    forget_calls(settings.BANYAN_CALL_LOG_DAYS)
    db.run("DELETE FROM django_session WHERE expire_date < now()")
    sessions.tidy(datetime.now(UTC))
    clear_expired()


CALLS_AT_ONCE = 10_000


def forget_calls(days: int) -> int:
    """Forget calls older than so many days; give how many. So many in one statement that nobody waits long."""
    from banyan.kernel import db

    forgotten = 0
    while True:
        gone = db.run(
            "DELETE FROM kernel_call WHERE id = ANY(ARRAY(SELECT id FROM kernel_call "
            "WHERE at < now() - %s * interval '1 day' ORDER BY at LIMIT %s))", [days, CALLS_AT_ONCE],
        )  # fmt: skip
        forgotten += gone
        if gone < CALLS_AT_ONCE:
            return forgotten
