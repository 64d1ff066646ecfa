"""The files of an earlier system as rows, with a note for each row of what has become of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from banyan.lib.errors import NotFound
from banyan.lib.labels import Label

_SLOT = re.compile(r"\{([A-Za-z][\w.]*)(?::0(\d+))?(?:\|([^}]*))?\}")


class NoSource(NotFound):
    code = "migration.no_source"
    zh = "在 {folder} 里没有 {file}"
    en = "There is no {file} in {folder}"
    way_out_zh = "请给出放有这些文件的文件夹；AdventureWorks 的由 BANYAN_ADVENTUREWORKS 指定"
    way_out_en = "Name the folder that holds these files; for AdventureWorks' records, by BANYAN_ADVENTUREWORKS"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a source with the rows joined to it; `number` counts from 1 below the head."""

    source: str
    number: int
    cells: Mapping[str, str]
    joined: Mapping[str, Row | None] = field(default_factory=dict)

    def __getitem__(self, column: str) -> str:
        """Give a cell, of a join by `name.Column`; empty where the join found nothing. Raises: KeyError."""
        name, dot, inner = column.partition(".")
        if not dot:
            return self.cells[column]
        other = self.joined[name]
        return other[inner] if other else ""

    def filled(self, text: str) -> str:
        """Give a text with its `{Column}` filled: `{A:04}` padded by zeros, `{a.B|c}` by c if empty."""

        def cell(slot: re.Match[str]) -> str:
            name, width, otherwise = slot.groups()
            return self[name].zfill(int(width or 0)) if self[name] else otherwise or ""

        return _SLOT.sub(cell, text)


class Source:
    """All rows of one file, and what has become of each."""

    def __init__(self, name: str, rows: Sequence[Mapping[str, str]], is_outside: bool) -> None:
        self.name, self.is_outside = name, is_outside
        self.rows = tuple(Row(name, number, cells) for number, cells in enumerate(rows, start=1))
        self.brought: set[int] = set()
        self.left: dict[int, Label] = {}
        self._indexes: dict[tuple[str, ...], dict[tuple[str, ...], list[Row]]] = {}

    def matching(self, columns: tuple[str, ...], cells: tuple[str, ...]) -> Sequence[Row]:
        """Give the rows whose columns hold these cells, in order."""
        if columns not in self._indexes:
            index: dict[tuple[str, ...], list[Row]] = {}
            for row in self.rows:
                index.setdefault(tuple(row[column] for column in columns), []).append(row)
            self._indexes[columns] = index
        return self._indexes[columns].get(cells, ())

    @property
    def open_rows(self) -> tuple[Row, ...]:
        """Give the rows of which nobody has said what became of them."""
        return tuple(
            row for row in self.rows if row.number not in self.brought and row.number not in self.left
        )


class Sources:
    """The files of the folder and the tables kept with the mapping, read when first asked for."""

    def __init__(self, folder: Path, tables: Path) -> None:
        self.folder, self._tables = folder, tables
        self._read: dict[str, Source] = {}

    def __getitem__(self, name: str) -> Source:
        """Give a source by name. Raises: NoSource."""
        if name not in self._read:
            outside, kept = self.folder / f"{name}.csv", self._tables / f"{name}.csv"
            file = outside if outside.exists() else kept
            if not file.exists():
                raise NoSource(file=outside.name, folder=str(self.folder))
            with open(file, encoding="utf-8-sig", newline="") as text:
                self._read[name] = Source(name, list(csv.DictReader(text)), file == outside)
        return self._read[name]

    def outside(self) -> Iterator[Source]:
        """Give every file of the folder, in name order, also those that no step has asked for."""
        for file in sorted(self.folder.glob("*.csv")):
            yield self[file.stem]
