"""A label is always a pair: Chinese and English. Nothing a person reads exists in one language only."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

DEFAULT_LANGUAGE = "zh"
_language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)
_SLOT = re.compile(r"\{\{|\}\}|\{([a-z_][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Label:
    """A text in Chinese and in English; `str()` gives it in the language now spoken, Chinese by default."""

    zh: str
    en: str

    def __post_init__(self) -> None:
        if not self.zh or not self.en:
            raise ValueError(f"a label needs both languages: zh {self.zh!r}, en {self.en!r}")

    def in_(self, language: str | None) -> str:
        """Give the text for a language tag such as "zh", "zh-Hans", "en-GB".

        Gives:  Chinese for Chinese tags and for None, English for every other
        """
        return self.zh if is_chinese(language) else self.en

    def filled(self, facts: Mapping[str, Any]) -> "Label":
        """Give the label with each `{name}` replaced by its fact, worded in the language of that side.

        Takes:  facts by name; a fact may itself be a Label. A name without a fact stays visible as `{name}`
        """
        return Label(fill(self.zh, facts, "zh"), fill(self.en, facts, "en"))

    def __str__(self) -> str:
        return self.in_(_language.get())


def L(zh: str, en: str) -> Label:
    """Give a label: `L("销售订单", "Sales order")`."""
    return Label(zh, en)


def is_chinese(language: str | None) -> bool:
    return language is None or language.lower().startswith("zh")


def spoken_language() -> str:
    """Give the language in which `str(label)` is worded in this thread or coroutine."""
    return _language.get()


def in_english() -> bool:
    """Say whether `str(label)` is worded in English here."""
    return not is_chinese(spoken_language())


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Word every label in this language inside the block; a web request wraps itself in it."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def slots_of(template: str) -> frozenset[str]:
    """Give the names of the `{slots}` in a template."""
    return frozenset(name for name in _SLOT.findall(template) if name)


def fill(template: str, facts: Mapping[str, Any], language: str) -> str:
    """Give the template with its slots filled.

    Only plain names are slots, never attributes or indexes, so no fact can be made to reveal more than
    itself. `{{` and `}}` stand for braces.
    """

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return match.group(0)[0]
        return wording(facts[name], language) if name in facts else match.group(0)

    return _SLOT.sub(replace, template)


def wording(value: Any, language: str) -> str:
    """Give a value as a person reads it: decimals without exponent or idle zeros, lists joined."""
    if isinstance(value, Label):
        return value.in_(language)
    if value is None:
        return "—"
    if isinstance(value, bool):
        return L("是", "yes").in_(language) if value else L("否", "no").in_(language)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return ("、" if is_chinese(language) else ", ").join(wording(each, language) for each in value)
    return str(value)


def plain(number: Decimal) -> str:
    """Give a decimal without exponent and without trailing zeros: 1.500000 is "1.5", 1E+3 is "1000"."""
    if not number.is_finite():
        return str(number)
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
