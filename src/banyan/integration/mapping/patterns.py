"""Formats of dates and times as people write them: YYYY-MM-DD HH:mm:ss, DD.MM.YYYY, 2025年3月1日, iso, unix, unix_ms.

`YYYY YY MM M DD D HH H mm ss SSS Z` stand for themselves' digits; anything else stands for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

NAMED = ("iso", "unix", "unix_ms", "excel")
_PIECES = {
    "YYYY": (r"(?P<year>\d{4})", lambda m: f"{m.year:04}"), "YY": (r"(?P<short>\d{2})", lambda m: f"{m.year % 100:02}"),
    "MM": (r"(?P<month>\d{2})", lambda m: f"{m.month:02}"), "M": (r"(?P<month>\d{1,2})", lambda m: str(m.month)),
    "DD": (r"(?P<day>\d{2})", lambda m: f"{m.day:02}"), "D": (r"(?P<day>\d{1,2})", lambda m: str(m.day)),
    "HH": (r"(?P<hour>\d{2})", lambda m: f"{m.hour:02}"), "H": (r"(?P<hour>\d{1,2})", lambda m: str(m.hour)),
    "mm": (r"(?P<minute>\d{2})", lambda m: f"{m.minute:02}"), "ss": (r"(?P<second>\d{2})", lambda m: f"{m.second:02}"),
    "SSS": (r"(?P<milli>\d{3})", lambda m: f"{m.microsecond // 1000:03}"),
    "Z": (r"(?P<zone>Z|[+-]\d{2}:?\d{2})", lambda m: _offset(m)),
}  # fmt: skip
_SPLIT = re.compile("|".join(sorted(_PIECES, key=len, reverse=True)))


@dataclass(frozen=True)
class Pattern:
    """A format: `read` gives a moment, with a zone only where the text has one; `write` the other way."""

    text: str
    name: str = ""
    expression: re.Pattern[str] | None = None
    pieces: tuple[str, ...] = ()

    def read(self, given: str) -> datetime | None:
        if self.name == "iso":
            return _iso(given)
        found = self.expression.fullmatch(given) if self.expression else None
        if not found:
            return None
        parts = found.groupdict()
        year = int(parts["year"]) if parts.get("year") else _century(int(parts["short"]))
        try:
            moment = datetime(
                year, int(parts.get("month") or 1), int(parts.get("day") or 1), int(parts.get("hour") or 0),
                int(parts.get("minute") or 0), int(parts.get("second") or 0), int(parts.get("milli") or 0) * 1000,
            )  # fmt: skip
            return moment.replace(tzinfo=_zone(parts["zone"])) if parts.get("zone") else moment
        except ValueError:
            return None

    def write(self, moment: datetime) -> str:
        if self.name == "iso":
            return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
        return "".join(_PIECES[p][1](moment) if p in _PIECES else p for p in self.pieces)


@lru_cache(maxsize=500)
def pattern(text: str) -> Pattern | None:
    """Give the format of a text; None where it names no year, or one part twice."""
    if text in NAMED:
        return Pattern(text, text)
    if len(text) > 60:
        return None
    pieces: list[str] = []
    at = 0
    for found in _SPLIT.finditer(text):
        pieces += [text[at : found.start()], found.group()]
        at = found.end()
    pieces.append(text[at:])
    pieces = [p for p in pieces if p]
    try:
        expression = re.compile("".join(_PIECES[p][0] if p in _PIECES else re.escape(p) for p in pieces), re.ASCII)
    except re.error:
        return None
    if not {"year", "short"} & set(expression.groupindex):
        return None
    return Pattern(text, "", expression, tuple(pieces))


def _iso(given: str) -> datetime | None:
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        return None


def _century(short: int) -> int:
    """Two digits mean 1969 to 2068, as POSIX has it."""
    return short + (1900 if short >= 69 else 2000)


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _offset(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return f"{offset[:3]}:{offset[3:5]}" if offset else "Z"
