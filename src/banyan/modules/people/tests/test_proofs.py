"""Each proof names the fault planted for it."""

from __future__ import annotations

import pytest

from banyan.kernel import db, proofs
from banyan.kernel.models import User
from banyan.lib.errors import Invalid

pytestmark = pytest.mark.django_db


@pytest.mark.plants("people.teams")
def test_a_team_of_another_plant_is_refused_and_named(world):
    with pytest.raises(Invalid) as refused:
        world.employee(team=world.team, plant=world.second_plant)
    assert "team" in refused.value.fields
    assert proofs.run(["people.teams"])[0].is_green
    db.run("UPDATE people_employee SET plant_id = %s WHERE id = %s", [world.second_plant.pk, world.worker.pk])
    assert [one.record for one in proofs.run(["people.teams"])[0].found.faults] == [str(world.worker.pk)]


@pytest.mark.plants("people.users")
def test_a_user_knows_its_employee_and_another_one_is_named(world):
    first, second = (User.objects.create(login=login, name=login) for login in ("zhao", "qian"))
    world.change(world.worker, user=first)
    assert User.objects.get(pk=first.pk).employee_key == world.worker.pk
    world.change(world.worker, user=second)
    assert User.objects.get(pk=first.pk).employee_key is None
    assert User.objects.get(pk=second.pk).employee_key == world.worker.pk
    assert proofs.run(["people.users"])[0].is_green
    User.objects.filter(pk=second.pk).update(employee_key=world.second_worker.pk)
    assert [one.record for one in proofs.run(["people.users"])[0].found.faults] == [str(world.worker.pk)]
