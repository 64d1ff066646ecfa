"""The chain of documents a record stands in: what it came from, what came of it, and the ledger rows of both.

Derived from the specs alone. A document is a noun with numbers. One follows another where it refers to it,
itself
or by its lines, to the document or to a line of it, or by an origin kept as (noun, id); and where a noun says
so by
its `links`. A step takes one statement however many ways there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any
from uuid import UUID

from django.db.models import CharField, Count, F, QuerySet, Value

from banyan.kernel import access, registry
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec

DEPTH = 8
MOST_NODES = 120
MOST_PER_WAY = 200
Node = tuple[str, UUID]
Pair = tuple[Node, Node]


@dataclass(frozen=True, slots=True)
class End:
    """One end of a way, as seen from the row that holds it: the path to the id, and what the id is of.

    `noun` is its key, or empty where the row itself names the noun in the column `named_by`.
    """

    path: str
    noun: str = ""
    named_by: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A way from an earlier document to a later one, held by the rows of a table.

    `is_own` says that the earlier document itself remembers the later one, as a plan does what became of it.
    """

    model: Any
    earlier: End
    later: End
    only: str = ""
    is_own: bool = False


@dataclass(frozen=True)
class Chain:
    """The documents of a chain, what follows what among them, and whether there are more than shown."""

    nodes: frozenset[Node]
    links: frozenset[Pair]
    is_cut: bool


@dataclass(frozen=True)
class Booked:
    """How many rows of a ledger the documents of a chain have written; `query` is the filter that lists
    them."""

    noun: str
    count: int
    query: str


_kept: dict[int, tuple[Way, ...]] = {}


def ways() -> tuple[Way, ...]:
    """Give every way between documents, kept for the present epoch of the registry."""
    if registry.epoch not in _kept:
        _kept.clear()
        _kept[registry.epoch] = tuple(way for noun in registry.nouns() for way in _ways_of(noun))
    return _kept[registry.epoch]


def _is_document(key: str) -> bool:
    return bool(key) and registry.has_noun(key) and registry.noun(key).spec.numbering is not None


def _ways_of(noun: Noun) -> Iterator[Way]:
    spec = noun.spec
    own = End("pk", spec.key)
    for link in spec.links:
        earlier, later = (
            _end(noun.model, spec.fields, key) if key else own for key in (link.earlier, link.later)
        )
        if earlier and later:
            yield Way(noun.model, earlier, later, link.only, is_own=not link.earlier)
    if spec.links or not spec.numbering:
        return
    yield from _references(noun.model, spec.fields, own)
    for line in spec.lines:
        model = noun.line_models[line.key]
        parent = model._meta.get_field(line.parent).attname
        yield from _references(model, line.fields, End(parent, spec.key))


def _references(model: Any, fields: Sequence[FieldSpec], own: End) -> Iterator[Way]:
    if {"origin", "origin_noun"} <= _columns(model):
        yield Way(model, End("origin", named_by="origin_noun"), own)
    for field in fields:
        if field.type == "reference" and field.key != "origin":
            end = _end(model, fields, field.key)
            if end and end.noun:
                yield Way(model, end, own)


def _columns(model: Any) -> set[str]:
    return {f.attname for f in model._meta.concrete_fields}


def _end(model: Any, fields: Sequence[FieldSpec], key: str) -> End | None:
    """Give the document that a field names: by itself, by a line of it, or with the noun beside it."""
    field = next(f for f in fields if f.key == key)
    if f"{key}_noun" in _columns(model):
        return End(field.column, named_by=f"{key}_noun")
    if not field.reference or not registry.has_noun(field.reference):
        return None
    if _is_document(field.reference):
        return End(field.column, field.reference)
    target = registry.noun(field.reference).model
    for owner in registry.nouns():
        for line in owner.spec.lines if owner.spec.numbering else ():
            if owner.line_models[line.key] is target:
                parent = target._meta.get_field(line.parent).attname
                return End(f"{key}__{parent}", owner.spec.key)
    return None


def chain_of(ctx: Context, start: Node) -> Chain:
    """Give the chain of a record, only of nouns and rows the person may read.

    Gives:  all that it came from, and all that came of it and of those; statements depend on the length of
            the
            chain, not on the number of documents
    """
    return _Walk(ctx, start).chain()


