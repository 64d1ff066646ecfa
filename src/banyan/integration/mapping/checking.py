"""The cross-check of key links: records that are gone, records without a link, codes that are linked twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from banyan.integration.mapping.models import Finding, KeyLink
from banyan.integration.mapping.rules import compared
from banyan.kernel import registry
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.titles import titles
from banyan.lib.labels import L

#: Records without link that are told one by one, per system and entity; the rest is told as a number.
MOST_TOLD = 1_000


class Found(NamedTuple):
    """What is wrong, without words."""

    kind: str
    system: str
    entity: str
    code: str
    record: UUID | None


@command("mapping.finding.check", L("立即检查", "Check now"), on="noun", icon="refresh")
def cross_check(ctx: Context) -> dict[str, int]:
    """Check all links: what is found anew is written, what is no longer found is gone.

    Gives:  how many are open of each kind, how many were new and how many are gone
    Writes: findings. Five statements per entity
    """
    found = set(_all_found())
    known = {
        Found(f.kind, f.system, f.entity, f.code, f.record): f.pk for f in Finding.objects.filter(state="open")
    }
    new = sorted(found - known.keys(), key=lambda one: (one.entity, one.system, one.kind, one.code, str(one.record)))
    gone = [key for one, key in known.items() if one not in found]
    Finding.objects.filter(pk__in=gone).update(
        state="gone", gone_at=ctx.now, changed_at=ctx.now, changed_by_id=ctx.person
    )
    named = {entity: titles(entity, {one.record for one in new if one.entity == entity and one.record})
             for entity in {one.entity for one in new} if registry.has_noun(entity)}  # fmt: skip
    Finding.objects.bulk_create([
        Finding(
            kind=one.kind, system=one.system, entity=one.entity, code=one.code, record=one.record, found_at=ctx.now,
            title=named.get(one.entity, {}).get(one.record, "")[:200] if one.record else "",
            created_by_id=ctx.person, changed_by_id=ctx.person, created_at=ctx.now, changed_at=ctx.now,
        )
        for one in new
    ])  # fmt: skip
    kinds: dict[str, int] = defaultdict(int)
    for one in found:
        kinds[one.kind] += 1
    return {**{kind: kinds[kind] for kind in ("link_gone", "without_link", "linked_twice")},
            "new": len(new), "gone": len(gone)}  # fmt: skip


def _all_found() -> Iterator[Found]:
    by_entity: dict[str, list[tuple[str, str, UUID]]] = defaultdict(list)
    rows = KeyLink.objects.order_by("pk").values_list("entity", "system", "code", "record")
    for entity, system, code, record in rows:
        by_entity[entity].append((system, code, record))
    for entity, links in sorted(by_entity.items()):
        yield from _gone(entity, links)
        yield from _without(entity, {system for system, _, _ in links}, {(s, r) for s, _, r in links})
        yield from _twice(entity, links)


def _gone(entity: str, links: list[tuple[str, str, UUID]]) -> Iterator[Found]:
    if registry.has_noun(entity):
        rows = registry.noun(entity).model._base_manager.filter(pk__in={record for _, _, record in links})
        there = set(rows.values_list("pk", flat=True))
    else:
        there = set()
    for system, code, record in links:
        if record not in there:
            yield Found("link_gone", system, entity, code, record)


def _without(entity: str, systems: set[str], linked: set[tuple[str, UUID]]) -> Iterator[Found]:
    """Records that a system does not know, though it knows others of the entity; those switched off are left out."""
    if not registry.has_noun(entity):
        return
    noun = registry.noun(entity)
    rows = noun.model._base_manager.all()
    if noun.spec.has_field("is_active"):
        rows = rows.filter(is_active=True)
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    for system in sorted(systems):
        missing = [key for key in keys if (system, key) not in linked]
        for key in missing[:MOST_TOLD]:
            yield Found("without_link", system, entity, "", key)


def _twice(entity: str, links: list[tuple[str, str, UUID]]) -> Iterator[Found]:
    """Codes that differ only in case, width or blanks and are different records of ours."""
    folded: dict[tuple[str, str], list[tuple[str, UUID]]] = defaultdict(list)
    for system, code, record in links:
        folded[system, compared(code, "folded")].append((code, record))
    for (system, _), same in folded.items():
        if len({record for _, record in same}) > 1:
            for code, record in same:
                yield Found("linked_twice", system, entity, code, record)
