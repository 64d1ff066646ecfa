"""`banyan bus`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running


@click.command(hidden=True)
@click.option("--senders", default=8, show_default=True, help="Calls to partners at the same time.")
def command(senders: int) -> None:
    """Carry messages to and from other systems; `banyan up` runs this."""
    with running():
        from banyan.integration.engine import Bus

        Bus(senders=senders).run()
