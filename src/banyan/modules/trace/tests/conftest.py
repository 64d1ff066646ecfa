"""What tests of the trace need: steel that became gear boxes, of which two customers have got some."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pytest

from banyan.kernel import access
from banyan.kernel.context import Context
from banyan.kernel.models import Role, User
from banyan.modules.inventory.models import Lot
from banyan.modules.trace.models import Recall
from banyan.ops.roles import write_defaults
from src.banyan.modules.production.tests.conftest import Shop
from tests.plugins.standing import stands
from tests.plugins.world import World

#: What is made of the steel.
GEAR = "GB-1"


class Line(Shop):
    """A plant whose steel goes into gear boxes, and these to customers."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stocked()

    @cached_property
    def made(self) -> Any:
        """Ten gear boxes of one lot, made of the steel and in stock; the order is still at work."""
        order = self.released(quantity="20")
        self.world.do("production.work_order.issue", order)
        steel = [{"lot": self.steel_lot.pk, "quantity": "5"}]
        self.report(order, 10, "good", 10, lots=steel, output_lot=GEAR, machine=self.world.lathe.pk,
                    people=[{"employee": self.world.worker.pk}], data={"直径": "20.01"})  # fmt: skip
        self.report(order, 20, "good", 10)
        self.report(order, 30, "good", 10, output_lot=GEAR)
        self.complete(order, 10)
        return order

    def complete(self, order: Any, quantity: int, lot: str = GEAR) -> Lot:
        self.world.do("production.work_order.complete", order, lines=[{"quantity": str(quantity), "lot": lot}])
        return Lot.objects.get(number=lot)

    @cached_property
    def gear(self) -> Lot:
        assert self.made
        return Lot.objects.get(number=GEAR)

    def draft(self, party: Any, quantity: int) -> Any:
        lines = [{"item": self.world.product, "quantity": str(quantity), "price": "10", "tax_code": self.world.vat13}]
        return self.world.make("sales.order", party=party, plant=self.world.plant, lines=lines)

    def sold(self, party: Any, quantity: int) -> Any:
        """Give a confirmed order of a customer for so many gear boxes."""
        order = self.draft(party, quantity)
        self.world.do("sales.order.confirm", order)
        return order

    def ship(self, party: Any, quantity: int) -> None:
        assert self.gear
        self.world.do("sales.order.ship", self.sold(party, quantity))

    @cached_property
    def shipped(self) -> tuple[Any, Any]:
        """Two customers: three pieces to one, in two shipments, and two to the other."""
        contacts = [{"name": "王经理", "phone": "13800000000", "email": "wang@example.com"}]
        first = self.world.party(name="远山机械有限公司", contacts=contacts)
        second = self.world.party(name="海港装备")
        self.ship(first, 1)
        self.ship(second, 2)
        self.ship(first, 2)
        return first, second

    def begin(self, **more: Any) -> Recall:
        values = {"lot": self.steel_lot.pk, "reason": "炉号成分超差"} | more
        return self.world.do("trace.recall.begin", **values)[0]

    def state(self, lot: Lot) -> str:
        return Lot.objects.get(pk=lot.pk).state

    def acting(self, role: str) -> Context:
        """Give the circumstances of somebody with a default role in the plant."""
        write_defaults(self.ctx)
        key = Role.objects.get(code=role).pk
        user = self.world.make("kernel.user", login=role, name=role, roles=[{"role": key}])
        User.objects.filter(pk=user.pk).update(plants=[self.world.plant.pk])
        return self.ctx.with_(principal=access.principal_of(user.pk), through="screen")


@pytest.fixture
@stands
def line(world: World) -> Line:
    """Give a plant whose steel goes into gear boxes."""
    return Line(world)


@pytest.fixture
@stands
def made(line: Line) -> Any:
    """Give the order of which ten gear boxes are made."""
    return line.made


@pytest.fixture
@stands
def shipped(line: Line, made: Any) -> tuple[Any, Any]:
    """Give two customers that have got some of them."""
    return line.shipped
