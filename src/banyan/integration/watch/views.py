"""The health board for people, and its report on paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from banyan.integration.checks import SAGA
from banyan.integration.commands.messages import REUSED
from banyan.integration.nouns import REASONS
from banyan.integration.watch import health
from banyan.integration.watch.health import Board, Line
from banyan.integration.watch.nouns import READ
from banyan.integration.watch.rules import NOTHING, Figures
from banyan.lib.labels import L, Label
from banyan.web import acting
from banyan.web.answers import page, part
from banyan.web.cells import Wording
from banyan.web.printing.pdf import pdf_of

#: What may be done with a system or flow on the board, by its state: (command, icon).
_SYSTEM_ACTS = {"active": (("stop", "player-stop"),), "stopped": (("resume", "player-play"),)}
REPORT_DAYS = (1, 7)


@dataclass(frozen=True, slots=True)
class Act:
    """A button: a dialog of a command with one record."""

    label: Label
    icon: str
    path: str


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Give the board's page."""
    return page(request, "watch/health.html", _shown(request))


@require_GET
def again(request: HttpRequest) -> HttpResponse:
    """Give the board again, as it stands now."""
    return part(request, "watch/board.html", _shown(request))


def _shown(request: HttpRequest) -> Mapping[str, Any]:
    ctx = request.ctx
    ctx.require(READ, L("健康看板", "Health board"))
    zone = acting.zone_of(request)
    board = health.board(ctx.now, zone)
    return {
        "board": board, "systems": [_system(request, one) for one in board.systems], "now": _clock(ctx.now, zone),
        "counted": _clock(board.counted_at, zone) if board.counted_at else "", "spans": _SPANS,
        "red": board.count("red"), "orange": board.count("orange"), "green": board.count("green"),
        "may_scan": ctx.may("watch.discrepancy.read"), "may_alerts": ctx.may("watch.alert.read"),
    }  # fmt: skip


_SPANS = (("hour", L("近一小时", "Last hour")), ("today", L("今天", "Today")), ("yesterday", L("昨天", "Yesterday")))


def _clock(at: datetime, zone: Any) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def _system(request: HttpRequest, line: Line) -> Mapping[str, Any]:
    return {
        "line": line, "rows": _rows(line), "links": _links("system", line), "acts": _acts(request, "system", line),
        "age": age(line.signs.oldest) if line.oldest_at else None, "breaker": _BREAKERS[line.signs.breaker],
        "ends": [{"end": one, "breaker": _BREAKERS[one.breaker]} for one in line.operations],
        "retry": _clock(line.retry_at, acting.zone_of(request)) if line.retry_at and line.error else "",
        "flows": [
            {"line": flow, "rows": _rows(flow), "links": _links("flow", flow), "acts": _acts(request, "flow", flow),
             "age": age(flow.signs.oldest) if flow.oldest_at else None, "state": _STATES[flow.signs.state],
             "dead": _dead(request, flow)}
            for flow in line.flows
        ],
    }  # fmt: skip


_BREAKERS = {"closed": L("正常", "Closed"), "half_open": L("试探", "Half open"), "open": L("熔断", "Open")}
_STATES = {
    "draft": L("草稿", "Draft"), "tested": L("已测试", "Tested"), "active": L("运行", "Runs"),
    "stopped": L("停止", "Stopped"), "retired": L("停用", "Retired"),
}  # fmt: skip


def _rows(line: Line) -> list[tuple[Label, Figures, str, str, str]]:
    found = []
    for key, label in _SPANS:
        figures: Figures = getattr(line, key)
        found.append((label, figures, lasting(figures.mean_ms), lasting(figures.p50_ms), lasting(figures.p95_ms)))
    return found


_REASONS = {one.key: one.label for one in REASONS}


def _dead(request: HttpRequest, flow: Line) -> list[Mapping[str, Any]]:
    """Give a flow's dead letters by reason: how many, since when, where they are listed, where they are replayed."""
    ctx, found = request.ctx, []
    may = ctx.may("integration.message.replay_where") and flow.trigger != SAGA
    for one in flow.dead:
        choice = f"flow={flow.id}&reason={one.reason}&_from=list"
        found.append({
            "label": _REASONS.get(one.reason, one.reason), "count": one.count,
            "age": age((ctx.now - one.oldest_at).total_seconds()),
            "list": f"/integration/messages?flow:in={flow.id}&state:in=dead&reason:in={one.reason}",
            "replay": f"/integration/messages/do/replay_where?{choice}" if may and one.reason != REUSED else "",
        })  # fmt: skip
    return found


