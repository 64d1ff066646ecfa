"""What tests of wages need: the shop of production, rates, and short words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from banyan.modules.production.tests.conftest import Shop
from banyan.modules.wages.models import Statement, WageLine
from tests.plugins.standing import stands
from tests.plugins.world import World


class Payroll(Shop):
    """A shop that pays by the piece and the hour."""

    def rate(self, **more: Any) -> Any:
        """Make a rate: 1.25 a piece from January on unless told."""
        return self.world.make("wages.rate", **({"piece_price": "1.25", "valid_from": "2026-01-01"} | more))

    def good(self, quantity: Any = 10, *people: Any, **more: Any) -> Any:
        """Report good pieces of turning by people, by the first worker unless told."""
        named = [p if isinstance(p, dict) else {"employee": p.pk} for p in people or (self.world.worker,)]
        return self.report(self.current, 10, "good", quantity, people=named, **more)

    def amounts(self) -> list[Decimal]:
        """Give the amounts of all wage lines, as they were written."""
        return list(WageLine.objects.order_by("pk").values_list("amount", flat=True))

    def approve(self, **told: Any) -> Any:
        return self.world.do("wages.line.approve", **told)

    def prepare(self, month: str = "2026-03-01", **told: Any) -> tuple[Statement, ...]:
        return self.world.do("wages.statement.prepare", month=month, **told)


@pytest.fixture
@stands
def payroll(world: World) -> Payroll:
    """Give a shop with a released order for a hundred, and nothing that is paid yet."""
    shop = Payroll(world)
    shop.stocked()
    shop.current = shop.released()
    return shop
