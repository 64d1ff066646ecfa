"""How long a planning run takes: a factory is drawn, planned twice, asked for dates, and rolled back.

banyan bench planning                 1,000 finished goods among 2,000 items, depth 4 (promised: five seconds)
banyan bench planning 10000 1000 7 5  10,000 items, 1,000 finished goods, up to seven lines a BOM, depth 5
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from banyan.kernel import db, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.lib.ids import new_id
from banyan.modules.company.models import (
    Calendar,
    CalendarShift,
    Company,
    Currency,
    Plant,
    TaxCode,
    Unit,
)
from banyan.modules.engineering import queries as engineering
from banyan.modules.engineering.models import Bom, BomLine
from banyan.modules.inventory.models import Balance, Location, Supply
from banyan.modules.items.models import Item, ItemPlant
from banyan.modules.parties.models import Party
from banyan.modules.planning import reactions
from banyan.modules.planning.models import Message, Peg, PlannedOrder, Run
from banyan.modules.purchasing.models import SupplierItem
from banyan.modules.sales.commands import DateWish
from banyan.modules.sales.models import Order, OrderLine

Value = TypeVar("Value")


@dataclass(frozen=True)
class Size:
    """How large a factory is drawn."""

    items: int = 2000
    finished: int = 1000
    lines: int = 6
    depth: int = 4
    orders: int = 1000


#: Ten thousand items, fifty thousand BOM lines.
LARGE = Size(items=10_000, finished=1_000, lines=7, depth=5)


def timed(label: str, act: Callable[[], Value]) -> Value:
    """Run an act, print its seconds, and give what it gives."""
    begun = time.perf_counter()
    value = act()
    print(f"{label:44} {time.perf_counter() - begun:7.2f} s")
    return value


class Factory:
    """A factory drawn at random, the same for the same size; without commands, as only reading is timed."""

    def __init__(self, size: Size, today: date) -> None:
        self.size, self.today, self.chance = size, today, random.Random(1)
        self.mark = str(new_id())[-8:]

    def draw(self) -> None:
        """Write master data, structure, stock, sources and customers' orders."""
        self._masters()
        self._items()
        self._structure()
        self._stock_and_sources()
        self._orders()
        for model in (Item, ItemPlant, Bom, BomLine, Order, OrderLine, Balance, SupplierItem):
            db.run(f"ANALYZE {model._meta.db_table}")

    def current_run(self) -> Run:
        """Give the run that the planned orders follow."""
        return Run.objects.get(plant=self.plant, is_current=True)

    def pegs(self, run: Run) -> int:
        """Give how many pegs a run has."""
        return Peg.objects.filter(run=run).count()

    def _masters(self) -> None:
        m = self.mark
        self.currency = Currency.objects.filter(code="CNY").first() or Currency.objects.create(
            code="CNY", name="人民币"
        )
        self.unit = Unit.objects.create(code=f"p{m}", name="件", places=0)
        self.tax = TaxCode.objects.create(code=f"V{m}", name="13%", rate=13)
        company = Company.objects.create(code=f"C{m}", name="量测", currency=self.currency)
        calendar = Calendar.objects.create(code=f"D{m}", name="白班")
        CalendarShift.objects.bulk_create(
            CalendarShift(calendar=calendar, weekday=n, starts_at=clock(8), ends_at=clock(17))
            for n in range(5)
        )
        self.plant = Plant.objects.create(code=f"P{m}", name="量测工厂", company=company, calendar=calendar)
        self.customer = Party.objects.create(code=f"K{m}", name="客户", is_customer=True)
        self.suppliers = Party.objects.bulk_create(
            Party(code=f"S{m}-{n}", name=f"供应商{n}", is_supplier=True) for n in range(20)
        )

    def _items(self) -> None:
        size = self.size
        per_level = (size.items - size.finished) // (size.depth - 1)
        bounds = [
            0,
            size.finished,
            *(size.finished + per_level * n for n in range(1, size.depth - 1)),
            size.items,
        ]
        items = [
            Item(code=f"{self.mark}-{n:05}", name=f"物料{n}", unit=self.unit,
                 kind="bought" if n >= bounds[-2] else "made") for n in range(size.items)
        ]  # fmt: skip
        Item.objects.bulk_create(items, batch_size=2000)
        self.levels = [items[low:high] for low, high in zip(bounds, bounds[1:], strict=False)]
        self.items = items
        ItemPlant.objects.bulk_create([self._planned(item) for item in items], batch_size=2000)

    def _planned(self, item: Item) -> ItemPlant:
        raised = self.chance.random() < 0.5
        return ItemPlant(
            item=item, plant=self.plant, lead_time_days=self.chance.randint(1, 10),
            lot_rule="minimum_multiple" if raised else "lot_for_lot", lot_minimum=30 if raised else 0,
            lot_multiple=10 if raised else 0, safety_stock=self.chance.choice([0, 0, 20]),
            yield_percent=self.chance.choice([100, 100, 98]), standard_cost=Decimal(5),
        )  # fmt: skip

    def _structure(self) -> None:
        boms, lines = [], []
        for level, parents in enumerate(self.levels[:-1]):
            below = [*self.levels[level + 1], *(self.levels[-1] if level + 2 < len(self.levels) else ())]
            for item in parents:
                bom = Bom(item=item, revision="A", effective_from=self.today - timedelta(days=30))
                boms.append(bom)
                for n, part in enumerate(self.chance.sample(below, min(self.size.lines, len(below)))):
                    lines.append(BomLine(
                        bom=bom, position=n, component=part, quantity=self.chance.randint(1, 8),
                        scrap_percent=self.chance.choice([0, 0, 2]),
                    ))  # fmt: skip
        Bom.objects.bulk_create(boms, batch_size=2000)
        BomLine.objects.bulk_create(lines, batch_size=5000)
        Bom.objects.filter(pk__in=[b.pk for b in boms]).update(state="released")
        self.lines = len(lines)

    def _stock_and_sources(self) -> None:
        place = Location.objects.create(code=f"B{self.mark}", name="货位", kind="bin", plant=self.plant)
        stocked = [(item, self.chance.randint(1, 200)) for item in self.items if self.chance.random() < 0.5]
        Balance.objects.bulk_create(
            [Balance(item=i, location=place, plant=self.plant, kind="bin", on_hand=q) for i, q in stocked],
            2000,
        )
        Supply.objects.bulk_create([Supply(item=i, plant=self.plant, available=q) for i, q in stocked], 2000)
        SupplierItem.objects.bulk_create(
            [
                SupplierItem(item=item, party=self.chance.choice(self.suppliers), unit=self.unit, price=5,
                             currency=self.currency, valid_from=self.today - timedelta(days=30))
                for item in self.levels[-1]
            ],
            batch_size=2000,
        )  # fmt: skip

    def _orders(self) -> None:
        orders, lines = [], []
        for n in range(self.size.orders):
            wanted = self.today + timedelta(days=self.chance.randint(5, 90))
            order = Order(
                number=f"{self.mark}-{n}", party=self.customer, plant=self.plant, currency=self.currency,
                state="confirmed", ordered_on=self.today, wanted_on=wanted,
                priority="urgent" if self.chance.random() < 0.05 else "normal",
            )  # fmt: skip
            orders.append(order)
            quantity = self.chance.randint(1, 50)
            lines.append(OrderLine(
                order=order, party=self.customer, plant=self.plant, item=self.chance.choice(self.levels[0]),
                quantity=quantity, stock_quantity=quantity, unit=self.unit, price=100, tax_code=self.tax,
                wanted_on=wanted,
            ))  # fmt: skip
        Order.objects.bulk_create(orders, batch_size=2000)
        OrderLine.objects.bulk_create(lines, batch_size=2000)


