"""`banyan db`: the embedded database by itself."""

from __future__ import annotations

import subprocess

import click

from banyan.config import database
from banyan.config.cli._django import database_ready
from banyan.ops.cluster import Cluster, ClusterError, find_binaries


@click.group()
def command() -> None:
    """Start, stop, or look into the embedded database."""


def _embedded() -> Cluster:
    if not database.is_embedded():
        raise click.ClickException("DATABASE_URL names a server; this command is for the embedded database.")
    return database.embedded()


@command.command()
def start() -> None:
    """Start it and keep it running."""
    cluster = _embedded()
    try:
        was_stopped = cluster.start()
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    cluster.keep()
    click.echo("Started." if was_stopped else "It runs already.")
    click.echo(cluster.url(database.ROLES["app"]))


@command.command()
def stop() -> None:
    """Stop it; sessions still open are ended."""
    try:
        _embedded().stop()
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    click.echo("Stopped.")


@command.command()
def status() -> None:
    """Say whether it runs; exit code 3 when it does not."""
    running = _embedded().postmaster()
    if running is None:
        click.echo("It does not run.")
        raise SystemExit(3)
    click.echo(f"It runs: process {running[0]}, {database.embedded().url(database.ROLES['app'])}")


@command.command(context_settings={"ignore_unknown_options": True})
@click.option("--role", type=click.Choice(sorted(database.ROLES)), default="app", show_default=True)
@click.argument("arguments", nargs=-1)
def psql(role: str, arguments: tuple[str, ...]) -> None:
    """Open psql as one of the two roles; arguments go to psql."""
    with database_ready():
        url = database.url(role)
        raise SystemExit(subprocess.run([find_binaries() / "psql", url, *arguments], check=False).returncode)
