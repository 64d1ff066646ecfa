"""How flows and systems are doing: yesterday, today, the last hour, and what stands now. Six statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from banyan.integration.watch import minutes, rules
from banyan.integration.watch.rules import NOTHING, Figures
from banyan.kernel import db
from banyan.lib.labels import Label

#: So many waiting or dead messages of a flow are counted; beyond it the board says "more".
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation with limits of its own: its breaker, how often it may be called, and what went wrong last."""

    key: str
    breaker: str
    rate: str
    error: str = ""
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """The dead letters of a flow that have one reason: how many, and since when there is one."""

    reason: str
    count: int
    oldest_at: datetime


@dataclass(slots=True)
class Line:
    """A flow or a system as the board shows it.

    `scans` are those of a system that found what is still open; `dead` is what died of a flow, the commonest first.
    """

    id: UUID
    code: str
    name: str
    signs: rules.Signs
    hour: Figures = NOTHING
    today: Figures = NOTHING
    yesterday: Figures = NOTHING
    oldest_at: datetime | None = None
    is_more: bool = False
    alerts: int = 0
    error: str = ""
    direction: str = ""
    environment: str = ""
    retry_at: datetime | None = None
    version: int = 1
    flows: list[Line] = field(default_factory=list)
    operations: tuple[Endpoint, ...] = ()
    scans: tuple[UUID, ...] = ()
    trigger: str = ""
    dead: tuple[Dead, ...] = ()

    @property
    def standing(self) -> tuple[rules.Colour, Label]:
        return rules.standing(self.signs)

    @property
    def colour(self) -> rules.Colour:
        return self.standing[0]

    @property
    def says(self) -> Label:
        return self.standing[1]


@dataclass(frozen=True, slots=True)
class Board:
    """All systems with their flows, the worst first; when today's figures were counted."""

    systems: tuple[Line, ...]
    counted_at: datetime | None
    alerts: int
    ours: int

    @property
    def flows(self) -> tuple[Line, ...]:
        return tuple(flow for system in self.systems for flow in system.flows)

    def count(self, colour: str) -> int:
        """Give how many systems are of a colour."""
        return sum(1 for one in self.systems if one.colour == colour)


_SYSTEMS = """
    SELECT s.id, s.code, s.name, s.state, s.environment, coalesce(g.breaker, 'closed'), coalesce(g.error, ''), g.until,
        s.version, s.limits::text, coalesce(o.own, '{}')
    FROM integration_system s LEFT JOIN integration_gauge g ON g.system_id = s.id AND g.operation = ''
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(x.operation, jsonb_build_array(x.breaker, x.error, x.until))::text AS own
        FROM integration_gauge x WHERE x.system_id = s.id AND x.operation <> ''
    ) o ON true
    ORDER BY s.code
"""
_FLOWS = """
    SELECT f.id, f.system_id, f.code, f.name, f.state, f.direction, coalesce(p.failures, 0), coalesce(p.error, ''),
        w.n, w.oldest, d.n, CASE WHEN f."order" = 'strict' THEN d.keys ELSE 0 END, f.version,
        f.trigger, d.reasons::text
    FROM integration_flow f LEFT JOIN integration_position p ON p.flow_id = f.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS n, min(x.at) AS oldest FROM (
            SELECT at FROM integration_message WHERE flow_id = f.id AND state = 'waiting'
            ORDER BY next_at, seq LIMIT %(most)s) x
    ) w
    CROSS JOIN LATERAL (
        WITH x AS MATERIALIZED (
            SELECT key, reason, at FROM integration_message WHERE flow_id = f.id AND state = 'dead'
            ORDER BY at LIMIT %(most)s)
        SELECT (SELECT count(*) FROM x) AS n, (SELECT count(DISTINCT key) FROM x) AS keys, (
            SELECT coalesce(jsonb_agg(jsonb_build_array(g.reason, g.n, g.oldest) ORDER BY g.n DESC, g.reason), '[]')
            FROM (SELECT reason, count(*) AS n, min(at) AS oldest FROM x GROUP BY reason) g) AS reasons
    ) d
    WHERE f.state <> 'retired' OR w.n > 0 OR d.n > 0
    ORDER BY f.code
"""
_DAYS = """
    SELECT "on", coalesce(flow_id, system_id), made_at, done, failed, retried, dead, mean_ms, p50_ms, p95_ms
    FROM watch_day WHERE "on" IN (%(today)s::date, %(yesterday)s::date)
"""
_OPEN = """
    SELECT s.system_id, count(*), array_agg(DISTINCT s.id) FROM watch_discrepancy d
    JOIN watch_scan s ON s.id = d.scan_id
    WHERE d.state IN ('open', 'repairing') GROUP BY s.system_id
"""
_ALERTS = """
    SELECT coalesce(flow_id, system_id), count(*) FROM watch_alert WHERE state IN ('raised', 'acknowledged') GROUP BY 1
"""


