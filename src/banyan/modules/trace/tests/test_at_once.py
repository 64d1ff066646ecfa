"""A hold against everything that moves goods at the same moment: what it holds has not left, what has left it lists."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from banyan.kernel.proofs import proofs, run
from banyan.lib.errors import DomainError
from banyan.modules.inventory.models import Balance, Lot
from banyan.modules.trace.models import Recall
from src.banyan.modules.trace.tests.conftest import Line
from tests.plugins.world import World

KEYS = [
    proof.key for proof in proofs()
    if proof.key.startswith(("production.", "inventory.", "trace.")) and proof.key != "inventory.references"
]  # fmt: skip


@pytest.fixture
def line(live_db, ctx) -> Line:
    return Line(World(ctx))


def at_once(*acts: Any) -> list[Any]:
    """Do all acts at the same moment, each in a thread with its own connection; give values and refusals."""
    gate = Barrier(len(acts))

    def one(act: Any) -> Any:
        try:
            connection.ensure_connection()
            gate.wait(30)
            return act()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def faults() -> list[str]:
    return [fault.text for verdict in run(KEYS) for fault in verdict.found.faults]


def test_a_recall_and_shipments_do_not_pass_each_other(line):
    assert line.gear
    parties = [line.world.party(name=f"客户{n}") for n in range(5)]
    orders = [line.sold(party, 2) for party in parties]
    answers = at_once(
        *(partial(line.world.do, "sales.order.ship", order.pk) for order in orders[:3]),
        line.begin, *(partial(line.world.do, "sales.order.ship", order.pk) for order in orders[3:]),
    )  # fmt: skip
    gone = sum(not isinstance(one, (DomainError, Recall)) for one in answers)
    recall = Recall.objects.get()
    told = set(recall.customers.values_list("party_id", flat=True))
    left = sum(row.on_hand for row in Balance.objects.filter(lot=line.gear))
    assert (left, line.state(line.gear)) == (10 - 2 * gone, "held")
    assert len(told) <= gone  # who was shipped to before it is on the list at once
    line.world.do("trace.recall.again", recall)
    assert recall.customers.count() == gone
    assert faults() == []


def test_what_is_made_while_a_recall_runs_is_held(line):
    """Orders that took the steel report and complete while it is recalled: nothing made of it stays free."""
    orders = [line.released(quantity="4") for _ in range(4)]
    for order in orders:
        line.world.do("production.work_order.issue", order)
        line.through(order, 4)
    acts = [partial(line.complete, order, 4, f"GB-{n}") for n, order in enumerate(orders)]
    answers = at_once(*acts[:2], line.begin, *acts[2:])
    assert not [one for one in answers if isinstance(one, DomainError)]
    states = dict(Lot.objects.filter(number__startswith="GB-").values_list("number", "state"))
    assert states == {f"GB-{n}": "held" for n in range(4)}
    assert faults() == []


def test_one_lot_is_recalled_once_by_many(line):
    assert line.gear
    answers = at_once(*([line.begin] * 4))
    assert sum(isinstance(one, Recall) for one in answers) == 1
    assert Recall.objects.count() == 1
    assert faults() == []


def test_a_release_and_a_hold_do_not_pass_each_other(line):
    assert line.gear
    recall = line.begin()
    at_once(
        partial(line.world.do, "trace.recall.release", recall.pk, reason="复检"),
        partial(line.world.do, "trace.recall.again", recall.pk),
    )
    state = line.state(line.gear)
    assert line.state(line.steel_lot) == state
    assert faults() == []
