"""The steps of a flow as cards: what each says in words, what is wrong with it, what it makes of the sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

import orjson

from banyan.integration import routes, schedules
from banyan.integration.commands.flows import definition_of
from banyan.integration.connecting import Failed
from banyan.integration.designer import choices
from banyan.integration.designer.drawing import STEPS, UNITS, Drawn
from banyan.integration.nouns import TRIGGERS
from banyan.integration.plans import account_context
from banyan.integration.rehearsing import Stage, stages_of
from banyan.kernel import registry
from banyan.lib.errors import DomainError
from banyan.lib.labels import L, Label

MOST_SHOWN = 60_000
TITLES = {
    "trigger": (L("触发", "Trigger"), "bolt"), "filter": (L("过滤", "Filter"), "filter"),
    "mapping": (L("映射", "Mapping"), "arrows-exchange"), "target": (L("目标", "Target"), "target-arrow"),
    "reply": (L("回执", "Reply"), "arrow-back-up"),
}  # fmt: skip
_STATES = {
    "ok": ("green", L("通过", "Passes")), "held": ("orange", L("被过滤", "Held back")), 
    "fault": ("red", L("有误", "Fault")), "idle": ("grey", L("未到", "Not reached")),
    "todo": ("orange", L("待选择", "To choose")),
}  # fmt: skip
NEXT_TIMES = 5


@dataclass(frozen=True)
class Card:
    """One step: its sentence, its faults, and what it made of the sample."""

    key: str
    says: Label
    faults: tuple[Label | str, ...] = ()
    state: str = ""
    output: str = ""
    is_cut: bool = False
    times: tuple[str, ...] = field(default=())

    @property
    def label(self) -> Label:
        return TITLES[self.key][0]

    @property
    def icon(self) -> str:
        return TITLES[self.key][1]

    @property
    def tone(self) -> str:
        return _STATES[self.state][0] if self.state else ""

    @property
    def word(self) -> Label | str:
        return _STATES[self.state][1] if self.state else ""


@dataclass(frozen=True, slots=True)
class System:
    """What the cards need to know of the system that was chosen.

    Takes:  read: what the one is called that is read, where it is another
    """

    code: str = ""
    name: str = ""
    account: Any = None
    read: str = ""


def stages(drawn: Drawn, system: System, body: Any, answer: Any, has_answer: bool) -> dict[str, Stage]:
    """Give what each step makes of a body by the flow as it is drawn; only inputs are checked, nothing is run."""
    flow = drawn.flow()
    if "reply" in drawn.faults:
        flow.reply = {}
    if drawn.faults.keys() & {"filter", "mapping"}:
        first = next(step for step in STEPS if step in drawn.faults and step != "trigger")
        return {first: Stage("fault")}
    try:
        definition = definition_of(flow)
    except DomainError:
        return {"mapping": Stage("fault")}
    return stages_of(definition, body, system=system.code, answer=answer, has_answer=has_answer)


def cards_of(
    drawn: Drawn, system: System, found: Mapping[str, Stage], body: Any, has_body: bool, now: datetime
) -> list[Card]:
    """Give the cards in their order.

    Takes:  found: what each step made of the sample; empty where there is none
    Gives:  what they say is of the way that the sample goes, where it is an event that has a route
    """
    made, event = [], routes.type_of(body) if has_body else ""
    number = routes.number_of(drawn.tried, event)
    way = replace(drawn, facts=dict(routes.way_of(drawn.tried, event))) if number else drawn
    for step in STEPS:
        stage = found.get(step)
        faults: list[Label | str] = [*drawn.faults.get(step, ())]
        if step == ("reply" if drawn.direction == "out" else "target") and not faults:
            faults += _of_account(way, system, now)
        if stage is not None and stage.state == "fault" and stage.text:
            faults.append(spoken(stage.text))
        state = "todo" if step in drawn.todo else "fault" if faults else stage.state if stage is not None else ""
        if step == "trigger" and has_body and not faults:
            state = "ok"
        value = body if step == "trigger" and has_body else stage.value if stage is not None else None
        output = "" if value is None else orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
        times = _times(drawn, now) if step == "trigger" and not faults else ()
        says = _SAYS[step](drawn if step == "trigger" else way, system)
        if number and step != "trigger":
            says = L("路由 {n}：{what}", "Route {n}: {what}").filled({"n": number, "what": says})
        made.append(Card(step, says, tuple(faults), state, output[:MOST_SHOWN], len(output) > MOST_SHOWN, times))
    return made


def spoken(text: str) -> Label:
    """Give a fault that was written in both languages, one a line, in one of them."""
    lines = text.split("\n")
    if len(lines) == 2:
        return L(lines[0], lines[1])
    return L("；".join(lines), "; ".join(lines[1:] if len(lines) > 2 else lines))


def _of_account(drawn: Drawn, system: System, now: datetime) -> list[Label]:
    """Say why the system's account could not do what the flow leads to."""
    command = drawn.facts["reply"].get("command") or {} if drawn.direction == "out" else None
    key = drawn.facts["target"] if command is None else command.get("target", "")
    if not key or not system.code or not registry.has_command(key):
        return []
    acting = account_context(system.account, system.code, now)
    if isinstance(acting, Failed):
        return [L("外部系统没有可用的执行账号，请在外部系统里选一个",
                  "The system has no active account to act as: choose one there")]  # fmt: skip
    if not acting.may(registry.command(key).permission):
        return [L("执行账号 {who} 没有“{what}”的权限", "The account {who} has no right to “{what}”").filled(
            {"who": acting.principal.name, "what": choices.command_words(key)})]  # fmt: skip
    return []


