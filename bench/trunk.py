"""How fast the trunk is: a server of its own, over loopback, durable, books on.

banyan bench trunk                          all figures, with what is promised: [limit, aim]
banyan bench trunk --only chain reports     some of them; --json gives an object a line
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from _server import BANYAN, empty, running, show, surroundings  # noqa: E402 (the folder is put on the path first)

#: By figure: the limit and the aim; what is faster or higher than the limit is kept.
TARGETS: dict[str, tuple[float, float]] = {
    "chain_s": (0.3, 0.2),
    "reports_per_s_32": (200, 300),
    "reports_p95_ms_32": (300, 300),
    "oversell_s": (2, 1),
    "list_rest_ms": (30, 15),
    "list_rest_deep_ms": (30, 15),
    "list_page_ms": (60, 40),
    "list_page_deep_ms": (60, 40),
    "list_search_ms": (60, 30),
    "bulk_items_per_s": (2000, 5000),
    "single_items_per_s": (150, 250),
    "import_aw_s": (30, 30),
    "plan_1000_s": (5, 2),
    "trace_1m_ms": (100, 50),
    "trace_page_1m_ms": (1000, 300),
}
GROUPS = ("chain", "reports", "oversell", "items", "lists", "trace", "plan", "plan_large", "import")


def main(arguments: Sequence[str]) -> None:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(prog="banyan bench trunk")
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument(
        "--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="NAME", help=", ".join(GROUPS)
    )
    asked = parser.parse_args(arguments)
    if not asked.json:
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    if set(asked.only) - {"import"}:
        _measure_server([name for name in GROUPS if name in asked.only and name != "import"], asked.json)
    if "import" in asked.only:
        _measure_import(asked.json)


def _measure_server(names: Sequence[str], as_json: bool) -> None:
    with running() as (server, factory):
        import _measures

        bench = _measures.Bench(server, factory)
        for name in names:
            for figure in getattr(_measures, name)(bench):
                show(figure, as_json, TARGETS)


def _measure_import(as_json: bool) -> None:
    """Measure the import of the whole AdventureWorks set into an empty database, where the set is found, and beside
    it the same rows written into another one by hand.
    """
    from types import SimpleNamespace

    from banyan.config.environ import CHECKOUT

    found = Path(
        os.environ.get("BANYAN_ADVENTUREWORKS") or CHECKOUT.parent / "shared" / "data" / "adventureworks"
    )
    if not found.is_dir():
        print("import_aw_s is not measured: BANYAN_ADVENTUREWORKS names no folder", file=sys.stderr)
        return
    with empty() as server:
        import _bare
        import _import

        with _bare.connected() as bare:
            before = _import.keys_there(bare)
        begun = time.perf_counter()
        _run_import(BANYAN, server.folder, found)
        seconds = time.perf_counter() - begun
        with _bare.connected() as bare:
            rows = _import.take(bare, before)
    with empty():
        least, counted = _import.seconds(rows)
    count = sum(one.count for one in rows.values())
    note = f"bare {counted} statements; {count:,} rows in {len(rows)} tables"
    if not as_json:  # statements are in the text alone, and counting them takes another import
        with empty() as server:
            told = _run_import((sys.executable, str(Path(__file__).with_name("_statements.py"))), server.folder, found)
        note = f"{told.splitlines()[-1]}, {note}"
    figure = SimpleNamespace(
        name="import_aw_s", value=seconds, unit="s", bare=least, ratio=round(seconds / least, 2),
        note=note,
    )  # fmt: skip
    show(figure, as_json, TARGETS)


def _run_import(program: Sequence[str], folder: Path, found: Path) -> str:
    """Import the files that were found into the product that lives in a folder; give what is printed."""
    done = subprocess.run(
        [*program, "import", "adventureworks"],
        env=surroundings(folder) | {"BANYAN_ADVENTUREWORKS": str(found)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"The import failed: {done.stderr[-500:]}{done.stdout[-2500:]}")
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
