"""Which messages are due, who has taken them, what came of them: set-based, by the database's own clock.

A claim has an end: what a killed worker held becomes due again by itself, there is no sweeper to fail. It touches no
index, so that the message is changed where it lies; who claims next steps over what is held. Claims and marks of a
strict flow are taken one after the other (an advisory lock per flow, held for milliseconds), so that a message parked
behind its key is released by the very mark it waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, TypeVar
from uuid import UUID

import orjson
from django.db import transaction

from banyan.integration import hops, limits, replies, rules
from banyan.integration.plans import Limits, Plan, context_of
from banyan.kernel import db
from banyan.lib import traces
from banyan.lib.ids import new_id

One = TypeVar("One")

#: Marks a message that waits behind another of its key.
PARKED = UUID(int=0)
PARK_SECONDS = 3600
RELEASED = 50

#: One time for a statement, so that an index can be asked for what is due by then.
_NOW = "coalesce(%(now)s::timestamptz, statement_timestamp())"
_FREE = f"(claimed_until IS NULL OR claimed_until <= {_NOW})"


@dataclass(slots=True)
class Held:
    """A message as a worker holds it; body and answer as text from the database.

    Takes:  answer: what the partner answered, where it did and nothing could be done with that; it is not sent again
    """

    id: UUID
    seq: int
    key: str
    source: str
    type: str
    body: str
    at: datetime
    attempts: int
    noun: str
    record: UUID | None
    trace: str | None
    answer: str | None
    claim: UUID


@dataclass(slots=True)
class Result:
    """What came of a try. `outcome`: done, failed (tried again), dead, or back (not tried, free again).

    Takes:  is_answered: it reached the partner, and what failed is what we did with the answer; attempt: the key of the
            try, where its trace is recorded, None: any
    """

    held: Held
    outcome: str
    reason: str = ""
    error: str = ""
    code: str = ""
    ms: float = 0.0
    retry_after: float | None = None
    reply: Any = None
    noun: str = ""
    record: UUID | None = None
    is_answered: bool = False
    attempt: UUID | None = None

    @property
    def trace(self) -> str | None:
        """Give the trace with this try as the step that what comes of it goes on from."""
        return traces.step(self.held.trace, self.attempt or self.held.id) if self.held.trace else None


@dataclass(frozen=True, slots=True)
class Due:
    """A flow with something due, and the state of its breaker: its operation's own, or its system's.

    Takes:  is_shut: that is to be left alone yet
    """

    flow: UUID
    version: UUID
    system_version: int
    breaker: str
    is_shut: bool


_DUE_FLOWS = f"""
    SELECT f.id, f.running_id, s.version, coalesce(g.breaker, 'closed'), coalesce(g.until > {_NOW}, false)
    FROM integration_flow f JOIN integration_system s ON s.id = f.system_id
    LEFT JOIN integration_gauge g ON g.system_id = s.id AND g.operation = {limits.gauge_of("f.target")}
    CROSS JOIN LATERAL (
        SELECT 1 FROM integration_message
        WHERE flow_id = f.id AND state = 'waiting' AND next_at <= {_NOW} AND {_FREE} ORDER BY next_at LIMIT 1
    ) first
    WHERE f.state = 'active' AND s.state = 'active' AND f.direction = %(direction)s
"""
_PICK = f"""
    due AS MATERIALIZED (
        SELECT id, key, seq FROM integration_message
        WHERE flow_id = %(flow)s AND state = 'waiting' AND next_at <= {_NOW} AND {_FREE}
        ORDER BY next_at, seq LIMIT %(most)s FOR UPDATE SKIP LOCKED
    )
"""
_TAKE = f"""
    UPDATE integration_message m
    SET claim = %(claim)s, claimed_until = {_NOW} + %(lease)s * interval '1 second'
"""
_GIVEN = """
    RETURNING m.id, m.seq, m.key, m.source, m.type, coalesce(m.repaired, m.body)::text, m.at, m.attempts,
        m.noun, m.record, m.trace,
        CASE WHEN m.answered_at IS NOT NULL THEN coalesce(m.reply, 'null')::text END
