"""A list of one is compared as one value, so that the server keeps the plan; nothing else of a statement changes."""

from __future__ import annotations

import pytest

from banyan.kernel import db


@pytest.mark.parametrize(
    ("sql", "params", "asked", "values"),
    [
        ("a = ANY(%s)", [[1]], "a = %s", [1]),
        ("a = ANY(%s::uuid[])", [["x"]], "a = %s::uuid", ["x"]),
        ("a = ANY(%s), b = %s, c = ANY(%s)", [[1, 2], [3], [4]], "a = ANY(%s), b = %s, c = %s", [[1, 2], [3], 4]),
        ("unnest(%s) JOIN b ON c = ANY(%s)", [[1], []], "unnest(%s) JOIN b ON c = ANY(%s)", [[1], []]),
        ("a <> ALL(%s)", [[1]], "a <> ALL(%s)", [[1]]),
        ("a = ANY(%s || b)", [[1]], "a = ANY(%s || b)", [[1]]),
    ],
)
def test_values_by_place(sql, params, asked, values):
    assert db.equal(sql, params) == (asked, values)


def test_values_by_name_keep_their_list_for_other_uses():
    sql, values = db.equal("a = ANY(%(k)s::uuid[]) OR b IN (SELECT unnest(%(k)s))", {"k": ["x"], "n": [1, 2]})
    assert sql == "a = %(k_1)s::uuid OR b IN (SELECT unnest(%(k)s))"
    assert values == {"k": ["x"], "n": [1, 2], "k_1": "x"}


@pytest.mark.django_db
def test_the_answer_is_the_same():
    for wanted in ([1], [1, 2], [None], []):
        found = db.rows("SELECT n FROM generate_series(1, 3) n WHERE n = ANY(%s::int[])", [wanted])
        assert found == [(n,) for n in wanted if n]


@pytest.mark.django_db
def test_a_lone_key_is_planned_once():
    key = "00000000-0000-0000-0000-000000000000"
    for _ in range(12):
        db.rows("SELECT /* lone */ login FROM kernel_user WHERE id = ANY(%s)", [[key]])
    kinds = db.rows(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT /* lone */%%'", []
    )
    assert kinds
    assert all(generic and custom <= 6 for generic, custom in kinds)
