"""The names of records: in the language spoken, where a noun says them in both."""

from __future__ import annotations

import pytest

from banyan.kernel import registry
from banyan.kernel.titles import titles, titles_of
from banyan.lib.labels import speaking

pytestmark = pytest.mark.django_db


def test_a_name_in_two_languages_is_said_in_one(world):
    unit = world.pieces
    with speaking("zh"):
        assert titles("company.unit", [unit.pk])[unit.pk] == "件"
    with speaking("en"):
        assert titles("company.unit", [unit.pk])[unit.pk] == "piece"


def test_what_has_no_english_name_keeps_its_own(world):
    named, unnamed = world.item(code="N-1", name="齿轮", name_en="Gear"), world.item(code="N-2", name="箱体")
    with speaking("en"):
        found = titles("items.item", [named.pk, unnamed.pk])
    assert (found[named.pk], found[unnamed.pk]) == ("N-1 Gear", "N-2 箱体")


def test_titles_of_titles_speak_the_language_too(world):
    item = world.item(code="N-1", name="齿轮", name_en="Gear")
    order = world.make(
        "production.work_order", item=item, plant=world.plant, quantity="1", due_on="2026-05-04"
    )
    with speaking("en"):
        assert (
            titles_of({"production.work_order": [order.pk]})["production.work_order"][order.pk] == "N-1 Gear"
        )


@pytest.mark.parametrize(
    ("keys", "chinese", "english"),
    [
        (("kind", "text_zh", "item"), ("kind", "text_zh", "item"), ("kind", "text_en", "item")),
        (("text_zh", "text_en"), ("text_zh",), ("text_en",)),
        (("kind",), ("kind",), ("kind",)),
    ],
)
def test_columns_of_a_text_in_both_languages_are_one(keys, chinese, english):
    spec = registry.noun("planning.message").spec
    assert spec.in_language(keys, is_english=False) == chinese
    assert spec.in_language(keys, is_english=True) == english