@dataclass
class _Walk:
    """The search for a chain, step by step."""

    ctx: Context
    start: Node
    nodes: set[Node] = dataclass_field(default_factory=set)
    links: set[Pair] = dataclass_field(default_factory=set)

    def chain(self) -> Chain:
        self.nodes = {self.start}
        self._follow({self.start}, is_up=True)
        self._follow(set(self.nodes), is_up=False)
        self._take(self._step(self.nodes, ways=[w for w in ways() if w.is_own], is_up=True), is_up=True)
        links = frozenset((a, b) for a, b in self.links if a in self.nodes and b in self.nodes)
        return Chain(frozenset(self.nodes), links, len(self.nodes) >= MOST_NODES)

    def _follow(self, front: set[Node], *, is_up: bool) -> None:
        for _ in range(DEPTH):
            if not front:
                return
            front = self._take(self._step(front, ways=ways(), is_up=is_up), is_up=is_up)

    def _take(self, found: Iterable[Pair], *, is_up: bool) -> set[Node]:
        fresh = set()
        for pair in found:
            node = pair[0] if is_up else pair[1]
            if node not in self.nodes and len(self.nodes) < MOST_NODES:
                self.nodes.add(node)
                fresh.add(node)
            if pair[0] != pair[1]:
                self.links.add(pair)
        return fresh

    def _step(self, front: Iterable[Node], *, ways: Iterable[Way], is_up: bool) -> list[Pair]:
        """Give (earlier, later) for everything one step away. One statement, another where rows are
        limited."""
        by_noun: dict[str, list[UUID]] = {}
        for noun, key in front:
            by_noun.setdefault(noun, []).append(key)
        parts = [part for way in ways if (part := self._rows(way, by_noun, is_up=is_up)) is not None]
        if not parts:
            return []
        rows = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
        pairs = [((a, b), (c, d)) for a, b, c, d in rows]
        return self._readable(pairs, 0 if is_up else 1)

    def _rows(self, way: Way, by_noun: Mapping[str, list[UUID]], *, is_up: bool) -> QuerySet | None:
        near, far = (way.later, way.earlier) if is_up else (way.earlier, way.later)
        if far.noun and not self._may_read(far.noun):
            return None
        wanted = [near.noun] if near.noun else [key for key in by_noun if _is_document(key)]
        ids = [key for noun in wanted for key in by_noun.get(noun, ())]
        if not ids:
            return None
        rows = way.model._base_manager.filter(**{f"{near.path}__in": ids, f"{far.path}__isnull": False})
        if near.named_by:
            rows = rows.filter(**{f"{near.named_by}__in": wanted})
        if way.only:
            rows = rows.filter(**{way.only: True})
        columns = (_noun_of(way.earlier), F(way.earlier.path), _noun_of(way.later), F(way.later.path))
        return rows.order_by().values_list(*columns).distinct()[:MOST_PER_WAY]

    def _may_read(self, noun: str) -> bool:
        return _is_document(noun) and self.ctx.may(registry.noun(noun).spec.permission("read"))

    def _readable(self, pairs: list[Pair], side: int) -> list[Pair]:
        """Leave out the pairs whose new side is not for this person."""
        wanted: dict[str, set[UUID]] = {}
        for pair in pairs:
            if pair[side] not in self.nodes and self._may_read(pair[side][0]):
                wanted.setdefault(pair[side][0], set()).add(pair[side][1])
        known = self.nodes | _seen(self.ctx, wanted)
        return [pair for pair in pairs if pair[side] in known]


def _noun_of(end: End) -> Any:
    return F(end.named_by) if end.named_by else Value(end.noun, output_field=CharField())


def _seen(ctx: Context, wanted: Mapping[str, set[UUID]]) -> set[Node]:
    """Give those records that exist within the person's reach. One statement."""
    parts = []
    for key, ids in wanted.items():
        noun = registry.noun(key)
        rows = noun.model._base_manager.filter(pk__in=ids)
        limits = access.scope(ctx, noun, noun.spec.permission("read"))
        rows = rows if limits is None else rows.filter(limits)
        parts.append(rows.order_by().values_list(Value(key, output_field=CharField()), "pk"))
    if not parts:
        return set()
    return set(parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0])


def booked(ctx: Context, nodes: Iterable[Node]) -> tuple[Booked, ...]:
    """Give the ledgers in which documents have written, with the number of rows. One statement.

    A ledger is a noun that only grows, whose rows name their document by an origin or by a reference.
    """
    by_noun: dict[str, list[UUID]] = {}
    for noun, key in nodes:
        by_noun.setdefault(noun, []).append(key)
    parts, queries = [], {}
    for noun in registry.nouns():
        if not getattr(noun.model, "append_only", False) or not ctx.may(noun.spec.permission("read")):
            continue
        found = _ledger_field(noun, by_noun)
        if not found:
            continue
        column, key, ids = found
        limits = access.scope(ctx, noun, noun.spec.permission("read"))
        rows = noun.model._base_manager.filter(**{f"{column}__in": ids})
        rows = rows if limits is None else rows.filter(limits)
        name = Value(noun.spec.key, output_field=CharField())
        parts.append(rows.order_by().values(noun=name).annotate(n=Count("pk")).values_list("noun", "n"))
        queries[noun.spec.key] = f"{key}:in={','.join(map(str, sorted(ids)))}"
    if not parts:
        return ()
    rows = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    counts = dict(rows)
    return tuple(Booked(key, counts[key], query) for key, query in queries.items() if counts.get(key))


def _ledger_field(noun: Noun, by_noun: Mapping[str, list[UUID]]) -> tuple[str, str, list[UUID]] | None:
    """Give the column and field by which a ledger names the documents, with their ids."""
    fields = [f for f in noun.spec.fields if f.filterable]
    for field in fields:
        if field.key == "origin":
            return field.column, field.key, [key for ids in by_noun.values() for key in ids]
    for field in fields:
        if field.type == "reference" and field.reference in by_noun and _is_document(field.reference):
            return field.column, field.key, by_noun[field.reference]
    return None
