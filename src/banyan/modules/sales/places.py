"""Where goods of a plant come from and go to when nobody names a place."""

from __future__ import annotations

from uuid import UUID

from banyan.kernel.context import Context
from banyan.modules.inventory.commands import ensure_standing
from banyan.modules.inventory.errors import NoStanding
from banyan.modules.inventory.queries import standing as known_standing
from banyan.modules.inventory.values import Standing


def standing(ctx: Context, plant: UUID) -> Standing:
    """Give a plant's standing locations; a plant that has none yet gets them."""
    try:
        return known_standing(plant)
    except NoStanding:
        return ensure_standing(ctx, plant)
