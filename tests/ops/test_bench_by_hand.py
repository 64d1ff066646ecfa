"""What is measured beside the product by hand does the same: the same rows written, the same rows read."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace

import psycopg
import pytest

from banyan.config.environ import CHECKOUT
from banyan.kernel import reading, registry
from banyan.kernel.models import Audit, History
from banyan.lib.ids import new_id
from banyan.modules.items.models import Item
from tests.plugins.world import World


@pytest.fixture
def by_hand(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(CHECKOUT / "bench"))
    yield importlib.import_module("_bare")
    for name in ("_bare", "_factory", "_server"):
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
