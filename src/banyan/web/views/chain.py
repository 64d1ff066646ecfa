"""The chain of a document as a small map."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from banyan.kernel import reading, registry
from banyan.kernel.nouns import Noun
from banyan.kernel.records import titles
from banyan.kernel.spec import NounSpec
from banyan.web import chains
from banyan.web.answers import part
from banyan.web.cells import badge

SHOWN_PER_NOUN = 4


@dataclass(frozen=True)
class Box:
    """A document on the map."""

    title: str
    path: str
    state: SafeString | str
    is_here: bool


@dataclass(frozen=True)
class Group:
    """Documents of one noun at one distance; `more` stand behind the link."""

    spec: NounSpec
    boxes: tuple[Box, ...]
    more: int
    more_path: str


def chain(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give the map of a record's chain, in columns from its origins to what followed."""
    ctx = request.ctx
    reading.read_record(ctx, noun, key, expand=False)
    found = chains.chain_of(ctx, (noun.spec.key, key))
    by_noun: dict[str, list[UUID]] = {}
    for node_noun, node_key in found.levels:
        by_noun.setdefault(node_noun, []).append(node_key)
    named = {k: titles(k, ids) for k, ids in by_noun.items()}
    states = {k: _states(registry.noun(k), ids) for k, ids in by_noun.items()}
    columns = []
    for level in sorted(set(found.levels.values())):
        groups: dict[str, list[UUID]] = {}
        for (node_noun, node_key), place in found.levels.items():
            if place == level:
                groups.setdefault(node_noun, []).append(node_key)
        columns.append(
            {
                "level": level,
                "groups": [
                    _group(registry.noun(k).spec, ids, named[k], states[k], key) for k, ids in groups.items()
                ],
            }
        )
    return part(
        request,
        "web/chain.html",
        {"columns": columns, "is_alone": len(found.levels) == 1, "is_cut": found.is_cut},
    )


def _group(
    spec: NounSpec, ids: list[UUID], named: dict[UUID, str], states: dict[UUID, str], here: UUID
) -> Group:
    shown = sorted(ids)[:SHOWN_PER_NOUN]
    boxes = tuple(
        Box(
            named.get(i) or str(spec.label),
            f"/{spec.path}/{i}",
            badge(spec.life.states, states[i]) if spec.life and i in states else "",
            i == here,
        )
        for i in shown
    )
    rest = len(ids) - len(shown)
    return Group(spec, boxes, rest, f"/{spec.path}?id:in={','.join(map(str, sorted(ids)))}" if rest else "")


def _states(noun: Noun, ids: list[UUID]) -> dict[UUID, str]:
    if not noun.spec.life:
        return {}
    return dict(noun.model._base_manager.filter(pk__in=ids).values_list("pk", noun.spec.life.field))
