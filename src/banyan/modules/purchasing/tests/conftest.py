"""What tests of buying need: suppliers' terms, placed orders, receipts in a word."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel.commands import Command, execute
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.models import Balance, Move, StockValue
from banyan.modules.purchasing.models import Order, OrderLine, Receipt, ReceiptLine
from tests.plugins.standing import stands


class Yard:
    """A plant that buys: short words for what the tests do."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.ctx = world.ctx
        self.plant = world.plant

    @cached_property
    def standing(self) -> Any:
        return self.inside(lambda ctx: stock.ensure_standing(ctx, self.plant))

    def inside(self, act: Any) -> Any:
        """Run an act as other modules do: inside a command."""
        cmd = Command(
            key="purchasing.order.test", label="test", function=act, on="noun", permission="purchasing.x"
        )
        return execute(self.ctx, cmd).value

    @cached_property
    def bin(self) -> Any:
        """A place for goods beside the warehouse."""
        return self.world.make(
            "inventory.location", code="BIN-9", name="九号位", kind="bin", plant=self.plant
        )

    def line(self, item: Any, quantity: Any, price: Any = "10", **more: Any) -> dict[str, Any]:
        return {"item": item, "quantity": str(quantity), "price": str(price), **more}

    def draft(self, *lines: dict[str, Any], **more: Any) -> Order:
        values = {"party": self.world.supplier, "plant": self.plant, "lines": list(lines)}
        return self.world.make("purchasing.order", **(values | more))

    def placed(self, *lines: dict[str, Any], **more: Any) -> Order:
        """An order that went to the supplier."""
        order = self.draft(*lines, **more)
        self.world.do("purchasing.order.order", order)
        return order

    def received(self, *lines: dict[str, Any], book: bool = False, **more: Any) -> tuple[Order, Receipt]:
        """An order of which all has come."""
        order = self.placed(*lines, **more)
        return order, self.receive(order, book_at_once=book)

    def receive(self, order: Order, *rows: tuple, **more: Any) -> Receipt:
        """Take in (order line, quantity, …), all that is open without rows; give the receipt."""
        lines = [{"order_line": ln.pk, "quantity": str(q), **extra} for ln, q, extra in rows]
        (receipt,) = self.world.do("purchasing.order.receive", order, lines=lines, **more)
        receipt.refresh_from_db()
        return receipt

    def lines(self, order: Order) -> list[OrderLine]:
        return list(OrderLine.objects.filter(order=order).order_by("position"))

    def rows(self, receipt: Receipt) -> list[ReceiptLine]:
        return list(ReceiptLine.objects.filter(receipt=receipt).order_by("position"))

    def moves(self, origin: Any) -> list[Move]:
        return list(Move.objects.filter(origin=origin.pk).order_by("posted_at", "pk"))

    def on_hand(self, item: Any, kind: str | None = None, **where: Any) -> Decimal:
        rows = Balance.objects.filter(item=item, **where, **({"kind": kind} if kind else {}))
        return sum((row.on_hand for row in rows), Decimal(0))

    def value(self, item: Any) -> Decimal:
        row = StockValue.objects.filter(item=item, plant=self.plant).first()
        return row.amount if row else Decimal(0)

    def count(self, act: Any) -> list[str]:
        """Give the statements of an act, savepoints of the test's transaction left out."""
        with CaptureQueriesContext(connection) as seen:
            act()
        return [q["sql"] for q in seen.captured_queries if "SAVEPOINT" not in q["sql"]]


@pytest.fixture
@stands
def yard(world) -> Yard:
    """Give a plant that buys."""
    return Yard(world)