def _times(drawn: Drawn, now: datetime) -> tuple[str, ...]:
    detail = drawn.facts["detail"]
    if drawn.facts["trigger"] != "schedule":
        return ()
    zone = schedules.zone_of(detail)
    beats = islice(schedules.beats_after(detail, now), NEXT_TIMES)
    return tuple(f"{one.astimezone(zone):%Y-%m-%d %H:%M %Z}" for one in beats)


def every_parts(detail: Mapping[str, Any]) -> tuple[str, str]:
    """Give a pause as a number and its unit in seconds, in the largest unit that fits."""
    seconds = detail.get("every") or 60
    for size, _ in reversed(UNITS):
        if seconds % int(size) == 0:
            return str(int(seconds // int(size))), size
    return str(seconds), "1"


def _every(detail: Mapping[str, Any]) -> Label:
    number, size = every_parts(detail)
    return L("每 {n} {unit}", "every {n} {unit}").filled({"n": number, "unit": dict(UNITS)[size]})


def _trigger(drawn: Drawn, system: System) -> Label:
    facts, detail = drawn.facts, drawn.facts["detail"]
    name = system.read or system.name or system.code or "…"
    what = {"system": name, "operation": detail.get("operation") or "…", "every": _every(detail)}
    match facts["trigger"]:
        case "event":
            events = detail.get("events") or []
            if not events:
                return L("选择业务事件", "Choose the events")
            more = "" if len(events) == 1 else f" +{len(events) - 1}"
            return L("发生 {event} 时", "When {event} happens").filled({"event": events[0] + more})
        case "schedule" if "cron" in detail:
            zone = detail.get("zone") or schedules.HOME_ZONE
            return L("按日程 {cron}（{zone}）", "At {cron} ({zone})").filled({"cron": detail["cron"], "zone": zone})
        case "schedule":
            return L("{every}一次", "{every}").filled(what)
        case "webhook":
            return L("{system} 推送 {operation} 时", "When {system} pushes {operation}").filled(what)
        case "file":
            return L("{every}看 {system} 有没有新文件 {operation}",
                     "{every}, new files of {system}: {operation}").filled(what)  # fmt: skip
        case "queue":
            return L("从 {system} 的队列 {operation} 取消息", "From the queue {operation} of {system}").filled(what)
    return L("{every}读取 {system} 的 {operation}", "{every}, read {operation} of {system}").filled(what)


def _filter(drawn: Drawn, system: System) -> Label:
    if not drawn.facts["filter"]:
        return L("全部通过", "Everything passes")
    return L("只要 {what}", "Only where {what}").filled({"what": drawn.facts["filter"]})


def _mapped(mapping: Mapping[str, Any]) -> Label:
    if "table" in mapping:
        return L("按映射表 {code}", "By the table {code}").filled({"code": mapping["table"]})
    if "preset" in mapping:
        return L("按连接器自带的 {name}", "By {name} of the connector").filled({"name": mapping["preset"]})
    if not mapping:
        return L("原样传递", "As it is")
    count = len(mapping.get("fields") or ())
    return L("按写出的映射，{n} 个字段", "As written out, {n} fields").filled({"n": count})


def _mapping(drawn: Drawn, system: System) -> Label:
    return _mapped(drawn.facts["mapping"])


def _target(drawn: Drawn, system: System) -> Label:
    target = drawn.facts["target"]
    if not target:
        return L("选择目标", "Choose the target")
    said = choices.command_words(target)
    if drawn.direction == "out":
        said = L("发给 {system}：{operation}", "To {system}: {operation}").filled(
            {"system": system.name or system.code or "…", "operation": target})  # fmt: skip
    if count := len(routes.of(drawn.facts["detail"])):
        return L("{what}；{n} 条路由另走", "{what}; by other routes: {n}").filled({"what": said, "n": count})
    return said


def _reply(drawn: Drawn, system: System) -> Label:
    reply, parts = drawn.facts["reply"], []
    if reply.get("keep"):
        parts.append(L("保留回执", "Keep the answer"))
    if reply.get("link"):
        parts.append(L("记下对方编号", "Link the partner's code"))
    if reply.get("command"):
        parts.append(L("执行 {what}", "Run {what}").filled({"what": choices.command_words(reply["command"]["target"])}))
    if reply.get("flow"):
        parts.append(L("交给集成流 {flow}", "Hand it to flow {flow}").filled({"flow": reply["flow"]}))
    if not parts:
        return L("不处理", "Nothing is done with it")
    return L("；".join(one.zh for one in parts), "; ".join(one.en for one in parts))


_SAYS = {"trigger": _trigger, "filter": _filter, "mapping": _mapping, "target": _target, "reply": _reply}


def in_words(drawn: Drawn, system: System) -> list[Card]:
    """Give the cards with their sentences only; nothing is asked or checked."""
    return [Card(step, _SAYS[step](drawn, system)) for step in STEPS]


def trigger_choices() -> list[choices.Choice]:
    """Give the kinds of triggers."""
    return [choices.Choice(one.key, one.label) for one in TRIGGERS]
