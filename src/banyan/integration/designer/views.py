"""The flow designer: the steps of a flow as cards, a sample beside them, what each step makes of it at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_GET, require_POST

from banyan.integration import beats, fanout, rules, schedules
from banyan.integration.commands.flows import definition_of, outcome_expected
from banyan.integration.connecting import Failed
from banyan.integration.designer import cards, choices, versions
from banyan.integration.designer.cards import System
from banyan.integration.designer.drawing import UNITS, Drawn, blank, of_form, of_record, typed_routes
from banyan.integration.mapping import payloads
from banyan.integration.models import Flow, Message, Sample
from banyan.integration.models import System as Stored
from banyan.integration.nouns import ORDERS
from banyan.integration.trying import outcome_of
from banyan.kernel import reading, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.models import Outbox
from banyan.lib.errors import DomainError, Invalid
from banyan.lib.labels import L, Label
from banyan.web import acting, areas, offers
from banyan.web.answers import go, noted, page, part

FLOW = "integration.flow"
PAYLOADS = "integration.message.read"
OPERATORS = ("=", "!=", ">", ">=", "<", "<=")
MOST_LISTED = 200
#: How many of the latest events are looked through for one that a flow hears.
MOST_EVENTS = 2_000


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Give the flows in words, and the way to a new one."""
    ctx = request.ctx
    noun = registry.noun(FLOW)
    ctx.require(noun.spec.permission("read"), noun.spec.plural)
    rows = reading.list_records(ctx, noun, reading.Query(limit=MOST_LISTED, sort="code")).rows
    stored = {row.pk: row for row in Stored.objects.all()}
    shown = []
    for record in reading.read_records(ctx, noun, [UUID(str(row["id"])) for row in rows]):
        drawn = Drawn({name: record[name] for name in blank()})
        system = _system(stored.get(UUID(str(record["system"]))), stored.get(_id(record["origin"])))
        shown.append({
            "record": record, "state": noun.spec.life.state(record["state"]),
            "cards": cards.in_words(drawn, system),
        })  # fmt: skip
    return page(request, "designer/home.html", {
        "flows": shown, "area": areas.area_of("integration"), "may_create": ctx.may(noun.spec.permission("create")),
    })  # fmt: skip


@require_GET
def design(request: HttpRequest, key: UUID | None = None) -> HttpResponse:
    """Give the designer of a flow, or of one that is begun; with the sample asked for or the newest one."""
    ctx, noun = request.ctx, registry.noun(FLOW)
    record = reading.read_record(ctx, noun, key) if key else None
    if record is None:
        ctx.require(noun.spec.permission("create"), noun.spec.label)
    drawn = of_record(record) if record else Drawn(blank())
    samples = list(Sample.objects.filter(flow=key).order_by("-created_at", "-pk")) if key else []
    wanted = request.GET.get("sample", "")
    chosen = next((s for s in samples if str(s.pk) == wanted), samples[0] if samples and wanted != "none" else None)
    body = orjson.dumps(chosen.input, option=orjson.OPT_INDENT_2).decode() if chosen else ""
    return page(request, "designer/design.html", _shown(request, key, record, drawn, body, "") | {
        "area": areas.area_of("integration"), "samples": samples, "chosen": chosen, "events": choices.events(),
        "commands": choices.commands(),
    })  # fmt: skip


@require_POST
def draw(request: HttpRequest, key: UUID | None = None) -> HttpResponse:
    """Give the steps again, as they are after a choice that opens others."""
    record, drawn = _posted(request, key)
    if request.POST.get("add"):
        _add_condition(request, drawn)
    if request.POST.get("swap") == "system" and drawn.direction == "out":
        drawn.facts["target"] = ""
    return part(request, "designer/steps.html", _shown(request, key, record, drawn, *_texts(request)))


