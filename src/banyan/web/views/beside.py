"""What lies beside a record: what has happened to it, comments, files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from banyan.kernel import beside, files, reading, registry
from banyan.kernel.access import may_see
from banyan.kernel.commands import audits_refusals, execute
from banyan.kernel.context import SYSTEM_ID, Context
from banyan.kernel.models import Attachment, Audit, Comment, History, User
from banyan.kernel.nouns import Noun
from banyan.kernel.records import titles
from banyan.kernel.spec import FieldSpec
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.labels import L, Label
from banyan.web import acting
from banyan.web.answers import noted, part
from banyan.web.cells import Wording

COMMANDS, CHANGES, COMMENTS = 60, 300, 60
SYSTEM_NAME = L("系统", "System")
BY_HAND = L("直接改数据库", "Changed in the database by hand")
THROUGH = {
    "screen": L("网页", "page"),
    "rest": L("接口", "interface"),
    "import": L("导入", "import"),
    "job": L("后台任务", "job"),
    "cli": L("终端", "terminal"),
    "story": L("演示", "story"),
}
VERBS = {"insert": L("加了一行", "line added"), "delete": L("删了一行", "line removed")}


@dataclass(frozen=True)
class Change:
    """A changed field: where (line or empty), which, from what to what."""

    line: str
    field: str
    old: str
    new: str
    verb: str = ""


@dataclass
class Happening:
    """One thing that happened: a command with what it changed, a comment, or a change by hand."""

    at: datetime
    when: str
    who: str
    what: str
    kind: str
    through: str = ""
    text: str = ""
    mentions: list[str] = dataclass_field(default_factory=list)
    changes: list[Change] = dataclass_field(default_factory=list)


def timeline(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give what has happened to a record, newest first, and where to comment."""
    reading.read_record(request.ctx, noun, key, expand=False)
    found = happenings(
        request.ctx, noun, key, Wording(request.ctx.language, acting.zone_of(request), request.ctx)
    )
    return part(request, "web/timeline.html", {"happenings": found, "here": f"/{noun.spec.path}/{key}"})


def happenings(ctx: Context, noun: Noun, key: UUID, wording: Wording) -> list[Happening]:
    """Give commands with the changes of their transaction, comments, and changes made by hand.

    Gives:  newest first; only fields the person may see. Four statements, and one per noun referred to
    """
    done = list(Audit.objects.filter(records__contains=[key], outcome="done").order_by("-seq")[:COMMANDS])
    changed = list(History.objects.filter(Q(record=key) | Q(parent=key)).order_by("-id")[:CHANGES])
    said = list(Comment.objects.filter(record=key).order_by("-created_at")[:COMMENTS])
    people = (
        {a.person for a in done} | {c.created_by_id for c in said} | {m for c in said for m in c.mentions}
    )
    people |= {UUID(row.actor.split("|")[0]) for row in changed if row.actor.count("|") == 2}
    names = dict(User.objects.filter(pk__in=[p for p in people if p]).values_list("pk", "name"))
    names[SYSTEM_ID] = str(SYSTEM_NAME)
    seen = _Fields(ctx, noun, changed, wording)
    made: dict[int, Happening] = {}
    for audit in done:
        if audit.command.endswith((".comment",)):
            continue
        command = (
            registry.command(audit.command).label if registry.has_command(audit.command) else audit.command
        )
        made.setdefault(
            audit.xid,
            Happening(
                audit.at,
                wording.instant(audit.at),
                names.get(audit.person, audit.program),
                str(command),
                "command",
                str(THROUGH.get(audit.through, audit.through)) if audit.through != "screen" else "",
            ),
        )
    births = {row.xid for row in changed if row.record == key and row.operation == "insert"}
    for row in changed:
        if row.operation == "insert" and row.xid in births:
            continue  # the record as it was made, with its first lines
        changes = seen.changes(row)
        if row.xid not in made and changes:
            made[row.xid] = _unaudited(row, names, wording)
        if changes:
            made[row.xid].changes += changes
    comments = [
        Happening(
            c.created_at,
            wording.instant(c.created_at),
            names.get(c.created_by_id, ""),
            "",
            "comment",
            text=c.text,
            mentions=[names.get(m, "") for m in c.mentions],
        )
        for c in said
    ]
    return sorted([*made.values(), *comments], key=lambda h: h.at, reverse=True)


def _unaudited(row: History, names: dict[UUID, str], wording: Wording) -> Happening:
    parts = row.actor.split("|")
    if len(parts) != 3:
        return Happening(row.at, wording.instant(row.at), row.actor, str(BY_HAND), "hand")
    label: Any = registry.command(parts[1]).label if registry.has_command(parts[1]) else parts[1]
    return Happening(
        row.at,
        wording.instant(row.at),
        names.get(UUID(parts[0]), ""),
        str(label),
        "command",
        str(THROUGH.get(parts[2], "")) if parts[2] != "screen" else "",
    )


