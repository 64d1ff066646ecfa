"""The list of any noun: search, filters, states with counts, sort, columns, views, selection, export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from banyan.kernel import exchange, reading
from banyan.kernel.access import may_see, visible
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.records import titles
from banyan.kernel.spec import FieldSpec, NounSpec
from banyan.lib.labels import L, Label, is_chinese
from banyan.web import acting, areas, chips, offers
from banyan.web import asked as asking
from banyan.web.answers import page, part
from banyan.web.cells import Wording, align, unit_of
from banyan.web.pairs import english_of, in_english, mates, pointed

UNNUMBERED, PICK = L("未编号", "No number yet"), L("选择", "Select")
EXPORTS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Head:
    """A column's head; `sort` is the address that sorts by it, empty where it cannot be sorted."""

    field: FieldSpec
    unit: str | None
    css: str
    sort: str = ""
    order: str = "none"


@dataclass(frozen=True)
class Filter:
    """A filter of the list: how it is asked (`kind`), and what is chosen."""

    field: FieldSpec
    kind: str
    name: str
    chosen: tuple[tuple[str, str], ...] = ()
    least: str = ""
    most: str = ""
    clear: str = ""

    @property
    def is_on(self) -> bool:
        return bool(self.chosen or self.least or self.most)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for key, _ in self.chosen)

    @property
    def text(self) -> str:
        """Give what is chosen in few words."""
        if self.chosen:
            words = [word for _, word in self.chosen]
            return "、".join(words[:2]) + (f" +{len(words) - 2}" if len(words) > 2 else "")
        return f"{self.least} – {self.most}"


@dataclass(frozen=True)
class Tab:
    """A state to choose above the list."""

    key: str
    label: Label
    query: str
    is_on: bool
    tone: str = "grey"


def list_page(request: HttpRequest, noun: Noun, asked: asking.Asked) -> HttpResponse:
    """Give a noun's list."""
    found = _found(request.ctx, noun, asked.query)
    wording = Wording(request.ctx.language, acting.zone_of(request), request.ctx)
    shown = common(request, noun, asked) | {
        "heads": tuple(_heads(noun.spec, found.fields, asked)),
        "rows": _rows(noun.spec, found, wording),
        "more": f"{request.path}?{asked.with_(cursor=found.next)}" if found.next else "",
        "is_more": bool(asked.query.cursor),
        "is_asked": bool(asked.query.filters or asked.query.search) and asked.preset is None,
        "bulk": offers.bulk(request.ctx, noun),
    }
    return page(request, "web/list.html", shown)


def _found(ctx: Context, noun: Noun, query: reading.Query) -> reading.Page:
    """Give a page of records; ids with a noun have become the records they mean, texts English where that is read."""
    chosen = tuple(f.key for f in reading.fields_for(ctx, noun, query.columns))  # of a shared view perhaps none
    wanted = chosen or _columns(ctx, noun.spec)
    seen = () if is_chinese(ctx.language) else {f.key for f in visible(ctx, noun.spec.fields)}
    english = english_of(wanted, seen)
    beside = (*mates(wanted, noun.spec.fields), *english.values())
    found = reading.list_records(ctx, noun, replace(query, columns=(*wanted, *beside)))
    return replace(
        found,
        rows=[in_english(row, english) for row in pointed(found.rows, found.fields)],
        fields=tuple(f for f in found.fields if f.key not in beside),
    )


def _columns(ctx: Context, spec: NounSpec) -> tuple[str, ...]:
    """Give the columns of a noun's list in the person's language."""
    return spec.in_language(spec.list, not is_chinese(ctx.language))


