"""What a printed code says, and what a scan means: the stable address of a record, `/go/NOUN/ID-or-code`.

Any camera opens the address. The product's own scan reads the same text without a network: noun and key stand
in it. An id is written in 26 small letters and digits (Crockford's base 32), which survive a keyboard with
capitals on.
Source: https://www.crockford.com/base32.html
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, unquote
from uuid import UUID

from banyan.kernel import prints, registry

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {c: n for n, c in enumerate(_DIGITS)} | {"o": 0, "i": 1, "l": 1}
_SHORT = 26
#: Says that a name follows, where it could be taken for an id or for a step in the path.
_NAMED = "="
_PLAIN_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.I)
#: A scanner that types through a Chinese input method gives 、 for / and 。 for a point.
_SLASH, _POINT = "[/／、\\\\]", "[.．。]"
_ADDRESS = re.compile(
    rf"(?:^|{_SLASH})go{_SLASH}([a-z][a-z0-9_]*(?:{_POINT}[a-z][a-z0-9_]*)?){_SLASH}(.+)$", re.I | re.S
)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a code names: a record by its id, or by the name it bears (`code`)."""

    noun: str
    id: UUID | None = None
    code: str = ""


def make(noun: str, key: UUID | str) -> str:
    """Give the address of a record for a printed code.

    Takes:  key: its id, or the code by which people know it
    """
    short = next((c for c, n in prints.codes().items() if n == noun), noun)
    if isinstance(key, UUID):
        return f"/go/{short}/{shorten(key)}"
    marked = key in (".", "..") or key[:1] == _NAMED or key[-1:] == "/" or _id_of(key) is not None
    return f"/go/{short}/{_NAMED if marked else ''}{quote(key, safe='')}"


def parse(text: str) -> Scanned | None:
    """Give what a scanned text names, None where it is not an address of ours.

    Takes:  an address on any host, or its path alone; as typed by a scanner, so in capitals, in wide
            characters, with spaces and line ends around it
    """
    found = _ADDRESS.search(_tidy(text))
    if not found:
        return None
    noun = _noun_of(_narrow(found[1]).replace("。", ".").lower())
    ref = re.split(r"[?#？＃]", found[2])[0]
    return read_ref(noun, unquote(ref)) if noun else None


def read_ref(noun: str, ref: str) -> Scanned | None:
    """Give what the last part of an address names; None for nothing."""
    ref = _narrow(ref) if not ref.isascii() and _narrow(ref).isascii() else ref
    if ref.startswith(_NAMED):
        return Scanned(noun, code=ref[1:]) if ref[1:] else None
    ref = ref.removesuffix("/")
    key = _id_of(ref)
    if key is not None:
        return Scanned(noun, id=key)
    return Scanned(noun, code=ref) if ref else None


def noun_of(short: str) -> str | None:
    """Give the noun that a code's first part names, None for an unknown one."""
    return _noun_of(short.lower())


def shorten(key: UUID) -> str:
    """Give an id in 26 characters."""
    number, found = key.int, []
    for _ in range(_SHORT):
        number, rest = divmod(number, 32)
        found.append(_DIGITS[rest])
    return "".join(reversed(found))


def _id_of(ref: str) -> UUID | None:
    if _PLAIN_ID.fullmatch(ref):
        return UUID(ref)
    small = ref.lower()
    if len(ref) != _SHORT or not ref.isascii() or any(c not in _VALUES for c in small):
        return None
    number = 0
    for c in small:
        number = number * 32 + _VALUES[c]
    return UUID(int=number) if number < 1 << 128 else None


def _noun_of(short: str) -> str | None:
    found = prints.codes().get(short, short)
    return found if registry.has_noun(found) else None


def _tidy(text: str) -> str:
    """Give a text without what surrounds it: spaces, line ends, marks that nobody sees."""
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf")).strip()


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
