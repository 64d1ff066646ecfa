"""What tests of exceptions need: an order at work, teams with people, the usual categories and levels."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pytest

from banyan.kernel import access, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.models import InboxItem, User
from banyan.lib.ids import new_id
from banyan.modules.exceptions.models import Category, Cause, Level, ShopException
from banyan.ops.roles import write_defaults
from src.banyan.modules.production.tests.conftest import Shop
from tests.plugins.standing import stands
from tests.plugins.world import World, plain


class Floor(Shop):
    """A shop with two teams, a boss, and people who call for help."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        write_defaults(world.ctx)
        world.do("exceptions.category.add_usual")

    def user(self, login: str, role: str, **employee: Any) -> Any:
        """Make somebody with a login, as an employee of the plant; give the employee."""
        key = self.role(role)
        user = self.world.make("kernel.user", login=login, name=login, roles=[{"role": key}])
        User.objects.filter(pk=user.pk).update(plants=[self.world.plant.pk])
        return self.world.employee(code=login, name=login, user=user, **employee)

    def role(self, code: str) -> Any:
        return registry.noun("kernel.role").model.objects.get(code=code).pk

    @cached_property
    def team(self) -> Any:
        """The team of the turning shop, with its leader and a worker."""
        return self._team("T-TURN", "lead", "work")

    @cached_property
    def repair(self) -> Any:
        return self._team("T-REPAIR", "mend", "oil")

    def _team(self, code: str, leader: str, worker: str) -> Any:
        team = self.world.make("people.team", code=code, name=code, plant=self.world.plant)
        head = self.user(leader, "leader", team=team, department=self.world.department)
        self.user(worker, "worker", team=team, department=self.world.department)
        return self.world.change(team, leader=head)

    @cached_property
    def boss(self) -> Any:
        return self.user("boss", "boss")

    def acting(self, login: str, now: datetime | None = None) -> Context:
        """Give the circumstances of somebody with a login."""
        user = User.objects.get(login=login)
        return self.ctx.with_(principal=access.principal_of(user.pk), through="screen", now=now or self.ctx.now)

    def category(self, code: str, **more: Any) -> Category:
        found = Category.objects.get(code=code)
        return self.world.change(found, **more) if more else found

    def level(self, sequence: int) -> Level:
        return Level.objects.get(sequence=sequence)

    @cached_property
    def cause(self) -> Cause:
        return Cause.objects.get(code="MACHINE")

    def call(self, code: str = "MATERIAL", *, ctx: Context | None = None, **more: Any) -> ShopException:
        """Call for help; give the exception."""
        data = plain({"id": new_id(), "category": self.category(code)} | more)
        return execute(ctx or self.ctx, registry.command("exceptions.exception.raise"), data=data).value[0]

    def act(self, name: str, case: ShopException, *, minutes: int = 0, ctx: Context | None = None, **data: Any) -> Any:
        """Take a step about an exception, so many minutes later; give it, read again."""
        who = ctx or self.ctx
        who = who.with_(now=who.now + timedelta(minutes=minutes))
        execute(who, registry.command(f"exceptions.exception.{name}"), ids=[case.pk], data=plain(data) or None)
        case.refresh_from_db()
        return case

    def solved(self, case: ShopException, *, minutes: int = 0) -> ShopException:
        """Take an exception through to resolved."""
        self.act("take", case, minutes=minutes)
        self.act("contain", case, minutes=minutes, countermeasure="换一台设备")
        return self.act("resolve", case, minutes=minutes, cause=self.cause, root_cause="刀具磨损")

    def escalate(self, minutes: int) -> str:
        """Let the job come by so many minutes later."""
        ctx = self.ctx.with_(now=self.ctx.now + timedelta(minutes=minutes))
        return execute(ctx, registry.command("exceptions.exception.escalate")).value.en

    def waiting(self, login: str, case: ShopException) -> list[str]:
        found = InboxItem.objects.filter(person__login=login, record=case.pk, done_at=None)
        return list(found.values_list("kind", flat=True))

    def inbox(self, login: str) -> list[str]:
        found = InboxItem.objects.filter(person__login=login).order_by("created_at", "pk")
        return list(found.values_list("kind", flat=True))


@pytest.fixture
@stands
def floor(world: World) -> Floor:
    return Floor(world)
