"""What has happened to a BOM or routing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class BomReleased(Event):
    """The revision counts from its day on; `superseded` names those it cut short."""

    type = "engineering.bom_released"
    noun = "engineering.bom"
    label = L("物料清单已发布", "BOM released")
    help = L(
        "该版本自生效日起适用；`superseded` 为因此提前截止的版本",
        "The revision counts from its day on; `superseded` names those it cut short",
    )

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
    label = L("工艺路线已发布", "Routing released")
    help = L(
        "该版本自生效日起适用；`superseded` 为因此提前截止的版本",
        "The revision counts from its day on; `superseded` names those it cut short",
    )

    item: UUID
    plant: UUID | None
    revision: str
    effective_from: date
    superseded: tuple[UUID, ...] = ()
