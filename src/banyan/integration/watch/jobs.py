"""What the watch does by itself: minutes folded and alerts each minute, figures each five, scans each night."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from procrastinate.contrib.django import app as queue

from banyan.integration.watch import alerts, days, defaults, minutes, scanning, telling
from banyan.integration.watch.commands import start_scans
from banyan.integration.watch.models import Scan
from banyan.kernel import db
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.web.acting import HOME_ZONE


def _context(now: datetime) -> Context:
    return Context(SYSTEM, now=now, through="job", program="watch")


@queue.periodic(cron="* * * * *")
@queue.task(name="watch.alerts", queue="jobs", queueing_lock="watch_alerts", lock="watch_alerts")
def watch_alerts(timestamp: int) -> None:
    """Evaluate the alert rules and send what is to be told; a quiet minute leaves no trace."""
    look_after_alerts(datetime.now(UTC))


def look_after_alerts(now: datetime) -> None:
    """Evaluate the alert rules at a time, and send what is to be told."""
    if not alerts.outlook(now)[1].is_quiet:
        execute(_context(now), alerts.evaluate)
    telling.tell_due(now)


@queue.periodic(cron="* * * * *")
@queue.task(name="watch.defaults", queue="jobs", queueing_lock="watch_defaults")
def seed_defaults(timestamp: int) -> None:
    """Make the alert rules and scans that whatever is new should have; where nothing is, it is one statement."""
    defaults.seed(_context(datetime.now(UTC)))


@queue.periodic(cron="* * * * *")
@queue.task(name="watch.minutes", queue="jobs", queueing_lock="watch_minutes")
def fold_minutes(timestamp: int) -> None:
    """Add up what was tried in the minutes that are over."""
    minutes.fold(datetime.now(UTC))


@queue.periodic(cron="*/5 * * * *")
@queue.task(name="watch.days", queue="jobs", queueing_lock="watch_days")
def count_days(timestamp: int) -> None:
    """Count today, and past days that were not counted to their end; these are proved against their tries."""
    now, zone = datetime.now(UTC), ZoneInfo(HOME_ZONE)
    if db.one("SELECT EXISTS (SELECT 1 FROM integration_flow)")[0]:
        *past, today = days.due_days(now, zone)
        days.rebuild(past, zone, now)
        days.rebuild([today], zone, now, mends=False)
        minutes.purge(now)


@queue.periodic(cron="40 3 * * *")
@queue.task(name="watch.scans", queue="jobs", queueing_lock="watch_scans")
def scan_all(timestamp: int) -> None:
    """Begin all scans, each as a job of its own."""
    now = datetime.now(UTC)
    scanning.purge(now)
    if scans := list(Scan.objects.filter(is_active=True).order_by("code").values_list("pk", flat=True)):
        execute(_context(now), start_scans, ids=scans)
