"""The Python provider: a trunk noun is declared beside its model and compiled to the one NounSpec.

What the model says (types, sizes, references, nullability) is read from it; the declaration adds only what the
model cannot say: labels, layout, life, numbering, scope.

    noun(
        Party, key="parties.party", plural_key="parties",
        label=L("往来单位", "Party"), plural=L("往来单位", "Parties"),
        help=L("客户、供应商和承运商", "Customers, suppliers and carriers"),
        fields=dict(code=f("编码", "Code"), name=f("名称", "Name"), ...),
        title=("code", "name"), natural_key="code",
        list=("code", "name", "is_customer"), filters=("is_customer",),
        form=(section("基本", "Basics", "code", "name"),), find=("code", "name"),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from banyan.kernel.models import MoneyField, PercentField, QuantityField
from banyan.kernel.spec import (
    Choice,
    FieldSpec,
    FieldType,
    Life,
    LineSpec,
    Link,
    NounSpec,
    Numbering,
    Preset,
    Scope,
    Section,
    Tone,
    Transition,
    writable_paths,
)
from banyan.lib.labels import L, Label


@dataclass(slots=True)
class Draft:
    """A record about to be written, with its lines by key; what `prepare` hooks see and complete."""

    record: Any
    lines: dict[str, list[Any]] = dataclass_field(default_factory=dict)
    given: frozenset[str] = frozenset()


Prepare = Callable[[Any, Sequence[Draft]], None]


@dataclass(frozen=True, slots=True)
class Noun:
    """A compiled noun: its spec, the models that store it, and the hook that completes its drafts."""

    spec: NounSpec
    model: type[models.Model]
    line_models: Mapping[str, type[models.Model]]
    prepare: Prepare | None = None

    def __repr__(self) -> str:
        return f"<noun {self.spec.key}>"


@dataclass(frozen=True, slots=True)
class FieldWords:
    """What a declaration adds to a field of the model."""

    label: Label
    help: Label | None = None
    choices: tuple[Choice, ...] = ()
    readonly: bool = False
    required: bool | None = None
    unit: str | None = None
    see: str | None = None
    sortable: bool = False
    filterable: bool = True
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    type: FieldType | None = None
    default: Any = None
    reference: str | None = None
    only: str | None = None


@dataclass(frozen=True, slots=True)
class LinesWords:
    """The declaration of child lines."""

    key: str
    model: type[models.Model]
    label: Label
    fields: Mapping[str, FieldWords]
    columns: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class Declaration:
    """A trunk noun as declared, waiting to be compiled when all models are known."""

    model: type[models.Model]
    words: dict[str, Any]


_declared: list[Declaration] = []


def f(zh: str, en: str, help: Label | None = None, *, choices: Sequence[Choice] = (), **more: Any) -> FieldWords:
    """Give a field's words: labels, help, choices and marks such as readonly, required, unit, see, sortable."""
    return FieldWords(label=L(zh, en), help=help, choices=tuple(choices), **more)


def choice(key: str, zh: str, en: str, tone: Tone = "grey") -> Choice:
    """Give one allowed value, or one state of a life."""
    return Choice(key, L(zh, en), tone)


def lines(
    key: str, model: type[models.Model], label: Label, *, fields: Mapping[str, FieldWords],
    columns: Sequence[str] = (), required: bool = False,
) -> LinesWords:
    """Declare child lines; `columns` is their order in the grid, all fields when empty."""
    return LinesWords(key, model, label, fields, tuple(columns) or tuple(fields), required)


def life(
    *, states: Sequence[Choice], edges: Sequence[tuple[str, str, str]], field: str = "state",
    editable: Sequence[str] | None = None, way: Sequence[str] = (),
) -> Life:
    """Declare a life; edges are (from, to, command), the first state is the initial one.

    Takes:  editable: states in which the record may be changed (the initial one when not told);
            deleting is for the initial state only; way: the happy path, where it does not follow from the edges
    """
    initial = states[0].key
    return Life(
        field=field, initial=initial, states=tuple(states),
        transitions=tuple(Transition(*edge) for edge in edges),
        editable=tuple(editable) if editable is not None else (initial,), way=tuple(way),
    )


