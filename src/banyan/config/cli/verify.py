"""`banyan verify`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running


@click.command()
def command() -> None:
    """Re-prove every invariant of every module; exit code 1 and one line per fault where one is broken."""
    with running():
        from banyan.kernel import proofs

        raise SystemExit(proofs.run())
