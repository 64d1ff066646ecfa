"""Declared queries: a question with typed input and columns, from which page, REST read and export derive.

    class Days(Input):
        first: Day = field("从", "From")

    @query("finance.trial_balance", L("科目余额表", "Trial balance"), input=Days, area="finance", columns=(
        column("code", "科目", "Account"), column("debit", "借方", "Debit", "money"),
    ))
    def trial_balance(ctx, data): ...           # gives mappings by column key, in a fixed number of statements

A row may carry `_noun` and `_id`: the record a click on the row opens; or `_query` and `_input`: the query it opens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from banyan.kernel import registry, schema
from banyan.kernel.context import Context
from banyan.kernel.records import note_unknown
from banyan.kernel.spec import FieldType
from banyan.lib.errors import FieldFaults, NotFound, jsonable
from banyan.lib.labels import L, Label

MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; totals are summed where told."""

    key: str
    label: Label
    type: FieldType = "text"
    is_summed: bool = False


@dataclass(frozen=True)
class DeclaredQuery:
    """A question people and programs may ask.

    Takes:  card: the columns on a card of the home page, the first as its title; order: its place in the menu
    """

    key: str
    label: Label
    function: Callable[[Context, Any], Iterable[Mapping[str, Any]]]
    columns: tuple[Column, ...]
    input: type[BaseModel] | None = None
    help: Label | None = None
    area: str = ""
    permission: str = ""
    icon: str = "report"
    card: tuple[str, ...] = ()
    order: int = 40


_queries: dict[str, DeclaredQuery] = {}


def column(key: str, zh: str, en: str, type: FieldType = "text", *, summed: bool = False) -> Column:
    """Give a column of an answer."""
    return Column(key, L(zh, en), type, summed)


def query(key: str, label: Label, **words: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a query; the words are the attributes of `DeclaredQuery`; the permission is `key.read` when not told."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        words.setdefault("permission", f"{key}.read")
        words.setdefault("area", key.split(".")[0])
        _queries[key] = DeclaredQuery(key, label, function, **words)
        return function

    return register


def queries() -> tuple[DeclaredQuery, ...]:
    """Give all declared queries, by key."""
    return tuple(_queries[key] for key in sorted(_queries))


def declared_query(key: str) -> DeclaredQuery:
    """Give a query by key. Raises: NotFound."""
    if key not in _queries:
        raise NotFound("query_unknown", L("没有名为 {query} 的查询", "There is no query named {query}"), {"query": key})
    return _queries[key]


def ask(ctx: Context, asked: DeclaredQuery, data: Any = None) -> list[dict[str, Any]]:
    """Answer a query as JSON-ready rows, at most MOST_ROWS.

    Raises: NotAllowed, Invalid
    """
    ctx.require(asked.permission, asked.label)
    given = schema.parse(asked.input, data or {}) if asked.input else None
    if given is not None:
        _check_references(given)
    found = []
    for row in asked.function(ctx, given) if asked.input else asked.function(ctx):
        found.append(jsonable(dict(row)))
        if len(found) >= MOST_ROWS:
            break
    return found


def _check_references(given: BaseModel) -> None:
    """Refuse a question about a record that does not exist. One statement per noun asked for. Raises: Invalid."""
    faults = FieldFaults()
    wanted: dict[str, dict[UUID, list[tuple]]] = {}
    for name, info in type(given).model_fields.items():
        extra = info.json_schema_extra
        kind = extra.get("x-banyan", {}).get("reference") if isinstance(extra, dict) else None
        value = getattr(given, name)
        if kind and isinstance(value, UUID) and registry.has_noun(kind):
            wanted.setdefault(kind, {}).setdefault(value, []).append((name,))
    note_unknown(wanted, faults)
    faults.refuse_if_any()
