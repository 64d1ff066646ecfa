"""`banyan export`."""

from __future__ import annotations

from pathlib import Path

import click

from banyan.config.cli._django import noun_named, running, system_context


@click.command()
@click.argument("nouns", nargs=-1)
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), required=True,
              help="Folder for the files, one per noun; made where it is missing.")  # fmt: skip
@click.option("--form", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True)
def command(nouns: tuple[str, ...], folder: Path, form: str) -> None:
    """Write records to files that `banyan import` reads back: the nouns named, or all.

    A noun is named by its key, such as items.item.
    """
    with running():
        from banyan.kernel import exchange, reading, registry

        chosen = [noun_named(key) for key in nouns] or list(registry.nouns())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for noun in chosen:
                file = folder / f"{noun.spec.key}.{form}"
                with file.open("wb") as output:
                    for piece in exchange.export(system_context(), noun, reading.Query(), form, full=True):
                        output.write(piece)
                click.echo(file)
        except OSError as fault:
            raise click.ClickException(f"{fault.filename or folder} cannot be written: {fault.strerror}.") from fault
