"""Several people at the same exception at the same moment."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import InboxItem
from banyan.kernel.proofs import run
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from banyan.modules.exceptions.models import Escalation, ShopException, Step
from banyan.modules.production.errors import OperationStopped
from src.banyan.modules.exceptions.tests.conftest import Floor
from src.banyan.modules.production.tests.test_at_once import at_once
from tests.plugins.world import World, plain


@pytest.fixture
def floor(live_db, ctx) -> Floor:
    return Floor(World(ctx))


def test_four_moments_when_people_meet(floor):
    operation = floor.operation(floor.released(), 10)
    floor.category("MATERIAL", team=floor.team)
    floor.category("QUALITY", team=floor.team)

    # one key sent by two devices at once is one exception
    data = plain({"id": new_id(), "category": floor.category("MATERIAL"), "operation": operation})
    send = partial(execute, floor.ctx, registry.command("exceptions.exception.raise"), data=data)
    answers = at_once([send] * 4)
    assert {answer.value[0].number for answer in answers} == {"EX2603-00001"}
    case = ShopException.objects.get()
    assert InboxItem.objects.filter(record=case.pk).count() == 2

    # the job in two workers tells a level once
    later = floor.ctx.with_(now=floor.ctx.now + timedelta(minutes=20))
    at_once([partial(execute, later, registry.command("exceptions.exception.escalate"))] * 3)
    assert Escalation.objects.count() == 1
    assert InboxItem.objects.filter(kind="escalation").count() == 1

    # two take it: one has it
    takes = [
        partial(execute, floor.acting(login, later.now), registry.command("exceptions.exception.take"), ids=[case.pk])
        for login in ("lead", "work")
    ]
    answers = at_once(takes)
    refused = [answer for answer in answers if isinstance(answer, DomainError)]
    assert [type(one) for one in refused] == [WrongState]
    assert Step.objects.filter(kind="taken").count() == 1

    # two severe ones on one operation, one contained while the other is raised: it stands still
    first = floor.call("QUALITY", operation=operation)
    floor.act("take", first)
    contain = partial(floor.act, "contain", first, countermeasure="x")
    at_once([contain, partial(floor.call, "QUALITY", operation=operation)])
    assert floor.operation(operation.work_order, 10).is_stopped
    with pytest.raises(OperationStopped):
        floor.report(operation.work_order, 10, "good", 1)
    keys = ("exceptions.clocks", "exceptions.levels", "exceptions.stops", "exceptions.places")
    assert [fault.text for verdict in run(keys) for fault in verdict.found.faults] == []
