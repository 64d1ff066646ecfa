"""What a test found and a passed run would hide: counts, sums and times are shown at the end, by whatever worker."""

from __future__ import annotations

import pytest

KEPT = "said"
_running: list[pytest.Item] = []
_said: list[tuple[str, str]] = []


def say(*lines: str) -> None:
    """Print lines, and show them at the end of the run under the name of the test that runs."""
    print(*lines, sep="\n")
    if _running:
        _running[-1].user_properties += [(KEPT, line) for line in lines]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """Know which test runs."""
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take what a test said from its last report, which comes from its worker too."""
    if report.when == "teardown":
        _said.extend((report.nodeid, str(line)) for name, line in report.user_properties if name == KEPT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show all that was said, test by test."""
    if not _said:
        return
    terminalreporter.section("what was found")
    shown = ""
    for test, line in _said:
        if test != shown:
            terminalreporter.line(test)
            shown = test
        terminalreporter.line(f"  {line}")
