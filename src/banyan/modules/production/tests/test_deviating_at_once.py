"""Two deviations at once, reports while their operation is skipped, rework of the last pieces: nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from banyan.kernel.commands import execute
from banyan.kernel.registry import command
from banyan.lib.errors import DomainError, Invalid
from banyan.modules.production.errors import NotAtWork, TooMuchReported
from banyan.modules.production.models import Deviation, Operation, WorkOrder
from src.banyan.modules.production.tests.conftest import Shop
from src.banyan.modules.production.tests.test_at_once import at_once, faults
from tests.plugins.world import World


@pytest.fixture
def shop(live_db, ctx) -> Shop:
    return Shop(World(ctx))


def act(shop, what, order, **data):
    return lambda: execute(shop.ctx, command(f"production.work_order.{what}"), ids=[order.pk], data=data).value


def test_two_deviations_at_once_both_stand(shop):
    order = shop.released(quantity="100")
    third = shop.operation(order, 30).pk
    done = at_once([
        act(shop, "add_operation", order, sequence=15, name="去毛刺", after=[10], reason="甲"),
        act(shop, "move_operation", order, operation=third, after=[10], reason="乙"),
        act(shop, "change_quantity", order, quantity="80", reason="丙"),
        act(shop, "split", order, quantity="10", reason="丁"),
    ])  # fmt: skip
    assert not [one for one in done if isinstance(one, DomainError)]
    assert sorted(Deviation.objects.filter(work_order=order).values_list("reason", flat=True)) == list("丁丙乙甲")
    rows = Operation.objects.filter(work_order=order)
    assert sorted(rows.values_list("position", flat=True)) == [1, 2, 3, 4]
    assert WorkOrder.objects.get(pk=order.pk).quantity in (70, 80)
    assert faults() == []


def test_reports_while_their_operation_is_skipped_are_booked_or_refused(shop):
    order = shop.released(quantity="100")
    shop.report(order, 10, "good", 100)
    second = shop.operation(order, 20).pk
    reports = [shop.say(order, 20, "good", 1) for _ in range(12)]
    done = at_once([
        *(lambda one=one: shop.send(one)[0] for one in reports),
        act(shop, "skip_operation", order, operation=second, reason="免铣"),
    ])  # fmt: skip
    refused = [one for one in done[:-1] if isinstance(one, DomainError)]
    assert all(isinstance(one, NotAtWork) for one in refused)
    assert shop.operation(order, 20).good_quantity == 12 - len(refused)
    assert shop.operation(order, 20).state == "skipped"
    shop.report(order, 30, "good", 100)
    assert faults() == []


def test_the_last_pieces_are_reported_or_reworked_not_both(shop):
    order = shop.released(quantity="100")
    shop.report(order, 10, "good", 5)
    second = shop.operation(order, 20).pk
    done = at_once([
        act(shop, "rework", order, operation=second, quantity="5", reason="划伤"),
        lambda: shop.report(order, 20, "good", 5),
        act(shop, "rework", order, operation=second, quantity="5", reason="划伤"),
    ])  # fmt: skip
    assert len([one for one in done if isinstance(one, TooMuchReported)]) == 2
    row = shop.operation(order, 20)
    assert row.good_quantity + row.away_quantity == 5
    assert faults() == []


@pytest.mark.parametrize("late", [None, "split", "report"])
def test_what_is_begun_meanwhile_is_split_off_once_and_no_piece_is_made_twice(shop, late):
    """Before anybody begins, 60 leave for one order and neither 60 more nor 70 pieces are left; where 70 pieces are
    made first, 60 of them leave half-way, and nothing is left for the other split."""
    order = shop.released(quantity="100")

    def coming(what: str, act: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: (time.sleep(0.3 if what == late else 0), act())[1]

    *splits, report = at_once([
        coming("split", act(shop, "split", order, quantity="60", reason="甲")),
        coming("split", act(shop, "split", order, quantity="60", reason="乙")),
        coming("report", lambda: shop.report(order, 10, "good", 70)),
    ])  # fmt: skip
    assert [type(one) for one in splits if isinstance(one, DomainError)] == [Invalid]
    is_made = not isinstance(report, DomainError)
    assert is_made or isinstance(report, TooMuchReported)
    assert late is None or is_made == (late == "split")
    [part] = WorkOrder.objects.exclude(pk=order.pk)
    assert (WorkOrder.objects.get(pk=order.pk).quantity, part.quantity) == (40, 60)
    assert shop.operation(order, 10).good_quantity == (70 if is_made else 0)
    assert shop.operation(part, 10).state == ("skipped" if is_made else "open")
    assert faults() == []