class _Fields:
    """Words the columns of history rows: labels of fields, names of referenced records."""

    def __init__(self, ctx: Context, noun: Noun, rows: Iterable[History], wording: Wording) -> None:
        self.wording, self.own = wording, noun.model._meta.db_table
        self.tables: dict[str, tuple[Label | None, dict[str, FieldSpec]]] = {
            self.own: (None, _by_column(ctx, noun.spec.fields))
        }
        for line in noun.spec.lines:
            self.tables[noun.line_models[line.key]._meta.db_table] = (
                line.label,
                _by_column(ctx, line.fields),
            )
        wanted: dict[str, set[UUID]] = {}
        for row in rows:
            _, fields = self.tables.get(row.table, (None, {}))
            for values in (row.old or {}, row.new or {}):
                for column, value in values.items():
                    field = fields.get(column)
                    if field and field.type == "reference" and field.reference and value:
                        wanted.setdefault(field.reference, set()).add(UUID(value))
        self.titles = {key: titles(key, list(ids)) for key, ids in wanted.items() if registry.has_noun(key)}

    def changes(self, row: History) -> list[Change]:
        """Give the changes of one history row; of a line that came or went, what it holds."""
        line, fields = self.tables.get(row.table, (None, {}))
        old, new = row.old or {}, row.new or {}
        where = str(line) if line else ""
        if row.operation == "update":
            return [
                Change(
                    where,
                    str(fields[c].label),
                    self._text(fields[c], old.get(c)),
                    self._text(fields[c], new[c]),
                )
                for c in new
                if c in fields
            ]
        values = new or old
        words = [self._text(f, values[c]) for c, f in fields.items() if not f.readonly and values.get(c)]
        text = " · ".join(w for w in words if w)[:160]
        verb = str(VERBS[row.operation])
        return [Change(where, "", "", text, verb) if new else Change(where, "", text, "", verb)]

    def _text(self, field: FieldSpec, value: Any) -> str:
        if field.type == "instant" and isinstance(value, str):
            value = value.replace(" ", "T")
        try:
            return self.wording.text(field, value, self.titles)
        except ValueError:
            return str(value)


def _by_column(ctx: Context, fields: Iterable[FieldSpec]) -> dict[str, FieldSpec]:
    return {f.column: f for f in fields if may_see(ctx, f)}


@require_POST
def comment(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Say something about a record; those mentioned find it in their inbox."""
    data = {
        "text": request.POST.get("text", "").strip(),
        "mentions": [m for m in request.POST.getlist("mentions") if m],
    }
    execute(request.ctx, registry.command(noun.spec.permission("comment")), ids=[key], data=data)
    return timeline(request, noun, key)


def attachments(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give a record's files; a post adds files to them."""
    if request.method == "POST":
        _attach(request, noun, key)
    else:
        reading.read_record(request.ctx, noun, key, expand=False)
    return _files_part(request, noun, key)


def _attach(request: HttpRequest, noun: Noun, key: UUID) -> None:
    """Keep what was sent and hang it on a record; nothing is kept of whoever may not."""
    ctx, command = request.ctx, registry.command(noun.spec.permission("attach"))
    with audits_refusals(ctx, command, ids=[key]):
        ctx.require(command.permission, noun.spec.label)
        reading.read_record(ctx, noun, key, expand=False)
        given = request.FILES.getlist("files")
        if not given:
            raise Invalid("file_missing", L("请选择文件", "Choose a file"))
    for upload in given:
        stored = files.store(upload.name, upload.chunks())
        data = {"digest": stored.digest, "name": upload.name[:255]}
        execute(ctx.with_(key=None), command, ids=[key], data=data)


@require_POST
def detach(request: HttpRequest, noun: Noun, key: UUID, attachment: UUID) -> HttpResponse:
    """Take a file off a record."""
    execute(
        request.ctx,
        registry.command(noun.spec.permission("detach")),
        ids=[key],
        data={"attachment": str(attachment)},
    )
    return noted(_files_part(request, noun, key), L("附件已移除", "File removed"))


def _files_part(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    found = [(a, _size(a.file.size)) for a in beside.attachments([key])]
    return part(
        request,
        "web/files.html",
        {
            "attachments": found,
            "here": f"/{noun.spec.path}/{key}",
            "accepted": ",".join(sorted(files.ALLOWED)),
            "may_change": request.ctx.may(noun.spec.permission("change")),
        },
    )


def open_file(request: HttpRequest, attachment: UUID, *, small: bool = False) -> FileResponse:
    """Give an attached file, or its small picture, to whoever may read the record it belongs to.

    Raises: NotFound for a file out of the person's scope, too
    """
    found = Attachment.objects.filter(pk=attachment).select_related("file").first()
    if found is None or not registry.has_noun(found.noun):
        raise NotFound()
    reading.read_record(request.ctx, registry.noun(found.noun), found.record, expand=False)
    path = files.content(found.file_id)
    if small:
        path = path.with_suffix(".thumb")
        if not path.is_file():
            raise NotFound()
    media_type = "image/jpeg" if small else found.file.media_type
    is_shown = media_type in files.PICTURES or media_type == "application/pdf"
    answer = FileResponse(
        path.open("rb"), content_type=media_type, as_attachment=not is_shown, filename=found.name
    )
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    answer["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


@require_POST
def upload(request: HttpRequest) -> JsonResponse:
    """Keep one file for a field of a form that is still being filled in; give its digest."""
    given = request.FILES.get("file")
    if given is None:
        raise Invalid("file_missing", L("请选择文件", "Choose a file"))
    return JsonResponse({"digest": files.store(given.name, given.chunks()).digest, "name": given.name})


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB" if count >= 1024 * 1024 else f"{max(1, round(count / 1024))} KB"
