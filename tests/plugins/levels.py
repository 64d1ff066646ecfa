"""Two levels of tests: all that fit in minutes, and those that are slow, long, or need a partner.

With BANYAN_TEST_ALL=1 everything runs, and what a test needs and does not find is a failure. Without it,
both are skipped, counted, and named with their reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import pytest

LATER = ("slow", "partner", "soak")
#: One more case of a test, for `make test-all`.
later = partial(pytest.param, marks=pytest.mark.slow)


def runs_all() -> bool:
    """Tell whether everything is asked for."""
    return os.environ.get("BANYAN_TEST_ALL", "") not in ("", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is for `make test-all` only."""
    if runs_all():
        return
    for item in items:
        for name in LATER:
            if mark := item.get_closest_marker(name):
                what = f"{name} ({mark.args[0]})" if mark.args else name
                item.add_marker(pytest.mark.skip(reason=f"{what}: run by `make test-all`"))


@pytest.fixture(scope="session")
def needs() -> Callable[[object, str], None]:
    """Give a function that ends the test where something it needs is missing.

    needs(path.exists(), "the records of AdventureWorks; set BANYAN_ADVENTUREWORKS to their folder")
    """

    def check(found: object, what: str) -> None:
        if found:
            return
        if runs_all():
            pytest.fail(f"missing: {what}", pytrace=False)
        pytest.skip(f"missing: {what}")

    return check
