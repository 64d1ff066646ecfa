"""A factory in a live database, people who sign in, and a folder for what the screens look like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from banyan.demo import rongxi, story
from banyan.kernel import dispatcher
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import User
from tests.browser.floor import SCREENS, Floor
from tests.browser.hands import BUSY, Hand, let_in, settle
from tests.browser.soon import PATIENCE
from tests.plugins.world import World

PASSWORD = "Wurzel-und-Zweig-7"
#: The morning on which the demo factory is worked in, nine o'clock there; stock, prices and periods know it.
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WENT_WRONG = pytest.StashKey[bool]()

__all__ = ["SCREENS", "settle"]


@pytest.fixture
def factory(again, settings, tmp_path) -> World:
    """Give a small factory, committed, with orders in several states and somebody who may do everything."""
    settings.MEDIA_ROOT = tmp_path
    return again(_factory)


def _factory() -> World:
    world = World(Context(SYSTEM, now=datetime.now(UTC), through="story"))
    boss = User(login="all", name="林小雨", is_superuser=True)
    boss.set_password(PASSWORD)
    boss.save()
    names = ("远山机械", "华东传动", "北方重工", "海川自动化")
    parties = [
        world.party(code=f"CU-{n:02}", name=name, tax_code=world.vat13) for n, name in enumerate(names, 1)
    ]
    items = [world.item(code=f"FG-{n:03}", name=f"减速机 R{n}0", is_sold=True) for n in range(1, 9)]

    def line(n: int) -> dict:
        return {"item": items[n % 8], "quantity": str(n + 1), "price": "1250.5"}

    world.orders = world.make_many("sales.order", [
        {"party": parties[n % 4], "plant": world.plant, "customer_reference": f"PO-{n:03}",
         "wanted_on": f"2026-{n % 9 + 1:02}-{n % 27 + 1:02}",
         "lines": [line(n + m) for m in range(n % 4 + 1)]}
        for n in range(100)
    ])  # fmt: skip
    world.do("sales.order.confirm", world.orders[:12])
    world.do("sales.order.cancel", world.orders[10:12], reason="客户取消")
    return world


@pytest.fixture
def floor(again) -> Floor:
    """Give a shop floor with orders released and a station that is to be paired."""
    return again(Floor)


@pytest.fixture
def signed_in(factory, open_page) -> Callable[..., object]:
    """Open a page for somebody who has signed in and may do everything; `faults` is what the console says."""

    def make(**more):
        page = watched(open_page(**more))
        let_in(page, "all", PASSWORD)
        if more.get("language") == "en":
            page.goto("/")
            page.click(".language button")
            page.wait_for_selector("html[lang=en] body[data-ready]")
            settle(page)
        return page

    return make


def watched(page: Page) -> Page:
    """Have a page wait until it is ready, and with patience; `faults` is what its console says."""
    page.add_init_script(BUSY)
    page.set_default_timeout(PATIENCE)
    visit, again = page.goto, page.reload
    page.goto = lambda *what, **how: (visit(*what, **how), settle(page))[0]
    page.reload = lambda **how: (again(**how), settle(page))[0]
    page.faults = []
    page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    return page


class Unheard:
    """Told of the set-up, and tells nobody."""

    def chapter(self, title: object) -> None:
        """Do nothing."""

    def fact(self, *words: object) -> None:
        """Do nothing."""


@pytest.fixture
def demo(again, monkeypatch) -> None:
    """Set the demo factory up, before its story, on a Monday morning whose clock goes on from now."""

    class Clock:
        late = MONDAY - datetime.now(UTC)

        @classmethod
        def now(cls) -> datetime:
            return datetime.now(UTC) + cls.late

    monkeypatch.setattr("banyan.web.acting.timezone", Clock)
    again(_demo)


def _demo() -> None:
    rongxi.set_up(Context(SYSTEM, now=MONDAY, through="story", program="story"), Unheard())
    dispatcher.wait_until_quiet(60)  # what is told is not to grow old while it is put back for later tests


@pytest.fixture
def enter(demo, open_page, request) -> Iterator[Callable[..., Hand]]:
    """Give a function that has a person of the demo factory come in; who is in already is the same hand.

    The first one signs in by the form. What each saw last is kept as `last-ROLE.png` where something went wrong.
    """

    def come(role: str, *, language: str = "zh", **size: object) -> Hand:
        if role not in come.hands:
            page = watched(open_page(language=language, **size))
            hand = Hand(page, is_touch=bool(size.get("phone") or size.get("tablet")), language=language)
            enters = hand.come_in if come.hands else hand.sign_in
            come.hands[role] = enters(role, story.PASSWORD)
        return come.hands[role]

    come.hands = {}
    yield come
    if request.node.stash.get(WENT_WRONG, False):
        SCREENS.mkdir(parents=True, exist_ok=True)
        for role, hand in come.hands.items():
            hand.page.screenshot(path=SCREENS / f"last-{role}.png")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep, for the fixtures that end after it, that a test went wrong."""
    report = yield
    item.stash[WENT_WRONG] = item.stash.get(WENT_WRONG, False) or report.failed
    return report
