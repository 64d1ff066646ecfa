"""Partners that are asked: pages from a position, files, queues; and flows that the clock starts.

A page and the position behind it are kept in one transaction; the partner's acknowledgement is given after it. A
reader that is killed in between reads the same page again, and keeps nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db import DatabaseError, transaction

from banyan.integration import beats, inbox, reads, schedules
from banyan.integration.connecting import Failed, Incoming, Page
from banyan.integration.plans import Plan, context_of, plans_of, reader_of, refused
from banyan.kernel import db
from banyan.lib.ids import new_id

log = logging.getLogger("banyan.bus")
PAGE = 200
PAGES = 20
LEASE_SECONDS = 120.0
LONGEST_PAUSE = 600.0

_ENROL = """
    INSERT INTO integration_position (id, flow_id, next_at, failures, error)
    SELECT f.id, f.id, coalesce(%(now)s::timestamptz, statement_timestamp()), 0, '' FROM integration_flow f
    WHERE f.state = 'active' AND f.trigger IN ('poll', 'file', 'queue', 'schedule')
      AND NOT EXISTS (SELECT 1 FROM integration_position p WHERE p.flow_id = f.id)
    ON CONFLICT (flow_id) DO NOTHING
"""
_CLAIM = """
    UPDATE integration_position p
    SET claim = %(claim)s, claimed_until = x.at + %(lease)s * interval '1 second'
    FROM (
        SELECT p.id, f.running_id, s.version, clock.at
        FROM integration_position p JOIN integration_flow f ON f.id = p.flow_id
        JOIN integration_system s ON s.id = f.system_id
        JOIN integration_system r ON r.id = coalesce(f.origin_id, f.system_id)
        CROSS JOIN (SELECT coalesce(%(now)s::timestamptz, statement_timestamp()) AS at) clock
        WHERE f.state = 'active' AND r.state = 'active' AND p.next_at <= clock.at
          AND (p.claimed_until IS NULL OR p.claimed_until <= clock.at)
        ORDER BY p.next_at LIMIT 1 FOR UPDATE OF p SKIP LOCKED
    ) x WHERE p.id = x.id
    RETURNING p.flow_id, x.running_id, x.version, p.position::text, p.failures, x.at
"""
_KEEP = """
    UPDATE integration_position
    SET position = %(position)s::jsonb, next_at = %(next)s, read_at = %(at)s, failures = 0, error = '',
        claim = CASE WHEN %(goes_on)s THEN claim END, claimed_until = CASE WHEN %(goes_on)s THEN claimed_until END
    WHERE flow_id = %(flow)s AND claim = %(claim)s
"""
_FAIL = """
    UPDATE integration_position
    SET next_at = %(next)s, failures = failures + 1, error = %(error)s, claim = NULL, claimed_until = NULL
    WHERE flow_id = %(flow)s AND claim = %(claim)s
"""
_POSTPONE = """
    UPDATE integration_position SET next_at = %(next)s, claim = NULL, claimed_until = NULL
    WHERE flow_id = %(flow)s AND claim = %(claim)s
