"""Reading records of any noun: one way for list, board, form, REST, export and find.

Rows leave as JSON-ready mappings; a person sees only rows in scope and fields with the right to them. The number
of statements depends on the noun and the columns asked for, never on the number of rows.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model, Q, QuerySet
from psycopg.adapt import Loader
from psycopg.types.string import TextLoader

from banyan.kernel import access, db, registry, schema
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec
from banyan.kernel.titles import titles_of
from banyan.lib.errors import Invalid, NotAllowed, NotFound
from banyan.lib.labels import L

COUNT_LIMIT, COUNT_BY_LIMIT = 10_000, 100_000
MOST = 500
OPERATORS = ("eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "starts", "empty")


@dataclass(frozen=True)
class Query:
    """What is asked of a list.

    Takes:  filters: (field, operator, value as text); sort: a sortable field, `-` before it for descending;
            columns: field keys, the noun's list when empty; expand: references whose titles are wanted, None for all
    """

    filters: tuple[tuple[str, str, str], ...] = ()
    search: str = ""
    sort: str = ""
    cursor: str = ""
    limit: int = 80
    columns: tuple[str, ...] = ()
    expand: tuple[str, ...] | None = None
    ids: tuple[UUID, ...] | None = None


def only(name: str | None) -> tuple[tuple[str, str, str], ...]:
    """Give the filters of a list whose records meet a yes-or-no field; none without a name."""
    return ((name, "eq", "true"),) if name else ()


@dataclass(frozen=True)
class Page:
    """A page of rows; `next` is the cursor of the following page, empty at the end."""

    rows: list[dict[str, Any]]
    fields: tuple[FieldSpec, ...]
    next: str = ""
    titles: Mapping[str, Mapping[UUID, str]] = dataclass_field(default_factory=dict)


def list_records(ctx: Context, noun: Noun, query: Query) -> Page:
    """Give a page of records within the person's scope.

    Gives:  values by field key plus `id` and `version` (1 for ledger rows); decimals as plain text, dates ISO,
            references as ids; `titles` by referenced noun for the references shown
    Raises: NotAllowed without the right to read, or to a field that is filtered or sorted by; Invalid for an unknown
            field, operator, value or cursor
    """
    require_read(ctx, noun)
    fields = fields_for(ctx, noun, query.columns or noun.spec.list)
    order, descending = _order(ctx, noun, query.sort)
    rows = _filtered(ctx, noun, query)
    if query.cursor:
        rows = rows.filter(_after(noun, query.cursor, order, descending))
    limit = max(1, min(query.limit, MOST))
    columns = _columns(noun, fields, order)
    found = _fetch(rows, columns, _ordered(order, descending), limit + 1)
    more, found = len(found) > limit, found[:limit]
    cursor = _cursor(found[-1][columns.index(order.column)], found[-1][0]) if more else ""
    named = fields if query.expand is None else [f for f in fields if f.key in query.expand]
    return Page(
        _rows(noun, columns, fields, found), fields, cursor, titles_of(_references([(named, columns, found)]))
    )


def read_record(
    ctx: Context, noun: Noun, key: UUID, *, expand: bool = True, without: Collection[str] = ()
) -> dict[str, Any]:
    """Give one record with its lines: values by field key, `lines` by line key, `_titles` of its references.

    Takes:  without: lines that are not wanted
    Raises: NotFound when it does not exist or lies outside the person's scope
    """
    found = read_records(ctx, noun, (key,), expand=expand, without=without)
    if not found:
        raise NotFound("not_found", L("找不到该{noun}", "No such {noun}"), {"noun": noun.spec.label, "id": key})
    return found[0]


def read_records(
    ctx: Context, noun: Noun, keys: Sequence[UUID], *, expand: bool = True, without: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Give records with their lines, in the order of the keys; those out of scope are left out.

    Takes:  without: lines known to be empty, or not wanted, which need not be read
    """
    require_read(ctx, noun)
    fields = access.visible(ctx, noun.spec.fields)
    columns = _columns(noun, fields)
    limits = access.scope(ctx, noun, noun.spec.permission("read"))
    if limits is None:
        found = _fetch_of(noun.model, columns, "id", keys)
    else:
        found = _fetch(noun.model._base_manager.filter(limits, pk__in=list(keys)), columns)
    seen: list[tuple[tuple[FieldSpec, ...], tuple[str, ...], list[tuple]]] = [(fields, columns, found)]
    by_key = {row["id"]: row for row in _rows(noun, columns, fields, found)}
    for row in by_key.values():
        row |= {line.key: [] for line in noun.spec.lines}
    for line in noun.spec.lines if by_key else ():
        if line.key in without:
            continue
        model = noun.line_models[line.key]
        parent = model._meta.get_field(line.parent).attname
        inner = access.visible(ctx, line.fields)
        line_columns = ("id", parent, *(f.column for f in inner))
        lines = _fetch_of(model, line_columns, parent, [UUID(key) for key in by_key])
        seen.append((inner, line_columns, lines))
        names = ("id", "", *(f.key for f in inner))
        for one in lines:
            shown = dict(zip(names, one, strict=True))
            by_key[shown.pop("")][line.key].append(shown)
    if expand:
        titles = {
            key: {str(i): t for i, t in named.items()} for key, named in titles_of(_references(seen)).items()
        }
        for row in by_key.values():
            row["_titles"] = titles
    return [by_key[str(key)] for key in keys if str(key) in by_key]


