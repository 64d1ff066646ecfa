"""The default roles: written where there is none, later given what a version brings, never what somebody took away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from banyan.kernel.context import SYSTEM
from banyan.kernel.models import Role, RoleGrant
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
