"""Numbers for partners that take none written as text, which is how a mapping gives them: so nothing is lost there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from banyan.integration.mapping.applying import plainly


def with_numbers(value: Any, names: Collection[str]) -> Any:
    """Give data in which the texts of the named members, however deep, are numbers; what 15 digits cannot say stays."""
    if isinstance(value, Mapping):
        return {
            name: _numbered(one) if name in names and isinstance(one, str) else with_numbers(one, names)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [with_numbers(one, names) for one in value]
    return value


def _numbered(text: str) -> Any:
    try:
        return plainly(Decimal(text), "number")
    except InvalidOperation:
        return text