def common(request: HttpRequest, noun: Noun, asked: asking.Asked) -> dict[str, Any]:
    """Give what list and board show alike."""
    ctx, spec = request.ctx, noun.spec
    filters = tuple(_filters(request, noun, asked))
    presets = tuple(chips.presets(spec, asked))
    shown = {f.name for f in filters} | {f"{f.name}:{end}" for f in filters for end in ("gte", "lte")}
    shown |= {name for chip in presets for name, _ in chip.held}
    shown |= {f"{spec.life.field}:in"} if spec.life else set()
    return {
        "noun": noun,
        "spec": spec,
        "presets": presets,
        "others": tuple(chips.others(request, noun, asked, shown)),
        "asked": asked,
        "path": f"/{spec.path}",
        "area": areas.area_of(spec.area),
        "tabs": tuple(_tabs(spec, asked)),
        "filters": filters,
        "create": offers.creation(ctx, noun),
        "actions": offers.noun_actions(ctx, noun),
        "columns": _column_menu(ctx, spec, asked),
        "columns_query": asked.with_(columns=None),
        "list_query": asked.with_(layout=None),
        "board_query": asked.with_(layout="board"),
        "may_import": "create" in spec.verbs and ctx.may(spec.permission("create")),
    }


def export(request: HttpRequest, noun: Noun, form: str) -> StreamingHttpResponse:
    """Give the list, all pages of it, as a file: the columns chosen, else what the noun says that files hold."""
    asked = asking.read(request, noun)
    pieces = exchange.export(request.ctx, noun, asked.query, form, full=request.GET.get("full") == "1")
    answer = StreamingHttpResponse(_primed(pieces), content_type=EXPORTS[form])
    name = f"{noun.spec.plural_key}-{request.ctx.now.astimezone(acting.zone_of(request)):%Y%m%d-%H%M}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _primed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Take the first piece at once, so that a refusal is an answer and not a broken file."""
    first = next(pieces, b"")

    def rest() -> Iterator[bytes]:
        yield first
        yield from pieces

    return rest()


def _heads(spec: NounSpec, fields: tuple[FieldSpec, ...], asked: asking.Asked) -> Iterator[Head]:
    now = asked.query.sort or spec.sort
    for field in fields:
        css = f"{align(field)}{'' if _is_on_phone(spec, field) or field == fields[0] else ' wide'}"
        if not field.sortable:
            yield Head(field, unit_of(field), css)
            continue
        order = "none"
        if now.lstrip("-") == field.key:
            order = "descending" if now.startswith("-") else "ascending"
        wanted = f"-{field.key}" if order == "ascending" else field.key
        yield Head(field, unit_of(field), css, asked.with_(sort=wanted), order)


def _rows(spec: NounSpec, found: reading.Page, wording: Wording) -> SafeString:
    """Give the rows as HTML; they are put together here because a template takes ten times as long."""
    first, *rest = found.fields
    name = wording.column(first, found.titles, linked=False)
    unnumbered = f'<span class="dim">{escape(str(UNNUMBERED))}</span>'
    pick = f'class="form-check-input" name="ids" aria-label="{escape(str(PICK))}"'
    cells = [(f.key, _cell_head(spec, f), wording.column(f, found.titles, unit=False)) for f in rest]
    made = []
    for row in found.rows:
        key, path = row["id"], f"/{spec.path}/{row['id']}"
        shown = unnumbered if row[first.key] in (None, "") else name(row[first.key])
        made.append(
            f'<tr data-path="{path}"><td class="pick"><input type="checkbox" {pick} value="{key}"></td>'
            f'<td class="{align(first)}"><a class="row-link" href="{path}">{shown}</a></td>'
        )
        made += [f"{head}{word(row[one])}</td>" for one, head, word in cells]
        made.append("</tr>\n")
    return mark_safe("".join(made))


def _cell_head(spec: NounSpec, field: FieldSpec) -> str:
    if _is_on_phone(spec, field):
        return f'<td class="{align(field)}" data-label="{escape(str(field.label))}">'
    return f'<td class="{align(field)} wide">'


def _is_on_phone(spec: NounSpec, field: FieldSpec) -> bool:
    shown = {*spec.phone, *spec.in_language(spec.phone, is_english=True)}
    return field.key in shown or (spec.life is not None and field.key == spec.life.field)


def _tabs(spec: NounSpec, asked: asking.Asked) -> Iterator[Tab]:
    if not spec.life:
        return
    name = f"{spec.life.field}:in"
    chosen = asked.values(name)
    yield Tab("", L("全部", "All"), asked.with_(**{name: None}), not chosen)
    for state in spec.life.states:
        yield Tab(state.key, state.label, asked.with_(**{name: state.key}), chosen == [state.key], state.tone)


