"""A factory in a live database, people who sign in, and a folder for what the screens look like."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import User
from tests.plugins.world import World

PASSWORD = "Wurzel-und-Zweig-7"
SCREENS = Path(__file__).parents[2] / "build" / "screens"


@pytest.fixture
def factory(live_db, settings, tmp_path) -> World:
    """Give a small factory, committed, with orders in several states and somebody who may do everything."""
    settings.MEDIA_ROOT = tmp_path
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
def signed_in(factory, open_page) -> Callable[..., object]:
    """Open a page where somebody who may do everything has signed in; `faults` is what the console says."""

    def make(**more):
        page = open_page(**more)
        page.faults = []
        page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda fault: page.faults.append(str(fault)))
        page.goto("/login")
        page.fill("[name=username]", "all")
        page.fill("[name=password]", PASSWORD)
        page.click("form.sign-card button")
        page.wait_for_selector("body[data-ready]")
        if more.get("language") == "en":
            page.click(".language button")
            page.wait_for_selector("html[lang=en] body[data-ready]")
        return page

    return make


def settle(page) -> None:
    """Wait until the page asks for nothing more."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(120)
