"""The plan that is measured beside the product's finds the same: orders, pegs and messages, row by row."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from types import ModuleType
from typing import Any

import pytest
from django.db import connection

from banyan.config.environ import CHECKOUT
from banyan.kernel import db, registry
from banyan.kernel.commands import execute
from banyan.modules.planning.models import Message as PlanMessage
from banyan.modules.planning.models import Peg, PlannedOrder, Run

ORDER = ("item__code", "kind", "quantity", "starts_on", "due_on", "ready_on", "supplier", "priority", "state")
PEG = ("item__code", "quantity", "supply_noun", "supply_on", "demand_noun", "demand_line", "demand_on", "priority")
MESSAGE = ("item__code", "quantity", "kind", "day", "wanted_on", "days_late", "supply_noun", "demand_line",
           "cause_item__code", "text_zh", "text_en", "is_current")  # fmt: skip
RUN = ("order_count", "late_count", "is_current", "is_trial")
#: What is said of orders that exist already is not said by hand.
SAID = ("late", "past", "below_safety")


@pytest.fixture
def bench(monkeypatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(CHECKOUT / "bench"))
    names = ("_bare", "_plan", "planning")
    yield {name: importlib.import_module(name) for name in names}
    for name in (*names, "_factory", "_server"):
        sys.modules.pop(name, None)


def found(plant: Any) -> dict[str, Counter]:
    """What stands of a plant's plan."""
    run = Run.objects.get(plant=plant, is_current=True)
    return {
        "run": Counter(Run.objects.filter(pk=run.pk).values_list(*RUN)),
        "orders": Counter(PlannedOrder.objects.filter(plant=plant).values_list(*ORDER)),
        "pegs": Counter(Peg.objects.filter(run=run).values_list(*PEG)),
        "messages": Counter(PlanMessage.objects.filter(run=run, kind__in=SAID).values_list(*MESSAGE)),
    }


def forget(plant: Any) -> None:
    """Take away what runs have found, and leave what people have decided."""
    for table in ("planning_peg", "planning_message"):
        db.run(f"DELETE FROM {table} WHERE run_id IN (SELECT id FROM planning_run WHERE plant_id = %s)", [plant.pk])
    db.run("DELETE FROM planning_plannedorder WHERE plant_id = %s AND state = 'planned'", [plant.pk])
    db.run("DELETE FROM planning_run WHERE plant_id = %s", [plant.pk])


@pytest.mark.django_db
def test_a_plan_by_hand_is_the_products_plan(ctx, bench):
    size = bench["planning"].Size(items=60, finished=20, lines=4, depth=4, orders=80)
    factory = bench["planning"].Factory(size, ctx.now.date())
    factory.draw()
    plant, hand = factory.plant, bench["_bare"].Bare(connection.connection)
    plan = registry.command("planning.run.plan")
    execute(ctx, plan, data={"plant": plant.pk})
    chosen = list(PlannedOrder.objects.filter(plant=plant).order_by("due_on", "item__code")[5:40:7])
    execute(ctx, registry.command("planning.planned_order.firm"), ids=[one.pk for one in chosen])
    with pytest.raises(RuntimeError, match="earlier run"):
        bench["_plan"].make_plan(hand, ctx.person, plant.pk, factory.today)
    execute(ctx, plan, data={"plant": plant.pk})
    meant = found(plant)
    forget(plant)
    bench["_plan"].make_plan(hand, ctx.person, plant.pk, factory.today)
    seen = found(plant)
    for what, rows in meant.items():
        assert rows
        assert (rows - seen[what], seen[what] - rows) == (Counter(), Counter()), what
    assert len(chosen) == 5
    assert {row[2] for row in seen["messages"]} >= {"late", "below_safety"}