def count_records(ctx: Context, noun: Noun, query: Query) -> tuple[int, bool]:
    """Give how many records there are, exact up to 10,000, and whether there are more."""
    found = _filtered(ctx, noun, query).values("pk")[: COUNT_LIMIT + 1].count()
    return min(found, COUNT_LIMIT), found > COUNT_LIMIT


def count_by(
    ctx: Context, noun: Noun, query: Query, field_key: str, *, most: int | None = None
) -> dict[str, int]:
    """Give the number of records per value of a choice field, for boards and filter chips. One statement.

    Takes:  most: only so many records are counted, and one more to tell that there are more
    """
    require_read(ctx, noun)
    column = noun.spec.field(field_key).column
    asked = _statement(_filtered(ctx, noun, query), (column,), limit=None if most is None else most + 1)
    if asked is None:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT one, count(*) FROM ({asked[0]}) AS found (one) GROUP BY one", asked[1])
        return dict(cursor.fetchall())


def each_record(ctx: Context, noun: Noun, query: Query, size: int = 2000) -> Iterator[list[dict[str, Any]]]:
    """Give all pages of a list, one after the other, for export."""
    cursor = ""
    while True:
        page = list_records(ctx, noun, Query(**{**query.__dict__, "cursor": cursor, "limit": min(size, MOST)}))
        yield [row | {"_titles": page.titles} for row in page.rows]
        cursor = page.next
        if not cursor:
            return


def matching(ctx: Context, noun: Noun, query: Query) -> QuerySet:
    """Give the rows that a query asks for within the person's reach, to be counted and summed.

    Raises: NotAllowed, Invalid
    """
    require_read(ctx, noun)
    return _filtered(ctx, noun, query)


def require_read(ctx: Context, noun: Noun) -> None:
    """Refuse whoever may not read the noun. Raises: NotAllowed."""
    ctx.require(noun.spec.permission("read"), noun.spec.label)


def fields_for(ctx: Context, noun: Noun, keys: Sequence[str]) -> tuple[FieldSpec, ...]:
    """Give the fields of those keys that the person may see, in order.

    Raises: Invalid for an unknown field
    """
    found = []
    for key in keys:
        if not noun.spec.has_field(key):
            raise Invalid("field_unknown", L("没有字段 {field}", "There is no field {field}"), {"field": key})
        found.append(noun.spec.field(key))
    return access.visible(ctx, found)


# --- filters, search, sort ----------------------------------------------------------------------------------


def _filtered(ctx: Context, noun: Noun, query: Query) -> QuerySet:
    rows = noun.model._base_manager.all()
    limits = access.scope(ctx, noun, noun.spec.permission("read"))
    if limits is not None:
        rows = rows.filter(limits)
    if query.ids is not None:
        rows = rows.filter(pk__in=query.ids)
    for key, operator, value in query.filters:
        rows = rows.filter(_condition(ctx, noun, key, operator, value))
    term = query.search.strip()
    if term:
        rows = rows.filter(_search(noun, term))
    return rows


