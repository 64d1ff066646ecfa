"""Items: their life, their planning data, their units."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.kernel import registry
from banyan.lib.errors import Conflict, Invalid
from banyan.modules.items import errors, queries
from banyan.modules.items.models import Item

pytestmark = pytest.mark.django_db


def test_an_inactive_item_is_refused_until_active_again(world):
    world.do("items.item.deactivate", world.part)
    with pytest.raises(errors.ItemInactive) as refused:
        queries.require_usable([world.part.pk, world.screw.pk])
    assert refused.value.facts == {"item": "MP-1"}
    world.do("items.item.activate", world.part)
    assert set(queries.require_usable([world.part.pk])) == {world.part.pk}


def test_unit_and_tracking_stay_once_the_item_has_moved(world, monkeypatch):
    world.change(world.part, tracking="lot")
    monkeypatch.setitem(registry._ports, "items.moved", lambda ids: set(ids))
    for values in ({"tracking": "none"}, {"unit": world.kilogram}):
        with pytest.raises(errors.InUse):
            world.change(world.part, **values)
    world.change(world.part, name="新名", tracking="lot")
    assert Item.objects.get(pk=world.part.pk).name == "新名"


def test_facts_are_read_in_one_statement(world, django_assert_num_queries):
    ids = [world.part.pk, world.steel.pk]
    with django_assert_num_queries(1):
        found = queries.items_by_id(ids)
    assert (found[world.steel.pk].places, found[world.steel.pk].tracking) == (3, "lot")
    assert set(queries.items_by_code(["MP-1", "RM-1", "none"])) == {"MP-1", "RM-1"}


def test_planning_data_has_defaults_where_nobody_said_anything(world, django_assert_num_queries):
    world.planned(world.part, lead_time_days=3, lot_rule="fixed", lot_fixed="50", safety_stock="10")
    assert world.screw
    with django_assert_num_queries(1):
        found = queries.planning_data(world.plant.pk)
    part, screw = found[world.part.pk], found[world.screw.pk]
    assert (part.lead_time_days, part.lot_rule, part.lot_fixed, part.safety_stock) == (3, "fixed", 50, 10)
    assert (screw.lead_time_days, screw.lot_rule, screw.yield_percent) == (0, "lot_for_lot", 100)
    assert set(queries.planning_data(world.plant.pk, [world.screw.pk])) == {world.screw.pk}


def test_a_lot_rule_needs_its_figure(world):
    with pytest.raises(errors.LotRuleIncomplete):
        world.planned(world.part, lot_rule="fixed")
    with pytest.raises(Invalid):
        world.planned(world.part, yield_percent="101")


def test_an_item_is_planned_once_per_plant(world):
    world.planned(world.part)
    with pytest.raises(errors.PlanningExists):
        world.planned(world.part)
    assert world.planned(world.part, plant=world.second_plant)


def test_quantities_convert_by_the_item_then_by_the_units(world, django_assert_num_queries):
    rows = [
        (world.screw.pk, world.box.pk, D(3)), (world.screw.pk, None, D(7)),
        (world.steel.pk, world.gram.pk, D(2500)), (world.steel.pk, world.kilogram.pk, D(1)),
    ]  # fmt: skip
    with django_assert_num_queries(3):
        assert queries.to_stock_units(rows) == (300, 7, D("2.5"), 1)
    with django_assert_num_queries(1):
        assert queries.to_stock_units(rows[1:2]) == (7,)
    with pytest.raises(errors.NoConversion) as refused:
        queries.to_stock_unit(world.steel.pk, world.box.pk, D(1))
    assert refused.value.facts == {"item": "RM-1", "unit": "box", "stock_unit": "kg"}


def test_substitutes_come_by_priority(world):
    first, second = world.item(), world.item()
    lines = [{"item": second, "priority": 2, "ratio": "1.5"}, {"item": first, "priority": 1}]
    item = world.item(substitutes=lines)
    found = queries.substitutes([item.pk, first.pk])
    assert [(one.item, one.ratio) for one in found[item.pk]] == [(first.pk, 1), (second.pk, D("1.5"))]
    assert first.pk not in found
    with pytest.raises(Conflict):
        world.change(item, substitutes=[{"item": item}])


def test_tracking_and_shelf_life_need_stock(world):
    with pytest.raises(errors.NotTrackable):
        world.item(kind="service", tracking="lot")
    with pytest.raises(errors.ShelfLifeNeedsLots):
        world.item(shelf_life_days=30)


def test_categories_cannot_stand_under_themselves(world):
    below = world.make("items.category", code="SUB", name="下级", parent=world.category)
    with pytest.raises(errors.CategoryLoop):
        world.change(world.category, parent=below)
