"""The pages of queries whose rows hang together: as many statements for many days' work as for little."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel.commands import execute
from banyan.kernel.registry import command
from banyan.lib.ids import new_id
from banyan.modules.exceptions.models import Category
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.values import Edge
from banyan.modules.planning.models import PlannedOrder
from banyan.modules.wages.tests.conftest import Payroll
from tests.plugins.world import World, plain
from tests.web.test_budgets import PAGE
from tests.web.test_queries import WANT_A_LIFE

pytestmark = pytest.mark.django_db

#: How often everything is done for the few rows and for the many.
FEW, MANY = 2, 12
DAYS = "first=2020-01-01&last=2030-12-31"
LONG_AGO = "2020-01-02"
#: How long exceptions have been open: one for each row that the query by age may have.
AGES = (timedelta(hours=1), timedelta(hours=10), timedelta(days=2), timedelta(days=5), timedelta(days=30))


class Life:
    """A plant in which everything is done once more, each time for another customer, supplier, item and person."""

    def __init__(self, world: World) -> None:
        self.world, self.shop, self.done = world, Payroll(world), 0
        self.shop.stocked()
        self.shop.rate()
        self.bolt, self.ring = world.item(code="BOLT", kind="bought"), world.item(code="RING", kind="bought")
        world.planned(self.bolt, lot_rule="minimum_multiple", lot_minimum="100000")
        world.do("finance.account.install", chart="cas_small")
        world.do("finance.period.open_year", year=2026)
        world.do("exceptions.category.add_usual")
        self.lot = self.shop.steel_lot

    def live(self, times: int) -> None:
        """Do everything until it was done so many times, then plan."""
        for n in range(self.done, times):
            self._sell(n)
            self._buy(n)
            self._make(n)
            self._call(n)
        self._report(times - self.done)
        self.done = times
        self._structure()
        self._plan()

    def asked(self) -> dict[str, str]:
        """Give the queries as they are asked now, by key what is told."""
        order, planned = self.order.pk, PlannedOrder.objects.get(item=self.bolt).pk
        return {
            "engineering.costs": "", "engineering.explosion": f"item={self.top.pk}&on=2026-03-02",
            "exceptions.open_by_age": "", "finance.open_items": "", "finance.order_cost": f"work_order={self.work.pk}",
            "inventory.stock_summary": "", "inventory.trace": f"lot={self.lot.pk}",
            "planning.served_by": f"order={order}", "planning.serves": f"order={planned}",
            "planning.slips": f"before={self.before.pk}&after={self.after.pk}",
            "production.my_day": f"employee={self.world.worker.pk}&day=2026-03-02",
            "production.my_tasks": f"employee={self.world.worker.pk}",
            "purchasing.late_warnings": "", "purchasing.price_history": f"item={self.ring.pk}",
            "purchasing.waiting_at_gate": "", "sales.late_lines": "", "sales.promises_kept": DAYS,
            "wages.my_month": f"employee={self.world.worker.pk}&month=2026-03-02", "wages.to_approve": "",
            "wages.to_share": "",
        }  # fmt: skip

    def _sell(self, n: int) -> None:
        """Ship to one more customer, bill it, and owe them something more."""
        world = self.world
        item, party = world.item(is_sold=True), world.party(tax_code=world.vat13)
        self.shop.receive(item, 10, "50")
        order = {"party": party, "plant": world.plant, "wanted_on": LONG_AGO}
        line = {"item": item, "quantity": "1", "price": "20"}
        sent, owed = world.make_many("sales.order", [order | {"lines": [line]}] * 2)
        world.do("sales.order.confirm", [sent, owed])
        world.do("sales.order.ship", sent)
        world.do("finance.customer_invoice.from_orders", orders=[sent.pk])

    def _buy(self, n: int) -> None:
        """Order from one more supplier twice; one comes as far as the gate."""
        world = self.world
        party = world.party(is_supplier=True, tax_code=world.vat13)
        line = {"item": self.ring, "quantity": "5", "price": str(n + 1)}
        order = {"party": party, "plant": world.plant, "wanted_on": LONG_AGO, "lines": [line]}
        come, owed = world.make_many("purchasing.order", [order] * 2)
        world.do("purchasing.order.order", [come, owed])
        world.do("purchasing.order.receive", come, lines=[])

    def _make(self, n: int) -> None:
        """Make an order: a task and a report of the worker, and one of one more person, whose team has a pool."""
        world, shop = self.world, self.shop
        self.work = order = shop.released()
        operation = shop.operation(order, 10)
        world.do("production.work_order.dispatch",
                 lines=[{"operation": operation.pk, "hands": [{"employee": world.worker.pk}]}])  # fmt: skip
        team = world.make("people.team", code=f"POOL-{n}", name=f"班组{n}", plant=world.plant)
        world.make("wages.pool", team=team, valid_from="2026-01-01")
        other = world.employee(team=team, department=world.department)
        shop.report(order, 10, "good", 1, people=[{"employee": world.worker.pk}])
        shop.report(order, 10, "good", 1, people=[{"employee": other.pk}])
        made = shop.lot(world.product, f"LOT-{n}")
        edge = Edge(self.lot.pk, made.pk, Decimal(1), "production.work_order", order.pk)
        shop.inside(lambda ctx: stock.link_lots(ctx, [edge]))

    def _report(self, people: int) -> None:
        """Approve all wages, then have so many more people report on the last order, in more operations each time."""
        self.world.do("wages.line.approve")
        for _ in range(people):
            late = self.world.employee(team=self.world.team, department=self.world.department)
            self.shop.report(self.work, 10, "good", 1, people=[{"employee": late.pk}])
        if self.done:
            self.shop.report(self.work, 20, "good", 1)

    def _call(self, n: int) -> None:
        if n < len(AGES):
            ctx = self.world.ctx.with_(now=datetime.now(UTC) - AGES[n])
            told = plain({"id": new_id(), "category": Category.objects.get(code="MATERIAL"), "plant": self.world.plant})
            execute(ctx, command("exceptions.exception.raise"), data=told)

    def _structure(self) -> None:
        """Make one more product of so many parts, each of bolts, and have so many customers want one."""
        world = self.world
        parts = [world.item() for _ in range(self.done)]
        self.top = world.item(is_sold=True)
        structure = [(part, [self.bolt]) for part in parts] + [(self.top, parts)]
        boms = world.make_many("engineering.bom", [
            {"item": item, "revision": "A", "lines": [{"component": one, "quantity": "2"} for one in below]}
            for item, below in structure
        ])  # fmt: skip
        world.do("engineering.bom.release", boms, effective_from="2026-01-01")
        for item, _ in structure:
            world.planned(item, lead_time_days=5)

    def _plan(self) -> None:
        """Have a run for the orders of the last product, and another for which the last of them go first."""
        world = self.world
        self.shop.receive(self.top, self.done, "0")
        wanted = {"party": world.customer, "plant": world.plant}
        line = {"item": self.top, "quantity": "1", "price": "100"}
        made = world.make_many("sales.order", [
            wanted | {"wanted_on": world.ctx.now.date() + timedelta(days=n + 1), "lines": [line]}
            for n in range(2 * self.done)
        ])  # fmt: skip
        for one in made:
            world.do("sales.order.confirm", one, promised_on=one.wanted_on)
        self.order = made[-1]
        self.before = world.do("planning.run.plan", plant=world.plant)
        rush = [row.pk for order in made[self.done :] for row in order.lines.all()]
        self.after = world.do("planning.run.plan", plant=world.plant, is_trial=True, rush=rush)


def test_a_page_takes_as_many_statements_for_a_long_life_as_for_a_short_one(everyone, world, settings):
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    life = Life(world)

    def look() -> dict[str, tuple[int, int]]:
        found = {}
        for key, told in life.asked().items():
            connection.queries_log.clear()  # it holds so many only
            with CaptureQueriesContext(connection) as seen:
                page = everyone.get(f"/queries/{key}?{told}")
            assert page.status_code == 200, key
            found[key] = len(seen), page.content.count(b"<tr")
        return found

    life.live(FEW)
    look()
    few = look()
    life.live(MANY)
    many = look()
    assert set(many) == WANT_A_LIFE
    assert {key for key in many if many[key][1] <= few[key][1]} == set(), "no more rows than before"
    assert {key: (few[key], many[key]) for key in few if few[key][0] != many[key][0] or many[key][0] > PAGE} == {}
