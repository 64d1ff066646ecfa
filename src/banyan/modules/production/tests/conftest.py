"""What tests of production need: an item with BOM and routing, stock, orders, and short words for reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import Command, execute
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.models import Balance, Lot
from banyan.modules.inventory.values import LotWant, MoveIntent
from banyan.modules.production.models import Material, Operation, WorkOrder
from tests.plugins.standing import stands
from tests.plugins.world import World


class Shop:
    """A plant that makes a gear box of two gears, four screws and half a kilogram of steel, in three
    operations."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ctx: Context = world.ctx

    # stock

    def inside(self, act: Callable[[Context], Any], ctx: Context | None = None) -> Any:
        noun = "inventory.stock_document"
        cmd = Command(key=f"{noun}.test", label="test", function=act, on="noun", permission=f"{noun}.post")
        return execute(ctx or self.ctx, cmd).value

    @cached_property
    def places(self) -> Any:
        return self.inside(lambda ctx: stock.ensure_standing(ctx, self.world.plant))

    def lot(self, item: Any, number: str) -> Lot:
        return self.inside(lambda ctx: stock.make_lots(ctx, [LotWant(item=item.pk, number=number)]))[0]

    def receive(
        self, item: Any, quantity: Any, amount: Any = "0", lot: Any = None, target: UUID | None = None
    ) -> None:
        """Bring stock in from a supplier."""
        intent = MoveIntent(
            item=item.pk,
            quantity=Decimal(quantity),
            source=self.places.supplier,
            target=target or self.places.warehouse,
            lot=lot.pk if lot else None,
            amount=Decimal(amount),
            origin_noun="test.receipt",
            origin=new_id(),
        )
        self.inside(lambda ctx: stock.post_moves(ctx, [intent]))

    def on_hand(self, item: Any, lot: Any = None) -> Decimal:
        rows = Balance.objects.filter(item=item)
        if lot is not None:
            rows = rows.filter(lot=lot)
        return sum((row.on_hand for row in rows), Decimal(0))

    def on_hand_at(self, item: Any, place: Any) -> Decimal:
        """Give what of an item lies in one place."""
        rows = Balance.objects.filter(item=item, location=place)
        return sum((row.on_hand for row in rows), Decimal(0))

    @cached_property
    def steel_lot(self) -> Lot:
        return self.lot(self.world.steel, "HEAT-1")

    def stocked(self) -> None:
        """Bring in what a hundred gear boxes need."""
        self.receive(self.world.part, 300, "3000")
        self.receive(self.world.screw, 600, "60")
        self.receive(self.world.steel, 80, "400", self.steel_lot)

    # structure

    @cached_property
    def recipe(self) -> Any:
        """The BOM (screws are backflushed at the second operation) and the routing of the product,
        released."""
        world = self.world
        world.planned(world.screw, backflush=True)
        bom = world.make(
            "engineering.bom",
            item=world.product,
            revision="A",
            lines=[
                {"component": world.part, "quantity": "2", "operation": 10},
                {"component": world.screw, "quantity": "4", "operation": 20},
                {"component": world.steel, "quantity": "0.5", "operation": 10},
            ],
        )
        routing = world.make(
            "engineering.routing",
            item=world.product,
            revision="A",
            operations=[
                {
                    "sequence": 10,
                    "name": "车削",
                    "work_centre": world.turning,
                    "setup_minutes": "10",
                    "run_minutes": "2",
                },
                {
                    "sequence": 20,
                    "name": "铣削",
                    "work_centre": world.milling,
                    "setup_minutes": "0",
                    "run_minutes": "1",
                },
                {
                    "sequence": 30,
                    "name": "检验",
                    "work_centre": world.turning,
                    "setup_minutes": "0",
                    "run_minutes": "1",
                },
            ],
        )
        world.do("engineering.bom.release", bom)
        world.do("engineering.routing.release", routing)
        return bom, routing

    # orders

    def order(self, **more: Any) -> WorkOrder:
        """Make a planned order for a hundred of the product."""
        assert self.recipe
        values = {
            "item": self.world.product,
            "quantity": "100",
            "plant": self.world.plant,
            "due_on": "2026-03-20",
        }
        return self.world.make("production.work_order", **(values | more))

    def released(self, **more: Any) -> WorkOrder:
        """Make an order and release it, whether or not there is material."""
        assert self.places
        order = self.order(**more)
        self.world.do("production.work_order.release", order, check_kit=False)
        return order

    def operation(self, order: WorkOrder, sequence: int) -> Operation:
        return Operation.objects.get(work_order=order, sequence=sequence)

    def material(self, order: WorkOrder, item: Any) -> Material:
        return Material.objects.get(work_order=order, item=item)

    # reports

    def say(
        self, order: WorkOrder, sequence: int | None, kind: str, quantity: Any = 0, **more: Any
    ) -> dict[str, Any]:
        """Give a report as a device sends it."""
        operation = {} if sequence is None else {"operation": self.operation(order, sequence).pk}
        return {"id": new_id(), "kind": kind, "quantity": str(quantity), **operation, **more}

    def send(self, *reports: dict[str, Any], ctx: Context | None = None) -> Any:
        """Send reports in one call, and give the answers."""
        return execute(
            ctx or self.ctx, registry.command("production.work_order.report"), data={"reports": list(reports)}
        ).value

    def report(self, order: WorkOrder, sequence: int, kind: str, quantity: Any = 0, **more: Any) -> Any:
        """Send one report, and give its answer."""
        ctx = more.pop("ctx", None)
        return self.send(self.say(order, sequence, kind, quantity, **more), ctx=ctx)[0]

    def undo(self, report: Any, ctx: Context | None = None) -> Any:
        """Take a report back, and give the answer."""
        return self.send({"id": new_id(), "kind": "undo", "reverses": report.id}, ctx=ctx)[0]

    def counters(self, order: WorkOrder, sequence: int) -> tuple[int, int, int]:
        """Give (good, scrap, rework) of an operation."""
        o = self.operation(order, sequence)
        return int(o.good_quantity), int(o.scrap_quantity), int(o.rework_quantity)

    def through(self, order: WorkOrder, quantity: Any, sequences: Sequence[int] = (10, 20, 30)) -> None:
        """Report good pieces through all operations."""
        for sequence in sequences:
            self.report(order, sequence, "good", quantity)


@pytest.fixture
@stands
def shop(world: World) -> Shop:
    """Give a plant that makes gear boxes."""
    return Shop(world)
