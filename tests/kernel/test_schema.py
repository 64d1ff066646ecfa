"""Typed input: what is taken, what is refused, and in which words."""

from __future__ import annotations

import pytest

from banyan.kernel import data_nouns, records, registry, schema
from banyan.kernel.schema import Input, Instant, Number, Text, field
from banyan.lib.errors import Invalid
from tests.kernel.visitor_pass import VISITOR_PASS


class Sample(Input):
    at: Instant = field("时刻", "At", None)
    number: Number = field("数", "Number", None)
    mark: Text = field("标记", "Mark", None, pattern="^[A-Z]$")


@pytest.mark.parametrize(("name", "value"), [
    ("at", "2026-03-02T08:00:00+08:00"), ("at", "2026-03-02T08:00:00Z"), ("number", "1.5"),
    ("number", 2), ("number", 0.1), ("mark", "A"),
])  # fmt: skip
def test_right_values_are_taken(name, value):
    schema.parse(Sample, {name: value})


@pytest.mark.parametrize(("name", "value", "words"), [
    ("at", "2026-03-02T08:00:00", "must be an instant with zone"),
    ("at", "soon", "must be an instant with zone"),
    ("at", "0001-01-01T00:00:00+14:00", "must lie between the years 1900 and 9999"),
    ("at", 5, "must be an instant with zone"),
    ("number", "١٢", "must be a number of at most 14 whole digits"),
    ("number", "1e3", "must be a number of at most 14 whole digits"),
    ("mark", "a", "does not have the right form"),
])  # fmt: skip
def test_wrong_values_are_refused_in_words(name, value, words):
    with pytest.raises(Invalid) as refusal:
        schema.parse(Sample, {name: value})
    assert refusal.value.field_texts("en") == {name: [words]}


@pytest.mark.parametrize("name", ["", "  "])
def test_a_required_text_is_not_empty(name):
    with pytest.raises(Invalid) as refusal:
        schema.parse(
            schema.input_of(registry.noun("kernel.role").spec),
            {"code": name, "name_zh": "某", "name_en": "Some"},
        )
    assert refusal.value.field_texts("en") == {"code": ["must not be empty"]}


def test_a_text_too_long_is_counted_in_characters():
    with pytest.raises(Invalid) as refusal:
        schema.parse(
            schema.input_of(registry.noun("kernel.role").spec),
            {"code": "x" * 41, "name_zh": "某", "name_en": "Some"},
        )
    assert refusal.value.field_texts("en") == {"code": ["at most 40 characters"]}


def test_the_input_of_a_noun_made_of_data_is_that_of_its_present_definition():
    for number in range(60):  # where one was thrown away, the next is likely to lie
        key = f"visitor_{number}"
        first = VISITOR_PASS["fields"][0] | {"key": key}
        words = {"title": [key], "list": [key], "find": [key], "filters": [], "import_map": {}, "export": []}
        made = data_nouns.compile_definition(VISITOR_PASS | words | {"fields": [first]})
        assert key in schema.input_of(made.spec).model_fields
        one = records.create_input(made).model_fields["records"].annotation.__args__[0]
        assert key in one.model_fields
        del made
