"""The import that is measured beside the product's leaves the same rows behind."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest
from django.db import connection, transaction

from banyan.config.environ import CHECKOUT
from banyan.ops.migration import engine, mapping
from tests.adventureworks.conftest import SLICE

ACTOR = "00000000-0000-0000-0000-000000000000|import|import"


@pytest.fixture
def bench(monkeypatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(CHECKOUT / "bench"))
    names = ("_bare", "_import")
    yield {name: importlib.import_module(name) for name in names}
    for name in (*names, "_factory", "_server"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.django_db
def test_an_import_by_hand_leaves_the_products_rows(ctx, bench):
    by_hand, hand = bench["_import"], bench["_bare"].Bare(connection.connection)
    before = by_hand.keys_there(hand)
    with transaction.atomic():
        engine.migrate(ctx, mapping.load("adventureworks"), SLICE)
        meant = by_hand.take(hand, before)
        transaction.set_rollback(True)
    assert by_hand.take(hand, before) == {}
    by_hand.write(hand, meant, ACTOR)
    seen = by_hand.take(hand, before)
    assert {table: sorted(one.text.splitlines()) for table, one in seen.items()} == {
        table: sorted(one.text.splitlines()) for table, one in meant.items()
    }
    assert meant["items_item"].count > 20
    assert "kernel_audit" in meant