def numbering(pattern: str, field: str = "number") -> Numbering:
    """Declare how the noun is numbered when it is posted."""
    return Numbering(field, pattern)


def preset(key: str, zh: str, en: str, query: str, *, first: bool = False) -> Preset:
    """Give a view that comes with a noun's list; with `first` it is the one the list opens with."""
    return Preset(key, L(zh, en), query, first)


def section(zh: str, en: str, *fields: str, folded: bool = False) -> Section:
    """Give a group of fields on a form."""
    return Section(L(zh, en), fields, folded)


def noun(model: type[models.Model], **words: Any) -> None:
    """Declare a trunk noun. See the module's docstring for the words; `compile_noun` lists all of them."""
    _declared.append(Declaration(model, words))


def declared() -> tuple[Declaration, ...]:
    """Give every declaration read so far, in order."""
    return tuple(_declared)


#: Fields every record has, added to each noun without being declared.
COMMON: Mapping[str, FieldWords] = {
    "created_at": f("创建时间", "Created at", readonly=True, sortable=True),
    "created_by": f("创建人", "Created by", readonly=True),
    "changed_at": f("修改时间", "Changed at", readonly=True),
    "changed_by": f("修改人", "Changed by", readonly=True),
}


def compile_noun(
    declaration: Declaration, noun_keys: Mapping[type[models.Model], str]
) -> Noun:
    """Compile a declaration to a Noun.

    Takes:  the key of every declared model, to name references
    Raises: TypeError naming what the declaration says wrong
    """
    return _compile(declaration.model, noun_keys, **declaration.words)


def _compile(
    model: type[models.Model], noun_keys: Mapping[type[models.Model], str], *,
    key: str, plural_key: str, label: Label, plural: Label, help: Label,
    fields: Mapping[str, FieldWords], title: Sequence[str], list: Sequence[str],
    form: Sequence[Section] = (), filters: Sequence[str] = (), phone: Sequence[str] = (),
    lines: Sequence[LinesWords] = (), life: Life | None = None, numbering: Numbering | None = None,
    natural_key: str | None = None, sort: str = "-created_at", find: Sequence[str] = (),
    find_through: Sequence[str] = (), scope: Scope | None = None,
    verbs: Sequence[str] = ("create", "change", "delete"), import_map: Mapping[str, Sequence[str]] | None = None,
    retention: str = "business", icon: str = "file", area: str = "", prepare: Prepare | None = None,
    version: int = 1, find_order: int = 50, links: Sequence[Link] = (), presets: Sequence[Preset] = (),
    export: Sequence[str] = (),
) -> Noun:
    words = dict(fields)
    if numbering and numbering.field not in words:
        words = {numbering.field: f("单号", "Number", readonly=True, sortable=True), **words}
    if life and life.field not in words:
        words[life.field] = f("状态", "State")
    words |= {k: w for k, w in COMMON.items() if k not in words and _has(model, k)}
    specs = tuple(
        _field(model, name, w, number, noun_keys, life=life, sort=sort)
        for number, (name, w) in enumerate(words.items(), start=1)
    )
    names = {s.key for s in specs}
    line_keys = {ls.key for ls in lines}
    for place, used in (
        ("list", list), ("filters", filters), ("phone", phone), ("title", title),
        ("form", [n for s in form for n in s.fields]), ("find_through", find_through),
        ("links", [n for one in links for n in (one.earlier, one.later) if n]),
    ):
        for name in used:
            if name not in names and name not in line_keys:
                raise TypeError(f"noun {key}: {place} names {name!r}, which is not a declared field")
    for name in export:
        if name not in names:
            raise TypeError(f"noun {key}: export names {name!r}, which is not a declared field")
    line_specs = tuple(_lines(ls, noun_keys, model) for ls in lines)
    for path in (import_map or {}).keys() - writable_paths(specs, line_specs):
        raise TypeError(f"noun {key}: import_map names {path!r}, which nobody can write")
    spec = NounSpec(
        key=key, plural_key=plural_key, version=version, label=label, plural=plural, help=help, icon=icon,
        fields=specs, lines=line_specs, life=life, numbering=numbering,
        title=tuple(title), natural_key=natural_key, list=tuple(list), filters=tuple(filters),
        form=tuple(form) or (Section(L("基本信息", "Basics"), tuple(s.key for s in specs if not s.readonly)),),
        phone=tuple(phone) or tuple(list)[:3], sort=sort, find=tuple(find), find_through=tuple(find_through),
        scope=scope or _scope(model), verbs=tuple(verbs),
        import_map=tuple((path, tuple(heads)) for path, heads in (import_map or {}).items()),
        retention=retention, area=area or key.split(".")[0],
        find_order=find_order, is_versioned=_has(model, "version"), links=tuple(links), presets=tuple(presets),
        export=tuple(export),
    )
    return Noun(spec, model, {ls.key: ls.model for ls in lines}, prepare)


