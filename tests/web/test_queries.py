"""Every declared query has a page and an export, kept from those without the right."""

from __future__ import annotations

from datetime import date

import pytest

from banyan.kernel import queries, registry
from banyan.kernel.commands import execute
from banyan.modules.wages.models import Statement

pytestmark = pytest.mark.django_db


def address(asked: queries.DeclaredQuery, samples) -> str:
    """Give a query's page; where it must be told which record, one that exists."""
    told = {}
    for name, field in (asked.input.model_fields if asked.input else {}).items():
        if field.is_required():
            noun = registry.noun(field.json_schema_extra["x-banyan"]["reference"])
            told[name] = samples.any(noun.spec.key)
    return f"/queries/{asked.key}?" + "&".join(f"{name}={key}" for name, key in told.items())


@pytest.fixture
def asked(request, world, ctx):
    if request.param.startswith("planning."):  # what only a run makes
        world.planned(world.screw, safety_stock=5)
        execute(ctx, registry.command("planning.run.plan"), data={"plant": world.plant.pk})
    if request.param == "wages.of_statement":  # what only months of work make
        first = date(2026, 3, 1)
        Statement.objects.create(
            employee=world.worker, plant=world.plant, starts_on=first, ends_on=date(2026, 3, 31)
        )
    assert world.plant
    return queries.declared_query(request.param)


every_query = pytest.mark.parametrize("asked", [q.key for q in queries.queries()], indirect=True)


@every_query
def test_the_page_shows_what_is_asked(everyone, asked, samples):
    page = everyone.get(address(asked, samples))
    assert page.status_code == 200
    text = page.content.decode()
    assert asked.label.zh in text
    for name in asked.input.model_fields if asked.input else ():
        assert f'name="{name}"' in text


@every_query
def test_who_has_no_right_is_refused(signed_in, asked):
    stranger = signed_in("parties.party.read")
    assert stranger.get(f"/queries/{asked.key}").status_code == 403
    assert stranger.get(f"/queries/{asked.key}/export.csv").status_code == 403


@every_query
def test_the_answer_leaves_as_a_file(everyone, asked, samples):
    path, _, told = address(asked, samples).partition("?")
    answer = everyone.get(f"{path}/export.csv?{told}")
    assert answer.status_code == 200
    head = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()[0]
    assert head.split(",")[0].strip('"') == asked.columns[0].label.zh


def test_a_page_costs_the_same_however_many_rows(everyone, world, django_assert_max_num_queries, samples):
    def statements() -> int:
        with django_assert_max_num_queries(60) as seen:
            assert everyone.get("/queries/sales.late_lines").status_code == 200
        return len(seen)

    item, party = world.item(is_sold=True), world.party(tax_code=world.vat13)

    def late(count: int) -> None:
        line = {"item": item, "quantity": "1", "price": "2"}
        order = {"party": party, "plant": world.plant, "wanted_on": "2020-01-02", "lines": [line]}
        made = world.make_many("sales.order", [order] * count)
        world.do("sales.order.confirm", made)

    late(1)
    statements()
    few = statements()
    late(6)
    assert statements() == few


def test_a_row_opens_what_it_is_made_of(everyone, signed_in, world):
    item, party = world.item(is_sold=True), world.party(tax_code=world.vat13)
    order = world.make("sales.order", party=party, plant=world.plant, wanted_on="2020-01-02",
                       lines=[{"item": item, "quantity": "1", "price": "2"}])  # fmt: skip
    world.do("sales.order.confirm", order)
    path = f'data-path="/sales/orders/{order.pk}"'
    assert path in everyone.get("/queries/sales.late_lines").content.decode()
    without = signed_in("sales.late_lines.read", login="some")
    assert path not in without.get("/queries/sales.late_lines").content.decode()


def test_a_choice_and_a_wrong_key_are_answered_in_words(everyone, world):
    assert world.plant
    page = everyone.get("/queries/finance.open_items")
    assert "供应商" in page.content.decode()
    assert everyone.get("/queries/finance.ledger?party=nobody").status_code == 200
    assert everyone.get("/queries/finance.ledger?account=nothing").status_code == 422
