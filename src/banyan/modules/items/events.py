"""What has happened to an item."""

from __future__ import annotations

from dataclasses import dataclass

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class ItemDeactivated(Event):
    """The item is no longer offered; listeners refuse while something with it is open."""

    type = "items.item_deactivated"
    noun = "items.item"
    label = L("物料已停用", "Item deactivated")
    help = L("不再供选择", "The item is no longer offered")


@dataclass(frozen=True)
class ItemActivated(Event):
    """The item is offered again."""

    type = "items.item_activated"
    noun = "items.item"
    label = L("物料已启用", "Item activated")
    help = L("停用的物料又可供选择", "The item is offered again")
