"""`banyan shell`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running


@click.command()
@click.option("--command", "-c", "text", help="Run this Python text instead of asking for it.")
def command(text: str | None) -> None:
    """Open Python with the product loaded, as the application's role."""
    with running(needs_tables=False):
        from django.core.management import call_command

        call_command("shell", command=text, no_imports=True, verbosity=0)
