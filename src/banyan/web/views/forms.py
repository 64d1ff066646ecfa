"""A record: to read, to make, to change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel

from banyan.kernel import reading, registry
from banyan.kernel.access import visible
from banyan.kernel.commands import audits_refusals, execute
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.records import titles
from banyan.kernel.spec import FieldSpec, Life
from banyan.lib.errors import NotFound
from banyan.lib.labels import L, Label
from banyan.web import acting, areas, controls, offers, records
from banyan.web.answers import go, page, part
from banyan.web.cells import Wording

SAVED = L("已保存", "Saved")
MADE = L("已新建", "Created")
SAME = L("没有改动", "Nothing was changed")


def read_page(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give a record: what it is, its state, what is wrong, the next step; beside it what happened."""
    ctx, spec = request.ctx, noun.spec
    record = reading.read_record(ctx, noun, key)
    zone = acting.zone_of(request)
    wording = Wording(ctx.language, zone, ctx)
    state = record.get(spec.life.field) if spec.life else None
    offered = offers.of_record(ctx, noun, state, record)
    return page(
        request,
        "web/record.html",
        {
            "noun": noun,
            "spec": spec,
            "record": record,
            "key": key,
            "path": f"/{spec.path}",
            "here": f"/{spec.path}/{key}",
            "area": areas.area_of(spec.area),
            "title": records.title_of(spec, record, record["_titles"]),
            "state": spec.life.state(state) if spec.life and state else None,
            "steps": steps(noun, state),
            "offers": offered,
            "pages": records.pages(ctx, noun, record),
            "notices": records.notices(ctx, noun, record, ctx.now.astimezone(zone).date()),
            "sections": records.sections(ctx, spec, record, wording),
            "lines": records.lines(ctx, spec, record, wording),
            "may_create": bool(offers.creation(ctx, noun)),
        },
    )


def steps(noun: Noun, state: str | None) -> tuple[tuple[Any, str], ...]:
    """Give the states of the happy path, each marked done, now or next; a side state stands where it was
    entered."""
    life = noun.spec.life
    if life is None or state is None:
        return ()
    way = life.way or happy_path(life)
    if state not in way:
        way = _by_way_of(life, way, state)
    if len(way) < 2:
        return ()
    now = way.index(state)
    return tuple(
        (life.state(k), "done" if n < now else "now" if n == now else "next") for n, k in enumerate(way)
    )


def happy_path(life: Life) -> tuple[str, ...]:
    """Give the states of a life from the first to the last when all goes well.

    It goes on in the order of the states, never by a red one; past the first green state, which is success,
    only by
    colourless ones; and past an orange one, which is half done, where a step leads beyond it.
    """
    order = [s.key for s in life.states]
    tones = {s.key: s.tone for s in life.states}
    way, is_won = [life.initial], False
    while True:
        is_won = is_won or tones[way[-1]] == "green"
        good = ("grey", "green") if is_won else ("grey", "blue", "purple", "orange", "green")
        ahead = {
            t.target
            for t in life.transitions
            if t.source == way[-1]
            and order.index(t.target) > order.index(way[-1])
            and tones[t.target] in good
        }
        if not ahead:
            return tuple(way)
        whole = {k for k in ahead if tones[k] != "orange"}
        way.append(min(whole or ahead, key=order.index))


def _by_way_of(life: Life, way: Sequence[str], state: str) -> list[str]:
    """Give the path with a side state put in behind the last state it is entered from, and what it leads on
    to."""
    order = [s.key for s in life.states]
    entered = [way.index(t.source) for t in life.transitions if t.target == state and t.source in way]
    place = 1 + (max(entered) if entered else sum(order.index(k) < order.index(state) for k in way) - 1)
    onward = [way.index(t.target) for t in life.transitions if t.source == state and t.target in way[place:]]
    return [*way[:place], state, *(way[min(onward) :] if onward else ())]


def new_page(request: HttpRequest, noun: Noun) -> HttpResponse:
    """Give an empty form, or one filled like the record named by `like`; make the record when it is sent."""
    ctx, spec = request.ctx, noun.spec
    _require_form(noun, "create")
    if request.method == "POST":
        return _make(request, noun)
    ctx.require(spec.permission("create"), spec.label)
    values: dict[str, Any] = {k: v for k, v in request.GET.items() if spec.has_field(k)}
    if request.GET.get("like"):
        values = _copied(ctx, noun, UUID(request.GET["like"])) | values
    elif spec.has_field("plant") and ctx.plant and "plant" not in values:
        values["plant"] = str(ctx.plant)
    return _form(request, noun, values, None)


