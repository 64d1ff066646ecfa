"""`banyan import`."""

from __future__ import annotations

from pathlib import Path

import click

from banyan.config.cli._django import language, noun_named, running, system_context


@click.command(name="import")
@click.argument("noun")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "pairs", multiple=True, metavar="COLUMN=FIELD",
              help="Where a column goes, if its name does not tell; may be given again.")  # fmt: skip
@click.option("--check", is_flag=True, help="Say what would happen and every fault; write nothing.")
def command(noun: str, file: Path, pairs: tuple[str, ...], check: bool) -> None:
    """Import a CSV or XLSX file into a noun, such as items.item: all rows or none.

    Rows whose key is known are changed, others are made. Exit code 1 where there are faults.
    """
    with running():
        from banyan.kernel import exchange

        target, context = noun_named(noun), system_context()
        table = exchange.read_table(file.name, file.read_bytes())
        mapping = exchange.suggest_map(target, table.columns) | _given(pairs)
        found = exchange.check(context, target, table, mapping)
        for fault in found.faults:
            place = f"row {fault.row}" + (f", {fault.column}" if fault.column else "")
            click.echo(f"{place}: {fault.text.in_(language())}", err=True)
        if found.faults:
            raise SystemExit(1)
        if not check:
            exchange.run(context, target, table, mapping)
        verb = "would be" if check else "were"
        click.echo(f"{found.creates} records {verb} made, {found.changes} changed.")


def _given(pairs: tuple[str, ...]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        column, equals, field = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r}: write COLUMN=FIELD.", param_hint="--map")
        mapping[column] = field
    return mapping
