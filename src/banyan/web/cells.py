"""How a value looks, in a table, on a form, in a history: numbers, dates, states and references."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.utils.safestring import SafeString, mark_safe

from banyan.kernel import registry
from banyan.kernel.context import Context
from banyan.kernel.spec import Choice, FieldSpec
from banyan.lib.labels import L, is_chinese, plain
from banyan.web.pairs import Pointed

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_YES, _NO = L("是", "Yes"), L("否", "No")
EMPTY = mark_safe('<span class="none">—</span>')
Titles = Mapping[str, Mapping[Any, str]]

#: So many characters of JSON are shown.
MOST_JSON = 100_000

@dataclass(frozen=True)
class Wording:
    """How values are worded for one person: language, zone of instants, and which records may be opened."""

    language: str
    zone: ZoneInfo
    ctx: Context | None = None

    def html(
        self, field: FieldSpec, value: Any, titles: Titles, *, linked: bool = True, unit: bool = True
    ) -> SafeString:
        """Give a field's value, as `reading` gives it, as HTML.

        Takes:  titles: names of referenced records by noun; linked: whether references are links;
                unit: whether a number bears its unit, which in a table stands in the column's head
        """
        if value is None or value == "" or value == []:
            return EMPTY
        if isinstance(value, Pointed):
            path = self.path_of(value.noun, value.id) if linked and value.id else None
            return mark_safe(f'<a href="{path}">{escape(str(value))}</a>' if path else escape(str(value)))
        if field.choices:
            return badge(field.choices, value, is_state=field.readonly)
        kind = field.type
        if kind == "boolean":
            return _MARKS[bool(value)](str(_YES if value else _NO))
        if is_bare_key(field, value):
            return EMPTY
        if kind == "reference":
            return self._reference(field.reference, value, titles, linked)
        if kind == "tags" and field.reference:
            return mark_safe("、".join(self._reference(field.reference, v, titles, linked) for v in value))
        if kind == "tags":
            return mark_safe(
                " ".join(f'<span class="badge bg-secondary-lt">{escape(str(v))}</span>' for v in value)
            )
        if kind == "json":
            return mark_safe(f'<pre class="json">{escape(as_json(value, is_indented=True))}</pre>')
        if kind == "long_text":
            return mark_safe(f'<span class="long">{escape(str(value))}</span>')
        return mark_safe(escape(self.text(field, value, titles, unit=unit)))

    def column(
        self, field: FieldSpec, titles: Titles, *, linked: bool = True, unit: bool = True
    ) -> Callable[[Any], SafeString]:
        """Give what words the values of one column as `html` does; a value that stands there twice, once."""
        known: dict[Any, SafeString] = {}

        def word(value: Any) -> SafeString:
            key = value if value.__hash__ else str(value)
            if key not in known:
                known[key] = self.html(field, value, titles, linked=linked, unit=unit)
            return known[key]

        return word

    def text(self, field: FieldSpec, value: Any, titles: Titles, *, unit: bool = True) -> str:
        """Give a field's value as plain text."""
        if value is None or value == "" or value == [] or is_bare_key(field, value):
            return ""
        if field.choices:
            return str(next((c.label for c in field.choices if c.key == value), value))
        kind = field.type
        if kind == "boolean":
            return str(_YES if value else _NO)
        if kind == "reference":
            return title_in(titles, field.reference, value)
        if field.is_number:
            return number(value, places=_PLACES.get(kind), unit=unit_of(field) if unit else None)
        if kind == "date":
            return self.day(value)
        if kind == "instant":
            return self.instant(value)
        if kind == "time":
            return str(value)[:5]
        if kind == "tags" and field.reference:
            value = [title_in(titles, field.reference, one) for one in value]
        if kind == "tags":
            return ("、" if is_chinese(self.language) else ", ").join(map(str, value))
        return as_json(value) if kind == "json" else str(value)

    def day(self, value: str | date) -> str:
        """Give a day: 2026-03-02 in Chinese, 2 Mar 2026 in English."""
        day = date.fromisoformat(value[:10]) if isinstance(value, str) else value
        return (
            day.isoformat() if is_chinese(self.language) else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
        )

    def instant(self, value: str | datetime) -> str:
        """Give an instant in the plant's zone, to the minute."""
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        local = moment.astimezone(self.zone)
        return f"{self.day(local.date())} {local:%H:%M}"

    def _reference(self, noun_key: str | None, value: Any, titles: Titles, linked: bool) -> SafeString:
        text = escape(title_in(titles, noun_key, value))
        path = self.path_of(noun_key, value) if linked else None
        return mark_safe(f'<a href="{path}">{text}</a>' if path else f"{text}")

    def path_of(self, noun_key: str | None, value: Any) -> str | None:
        """Give the address of a record, None where the person may not read its noun."""
        if not noun_key or not registry.has_noun(noun_key) or self.ctx is None:
            return None
        spec = registry.noun(noun_key).spec
        return f"/{spec.path}/{value}" if self.ctx.may(spec.permission("read")) else None


