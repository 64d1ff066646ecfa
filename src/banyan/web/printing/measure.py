"""How much room texts take, and how columns share a page: estimated, because no page is laid out yet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

POINT = 0.3528  # millimetres
_WORDS = re.compile(r"[^\s\-/_,.;:×]+[\-/_,.;:×]?")
#: Of what columns would like beyond what they need, at least this share is to be had on an upright sheet.
_EASE = 0.3
_BOLD = 1.1
_NARROW, _BROAD = frozenset("il.,:;'|! "), frozenset("mwMW%@")


def em(character: str) -> float:
    """Give about how wide a character is, in its own height: as Noto Sans CJK draws it, or a little more."""
    if unicodedata.east_asian_width(character) in "WFA":
        return 1.0
    if character in _NARROW:
        return 0.31
    if character in _BROAD:
        return 0.92
    return 0.7 if character.isupper() else 0.58


def width(text: str, points: float) -> float:
    """Give about how wide a text is, in millimetres."""
    return sum(map(em, text)) * points * POINT


def longest_word(text: str, points: float) -> float:
    """Give how wide the longest part is that should not be broken, in bold; Chinese breaks anywhere."""
    words = _WORDS.findall(text)
    return max((width(w, points) * _BOLD if w.isascii() else 2 * points * POINT for w in words), default=0)


_PIECES = re.compile(r"\s+|[!-~\u00a1-\u024f]+?(?:[\-/_]+(?=\S)|(?=\s|$)|(?=[^!-~\u00a1-\u024f]))|.", re.S)


def rows(text: str, room: float, points: float) -> list[str]:
    """Give a text as it is broken into rows: between words, after hyphens, within what is longer."""
    made, row, used = [], "", 0.0
    for piece in _PIECES.findall(text):
        long = width(piece, points) > room
        for part in piece if long else (piece,):
            takes = width(part, points)
            if row and used + takes > room:
                made.append(row.rstrip())
                row, used = "", 0.0
                part = part.lstrip()
            row, used = row + part, used + (takes if part else 0)
    return [*made, row.rstrip()] if row.strip() else made


def longest_piece(text: str, points: float) -> float:
    """Give how wide the longest part is that stays whole in a row."""
    return max((width(piece, points) for piece in _PIECES.findall(text)), default=0)


@dataclass(frozen=True, slots=True)
class Need:
    """What a column needs and would like, in millimetres; one that `grows` takes what is left over."""

    least: float
    wish: float
    grows: bool = False


def shared(needs: Sequence[Need], room: float) -> tuple[float, ...]:
    """Give the widths of columns that together fill a room."""
    least, wish = sum(n.least for n in needs), sum(n.wish for n in needs)
    if wish <= room:
        growing = [n.wish if n.grows else 0 for n in needs]
        growing = growing if any(growing) else [n.wish for n in needs]
        return tuple(n.wish + (room - wish) * g / sum(growing) for n, g in zip(needs, growing, strict=True))
    if least >= room:
        return tuple(n.least * room / least for n in needs)
    share = (room - least) / (wish - least)
    return tuple(n.least + (n.wish - n.least) * share for n in needs)


def is_tight(needs: Sequence[Need], room: float) -> bool:
    """Say whether columns would be squeezed."""
    least, wish = sum(n.least for n in needs), sum(n.wish for n in needs)
    return least + (wish - least) * _EASE > room
