"""Labels at a station without a network: those of orders at work are known, others are told by number."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from banyan.modules.production.models import Report
from banyan.modules.station import queries
from banyan.modules.station.models import KeptAct
from banyan.web import codes
from tests.browser.conftest import watched
from tests.browser.floor import Worker, comes_true, scanned, shell_is_kept
from tests.browser.soon import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SCAN = ".foot .btn-primary"
ORDERS_KEPT = """new Promise((done) => {
    indexedDB.open('banyan-station').onsuccess = (event) => {
        const facts = event.target.result.transaction('facts').objectStore('facts');
        facts.getAllKeys().onsuccess = (found) => done(found.target.result.some((one) => one.startsWith('orders.')));
    };
})"""


def label(noun: str, record: object) -> str:
    return f"https://factory.example{codes.make(noun, record.pk)}"


@pytest.fixture
def page(floor, open_page, monkeypatch) -> Page:
    """Open a station without a network, whose day has one's own tasks only; it has heard of all orders at work."""
    monkeypatch.setattr(queries, "MOST_OTHERS", 0)
    floor.order = floor.shop.released(quantity="30")
    made = watched(open_page(phone=True))
    made.hand = Worker(made, "labels")
    made.hand.sign_in(floor)
    shell_is_kept(made)
    comes_true(made, ORDERS_KEPT)
    made.context.set_offline(True)
    made.reload()
    expect(made.locator("[data-task]")).to_have_count(3)
    return made


def told(page: Page, quantity: str) -> None:
    """Report a quantity at the task that is open, and go back to the tasks."""
    page.hand.digits(quantity)
    page.hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    page.hand.to_tasks()


def booked(page: Page) -> list[tuple]:
    """Give what is booked once the network is back."""
    page.context.set_offline(False)
    page.hand.synced()
    rows = Report.objects.order_by("device_at").values_list("operation_id", "quantity", "flags")
    return [(key, int(quantity), flags) for key, quantity, flags in rows]


def test_the_label_of_an_order_that_the_day_does_not_hold_opens_its_report_page(floor, page):
    hand, order = page.hand, floor.order
    second = floor.shop.operation(order, 20)
    hand.taps.clear()
    scanned(page, SCAN, label("production.work_order", order))
    expect(page.locator("[data-operation]")).to_have_text(["10 车削", "20 铣削", "30 检验"])
    hand.look("which")
    hand.tap('[data-operation^="20"]', "the operation")
    expect(page.locator("h1")).to_have_text("20 铣削")
    expect(page.locator(".head")).to_contain_text(order.number)
    expect(page.locator(".head")).to_contain_text("减速机")
    expect(page.get_by_text("只知道是哪道工序")).to_be_visible()
    hand.look("known")
    told(page, "4")
    hand.took("a report from the label of an order that the day does not hold", 3)
    # its number as it is typed, and the label of an operation that is another's
    scanned(page, SCAN, order.number.lower())
    page.get_by_role("button", name="返回").last.click()
    expect(page.locator(".note")).to_have_count(0)
    scanned(page, SCAN, label("production.operation", floor.second))
    expect(page.locator("h1")).to_have_text("20 铣削")
    told(page, "5")
    assert booked(page) == [(second.pk, 4, ["over"]), (floor.second.pk, 5, ["over"])]
    assert not KeptAct.objects.exists()


def test_an_order_nobody_heard_of_is_said_to_be_unknown_and_can_be_told_by_number(floor, page):
    hand = page.hand
    late = floor.shop.released(quantity="25")
    scanned(page, SCAN, label("production.work_order", late))
    sheet = page.get_by_role("dialog", name="这台设备不知道这张工单")
    expect(sheet).to_contain_text("没有网络，查不到")
    hand.look("unknown")
    page.get_by_role("button", name="不报").click()
    expect(page.locator(".note")).to_have_count(0)
    scanned(page, SCAN, label("production.work_order", late))
    for key in "10":
        sheet.locator(f'[data-key="{key}"]').click()
    page.locator("[data-sequence]").click()
    expect(page.locator("h1")).to_have_text("10 按编号")
    hand.look("by-number")
    hand.digits("3")
    page.reload()
    expect(page.locator(".entry-good b")).to_have_text("3")
    told(page, "")
    # a number that is none: what was done is kept for the leader
    scanned(page, SCAN, "WO-NIRGENDS")
    for key in "99":
        sheet.locator(f'[data-key="{key}"]').click()
    page.locator("[data-sequence]").click()
    told(page, "2")
    # the label of something else is no order
    scanned(page, SCAN, label("inventory.lot", floor.shop.steel_lot))
    expect(page.locator(".note")).to_contain_text("这台设备也不知道")
    expect(page.locator(".note")).to_contain_text("请扫工单或工序的标签")
    first = floor.shop.operation(late, 10)
    assert booked(page) == [(first.pk, 3, [])]
    kept = KeptAct.objects.get()
    assert (kept.code, kept.fault_zh) == (
        "station.operation_not_there", "本厂没有工单“WO-NIRGENDS”的工序 99"
    )  # fmt: skip
    page.locator("[data-queue]").click()
    expect(page.locator("[data-act=kept]")).to_contain_text("WO-NIRGENDS")
    expect(page.locator("[data-act=done]")).to_have_count(1)
    floor.world.do("station.kept_act.book", kept, operation=first.pk)
    assert (kept.state, Report.objects.get(pk=kept.pk).operation_id) == ("booked", first.pk)