def measure(size: Size) -> None:
    """Draw a factory, plan it twice, ask for dates and costs; print the seconds of each."""
    ctx = Context(SYSTEM, now=timezone.now(), through="cli")
    factory = Factory(size, ctx.now.date())
    timed(f"draw {size.items} items, {size.orders} orders", factory.draw)
    print(f"{'':4}{factory.lines} BOM lines, depth {size.depth}")
    plan = registry.command("planning.run.plan")
    run = timed(
        "plan and write, first run", lambda: execute(ctx, plan, data={"plant": factory.plant.pk}).value
    )
    print(f"{'':4}{run.order_count} planned orders, {factory.pegs(run)} pegs, "
          f"{Message.objects.filter(run=run).count()} messages, {run.late_count} late")  # fmt: skip
    again = timed(
        "plan and write, second run", lambda: execute(ctx, plan, data={"plant": factory.plant.pk}).value
    )
    print(f"{'':4}{again.new_count} new, {again.changed_count} changed, {again.gone_count} gone")
    asked = [_wish(factory, item) for item in factory.levels[0][:10]]
    timed("earliest dates of ten order lines", lambda: reactions.earliest_dates(ctx, asked))
    firm = [
        o.pk for o in PlannedOrder.objects.filter(plant=factory.plant, kind="make").order_by("due_on")[:100]
    ]
    convert = registry.command("planning.planned_order.convert")
    timed("convert 100 planned orders to work orders", lambda: execute(ctx, convert, ids=firm))
    top, bottom = factory.levels[0][0], factory.levels[-1][0]
    rows = timed("explode one finished good", lambda: engineering.explode(
        top.pk, Decimal(10), factory.today, factory.plant.pk))  # fmt: skip
    print(f"{'':4}{len(rows)} rows")
    uses = timed("where used, of one bought part", lambda: engineering.where_used([bottom.pk], factory.today))
    print(f"{'':4}{len(uses)} uses")
    costs = timed("cost roll-up of everything", lambda: engineering.standard_costs(
        factory.plant.pk, None, factory.today))  # fmt: skip
    print(f"{'':4}{len(costs)} items")


def _wish(factory: Factory, item: Item) -> DateWish:
    given: dict[str, Any] = dict(
        line=new_id(), order=new_id(), item=item.pk, plant=factory.plant.pk, quantity=Decimal(25),
        wanted_on=None, priority="normal", lead_time_days=5,
    )  # fmt: skip
    return DateWish(**given)


def main(arguments: Sequence[str]) -> None:
    """Measure one size and leave nothing behind."""
    with transaction.atomic():
        measure(Size(*(int(one) for one in arguments)))
        transaction.set_rollback(True)
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
