"""`banyan asyncapi`."""

from __future__ import annotations

import json

import click

from banyan.config.cli._django import running, system_context


@click.command()
@click.option("--output", "-o", type=click.File("w"), default="-", help="File; without it, the terminal.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="en", show_default=True)
@click.option("--systems", is_flag=True, help="Also say which outside systems hear them, and where.")
def command(output: click.File, language: str, systems: bool) -> None:
    """Print the description of all events (AsyncAPI 3.0, JSON)."""
    with running(needs_tables=False):
        from banyan.integration.gateway import asyncapi

        json.dump(asyncapi.document(language, system_context() if systems else None), output, ensure_ascii=False,
                  indent=2)  # fmt: skip
        output.write("\n")
