"""`banyan edge`: read machines beside them, keep what they tell on disk, bring it to the server."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--state", "asks_state", is_flag=True, help="Say what the spool holds, and end.")
@click.option("--again", "asks_again", is_flag=True, help="Let what the server refused wait again, and end.")
def command(config: Path, asks_state: bool, asks_again: bool) -> None:
    """Run the edge process described in a file (src/banyan/connectors/edge/README.md); Ctrl-C ends it."""
    from banyan.connectors.edge.running import read_config, run

    try:
        read = read_config(config)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{config}: {error}") from error
    if asks_state or asks_again:
        spool = read.opened()
        if asks_again:
            click.echo(f"{spool.again()} readings wait again")
        held = spool.state()
        oldest = f", the oldest of {held.oldest_at}" if held.oldest_at else ""
        click.echo(f"{held.waiting} readings wait{oldest}; {held.refused} refused; {held.bytes / 1e6:.1f} MB")
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        run(read, stop)
    except BlockingIOError as error:
        raise click.ClickException(f"another edge process uses {read.spool}") from error
    except OSError as error:
        raise click.ClickException(str(error)) from error
