"""A shop with two teams, a leader of one of them who has signed in, and orders with work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from banyan.kernel.models import Role, User, UserRole
from banyan.lib.ids import new_id
from banyan.modules.production.models import Assignment
from banyan.ops.roles import write_defaults
from src.banyan.modules.production.tests.conftest import Shop
from tests.plugins.standing import stands
from tests.plugins.world import World

PART = {"HX-Request": "true"}


class Leader(Shop):
    """The shop, and short words for what a leader does at the board."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stocked()
        write_defaults(world.ctx)
        self.other_team = world.make("people.team", code="T2", name="装配班", plant=world.plant)
        self.stranger = world.employee(code="E-X", name="孙师傅", team=self.other_team)
        self.client = self.signed_in("leader", world.worker)
        world.change(world.team, leader=world.worker)

    def signed_in(self, role: str, employee: Any = None) -> Client:
        user = User.objects.create(login=f"{role}-1", name=role, plants=[self.world.plant.pk])
        UserRole.objects.create(user=user, role=Role.objects.get(code=role))
        if employee is not None:
            self.world.change(employee, user=user.pk)
        client = Client(raise_request_exception=False)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def get(self, path: str = "", client: Client | None = None, **query: Any) -> Any:
        return (client or self.client).get(f"/teamboard/{path}", query, headers=PART)

    def post(self, path: str, client: Client | None = None, **data: Any) -> Any:
        told = {"_key": str(new_id())} | {k: v for k, v in data.items() if v is not None}
        return (client or self.client).post(f"/teamboard/{path}", told, headers=PART)

    def give(self, operation: Any, employee: Any = None, seen: Any = (), **more: Any) -> Any:
        keys = ",".join(str(one.pk) for one in seen)
        return self.post(
            "give", operation=operation.pk, employee=employee.pk if employee else None, seen=keys, **more
        )

    def hands(self, operation: Any) -> list[Any]:
        return list(Assignment.objects.filter(operation=operation, is_active=True).order_by("created_at", "id"))


@pytest.fixture
@stands
def led(world: World, ctx) -> Leader:
    """Give a shop that got its stock a day ago, with its leader."""
    world.ctx = ctx.with_(now=timezone.now() - timedelta(days=1))
    return Leader(world)


@pytest.fixture
def leader(led, ctx) -> Leader:
    """Give the shop, and let its people act now."""
    led.world.ctx = led.ctx = ctx.with_(now=timezone.now())
    return led