_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def as_json(value: Any, *, is_indented: bool = False) -> str:
    """Give JSON data as text, cut where it is very long; indented to be read, else on one line."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 if is_indented else None).decode()
    return text if len(text) <= MOST_JSON else f"{text[:MOST_JSON]}\n…"


def is_bare_key(field: FieldSpec, value: Any) -> bool:
    """Say whether a value is the key of a record that the field does not name: nothing a person can read."""
    if field.type not in ("text", "reference") or (field.type == "reference" and field.reference):
        return False
    return isinstance(value, UUID) or (isinstance(value, str) and _KEY.fullmatch(value) is not None)


#: Places a number shows at least, so that amounts and prices line up.
_PLACES = {"money": 2, "decimal": 2}


def unit_of(field: FieldSpec) -> str | None:
    """Give a field's unit; that of a share is the percent sign."""
    return "%" if field.type == "percent" else field.unit


def title_in(titles: Titles, noun_key: str | None, value: Any) -> str:
    """Give the name of a referenced record; its key where the name is not known."""
    named = titles.get(noun_key or "", {})
    if value in named:
        return named[value] or str(value)[:8]
    try:
        return named.get(UUID(str(value))) or str(value)[:8]
    except ValueError:
        return str(value)


def badge(choices: tuple[Choice, ...], value: Any, *, is_state: bool = True) -> SafeString:
    """Give a choice as a badge, colour and word; a colourless choice that is no state is plain text."""
    found = next((c for c in choices if c.key == value), None)
    if found is None or (found.tone == "grey" and not is_state):
        return mark_safe(escape(str(found.label if found else value)))
    return mark_safe(f'<span class="state state-{found.tone}">{escape(str(found.label))}</span>')


def number(value: Any, *, places: int | None = None, unit: str | None = None) -> str:
    """Give a number with thousands grouped: "1234.5" is 1,234.5, and with two places 1,234.50."""
    text = str(value)
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    if not whole.isdigit():
        return text
    if places is not None:
        fraction = fraction.ljust(places, "0")
    grouped = f"{int(whole):,}"
    shown = f"{sign}{grouped}.{fraction}" if fraction else f"{sign}{grouped}"
    return f"{shown} {unit}" if unit and unit != "%" else f"{shown}{unit or ''}"


_SHORT = {"zh": ((8, "亿"), (4, "万")), "en": ((9, "bn"), (6, "m"), (3, "k"))}


def compact(value: Any, language: str) -> str:
    """Give a large number in few characters: 1234567 is 123.5万 in Chinese and 1.23m in English."""
    amount = Decimal(value)
    for power, word in _SHORT["zh" if is_chinese(language) else "en"]:
        if abs(amount) >= 10 ** (power + (1 if power <= 4 else 0)):
            short = amount.scaleb(-power)
            places = max(0, 3 - len(str(abs(int(short)))))
            return f"{number(plain(round(short, places)))}{'' if is_chinese(language) else ' '}{word}"
    is_whole = amount == amount.to_integral_value()
    return number(plain(round(amount, 0 if is_whole else 2)), places=None if is_whole else 2)


_MARKS = {
    True: lambda word: mark_safe(f'<span class="yes"><span class="sr">{word}</span></span>'),
    False: lambda word: mark_safe(f'<span class="no"><span class="sr">{word}</span></span>'),
}


def align(field: FieldSpec) -> str:
    """Give the class of a field's column: numbers stand right, marks in the middle."""
    if field.choices:
        return ""
    if field.is_number:
        return "num"
    return "mid" if field.type == "boolean" else ("when" if field.type in ("date", "instant") else "")
