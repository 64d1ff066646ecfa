"""The one place where the bus meets mapping tables: a definition and a body give a value, or say why not."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from banyan.integration.connecting import Failed


def frozen(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Give a mapping as it is kept in a flow's version: a table named by its code becomes what it says now."""
    if not definition:
        return {}
    return dict(_tables().frozen(definition))


def apply(definition: Mapping[str, Any], body: Any) -> Any:
    """Give what a mapping makes of a body; an empty one gives it as it is. Raises: Failed("mapping")."""
    if not definition:
        return body
    value, faults = _tables().applied(definition, body)
    if faults:
        raise Failed("mapping", "; ".join(faults)[:2000])
    return value


def _tables() -> Any:
    name = f"{__package__}.mapping.bus"
    if importlib.util.find_spec(f"{__package__}.mapping") is None or importlib.util.find_spec(name) is None:
        raise Failed("mapping", "mapping tables are not installed")
    return importlib.import_module(name)
