"""What has happened to a BOM or routing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from banyan.kernel.events import Event


@dataclass(frozen=True)
class BomReleased(Event):
    """The revision counts from its day on; `superseded` names those it cut short."""

    type = "engineering.bom_released"
    noun = "engineering.bom"

    item: UUID
    plant: UUID | None
    revision: str
    effective_from: date
    superseded: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class RoutingReleased(Event):
    """The revision counts from its day on; `superseded` names those it cut short."""

    type = "engineering.routing_released"
    noun = "engineering.routing"

    item: UUID
    plant: UUID | None
    revision: str
    effective_from: date
    superseded: tuple[UUID, ...] = ()
