"""`banyan migrate`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running


@click.command()
def command() -> None:
    """Bring the database to the present version, as its owner, and give the application its rights."""
    with running("owner"):
        from django.core.management import call_command

        from banyan.config import grants

        call_command("migrate", interactive=False, verbosity=1)
        grants.apply()
