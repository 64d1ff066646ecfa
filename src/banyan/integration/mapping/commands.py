"""Linking outside codes to our records: by hand, by rules, by decision over doubtful ones, by merging."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import Field

from banyan.integration.mapping.errors import (
    CodeTaken,
    NoRules,
    NotACandidate,
    NothingToMerge,
    RecordTaken,
    RecordUnknown,
)
from banyan.integration.mapping.models import Candidate, Duplicate, KeyLink, MatchRule, Merge, Survivorship
from banyan.integration.mapping.preparing import FieldUnknown, require_entity
from banyan.integration.mapping.rules import Rule, Verdict, Version, compared, survivors, verdict
from banyan.kernel import access, registry
from banyan.kernel.commands import command, execute, save
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.schema import Input, Text, field
from banyan.kernel.titles import titles
from banyan.lib.errors import jsonable
from banyan.lib.labels import L

MOST_THINGS = 5_000
MOST_LOSERS = 20


class Link(Input):
    system: Text = field("外部系统", "Outside system", max_length=60, min_length=1)
    entity: Text = field("实体", "Entity", help=L("如 parties.party", "Such as parties.party"), max_length=80)
    code: Text = field("外部编码", "Outside code", max_length=200, min_length=1)
    record: UUID | None = field("我方记录", "Our record", None)
    our_code: Text = field("我方编码", "Our code", "", help=L("代替记录", "Instead of the record"), max_length=200)
    is_main: bool = field("主编码", "Main code", True)
    reason: Text = field("依据", "Reason", "", max_length=240)


@command("mapping.key_link.link", L("关联", "Link"), input=Link, on="noun", creates=True, icon="link", is_primary=True)
def link(ctx: Context, data: Link) -> KeyLink:
    """Say that an outside code is one of our records; saying it twice is one link, a proposed one is confirmed.

    Raises: EntityUnknown, RecordUnknown, CodeTaken, RecordTaken; nothing is written
    Writes: a key link
    """
    noun = require_entity(data.entity)
    record = _record_of(ctx, noun, data.record, data.our_code)
    return make_links(ctx, data.system, data.entity, {data.code: record}, origin="person", reason=data.reason,
                   is_main=data.is_main)[0]  # fmt: skip


def _record_of(ctx: Context, noun: Any, record: UUID | None, code: str) -> UUID:
    rows = noun.model._base_manager.all()
    within = access.scope(ctx, noun, noun.spec.permission("read"))
    rows = rows if within is None else rows.filter(within)
    natural = noun.spec.natural_key
    if record is not None:
        found = rows.filter(pk=record)
    elif code and natural:
        found = rows.filter(**{natural: code})
    else:
        found = rows.none()
    key = found.values_list("pk", flat=True).first()
    if key is None:
        raise RecordUnknown(entity=noun.spec.label, record=record or code,
                            fields={"record": L("找不到该记录", "There is no such record")})  # fmt: skip
    return key


def make_links(
    ctx: Context, system: str, entity: str, wanted: Mapping[str, UUID], *, origin: str, reason: str = "",
    is_main: bool = True, state: str = "confirmed", reasons: Mapping[str, str] | None = None,
) -> list[KeyLink]:  # fmt: skip
    """Link outside codes to records of ours, or confirm those links that are there.

    Takes:  wanted: records by code; state: of links that are made; reasons: by code, where they differ
    Gives:  the links, those made and those that were there
    Raises: CodeTaken, RecordTaken
    Writes: key links
    """
    known = {one.code: one for one in KeyLink.objects.filter(system=system, entity=entity, code__in=wanted)}
    mains = dict(KeyLink.objects.filter(
        system=system, entity=entity, record__in=wanted.values(), is_main=True
    ).values_list("record", "code"))  # fmt: skip
    made, same = [], []
    for code, record in wanted.items():
        old = known.get(code)
        if old is not None:
            if old.record != record:
                raise CodeTaken(system=system, entity=entity, code=code, other=_title(entity, old.record))
            same.append(old)
            continue
        if is_main and record in mains:
            raise RecordTaken(system=system, record=_title(entity, record), code=mains[record])
        mains[record] = code
        made.append(KeyLink(
            system=system, entity=entity, code=code, record=record, is_main=is_main, state=state, origin=origin,
            reason=(reasons or {}).get(code, reason)[:240], created_by_id=ctx.person, changed_by_id=ctx.person,
            created_at=ctx.now, changed_at=ctx.now,
        ))  # fmt: skip
    KeyLink.objects.bulk_create(made)
    if state == "confirmed":
        locked = lock(KeyLink, [one.pk for one in same if one.state != "confirmed"])
        for one in locked.values():
            one.state = "confirmed"
        if locked:
            save(ctx, list(locked.values()))
        same = [locked.get(one.pk, one) for one in same]
    return [*made, *same]


def _title(entity: str, record: UUID) -> str:
    return titles(entity, [record]).get(record, str(record)) if registry.has_noun(entity) else str(record)


class Why(Input):
    reason: Text = field("原因", "Reason", max_length=240, min_length=1)


@command("mapping.key_link.unlink", L("取消关联", "Unlink"), input=Why, icon="unlink", tone="red", bumps=False)
def unlink(ctx: Context, links: Sequence[KeyLink], data: Why) -> None:
    """Take links away; the audit and the history keep what they were.

    Writes: deletes the links
    """
    KeyLink.objects.filter(pk__in=[one.pk for one in links]).delete()


@command("mapping.key_link.confirm", L("确认", "Confirm"), icon="check", is_primary=True)
def confirm(ctx: Context, links: Sequence[KeyLink]) -> None:
    """Confirm proposed links: from now on messages use them."""


class Thing(Input):
    """One outside thing: its code, and what the system says of it by the names that match rules use."""

    code: Text = Field(max_length=200, min_length=1)
    name: Text = Field("", max_length=200)
    facts: dict[str, Text] = Field(default_factory=dict, max_length=40)

    def fact(self, name: str) -> str:
        return self.code if name == "code" else self.name if name == "name" else self.facts.get(name, "")


class Match(Input):
    system: Text = field("外部系统", "Outside system", max_length=60, min_length=1)
    entity: Text = field("实体", "Entity", max_length=80)
    things: list[Thing] = field("对方的记录", "Their things", max_length=MOST_THINGS, min_length=1)


@command("mapping.key_link.match", L("匹配", "Match"), input=Match, on="noun", icon="arrows-diff", screen=False)
def match(ctx: Context, data: Match) -> dict[str, int]:
    """Link outside things to our records by the match rules; rehearse it with a dry run.

    Gives:  how many were linked already, confirmed, proposed, doubtful (in the queue of duplicates), unknown
    Raises: EntityUnknown, NoRules, FieldUnknown; nothing is written
    Writes: key links and duplicates. One statement per rule reads our records
    """
    noun = require_entity(data.entity)
    ctx.require(noun.spec.permission("read"), noun.spec.label)
    rules = _rules(data.system, noun)
    things = {thing.code: thing for thing in data.things}
    linked = set(KeyLink.objects.filter(
        system=data.system, entity=data.entity, code__in=things
    ).values_list("code", flat=True))  # fmt: skip
    open_things = [thing for code, thing in things.items() if code not in linked]
    verdicts = _verdicts(ctx, noun, data.system, rules, open_things)
    for outcome in ("confirmed", "proposed"):
        sure = {code: one for code, one in verdicts.items() if one.outcome == outcome}
        make_links(
            ctx, data.system, data.entity, {code: one.records[0][0] for code, one in sure.items()}, origin="match",
            state=outcome, reasons={code: ", ".join(one.records[0][1]) for code, one in sure.items()},
        )  # fmt: skip
    _queue(ctx, data, [(things[code], one) for code, one in verdicts.items() if one.outcome == "doubtful"])
    counted = Counter(one.outcome for one in verdicts.values())
    return {"linked": len(linked), **{name: counted[name] for name in ("confirmed", "proposed", "doubtful", "unknown")}}


def _rules(system: str, noun: Any) -> list[Rule]:
    rows = MatchRule.objects.filter(entity=noun.spec.key, system__in=["", system], is_active=True)
    rules = [Rule(r.fact, r.field, r.compare, r.decides) for r in rows.order_by("sequence", "created_at")]
    if not rules:
        raise NoRules(entity=noun.spec.label)
    for rule in rules:
        if not noun.spec.has_field(rule.field):
            raise FieldUnknown(entity=noun.spec.key, field=rule.field, known=[f.key for f in noun.spec.fields])
    return rules


def _verdicts(
    ctx: Context, noun: Any, system: str, rules: Sequence[Rule], things: Sequence[Thing]
) -> dict[str, Verdict]:
    """Give the verdict over each thing; two things that name one record are both doubtful."""
    named = [(rule, _records_by(ctx, noun, rule, things)) for rule in rules]
    everyone = {record for _, found in named for records in found.values() for record in records}
    taken = frozenset(KeyLink.objects.filter(
        system=system, entity=noun.spec.key, record__in=everyone, is_main=True
    ).values_list("record", flat=True))  # fmt: skip
    verdicts = {
        thing.code: verdict([
            (rule, found.get(compared(thing.fact(rule.fact), rule.compare), ())) for rule, found in named
        ], taken)
        for thing in things
    }  # fmt: skip
    chosen = Counter(one.records[0][0] for one in verdicts.values() if one.outcome in ("confirmed", "proposed"))
    return {
        code: Verdict("doubtful", one.records)
        if one.outcome in ("confirmed", "proposed") and chosen[one.records[0][0]] > 1 else one
        for code, one in verdicts.items()
    }  # fmt: skip


def _records_by(ctx: Context, noun: Any, rule: Rule, things: Iterable[Thing]) -> dict[str, list[UUID]]:
    """Give our records by the text that the rule compares. Exact rules ask for the texts, others read the column."""
    wanted = {compared(thing.fact(rule.fact), rule.compare) for thing in things} - {""}
    column = noun.spec.field(rule.field).column
    rows = noun.model._base_manager.all()
    within = access.scope(ctx, noun, noun.spec.permission("read"))
    rows = rows if within is None else rows.filter(within)
    if rule.compare == "exact":
        rows = rows.filter(**{f"{column}__in": wanted})
    found: dict[str, list[UUID]] = defaultdict(list)
    for key, value in rows.order_by("pk").values_list("pk", column).iterator():
        text = compared(value, rule.compare)
        if text in wanted:
            found[text].append(key)
    return found


def _queue(ctx: Context, data: Match, doubtful: Sequence[tuple[Thing, Verdict]]) -> None:
    waiting = set(Duplicate.objects.filter(
        system=data.system, entity=data.entity, code__in=[thing.code for thing, _ in doubtful], state="open"
    ).values_list("code", flat=True))  # fmt: skip
    named = titles(data.entity, {record for _, one in doubtful for record, _ in one.records})
    papers, candidates = [], []
    for thing, one in doubtful:
        if thing.code in waiting:
            continue
        paper = Duplicate(
            system=data.system, entity=data.entity, code=thing.code, name=thing.name, facts=dict(thing.facts),
            created_by_id=ctx.person, changed_by_id=ctx.person, created_at=ctx.now, changed_at=ctx.now,
        )  # fmt: skip
        papers.append(paper)
        candidates += [
            Candidate(duplicate=paper, position=place, record=record, title=named.get(record, "")[:200],
                      rules=", ".join(names)[:240])
            for place, (record, names) in enumerate(one.records)
        ]  # fmt: skip
    Duplicate.objects.bulk_create(papers)
    Candidate.objects.bulk_create(candidates)


# --- a person decides ---------------------------------------------------------------------------------------


class Decide(Input):
    record: UUID = field("是这条记录", "It is this record")
    reason: Text = field("原因", "Reason", "", max_length=240)


@command("mapping.duplicate.decide", L("确定是哪条", "Decide"), input=Decide, icon="check", is_primary=True)
def decide(ctx: Context, papers: Sequence[Duplicate], data: Decide) -> None:
    """Say which candidate the outside code is, and link it.

    Raises: NotACandidate, CodeTaken; nothing is written
    Writes: the decision, a key link; beside the record's main code where it has one
    """
    candidates = _candidates(papers)
    for paper in papers:
        if data.record not in candidates[paper.pk]:
            raise NotACandidate(fields={"record": L("不在候选之中", "Not among the candidates")})
        _link_or_add(ctx, paper.system, paper.entity, paper.code, data.record, data.reason, origin="person")
        paper.record, paper.reason = data.record, data.reason


@command("mapping.duplicate.dismiss", L("都不是", "None of them"), input=Why, icon="x")
def dismiss(ctx: Context, papers: Sequence[Duplicate], data: Why) -> None:
    """Say that the outside code is none of the candidates.

    Writes: the decision
    """
    for paper in papers:
        paper.reason = data.reason


class MergeCandidates(Input):
    winner: UUID = field("主记录", "Winner", help=L("保留的那条", "The one that stays"))
    reason: Text = field("原因", "Reason", max_length=240, min_length=1)


@command("mapping.duplicate.merge", L("合并候选", "Merge the candidates"), input=MergeCandidates, icon="git-merge",
         tone="orange")  # fmt: skip
def merge_candidates(ctx: Context, papers: Sequence[Duplicate], data: MergeCandidates) -> None:
    """Say that all candidates are one: merge them into the winner, and link the outside code to it.

    Raises: NotACandidate, NothingToMerge, what changing the winner refuses; nothing is written
    Writes: the merge, the winner, the others switched off, links
    """
    candidates = _candidates(papers)
    for paper in papers:
        if data.winner not in candidates[paper.pk]:
            raise NotACandidate(fields={"winner": L("不在候选之中", "Not among the candidates")})
        losers = [one for one in candidates[paper.pk] if one != data.winner]
        _merged(ctx, paper.entity, data.winner, losers, {}, data.reason)
        _link_or_add(ctx, paper.system, paper.entity, paper.code, data.winner, data.reason, origin="merge")
        paper.record, paper.reason = data.winner, data.reason


def _candidates(papers: Sequence[Duplicate]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for key, record in Candidate.objects.filter(duplicate__in=papers).order_by("position").values_list(
        "duplicate", "record"
    ):  # fmt: skip
        found[key].append(record)
    return found


class MergeRecords(Input):
    entity: Text = field("实体", "Entity", max_length=80)
    winner: UUID = field("主记录", "Winner")
    losers: list[UUID] = field("并入的记录", "Merged into it", min_length=1, max_length=MOST_LOSERS)
    take: dict[str, UUID] = field("逐字段指定", "By field", default_factory=dict, max_length=100)
    reason: Text = field("原因", "Reason", max_length=240, min_length=1)


@command("mapping.merge.make", L("合并记录", "Merge records"), input=MergeRecords, on="noun", creates=True,
         icon="git-merge", screen=False)  # fmt: skip
def merge_records(ctx: Context, data: MergeRecords) -> Merge:
    """Make several of our records one: values by the survivorship rules, or as `take` says field by field.

    Raises: EntityUnknown, RecordUnknown, NothingToMerge, what changing the winner refuses; nothing is written
    Writes: as `merge_candidates`
    """
    require_entity(data.entity)
    return _merged(ctx, data.entity, data.winner, data.losers, data.take, data.reason)


def _merged(
    ctx: Context, entity: str, winner: UUID, losers: Sequence[UUID], take: Mapping[str, UUID], reason: str
) -> Merge:
    noun = require_entity(entity)
    others = [one for one in dict.fromkeys(losers) if one != winner]
    if not others:
        raise NothingToMerge()
    change = registry.command(noun.spec.permission("change"))
    ctx.require(change.permission, change.label)
    found = lock(noun.model, [winner, *others], where=access.scope(ctx, noun, change.permission))
    for one in (winner, *others):
        if one not in found:
            raise RecordUnknown(entity=noun.spec.label, record=one)
    natural = noun.spec.natural_key
    fields = [f for f in access.visible(ctx, noun.spec.fields) if not f.readonly and f.key != natural]
    versions = {key: _version(row, fields) for key, row in found.items()}
    rules = dict(Survivorship.objects.filter(entity=entity).values_list("field", "keeps"))
    allowed = {f.key for f in fields}
    kept = survivors(versions[winner], [versions[one] for one in others],
                     {f: how for f, how in rules.items() if f in allowed})  # fmt: skip
    for name, owner in take.items():
        if name not in allowed or owner not in versions:
            raise FieldUnknown(entity=entity, field=name, known=sorted(allowed))
        kept.pop(name, None)
        if versions[owner].values[name] != versions[winner].values[name]:
            kept[name] = (versions[owner].values[name], owner)
    if kept:
        execute(ctx, change, ids=[winner], data={name: _sent(value) for name, (value, _) in kept.items()})
    _switch_off(ctx, noun, [found[one] for one in others])
    _move_links(ctx, entity, winner, others)
    made = Merge(
        entity=entity, winner=winner, losers=others, at=ctx.now, person_id=ctx.person, reason=reason,
        before={str(key): jsonable(dict(one.values)) for key, one in versions.items()},
        kept={name: {"value": jsonable(value), "from": str(owner)} for name, (value, owner) in kept.items()},
    )  # fmt: skip
    Merge.objects.bulk_create([made])
    return made


def _switch_off(ctx: Context, noun: Any, losers: Sequence[Any]) -> None:
    """Take merged records out of use, by the noun's own command where it has one; they are kept."""
    active = [row.pk for row in losers if getattr(row, "is_active", False)]
    if not active:
        return
    key = noun.spec.permission("deactivate")
    if registry.has_command(key):
        command_ = registry.command(key)
        ctx.require(command_.permission, command_.label)
        execute(ctx, command_, ids=active)
    elif not noun.spec.field("is_active").readonly:
        execute(ctx, registry.command(noun.spec.permission("change")), ids=active, data={"is_active": False})


