"""The one NounSpec: what every generic feature knows of a noun, and all it knows.

A spec is immutable and JSON-serialisable. It comes from two providers (`nouns.noun` in Python,
`data_nouns.compile_definition` from data); nothing that reads a spec can tell which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from banyan.lib.labels import Label

FieldType = Literal[
    "text", "long_text", "boolean", "integer", "decimal", "quantity", "money", "percent",
    "date", "instant", "time", "choice", "reference", "file", "json", "tags",
]
NUMBERS = frozenset({"integer", "decimal", "quantity", "money", "percent"})
Tone = Literal["grey", "blue", "green", "orange", "red", "purple"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One allowed value of a choice field; `tone` is its colour where colour means state."""

    key: str
    label: Label
    tone: Tone = "grey"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a noun or of its lines.

    `no` is stable for ever; `column` is the attribute that holds the stored value (for a reference: its id; for
    tags with a reference: the ids of several records); `see` names the permission without which the field does not
    exist for a person; `only` the yes-or-no filter of the referred noun that a record to choose must meet.
    """

    key: str
    no: int
    type: FieldType
    label: Label
    column: str
    help: Label | None = None
    required: bool = False
    readonly: bool = False
    nullable: bool = False
    unique: bool = False
    choices: tuple[Choice, ...] = ()
    reference: str | None = None
    max_length: int | None = None
    places: int | None = None
    digits: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    unit: str | None = None
    default: Any = None
    sortable: bool = False
    filterable: bool = True
    see: str | None = None
    only: str | None = None

    @property
    def is_number(self) -> bool:
        return self.type in NUMBERS


@dataclass(frozen=True, slots=True)
class LineSpec:
    """Child lines of a noun: a table of their own that lives and dies with the parent."""

    key: str
    label: Label
    fields: tuple[FieldSpec, ...]
    parent: str
    columns: tuple[str, ...]
    required: bool = False

    def field(self, key: str) -> FieldSpec:
        return next(f for f in self.fields if f.key == key)


@dataclass(frozen=True, slots=True)
class Transition:
    """A step of a noun's life: from one state to another, by a command."""

    source: str
    target: str
    command: str


@dataclass(frozen=True, slots=True)
class Life:
    """States and transitions of a noun; `editable` states allow change, the first of them delete.

    `way` is the happy path, where it is told: the states shown as steps. Else it follows from the
    transitions.
    """

    field: str
    initial: str
    states: tuple[Choice, ...]
    transitions: tuple[Transition, ...]
    editable: tuple[str, ...]
    way: tuple[str, ...] = ()

    def state(self, key: str) -> Choice:
        return next(s for s in self.states if s.key == key)


@dataclass(frozen=True, slots=True)
class Numbering:
    """How documents are numbered: `pattern` with {yyyy} {yy} {mm} {dd} {n:05}; a new period starts at one."""

    field: str
    pattern: str

    @property
    def period(self) -> str:
        """Give the strftime form of the counting period, empty when numbers run on for ever."""
        return "".join(
            form for mark, form in (("{yyyy}", "%Y"), ("{yy}", "%y"), ("{mm}", "%m"), ("{dd}", "%d"))
            if mark in self.pattern
        )

    def parts(self, at: datetime) -> tuple[str, int, str]:
        """Give a number of that day in parts: what stands before the count, its least digits, what follows it."""
        head, _, rest = self.pattern.partition("{n")
        width, _, tail = rest.partition("}")
        day = dict(yyyy=f"{at.year:04}", yy=f"{at.year % 100:02}", mm=f"{at.month:02}", dd=f"{at.day:02}")
        return head.format(**day), int(width.lstrip(":") or 1), tail.format(**day)