def _require_sight(ctx: Context, field: FieldSpec) -> None:
    if not access.may_see(ctx, field):
        raise NotAllowed("field_not_allowed", L("您没有“{field}”的权限", "You have no right to “{field}”"),
                         {"field": field.label})


def _search(noun: Noun, term: str) -> Q:
    if schema.NUL in term:
        raise Invalid("search_term", L("搜索内容含有空字符", "The search term contains NUL"))
    term = term[:200]
    own = _contains("find_text", term) if noun.spec.find else access.NOTHING
    for key in noun.spec.find_through:
        reference = noun.spec.field(key)
        target = registry.noun(reference.reference).model
        ids = list(target._base_manager.filter(_contains("find_text", term)).values_list("pk", flat=True)[:2000])
        if ids:
            own |= Q(**{f"{reference.column}__in": ids})
    return own


def _contains(column: str, term: str) -> Q:
    return Q(**{f"{column}__found": term})


def _condition(ctx: Context, noun: Noun, key: str, operator: str, value: str) -> Q:
    spec = noun.spec
    if key == "id":
        field = FieldSpec("id", 0, "reference", L("标识", "Key"), "id")
    elif not spec.has_field(key) or not spec.field(key).filterable or spec.field(key).type in ("json", "file"):
        raise Invalid("filter_unknown", L("不能按 {field} 筛选", "Cannot filter by {field}"), {"field": key})
    else:
        field = spec.field(key)
    _require_sight(ctx, field)
    column = field.column
    if field.type == "tags":
        return _tagged(field, operator, value)
    if operator == "empty":
        empty = Q(**{f"{column}__isnull": True})
        if field.type in ("text", "long_text"):
            empty |= Q(**{column: ""})
        return empty if value.lower() in ("1", "true", "yes", "") else ~empty
    if operator == "in":
        return Q(**{f"{column}__in": [_value(field, one) for one in value.split(",") if one != ""][:500]})
    if operator == "eq":
        return Q(**{column: _value(field, value)})
    if operator == "ne":
        return ~Q(**{column: _value(field, value)})
    if operator in ("gt", "gte", "lt", "lte") and (field.is_number or field.type in ("date", "instant")):
        return Q(**{f"{column}__{operator}": _value(field, value)})
    if operator in ("contains", "starts") and field.type in ("text", "long_text"):
        if schema.NUL in value:
            raise Invalid("filter_value", L("筛选值含有空字符", "The filter value contains NUL"))
        return Q(**{f"{column}__{'icontains' if operator == 'contains' else 'istartswith'}": value})
    raise Invalid(
        "filter_operator", L("{field} 不支持筛选方式 {operator}", "{field} cannot be filtered with {operator}"),
        {"field": field.label, "operator": operator},
    )


def _tagged(field: FieldSpec, operator: str, value: str) -> Q:
    """Give the condition on a list of texts: that it holds one, any of several, or nothing."""
    field = replace(field, type="reference") if field.reference else field  # several keys, each one checked
    one = Q(**{f"{field.column}__contains": [_value(field, value)]})
    if operator in ("eq", "contains", "ne"):
        return ~one if operator == "ne" else one
    if operator == "in":
        return Q(**{f"{field.column}__overlap": [_value(field, v) for v in value.split(",") if v != ""][:500]})
    if operator == "empty":
        empty = Q(**{field.column: []})
        return empty if value.lower() in ("1", "true", "yes", "") else ~empty
    raise Invalid(
        "filter_operator", L("{field} 不支持筛选方式 {operator}", "{field} cannot be filtered with {operator}"),
        {"field": field.label, "operator": operator},
    )


_adapters: dict[str, Any] = {}


