"""Records and commands over HTTP: each function takes a call, runs one query or command, and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from banyan.kernel import access, beside, files, finding, queries, reading, registry, schema
from banyan.kernel.commands import Command, Outcome, execute
from banyan.kernel.context import Context
from banyan.kernel.gathering import execute_gathered
from banyan.kernel.nouns import Noun
from banyan.kernel.queries import DeclaredQuery
from banyan.kernel.records import titles
from banyan.lib.errors import FieldFaults, Invalid, NotFound, jsonable
from banyan.lib.labels import L
from banyan.web.rest import answers, bodies, parameters

BULK_MOST = 10_000
TIMELINE_MOST = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One request, with who makes it and whether it is only a rehearsal."""

    request: HttpRequest
    ctx: Context
    dry_run: bool = False


# --- reading ------------------------------------------------------------------------------------------------


def list_records(call: Call, noun: Noun) -> HttpResponse:
    """Give a page of records as {items, next}."""
    query = parameters.query_of(noun, call.request.GET)
    page = reading.list_records(call.ctx, noun, query)
    rows, lines = page.rows, parameters.lines_of(noun, call.request.GET)
    if lines:
        full = {
            row["id"]: row
            for row in reading.read_records(call.ctx, noun, [UUID(r["id"]) for r in rows], expand=False)
        }
        rows = [row | {key: full[row["id"]][key] for key in lines if row["id"] in full} for row in rows]
    _expand(noun, rows, query.expand, page.titles)
    return answers.answer({"items": rows, "next": page.next or None}, Cache_Control="private, no-cache")


def read_record(call: Call, noun: Noun, key: UUID) -> HttpResponse:
    """Give one record with its lines, or 304 to whoever holds this version."""
    expand = parameters.names(call.request.GET.get("expand"))
    wanted = parameters.names(call.request.GET.get("fields"))
    row = reading.read_record(call.ctx, noun, key, expand=bool(expand))
    named = row.pop("_titles", {})
    tag = parameters.etag(row["version"])
    if not expand and parameters.is_known(call.request, tag):
        return answers.empty(304, ETag=tag)
    if wanted:
        row = _narrowed(noun, row, wanted)
    _expand(noun, [row], expand, named)
    return answers.answer(row, ETag=tag, Cache_Control="private, no-cache")