def edit_page(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give the form of a record, and change the record when it is sent."""
    ctx, spec = request.ctx, noun.spec
    _require_form(noun, "change")
    if request.method == "POST":
        return _change(request, noun, key)
    record = reading.read_record(ctx, noun, key)
    ctx.require(spec.permission("change"), spec.label)
    return _form(request, noun, record, record)


def shape_part(request: HttpRequest, noun: Noun) -> HttpResponse:
    """Give the part of a form that depends on another of its fields, such as settings on the connector."""
    ctx, spec = request.ctx, noun.spec
    if not (ctx.may(spec.permission("create")) or ctx.may(spec.permission("change"))):
        raise NotFound()
    field = next((f for f in visible(ctx, spec.fields) if f.key == request.GET.get("_field")), None)
    if field is None:
        raise NotFound()
    values = {k: v for k, v in request.GET.items() if k != field.key and spec.has_field(k)}
    filler = controls.Filler(acting.zone_of(request))
    return part(request, "web/shape.html", {"item": _item(noun, field, filler, None, values, None)})


def _shape(noun: Noun, field: FieldSpec, values: Mapping[str, Any]) -> tuple[str, type[BaseModel] | None, Label | None]:
    """Give what shapes a field of any content: the field it depends on, the model, and what else is to be said.

    A module says so by the port `NOUN.FIELD.shape` (the values of the form); without it a field has no shape.
    """
    if field.type != "json":
        return "", None, None
    return registry.port(f"{noun.spec.key}.{field.key}.shape", lambda _values: ("", None, None))(values)


def _control(noun: Noun, field: FieldSpec, values: Mapping[str, Any]) -> controls.Control:
    """Give the control of a field as the form's values shape it."""
    made = controls.of_field(field)
    shaped_by, model, _ = _shape(noun, field, values)
    if model:
        return replace(made, kind="group", nullable=False, columns=controls.deep(model))
    return replace(made, is_hidden=True) if shaped_by and not values.get(shaped_by) else made


def _require_form(noun: Noun, verb: str) -> None:
    """Refuse a form that nothing would take. Raises: NotFound for a noun that nobody makes or changes by hand"""
    if not registry.has_command(noun.spec.permission(verb)):
        raise NotFound()


def _form(
    request: HttpRequest, noun: Noun, values: Mapping[str, Any], record: Mapping[str, Any] | None
) -> HttpResponse:
    ctx, spec = request.ctx, noun.spec
    zone = acting.zone_of(request)
    named = record["_titles"] if record else _named(ctx, noun, values)
    picks = registry.port(f"{spec.key}.picks", dict)()
    filler = controls.Filler(zone, named, picks)
    wording = Wording(ctx.language, zone, ctx)
    fields = {f.key: f for f in visible(ctx, spec.fields)}
    sections, used = [], set()
    for section in spec.form:
        keys = [k for k in section.fields if k in fields]
        used.update(keys)
        items = [_item(noun, fields[k], filler, wording, values, record) for k in keys]
        items = [i for i in items if i]
        if items:
            sections.append({"label": section.label, "items": items, "is_folded": section.folded})
    rest = [f for k, f in fields.items() if k not in used and not f.readonly]
    if rest:
        sections.append(
            {
                "label": records.MORE,
                "is_folded": not any(f.required for f in rest),
                "items": [_item(noun, f, filler, wording, values, record) for f in rest],
            }
        )
    grids = filler.fill([controls.of_lines(ctx, line) for line in spec.lines], values)
    return page(
        request,
        "web/edit.html",
        {
            "noun": noun,
            "spec": spec,
            "record": record,
            "sections": sections,
            "grids": grids,
            "path": f"/{spec.path}",
            "area": areas.area_of(spec.area),
            "title": records.title_of(spec, record, record["_titles"]) if record else "",
            "back": f"/{spec.path}/{record['id']}" if record else f"/{spec.path}",
        },
    )


def _item(
    noun: Noun,
    field: FieldSpec,
    filler: controls.Filler,
    wording: Wording | None,
    values: Mapping[str, Any],
    record: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    """Give a field of the form: a control, or the value of a field that is only read."""
    if field.readonly and wording:
        if record is None or record.get(field.key) in (None, ""):
            return None
        return {"field": field, "html": wording.html(field, record.get(field.key), record["_titles"])}
    filled = filler.fill([_control(noun, field, values)], values)[0]
    shaped_by, _, note = _shape(noun, field, {**values, "id": record["id"]} if record else values)
    return {"field": field, "filled": filled, "is_wide": field.type in ("long_text", "json"), "shaped_by": shaped_by,
            "note": note}  # fmt: skip


def _make(request: HttpRequest, noun: Noun) -> HttpResponse:
    command = registry.command(noun.spec.permission("create"))
    with audits_refusals(request.ctx, command):
        request.ctx.require(command.permission, noun.spec.label)
        data = _taken(request, noun, keep_blank=False, prefix="records.0.")
    done = execute(request.ctx, command, data={"records": [data]})
    if request.POST.get("_then") == "new":
        return go(request, f"/{noun.spec.path}/new", MADE)
    return go(request, f"/{noun.spec.path}/{done.ids[0]}", MADE)


def _change(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    command = registry.command(noun.spec.permission("change"))
    with audits_refusals(request.ctx, command, ids=[key]):
        request.ctx.require(command.permission, noun.spec.label)
        record = reading.read_record(request.ctx, noun, key)
        given = _taken(request, noun, keep_blank=True)
    data = {k: v for k, v in given.items() if not _same(record.get(k), v)}
    here = f"/{noun.spec.path}/{key}"
    if not data:
        return go(request, here, SAME, tone="blue")
    version = request.POST.get("_version", "")
    versions = {key: int(version)} if version.isdigit() else None
    execute(request.ctx, command, ids=[key], data=data, versions=versions)
    return go(request, here, SAVED)


def _taken(request: HttpRequest, noun: Noun, *, keep_blank: bool, prefix: str = "") -> dict[str, Any]:
    """Give what the form holds as input data. Raises: Invalid for required fields left empty."""
    ctx = request.ctx
    values = request.POST.dict()
    fields = [_control(noun, f, values) for f in visible(ctx, noun.spec.fields) if not f.readonly]
    grids = [controls.of_lines(ctx, line) for line in noun.spec.lines]
    taker = controls.Taker(request.POST, acting.zone_of(request), keep_blank=keep_blank)
    data = taker.take([*fields, *grids], path=prefix)
    taker.faults.refuse_if_any()
    return data


def _same(old: Any, new: Any) -> bool:
    """Say whether a posted value says what the record already says."""
    if isinstance(new, list) and isinstance(old, list):
        return len(old) == len(new) and all(
            all(_same(o.get(k), v) for k, v in n.items())
            if isinstance(n, dict) and isinstance(o, dict)
            else o == n
            for o, n in zip(old, new, strict=True)
        )
    if isinstance(new, dict) and isinstance(old, dict):
        return old.keys() == new.keys() and all(_same(old[k], v) for k, v in new.items())
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if old in (None, "") and new in (None, ""):
        return True
    if isinstance(old, float) and re.fullmatch(r"-?\d+(\.\d+)?", str(new)):
        return old == float(new)
    return str(old) == str(new)


def _named(ctx: Context, noun: Noun, values: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Give the names of the records that prefilled values refer to, lines included."""
    wanted: dict[str, set[UUID]] = {}

    def collect(fields: tuple[FieldSpec, ...], row: Mapping[str, Any]) -> None:
        for field in fields:
            value = row.get(field.key)
            if field.type == "reference" and field.reference and value:
                try:
                    wanted.setdefault(field.reference, set()).add(UUID(str(value)))
                except ValueError:
                    raise NotFound() from None

    collect(noun.spec.fields, values)
    for line in noun.spec.lines:
        for row in values.get(line.key, ()):
            collect(line.fields, row)
    return {key: {str(i): t for i, t in titles(key, list(ids)).items()} for key, ids in wanted.items()}


def _copied(ctx: Context, noun: Noun, key: UUID) -> dict[str, Any]:
    """Give a record's values for a new one: without what is unique and what only the product sets."""
    record = reading.read_record(ctx, noun, key)
    values = {
        f.key: record[f.key]
        for f in visible(ctx, noun.spec.fields)
        if not f.readonly and not f.unique and record.get(f.key) is not None
    }
    for line in noun.spec.lines:
        keep = [f.key for f in visible(ctx, line.fields) if not f.readonly]
        values[line.key] = [{k: row[k] for k in keep if row.get(k) is not None} for row in record[line.key]]
    return values
