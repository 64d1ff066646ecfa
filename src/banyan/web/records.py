"""A record as a page shows it: name, state, what is wrong, sections of values, lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString, mark_safe

from banyan.kernel import db, registry
from banyan.kernel.access import visible
from banyan.kernel.context import Context
from banyan.kernel.models import InboxItem
from banyan.kernel.nouns import COMMON, Noun
from banyan.kernel.spec import FieldSpec, NounSpec, Tone
from banyan.lib.labels import L, Label, is_chinese, spoken_language
from banyan.web.cells import Titles, Wording, align, is_bare_key, unit_of
from banyan.web.pairs import english_of, in_english, pairs_of, pointed

#: Fields by whose day something should have happened, nearest promise first.
DUE_FIELDS = ("due_on", "promised_on", "confirmed_on", "wanted_on")
MORE = L("其余信息", "Further details")


@dataclass(frozen=True)
class Notice:
    """Something wrong or worth knowing about a record."""

    tone: Tone
    text: Label


@dataclass(frozen=True)
class Section:
    """A group of values; as HTML, because a template takes ten times as long."""

    label: Label
    html: SafeString
    is_folded: bool


@dataclass(frozen=True)
class Lines:
    """A table of lines: heads as (field, class, unit), rows as HTML."""

    key: str
    label: Label
    heads: tuple[tuple[FieldSpec, str, str | None], ...]
    html: SafeString
    count: int


def title_of(spec: NounSpec, record: Mapping[str, Any], titles: Titles) -> str:
    """Give the name by which people know a record: its title fields, references by their own names."""
    words = []
    for key, english in spec.naming:
        field, value = spec.field(key), record.get(key)
        if english and not is_chinese(spoken_language()):
            value = record.get(english) or value
        if value in (None, "", []):
            continue
        if field.choices:
            words.append(next((str(c.label) for c in field.choices if c.key == value), str(value)))
        elif field.type == "reference" and field.reference:
            words.append(titles.get(field.reference, {}).get(value, ""))
        else:
            words.append(str(value))
    return " ".join(w for w in words if w) or str(L("未编号", "No number yet"))


def sections(
    ctx: Context, spec: NounSpec, record: Mapping[str, Any], wording: Wording
) -> tuple[Section, ...]:
    """Give a record's values in the sections of its form; what no section names stands folded at the end."""
    fields = {f.key: f for f in visible(ctx, spec.fields)}
    titles = record["_titles"]
    (shown,) = pointed([{key: record.get(key) for key in fields}], fields.values())
    for key in set(pairs_of(fields).values()):
        del fields[key]  # the record itself says what it is
    state = spec.life.field if spec.life else ""
    made, used = [], {state, *(line.key for line in spec.lines)}
    is_english = not is_chinese(wording.language)
    for part in spec.form:
        used.update(part.fields)
        keys = [k for k in spec.in_language(part.fields, is_english) if k in fields and k != state]
        if keys:
            made.append(Section(part.label, _values(fields, keys, shown, wording, titles), part.folded))
    rest = [k for k in fields if k not in used and k != (spec.numbering and spec.numbering.field)]
    rest = [k for k in rest if k not in COMMON] + [k for k in rest if k in COMMON]
    if rest:
        made.append(Section(MORE, _values(fields, rest, shown, wording, titles), True))
    return tuple(made)


def _values(
    fields: Mapping[str, FieldSpec],
    keys: Sequence[str],
    record: Mapping[str, Any],
    wording: Wording,
    titles: Titles,
) -> SafeString:
    made = []
    for field in (fields[key] for key in keys):
        wide = " value-wide" if field.type in ("long_text", "json") else ""
        css = "num" if field.is_number and not field.choices else ""
        html = wording.html(field, record.get(field.key), titles)
        label = escape(str(field.label))
        made.append(f'<div class="value{wide}"><dt>{label}</dt><dd class="{css}">{html}</dd></div>')
    return mark_safe(f'<dl class="values">{"".join(made)}</dl>')


