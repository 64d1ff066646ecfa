"""The phone's camera in the warehouse: goods carried from bin to bin without a network, material back from an order."""

from __future__ import annotations

import pytest

from banyan.modules.inventory.models import Move
from banyan.modules.station import badges
from banyan.modules.station.models import KeptAct
from tests.browser.conftest import watched
from tests.browser.floor import shell_is_kept
from tests.browser.soon import expect
from tests.browser.test_station import film, look_again, scanner_is
from tests.browser.test_warehouse import Keeper, Stores, label
from tests.plugins.browser import PHONE, launched

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
#: A bin that was scanned.
SEEN = '.ware-place.is-seen[data-place="{}"]'


@pytest.fixture
def stores(again) -> Stores:
    return again(Stores)


class Eye(Keeper):
    """A keeper whose scans are made by the camera."""

    def __init__(self, page, name: str, film_of) -> None:
        super().__init__(page, name)
        self.film_of = film_of

    def sees(self, text: str, shown: str) -> None:
        """Hold the camera before a label, and wait until what it leads to is shown."""
        self.film_of(text)
        self.page.locator("[data-scan]").click()
        expect(self.page.locator(shown)).to_be_visible()

    def sees_wrong(self, text: str, said: str) -> None:
        self.sees(text, "[data-alarm=wrong]")
        expect(self.page.locator("[data-alarm]")).to_contain_text(said)
        self.page.locator("[data-seen]").click()


@pytest.fixture
def eye(stores, chromium, site, tmp_path):
    """Open a phone on which the keeper has signed in by a badge before the camera."""
    file = film(tmp_path / "camera.y4m", badges.badge_code(stores.badge.pk, stores.badge.serial))
    browser = launched(chromium.browser_type, file)
    page = watched(browser.new_page(base_url=site, locale="zh-CN", viewport=PHONE))
    page.goto("/station/")
    page.locator("#pairing").fill(stores.pairing_code())
    page.get_by_role("button", name="配对").click()
    page.get_by_role("button", name="扫工牌登录").click()
    expect(page.locator("[data-open=gate]")).to_be_visible()
    yield Eye(page, "camera", lambda text: film(file, text))
    browser.close()


@pytest.mark.slow
def test_goods_are_carried_without_a_network_and_material_comes_back_by_the_camera(stores, eye):
    page, shop, world, bins = eye.page, stores.shop, stores.world, stores.bins
    order = stores.orders[0]
    world.do("production.work_order.issue", order)
    shell_is_kept(page)
    look_again(page)
    scanner_is(page, "kept")
    # from bin to bin: three scans and a quantity; what is scanned wrongly sounds the alarm
    there = shop.on_hand_at(world.part, bins["A-01"])
    page.context.set_offline(True)
    eye.tap("[data-open=move]")
    eye.sees_wrong(label("items.item", world.part), "库位")
    eye.sees(label("inventory.location", bins["A-01"]), SEEN.format("A-01"))
    eye.sees_wrong(label("items.item", world.steel), "批次标签")
    eye.sees(label("items.item", world.part), "[data-quantity]")
    eye.sees_wrong(label("inventory.location", bins["A-01"]), "另一个库位")
    eye.digits("12")
    eye.sees(label("inventory.location", bins["B-01"]), SEEN.format("B-01"))
    eye.look("move")
    eye.tap("[data-next]")
    expect(page.locator(".ware-done")).to_contain_text("MP-1 × 12")
    expect(page.locator("[data-queue]")).to_have_attribute("data-queue", "1")
    eye.look("moved-offline")
    page.context.set_offline(False)
    eye.synced()
    assert shop.on_hand_at(world.part, bins["B-01"]) == 12
    assert shop.on_hand_at(world.part, bins["A-01"]) == there - 12
    # back from an order, into the bin that was scanned
    eye.tap("[data-open=returns]")
    eye.look("returns")
    eye.sees(label("production.work_order", order), "[data-ware=held]")
    eye.look("held-by-order")
    eye.sees_wrong(label("inventory.lot", stores.other), "这张工单领的料")
    eye.sees(label("items.item", world.part), "[data-ware=return_line]")
    eye.digits("201")
    expect(page.locator("[data-next]")).to_have_text("比领的多了")
    eye.digits("⌫⌫⌫30")
    eye.sees(label("inventory.location", bins["A-02"]), SEEN.format("A-02"))
    eye.look("return")
    eye.tap("[data-next]")
    expect(page.locator(".ware-done")).to_contain_text("已退料：MP-1 × 30")
    assert shop.on_hand_at(world.part, bins["A-02"]) == 30
    assert shop.material(order, world.part).returned_quantity == 30
    assert not KeptAct.objects.exists()
    assert Move.objects.filter(item=world.part, target=bins["B-01"]).count() == 1
    assert [one for one in page.faults if "net::ERR_" not in one] == []
