"""What comes in is kept, once: unique by flow and the partner's own name of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction

from banyan.integration.connecting import Failed, Incoming
from banyan.integration.fanout import NEW_ID, wake
from banyan.integration.names import fitted
from banyan.integration.plans import Plan
from banyan.kernel import db
from banyan.lib import traces

_KEEP = f"""
    INSERT INTO integration_message (id, seq, flow_id, system_id, used_id, direction, source, digest, type, key, body,
        raw, state, reason, error, attempts, at, next_at, code, note, noun, record, trace)
    SELECT {NEW_ID}, nextval('integration_message_seq'), %(flow)s, %(system)s, %(version)s, %(direction)s, r.source,
           r.digest, r.type, r.key, r.body, r.raw, r.state, r.reason, r.error, 0, coalesce(r.at, %(now)s), %(now)s,
           '', '', '', NULL, r.trace
    FROM (SELECT v.value FROM jsonb_array_elements(%(rows)s::jsonb) WITH ORDINALITY v(value, n) ORDER BY v.n) v
    CROSS JOIN LATERAL jsonb_to_record(v.value) r(source text, digest text, type text, key text, body jsonb, raw text,
                                                  state text, reason text, error text, at timestamptz,
                                                  trace text)
    ON CONFLICT (flow_id, source) DO NOTHING
"""
_REUSED = """
    SELECT m.source FROM integration_message m
    JOIN jsonb_to_recordset(%(rows)s::jsonb) r(source text, digest text) ON r.source = m.source
    WHERE m.flow_id = %(flow)s AND m.digest <> r.digest
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many messages were new, and how many came with an id that another body had before."""

    new: int
    reused: int


def keep(plan: Plan, messages: Sequence[Incoming], now: datetime, trace: str | None = None) -> Kept:
    """Keep messages of a partner in its order; one that is here already is not kept twice.

    The same id with another body is kept beside it as dead, reason `source_reused`, once per body.

    Takes:  trace: the `traceparent` of the request that brought them, for those that bear none themselves
    Writes: messages, in the caller's transaction or one of its own; wakes the bus at commit
    """
    rows = [_row(plan, one, trace) for one in messages]
    if not rows:
        return Kept(0, 0)
    facts = dict(flow=plan.flow, system=plan.system, version=plan.version, now=now, direction=plan.direction)
    with transaction.atomic():
        # Numbers are drawn and committed in one order, so that nobody appears behind a later one.
        db.one("SELECT pg_advisory_xact_lock(hashtextextended('integration.inbox ' || %s::text, 0))", [plan.flow])
        reused: list[dict[str, Any]] = []
        known: dict[str, str] = {}
        fresh = []
        for row in rows:
            if known.setdefault(row["source"], row["digest"]) == row["digest"]:
                fresh.append(row)
            else:
                reused.append(row)
        new = db.run(_KEEP, facts | {"rows": _json(fresh)})
        if new < len(fresh):
            other = {source for (source,) in db.rows(_REUSED, {"rows": _json(fresh), "flow": plan.flow})}
            reused += [row for row in fresh if row["source"] in other]
        if reused:
            db.run(_KEEP, facts | {"rows": _json([_refused(row) for row in reused])})
        if new:
            wake()
    return Kept(new, len(reused))


def source_of(one: Incoming) -> str:
    """Give the name by which a message of a partner is known within its flow."""
    return fitted(_clean(one.id))


def _row(plan: Plan, one: Incoming, trace: str | None) -> dict[str, Any]:
    body = _clean(one.body)
    row = dict(
        source=source_of(one), type=(one.type or plan.operation)[:120], body=body, raw=_clean(one.raw),
        digest=hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest(), at=one.at,
        key=fitted(_clean(one.key)), state="waiting", reason="", error="",
        trace=traces.received(one.trace) or traces.received(trace),
    )  # fmt: skip
    if one.fault is not None:
        return row | {"state": "dead", "reason": one.fault.kind, "error": one.fault.text}
    try:
        if not plan.wants(body):
            return row | {"state": "filtered"}
        return row | {"key": plan.key_of(body, row["key"])}
    except Failed as fault:
        return row | {"state": "dead", "reason": fault.kind, "error": fault.text}


def _refused(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "source": fitted(f"{row['source']}#{row['digest'][:60]}"), "key": "", "state": "dead",
        "reason": "source_reused",
        "error": f"编号 {row['source']} 已用于另一内容\nthe id {row['source']} came before with another body",
    }  # fmt: skip


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return orjson.dumps(rows, default=str).decode()


def _clean(value: Any) -> Any:
    """Give JSON data without NUL, which the database cannot keep."""
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(one) for one in value]
    return value
