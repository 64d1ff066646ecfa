"""A reach of “team”: alike on list, page, REST, export, find and command; and grants that could not be held to."""

from __future__ import annotations

import pytest
from django.test import Client

from banyan.kernel import access, registry
from banyan.kernel.models import Outbox, Role, RoleGrant
from banyan.modules.people.models import Employee
from banyan.ops.roles import ROLES

pytestmark = pytest.mark.django_db
EMPLOYEES = "people/employees"


@pytest.fixture
def mine(world):
    return world.make("people.employee", code="E-77", name="冬梅", plant=world.plant, team=world.team)


@pytest.fixture
def theirs(world):
    other = world.make("people.team", code="T9", name="装配班", plant=world.plant)
    return world.make("people.employee", code="E-88", name="冬生", plant=world.plant, team=other)


@pytest.fixture
def nobodys(world):
    return world.make("people.employee", code="E-99", name="冬青", plant=world.plant)


@pytest.fixture
def leader(account, world, mine, theirs, nobodys):
    """Give the requests of somebody who may do everything with the employees of one team."""
    return account(("people.employee.*", "team"), teams=[world.team.pk], plants=[world.plant.pk], language="zh")


@pytest.fixture
def browser(leader):
    browser = Client(raise_request_exception=False)
    browser.force_login(leader.user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def test_a_team_is_all_that_pages_show(browser, mine, theirs, nobodys):
    shown = browser.get(f"/{EMPLOYEES}").content.decode()
    assert [name in shown for name in ("冬梅", "冬生", "冬青")] == [True, False, False]
    statuses = [browser.get(f"/{EMPLOYEES}/{one.pk}").status_code for one in (mine, theirs, nobodys)]
    assert statuses == [200, 404, 404]
    forms = [browser.get(f"/{EMPLOYEES}/{one.pk}/edit").status_code for one in (mine, theirs, nobodys)]
    assert forms == [200, 404, 404]


def test_a_team_is_all_that_the_interface_gives(leader, mine, theirs, nobodys):
    listed = leader.get(f"{EMPLOYEES}?limit=50").data["items"]
    assert [row["id"] for row in listed] == [str(mine.pk)]
    statuses = [leader.get(f"{EMPLOYEES}/{one.pk}").status_code for one in (mine, theirs, nobodys)]
    assert statuses == [200, 404, 404]
    assert [row["id"] for row in leader.get("find?q=冬").data["items"]] == [str(mine.pk)]


def test_a_team_is_all_that_is_exported(leader, browser):
    for answer in (leader.get(f"{EMPLOYEES}/export"), browser.get(f"/{EMPLOYEES}/export.csv")):
        told = b"".join(answer.streaming_content).decode()
        assert [code in told for code in ("E-77", "E-88", "E-99")] == [True, False, False]


def test_a_command_reaches_no_other_team(leader, browser, mine, theirs, nobodys):
    for other in (theirs, nobodys):
        asked = leader.post(f"{EMPLOYEES}/{other.pk}/leave", {"left_on": "2026-03-02"})
        assert (asked.status_code, asked.data["code"]) == (404, "not_found")
        changed = leader.patch(f"{EMPLOYEES}/{other.pk}", {"name": "改名"}, If_Match='"v1"')
        assert changed.status_code == 404
    both = {"ids": [str(mine.pk), str(theirs.pk)], "left_on": "2026-03-02"}
    assert browser.post(f"/{EMPLOYEES}/do/leave", both).status_code == 404
    assert set(Employee.objects.values_list("is_active", flat=True)) == {True}
    assert leader.post(f"{EMPLOYEES}/{mine.pk}/leave", {"left_on": "2026-03-02"}).status_code == 200
    assert list(Employee.objects.filter(is_active=False)) == [mine]


def test_who_is_of_no_team_sees_nobody_of_a_team(account, mine, theirs):
    loner = account(("people.employee.read", "team"))
    assert loner.get(EMPLOYEES).data["items"] == []


def test_what_has_no_owner_is_nobodys_own_under_a_wide_grant(account, ctx):
    Outbox.objects.create(at=ctx.now, type="test.told", key="x", payload={"secret": 1})
    assert len(account("kernel.*").get("kernel/events?limit=5").data["items"]) > 0
    assert account(("kernel.*", "own")).get("kernel/events?limit=5").data["items"] == []
    assert access.without_reach("kernel.event.read", "own") is registry.noun("kernel.event")


def role_of(*grants: tuple[str, str]) -> dict:
    told = [{"permission": permission, "reach": reach} for permission, reach in grants]
    return {"code": "try", "name_zh": "试", "name_en": "Try", "grants": told}


@pytest.mark.parametrize(("permission", "reach", "able"), [
    ("sales.order.read", "team", "Own, Plant, All"), ("items.item.*", "plant", "Own, All"),
    ("finance.entry.read", "own", "All"), ("kernel.delivery.read", "plant", "All"),
])  # fmt: skip
def test_a_grant_whose_reach_the_noun_cannot_hold_is_refused(api, permission, reach, able):
    answer = api.post("kernel/roles", role_of(("sales.order.read", "plant"), (permission, reach)))
    assert answer.status_code == 422
    (fault,) = answer.data["errors"]
    assert fault["path"] == "grants.1.reach"
    assert f"choose {able}" in str(fault)
    assert not Role.objects.filter(code="try").exists()


def test_a_grant_is_refused_when_a_role_is_changed_too(api):
    made = api.post("kernel/roles", role_of(("sales.order.read", "plant"))).data
    bad = {"grants": [{"permission": "sales.order.read", "reach": "team"}]}
    answer = api.patch(f"kernel/roles/{made['id']}", bad, If_Match='"v1"')
    assert (answer.status_code, [e["path"] for e in answer.data["errors"]]) == (422, ["grants.0.reach"])
    assert api.patch(f"kernel/roles/{made['id']}", {"name_zh": "改"}, If_Match='"v1"').status_code == 200


def test_what_a_role_was_granted_before_does_not_stand_in_the_way_of_its_change(api):
    made = api.post("kernel/roles", role_of(("sales.order.read", "plant"))).data
    RoleGrant.objects.update(reach="team")
    grants = role_of(("sales.order.read", "team"), ("sales.order.confirm", "plant"))["grants"]
    assert api.patch(f"kernel/roles/{made['id']}", {"grants": grants}, If_Match='"v1"').status_code == 200
    assert set(RoleGrant.objects.filter(role=made["id"]).values_list("permission", "reach")) == {
        ("sales.order.read", "team"), ("sales.order.confirm", "plant")}  # fmt: skip


def test_wider_patterns_and_all_are_granted(api):
    role = role_of(("sales.*", "team"), ("*.*.read", "plant"), ("sales.order.read", "all"), ("teamboard.*", "team"))
    assert api.post("kernel/roles", role).status_code == 201


def test_no_default_role_is_refused():
    assert access.without_reach("inventory.lot.read", "plant") is registry.noun("inventory.lot")
    assert [
        (role.code, permission, reach)
        for role in ROLES for permission, reach in role.grants if access.without_reach(permission, reach)
    ] == []  # fmt: skip
