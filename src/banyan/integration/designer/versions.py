"""The versions of a flow, each with what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from banyan.integration.models import FlowVersion
from banyan.kernel.models import User

MOST = 20
MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Change:
    """One place where two definitions differ; empty where one has nothing there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version: its number, when and by whom it was switched on, what it changed, whether it is the one that runs."""

    no: int
    at: str
    person: str
    is_running: bool
    changes: tuple[Change, ...]


def versions_of(
    flow: UUID, running: UUID | None, zone: ZoneInfo
) -> tuple[list[Version], Mapping[str, Any] | None]:
    """Give a flow's versions, newest first, at most twenty; and the definition of the newest. Two statements.

    Takes:  zone: in which their times are written
    """
    rows = list(FlowVersion.objects.filter(flow=flow).order_by("-no")[: MOST + 1])
    names = dict(User.objects.filter(pk__in=[row.person_id for row in rows]).values_list("pk", "name"))
    found = []
    for place, row in enumerate(rows[:MOST]):
        before = rows[place + 1].definition if place + 1 < len(rows) else None
        changes = tuple(changes_of(before, row.definition)) if before is not None else ()
        at = f"{row.at.astimezone(zone):%Y-%m-%d %H:%M}"
        found.append(Version(row.no, at, names.get(row.person_id, ""), row.pk == running, changes))
    return found, rows[0].definition if rows else None


def changes_of(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Give where two definitions differ, by path, in the order of the first."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from changes_of(before.get(name, _NONE), after.get(name, _NONE), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            pair = (one[place] if place < len(one) else _NONE for one in (before, after))
            yield from changes_of(*pair, f"{path}[{place}]")
    elif before != after:
        yield Change(path, _text(before), _text(after))


_NONE: Any = object()


def _text(value: Any) -> str:
    return "" if value is _NONE else value if isinstance(value, str) else orjson.dumps(value).decode()[:400]
