"""Partners, sagas over them, people who are asked; runs carried at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from banyan.integration.engine import carry_until_quiet
from banyan.integration.saga.models import Run, RunStep, Saga
from banyan.integration.saga.tests.standing import Outside
from banyan.integration.tests.conftest import account, do, empty_pages, system  # noqa: F401
from banyan.kernel import dispatcher, proofs
from banyan.kernel.models import Role, User, UserRole
from banyan.lib.ids import new_id


def later(minutes: float) -> datetime:
    """Give the time so many minutes from now; what the dispatcher hands on bears the real time."""
    return datetime.now(UTC) + timedelta(minutes=minutes)


def carry(minutes: float = 0.0) -> None:
    """Hand on what was told and carry until nothing is due at that time."""
    dispatcher.wait_until_quiet()
    carry_until_quiet(later(minutes))


def reading(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Give a mapping: target ← source, all needed."""
    return {"fields": [{"target": target, "source": source, "required": True} for target, source in pairs]}


#: The warehouse keeps goods, the carrier takes them, the books are told: what is shipped does not come back.
STEPS = (
    dict(name="reserve", title="预留库存", target="reserve", undo_kind="operation", undo_target="release",
         mapping=reading(("order", "order"), ("run", "run.number")),
         undo_mapping=reading(("reservation", "steps.reserve.answer.id"))),
    dict(name="waybill", title="预订运单", target="book", undo_kind="operation", undo_target="cancel",
         mapping=reading(("order", "order"), ("reservation", "steps.reserve.answer.id")),
         undo_mapping=reading(("order", "order")), deadline_minutes=30),
    dict(name="finance", title="通知财务", target="tell",
         mapping=reading(("order", "order"), ("waybill", "steps.waybill.answer.id"))),
)  # fmt: skip


@pytest.fixture
def partner() -> Iterator[Outside]:
    made = Outside()
    made.up()
    yield made
    made.down()


@pytest.fixture
def boss(live_db) -> User:
    """Give somebody who holds the role that is asked."""
    user = User.objects.create(login=f"boss-{new_id().hex[-8:]}", name="主管")
    role = Role.objects.create(code=new_id().hex[-12:], name_zh="运维", name_en="Operations")
    UserRole.objects.create(user=user, role=role)
    user.held = role
    return user


@pytest.fixture
def saga(ctx, system, boss) -> Callable[..., Saga]:  # noqa: F811
    """Make a saga that is switched on; called, unless told otherwise."""

    def make(*steps: dict[str, Any], **given: Any) -> Saga:
        rows = [dict(system=str(system.pk)) | one for one in steps or STEPS]
        facts = dict(code=f"S{new_id().hex[-8:]}", name="发货", trigger="call", key="order", retries=[60, 60, 60],
                     role=str(boss.held.pk), steps=rows) | given  # fmt: skip
        key = do(ctx, "saga.saga.create", records=[facts]).ids[0]
        do(ctx, "saga.saga.activate", key)
        return Saga.objects.get(pk=key)

    return make


@pytest.fixture
def start(ctx) -> Callable[..., Run]:
    """Start a run for an order."""

    def make(of: Saga, order: str = "A-1", **given: Any) -> Run:
        outcome = do(ctx, "saga.run.start", saga=of.pk, payload={"order": order}, **given)
        return Run.objects.get(pk=outcome.ids[0])

    return make


def states(run: Run) -> list[str]:
    """Give the states of a run's steps, after its own."""
    found = RunStep.objects.filter(run=run).order_by("position").values_list("state", flat=True)
    return [Run.objects.get(pk=run.pk).state, *found]


def red() -> list[Any]:
    """Give what the proofs of bus and sagas find."""
    keys = ("integration.", "saga.", "kernel.outbox")
    return [v.found.faults for v in proofs.run() if v.proof.key.startswith(keys) and not v.is_green]


__all__ = ["STEPS", "Outside", "carry", "do", "later", "reading", "red", "states"]
