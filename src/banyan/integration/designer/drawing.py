"""A flow as it stands in the designer's form, to and from the fields of the flow.

What the designer does not draw (further members of `detail` and `reply`) is carried along from the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.http import QueryDict

from banyan.integration import checks, routes
from banyan.integration.models import Flow
from banyan.integration.models.flows import DIRECTIONS, TRIGGERS
from banyan.lib.errors import DomainError
from banyan.lib.labels import L, Label

STEPS = ("trigger", "filter", "mapping", "target", "reply")
UNITS = (
    ("1", L("秒", "seconds")), ("60", L("分钟", "minutes")), ("3600", L("小时", "hours")), ("86400", L("天", "days")),
)  # fmt: skip
MOST_TEXT = 400_000
#: Fields of a flow by the step in which they are drawn.
_PLACES = {"trigger": "trigger", "detail": "trigger", "filter": "filter", "mapping": "mapping", "target": "target",
           "origin": "trigger", "direction": "target", "reply": "reply", "key": "target", "order": "target",
           "retries": "target", "detail.routes": "target"}  # fmt: skip
_DRAWN_DETAIL = frozenset({"events", "every", "cron", "zone", "operation", "data", "list", routes.ROUTES})
_DRAWN_REPLY = frozenset({"keep", "link", "flow", "command"})


@dataclass
class Drawn:
    """A flow as it is drawn: its fields, and by step what is wrong with them.

    Takes:  typed: by prefix, the kind of mapping that was chosen and the text of one that is written out, as they
            stand in the form though nothing came of them yet; todo: steps where something has still to be chosen;
            are_routes_faulty: they are left out of what is tried
    """

    facts: dict[str, Any]
    faults: dict[str, list[Label]] = field(default_factory=dict)
    typed: dict[str, tuple[str, str]] = field(default_factory=dict)
    todo: set[str] = field(default_factory=set)
    are_routes_faulty: bool = False

    def say(self, step: str, text: Label) -> None:
        self.faults.setdefault(step, []).append(text)

    def need(self, step: str, text: Label) -> None:
        """Say what has still to be chosen, in the place of the faults that come of it."""
        self.faults[step] = [*(self.faults[step] if step in self.todo else ()), text]
        self.todo.add(step)

    @property
    def direction(self) -> str:
        return self.facts["direction"]

    @property
    def reads(self) -> str:
        """Give the system that is read, by its key; empty where none is, or none was chosen."""
        return "" if self.facts["trigger"] in checks.OURS else self.facts["origin"] or self.facts["system"]

    @property
    def given(self) -> dict[str, Any]:
        """Give the fields as the commands of flows take them."""
        return self.facts | {"origin": self.facts["origin"] or None}

    @property
    def tried(self) -> dict[str, Any]:
        """Give the fields as samples are tried by them."""
        if not self.are_routes_faulty:
            return self.facts
        detail = {name: one for name, one in self.facts["detail"].items() if name != routes.ROUTES}
        return self.facts | {"detail": detail}

    def flow(self) -> Flow:
        """Give a flow that is not stored, with the fields as they are tried."""
        given = {name: value for name, value in self.tried.items() if name not in ("system", "origin")}
        return Flow(**given, system_id=self.facts["system"] or None, origin_id=self.facts["origin"] or None)


def blank() -> dict[str, Any]:
    """Give the fields of a flow that is begun."""
    return dict(
        code="", name="", system="", origin="", direction="out", trigger="event", detail={}, filter="", mapping={},
        target="", key="", order="strict", reply={}, retries=[], note="",
    )  # fmt: skip


def of_record(record: Mapping[str, Any]) -> Drawn:
    """Give a stored flow as it is drawn."""
    keys = {name: str(record[name] or "") for name in ("system", "origin")}
    return _checked(Drawn({name: record[name] for name in blank()} | keys))


def of_form(posted: QueryDict, record: Mapping[str, Any] | None) -> Drawn:
    """Give what stands in the form; what is wrong is said at its step."""
    before = {name: record[name] for name in blank()} if record else blank()
    drawn = Drawn(before | {
        name: posted.get(name, "").strip() for name in ("code", "name", "filter", "target", "key", "note")
    })  # fmt: skip
    facts = drawn.facts
    facts["system"] = _uuid(posted.get("system", ""))
    facts["trigger"] = posted["trigger"] if posted.get("trigger") in TRIGGERS else "event"
    facts["direction"] = _direction(posted, facts["trigger"])
    if posted.get("drawn_direction", facts["direction"]) != facts["direction"]:
        facts["target"] = ""
    crosses = facts["direction"] == "out" and facts["trigger"] not in checks.OURS
    facts["origin"] = _uuid(posted.get("origin", "")) if crosses else ""
    facts["order"] = posted.get("order") or "strict"
    facts["detail"] = _detail(posted, facts["trigger"], before["detail"], drawn)
    facts["mapping"] = _mapping(posted, "", before["mapping"], drawn, "mapping")
    facts["reply"] = _reply(posted, facts["direction"], before["reply"], drawn)
    facts["retries"] = _retries(posted.get("retries", ""), drawn)
    return _checked(drawn)


def _checked(drawn: Drawn) -> Drawn:
    try:
        checks.check_flows([drawn.flow()])
    except DomainError as refusal:
        drawn.are_routes_faulty = "detail.routes" in refusal.fields
        for path, found in refusal.fields.items():
            for text in found if isinstance(found, list) else [found]:
                drawn.say(_PLACES.get(path) or _PLACES.get(path.split(".")[0], "trigger"), text)
    facts, trigger = drawn.facts, drawn.facts["trigger"]
    if trigger == "event" and not facts["detail"].get("events"):
        drawn.need("trigger", L("请选择业务事件", "Choose the events"))
    elif trigger not in checks.OURS and not facts["detail"].get("operation"):
        drawn.need("trigger", L("请选择操作", "Choose the operation"))
    if not facts["target"]:
        drawn.need("target", L("请选择目标", "Choose the target"))
    if not facts["system"]:
        drawn.need("trigger", L("请选择外部系统", "Choose the outside system"))
    return drawn


def _direction(posted: QueryDict, trigger: str) -> str:
    """Give where the flow leads: as it was chosen, or, with a trigger of another kind, as that mostly does."""
    usual, chosen = checks.usual_direction(trigger), posted.get("direction")
    is_other_kind = usual != checks.usual_direction(posted.get("drawn_trigger") or trigger)
    return chosen if chosen in DIRECTIONS and not is_other_kind else usual


def _detail(posted: QueryDict, trigger: str, before: Any, drawn: Drawn) -> dict[str, Any]:
    kept = {name: value for name, value in before.items() if name not in _DRAWN_DETAIL} if before else {}
    if trigger == "event":
        events = [one.strip() for one in posted.getlist("event") if one.strip()]
        found = _routes(posted) if "route_events" in posted else (before or {}).get(routes.ROUTES)
        return kept | {"events": list(dict.fromkeys(events))} | ({routes.ROUTES: found} if found else {})
    if trigger == "schedule":
        kept |= _brought(posted, before, drawn)
    if trigger == "schedule" and posted.get("beat") == "cron":
        zone = posted.get("zone", "").strip()
        return kept | {"cron": " ".join(posted.get("cron", "").split())} | ({"zone": zone} if zone else {})
    every = {} if trigger == "webhook" else {"every": _every(posted, drawn)}
    if trigger == "schedule":
        return kept | every
    return kept | {"operation": posted.get("operation", "").strip()} | every


def _routes(posted: QueryDict) -> list[dict[str, Any]]:
    """Give the routes; a part left empty goes by the flow's own, one without events is taken out.

    Gives:  what cannot be read as JSON as it was typed, which no flow takes
    """
    made = []
    columns = (posted.getlist(f"route_{name}") for name in (routes.EVENTS, *routes.PARTS))
    for events, *parts in zip(*columns, strict=False):
        named = list(dict.fromkeys(events.replace(",", " ").replace("，", " ").split()))
        one: dict[str, Any] = {routes.EVENTS: named}
        for (name, kind), part in zip(routes.PARTS.items(), parts, strict=True):
            if text := part.strip():
                found = text if kind is str else _json(text)
                one[name] = text if found is None else found
        if named:
            made.append(one)
    return made


def typed_routes(facts: Mapping[str, Any], posted: QueryDict) -> list[dict[str, str]]:
    """Give the routes as texts for the form, and an empty one: as they were typed, where they were."""
    names = (routes.EVENTS, *routes.PARTS)
    if "route_events" in posted:
        columns = zip(*(posted.getlist(f"route_{name}") for name in names), strict=False)
        rows = [dict(zip(names, row, strict=True)) for row in columns if any(one.strip() for one in row)]
    else:
        rows = [_texts(one) for one in routes.of(facts["detail"])]
    return [*rows, dict.fromkeys(names, "")]


def _texts(route: Mapping[str, Any]) -> dict[str, str]:
    texts = {routes.EVENTS: " ".join(route[routes.EVENTS])}
    for name, kind in routes.PARTS.items():
        given = route.get(name)
        texts[name] = "" if given is None else given if kind is str else orjson.dumps(
            given, option=orjson.OPT_INDENT_2).decode()  # fmt: skip
    if route.get("filter") == "":
        texts["filter"] = "true"  # an empty text stands for the flow's own
    return texts


def _brought(posted: QueryDict, before: Any, drawn: Drawn) -> dict[str, Any]:
    """Give what the clock brings: constants, and a list of ours."""
    made: dict[str, Any] = {}
    data = _json(posted.get("beat_data", ""))
    if not isinstance(data, dict):
        drawn.say("trigger", L("固定的数据应为 JSON 对象", "What it brings must be a JSON object"))
        data = (before or {}).get("data")
    if data:
        made["data"] = data
    if noun := posted.get("list_noun", "").strip():
        made["list"] = {"noun": noun, "where": posted.get("list_where", "").strip().lstrip("?")}
    return made


def _every(posted: QueryDict, drawn: Drawn) -> int | float:
    try:
        seconds = float(posted.get("every") or 60) * float(posted.get("unit") or 1)
    except ValueError:
        drawn.say("trigger", L("间隔要填数字", "The pause must be a number"))
        return 60
    return int(seconds) if seconds == int(seconds) else seconds


def _mapping(posted: QueryDict, prefix: str, before: Any, drawn: Drawn, step: str) -> dict[str, Any]:
    kind = posted.get(f"{prefix}map", "none")
    text = posted.get(f"{prefix}map_written", "")
    drawn.typed[prefix] = kind, text
    made: dict[str, Any] = {}
    if kind in ("table", "preset"):
        made = {kind: posted.get(f"{prefix}map_{kind}", "").strip()}
        if not made[kind]:
            drawn.say(step, L("请选择映射", "Choose a mapping"))
            return {}
    elif kind == "written":
        found = _json(text)
        if not isinstance(found, dict) or not found:
            drawn.say(step, L("写出的映射应为 JSON 对象", "A mapping that is written out must be a JSON object"))
            return dict(before) if isinstance(before, dict) else {}
        made = found
    settings = {name.removeprefix(f"{prefix}setting."): value.strip() for name, value in posted.items()
                if name.startswith(f"{prefix}setting.") and str(value).strip()}  # fmt: skip
    return made | ({"settings": settings} if settings and made else {})


def _reply(posted: QueryDict, direction: str, before: Any, drawn: Drawn) -> dict[str, Any]:
    made = {name: value for name, value in (before or {}).items() if name not in _DRAWN_REPLY}
    if posted.get("reply_keep"):
        made["keep"] = True
    if code := posted.get("reply_code", "").strip():
        entity = posted.get("reply_entity", "").strip()
        made["link"] = {"code": code} | ({"entity": entity} if entity else {})
    if flow := posted.get("reply_flow", "").strip():
        made["flow"] = flow
    if direction == "out" and (target := posted.get("reply_target", "").strip()):
        mapping = _mapping(posted, "reply_", (before or {}).get("command", {}).get("mapping"), drawn, "reply")
        made["command"] = {"target": target, "mapping": mapping}
    return made


def _retries(text: str, drawn: Drawn) -> list[int]:
    try:
        return [int(part) for part in text.replace("，", ",").split(",") if part.strip()]
    except ValueError:
        drawn.say("target", L("重试间隔应为秒数，用逗号隔开，如 5, 300", "Retry pauses are seconds, as 5, 300"))
        return []


def _json(text: str) -> Any:
    try:
        return orjson.loads(text[:MOST_TEXT]) if text.strip() else {}
    except orjson.JSONDecodeError:
        return None


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""