def board(now: datetime, zone: ZoneInfo) -> Board:
    """Give the board as it stands.

    Gives:  six statements, whatever there is; waiting and dead are counted up to MOST per flow. With more waiting,
            the oldest is that of those due first; with more dead, the reasons are those of the oldest. The last hour
            is sixty whole minutes and the one under way
    """
    today = now.astimezone(zone).date()
    past_hour = minutes.figures(now - timedelta(hours=1), now)
    hour = {flow or system: figures for (system, flow), figures in past_hour.items()}
    counted = None
    past: dict[tuple[date, UUID], Figures] = {}
    for on, key, made_at, *figures in db.rows(_DAYS, {"today": today, "yesterday": today - timedelta(days=1)}):
        past[on, key] = Figures(*figures)
        if on == today:
            counted = max(counted or made_at, made_at)
    found = {system: (count, tuple(scans)) for system, count, scans in db.rows(_OPEN)}
    alerts = dict(db.rows(_ALERTS))

    def figured(line: Line) -> Line:
        line.hour = hour.get(line.id, NOTHING)
        line.today = past.get((today, line.id), NOTHING)
        line.yesterday = past.get((today - timedelta(days=1), line.id), NOTHING)
        line.alerts = alerts.get(line.id, 0)
        return line

    flows: dict[UUID, list[Line]] = {}
    for row in db.rows(_FLOWS, {"most": MOST + 1}):
        flows.setdefault(row[1], []).append(figured(_flow(row, now)))
    systems = []
    for key, code, name, state, environment, breaker, error, until, version, limited, gauges in db.rows(_SYSTEMS):
        ends = _endpoints(limited, gauges)
        breaker, error, until = max(
            [(breaker, error, until), *((one.breaker, one.error, one.retry_at) for one in ends)],
            key=lambda one: _BREAKERS.index(one[0]),
        )  # fmt: skip
        own = sorted(flows.get(key, ()), key=_worst_first)
        line = Line(
            key, code, name, _summed(state, breaker, own, found.get(key, _NONE)[0]), environment=environment,
            error=error if breaker != "closed" else "", retry_at=until, version=version, flows=own,
            oldest_at=min((one.oldest_at for one in own if one.oldest_at), default=None),
            is_more=any(one.is_more for one in own), operations=ends, scans=found.get(key, _NONE)[1],
        )  # fmt: skip
        systems.append(figured(line))
    ours = found.get(None, _NONE)[0]
    return Board(tuple(sorted(systems, key=_worst_first)), counted, sum(alerts.values()), ours)


#: Of a system of which nothing differs: how much, and by which scans.
_NONE: tuple[int, tuple[UUID, ...]] = (0, ())
_BREAKERS = ("closed", "half_open", "open")


def _endpoints(limited: str, gauges: str) -> tuple[Endpoint, ...]:
    """Give the operations with limits of their own, as they stand."""
    found, stand = [], orjson.loads(gauges)
    for one in orjson.loads(limited).get("operations", ()):
        breaker, error, until = stand.get(one["operation"], ("closed", "", None))
        found.append(Endpoint(one["operation"], breaker, str(one.get("rate") or ""), error,
                              datetime.fromisoformat(until) if until else None))  # fmt: skip
    return tuple(found)


def _flow(row: Sequence, now: datetime) -> Line:
    (key, _, code, name, state, direction, failures, error, waiting, oldest, dead, blocked, version, trigger,
     reasons) = row
    age = (now - oldest).total_seconds() if oldest else 0.0
    signs = rules.Signs(state=state, dead=min(dead, MOST), blocked=blocked, waiting=min(waiting, MOST),
                        oldest=max(0.0, age), reading_failures=failures)  # fmt: skip
    return Line(key, code, name, signs, oldest_at=oldest, is_more=max(waiting, dead) > MOST, error=error,
                direction=direction, version=version, trigger=trigger, dead=_groups(reasons))  # fmt: skip


def _groups(reasons: str) -> tuple[Dead, ...]:
    return tuple(Dead(reason, n, datetime.fromisoformat(oldest)) for reason, n, oldest in orjson.loads(reasons))


def _summed(state: str, breaker: str, flows: Sequence[Line], differences: int) -> rules.Signs:
    each = [one.signs for one in flows]
    return rules.Signs(
        state=state, breaker=breaker, dead=sum(s.dead for s in each), blocked=sum(s.blocked for s in each),
        waiting=sum(s.waiting for s in each), oldest=max((s.oldest for s in each), default=0.0),
        reading_failures=max((s.reading_failures for s in each), default=0), differences=differences,
    )  # fmt: skip


_WORST = {"red": 0, "orange": 1, "green": 2, "grey": 3}


def _worst_first(line: Line) -> tuple[int, str]:
    return _WORST[line.colour], line.code


_REPORT = """
    SELECT coalesce(flow_id, system_id), sum(done)::int, sum(failed)::int, sum(retried)::int, sum(dead)::int,
        sum(mean_ms * done) / nullif(sum(done), 0), max(p50_ms), max(p95_ms)
    FROM watch_day WHERE "on" BETWEEN %s AND %s GROUP BY 1
"""


def of_days(first: date, last: date) -> Mapping[UUID, Figures]:
    """Give the figures of whole days by flow and system: sums, the mean over all, the worst day's p50 and p95."""
    return {key: Figures(*figures) for key, *figures in db.rows(_REPORT, [first, last])}