"""
_CLAIM_FREE = f"WITH {_PICK} {_TAKE} WHERE m.id = ANY(ARRAY(SELECT id FROM due)) {_GIVEN}"
#: The gate is asked row by row (a limit keeps the planner from reading all that waits), each time through its index.
_CLAIM_STRICT = f"""
    WITH {_PICK}, judged AS MATERIALIZED (
        SELECT d.id, d.seq, coalesce((
            SELECT true FROM integration_message b
            WHERE b.flow_id = %(flow)s AND b.key = d.key AND b.seq < d.seq AND b.state IN ('waiting', 'dead')
              AND b.id <> ALL(ARRAY(SELECT id FROM due)) ORDER BY b.seq LIMIT 1), false) AS is_blocked
        FROM due d
    ), parked AS (
        UPDATE integration_message m
        SET claim = '{PARKED}', claimed_until = NULL, next_at = {_NOW} + {PARK_SECONDS} * interval '1 second'
        WHERE m.id = ANY(ARRAY(SELECT id FROM judged WHERE is_blocked))
        RETURNING 1
    ), taken AS (
        {_TAKE}
        WHERE m.id = ANY(ARRAY(SELECT id FROM judged WHERE NOT is_blocked ORDER BY seq LIMIT %(takes)s)) {_GIVEN}
    )
    SELECT t.*, (SELECT count(*) FROM parked) FROM taken t
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, count(*) FROM parked
"""
_SUPERSEDE = f"""
    UPDATE integration_message m SET state = 'superseded', claim = NULL, claimed_until = NULL, done_at = {_NOW}
    WHERE m.flow_id = %(flow)s AND m.state = 'waiting' AND m.next_at <= {_NOW} AND {_FREE}
      AND coalesce((SELECT true FROM integration_message n WHERE n.flow_id = m.flow_id AND n.key = m.key
                    AND n.seq > m.seq AND n.state = 'waiting' ORDER BY n.seq LIMIT 1), false)
