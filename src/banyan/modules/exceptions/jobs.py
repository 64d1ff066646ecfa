"""What exceptions do by themselves: they rise to the next level while nobody answers."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app as queue

from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.modules.exceptions import queries
from banyan.modules.exceptions.commands import escalate_overdue


@queue.periodic(cron="* * * * *")
@queue.task(name="exceptions.escalate", queue="jobs", queueing_lock="escalate_exceptions")
def escalate(timestamp: int) -> None:
    """Escalate every minute what is due; a minute without any leaves no trace."""
    now = datetime.now(UTC)
    if queries.to_escalate(now, 1):
        execute(Context(SYSTEM, now=now, through="job", program="exceptions"), escalate_overdue)
