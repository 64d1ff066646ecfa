"""JSON schemas of what goes in and comes out: inputs by Pydantic, records by their spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec

REF = "#/components/schemas/{model}"
Schema = dict[str, Any]


class _Exact(GenerateJsonSchema):
    """Decimals as text, or as a number where a double carries them."""

    def decimal_schema(self, schema: Any) -> Schema:
        places, digits = schema.get("decimal_places"), schema.get("max_digits")
        whole = min(15, (digits or 21) - (places if places is not None else 6))
        part = "" if places == 0 else rf"(\.[0-9]{{1,{12 if places is None else places}}})?"
        low, high = schema.get("ge", schema.get("gt")), schema.get("le", schema.get("lt"))
        limits = {k: float(v) for k, v in (("minimum", low), ("maximum", high)) if v is not None}
        sign = "" if low is not None and low >= 0 else "-?"
        bounds = {k: float(schema[w]) for k, w in (
            ("minimum", "ge"), ("exclusiveMinimum", "gt"), ("maximum", "le"), ("exclusiveMaximum", "lt")) if w in schema}
        return {"anyOf": [
            {"type": "string", "pattern": f"^{sign}[0-9]{{1,{max(whole, 1)}}}{part}$", "x-decimal": limits},
            {"type": "number", **bounds},
        ]}


def of_inputs(models: Iterable[type[BaseModel]]) -> tuple[dict[type[BaseModel], Schema], dict[str, Schema]]:
    """Give the schema of each input model, and the named schemas they refer to."""
    wanted = list(dict.fromkeys(models))
    found, definitions = models_json_schema([(m, "validation") for m in wanted], ref_template=REF, schema_generator=_Exact)
    named = {name: _spoken(schema) for name, schema in definitions.get("$defs", {}).items()}
    return {model: _spoken(found[(model, "validation")]) for model in wanted}, named


def _spoken(schema: Any) -> Any:
    """Give a schema without what Pydantic says of Python."""
    if isinstance(schema, dict):
        return {k: _spoken(v) for k, v in schema.items() if not (k == "description" and schema.get("type") == "object")}
    return [_spoken(one) for one in schema] if isinstance(schema, list) else schema


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
        inner = {"id": {"type": "string", "format": "uuid"}, **{f.key: of_field(f, language) for f in line.fields}}
        properties[line.key] = {
            "type": "array", "title": line.label.in_(language),
            "items": {"type": "object", "properties": inner, "required": ["id"]},
        }
    return {"type": "object", "title": spec.label.in_(language), "description": spec.help.in_(language),
            "properties": properties, "required": ["id", "version"], "x-noun": spec.key}


_PLAIN: Mapping[str, Schema] = {
    "text": {"type": "string"}, "long_text": {"type": "string"}, "boolean": {"type": "boolean"},
    "integer": {"type": "integer"}, "date": {"type": "string", "format": "date"},
    "instant": {"type": "string", "format": "date-time"}, "time": {"type": "string"},
    "file": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}, "json": {},
    **{kind: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"} for kind in ("decimal", "quantity", "money", "percent")},
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
    if field.type == "reference":
        kinds = [{"type": "string", "format": "uuid"}, {"$ref": REF.format(model="Titled")}]
        words |= {"x-noun": field.reference} if field.reference else {}
    elif field.type == "choice":
        kinds = [{"type": "string", "enum": [c.key for c in field.choices] + ([""] if _may_be_empty(field) else [])}]
        words["x-choices"] = {c.key: c.label.in_(language) for c in field.choices}
    else:
        kinds = [dict(_PLAIN[field.type])]
    if field.nullable:
        kinds.append({"type": "null"})
    return {**words, **kinds[0]} if len(kinds) == 1 else {**words, "anyOf": kinds}


def _may_be_empty(field: FieldSpec) -> bool:
    return not field.required and "" not in {c.key for c in field.choices}

