"""Work centres, their rates, and how machines are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from banyan.kernel import db, proofs, registry
from banyan.kernel.commands import WrongState
from banyan.kernel.models import Outbox
from banyan.kernel.reading import read_record
from banyan.lib.errors import Invalid
from banyan.modules.equipment import errors, queries
from banyan.modules.equipment.commands import start_machines

pytestmark = pytest.mark.django_db


def test_rates_of_many_work_centres_are_one_statement(world, django_assert_num_queries):
    ids = [world.turning.pk, world.milling.pk]
    with django_assert_num_queries(1):
        found = queries.rates([*ids, None])
    assert (found[ids[0]].labour, found[ids[0]].machine, found[ids[0]].total) == (36, 48, 96)


def test_rates_are_seen_only_by_those_who_may(world, person):
    noun = registry.noun("equipment.work_centre")
    assert "labour_rate" not in read_record(person("equipment.work_centre.read"), noun, world.turning.pk)
    assert read_record(person("equipment.*"), noun, world.turning.pk)["labour_rate"] == "36"


def test_an_inactive_work_centre_is_refused(world, django_assert_num_queries):
    ids = [world.turning.pk, world.milling.pk]
    world.do("equipment.work_centre.deactivate", world.milling)
    with django_assert_num_queries(1), pytest.raises(errors.WorkCentreInactive):
        queries.require_usable(ids)
    assert set(queries.work_centres(plant=world.plant.pk)) == {world.turning.pk}
    world.do("equipment.work_centre.activate", world.milling)
    assert set(queries.require_usable(ids)) == set(ids)


def test_a_machine_breaks_down_is_maintained_and_runs_again(world, ctx):
    lathe = world.lathe
    world.do("equipment.machine.stop", lathe, reason="主轴异响")
    assert (lathe.state, lathe.state_reason, lathe.state_since) == ("down", "主轴异响", ctx.now)
    assert queries.running_machines([world.turning.pk]) == {}
    world.do("equipment.machine.maintain", lathe, reason="换轴承")
    start_machines(ctx.with_(now=ctx.now + timedelta(minutes=95)), lathe)
    lathe.refresh_from_db()
    assert (lathe.state, lathe.state_reason) == ("running", "")
    assert queries.running_machines([world.turning.pk]) == {world.turning.pk: (lathe.pk,)}
    told = Outbox.objects.get(type="equipment.machine_started")
    assert told.payload["minutes_stopped"] == 95


def test_a_running_machine_cannot_be_started(world):
    with pytest.raises(WrongState):
        world.do("equipment.machine.start", world.lathe)


@pytest.mark.plants("equipment.line_sides")
def test_the_line_side_is_one_of_the_same_plant(world):
    store = world.make("inventory.location", code="WH", name="仓库", kind="warehouse", plant=world.plant)
    line = world.make("inventory.location", code="LINE", name="车削线边", kind="line_side", plant=world.plant)
    world.change(world.turning, line_side=line)
    with pytest.raises(Invalid) as refused:
        world.change(world.milling, line_side=store)
    assert "line_side" in refused.value.fields
    assert proofs.run(["equipment.line_sides"])[0].is_green
    db.run("UPDATE equipment_workcentre SET line_side_id = %s WHERE id = %s", [store.pk, world.turning.pk])
    found = proofs.run(["equipment.line_sides"])[0].found
    assert [one.record for one in found.faults] == [str(world.turning.pk)]
