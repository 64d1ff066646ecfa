"""Controls: what a person fills in, derived from a noun's fields or from a command's input.

A control knows its kind and limits; filled with a value it knows its name in the form (`lines.2.quantity`),
which is also the path by which a fault finds its way back to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.http import QueryDict
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from banyan.kernel.access import visible
from banyan.kernel.context import Context
from banyan.kernel.spec import FieldSpec, LineSpec, NounSpec
from banyan.lib.errors import FieldFaults
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label, plain
from banyan.web.cells import Titles, title_in

Kind = Literal[
    "text",
    "long_text",
    "boolean",
    "integer",
    "decimal",
    "date",
    "instant",
    "time",
    "choice",
    "reference",
    "references",
    "tags",
    "file",
    "json",
    "pairs",
    "several",
    "rows",
    "cards",
    "group",
]
NUMBERS = ("integer", "decimal")
REQUIRED = L("必填", "is required")
#: A value that is none of those to pick from, such as one that came over the interface: it stays as it is.
WRITTEN = L("另行写出", "Written out")
#: A choice with more options is a list to open, not tiles to tap.
MOST_TILES = 24


@dataclass(frozen=True)
class Option:
    """One choice of a select."""

    key: str
    label: Label


@dataclass(frozen=True)
class Control:
    """Something to fill in; `columns` are the controls of a line, card or group."""

    key: str
    kind: Kind
    label: Label
    required: bool = False
    nullable: bool = True
    help: Label | None = None
    reference: str | None = None
    only: str | None = None
    options: tuple[Option, ...] = ()
    unit: str | None = None
    places: int | None = None
    max_length: int | None = None
    minimum: Any = None
    maximum: Any = None
    default: Any = None
    columns: tuple[Control, ...] = ()
    is_hidden: bool = False
    is_key: bool = False
    is_tiled: bool = False
    most: Any = None
    usual: tuple[Label, ...] = ()
    when: str = ""
    is_free: bool = False

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    @property
    def step(self) -> str:
        return "1" if self.kind == "integer" else "any"


@dataclass(frozen=True)
class Filled:
    """A control in a form: its name there, its value as text, and for lines the rows of filled controls."""

    control: Control
    name: str
    value: Any = ""
    title: str = ""
    rows: tuple[Row, ...] = ()
    blank: Row | None = None
    fixed: str = ""

    @property
    def id(self) -> str:
        return "c-" + re.sub(r"[^a-zA-Z0-9]+", "-", self.name)


@dataclass(frozen=True)
class Row:
    """A line in a grid; `id` is the stored line's key, empty for a new one."""

    number: str
    cells: tuple[Filled, ...]
    id: str = ""
    name: str = ""


# --- from a noun --------------------------------------------------------------------------------------------

_KINDS: dict[str, Kind] = {
    "text": "text",
    "long_text": "long_text",
    "boolean": "boolean",
    "integer": "integer",
    "decimal": "decimal",
    "quantity": "decimal",
    "money": "decimal",
    "percent": "decimal",
    "date": "date",
    "instant": "instant",
    "time": "time",
    "choice": "choice",
    "reference": "reference",
    "file": "file",
    "json": "json",
    "tags": "tags",
}


def of_field(spec: FieldSpec) -> Control:
    """Give the control of a noun's field."""
    return Control(
        key=spec.key,
        kind="references" if spec.type == "tags" and spec.reference else _KINDS[spec.type],
        label=spec.label,
        required=spec.required,
        nullable=spec.nullable,
        help=spec.help,
        reference=spec.reference,
        only=spec.only,
        options=tuple(Option(c.key, c.label) for c in spec.choices),
        unit="%" if spec.type == "percent" else spec.unit,
        places=spec.places,
        max_length=spec.max_length,
        minimum=spec.minimum,
        maximum=spec.maximum,
        default=spec.default,
    )


