"""Leaders and workers at the same reports and tasks at once."""

from __future__ import annotations

from functools import partial

import pytest

from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from banyan.modules.production.errors import DispatchStale, ReversalReasonNeeded
from src.banyan.modules.production.tests.conftest import Shop
from src.banyan.modules.production.tests.test_approvals import approve, faults, states
from src.banyan.modules.production.tests.test_at_once import at_once
from src.banyan.modules.production.tests.test_dispatch import dispatch, line, standing
from tests.plugins.world import World


@pytest.fixture
def shop(live_db, ctx) -> Shop:
    made = Shop(World(ctx))
    made.stocked()
    return made


@pytest.mark.parametrize("place", range(3))
def test_a_leader_approves_while_the_worker_undoes(shop, place):
    order = shop.released()
    told = shop.report(order, 10, "good", 5)
    worker = {"id": new_id(), "kind": "undo", "reverses": told.id, "note": "数错" if place else ""}
    said, undone = at_once([partial(approve, shop, told), partial(shop.send, worker)])
    assert not isinstance(said, DomainError)
    row = shop.operation(order, 10)
    if isinstance(undone, ReversalReasonNeeded):
        assert (row.good_quantity, row.approved_quantity, states()) == (5, 5, ["approved"])
    else:
        assert (row.good_quantity, row.approved_quantity, states()) == (0, 0, ["undone"])
    assert faults() == []


def test_two_leaders_who_approve_at_once_count_once(shop):
    order = shop.released()
    told = [shop.report(order, 10, "good", 5) for _ in range(6)]
    at_once([partial(approve, shop, *told), partial(approve, shop, *reversed(told)), partial(approve, shop)])
    assert shop.operation(order, 10).approved_quantity == 30
    assert faults() == []


def test_of_two_leaders_at_once_the_second_sees_what_the_first_did(shop):
    first = shop.operation(shop.released(), 10)
    people = [shop.world.worker, shop.world.second_worker]
    done = at_once([partial(dispatch, shop, line(first, one, seen=[])) for one in people])
    assert sorted(isinstance(one, DispatchStale) for one in done) == [False, True]
    assert len(standing(first)) == 1
