"""How many statements a page takes: the same for one row and for eighty, and never more than said here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.kernel import access, reading, registry
from banyan.kernel.commands import execute
from banyan.kernel.models import AccessToken, User
from banyan.kernel.nouns import Noun
from banyan.lib.errors import DomainError
from tests.plugins.rows import Rows, key_of, lines
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db

#: Address → most statements, with session, user, grants, company, plants, inbox and saved views in it.
BUDGETS = {
    "/sales/orders": 6,
    "/sales/orders?q=PO": 7,
    "/sales/orders?state:in=draft&sort=-created_at": 6,
    "/sales/orders?_part=counts": 4,
    "/sales/orders?state:in=draft&_part=counts": 5,
    "/sales/orders?layout=board": 8,
    "/items/items": 6,
    "/parties/parties": 6,
    "/": 5,
    "/todo": 3,
    "/inbox": 6,
    "/jobs": 5,
    "/find?q=远山": 6,
    "/find?q=": 2,
}
#: The same over REST, by token.
CALLS = {
    "me": 2,
    "sales/orders": 2,
    "sales/orders?q=PO": 3,
    "sales/orders?expand=party,plant,currency": 3,
    "sales/orders?fields=number,lines": 4,
}
#: What any list may take, on a page and over REST.
PAGE, CALL, MORE = 30, 12, 80
#: Nouns of which samples make no second record, because what they are about takes one only: their list has one row.
LONE = {"finance.posting_rule", "inventory.item_location", "mapping.survivorship", "wages.rate"}
#: Nouns by whose rows whoever asks is known: theirs are written beside those, in the table itself.
ACCESS = {"kernel.role", "kernel.session", "kernel.token", "kernel.user"}
#: What a page of its own may take (the mapping bench, a flow's drawing, a form of a module); a record's page, its form,
#: timeline and chain; the choices of a field.
OWN = 14
RECORD, EDIT, TIMELINE, CHAIN, OPTIONS = 8, 8, 15, 20, 6
#: The pages of a record; a chain takes more statements the more steps it has, the others do not.
TAILS = ("", "/edit", "/timeline", "/chain")


def statements(browser, path: str, **more) -> int:
    connection.queries_log.clear()  # it holds so many only
    with CaptureQueriesContext(connection) as seen:
        page = browser.get(path, **more)
    assert page.status_code == 200, path
    return sum("kernel_ratelease" not in query["sql"] for query in seen.captured_queries)  # one for many calls


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


@pytest.fixture
def bearer(everyone, one_minute) -> dict[str, str]:
    """Give the header of a token of somebody who may do everything."""
    token = access.new_token()
    user = User.objects.get(login="all")
    AccessToken.objects.create(user=user, name="test", digest=access.token_digest(token), scopes=["*"])
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", CALLS)
def test_a_call_takes_as_many_statements_for_eighty_rows_as_for_one(bearer, orders, path):
    orders(1)
    program = Client()
    program.get("/api/v1/me", headers=bearer)  # takes a lease of calls
    one = statements(program, f"/api/v1/{path}", headers=bearer)
    orders(79)
    assert statements(program, f"/api/v1/{path}", headers=bearer) == one
    assert one <= CALLS[path]


def more(ctx, noun: Noun, samples, count: int) -> bool:
    """Make records of a noun from its spec alone, where need be each of other records; tell whether that can be."""
    create = registry.command(noun.spec.permission("create"))
    named = [f for f in noun.spec.fields if f.required and f.reference and not f.readonly]

    def apart() -> dict[str, str]:
        return {f.key: str(samples.make(registry.noun(f.reference))) for f in named}

    for given in (dict, apart):
        with suppress(DomainError), transaction.atomic():
            execute(ctx, create, data={"records": [samples.input(noun, **given()) for _ in range(count)]})
            return True
    return False


def test_a_list_of_any_noun_takes_as_many_statements_for_many_records_as_for_one(
    ctx, everyone, bearer, samples, settings
):
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    program, found, lone, compared = Client(), {}, set(), 0

    def look(noun: Noun) -> tuple[int, int]:
        page = statements(everyone, f"/{noun.spec.path}")
        return page, statements(program, f"/api/v1/{noun.spec.path}", headers=bearer)

    for noun in (one for one in registry.nouns() if "create" in one.spec.verbs):
        key = noun.spec.key
        assert more(ctx, noun, samples, 1), key
        look(noun)
        few = look(noun)
        if not more(ctx, noun, samples, MORE):
            lone.add(key)
            continue
        compared += 1
        many = look(noun)
        if many != few or many[0] > PAGE or many[1] > CALL:
            found[key] = (few, many)
    print(f"{compared} nouns compared, {len(lone)} of one record")
    assert found == {}
    assert lone == LONE


def test_a_list_of_any_noun_takes_as_many_statements_for_eighty_rows_as_for_one(everyone, bearer, settings):
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    program, rows, few, found = Client(), Rows({"kernel.user": [User.objects.get(login="all").pk]}), {}, {}
    nouns = registry.nouns()

    def look(noun: Noun) -> tuple[int, int]:
        page = statements(everyone, f"/{noun.spec.path}")
        return page, statements(program, f"/api/v1/{noun.spec.path}?limit=80", headers=bearer)

    def fill(total: int) -> None:
        for noun in nouns:
            rows.add(noun, total - noun.model._base_manager.count())

    for noun in nouns:
        if noun.spec.key not in ACCESS:
            rows.stand_in(noun)
    fill(1)
    for noun in nouns:
        look(noun)
        few[noun.spec.key] = look(noun)
    fill(80)
    for noun in nouns:
        many = look(noun)
        told = program.get(f"/api/v1/{noun.spec.path}?limit=80", headers=bearer).json()["items"]
        if many != few[noun.spec.key] or many[0] > PAGE or many[1] > CALL or len(told) != 80:
            found[noun.spec.key] = (few[noun.spec.key], many, len(told))
    assert found == {}
    assert len(few) == len(nouns)


class Records:
    """A record of every noun, of which many lines, and of whose rows some of every other noun, tell."""

    def __init__(self) -> None:
        self.nouns = registry.nouns()
        parents = {(noun.line_models[line.key], line.parent) for noun in self.nouns for line in noun.spec.lines}
        user = [User.objects.get(login="all").pk]
        self.rows = Rows(
            {"kernel.user": user},
            lambda model, field, n: n if n % 2 and (model, field.name) not in parents else 0,
        )
        apart = [noun for noun in self.nouns if noun.spec.key not in ACCESS]
        own = [one for one in lines() if one.noun not in ACCESS]
        for one in (*apart, *own):
            self.rows.stand_in(one)
        self.tables = [*self.nouns, *own]

    def fill(self, total: int) -> None:
        """Have so many rows of every noun and of all lines. Writes: rows."""
        for one in self.tables:
            self.rows.add(one, total - one.model._base_manager.count())

    def pages(self, *tails: str) -> list[str]:
        """Give the addresses of the pages of the records; what nobody changes has no page to edit it."""
        return [
            f"/{noun.spec.path}/{self._first(noun)}{tail}"
            for noun in self.nouns
            for tail in tails
            if tail != "/edit" or "change" in noun.spec.verbs
        ]

    def _first(self, noun: Noun):
        """Give the key of the record; of those by which whoever asks is known, any."""
        if noun.spec.key in ACCESS:
            return noun.model._base_manager.values_list("pk", flat=True).first()
        return key_of(noun.model, 0)


def test_the_pages_of_a_record_of_any_noun_take_few_statements(everyone, bearer, settings):
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    records = Records()
    records.fill(MORE)
    for noun in records.nouns:
        if noun.spec.key not in ACCESS:
            for line in noun.spec.lines:
                told = noun.line_models[line.key]._base_manager.filter(**{line.parent: key_of(noun.model, 0)})
                assert told.count() == MORE, f"{noun.spec.key}.{line.key}"
    order = f"/api/v1/sales/orders/{key_of(registry.noun('sales.order').model, 0)}"
    assert len(Client().get(order, headers=bearer).json()["lines"]) == MORE
    counted = {page: statements(everyone, page) for page in records.pages(*TAILS)}
    print(f"{len(counted)} pages of {len(records.nouns)} records, at most {max(counted.values())} statements")
    assert {page: many for page, many in counted.items() if many > PAGE} == {}
    assert len(counted) > 3 * len(records.nouns)


@pytest.mark.slow("every page of a record, three times")
def test_the_pages_of_a_record_of_any_noun_take_as_many_statements_for_many_rows_as_for_one(everyone, settings):
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    records = Records()
    records.fill(1)
    few = {}
    for page in records.pages("", "/edit", "/timeline"):
        statements(everyone, page)
        few[page] = statements(everyone, page)
    records.fill(MORE)
    again = [page for page in few if statements(everyone, page) != few[page]]  # once a minute a session is noted
    many = {page: statements(everyone, page) for page in again}
    assert {page: (few[page], many[page]) for page in again if few[page] != many[page]} == {}


def bench(world) -> tuple[str, Callable[[int], object]]:
    """Give the page of a mapping's bench, and what makes so many lines, samples and value maps."""
    table = world.make("mapping.table", code="T", name="表", target="sales.order.create")

    def fill(total: int) -> None:
        world.change(table, lines=[{"target": f"records[{n}].terms", "source": f"t{n}"} for n in range(total)])
        some = [f"{total}-{n}" for n in range(total)]
        world.make_many("mapping.sample", [{"table": table, "name": one, "body": "{}"} for one in some])
        world.make_many("mapping.value_map", [{"code": one, "name": "对照"} for one in some])

    return f"/integration/mapping/{table.pk}/bench", fill


