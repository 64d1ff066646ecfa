"""Finding anything by what is written on it: one way for the palette and for REST.

One statement searches the texts of every noun, another takes the documents of the records it found, such as
the
orders of a customer; the names take one per depth of references. So it is whatever number of nouns there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q

from banyan.kernel import access, registry, schema
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.titles import titles_of
from banyan.lib.errors import Invalid
from banyan.lib.labels import L

LONGEST = 200
Part = tuple[str, Sequence[Any]]
#: The text is narrowed by its bigrams and decided by the text itself, as `kernel.models.Found` says.
_WRITTEN = (
    "strpos(find_text, banyan_normal(%s)) > 0 AND banyan_bigrams(find_text) @> banyan_query_bigrams(%s)"
)


def find(ctx: Context, term: str, *, limit: int = 8) -> list[dict[str, Any]]:
    """Give records whose find text contains the term, and documents that refer to such records.

    Gives:  noun key, id, title, best nouns first; at most `limit` per noun, the newest of them
    Raises: Invalid for a term with NUL
    """
    term = term.strip()[:LONGEST]
    if not term:
        return []
    if schema.NUL in term:
        raise Invalid("search_term", L("搜索内容含有空字符", "The search term contains NUL"))
    nouns = [n for n in registry.nouns() if n.spec.find and ctx.may(n.spec.permission("read"))]
    nouns.sort(key=lambda n: n.spec.find_order)
    own = _keys(_newest(ctx, noun, _WRITTEN, (term, term), limit) for noun in nouns)
    through = _keys(
        _newest(ctx, noun, *condition, limit) for noun in nouns if (condition := _referring(noun, own))
    )
    found = {noun.spec.key: _first(own, through, noun.spec.key, limit) for noun in nouns}
    named = titles_of(found)
    return [
        {"noun": key, "id": str(one), "title": named[key].get(one, "")}
        for key, ids in found.items()
        for one in ids
    ]


def _referring(noun: Noun, found: Mapping[str, Sequence[UUID]]) -> Part | None:
    """Give the condition that a record of a noun refers to what was found, None where it refers to nothing of
    it."""
    columns = {f.attname: f.column for f in noun.model._meta.concrete_fields}
    wanted = [
        (columns[field.column], found[field.reference])
        for field in map(noun.spec.field, noun.spec.find_through)
        if field.reference in found
    ]
    if not wanted:
        return None
    return " OR ".join(f'"{column}" = ANY(%s)' for column, _ in wanted), [list(ids) for _, ids in wanted]


def _newest(ctx: Context, noun: Noun, condition: str, values: Sequence[Any], limit: int) -> Part:
    """Give the statement of the newest rows of a noun within reach that meet a condition."""
    meta = noun.model._meta
    where, params = f"({condition})", [*values]
    limits = access.scope(ctx, noun, noun.spec.permission("read"))
    if limits is not None:
        seen, more = _within(noun, limits)
        where, params = f"{where} AND {seen}", [*params, *more]
    return (
        f"(SELECT '{noun.spec.key}', \"{meta.pk.column}\" FROM \"{meta.db_table}\" WHERE {where} "
        f'ORDER BY "{meta.pk.column}" DESC LIMIT {limit:d})',
        params,
    )


def _within(noun: Noun, limits: Q) -> Part:
    """Give the condition of a row scope."""
    rows = noun.model._base_manager.filter(limits).order_by().values("pk")
    try:
        seen, values = rows.query.sql_with_params()
    except EmptyResultSet:
        return "FALSE", ()
    return f'"{noun.model._meta.pk.column}" IN ({seen})', values


def _keys(parts: Iterable[Part]) -> dict[str, list[UUID]]:
    """Run parts as one statement; give the keys by noun.

    The values stand in the statement, for it is planned by them: a rare term by its index, a common one by
    age.
    """
    texts, values = [], []
    for text, params in parts:
        texts.append(text)
        values += params
    found: dict[str, list[UUID]] = {}
    if texts:
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(texts), values)
            for key, one in cursor.fetchall():
                found.setdefault(key, []).append(one)
    return found


def _first(
    own: Mapping[str, Sequence[UUID]], through: Mapping[str, Sequence[UUID]], key: str, limit: int
) -> list[UUID]:
    """Give what bears the term itself before what only refers to it."""
    return list(dict.fromkeys([*own.get(key, ()), *through.get(key, ())]))[:limit]
