"""The mapping bench: a sample on the left, the table in the middle, what comes out and what is wrong on the right."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict

from banyan.integration.mapping import payloads, queries, targets
from banyan.integration.mapping.applying import Mapped, TraceLine, apply, plainly
from banyan.integration.mapping.converters import KINDS
from banyan.integration.mapping.definition import compile_mapping
from banyan.integration.mapping.faults import DefinitionFault, short
from banyan.integration.mapping.models import Sample, ValueMap
from banyan.kernel import reading, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.lib.errors import DomainError, Invalid
from banyan.lib.labels import L
from banyan.web import acting, areas, controls
from banyan.web.answers import go, noted, page, part

TABLE, SAMPLE = "mapping.table", "mapping.sample"
MOST_SHOWN = 200_000
MOST_TRACED = 12
_LINE = re.compile(r"lines\.(\d{1,6})\.")
_PLACE = re.compile(r"\[\d+\]")
_COLUMNS = {"required": "is_required"}


@dataclass(frozen=True, slots=True)
class Traced:
    """What one line of the table came to, in each row it was used in."""

    number: int
    target: str
    uses: tuple[TraceLine, ...]
    more: int
    is_faulty: bool


def bench(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give the bench of a mapping table, with the pinned sample that was asked for or the newest one."""
    ctx, noun = request.ctx, registry.noun(TABLE)
    record = reading.read_record(ctx, noun, key)
    samples = list(Sample.objects.filter(table=key).order_by("-created_at").only("id", "name"))
    wanted = request.GET.get("sample", "")
    chosen = next((s for s in samples if str(s.pk) == wanted), samples[0] if samples and wanted != "none" else None)
    grid = controls.of_lines(ctx, noun.spec.line("lines"))
    filled = controls.Filler(acting.zone_of(request), record["_titles"]).fill([grid], record)[0]
    return page(request, "mapping/bench.html", {
        "record": record, "key": key, "here": f"/integration/mapping/{key}/bench", "filled": filled, "c": grid,
        "area": areas.area_of("integration"), "samples": samples, "chosen": chosen,
        "body": Sample.objects.get(pk=chosen.pk).body if chosen else "",
        "targets": targets.targets_of(ctx, record["target_kind"], record["target"]),
        "kinds": list(KINDS.values()),
            "value_maps": list(ValueMap.objects.order_by("code").values_list("code", "name")),
        "may_change": ctx.may(noun.spec.permission("change")), "may_pin": ctx.may(f"{SAMPLE}.create"),
    })  # fmt: skip


