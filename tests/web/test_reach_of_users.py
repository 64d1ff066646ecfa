"""A user's plants and teams: seen, chosen from the records there are, and what reaches follow from them."""

from __future__ import annotations

import pytest

from banyan.kernel import access, exchange, registry
from banyan.kernel.commands import execute
from banyan.kernel.models import User
from banyan.kernel.reading import Query, list_records
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(person_named):
    return person_named("zhao", ("sales.*", "plant"))


def test_plants_and_teams_are_shown_and_chosen_on_the_form(everyone, world, user):
    here = f"/kernel/users/{user.pk}"
    form = everyone.get(f"{here}/edit").content.decode()
    assert 'data-combo="company.plant" data-name="plants"' in form
    told = {"login": "zhao", "name": "赵", "plants": [str(world.plant.pk)], "teams": [str(world.team.pk)]}
    assert everyone.post(f"{here}/edit", told, headers=PART).status_code == 204
    user.refresh_from_db()
    assert (user.plants, user.teams) == ([world.plant.pk], [world.team.pk])
    page = everyone.get(here).content.decode()
    assert f'<a href="/company/plants/{world.plant.pk}">P1 一厂</a>' in page
    assert "T1 车铣班" in page
    assert access.principal_of(user.pk).plants == (world.plant.pk,)


def test_emptied_plants_are_taken_off(everyone, world, user):
    User.objects.filter(pk=user.pk).update(plants=[world.plant.pk])
    everyone.post(f"/kernel/users/{user.pk}/edit", {"login": "zhao", "name": "赵", "plants": ""}, headers=PART)
    user.refresh_from_db()
    assert user.plants == []


def test_a_plant_that_does_not_exist_is_refused(ctx, user):
    with pytest.raises(Invalid) as refusal:
        execute(ctx, registry.command("kernel.user.change"), ids=[user.pk], data={"plants": [str(new_id())]})
    assert list(refusal.value.fields) == ["plants"]


def test_users_are_filtered_exported_and_imported_by_plant(ctx, world, user):
    noun = registry.noun("kernel.user")
    table = exchange.read_table("users.csv", "登录名,姓名,工厂\nqian,钱,\"P1,P2\"\nsun,孙,P9\n".encode())
    world.plant, world.second_plant  # noqa: B018  makes them
    mapping = exchange.suggest_map(noun, table.columns)
    (fault,) = exchange.check(ctx, noun, table, mapping).faults
    assert (fault.row, fault.column, "P9" in fault.text.zh) == (2, "工厂", True)
    table = exchange.read_table("users.csv", "登录名,姓名,工厂\nqian,钱,\"P1,P2\"\n".encode())
    exchange.run(ctx, noun, table, mapping)
    made = User.objects.get(login="qian")
    assert made.plants == [world.plant.pk, world.second_plant.pk]
    query = Query(filters=(("plants", "eq", str(world.plant.pk)),), columns=("login", "plants"))
    page = list_records(ctx, noun, query)
    assert [row["login"] for row in page.rows] == ["qian"]
    assert set(page.titles["company.plant"].values()) == {"P1 一厂", "P2 二厂"}
    full = b"".join(exchange.export(ctx, noun, query, "csv", full=True)).decode()
    assert '"P1,P2"' in full
