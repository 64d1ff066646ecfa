"""When could it be there: in a few statements, and just as the whole plan reckons."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.lib.ids import new_id
from banyan.modules.engineering import queries as engineering
from banyan.modules.engineering.values import micro
from banyan.modules.inventory import queries as inventory
from banyan.modules.items import queries as items
from banyan.modules.planning import queries, reactions
from banyan.modules.planning.models import Peg, PlannedOrder
from banyan.modules.production.models import WorkOrder
from banyan.modules.sales.commands import DateWish
from tests.plugins.standing import stands

TODAY = date(2026, 3, 2)


def wish(factory, item, quantity, line=None) -> DateWish:
    return DateWish(
        line=line or new_id(), order=new_id(), item=item.pk, plant=factory.plant.pk, quantity=D(quantity),
        wanted_on=None, priority="normal",
    )  # fmt: skip


# --- few statements -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 60])
def test_any_number_of_lines_is_answered_in_four_statements(factory, count, django_assert_max_num_queries):
    factory.put(factory.sa, 5)
    factory.buy(factory.bolt, 40, "2026-03-04")
    wishes = [wish(factory, item, 5) for item in (factory.fg, factory.part, factory.bolt) * count]
    with django_assert_max_num_queries(4):
        found = reactions.earliest_dates(factory.world.ctx, wishes)
    assert set(found) == {one.line for one in wishes}
    assert found[wishes[0].line] == date(2026, 3, 9)


def test_confirming_takes_as_many_statements_for_thirty_lines_as_for_three(factory, world):
    def confirm(count: int) -> int:
        lines = [{"item": factory.fg, "quantity": "1", "price": "100"}] * count
        order = world.make("sales.order", party=world.customer, plant=factory.plant, lines=lines)
        with CaptureQueriesContext(connection) as counted:
            world.do("sales.order.confirm", order)
        assert {line.promised_on for line in order.lines.all()} == {date(2026, 3, 25)}
        return len(counted)

    confirm(3)
    assert confirm(3) == confirm(30)


# --- as the whole plan reckons ------------------------------------------------------------------------------


@pytest.fixture
@stands
def knotty(factory, world):
    """The reducer, with a phantom, a service, yields, days, plants and units above it."""
    kit = world.item(code="KIT", kind="phantom")
    paint = world.item(code="PAINT", kind="service")
    glue = world.item(code="GLUE", kind="bought", unit=world.gram)
    cast = world.item(code="CAST", kind="subcontracted")
    factory.bom(kit, (factory.bolt, 2), (glue, "0.5"))
    box = world.item(code="BOXED", is_sold=True)
    centre = world.work_centre_of(plant=factory.plant)
    world.planned(
        box, lead_time_days=2, yield_percent="95", safety_stock="3", lot_rule="fixed", lot_fixed="7"
    )
    bom = world.make("engineering.bom", item=box, revision="A", base_quantity="10", lines=[
        {"component": kit, "quantity": "20", "operation": 20},
        {"component": paint, "quantity": "10"},
        {"component": factory.fg, "quantity": "10", "operation": 10, "scrap_percent": "2"},
        {"component": cast, "quantity": "1", "is_fixed": True},
        {"component": factory.bar, "quantity": "5", "valid_to": "2026-03-01"},
        {"component": factory.part, "quantity": "5", "valid_from": "2026-03-02"},
    ])  # fmt: skip
    world.do("engineering.bom.release", bom, effective_from="2026-01-01")
    routing = world.make("engineering.routing", item=box, revision="A", operations=[
        {"sequence": 10, "name": "装", "work_centre": centre, "yield_percent": "98"},
        {"sequence": 20, "name": "包", "work_centre": centre, "yield_percent": "99"},
    ])  # fmt: skip
    world.do("engineering.routing.release", routing, effective_from="2026-01-01")
    own = world.make("engineering.bom", item=factory.sa, revision="P", plant=factory.plant, lines=[
        {"component": factory.part, "quantity": "3"}, {"component": kit, "quantity": "1"},
    ])  # fmt: skip
    world.do("engineering.bom.release", own, effective_from="2026-02-01")
    newer = world.make("engineering.bom", item=factory.part, revision="B", lines=[
        {"component": factory.bar, "quantity": "2"},
    ])  # fmt: skip
    world.do("engineering.bom.release", newer, effective_from="2026-03-10")
    factory.box, factory.kit = box, kit
    return factory


def reckoned(one) -> tuple:
    needs = [(n.component, n.numerator, n.denominator, n.is_fixed, n.places) for n in one.needs]
    return *(getattr(one, name) for name in one.__slots__ if name != "needs"), needs


@pytest.mark.parametrize("on", [date(2026, 1, 15), TODAY, date(2026, 3, 10)])
def test_items_are_read_as_by_the_whole_plan(knotty, on):
    plant = knotty.plant.pk
    below = reactions.items_below(plant, [knotty.box.pk, knotty.kit.pk], on)
    whole = queries.plan_items(plant, on)
    assert {key: reckoned(one) for key, one in below.items()} == {key: reckoned(whole[key]) for key in below}
    boms = engineering.released_boms([knotty.box.pk, knotty.kit.pk], on, plant, deep=True)
    named = set(boms) | {need.component for bom in boms.values() for need in bom.needs}
    services = {key for key, one in items.planning_data(plant, list(named)).items() if one.kind == "service"}
    assert set(below) == named - services


def free_by_hand(factory, lines=()) -> dict:
    """Reckon what is free row by row, from what each module says of itself."""
    plant, left, days = factory.plant.pk, {}, {}
    rows = [*queries.stock(plant, None, TODAY), *queries.open_supply(plant, TODAY)]
    for one in [*rows, *queries.firm_orders(plant)]:
        left[one.ref.noun, one.ref.record, one.ref.line, one.item] = one.quantity
        days[one.ref.noun, one.ref.record, one.ref.line, one.item] = max(one.day, TODAY.toordinal())
    for peg in Peg.objects.filter(run__is_current=True).exclude(demand_noun="items.item_plant"):
        ref = (peg.supply_noun, peg.supply, peg.supply_line, peg.item_id)
        if ref in left and peg.demand_line not in lines:
            left[ref] -= micro(peg.quantity)
    promisable = inventory.available(plant)
    found: dict = {}
    for (noun, record, line, item), quantity in left.items():
        if noun == "inventory.balance":
            quantity = min(quantity, micro(promisable.get(item, D(0))))
        if quantity > 0:
            found.setdefault(item, []).append((days[noun, record, line, item], quantity))
    return {item: sorted(several) for item, several in found.items()}


def test_what_is_free_is_what_the_modules_say_less_what_others_are_pegged_to(worked, world):
    worked.sell(worked.fg, 3, "2026-03-20", priority="urgent")
    worked.put(worked.sa, 9)
    worked.put(worked.bar, 100)
    worked.buy(worked.bar, 10, "2026-02-20")
    gate = worked.buy(worked.bolt, 8, "2026-03-02")
    world.do("purchasing.order.receive", gate)
    worked.plan()
    world.do("planning.planned_order.convert", [worked.order(worked.sa)])
    world.do("planning.planned_order.firm", PlannedOrder.objects.filter(state="planned", kind="buy")[:2])
    world.do("production.work_order.release", WorkOrder.objects.get(), check_kit=False)
    every = [one.pk for one in (worked.fg, worked.sa, worked.part, worked.bar, worked.bolt)]
    for lines in ([], [worked.line.pk]):
        free = reactions.free_supply(worked.plant.pk, every, lines, TODAY)
        from_today = {
            item: sorted((max(day, TODAY.toordinal()), quantity) for day, quantity in several)
            for item, several in free.items()
        }
        assert from_today == free_by_hand(worked, lines)
        assert len(free) > 2


def test_a_line_asked_again_may_have_what_it_is_pegged_to(factory):
    line = factory.sell(factory.bolt, 40, "2026-05-04")
    factory.buy(factory.bolt, 40, "2026-03-04")
    factory.plan()
    for asked, day in ((wish(factory, factory.bolt, 40, line.pk), 4), (wish(factory, factory.bolt, 40), 5)):
        assert reactions.earliest_dates(factory.world.ctx, [asked]) == {asked.line: date(2026, 3, day)}