def _version(row: Any, fields: Sequence[Any]) -> Version:
    return Version(row.pk, {f.key: getattr(row, f.column) for f in fields}, row.created_at, row.changed_at)


def _sent(value: Any) -> Any:
    return jsonable(value) if not isinstance(value, (list, dict)) else value


def _move_links(ctx: Context, entity: str, winner: UUID, losers: Sequence[UUID]) -> None:
    """Give the losers' outside codes to the winner; where it has a main code in a system, they stay as others."""
    rows = list(KeyLink.objects.filter(entity=entity, record__in=losers).values_list("pk", "system").order_by("pk"))
    mains = set(KeyLink.objects.filter(entity=entity, record=winner, is_main=True).values_list("system", flat=True))
    for key, system in rows:
        KeyLink.objects.filter(pk=key).update(
            record=winner, is_main=system not in mains, origin="merge", changed_at=ctx.now, changed_by_id=ctx.person
        )
        mains.add(system)


def _link_or_add(ctx: Context, system: str, entity: str, code: str, record: UUID, reason: str, origin: str) -> None:
    has_main = KeyLink.objects.filter(system=system, entity=entity, record=record, is_main=True).exclude(code=code)
    make_links(ctx, system, entity, {code: record}, origin=origin, reason=reason, is_main=not has_main.exists())
