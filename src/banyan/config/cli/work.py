"""`banyan work`."""

from __future__ import annotations

import asyncio

import click

from banyan.config.cli._django import running


@click.command(hidden=True)
@click.option("--concurrency", default=2, show_default=True, help="Jobs at the same time.")
def command(concurrency: int) -> None:
    """Work off long jobs; `banyan up` runs this."""
    with running():
        from procrastinate.contrib.django import app

        from banyan.ops import jobs

        worker = app.with_connector(app.connector.get_worker_connector())
        asyncio.run(jobs.work(worker, concurrency=concurrency))
