"""The menu: what a person may see, in groups that a page full of entries is read by."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from banyan.kernel.context import SYSTEM, Context
from banyan.web import areas


def _entry(order: int, name: str) -> areas.Entry:
    return areas.Entry(name, f"/{name}", "circle")


def _made(*found: tuple[int, int, str]) -> list[tuple[str | None, list[str]]]:
    groups = areas._grouped([(group, order, _entry(order, name)) for group, order, name in found])
    return [(group.label and group.label.en, [e.label for e in group.entries]) for group in groups]


def test_few_entries_are_one_group():
    assert _made((areas.SET_UP, 20, "b"), (areas.WORK, 20, "a")) == [(None, ["a", "b"])]


def test_many_entries_stand_by_what_they_are_for():
    many = [(areas.SET_UP, 20, f"s{n}") for n in range(4)] + [(areas.KEPT, 20, f"k{n}") for n in range(3)]
    assert _made(*many, (areas.WORK, 20, "w2"), (areas.ASKED, 40, "q"), (areas.WORK, 5, "w1")) == [
        (None, ["w1", "w2"]),
        ("Analysis", ["q"]),
        ("Ledgers", ["k0", "k1", "k2"]),
        ("Set-up", ["s0", "s1", "s2", "s3"]),
    ]


def test_an_area_of_master_data_begins_with_them():
    many = [(areas.SET_UP, 20, f"s{n}") for n in range(8)]
    assert _made(*many, (areas.ASKED, 40, "q")) == [
        (None, [f"s{n}" for n in range(8)]),
        ("Analysis", ["q"]),
    ]


@pytest.mark.django_db
def test_every_entry_is_in_one_group_and_none_is_lost():
    for shown in areas.shown_areas(Context(SYSTEM, datetime.now(UTC))):
        assert shown.groups[0].label is None, shown.area.key
        paths = [e.path for e in shown.entries]
        assert len(paths) == len(set(paths)), shown.area.key