"""
#: Of a key, one at a time: a newer one waits for the one that is under way, so that it is not overtaken by it.
_CLAIM_NEWEST = f"""
    WITH {_PICK}, judged AS MATERIALIZED (
        SELECT d.id, d.seq, coalesce((
            SELECT true FROM integration_message b
            WHERE b.flow_id = %(flow)s AND b.key = d.key AND b.seq < d.seq AND b.state = 'waiting'
              AND b.claimed_until > {_NOW} ORDER BY b.seq LIMIT 1), false) AS is_blocked
        FROM due d
    ), parked AS (
        UPDATE integration_message m
        SET claim = '{PARKED}', claimed_until = NULL, next_at = {_NOW} + {PARK_SECONDS} * interval '1 second'
        WHERE m.id = ANY(ARRAY(SELECT id FROM judged WHERE is_blocked))
        RETURNING 1
    ), waiting_older AS (
        UPDATE integration_message m SET state = 'superseded', claim = NULL, claimed_until = NULL, done_at = {_NOW}
        WHERE m.id = ANY(ARRAY(
            SELECT o.id FROM due d CROSS JOIN LATERAL (
                SELECT x.id FROM integration_message x
                WHERE x.flow_id = %(flow)s AND x.key = d.key AND x.seq < d.seq AND x.state = 'waiting'
                  AND x.next_at > {_NOW} AND {_FREE}
                ORDER BY x.seq LIMIT 1000) o))
        RETURNING 1
    ), taken AS (
        {_TAKE}
        WHERE m.id = ANY(ARRAY(SELECT id FROM judged WHERE NOT is_blocked ORDER BY seq LIMIT %(takes)s)) {_GIVEN}
    )
    SELECT t.*, (SELECT count(*) FROM parked) FROM taken t
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, count(*) FROM parked
"""


def due_flows(direction: str, now: datetime | None = None) -> tuple[Due, ...]:
    """Give the active flows of a direction that have something due, of an active system."""
    return tuple(Due(*row) for row in db.rows(_DUE_FLOWS, {"direction": direction, "now": now}))


def claim(
    plan: Plan, most: int, lease: float, now: datetime | None = None, *, looks: int = 0
) -> tuple[list[Held], int]:
    """Take due messages of a flow, in order, until the lease ends; those behind their key are parked.

    Takes:  looks: at so many that are due, where that is more than it takes: those behind their key are parked at once
    Gives:  the messages by seq, and how many were parked: where there were some, more may be due at once
    Writes: claims; parks; what a newer one replaces is superseded
    """
    mark = new_id()
    wide = most if plan.order == "free" else max(most, looks)
    facts = dict(flow=plan.flow, most=wide, takes=most, claim=mark, lease=lease, now=now)
    with transaction.atomic():
        if plan.order == "free":
            rows, parked = db.rows(_CLAIM_FREE, facts), 0
        else:
            alone(plan.flow)
            if plan.order == "newest":
                db.run(_SUPERSEDE, facts)
            found = db.rows(_CLAIM_STRICT if plan.order == "strict" else _CLAIM_NEWEST, facts)
            rows, parked = [row[:-1] for row in found if row[0] is not None], found[-1][-1]
    return sorted((Held(*row, mark) for row in rows), key=lambda held: held.seq), parked


def alone(flow: UUID) -> None:
    """Let claims and marks of a flow pass one after the other; the lock ends with the transaction."""
    db.one("SELECT pg_advisory_xact_lock(hashtextextended('integration.flow ' || %s::text, 0))", [flow])


#: Found by their keys: a condition on the state that an index could answer would have all that waits be read.
_MARK = f"""
    WITH r AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(results)s::jsonb) AS r(
            id uuid, claim uuid, attempt uuid, outcome text, reason text, error text, code text, ms float8,
            pause float8, reply jsonb, noun text, record uuid, answered boolean)
    ), u AS (
        UPDATE integration_message m
        SET state = CASE WHEN r.outcome IN ('done', 'dead') THEN r.outcome ELSE 'waiting' END,
            reason = CASE WHEN r.outcome = 'back' THEN m.reason ELSE r.reason END,
            error = CASE WHEN r.outcome = 'back' THEN m.error ELSE r.error END,
            code = CASE WHEN r.outcome = 'back' THEN m.code ELSE r.code END,
            attempts = m.attempts + CASE WHEN r.outcome = 'back' THEN 0 ELSE 1 END,
            next_at = CASE WHEN r.outcome IN ('failed', 'back') THEN {_NOW} + r.pause * interval '1 second'
                           ELSE m.next_at END,
            claim = NULL, claimed_until = NULL,
            done_at = CASE WHEN r.outcome = 'done' THEN {_NOW} END,
            answered_at = CASE WHEN r.answered THEN coalesce(m.answered_at, {_NOW}) ELSE m.answered_at END,
            reply = coalesce(r.reply, m.reply), used_id = %(version)s,
            noun = CASE WHEN r.record IS NULL THEN m.noun ELSE r.noun END, record = coalesce(r.record, m.record)
        FROM r
        WHERE m.id = r.id AND CASE m.state WHEN 'waiting' THEN m.claim = r.claim OR r.outcome = 'done'
                                           WHEN 'dead' THEN r.outcome = 'done'
                                           WHEN 'given_up' THEN r.outcome = 'done' END
        RETURNING m.id, m.key, m.seq, m.state, m.attempts
    ), tried AS (
        INSERT INTO integration_attempt (id, message_id, position, at, ms, outcome, reason, code, error, used_id)
        SELECT r.attempt, r.id,
               coalesce(u.attempts, (SELECT x.attempts + 1 FROM integration_message x WHERE x.id = r.id)),
               {_NOW}, r.ms, CASE WHEN u.id IS NOT NULL THEN r.outcome WHEN r.outcome = 'done' THEN 'again'
                                  ELSE 'failed' END,
               r.reason, r.code, r.error, %(version)s
        FROM r LEFT JOIN u ON u.id = r.id WHERE r.outcome <> 'back'
    )
    SELECT id, key, seq, state FROM u
"""
#: Those of a key that wait behind the ones now done: the first of them, and who stands right behind it.
_RELEASE = f"""
    UPDATE integration_message m SET next_at = {_NOW}, claim = NULL
    WHERE CASE m.claim WHEN '{PARKED}' THEN m.state = 'waiting' END AND m.id = ANY(ARRAY(
        SELECT n.id FROM unnest(%(keys)s::text[]) k(key)
        CROSS JOIN LATERAL (
            SELECT x.id, bool_and(coalesce(x.claim = '{PARKED}', false)) OVER (ORDER BY x.seq) AS is_next FROM (
                SELECT id, seq, claim FROM integration_message
                WHERE flow_id = %(flow)s AND key = k.key AND state IN ('waiting', 'dead')
                ORDER BY seq LIMIT {RELEASED}) x
        ) n WHERE n.is_next
    ))
