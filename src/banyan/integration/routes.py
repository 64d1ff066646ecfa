"""Routes: what a flow does otherwise with some of the events it hears, kept in its `detail.routes`.

`[{"events": ["production.work_order_cancelled"], "filter": "data.was_released", "mapping": {"preset":
"mes.cancellations"}, "target": "cancel_work_order", "reply": {"keep": true}}]`: what a route does not name goes by the
flow's own. Key, order, retries, limits and stop are always the flow's, so that what happened to one document reaches a
partner in its order, whatever operation each part of it goes to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ROUTES = "routes"
EVENTS = "events"
#: What a route may say for itself, and of which kind that is.
PARTS: Mapping[str, type] = {"filter": str, "mapping": Mapping, "target": str, "reply": Mapping}


def is_whole(route: Any) -> bool:
    """Say whether a route names events, and all else that it names is of its kind."""
    if not isinstance(route, Mapping):
        return False
    events = route.get(EVENTS)
    return (
        isinstance(events, list) and bool(events) and all(isinstance(one, str) and one for one in events)
        and all(isinstance(route[name], kind) for name, kind in PARTS.items() if name in route)
    )  # fmt: skip


def of(detail: Any) -> list[Mapping[str, Any]]:
    """Give the routes of a flow's detail; of one that is still being drawn, those that are whole."""
    found = detail.get(ROUTES) if isinstance(detail, Mapping) else None
    return [one for one in found if is_whole(one)] if isinstance(found, list) else []


def number_of(definition: Mapping[str, Any], event: str) -> int:
    """Give by which route of a flow a type of event goes, counted from one; zero by none."""
    found = enumerate(of(definition.get("detail")), 1)
    return next((number for number, one in found if event in one[EVENTS]), 0)


def ways_of(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give a flow's definition as it holds for what goes by none of its routes, then as it holds by each of them."""
    detail = definition.get("detail")
    found = of(detail)
    if not found:
        return [definition]
    own = {**definition, "detail": {name: one for name, one in detail.items() if name != ROUTES}}
    return [own, *({**own, **{name: one[name] for name in PARTS if name in one}} for one in found)]


def way_of(definition: Mapping[str, Any], event: str) -> Mapping[str, Any]:
    """Give a flow's definition as it holds for a type of event."""
    return ways_of(definition)[number_of(definition, event)]


def type_of(body: Any) -> str:
    """Give the type of the event that a body is, empty where it is none."""
    kind = body.get("type") if isinstance(body, Mapping) else None
    return kind if isinstance(kind, str) else ""


def untried(definition: Mapping[str, Any], bodies: Iterable[Any]) -> list[str]:
    """Give the events of the first way through a flow with routes that none of these bodies goes."""
    found = of(definition.get("detail"))
    if not found:
        return []
    gone = {number_of(definition, type_of(body)) for body in bodies}
    by_route = {event for one in found for event in one[EVENTS]}
    own = [event for event in definition["detail"][EVENTS] if event not in by_route]
    ways = [own, *(one[EVENTS] for one in found)]
    return next((list(events) for number, events in enumerate(ways) if events and number not in gone), [])
