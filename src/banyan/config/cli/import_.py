"""`banyan import`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from banyan.config.cli._django import language, noun_named, running, system_context
from banyan.config.environ import CHECKOUT


@click.command(name="import")
@click.argument("what")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "pairs", multiple=True, metavar="COLUMN=FIELD",
              help="Where a column goes, if its name does not tell; may be given again.")  # fmt: skip
@click.option("--check", is_flag=True, help="Say what would happen and every fault; write nothing.")
@click.option("--report", "account", type=click.Path(dir_okay=False, path_type=Path),
              help="Where to write the whole account of an earlier system's records, as JSON.")  # fmt: skip
def command(what: str, file: Path | None, pairs: tuple[str, ...], check: bool, account: Path | None) -> None:
    """Import a CSV or XLSX file into a noun, or the folder of an earlier system into all of them.

    WHAT is a noun such as items.item, with FILE: all rows or none; rows whose key is known are changed,
    others are made. Without FILE it is a folder of an earlier system's files, or that system's name
    (adventureworks): every row is accounted for, and a second run changes only what differs.
    Exit code 1 where there are faults.
    """
    if account and not account.parent.is_dir():
        raise click.BadParameter(f"there is no folder {account.parent}.", param_hint="--report")
    with running():
        if file is None:
            _migrate(what, account)
        else:
            _import(what, file, pairs, check)


def _import(noun: str, file: Path, pairs: tuple[str, ...], check: bool) -> None:
    from banyan.kernel import exchange

    target, context = noun_named(noun), system_context()
    table = exchange.read_table(file.name, file)
    mapping = exchange.suggest_map(target, table.columns) | _given(pairs)
    found = exchange.check(context, target, table, mapping)
    for fault in found.faults:
        place = f"row {fault.row}" + (f", {fault.column}" if fault.column else "")
        click.echo(f"{place}: {fault.text.in_(language())}", err=True)
    if more := found.fault_count - len(found.faults):
        click.echo(f"… and {more} more faults.", err=True)
    if found.faults:
        raise SystemExit(1)
    if not check:
        with click.progressbar(length=found.rows, label=file.name, file=sys.stderr) as bar:
            exchange.run(context, target, table, mapping, progress=lambda done, _: bar.update(done - bar.pos))
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


def _migrate(what: str, account: Path | None) -> None:
    from banyan.ops.migration import engine, mapping

    system, folder = _system_in(what, mapping.systems())
    report = engine.migrate(
        system_context(), mapping.load(system), folder, say=lambda noun: click.echo(f"… {noun}", err=True)
    )
    for line in report.lines(language()):
        click.echo(line)
    if account:
        text = json.dumps(report.as_json(), ensure_ascii=False, indent=1) + "\n"
        try:
            account.write_text(text, encoding="utf-8")
        except OSError as fault:
            why = f"The records are in, but {account} cannot be written: {fault.strerror}."
            raise click.ClickException(why) from fault
    raise SystemExit(0 if report.is_reconciled else 1)


def _system_in(what: str, systems: tuple[str, ...]) -> tuple[str, Path]:
    """Give the system and the folder that a name or a path means.

    A name's folder is that of the variable BANYAN_<NAME>, else shared/data/<name> beside the checkout.
    """
    if what in systems:
        named = os.environ.get(f"BANYAN_{what.upper()}")
        return what, Path(named) if named else CHECKOUT.parent / "shared" / "data" / what
    from banyan.kernel import registry

    if registry.has_noun(what):
        raise click.UsageError(f"{what} is a noun: name the FILE that is to be imported.")
    folder = Path(what)
    if not folder.is_dir():
        raise click.BadParameter(
            f"{what} is neither a folder nor one of {', '.join(systems)}.", param_hint="WHAT"
        )
    from banyan.ops.migration import mapping

    fitting = [one for one in systems if mapping.load(one).fits(folder)]
    if len(fitting) != 1:
        raise click.BadParameter(
            f"{what} does not hold the files of {', '.join(systems)}.", param_hint="WHAT"
        )
    return fitting[0], folder
