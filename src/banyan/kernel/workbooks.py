"""The first sheet of an XLSX workbook, row by row.

A sheet's XML is parsed in pieces as it is unpacked. Its texts stand in a part of their own, to be looked up in any
order: they lie in a temporary file, not in the memory.
Source: ECMA-376 part 1, 18.3 (sheets), 18.4 (shared strings), 18.8.30 (number formats), 18.17.4.1 (dates)
"""

from __future__ import annotations

import re
import struct
import tempfile
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from posixpath import dirname, join, normpath
from typing import Any
from xml.parsers import expat

_PIECE = 1 << 16
_PLACE = struct.Struct("<QI")
#: Number formats that come with the program and show dates; those of one's own are read from their letters.
_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)})
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_LETTERS = re.compile(r"[dmyhsDMYHS年月日]")
_COLUMN = re.compile(r"[A-Z]{1,3}")
_MOST_COLUMNS = 16_384
Attributes = dict[str, str]


class Workbook:
    """A workbook that lies unpacked nowhere but on the disk.

    Raises: ValueError, KeyError, IndexError for what is none
    """

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._is_1904, self._sheet, parts = _outline(packed)
        self._dates = _date_styles(packed, parts["styles"]) if "styles" in parts else ()
        self._texts = _Texts(packed, parts["sharedStrings"]) if "sharedStrings" in parts else None

    def rows(self) -> Iterator[list[Any]]:
        """Give the rows in their order: text, truth, float, date or datetime; what is empty is the empty text."""
        reader = _Reader(self._value)
        for _ in _parsed(self._packed, self._sheet, reader.begins, reader.ends, reader.says):
            while reader.done:
                yield reader.done.popleft()

    def _value(self, kind: str, style: int, text: str) -> Any:
        if kind == "s":
            if self._texts is None:
                raise ValueError("texts that there are not")
            return self._texts[int(text)]
        if kind == "b":
            return text.strip() == "1"
        if kind in ("str", "inlineStr", "e"):
            return text
        if kind == "d":
            return datetime.fromisoformat(text)
        number = float(text)
        return self._date(number) if 0 <= style < len(self._dates) and self._dates[style] else number

    def _date(self, number: float) -> Any:
        """Give what a number of days stands for; one that is no date stays a number."""
        first = datetime(1904, 1, 1) if self._is_1904 else datetime(1899, 12, 30)
        if not self._is_1904 and number < 60:
            first += timedelta(days=1)  # the 29th of February 1900, which there was not, is day 60
        try:
            found = first + timedelta(seconds=round(number * 86_400))
        except OverflowError:
            return number
        if number < 1:
            return found.time()
        return date(found.year, found.month, found.day) if number == int(number) else found