def drawn_flow(world) -> tuple[str, Callable[[int], object]]:
    """Give the page on which a flow is drawn, and what makes so many samples, systems and further flows."""
    settings = {"address": "https://127.0.0.1:9", "operations": [{"key": "push"}]}
    shop = {"name": "商店", "connector": "rest", "settings": settings, "hosts": ["127.0.0.1:9"]}
    told = {
        "system": world.make("integration.system", code="SHOP", **shop), "name": "流", "direction": "out",
        "trigger": "event", "target": "push", "detail": {"events": ["sales.order_confirmed"]},
    }  # fmt: skip
    drawn = world.make("integration.flow", code="DRAWN", **told)

    def fill(total: int) -> None:
        some = [f"{total}-{n}" for n in range(total)]
        world.make_many("integration.sample", [{"flow": drawn, "name": one, "input": {"a": one}} for one in some])
        world.make_many("integration.system", [{"code": one, **shop} for one in some])
        world.make_many("integration.flow", [{"code": one, **told} for one in some])

    return f"/integration/flow/{drawn.pk}/design", fill


def card(world) -> tuple[str, Callable[[int], object]]:
    """Give the form of a temporary card, and what makes so many people of one's team, and work centres."""
    world.change(world.worker, user=User.objects.get(login="all").pk)

    def fill(total: int) -> None:
        for _ in range(total):
            world.employee(team=world.team)
        steps = [
            {"sequence": 10 * n, "name": f"车 {total}-{n}", "work_centre": world.work_centre_of()}
            for n in range(1, total + 1)
        ]
        routing = world.make("engineering.routing", item=world.product, revision=f"R{total}", operations=steps)
        world.do("engineering.routing.release", routing)

    return "/production/card", fill


