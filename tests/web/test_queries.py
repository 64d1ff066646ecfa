"""Every declared query has a page and an export, kept from those without the right."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from banyan.kernel import queries, registry
from banyan.kernel.commands import execute
from banyan.kernel.models import User
from banyan.kernel.spec import FieldSpec
from banyan.modules.wages.models import Statement
from tests.plugins.rows import Rows, key_of, lines
from tests.web.test_budgets import ACCESS, PAGE

pytestmark = pytest.mark.django_db

#: Rows of every noun for the few and for the many.
FEW, MANY = 10, 80
#: Queries whose answer does not grow with rows that know nothing of one another: they are compared over a plant's life
#: (test_queries_of_a_life.py).
WANT_A_LIFE = {
    "engineering.costs", "engineering.explosion", "exceptions.open_by_age", "finance.open_items", "finance.order_cost",
    "inventory.stock_summary", "inventory.trace", "planning.served_by", "planning.serves", "planning.slips",
    "production.my_day", "production.my_tasks", "purchasing.late_warnings", "purchasing.price_history",
    "purchasing.waiting_at_gate", "sales.late_lines", "sales.promises_kept", "wages.my_month", "wages.to_approve",
    "wages.to_share",
}  # fmt: skip


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
    path = address(asked, samples)
    with CaptureQueriesContext(connection) as seen:
        page = everyone.get(path)
    assert page.status_code == 200
    assert len(seen) <= PAGE
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
        with django_assert_max_num_queries(PAGE) as seen:
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


class Varied(Rows):
    """Rows in every state, with each choice in turn, of today and of days before; half tell of the first of each."""

    def __init__(self) -> None:
        self.parents = {(n.line_models[line.key], line.parent) for n in registry.nouns() for line in n.spec.lines}
        super().__init__({"kernel.user": [User.objects.get(login="all").pk]}, self._first_or_own)
        own = [one for one in lines() if one.noun not in ACCESS]
        self.tables = [*(noun for noun in registry.nouns() if noun.spec.key not in ACCESS), *own]
        for one in self.tables:
            self.stand_in(one)

    def fill(self, total: int) -> None:
        """Have so many rows of every noun. Writes: rows."""
        for one in self.tables:
            self.add(one, total - one.model._base_manager.count())

    def _first_or_own(self, model: type[models.Model], field: models.Field, n: int) -> int:
        return n if n % 2 and (model, field.name) not in self.parents else 0

    def _row(self, noun: Any, n: int) -> models.Model:
        row, specs = super()._row(noun, n), {field.column: field for field in noun.spec.fields}
        for field in noun.model._meta.concrete_fields:
            if not field.is_relation and not getattr(field, "generated", False):
                value = _varied(field, specs.get(field.attname), n)
                if value is not None:
                    setattr(row, field.attname, value)
        if life := getattr(noun.spec, "life", None):
            setattr(row, life.field, life.states[n % len(life.states)].key)
        return row


def _varied(field: models.Field, spec: FieldSpec | None, n: int) -> Any:
    if spec and spec.choices:
        return spec.choices[n % len(spec.choices)].key
    if isinstance(field, models.BooleanField):
        return bool(n % 2)
    if isinstance(field, models.DecimalField):
        return n + 1
    if isinstance(field, models.TimeField):
        return time(17 if "end" in field.name else 8)
    at = datetime.now(UTC) - timedelta(days=n % 2 * n % 25)
    if isinstance(field, models.DateTimeField):
        return at
    return at.date() if isinstance(field, models.DateField) else None


def test_the_page_of_any_query_takes_as_many_statements_for_many_rows_as_for_few(everyone, settings):
    settings.BANYAN_RATE_PER_MINUTE = 10**7

    def look() -> dict[str, tuple[int, int]]:
        found = {}
        for asked in queries.queries():
            told = [
                f"{name}={key_of(registry.noun(field.json_schema_extra['x-banyan']['reference']).model, 0)}"
                for name, field in (asked.input.model_fields if asked.input else {}).items()
                if field.is_required()
            ]
            connection.queries_log.clear()  # it holds so many only
            with CaptureQueriesContext(connection) as seen:
                page = everyone.get(f"/queries/{asked.key}?{'&'.join(told)}")
            assert page.status_code == 200, asked.key
            found[asked.key] = len(seen), page.content.count(b"<tr")
        return found

    rows = Varied()
    rows.fill(FEW)
    look()
    few = look()
    rows.fill(MANY)
    many = look()
    grown = {key for key in few if many[key][1] > few[key][1]}
    print(f"{len(grown)} of {len(few)} queries compared")
    assert {key: (few[key], many[key]) for key in few if few[key][0] != many[key][0] or many[key][0] > PAGE} == {}
    assert set(few) - grown <= WANT_A_LIFE


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