def _value(field: FieldSpec, text: str) -> Any:
    """Give a filter's value in the field's type. Raises: Invalid."""
    from pydantic import TypeAdapter, ValidationError

    if field.type == "boolean":
        if text.lower() in ("true", "1", "yes"):
            return True
        if text.lower() in ("false", "0", "no"):
            return False
    elif field.type == "integer" and text.lstrip("-").isdigit() and len(text) < 12 and text.isascii():
        return int(text)
    elif field.type == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    elif field.type == "instant":
        try:
            found = datetime.fromisoformat(text.replace(" ", "+"))
            if found.tzinfo and 1900 <= found.year < 9999:
                return found.astimezone(UTC)
        except ValueError:
            pass
    elif field.type not in ("boolean", "integer"):
        kind = {"reference": UUID, "quantity": schema.Number, "money": schema.Number, "percent": schema.Number,
                "decimal": schema.Number, "time": time}.get(field.type, schema.Text)
        adapter = _adapters.setdefault(str(kind), TypeAdapter(kind))
        try:
            return adapter.validate_python(text)
        except ValidationError:
            pass
    raise Invalid("filter_value", L("{field} 的筛选值“{value}”无效", "“{value}” is not a value for {field}"),
                  {"field": field.label, "value": text[:80]})


def _order(ctx: Context, noun: Noun, sort: str) -> tuple[FieldSpec, bool]:
    wanted = sort or noun.spec.sort
    key = wanted.removeprefix("-")
    if not noun.spec.has_field(key) or not noun.spec.field(key).sortable:
        raise Invalid(
            "sort_unknown", L("不能按 {field} 排序；可用：{allowed}", "Cannot sort by {field}; use one of {allowed}"),
            {"field": key, "allowed": [f.key for f in access.visible(ctx, noun.spec.fields) if f.sortable]},
        )
    _require_sight(ctx, noun.spec.field(key))
    return noun.spec.field(key), wanted.startswith("-")


def _ordered(order: FieldSpec, descending: bool) -> tuple[tuple[str, str], tuple[str, str]]:
    way = "DESC" if descending else "ASC"
    return (order.column, f"{way} NULLS LAST" if order.nullable else way), ("id", way)


def _cursor(value: Any, key: UUID) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([_plain(value), str(key)])).decode().rstrip("=")


def _after(noun: Noun, cursor: str, order: FieldSpec, descending: bool) -> Q:
    """Give the predicate for the rows after a cursor: a row comparison that the index on the sort field serves."""
    try:
        text, key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key = UUID(str(key))
        value = None if text is None else _value(order, text if isinstance(text, str) else str(text))
    except (ValueError, TypeError, Invalid):
        raise Invalid("cursor", L("翻页标记无效，请从第一页开始",
                                  "The cursor is not valid; start from the first page")) from None
    column, way = order.column, "lt" if descending else "gt"
    if value is None:
        return Q(**{f"{column}__isnull": True, f"pk__{way}": key})
    later = Q(**{f"{column}__{way}e": value}) & (Q(**{f"{column}__{way}": value}) | Q(**{f"pk__{way}": key}))
    return later | Q(**{f"{column}__isnull": True}) if order.nullable else later


# --- values -------------------------------------------------------------------------------------------------


def _columns(noun: Noun, fields: Sequence[FieldSpec], *more: FieldSpec) -> tuple[str, ...]:
    own = ("id", "version") if noun.spec.is_versioned else ("id",)
    wanted = [*own, *(f.column for f in fields), *(f.column for f in more)]
    if noun.spec.life:
        wanted.append(noun.spec.life.field)
    return tuple(dict.fromkeys(wanted))


def _rows(
    noun: Noun, columns: Sequence[str], fields: Sequence[FieldSpec], found: Sequence[tuple]
) -> list[dict[str, Any]]:
    """Give what was fetched as mappings by field key."""
    places = {f.key: columns.index(f.column) for f in fields}
    if noun.spec.life:
        places.setdefault(noun.spec.life.field, columns.index(noun.spec.life.field))
    if noun.spec.is_versioned:
        places = {"id": 0, "version": 1} | places
        return [{key: one[place] for key, place in places.items()} for one in found]
    always = {"id": "", "version": 1}
    return [always | {key: one[place] for key, place in {"id": 0, **places}.items()} for one in found]


