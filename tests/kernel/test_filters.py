"""Filters of every field type: right values find, wrong ones are refused in words, none reaches the database."""

from __future__ import annotations

import pytest

from banyan.kernel import reading, registry
from banyan.kernel.commands import execute
from banyan.lib.errors import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def roles(ctx):
    rows = [
        {"code": "a", "name_zh": "甲", "name_en": "A", "areas": ["sales", "items"]},
        {"code": "b", "name_zh": "乙", "name_en": "B", "areas": []},
    ]
    execute(ctx, registry.command("kernel.role.create"), data={"records": rows})
    return registry.noun("kernel.role")


def codes(ctx, noun, *filters):
    return [row["code"] for row in reading.list_records(ctx, noun, reading.Query(filters=filters)).rows]


@pytest.mark.parametrize(("operator", "value", "found"), [
    ("eq", "sales", ["a"]), ("ne", "sales", ["b"]), ("in", "sales,people", ["a"]),
    ("contains", "items", ["a"]), ("empty", "true", ["b"]), ("empty", "false", ["a"]), ("eq", "sale", []),
])  # fmt: skip
def test_tags_are_filtered_by_what_they_hold(ctx, roles, operator, value, found):
    assert codes(ctx, roles, ("areas", operator, value)) == found


@pytest.mark.parametrize(("field", "operator", "value"), [
    ("areas", "gt", "a"), ("created_at", "gt", "0001-01-01T00:00:00+14:00"),
    ("created_at", "gt", "yesterday"), ("created_by", "eq", "nobody"), ("code", "eq", "a\x00b"),
    ("nothing", "eq", "1"),
    ("code", "gt", "a"),
])  # fmt: skip
def test_what_cannot_be_a_value_is_refused(ctx, roles, field, operator, value):
    with pytest.raises(Invalid):
        codes(ctx, roles, (field, operator, value))


def test_only_the_references_asked_for_are_named(ctx, roles, django_assert_num_queries):
    with django_assert_num_queries(1):
        page = reading.list_records(ctx, roles, reading.Query(columns=("code", "created_by"), expand=()))
    assert page.titles == {}
    assert (
        "kernel.user"
        in reading.list_records(ctx, roles, reading.Query(columns=("code", "created_by"))).titles
    )


@pytest.mark.parametrize(
    ("value", "is_fine"), [("08:30", True), ("08:30:15", True), ("25:00", False), ("x", False)]
)
def test_times_are_checked_before_the_database_sees_them(ctx, value, is_fine):
    noun = registry.noun("people.shift")
    if is_fine:
        assert (
            reading.list_records(ctx, noun, reading.Query(filters=(("starts_at", "eq", value),))).rows == []
        )
    else:
        with pytest.raises(Invalid):
            reading.list_records(ctx, noun, reading.Query(filters=(("starts_at", "eq", value),)))
