"""Examples for the description: a small value that a schema accepts, made from the schema itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KEY = "01957f3a-5c00-7000-8000-0000000000a1"
_FORMATS = {
    "uuid": KEY,
    "date": "2026-03-02",
    "date-time": "2026-03-02T08:30:00+08:00",
    "time": "08:30:00",
    "email": "li@example.com",
}
_PATTERNS = {
    "^[0-9a-f]{64}$": "0" * 64,
    "^(all|each)$": "all",
    r"^-?[0-9]+(\.[0-9]+)?$": "12.5",
    r"^[0-9]{2}:[0-9]{2}": "08:30:00",
}


def example_of(
    schema: Mapping[str, Any], named: Mapping[str, Mapping[str, Any]], *, name: str = "", whole: bool = False
) -> Any:
    """Give a value that the schema accepts: required properties only, the least of what is asked.

    Takes:  named: the schemas that references lead to; whole: for what is answered, every property and one of each list
    """
    if "$ref" in schema:
        return example_of(named[schema["$ref"].rsplit("/", 1)[-1]], named, name=name, whole=whole)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            choices = [one for one in schema[key] if one.get("type") != "null"]
            return example_of(
                {**choices[0], **{k: v for k, v in schema.items() if k in ("minimum", "maximum")}},
                named,
                name=name,
                whole=whole,
            )
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        return {
            key: example_of(properties[key], named, name=key, whole=whole)
            for key in (properties if whole else schema.get("required", ()))
            if key in properties
        }
    if kind == "array" and isinstance(schema.get("items"), list):
        return [example_of(one, named, name=name, whole=whole) for one in schema["items"]]
    if kind == "array":
        return [
            example_of(schema.get("items", {}), named, name=name, whole=whole)
            for _ in range(max(schema.get("minItems", 0), int(whole)))
        ]
    if kind in ("integer", "number"):
        return _number(schema, int if kind == "integer" else float)
    if kind == "boolean":
        return True
    if kind == "string":
        return _text(schema, name)
    return {}


def _number(schema: Mapping[str, Any], kind: type) -> Any:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
    return kind(min(max(1, low), schema.get("maximum", max(1, low))))


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if "x-decimal" in schema:
        return str(_number(schema["x-decimal"], float)).removesuffix(".0")
    if schema.get("pattern") in _PATTERNS:
        return _PATTERNS[schema["pattern"]]
    text = (name or "text").upper().replace("_", "-")
    least = schema.get("minLength", 0)
    return text.ljust(least, "x")[: max(schema.get("maxLength", 40), least)]
