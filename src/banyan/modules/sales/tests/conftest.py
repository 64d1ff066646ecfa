"""What tests of selling need: stock in a plant, prices, and orders in a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import registry
from banyan.kernel.commands import Command, execute
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.models import Lot, Move, Promise, Supply
from banyan.modules.sales.models import Order, OrderLine, PromiseEntry
from tests.plugins.standing import stands


class Shop:
    """A plant that sells: short words for what the tests do."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.ctx = world.ctx
        self.plant = world.plant

    @cached_property
    def standing(self) -> Any:
        cmd = Command(
            key="sales.order.test", label="test", on="noun", permission="sales.order.test",
            function=lambda ctx: stock.ensure_standing(ctx, self.world.plant),
        )  # fmt: skip
        return execute(self.ctx, cmd).value

    @cached_property
    def bin(self) -> Any:
        """A second place for goods, beside the warehouse."""
        return self.world.make(
            "inventory.location", code="BIN-9", name="九号位", kind="bin", plant=self.world.plant
        )

    def put(
        self, item: Any, quantity: Any, *, lot: str = "", amount: Any = None, target: Any = None
    ) -> Lot | None:
        """Bring stock into the plant; give the lot."""
        assert self.standing
        line = {"item": item, "quantity": str(quantity), "lot_number": lot, "amount": amount}
        document = self.world.make(
            "inventory.stock_document", kind="receipt", plant=self.world.plant, reason="期初", target=target,
            lines=[line],
        )  # fmt: skip
        self.world.do("inventory.stock_document.post", document)
        return Lot.objects.filter(item=item, number=lot).first() if lot else None

    def line(self, item: Any, quantity: Any, price: Any = "10", **more: Any) -> dict[str, Any]:
        return {"item": item, "quantity": str(quantity), "price": str(price), **more}

    def order(self, *lines: dict[str, Any], **more: Any) -> Order:
        """A draft order of the customer."""
        values = {"party": self.world.customer, "plant": self.world.plant, "lines": list(lines)}
        return self.world.make("sales.order", **(values | more))

    def confirmed(self, *lines: dict[str, Any], **more: Any) -> Order:
        order = self.order(*lines, **more)
        self.world.do("sales.order.confirm", order)
        return order

    def shipped(self, *lines: dict[str, Any], **more: Any) -> Order:
        """An order whose goods have gone; there must be stock."""
        order = self.confirmed(*lines, **more)
        self.world.do("sales.order.ship", order)
        return order

    def lines(self, order: Order) -> list[OrderLine]:
        return list(OrderLine.objects.filter(order=order).order_by("position"))

    def moves(self, origin: Any) -> list[Move]:
        return list(Move.objects.filter(origin=origin.pk).order_by("posted_at", "pk"))

    def supply(self, item: Any) -> tuple[Decimal, Decimal]:
        """Give what is available and what of it is promised."""
        row = Supply.objects.get(item=item, plant=self.world.plant)
        return row.available, row.promised

    def promised(self, line: OrderLine) -> Decimal:
        return sum((p.quantity for p in Promise.objects.filter(demand_line=line.pk)), Decimal(0))

    def ledger(self, order: Order) -> list[tuple]:
        rows = PromiseEntry.objects.filter(order=order).order_by("order_line__position", "no")
        return list(rows.values_list("order_line__position", "no", "was", "promised_on", "reason"))

    def count(self, act: Any) -> list[str]:
        """Give the statements of an act, savepoints of the test's transaction left out."""
        with CaptureQueriesContext(connection) as seen:
            act()
        return [q["sql"] for q in seen.captured_queries if "SAVEPOINT" not in q["sql"]]


@contextmanager
def unplanned() -> Iterator[None]:
    """Let the port's stated default answer, whichever modules above are installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(registry._ports, "sales.earliest_date", raising=False)
        yield


@pytest.fixture(autouse=True)
def nobody_plans() -> Iterator[None]:
    with unplanned():
        yield


@pytest.fixture
@stands
def shop(world) -> Shop:
    """Give a plant that sells."""
    return Shop(world)
