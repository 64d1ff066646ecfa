"""What channels do by themselves: offers that nobody's event has brought up to date, and all of them each night."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app as queue

from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.modules.channels.commands.offering import refresh_all
from banyan.modules.channels.reactions import offer_due


@queue.periodic(cron="* * * * *")
@queue.task(name="channels.offer_due", queue="jobs", queueing_lock="channels_offer_due")
def sweep(timestamp: int) -> None:
    """Work out each minute what is still due, whatever changed it."""
    offer_due()


@queue.periodic(cron="30 18 * * *")
@queue.task(name="channels.offer_all", queue="jobs", queueing_lock="channels_offer_all")
def offer_all(timestamp: int) -> None:
    """Work every offer out each night, and tell those that the shop was told otherwise."""
    execute(Context(SYSTEM, now=datetime.now(UTC), through="job", program="channels"), refresh_all, data={})
