"""`banyan openapi`."""

from __future__ import annotations

import json

import click

from banyan.config.cli._django import running


@click.command()
@click.option("--output", "-o", type=click.File("w"), default="-", help="File; without it, the terminal.")
def command(output: click.File) -> None:
    """Print the description of the REST interface (OpenAPI 3.1, JSON)."""
    with running():
        from banyan.web import openapi

        json.dump(openapi.document(), output, ensure_ascii=False, indent=2)
        output.write("\n")
