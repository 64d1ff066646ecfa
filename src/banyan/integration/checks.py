"""Whether a system's settings and a flow's definition say what they must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from banyan.integration import beats, conditions, errors, mappings, replies, routes, rules, schedules
from banyan.integration.connecting import connector_of
from banyan.integration.guard import allowed
from banyan.integration.limits import OwnLimits
from banyan.integration.models import Flow, System
from banyan.integration.own import Own
from banyan.kernel import registry, schema
from banyan.lib.errors import DomainError, FieldFaults, Invalid, NotFound
from banyan.lib.expressions import ExpressionFault
from banyan.lib.labels import L, Label

#: Triggers of our own; the others read or hear a system.
OURS = frozenset({"event", "schedule"})
#: The trigger of flows that carry a saga's steps.
SAGA = "saga"
SHORTEST = 1
MOST_RETRIES, LONGEST_PAUSE = 20, 7 * 86_400


def check_systems(systems: Sequence[System]) -> None:
    """Check systems, and keep their settings as the connector reads them.

    Raises: Invalid naming what is wrong with connector, settings (by their own paths) or hosts
    """
    for system in systems:
        faults = FieldFaults()
        try:
            connector = connector_of(system.connector)
        except NotFound as refusal:
            faults.add("connector", refusal.label)
        else:
            try:
                parsed = schema.parse(connector.settings, system.settings or {})
                system.settings = parsed.model_dump(mode="json", exclude_unset=True)
            except Invalid as refusal:
                for path, found in (refusal.fields or {"__root__": refusal.label}).items():
                    for one in found if isinstance(found, (list, tuple)) else [found]:
                        faults.add("settings" if path == "__root__" else f"settings.{path}", one)
        try:
            own = schema.parse(OwnLimits, system.limits or {})
            system.limits = own.model_dump(mode="json", exclude_unset=True)
        except Invalid as refusal:
            for path, found in (refusal.fields or {"": refusal.label}).items():
                for one in found if isinstance(found, (list, tuple)) else [found]:
                    faults.add(f"limits.{path}".rstrip("."), one)
        for host in system.hosts:
            try:
                allowed(host)
            except ValueError as fault:
                faults.add("hosts", L("“{host}”不能用作允许的主机：{why}", "“{host}” cannot be allowed: {why}")
                           .filled({"host": host, "why": str(fault)}))  # fmt: skip
        faults.refuse_if_any()


def check_flows(flows: Sequence[Flow]) -> None:
    """Raises: Invalid naming what is wrong with trigger, detail, routes, target or expressions."""
    for flow in flows:
        faults = FieldFaults()
        _check_trigger(flow, faults)
        _check_routes(flow, faults)
        _check_expression("key", flow.key, faults)
        _check_way({name: getattr(flow, name) for name in routes.PARTS}, flow.direction, faults)
        if not isinstance(flow.retries, list) or len(flow.retries) > MOST_RETRIES or not all(
            isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= LONGEST_PAUSE for one in flow.retries
        ):
            faults.add("retries", L("应为秒数的列表，如 [5, 300]", "must be a list of seconds, as [5, 300]"))
        faults.refuse_if_any()


def _check_way(way: Mapping[str, Any], direction: str, faults: FieldFaults) -> None:
    """Note what is wrong with what a flow, or a route of it, says of filter, mapping, target and reply."""
    if "target" in way and direction == "in" and not registry.has_command(way["target"]):
        said = L("没有名为“{key}”的操作", "there is no command named “{key}”").filled({"key": way["target"]})
        faults.add("target", said)
    _check_expression("filter", way.get("filter"), faults)
    for name in ("mapping", "reply"):
        if not isinstance(way.get(name, {}), Mapping):
            faults.add(name, L("应为对象", "must be an object"))
    if isinstance(way.get("reply"), Mapping):
        check_reply(way["reply"], faults, leads_out=direction == "out")
    if isinstance(way.get("mapping"), Mapping) and way["mapping"]:
        _check_mapping(way["mapping"], faults)


def _check_expression(place: str, text: str | None, faults: FieldFaults) -> None:
    try:
        if text:
            conditions.check(text)
    except ExpressionFault as fault:
        faults.add(place, fault.label)


def _check_mapping(mapping: Mapping[str, Any], faults: FieldFaults) -> None:
    settings = mapping.get(mappings.SETTINGS, {})
    if not isinstance(settings, Mapping) or not all(isinstance(one, str) for one in settings.values()):
        faults.add("mapping", L("settings 应为名称和文本", "settings must be names with texts"))
        return
    try:
        mappings.check(mapping)
    except DomainError as refusal:
        faults.add("mapping", refusal.label)


#: What the members of a route are called.
_CALLED: Mapping[str, Label] = {
    "events": L("事件", "its events"), "filter": L("过滤", "its filter"), "mapping": L("映射", "its mapping"),
    "target": L("目标", "its target"), "reply": L("回执处理", "its reply"), "": L("写法", "as it is written"),
}  # fmt: skip
LONGEST_TARGET = 120


def _check_routes(flow: Flow, faults: FieldFaults) -> None:
    """Note what is wrong with a flow's routes, each by its number."""
    detail: Any = flow.detail
    if not isinstance(detail, Mapping) or routes.ROUTES not in detail:
        return
    if flow.trigger != "event":
        faults.add("detail.routes", L("只有业务事件触发的流可以有路由", "only a flow that events trigger has routes"))
        return
    if not isinstance(detail[routes.ROUTES], list):
        faults.add("detail.routes", L("routes 应为列表", "routes must be a list"))
        return
    heard = detail.get(routes.EVENTS)
    heard = [one for one in heard if isinstance(one, str)] if isinstance(heard, list) else []
    taken: set[str] = set()
    for number, route in enumerate(detail[routes.ROUTES], 1):
        own = FieldFaults()
        _check_route(route, flow.direction, heard, taken, own)
        for place, found in own.found.items():
            for why in found if isinstance(found, list) else [found]:
                faults.add("detail.routes", L("第 {n} 条路由，{what}：{why}", "Route {n}, {what}: {why}").filled(
                    {"n": number, "what": _CALLED[place], "why": why}))  # fmt: skip


