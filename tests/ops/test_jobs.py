"""A job whose worker was killed is taken up again."""

from __future__ import annotations

import asyncio

import psycopg

from banyan.ops import jobs


def _stalled_job(url: str) -> int:
    """Record what a worker leaves that was killed in the middle of a job."""
    with psycopg.connect(url) as connection:
        (worker,) = connection.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (now() - interval '5 minutes') RETURNING id"
        ).fetchone()
        (job,) = connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id)"
            " VALUES ('default', 'banyan.test', '{}', 'doing', %s) RETURNING id",
            [worker],
        ).fetchone()
    return job


def test_the_job_of_a_killed_worker_is_queued_again(live_db):
    from procrastinate.contrib.django import app

    job = _stalled_job(live_db.url())

    async def rescue() -> int:
        worker = app.with_connector(app.connector.get_worker_connector())
        async with worker.open_async():
            return await jobs.rescue_stalled(worker)

    assert asyncio.run(rescue()) == 1
    with psycopg.connect(live_db.url()) as connection:
        assert connection.execute(
            "SELECT status::text FROM procrastinate_jobs WHERE id = %s", [job]
        ).fetchone() == ("todo",)
        assert connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone() == (0,)
