"""How much the shop floor can do: reports by many people at once, and a thousand people at work.

banyan bench floor                       all figures, and the report floor.html in the present folder
banyan bench floor --json                an object a line
banyan bench floor --only rates --people 1000 --seconds 90 --report FILE
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from _server import Server, running, show  # noqa: E402 (the folder is put on the path first)

#: By figure: the limit and the aim.
TARGETS = {"floor_reports_per_s_32": (200, 300), "floor_1000_people_p95_ms": (500, 300)}
GROUPS = ("rates", "people")
COUNTS = (1, 8, 32, 128)


def main(arguments: Sequence[str]) -> None:
    """Measure what is asked for, print it, and write the report."""
    parser = argparse.ArgumentParser(prog="banyan bench floor")
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--report", type=Path, default=Path("floor.html"), help="where to write the load report")
    asked = parser.parse_args(arguments)
    with running() as (server, factory):
        _measure(server, factory, asked)


def _measure(server: Server, factory: Any, asked: argparse.Namespace) -> None:
    from _floor import Floor
    from _load_report import write

    floor = Floor(server, factory)
    floor.set_up(max(asked.people, max(COUNTS)))
    figures, day = [], None
    for figure in floor.rates(COUNTS) if "rates" in asked.only else ():
        figures.append(figure)
        show(figure, asked.json, TARGETS)
    if "people" in asked.only:
        day = floor.day_at_work(asked.seconds)
        for figure in day.figures():
            figures.append(figure)
            show(figure, asked.json, TARGETS)
    sent = floor.prove()
    write(asked.report, figures, day, people=len(floor.people), stations=floor.stations, booked=sent, targets=TARGETS)
    if not asked.json:
        print(f"{sent} reports, each in ledger, books and wages once, and approved; {asked.report.name} is written")


if __name__ == "__main__":
    main(sys.argv[1:])
