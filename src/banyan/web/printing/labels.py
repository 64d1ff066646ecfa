"""Labels: what stands on them, and how they lie on sheets and rolls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from banyan.kernel.prints import Column, LabelLayout
from banyan.lib.errors import Invalid
from banyan.lib.labels import L, Label
from banyan.web.printing import measure
from banyan.web.printing.documents import Filler
from banyan.web.printing.measure import POINT
from banyan.web.printing.reach import Fields

#: Leads from a row to the record it belongs to.
PARENT = "^."
_LINE = 1.25
#: Points of texts at most, all at least; millimetres between lines; rows of a text; how much wider is bold.
_TEXT, _LEAST, _GAP, _ROWS, _BOLD = 11.0, 5.5, 0.4, 2, 1.12
#: A title stands on so many rows where it is so large there and takes no more of the label than that.
_TITLE_ROWS = ((1, 11.0, 0.5), (2, 9.0, 0.5), (3, 7.0, 0.5), (9, _LEAST, 0.6))
#: Titles grow smaller until all lines have room in letters that read well, else in any.
_TITLES, _READABLE = (22.0, 18.0, 14.0, 11.0, 9.0), 7.0
#: How much of a label its code may take, and how large it need not be exceeded.
_CODE_SHARE, _CODE_MOST = 0.46, 40.0


class SizeUnknown(Invalid):
    code = "print.size_unknown"
    zh = "没有“{size}”这种标签纸"
    en = "There is no label paper “{size}”"
    way_out_zh = "请在打印按钮旁另选一种"
    way_out_en = "Choose another one beside the print button"


@dataclass(frozen=True)
class Size:
    """How labels lie: so many across and down a page, each so wide and high, in millimetres."""

    key: str
    label: Label
    width: float
    height: float
    across: int = 1
    down: int = 1
    left: float = 0
    top: float = 0
    gap: float = 0
    page: tuple[float, float] | None = None

    @property
    def page_width(self) -> float:
        return self.page[0] if self.page else self.width

    @property
    def page_height(self) -> float:
        return self.page[1] if self.page else self.height

    @property
    def per_page(self) -> int:
        return self.across * self.down

    @property
    def margin(self) -> float:
        """Give what is kept free on each side: a printer leaves the edge of a sheet white."""
        return 3.5 if self.page else (1.5 if self.height < 45 else 2.5)

    def place(self, number: int) -> tuple[float, float]:
        """Give where the label of that number on a page lies, counted from zero along the rows."""
        row, column = divmod(number, self.across)
        return self.left + column * (self.width + self.gap), self.top + row * self.height


def _roll(key: str, width: float, height: float) -> Size:
    label = L("卷纸 {w}×{h} mm", "Roll {w}×{h} mm").filled({"w": width, "h": height})
    return Size(key, label, width, height)


def _sheet(across: int, down: int, width: float, height: float, gap: float = 0) -> Size:
    """Give a grid of labels in the middle of an A4 sheet."""
    facts = {"n": across * down, "w": width, "h": height}
    label = L("A4 每张 {n} 个（{w}×{h} mm）", "A4, {n} a sheet ({w}×{h} mm)").filled(facts)
    left = (_A4[0] - across * width - (across - 1) * gap) / 2
    top = (_A4[1] - down * height) / 2
    return Size(f"a4-{across}x{down}", label, width, height, across, down, left, top, gap, _A4)


_A4 = (210, 297)
SIZES = (
    _roll("60x40", 60, 40),
    _roll("80x50", 80, 50),
    _roll("100x70", 100, 70),
    Size("card", L("卡片 85.6×54 mm", "Card 85.6×54 mm"), 85.6, 54),
    _sheet(3, 8, 70, 37),
    _sheet(3, 7, 63.5, 38.1, 2.5),
    _sheet(2, 7, 99.1, 38.1, 2.5),
    _sheet(2, 4, 99.1, 67.7, 2.5),
)


def size_of(key: str) -> Size:
    """Give the size of that key, the first for an unknown one."""
    return next((one for one in SIZES if one.key == key), SIZES[0])


def known_size(key: str) -> str:
    """Give the key of a size that a device asks for, empty for the label's own. Raises: SizeUnknown"""
    if key and key not in {one.key for one in SIZES}:
        raise SizeUnknown(size=key[:30])
    return key


@dataclass(frozen=True)
class Line:
    """A line of text on a label, in points; `rows` it may take."""

    text: str
    points: float
    rows: int = 1

    @property
    def height(self) -> float:
        return self.points * POINT * _LINE * self.rows


@dataclass(frozen=True)
class Sticker:
    """A label at its place on the page, in millimetres."""

    left: float
    top: float
    code: str
    title: Line
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Text:
    """What a label says, before it is known how large it is."""

    title: str
    lines: tuple[str, ...]
    code: str


