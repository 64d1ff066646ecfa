"""`banyan migrate`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running, server_ready


@click.command()
def command() -> None:
    """Bring the database to the present version, as its owner, and give the application its rights."""
    server_ready()
    with running("owner"):
        from banyan.config import migrations

        applied = migrations.apply(say=click.echo)
    click.echo(f"{applied} migrations applied." if applied else "The database is up to date.")
