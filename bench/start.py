"""How long `make run` takes until the site answers: the first time, telling the demo factory's story, and later ones.

banyan bench start                 in a folder of its own; set-up, which then has nothing left to do, is timed with it
banyan bench start --empty         without the story
banyan bench start --without-setup `banyan up` alone
"""

from __future__ import annotations

import argparse
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent))

from _server import BANYAN, HOST, free_port, show, surroundings, temporary_folder  # noqa: E402 (put on the path first)

CHECKOUT = Path(__file__).parents[1]
SETUP = ("scripts/setup", "run")
#: By figure: the limit and the aim.
TARGETS = {"second_start_s": (5, 3)}


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds of one start: set-up, until the site answers after it, until all has ended."""

    setup: float
    up: float
    end: float


def main(arguments: Sequence[str]) -> None:
    """Start, end, and start again; print the first start and the middle of the later ones."""
    parser = argparse.ArgumentParser(prog="banyan bench start")
    parser.add_argument("--json", action="store_true", help="an object a line")
    parser.add_argument("--later", type=int, default=3, metavar="N", help="how often it is started again (3)")
    parser.add_argument("--empty", action="store_true", help="leave the database empty")
    parser.add_argument("--without-setup", action="store_true", help="time `banyan up` alone")
    asked = parser.parse_args(arguments)
    folder = temporary_folder()
    given = surroundings(folder) | {"BANYAN_PORT": str(free_port())}
    setup = () if asked.without_setup else SETUP
    up = [*BANYAN, "up", *(["--empty"] if asked.empty else [])]
    if setup:
        subprocess.run(setup, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)  # what is missing comes first
    try:
        first, *later = (_started(setup, up, given) for _ in range(1 + asked.later))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _tell("first_start_s", [first], asked.json)
    if later:
        _tell("second_start_s", later, asked.json)


def _started(setup: Sequence[str], up: Sequence[str], given: Mapping[str, str]) -> Start:
    """Start and end it once. Raises: RuntimeError where it ends before it answers"""
    begun = time.monotonic()
    if setup:
        subprocess.run(setup, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    ready = time.monotonic()
    process = subprocess.Popen(up, env=given, stdout=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not _answers(int(given["BANYAN_PORT"])):
        time.sleep(0.02)
    served = time.monotonic()
    if process.returncode is not None:
        raise RuntimeError(f"`banyan up` ended with {process.returncode}; its words stand above")
    process.send_signal(signal.SIGINT)
    process.wait()
    return Start(ready - begun, served - ready, time.monotonic() - served)


def _tell(name: str, starts: Sequence[Start], as_json: bool) -> None:
    seconds = [one.setup + one.up for one in starts]
    middle = [statistics.median(part) for part in zip(*((s.setup, s.up, s.end) for s in starts), strict=True)]
    each = "" if len(starts) == 1 else f"; each {', '.join(f'{one:.2f}' for one in seconds)}"
    note = "set-up {:.2f}, up {:.2f}, then {:.2f} s to end".format(*middle) + each
    value = statistics.median(seconds)
    show(SimpleNamespace(name=name, value=value, unit="s", bare=None, ratio=None, note=note), as_json, TARGETS)


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
