"""The default roles: written where there is none, later given what a version brings, never what somebody took away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from banyan.kernel.context import SYSTEM
from banyan.kernel.models import Role, RoleGrant
from banyan.lib.errors import NotAllowed
from banyan.ops import roles
from tests.plugins.world import World, plain

pytestmark = pytest.mark.django_db
NEW = ("things.thing.turn", "plant")


@pytest.fixture
def system(ctx):
    return ctx.with_(principal=SYSTEM)


@pytest.fixture
def next_version(monkeypatch):
    """Bring a grant for buyers that this version does not know."""
    later = [replace(one, grants=(*one.grants, NEW)) if one.code == "buyer" else one for one in roles.ROLES]
    monkeypatch.setattr(roles, "ROLES", tuple(later))


@pytest.fixture
def of_role(world, person):
    """Give the circumstances of somebody at the plant who holds a default role."""

    def make(code: str):
        (role,) = (one for one in roles.ROLES if one.code == code)
        return person(*role.grants, plants=[world.plant.pk])

    return make


def grants(code: str) -> dict[str, str]:
    return dict(RoleGrant.objects.filter(role__code=code).values_list("permission", "reach"))


def test_an_empty_database_gets_the_default_roles(system):
    assert roles.settle(system) == (len(roles.ROLES), 0)
    assert roles.settle(system) == (0, 0)
    assert grants("buyer") == dict(next(one.grants for one in roles.ROLES if one.code == "buyer"))


def test_a_grant_that_is_new_in_a_version_is_given_once(system, request):
    roles.settle(system)
    request.getfixturevalue("next_version")
    assert roles.settle(system) == (0, 1)
    assert grants("buyer")["things.thing.turn"] == "plant"
    assert "things.thing.turn" not in grants("sales")
    assert roles.settle(system) == (0, 0)


def test_what_somebody_took_away_or_changed_stays_so(system, world, request):
    roles.settle(system)
    buyer = Role.objects.get(code="buyer")
    kept = [{"permission": what, "reach": reach} for what, reach in grants("buyer").items() if what != "parties.*"]
    for row in kept:
        row["reach"] = "all" if row["permission"] == "purchasing.*" else row["reach"]
    world.change(buyer, grants=[plain(row) for row in kept])
    assert roles.settle(system) == (0, 0)
    request.getfixturevalue("next_version")
    roles.settle(system)
    RoleGrant.objects.filter(permission="things.thing.turn").delete()
    assert roles.settle(system) == (0, 0)
    assert ("parties.*" in grants("buyer"), grants("buyer")["purchasing.*"]) == (False, "all")


def test_roles_that_people_made_or_deleted_are_left_alone(system, person, request):
    world = World(person("*"))
    roles.settle(system)
    Role.objects.filter(code__in=("buyer", "boss")).delete()
    world.make("kernel.role", code="buyer", name_zh="采购员", name_en="Buying", grants=[])
    request.getfixturevalue("next_version")
    assert roles.settle(system) == (0, 0)
    assert (grants("buyer"), Role.objects.filter(code="boss").exists()) == ({}, False)


@pytest.mark.parametrize("code", ["leader", "quality", "engineer", "admin"])
def test_who_answers_for_machines_stops_maintains_and_starts_them(world, of_role, code):
    machine = world.lathe
    hands = World(of_role(code))
    hands.do("equipment.machine.stop", machine, reason="主轴")
    hands.do("equipment.machine.maintain", machine, reason="换轴承")
    machine.refresh_from_db()
    assert (machine.state, machine.state_reason) == ("maintenance", "换轴承")
    hands.do("equipment.machine.start", machine)
    machine.refresh_from_db()
    assert machine.state == "running"


@pytest.mark.parametrize("code", ["worker", "planner", "warehouse", "buyer", "sales", "accountant", "boss"])
def test_nobody_else_stops_a_machine(world, of_role, code):
    machine = world.lathe
    with pytest.raises(NotAllowed):
        World(of_role(code)).do("equipment.machine.stop", machine, reason="主轴")


def test_a_database_of_before_gets_the_right_to_stop_a_machine(system, monkeypatch):
    acts = {f"equipment.machine.{act}" for act in ("stop", "maintain", "start")}
    now = roles.ROLES
    before = [replace(one, grants=tuple(g for g in one.grants if g[0] not in acts)) for one in now]
    monkeypatch.setattr(roles, "ROLES", tuple(before))
    roles.settle(system)
    assert not acts & {*grants("leader"), *grants("quality")}
    monkeypatch.setattr(roles, "ROLES", now)
    assert roles.settle(system) == (0, 2 * len(acts))
    assert acts <= {*grants("leader")} & {*grants("quality")}
