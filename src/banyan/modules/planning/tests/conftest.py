"""What tests of planning need: a reducer with parts, stock, customers' orders, and runs in a word."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Any

import pytest

from banyan.kernel.commands import Command, execute
from banyan.modules.inventory import commands as inventory
from banyan.modules.planning.models import Message, PlannedOrder, Run
from banyan.modules.sales.models import OrderLine
from tests.plugins.standing import stands


class Factory:
    """The reducer of netting.md: FG of SA and bolts, SA of parts and bolts, part of bar."""

    def __init__(self, world: Any) -> None:
        self.world, self.plant = world, world.plant
        self.fg = world.item(code="FG", is_sold=True)
        self.sa = world.item(code="SA")
        self.part = world.item(code="PART")
        self.bar = world.item(code="BAR", kind="bought")
        self.bolt = world.item(code="BOLT", kind="bought")
        world.planned(self.fg, lead_time_days=3)
        world.planned(self.sa, lead_time_days=2)
        world.planned(
            self.part, lead_time_days=5, lot_rule="minimum_multiple", lot_minimum="30", lot_multiple="10"
        )
        world.planned(self.bar, lead_time_days=7)
        world.planned(self.bolt, lead_time_days=3)
        self.bom(self.fg, (self.sa, 1), (self.bolt, 8))
        self.bom(self.sa, (self.part, 2), (self.bolt, 4))
        self.bom(self.part, (self.bar, 1))
        for item, price in ((self.bar, "12"), (self.bolt, "0.3")):
            self.offer(item, price)

    def bom(self, item: Any, *lines: tuple) -> None:
        rows = [{"component": component, "quantity": str(quantity)} for component, quantity in lines]
        made = self.world.make("engineering.bom", item=item, revision="A", lines=rows)
        self.world.do("engineering.bom.release", made, effective_from="2026-01-01")

    def offer(self, item: Any, price: str, **more: Any) -> Any:
        values = {"party": self.world.supplier, "item": item, "price": price, "valid_from": "2026-01-01"}
        return self.world.make("purchasing.supplier_item", **(values | more))

    @cached_property
    def standing(self) -> Any:
        cmd = Command(
            key="planning.run.test", label="test", on="noun",
            function=lambda ctx: inventory.ensure_standing(ctx, self.plant),
        )  # fmt: skip
        return execute(self.world.ctx, cmd).value

    def put(self, item: Any, quantity: int) -> None:
        assert self.standing
        document = self.world.make(
            "inventory.stock_document", kind="receipt", plant=self.plant, reason="期初",
            lines=[{"item": item, "quantity": str(quantity), "amount": "0"}],
        )  # fmt: skip
        self.world.do("inventory.stock_document.post", document)

    def sell(self, item: Any, quantity: int, on: str, **more: Any) -> OrderLine:
        """A confirmed customer order of one line, promised for a day; give the line."""
        order = self.world.make(
            "sales.order", party=self.world.customer, plant=self.plant, wanted_on=on,
            lines=[{"item": item, "quantity": str(quantity), "price": "100"}], **more,
        )  # fmt: skip
        self.world.do("sales.order.confirm", order, promised_on=on)
        return OrderLine.objects.get(order=order)

    def buy(self, item: Any, quantity: int, on: str) -> Any:
        order = self.world.make(
            "purchasing.order", party=self.world.supplier, plant=self.plant, wanted_on=on,
            lines=[{"item": item, "quantity": str(quantity)}],
        )  # fmt: skip
        self.world.do("purchasing.order.order", order)
        return order

    def plan(self, **more: Any) -> Run:
        return self.world.do("planning.run.plan", plant=self.plant, **more)

    def orders(self, **filters: Any) -> list[tuple]:
        rows = PlannedOrder.objects.filter(**filters).order_by("-due_on", "item__code", "quantity")
        return [
            (code, int(quantity), starts, due)
            for code, quantity, starts, due in rows.values_list(
                "item__code", "quantity", "starts_on", "due_on"
            )
        ]

    def order(self, item: Any) -> PlannedOrder:
        return PlannedOrder.objects.get(item=item)

    def messages(self, run: Run) -> list[tuple[str, str]]:
        return list(
            Message.objects.filter(run=run).order_by("-days_late", "text_en").values_list("kind", "text_en")
        )


def on(text: str) -> date:
    """Read 04-27 as a day of 2026."""
    return date.fromisoformat(f"2026-{text}")


@pytest.fixture
@stands
def factory(world: Any) -> Factory:
    """Give a factory that makes reducers."""
    return Factory(world)


@pytest.fixture
@stands
def worked(factory):
    """The worked example of netting.md: twelve for 27 April, four in store, six parts, fifty bolts coming."""
    factory.put(factory.fg, 4)
    factory.put(factory.part, 6)
    factory.line = factory.sell(factory.fg, 12, "2026-04-27")
    factory.purchase = factory.buy(factory.bolt, 50, "2026-04-15")
    return factory