def _has(model: type[models.Model], name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())


def _scope(model: type[models.Model]) -> Scope:
    return Scope(
        own="created_by_id" if _has(model, "created_by") else None,
        team="team_id" if _has(model, "team") else None,
        plant="plant_id" if _has(model, "plant") else None,
    )


def _lines(
    words: LinesWords, noun_keys: Mapping[type[models.Model], str], parent: type[models.Model]
) -> LineSpec:
    owner = next(
        (field.name for field in words.model._meta.get_fields()
         if isinstance(field, models.ForeignKey) and field.related_model is parent
         and (field.remote_field.on_delete is models.CASCADE or getattr(words.model, "append_only", False))),
        None,
    )
    if owner is None:
        raise TypeError(f"lines {words.model.__name__} have no cascading foreign key to {parent.__name__}")
    return LineSpec(
        key=words.key, label=words.label, parent=owner, columns=words.columns, required=words.required,
        fields=tuple(
            _field(words.model, name, w, number, noun_keys)
            for number, (name, w) in enumerate(words.fields.items(), start=1)
        ),
    )


_TYPES: tuple[tuple[type[models.Field], FieldType], ...] = (
    (QuantityField, "quantity"), (MoneyField, "money"), (PercentField, "percent"),
    (models.DecimalField, "decimal"), (models.BooleanField, "boolean"), (models.IntegerField, "integer"),
    (models.DateTimeField, "instant"), (models.DateField, "date"), (models.TimeField, "time"),
    (models.JSONField, "json"), (models.TextField, "long_text"), (models.CharField, "text"),
    (models.UUIDField, "reference"), (ArrayField, "tags"),
)


def _field(
    model: type[models.Model], name: str, words: FieldWords, number: int,
    noun_keys: Mapping[type[models.Model], str], *, life: Life | None = None, sort: str = "",
) -> FieldSpec:
    column = model._meta.get_field(name)
    stored = column.output_field if getattr(column, "generated", False) else column
    reference, choices, readonly = words.reference, words.choices, words.readonly
    if isinstance(column, models.ForeignKey):
        reference = noun_keys.get(column.related_model) or reference
        kind: FieldType = "reference"
        if column.related_model.__name__ == "StoredFile":
            kind = "file"
        elif reference is None:
            raise TypeError(f"{model.__name__}.{name} refers to {column.related_model.__name__}, which is no noun")
    elif life and name == life.field:
        kind, choices, readonly = "choice", life.states, True
    else:
        kind = next((t for cls, t in _TYPES if isinstance(stored, cls)), "text")
    if column.choices and not choices:
        choices = tuple(Choice(str(k), L(str(v), str(v))) for k, v in column.choices)
    if choices:
        kind = "choice"
    has_default = column.has_default() or column.db_default is not models.NOT_PROVIDED
    default = words.default
    if default is None and column.has_default() and not callable(column.default):
        default = column.default
    required = words.required
    if required is None:
        required = not (readonly or column.null or column.blank or has_default)
    return FieldSpec(
        key=name, no=number, type=words.type or kind, label=words.label, column=column.attname, help=words.help,
        required=required, readonly=readonly or bool(getattr(column, "generated", False)), nullable=column.null,
        unique=column.unique, choices=tuple(choices), reference=reference,
        max_length=getattr(stored, "max_length", None), places=getattr(stored, "decimal_places", None),
        digits=getattr(stored, "max_digits", None), minimum=words.minimum, maximum=words.maximum, unit=words.unit,
        default=default, see=words.see, only=words.only, filterable=words.filterable,
        sortable=words.sortable or name == sort.lstrip("-") or column.unique,
    )
