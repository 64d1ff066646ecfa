"""`banyan environment`."""

from __future__ import annotations

import click

from banyan.config.cli._django import running


@click.command("environment")
@click.argument("word", required=False, type=click.Choice(["test", "production"]))
def command(word: str | None) -> None:
    """Print whether this is a test or a production installation; with a WORD, say so from now on.

    Only outside systems of the same environment are called. After a copy was restored elsewhere none is, until this
    says what the copy is.
    """
    with running():
        from banyan.integration import environments

        found = environments.bind(word) if word else environments.stored()
        click.echo(f"{found.environment or 'unclear: no outside system is called'} ({found.text.en})")