@require_POST
def try_out(request: HttpRequest, key: UUID | None = None) -> HttpResponse:
    """Give what each step says and makes of the sample; nothing is written."""
    record, drawn = _posted(request, key)
    return part(request, "designer/live.html", _live(request, record, drawn, *_texts(request)))


@require_POST
def rehearse(request: HttpRequest, key: UUID | None = None) -> HttpResponse:
    """Give what a dry run came to: commands of ours run as the system's account and are taken back.

    Raises: Invalid without a sample or with a flow that is not whole
    """
    command = registry.command(f"{FLOW}.rehearse")
    request.ctx.require(command.permission, command.label)
    record, drawn = _posted(request, key)
    body_text, answer_text = _texts(request)
    body, has_body, refusal = _payload(body_text)
    if refusal is not None or not has_body:
        raise Invalid("integration.no_sample", L("请先在样例里放一份数据", "Put a payload into the sample first"))
    _refuse_faults(drawn)
    answer, has_answer, _ = _payload(answer_text)
    facts = drawn.facts
    names = ("system", "direction", "trigger", "detail", "filter", "mapping", "target", "reply")
    given = {name: facts[name] for name in names}
    given |= {"origin": facts["origin"] or None, "body": _plain(body), "answer": _plain(answer) if has_answer else None}
    done = execute(request.ctx.with_(key=None), command, data=given)
    found = {name: cards.Stage(**stage) for name, stage in done.value.items()}
    shown = _live(request, record, drawn, body_text, answer_text, found)
    response = part(request, "designer/live.html", shown | {"is_rehearsed": True})
    is_well = all(stage.state != "fault" for stage in found.values())
    text = L("试运行通过，没有写入任何内容", "The dry run passes; nothing was written")
    return noted(response, text if is_well else L("试运行发现问题", "The dry run found a fault"),
                 tone="green" if is_well else "orange")  # fmt: skip


@require_POST
def save(request: HttpRequest, key: UUID | None = None) -> HttpResponse:
    """Keep the flow as it is drawn; a new one gets its own page."""
    record, drawn = _posted(request, key)
    if key is None:
        made = execute(request.ctx, registry.command(f"{FLOW}.create"), data={"records": [drawn.given]})
        return go(request, f"/integration/flow/{made.ids[0]}/design", L("已新建", "Created"))
    version = _write(request, request.ctx, key, drawn)
    body, answer = _texts(request)
    record = reading.read_record(request.ctx, registry.noun(FLOW), key)
    response = part(request, "designer/live.html", _live(request, record, of_record(record), body, answer) | {
        "stamp": version})  # fmt: skip
    return noted(response, L("已保存", "Saved"))


@require_POST
def pin(request: HttpRequest, key: UUID) -> HttpResponse:
    """Keep the flow, and the sample with what comes of it now as what must come of it.

    Raises: Invalid without a name or a payload, or where a step has a fault
    """
    record, drawn = _posted(request, key)
    name = request.POST.get("sample_name", "").strip()
    if not name:
        raise Invalid("integration.sample_unnamed", L("请给样例起个名字", "Give the sample a name"))
    body, has_body, refusal = _payload(_texts(request)[0])
    if refusal is not None or not has_body:
        raise Invalid("integration.no_sample", L("请先在样例里放一份数据", "Put a payload into the sample first"))
    _refuse_faults(drawn)
    plain = _plain(body)
    tried = outcome_of(definition_of(drawn.flow()), plain, _system_of(drawn).code)
    if tried.reason:
        label = L("结果还有错误：{why}", "The outcome has faults: {why}").filled({"why": tried.error[:400]})
        way_out = L("先改正错误，或换一份样例", "Correct them first, or take another sample")
        raise Invalid("integration.sample_faulty", label, way_out=way_out)
    if _is_open(record) and request.ctx.may(f"{FLOW}.change"):
        _write(request, request.ctx.with_(key=None), key, drawn)
    made = execute(request.ctx, registry.command("integration.sample.create"), data={"records": [
        {"flow": str(key), "name": name, "input": plain, "output": tried.value, "is_filtered": tried.is_filtered}
    ]})  # fmt: skip
    return go(request, f"/integration/flow/{key}/design?sample={made.ids[0]}", L("已固定", "Pinned"))


