"""Paper, declared: the documents and labels of nouns and what stands on them, in a module's `prints.py`.

    prints.document(
        "delivery_note", "sales.shipment", L("送货单", "Delivery note"),
        facts=(prints.column("shipped_on"), prints.column("order.number", L("订单号", "Order"))),
        tables=(prints.table("lines", prints.column("item.code"), prints.column("quantity")),),
        signs=(prints.sign("收货人", "Received by"),),
    )
    prints.label("label", "items.item", L("标签", "Label"), title="code", lines=(prints.column("name"),))

A path goes from the record, or from a row of its lines, through references: `item.unit.name`. What a person
may not see, or must not read, is not printed. What no path reaches, the module adds: it answers the port
`NOUN.LAYOUT.fill`, a function (ctx, records) that sets further values and rows; `given` says what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from banyan.kernel.spec import FieldSpec, FieldType
from banyan.lib.labels import L, Label

#: The template that serves declared documents.
DOCUMENT = "print/document.html"


@dataclass(frozen=True, slots=True)
class Column:
    """A value with its name. Without a path it is a space to write in.

    `under` stands smaller below it; `width` is in millimetres, by content when zero. A column that is empty
    in every row is left out, unless it `stays`; `is_open` leaves room to write where the value is nothing or
    zero. `scans` names the noun whose record the value is the key of: it is printed as a code to scan.
    """

    path: str = ""
    label: Label | None = None
    under: tuple[Column, ...] = ()
    width: int = 0
    is_strong: bool = False
    is_wide: bool = False
    stays: bool = False
    is_open: bool = False
    scans: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a record: its lines, what `fill` has added, or with `blank_rows` lines to write on.

    `order` are paths to sort by, numbers within texts by their value; `sums` are columns added up below, only
    where all rows agree in `sums_within`, such as the unit. `given` are the fields of rows that `fill` adds.
    A table without rows is left out, unless it `stays`.
    """

    source: str
    columns: tuple[Column, ...]
    label: Label | None = None
    order: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    sums_within: str = ""
    given: tuple[FieldSpec, ...] = ()
    blank_rows: int = 0
    row_height: int = 0
    is_numbered: bool = True
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Lines beneath each other, such as an address; those with a label of their own bear it."""

    label: Label
    lines: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Sign:
    """A place to sign, with the name of whoever the path leads to."""

    label: Label
    path: str = ""


@dataclass(frozen=True, slots=True)
class DocumentLayout:
    """A document of a noun.

    `heading` is a field whose value names the document otherwise than `label` does. In a state outside
    `valid_in` the document bears its state across the page. `in_words` are an amount and its currency's code:
    yuan are written out in Chinese. A document lies across the sheet when `is_landscape`, or when its columns
    would be squeezed on an upright one.
    """

    key: str
    noun: str
    label: Label
    heading: str = ""
    headings: tuple[tuple[str, Label], ...] = ()
    valid_in: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    facts: tuple[Column, ...] = ()
    sections: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()
    totals: tuple[Column, ...] = ()
    in_words: tuple[str, str] | None = None
    notes: tuple[Column, ...] = ()
    signs: tuple[Sign, ...] = ()
    remark: Label | None = None
    given: tuple[FieldSpec, ...] = ()
    is_landscape: bool = False
    shows_state: bool = False
    template: str = DOCUMENT

    is_label = False

    @property
    def name(self) -> str:
        return f"{self.noun}.{self.key}"


@dataclass(frozen=True, slots=True)
class LabelLayout:
    """A label for a record, or with `source` for each of its rows: large `title`, smaller `lines`, a code.

    `scans` is what the code leads to: (noun, path to its key); `says` gives the code's text itself, from the record,
    where it leads nowhere.
    """

    key: str
    noun: str
    label: Label
    title: str
    lines: tuple[Column, ...] = ()
    source: str = ""
    scans: tuple[str, str] = ("", "id")
    says: Callable[[Mapping[str, Any]], str] | None = None
    given: tuple[FieldSpec, ...] = ()
    preferred: str = ""

    is_label = True

    @property
    def name(self) -> str:
        return f"{self.noun}.{self.key}"


Layout = DocumentLayout | LabelLayout

_layouts: dict[str, dict[str, Layout]] = {}
_codes: dict[str, str] = {}


def document(key: str, noun: str, label: Label, **more: Any) -> None:
    """Declare a document of a noun; one of the same key takes its place."""
    _layouts.setdefault(noun, {})[key] = DocumentLayout(key, noun, label, **more)


def label(key: str, noun: str, label: Label, **more: Any) -> None:
    """Declare a label of a noun; one of the same key takes its place."""
    _layouts.setdefault(noun, {})[key] = LabelLayout(key, noun, label, **more)


def column(path: str, label: Label | None = None, *under: str | Column, **more: Any) -> Column:
    """Give a column: its path, a label where the field's own does not serve, and what stands below it."""
    below = tuple(one if isinstance(one, Column) else Column(one) for one in under)
    return Column(path, label, below, **more)


def blank(zh: str, en: str, width: int = 0) -> Column:
    """Give a column to write in."""
    return Column("", L(zh, en), width=width, stays=True)


def table(source: str, *columns: Column, **more: Any) -> Table:
    """Give a table of rows."""
    return Table(source, columns, **more)


def block(zh: str, en: str, *lines: Column) -> Block:
    """Give lines beneath each other."""
    return Block(L(zh, en), lines)


def sign(zh: str, en: str, path: str = "") -> Sign:
    """Give a place to sign."""
    return Sign(L(zh, en), path)


def given(key: str, type: FieldType, zh: str, en: str, **more: Any) -> FieldSpec:
    """Give the field of a value that `fill` adds; `see` and `reference` as with any field."""
    return FieldSpec(key, 0, type, L(zh, en), key, **more)


def layouts(noun: str) -> tuple[Layout, ...]:
    """Give the layouts of a noun, documents first, in order of declaration."""
    found = _layouts.get(noun, {}).values()
    return tuple(sorted(found, key=lambda one: one.is_label))


def scanned_as(noun: str, code: str) -> None:
    """Name a noun briefly in the codes on its labels. What has been printed once must be read for ever."""
    taken = _codes.setdefault(code, noun)
    if taken != noun:
        raise TypeError(f"code {code!r} stands for {taken} and {noun}")


def codes() -> Mapping[str, str]:
    """Give the nouns that are named briefly, by code."""
    return _codes
