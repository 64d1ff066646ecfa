"""A real browser before a real site.

    def test_something(site, open_page):
        page = open_page(phone=True)
        page.goto("/login")

`site` serves the `live_db` of the test; what the test commits, the page shows.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

PHONE = {"width": 390, "height": 844}
#: The smallest that the floor's pages must fit: a phone of five inches, and a tablet of ten held upright.
SMALL_PHONE = {"width": 360, "height": 640}
UPRIGHT_TABLET = {"width": 768, "height": 1024}
TABLET = {"width": 1024, "height": 768}
DESKTOP = {"width": 1440, "height": 900}
#: The shell draws no window of its own and takes half the processor.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def site(live_db) -> Iterator[str]:
    """Give the address of a site that serves the test's own live database."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import ThreadedWSGIServer
    from django.test.testcases import LiveServerThread

    class Served(ThreadedWSGIServer):
        def serve_forever(self, poll_interval: float = 0.02) -> None:
            """Hear soon that it is to end: half a second of each test went by with that."""
            super().serve_forever(poll_interval)

    class Site(LiveServerThread):
        server_class = Served

    server = Site("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait(20)
    if server.error:
        raise server.error
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()


def program(sees: Path | None = None) -> dict[str, Any]:
    """Give how the machine's Chromium is started, Playwright's own where there is none; sees: a film for its camera."""
    return {
        "executable_path":
            os.environ.get("BANYAN_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None),
        "args": [
            "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
            *([f"--use-file-for-fake-video-capture={sees}"] if sees else []),
        ],
    }  # fmt: skip


def launched(chromium: Any, sees: Path | None = None) -> Any:
    """Start the machine's Chromium.

    Takes:  chromium: Playwright's browser type; sees: a film that its camera shows
    Raises: playwright.sync_api.Error where no browser is installed
    """
    return chromium.launch(**program(sees))


class Device:
    """A device with a profile of its own on the disk: started, dying as without a battery, started again."""

    def __init__(self, chromium: Any, site: str, folder: Path) -> None:
        self.chromium, self.site, self.folder = chromium, site, folder
        self.context: Any = None
        self.pid = 0

    def start(self, *, offline: bool = False) -> Any:
        """Start the browser on its profile; give its page."""
        self.context = self.chromium.launch_persistent_context(
            self.folder, **program(), base_url=self.site, offline=offline, viewport=PHONE, has_touch=True,
            is_mobile=True, locale="zh-CN", timezone_id="Asia/Shanghai",
        )  # fmt: skip
        self.pid = self._own_process()
        page = self.context.pages[0]
        page.set_default_timeout(15_000)
        return page

    def kill(self) -> None:
        """Kill the browser's process: nothing in it is told that it ends."""
        os.kill(self.pid, signal.SIGKILL)

    def wait_dead(self, seconds: float = 20) -> None:
        """Wait until the process is gone. Raises: AssertionError"""
        end = time.monotonic() + seconds
        while self._is_alive() and time.monotonic() < end:
            time.sleep(0.05)
        assert not self._is_alive(), "the browser lives on"

    def close(self) -> None:
        """End what still runs."""
        with suppress(Exception):
            self.context.close()

    def _is_alive(self) -> bool:
        with suppress(OSError):
            return ") Z " not in Path(f"/proc/{self.pid}/stat").read_text()
        return False

    def _own_process(self) -> int:
        """Give the process that was started on this profile; those it started itself say what they are."""
        asked = f"--user-data-dir={self.folder}".encode()
        for one in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = one.read_bytes().split(b"\0")
                if asked in words and not any(word.startswith(b"--type=") for word in words):
                    return int(one.parent.name)
        raise AssertionError("the browser's process was not found")


_running: list[tuple[Any, ExitStack]] = []


@pytest.fixture(scope="module")
def chromium(needs) -> object:
    """Give the machine's Chromium, driven by Playwright; one for all tests that follow each other and want it.

    Playwright keeps an event loop in this thread meanwhile, which Django would take for asynchronous code, and beside
    which no other can run: it ends before a test that has no browser. Connections are of the loop's inside or of its
    outside: neither side keeps one that the other cannot see.
    """
    if _running and not (_running[0][0] and _running[0][0].is_connected()):
        _end()
    if not _running:
        _running.append(_begin())
    needs(_running[0][0], "a browser; install the package chromium-headless-shell or set BANYAN_CHROMIUM")
    return _running[0][0]


def _begin() -> tuple[Any, ExitStack]:
    """Start Playwright and its browser; give that, None where there is none, and what ends both."""
    from django.db import connections
    from playwright.sync_api import Error, sync_playwright

    connections.close_all()
    stack = ExitStack()
    stack.enter_context(pytest.MonkeyPatch.context()).setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    playwright = stack.enter_context(sync_playwright())
    stack.callback(connections.close_all)
    browser = None
    with suppress(Error):
        browser = launched(playwright.chromium)
        stack.callback(browser.close)
    return browser, stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """End the browser where the next test has none."""
    done = yield
    if _running and "chromium" not in getattr(nextitem, "fixturenames", ()):
        _end()
    return done


def _end() -> None:
    _running.pop()[1].close()


@pytest.fixture
def device(chromium, site, tmp_path) -> Iterator[Device]:
    """Give a device whose browser has a profile of its own, not started yet."""
    made = Device(chromium.browser_type, site, tmp_path / "profile")
    yield made
    made.close()


@pytest.fixture
def open_page(chromium, site) -> Iterator[Callable[..., object]]:
    """Give a function that opens a page of a fresh browser profile; the address may be relative.

    Takes:  phone, small (a smaller phone), tablet, upright (a tablet in that way): touch and such a screen;
            language: zh or en; more goes to Playwright's context
    """
    contexts = []

    def open_(
        *, phone: bool = False, small: bool = False, tablet: bool = False, upright: bool = False,
        language: str = "zh", **more: object,
    ):  # fmt: skip
        sizes = ((phone, PHONE), (small, SMALL_PHONE), (tablet, TABLET), (upright, UPRIGHT_TABLET))
        context = chromium.new_context(
            base_url=site,
            locale="zh-CN" if language == "zh" else "en-GB",
            timezone_id="Asia/Shanghai",
            viewport=next((size for is_asked, size in sizes if is_asked), DESKTOP),
            has_touch=any(is_asked for is_asked, _ in sizes),
            is_mobile=phone or small,
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        return page

    yield open_
    for context in contexts:
        context.close()
