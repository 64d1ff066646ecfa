"""The chain of documents a record stands in: what it came from, what came of it.

Derived from the specs alone: reference fields between documents, of the record or its lines, and origins kept
as (noun, id). A document is a noun with numbers. Upward it follows what a record refers to, downward what
refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from banyan.kernel import access, registry
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec

DEPTH = 4
MOST_NODES = 60
MOST_PER_EDGE = 200
Node = tuple[str, UUID]


@dataclass(frozen=True)
class Edge:
    """A way from one noun to another: `line` names the lines that hold it, `origin` the noun's column."""

    holder: str
    target: str | None
    column: str
    line: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Chain:
    """Documents by how far they stand from the record: negative are origins, positive what followed."""

    levels: dict[Node, int]
    links: frozenset[tuple[Node, Node]]
    is_cut: bool


_edges: dict[int, tuple[Edge, ...]] = {}


def edges() -> tuple[Edge, ...]:
    """Give every way between documents, kept for the present epoch of the registry."""
    if registry.epoch not in _edges:
        _edges.clear()
        documents = {n.spec.key for n in registry.nouns() if n.spec.numbering}
        found: list[Edge] = []
        for noun in registry.nouns():
            if noun.spec.key not in documents:
                continue
            found += _edges_of(noun.spec.key, "", noun.spec.fields, documents, noun.model)
            for line in noun.spec.lines:
                found += _edges_of(
                    noun.spec.key, line.key, line.fields, documents, noun.line_models[line.key]
                )
        _edges[registry.epoch] = tuple(found)
    return _edges[registry.epoch]


def _edges_of(
    holder: str, line: str, fields: Sequence[FieldSpec], documents: set[str], model: Any
) -> Iterable[Edge]:
    columns = {f.attname for f in model._meta.concrete_fields}
    if {"origin", "origin_noun"} <= columns:
        yield Edge(holder, None, "origin", line, "origin_noun")
    for field in fields:
        if field.type == "reference" and field.reference in documents and field.column != "origin":
            yield Edge(holder, field.reference, field.column, line)


def chain_of(ctx: Context, start: Node) -> Chain:
    """Give the chain of a record, only of nouns and rows the person may read.

    Gives:  at most 60 documents, four steps each way; statements depend on nouns and depth, not on documents
    """
    levels: dict[Node, int] = {start: 0}
    links: set[tuple[Node, Node]] = set()
    for direction in (-1, 1):
        front = {start}
        for depth in range(1, DEPTH + 1):
            found = _up(ctx, front) if direction < 0 else _down(ctx, front)
            fresh: set[Node] = set()
            for earlier, later in found:
                node = earlier if direction < 0 else later
                if node not in levels and len(levels) < MOST_NODES:
                    levels[node] = direction * depth
                    fresh.add(node)
                if earlier in levels and later in levels and earlier != later:
                    links.add((earlier, later))
            front = fresh
            if not front:
                break
    return Chain(levels, frozenset(links), len(levels) >= MOST_NODES)


def _up(ctx: Context, front: set[Node]) -> list[tuple[Node, Node]]:
    """Give (earlier, later) for everything that the records of the front refer to."""
    found: list[tuple[Node, Node]] = []
    for edge in edges():
        ids = [key for noun, key in front if noun == edge.holder]
        if not ids:
            continue
        model, owner = _table(edge)
        columns = [owner, edge.column, *([edge.origin] if edge.origin else [])]
        rows = model._base_manager.filter(**{f"{owner}__in": ids, f"{edge.column}__isnull": False})
        for row in rows.values_list(*columns).distinct()[:MOST_PER_EDGE]:
            noun = row[2] if edge.origin else edge.target
            if noun and registry.has_noun(noun) and registry.noun(noun).spec.numbering:
                found.append(((noun, row[1]), (edge.holder, row[0])))
    return _readable(ctx, found, 0)


def _down(ctx: Context, front: set[Node]) -> list[tuple[Node, Node]]:
    """Give (earlier, later) for everything that refers to the records of the front."""
    found: list[tuple[Node, Node]] = []
    for edge in edges():
        targets = {edge.target} if edge.target else {noun for noun, _ in front}
        for target in sorted(targets):
            ids = [key for noun, key in front if noun == target]
            if not ids or not ctx.may(registry.noun(edge.holder).spec.permission("read")):
                continue
            model, owner = _table(edge)
            wanted = {f"{edge.column}__in": ids} | ({edge.origin: target} if edge.origin else {})
            rows = (
                model._base_manager.filter(**wanted)
                .values_list(edge.column, owner)
                .distinct()[:MOST_PER_EDGE]
            )
            found += [((target, value), (edge.holder, holder)) for value, holder in rows]
    return _readable(ctx, found, 1)


def _table(edge: Edge) -> tuple[Any, str]:
    """Give the model that holds an edge, and its column with the record's key."""
    noun: Noun = registry.noun(edge.holder)
    if not edge.line:
        return noun.model, "pk"
    model = noun.line_models[edge.line]
    return model, model._meta.get_field(noun.spec.line(edge.line).parent).attname


def _readable(ctx: Context, found: list[tuple[Node, Node]], side: int) -> list[tuple[Node, Node]]:
    """Leave out the pairs whose new side is out of reach; one statement per noun that is limited."""
    wanted: dict[str, set[UUID]] = {}
    for pair in found:
        wanted.setdefault(pair[side][0], set()).add(pair[side][1])
    seen: set[Node] = set()
    for key, ids in wanted.items():
        noun = registry.noun(key)
        limits = access.scope(ctx, noun, noun.spec.permission("read"))
        if limits is None:
            seen.update((key, i) for i in ids)
        elif limits is not access.NOTHING:
            rows = noun.model._base_manager.filter(pk__in=ids).filter(limits)
            seen.update((key, i) for i in rows.values_list("pk", flat=True))
    return [pair for pair in found if pair[side] in seen]
