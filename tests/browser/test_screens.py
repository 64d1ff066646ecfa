"""Every generic screen on a phone, a tablet and a desk, in both languages and both themes, seen and kept."""

from __future__ import annotations

import pytest

from tests.browser.conftest import SCREENS, settle
from tests.browser.looks import check, picture
from tests.browser.sizes import every_look

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@every_look
def test_the_generic_screens(factory, signed_in, device, size, language, theme):
    order, draft = factory.orders[3].pk, factory.orders[40].pk
    page = signed_in(**size, language=language, color_scheme=theme)
    folder = SCREENS / f"{device}-{language}-{theme}"
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
        picture(page, folder / f"{name}.png")
        check(page, name, is_phone=device == "phone", language=language)
    missing = [f for f in page.faults if "404" not in f]
    assert missing == []


def test_a_page_weighs_little_after_the_first_visit(signed_in):
    page = signed_in()
    page.goto("/sales/orders")
    settle(page)
    weights = []
    page.on("requestfinished", lambda r: weights.append(r.sizes()["responseBodySize"]))
    page.goto("/sales/orders?state:in=draft")
    settle(page)
    assert 0 < sum(weights) < 100_000