def try_out(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give what comes out of the sample by the table as it stands in the form; nothing is written."""
    ctx = request.ctx
    record = reading.read_record(ctx, registry.noun(TABLE), key)
    tried = _tried(request, record)
    expected = Sample.objects.filter(table=key, pk=_uuid(request.POST.get("sample", ""))).first()
    return part(request, "mapping/result.html", {
        "marks_json": orjson.dumps(tried["marks"]).decode(),
        **tried, "sources": tried["sources"], "differences": _differences(expected, tried.get("plain")),
        "is_compared": expected is not None and expected.expected is not None,
    })  # fmt: skip


def _tried(request: HttpRequest, record: Mapping[str, Any]) -> dict[str, Any]:
    text = request.POST.get("body", "")
    lines = _lines(request.POST, request)
    shown: dict[str, Any] = {"faults": [], "marks": {}, "traced": [], "sources": [], "output": "", "refusal": None,
                             "missing": []}  # fmt: skip
    body = None
    try:
        body = payloads.read_payload(text) if text.strip() else None
        shown["sources"] = payloads.sources_of(body)
    except DomainError as refusal:
        shown["refusal"] = refusal.label
    shown["marks"], shown["missing"] = _against_targets(request, record, lines)
    definition = queries.frozen(record["code"], [_as_field(line) for line in lines], [] if body is None else [body])
    if not definition["fields"]:
        return shown | {"hint": L("在中间填写目标字段和来源", "Fill in a target and a source in the middle")}
    try:
        mapping = compile_mapping(definition)
    except DefinitionFault as refusal:
        return shown | {"marks": shown["marks"] | _marks(refusal, lines), "table_faults": _table_faults(refusal)}
    if body is None:
        return shown | {"hint": L("在左边粘贴一份样例数据", "Paste a sample on the left")}
    ctx = request.ctx
    zone: ZoneInfo = acting.zone_of(request)
    facts = queries.facts_for(mapping, [body], system=record["system"] or "", today=ctx.now.astimezone(zone).date(),
                              zone=zone.key, ctx=ctx)  # fmt: skip
    mapped = apply(mapping, body, facts, traces=True)
    plain = mapped.plain()
    output = orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode()
    return shown | {
        "mapped": mapped, "plain": plain, "faults": mapped.faults, "traced": _traced(mapped, lines),
        "output": output[:MOST_SHOWN], "is_cut": len(output) > MOST_SHOWN,
    }  # fmt: skip


def _against_targets(
    request: HttpRequest, record: Mapping[str, Any], lines: list[dict[str, Any]]
) -> tuple[dict[str, str], list[targets.TargetField]]:
    """Give the cells whose target the command or noun does not have, and the needed targets no line writes."""
    known = {one.path: one for one in targets.targets_of(request.ctx, record["target_kind"], record["target"])}
    if not known:
        return {}, []
    used = {_PLACE.sub("[]", line["target"].strip()): line for line in lines if line.get("target")}
    words = L("目标没有这个字段", "The target has no such field")
    marks = {
        f"lines.{line['number']}.target": str(words)
        for path, line in used.items()
        if path not in known and not (path.endswith("[]") and any(one.startswith(f"{path}.") for one in known))
    }
    return marks, [one for path, one in known.items() if one.required and path not in used]


def _lines(posted: QueryDict, request: HttpRequest) -> list[dict[str, Any]]:
    """Give the lines of the form that say something, each with its number there."""
    grid = controls.of_lines(request.ctx, registry.noun(TABLE).spec.line("lines"))
    numbers = sorted({int(found[1]) for name in posted if (found := _LINE.match(name))})
    found = []
    for number in numbers:
        taker = controls.Taker(posted, acting.zone_of(request), keep_blank=True)
        line = taker.take(grid.columns, prefix=f"lines.{number}.", path=f"lines.{number}.", in_row=True)
        if any(line.get(name) for name in ("target", "source", "expression", "converter", "default")):
            found.append(line | {"number": number})
    return found


def _as_field(line: Mapping[str, Any]) -> dict[str, Any]:
    named = {"target": "target", "source": "source", "expression": "expression", "converter": "converter",
             "default": "default", "is_required": "required", "when": "when", "sends_null": "sends_null"}  # fmt: skip
    told = {there: line[here] for here, there in named.items() if line.get(here) not in (None, "", False)}
    return {"target": "", **told}


def _marks(refusal: DefinitionFault, lines: list[dict[str, Any]]) -> dict[str, str]:
    """Give the faults of the table by the name of the cell they belong to."""
    marks: dict[str, str] = {}
    for path, texts in refusal.field_texts().items():
        kind, _, rest = path.partition(".")
        number, _, column = rest.partition(".")
        if kind == "fields" and number.isdigit() and int(number) < len(lines):
            marks[f"lines.{lines[int(number)]['number']}.{_COLUMNS.get(column, column or 'target')}"] = " ".join(texts)
    return marks


def _table_faults(refusal: DefinitionFault) -> list[tuple[str, str]]:
    return [(_line_of(path), " ".join(texts)) for path, texts in refusal.field_texts().items()]


def _line_of(path: str) -> str:
    parts = path.split(".")
    return str(int(parts[1]) + 1) if parts[0] == "fields" and len(parts) > 1 and parts[1].isdigit() else path


def _traced(mapped: Mapped, lines: list[dict[str, Any]]) -> list[Traced]:
    uses: dict[int, list[TraceLine]] = {}
    for line in mapped.trace:
        uses.setdefault(line.number, []).append(line)
    return [
        Traced(lines[number]["number"] + 1, lines[number].get("target", ""),
               tuple(_shown(one) for one in found[:MOST_TRACED]), max(0, len(found) - MOST_TRACED),
               any(one.fault for one in found))
        for number, found in sorted(uses.items())
    ]  # fmt: skip


def _shown(line: TraceLine) -> TraceLine:
    return TraceLine(line.number, line.target, line.source, _worded(line.given),
                     tuple((name, _worded(value)) for name, value in line.steps), _worded(line.value),
                         line.fault)  # fmt: skip


def _worded(value: Any) -> str:
    if value is None:
        return "—"
    return str(short(json.dumps(plainly(value), ensure_ascii=False)))


def _differences(expected: Sample | None, plain: Any) -> list[tuple[str, str, str]]:
    """Give where an output is not what a pinned sample expects: path, expected, found."""
    if expected is None or expected.expected is None:
        return []
    found: list[tuple[str, str, str]] = []

    def compare(path: str, wanted: Any, got: Any) -> None:
        if len(found) >= 20 or wanted == got:
            return
        if isinstance(wanted, dict) and isinstance(got, dict):
            for name in dict.fromkeys([*wanted, *got]):
                compare(f"{path}.{name}" if path else name, wanted.get(name), got.get(name))
        elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
            for number, (one, other) in enumerate(zip(wanted, got, strict=True)):
                compare(f"{path}[{number}]", one, other)
        else:
            found.append((path or "$", _worded(wanted), _worded(got)))

    compare("", expected.expected, plain)
    return found


def save(request: HttpRequest, key: UUID) -> HttpResponse:
    """Write the lines of the form into the table; the page stays, with the sample that is being worked with."""
    answer = part(request, "mapping/stamp.html", {"version": _write(request, request.ctx, key), "is_new": True})
    return noted(answer, L("已保存", "Saved"))


def _write(request: HttpRequest, ctx: Context, key: UUID) -> int:
    """Write the lines of the form into the table; give its new version."""
    noun = registry.noun(TABLE)
    grid = controls.of_lines(ctx, noun.spec.line("lines"))
    taker = controls.Taker(request.POST, acting.zone_of(request), keep_blank=True)
    data = taker.take([grid])
    taker.faults.refuse_if_any()
    version = request.POST.get("_version", "")
    done = execute(ctx, registry.command(noun.spec.permission("change")), ids=[key], data=data,
                   versions={key: int(version)} if version.isdigit() else None)  # fmt: skip
    return done.records[0].version if done.records else 0


def pin(request: HttpRequest, key: UUID) -> HttpResponse:
    """Keep the table, and the sample with what comes out of it now as what must come out.

    Raises: Invalid without a name or where the output has faults
    """
    record = reading.read_record(request.ctx, registry.noun(TABLE), key)
    name = request.POST.get("sample_name", "").strip()
    if not name:
        raise Invalid("mapping.sample_unnamed", L("请给样例起个名字", "Give the sample a name"))
    tried = _tried(request, record)
    mapped = tried.get("mapped")
    if mapped is None or not mapped.is_ok:
        raise Invalid("mapping.sample_faulty", L("结果还有错误，不能作为应得结果", "The output has faults"),
                      way_out=L("先改正错误，或换一份样例", "Correct them first, or take another sample"))  # fmt: skip
    if request.ctx.may(registry.noun(TABLE).spec.permission("change")):
        _write(request, request.ctx.with_(key=None), key)
    made = execute(request.ctx, registry.command(f"{SAMPLE}.create"), data={"records": [
        {"table": str(key), "name": name, "body": request.POST.get("body", ""), "expected": tried["plain"]}
    ]})  # fmt: skip
    return go(request, f"/integration/mapping/{key}/bench?sample={made.ids[0]}", L("已固定", "Pinned"))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
