"""Puts the files that take longest first, so that no worker does one of them alone at the end.

Within a file, tests that want the same to stand (tests/plugins/standing.py) run one after another.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins.standing import wanted

TESTS = Path(__file__).parents[1]
#: Folders and files of long tests, the longest first; all others follow as they are found.
LONG = (
    "rest/test_schemathesis.py", "browser/test_story.py", "browser/test_station.py", "browser/test_work.py", "browser",
    "web/test_print_browser.py", "conformance", "ops/test_up.py", "rest", "adventureworks", "ops", "concurrency",
    "scenarios", "config",
)  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first, and together what wants the same; otherwise the order stays."""
    files = {item.path: n for n, item in reversed(list(enumerate(items)))}
    items.sort(key=lambda item: (_place(item.path), files[item.path], [make.__name__ for make in wanted(item)]))


def _place(path: Path) -> int:
    return next((n for n, name in enumerate(LONG) if path.is_relative_to(TESTS / name)), len(LONG))
