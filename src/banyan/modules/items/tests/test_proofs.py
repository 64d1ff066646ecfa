"""Each proof names the fault planted for it."""

from __future__ import annotations

import pytest

from banyan.kernel import db, proofs

pytestmark = pytest.mark.django_db


@pytest.mark.plants("items.categories")
def test_a_circle_of_categories_is_named(world):
    below = world.make("items.category", code="SUB", name="下级", parent=world.category)
    assert proofs.run(["items.categories"])[0].is_green
    db.run("UPDATE items_category SET parent_id = %s WHERE id = %s", [below.pk, world.category.pk])
    assert proofs.run(["items.categories"])[0].found.broken == 2


@pytest.mark.plants("items.units")
def test_a_stock_unit_that_is_not_one_of_itself_is_named(world):
    screw = world.screw
    assert proofs.run(["items.units"])[0].is_green
    db.run("UPDATE items_itemunit SET unit_id = %s WHERE item_id = %s", [world.pieces.pk, screw.pk])
    assert [one.record for one in proofs.run(["items.units"])[0].found.faults] == [str(screw.pk)]