def _check_route(route: Any, direction: str, heard: Sequence[str], taken: set[str], faults: FieldFaults) -> None:
    """Note what is wrong with a route. Takes: taken: events of the routes before it, to which its own are added"""
    if not isinstance(route, Mapping):
        faults.add("", L("应为对象", "must be an object"))
        return
    if unknown := sorted(set(route) - {routes.EVENTS, *routes.PARTS}):
        faults.add("", L("只能有 events、filter、mapping、target 和 reply，没有 {what}",
                         "only events, filter, mapping, target and reply are known, not {what}").filled(
            {"what": ", ".join(unknown)}))  # fmt: skip
    if not set(route) & set(routes.PARTS):
        faults.add("", L("过滤、映射、目标、回执处理至少写一项", "it must name a filter, mapping, target or reply"))
    events = route.get(routes.EVENTS)
    if not isinstance(events, list) or not events or not all(isinstance(one, str) and one for one in events):
        faults.add("events", L("要列出至少一个事件类型", "it must list at least one type"))
        events = []
    for event in events:
        if "*" in event:
            said = L("{event}：写明类型，不用 *", "{event}: name types, without *")
            faults.add("events", said.filled({"event": event}))
        elif event in taken:
            faults.add("events", L("{event} 已写在前面", "{event} is named before").filled({"event": event}))
        elif not rules.matches(event, heard):
            faults.add("events", L("{event} 不在流的 events 中", "{event} is none of the flow's events").filled(
                {"event": event}))  # fmt: skip
        taken.add(event)
    for name in ("filter", "target"):
        if name in route and not isinstance(route[name], str):
            faults.add(name, L("应为文本", "must be text"))
    if route.get("target") == "" or len(str(route.get("target", ""))) > LONGEST_TARGET:
        faults.add("target", L("写明操作，最多 {n} 个字", "name an operation, of {n} characters at most").filled(
            {"n": LONGEST_TARGET}))  # fmt: skip
    _check_way({name: one for name, one in route.items() if isinstance(one, str) or name in ("mapping", "reply")},
               direction, faults)  # fmt: skip