@dataclass
class Labeller(Filler):
    """Fills a label."""

    layout: LabelLayout

    def texts(self, records: Sequence[dict[str, Any]]) -> tuple[Text, ...]:
        """Give what the labels of records say, in their order; one per row where the layout names a source.

        Takes:  records as `reading.read_records` gives them, untitled; `^.` leads from a row to its record
        """
        self.fill(records)
        source, columns = self.layout.source, (Column(self.layout.title), *self.layout.lines)
        paths = [c.path for c in columns]
        if source:
            rows = [row for one in records for row in one.get(source) or ()]
            self.reach.want(self._own, rows, [p for p in paths if not p.startswith(PARENT)])
        above = [p.removeprefix(PARENT) for p in paths if not source or p.startswith(PARENT)]
        self.reach.want(self.fields, records, above)
        self.reach.read()
        return tuple(
            self._text(columns, record, row)
            for record in records
            for row in (record.get(source) or () if source else (record,))
        )

    @cached_property
    def _own(self) -> Fields:
        return self.row_fields(self.layout.source, self.layout.given) if self.layout.source else self.fields

    def _text(self, columns: Sequence[Column], record: Mapping[str, Any], row: Mapping[str, Any]) -> Text:
        said = [self._said(column, record, row) for column in columns]
        noun, path = self.layout.scans
        key = record["id"] if path == f"{PARENT}id" else self.reach.value(self._own, row, path)
        target = (noun, key) if noun and key else (self.noun.spec.key, record["id"])
        code = self.layout.says(record) if self.layout.says else self.paper.code(*target)
        return Text(said[0], tuple(s for s in said[1:] if s), code)

    def _said(self, column: Column, record: Mapping[str, Any], row: Mapping[str, Any]) -> str:
        is_above = column.path.startswith(PARENT)
        path = column.path.removeprefix(PARENT)
        text = self.text(self.fields, path, record) if is_above else self.text(self._own, path, row)
        return f"{column.label}{L('：', ': ')}{text}" if text and column.label else text


def pages(said: Sequence[Text], size: Size, *, copies: int = 1, skip: int = 0) -> Iterator[list[Sticker]]:
    """Give pages of labels.

    Takes:  copies of each; skip: places of the first sheet that are used already
    """
    wanted = [one for one in said for _ in range(copies)]
    start, stickers = skip % size.per_page, []
    for number, one in enumerate(wanted, start=start):
        if number % size.per_page == 0 and stickers:
            yield stickers
            stickers = []
        left, top = size.place(number % size.per_page)
        stickers.append(_sticker(one, size, left, top))
    if stickers:
        yield stickers


def code_edge(size: Size) -> float:
    """Give how large the code on a label is, in millimetres."""
    free = size.height - 2 * size.margin
    return round(min(free, size.width * _CODE_SHARE, _CODE_MOST), 1)


def _sticker(said: Text, size: Size, left: float, top: float) -> Sticker:
    room = size.width - 2 * size.margin - code_edge(size) - 1
    free = size.height - 2 * size.margin
    for least, most in [(_READABLE, m) for m in _TITLES] + [(_LEAST, m) for m in _TITLES]:
        title = _title(said.title, room, free, most)
        lines = _lines(said.lines, room, free - title.height - _GAP)
        if len(lines) == len(said.lines) and all(one.points >= least for one in lines):
            break
    return Sticker(left, top, said.code, title, lines)


def _title(text: str, room: float, height: float, most: float) -> Line:
    """Give the title whole, on as few rows as leave it large; never cut, because half a code is another code.

    Takes:  most: the largest letters, in points
    """
    for most_rows, least, share in _TITLE_ROWS:
        points = most
        while points >= min(least, most):
            found = measure.rows(text, room / _BOLD, points)
            is_whole = points <= _LEAST or measure.longest_piece(text, points) <= room / _BOLD
            fits = len(found) <= most_rows and len(found) * points * POINT * _LINE <= height * share
            if is_whole and fits:
                return Line("\n".join(found), points, len(found))
            points -= 0.5
    found = measure.rows(text, room / _BOLD, _LEAST)
    return Line("\n".join(found), _LEAST, len(found))


def _lines(texts: Sequence[str], room: float, height: float) -> tuple[Line, ...]:
    """Give lines in the largest letters in which all have room; in the smallest the last are left out."""
    points = _TEXT
    while True:
        made = [_cut(text, room, points) for text in texts]
        if sum(one.height + _GAP for one in made) <= height:
            return tuple(made)
        if points <= _LEAST:
            break
        points -= 0.5
    kept: list[Line] = []
    for one in made:
        height -= one.height + _GAP
        if height < 0:
            break
        kept.append(one)
    return tuple(kept)


def _cut(text: str, room: float, points: float) -> Line:
    """Give a text on no more rows than one may take; what is too long ends in an ellipsis."""
    found = measure.rows(text, room, points)
    if len(found) > _ROWS:
        found = [*found[: _ROWS - 1], found[_ROWS - 1].rstrip()[:-1] + "…"]
    return Line("\n".join(found), points, len(found))