"""
_RELEASE_NEWEST = f"""
    UPDATE integration_message SET next_at = {_NOW}, claim = NULL
    WHERE flow_id = %(flow)s AND key = ANY(%(keys)s) AND state = 'waiting' AND claim = '{PARKED}'
"""


def mark(plan: Plan, results: Sequence[Result], chances: Sequence[float], now: datetime | None = None) -> None:
    """Write what came of messages, one attempt each; release what waited behind them; move the breaker.

    Takes:  chances: a number from 0 to 1 per result, for the jitter
    Writes: messages, attempts, gauge. What another has done meanwhile stays done
    """
    with transaction.atomic():
        found = results
        if plan.direction == "out" and any(replies.is_wanted(one.definition) for one in plan.ways):
            found = _with_replies(plan, results, now)
        write_marks(plan, [_row(plan, one, chance) for one, chance in zip(found, chances, strict=True)], now)
        if plan.direction == "out":
            _move_gauge(plan, results, now)


def _with_replies(plan: Plan, results: Sequence[Result], now: datetime | None) -> list[Result]:
    """Do what a flow wants with answers; give the results as they are then.

    A command that refuses an answer, or cannot run now, makes the message dead or waiting; it keeps its answer.
    """
    at = now or datetime.now(UTC)
    done = [one for one in results if one.outcome == "done"]
    told: dict[UUID, replies.Said] = {}
    for _, alike in groupby(done, key=lambda one: id(plan.way_of(one.held.type))):
        same = list(alike)
        way = plan.way_of(same[0].held.type)
        if replies.is_wanted(way.definition):
            told |= replies.handle(way, same, lambda: context_of(plan, at), at)
    if telling := [one.held.id for one in done if plan.way_of(one.held.type).leads_to_command]:
        hops.note(max(hops.of_messages(telling).values(), default=0) + 1, at)
    found = []
    for one in results:
        keeps = plan.way_of(one.held.type).definition["reply"].get("keep")
        said = told.get(one.held.id, replies.Said()) if one.outcome == "done" else replies.Said()
        if said.refusal is not None:
            outcome = "failed" if said.refusal.is_passing else "dead"
            found.append(replace(one, outcome=outcome, reason=said.refusal.kind, error=said.refusal.text,
                                 code=said.refusal.code or one.code, is_answered=True))  # fmt: skip
        else:
            found.append(replace(one, error=said.fault or one.error, reply=one.reply if keeps else None))
    return found


def write_marks(plan: Plan, rows: Sequence[Mapping[str, Any]], now: datetime | None) -> None:
    """Write marks and release what waited behind them, inside the caller's transaction."""
    if plan.order != "free":
        alone(plan.flow)
    facts = {"results": orjson.dumps(rows).decode(), "version": plan.version, "now": now}
    marked = db.rows(_MARK, facts)
    if plan.order != "free":
        freed = {row[1] for row in marked if row[3] != "waiting" or plan.order == "newest"}
        release(plan.flow, freed, is_newest=plan.order == "newest", now=now)


def put_back(plan: Plan, results: Sequence[Result], now: datetime | None) -> None:
    """Give claimed messages back that were not tried, each until its `retry_after` is over."""
    with transaction.atomic():
        write_marks(plan, [_row(plan, one, 0.0) for one in results], now)


def release(flow: UUID, keys: set[str], *, is_newest: bool = False, now: datetime | None = None) -> None:
    """Let the parked ones go that are next of their keys."""
    if keys:
        db.run(_RELEASE_NEWEST if is_newest else _RELEASE, {"flow": flow, "keys": sorted(keys), "now": now})


