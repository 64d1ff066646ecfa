"""What is measured beside the product by hand does the same: the same rows written, the same rows read."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction

from banyan.config.environ import CHECKOUT
from banyan.kernel import db, proofs, reading, registry
from banyan.kernel.models import Audit, History
from banyan.lib.ids import new_id
from banyan.modules.items.models import Item
from tests.plugins.world import World


@pytest.fixture
def by_hand(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(CHECKOUT / "bench"))
    yield importlib.import_module("_bare")
    for name in ("_bare", "_factory", "_measures", "_server"):
        sys.modules.pop(name, None)


def test_hand_written_sql_makes_items_and_lists_orders_as_the_product_does(live_db, ctx, by_hand):
    world = World(ctx)
    factory = SimpleNamespace(user=ctx.person, unit=world.pieces.pk)
    (made,) = world.make_many("items.item", [dict(code="A", name="物料 B", unit=world.pieces, kind="bought")])
    rows = [dict(party=world.customer, plant=world.plant, customer_reference=f"项目青龙{n}", lines=[
        {"item": world.item(is_sold=True), "quantity": "1", "price": "5"}
    ]) for n in range(3)]  # fmt: skip
    world.make_many("sales.order", rows)
    with psycopg.connect(live_db.url("banyan_app"), autocommit=True) as held:
        bare = by_hand.Bare(held)
        by_hand.make_items(bare, factory, ["B"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            by_hand.make_items(bare, factory, ["C", "B"])
        with pytest.raises(RuntimeError):
            by_hand.make_items(bare, SimpleNamespace(user=ctx.person, unit=new_id()), ["D"])
        read = bare.all(by_hand._LISTED.format("true"))
        last = bare.one("SELECT created_at, id FROM sales_order ORDER BY created_at DESC, id DESC LIMIT 1")
        after = bare.all(by_hand._LISTED.format("(o.created_at, o.id) < (%s, %s)"), *last)
        found = [len(by_hand._search(bare, term)) for term in ("青龙1", "青龙", "麒麟", world.customer.name)]
    one, two = Item.objects.get(code="A"), Item.objects.get(code="B")
    own = {"id", "code", "created_at", "changed_at", "find_text"}
    assert {f: v for f, v in vars(one).items() if f not in own and f[0] != "_"} == {
        f: v for f, v in vars(two).items() if f not in own and f[0] != "_"
    }
    kept = [(History.objects.filter(record=key).count(), Audit.objects.filter(records=[key], outcome="done").count())
            for key in (made.pk, two.pk)]  # fmt: skip
    assert kept == [(1, 1), (1, 1)]
    assert Item.objects.filter(code__in=("C", "D")).count() == 0
    listed = reading.list_records(ctx, registry.noun("sales.order"), reading.Query()).rows
    assert [str(row[0]) for row in read] == [row["id"] for row in listed]
    assert [row[0] for row in after] == [row[0] for row in read[1:]]
    assert found == [1, 3, 0, 3]


def test_statements_are_counted_with_copies_and_of_several_threads(live_db, by_hand):
    def act() -> None:
        db.run("CREATE TEMPORARY TABLE counted (n integer) ON COMMIT DROP")
        with connection.cursor() as cursor, cursor.copy("COPY counted FROM STDIN") as copy:
            copy.write("1\n")

    with transaction.atomic():
        assert by_hand.count_statements(act) == 2
    seen = []
    assert by_hand.count_together(lambda n: [db.run("SELECT 1"), db.run("SELECT 2"), seen.append(n)], 2, 3) == 2
    assert len(seen) == 6


#: What a chain from order to invoice leaves behind, counted from what stands of it.
LEFT = {
    "sales_order": "state, net_amount, gross_amount",
    "sales_orderline": "quantity, shipped_quantity, invoiced_quantity",
    "sales_shipmentline": "position, quantity",
    "production_workorder": "state, quantity, made_quantity, unit_cost, completed_amount",
    "production_operation": "sequence, predecessors, state, good_quantity, has_setup_charged, labour_rate",
    "production_material": "position, quantity, issued_quantity, unit_cost",
    "production_report": "kind, quantity, minutes, setup_minutes, labour_amount, machine_amount, setup_amount",
    "production_reportapproval": "state",
    "inventory_move": "origin_noun, item_id, quantity",
    "inventory_valueentry": "kind, item_id, quantity, amount",
    "inventory_promise": "item_id, quantity",
    "finance_customerinvoice": "state, due_on, net_amount, tax_amount, gross_amount",
    "finance_entry": "event, origin_noun",
    "finance_entryline": "account_id, side, amount, quantity, item_id, party_id, work_order_id IS NULL, "
    "origin_line IS NULL",
}


def left(tables: dict[str, str]) -> dict[str, Counter]:
    return {table: Counter(db.rows(f"SELECT {columns} FROM {table}")) for table, columns in tables.items()}


def faults() -> set[str]:
    return {verdict.proof.key for verdict in proofs.run() if verdict.found.faults}


def test_a_chain_and_reports_by_hand_are_what_the_product_writes_and_every_proof_holds(live_db, by_hand, monkeypatch):
    measures, factory = importlib.import_module("_measures"), importlib.import_module("_factory").Factory()
    factory.set_up()
    nothing = left(LEFT)
    measures._chain_inside(SimpleNamespace(factory=factory))
    by_product = left(LEFT)
    with psycopg.connect(live_db.url("banyan_app"), autocommit=True) as held:
        bare = by_hand.Bare(held)
        chain = by_hand.Chain(bare, factory)
        chain.run()
        both = left(LEFT)
        assert {table: both[table] - by_product[table] for table in LEFT} == {
            table: by_product[table] - nothing[table] for table in LEFT
        }
        order = factory.released_orders(1)
        first, second, _ = factory.operations_of(order)
        for operation, quantity in ((first, 10), (second, 7), (first, 1)):
            by_hand.report(bare, factory, operation, quantity)
        with pytest.raises(RuntimeError, match="more reported"):
            by_hand.report(bare, factory, second, 5)
        assert bare.one("SELECT state FROM production_workorder WHERE id = ANY(%s)", order) == ("running",)
        scarce = factory.new_item(2)
        assert [by_hand.confirm(bare, factory, draft) for draft in factory.drafts(3, scarce)] == [True, True, False]
        assert bare.one("SELECT sum(quantity) FROM inventory_promise WHERE item_id = %s", scarce) == (2,)
        assert faults() == set()
        with monkeypatch.context() as without:
            without.setattr(by_hand, "_APPROVAL", "SELECT 1")
            by_hand.report(bare, factory, first, 1)
            without.setattr(by_hand.Chain, "_book", gross_for_net(by_hand.Chain._book))
            chain.run()
        assert faults() == {"production.approvals", "finance.invoice_amounts"}


def gross_for_net(book: Callable) -> Callable:
    """An invoice's entry without its leg of VAT, which is taken for revenue."""

    def wrong(self: Any, event: str, noun: str, origin: UUID, legs: list[dict]) -> None:
        if event == "customer_invoice":
            legs[1]["amount"] += legs.pop()["amount"]
        book(self, event, noun, origin, legs)

    return wrong
