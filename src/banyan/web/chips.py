"""What narrows a list beside its tabs and filters: the noun's own presets, and whatever else the address asks
for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, QueryDict

from banyan.kernel.access import may_see
from banyan.kernel.nouns import Noun
from banyan.kernel.reading import OPERATORS
from banyan.kernel.records import titles
from banyan.kernel.spec import FieldSpec, NounSpec
from banyan.lib.labels import L, Label
from banyan.web.asked import Asked

_SIGNS = {"ne": "≠", "gt": ">", "gte": "≥", "lt": "<", "lte": "≤"}
_WORDS = {
    "contains": L("含", "contains"),
    "starts": L("开头为", "starts with"),
    "empty": L("为空", "is empty"),
}
_YES, _NO = L("是", "Yes"), L("否", "No")
SHOWN_NAMES = 2


@dataclass(frozen=True)
class Chip:
    """A condition that is on or can be put on; `query` is the address with it turned over."""

    label: Label | str
    query: str
    is_on: bool
    held: tuple[tuple[str, str], ...] = ()


def presets(spec: NounSpec, asked: Asked) -> Iterator[Chip]:
    """Give the noun's presets as chips."""
    for one in spec.presets:
        wanted = QueryDict(one.query)
        is_on = all(asked.params.get(key) == value for key, value in wanted.items())
        turned = asked.with_(**{key: None if is_on else value for key, value in wanted.items()})
        yield Chip(one.label, turned, is_on, tuple(wanted.items()) if is_on else ())


def others(request: HttpRequest, noun: Noun, asked: Asked, shown: set[str]) -> Iterator[Chip]:
    """Give what the address asks for and nothing else on the page shows, in words.

    Takes:  shown: the names of conditions that tabs, filters and presets show
    """
    for name in asked.params:
        key, colon, operator = name.partition(":")
        if not colon or operator not in OPERATORS or name in shown:
            continue
        field = _field(noun.spec, key)
        if field is None or not may_see(request.ctx, field):
            continue
        values = asked.values(name)
        text = " ".join(w for w in (str(field.label), _sign(operator), _said(field, operator, values)) if w)
        held = tuple((name, value) for value in asked.params.getlist(name))
        yield Chip(text, asked.with_(**{name: None}), True, held)


def _field(spec: NounSpec, key: str) -> FieldSpec | None:
    if key == "id":
        return FieldSpec("id", 0, "reference", L("选定记录", "Chosen records"), "id", reference=spec.key)
    return spec.field(key) if spec.has_field(key) else None


def _sign(operator: str) -> str:
    return _SIGNS.get(operator) or str(_WORDS.get(operator, ""))


def _said(field: FieldSpec, operator: str, values: list[str]) -> str:
    """Give values in words: choices by label, the first references by title, many by their number."""
    if operator == "empty":
        return "" if values and values[0] in ("1", "true", "yes") else str(_NO)
    if field.type == "boolean":
        return str(_YES if values[:1] == ["true"] else _NO)
    if field.choices:
        labels = {c.key: str(c.label) for c in field.choices}
        return "、".join(labels.get(v, v) for v in values)
    if len(values) > SHOWN_NAMES:
        return str(L("{n} 条", "{n}").filled({"n": len(values)}))
    if field.type == "reference" and field.reference:
        named = {str(k): title for k, title in titles(field.reference, values).items()}
        return "、".join(named.get(v) or v[:8] for v in values)
    return "、".join(v[:8] if len(v) == 36 else v for v in values)
