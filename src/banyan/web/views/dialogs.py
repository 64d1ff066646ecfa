"""Commands as dialogs: asked by a button, filled by a form made from the input, run by the kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.http import HttpRequest, HttpResponse
from pydantic import SecretStr

from banyan.kernel import access, reading, registry
from banyan.kernel.commands import Command, Outcome, audits_refusals, execute, noun_of
from banyan.kernel.context import Context
from banyan.kernel.models import Line
from banyan.kernel.nouns import Noun
from banyan.kernel.records import titles
from banyan.kernel.spec import LineSpec
from banyan.lib.errors import Invalid, NotFound, jsonable
from banyan.lib.labels import L, Label
from banyan.web import acting, controls, offers
from banyan.web.answers import go, noted, page, part
from banyan.web.cells import Titles, number, title_in
from banyan.web.controls import Control
from banyan.web.rest import answers as rest_answers

MOST_RECORDS = 2_000
SHOWN_RECORDS = 8
MOST_TILES = controls.MOST_TILES


def run(request: HttpRequest, noun: Noun, name: str) -> HttpResponse:
    """Give a command's dialog, or run the command.

    Takes:  ids: the records; data by the names of the dialog's controls; v.ID: the version a record was
            seen in; _each: every record for itself; _from: `record` or `list`, the page that asked
    Gives:  to a run: the page of what was made, or the news that the page behind is to be read again
    """
    command = registry.command(noun.spec.permission(name))
    if not command.screen:
        raise NotFound(
            "command_unknown",
            L("没有名为 {command} 的操作", "There is no command named {command}"),
            {"command": name},
        )
    if request.method == "POST":
        return _perform(request, noun, command)
    request.ctx.require(command.permission, command.label)
    return _dialog(request, noun, command, _ids(request, command))


def _ids(request: HttpRequest, command: Command) -> list[UUID]:
    source = request.POST if request.method == "POST" else request.GET
    found = [v for text in source.getlist("ids") for v in text.split(",") if v]
    try:
        keys = list(dict.fromkeys(UUID(v) for v in found))
    except ValueError:
        raise NotFound() from None
    if len(keys) > MOST_RECORDS:
        raise Invalid(
            "too_many_records",
            L("一次最多 {most} 条", "At most {most} records at once"),
            {"most": MOST_RECORDS},
        )
    if command.on == "records" and not keys:
        raise Invalid("nothing_selected", L("请先选择记录", "Select records first"))
    return keys


def _dialog(request: HttpRequest, noun: Noun, command: Command, ids: Sequence[UUID]) -> HttpResponse:
    ctx, spec = request.ctx, noun.spec
    shown_controls = _controls(ctx, noun, command)
    about, keys = _asked_on(request) or (noun, ids)
    _require_within(ctx, about, keys, command.permission if about is noun else about.spec.permission("read"))
    start = start_values(ctx, command, keys)
    most, usual = start.pop("_most", {}), start.pop("_usual", {})
    picks = _line_picks(ctx, about, shown_controls, keys) | start.pop("_choices", {})
    if command.is_big:
        picks = _few_choices(ctx, shown_controls, picks) | picks
    values = start | _given(request, shown_controls)
    named = _named(shown_controls, values)
    filler = controls.Filler(acting.zone_of(request), named, picks, most=most, usual=usual, is_tiled=command.is_big)
    filled = filler.fill(shown_controls, values)
    known = titles(about.spec.key, keys[:SHOWN_RECORDS])
    shown = {
        "noun": noun,
        "spec": spec,
        "offer": offers.offer(noun, command),
        "filled": filled,
        "ids": ids,
        "count": len(keys),
        "names": [known.get(k) or str(L("未编号", "No number yet")) for k in keys[:SHOWN_RECORDS]],
        "more": max(0, len(keys) - SHOWN_RECORDS),
        "path": f"/{spec.path}/do/{command.name}",
        "versions": {k.removeprefix("v."): v for k, v in request.GET.items() if k.startswith("v.")},
        "asked_by": request.GET.get("_from", ""),
        "is_wide": any(c.kind in ("rows", "group") for c in shown_controls),
        "is_big": command.is_big,
    }
    if request.headers.get("HX-Target") == "dialog-body":
        return part(request, "web/dialog.html", shown)
    return page(request, "web/dialog_page.html", shown)


def _controls(ctx: Context, noun: Noun, command: Command) -> tuple[Control, ...]:
    """Give the controls of a command's input; where that is the record itself, of the fields the person may see."""
    model = command.input_model()
    shown = controls.of_model(model) if model else ()
    return controls.seen(ctx, noun.spec, shown) if command.name in ("create", "change") else shown


