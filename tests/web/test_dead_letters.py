"""Deliveries of events: dead letters are seen, hold back what follows, and are delivered again or given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from banyan.kernel import dispatcher, events
from banyan.kernel.commands import Command, execute, tell
from banyan.kernel.events import Event
from banyan.kernel.models import Audit, Delivery, Role, RoleGrant, User, UserRole
from banyan.kernel.outbox_proofs import outbox_is_delivered
from banyan.lib.errors import Conflict, NotAllowed
from banyan.lib.labels import L
from tests.plugins.database import until_older_end
from tests.web.conftest import PART


@dataclass(frozen=True)
class Knocked(Event):
    type = "test.knocked"
    noun = "kernel.user"
    text: str = ""


heard: list[str] = []
broken: set[str] = set()


@events.after_commit(Knocked)
def answer_the_door(ctx, delivered):
    if delivered.payload["text"] in broken:
        raise RuntimeError("nobody is at home")
    heard.append(delivered.payload["text"])


@pytest.fixture(autouse=True)
def silence():
    heard.clear()
    broken.clear()


def knock(ctx, record, *texts):
    told = lambda ctx: tell(*(Knocked(record=record, text=t) for t in texts))  # noqa: E731
    execute(ctx, Command(key="kernel.user.knock", label=L("敲门", "Knock"), on="noun", permission="x", function=told))
    until_older_end()


def drain_until_dead():
    """Let all the tries of what fails pass, an hour and a half apart."""
    at = datetime.now(UTC)
    for n in range(dispatcher.MOST_ATTEMPTS):
        dispatcher.drain(at + timedelta(minutes=90 * n))


@pytest.fixture
def door(ctx, live_db):
    """Give somebody at whose record three events happened of which the first cannot be delivered."""
    user = User.objects.create(login="door", name="门")
    broken.add("one")
    knock(ctx, user.pk, "one", "two")
    drain_until_dead()
    knock(ctx, user.pk, "three")
    drain_until_dead()
    return user


def browser_of(*grants: str) -> Client:
    user = User.objects.create(login="it", name="it")
    role = Role.objects.create(code="it", name_zh="it", name_en="it", cards=["kernel.dead_letters"])
    RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=one) for one in grants)
    UserRole.objects.create(user=user, role=role)
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def states() -> list[tuple[str, str]]:
    found = Delivery.objects.filter(listener__endswith="answer_the_door").order_by("seq")
    return [(one.event.payload["text"], one.state) for one in found.select_related("event")]


def test_a_dead_letter_is_seen_and_delivered_again_in_order(door):
    assert (heard, states()) == ([], [("one", "dead"), ("two", "waiting"), ("three", "waiting")])
    it = browser_of("kernel.delivery.*", "kernel.event.read", "kernel.user.read")
    dead = Delivery.objects.get(state="dead")
    listed = it.get("/kernel/deliveries?state:in=dead").content.decode()
    assert dead.error.startswith("RuntimeError: nobody is at home (test_dead_letters.py:")
    for part in (f"/kernel/deliveries/{dead.pk}", "test.knocked", "answer_the_door", "死信", "nobody is at home"):
        assert part in listed
    assert "未能送达的事件" in it.get("/").content.decode()
    page = it.get(f"/kernel/deliveries/{dead.pk}").content.decode()
    for part in (f"/kernel/events/{dead.event_id}", f"/kernel/users/{door.pk}", "nobody is at home", "重新投递"):
        assert part in page
    event = it.get(f"/kernel/events/{dead.event_id}").content.decode()
    assert "&quot;one&quot;" in event or '"one"' in event
    assert f"/kernel/deliveries?event:in={dead.event_id}" in event
    broken.clear()
    done = it.post("/kernel/deliveries/do/replay", {"ids": str(dead.pk)}, headers=PART)
    assert done.status_code in (200, 204), done.content
    dispatcher.drain(datetime.now(UTC) + timedelta(days=3))
    assert (heard, {state for _, state in states()}) == (["one", "two", "three"], {"done"})
    assert Audit.objects.filter(command="kernel.delivery.replay", records=[dead.pk], outcome="done").count() == 1
    assert outbox_is_delivered().faults == ()


def test_one_given_up_lets_the_later_ones_go_on_and_says_why(ctx, door):
    dead = Delivery.objects.get(state="dead")
    dispatcher.give_up(ctx, [dead.pk], reason="已人工处理")
    dispatcher.drain(datetime.now(UTC) + timedelta(days=3))
    assert (heard, states()) == (["two", "three"], [("one", "given_up"), ("two", "done"), ("three", "done")])
    assert Audit.objects.get(command="kernel.delivery.give_up").input == {"reason": "已人工处理"}
    assert outbox_is_delivered().faults == ()


def test_what_is_not_dead_is_not_delivered_again(ctx, person, door):
    waiting = Delivery.objects.filter(state="waiting").first()
    with pytest.raises(Conflict):
        dispatcher.replay(ctx, [waiting.pk])
    with pytest.raises(NotAllowed):
        dispatcher.replay(person("kernel.delivery.read"), [Delivery.objects.get(state="dead").pk])
    assert states() == [("one", "dead"), ("two", "waiting"), ("three", "waiting")]
