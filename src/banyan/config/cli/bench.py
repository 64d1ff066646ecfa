"""`banyan bench`."""

from __future__ import annotations

import runpy
import sys
from contextlib import nullcontext

import click

from banyan.config.cli._django import running
from banyan.config.environ import CHECKOUT

FOLDER = CHECKOUT / "bench"
#: These start what they measure themselves, and leave the database of this installation alone.
OWN_SERVER = frozenset({"bus", "floor", "start", "traces", "trunk"})


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1)
def command(name: str | None, arguments: tuple[str, ...]) -> None:
    """Measure, by the file of that name in bench/; without a name, list what can be measured."""
    names = sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith("_"))
    if name is None:
        click.echo("\n".join(names) or f"{FOLDER} holds no measurement.")
        return
    if name not in names:
        raise click.BadParameter(f"{name}: choose one of {', '.join(names) or 'none yet'}.")
    with nullcontext() if name in OWN_SERVER else running():
        sys.argv = [name, *arguments]
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
