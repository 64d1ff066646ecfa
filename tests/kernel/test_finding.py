"""Finding anything: by any part of its text, through what it refers to, within reach, in few statements."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import finding
from banyan.lib.errors import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders(world):
    def make(count: int):
        return world.make_many("sales.order", [
            {
                "party": world.customer, "plant": world.plant, "customer_reference": f"采购单-{n}",
                "lines": [{"item": world.product, "quantity": "1", "price": "10"}],
            }
            for n in range(count)
        ])  # fmt: skip

    return make


def found(ctx, term: str, **more) -> set[tuple[str, str]]:
    return {(one["noun"], one["id"]) for one in finding.find(ctx, term, **more)}


def test_one_two_and_many_characters_find_the_same_record(ctx, world):
    wanted = ("parties.party", str(world.customer.pk))
    for term in ("远", "远山", "远山机械", "CU-1", "cu-1", " 山机 "):
        assert wanted in found(ctx, term), term
    assert wanted not in found(ctx, "山远")


def test_documents_of_what_was_found_follow_it(ctx, orders):
    (order,) = orders(1)
    assert ("sales.order", str(order.pk)) in found(ctx, "远山")
    names = [one["noun"] for one in finding.find(ctx, "远山")]
    assert len(names) == len({(one["noun"], one["id"]) for one in finding.find(ctx, "远山")})


def test_at_most_so_many_of_a_noun_the_newest_first(ctx, orders):
    made = orders(12)
    keys = [one["id"] for one in finding.find(ctx, "采购单", limit=5) if one["noun"] == "sales.order"]
    assert keys == [str(one.pk) for one in sorted(made, key=lambda o: o.pk, reverse=True)[:5]]


def test_only_what_the_person_may_read_is_found(person, world, orders):
    (order,) = orders(1)
    elsewhere = person(("sales.order.read", "plant"), plants=[world.second_plant.pk])
    here = person(("sales.order.read", "plant"), plants=[world.plant.pk])
    nobodys = person(("sales.order.read", "plant"))
    assert found(here, "采购单") == {("sales.order", str(order.pk))}
    assert found(elsewhere, "采购单") == found(nobodys, "采购单") == set()
    assert found(person("items.*"), "采购单") == set()


def test_it_takes_two_statements_and_those_of_the_names(ctx, orders):
    counts = []
    for count in (1, 79):
        orders(count)
        finding.find(ctx, "远山")
        with CaptureQueriesContext(connection) as seen:
            finding.find(ctx, "远山")
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 4


def test_nothing_is_asked_for_nothing_and_a_strange_term_is_no_fault(ctx):
    with CaptureQueriesContext(connection) as seen:
        assert finding.find(ctx, "  ") == []
    assert len(seen) == 0
    for term in ("%", "_", "'", '"', "\\", "x" * 900, "🙂", "%s"):
        finding.find(ctx, term)
    with pytest.raises(Invalid):
        finding.find(ctx, "a\0b")
