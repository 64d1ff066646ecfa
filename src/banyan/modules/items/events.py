"""What has happened to an item."""

from __future__ import annotations

from dataclasses import dataclass

from banyan.kernel.events import Event


@dataclass(frozen=True)
class ItemDeactivated(Event):
    """The item is no longer offered; listeners refuse while something with it is open."""

    type = "items.item_deactivated"
    noun = "items.item"


@dataclass(frozen=True)
class ItemActivated(Event):
    """The item is offered again."""

    type = "items.item_activated"
    noun = "items.item"
