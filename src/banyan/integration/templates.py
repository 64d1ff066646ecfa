"""Paths into JSON data, and texts with slots: how settings say where a thing lies and what is to be sent.

    at(body, "data.orders.0.id")
    filled("/orders/{body.id}/lines", {"body": {"id": 7}})         # "/orders/7/lines"
    filled({"order": "{body}"}, {"body": {...}})                   # a slot alone keeps its kind

Nothing is evaluated: a slot is a path, never an expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from banyan.integration.connecting import Failed
from banyan.lib.labels import L

_SLOT = re.compile(r"\{\{|\}\}|\{([A-Za-z_][^{}\s]{0,200})\}")
MISSING: Any = object()


def at(data: Any, path: str, default: Any = None) -> Any:
    """Give what lies at a dotted path (names, and numbers for places in a list); all of it for an empty path."""
    if not path:
        return data
    for part in path.split("."):
        if isinstance(data, Mapping):
            if part not in data:
                return default
            data = data[part]
        elif isinstance(data, (list, tuple)) and part.lstrip("-").isdigit():
            index = int(part)
            if not -len(data) <= index < len(data):
                return default
            data = data[index]
        else:
            return default
    return data


def filled(template: Any, facts: Mapping[str, Any], escape: Callable[[str], str] | None = None) -> Any:
    """Give a template with its slots filled, through lists and objects.

    Takes:  escape: applied to each fact that stands inside a text
    Raises: Failed("mapping") naming the slot that has no fact
    """
    if isinstance(template, str):
        whole = _SLOT.fullmatch(template)
        if whole and whole.group(1) and escape is None:
            return _fact(whole.group(1), facts)
        return _SLOT.sub(lambda found: _put(found, facts, escape), template)
    if isinstance(template, Mapping):
        return {key: filled(value, facts, escape) for key, value in template.items()}
    if isinstance(template, (list, tuple)):
        return [filled(value, facts, escape) for value in template]
    return template


def slots(template: str) -> tuple[str, ...]:
    """Give the paths of a text's slots, in their order."""
    return tuple(path for path in _SLOT.findall(template) if path)


def as_text(value: Any) -> str:
    """Give a fact as it stands in an address or header."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _fact(path: str, facts: Mapping[str, Any]) -> Any:
    value = at(facts, path, MISSING)
    if value is MISSING:
        raise Failed("mapping", L("缺少 {path} 的值", "There is no value at {path}").filled({"path": path}))
    return value


def _put(found: re.Match[str], facts: Mapping[str, Any], escape: Callable[[str], str] | None) -> str:
    path = found.group(1)
    if not path:
        return found.group(0)[0]
    text = as_text(_fact(path, facts))
    return escape(text) if escape else text
