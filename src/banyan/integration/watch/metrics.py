"""Figures for machines in Prometheus' text form, at /metrics: with a token, or from the machine itself.

Source: Prometheus text exposition format 0.0.4
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from banyan.integration.watch import health
from banyan.kernel import db
from banyan.web.acting import HOME_ZONE
from banyan.web.middleware import public

Labels = Mapping[str, str]
_BREAKERS = {"closed": 0, "half_open": 1, "open": 2}
_TOTALS = """
    SELECT f.code, sum(d.done), sum(d.failed), sum(d.dead), sum(d.retried)
    FROM watch_day d JOIN integration_flow f ON f.id = d.flow_id GROUP BY f.code ORDER BY f.code
"""
_OUTBOX = """
    SELECT count(*), coalesce(extract(epoch FROM %s::timestamptz - min(at)), 0)::float8
    FROM kernel_outbox WHERE dispatched_at IS NULL
"""
_DELIVERIES = "SELECT state, count(*) FROM kernel_delivery WHERE state <> 'done' GROUP BY state ORDER BY state"
_ALERTS = "SELECT state, count(*) FROM watch_alert WHERE state <> 'cleared' GROUP BY state ORDER BY state"
_DISCREPANCIES = """
    SELECT s.code, count(*) FROM watch_discrepancy d JOIN watch_scan s ON s.id = d.scan_id
    WHERE d.state IN ('open', 'repairing') GROUP BY s.code ORDER BY s.code
"""
_SPANS = "SELECT sent, dropped FROM kernel_spantally"
_CALLS = """
    SELECT c.name, sum(d.calls - d.refused - d.throttled - d.failed), sum(d.refused), sum(d.throttled), sum(d.failed),
           sum(d.ms) / 1000
    FROM kernel_callday d JOIN kernel_client c ON c.id = d.key GROUP BY c.id, c.name ORDER BY c.name, c.id
"""


@public
def metrics(request: HttpRequest) -> HttpResponse:
    """Give all figures; 404 to whoever may not have them, as if there were nothing."""
    if not may_read(request):
        return HttpResponse("Not Found\n", status=404, content_type="text/plain")
    return HttpResponse(text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def may_read(request: HttpRequest) -> bool:
    """Say whether a request bears the token, or, where none is set, comes from the machine itself and no proxy."""
    token = settings.BANYAN_METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def text() -> str:
    """Give the figures as text. A fixed number of statements, however many flows and messages there are."""
    now = timezone.now()
    board = health.board(now, ZoneInfo(HOME_ZONE))
    flows = [(flow, {"flow": flow.code, "system": system.code}) for system in board.systems for flow in system.flows]
    totals = db.rows(_TOTALS)
    waiting, lag = db.one(_OUTBOX, [now])
    calls = db.rows(_CALLS)
    spans = next(iter(db.rows(_SPANS)), (0, 0))
    parts = (
        _family("banyan_bus_messages", "gauge", f"Messages by flow and state, counted up to {health.MOST}", [
            (labels | {"state": state}, count)
            for flow, labels in flows for state, count in (("waiting", flow.signs.waiting), ("dead", flow.signs.dead))
        ]),
        *(
            _family(f"banyan_bus_{name}_total", "counter", said, [({"flow": row[0]}, row[place]) for row in totals])
            for place, (name, said) in enumerate((
                ("done", "Messages done"), ("failed_tries", "Tries that failed"), ("dead", "Messages that died"),
                ("retried", "Messages done after retries"),
            ), start=1)
        ),
        _family("banyan_bus_lag_seconds", "gauge", "Age of the oldest waiting message",
                [(labels, max(0.0, flow.signs.oldest)) for flow, labels in flows]),
        _family("banyan_bus_blocked_keys", "gauge", "Keys that a dead message blocks",
                [(labels, flow.signs.blocked) for flow, labels in flows]),
        _family("banyan_bus_effect_seconds", "gauge", "From event to effect, over the last hour", [
            (labels | {"quantile": share}, ms / 1000)
            for flow, labels in flows for share, ms in (("0.5", flow.hour.p50_ms), ("0.95", flow.hour.p95_ms))
            if ms is not None
        ]),
        _family("banyan_bus_hour_tries", "gauge", "Tries of the last hour by outcome", [
            (labels | {"outcome": outcome}, count)
            for flow, labels in flows for outcome, count in (("done", flow.hour.done), ("failed", flow.hour.failed))
        ]),
        _family("banyan_bus_breaker", "gauge", "0 closed, 1 half open, 2 open",
                [({"system": one.code}, _BREAKERS[one.signs.breaker]) for one in board.systems]),
        _family("banyan_outbox_waiting", "gauge", "Events the dispatcher has not handed on", [({}, waiting)]),
        _family("banyan_outbox_lag_seconds", "gauge", "Age of the oldest of them", [({}, max(0.0, lag))]),
        _family("banyan_deliveries", "gauge", "Deliveries to listeners that are not done", [
            ({"state": state}, count) for state, count in db.rows(_DELIVERIES)
        ]),
        _family("banyan_api_calls_total", "counter", "Calls of the interface by client and outcome", [
            ({"client": row[0], "outcome": outcome}, row[place])
            for row in calls for place, outcome in enumerate(("done", "refused", "limited", "failed"), start=1)
        ]),
        _family("banyan_api_seconds_total", "counter", "Time that calls of the interface took",
                [({"client": row[0]}, row[5]) for row in calls]),
        _family("banyan_spans_total", "counter", "Steps of traces, sent to the collector or dropped", [
            ({"outcome": outcome}, count) for outcome, count in zip(("sent", "dropped"), spans, strict=True)
        ]),
        _family("banyan_alerts", "gauge", "Alerts that are not cleared", [
            ({"state": state}, count) for state, count in db.rows(_ALERTS)
        ]),
        _family("banyan_discrepancies", "gauge", "Discrepancies that are open", [
            ({"scan": code}, count) for code, count in db.rows(_DISCREPANCIES)
        ]),
    )  # fmt: skip
    return "".join(parts)


def _family(name: str, kind: str, said: str, samples: Iterable[tuple[Labels, float]]) -> str:
    lines = [f"# HELP {name} {said}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        named = ",".join(f'{key}="{_escaped(one)}"' for key, one in labels.items())
        lines.append(f"{name}{{{named}}} {_number(value)}" if named else f"{name} {_number(value)}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0")
