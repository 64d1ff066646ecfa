"""How many statements a page takes: the same for one row and for eighty, and never more than said here."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.web.conftest import PART

pytestmark = pytest.mark.django_db

#: Address → most statements, with session, user, grants, company, plants, inbox and saved views in it.
BUDGETS = {
    "/sales/orders": 11,
    "/sales/orders?q=PO": 13,
    "/sales/orders?state:in=draft&sort=-created_at": 11,
    "/sales/orders?_part=counts": 6,
    "/sales/orders?layout=board": 14,
    "/items/items": 11,
    "/parties/parties": 9,
    "/": 9,
    "/todo": 4,
    "/inbox": 8,
    "/jobs": 8,
    "/find?q=远山": 8,
    "/find?q=": 4,
}
RECORD, EDIT, TIMELINE, CHAIN, OPTIONS = 18, 18, 17, 30, 6


def statements(browser, path: str, **more) -> int:
    with CaptureQueriesContext(connection) as seen:
        page = browser.get(path, **more)
    assert page.status_code == 200, path
    return len(seen)


@pytest.fixture
def orders(world):
    def make(count: int):
        return world.make_many(
            "sales.order",
            [
                {
                    "party": world.customer,
                    "plant": world.plant,
                    "customer_reference": f"PO-{n}",
                    "lines": [{"item": world.product, "quantity": "1", "price": "10"}],
                }
                for n in range(count)
            ],
        )

    return make


@pytest.mark.parametrize("path", BUDGETS)
def test_a_page_takes_as_many_statements_for_eighty_rows_as_for_one(everyone, orders, path):
    orders(1)
    everyone.get(path)
    one = statements(everyone, path)
    orders(79)
    assert statements(everyone, path) == one
    assert one <= BUDGETS[path]


def test_a_record_takes_as_many_statements_for_forty_lines_as_for_one(everyone, world):
    few, many = (
        world.make(
            "sales.order",
            party=world.customer,
            plant=world.plant,
            lines=[{"item": world.product, "quantity": "1", "price": "10"} for _ in range(count)],
        )
        for count in (1, 40)
    )
    for tail, most in (("", RECORD), ("/edit", EDIT), ("/timeline", TIMELINE), ("/chain", CHAIN)):
        everyone.get(f"/sales/orders/{few.pk}{tail}")
        one = statements(everyone, f"/sales/orders/{few.pk}{tail}", headers=PART)
        assert statements(everyone, f"/sales/orders/{many.pk}{tail}", headers=PART) == one
        assert one <= most, tail


def test_choices_of_a_reference_take_few_statements(everyone, world):
    world.customer  # noqa: B018  makes it
    assert statements(everyone, "/options/parties.party?q=CU") <= OPTIONS


def test_a_list_page_is_small_on_the_wire(everyone, orders):
    orders(80)
    page = everyone.get("/sales/orders", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert len(page.content) < 20_000
