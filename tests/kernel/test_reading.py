"""What reading gives: values ready for JSON, names of records of many nouns at once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from banyan.kernel import reading, registry
from banyan.kernel.models import User
from banyan.kernel.titles import titles, titles_of
from banyan.lib.labels import speaking

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(world):
    return world.make(
        "sales.order",
        party=world.customer,
        plant=world.plant,
        wanted_on="2026-12-01",
        lines=[{"item": world.product, "quantity": "1000", "price": "10.50"}],
    )


def test_values_leave_as_json_has_them(ctx, order):
    row = reading.read_record(ctx, registry.noun("sales.order"), order.pk, expand=False)
    order.refresh_from_db()
    assert row["id"] == str(order.pk)
    assert row["version"] == order.version
    assert row["party"] == str(order.party_id)
    assert row["wanted_on"] == "2026-12-01"
    assert row["created_at"] == order.created_at.isoformat()
    assert row["lines"][0]["quantity"] == "1000"
    assert row["lines"][0]["price"] == "10.5"
    assert row["number"] is None


@pytest.mark.parametrize(
    ("stored", "shown"), [("0", "0"), ("0.05", "0.05"), ("1000", "1000"), ("12.340000", "12.34")]
)
def test_numbers_have_no_idle_zeros(ctx, world, order, stored, shown):
    line = order.lines.get()
    type(line).objects.filter(pk=line.pk).update(price=Decimal(stored))
    row = reading.read_record(ctx, registry.noun("sales.order"), order.pk, expand=False)
    assert row["lines"][0]["price"] == shown


@pytest.mark.parametrize("moment", [
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 120_000, tzinfo=UTC),
])  # fmt: skip
def test_an_instant_is_worded_as_python_words_it(ctx, order, moment):
    type(order).objects.filter(pk=order.pk).update(created_at=moment)
    row = reading.read_record(ctx, registry.noun("sales.order"), order.pk, expand=False)
    assert row["created_at"] == moment.isoformat()


def test_lists_hold_keys_as_text(ctx, world):
    plant = world.plant
    user = User.objects.create(login="lin", name="林", plants=[plant.pk])
    noun = registry.noun("kernel.user")
    field = next((f.key for f in noun.spec.fields if f.column == "plants"), None)
    if field is not None:
        assert reading.read_record(ctx, noun, user.pk)[field] == [str(plant.pk)]


def test_records_of_many_nouns_are_named_in_few_statements(world, order, django_assert_num_queries):
    wanted = {
        "sales.order": [order.pk],
        "parties.party": [str(world.customer.pk), None],
        "items.item": [world.product.pk],
        "company.plant": [],
    }
    with django_assert_num_queries(2):
        found = titles_of(wanted)
    assert found["sales.order"] == {order.pk: f"{world.customer.code} {world.customer.name}"}
    assert found["items.item"] == {world.product.pk: f"{world.product.code} {world.product.name}"}
    assert found["parties.party"] == titles("parties.party", [world.customer.pk])
    assert "company.plant" not in found


def test_choices_in_names_are_worded_in_the_language_spoken(ctx, world):
    made = world.make(
        "inventory.stock_document",
        kind="adjustment",
        plant=world.plant,
        reason="opening",
        lines=[{"item": world.part, "quantity": "1", "amount": "1"}],
    )
    kind = registry.noun("inventory.stock_document").spec.field("kind")
    choice = next(c for c in kind.choices if c.key == "adjustment")
    for language in ("zh", "en"):
        with speaking(language):
            assert titles("inventory.stock_document", [made.pk])[made.pk].endswith(choice.label.in_(language))


def test_nothing_is_asked_where_nothing_is_wanted(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert titles_of({}) == titles_of({"items.item": [None]}) == {}
