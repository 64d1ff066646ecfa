"""Whom a run asks, and that nobody need answer any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from banyan.integration.saga.events import RunNeedsPerson
from banyan.integration.saga.models import Run, Saga
from banyan.kernel import beside
from banyan.kernel.commands import tell
from banyan.kernel.context import Context
from banyan.kernel.models import User, UserRole
from banyan.lib.labels import L, Label

NOUN = "saga.run"
KIND = "saga"


def ask(ctx: Context, run: Run, why: Label) -> None:
    """Put a run into the inboxes of those its saga names, and tell of it. Writes: inboxes"""
    said = L("{saga} {run} 需要您决定：{why}", "{saga} {run} needs your decision: {why}").filled(
        {"saga": run.saga.name, "run": run.number or run.key, "why": why}
    )
    settle(ctx, [run.pk])
    beside.notify(ctx, people_of(run.saga), KIND, said, NOUN, run.pk)
    tell(RunNeedsPerson(**facts(run), why=why.en[:500]))


def settle(ctx: Context, runs: Sequence[UUID]) -> None:
    """Take runs out of the inboxes again."""
    beside.settle(ctx, (KIND,), NOUN, runs)


def people_of(saga: Saga) -> tuple[UUID, ...]:
    """Give the active people whom a saga asks. Two statements."""
    wanted: set[UUID] = set()
    if saga.role_id:
        wanted |= set(UserRole.objects.filter(role=saga.role_id).values_list("user_id", flat=True))
    if saga.person_id:
        wanted.add(saga.person_id)
    return tuple(sorted(User.objects.filter(pk__in=wanted, is_active=True, is_program=False)
                        .values_list("pk", flat=True)))  # fmt: skip


def facts(run: Run) -> dict[str, Any]:
    """Give what events tell of a run."""
    return dict(record=run.pk, saga=run.saga.code, key=run.key, origin_noun=run.origin_noun, origin=run.origin)
