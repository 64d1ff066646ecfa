"""What a run tells of itself: the seed of what is random, by which BANYAN_SEED repeats it, and figures of its tests."""

from __future__ import annotations

import os
import random

import pytest

MOST_LINES, MOST_CHARACTERS = 20, 300


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed before workers begin, who inherit it."""
    os.environ.setdefault("BANYAN_SEED", str(random.SystemRandom().randrange(10**6)))


def pytest_report_header() -> str:
    """Show it."""
    return f"BANYAN_SEED={seed()}"


def seed() -> int:
    """Give the seed of this run."""
    return int(os.environ["BANYAN_SEED"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what passed tests printed: figures, both sides' counts, the words of refusals."""
    told = [
        (report.nodeid, report.capstdout.strip().splitlines())
        for report in terminalreporter.stats.get("passed", ())
        if report.when == "call" and report.capstdout.strip()
    ]
    if told:
        terminalreporter.section("figures")
    for name, lines in told:
        for line in [name, *(f"    {one}" for one in lines[:MOST_LINES])]:
            terminalreporter.write_line(line[:MOST_CHARACTERS])
