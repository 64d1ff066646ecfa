"""A severe exception stops its operation until it is contained."""

from __future__ import annotations

from datetime import timedelta

import pytest

from banyan.kernel.proofs import run
from banyan.modules.production.errors import OperationStopped
from banyan.modules.production.models import Report, ReportFlag
from tests.plugins.standing import stands

pytestmark = pytest.mark.django_db


@pytest.fixture
@stands
def order(floor):
    floor.stocked()
    return floor.released()


def faults():
    return [fault.text for verdict in run(("exceptions.stops",)) for fault in verdict.found.faults]


def test_reports_on_a_stopped_operation_are_refused_until_it_is_contained(floor, order):
    floor.report(order, 10, "good", 5)
    case = floor.call("QUALITY", operation=floor.operation(order, 10))
    assert floor.operation(order, 10).is_stopped
    for kind in ("start", "good", "rework"):
        with pytest.raises(OperationStopped) as refusal:
            floor.report(order, 10, kind, 0 if kind == "start" else 1)
    assert case.number in refusal.value.text("zh")
    assert case.number in refusal.value.text("en")
    assert floor.counters(order, 10) == (5, 0, 0)
    floor.report(order, 20, "good", 5)  # others go on
    floor.act("take", case)
    with pytest.raises(OperationStopped):
        floor.report(order, 10, "good", 1)
    assert faults() == []
    floor.act("contain", case, countermeasure="全检")
    floor.report(order, 10, "good", 1)
    assert floor.counters(order, 10) == (6, 0, 0)
    assert faults() == []


def test_a_stopped_operation_can_be_paused_and_its_reports_undone(floor, order):
    floor.report(order, 10, "start")
    made = floor.report(order, 10, "good", 5)
    floor.call("QUALITY", operation=floor.operation(order, 10))
    floor.report(order, 10, "pause")
    floor.undo(made)
    assert floor.counters(order, 10) == (0, 0, 0)


def test_what_a_phone_recorded_meanwhile_is_booked_and_flagged(floor, order):
    floor.call("QUALITY", operation=floor.operation(order, 10))
    at = floor.ctx.now - timedelta(minutes=5)
    answer = floor.report(order, 10, "good", 3, offline=True, device_at=at.isoformat())
    assert answer.flags == ("stopped",)
    assert ReportFlag.objects.get().kind == "stopped"
    assert floor.counters(order, 10) == (3, 0, 0)
    assert Report.objects.count() == 1


def test_an_operation_goes_on_when_the_last_of_its_exceptions_is_contained(floor, order):
    operation = floor.operation(order, 10)
    first, second = (floor.call("QUALITY", operation=operation) for _ in range(2))
    floor.act("cancel", first, reason="重复")
    assert floor.operation(order, 10).is_stopped
    floor.act("grade", second, severity="minor")
    assert not floor.operation(order, 10).is_stopped
    floor.act("grade", second, severity="severe")
    assert floor.operation(order, 10).is_stopped
    floor.solved(second)
    assert not floor.operation(order, 10).is_stopped
    floor.act("reopen", second, reason="又来了")
    assert floor.operation(order, 10).is_stopped
    assert faults() == []


def test_minor_ones_and_those_of_machines_stop_nothing(floor, order):
    floor.call("MATERIAL", operation=floor.operation(order, 10))
    floor.call("EQUIPMENT", machine=floor.world.lathe)
    assert not floor.operation(order, 10).is_stopped
    floor.report(order, 10, "good", 1)
