"""`banyan secrets`."""

from __future__ import annotations

import click

from banyan.config.cli._django import done, running


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


_reason = click.option("--reason", help="Why; it stays in the audit.")


@command.command("rotate")
@_reason
def rotate(reason: str | None) -> None:
    """Make a new key, seal everything under it, and take the older one away."""
    with running():
        from banyan.integration import secrets

        if len(secrets.keys()) == 1:
            click.echo(done("integration.secret.rotate", reason).en)
        click.echo(done("integration.secret.reseal", reason).en)
        click.echo(done("integration.secret.retire", reason).en)


@command.command("reseal")
@_reason
def reseal(reason: str | None) -> None:
    """Seal everything under the newest key; may be run again at any time."""
    with running():
        click.echo(done("integration.secret.reseal", reason).en)


@command.command("new-key")
def new_key() -> None:
    """Print a key for BANYAN_SECRETS_KEY. It is kept nowhere."""
    from banyan.integration import secrets

    click.echo(secrets.new_key())