def _check_trigger(flow: Flow, faults: FieldFaults) -> None:
    if flow.trigger == SAGA:
        faults.add("trigger", L("由跨系统事务启用时生成，不能手工填写", "made when a saga is switched on, not by hand"))
        return
    if flow.origin_id and (flow.direction != "out" or flow.trigger in OURS):
        faults.add("origin", L("只有从一个系统读取、发给另一个系统的流才填写",
                               "only for what is read from one system and sent to another"))  # fmt: skip
    detail: Any = flow.detail
    if not isinstance(detail, Mapping):
        faults.add("detail", L("应为对象", "must be an object"))
        return
    if flow.trigger == "event":
        named = detail.get("events")
        if not isinstance(named, list) or not named or not all(isinstance(one, str) and one for one in named):
            faults.add("detail", L("events 要列出至少一个事件类型", "events must list at least one type"))
    elif flow.trigger != "schedule" and not isinstance(detail.get("operation"), str):
        faults.add("detail", L("operation 必填", "operation is required"))
    every = detail.get("every")
    if flow.trigger == "schedule":
        if ("cron" in detail) == (every is not None):
            faults.add("detail", L("every（秒）和 cron 填一个", "give either every (seconds) or cron"))
        elif "cron" in detail and (fault := schedules.fault_of(detail)):
            faults.add("detail", fault)
        for fault in beats.faults_of(detail):
            faults.add("detail", fault)
    if every is not None and (isinstance(every, bool) or not isinstance(every, (int, float)) or every < SHORTEST):
        faults.add("detail", L("every 至少 1 秒", "every is at least 1 second"))


def check_reply(reply: Mapping[str, Any], faults: FieldFaults, place: str = "reply", *, leads_out: bool = True) -> None:
    """Note what is wrong with what a flow wants done with answers."""
    if set(reply) - replies.KEYS:
        faults.add(place, L("只能有 keep、link、flow、command", "only keep, link, flow and command are known"))
    if "command" in reply:
        _check_reply_command(reply["command"], faults, place, leads_out)
    asked = reply.get("link")
    if asked is not None:
        if not isinstance(asked, Mapping) or not isinstance(asked.get("code"), str):
            faults.add(place, L("link 要有 code（表达式）", "link needs code, an expression"))
            return
        try:
            conditions.check(asked["code"])
        except ExpressionFault as fault:
            faults.add(place, fault.label)


def _check_reply_command(asked: Any, faults: FieldFaults, place: str, leads_out: bool) -> None:
    if not leads_out:
        faults.add(place, L("command 只用于发出的流", "command is for flows that lead out"))
    elif not isinstance(asked, Mapping) or set(asked) != {"target", "mapping"} or not asked["mapping"]:
        faults.add(place, L("command 要有 target（我方命令）和 mapping（映射）",
                            "command needs target, a command of ours, and mapping"))  # fmt: skip
    elif not registry.has_command(str(asked["target"])):
        said = L("没有名为“{key}”的操作", "there is no command named “{key}”")
        faults.add(place, said.filled({"key": str(asked["target"])}))
    elif not isinstance(asked["mapping"], Mapping):
        faults.add(place, L("mapping 应为对象", "mapping must be an object"))
    else:
        try:
            mappings.check(asked["mapping"])
        except DomainError as refusal:
            faults.add(place, refusal.label)


def usual_direction(trigger: str) -> str:
    """Give where a trigger mostly leads: what is ours to a partner, what is theirs to a command of ours."""
    return "out" if trigger in OURS else "in"


def require_ready(flow: Flow) -> None:
    """Raises: FlowNotReady when the flow's system, or the one it reads, cannot carry it."""
    try:
        for system in (flow.system, flow.origin):
            if system is not None:
                connector_of(system.connector)
    except NotFound as refusal:
        raise errors.FlowNotReady(flow=flow.code, why=refusal.label) from None
    if flow.direction == "out" and flow.system.connector == Own.key:
        raise errors.FlowNotReady(
            flow=flow.code, why=L("“本系统”没有可发送的操作，请以我方的操作结束",
                                  "this installation cannot be sent to: let it end at a command of ours")
        )  # fmt: skip
    is_list = flow.trigger == "schedule" and "list" in flow.detail
    answers = any(way["reply"].get("command") for way in routes.ways_of({"detail": flow.detail, "reply": flow.reply}))
    if (flow.direction == "in" or answers or is_list) and flow.system.account_id is None:
        raise errors.FlowNotReady(
            flow=flow.code, why=L("外部系统没有执行账号", "its system has no account to act as")
        )
