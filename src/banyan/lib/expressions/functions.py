"""The functions that take single values and give one: what each takes, gives and does."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from banyan.lib.expressions import numbers
from banyan.lib.expressions.faults import failed
from banyan.lib.expressions.nodes import Type
from banyan.lib.labels import plain
from banyan.lib.money import rounded

AGGREGATES = ("sum", "min", "max", "count")
# Written out, because languages disagree on what a blank is.
BLANKS = "\t\n\v\f\r \u00a0\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
LONGEST_TEXT = 100_000
_WRITTEN_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)


class Function(NamedTuple):
    """`unknown` is what it gives when any argument is null."""

    takes: tuple[Type, ...]
    gives: Type
    work: Callable[..., Any]
    least: int
    unknown: Any = None


def read_date(text: str) -> date | None:
    """Give the date of "2025-03-01"; None for anything else."""
    found = _DATE.fullmatch(text)
    return found and made_date(*map(int, found.groups()))


def made_date(year: int, month: int, day: int) -> date | None:
    """Give the date; None where the calendar has none."""
    try:
        return date(year, month, day)
    except (ValueError, OverflowError):
        return None


def as_text(value: Any) -> str:
    """Give a value as concat writes it; null is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value) if isinstance(value, Decimal) else str(value)


def whole(number: Decimal, function: str, at: int) -> int:
    """Give a number as an int, which it must be."""
    if number != number.to_integral_value():
        raise failed("not_whole", at, function=function, given=number)
    return int(number)


def _round(at: int, number: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    to = whole(places, "round", at)
    if not 0 <= to <= numbers.PLACES:
        raise failed("places_range", at, most=numbers.PLACES)
    return numbers.fitted(rounded(number, to))


def _number(at: int, text: str) -> Decimal | None:
    """Read a number written with a point; blank text is none."""
    written = text.strip(BLANKS)
    if not written:
        return None
    if not _WRITTEN_NUMBER.fullmatch(written):
        raise failed("not_a_number", at, given=written[:40])
    return numbers.fitted(Decimal(written))


def _part(at: int, text: str, start: Decimal, length: Decimal | None = None) -> str:
    first = max(whole(start, "part", at), 1) - 1
    return text[first:] if length is None else text[first : first + max(whole(length, "part", at), 0)]


def _replace(at: int, text: str, old: str, new: str) -> str:
    if not old:
        return text
    if len(text) + text.count(old) * (len(new) - len(old)) > LONGEST_TEXT:
        raise failed("text_too_long", at, most=LONGEST_TEXT)
    return text.replace(old, new)


def _add_days(at: int, day: date, count: Decimal) -> date:
    days = whole(count, "add_days", at)
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise failed("no_such_date", at, given=f"{day} + {days}") from None


_NUMBER, _TEXT, _BOOL, _DAY = Type.NUMBER, Type.TEXT, Type.BOOL, Type.DATE

SIMPLE = {
    "round": Function((_NUMBER, _NUMBER), _NUMBER, _round, least=1),
    "upper": Function((_TEXT,), _TEXT, lambda at, text: text.upper(), least=1),
    "lower": Function((_TEXT,), _TEXT, lambda at, text: text.lower(), least=1),
    "trim": Function((_TEXT,), _TEXT, lambda at, text: text.strip(BLANKS), least=1),
    "length": Function((_TEXT,), _NUMBER, lambda at, text: Decimal(len(text)), 1, unknown=Decimal(0)),
    "number": Function((_TEXT,), _NUMBER, _number, least=1),
    "part": Function((_TEXT, _NUMBER, _NUMBER), _TEXT, _part, least=2),
    "replace": Function((_TEXT, _TEXT, _TEXT), _TEXT, _replace, least=3),
    "contains": Function((_TEXT, _TEXT), _BOOL, lambda at, text, part: part in text, 2, unknown=False),
    "starts_with": Function(
        (_TEXT, _TEXT), _BOOL, lambda at, text, part: text.startswith(part), 2, unknown=False
    ),
    "days_between": Function(
        (_DAY, _DAY), _NUMBER, lambda at, start, end: Decimal((end - start).days), least=2
    ),
    "add_days": Function((_DAY, _NUMBER), _DAY, _add_days, least=2),
}