def of_lines(ctx: Context, spec: LineSpec) -> Control:
    """Give the grid of a noun's lines: the columns a person may see and write, in the order of the layout.

    What the layout leaves out is carried along hidden, because given lines replace the old ones whole.
    """
    fields = [f for f in visible(ctx, spec.fields) if not f.readonly]
    order = {key: place for place, key in enumerate(spec.columns)}
    shown = sorted((f for f in fields if f.key in order), key=lambda f: order[f.key])
    hidden = [f for f in fields if f.key not in order]
    columns = (*map(of_field, shown), *(replace(of_field(f), is_hidden=not f.required) for f in hidden))
    return Control(key=spec.key, kind="rows", label=spec.label, required=spec.required, columns=columns)


# --- from a command's input ---------------------------------------------------------------------------------


def seen(ctx: Context, spec: NounSpec, shown: Sequence[Control]) -> tuple[Control, ...]:
    """Give the controls of a record's input, or of several records', without the fields the person may not see."""
    own = {f.key for f in spec.fields} - {f.key for f in visible(ctx, spec.fields)}
    made = []
    for control in shown:
        line = next((one for one in spec.lines if one.key == control.key), None)
        if control.key == "records":
            control = replace(control, columns=seen(ctx, spec, control.columns))
        elif line:
            hidden = {f.key for f in line.fields} - {f.key for f in visible(ctx, line.fields)}
            control = replace(control, columns=tuple(c for c in control.columns if c.key not in hidden))
        if control.key not in own:
            made.append(control)
    return tuple(made)


def of_model(model: type[BaseModel]) -> tuple[Control, ...]:
    """Give the controls of a command's input, in order of declaration."""
    return tuple(_of_info(name, info) for name, info in model.model_fields.items())


def _of_info(name: str, info: FieldInfo) -> Control:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    words: Mapping[str, Any] = extra.get("x-banyan") or {}
    kind, details = _kind_of(info.annotation, list(info.metadata), words)
    default = None if info.default is PydanticUndefined else info.default
    if info.default_factory is not None:
        default = info.default_factory()
    default = _plainly(default)
    return Control(
        key=name,
        kind=kind,
        label=_label(words.get("label"), info.title or name),
        required=info.is_required(),
        help=_label(words["help"]) if words.get("help") else None,
        reference=words.get("picked") or words.get("reference"),
        only=words.get("only"),
        is_free=bool(words.get("picked")),
        unit=words.get("unit"),
        default=default,
        when=words.get("when", ""),
        **details,
    )


def _plainly(default: Any) -> Any:
    """Give a default that is a model, or a list of such, as the data a form is filled with."""
    if isinstance(default, BaseModel):
        return default.model_dump(mode="json")
    if isinstance(default, (list, tuple)) and any(isinstance(one, BaseModel) for one in default):
        return [_plainly(one) for one in default]
    return default


def deep(model: type[BaseModel]) -> tuple[Control, ...]:
    """Give the controls of a model that goes deep: its lists of things are cards, lists within those are JSON."""
    return tuple(_deep(control, within=False) for control in of_model(model))


