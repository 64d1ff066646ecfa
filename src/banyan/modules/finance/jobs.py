"""What finance does by itself: vouchers for the day's entries."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app as queue

from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.modules.finance.commands import make_vouchers


@queue.periodic(cron="40 * * * *")
@queue.task(name="finance.number_vouchers", queue="jobs", queueing_lock="number_vouchers")
def number_vouchers(timestamp: int) -> None:
    """Number new entries every hour."""
    execute(Context(SYSTEM, now=datetime.now(UTC), through="job", program="finance"), make_vouchers)
