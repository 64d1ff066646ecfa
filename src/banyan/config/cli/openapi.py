"""`banyan openapi`."""

from __future__ import annotations

import json

import click

from banyan.config.cli._django import running


@click.command()
@click.option("--output", "-o", type=click.File("w"), default="-", help="File; without it, the terminal.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="en", show_default=True)
def command(output: click.File, language: str) -> None:
    """Print the description of the REST interface (OpenAPI 3.1, JSON)."""
    with running(needs_tables=False):
        from banyan.web.rest import openapi

        json.dump(openapi.document(language), output, ensure_ascii=False, indent=2)
        output.write("\n")
