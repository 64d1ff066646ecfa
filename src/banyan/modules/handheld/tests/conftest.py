"""What tests of the warehouse's phone need: a plant with stock, orders, and a keeper who has signed in on a phone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from banyan.kernel.models import Role, User, UserRole
from banyan.lib.ids import new_id
from banyan.modules.production.tests.conftest import Shop
from banyan.modules.station import badges
from banyan.ops.roles import write_defaults
from tests.plugins.standing import stands
from tests.plugins.world import World


class Phone:
    """A paired phone on which somebody has signed in, as the client is."""

    def __init__(self, shop: Shop, badge: Any) -> None:
        self.shop, self.world, self.key, self.seq = shop, shop.world, new_id(), 0
        self.client = Client()
        device = self.world.make("station.device", code=self.world.next_code("WH"), name="仓库", plant=self.world.plant)
        code = self.world.do("station.device.pair", device).in_("en").split("enter ")[1].split()[0]
        token = self.post("/station/api/pair", {"code": code}).json()["token"]
        proof = {"badge": badges.badge_code(badge.pk, badge.serial)}
        entered = self.post("/station/api/sign-in", proof, **{"Station-Device": token}).json()
        self.ticket, self.person = entered["ticket"], entered["person"]

    def post(self, path: str, body: dict, **headers: str):
        content = orjson.dumps(body, default=str)
        return self.client.post(path, content, content_type="application/json", headers=headers)

    @property
    def signed(self) -> dict[str, str]:
        return {"Authorization": f"Station {self.ticket}"}

    def get(self, path: str, **headers: str):
        return self.client.get(f"/station/api/warehouse/{path}", headers=self.signed | headers)

    def day(self) -> dict:
        return self.get("day").json()

    def do(self, kind: str, record: Any = None, key: Any = None, **data: Any):
        """Do something now."""
        body = {"id": key or new_id(), "kind": kind, "data": data} | ({"record": record} if record else {})
        return self.post("/station/api/warehouse/act", body, **self.signed)

    def told(self, kind: str, **body: Any) -> dict:
        """Give an act as the phone keeps it until there is a network."""
        self.seq += 1
        at = timezone.now() - timedelta(minutes=30) + timedelta(seconds=self.seq)
        return {"id": str(new_id()), "seq": self.seq, "kind": kind, "at": at, "said": kind} | body

    def sync(self, *acts: dict, ahead: timedelta = timedelta(0)) -> list[dict]:
        """Send what waited, by a clock that is ahead by so much."""
        body = {"device": self.key, "sent_at": timezone.now() + ahead, "acts": list(acts)}
        answer = self.post("/station/api/sync", body, **self.signed)
        assert answer.status_code == 200, answer.content
        return answer.json()["acts"]

    def states(self, *acts: dict, ahead: timedelta = timedelta(0)) -> list[str]:
        return [one["state"] for one in self.sync(*acts, ahead=ahead)]


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
def keeper(stocked) -> Any:
    """Give the badge of a warehouse keeper."""
    world = stocked.world
    write_defaults(world.ctx)
    user = User.objects.create(login="keeper", name="孙库管", plants=[world.plant.pk])
    UserRole.objects.create(user=user, role=Role.objects.get(code="warehouse"))
    world.change(world.worker, user=user.pk)
    return world.make("station.badge", employee=world.worker)


@pytest.fixture
@stands
def entered(stocked, keeper) -> Phone:
    return Phone(stocked, keeper)


@pytest.fixture
def phone(shop, entered) -> Phone:
    entered.client = Client()
    return entered
