"""What channels do by themselves: offers brought up to date as soon as something has happened, and all each night."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from procrastinate.contrib.django import app as queue
from procrastinate.exceptions import AlreadyEnqueued

from banyan.kernel import db
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.events import takes_batches
from banyan.modules.channels.commands.offering import refresh_due, refresh_next


@takes_batches
def hear(rows: Sequence[Any], at: datetime) -> None:
    """Have offers worked out where something is due, once for whatever happened together; one statement when not."""
    if not _is_due():
        return
    try:
        with transaction.atomic():
            sweep.defer(timestamp=int(at.timestamp()))
    except AlreadyEnqueued:
        return


@queue.periodic(cron="* * * * *")
@queue.task(name="channels.offer_due", queue="jobs", queueing_lock="channels_offer_due", priority=10)
def sweep(timestamp: int) -> None:
    """Work out what is due; asked for by what happens, and each minute in case that nobody was told."""
    offer_due()


@queue.periodic(cron="30 18 * * *")
@queue.task(name="channels.offer_all", queue="jobs", queueing_lock="channels_offer_all")
def offer_all(timestamp: int) -> None:
    """Work every offer out each night and tell it in full; batch by batch, so that nobody waits for the whole."""
    offer_everything()


def offer_everything() -> int:
    """Work out and tell all offers, each batch in a transaction of its own; give how many batches there were."""
    after, batches = None, 0
    while after := execute(_by_itself(), refresh_next, data={"after": after}).value:
        batches += 1
    return batches


def offer_due() -> int:
    """Work offers out where something is due; give how many changed."""
    if not _is_due():
        return 0
    return execute(_by_itself(), refresh_due).value


def _by_itself() -> Context:
    return Context(SYSTEM, now=datetime.now(UTC), through="job", program="channels")


def _is_due() -> bool:
    return db.one("SELECT EXISTS (SELECT FROM channels_offerdue)")[0]