@require_POST
def switch_on(request: HttpRequest, key: UUID) -> HttpResponse:
    """Keep the flow as it is drawn, test it with its samples and switch it on: three commands, each by its right.

    Raises: what saving, testing and switching on refuse; the flow stays as far as it came
    """
    record, drawn = _posted(request, key)
    ctx = request.ctx.with_(key=None)
    version = int(record["version"]) if record else 0
    if _is_open(record):
        _refuse_faults(drawn)
        version = _write(request, ctx, key, drawn)
        version = _run(ctx, "test", key, version)
    else:
        version = _seen(request) or version
    _run(ctx, "activate", key, version)
    return go(request, f"/integration/flow/{key}/design", L("已启用", "Switched on"))


@require_POST
def pick(request: HttpRequest, key: UUID | None = None) -> HttpResponse:
    """Give a real payload for the sample: the latest one, the next one, one the partner has now, or an example.

    Takes:  from: latest, next (asked again until there is one), partner, example; since: for the next one
    """
    ctx = request.ctx
    record, drawn = _posted(request, key)
    kind = request.POST.get("from", "latest")
    since = _instant(request.POST.get("since", "")) or ctx.now
    found: list[Any] = []
    if kind == "partner":
        done = execute(ctx.with_(key=None), registry.command(f"{FLOW}.peek"), data={
            "system": drawn.reads, "operation": drawn.facts["detail"].get("operation", "")})  # fmt: skip
        found = done.value
    elif kind == "example":
        key_of = drawn.facts["detail"].get("operation", "")
        known = choices.operations(drawn.reads) or ()
        found = [dict(sample) for one in known if one.key == key_of for sample in one.samples]
    else:
        ctx.require(PAYLOADS, registry.noun("integration.message").spec.plural)
        found = _seen_payloads(ctx, drawn, since if kind == "next" else None)
    if not found and kind == "next":
        return part(request, "designer/waiting.html", {"here": _here(key), "since": since.isoformat()})
    if not found:
        raise Invalid("integration.no_payload", L("还没有这样的内容", "There is none yet"),
                      way_out=L("粘贴一份，或等下一条", "Paste one, or wait for the next"))  # fmt: skip
    text = orjson.dumps(found[0], option=orjson.OPT_INDENT_2, default=str).decode()
    return part(request, "designer/picked.html", _live(request, record, drawn, text, _texts(request)[1]))


# --- what is read of the request ----------------------------------------------------------------------------


def _posted(request: HttpRequest, key: UUID | None) -> tuple[dict[str, Any] | None, Drawn]:
    """Give the stored flow and the one drawn; one that cannot be changed now is drawn as it is stored."""
    noun = registry.noun(FLOW)
    record = reading.read_record(request.ctx, noun, key) if key else None
    if record is None:
        request.ctx.require(noun.spec.permission("create"), noun.spec.label)
    return record, of_form(request.POST, record) if _is_open(record) else of_record(record or blank())


def _is_open(record: Mapping[str, Any] | None) -> bool:
    return record is None or record["state"] == "draft"


def _texts(request: HttpRequest) -> tuple[str, str]:
    return request.POST.get("body", ""), request.POST.get("answer", "")


def _payload(text: str) -> tuple[Any, bool, Label | None]:
    """Give a payload, whether there is one, and why it cannot be read."""
    if not text.strip():
        return None, False, None
    try:
        return payloads.read_payload(text), True, None
    except DomainError as refusal:
        return None, False, refusal.label


def _plain(body: Any) -> Any:
    return orjson.loads(orjson.dumps(body, default=str))


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _seen(request: HttpRequest) -> int | None:
    version = request.POST.get("_version", "")
    return int(version) if version.isdigit() else None