def _require_within(ctx: Context, noun: Noun, keys: Sequence[UUID], permission: str) -> None:
    """Refuse a dialog about records beyond a person's reach: it tells their names and what may be done with them.

    Raises: NotFound for a record out of reach, NotAllowed
    """
    ctx.require(permission, noun.spec.label)
    limits = access.scope(ctx, noun, permission)
    if keys and limits is not None and noun.model._base_manager.filter(limits, pk__in=keys).count() < len(set(keys)):
        raise NotFound


def _asked_on(request: HttpRequest) -> tuple[Noun, list[UUID]] | None:
    """Give the record on whose page a command of another noun is asked for: `_on=sales.order:KEY`."""
    kind, _, key = request.GET.get("_on", "").partition(":")
    if not kind:
        return None
    try:
        return registry.noun(kind), [UUID(key)]
    except ValueError:
        raise NotFound() from None


def _given(request: HttpRequest, shown: Sequence[Control]) -> dict[str, Any]:
    """Give what the address fills in."""
    return {
        c.key: request.GET.getlist(c.key) if c.kind == "references" else request.GET[c.key]
        for c in shown
        if c.key in request.GET
    }


def _few_choices(
    ctx: Context, shown: Sequence[Control], known: Mapping[str, Any]
) -> dict[str, list[tuple[str, str]]]:
    """Give the records to tap of every input whose noun has only few; the others are typed."""
    found = {}
    for control in shown:
        noun = registry.noun(control.reference) if registry.has_noun(control.reference or "") else None
        if noun is None or control.kind != "reference" or control.key in known:
            continue
        if ctx.may(noun.spec.permission("read")):
            query = reading.Query(reading.only(control.only), limit=MOST_TILES + 1, columns=noun.spec.title[:1])
            rows = reading.list_records(ctx, noun, query).rows
            if 0 < len(rows) <= MOST_TILES:
                named = titles(noun.spec.key, [UUID(row["id"]) for row in rows])
                found[control.key] = [(row["id"], named.get(UUID(row["id"]), "")) for row in rows]
    return found


def start_values(ctx: Context, command: Command, ids: Sequence[UUID]) -> dict[str, Any]:
    """Give what a dialog is filled with at first: what the port `COMMAND.start` (ctx, ids) answers.

    Takes:  ids: of the records the command acts on, or of the one on whose page it is asked for
    Gives:  values by control; under `_choices`, by control, the (key, text) pairs to choose from; under `_most`
            how much of a number there is; under `_usual` texts to tap instead of typing
    """
    return dict(registry.port(f"{command.key}.start", lambda _ctx, _ids: {})(ctx, tuple(ids)))


def _line_picks(
    ctx: Context, noun: Noun, shown: Sequence[Control], ids: Sequence[UUID]
) -> dict[str, list[tuple[str, str]]]:
    """Give the choices of every input that names a line of the records, in words."""
    parts = [p for c in shown for p in (c, *c.columns) if p.is_key]
    wanted = {p.key: line for p in parts if (line := _line_named(noun, p))}
    if not wanted or not ids or len(ids) > SHOWN_RECORDS or not ctx.may(noun.spec.permission("read")):
        return {}
    found = reading.read_records(ctx, noun, ids)
    return {
        key: [
            (row["id"], _line_name(line, row, record["_titles"], place))
            for record in found
            for place, row in enumerate(record[line.key], start=1)
        ]
        for key, line in wanted.items()
    }


