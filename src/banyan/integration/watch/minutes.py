"""What tries came to by minute: written with them by a trigger, folded when the minute is over, proved again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from banyan.integration.watch.rules import Figures, Sums
from banyan.kernel import db

MINUTE = timedelta(minutes=1)
#: So long minutes are kept: until the days they belong to are final.
KEPT = timedelta(days=9)

_COLUMNS = "flow_id, minute, bucket, tries, failed, dead, retried, ms"
_ADDED = "flow_id, minute, bucket, sum(tries), sum(failed), sum(dead), sum(retried), sum(ms)"
#: As the trigger counts them; what a try counts as is said once, by the function `watch_counted`.
_COUNTED = """
    SELECT m.flow_id, c.minute, c.bucket, count(*) AS tries, sum(c.failed) AS failed, sum(c.dead) AS dead,
        sum(c.retried) AS retried, sum(c.ms) AS ms
    FROM integration_attempt a JOIN integration_message m ON m.id = a.message_id
    CROSS JOIN LATERAL watch_counted(a.outcome, a.position, a.at, m.at) c
    WHERE a.at >= %(since)s::timestamptz AND a.at < %(until)s::timestamptz
    GROUP BY 1, 2, 3
"""
SUMS = """
    SELECT f.system_id, s.flow_id, s.bucket, s.tries, s.failed, s.dead, s.retried, s.ms::bigint FROM (
        SELECT flow_id, bucket, sum(tries) AS tries, sum(failed) AS failed, sum(dead) AS dead, sum(retried) AS retried,
            sum(ms) AS ms
        FROM watch_minute WHERE minute >= %(since)s::timestamptz AND minute < %(until)s::timestamptz
        GROUP BY flow_id, bucket
    ) s JOIN integration_flow f ON f.id = s.flow_id
"""
_FOLD = f"""
    WITH gone AS (DELETE FROM watch_minute WHERE NOT is_folded AND minute < %(until)s::timestamptz RETURNING *)
    INSERT INTO watch_minute ({_COLUMNS}, is_folded) SELECT {_ADDED}, true FROM gone GROUP BY flow_id, minute, bucket
"""
_RECOUNT = f"""
    WITH gone AS (
        DELETE FROM watch_minute WHERE minute >= %(since)s::timestamptz AND minute < %(until)s::timestamptz
    )
    INSERT INTO watch_minute ({_COLUMNS}, is_folded) SELECT {_COLUMNS}, true FROM ({_COUNTED}) c
"""
#: Minutes of flows whose sums are not those of their tries: how many tries they say there were, how many there were.
DIFFERENT = f"""
    SELECT flow_id, minute, coalesce(sum(k.tries), 0)::bigint, coalesce(sum(c.tries), 0)::bigint
    FROM (
        SELECT {_ADDED} FROM watch_minute
        WHERE minute >= %(since)s::timestamptz AND minute < %(until)s::timestamptz GROUP BY flow_id, minute, bucket
    ) k ({_COLUMNS}) FULL JOIN ({_COUNTED}) c USING (flow_id, minute, bucket)
    WHERE (k.tries, k.failed, k.dead, k.retried, k.ms) IS DISTINCT FROM (c.tries, c.failed, c.dead, c.retried, c.ms)
    GROUP BY flow_id, minute ORDER BY minute, flow_id
"""


def begun(at: datetime) -> datetime:
    """Give the instant at which a minute began."""
    return at.replace(second=0, microsecond=0)


def figures(since: datetime, until: datetime) -> Mapping[tuple[UUID, UUID | None], Figures]:
    """Give the figures of a time, from the whole minute it begins in, by system and flow. One statement.

    Gives:  by (system, flow); by (system, None) those of all its flows
    """
    found: dict[tuple[UUID, UUID | None], Sums] = {}
    for system, flow, *counts in db.rows(SUMS, {"since": begun(since), "until": until}):
        for key in ((system, flow), (system, None)):
            found.setdefault(key, Sums()).add(*counts)
    return {key: sums.figures for key, sums in found.items()}


def fold(now: datetime) -> int:
    """Add up the rows of minutes that are over; give how many rows are left of them.

    Writes: minutes; what comes late to one of them is folded the next time. Where another counts, nothing
    """
    with transaction.atomic():
        if not db.one("SELECT pg_try_advisory_xact_lock(hashtextextended('watch.minutes', 0))")[0]:
            return 0
        return db.run(_FOLD, {"until": begun(now)})


def mend(since: datetime, until: datetime) -> int:
    """Compare minutes with their tries and count anew what differs; give how many minutes of flows did.

    Takes:  whole minutes
    Writes: minutes, in the caller's transaction; one counts at a time. What is tried meanwhile is missed by neither
            side: a statement sees a try if and only if it sees its sums
    """
    db.one("SELECT pg_advisory_xact_lock(hashtextextended('watch.minutes', 0))")
    found = [minute for _, minute, *_ in db.rows(DIFFERENT, {"since": since, "until": until})]
    if found:
        db.run(_RECOUNT, {"since": found[0], "until": found[-1] + MINUTE})
    return len(found)


def purge(now: datetime) -> int:
    """Forget minutes whose days are final; give how many rows are gone."""
    return db.run("DELETE FROM watch_minute WHERE minute < %s", [now - KEPT])
