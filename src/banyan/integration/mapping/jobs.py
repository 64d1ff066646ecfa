"""What key links do by themselves: once a day they are checked against our records."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app as queue

from banyan.integration.mapping.checking import cross_check
from banyan.integration.mapping.models import KeyLink
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context


@queue.periodic(cron="20 3 * * *")
@queue.task(name="mapping.cross_check", queue="jobs", queueing_lock="mapping_cross_check")
def check_links(timestamp: int) -> None:
    """Check every link once a day; without links there is nothing to check."""
    if KeyLink.objects.exists():
        execute(Context(SYSTEM, now=datetime.now(UTC), through="job", program="mapping"), cross_check)
