"""The home page: what a role sees first is data; figures open the rows they count, in bounded statements."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.kernel import figures, queries, registry
from banyan.kernel.figures import Days
from banyan.kernel.models import Role
from banyan.ops.roles import ROLES
from banyan.web.cells import compact
from banyan.web.views.home import PARTS
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db
DAYS = Days(date(2026, 3, 2), ZoneInfo("Asia/Shanghai"))


def with_cards(login: str, *cards: str) -> None:
    Role.objects.filter(code=f"r-{login}").update(cards=list(cards))


@pytest.fixture
def orders(world):
    def make(count: int, promised: str = "2026-02-10", **more):
        made = world.make_many("sales.order", [
            {
                "party": world.customer, "plant": world.plant,
                "lines": [{"item": world.product, "quantity": "2", "price": "10"}],
            } | more
            for _ in range(count)
        ])  # fmt: skip
        world.do("sales.order.confirm", made)
        lines = registry.noun("sales.order_line").model.objects
        lines.filter(order__in=[one.pk for one in made]).update(promised_on=promised)
        return made

    return make


def test_every_default_card_is_a_figure_a_query_or_a_part_of_the_page():
    known = {*figures.figures(), *PARTS, *(q.key for q in queries.queries())}
    for role in ROLES:
        assert set(role.cards) <= known, role.code
        assert role.cards, role.code


def test_every_figure_of_a_list_names_fields_that_can_be_filtered_and_added(ctx, world):
    keys = [one.key for one in figures.figures().values() if one.noun]
    assert set(figures.measure(ctx, keys, DAYS)) == set(keys)


def test_a_figure_counts_what_its_page_lists(everyone, ctx, orders):
    orders(3)
    measure = figures.measure(ctx, ["sales.to_ship"], DAYS)["sales.to_ship"]
    assert measure.value == 3
    assert everyone.get(measure.path).content.decode().count('name="ids"') == 3


def test_late_orders_are_counted_once_however_many_lines_are_late(ctx, world, orders):
    orders(2, lines=[{"item": world.product, "quantity": "1", "price": "1"} for _ in range(3)])
    orders(1, promised="2026-03-05")
    found = figures.measure(ctx, ["sales.late", "sales.due_this_week"], DAYS)
    assert found["sales.late"].value == 2
    assert str(found["sales.late"].note) == "6 行未发"
    assert found["sales.due_this_week"].value == 1


def test_sums_add_up_and_take_off(ctx, world):
    world.do("inventory.location.make_standing", plant=world.plant)
    lines = [
        {"item": world.part, "quantity": "4", "amount": "30.5"},
        {"item": world.screw, "quantity": "1", "amount": "2"},
    ]
    paper = world.make(
        "inventory.stock_document", kind="receipt", plant=world.plant, reason="期初", lines=lines
    )
    world.do("inventory.stock_document.post", paper)
    found = figures.measure(ctx, ["inventory.value"], DAYS)["inventory.value"]
    assert (found.value, found.type) == (Decimal("32.5"), "money")


def test_what_a_person_may_not_read_is_no_figure_of_theirs(signed_in, orders, world):
    orders(1)
    browser = signed_in("production.work_order.read", login="worker")
    with_cards("worker", "sales.late", "inventory.value", "production.late")
    page = browser.get("/").content.decode()
    assert "逾期工单" in page
    assert "逾期订单" not in page
    path = "/cards/figures?keys=sales.late,inventory.value,production.late,nothing"
    tiles = browser.get(path, headers=PART)
    assert tiles.content.decode().count("figure-value") == 1


def test_rows_out_of_reach_are_not_counted(person, world, orders):
    orders(2)
    here = person(("sales.*", "plant"), plants=[world.plant.pk])
    elsewhere = person(("sales.*", "plant"), plants=[world.second_plant.pk])
    keys = ["sales.late", "sales.to_ship"]
    assert [m.value for m in figures.measure(here, keys, DAYS).values()] == [2, 2]
    assert [m.value for m in figures.measure(elsewhere, keys, DAYS).values()] == [0, 0]


def test_all_figures_of_lists_take_one_statement(ctx, orders):
    keys = [one.key for one in figures.figures().values() if one.noun]
    counts = []
    for count in (1, 79):
        orders(count)
        with CaptureQueriesContext(connection) as seen:
            figures.measure(ctx, keys, DAYS)
        counts.append(len(seen))
    assert counts == [1, 1]


def test_the_cockpit_takes_as_many_statements_for_eighty_orders_as_for_one(ctx, orders):
    keys = next(role.cards for role in ROLES if role.code == "boss")
    counts = []
    for count in (1, 79):
        orders(count)
        figures.measure(ctx, keys, DAYS)
        with CaptureQueriesContext(connection) as seen:
            figures.measure(ctx, keys, DAYS)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16


def test_the_page_shows_the_parts_in_the_order_of_the_role(signed_in, world):
    browser = signed_in("sales.*", "production.*", login="boss")
    with_cards("boss", "areas", "sales.late", "production.late", "production.my_tasks", "inbox", "nonsense")
    text = browser.get("/").content.decode().split('<main')[1]
    parts = ('class="home-areas"', "home-figures", "/cards/production.my_tasks", "home-inbox")
    places = [text.index(word) for word in parts]
    assert places == sorted(places)
    assert "keys=sales.late,production.late" in text
    assert 'id="todo"' not in text


def test_a_task_on_the_first_page_is_reported_in_one_tap(signed_in, world, person_named):
    from banyan.kernel.models import User

    world.do("inventory.location.make_standing", plant=world.plant)
    routing = world.make("engineering.routing", item=world.part, revision="A", operations=[
        {"sequence": 10, "name": "车削", "work_centre": world.turning, "run_minutes": "1"},
    ])  # fmt: skip
    world.do("engineering.routing.release", routing)
    order = world.make(
        "production.work_order", item=world.part, plant=world.plant, quantity="20", due_on="2026-05-04"
    )
    world.do("production.work_order.release", order)
    operation = registry.noun("production.operation").model.objects.get(work_order=order)
    given = {"operation": operation, "employee": world.worker}
    world.do("production.work_order.assign", order, lines=[given])
    browser = signed_in("production.work_order.*", "production.operation.read", login="worker")
    User.objects.filter(login="worker").update(employee_key=world.worker.pk)
    card = browser.get("/cards/production.my_tasks", headers=PART).content.decode()
    assert "10 车削" in card
    asked = re.search(r'hx-get="(/production/operations/do/tally\?[^"]+)"', card)[1].replace("&amp;", "&")
    dialog = browser.get(asked, headers=PART | {"HX-Target": "dialog-body"}).content.decode()
    assert "可报 20" in dialog


def test_a_card_without_the_right_is_refused(signed_in):
    assert signed_in("items.*").get("/cards/production.my_tasks", headers=PART).status_code == 403
    assert signed_in("items.*", login="b").get("/cards/nothing.at_all", headers=PART).status_code == 404


@pytest.mark.parametrize(
    ("value", "chinese", "english"),
    [
        (0, "0", "0"), (7, "7", "7"), ("1234.5", "1,234.50", "1,234.50"), (12345, "12,345", "12.3 k"),
        (123456, "12.3万", "123 k"), (1234567, "123万", "1.23 m"), ("-2500000", "-250万", "-2.5 m"),
        (123456789, "1.23亿", "123 m"), (12345678901, "123亿", "12.3 bn"),
    ],
)  # fmt: skip
def test_large_numbers_are_short(value, chinese, english):
    assert compact(value, "zh") == chinese
    assert compact(value, "en") == english