class _Number(Loader):
    """A number as plain text, as `labels.plain` gives it."""

    def load(self, data: Any) -> str:
        text = bytes(data).decode()
        return text.rstrip("0").rstrip(".") if "." in text else text


class _Instant(Loader):
    """An instant as ISO text."""

    def load(self, data: Any) -> str:
        return datetime.fromisoformat(bytes(data).decode()).isoformat()


class _Json(Loader):
    def load(self, data: Any) -> Any:
        return orjson.loads(bytes(data))


#: How values leave the database for JSON at once, without becoming objects first.
_LOADERS: tuple[tuple[str, type[Loader]], ...] = (
    ("uuid", TextLoader), ("date", TextLoader), ("time", TextLoader), ("numeric", _Number),
    ("timestamptz", _Instant), ("jsonb", _Json),
)  # fmt: skip


def _fetch(
    rows: QuerySet, columns: tuple[str, ...], order: Sequence[tuple[str, str]] = (), limit: int | None = None
) -> list[tuple]:
    """Give columns of rows with JSON-ready values."""
    asked = _statement(rows, columns, order, limit)
    if asked is None:
        return []
    with connection.cursor() as cursor:
        return _read(cursor, *asked)


def _statement(
    rows: QuerySet, columns: tuple[str, ...], order: Sequence[tuple[str, str]] = (), limit: int | None = None
) -> tuple[str, Sequence[Any]] | None:
    """Give the statement that reads columns of rows, None where no row can fit.

    Takes:  rows: with conditions on their own columns only; the rest of the statement is written here, because
            the ORM needs longer for its words than the driver for its answer
    """
    query, names = rows.query, _names(rows.model)
    sql, params = _select(rows.model, columns), []
    if query.where:
        try:
            where, params = query.get_compiler(connection=connection).compile(query.where)
            sql += f" WHERE {where}"
        except EmptyResultSet:
            return None
        except FullResultSet:
            pass
    if order:
        sql += f" ORDER BY {', '.join(f'{names[column]} {way}' for column, way in order)}"
    if limit is not None:
        sql += f" LIMIT {limit:d}"
    return sql, params


def _fetch_of(model: type[Model], columns: tuple[str, ...], by: str, keys: Sequence[UUID]) -> list[tuple]:
    """Give rows by their key, or lines by that of their record in order of position, with JSON-ready values."""
    names = _names(model)
    order = "" if by == "id" else f' ORDER BY {names["position"]}, {names["id"]}'
    with db.cursor() as cursor:
        return _read(cursor, *db.equal(f"{_select(model, columns)} WHERE {names[by]} = ANY(%s){order}", [list(keys)]))


@lru_cache(maxsize=2048)
def _select(model: type[Model], columns: tuple[str, ...]) -> str:
    names = _names(model)
    return f'SELECT {", ".join(names[column] for column in columns)} FROM "{model._meta.db_table}"'


@lru_cache(maxsize=1024)
def _names(model: type[Model]) -> dict[str, str]:
    """Give the columns of a table as SQL names them, by attribute."""
    return {f.attname: f'"{model._meta.db_table}"."{f.column}"' for f in model._meta.concrete_fields}


def _read(cursor: CursorWrapper, sql: str, params: Sequence[Any]) -> list[tuple]:
    for name, loader in _LOADERS:
        cursor.cursor.adapters.register_loader(name, loader)
    cursor.execute(sql, params)
    return cursor.fetchall()


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, (Decimal, UUID)) else value


def _references(
    seen: Sequence[tuple[Sequence[FieldSpec], Sequence[str], Sequence[tuple]]]
) -> dict[str, set[str]]:
    """Give the keys of all records that rows refer to, by noun."""
    wanted: dict[str, set[str]] = {}
    for fields, columns, rows in seen:
        for field in fields:
            if field.type in ("reference", "tags") and field.reference:
                place = columns.index(field.column)
                values = [row[place] for row in rows if row[place] is not None]
                ids = [one for many in values for one in many] if field.type == "tags" else values
                wanted.setdefault(field.reference, set()).update(map(str, ids))
    return wanted
