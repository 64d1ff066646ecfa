"""The gateway for people: clients and keys, one call with what came of it, and the catalogue of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from banyan.integration import rules
from banyan.integration.gateway import asyncapi, payloads, queries, starts
from banyan.integration.gateway.queries import Act, Entrance
from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.events import Event, label_of
from banyan.kernel.titles import titles_of
from banyan.lib.errors import NotFound
from banyan.lib.labels import L, Label
from banyan.web import acting
from banyan.web.answers import page, part
from banyan.web.rest import answers
from banyan.web.rest.examples import KEY, example_of

#: What may be done with a client on the screen, by its state: (command, label, icon).
_ACTS: Mapping[str, tuple[tuple[str, Label, str], ...]] = {
    "active": (
        ("limit", L("限定范围", "Limit"), "shield-lock"), ("set_quota", L("配额", "Quota"), "gauge"),
        ("rotate", L("更换密钥", "Rotate"), "refresh"), ("stop", L("停用", "Stop"), "player-stop"),
    ),
    "stopped": (("resume", L("恢复", "Resume"), "player-play"),),
}  # fmt: skip
_STATES: Mapping[str, tuple[str, Label]] = {
    "active": ("green", L("启用", "Active")), "stopped": ("red", L("停用", "Stopped")),
    "shut_out": ("red", L("账号已停用", "Account shut out")), "expired": ("orange", L("已过期", "Expired")),
}  # fmt: skip
#: A secret or a token that ends within so many days is to be looked at.
SOON_DAYS = 14
TOKENS = "kernel.token.read"
#: So many calls of the log are shown with the clients, and what of each.
LATEST = 20
_SHOWN = ("at", "program", "method", "path", "operation", "status", "outcome", "ms")
WSDL = "/soap/<command>?wsdl"


@dataclass(frozen=True, slots=True)
class Button:
    """A button that opens the dialog of a command."""

    label: Label
    icon: str
    path: str


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Give the gateway's page."""
    return page(request, "gateway/gateway.html", _shown(request))


@require_GET
def again(request: HttpRequest) -> HttpResponse:
    """Give what it shows again, as it stands now."""
    return part(request, "gateway/board.html", _shown(request))


def _shown(request: HttpRequest) -> Mapping[str, Any]:
    ctx = request.ctx
    ctx.require(starts.READ, L("接口网关", "Gateway"))
    zone = acting.zone_of(request)
    day = ctx.now.astimezone(ZoneInfo(acting.HOME_ZONE)).date()
    clients = queries.clients(ctx.now, day, _whose(ctx, starts.READ))
    tokens = queries.tokens(ctx.now, day, _whose(ctx, TOKENS)) if ctx.may(TOKENS) else ()
    every = (*clients, *tokens)
    return {
        "clients": [_entrance(ctx, "client", one, zone) for one in clients],
        "tokens": [_entrance(ctx, "token", one, zone) for one in tokens],
        "running": sum(one.state == "active" for one in clients), "calls": sum(one.calls for one in every),
        "refused": sum(one.refused for one in every), "throttled": sum(one.throttled for one in every),
        "failed": sum(one.failed for one in every), "now": f"{ctx.now.astimezone(zone):%H:%M}",
        "may_issue": ctx.may("kernel.client.issue"), "may_calls": ctx.may("kernel.call.read"),
        "latest": _latest(ctx, zone), "versions": answers.VERSIONS, "log": _log(), "wsdl": WSDL,
    }  # fmt: skip


def _latest(ctx: Context, zone: ZoneInfo) -> Sequence[Mapping[str, Any]]:
    """Give the last calls that somebody may read, each with its page; none without the right to any."""
    noun = registry.noun("kernel.call")
    if not ctx.may("kernel.call.read"):
        return ()
    outcomes = {one.key: one for one in next(f for f in noun.spec.fields if f.key == "outcome").choices}
    found = reading.list_records(ctx, noun, reading.Query(sort="-at", limit=LATEST, columns=_SHOWN, expand=()))
    return [
        one | {
            "at": _when(datetime.fromisoformat(one["at"]), ctx.now, zone, seconds=True),
            "tone": outcomes[one["outcome"]].tone, "ended": outcomes[one["outcome"]].label,
            "took": f"{float(one['ms']):.1f}", "page": starts.call_page(one["id"]),
        }
        for one in found.rows
    ]  # fmt: skip