def _here(key: UUID | None) -> str:
    return f"/integration/flow/{key}/design" if key else "/integration/design/new"


def _refuse_faults(drawn: Drawn) -> None:
    if drawn.faults:
        label = L("流程还有错误，请看标出的步骤", "The flow has faults: see the marked steps")
        texts = [text for found in drawn.faults.values() for text in found]
        raise Invalid("integration.flow_faulty", label, way_out=texts[0])


def _add_condition(request: HttpRequest, drawn: Drawn) -> None:
    """Put a condition that was chosen from lists behind those of the filter."""
    name, value = request.POST.get("cond_field", "").strip(), request.POST.get("cond_value", "").strip()
    sign = request.POST.get("cond_sign", "=")
    if not name or sign not in OPERATORS:
        return
    is_number = value.replace(".", "", 1).removeprefix("-").isdigit() and request.POST.get("cond_text") != "1"
    quoted = value if is_number or value in ("true", "false", "null") else '"' + value.replace('"', '\\"') + '"'
    before = drawn.facts["filter"]
    made = f"{name} {sign} {quoted}"
    drawn.facts["filter"] = f"{before} and {made}" if before else made


# --- what is written ----------------------------------------------------------------------------------------


def _write(request: HttpRequest, ctx: Context, key: UUID, drawn: Drawn) -> int:
    """Write the flow as it is drawn; give its new version. Raises: Stale where another has changed it meanwhile"""
    seen = _seen(request)
    done = execute(ctx, registry.command(f"{FLOW}.change"), ids=[key], data=drawn.given,
                   versions={key: seen} if seen is not None else None)  # fmt: skip
    return done.records[0].version if done.records else Flow.objects.values_list("version", flat=True).get(pk=key)


def _run(ctx: Context, name: str, key: UUID, version: int) -> int:
    done = execute(ctx, registry.command(f"{FLOW}.{name}"), ids=[key], versions={key: version})
    return done.records[0].version


# --- what is shown ------------------------------------------------------------------------------------------


def _system(stored: Stored | None, origin: Stored | None) -> System:
    read = origin.name if origin else ""
    return System(stored.code, stored.name, stored.account_id, read) if stored else System(read=read)


def _system_of(drawn: Drawn) -> System:
    stored, origin = drawn.facts["system"], drawn.facts["origin"]
    found = {str(row.pk): row for row in Stored.objects.filter(pk__in=[key for key in (stored, origin) if key])}
    return _system(found.get(stored), found.get(origin))


def _live(
    request: HttpRequest, record: Mapping[str, Any] | None, drawn: Drawn, body_text: str, answer_text: str,
    found: Mapping[str, cards.Stage] | None = None,
) -> dict[str, Any]:
    """Give what changes as one types: the cards, the faults of the sample, the state of the pinned samples."""
    system = _system_of(drawn)
    body, has_body, refusal = _payload(body_text)
    answer, has_answer, answer_refusal = _payload(answer_text)
    if found is None:
        found = cards.stages(drawn, system, body, answer, has_answer) if has_body else {}
    sources = payloads.sources_of(body) if has_body else []
    return {
        "cards": cards.cards_of(drawn, system, found, body, has_body, request.ctx.now), "drawn": drawn,
        "refusal": refusal, "answer_refusal": answer_refusal, "sources": sources[:300], "body": body_text,
        "answer": answer_text, "tests": _tests(record, drawn, system), "is_open": _is_open(record),
    }  # fmt: skip


