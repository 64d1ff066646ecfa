"""What lies beside every record: comments with mentions, files, and what has happened to it.

`comment`, `attach` and `detach` are commands of every noun, registered with its generic ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from banyan.kernel import registry
from banyan.kernel.commands import Command, name_of
from banyan.kernel.context import Context
from banyan.kernel.models import Attachment, Audit, Comment, History, InboxItem, StoredFile, User
from banyan.kernel.nouns import Noun
from banyan.kernel.schema import Input, Text, field
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.labels import L


class Say(Input):
    """A comment; `mentions` are users who find it in their inbox."""

    text: Text = field("内容", "Text", min_length=1, max_length=5_000)
    mentions: list[UUID] = field("提到", "Mentions", default_factory=list, reference="kernel.user", max_length=50)


class Attach(Input):
    """A stored file, by its digest, under a name."""

    digest: str = field("文件", "File", pattern="^[0-9a-f]{64}$")
    name: Text = field("文件名", "File name", min_length=1, max_length=255)


class Detach(Input):
    attachment: UUID = field("附件", "Attachment")


@registry.with_each_noun
def add_beside_commands(noun: Noun) -> None:
    """Register comment, attach and detach of a noun."""
    spec = noun.spec
    for command in (
        Command(
            key=spec.permission("comment"), label=L("评论", "Comment"), permission=spec.permission("read"),
            function=lambda ctx, records, data: say(ctx, noun, records, data), input=Say, icon="message",
            screen=False, bumps=False,
        ),
        Command(
            key=spec.permission("attach"), label=L("添加附件", "Attach"), permission=spec.permission("change"),
            function=lambda ctx, records, data: attach(ctx, noun, records, data), input=Attach, icon="paperclip",
            screen=False, bumps=False,
        ),
        Command(
            key=spec.permission("detach"), label=L("移除附件", "Detach"), permission=spec.permission("change"),
            function=lambda ctx, records, data: detach(ctx, noun, records, data), input=Detach, icon="trash",
            screen=False, bumps=False,
        ),
    ):
        if not registry.has_command(command.key) or registry.command(command.key).function.__module__ == __name__:
            registry.add_command(command)


def say(ctx: Context, noun: Noun, records: Sequence[Any], data: Say) -> None:
    """Write a comment beside each record and tell those mentioned."""
    Comment.objects.bulk_create(
        Comment(noun=noun.spec.key, record=r.pk, text=data.text, mentions=data.mentions,
                created_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person)
        for r in records
    )
    known = set(User.objects.filter(pk__in=data.mentions).values_list("pk", flat=True))
    if set(data.mentions) - known:
        raise Invalid(fields={"mentions": L("找不到所选的用户", "no such user")})
    for record in records:
        name = name_of(noun, record)
        notify(
            ctx, sorted(known), "mention",
            L("{who} 在 {record} 中提到了您：{text}", "{who} mentioned you at {record}: {text}")
            .filled({"who": ctx.principal.name, "record": name, "text": data.text[:200]}), noun.spec.key, record.pk,
        )


def notify(
    ctx: Context, people: Sequence[UUID], kind: str, text: Any, noun: str = "", record: UUID | None = None
) -> None:
    """Put something into people's inboxes. Takes: people: user ids; text: a Label."""
    InboxItem.objects.bulk_create(
        InboxItem(person_id=one, kind=kind, text_zh=text.zh[:500], text_en=text.en[:500], noun=noun, record=record,
                  created_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person)
        for one in people
    )


def settle(ctx: Context, kinds: Sequence[str], noun: str, records: Sequence[UUID]) -> int:
    """Take what was put into people's inboxes about records out again: nobody need act any more. Gives: how many."""
    waiting = InboxItem.objects.filter(kind__in=kinds, noun=noun, record__in=list(records), done_at=None)
    return waiting.update(done_at=ctx.now, changed_at=ctx.now, changed_by_id=ctx.person)


def attach(ctx: Context, noun: Noun, records: Sequence[Any], data: Attach) -> tuple[Attachment, ...]:
    """Hang a stored file on each record."""
    if not StoredFile.objects.filter(pk=data.digest).exists():
        raise NotFound("file_unknown", L("文件尚未上传", "The file has not been uploaded"), {"digest": data.digest})
    made = [
        Attachment(noun=noun.spec.key, record=r.pk, file_id=data.digest, name=data.name, created_at=ctx.now,
                   created_by_id=ctx.person, changed_by_id=ctx.person)
        for r in records
    ]
    Attachment.objects.bulk_create(made)
    return tuple(made)


def detach(ctx: Context, noun: Noun, records: Sequence[Any], data: Detach) -> None:
    """Take a file off a record; its content stays until nothing refers to it."""
    gone = Attachment.objects.filter(pk=data.attachment, record__in=[r.pk for r in records]).delete()[0]
    if not gone:
        raise NotFound("attachment_unknown", L("该记录没有这个附件", "The record has no such attachment"))


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened to a record: `kind` is command, change or comment."""

    at: datetime
    kind: str
    who: str
    through: str = ""
    command: str = ""
    text: str = ""
    changes: tuple[tuple[str, str, Any, Any], ...] = ()


def attachments(keys: Sequence[UUID]) -> list[Attachment]:
    """Give the files of records, newest first, with their stored file."""
    return list(Attachment.objects.filter(record__in=keys).select_related("file").order_by("-created_at"))


def timeline(ctx: Context, noun: Noun, key: UUID, limit: int = 100) -> list[Moment]:
    """Give what has happened to a record, newest first: commands, changed fields, comments. Four statements.

    Gives:  changes as (line label or empty, field label, old, new), only of fields the person may see
    """
    from banyan.kernel.access import may_see

    done = Audit.objects.filter(records__contains=[key], outcome="done").order_by("-seq")[:limit]
    changed = History.objects.filter(Q(record=key) | Q(parent=key)).order_by("-id")[: limit * 3]
    said = Comment.objects.filter(record=key).order_by("-created_at")[:limit]
    done, changed, said = list(done), list(changed), list(said)
    people = {a.person for a in done} | {c.created_by_id for c in said}
    people |= {UUID(h.actor.split("|")[0]) for h in changed if h.actor.count("|") == 2}
    names = dict(User.objects.filter(pk__in=people).values_list("pk", "name"))
    names[UUID(int=0)] = str(L("系统", "System"))
    tables = {noun.model._meta.db_table: ("", noun.spec.fields)}
    tables |= {noun.line_models[ls.key]._meta.db_table: (str(ls.label), ls.fields) for ls in noun.spec.lines}
    moments = [
        Moment(a.at, "command", names.get(a.person, a.program), a.through, a.command,
               str(registry.command(a.command).label) if registry.has_command(a.command) else a.command)
        for a in done
    ]
    for row in changed:
        line, fields = tables.get(row.table, ("", ()))
        seen = {f.column: f for f in fields if may_see(ctx, f)}
        old, new = row.old or {}, row.new or {}
        parts = row.actor.split("|")
        changes = tuple(
            (line, str(seen[c].label), old.get(c), new.get(c)) for c in (new or old) if c in seen
        )
        if changes and row.operation == "update" or (
            row.operation != "update" and row.table != noun.model._meta.db_table
        ):
            who = names.get(UUID(parts[0]), "") if len(parts) == 3 else row.actor
            through = parts[1] if len(parts) == 3 else ""
            moments.append(Moment(row.at, row.operation, who, parts[-1], through, "", changes))
    moments += [Moment(c.created_at, "comment", names.get(c.created_by_id, ""), text=c.text) for c in said]
    return sorted(moments, key=lambda m: m.at, reverse=True)[:limit]
