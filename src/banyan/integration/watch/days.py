"""Figures of whole days, added up from minutes and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from banyan.integration.watch import minutes
from banyan.integration.watch.models import Day
from banyan.kernel import db


def midnight(on: date, zone: ZoneInfo) -> datetime:
    """Give the instant at which a day begins."""
    return datetime.combine(on, time(), zone).astimezone(UTC)


def rebuild(days: Iterable[date], zone: ZoneInfo, now: datetime, *, mends: bool = True) -> int:
    """Make the figures of days anew; give how many there are.

    Takes:  mends: compare the days' minutes with the tries first, which reads each try, and put right what differs
    Writes: the figures of each day, in a transaction of its own, with a known number of statements
    """
    made = 0
    for on in days:
        since, until = midnight(on, zone), midnight(on + timedelta(days=1), zone)
        with transaction.atomic():
            db.one("SELECT pg_advisory_xact_lock(hashtextextended('watch.day ' || %s::text, 0))", [on.isoformat()])
            if mends:
                minutes.mend(since, until)
            Day.objects.filter(on=on).delete()
            made += len(db.insert_rows([
                Day(on=on, system_id=system, flow_id=flow, made_at=now, **asdict(figures))
                for (system, flow), figures in minutes.figures(since, until).items()
            ]))  # fmt: skip
    return made


def due_days(now: datetime, zone: ZoneInfo) -> tuple[date, ...]:
    """Give the days whose figures are not final, today last: and those last ones counted before they ended."""
    today = now.astimezone(zone).date()
    counted = dict(db.rows('SELECT "on", max(made_at) FROM watch_day WHERE "on" >= %s GROUP BY "on"',
                           [today - timedelta(days=7)]))  # fmt: skip
    past = (today - timedelta(days=n) for n in range(7, 0, -1))
    return (*(on for on in past if on not in counted or counted[on] < midnight(on + timedelta(days=1), zone)), today)
