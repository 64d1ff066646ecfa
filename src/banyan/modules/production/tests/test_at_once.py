"""Many people at once: every piece is kept, nothing counts twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from banyan.kernel.proofs import proofs, run
from banyan.lib.errors import DomainError
from banyan.modules.production.errors import NotAtWork, TooMuchReported
from banyan.modules.production.models import Material, Operation, Report, WorkOrder
from src.banyan.modules.production.tests.conftest import Shop
from tests.plugins.world import World

#: Stock comes from nowhere in these tests, so that it is not proved where it came from.
KEYS = [
    proof.key
    for proof in proofs()
    if proof.key.startswith(("production.", "inventory.")) and proof.key != "inventory.references"
]


@pytest.fixture
def shop(live_db, ctx) -> Shop:
    return Shop(World(ctx))


def at_once(acts: list[Any]) -> list[Any]:
    """Do all acts at the same moment, each in a thread with its own connection; give values and refusals in
    order."""
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
    """Give what the proofs of production and inventory find wrong now."""
    return [fault.text for verdict in run(KEYS) for fault in verdict.found.faults]


def test_32_people_at_one_operation_lose_no_piece(shop):
    order = shop.released(quantity="1000")
    reports = [[shop.say(order, 10, "good", 1 + n % 3) for _ in range(3)] for n in range(32)]
    answers = at_once([lambda mine=mine: [shop.send(one)[0] for one in mine] for mine in reports])
    assert all(isinstance(answer, list) for answer in answers)
    total = sum(int(one["quantity"]) for mine in reports for one in mine)
    assert shop.operation(order, 10).good_quantity == total
    assert Report.objects.filter(kind="good").count() == 96
    assert Report.objects.filter(setup_minutes__gt=0).count() == 1
    assert WorkOrder.objects.get(pk=order.pk).state == "running"
    assert faults() == []


def test_the_last_pieces_are_given_to_those_who_come_first(shop):
    order = shop.released(quantity="10")
    shop.report(order, 10, "good", 10)
    answers = at_once([partial(shop.send, shop.say(order, 20, "good", 3)) for _ in range(8)])
    refused = [answer for answer in answers if isinstance(answer, DomainError)]
    assert (len(refused), {type(one) for one in refused}) == (5, {TooMuchReported})
    assert shop.operation(order, 20).good_quantity == 9


def test_the_same_report_from_two_devices_counts_once(shop):
    order = shop.released()
    said = shop.say(order, 10, "good", 7)
    answers = at_once([lambda: shop.send(said)] * 6)
    assert answers == [answers[0]] * 6
    assert (shop.operation(order, 10).good_quantity, Report.objects.count()) == (7, 1)


def test_backflush_of_many_meets_one_shelf(shop):
    assert shop.recipe
    shop.receive(shop.world.screw, 100, "10")
    order, other = shop.released(), shop.released()
    for one in (order, other):
        shop.report(one, 10, "good", 50)
    acts = [partial(shop.send, shop.say(one, 20, "good", 2)) for one in (order, other) for _ in range(8)]
    answers = at_once(acts)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    held = Material.objects.filter(is_backflushed=True)
    assert sum(m.issued_quantity + m.debt_quantity for m in held) == 128
    assert sum(m.issued_quantity for m in held) == 100
    assert faults() == []


def test_receipts_and_reports_settle_every_debt(shop):
    order = shop.released()
    shop.report(order, 10, "good", 50)
    acts = [partial(shop.send, shop.say(order, 20, "good", 2)) for _ in range(6)]
    acts += [lambda: shop.receive(shop.world.screw, 9, "0.9") for _ in range(6)]
    answers = at_once(acts)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    shop.receive(shop.world.screw, 1, "0.1")
    screws = shop.material(order, shop.world.screw)
    assert (screws.issued_quantity, screws.debt_quantity) == (48, 0)
    assert faults() == []


def test_a_close_and_reports_do_not_pass_each_other(shop):
    order = shop.released()
    acts = [partial(shop.send, shop.say(order, 10, "good", 1)) for _ in range(8)]
    acts.insert(4, lambda: shop.world.do("production.work_order.close", order.pk))
    answers = at_once(acts)
    refused = [one for one in answers if isinstance(one, DomainError)]
    assert {type(one) for one in refused} <= {NotAtWork}
    order.refresh_from_db()
    assert (order.state, Operation.objects.get(work_order=order, sequence=10).good_quantity) == (
        "closed",
        8 - len(refused),
    )
    assert faults() == []


def test_an_undo_and_the_next_operation_do_not_pass_each_other(shop):
    order = shop.released()
    done = [shop.report(order, 10, "good", 1) for _ in range(6)]
    acts = [partial(shop.undo, one) for one in done]
    acts += [partial(shop.send, shop.say(order, 20, "good", 1)) for _ in range(6)]
    at_once(acts)
    first, second = (shop.operation(order, s).good_quantity for s in (10, 20))
    assert second <= first
    assert faults() == []