def _tests(record: Mapping[str, Any] | None, drawn: Drawn, system: System) -> dict[str, Any]:
    """Give how the pinned samples do by the flow as it is drawn: how many pass, which do not."""
    if record is None:
        return {"count": 0, "passed": 0, "failed": []}
    samples = list(Sample.objects.filter(flow=record["id"]).order_by("created_at", "pk"))
    if drawn.faults.keys() & {"filter", "mapping"}:
        return {"count": len(samples), "passed": 0, "failed": [one.name for one in samples]}
    try:
        definition = definition_of(drawn.flow())
    except DomainError:
        return {"count": len(samples), "passed": 0, "failed": [one.name for one in samples]}
    failed = [one.name for one in samples if outcome_of(definition, one.input, system.code) != outcome_expected(one)]
    return {"count": len(samples), "passed": len(samples) - len(failed), "failed": failed}


def _shown(
    request: HttpRequest, key: UUID | None, record: Mapping[str, Any] | None, drawn: Drawn, body: str, answer: str
) -> dict[str, Any]:
    """Give all that the designer's page or its steps show."""
    ctx, noun, facts = request.ctx, registry.noun(FLOW), drawn.facts
    known = choices.operations(facts["system"])
    read = choices.operations(drawn.reads) if facts["origin"] else known
    detail, command = facts["detail"], facts["reply"].get("command") or {}
    found, newest = versions.versions_of(key, _id(record["running"]), acting.zone_of(request)) if record else ([], None)
    number, unit = cards.every_parts(detail)
    step = request.POST.get("step", "")
    return _live(request, record, drawn, body, answer) | {
        "key": key, "record": record, "here": _here(key), "facts": facts, "step": step or "trigger",
        "state": noun.spec.life.state(record["state"]) if record else None, "acts": _acts(ctx, record),
        "may_save": ctx.may(noun.spec.permission("change" if key else "create")),
        "may_pin": bool(key) and ctx.may("integration.sample.create"), "may_pick": ctx.may(PAYLOADS),
        "may_peek": ctx.may(f"{FLOW}.peek"), "may_rehearse": ctx.may(f"{FLOW}.rehearse"),
        "may_switch_on": ctx.may(f"{FLOW}.test") and ctx.may(f"{FLOW}.activate"),
        "triggers": cards.trigger_choices(), "systems": choices.systems(ctx),
        "tables": choices.tables(), "flows_in": choices.flows_in(),
        "presets": _presets(facts, known, read), "nouns": choices.nouns(ctx),
        "beat_data": _beat_data(detail, request.POST.get("beat_data")), "orders": ORDERS, "units": UNITS,
        "signs": OPERATORS,
        "reads": choices.of_way(read, choices.WAYS.get(facts["trigger"], "")), "is_known": known is not None,
        "is_read_known": read is not None, "crosses": drawn.direction == "out" and facts["trigger"] in choices.WAYS,
        "sends": choices.of_way(known, "send"), "every": number, "unit": unit, "is_cron": "cron" in detail,
        "zone": detail.get("zone") or acting.zone_of(request).key, "map": _map(facts["mapping"], drawn.typed.get("")),
        "reply_command": command, "reply_map": _map(command.get("mapping") or {}, drawn.typed.get("reply_")),
        "retries": ", ".join(str(one) for one in facts["retries"] or ()), "versions": found,
        "hook": _hook(request, drawn), "running_differs": _differs(record, drawn, newest),
        "routes": typed_routes(facts, request.POST if _is_open(record) else QueryDict()),
    }  # fmt: skip


def _presets(facts: Mapping[str, Any], known: Any, read: Any) -> list[choices.Choice]:
    """Give the mappings that the connectors of both ends bring along."""
    own = choices.presets(facts["system"], known)
    return own + (choices.presets(facts["origin"], read) if facts["origin"] else [])


def _beat_data(detail: Mapping[str, Any], typed: str | None) -> str:
    """Give the constants of a clock as text: as they were typed, where they were."""
    if typed is not None:
        return typed
    return orjson.dumps(detail["data"], option=orjson.OPT_INDENT_2).decode() if detail.get("data") else ""


