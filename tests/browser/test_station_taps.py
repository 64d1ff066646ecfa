"""A finger at the station: a tap changes what it means and no more, a bounce nothing; no tick without the disk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from banyan.modules.production.models import Report
from tests.browser.conftest import watched
from tests.browser.floor import Worker
from tests.browser.hands import settle
from tests.browser.soon import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

#: Presses with a finger at a place of the screen whatever lies there; gives the key of the pad that it was.
PRESS = """([x, y]) => {
    const one = document.elementFromPoint(x, y).closest('button');
    const how = { bubbles: true, cancelable: true, pointerType: 'touch', clientX: x, clientY: y };
    for (const name of ['pointerdown', 'pointerup']) one.dispatchEvent(new PointerEvent(name, how));
    one.click();
    return one.dataset.key;
}"""


#: Draws the whole screen anew, and gives what stood before where it was another.
ANEW = """() => {
    const root = document.getElementById('station');
    const shown = () => [...root.children].filter((one) => one.dataset.stage !== 'any');
    const seen = () => shown().map((one) => one.outerHTML).join('');
    const [stood, tab] = [seen(), root.querySelector('[role=tab].is-on')];
    root.replaceChildren();
    tab.click();
    return seen() === stood ? '' : `stood: ${stood}\nanew: ${seen()}`;
}"""
#: Taps one after the other, all that a report can have.
WAY = ['[data-key="1"]', '[data-key="2"]', '[data-all]', '[data-key="⌫"]', '[data-field="bad"]', '[data-key="7"]',
       '[data-reason="D02"]', '[data-reason="D01"]', '[data-key="3"]', '[data-count="D01"] .btn:last-child',
       '[data-reason="D01"]', '.why .tab:last-child', '[data-reason="D03"]', '.crew:not([open]) summary',
       '.crew .chip:not(.is-on)', '.crew .share .btn:last-of-type', '[data-field="good"]', '[data-key="5"]',
       '[role=tab]:last-child', '[role=tab]:first-child', '[data-mark]', '[data-key="⌫"]']  # fmt: skip


@pytest.fixture
def hand(floor, open_page) -> Worker:
    hand = Worker(watched(open_page(phone=True)), "taps")
    hand.sign_in(floor)
    return hand


def middle(page: Page, selector: str) -> list[float]:
    """Give the place of the middle of what a selector finds."""
    return page.evaluate(
        "(it) => { const r = document.querySelector(it).getBoundingClientRect();"
        " return [r.x + r.width / 2, r.y + r.height / 2]; }",
        selector,
    )


def test_what_a_tap_does_not_change_stays_and_does_what_it_now_means(floor, hand):
    page = hand.page
    hand.tap(f'[data-task="{floor.first.pk}"]')
    page.evaluate("window.stood = ['.bar', '.about', '.pad', '.finish'].map((it) => document.querySelector(it))")
    hand.digits("12")
    hand.tap('[data-field="bad"]')
    hand.digits("3")
    hand.tap('[data-reason="D02"]')
    hand.tap('[data-reason="D01"]')
    assert page.evaluate("window.stood.every((one) => one.isConnected)"), "the whole screen was drawn anew"
    expect(page.locator(".entry-good b")).to_have_text("12")
    expect(page.locator('[data-count="D02"] b')).to_have_text("2")
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    assert page.evaluate("window.stood.slice(1).every((one) => !one.checkVisibility())")
    hand.synced()
    assert sorted(int(one.quantity) for one in Report.objects.all()) == [3, 12]
    assert page.faults == []


def test_after_every_tap_stands_what_would_be_drawn_anew(floor, hand):
    page = hand.page
    floor.shop.report(floor.orders[2], 10, "good", 2)
    for order in (floor.orders[0], floor.orders[2]):
        hand.tap(f'[data-task="{floor.shop.operation(order, 10).pk}"]')
        for what in WAY:
            if page.locator(what).count() or ":not" not in what:
                hand.tap(what)
            hand.synced()
            settle(page)
            assert page.evaluate(ANEW) == "", what
        page.get_by_role("button", name="返回").click()
    assert page.faults == []


def test_a_bounce_does_not_press_what_has_come_and_the_same_key_counts_twice(floor, hand):
    page = hand.page
    hand.tap(f'[data-task="{floor.first.pk}"]')
    below = middle(page, '[data-key="5"]')
    page.get_by_role("button", name="返回").click()
    # a task that lies where the key will be
    page.evaluate(
        """([task, y]) => {
            const one = document.querySelector(`[data-task="${task}"]`);
            document.querySelector('main').style.paddingTop = `${y - one.getBoundingClientRect().y}px`;
        }""",
        [str(floor.first.pk), below[1]],
    )
    good = page.locator(".entry-good b")
    assert page.evaluate(f"(at) => [({PRESS})(at), ({PRESS})(at)]", below) == [None, "5"]
    expect(good).to_have_text("0")
    page.wait_for_timeout(350)
    assert page.evaluate(f"(at) => [({PRESS})(at), ({PRESS})(at)]", below) == ["5", "5"]
    expect(good).to_have_text("55")


def test_a_finger_that_strokes_over_the_keys_types_nothing(floor, open_page):
    page = open_page(small=True)
    hand = Worker(page, "stroke")
    hand.sign_in(floor)
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.tap('[data-field="bad"]')
    page.evaluate("scrollTo(0, 0)")
    x, y = middle(page, '[data-key="2"]')
    link = page.context.new_cdp_session(page)
    link.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for n in range(1, 9):
        link.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 15 * n}]})
    link.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("scrollY > 20")
    expect(page.locator(".entry-bad b")).to_have_text("0")
    page.locator('[data-key="2"]').tap()
    expect(page.locator(".entry-bad b")).to_have_text("2")


def test_what_the_disk_does_not_take_is_not_said_to_be_kept(floor, hand):
    page = hand.page
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.digits("12")
    page.evaluate(
        """() => {
            window.real = IDBObjectStore.prototype.add;
            IDBObjectStore.prototype.add = () => { throw new DOMException('disk full', 'QuotaExceededError'); };
        }"""
    )
    hand.tap("[data-done]")
    expect(page.locator("[data-alarm=red]")).to_contain_text("没有存下")
    hand.look("not-kept")
    page.get_by_role("button", name="知道了").click()
    expect(page.locator(".tick")).to_have_count(0)
    page.reload()
    expect(page.locator(".entry-good b")).to_have_text("12")
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    hand.synced()
    assert [int(one.quantity) for one in Report.objects.all()] == [12]


#: Keeps what is being told from its end for a while, as a slow disk does.
SLOW_DISK = """() => {
    const add = IDBObjectStore.prototype.add, end = Date.now() + 1500;
    IDBObjectStore.prototype.add = function (act) {
        const again = () => { if (Date.now() < end) this.get(0).onsuccess = again; };
        again();
        return add.call(this, act);
    };
}"""

#: Presses a key and Done once more; gives the number in its field, and the tick.
MEANWHILE = """() => {
    for (const one of ['[data-key="5"]', '[data-done]']) document.querySelector(one).click();
    return [...document.querySelectorAll('.entry-good b, .tick')].map((one) => one.textContent);
}"""


def test_while_the_disk_takes_it_the_button_says_so_and_nothing_else_is_typed(floor, hand):
    page = hand.page
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.digits("12")
    page.evaluate(SLOW_DISK)
    hand.tap("[data-done]")
    expect(page.locator("[data-done][aria-busy]")).to_contain_text("正在保存")
    assert page.evaluate(MEANWHILE) == ["12"]
    expect(page.locator(".tick")).to_be_visible()
    page.reload()
    expect(page.locator("[data-task]").first).to_be_visible()
    hand.synced()
    assert [int(one.quantity) for one in Report.objects.all()] == [12]