def _filters(request: HttpRequest, noun: Noun, asked: asking.Asked) -> Iterator[Filter]:
    spec = noun.spec
    for key in spec.filters:
        if not spec.has_field(key) or not may_see(request.ctx, spec.field(key)):
            continue
        field = spec.field(key)
        if spec.life and key == spec.life.field:
            continue
        if field.choices:
            chosen = asked.values(f"{key}:in")
            named = tuple((c.key, str(c.label)) for c in field.choices if c.key in chosen)
            yield Filter(field, "choices", f"{key}:in", named, clear=asked.with_(**{f"{key}:in": None}))
        elif field.type == "boolean":
            chosen = asked.values(f"{key}:eq")
            words = {"true": str(L("是", "Yes")), "false": str(L("否", "No"))}
            named = tuple((v, words[v]) for v in chosen if v in words)
            yield Filter(field, "boolean", f"{key}:eq", named, clear=asked.with_(**{f"{key}:eq": None}))
        elif field.type == "reference" and field.reference:
            chosen = asked.values(f"{key}:in")
            known = {str(k): v for k, v in titles(field.reference, chosen).items()} if chosen else {}
            named = tuple((v, known.get(v, v[:8])) for v in chosen)
            yield Filter(field, "reference", f"{key}:in", named, clear=asked.with_(**{f"{key}:in": None}))
        elif field.is_number or field.type == "date":
            yield Filter(
                field,
                "number" if field.is_number else "date",
                key,
                least=asked.params.get(f"{key}:gte", ""),
                most=asked.params.get(f"{key}:lte", ""),
                clear=asked.with_(**{f"{key}:gte": None, f"{key}:lte": None}),
            )
        elif field.type in ("text", "long_text"):
            text = asked.params.get(f"{key}:contains", "")
            yield Filter(
                field,
                "text",
                f"{key}:contains",
                ((text, text),) if text else (),
                clear=asked.with_(**{f"{key}:contains": None}),
            )


def _column_menu(ctx: Context, spec: NounSpec, asked: asking.Asked) -> SafeString:
    """Give the columns to choose from as a menu: those shown first, in their order."""
    shown = list(asked.query.columns or _columns(ctx, spec))
    fields = {f.key: str(f.label) for f in visible(ctx, spec.fields) if f.type not in ("json", "file")}
    first = tuple((key, fields[key], True) for key in shown if key in fields)
    rest = tuple((key, label, False) for key, label in fields.items() if key not in shown)
    return _menu_of((*first, *rest), ctx.language)


@lru_cache(maxsize=1024)
def _menu_of(columns: tuple[tuple[str, str, bool], ...], language: str) -> SafeString:
    return render_to_string("web/list_columns.html", {"columns": columns})


def counts(request: HttpRequest, noun: Noun, asked: asking.Asked) -> HttpResponse:
    """Give the number of records in the list, and per state whatever state is chosen.

    Gives:  of very many only that there are at least so many; one statement, two where a state is chosen
    """
    reading.require_read(request.ctx, noun)
    life, filters = noun.spec.life, asked.query.filters
    every = tuple(f for f in filters if not life or f[0] != life.field)
    shown: dict[str, Any] = {"states": [], "is_least": False}
    if life:
        query = reading.Query(filters=every, search=asked.query.search)
        found = reading.count_by(request.ctx, noun, query, life.field, most=reading.COUNT_BY_LIMIT)
        total = min(sum(found.values()), reading.COUNT_BY_LIMIT)
        shown["states"] = [("", total), *((s.key, found.get(s.key, 0)) for s in life.states)]
        shown["is_least"] = sum(found.values()) > total
        shown |= {"total": total, "is_more": shown["is_least"]}
    if not life or every != filters:
        shown["total"], shown["is_more"] = reading.count_records(request.ctx, noun, asked.query)
    return part(request, "web/counts.html", shown)
