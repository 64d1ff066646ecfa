"""What the bus does by itself beside its own process: session keys renewed before they end."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app as queue

from banyan.integration.commands.renewing import due, renew_session
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context


@queue.periodic(cron="*/5 * * * *")
@queue.task(name="integration.renewals", queue="jobs", queueing_lock="renewals", lock="renewals")
def renew_sessions(timestamp: int) -> None:
    """Renew the session keys that end soon."""
    renew_due(datetime.now(UTC))


def renew_due(now: datetime) -> int:
    """Renew what is due at a time, each system in a transaction of its own; give how many were tried."""
    found = due(now)
    for system in found:
        execute(Context(SYSTEM, now=now, through="job", program="bus"), renew_session, data={"system": str(system)})
    return len(found)
