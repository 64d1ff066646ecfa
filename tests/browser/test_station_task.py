"""At a task: its drawing, instructions and earlier reports, start and pause; a badge read where there is no network."""

from __future__ import annotations

import pytest
from PIL import Image
from playwright.sync_api import Page

from banyan.kernel import files
from banyan.kernel.models import User
from banyan.lib.ids import new_id
from banyan.modules.exceptions.models import Category
from banyan.modules.production.models import Operation, Report
from banyan.modules.station import badges
from banyan.web import codes
from tests.browser.conftest import watched
from tests.browser.floor import Worker, comes_true, shell_is_kept
from tests.browser.soon import expect
from tests.browser.test_station import film, look_again, scanner_is
from tests.plugins.browser import PHONE, launched

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
#: How many drawings, and small ones of them, the device holds.
DRAWINGS = "caches.open('station-drawings').then((kept) => kept.keys()).then((all) => all.length)"


def drawn(folder, name: str, width: int) -> str:
    """Store a drawing of so many points in width; give its digest."""
    file = folder / name
    Image.new("L", (width, 600), 200).save(file)
    return files.store(name, [file.read_bytes()]).digest


def width_of(page: Page) -> int:
    """Give how wide the drawing is that is shown over the page."""
    expect(page.locator(".viewer img")).to_be_visible()
    return page.locator(".viewer img").evaluate("(one) => one.decode().then(() => one.naturalWidth)")