def _narrowed(noun: Noun, row: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    lines = {line.key for line in noun.spec.lines}
    for name in wanted:
        if name not in lines and name not in ("id", "version") and not noun.spec.has_field(name):
            raise Invalid(
                "field_unknown", L("没有字段 {field}", "There is no field {field}"), {"field": name}
            )
    return {key: value for key, value in row.items() if key in ("id", "version", *wanted)}


def _expand(
    noun: Noun, rows: Sequence[dict[str, Any]], wanted: Sequence[str], named: Mapping[str, Mapping[Any, str]]
) -> None:
    """Put {id, title} in the place of the references named, in records and in their lines (`lines.item`); where a
    field refers to several, in the place of each."""
    for path in wanted:
        line, _, key = path.rpartition(".")
        spec = next((ls for ls in noun.spec.lines if ls.key == line), None) if line else None
        fields = spec.fields if spec else () if line else noun.spec.fields
        field = next((f for f in fields if f.key == key and f.reference), None)
        if field is None:
            raise Invalid(
                "expand_unknown",
                L("{field} 不是引用，不能展开", "{field} is no reference to expand"),
                {"field": path},
            )
        known = {str(pk): title for pk, title in named.get(field.reference, {}).items()}
        for row in [inner for one in rows for inner in one.get(line, ())] if line else rows:
            value = row.get(key)
            if isinstance(value, list):
                row[key] = [_titled(one, known) for one in value]
            elif value:
                row[key] = _titled(value, known)


def _titled(key: str, known: Mapping[str, str]) -> dict[str, str]:
    return {"id": key, "title": known.get(key, "")}


def timeline(call: Call, noun: Noun, key: UUID) -> HttpResponse:
    """Give what has happened to a record, newest first."""
    _require_record(call.ctx, noun, key)
    moments = beside.timeline(call.ctx, noun, key, TIMELINE_MOST)
    items = [
        {
            "at": m.at.isoformat(),
            "kind": m.kind,
            "who": m.who,
            "through": m.through,
            "command": m.command,
            "text": m.text,
            "changes": [
                {"line": line, "field": field, "old": jsonable(old), "new": jsonable(new)}
                for line, field, old, new in m.changes
            ],
        }
        for m in moments
    ]
    return answers.answer({"items": items}, Cache_Control="private, no-cache")


def attachments(call: Call, noun: Noun, key: UUID) -> HttpResponse:
    """Give the files of a record, newest first."""
    _require_record(call.ctx, noun, key)
    items = [
        {
            "id": str(a.pk),
            "name": a.name,
            "digest": a.file_id,
            "size": a.file.size,
            "media_type": a.file.media_type,
            "created_at": a.created_at.isoformat(),
            "href": f"{answers.ROOT}/{noun.spec.path}/{key}/attachments/{a.pk}",
        }
        for a in beside.attachments([key])
    ]
    return answers.answer({"items": items}, Cache_Control="private, no-cache")


def attachment(call: Call, noun: Noun, key: UUID, which: UUID) -> HttpResponse:
    """Give the content of a record's file."""
    _require_record(call.ctx, noun, key)
    found = next((a for a in beside.attachments([key]) if a.pk == which), None)
    if found is None:
        raise NotFound("attachment_unknown", L("该记录没有这个附件", "The record has no such attachment"))
    path = files.content(found.file_id)

    def pieces():
        with path.open("rb") as content:
            while piece := content.read(65536):
                yield piece

    return answers.download(pieces(), found.name, found.file.media_type)


def _require_record(ctx: Context, noun: Noun, key: UUID) -> None:
    """Refuse a record that is not there or lies outside the caller's scope. Raises: NotFound, NotAllowed."""
    reading.require_read(ctx, noun)
    rows = noun.model._base_manager.filter(pk=key)
    limits = access.scope(ctx, noun, noun.spec.permission("read"))
    if limits is not None:
        rows = rows.filter(limits)
    if not rows.exists():
        raise NotFound(
            "not_found", L("找不到该{noun}", "No such {noun}"), {"noun": noun.spec.label, "id": key}
        )


# --- writing ------------------------------------------------------------------------------------------------


def create(call: Call, noun: Noun) -> HttpResponse:
    """Make one record: 201 with its address and all of it, or with `Prefer: return=minimal` its key."""
    cmd = registry.command(noun.spec.permission("create"))
    data = bodies.read_object(call.request)

    is_brief = "return=minimal" in call.request.headers.get("Prefer", "")

    def render(done: Outcome) -> dict[str, Any]:
        made = [r for r in done.records if isinstance(r, noun.model)]
        if len(made) != 1:
            return answers.kept(
                {"record": None, "result": answers.told(done.value)}, 200 if call.dry_run else 201
            )
        row = _brief(made[0]) if is_brief else _shown(call.ctx, noun, made[0])
        headers = {"ETag": parameters.etag(row["version"])}
        if not call.dry_run:
            headers["Location"] = f"{answers.ROOT}/{noun.spec.path}/{row['id']}"
        return answers.kept(row, 200 if call.dry_run else 201, headers)

    wrapped = takes_records(cmd)
    try:
        return _done(call, cmd, render, data={"records": [data]} if wrapped else data)
    except Invalid as refusal:
        raise _unwrapped(refusal) if wrapped else refusal from None


def takes_records(cmd: Command) -> bool:
    """Say whether a create takes a list of records, as the generic ones do."""
    model = cmd.input_model()
    return model is not None and "records" in model.model_fields


def _unwrapped(refusal: Invalid) -> Invalid:
    """Give a refusal with its paths counted from the one record that was sent."""
    fields = {
        path.removeprefix("records.0.").removeprefix("records.0") or "__root__": f
        for path, f in refusal.fields.items()
    }
    moved = Invalid(refusal.code, refusal.label, refusal.facts, fields=fields)
    moved.way_out = refusal.way_out
    return moved


def change(call: Call, noun: Noun, key: UUID) -> HttpResponse:
    """Change what the body names; give the record as it is now. If-Match is required."""
    versions = parameters.versions_of(call.request, noun, key, is_required=True)
    cmd = registry.command(noun.spec.permission("change"))
    return _done(
        call,
        cmd,
        _render_record(call, noun),
        ids=(key,),
        data=bodies.read_object(call.request),
        versions=versions,
    )


def delete(call: Call, noun: Noun, key: UUID) -> HttpResponse:
    """Delete a draft. If-Match is required."""
    versions = parameters.versions_of(call.request, noun, key, is_required=True)
    cmd = registry.command(noun.spec.permission("delete"))
    return _done(call, cmd, lambda _: answers.kept(None, 204), ids=(key,), versions=versions)


def command_on_record(call: Call, noun: Noun, key: UUID, cmd: Command) -> HttpResponse:
    """Run a record's command: {record, result}. If-Match is heeded where it is sent."""
    versions = parameters.versions_of(call.request, noun, key, is_required=False)

    def render(done: Outcome) -> dict[str, Any]:
        row = _shown(call.ctx, noun, done.records[0]) if done.records else None
        headers = {"ETag": parameters.etag(row["version"])} if row else {}
        return answers.kept({"record": row, "result": answers.told(done.value)}, 200, headers)

    return _done(call, cmd, render, ids=(key,), data=_input(call, cmd), versions=versions)


def command_on_noun(call: Call, cmd: Command) -> HttpResponse:
    """Run a command that acts on no record: {record: null, result}, 201 where it made records."""

    def render(done: Outcome) -> dict[str, Any]:
        is_new = bool(cmd.creates and done.records and not call.dry_run)
        headers = {}
        if is_new and len(done.records) == 1:
            href = answers.reference(done.records[0]).get("href")
            headers = {"Location": href} if href else {}
        return answers.kept(
            {"record": None, "result": answers.told(done.value)}, 201 if is_new else 200, headers
        )

    return _done(call, cmd, render, data=_input(call, cmd))


def _input(call: Call, cmd: Command) -> dict[str, Any] | None:
    data = bodies.read_object(call.request)
    return data or None if cmd.input_model() is None else data


def _render_record(call: Call, noun: Noun) -> Callable[[Outcome], dict[str, Any]]:
    def render(done: Outcome) -> dict[str, Any]:
        row = _shown(call.ctx, noun, done.records[0])
        return answers.kept(row, 200, {"ETag": parameters.etag(row["version"])})

    return render


def _shown(ctx: Context, noun: Noun, record: Any) -> dict[str, Any]:
    """Give a record as it is now; to whoever may write but not read it, only its key and version."""
    if ctx.may(noun.spec.permission("read")):
        empty = getattr(record, "empty_lines", ())
        found = reading.read_records(ctx, noun, (record.pk,), expand=False, without=empty)
        if found:
            return found[0]
    return _brief(record)


def _brief(record: Any) -> dict[str, Any]:
    return {"id": str(record.pk), "version": getattr(record, "version", 1)}


def _done(call: Call, cmd: Command, render: Callable[[Outcome], Any], **given: Any) -> HttpResponse:
    """Run a command and give its answer, the stored one where the caller's key was seen before."""
    if cmd.together is not None and given.keys() == {"data"} and not call.dry_run:
        outcome = execute_gathered(call.ctx, cmd, render=render, **given)
    else:
        outcome = execute(call.ctx, cmd, dry_run=call.dry_run, render=render, **given)
    if outcome.is_replay:
        stored = outcome.answer or answers.kept(
            {"record": None, "result": [{"id": str(i)} for i in outcome.ids]}
        )
        return answers.replayed(stored, is_replay=True)
    answer = outcome.answer
    if answers.has_secret(outcome.value) and not call.dry_run:
        answer = answers.kept(
            {"record": None, "result": answers.told(outcome.value, with_secrets=True)},
            answer["status"],
            answer["headers"],
        )
    return answers.replayed(answer, is_replay=False)


# --- many at once -------------------------------------------------------------------------------------------


class Bulk(schema.Input):
    """One command for many: new records, records each with its own input, or ids with one input."""

    command: schema.Text = schema.field("操作", "Command", max_length=80)
    records: list[dict[str, Any]] | None = schema.field(
        "记录", "Records", None, min_length=1, max_length=BULK_MOST
    )
    ids: list[UUID] | None = schema.field("标识", "Keys", None, min_length=1, max_length=BULK_MOST)
    input: dict[str, Any] | None = schema.field("内容", "Input", None)
    versions: dict[UUID, int] | None = schema.field("版本", "Versions", None)
    mode: schema.Text = schema.field("方式", "Mode", "all", pattern="^(all|each)$")
    dry_run: bool = schema.field("只试不做", "Dry run", False)


def bulk(call: Call, noun: Noun) -> HttpResponse:
    """Run a command for many records: all or none, or each for itself with its own refusal.

    Gives:  {done, refused, results}, a result per record in the order sent
    """
    asked = schema.parse(Bulk, bodies.read_object(call.request))
    cmd = registry.command(noun.spec.permission(asked.command)) if "." not in asked.command else None
    if (
        cmd is None
        or not cmd.rest
        or (cmd.on == "noun" and not (asked.command == "create" and takes_records(cmd)))
    ):
        raise Invalid(
            "bulk_command",
            L("{command} 不能批量执行", "{command} cannot be run in bulk"),
            {"command": asked.command},
        )
    is_each, call = asked.mode == "each", Call(call.request, call.ctx, call.dry_run or asked.dry_run)
    if asked.command == "create":
        given, order = _new_records(asked, is_each)
    elif asked.records is not None:
        given, order = _changed_records(asked)
    else:
        given, order = _same_for_all(asked, cmd)

    def render(done: Outcome) -> dict[str, Any]:
        return answers.kept(_results(call, done, order, is_new=asked.command == "create"))

    return _done(call, cmd, render, each=is_each, **given)


def _new_records(asked: Bulk, is_each: bool) -> tuple[dict[str, Any], list[Any]]:
    if asked.records is None or asked.ids is not None or asked.input is not None:
        raise _wants("records")
    order = list(range(len(asked.records)))
    if is_each:
        return {"inputs": [{"records": [row]} for row in asked.records]}, order
    return {"data": {"records": asked.records}}, order


def _changed_records(asked: Bulk) -> tuple[dict[str, Any], list[Any]]:
    if asked.ids is not None or asked.input is not None or asked.versions is not None:
        raise _wants("records")
    faults, ids, inputs, versions = FieldFaults(), [], [], {}
    for n, row in enumerate(asked.records or ()):
        rest = dict(row)
        try:
            key = UUID(str(rest.pop("id", "")))
        except ValueError:
            faults.add(("records", n, "id"), L("不是有效的标识", "is not a valid key"))
            continue
        if key in ids:
            faults.add(("records", n, "id"), L("出现了两次", "is given twice"))
        version = rest.pop("version", None)
        if version is not None:
            if not isinstance(version, int) or isinstance(version, bool):
                faults.add(("records", n, "version"), L("须为整数", "must be a whole number"))
            versions[key] = version
        ids.append(key)
        inputs.append(rest)
    faults.refuse_if_any()
    return {"ids": ids, "inputs": inputs, "versions": versions}, ids


def _same_for_all(asked: Bulk, cmd: Command) -> tuple[dict[str, Any], list[Any]]:
    if asked.ids is None:
        raise _wants("ids")
    ids = list(dict.fromkeys(asked.ids))
    data = asked.input if cmd.input_model() is not None else asked.input or None
    return {"ids": ids, "data": data, "versions": asked.versions}, ids


def _wants(what: str) -> Invalid:
    return Invalid(
        "bulk_shape",
        L("这里要给出 {what}，而不是别的", "Give {what} here, and not the others"),
        {"what": what},
    )


def _results(call: Call, done: Outcome, order: Sequence[Any], *, is_new: bool) -> dict[str, Any]:
    made = iter(done.records)
    by_key = {} if is_new else {record.pk: record for record in done.records}
    results = []
    for place, key in enumerate(order):
        refusal = done.faults.get(key)
        if refusal is None:
            record = next(made) if is_new else by_key[key]
            results.append(
                {
                    "index": place,
                    "status": 201 if is_new else 200,
                    "id": str(record.pk),
                    "version": getattr(record, "version", 1),
                }
            )
        else:
            refusal = _unwrapped(refusal) if is_new and isinstance(refusal, Invalid) else refusal
            results.append(
                {
                    "index": place,
                    "status": refusal.status,
                    "id": None if is_new else str(key),
                    "problem": refusal.as_problem(call.ctx.language),
                }
            )
    return {"done": len(order) - len(done.faults), "refused": len(done.faults), "results": results}


# --- across nouns -------------------------------------------------------------------------------------------


def find(call: Call) -> HttpResponse:
    """Give records of any noun that contain a term."""
    term, limit = call.request.GET.get("q", ""), parameters.find_limit(call.request.GET.get("limit"))
    items = [
        {**one, "href": f"{answers.ROOT}/{registry.noun(one['noun']).spec.path}/{one['id']}"}
        for one in finding.find(call.ctx, term[:200], limit=limit)
    ]
    return answers.answer({"items": items}, Cache_Control="private, no-cache")


def ask(call: Call, asked: DeclaredQuery) -> HttpResponse:
    """Answer a declared query whose input is the body: {columns, items}."""
    return _asked(call, asked, bodies.read_object(call.request))


def ask_by_address(call: Call, asked: DeclaredQuery) -> HttpResponse:
    """Answer a declared query whose input stands in the address: `?first=2026-01-01&last=2026-01-31`."""
    return _asked(call, asked, parameters.asked_of(call.request.GET))


def _asked(call: Call, asked: DeclaredQuery, data: Mapping[str, Any]) -> HttpResponse:
    if asked.input is None and data:
        raise Invalid("takes_no_input", L("该查询不需要填写内容", "This query takes no input"))
    language = call.ctx.language
    columns = [
        {"key": c.key, "label": c.label.in_(language), "type": c.type, "is_summed": c.is_summed}
        for c in asked.columns
    ]
    return answers.answer(
        {"columns": columns, "items": queries.ask(call.ctx, asked, data)}, Cache_Control="private, no-cache"
    )


def me(call: Call) -> HttpResponse:
    """Give who is calling, and what they may do."""
    who = call.ctx.principal
    plants = titles("company.plant", who.plants) if who.plants and registry.has_noun("company.plant") else {}
    return answers.answer(
        {
            "id": str(who.id),
            "login": who.login,
            "name": who.name,
            "language": who.language,
            "is_program": who.is_program,
            "roles": list(who.roles),
            "plants": [{"id": str(p), "title": plants.get(p, "")} for p in who.plants],
            "teams": [str(t) for t in who.teams],
            "employee": str(who.employee) if who.employee else None,
            "grants": [{"permission": p, "reach": r} for p, r in who.grants],
            "limits": list(who.limits) if who.limits is not None else None,
        },
        Cache_Control="private, no-cache",
    )