def _row(plan: Plan, result: Result, chance: float) -> dict[str, Any]:
    outcome, reason, pause = result.outcome, result.reason, 0.0
    error = result.error
    if outcome == "failed":
        found = rules.pause_before_next(
            result.held.attempts + 1, plan.definition["retries"], chance, result.retry_after
        )
        if found is None:
            outcome, error = "dead", f"[{reason}] {error}"
            reason = "exhausted"
        else:
            pause = found
    elif outcome == "back":
        pause = result.retry_after or 0.0
    return dict(
        id=result.held.id, claim=result.held.claim, attempt=result.attempt or new_id(), outcome=outcome, reason=reason,
        error=error.replace("\0", "")[:4000], code=result.code[:40], ms=round(result.ms, 3), pause=pause,
        reply=result.reply, noun=result.noun, record=result.record, answered=result.is_answered,
    )  # fmt: skip


def as_row(plan: Plan, result: Result, chance: float) -> dict[str, Any]:
    """Give a result as `write_marks` takes it."""
    return _row(plan, result, chance)


# --- the gauge: breaker and token bucket, shared by all processes -----------------------------------------------

TROUBLE = frozenset({"transport", "timeout", "unavailable"})
#: So often in a row a breaker opened before what it shut out is due again at once when the partner is back.
LONG_OUTAGE = 3
#: The operation that a message goes to: its route's, where it goes by one that names another than the flow's.
_TARGET = """coalesce((
    SELECT r.route ->> 'target' FROM integration_flowversion v,
        jsonb_array_elements(coalesce(v.definition -> 'detail' -> 'routes', '[]')) r(route)
    WHERE v.id = f.running_id AND r.route -> 'events' @> to_jsonb(m.type) LIMIT 1), f.target)"""
#: What was tried while the partner was away pauses for up to a day, and holds up its key: it need not any more.
_AFTER_OUTAGE = f"""
    UPDATE integration_message m SET next_at = {_NOW}
    FROM integration_flow f JOIN integration_system s ON s.id = f.system_id
    WHERE f.system_id = %(system)s AND f.direction = 'out' AND {limits.gauge_of(_TARGET)} = %(operation)s
      AND m.flow_id = f.id AND m.state = 'waiting'
      AND m.next_at > {_NOW} AND m.claim IS NULL AND m.reason = ANY(%(reasons)s)
"""
#: Whose gauge it is, by what `_whose` gives.
_MINE = "system_id = %(system)s AND operation = %(operation)s"
_GAUGE_ROW = """
    INSERT INTO integration_gauge (id, system_id, operation, breaker, failures, opened, tokens, error)
    VALUES (CASE WHEN %(operation)s::text = '' THEN %(system)s::uuid ELSE gen_random_uuid() END, %(system)s,
            %(operation)s, 'closed', 0, 0, %(burst)s, '')
    ON CONFLICT (system_id, operation) DO NOTHING
"""


def by_gauge(plan: Plan, some: Iterable[One], type_of: Callable[[One], str]) -> dict[str, list[One]]:
    """Give messages, or what came of them, by the gauge of what they go to."""
    found: dict[str, list[One]] = {}
    for one in some:
        found.setdefault(plan.way_of(type_of(one)).gauge, []).append(one)
    return found


def _move_gauge(plan: Plan, results: Sequence[Result], now: datetime | None) -> None:
    """Move the gauge of each operation by what came of the calls to it."""
    for same in by_gauge(plan, results, lambda one: one.held.type).values():
        failed = [one for one in same if one.outcome == "failed" and one.reason in TROUBLE]
        throttled = [one.retry_after or 1.0 for one in same if one.reason == "throttled"]
        succeeded = sum(1 for one in same if one.outcome in ("done", "dead"))
        note(plan.way_of(same[0].held.type), now, succeeded=succeeded, failed=len(failed), throttled=throttled,
             error=(failed or same)[-1].error)  # fmt: skip