"""


def read_due(now: datetime | None = None) -> int:
    """Read the partner of one flow that is due, or let the clock start one; give 1 where there was one."""
    db.run(_ENROL, {"now": now})
    claim = new_id()
    row = db.one(_CLAIM, {"claim": claim, "lease": LEASE_SECONDS, "now": now})
    if row is None:
        return 0
    flow, version, system_version, kept, failures, at = row
    position = orjson.loads(kept) if kept else None
    plan = plans_of({flow: (version, system_version)}).get(flow)
    if plan is None:
        _fail(flow, claim, at, LONGEST_PAUSE, "the connector is not installed")
        return 1
    if plan.definition["trigger"] == "schedule":
        _tick(plan, claim, position, at)
    else:
        _read(plan, claim, position, failures, at, now)
    return 1


def _read(plan: Plan, claim: UUID, position: Any, failures: int, at: datetime, now: datetime | None) -> None:
    for number in range(PAGES):
        try:
            reader = reader_of(plan)
            page = reads.once(reader, partial(page_at, reader, position, now), now)
        except reads.NotNow as held:
            due = (now or datetime.now(UTC)) + timedelta(seconds=held.retry_after or 0.0)
            db.run(_POSTPONE, dict(flow=plan.flow, claim=claim, next=due))
            return
        except DatabaseError:
            raise  # of ours, not of the partner: when it is back, the claim runs out
        except Exception as fault:  # whatever a connector raises is a failed try
            failed = refused(fault)
            said = failed.text.splitlines()[-1][:300] if failed.text else ""
            log.warning("%s: the partner could not be read (%s): %s", plan.code, failed.kind, said)
            pause = max(failed.retry_after or 0.0, min(LONGEST_PAUSE, plan.every * 2.0 ** min(failures, 10)))
            _fail(plan.flow, claim, at, pause, failed.text)
            return
        kept_at = now or datetime.now(UTC)
        goes_on = page.has_more and number < PAGES - 1
        with transaction.atomic():
            moved = db.run(_KEEP, dict(
                position=orjson.dumps(page.position, default=str).decode(), flow=plan.flow, claim=claim, at=kept_at,
                next=kept_at + timedelta(seconds=0 if page.has_more else plan.every), goes_on=goes_on,
            ))  # fmt: skip
            if not moved:
                return  # the claim ran out and another reads now: what it keeps is the truth
            inbox.keep(plan, page.messages, kept_at)
        if page.confirm is not None:
            try:
                page.confirm()
            except Exception:
                log.warning("%s: the partner did not take the acknowledgement", plan.code, exc_info=True)
        if not goes_on:
            return
        position = page.position


def page_at(reader: Plan, position: Any, now: datetime | None = None) -> Page:
    """Ask a flow's partner for a page.

    Takes:  reader: the flow's plan as it reads (plans.reader_of)
    Raises: whatever its connector does
    """
    return reader.connector.poll(reader.connect(now), reader.operation, position, PAGE)


def _tick(plan: Plan, claim: UUID, position: Any, at: datetime) -> None:
    """Make the message of one beat of the clock; of several that were missed, the last one only."""
    detail = plan.definition["detail"]
    beat: datetime | None
    if "cron" in detail:
        since = datetime.fromisoformat(position) if position else at
        beat = schedules.latest_beat(detail, since, at)
        position = (beat or since).isoformat()
    else:
        beat = datetime.fromtimestamp(at.timestamp() // plan.every * plan.every, UTC)
        position = beat.isoformat()
    with transaction.atomic():
        moved = db.run(_KEEP, dict(
            position=orjson.dumps(position).decode(), flow=plan.flow, claim=claim, at=at,
            next=next(schedules.beats_after(detail, at), at + timedelta(days=366)), goes_on=False,
        ))  # fmt: skip
        if moved and beat is not None:
            keep_beat(plan, beat, at)


def keep_beat(plan: Plan, beat: datetime, now: datetime) -> None:
    """Keep the message of a beat, with what it brings; where that cannot be read, it is kept dead."""
    detail, fault = plan.definition["detail"], None
    data: Mapping[str, Any] = {}
    try:
        with transaction.atomic():
            data = beats.data_of(detail, context_of(plan, now) if "list" in detail else None)
    except Failed as found:
        fault = found
    inbox.keep(plan, [Incoming(id=beat.isoformat(), body=beats.body_of(plan.code, beat, data), key=plan.code,
                               type="schedule", at=beat, fault=fault)], now)  # fmt: skip


def _fail(flow: UUID, claim: UUID, at: datetime, pause: float, error: str) -> None:
    db.run(_FAIL, dict(flow=flow, claim=claim, next=at + timedelta(seconds=pause), error=error[:1000]))