class _Reader:
    """Makes rows of a sheet's elements."""

    def __init__(self, value: Callable[[str, int, str], Any]) -> None:
        self.done: deque[list[Any]] = deque()
        self._value, self._row, self._kind, self._style, self._column = value, [], "n", -1, 0
        self._text: list[str] | None = None
        self._heard: list[str] = []
        self._is_phonetic = False

    def begins(self, name: str, given: Attributes) -> None:
        if name == "row":
            self._row = []
        elif name == "c":
            place = _column_of(given["r"]) if "r" in given else len(self._row)
            self._column = place
            self._kind, self._style, self._heard = given.get("t", "n"), int(given.get("s", -1)), []
        elif name == "rPh":
            self._is_phonetic = True
        elif name in ("v", "t") and not self._is_phonetic:
            self._text = self._heard

    def says(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def ends(self, name: str) -> None:
        if name in ("v", "t"):
            self._text = None
        elif name == "rPh":
            self._is_phonetic = False
        elif name == "c" and self._heard:
            self._row.extend([""] * (self._column - len(self._row)))
            del self._row[self._column:]
            self._row.append(self._value(self._kind, self._style, "".join(self._heard)))
        elif name == "row":
            self.done.append(self._row)


class _Texts:
    """The texts that cells share, in a file, by number."""

    def __init__(self, packed: zipfile.ZipFile, part: str) -> None:
        self._texts, self._places = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  go with this
        self._count, self._heard, self._is_heard, self._is_phonetic = 0, [], False, False
        self._end = 0
        for _ in _parsed(packed, part, self._begins, self._ends, self._says):
            pass
        self._look_up = lru_cache(maxsize=256)(self._read)

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < self._count:
            raise IndexError(number)
        return self._look_up(number)

    def _read(self, number: int) -> str:
        self._places.seek(number * _PLACE.size)
        start, size = _PLACE.unpack(self._places.read(_PLACE.size))
        self._texts.seek(start)
        return self._texts.read(size).decode()

    def _begins(self, name: str, _: Attributes) -> None:
        if name == "si":
            self._heard = []
        elif name == "rPh":
            self._is_phonetic = True
        self._is_heard = name == "t" and not self._is_phonetic

    def _says(self, text: str) -> None:
        if self._is_heard:
            self._heard.append(text)

    def _ends(self, name: str) -> None:
        self._is_heard = False
        if name == "rPh":
            self._is_phonetic = False
        elif name == "si":
            text = "".join(self._heard).encode("utf-8", "replace")
            self._texts.write(text)
            self._places.write(_PLACE.pack(self._end, len(text)))
            self._end += len(text)
            self._count += 1


def _parsed(
    packed: zipfile.ZipFile, part: str, begins: Callable[[str, Attributes], None], ends: Callable[[str], None],
    says: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Parse a part, a piece at a time; its names come without their space.

    Raises: ValueError for what is no XML, or brings entities of its own
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, given: begins(name.rpartition(" ")[2], given)
    parser.EndElementHandler = lambda name: ends(name.rpartition(" ")[2])
    parser.CharacterDataHandler = says
    parser.StartDoctypeDeclHandler = _refuse
    with packed.open(part) as content:
        try:
            while piece := content.read(_PIECE):
                parser.Parse(piece)
                yield
            parser.Parse(b"", True)
        except expat.ExpatError as fault:
            raise ValueError(str(fault)) from None
    yield


def _refuse(*_: object) -> None:
    raise ValueError("a workbook has no document type")


def _elements(packed: zipfile.ZipFile, part: str) -> list[tuple[str, Attributes]]:
    """Give the elements of a small part in their order."""
    found: list[tuple[str, Attributes]] = []
    for _ in _parsed(packed, part, lambda name, given: found.append((name, given)), lambda _: None):
        if len(found) > 100_000:
            raise ValueError("too many elements")
    return found


def _outline(packed: zipfile.ZipFile) -> tuple[bool, str, dict[str, str]]:
    """Give whether days count from 1904, the part of the first sheet, and the other parts by what they are."""
    book = next(one["Target"] for _, one in _elements(packed, "_rels/.rels")
                if one.get("Type", "").endswith("/officeDocument")).lstrip("/")  # fmt: skip
    folder, name = dirname(book), book.rpartition("/")[2]
    targets, parts = {}, {}
    for _, one in _elements(packed, join(folder, "_rels", f"{name}.rels")):
        if "Target" in one and one.get("TargetMode") != "External":
            target = one["Target"]
            targets[one["Id"]] = target.lstrip("/") if target.startswith("/") else normpath(join(folder, target))
            parts[one.get("Type", "").rpartition("/")[2]] = targets[one["Id"]]
    elements = _elements(packed, book)
    is_1904 = any(one.get("date1904") in ("1", "true") for kind, one in elements if kind == "workbookPr")
    first = next(one for kind, one in elements if kind == "sheet")
    key = next(value for name, value in first.items() if name.rpartition(" ")[2] == "id")
    return is_1904, targets[key], parts


def _date_styles(packed: zipfile.ZipFile, part: str) -> tuple[bool, ...]:
    """Give for each style of cells whether it shows dates."""
    own: dict[str, bool] = {}
    shown: list[bool] = []
    is_of_cells = False
    for kind, given in _elements(packed, part):
        if kind == "numFmt":
            own[given["numFmtId"]] = bool(_LETTERS.search(_QUOTED.sub("", given["formatCode"].split(";")[0])))
        elif kind in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            is_of_cells = kind == "cellXfs"
        elif kind == "xf" and is_of_cells:
            number = given.get("numFmtId", "0")
            shown.append(own[number] if number in own else int(number) in _DATES)
    return tuple(shown)


def _column_of(place: str) -> int:
    """Give the column, from 0, of a cell's place such as AB12."""
    letters, number = _COLUMN.match(place), 0
    if letters is None:
        raise ValueError(place)
    for letter in letters[0]:
        number = number * 26 + ord(letter) - 64
    if number > _MOST_COLUMNS:
        raise ValueError(place)
    return number - 1
