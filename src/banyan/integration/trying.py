"""What a definition makes of a body, without sending or writing anything: for samples, dry runs, the bench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from banyan.integration import conditions, mappings, routes
from banyan.integration.connecting import Failed
from banyan.lib.errors import jsonable


@dataclass(frozen=True)
class Tried:
    """What came of a body: filtered, a value, or a refusal. Two are the same when these are."""

    is_filtered: bool = False
    value: Any = None
    reason: str = ""
    error: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """Give it in words, short."""
        if self.reason:
            return f"{self.reason}: {self.error}"
        return "filtered" if self.is_filtered else orjson.dumps(self.value, default=str).decode()[:400]


def outcome_of(definition: Mapping[str, Any], body: Any, system: str = "", event: str | None = None) -> Tried:
    """Give what a flow's definition makes of a body.

    Takes:  event: the type by which it finds its route, where that is not what the body itself says
    """
    definition = routes.way_of(definition, routes.type_of(body) if event is None else event)
    try:
        if definition["filter"] and not conditions.is_true(definition["filter"], body):
            return Tried(is_filtered=True)
        return Tried(value=jsonable(mappings.apply(definition["mapping"], body, system=system)))
    except Failed as fault:
        return Tried(reason=fault.kind, error=fault.text)
