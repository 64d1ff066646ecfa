"""Every generic screen on a phone, a tablet and a desk, in both languages and both themes, seen and kept."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import SCREENS, settle

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CHINESE = re.compile(r"[\u3400-\u9fff]")
DEVICES = [
    ("desk", {}, "zh", "light"),
    ("phone", {"phone": True}, "en", "dark"),
    pytest.param("desk", {}, "en", "dark", marks=pytest.mark.slow),
    pytest.param("tablet", {"tablet": True}, "zh", "dark", marks=pytest.mark.slow),
    pytest.param("phone", {"phone": True}, "zh", "light", marks=pytest.mark.slow),
]
#: Parts that show what people have entered, in whatever language.
ENTERED = (
    ".rows td, .values dd, .board-card, .chain-box, .timeline, .head h1, .top-place, .menu-title, "
    ".avatar-round, .lines td, .linegrid, .task, .inbox-lines, .box-what, option, .brand, .language"
)


@pytest.mark.parametrize(
    ("device", "size", "language", "theme"), DEVICES, ids=lambda v: str(v) if isinstance(v, str) else ""
)
def test_the_generic_screens(factory, signed_in, device, size, language, theme):
    order, draft = factory.orders[3].pk, factory.orders[40].pk
    page = signed_in(**size, language=language, color_scheme=theme)
    folder = SCREENS / f"{device}-{language}-{theme}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in {
        "home": "/", "area": "/areas/sales", "list": "/sales/orders", "board": "/sales/orders?layout=board",
        "record": f"/sales/orders/{order}", "edit": f"/sales/orders/{draft}/edit", "new": "/items/items/new",
        "import": "/items/items/import", "empty": "/sales/returns", "inbox": "/inbox", "jobs": "/jobs",
        "me": "/me", "dialog": f"/sales/orders/{draft}", "find": "/", "missing": "/sales/orders/new/nowhere",
    }.items():  # fmt: skip
        page.goto(path)
        settle(page)
        if name == "dialog":
            page.click(".head-actions > .btn-primary")
            page.wait_for_selector("dialog[open] form")
        if name == "find":
            page.keyboard.press("Control+k")
            page.fill("#find-input", "PO-00")
            page.wait_for_selector(".palette-hit small:text-matches('^(销售订单|Sales order)$')")
        settle(page)
        page.screenshot(path=folder / f"{name}.png")
        check(page, name, device, language)
    missing = [f for f in page.faults if "404" not in f]
    assert missing == []


def check(page, name: str, device: str, language: str) -> None:
    """Hold a page to what holds for all: nothing sticks out, fingers fit, one language."""
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], f"{name} is wider than the screen"
    if device == "phone":
        small = page.evaluate(
            """() => [...document.querySelectorAll(
                'button, .btn, select, .bottom > *, .menu-item, summary.btn, summary.chip')]
            .filter(e => e.checkVisibility() && !e.closest('.token, .options'))
            .map(e => [e.getBoundingClientRect(), e]).filter(([r]) => r.height > 0 && r.height < 43.5)
            .map(([r, e]) => `${e.outerHTML.slice(0, 90)} ${r.height}`)"""
        )
        assert small == [], name
    if language == "en":
        words = page.evaluate(
            """entered => { const copy = document.querySelector('#main').cloneNode(true);
            copy.querySelectorAll(entered).forEach(e => e.remove()); return copy.textContent }""",
            ENTERED,
        )
        assert not CHINESE.search(words), f"{name}: {CHINESE.findall(words)}"


def test_a_page_weighs_little_after_the_first_visit(signed_in):
    page = signed_in()
    page.goto("/sales/orders")
    settle(page)
    weights = []
    page.on("requestfinished", lambda r: weights.append(r.sizes()["responseBodySize"]))
    page.goto("/sales/orders?state:in=draft")
    settle(page)
    assert 0 < sum(weights) < 100_000