@dataclass(frozen=True, slots=True)
class Section:
    """A group of fields on a form."""

    label: Label
    fields: tuple[str, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Two fields of a noun whose records followed one from the other in a chain of documents.

    "" stands for the record itself. `only`, where told, is a condition on the row (`run__is_current`).
    """

    earlier: str
    later: str
    only: str = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """A view of a list that comes with the noun: a name and the filters of the address, such as
    `on_hand:ne=0`.

    One that is `first` is what an address without conditions shows; who wants all rows takes it off.
    """

    key: str
    label: Label
    query: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """The columns that decide whose a record is; None where the noun has no such owner.

    Takes:  own: names the user; employee: names the employee, for records that are about somebody rather than by them
    """

    own: str | None = None
    employee: str | None = None
    team: str | None = None
    plant: str | None = None


@dataclass(frozen=True, slots=True)
class NounSpec:
    """A noun, compiled: what it is, how it lives, how it looks, how it is found, imported and guarded.

    `key` is module.noun (also the permission prefix), `plural_key` names it in addresses (sales/orders).
    `title` lists the fields that name a record to a person; `natural_key` the one field that names it in
    files.
    `import_map` gives the usual heads of columns in people's own tables by the field they mean (`lines.item` for a
    line's), beside its key and labels.
    `export` lists the fields that the file of a list holds where its reader has chosen none; the list's when empty.
    `links` say how it stands in a chain of documents, where that does not follow from its references.
    """

    key: str
    plural_key: str
    version: int
    label: Label
    plural: Label
    help: Label
    icon: str
    fields: tuple[FieldSpec, ...]
    lines: tuple[LineSpec, ...]
    life: Life | None
    numbering: Numbering | None
    title: tuple[str, ...]
    natural_key: str | None
    list: tuple[str, ...]
    filters: tuple[str, ...]
    form: tuple[Section, ...]
    phone: tuple[str, ...]
    sort: str
    find: tuple[str, ...]
    find_through: tuple[str, ...]
    scope: Scope
    verbs: tuple[str, ...]
    import_map: tuple[tuple[str, tuple[str, ...]], ...]
    retention: str
    area: str
    find_order: int = 50
    is_versioned: bool = True
    links: tuple[Link, ...] = ()
    presets: tuple[Preset, ...] = ()
    export: tuple[str, ...] = ()

    @property
    def exported(self) -> tuple[str, ...]:
        return self.export or self.list

    @property
    def module(self) -> str:
        return self.key.split(".", 1)[0]

    @property
    def name(self) -> str:
        return self.key.split(".", 1)[1]

    @property
    def path(self) -> str:
        return f"{self.module}/{self.plural_key}"

    def field(self, key: str) -> FieldSpec:
        """Give the field of that key. Raises: KeyError when the noun has none."""
        for field in self.fields:
            if field.key == key:
                return field
        raise KeyError(key)

    def has_field(self, key: str) -> bool:
        return any(field.key == key for field in self.fields)

    def line(self, key: str) -> LineSpec:
        return next(line for line in self.lines if line.key == key)

    def english(self, key: str) -> str | None:
        """Give the field that says in English what another says in Chinese: `name_en` of `name` or `name_zh`."""
        found = f"{key.removesuffix('_zh')}_en"
        return found if found != key and self.has_field(found) else None

    def in_language(self, keys: Iterable[str], is_english: bool) -> tuple[str, ...]:
        """Give fields as one language shows them: of a text in both, the one; each only once."""
        known = tuple(keys)
        pairs = {key: other for key in known if key.endswith("_zh") and (other := self.english(key))}
        shown = (pairs.get(key, key) if is_english else key for key in known)
        mates = set(pairs.values())
        return tuple(dict.fromkeys(key for key in shown if is_english or key not in mates))

    @property
    def naming(self) -> tuple[tuple[str, str | None], ...]:
        """Give the fields of the title, each with the one that says it in English where there is one."""
        mates = {self.english(key) for key in self.title}
        return tuple((key, self.english(key)) for key in self.title if key not in mates)

    def permission(self, verb: str) -> str:
        return f"{self.key}.{verb}"


def writable_paths(fields: Iterable[FieldSpec], lines: Iterable[LineSpec]) -> frozenset[str]:
    """Give the paths that an import can write: `name`, `lines.item`."""
    own = (f.key for f in fields if not f.readonly)
    return frozenset((*own, *(f"{line.key}.{f.key}" for line in lines for f in line.fields if not f.readonly)))


def to_json(value: Any) -> Any:
    """Give a spec, or a part of one, as plain JSON data; labels become {"zh": …, "en": …}."""
    if isinstance(value, Label):
        return {"zh": value.zh, "en": value.en}
    if is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclass_fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    return value
