"""`banyan secrets`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running


@click.group("secrets")
def command() -> None:
    """The keys that seal the secrets of outside systems.

    They lie outside the database (docs/configuration.md); no subcommand shows a secret.
    """


@command.command("status")
def status() -> None:
    """Print which keys are valid and how many secrets need each."""
    with running():
        from banyan.integration import secrets

        for key, count in secrets.in_use().items():
            click.echo(f"{key}  {count}")


@command.command("rotate")
def rotate() -> None:
    """Make a new key, seal everything under it, and take the older one away."""
    with running():
        from banyan.integration import secrets

        if len(secrets.keys()) == 1:
            click.echo(f"New key {secrets.rotate().id}.")
        _reseal()
        gone = secrets.retire()
        click.echo(f"Retired {', '.join(gone)}." if gone else "Nothing to retire.")


@command.command("reseal")
def reseal() -> None:
    """Seal everything under the newest key; may be run again at any time."""
    with running():
        _reseal()


@command.command("new-key")
def new_key() -> None:
    """Print a key for BANYAN_SECRETS_KEY. It is kept nowhere."""
    from banyan.integration import secrets

    click.echo(secrets.new_key())


def _reseal() -> None:
    from banyan.integration import secrets

    for holder, count in secrets.reseal().items():
        click.echo(f"{holder}: {count} sealed anew.")