def _whose(ctx: Context, permission: str) -> UUID | None:
    """Give whose entrances somebody sees: None for all."""
    return None if ctx.principal.reach(permission) == "all" else ctx.person


def _log() -> str:
    return "/kernel/calls"


def _entrance(ctx: Context, kind: str, one: Entrance, zone: ZoneInfo) -> Mapping[str, Any]:
    tone, state = _STATES[one.state]
    log = f"{_log()}?{kind}:in={one.id}"
    soon = one.until is not None and (one.until - ctx.now).days < SOON_DAYS
    return {
        "one": one, "tone": tone, "state": state, "record": f"/kernel/{kind}s/{one.id}", "log": log,
        "refused": f"{log}&outcome:in=refused", "throttled": f"{log}&outcome:in=limited",
        "failed": f"{log}&outcome:in=failed", "last": _when(one.last_at, ctx.now, zone),
        "until": f"{one.until.astimezone(zone):%Y-%m-%d %H:%M}" if one.until else "", "is_soon": soon,
        "since": f"{one.secret_at.astimezone(zone):%Y-%m-%d}",
        "mean": f"{one.mean_ms:.0f}" if one.mean_ms is not None else "",
        "acts": _acts(ctx, one) if kind == "client" else (),
    }  # fmt: skip


def _acts(ctx: Context, one: Entrance) -> tuple[Button, ...]:
    tail = f"?ids={one.id}&v.{one.id}={one.version}&_from=list"
    return tuple(
        Button(label, icon, f"/kernel/clients/do/{name}{tail}")
        for name, label, icon in _ACTS.get("stopped" if one.state == "stopped" else "active", ())
        if ctx.may(f"kernel.client.{name}")
    )


