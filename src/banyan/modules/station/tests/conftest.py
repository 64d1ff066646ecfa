"""A paired station with somebody who has signed in, as the device is to the server."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from banyan.kernel.models import Role, RoleGrant, User, UserRole
from banyan.lib.ids import new_id
from banyan.modules.production.tests.conftest import Shop
from banyan.modules.station import badges
from banyan.modules.station.models import Badge
from tests.plugins.standing import stands
from tests.plugins.world import World


class Station:
    """A paired device with somebody who has signed in, as the client is."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.world = shop, shop.world
        self.key, self.seq = new_id(), 0
        self.client = Client()
        code = self.world.next_code("ST")
        device = self.world.make("station.device", code=code, name="车削一号", plant=self.world.plant)
        code = self.world.do("station.device.pair", device).in_("en").split("enter ")[1].split()[0]
        self.device = device
        self.token = self.send("pair", {"code": code}).json()["token"]

    def send(self, path: str, body: dict | None = None, **headers: str):
        return self.client.post(
            f"/station/api/{path}", orjson.dumps(body or {}), content_type="application/json", headers=headers
        )

    def enter(self, **proof: str):
        answer = self.send("sign-in", proof, **{"Station-Device": self.token})
        if answer.status_code == 200:
            self.ticket = answer.json()["ticket"]
        return answer

    def act(self, kind: str, operation=None, *parts: tuple, **more) -> dict:
        """Give an act as the device makes it; parts are (kind, quantity)."""
        self.seq += 1
        told = [{"id": str(new_id()), "kind": k, **({"quantity": str(q)} if q else {})} for k, q in parts]
        at = more.pop("at", timezone.now() - timedelta(minutes=30) + timedelta(seconds=self.seq))
        return {
            "id": told[0]["id"], "seq": self.seq, "kind": kind, "at": at.isoformat(), "parts": told,
            **({"operation": str(operation)} if operation else {}), **more,
        }  # fmt: skip

    def good(self, operation, quantity, **more) -> dict:
        return self.act("report", operation, ("good", quantity), **more)

    def undo(self, act: dict) -> dict:
        made = self.act("undo", None, *[("undo", 0)] * len(act["parts"]))
        for part, undone in zip(made["parts"], act["parts"], strict=True):
            part["reverses"] = undone["id"]
        return made

    def sync(self, *acts: dict, clock=None, ticket: str | None = None):
        body = {"device": str(self.key), "sent_at": (clock or timezone.now()).isoformat(), "acts": list(acts)}
        return self.send("sync", body, Authorization=f"Station {ticket or self.ticket}")

    def states(self, *acts: dict, **more) -> list[str]:
        answer = self.sync(*acts, **more)
        assert answer.status_code == 200, answer.content
        return [one["state"] for one in answer.json()["acts"]]

    def day(self, **headers: str):
        return self.client.get("/station/api/day", headers={"Authorization": f"Station {self.ticket}", **headers})


@pytest.fixture
@stands
def stocked(world: World, ctx) -> Shop:
    """Give a shop that got its stock a day ago."""
    world.ctx = ctx.with_(now=timezone.now() - timedelta(days=1))
    made = Shop(world)
    made.stocked()
    world.ctx = made.ctx = ctx.with_(now=timezone.now())
    return made


@pytest.fixture
def shop(stocked, ctx) -> Shop:
    """Give the shop, and let its people act now."""
    stocked.world.ctx = stocked.ctx = ctx.with_(now=timezone.now())
    return stocked


@pytest.fixture
@stands
def badge(stocked) -> Badge:
    world = stocked.world
    user = User.objects.create(login="zhao", name="赵师傅", plants=[world.plant.pk])
    role = Role.objects.create(code="floor", name_zh="工人", name_en="Worker")
    grants = [("production.*", "plant"), ("production.report.undo", "own")]
    RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=p, reach=r) for p, r in grants)
    UserRole.objects.create(user=user, role=role)
    world.change(world.worker, user=user.pk)
    return world.make("station.badge", employee=world.worker)


@pytest.fixture
@stands
def entered(stocked, badge) -> Station:
    made = Station(stocked)
    assert made.enter(badge=badges.badge_code(badge.pk, badge.serial)).status_code == 200
    return made


@pytest.fixture
def station(shop, entered) -> Station:
    entered.client = Client()
    return entered


@pytest.fixture
@stands
def first(stocked):
    order = stocked.released()
    return stocked.operation(order, 10)