@pytest.mark.parametrize("made", [bench, drawn_flow, card])
def test_a_page_of_its_own_takes_as_many_statements_for_eighty_rows_as_for_one(everyone, world, made):
    path, fill = made(world)
    fill(1)
    everyone.get(path)
    one, size = statements(everyone, path), len(everyone.get(path).content)
    fill(79)
    assert statements(everyone, path) == one
    assert one <= OWN
    assert len(everyone.get(path).content) > size + 79 * 20, "the rows are not shown"


def test_a_record_is_read_over_rest_in_three_statements(bearer, orders):
    (order,) = orders(1)
    Client().get("/api/v1/me", headers=bearer)
    assert statements(Client(), f"/api/v1/sales/orders/{order.pk}", headers=bearer) == 3


def test_a_call_that_bears_a_token_reads_no_session(bearer):
    Client().get("/api/v1/me", headers=bearer)
    program = Client()
    program.cookies["sessionid"] = "0" * 32
    with CaptureQueriesContext(connection) as seen:
        answer = program.get("/api/v1/me", headers=bearer)
    assert answer.status_code == 200
    assert not any("django_session" in query["sql"] for query in seen.captured_queries)


def test_of_very_many_records_only_so_many_are_counted(everyone, orders, monkeypatch):
    orders(3)
    monkeypatch.setattr(reading, "COUNT_BY_LIMIT", 2)
    counts = everyone.get("/sales/orders?_part=counts", headers=PART).content.decode()
    assert "超过 2 条" in counts
    assert 'id="n-all" hx-swap-oob="true">2+<' in counts
    chosen = everyone.get("/sales/orders?state:in=draft&_part=counts", headers=PART).content.decode()
    assert "共 3 条" in chosen


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