def note(
    plan: Plan | Limits, now: datetime | None, *, succeeded: int, failed: int = 0, throttled: Sequence[float] = (),
    error: str = "",
) -> None:  # fmt: skip
    """Move the gauge of an operation, or its system, by what came of calls.

    Takes:  failed: how many of TROUBLE; throttled: the seconds the partner asked to be left alone, each time it did
    Writes: the gauge; what an outage held back is due at its end
    """
    if not failed and not throttled and not _is_troubled(plan):
        return
    with transaction.atomic(savepoint=False):
        facts = _whose(plan, now=now, burst=plan.burst)
        db.run(_GAUGE_ROW, facts)
        row = db.one(f"SELECT breaker, failures, opened FROM integration_gauge WHERE {_MINE} FOR UPDATE", facts)
        before = rules.Breaker(*row)
        after, seconds = rules.breaker_after(before, succeeded=succeeded, failed=failed, most=plan.failures)
        wait = max([*throttled, seconds or 0.0])
        if after == before and not wait:
            return
        if after.state == "closed" and before.opened >= LONG_OUTAGE:
            db.run(_AFTER_OUTAGE, facts | {"reasons": sorted(TROUBLE)})
        error = error[:1000] if failed or throttled else ""
        db.run(
            f"""
            UPDATE integration_gauge SET breaker = %(breaker)s::text, failures = %(failures)s, opened = %(opened)s,
                until = CASE WHEN %(wait)s::float8 > 0 THEN {_NOW} + %(wait)s::float8 * interval '1 second'
                             WHEN %(breaker)s::text = 'closed' THEN NULL ELSE until END,
                error = %(error)s, changed_at = {_NOW}
            WHERE {_MINE}
            """,
            facts | dict(breaker=after.state, failures=after.failures, opened=after.opened, wait=wait, error=error),
        )


def held_for(plan: Plan | Limits, now: datetime | None = None) -> tuple[str, float]:
    """Give the state of a system's breaker, and the seconds for which the system is to be left alone yet."""
    row = db.one(
        f"SELECT breaker, coalesce(extract(epoch FROM until - {_NOW}), 0)::float8 FROM integration_gauge "
        f"WHERE {_MINE}", _whose(plan, now=now),
    )  # fmt: skip
    return (row[0], max(0.0, row[1])) if row else ("closed", 0.0)


def _whose(plan: Plan | Limits, **more: Any) -> dict[str, Any]:
    return {"system": plan.system, "operation": plan.gauge, **more}


def _is_troubled(plan: Plan | Limits) -> bool:
    return bool(db.rows(
        f"SELECT 1 FROM integration_gauge WHERE {_MINE} AND (breaker <> 'closed' OR failures > 0)",
        _whose(plan),
    ))


def may_probe(plan: Plan | Limits, now: datetime | None = None) -> bool:
    """Say whether this process tries an open breaker now: one of all, with one message.

    Writes: the breaker, half open until the call's time is over
    """
    return db.run(
        f"""
        UPDATE integration_gauge
        SET breaker = 'half_open', until = {_NOW} + %(lease)s * interval '1 second', changed_at = {_NOW}
        WHERE {_MINE} AND breaker <> 'closed' AND until <= {_NOW}
        """,
        _whose(plan, lease=plan.timeout + 5.0, now=now),
    ) == 1


def give_probe_back(plan: Plan, now: datetime | None = None) -> None:
    """Let an open breaker be tried again at once, for all that was claimed to try it stood behind its key."""
    db.run(
        f"UPDATE integration_gauge SET until = {_NOW} WHERE {_MINE} AND breaker = 'half_open'",
        _whose(plan, now=now),
    )


def take_tokens(plan: Plan | Limits, wanted: int, now: datetime | None = None) -> int:
    """Take calls out of the token bucket of an operation, or its system; give how many are granted."""
    if plan.rate is None:
        return wanted
    facts = _whose(plan, burst=plan.burst, now=now)
    with transaction.atomic():
        db.run(_GAUGE_ROW, facts)
        tokens, seconds = db.one(
            f"SELECT tokens, coalesce(extract(epoch FROM {_NOW} - filled_at), 1e9)::float8 "
            f"FROM integration_gauge WHERE {_MINE} FOR UPDATE", facts,
        )
        given, left = rules.granted(tokens, seconds, rate=plan.rate, burst=plan.burst, wanted=wanted)
        db.run(
            f"UPDATE integration_gauge SET tokens = %(left)s, filled_at = {_NOW} WHERE {_MINE}",
            facts | {"left": left},
        )
    return given


def give_tokens(plan: Plan | Limits, unused: int) -> None:
    """Put calls back that were granted and not made."""
    if plan.rate is not None and unused > 0:
        db.run(f"UPDATE integration_gauge SET tokens = least(%(burst)s, tokens + %(unused)s) WHERE {_MINE}",
               _whose(plan, burst=plan.burst, unused=unused))  # fmt: skip