def _line_named(noun: Noun, control: Control) -> LineSpec | None:
    """Give the lines that an input names one of: by the table it refers to, else by its name."""
    key, lines = control.key, noun.spec.lines
    if control.reference:
        model = registry.noun(control.reference).model if registry.has_noun(control.reference) else None
        return next((line for line in lines if noun.line_models[line.key] is model), None)
    found = next((line for line in lines if line.key.startswith(key.removesuffix("_line"))), None)
    is_line = key == "line" or key.endswith("_line")
    return found or (lines[0] if is_line and lines else None)


def _line_name(line: LineSpec, row: Mapping[str, Any], named: Titles, place: int) -> str:
    """Give what a line is about: its own name with its number, else what it refers to first; another document's line
    says least and comes last."""
    if row.get("name") and row.get("sequence"):
        return f"{row['sequence']} {row['name']}"
    told = [f for f in line.fields if f.type == "reference" and f.reference and row.get(f.key)]
    first = min(told, key=lambda f: issubclass(registry.noun(f.reference).model, Line), default=None)
    amount = next((f for f in line.fields if f.type == "quantity" and row.get(f.key)), None)
    words = [f"{place}."]
    if first:
        words.append(title_in(named, first.reference, row[first.key]))
    elif row.get("name"):
        words.append(str(row["name"]))
    if amount:
        words.append(f"× {number(row[amount.key])}")
    return " ".join(words)


def _named(shown: Sequence[Control], values: Mapping[str, Any]) -> dict[str, Mapping[Any, str]]:
    wanted: dict[str, set[UUID]] = {}

    def collect(parts: Sequence[Control], row: Mapping[str, Any]) -> None:
        for control in parts:
            value = row.get(control.key)
            if value in (None, "", []):
                continue
            if control.kind == "rows":
                for one in value:
                    collect(control.columns, one)
            elif control.kind == "group":
                collect(control.columns, value)
            elif control.reference and not control.is_free:
                many = value if isinstance(value, (list, tuple)) else [value]
                wanted.setdefault(control.reference, set()).update(UUID(str(v)) for v in many)

    collect(shown, values)
    return {key: titles(key, list(ids)) for key, ids in wanted.items() if registry.has_noun(key)}


def _perform(request: HttpRequest, noun: Noun, command: Command) -> HttpResponse:
    with audits_refusals(request.ctx, command):
        request.ctx.require(command.permission, command.label)
        ids = _ids(request, command)
    data = _taken(request, noun, command, ids)
    versions = {UUID(k[2:]): int(v) for k, v in request.POST.items() if k.startswith("v.") and v.isdigit()}
    each = request.POST.get("_each") == "on" and len(ids) > 1
    outcome = execute(request.ctx, command, ids=ids, data=data, versions=versions or None, each=each)
    return _after(request, noun, command, outcome)


def _taken(request: HttpRequest, noun: Noun, command: Command, ids: Sequence[UUID]) -> dict[str, Any] | None:
    """Give what the dialog holds as input data, None for a command that takes none."""
    if command.input_model() is None:
        return None
    with audits_refusals(request.ctx, command, ids=ids):
        taker = controls.Taker(request.POST, acting.zone_of(request))
        data = taker.take(_controls(request.ctx, noun, command))
        taker.faults.refuse_if_any()
    return data


