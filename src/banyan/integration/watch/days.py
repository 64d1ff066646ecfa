"""Figures of what was done between two instants, counted from the tries; those of whole days are kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from banyan.kernel import db

#: One row per flow, and one per system with no flow; a try is over when it is written.
FIGURES = """
    SELECT m.system_id, m.flow_id, count(*) FILTER (WHERE a.outcome = 'done') AS done,
        count(*) FILTER (WHERE a.outcome IN ('failed', 'dead')) AS failed,
        count(*) FILTER (WHERE a.outcome = 'done' AND a.position > 1) AS retried,
        count(*) FILTER (WHERE a.outcome = 'dead') AS dead,
        avg(t.ms) FILTER (WHERE a.outcome = 'done') AS mean_ms,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms) FILTER (WHERE a.outcome = 'done') AS p50_ms,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY t.ms) FILTER (WHERE a.outcome = 'done') AS p95_ms
    FROM integration_attempt a JOIN integration_message m ON m.id = a.message_id
    CROSS JOIN LATERAL (SELECT greatest(0, extract(epoch FROM a.at - m.at) * 1000)::float8 AS ms) t
    WHERE a.at >= %(since)s AND a.at < %(until)s
    GROUP BY GROUPING SETS ((m.system_id, m.flow_id), (m.system_id))
"""
_KEEP = f"""
    INSERT INTO watch_day (id, "on", system_id, flow_id, done, failed, retried, dead, mean_ms, p50_ms, p95_ms, made_at)
    SELECT gen_random_uuid(), %(on)s, x.*, %(now)s FROM ({FIGURES}) x
"""


def midnight(on: date, zone: ZoneInfo) -> datetime:
    """Give the instant at which a day begins."""
    return datetime.combine(on, time(), zone).astimezone(UTC)


def rebuild(days: Iterable[date], zone: ZoneInfo, now: datetime) -> int:
    """Count days anew from the tries; give how many figures there are.

    Writes: the figures of each day, in a transaction of its own; two statements a day
    """
    made = 0
    for on in days:
        facts = dict(on=on, since=midnight(on, zone), until=midnight(on + timedelta(days=1), zone), now=now)
        with transaction.atomic():
            db.one("SELECT pg_advisory_xact_lock(hashtextextended('watch.day ' || %s::text, 0))", [on.isoformat()])
            db.run('DELETE FROM watch_day WHERE "on" = %(on)s', {"on": on})
            made += db.run(_KEEP, facts)
    return made


def due_days(now: datetime, zone: ZoneInfo) -> tuple[date, ...]:
    """Give the days whose figures are not final: today, and the last ones that were counted before they ended."""
    today = now.astimezone(zone).date()
    counted = dict(db.rows('SELECT "on", max(made_at) FROM watch_day WHERE "on" >= %s GROUP BY "on"',
                           [today - timedelta(days=7)]))  # fmt: skip
    past = (today - timedelta(days=n) for n in range(7, 0, -1))
    return (*(on for on in past if on not in counted or counted[on] < midnight(on + timedelta(days=1), zone)), today)
