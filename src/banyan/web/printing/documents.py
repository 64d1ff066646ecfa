"""Documents: declared layouts filled with records, ready for a template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from banyan.kernel import registry
from banyan.kernel.access import visible
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.prints import Block, Column, DocumentLayout, Layout, Table
from banyan.kernel.spec import FieldSpec, NounSpec
from banyan.lib.labels import L, is_chinese, plain
from banyan.web import codes
from banyan.web.cells import Wording, align, unit_of
from banyan.web.pairs import Pointed, pairs_of, pointed
from banyan.web.printing.capitals import in_capitals
from banyan.web.printing.letterhead import Letterhead, letterheads
from banyan.web.printing.measure import Need, is_tight, longest_word, shared, width
from banyan.web.printing.reach import Fields, Reach

YUAN = "CNY"
UNNUMBERED = L("未编号", "No number yet")
_NOTHING = (None, "", [], "0", 0, False)
#: Sizes of letters in points, and of what surrounds them in millimetres, as in style.css.
_SIZE, _STRONG, _UNDER, _HEAD_SIZE, _PADDING = 9.0, 10.0, 7.5, 8.5, 3.2
#: A text column needs not more than this however long its words, nor wishes for more than that.
_LEAST_MOST, _MOST, _OPEN, _NUMBERS, _HEAD_MOST = 34.0, 80.0, 15.0, 8.0, 26.0
_UPRIGHT, _ACROSS = 184.0, 271.0
#: A longer value takes a whole line.
_THIRD = 58.0
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Paper:
    """The circumstances of a print: language, zone of instants, and the address codes lead to."""

    language: str
    zone: ZoneInfo
    site: str

    def code(self, noun: str, key: str) -> str:
        """Give what a code for a record says."""
        return self.site.rstrip("/") + codes.make(noun, UUID(key))


@dataclass(frozen=True)
class Cell:
    """What stands in a table: a text with smaller ones below, or a code to scan."""

    text: str = ""
    css: str = ""
    under: tuple[str, ...] = ()
    code: str = ""


@dataclass(frozen=True)
class Fact:
    """A value with its name."""

    label: str
    text: str
    is_strong: bool = False
    is_wide: bool = False


@dataclass(frozen=True)
class Head:
    """A column's head: what room it needs and has, in millimetres."""

    text: str
    css: str
    need: Need
    width: float = 0


@dataclass(frozen=True)
class Part:
    """A table: heads, rows, and the sums below it; `height` of a row in millimetres, by content when zero."""

    label: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[str, ...] = ()
    blank_rows: int = 0
    height: int = 0
    is_numbered: bool = True

    @property
    def blanks(self) -> range:
        return range(self.blank_rows)


@dataclass(frozen=True)
class Group:
    """Facts beneath one heading."""

    label: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Sheet:
    """One record on paper."""

    heading: str
    number: str
    code: str
    letterhead: Letterhead
    state: str = ""
    stamp: str = ""
    blocks: tuple[Group, ...] = ()
    facts: tuple[Fact, ...] = ()
    sections: tuple[Group, ...] = ()
    tables: tuple[Part, ...] = ()
    totals: tuple[Fact, ...] = ()
    words: str = ""
    notes: tuple[Fact, ...] = ()
    signs: tuple[tuple[str, str], ...] = ()
    remark: str = ""
    is_landscape: bool = False


@dataclass
class Filler:
    """Fills one layout with records of its noun: what documents and labels have in common."""

    ctx: Context
    noun: Noun
    layout: Layout
    paper: Paper
    reach: Reach = dataclass_field(init=False)
    wording: Wording = dataclass_field(init=False)
    _row_fields: dict[str, Fields] = dataclass_field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reach = Reach(self.ctx, self.paper.language)
        self.wording = Wording(self.paper.language, self.paper.zone, None)

    def fill(self, records: Sequence[dict[str, Any]]) -> None:
        """Let the noun's module add what no path reaches."""
        registry.port(f"{self.layout.name}.fill", lambda _ctx, _records: None)(self.ctx, records)

    @cached_property
    def fields(self) -> Fields:
        """Give the fields of the records."""
        return _fields(self.ctx, (*self.noun.spec.fields, *self.layout.given))

    def row_fields(self, source: str, given: Sequence[FieldSpec] = ()) -> Fields:
        """Give the fields of rows of the records."""
        if source not in self._row_fields:
            line = next((one for one in self.noun.spec.lines if one.key == source), None)
            self._row_fields[source] = _fields(self.ctx, (*(line.fields if line else ()), *given))
        return self._row_fields[source]

    def worded(self, field: FieldSpec, value: Any, *, unit: bool = True) -> str:
        """Give a value in words."""
        if isinstance(value, Pointed):
            return str(value)
        if field.type == "reference" and field.reference and value:
            return self.reach.titles.get(field.reference, {}).get(UUID(str(value)), "")
        return self.wording.text(field, value, self.reach.titles, unit=unit)

    def text(self, fields: Fields, path: str, row: Mapping[str, Any]) -> str:
        """Give what a path leads to in words, empty where it leads nowhere."""
        field = self.reach.field(fields, path) if path else None
        return self.worded(field, self.reach.value(fields, row, path)) if field else ""


