"""The chain of a document as a small map: a group per kind of document, in the order in which they follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from banyan.kernel import reading, registry
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import NounSpec
from banyan.kernel.titles import titles_of
from banyan.lib.labels import L
from banyan.web import chains
from banyan.web.answers import part
from banyan.web.cells import badge

SHOWN_PER_NOUN = 4
UNNUMBERED = L("未编号", "No number yet")


@dataclass(frozen=True)
class Box:
    """A document on the map."""

    title: str
    path: str
    state: SafeString | str
    is_here: bool


@dataclass(frozen=True)
class Group:
    """Documents of one noun; `more` stand behind the link."""

    spec: NounSpec
    boxes: tuple[Box, ...]
    more: int
    more_path: str

    @property
    def is_here(self) -> bool:
        return any(box.is_here for box in self.boxes)


def chain(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give the map of a record's chain, from its first origin to the last that followed, and what it
    booked."""
    ctx = request.ctx
    reading.read_record(ctx, noun, key, expand=False)
    here = (noun.spec.key, key)
    found = chains.chain_of(ctx, here)
    shown = {kind: _shown(ids, key) for kind, ids in _by_noun(found.nodes).items()}
    states, named = _states(shown), titles_of(shown)
    groups = [
        _group(registry.noun(kind), ids, shown[kind], states, named.get(kind, {}), key)
        for kind, ids in ordered(found).items()
    ]
    booked = [
        (registry.noun(one.noun).spec, one.count, f"/{registry.noun(one.noun).spec.path}?{one.query}")
        for one in chains.booked(ctx, found.nodes)
    ]
    return part(
        request,
        "web/chain.html",
        {"groups": groups, "is_alone": len(found.nodes) == 1, "is_cut": found.is_cut, "booked": booked},
    )


def ordered(found: chains.Chain) -> dict[str, list[UUID]]:
    """Give the documents of a chain by noun, causes before effects, earlier ones first.

    Keys grow with time, so that the smallest of a noun says when its first document was made.
    """
    left = _by_noun(found.nodes)
    before = {(a[0], b[0]) for a, b in found.links if a[0] != b[0]}
    made: dict[str, list[UUID]] = {}
    while left:
        free = [kind for kind in left if not any(a in left for a, b in before if b == kind)] or list(left)
        first = min(free, key=lambda kind: min(left[kind]))
        made[first] = sorted(left.pop(first))
    return made


def _by_noun(nodes: Iterable[chains.Node]) -> dict[str, list[UUID]]:
    found: dict[str, list[UUID]] = {}
    for kind, key in nodes:
        found.setdefault(kind, []).append(key)
    return found


def _shown(ids: list[UUID], here: UUID) -> list[UUID]:
    """Give the first few documents, and the one that is looked at in any case."""
    first = sorted(ids)[:SHOWN_PER_NOUN]
    return first if here not in ids or here in first else [*first[:-1], here]


def _group(
    noun: Noun,
    ids: list[UUID],
    shown: list[UUID],
    states: Mapping[UUID, str],
    named: Mapping[UUID, str],
    here: UUID,
) -> Group:
    spec = noun.spec
    boxes = tuple(
        Box(
            named.get(i) or str(UNNUMBERED),
            f"/{spec.path}/{i}",
            badge(spec.life.states, states[i]) if spec.life and i in states else "",
            i == here,
        )
        for i in shown
    )
    rest = len(ids) - len(shown)
    return Group(spec, boxes, rest, f"/{spec.path}?id:in={','.join(map(str, ids))}" if rest else "")


def _states(shown: Mapping[str, list[UUID]]) -> dict[UUID, str]:
    """Give the states of documents of any noun. One statement."""
    parts: list[Any] = []
    for kind, ids in shown.items():
        noun = registry.noun(kind)
        if noun.spec.life:
            state = F(noun.spec.life.field)
            parts.append(noun.model._base_manager.filter(pk__in=ids).order_by().values_list("pk", state))
    if not parts:
        return {}
    return dict(parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0])
