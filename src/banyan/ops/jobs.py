"""The worker of long jobs, which also takes up the jobs of workers that were killed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections
from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException

from banyan.kernel import jobs, tracing

RESCUE_SECONDS = 10.0
SILENT_SECONDS = 30.0
log = logging.getLogger(__name__)


async def rescue_stalled(app: App, *, silent_seconds: float = SILENT_SECONDS) -> int:
    """Give jobs of workers without a sign of life back to the queue.

    Gives:  how many; a job may so run twice, and is written to bear it
    """
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=silent_seconds))
    for job in stalled:
        log.warning("Job %s (%s) lost its worker and is started again", job.id, job.task_name)
        await app.job_manager.retry_job(job)
    await app.job_manager.prune_stalled_workers(silent_seconds)
    return len(stalled)


def with_living_connection(work: Callable[[], Any], *_: Any) -> Any:
    """Do a job on a connection that was looked at, since the thread's own may have ended with the database."""
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


def as_step(work: Callable[[], Any], context: JobContext, *_: Any) -> Any:
    """Let work that nobody started but the clock be a trace of its own; what somebody started has one."""
    name = context.job.task_name
    if not tracing.is_on() or name == jobs.do_job.name:
        return work()
    with tracing.around(tracing.begin(f"job {name}", None, kind="consumer", begins=True)) as step:
        result = work()
        step.say(outcome="done")
        return result


async def work(app: App, *, concurrency: int) -> None:
    """Work off jobs until a signal asks for the end."""
    async with app.open_async():
        rescue = asyncio.create_task(_keep_rescuing(app))
        try:
            await app.run_worker_async(
                concurrency=concurrency,
                fetch_job_polling_interval=2.0,
                shutdown_graceful_timeout=5.0,
                delete_jobs="successful",
                stalled_worker_timeout=SILENT_SECONDS,
                task_middleware=[with_living_connection, as_step],
            )
        finally:
            rescue.cancel()


async def _keep_rescuing(app: App) -> None:
    while True:
        try:
            await rescue_stalled(app)
        except ConnectorException as error:
            log.warning("Stalled jobs cannot be looked up: %s", error)
        await asyncio.sleep(RESCUE_SECONDS)
