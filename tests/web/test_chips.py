"""What narrows a list beside tabs and filters: presets of the noun, and anything else the address asks
for."""

from __future__ import annotations

import re

import pytest

from banyan.kernel import registry
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db


@pytest.fixture
def balances(world):
    """Give a row with stock and one that has been emptied."""
    world.do("inventory.location.make_standing", plant=world.plant)
    model = registry.noun("inventory.location").model
    store = model.objects.get(plant=world.plant, kind="warehouse")
    rows = registry.noun("inventory.balance").model
    return [
        rows.objects.create(
            item=item, plant_id=world.plant.pk, location=store, kind="warehouse", on_hand=count
        )
        for item, count in ((world.part, 7), (world.screw, 0))
    ]


def rows(page) -> int:
    return page.content.decode().count('name="ids"')


def test_a_list_opens_with_its_first_preset_and_shows_everything_when_it_is_taken_off(everyone, balances):
    opened = everyone.get("/inventory/balances")
    assert rows(opened) == 1
    pattern = r'<a class="chip chip-on" href="([^"]+)" aria-pressed="true">.*?有库存</a>'
    chip = re.search(pattern, opened.content.decode(), re.S)
    assert rows(everyone.get(chip[1])) == 2
    assert rows(everyone.get("/inventory/balances?all=1")) == 2
    assert "共 1 条" in everyone.get("/inventory/balances?_part=counts", headers=PART).content.decode()


def test_counts_and_export_of_all_rows_are_those_of_all_rows(everyone, balances):
    page = everyone.get("/inventory/balances?all=1").content.decode()
    assert 'hx-get="/inventory/balances?all=1&_part=counts"' in page
    assert "export.xlsx?all=1" in page
    assert "共 2 条" in everyone.get("/inventory/balances?all=1&_part=counts", headers=PART).content.decode()


def test_a_condition_that_no_filter_shows_is_named_kept_and_can_be_taken_off(everyone, world):
    part, screw = world.part, world.screw
    page = everyone.get(f"/items/items?id:in={part.pk}").content.decode()
    assert "MP-1 齿轮" in page
    assert f'<input type="hidden" name="id:in" value="{part.pk}">' in page
    assert 'href="/items/items?all=1" title="清除"' in page
    assert screw.code not in page.split('id="list"')[1]
    many = everyone.get(f"/items/items?id:in={part.pk},{screw.pk},{world.motor.pk}").content.decode()
    assert "选定记录 3 条" in many
