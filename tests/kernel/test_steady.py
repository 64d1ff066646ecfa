"""Facts in hand hold exactly as long as their table is not written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from banyan.kernel import registry, steady
from banyan.kernel.commands import Command, execute
from banyan.lib.labels import L
from banyan.modules.company.models import Plant
from banyan.modules.company.queries import plants

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant(world) -> Plant:
    """Give the plant of a small factory."""
    return Plant.objects.get(pk=world.plant.pk)


def within(ctx, act: Callable[[], None]) -> None:
    """Do something as a command."""
    label = L("看", "Look")
    execute(ctx, Command(key="company.plant.look", label=label, on="noun", permission="x", function=lambda ctx: act()))


def names() -> set[str]:
    return {plant.name for plant in plants()}


def test_facts_in_hand_cost_no_statement(ctx, plant):
    within(ctx, names)
    asked = CaptureQueriesContext(connection)

    def look():
        with asked:
            names()

    within(ctx, look)
    assert len(asked) == 0
    with asked:
        names()  # outside of a command they are read
    assert len(asked) == 1


def test_what_another_program_writes_is_seen_by_the_next_command(ctx, plant):
    within(ctx, names)
    Plant.objects.filter(pk=plant.pk).update(name="新厂")
    within(ctx, lambda: names() == {"新厂"} or pytest.fail(str(names())))


def test_a_command_sees_what_it_has_written_itself(ctx, plant):
    def write():
        names()
        execute(ctx, registry.command("company.plant.change"), ids=[plant.pk], data={"name": "二厂"})
        assert names() == {"二厂"}

    within(ctx, write)
    within(ctx, lambda: names() == {"二厂"} or pytest.fail(str(names())))


def test_what_is_taken_back_is_not_kept(ctx, plant):
    before = names()

    def write_and_fail():
        Plant.objects.filter(pk=plant.pk).update(name="没有的厂")
        names()
        raise RuntimeError

    with pytest.raises(RuntimeError), transaction.atomic():
        within(ctx, write_and_fail)
    within(ctx, lambda: names() == before or pytest.fail(str(names())))


def test_stamps_end_with_the_command(ctx, plant):
    within(ctx, names)
    assert steady._stamps.get() is None
    with pytest.raises(ZeroDivisionError):
        within(ctx, lambda: 1 / 0)
    assert steady._stamps.get() is None
