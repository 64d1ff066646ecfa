"""What a fixture makes stands under the tests of a file: made once, for each as it was made, for no other."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import DatabaseError, connection

from banyan.modules.company.models import Unit
from banyan.modules.parties.models import Party
from tests.plugins import database
from tests.plugins.standing import standing, stands, wanted

SEEN: set[UUID] = set()


@pytest.fixture
@stands
def buyer(world):
    return world.customer


@pytest.fixture
@stands
def known(buyer):
    """Give what stands upon something else, and changes it."""
    Party.objects.update(name="改名")
    buyer.name = "改名"
    return [buyer]


@pytest.fixture
@stands
def zone(world):
    return world.pieces


@pytest.mark.parametrize("turn", range(3))
def test_it_is_made_once_and_each_test_finds_it_as_it_was_made(world, buyer, turn):
    SEEN.add(buyer.pk)
    assert len(SEEN) == 1
    assert buyer is world.customer
    assert (buyer.name, Party.objects.get().name) == ("远山机械", "远山机械")
    buyer.name = "错"
    Party.objects.update(name="错")


@pytest.mark.parametrize("turn", range(2))
def test_one_stands_upon_another_and_both_are_of_one_copy(world, known, buyer, turn):
    assert known == [buyer]
    assert known[0] is buyer is world.customer
    assert (buyer.name, Party.objects.get().name) == ("改名", "改名")
    known.clear()
    Party.objects.all().delete()


@pytest.mark.parametrize("turn", range(2))
def test_what_another_test_wants_is_not_there(zone, turn):
    assert (Party.objects.count(), list(Unit.objects.all())) == (0, [zone])


def test_what_is_asked_for_in_the_midst_is_made_for_this_test(db, request):
    assert Party.objects.count() == 0
    assert request.getfixturevalue("buyer").name == Party.objects.get().name


def test_nothing_stands_where_the_role_is_not_the_owner(app_role, buyer, request):
    assert wanted(request.node) == {}
    assert standing.levels == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("banyan_app",)


def item_of(make):
    """Give what stands for a test that wants a fixture."""
    named = {"it": [SimpleNamespace(func=stands(make), argnames=())]}
    return SimpleNamespace(fixturenames=["it"], _fixtureinfo=SimpleNamespace(name2fixturedefs=named))


def unit():
    return Unit.objects.create(code="pcs", name="件")


def test_it_is_gone_before_a_test_may_commit_and_before_the_database_is_made_anew(live_db):
    (kept,) = database._kept
    for end in (kept.begin, kept.renew):
        standing.prepare(item_of(unit))
        assert Unit.objects.count() == 1
        end()
        assert (standing.levels, connection.in_atomic_block, Unit.objects.count()) == ([], False, 0)
    kept.begin()


def test_what_cannot_be_made_leaves_nothing(live_db):
    def fail():
        unit()
        unit()

    with pytest.raises(DatabaseError):
        standing.prepare(item_of(fail))
    assert (standing.levels, Unit.objects.count()) == ([], 0)


def test_a_lost_connection_is_not_stood_upon(live_db):
    item = item_of(unit)
    standing.prepare(item)
    connection.connection.close()
    standing.prepare(item)
    assert Unit.objects.count() == 1
    standing.clear()
    assert Unit.objects.count() == 0