def test_a_task_shows_all_it_needs_is_started_and_paused_also_without_a_network(floor, open_page, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "files"
    for name, width in (("FG-1 总图.png", 900), ("FG-1 细部.png", 700)):
        floor.world.do("items.item.attach", floor.world.product, digest=drawn(tmp_path, name, width), name=name)
    second = [{"employee": floor.world.second_worker.pk}]
    floor.shop.report(floor.orders[0], 10, "good", 7, people=second)
    page = watched(open_page(phone=True))
    hand = Worker(page, "at-task")
    hand.sign_in(floor)
    shell_is_kept(page)
    comes_true(page, f"{DRAWINGS}.then((n) => n === 4)")
    page.context.set_offline(True)
    page.reload()
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.tap('[data-mark="start"]')
    expect(page.locator('[data-mark="pause"]')).to_have_text("暂停")
    page.get_by_role("tab", name="要求、用料").click()
    about = page.locator("section.info")
    expect(about).to_contain_text("外圆 Ø40 h6，Ra 1.6")
    expect(about).to_contain_text("首件送检")
    expect(about.locator(".lines li", has_text="钱师傅")).to_contain_text("合格 7")
    expect(about).to_contain_text("齿轮")
    hand.look("about")
    for name, width in (("FG-1 总图.png", 900), ("FG-1 细部.png", 700)):
        about.get_by_role("button", name=f"图纸 {name}").click()
        assert width_of(page) == width
        hand.look(f"drawing-{width}")
        page.get_by_role("button", name="关闭").click()
    page.get_by_role("button", name="返回").click()
    begun = page.locator(f'[data-task="{floor.first.pk}"]')
    expect(begun).to_contain_text("进行中")
    hand.look("begun")
    # the network is back: the start is booked, and the pause at once
    page.context.set_offline(False)
    hand.synced()
    floor.first.refresh_from_db()
    assert (floor.first.state, floor.first.started) == ("running", 1)
    begun.click()
    hand.tap('[data-mark="pause"]')
    expect(page.locator('[data-mark="start"]')).to_have_text("开工")
    hand.synced()
    told = Report.objects.filter(operation=floor.first, worker=floor.world.worker.pk).order_by("device_at")
    assert list(told.values_list("kind", flat=True)) == ["start", "pause"]
    assert Operation.objects.get(pk=floor.first.pk).started == 0
    assert [one for one in page.faults if "net::ERR_" not in one] == []


def test_a_badge_is_read_without_a_network_of_who_was_here_before_and_of_nobody_else(floor, chromium, site, tmp_path):
    user = User.objects.create(login="qian", name="钱师傅", plants=[floor.world.plant.pk])
    floor.world.change(floor.world.second_worker, user=user.pk)
    stranger = floor.world.make("station.badge", employee=floor.world.second_worker)
    own, other = (badges.badge_code(one.pk, one.serial) for one in (floor.badge, stranger))
    seen = film(tmp_path / "camera.y4m", own)
    browser = launched(chromium.browser_type, seen)
    page = watched(browser.new_page(base_url=site, locale="zh-CN", viewport=PHONE))
    hand = Worker(page, "badge")
    page.goto("/station/")
    page.locator("#pairing").fill(floor.pairing_code())
    page.get_by_role("button", name="配对").click()
    page.get_by_role("button", name="扫工牌登录").click()
    expect(page.locator("[data-task]").first).to_be_visible()
    shell_is_kept(page)
    look_again(page)
    scanner_is(page, "kept")
    page.context.set_offline(True)
    page.reload()
    page.get_by_role("button", name="菜单").click()
    page.get_by_role("button", name="换人").click()
    film(seen, other)
    page.get_by_role("button", name="扫工牌登录").click()
    expect(page.get_by_role("alert")).to_contain_text("没有网络时，只有在此设备上登录过的人能登录")
    hand.look("refused")
    film(seen, own)
    page.get_by_role("button", name="扫工牌登录").click()
    expect(page.locator(f'[data-task="{floor.first.pk}"]')).to_be_visible()
    expect(page.locator(".who")).to_have_text("赵师傅")
    hand.report(floor.first.pk, "3")
    page.context.set_offline(False)
    hand.synced()
    assert Report.objects.get().worker == floor.world.worker.pk
    browser.close()


def test_at_a_stopped_operation_nobody_starts_and_what_was_made_before_is_asked_once_more(floor, open_page):
    page = watched(open_page(phone=True))
    hand = Worker(page, "stopped")
    hand.sign_in(floor)
    # the device does not know of the stop yet: the server refuses the start
    quality = Category.objects.get(code="QUALITY")
    call = dict(id=new_id(), category=quality, operation=floor.first, problem="内孔超差")
    floor.world.do("exceptions.exception.raise", **call)
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.tap('[data-mark="start"]')
    told = page.locator('[data-alarm="red"]')
    expect(told).to_contain_text("内孔超差")
    told.get_by_role("button").click()
    # by now it knows
    expect(page.locator("p.fault")).to_contain_text("内孔超差")
    page.context.set_offline(True)
    hand.tap('[data-mark="start"]')
    expect(told).to_contain_text("不能开工")
    told.get_by_role("button").click()
    expect(page.locator('[data-mark="start"]')).to_be_visible()
    hand.digits("5")
    hand.tap("[data-done]")
    expect(page.locator(".finish .warn")).to_contain_text("只报停工前做的")
    hand.look("asked")
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    page.context.set_offline(False)
    hand.synced()
    assert list(Report.objects.filter(operation=floor.first).values_list("kind", "flags")) == [("good", ["stopped"])]


def test_a_label_read_by_the_phones_own_camera_opens_the_report_page_also_signed_out(floor, open_page):
    label = codes.make("production.operation", floor.first.pk)
    page = watched(open_page(phone=True))
    hand = Worker(page, "door")
    hand.sign_in(floor)
    page.goto(label)
    expect(page.locator("h1", has_text="车削")).to_be_visible()
    expect(page.locator("[data-done]")).to_be_visible()
    page.get_by_role("button", name="菜单").click()
    page.get_by_role("button", name="换人 / 退出").click()
    page.goto(label)
    page.get_by_role("button", name="登录", exact=True).wait_for()
    page.locator("#sign-code").fill("E-WORK")
    page.locator('[data-field="pin"]').click()
    hand.digits(hand.pin)
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page.locator("h1", has_text="车削")).to_be_visible()
    expect(page.locator("[data-done]")).to_be_visible()
    assert page.url.endswith("/station/")
