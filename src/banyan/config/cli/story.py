"""`banyan story`."""

from __future__ import annotations

import click

from banyan.config.cli._django import language, running


@click.command()
@click.option("--factory", default="demo", show_default=True, help="Which factory's story is told.")
def command(factory: str) -> None:
    """Fill an empty database with the story of a factory, through the product's own commands."""
    with running():
        from banyan.demo import story
        from banyan.lib.labels import speaking

        with speaking(language()):
            raise SystemExit(story.main(factory=factory))
