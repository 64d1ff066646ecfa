"""What an event carries, as a JSON schema: read from its class, worded by the fields of its noun.

The schema says what `kernel.events.Event.payload` writes: decimals, keys and dates as text, a tuple of unlike parts as
a list of that length.
"""

from __future__ import annotations

import typing
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from banyan.kernel import registry
from banyan.kernel.events import Event
from banyan.kernel.spec import NounSpec
from banyan.lib.labels import Label

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_PLAIN: Mapping[type, Schema] = {
    UUID: {"type": "string", "format": "uuid"},
    Decimal: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    time: {"type": "string", "format": "time"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: _TEXT,
    NoneType: {"type": "null"},
}


def event_types() -> tuple[type[Event], ...]:
    """Give the class of every event that the product can tell, by type."""
    found: dict[str, type[Event]] = {}
    waiting = list(Event.__subclasses__())
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        if one.type and one.__module__.startswith("banyan.") and ".tests." not in one.__module__:
            found[one.type] = one
    return tuple(found[key] for key in sorted(found))


def of_event(kind: type[Event], language: str) -> Schema:
    """Give the schema of an event's facts."""
    noun = registry.noun(kind.noun).spec if registry.has_noun(kind.noun) else None
    return _of_class(kind, language, noun)


def _of_class(kind: type, language: str, noun: NounSpec | None = None) -> Schema:
    hints, properties = typing.get_type_hints(kind), {}
    names = [field.name for field in fields(kind)]
    for name in names:
        properties[name] = of_type(hints[name], language) | _words(noun, name, language)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def _words(noun: NounSpec | None, name: str, language: str) -> Schema:
    if noun is None or not noun.has_field(name):
        return {"x-noun": noun.key} if noun is not None and name == "record" else {}
    field = noun.field(name)
    words: Schema = {"title": field.label.in_(language)}
    if field.help:
        words["description"] = field.help.in_(language)
    return words | ({"x-noun": field.reference} if field.reference else {})


def of_type(kind: Any, language: str) -> Schema:
    """Give the schema of a value of an annotated type, as it is written."""
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [of_type(one, language) for one in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple and inner and inner[-1] is not Ellipsis:
        parts = [of_type(one, language) for one in inner]
        return {"type": "array", "items": parts, "minItems": len(parts), "maxItems": len(parts)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": of_type(inner[1], language)}
    if isinstance(origin, type) and issubclass(origin, Collection):
        return {"type": "array", "items": of_type(inner[0], language)}
    if kind is Label:
        return {"type": "object", "properties": {"zh": _TEXT, "en": _TEXT}, "required": ["zh", "en"]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    if is_dataclass(kind):
        return _of_class(kind, language)
    return {}