def _acts(ctx: Context, record: Mapping[str, Any] | None) -> list[tuple[offers.Offer, str]]:
    """Give what may be done with a flow that is not drawn now, each with the look of its button."""
    if record is None:
        return []
    noun, made = registry.noun(FLOW), []
    for name, look in (("retire", "btn wide"), ("revise", "btn"), ("stop", "btn"), ("resume", "btn btn-primary")):
        command = registry.command(f"{FLOW}.{name}")
        if ctx.may(command.permission) and record["state"] in (command.sources() or ()):
            made.append((offers.offer(noun, command), look))
    return made


def _map(mapping: Mapping[str, Any], typed: tuple[str, str] | None) -> dict[str, Any]:
    """Give a mapping as the form has it: its kind, and what belongs to the kind."""
    plain = {name: value for name, value in mapping.items() if name != "settings"}
    (only,) = plain if len(plain) == 1 else ("",)
    kind, text = typed or (only if only in ("table", "preset") else "written" if plain else "none", "")
    given = mapping.get("settings") or {}
    return {
        "kind": kind, "table": plain.get("table", ""), "preset": plain.get("preset", ""),
        "written": text or (orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode() if kind == "written" else ""),
        "settings": [(name, given.get(name, "")) for name in choices.settings_of(mapping)] if plain else [],
    }  # fmt: skip


def _hook(request: HttpRequest, drawn: Drawn) -> str:
    """Give the address a partner pushes to."""
    operation = drawn.facts["detail"].get("operation")
    system = Stored.objects.filter(pk=drawn.reads).values_list("code", flat=True).first() if drawn.reads else ""
    if drawn.facts["trigger"] != "webhook" or not operation or not system:
        return ""
    return request.build_absolute_uri(f"/hooks/{system}/{operation}")


def _differs(
    record: Mapping[str, Any] | None, drawn: Drawn, newest: Mapping[str, Any] | None
) -> tuple[versions.Change, ...]:
    """Give what switching on would change against the newest version."""
    if record is None or newest is None:
        return ()
    try:
        now = definition_of(drawn.flow())
    except DomainError:
        return ()
    return tuple(versions.changes_of(newest, _plain(now)))


def _id(value: Any) -> UUID | None:
    return UUID(str(value)) if value else None


# --- real payloads ------------------------------------------------------------------------------------------


def _seen_payloads(ctx: Context, drawn: Drawn, since: datetime | None) -> list[Any]:
    """Give the latest payload that the trigger would take, or the first one later than `since`; of a clock the next.

    Raises: Invalid where the list that the clock brings cannot be read
    """
    facts = drawn.facts
    if facts["trigger"] == "event":
        return _events(facts["detail"].get("events") or (), since)
    if facts["trigger"] == "schedule":
        times = () if "trigger" in drawn.faults else schedules.beats_after(facts["detail"], ctx.now)
        try:
            return [beats.body_of(facts["code"], beat, beats.data_of(facts["detail"], ctx))
                    for beat in islice(times, 1)]  # fmt: skip
        except Failed as fault:
            raise Invalid("integration.list_unread", cards.spoken(fault.text)) from None
    if not drawn.reads:
        return []
    rows = Message.objects.filter(
        Q(flow__origin=drawn.reads) | Q(flow__origin=None, flow__system=drawn.reads), flow__trigger__in=choices.WAYS,
        flow__detail__operation=facts["detail"].get("operation", ""),
    )  # fmt: skip
    if since is not None:
        return [one.body for one in rows.filter(at__gt=since).order_by("at")[:1]]
    return [one.body for one in rows.order_by("-at")[:1]]


def _events(patterns: Any, since: datetime | None) -> list[Any]:
    rows = Outbox.objects.filter(at__gt=since).order_by("seq") if since else Outbox.objects.order_by("-seq")
    for one in rows[:MOST_EVENTS]:
        if rules.matches(one.type, patterns):
            return [orjson.loads(body) for _, _, body in fanout.bodies_of([one.pk])]
    return []