@dataclass
class Composer(Filler):
    """Fills a document."""

    layout: DocumentLayout

    def sheets(self, records: Sequence[dict[str, Any]]) -> tuple[Sheet, ...]:
        """Give a sheet per record, in order.

        Takes:  records as `reading.read_records` gives them, without titles
        """
        self.fill(records)
        records = self._with_pairs(records)
        for fields, rows, paths in self._needed(records):
            self.reach.want(fields, rows, paths)
        self.reach.read()
        heads = letterheads(self.noun, records)
        return tuple(self._sheet(one, heads[one["id"]]) for one in records)

    # --- what is read ---------------------------------------------------------------------------------------

    def _needed(self, records: Sequence[dict[str, Any]]) -> Iterable[tuple[Fields, list[Any], list[str]]]:
        layout = self.layout
        columns = [*layout.facts, *layout.totals, *layout.notes]
        columns += [c for block in (*layout.blocks, *layout.sections) for c in block.lines]
        paths = [*_paths(columns), *(s.path for s in layout.signs if s.path)]
        paths += layout.in_words or ()
        paths += () if self.noun.spec.numbering else self.noun.spec.title
        yield self.fields, list(records), paths
        for table in layout.tables:
            rows = [row for one in records for row in one.get(table.source) or ()]
            wanted = [*_paths(table.columns), *table.order, *table.sums]
            wanted += [table.sums_within] if table.sums_within else []
            yield self.row_fields(table.source, table.given), rows, wanted

    def _with_pairs(self, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Give the records with what they remember by noun and id turned into the records meant."""
        pairs = pairs_of(self.fields)
        shown = {c.path for c in self.layout.facts} | {
            c.path for block in self.layout.sections for c in block.lines
        }
        if not shown & set(pairs):
            return list(records)
        keys = list(self.fields)
        found = pointed([{k: one.get(k) for k in keys} for one in records], self.fields.values())
        return [
            one | {k: v for k, v in new.items() if k in pairs}
            for one, new in zip(records, found, strict=True)
        ]

    # --- one sheet ------------------------------------------------------------------------------------------

    def _sheet(self, record: dict[str, Any], letterhead: Letterhead) -> Sheet:
        layout, spec = self.layout, self.noun.spec
        state = spec.life.state(record[spec.life.field]) if spec.life else None
        tables = tuple(p for p in (self._table(one, record) for one in layout.tables) if p)
        is_landscape = layout.is_landscape or any(
            is_tight([h.need for h in p.heads], _UPRIGHT - _NUMBERS) for p in tables
        )
        return Sheet(
            heading=self._heading(record),
            number=_number(spec, record) or self._title(record),
            code=self.paper.code(spec.key, record["id"]),
            letterhead=letterhead,
            state=str(state.label) if state and layout.shows_state else "",
            stamp=str(state.label) if state and layout.valid_in and state.key not in layout.valid_in else "",
            blocks=self._groups(layout.blocks, record, is_plain=True),
            facts=self._facts(layout.facts, record),
            sections=self._groups(layout.sections, record),
            tables=tuple(_laid(p, _ACROSS if is_landscape else _UPRIGHT) for p in tables),
            totals=self._facts(layout.totals, record),
            words=self._words(record),
            notes=self._facts(layout.notes, record),
            signs=tuple((str(s.label), self.text(self.fields, s.path, record)) for s in layout.signs),
            remark=str(layout.remark) if layout.remark else "",
            is_landscape=is_landscape,
        )

    def _heading(self, record: Mapping[str, Any]) -> str:
        layout = self.layout
        if layout.shows_state:
            return str(self.noun.spec.label)
        return str(dict(layout.headings).get(record.get(layout.heading), layout.label))

    def _title(self, record: Mapping[str, Any]) -> str:
        spec = self.noun.spec
        if spec.numbering:
            return str(UNNUMBERED)
        fields = self.fields
        words = [self.worded(fields[k], record.get(k)) for k in spec.title if k in fields]
        return " ".join(w for w in words if w) or str(UNNUMBERED)

    def _groups(
        self, blocks: Sequence[Block], record: Mapping[str, Any], *, is_plain: bool = False
    ) -> tuple[Group, ...]:
        made = [Group(str(b.label), self._facts(b.lines, record, is_plain=is_plain)) for b in blocks]
        return tuple(one for one in made if one.facts)

    def _facts(
        self, columns: Sequence[Column], record: Mapping[str, Any], *, is_plain: bool = False
    ) -> tuple[Fact, ...]:
        """Give the values of columns; in a plain block only those with a label of their own bear one."""
        made, fields = [], self.fields
        for column in columns:
            field = self.reach.field(fields, column.path)
            if field is None:
                continue
            value = self.reach.value(fields, record, column.path)
            if value in _NOTHING and not column.stays:
                continue
            text = self.worded(field, value)
            label = "" if is_plain and column.label is None else str(column.label or field.label)
            is_wide = column.is_wide or width(f"{label}{text}", _SIZE) > _THIRD
            made.append(Fact(label, text, column.is_strong, is_wide))
        return tuple(made)

    def _words(self, record: Mapping[str, Any]) -> str:
        paths = self.layout.in_words or ()
        if not paths or not is_chinese(self.paper.language):
            return ""
        if any(self.reach.field(self.fields, path) is None for path in paths):
            return ""
        amount, code = (self.reach.value(self.fields, record, path) for path in paths)
        return in_capitals(Decimal(amount)) if amount is not None and code == YUAN else ""

    # --- tables ---------------------------------------------------------------------------------------------

    def _table(self, table: Table, record: Mapping[str, Any]) -> Part | None:
        fields = self.row_fields(table.source, table.given)
        rows = self._ordered(table, fields, record.get(table.source) or ())
        shown = [c for c in table.columns if self._is_shown(c, fields, rows)]
        if not rows and not table.blank_rows and not table.stays:
            return None
        cells = tuple(tuple(self._cell(c, fields, row) for c in shown) for row in rows)
        foot = self._foot(table, shown, fields, rows)
        heads = tuple(
            self._head(c, fields, [row[n] for row in cells], foot[n] if foot else "")
            for n, c in enumerate(shown)
        )
        label = str(table.label) if table.label else ""
        return Part(label, heads, cells, foot, table.blank_rows, table.row_height, table.is_numbered)

    def _ordered(self, table: Table, fields: Fields, rows: Sequence[Any]) -> list[Any]:
        paths = [p for p in table.order if self.reach.field(fields, p) is not None]
        if not paths:
            return list(rows)
        return sorted(rows, key=lambda row: [natural(self.reach.value(fields, row, p)) for p in paths])

    def _is_shown(self, column: Column, fields: Fields, rows: Sequence[Any]) -> bool:
        if not column.path or column.scans:
            return True
        if self.reach.field(fields, column.path) is None:
            return False
        if column.stays or column.is_open or not rows:
            return True
        below = [u.path for u in column.under if self.reach.field(fields, u.path) is not None]
        return any(
            self.reach.value(fields, row, p) not in _NOTHING for row in rows for p in (column.path, *below)
        )

    def _head(self, column: Column, fields: Fields, cells: Sequence[Cell], foot: str) -> Head:
        field = self.reach.field(fields, column.path) if column.path else None
        text, css = str(column.label or (field.label if field else "")), ""
        if field is None or column.scans:
            css = "code" if column.scans else "open"
        else:
            unit = unit_of(field) if field.is_number else None
            text = f"{text} {unit}" if unit else text
            css = align(field) + (" open" if column.is_open else "")
        return Head(text, css, _need(column, text, css, cells, foot))

    def _cell(self, column: Column, fields: Fields, row: Mapping[str, Any]) -> Cell:
        if column.scans:
            key = self.reach.value(fields, row, column.path)
            return Cell(css="code", code=self.paper.code(column.scans, key) if key else "")
        if not column.path:
            return Cell(css="open")
        field = self.reach.field(fields, column.path)
        value = self.reach.value(fields, row, column.path)
        if column.is_open and value in _NOTHING:
            return Cell(css="open")
        css = align(field) + (" strong" if column.is_strong else "")
        return Cell(self.worded(field, value, unit=False), css, self._under(column, fields, row))

    def _under(self, column: Column, fields: Fields, row: Mapping[str, Any]) -> tuple[str, ...]:
        texts = []
        for one in column.under:
            field = self.reach.field(fields, one.path)
            text = self.worded(field, self.reach.value(fields, row, one.path)) if field else ""
            if text:
                texts.append(f"{one.label}{L('：', ': ')}{text}" if one.label else text)
        return tuple(texts)

    def _foot(
        self, table: Table, shown: Sequence[Column], fields: Fields, rows: Sequence[Any]
    ) -> tuple[str, ...]:
        """Give the sums below the columns; none where the rows do not agree in what they count."""
        within = table.sums_within
        if not table.sums or len(rows) < 2:
            return ()
        if within and len({self.reach.value(fields, row, within) for row in rows}) != 1:
            return ()
        foot = []
        for column in shown:
            if column.path not in table.sums:
                foot.append("")
                continue
            values = [self.reach.value(fields, row, column.path) for row in rows]
            total = sum((Decimal(v) for v in values if v is not None), Decimal(0))
            field = self.reach.field(fields, column.path)
            foot.append(self.worded(field, plain(total), unit=False))
        return tuple(foot) if any(foot) else ()


def _need(column: Column, head: str, css: str, cells: Sequence[Cell], foot: str) -> Need:
    """Give the room a column needs: numbers and days whole, texts at least their longest word.

    A text column wishes for what four of five rows take, so that one long name does not squeeze the others.
    """
    points = _STRONG if column.is_strong else _SIZE
    if column.width:
        return Need(column.width, column.width)
    top, whole = (measure(head, _HEAD_SIZE) + _PADDING for measure in (longest_word, width))
    if "open" in css and not column.path:
        return Need(max(top, _OPEN), max(whole, _OPEN), grows=True)
    if "num" in css or "when" in css or "mid" in css:
        content = max((width(t, points) for t in (foot, *(c.text for c in cells))), default=0) + _PADDING
        return Need(max(content, top), max(content, min(whole, _HEAD_MOST)))
    takes = sorted(max(width(c.text, points), *(width(t, _UNDER) for t in c.under), 0) for c in cells)
    words = [longest_word(c.text, points) for c in cells]
    words += [longest_word(t, _UNDER) for c in cells for t in c.under]
    least = min(max(max(words, default=0) + _PADDING, top), _LEAST_MOST)
    usual = takes[(len(takes) - 1) * 4 // 5] if takes else 0
    return Need(least, max(min(usual, _MOST) + _PADDING, least), grows=True)


def _laid(part: Part, room: float) -> Part:
    """Give a table with the widths its columns have on the page."""
    room -= _NUMBERS if part.is_numbered else 0
    widths = shared([head.need for head in part.heads], room)
    heads = tuple(replace(h, width=round(w, 1)) for h, w in zip(part.heads, widths, strict=True))
    return replace(part, heads=heads)


def natural(value: Any) -> tuple[bool, list[tuple[int, int | str]]]:
    """Give a key that sorts texts as people count: A-2 before A-10, what is empty last."""
    text = "" if value is None else str(value)
    parts = [(0, int(p)) if p.isdecimal() else (1, p) for p in _DIGITS.split(text) if p]
    return (not text, parts)


def _number(spec: NounSpec, record: Mapping[str, Any]) -> str:
    return str(record.get(spec.numbering.field) or "") if spec.numbering else ""


def _fields(ctx: Context, fields: Iterable[FieldSpec]) -> Fields:
    """Give fields by key; `id` is the record's own."""
    return {"id": _ID} | {f.key: f for f in visible(ctx, fields)}


_ID = FieldSpec("id", 0, "reference", L("标识", "Key"), "id")


def _paths(columns: Iterable[Column]) -> list[str]:
    found = []
    for column in columns:
        found += [column.path] if column.path else []
        found += [one.path for one in column.under]
    return found
