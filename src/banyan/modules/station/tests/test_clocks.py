"""A clock that is far off is told to the leader once, and settled when it is right again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from banyan.kernel.models import InboxItem, User
from banyan.modules.station import signing

pytestmark = pytest.mark.django_db
HOURS = timedelta(hours=3)


@pytest.fixture
def leader(shop):
    user = User.objects.create(login="lead", name="李班长", plants=[shop.world.plant.pk])
    shop.world.change(shop.world.second_worker, user=user.pk)
    shop.world.change(shop.world.team, leader=shop.world.second_worker)
    return user


def waiting(leader):
    return [(one.noun, one.record, one.text_zh) for one in InboxItem.objects.filter(person=leader, done_at=None)]


def sync(station, operation, off=timedelta(0), **more):
    now = timezone.now() - off
    return station.states(station.good(operation.pk, 1, at=now - timedelta(seconds=9)), clock=now, **more)


def test_the_leader_hears_of_a_clock_that_is_far_off_once(station, first, leader):
    sync(station, first, timedelta(minutes=4))
    assert waiting(leader) == []
    sync(station, first, HOURS)
    sync(station, first, HOURS + timedelta(minutes=1))
    ((noun, record, text),) = waiting(leader)
    assert (noun, record) == ("station.device", station.device.pk)
    assert f"{station.device.code} 的时钟慢了 180 分钟（赵师傅）" in text
    sync(station, first)
    assert waiting(leader) == []
    sync(station, first, -HOURS)
    assert "快了" in waiting(leader)[0][2]


def test_the_clock_of_somebodys_own_phone_is_told_too(station, first, leader, shop):
    ticket = signing.ticket_of_link(User.objects.get(login="zhao"), timezone.now())
    for _ in range(2):
        sync(station, first, HOURS, ticket=ticket)
    ((noun, record, text),) = waiting(leader)
    assert (noun, record) == ("people.employee", shop.world.worker.pk)
    assert "自己的设备" in text


def test_without_a_leader_who_has_an_account_nobody_is_told_and_the_report_counts(station, first):
    assert sync(station, first, HOURS) == ["done"]
    assert not InboxItem.objects.exists()


def test_who_books_together_with_others_is_told_of_as_well(station, first, leader):
    from banyan.modules.station import badges, together
    from banyan.modules.station.acts import Batch

    assert sync(station, first) == ["done"]
    now = timezone.now() - HOURS
    act = station.good(first.pk, 1, at=now)
    batch = Batch(device=station.key, sent_at=now, acts=[act])
    letter = together.letter_of(badges.opened(station.ticket), batch, "zh")
    together.book([letter])
    assert letter.answer["acts"][0]["state"] == "done"
    assert len(waiting(leader)) == 1
