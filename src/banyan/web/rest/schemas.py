"""JSON schemas of what goes in and comes out: inputs by Pydantic, records by their spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec

REF = "#/components/schemas/{model}"
#: Inputs are named by their classes, which know nothing of the names of what is answered.
INPUT = "Input.{model}"
Schema = dict[str, Any]


class _Exact(GenerateJsonSchema):
    """Leaves decimals to `_decimal`, which sees their limits too."""

    def decimal_schema(self, schema: Any) -> Schema:
        return {"x-decimal": True, **{key: str(schema[key]) for key in _LIMITS if key in schema}}


_LIMITS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "max_digits": "",
    "decimal_places": "",
}


def _decimal(schema: Mapping[str, Any]) -> Schema:
    """Give the schema of a decimal: text, or a number where a double carries it."""
    limits = {key: float(schema[key]) for key in _LIMITS if schema.get(key) is not None}
    places, digits = int(limits.get("decimal_places", 12)), int(limits.get("max_digits", 27))
    whole = max(1, min(15, digits - places))
    pattern = "^" + ("" if limits.get("ge", limits.get("gt", -1)) >= 0 else "-?") + f"[0-9]{{1,{whole}}}"
    pattern += rf"(\.[0-9]{{1,{places}}})?$" if places else "$"
    bounds = {word: limits[key] for key, word in _LIMITS.items() if word and key in limits}
    rest = {key: value for key, value in schema.items() if key not in _LIMITS and key != "x-decimal"}
    return rest | {
        "anyOf": [{"type": "string", "pattern": pattern, "x-decimal": bounds}, {"type": "number", **bounds}]
    }


def of_inputs(
    models: Iterable[type[BaseModel]], language: str
) -> tuple[dict[type[BaseModel], Schema], dict[str, Schema]]:
    """Give the schema of each input model, and the named schemas they refer to."""
    wanted = list(dict.fromkeys(models))
    found, definitions = models_json_schema(
        [(m, "validation") for m in wanted], ref_template=REF.format(model=INPUT), schema_generator=_Exact
    )
    named = {
        INPUT.format(model=name): _spoken(schema, language)
        for name, schema in definitions.get("$defs", {}).items()
    }
    return {model: _spoken(found[(model, "validation")], language) for model in wanted}, named


def _spoken(schema: Any, language: str) -> Any:
    """Give a schema in one language, without what only Python knows: docstrings, and None for the unsent."""
    if isinstance(schema, list):
        return [_spoken(one, language) for one in schema]
    if not isinstance(schema, dict):
        return schema
    said = schema.get("x-banyan")
    if schema.get("x-decimal") is True:
        schema = _decimal(schema)
    found = {
        key: _spoken(value, language)
        for key, value in schema.items()
        if key != "x-banyan"
        and not (key == "description" and schema.get("type") == "object")
        and not (key == "default" and value is None)
    }
    if isinstance(said, dict):
        found |= {"title": said["label"][language]} if "label" in said else {}
        found |= {"description": said["help"][language]} if "help" in said else {}
        found |= {"x-noun": said["reference"]} if "reference" in said else {}
        found |= {"x-unit": said["unit"]} if "unit" in said else {}
    return found


def schema_name(key: str) -> str:
    """Give the name of a noun's schema: sales.order is SalesOrder."""
    return "".join(part.capitalize() for part in key.replace(".", "_").split("_"))


def of_record(noun: Noun, language: str) -> Schema:
    """Give the schema of a record as it is read; with `fields` only some properties are there."""
    spec = noun.spec
    properties: Schema = {
        "id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer", "minimum": 1},
        **{field.key: of_field(field, language) for field in spec.fields},
    }
    for line in spec.lines:
        inner = {
            "id": {"type": "string", "format": "uuid"},
            **{f.key: of_field(f, language) for f in line.fields},
        }
        properties[line.key] = {
            "type": "array",
            "title": line.label.in_(language),
            "items": {"type": "object", "properties": inner, "required": ["id"]},
        }
    return {
        "type": "object",
        "title": spec.label.in_(language),
        "description": spec.help.in_(language),
        "properties": properties,
        "required": ["id", "version"],
        "x-noun": spec.key,
    }


_PLAIN: Mapping[str, Schema] = {
    "text": {"type": "string"},
    "long_text": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "date": {"type": "string", "format": "date"},
    "instant": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "pattern": r"^[0-9]{2}:[0-9]{2}"},
    "file": {"type": "string", "examples": ["0" * 64]},
    "tags": {"type": "array", "items": {"type": "string"}},
    "json": {},
    **{
        kind: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
        for kind in ("decimal", "quantity", "money", "percent")
    },
}


def of_field(field: FieldSpec, language: str) -> Schema:
    """Give the schema of a field's value as it is read."""
    words: Schema = {"title": field.label.in_(language)}
    if field.help:
        words["description"] = field.help.in_(language)
    if field.unit:
        words["x-unit"] = field.unit
    if field.see:
        words["x-permission"] = field.see
    if field.readonly:
        words["readOnly"] = True
    if field.type == "reference" or (field.type == "tags" and field.reference):
        kinds = [{"type": "string", "format": "uuid"}, {"$ref": REF.format(model="Titled")}]
        if field.type == "tags":
            kinds = [{"type": "array", "items": {"anyOf": kinds}}]
        words |= {"x-noun": field.reference} if field.reference else {}
    elif field.type == "choice":
        kinds = [
            {
                "type": "string",
                "enum": [c.key for c in field.choices] + ([""] if _may_be_empty(field) else []),
            }
        ]
        words["x-choices"] = {c.key: c.label.in_(language) for c in field.choices}
    else:
        kinds = [dict(_PLAIN[field.type])]
    if field.nullable:
        kinds.append({"type": "null"})
    return {**words, **kinds[0]} if len(kinds) == 1 else {**words, "anyOf": kinds}


def of_column(kind: str) -> Schema:
    """Give the schema of a value in a query's answer."""
    return _PLAIN.get(kind, _PLAIN["text"])


def _may_be_empty(field: FieldSpec) -> bool:
    return not field.required and "" not in {c.key for c in field.choices}
