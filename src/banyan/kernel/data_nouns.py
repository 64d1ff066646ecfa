"""The data provider: a noun defined as data is compiled to the same Noun as a declared one, on a run-time table.

A definition is plain JSON: key, labels, fields with stable numbers, life, lines, layout. Physical names carry ids
(`t_<table>`, `c_<no>`), so that a rename is metadata. Models live in an app registry of their own, one per
compilation, never in the global one. References are UUID columns with a database foreign key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.apps.registry import Apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED

from banyan.kernel import registry
from banyan.kernel.models import (
    Document,
    Line,
    MoneyField,
    PercentField,
    PriceField,
    QuantityField,
    Rank,
    Record,
    find_column,
    find_index,
)
from banyan.kernel.nouns import COMMON, Noun
from banyan.kernel.spec import (
    Choice,
    FieldSpec,
    Life,
    LineSpec,
    NounSpec,
    Numbering,
    Scope,
    Section,
    Transition,
)
from banyan.lib.errors import FieldFaults
from banyan.lib.labels import L, Label

APP = "made"
_COLUMNS = {
    "text": lambda d: models.CharField(max_length=d.get("max_length", 255), **_empty(d, "")),
    "long_text": lambda d: models.TextField(**_empty(d, "")),
    "boolean": lambda d: models.BooleanField(default=bool(d.get("default", False))),
    "integer": lambda d: models.IntegerField(**_empty(d)),
    "decimal": lambda d: PriceField(**_empty(d)),
    "quantity": lambda d: QuantityField(**_empty(d)),
    "money": lambda d: MoneyField(**_empty(d)),
    "percent": lambda d: PercentField(**_empty(d)),
    "date": lambda d: models.DateField(**_empty(d)),
    "instant": lambda d: models.DateTimeField(**_empty(d)),
    "time": lambda d: models.TimeField(**_empty(d)),
    "choice": lambda d: models.CharField(max_length=40, **_empty(d, "")),
    "reference": lambda d: models.UUIDField(**_empty(d)),
    "json": lambda d: models.JSONField(**_empty(d)),
    "tags": lambda d: ArrayField(models.CharField(max_length=255), default=list),
}


def _empty(definition: Mapping[str, Any], blank: Any = None) -> dict[str, Any]:
    """Give how a column stands when nothing is entered: its default, empty text, or null where not required."""
    if "default" in definition:
        return {"default": definition["default"]}
    if definition.get("required"):
        return {}
    return {"default": blank, "blank": True} if blank is not None else {"null": True, "blank": True}


def compile_definition(definition: Mapping[str, Any]) -> Noun:
    """Compile a definition to a Noun.

    Takes:  definition: see docs/howto/define-a-noun-as-data.md
    Raises: Invalid naming the path of every fault
    """
    _check(definition)
    space = Apps()
    has_life, numbered = "life" in definition, "numbering" in definition
    table = f"t_{definition['table']}"
    fields = {d["key"]: _column(d) for d in definition["fields"]}
    life = _life(definition["life"]) if has_life else None
    if life:
        fields[life.field] = models.CharField(max_length=40, default=life.initial, db_column="c_state")
    find = tuple(definition.get("find", ()))
    indexes = []
    if find:
        fields["find_text"] = find_column(*find)
        indexes.append(find_index(f"{table}_find"))
    for scope in ("plant", "team"):
        if definition.get(f"has_{scope}"):
            fields[f"{scope}_id"] = models.UUIDField(null=True, db_index=True)
    base = Document if numbered else Record
    model = _model(f"T{definition['table']}", base, table, fields, space, indexes)
    model.lock_rank = Rank.DOCUMENT + 90
    line_models, lines = {}, []
    for line in definition.get("lines", ()):
        columns = {d["key"]: _column(d) for d in line["fields"]}
        columns["parent"] = models.ForeignKey(model, models.CASCADE, related_name="+", db_index=True)
        line_models[line["key"]] = _model(
            f"T{definition['table']}L{line['no']}", Line, f"{table}_{line['no']}", columns, space, []
        )
        specs = tuple(_field(d, line_models[line["key"]]) for d in line["fields"])
        lines.append(LineSpec(line["key"], _label(line["label"]), specs, "parent", tuple(s.key for s in specs),
                              bool(line.get("required"))))
    specs = [_field(d, model) for d in definition["fields"]]
    no = max((s.no for s in specs), default=0)
    if numbered:
        specs.insert(0, FieldSpec("number", no + 1, "text", L("单号", "Number"), "number", readonly=True, nullable=True,
                                  unique=True, max_length=40, sortable=True))
    if life:
        specs.append(FieldSpec(life.field, no + 2, "choice", L("状态", "State"), life.field, readonly=True,
                               choices=life.states))
    for n, (key, words) in enumerate(COMMON.items(), start=3):
        column = model._meta.get_field(key)
        specs.append(FieldSpec(
            key, no + n, "instant" if key.endswith("_at") else "reference", words.label, column.attname,
            readonly=True, nullable=column.null, reference=None if key.endswith("_at") else "kernel.user",
            sortable=words.sortable,
        ))
    shown = tuple(definition.get("list") or [s.key for s in specs if not s.readonly][:5])
    spec = NounSpec(
        key=definition["key"], plural_key=definition["plural_key"], version=int(definition.get("version", 1)),
        label=_label(definition["label"]), plural=_label(definition["plural"]), help=_label(definition["help"]),
        icon=definition.get("icon", "forms"), fields=tuple(specs), lines=tuple(lines), life=life,
        numbering=Numbering("number", definition["numbering"]) if numbered else None,
        title=tuple(definition.get("title") or shown[:1]), natural_key=definition.get("natural_key"), list=shown,
        filters=tuple(definition.get("filters", ())),
        form=tuple(Section(_label(s["label"]), tuple(s["fields"])) for s in definition.get("form", ()))
        or (Section(L("基本信息", "Basics"), tuple(s.key for s in specs if not s.readonly)),),
        phone=tuple(definition.get("phone") or shown[:3]), sort=definition.get("sort", "-created_at"), find=find,
        find_through=tuple(definition.get("find_through", ())),
        scope=Scope(own="created_by_id", team="team_id" if definition.get("has_team") else None,
                    plant="plant_id" if definition.get("has_plant") else None),
        verbs=tuple(definition.get("verbs", ("create", "change", "delete"))),
        import_map=tuple((path, tuple(heads)) for path, heads in definition.get("import_map", {}).items()),
        retention=definition.get("retention", "business"), area=definition.get("area", APP),
        export=tuple(definition.get("export", ())),
    )
    return Noun(spec, model, line_models)


def _check(definition: Mapping[str, Any]) -> None:
    faults = FieldFaults()
    for key in ("key", "plural_key", "table", "label", "plural", "help", "fields"):
        if not definition.get(key):
            faults.add(key, L("必填", "is required"))
    lines = enumerate(definition.get("lines", ()))
    for where, fields in [("fields", definition.get("fields", ())),
                          *((f"lines.{n}.fields", ls.get("fields", ())) for n, ls in lines)]:
        numbers: set[int] = set()
        for n, d in enumerate(fields):
            if d.get("type") not in _COLUMNS:
                faults.add((where, n, "type"), L("未知的类型", "is not a known type"))
            if not isinstance(d.get("no"), int) or d["no"] in numbers:
                faults.add((where, n, "no"), L("须为不重复的编号", "must be a number of its own"))
            if not str(d.get("key", "")).isidentifier() or d.get("key") in (*COMMON, "id", "version", "find_text"):
                faults.add((where, n, "key"), L("不能用作字段名", "cannot name a field"))
            if d.get("type") == "reference" and not registry.has_noun(d.get("reference", "")):
                faults.add((where, n, "reference"), L("引用的对象不存在", "refers to no noun"))
            numbers.add(d.get("no"))
    for path in definition.get("import_map", {}).keys() - _writable(definition):
        faults.add(f"import_map.{path}", L("没有可写入的字段", "names no field that can be written"))
    for n, name in enumerate(definition.get("export", ())):
        if name not in _named(definition):
            faults.add(("export", n), L("没有这个字段", "names no field"))
    faults.refuse_if_any()


def _named(definition: Mapping[str, Any]) -> set[str]:
    """Give the keys of all fields that the noun will have of its own."""
    own = {d.get("key") for d in definition.get("fields", ())}
    beside = {"number": "numbering" in definition, "state": "life" in definition}
    return own | {key for key, is_there in beside.items() if is_there} | COMMON.keys()


def _writable(definition: Mapping[str, Any]) -> set[str]:
    """Give the paths that an import can write: `name`, `lines.item`."""
    groups = [("", definition.get("fields", ())),
              *((f"{ls['key']}.", ls.get("fields", ())) for ls in definition.get("lines", ()))]  # fmt: skip
    return {f"{head}{d.get('key')}" for head, fields in groups for d in fields if not d.get("readonly")}


def _label(pair: Mapping[str, str] | Sequence[str]) -> Label:
    return L(pair["zh"], pair["en"]) if isinstance(pair, Mapping) else L(*pair)


def _column(definition: Mapping[str, Any]) -> models.Field:
    column = _COLUMNS[definition["type"]](definition)
    column.db_column = f"c_{definition['no']}"
    column._unique = bool(definition.get("unique"))
    return column


def _model(
    name: str, base: type[models.Model], table: str, fields: Mapping[str, models.Field], space: Apps,
    indexes: Sequence[models.Index],
) -> type[models.Model]:
    from banyan.kernel.models import User

    meta = type("Meta", (), {"app_label": APP, "db_table": table, "apps": space, "indexes": list(indexes)})
    attributes: dict[str, Any] = {"__module__": __name__, "Meta": meta, **fields}
    for who in ("created_by", "changed_by"):
        if issubclass(base, Record):
            attributes[who] = models.ForeignKey(
                User, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+",
                editable=False,
            )
    return type(name, (base,), attributes)


def _life(definition: Mapping[str, Any]) -> Life:
    states = tuple(Choice(s["key"], _label(s["label"]), s.get("tone", "grey")) for s in definition["states"])
    return Life(
        field="state", initial=states[0].key, states=states,
        transitions=tuple(Transition(t["from"], t["to"], t["command"]) for t in definition["transitions"]),
        editable=tuple(definition.get("editable", (states[0].key,))),
    )


def _field(definition: Mapping[str, Any], model: type[models.Model]) -> FieldSpec:
    column = model._meta.get_field(definition["key"])
    kind = definition["type"]
    number = kind in ("decimal", "quantity", "money", "percent")
    default = None if column.default is NOT_PROVIDED or callable(column.default) else column.default
    return FieldSpec(
        key=definition["key"], no=definition["no"], type=kind, label=_label(definition["label"]), column=column.attname,
        help=_label(definition["help"]) if definition.get("help") else None, required=bool(definition.get("required")),
        readonly=bool(definition.get("readonly")), nullable=column.null, unique=column.unique,
        choices=tuple(
            Choice(c["key"], _label(c["label"]), c.get("tone", "grey")) for c in definition.get("choices", ())
        ),
        reference=definition.get("reference"), max_length=definition.get("max_length", 255) if kind == "text" else None,
        places=column.decimal_places if number else None, digits=column.max_digits if number else None,
        minimum=Decimal(str(definition["minimum"])) if "minimum" in definition else None,
        maximum=Decimal(str(definition["maximum"])) if "maximum" in definition else None,
        unit=definition.get("unit"), default=default, see=definition.get("see"), only=definition.get("only"),
        sortable=bool(definition.get("sortable")) or column.unique or definition.get("sort_key", False),
    )


def create_tables(noun: Noun) -> None:
    """Create the tables of a new noun of data, with foreign keys for its references and the database's guards.

    Writes: DDL, as the owner of the database, in one transaction
    """
    from banyan.kernel import guards

    with connection.schema_editor() as editor:
        for model in (noun.model, *noun.line_models.values()):
            editor.create_model(model)
        for model, fields in [(noun.model, noun.spec.fields),
                              *((noun.line_models[ls.key], ls.fields) for ls in noun.spec.lines)]:
            for field in fields:
                if field.type == "reference" and field.reference and field.key not in COMMON:
                    column = model._meta.get_field(field.column).column
                    target = registry.noun(field.reference).model._meta.db_table
                    editor.execute(
                        f'ALTER TABLE "{model._meta.db_table}" ADD FOREIGN KEY ("{column}") REFERENCES "{target}" (id) '
                        "DEFERRABLE INITIALLY DEFERRED"
                    )
        for model in (noun.model, *noun.line_models.values()):
            for statement in guards.of_model(model, is_noun=model is noun.model):
                editor.execute(statement)
