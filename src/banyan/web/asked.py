"""What a list's address asks for: `?q=…&state:in=draft&wanted_on:gte=2026-01-01&sort=-number`.

A filter's name is field:operator, so that it never clashes with the words of the address itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest, QueryDict

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.models import SavedView
from banyan.kernel.nouns import Noun
from banyan.kernel.reading import OPERATORS, Query
from banyan.kernel.spec import Preset

PAGE_ROWS = 80
WORDS = ("q", "sort", "columns", "layout", "view", "all")


@dataclass(frozen=True)
class View:
    """A saved view as the list shows it."""

    id: UUID
    name: str
    text: str
    layout: str
    is_mine: bool
    is_shared: bool
    is_default: bool


@dataclass(frozen=True)
class Asked:
    """A list's question: the query for the kernel, and the address's parameters to build others from.

    `preset` is the noun's own where the address asked for nothing; `opens_narrow` says that such an address
    does
    not show all rows.
    """

    query: Query
    layout: str
    params: QueryDict
    views: tuple[View, ...]
    view: View | None
    opens_narrow: bool = False
    preset: Preset | None = None

    @cached_property
    def text(self) -> str:
        """Give the address's parameters, so that they mean the same when they are asked again."""
        return self.params.urlencode(safe=":,") or ("all=1" if self.opens_narrow else "")

    def with_(self, **changes: str | Sequence[str] | None) -> str:
        """Give the parameters with some replaced; None takes one away, `__` in a name is the colon."""
        params = self.params.copy()
        for name, value in changes.items():
            key = name.replace("__", ":")
            params.pop(key, None)
            if value is not None:
                params.setlist(key, [value] if isinstance(value, str) else list(value))
        if not params:
            params["all"] = "1"
        return params.urlencode(safe=":,")

    def values(self, name: str) -> list[str]:
        """Give the values of a filter such as `state:in`."""
        return [v for text in self.params.getlist(name) for v in text.split(",") if v]


_VIEWS = f"""
SELECT id, name, coalesce(query->>'text', ''), layout, coalesce(created_by_id = %(person)s, false), is_shared,
       coalesce(created_by_id = %(person)s AND query->'is_default' = 'true'::jsonb, false)
FROM "{SavedView._meta.db_table}" WHERE noun = %(noun)s AND (created_by_id = %(person)s OR is_shared)
ORDER BY name
"""


def views_of(ctx: Context, noun: Noun) -> tuple[View, ...]:
    """Give a person's own views of a noun and those shared by others. One statement."""
    return tuple(View(*row) for row in db.rows(_VIEWS, {"noun": noun.spec.key, "person": ctx.person}))


def read(request: HttpRequest, noun: Noun, *, limit: int = PAGE_ROWS) -> Asked:
    """Read the address of a list. An empty one gives the person's default view, else the noun's first preset.

    Raises: what the kernel raises later for fields and values it does not know
    """
    views = views_of(request.ctx, noun)
    params = request.GET.copy()
    view, preset = None, None
    first = next((p for p in noun.spec.presets if p.first), None)
    for word in ("cursor", "_part", "format"):
        params.pop(word, None)
    if not params:
        view = next((v for v in views if v.is_default), None)
        if first and view is None:
            preset, params = first, QueryDict(first.query, mutable=True)
    elif "view" in params:
        view = next((v for v in views if str(v.id) == params["view"]), None)
    if view:
        params = QueryDict(view.text, mutable=True)
        params["layout"] = view.layout
        if view.layout == "list":
            del params["layout"]
    params.pop("view", None)
    params.pop("all", None)
    for name in list(params):
        params.setlist(name, [v for v in params.getlist(name) if v.strip()])
        if not params.getlist(name):
            del params[name]
    narrow = first is not None or any(v.is_default for v in views)
    return Asked(
        _query(request, params, limit), params.get("layout", "list"), params, views, view, narrow, preset
    )


def _query(request: HttpRequest, params: QueryDict, limit: int) -> Query:
    filters: list[tuple[str, str, Any]] = []
    for name in params:
        key, colon, operator = name.partition(":")
        if colon and operator in OPERATORS:
            filters.append((key, operator, ",".join(params.getlist(name))))
    return Query(
        filters=tuple(filters),
        search=params.get("q", ""),
        sort=params.get("sort", ""),
        cursor=request.GET.get("cursor", ""),
        limit=limit,
        columns=tuple(c for c in params.get("columns", "").split(",") if c),
    )