_DIFFERENCES = "/watch/discrepancies?state:in=open,repairing"


def _links(kind: str, line: Line) -> Mapping[str, str]:
    messages = f"/integration/messages?{kind}:in={line.id}"
    return {"dead": f"{messages}&state:in=dead", "waiting": f"{messages}&state:in=waiting&sort=at",
            "record": f"/integration/{kind}s/{line.id}", "messages": messages,
            "differences": f"{_DIFFERENCES}&scan:in={','.join(map(str, line.scans))}" if line.scans else "",
            "alerts": f"/watch/alerts?{kind}:in={line.id}&state:in=raised,acknowledged"}  # fmt: skip


def _acts(request: HttpRequest, kind: str, line: Line) -> list[Act]:
    """Give what this person may do here: stop or resume, and ask a system whether it answers."""
    may, acts = request.ctx.may, []
    tail = f"?ids={line.id}&v.{line.id}={line.version}&_from=list"
    words = {"stop": L("停止", "Stop"), "resume": L("恢复", "Resume")}
    for name, icon in _SYSTEM_ACTS.get(line.signs.state, ()):
        if may(f"integration.{kind}.{name}"):
            acts.append(Act(words[name], icon, f"/integration/{kind}s/do/{name}{tail}"))
    if kind == "system" and may("integration.system.check"):
        path = f"/integration/systems/do/check?system={line.id}&_from=list"
        acts.append(Act(L("检测", "Probe"), "stethoscope", path))
    return acts


def lasting(ms: float | None) -> str:
    """Give a time short enough for a cell: milliseconds, seconds, minutes or hours."""
    if ms is None:
        return "—"
    for size, unit in ((3_600_000, "h"), (60_000, "min"), (1_000, "s")):
        if ms >= size:
            return f"{ms / size:.1f} {unit}"
    return f"{ms:.0f} ms"


def age(seconds: float) -> Label:
    """Give how long something has waited, in words."""
    minutes = int(seconds // 60)
    for size, zh, en in ((1440, "天", "d"), (60, "小时", "h"), (1, "分钟", "min")):
        if minutes >= size:
            return L(f"{minutes // size} {zh}", f"{minutes // size} {en}")
    return L("刚刚", "just now")


@require_GET
def report(request: HttpRequest) -> HttpResponse:
    """Give the health report of yesterday, or of the last seven whole days, as a PDF."""
    ctx = request.ctx
    ctx.require(READ, L("健康报告", "Health report"))
    days = int(request.GET["days"]) if request.GET.get("days") in {str(n) for n in REPORT_DAYS} else 1
    zone = acting.zone_of(request)
    last = ctx.now.astimezone(zone).date() - timedelta(days=1)
    first = last - timedelta(days=days - 1)
    board, figures = health.board(ctx.now, zone), health.of_days(first, last)
    content = pdf_of([render_to_string("watch/report.html", {
        "language": ctx.language, "who": ctx.principal.name,
        "printed": Wording(ctx.language, zone, None).instant(ctx.now),
        "first": first, "last": last, "days": days, "systems": _on_paper(board, figures), "board": board,
        "red": board.count("red"), "orange": board.count("orange"), "green": board.count("green"),
    })])  # fmt: skip
    name = str(L("集成健康报告", "Integration health report"))
    return HttpResponse(content, content_type="application/pdf", headers={
        "Content-Disposition": content_disposition_header(False, f"{name} {last.isoformat()}.pdf"),
        "Cache-Control": "no-store",
    })  # fmt: skip


def _on_paper(board: Board, figures: Mapping[UUID, Figures]) -> list[dict[str, Any]]:
    def row(line: Line) -> dict[str, Any]:
        found = figures.get(line.id, NOTHING)
        return {"line": line, "figures": found, "mean": lasting(found.mean_ms), "p50": lasting(found.p50_ms),
                "p95": lasting(found.p95_ms), "age": age(line.signs.oldest) if line.oldest_at else "—"}  # fmt: skip

    return [row(one) | {"flows": [row(flow) for flow in one.flows]} for one in board.systems]
