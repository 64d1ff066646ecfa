"""Events heard: one message per event and flow that hears it, written in the dispatcher's own transaction.

Whether it goes out to a partner or in to a command of ours is the flow's direction.

Flows without an expression take their messages in one statement, however many events there are. A flow with a filter
or a key of its own has them worked out here, once, so that what is filtered is seen as filtered; of an event that goes
by a route, the filter is the route's.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from banyan.integration import hops, rules
from banyan.integration.connecting import Failed
from banyan.integration.plans import Plan, plans_of
from banyan.kernel import db

CHANNEL = "banyan_bus"

#: A UUIDv7 made by the server: 48 bits of milliseconds before a random tail.
NEW_ID = """
    overlay(overlay(gen_random_uuid()::text PLACING
        regexp_replace(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0'),
                       '^(.{8})(.{4})$', '\\1-\\2') FROM 1 FOR 13)
    PLACING '7' FROM 15 FOR 1)::uuid
"""
#: CloudEvents 1.0, structured JSON; what is ours stands in extension attributes, the trace in the one that the
#: extension for distributed tracing names. It is frozen here.
CLOUD_EVENT = """
    (jsonb_build_object(
        'specversion', '1.0', 'id', o.id, 'source', '/banyan', 'type', o.type, 'time', o.at,
        'subject', coalesce(nullif(o.number, ''), o.record::text, ''), 'datacontenttype', 'application/json',
        'dataversion', o.event_version, 'noun', o.noun, 'record', o.record, 'data', o.payload)
    || CASE WHEN o.trace IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('traceparent', o.trace) END)
"""
_LISTENING = """
    SELECT f.id, f.running_id, s.version FROM integration_flow f JOIN integration_system s ON s.id = f.system_id
    WHERE f.running_id IS NOT NULL AND f.state <> 'retired' AND f.trigger = 'event'
"""
_INSERT = f"""
    INSERT INTO integration_message (id, seq, flow_id, system_id, used_id, direction, source, digest, type, key, body,
        raw, state, reason, error, attempts, at, next_at, code, note, noun, record, trace)
    SELECT {NEW_ID}, nextval('integration_message_seq'), %(flow)s, %(system)s, %(version)s, %(direction)s,
           o.id::text || %(mark)s, '', o.type, o.key, {CLOUD_EVENT}, '', 'waiting', '', '', 0, o.at, %(now)s, '', '',
           o.noun, o.record, o.trace
    FROM (SELECT * FROM kernel_outbox WHERE id = ANY(%(events)s) ORDER BY seq) o
    ON CONFLICT (flow_id, source) DO NOTHING
"""
_EVENTS = f"SELECT o.id, o.key, {CLOUD_EVENT}::text FROM kernel_outbox o WHERE o.id = ANY(%s) ORDER BY o.seq"
_INSERT_JUDGED = f"""
    INSERT INTO integration_message (id, seq, flow_id, system_id, used_id, direction, source, digest, type, key, body,
        raw, state, reason, error, attempts, at, next_at, code, note, noun, record, trace)
    SELECT {NEW_ID}, nextval('integration_message_seq'), %(flow)s, %(system)s, %(version)s, %(direction)s,
           o.id::text || %(mark)s, '', o.type, o.judged_key, {CLOUD_EVENT}, '', o.judged, o.reason, o.fault, 0, o.at,
           %(now)s, '', '', o.noun, o.record, o.trace
    FROM (SELECT e.*, j.key AS judged_key, j.state AS judged, j.reason, j.error AS fault
          FROM jsonb_to_recordset(%(judged)s::jsonb) j(id uuid, key text, state text, reason text, error text)
          JOIN kernel_outbox e ON e.id = j.id ORDER BY e.seq) o
    ON CONFLICT (flow_id, source) DO NOTHING
"""


def listening() -> tuple[Plan, ...]:
    """Give the plans of all flows that hear events, whether they run now or keep their messages waiting."""
    stamps = {flow: (version, no) for flow, version, no in db.rows(_LISTENING)}
    return tuple(plans_of(stamps).values()) if stamps else ()


def take_batch(rows: Sequence[Any], at: datetime) -> None:
    """Write a message for every event and flow that hears it, in the order of the events.

    Takes:  outbox rows in commit order
    Writes: messages; wakes the bus when the transaction commits
    """
    written = 0
    plans = listening()
    looping = hops.looping(rows) if any(plan.tells for plan in plans) else frozenset()
    for plan in plans:
        heard = [row.pk for row in rows if rules.matches(row.type, plan.events)]
        if heard:
            written += write(plan, heard, at, looping=looping if plan.tells else frozenset())
    if written:
        wake()


def write(
    plan: Plan, events: Sequence[UUID], now: datetime, mark: str = "", *, looping: Set[UUID] = frozenset()
) -> int:
    """Write the messages of one flow for events; give how many are new.

    Takes:  mark: what makes the source differ where the same events are taken again on purpose; looping: those that
            went in a circle, whose messages are kept dead
    """
    facts = dict(flow=plan.flow, system=plan.system, version=plan.version, direction=plan.direction, now=now, mark=mark)
    if not plan.judges and looping.isdisjoint(events):
        return db.run(_INSERT, facts | {"events": list(events)})
    judged = [_judged(plan, *row, is_loop=row[0] in looping) for row in bodies_of(events)]
    return db.run(_INSERT_JUDGED, facts | {"judged": orjson.dumps(judged).decode()})


def bodies_of(events: Sequence[UUID]) -> list[tuple[UUID, str, str]]:
    """Give events as CloudEvents, in their order: (key of the event, its ordering key, the body as JSON text)."""
    return db.rows(_EVENTS, [list(events)])


def _judged(plan: Plan, event: UUID, key: str, text: str, *, is_loop: bool) -> dict[str, Any]:
    body, found = orjson.loads(text), {"id": event, "key": key, "state": "waiting", "reason": "", "error": ""}
    way = plan.way_of(body["type"])
    try:
        if not way.wants(body):
            return found | {"state": "filtered"}
        if is_loop and way.leads_to_command:
            found |= {"state": "dead", "reason": "loop", "error": hops.said(plan.code)}
        return found | {"key": plan.key_of(body, key)}
    except Failed as fault:
        return found | {"state": "dead", "reason": fault.kind, "error": fault.text}


def wake() -> None:
    """Tell the bus at commit that there is something new."""
    db.one(f"SELECT pg_notify('{CHANNEL}', '')")
