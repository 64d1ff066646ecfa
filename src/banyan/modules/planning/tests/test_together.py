"""Several people plan and decide at once, as the application's own role."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import connection

from banyan.kernel.commands import WrongState
from banyan.lib.errors import DomainError, NotFound
from banyan.modules.planning.models import Peg, PlannedOrder, Run
from banyan.modules.planning.tests.conftest import Factory
from tests.plugins.world import World


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run acts in threads of their own, begun together; give what each gave, or the refusal it met."""
    barrier, found = Barrier(len(acts)), [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        try:
            barrier.wait()
            found[place] = act()
        except DomainError as refusal:
            found[place] = refusal
        finally:
            connection.close()

    threads = [Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.fixture
def live_factory(ctx, live_db):
    factory = Factory(World(ctx))
    factory.sell(factory.fg, 12, "2026-04-27")
    return factory


def test_two_runs_at_once_leave_one_plan(live_factory):
    at_once(live_factory.plan, live_factory.plan)
    assert PlannedOrder.objects.count() == 6
    assert Run.objects.filter(is_current=True).count() == 1
    assert {Peg.objects.filter(run=run).count() for run in Run.objects.all()} == {6}


def test_what_is_firmed_while_a_run_is_under_way_stays_firm(live_factory):
    live_factory.plan()
    part = live_factory.order(live_factory.part)
    found = at_once(live_factory.plan, lambda: live_factory.world.do("planning.planned_order.firm", part.pk))
    assert not isinstance(found[1], (NotFound, WrongState))
    assert PlannedOrder.objects.get(pk=part.pk).state == "firm"
    live_factory.plan()
    assert PlannedOrder.objects.filter(item=live_factory.part).count() == 1


def test_two_releases_at_once_never_close_a_circle(live_factory):
    world = live_factory.world
    first, second = world.item(code="ONE"), world.item(code="TWO")
    drafts = [
        world.make("engineering.bom", item=item, revision="A", lines=[{"component": part, "quantity": "1"}])
        for item, part in ((first, second), (second, first))
    ]
    found = at_once(*(lambda d=d: world.do("engineering.bom.release", d.pk) for d in drafts))
    assert sorted(getattr(one, "code", "done") for one in found) == ["done", "engineering.structure_loop"]


def test_the_applications_role_may_plan(factory, app_role):
    factory.sell(factory.fg, 12, "2026-04-27")
    factory.plan()
    assert factory.plan().gone_count == 0
    assert PlannedOrder.objects.count() == 6