def _when(at: datetime | None, now: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    if at is None:
        return ""
    here, clock = at.astimezone(zone), "%H:%M:%S" if seconds else "%H:%M"
    return f"{here:{clock}}" if here.date() == now.astimezone(zone).date() else f"{here:%Y-%m-%d {clock}}"


# --- one call ---------------------------------------------------------------------------------------------------


@require_GET
def call(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give a call with its audit lines, and the messages of its trace. Raises: NotFound"""
    ctx = request.ctx
    noun = registry.noun("kernel.call")
    found = reading.read_records(ctx, noun, [key])
    if not found:
        raise NotFound()
    record = noun.model.objects.get(pk=key)
    zone = acting.zone_of(request)
    acts = queries.acts_of(record.at, record.user_id)
    may_messages = ctx.may("integration.message.read")
    messages = queries.messages_of(record.trace) if record.trace and may_messages else ()
    named = titles_of({act.noun: act.records[:20] for act in acts if registry.has_noun(act.noun)})
    outcome = next(f for f in noun.spec.fields if f.key == "outcome")
    tone = next(c for c in outcome.choices if c.key == record.outcome)
    return page(request, "gateway/call.html", {
        "call": record, "at": f"{record.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", "tone": tone.tone, "ended": tone.label,
        "took": f"{record.ms:.1f} ms",
        "acts": [_act(ctx, act, named) for act in acts], "messages": [_message(one, zone) for one in messages],
        "may_messages": may_messages, "trace": starts.calls_of(record.trace) if record.trace else "",
        "record": f"/kernel/calls/{key}",
        "headers": [("X-Request-Id", key), *([("traceparent", record.trace)] if record.trace else [])],
    })  # fmt: skip


def _act(ctx: Context, act: Act, named: Mapping[str, Mapping[UUID, str]]) -> Mapping[str, Any]:
    label = registry.command(act.command).label if registry.has_command(act.command) else act.command
    noun = registry.noun(act.noun) if registry.has_noun(act.noun) else None
    records = []
    if noun is not None and ctx.may(noun.spec.permission("read")):
        names = named.get(act.noun, {})
        records = [(names.get(one, str(one)[:8]), f"/{noun.spec.path}/{one}") for one in act.records[:20]]
    return {"act": act, "label": label, "records": records, "more": max(0, len(act.records) - 20)}


def _message(one: Mapping[str, Any], zone: ZoneInfo) -> Mapping[str, Any]:
    state = registry.noun("integration.message").spec.life.state(one["state"])
    return {**one, "path": f"/integration/messages/{one['id']}", "tone": state.tone, "state": state.label,
            "at": f"{one['at'].astimezone(zone):%H:%M:%S}"}  # fmt: skip


# --- the catalogue of events ------------------------------------------------------------------------------------


@require_GET
def events(request: HttpRequest) -> HttpResponse:
    """Give all events by the area of their noun; `?event=` opens one with its schema and an example."""
    ctx = request.ctx
    ctx.require(starts.READ, L("事件目录", "Events"))
    described = asyncapi.document(ctx.language, ctx)
    wanted = request.GET.get("event", "")
    schemas = described["components"]["schemas"]
    kinds = payloads.event_types()
    chosen = next((kind for kind in kinds if kind.type == wanted), None)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for kind in kinds:
        groups.setdefault(kind.noun, []).append({"type": kind.type, "label": label_of(kind), "help": _marked(kind)})
    shown: dict[str, Any] = {
        "groups": [(_label(noun), noun, rows) for noun, rows in groups.items()], "count": len(kinds), "chosen": None,
        "version": described["asyncapi"],
    }  # fmt: skip
    if chosen is not None:
        shown["chosen"] = {
            "type": wanted, "label": label_of(chosen), "help": _marked(chosen), "noun": _label(chosen.noun),
            "schema": _pretty(schemas[f"data.{wanted}"]), "example": _pretty(_example(wanted, chosen, schemas)),
            "heard": _heard(described, wanted),
        }  # fmt: skip
    return page(request, "gateway/events.html", shown)


def _label(noun: str) -> Label:
    if registry.has_noun(noun):
        return registry.noun(noun).spec.plural
    return L(noun, noun) if noun else L("多种单据", "Several kinds of documents")


def _marked(kind: type[Event]) -> SafeString:
    """Give an event's sentence with the names of facts set as code."""
    parts = str(kind.help or "").split("`")
    return format_html_join("", "{}{}", (
        (plain, format_html("<code>{}</code>", name) if name else "")
        for plain, name in zip_longest(parts[::2], parts[1::2], fillvalue="")
    ))  # fmt: skip


def _example(kind: str, event: Any, schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": KEY, "source": "/banyan", "type": kind, "time": "2026-03-02T08:30:00+08:00",
        "subject": KEY, "datacontenttype": "application/json", "dataversion": event.event_version, "noun": event.noun,
        "record": KEY, "data": example_of(_full(schemas[f"data.{kind}"]), schemas),
    }  # fmt: skip


def _full(schema: Any) -> Any:
    """Give a schema whose lists are not empty, so that an example shows what is in them."""
    if isinstance(schema, list):
        return [_full(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _full(one) for key, one in schema.items()} | ({"minItems": 1} if schema.get("type") == "array" else {})


def _heard(described: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    """Give the running flows that carry an event, as (flow's name, server, address)."""
    found = []
    for channel in described["channels"].values():
        if "x-flow" in channel and rules.matches(kind, channel["x-events"]):
            system = channel["servers"][0]["$ref"].rsplit("/", 1)[-1]
            server = described["servers"][system]
            found.append({"name": channel["title"], "code": channel["x-flow"], "address": channel["address"],
                          "where": f"{server['protocol']}://{server['host']}"})  # fmt: skip
    return found


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


