"""`banyan environment`."""

from __future__ import annotations

import click

from banyan.config.cli._django import done, running


@click.command("environment")
@click.argument("word", required=False, type=click.Choice(["test", "production"]))
@click.option("--reason", help="Why; it stays in the audit.")
def command(word: str | None, reason: str | None) -> None:
    """Print whether this is a test or a production installation; with a WORD, say so from now on.

    Only outside systems of the same environment are called. After a copy was restored elsewhere none is, until this
    says what the copy is.
    """
    with running():
        from banyan.integration import environments

        if word:
            done("integration.system.bind_environment", reason, environment=word)
        found = environments.stored()
        click.echo(f"{found.environment or 'unclear: no outside system is called'} ({found.text.en})")