def parts_of(annotation: Any) -> tuple[type[BaseModel], ...]:
    """Give the models that a field's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(part for one in get_args(annotation) for part in parts_of(one))


def _deep(control: Control, *, within: bool) -> Control:
    if control.kind == "rows" and within:
        return replace(control, kind="json", columns=(), default=control.default or None)
    if control.kind in ("rows", "group"):
        inside = within or control.kind == "rows"
        columns = tuple(_deep(one, within=inside) for one in control.columns)
        return replace(control, kind="cards" if control.kind == "rows" else "group", columns=columns)
    if control.kind in ("json", "pairs") and control.default in ({}, [], ()):
        return replace(control, default=None)
    return control


def _label(pair: Any, fallback: str = "") -> Label:
    return L(pair["zh"], pair["en"]) if pair else L(fallback, fallback)


_PLAIN_KINDS: tuple[tuple[type, Kind], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (Decimal, "decimal"),
    (float, "decimal"),
    (datetime, "instant"),
    (date, "date"),
    (time, "time"),
    (str, "text"),
)


def _kind_of(annotation: Any, metadata: list[Any], words: Mapping[str, Any]) -> tuple[Kind, dict[str, Any]]:
    details: dict[str, Any] = {"nullable": False}
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            metadata += more
        elif origin in (Union, UnionType):
            parts = [a for a in get_args(annotation) if a is not NoneType]
            details["nullable"] = details["nullable"] or len(parts) < len(get_args(annotation))
            annotation = parts[0]
        else:
            break
    details |= _limits(metadata)
    if words.get("is_file"):
        return "file", details
    options = _options(annotation, metadata, words)
    if origin in (list, tuple, set, frozenset) and (
        many := options or _options(get_args(annotation)[0], metadata, words)
    ):
        return "several", details | {"options": many}
    if options:
        return "choice", details | {"options": options}
    if origin is dict and get_args(annotation) == (str, str):
        return "pairs", details
    if origin in (list, tuple, set, frozenset):
        return _kind_of_many(get_args(annotation)[0], words, details)
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return "group", details | {"columns": of_model(annotation)}
        if annotation is UUID:
            return ("reference" if words.get("reference") else "text"), details | {"is_key": True}
        for known, kind in _PLAIN_KINDS:
            if issubclass(annotation, known):
                long = kind == "text" and (details.get("max_length") or 0) > 400
                return ("long_text" if long else kind), details
    return "json", details


def _kind_of_many(
    inner: Any, words: Mapping[str, Any], details: dict[str, Any]
) -> tuple[Kind, dict[str, Any]]:
    details.pop("max_length", None)
    while get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return "rows", details | {"columns": of_model(inner)}
    if words.get("picked") or (inner is UUID and words.get("reference")):
        return "references", details
    return ("tags" if inner in (str, int, UUID) else "json"), details


def _options(annotation: Any, metadata: Iterable[Any], words: Mapping[str, Any]) -> tuple[Option, ...]:
    if words.get("choices"):
        return tuple(Option(c["key"], L(c["zh"], c["en"])) for c in words["choices"])
    if get_origin(annotation) is Literal:
        return tuple(Option(str(v), L(str(v), str(v))) for v in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(Option(str(m.value), L(m.name, m.name)) for m in annotation)
    for one in metadata:
        extra = getattr(one, "json_schema_extra", None)
        if isinstance(extra, dict) and extra.get("enum"):
            return tuple(Option(v, L(v, v)) for v in extra["enum"])
    return ()


def _limits(metadata: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in metadata:
        for part in (one, *getattr(one, "metadata", ())):
            for theirs, ours in (
                ("ge", "minimum"),
                ("le", "maximum"),
                ("max_length", "max_length"),
                ("decimal_places", "places"),
            ):
                value = getattr(part, theirs, None)
                if value is not None and not isinstance(value, (date, datetime)):
                    found[ours] = value
    return found


# --- with values --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filler:
    """Fills controls with values as `reading` gives them."""

    zone: ZoneInfo
    titles: Titles = dataclass_field(default_factory=dict)
    picks: Mapping[str, Sequence[tuple[str, str]]] = dataclass_field(default_factory=dict)
    most: Mapping[str, Any] = dataclass_field(default_factory=dict)
    usual: Mapping[str, Sequence[Label]] = dataclass_field(default_factory=dict)
    is_tiled: bool = False

    def fill(
        self, controls: Iterable[Control], values: Mapping[str, Any], prefix: str = ""
    ) -> tuple[Filled, ...]:
        """Give each control with its value; a control that has none gets its default.

        Takes:  prefix: of the names in the form, such as `lines.0.`
        """
        return tuple(
            self._fill(c, values.get(c.key, c.default), prefix + c.key) for c in controls
        )

    def _fill(self, control: Control, value: Any, name: str) -> Filled:
        if (
            control.is_key
            and control.kind == "text"
            and control.key not in self.picks
            and not control.required
        ):
            control = replace(control, is_hidden=True)  # a bare key is nothing a person can type
        if control.is_key and control.kind == "text" and control.key == "id" and not value:
            control, value = replace(control, is_hidden=True), new_id()  # the client makes the key
        if control.key in self.most:
            control = replace(control, most=plain(self.most[control.key]))
        if control.key in self.usual:
            control = replace(control, usual=tuple(self.usual[control.key]))
        if control.key in self.picks:
            options = tuple(Option(str(key), L(text, text)) for key, text in self.picks[control.key])
            if control.kind == "json":
                value = orjson.dumps(value, default=str).decode() if value else ""
                if value and value not in {one.key for one in options}:
                    options += (Option(value, WRITTEN),)
            control = replace(control, kind="several" if control.kind == "tags" else "choice", options=options)
        is_few = control.kind == "choice" and len(control.options) <= MOST_TILES
        if self.is_tiled and is_few and "." not in name:
            control = replace(control, is_tiled=True)
        if control.kind in ("rows", "cards"):
            rows = tuple(self._row(control, row, f"{name}.{n}", str(n)) for n, row in enumerate(value or ()))
            return Filled(control, name, rows=rows, blank=self._row(control, {}, f"{name}.#", "#"))
        if control.kind == "group":
            return Filled(control, name, rows=(self._row(control, value or {}, name, ""),))
        if control.kind == "several":
            return Filled(control, name, value=[str(one) for one in value or ()])
        if control.kind == "references":
            return Filled(
                control,
                name,
                value=[(str(v), title_in(self.titles, control.reference, v)) for v in value or ()],
            )
        if value is None or value == "":
            return Filled(control, name)
        if control.kind == "reference":
            return Filled(control, name, str(value), title_in(self.titles, control.reference, value))
        return Filled(control, name, self._text(control, value))

    def _row(self, control: Control, values: Mapping[str, Any], name: str, number: str) -> Row:
        return Row(number, self.fill(control.columns, values, name + "."), str(values.get("id") or ""), name)

    def _text(self, control: Control, value: Any) -> Any:
        if control.kind == "boolean":
            return bool(value)
        if isinstance(value, Decimal):
            return plain(value)
        if control.kind == "instant":
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            return moment.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M")
        if control.kind == "time":
            return str(value)[:5]
        if control.kind == "tags":
            return ", ".join(map(str, value))
        if control.kind == "pairs" and isinstance(value, Mapping):
            return "\n".join(f"{name}: {text}" for name, text in value.items())
        if control.kind == "json":
            return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
        if isinstance(value, (date, datetime)):
            return value.isoformat()
        return str(value)


# --- from a form --------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """What a form held, as the data of an input, and the faults seen on the way."""

    data: dict[str, Any]
    faults: FieldFaults


class Taker:
    """Reads a posted form by its controls.

    Takes:  keep_blank: an emptied field is sent as empty (change) instead of left out (create, dialogs)
    """

    def __init__(self, posted: QueryDict, zone: ZoneInfo, *, keep_blank: bool = False) -> None:
        self.posted, self.zone, self.keep_blank = posted, zone, keep_blank
        self.faults = FieldFaults()

    def take(
        self, controls: Iterable[Control], prefix: str = "", path: str = "", *, in_row: bool = False
    ) -> dict[str, Any]:
        """Give the data of controls; faults are noted under the path the data will have."""
        data: dict[str, Any] = {}
        for control in controls:
            name, where = prefix + control.key, path + control.key
            if control.kind in ("rows", "cards"):
                data[control.key] = self._rows(control, name, where)
            elif control.kind == "group" and name in self.posted:
                self._one(replace(control, kind="json"), name, where, data, in_row)
            elif control.kind == "group":
                if control.nullable and not self._is_filled(control, f"{name}."):
                    continue
                inner = self.take(control.columns, f"{name}.", f"{where}.", in_row=True)
                if inner:
                    data[control.key] = inner
            else:
                self._one(control, name, where, data, in_row)
        return data

    def _rows(self, control: Control, name: str, path: str) -> list[dict[str, Any]]:
        mark = re.compile(re.escape(name) + r"\.(\d{1,6})\.")
        numbers = sorted({int(m[1]) for key in self.posted if (m := mark.match(key))})
        filled = [n for n in numbers if self._is_filled(control, f"{name}.{n}.")]
        rows = []
        for place, n in enumerate(filled):
            row = self.take(control.columns, f"{name}.{n}.", f"{path}.{place}.", in_row=True)
            key = self.posted.get(f"{name}.{n}.id")
            rows.append(row | ({"id": key} if key else {}))
        if control.required and not rows:
            self.faults.add(path, L("至少填写一行", "needs at least one line"))
        return rows

    def _is_filled(self, control: Control, prefix: str) -> bool:
        if self.posted.get(prefix + "id"):
            return True
        return any(
            self._is_filled(c, f"{prefix}{c.key}.") if c.kind == "group"
            else self.posted.get(prefix + c.key, "").strip() not in ("", _default_text(c))
            for c in control.columns
            if c.kind not in ("boolean", "several")
        )  # fmt: skip

    def _one(self, control: Control, name: str, path: str, data: dict[str, Any], in_row: bool) -> None:
        if control.kind == "boolean":
            if name in self.posted or f"{name}.shown" in self.posted:
                data[control.key] = self.posted.get(name) in ("on", "true", "1")
            return
        if control.kind == "references":
            given = self.posted.getlist(name)
            parts = [part for text in given for part in _parts(text)] if control.is_free else given
            data[control.key] = list(dict.fromkeys(part for part in parts if part))
            return
        if control.kind == "several":
            if name in self.posted or f"{name}.shown" in self.posted:
                data[control.key] = [v for v in self.posted.getlist(name) if v]
            return
        if name not in self.posted:
            return
        text = (", ".join(self.posted.getlist(name)) if control.kind == "tags" else self.posted[name]).strip()
        if text:
            data[control.key] = self._value(control, text, path)
        elif control.required:
            self.faults.add(path, REQUIRED)
        elif self.keep_blank and control.nullable:
            data[control.key] = None
        elif self.keep_blank and (control.kind in _EMPTY or not in_row):
            # a number of a line that is left empty takes its default, as on a new line
            data[control.key] = _EMPTY.get(control.kind, lambda: None)()

    def _value(self, control: Control, text: str, path: str) -> Any:
        if control.kind == "integer":
            return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else text
        if control.kind == "decimal":
            return re.sub(r"[,，\s]", "", text)
        if control.kind == "instant":
            try:
                return datetime.fromisoformat(text).replace(tzinfo=self.zone).isoformat()
            except ValueError:
                return text
        if control.kind == "tags":
            return _parts(text)
        if control.kind == "pairs":
            return self._pairs(text, path)
        if control.kind == "json":
            try:
                return orjson.loads(text)
            except orjson.JSONDecodeError:
                self.faults.add(path, L("不是有效的 JSON", "is not valid JSON"))
        return text


    def _pairs(self, text: str, path: str) -> dict[str, str]:
        found = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            name, colon, value = line.partition(":")
            if not colon or not name.strip():
                self.faults.add(path, L("每行写成 名称: 值", "Write each line as name: value"))
            found[name.strip()] = value.strip()
        return found


def _parts(text: str) -> list[str]:
    """Give the texts that are written one after the other with commas between them."""
    return [part.strip() for part in re.split(r"[,，、;；\n]", text) if part.strip()]


_EMPTY: dict[str, Callable[[], Any]] = {"text": str, "long_text": str, "tags": list, "pairs": dict}


def _default_text(control: Control) -> str:
    """Give a default as a form shows it."""
    match control.default:
        case None | "":
            return ""
        case Decimal() as number:
            return plain(number)
        case list() | tuple() as many if control.kind == "tags":
            return ", ".join(map(str, many))
    if control.kind == "json":
        return orjson.dumps(control.default, option=orjson.OPT_INDENT_2, default=str).decode()
    return str(control.default)