def _after(request: HttpRequest, noun: Noun, command: Command, outcome: Outcome) -> HttpResponse:
    ctx = request.ctx
    if outcome.faults:
        known = titles(noun.spec.key, list(outcome.faults))
        refused = [
            (known.get(k) or str(k)[:8], f"/{noun.spec.path}/{k}", r) for k, r in outcome.faults.items()
        ]
        shown = {"offer": offers.offer(noun, command), "done": len(outcome.ids), "refused": refused}
        return noted(part(request, "web/outcome.html", shown), None, **{"banyan:behind": True})
    note = _note(command, outcome)
    if rest_answers.has_secret(outcome.value):
        shown = {"offer": offers.offer(noun, command), "facts": _once(outcome.value, acting.zone_of(request))}
        return noted(part(request, "web/secret.html", shown), None, **{"banyan:behind": True})
    target = _target(ctx, command, outcome)
    if target:
        return go(request, target, note)
    if command.name == "delete" and request.POST.get("_from") == "record":
        return go(request, f"/{noun.spec.path}", note)
    table = _table(outcome.value, registry.port(f"{command.key}.heads", dict)())
    if table:
        return noted(
            part(request, "web/result.html", {"offer": offers.offer(noun, command), "table": table}),
            None,
            **{"banyan:behind": True},
        )
    return noted(HttpResponse(status=204), note, **{"banyan:reload": True})


def _note(command: Command, outcome: Outcome) -> Label:
    if isinstance(outcome.value, Label):
        return outcome.value
    if len(outcome.ids) > 1:
        return L("{command}：{count} 条", "{command}: {count}").filled(
            {"command": command.label, "count": len(outcome.ids)}
        )
    return L("已{command}", "Done: {command}").filled({"command": command.label})


def _once(value: Any, zone: ZoneInfo) -> list[tuple[Label | str, str, bool]]:
    """Give the facts of an answer that holds a secret, to be shown this once: label, text, whether it is the secret."""
    facts = [(f.metadata.get("label", f.name), getattr(value, f.name)) for f in fields(value)]
    return [(label, _plainly(one, zone), isinstance(one, SecretStr)) for label, one in facts if one is not None]


def _plainly(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _target(ctx: Context, command: Command, outcome: Outcome) -> str:
    """Give the address of what the command made, where it made one record of a noun the person may read."""
    value = outcome.value
    made = value if isinstance(value, (tuple, list)) else (value,)
    if not command.creates or not made:
        return ""
    found = noun_of(made[0]) if hasattr(made[0], "_meta") else None
    if found is None or not ctx.may(found.spec.permission("read")):
        return ""
    if len(made) == 1:
        return f"/{found.spec.path}/{made[0].pk}"
    return f"/{found.spec.path}?id:in={','.join(str(m.pk) for m in made[:100])}"


def _table(value: Any, labels: Mapping[str, Label]) -> dict[str, Any] | None:
    """Give an answer that is neither a record nor a text as a table: heads, and rows of (head, text); or pairs.

    Takes:  labels: what its members are called, where somebody says so (the port KEY.heads)
    """
    if is_dataclass(value) and not isinstance(value, (type, Label)):
        value = jsonable(value)
    if isinstance(value, (list, tuple)) and value and is_dataclass(value[0]):
        value = [jsonable(v) for v in value]
    if isinstance(value, Mapping) and value and all(not hasattr(v, "_meta") for v in value.values()):
        return {"heads": (), "rows": [[("", labels.get(k, k)), ("", _cell(v))] for k, v in jsonable(value).items()]}
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, Mapping) for v in value):
        keys = list(value[0])
        heads = [labels.get(key, key) for key in keys]
        rows = [[(labels.get(key, key), _cell(row.get(key))) for key in keys] for row in jsonable(value)]
        return {"heads": heads, "rows": rows}
    return None


def _cell(value: Any) -> Any:
    """Give a value of an answer as people read it; nothing for nothing."""
    if isinstance(value, bool):
        return L("是", "Yes") if value else L("否", "No")
    if isinstance(value, (Mapping, list, tuple)):
        return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() if value else None
    return value if value != "" else None