def lines(
    ctx: Context, spec: NounSpec, record: Mapping[str, Any], wording: Wording
) -> tuple[Lines, ...]:
    """Give a record's lines as tables, in the columns of their layout; a column empty in every line is left out."""
    made = []
    for line in spec.lines:
        by_key = {f.key: f for f in visible(ctx, line.fields)}
        english = {} if is_chinese(wording.language) else english_of(line.columns, by_key)
        rows = [in_english(row, english) for row in record.get(line.key, ())]
        fields = [
            by_key[k]
            for k in line.columns
            if k in by_key and (not rows or any(_says(by_key[k], row.get(k)) for row in rows))
        ]
        heads = tuple((f, align(f), unit_of(f)) for f in fields)
        marks = [f'class="{css}" data-label="{escape(_head(f, unit))}"' for f, css, unit in heads]
        words = [wording.column(f, record["_titles"], unit=False) for f in fields]
        cells = [(f.key, mark, word) for f, mark, word in zip(fields, marks, words, strict=True)]
        html = "".join(
            f'<tr><td class="grid-no dim">{n}</td>'
            + "".join(f"<td {mark}>{word(row.get(key))}</td>" for key, mark, word in cells)
            + "</tr>"
            for n, row in enumerate(rows, start=1)
        )
        made.append(Lines(line.key, line.label, heads, mark_safe(html), len(rows)))
    return tuple(made)


def _head(field: FieldSpec, unit: str | None) -> str:
    return f"{field.label} {unit}" if unit else str(field.label)


def _says(field: FieldSpec, value: Any) -> bool:
    return not is_bare_key(field, value) and value not in (None, "", [])


_WAITING = f"""
SELECT text_zh, text_en FROM "{InboxItem._meta.db_table}"
WHERE person_id = %s AND record = %s AND done_at IS NULL LIMIT 5
"""


def notices(ctx: Context, noun: Noun, record: Mapping[str, Any], today: date) -> tuple[Notice, ...]:
    """Give what is wrong with a record, worst first.

    Gives:  what the noun's own module says through the port `NOUN.notices` (ctx, record) → notices or
            (tone, label) pairs; a day that has passed; a block; open inbox items about it
    """
    spec = noun.spec
    ask: Callable[..., Any] = registry.port(f"{spec.key}.notices", lambda _ctx, _record: ())
    found = [n if isinstance(n, Notice) else Notice(*n) for n in ask(ctx, record)]
    found += overdue(spec, record, today)
    for field in spec.fields:
        if field.type == "boolean" and field.key == "is_blocked" and record.get(field.key):
            found.append(Notice("red", field.label))
    if record.get("id"):
        found += [Notice("blue", L(*texts)) for texts in db.rows(_WAITING, [ctx.person, UUID(record["id"])])]
    return tuple(found)


def pages(ctx: Context, noun: Noun, record: Mapping[str, Any]) -> tuple[tuple[str, Label, str], ...]:
    """Give the pages of modules' own about a record, as (icon, label, address), by the port `NOUN.pages`."""
    ask: Callable[..., Any] = registry.port(f"{noun.spec.key}.pages", lambda _ctx, _record: ())
    return tuple(ask(ctx, record))


def due_field(spec: NounSpec) -> FieldSpec | None:
    """Give the field by whose day a noun's records are due, None where it has none."""
    keys = {f.key for f in spec.fields}
    return next((spec.field(k) for k in DUE_FIELDS if k in keys and spec.field(k).type == "date"), None)


def is_open(spec: NounSpec, state: str | None) -> bool:
    """Say whether a state leads on: something is still to be done with the record."""
    return bool(spec.life) and any(t.source == state for t in spec.life.transitions)


def overdue(spec: NounSpec, record: Mapping[str, Any], today: date) -> list[Notice]:
    """Give the notice that a record is late, where it is open and its day has passed."""
    if not spec.life or not is_open(spec, record.get(spec.life.field)):
        return []
    if spec.life.state(record[spec.life.field]).tone == "green":
        return []  # what was due has been done; only closing is left
    for key in DUE_FIELDS:
        value = record.get(key) if spec.has_field(key) else None
        if value:
            late = (today - date.fromisoformat(value[:10])).days
            text = L("{field}已过 {days} 天", "{field}: {days} days late")
            return (
                [Notice("red", text.filled({"field": spec.field(key).label, "days": late}))]
                if late > 0
                else []
            )
    return []
