"""What tests of stock need: places in a plant, and a way to post moves inside a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel.commands import Command, execute
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.inventory import commands, queries
from banyan.modules.inventory.models import Balance, Location, StockValue, Supply
from banyan.modules.inventory.values import Demand, LotWant, MoveIntent
from tests.plugins.standing import stands

NOUN = "inventory.stock_document"


def inside(ctx: Context, act: Callable[[Context], Any]) -> Any:
    """Run an act as other modules do: inside a command."""
    cmd = Command(key=f"{NOUN}.test", label="test", function=act, on="noun", permission=f"{NOUN}.post")
    return execute(ctx, cmd).value


class Stock:
    """A plant with places, and short words for what tests do with stock."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.ctx: Context = world.ctx
        self.origin = new_id()

    @cached_property
    def standing(self) -> Any:
        return inside(self.ctx, lambda ctx: commands.ensure_standing(ctx, self.world.plant))

    def place(self, code: str, kind: str = "bin", plant: Any = None, **more: Any) -> Location:
        plant = plant or self.world.plant
        return self.world.make("inventory.location", code=code, name=code, kind=kind, plant=plant, **more)

    @cached_property
    def bin(self) -> Location:
        return self.place("BIN-1")

    @cached_property
    def other_bin(self) -> Location:
        return self.place("BIN-2")

    @cached_property
    def store(self) -> Location:
        return self.place("STORE", "warehouse")

    @cached_property
    def shelf(self) -> Location:
        return self.place("STORE-1", parent=self.store)

    @cached_property
    def line_side(self) -> Location:
        return self.place("LINE-1", "line_side")

    def lot(self, item: Any, number: str = "", **more: Any) -> Any:
        want = LotWant(item=item.pk, number=number, **more)
        return inside(self.ctx, lambda ctx: commands.make_lots(ctx, [want]))[0]

    def intent(self, item: Any, quantity: Any, source: Any, target: Any, **more: Any) -> MoveIntent:
        more.setdefault("origin", self.origin)
        if "lot" in more:
            more["lot"] = getattr(more["lot"], "pk", more["lot"])
        if "amount" in more:
            more["amount"] = Decimal(more["amount"])
        return MoveIntent(
            item=item.pk, quantity=Decimal(quantity), source=getattr(source, "pk", source),
            target=getattr(target, "pk", target), origin_noun=NOUN, **more,
        )  # fmt: skip

    def post(self, *intents: MoveIntent, ctx: Context | None = None) -> commands.Posted:
        return inside(ctx or self.ctx, lambda c: commands.post_moves(c, intents))

    def receive(self, item: Any, quantity: Any, amount: Any = "0", target: Any = None, **more: Any) -> Any:
        source, target = self.standing.supplier, target or self.bin
        return self.post(self.intent(item, quantity, source, target, amount=amount, **more))

    def issue(self, item: Any, quantity: Any, source: Any = None, **more: Any) -> Any:
        return self.post(self.intent(item, quantity, source or self.bin, self.standing.production, **more))

    def promise(self, item: Any, quantity: Any, line: Any = None, ctx: Context | None = None) -> Demand:
        demand = self.demand(item, quantity, line)
        inside(ctx or self.ctx, lambda c: commands.promise(c, [demand]))
        return demand

    def demand(self, item: Any, quantity: Any, line: Any = None) -> Demand:
        wanted = None if quantity is None else Decimal(quantity)
        return Demand(NOUN, line or new_id(), item.pk, self.world.plant.pk, wanted)

    def inside(self, act: Callable[[Context], Any]) -> Any:
        return inside(self.ctx, act)

    def release(self, *demands: Demand) -> Any:
        return inside(self.ctx, lambda c: commands.release_promises(c, demands))

    def allocate(self, *demands: Demand, **more: Any) -> Any:
        return inside(self.ctx, lambda c: commands.allocate(c, demands, **more))

    def reverse(self, moves: Sequence[Any], reason: str = "录错", **more: Any) -> Any:
        return inside(self.ctx, lambda c: commands.reverse_moves(c, moves, reason, **more))

    def link(self, *edges: Any) -> None:
        inside(self.ctx, lambda c: commands.link_lots(c, edges))

    # what is there

    def at(self, place: Any, item: Any, lot: Any = None) -> tuple[Decimal, Decimal]:
        """Give (on hand, allocated)."""
        row = Balance.objects.filter(location=place, item=item, lot=lot).first()
        return (row.on_hand, row.allocated) if row else (Decimal(0), Decimal(0))

    def supply(self, item: Any) -> tuple[Decimal, Decimal]:
        """Give (available, promised)."""
        row = Supply.objects.filter(item=item, plant=self.world.plant).first()
        return (row.available, row.promised) if row else (Decimal(0), Decimal(0))

    def worth(self, item: Any, plant: Any = None) -> tuple[Decimal, Decimal]:
        """Give (quantity, amount)."""
        row = StockValue.objects.filter(item=item, plant=plant or self.world.plant).first()
        return (row.quantity, row.amount) if row else (Decimal(0), Decimal(0))

    def on_hand(self, item: Any) -> Decimal:
        return queries.on_hand(self.world.plant.pk, [item.pk]).get(item.pk, Decimal(0))

    def counted(self, act: Callable[[Context], Any]) -> int:
        """Give how many statements an act runs inside a command."""
        seen: list[int] = []

        def measured(ctx: Context) -> Any:
            with CaptureQueriesContext(connection) as captured:
                value = act(ctx)
            seen.append(len(captured))
            return value

        inside(self.ctx, measured)
        return seen[0]


@pytest.fixture
@stands
def stock(world: Any) -> Stock:
    """Give a plant with places and short words for stock."""
    return Stock(world)
