"""What a page should come to show, seen soon after it does."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import expect as playwright_expect

#: Milliseconds after which what should appear never will; a machine under load is slow, not wrong.
PATIENCE = 45_000
#: Milliseconds of one look. Playwright looks twice in it, and then ever more seldom, until it looks once a second.
LOOK = 200
playwright_expect.set_options(timeout=PATIENCE)


class Soon:
    """An assertion of Playwright's that looks ten times a second for as long as there is patience."""

    def __init__(self, about: Any) -> None:
        self._of = playwright_expect(about)

    def __getattr__(self, name: str) -> Any:
        holds = getattr(self._of, name)

        def look_until(*what: Any, timeout: float = PATIENCE, **how: Any) -> None:
            __tracebackhide__ = True
            end = time.monotonic() + timeout / 1000
            while True:
                try:
                    return holds(*what, timeout=LOOK, **how)
                except AssertionError:
                    if time.monotonic() > end:
                        raise

        return look_until


def expect(about: Any) -> Soon:
    """Expect something of a page or a part of it, with the words of Playwright's own `expect`."""
    return Soon(about)
