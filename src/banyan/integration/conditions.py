"""Expressions over a message's body: the filter and the ordering key of a flow.

A body has no declared types: the types of the names an expression reads are those of the values that are there; what
is not there is null. A decimal that travels as text ("12.50") counts as a number where text does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from banyan.integration.connecting import Failed
from banyan.integration.names import fitted
from banyan.lib import expressions
from banyan.lib.expressions import Expression, ExpressionFailed, ExpressionFault
from banyan.lib.expressions.nodes import Name, Node
from banyan.lib.expressions.parser import parsed

_DECIMAL = re.compile(r"-?\d{1,14}\.\d{1,12}", re.ASCII)


def check(text: str) -> None:
    """Raises: ExpressionFault when the text is no expression."""
    parsed(text)


def is_true(text: str, body: Any) -> bool:
    """Say whether a condition holds for a body. Raises: Failed("mapping")."""
    value = value_of(text, body)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Failed("mapping", f"the filter gives {value!r}, not true or false")


def key_of(text: str, body: Any) -> str:
    """Give the ordering key that an expression makes of a body. Raises: Failed("mapping")."""
    value = value_of(text, body)
    return "" if value is None else fitted(str(value))


def value_of(text: str, body: Any) -> Any:
    """Give what an expression makes of a body. Raises: Failed("mapping")."""
    try:
        names = names_in(text)
        fault: Exception | None = None
        for reads_decimals in (False, True):
            try:
                types = _types(body, names, reads_decimals)
                compiled = _compiled(text, tuple(sorted(types.items())))
                env = _plain(body, reads_decimals)
                for name in names:
                    _complete(env, name.split("."))
                return compiled.evaluate(env)
            except ExpressionFault as found:
                fault = fault or found
        raise fault
    except (ExpressionFault, ExpressionFailed) as fault:
        raise Failed("mapping", f"{text}: {fault.text('en')}") from None


@lru_cache(maxsize=1024)
def names_in(text: str) -> tuple[str, ...]:
    """Give the names an expression reads."""
    found: dict[str, None] = {}

    def walk(part: Any) -> None:
        if isinstance(part, Name):
            found[part.name] = None
        if isinstance(part, Node) and is_dataclass(part):
            for field in fields(part):
                walk(getattr(part, field.name))
        elif isinstance(part, tuple):
            for one in part:
                walk(one)

    walk(parsed(text))
    return tuple(found)


@lru_cache(maxsize=4096)
def _compiled(text: str, types: tuple[tuple[str, str], ...]) -> Expression:
    return expressions.compile(text, dict(types))


def _types(body: Any, names: Sequence[str], reads_decimals: bool) -> dict[str, str]:
    types: dict[str, str] = {}
    for name in names:
        values, path = [body], ""
        for part in name.split("."):
            if any(isinstance(one, list) for one in values):
                types[path] = "list"
                values = [row for one in values if isinstance(one, list) for row in one]
            values = [one.get(part) for one in values if isinstance(one, Mapping)]
            path = f"{path}.{part}" if path else part
        types.setdefault(name, _type(values, reads_decimals))
    return types


def _type(values: Sequence[Any], reads_decimals: bool) -> str:
    for value in values:
        if isinstance(value, list):
            inner = [one for one in value if one is not None]
            if inner and isinstance(inner[0], Mapping):
                return "list"
            return f"list<{_type(inner, reads_decimals)}>" if inner else "list"
        if isinstance(value, bool):
            return "bool"
        if isinstance(value, (int, float, Decimal)):
            return "number"
        if isinstance(value, date):
            return "date"
        if isinstance(value, str):
            return "number" if reads_decimals and _DECIMAL.fullmatch(value) else "text"
    return "null"


def _plain(value: Any, reads_decimals: bool) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one, reads_decimals) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, reads_decimals) for one in value]
    if isinstance(value, float):
        return Decimal(repr(value))
    if reads_decimals and isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return value


def _complete(env: Any, path: Sequence[str]) -> None:
    """Put null where a name has no value."""
    if isinstance(env, list):
        for row in env:
            _complete(row, path)
    elif isinstance(env, dict):
        if len(path) == 1:
            env.setdefault(path[0], None)
        elif path:
            _complete(env.setdefault(path[0], {}), path[1:])
