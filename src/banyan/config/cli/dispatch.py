"""`banyan dispatch`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running


@click.command(hidden=True)
def command() -> None:
    """Deliver what has happened to those who listen; `banyan up` runs this."""
    with running():
        from banyan.kernel import dispatcher

        dispatcher.run()
