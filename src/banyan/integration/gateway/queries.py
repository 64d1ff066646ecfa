"""What the gateway's screen shows: clients and tokens with their day, and what belongs to one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from banyan.kernel import db
from banyan.lib.traces import trace_of

#: So many tokens, those used last first; there is one for each program of each person.
TOKENS = 100
MOST = 100


@dataclass(frozen=True, slots=True)
class Entrance:
    """A client or token: whose, what it may do and how often, what it did today and when last."""

    id: UUID
    version: int
    name: str
    owner: str
    state: str
    scopes: tuple[str, ...]
    per_minute: int | None
    per_day: int | None
    secret_at: datetime
    until: datetime | None
    calls: int
    refused: int
    throttled: int
    failed: int
    ms: float
    last_at: datetime | None

    @property
    def mean_ms(self) -> float | None:
        return self.ms / self.calls if self.calls else None

    @property
    def share(self) -> int | None:
        """Give how much of the day's quota is used, in percent."""
        return min(100, round(100 * (self.calls - self.throttled) / self.per_day)) if self.per_day else None


_DAY = """
    LEFT JOIN kernel_callday d ON d.key = e.id AND d.day = %(day)s
    LEFT JOIN LATERAL (SELECT x.last_at FROM kernel_callday x WHERE x.key = e.id ORDER BY x.day DESC LIMIT 1) l ON true
"""
_FIGURES = """
    coalesce(d.calls, 0), coalesce(d.refused, 0), coalesce(d.throttled, 0), coalesce(d.failed, 0), coalesce(d.ms, 0),
    l.last_at
"""
_OF = "(%(person)s::uuid IS NULL OR e.user_id = %(person)s::uuid)"
_CLIENTS = f"""
    SELECT e.id, e.version, e.name, u.name, CASE WHEN u.is_active THEN e.state ELSE 'shut_out' END, e.scopes,
           e.per_minute, e.per_day, e.secret_at,
           CASE WHEN e.old_until > %(now)s::timestamptz THEN e.old_until END, {_FIGURES}
    FROM kernel_client e JOIN kernel_user u ON u.id = e.user_id {_DAY}
    WHERE {_OF}
    ORDER BY e.state, e.name, e.id
"""
_TOKENS = f"""
    SELECT e.id, e.version, e.name, u.name,
           CASE WHEN NOT u.is_active THEN 'shut_out' WHEN e.expires_at <= %(now)s::timestamptz THEN 'expired'
                ELSE 'active' END,
           e.scopes, e.per_minute, e.per_day, e.created_at, e.expires_at, {_FIGURES}
    FROM kernel_accesstoken e JOIN kernel_user u ON u.id = e.user_id {_DAY}
    WHERE e.is_active AND {_OF}
    ORDER BY l.last_at DESC NULLS LAST, e.created_at DESC LIMIT {TOKENS}
"""


def clients(now: datetime, day: date, person: UUID | None = None) -> tuple[Entrance, ...]:
    """Give the clients of an account, or of all, by name, those that run first. One statement."""
    return tuple(_entrance(row) for row in db.rows(_CLIENTS, {"now": now, "day": day, "person": person}))


def tokens(now: datetime, day: date, person: UUID | None = None) -> tuple[Entrance, ...]:
    """Give the tokens of a person, or of all, that are not revoked, those used last first. One statement."""
    return tuple(_entrance(row) for row in db.rows(_TOKENS, {"now": now, "day": day, "person": person}))


def _entrance(row: tuple) -> Entrance:
    return Entrance(*row[:5], tuple(row[5]), *row[6:])


@dataclass(frozen=True, slots=True)
class Act:
    """An audit line of a call."""

    command: str
    noun: str
    records: tuple[UUID, ...]
    outcome: str
    code: str


_ACTS = """
    SELECT command, noun, records, outcome, code FROM kernel_audit
    WHERE at = %s AND person = %s AND through = 'rest' ORDER BY seq LIMIT %s
"""
_MESSAGES = """
    SELECT m.id, m.at, f.code, m.direction, m.type, m.state FROM integration_message m
    JOIN integration_flow f ON f.id = m.flow_id
    WHERE m.trace LIKE %s ORDER BY m.at, m.id LIMIT %s
"""


def acts_of(at: datetime, person: UUID) -> tuple[Act, ...]:
    """Give the audit lines of the call that somebody made at an instant: they bear that very instant."""
    return tuple(Act(row[0], row[1], tuple(row[2]), *row[3:]) for row in db.rows(_ACTS, [at, person, MOST]))


def messages_of(traceparent: str) -> tuple[Mapping[str, Any], ...]:
    """Give the bus's messages of a trace, in time."""
    names = ("id", "at", "flow", "direction", "type", "state")
    found = db.rows(_MESSAGES, [f"{trace_of(traceparent)}%", MOST])
    return tuple(dict(zip(names, row, strict=True)) for row in found)
