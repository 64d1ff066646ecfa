"""The camera reads codes wherever a page asks for one: a temporary card's part, a lot to be traced."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from banyan.modules.production.models import Operation, WorkOrder
from banyan.web import codes
from tests.browser.conftest import PASSWORD, SCREENS, watched
from tests.browser.hands import let_in
from tests.browser.looks import picture
from tests.browser.soon import expect
from tests.browser.test_station import film
from tests.browser.test_teamboard import Floor
from tests.plugins.browser import PHONE, launched

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LOOKS = SCREENS / "cameras"


@pytest.fixture
def floor(again) -> Floor:
    return again(Floor)


@pytest.fixture
def eye(floor, chromium, site, tmp_path):
    """Open a page of the leader's whose camera sees a file; the second value changes what it sees."""
    file = film(tmp_path / "camera.y4m", "nothing yet")
    browser = launched(chromium.browser_type, file)
    page = watched(browser.new_page(base_url=site, locale="zh-CN", viewport=PHONE))
    let_in(page, "leader", PASSWORD)
    yield page, lambda text: film(file, text)
    browser.close()


def look(page: Page, name: str) -> None:
    picture(page, LOOKS / f"{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"


def test_a_lot_is_scanned_and_its_trace_opens(floor, eye):
    page, sees = eye
    sees(f"https://any.host{codes.make('inventory.lot', floor.shop.steel_lot.pk)}")
    page.goto("/trace")
    look(page, "trace")
    page.locator("[data-scan-into]").click()
    expect(page.get_by_role("heading", name="HEAT-1")).to_be_visible()
    assert f"/trace/lots/{floor.shop.steel_lot.pk}" in page.url
    assert page.faults == []


@pytest.mark.slow
def test_the_part_of_a_card_is_scanned_and_operations_follow_the_taps(floor, eye):
    page, sees = eye
    world = floor.world
    sees(f"https://any.host{codes.make('inventory.lot', floor.shop.steel_lot.pk)}")
    page.goto("/production/card")
    page.locator("[data-scan-into]").click()
    expect(page.locator(".note")).to_contain_text("不是要找的记录")
    sees(f"https://any.host{codes.make('items.item', world.part.pk)}")
    page.locator("[data-scan-into]").click()
    expect(page.locator("#c-item")).to_have_value(re.compile(f"^{world.part.code} "))
    for name in ("检验", "车削"):
        page.locator(".tile", has_text=name).first.click()
    page.locator("#c-more").fill("去毛刺")
    page.locator("#c-centre").select_option(str(world.milling.pk))
    page.locator("[data-taps-add]").click()
    page.locator(".tile", has_text="铣削").first.click()
    page.locator(".tile", has_text="车削").first.click()
    turns = page.locator(".tile span[data-turn]:not([data-turn=''])").evaluate_all(
        "(tiles) => Object.fromEntries(tiles.map((one) => [one.dataset.turn, one.textContent.trim()]))"
    )
    assert {turn: text.split(" ")[0] for turn, text in turns.items()} == {"1": "检验", "2": "去毛刺", "3": "铣削"}
    look(page, "card")
    page.get_by_role("button", name="开卡").click()
    expect(page.locator("h1")).to_contain_text("WO")
    made = WorkOrder.objects.get(kind="temporary")
    assert made.item_id == world.part.pk
    steps = Operation.objects.filter(work_order=made).order_by("sequence").values_list("name", "work_centre_id")
    assert list(steps) == [("检验", world.turning.pk), ("去毛刺", world.milling.pk), ("铣削", world.milling.pk)]
