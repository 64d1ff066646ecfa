"""What the dialogs of possible duplicates are filled with at first, and the way from a mapping table to its bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from banyan.integration.mapping.models import Candidate
from banyan.kernel import access, registry
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label


@answers("mapping.table.pages")
def bench_page(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way to the table's bench."""
    return (("test-pipe", L("映射台", "Mapping bench"), f"/integration/mapping/{record['id']}/bench"),)


@answers("mapping.key_link.pages")
@answers("mapping.duplicate.pages")
@answers("mapping.finding.pages")
def record_page(ctx: Context, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the way to the record of ours that it is about, where there is one that the person may read."""
    if not record["record"] or not registry.has_noun(record["entity"]):
        return ()
    noun = registry.noun(record["entity"])
    within = access.scope(ctx, noun, noun.spec.permission("read"))
    rows = noun.model._base_manager.filter(pk=record["record"])
    if not (rows if within is None else rows.filter(within)).exists():
        return ()
    return ((noun.spec.icon, noun.spec.label, f"/{noun.spec.path}/{record['record']}"),)


@answers("mapping.duplicate.decide.start")
def decide(ctx: Context, papers: Sequence[UUID]) -> dict[str, Any]:
    """Give the candidates to choose from. One statement."""
    return {"_choices": {"record": _candidates(papers)}}


@answers("mapping.duplicate.merge.start")
def merge(ctx: Context, papers: Sequence[UUID]) -> dict[str, Any]:
    """Give the candidates of which one stays. One statement."""
    return {"_choices": {"winner": _candidates(papers)}}


def _candidates(papers: Sequence[UUID]) -> list[tuple[UUID, str]]:
    rows = Candidate.objects.filter(duplicate__in=papers).order_by("position", "pk")
    found = {key: f"{title or key}（{rules}）" if rules else title or str(key)
             for key, title, rules in rows.values_list("record", "title", "rules")}  # fmt: skip
    return list(found.items())
