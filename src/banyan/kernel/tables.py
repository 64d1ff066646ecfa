"""Tables as people bring them: CSV, a block pasted from a spreadsheet, XLSX; read row by row, never as a whole.

    table = read_table("items.csv", path)
    table.columns, len(table.rows), table.head      # known at once: the table was read through, none of it is kept
    for cells in table.rows: ...                    # read again from the file, as often as wanted

What is held of a table at any time is a piece of its file and the rows in it, however many there are.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from banyan.kernel.workbooks import Workbook
from banyan.lib.errors import Invalid, TooLarge, UnsupportedMedia
from banyan.lib.labels import L

MOST_ROWS = 200_000
MOST_UNPACKED = 400 * 1024 * 1024
#: Rows that are kept to be shown beside the columns.
HEAD = 20
_FIELD = 1_000_000


class _Source(Protocol):
    """What rows are read from, again and again: the first names the columns."""

    def rows(self) -> Iterator[Sequence[Any]]: ...


class Rows:
    """The rows below the head, in which anything is filled in; read from the file whenever they are gone through."""

    def __init__(self, source: _Source, count: int) -> None:
        self._source, self._count = source, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sequence[Any]]:
        return islice(_filled(self._source), 1, None)


@dataclass(frozen=True)
class Table:
    """Cells as they stand: column heads, and rows as text (or as the workbook's own values).

    `head` are the first rows, `digest` is the file's.
    """

    columns: tuple[str, ...]
    rows: Rows
    head: tuple[Sequence[Any], ...]
    name: str
    digest: str


def read_table(name: str, content: bytes | str | Path) -> Table:
    """Read CSV, a block pasted from a spreadsheet, or XLSX (first sheet) once through.

    Takes:  content: a file, its bytes, or pasted text; UTF-8, UTF-16 and GB18030 are told apart
    Raises: Invalid for an empty table, TooLarge above 200,000 rows, UnsupportedMedia for what is neither
    """
    kept = content.encode() if isinstance(content, str) else content
    with _opened(kept) as file:
        mark = file.read(4)
    if mark == b"PK\x03\x04":
        return _measured(name, kept, _Sheet(kept))
    for encoding in _encodings(mark):
        try:
            return _measured(name, kept, _Text(kept, encoding))
        except UnicodeDecodeError:
            continue
    raise UnsupportedMedia("table_encoding", L("无法识别文件编码", "The file's encoding cannot be told"))


def _measured(name: str, content: bytes | Path, source: _Source) -> Table:
    """Go through a table once: what it begins with, how long it is, whether all of it can be read."""
    rows = _filled(source)
    first = next(rows, None)
    if first is None:
        raise Invalid("table_empty", L("表格是空的", "The table is empty"))
    columns = tuple(str(cell or "").strip() for cell in first)
    if not any(columns):
        raise Invalid("table_headless", L("第一行须为列名", "The first row must name the columns"))
    head = tuple(islice(rows, HEAD))
    count = len(head)
    for _ in rows:
        count += 1
        if count > MOST_ROWS:
            raise TooLarge("table_too_long", L("最多 {most} 行", "At most {most} rows"), {"most": MOST_ROWS})
    return Table(columns, Rows(source, count), head, name, _digest(content))


def _filled(source: _Source) -> Iterator[Sequence[Any]]:
    return (row for row in source.rows() if any(cell not in ("", None) for cell in row))


def _opened(content: bytes | Path) -> io.BufferedIOBase:
    return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)  # type: ignore[return-value]


def _digest(content: bytes | Path) -> str:
    with _opened(content) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _encodings(mark: bytes) -> tuple[str, ...]:
    """Give the encodings that a file may have which begins so; which one it has shows when it is read through."""
    return ("utf-16",) if mark[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")


class _Text:
    """Rows of a text whose first line with something on it tells what stands between its cells."""

    def __init__(self, content: bytes | Path, encoding: str) -> None:
        self._content, self._encoding = content, encoding

    def rows(self) -> Iterator[list[str]]:
        csv.field_size_limit(_FIELD)
        with _opened(self._content) as file, io.TextIOWrapper(file, self._encoding, newline="") as text:
            begins = text.read(4096)
            text.seek(0)
            delimiter = max("\t,;", key=begins.lstrip("\r\n").split("\n", 1)[0].count)
            try:
                yield from csv.reader(self._lines(text), delimiter=delimiter)
            except csv.Error:
                raise UnsupportedMedia("table_broken", L("无法按表格读取", "It cannot be read as a table")) from None

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        for line in iter(lambda: text.readline(_FIELD), ""):
            if "\x00" in line:
                raise UnicodeDecodeError(self._encoding, b"\x00", 0, 1, "NUL")
            yield line


class _Sheet:
    """Rows of a workbook's first sheet; what would fill the disk when unpacked is refused."""

    def __init__(self, content: bytes | Path) -> None:
        try:
            packed = zipfile.ZipFile(_opened(content))
            if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED:
                raise TooLarge("workbook_too_large",
                               L("工作簿解压后超过 {most} MB", "The workbook is larger than {most} MB when unpacked"),
                               {"most": MOST_UNPACKED // 1024 // 1024})
            self._book = Workbook(packed)
        except (zipfile.BadZipFile, OSError, ValueError, KeyError, IndexError, StopIteration):
            raise _broken() from None

    def rows(self) -> Iterator[list[Any]]:
        try:
            yield from self._book.rows()
        except (zipfile.BadZipFile, OSError, ValueError, KeyError, IndexError):
            raise _broken() from None


def _broken() -> UnsupportedMedia:
    return UnsupportedMedia("workbook_broken", L("无法读取该工作簿", "The workbook cannot be read"))
