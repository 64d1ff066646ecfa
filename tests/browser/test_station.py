"""The station: a usual report in three taps, a shift without a network, and every report once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal as D
from os import getloadavg
from pathlib import Path
from socket import SHUT_RDWR
from statistics import median

import pytest
import segno
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.http import StreamingHttpResponse
from PIL import Image
from playwright.sync_api import Page

from banyan.kernel import files
from banyan.kernel.models import Attachment
from banyan.modules.exceptions.models import ShopException
from banyan.modules.inventory.models import Lot
from banyan.modules.items.models import Item
from banyan.modules.production.models import DefectReason, Material, Operation, Report
from banyan.modules.station import badges
from banyan.modules.station.models import KeptAct
from banyan.web import codes
from banyan.web.printing.labels import SIZES as SIZES_OF_LABELS
from tests.browser.conftest import watched
from tests.browser.floor import LIES_OPEN, Worker, comes_true, jpeg, scanned, shell_is_kept, shoot
from tests.browser.sizes import every_handheld
from tests.browser.soon import expect
from tests.ops.site import until
from tests.plugins.browser import PHONE, launched

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@every_handheld
def test_the_usual_report_takes_at_most_three_taps_with_and_without_bad_pieces(floor, open_page, size):
    page = watched(open_page(**{size: True}))
    hand = Worker(page, size)
    hand.sign_in(floor)
    hand.look("tasks")
    hand.taps.clear()
    hand.tap(f'[data-task="{floor.first.pk}"]', "the task")
    assert page.evaluate(LIES_OPEN, "h1")
    assert page.evaluate(LIES_OPEN, ".told .key")
    hand.digits("50")
    hand.look("task")
    hand.tap("[data-done]", "done")
    expect(page.locator(".tick")).to_be_visible()
    hand.took("usual report", 3)
    hand.synced()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "done")
    expect(page.locator(".sums:visible")).to_contain_text("50")
    expect(page.locator(".sums:visible")).to_contain_text("¥75.00")
    expect(page.locator(".sums:visible")).to_contain_text("1.7")
    hand.look("done")
    hand.taps.clear()
    page.get_by_role("button", name="继续这道工序").click()
    hand.digits("8")
    hand.tap('[data-field="bad"]', "bad")
    assert page.evaluate(LIES_OPEN, ".told .pair, .told .key")
    hand.digits("2")
    hand.tap('[data-reason="D02"]', "the reason")
    hand.look("defects")
    hand.tap("[data-done]", "done")
    expect(page.locator(".tick")).to_be_visible()
    hand.took("with bad pieces", 3)
    hand.synced()
    floor.first.refresh_from_db()
    assert (floor.first.good_quantity, floor.first.scrap_quantity) == (58, 2)
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_text("已撤销")).to_be_visible()
    hand.synced()
    floor.first.refresh_from_db()
    assert (floor.first.good_quantity, floor.first.scrap_quantity) == (50, 0)
    hand.look("undone")
    assert page.faults == []


#: Whether the device holds a draft of so many good pieces; what is still being written comes first.
DRAFT = """new Promise((done) => {{
    indexedDB.open('banyan-station').onsuccess = ({{ target: {{ result: held }} }}) => {{
        const asked = held.transaction('facts').objectStore('facts').get('draft');
        held.close();
        asked.onsuccess = () => done(asked.result?.good === '{good}');
    }};
}})"""


def test_a_shift_without_a_network_arrives_once_and_in_order(floor, open_page):
    page = open_page(phone=True)
    hand = Worker(page, "offline")
    hand.sign_in(floor)
    shell_is_kept(page)
    hand.report(floor.first.pk, "1")
    hand.synced()
    hand.to_tasks()
    page.context.set_offline(True)
    hand.report(floor.first.pk, "2")
    expect(page.locator("[data-queue]")).to_have_attribute("data-queue", "1")
    hand.look("done")
    hand.to_tasks()
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.digits("3")
    comes_true(page, DRAFT.format(good="3"))
    page.reload()
    expect(page.locator(".entry-good b")).to_have_text("3")
    hand.tap("[data-done]")
    hand.to_tasks()
    page.close()
    page = hand.page = page.context.new_page()
    page.goto("/station/")
    expect(page.locator("[data-queue]")).to_have_attribute("data-queue", "2")
    hand.report(floor.second.pk, "4")
    page.locator("[data-queue]").click()
    expect(page.locator("[data-act=waiting]")).to_have_count(3)
    hand.look("queue")
    page.get_by_role("button", name="返回").click()
    # another person comes to the same device, still without a network
    page.get_by_role("button", name="菜单").click()
    hand.look("menu")
    page.get_by_role("button", name="换人").click()
    page.locator("#sign-code").fill("E-WORK")
    page.locator('[data-field="pin"]').click()
    hand.digits(hand.pin)
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page.locator("[data-task]").first).to_be_visible()
    page.context.set_offline(False)
    hand.synced()
    page.reload()
    hand.synced()
    rows = list(Report.objects.order_by("device_at").values_list("quantity", "operation_id"))
    assert [(int(q), o) for q, o in rows] == [
        (1, floor.first.pk), (2, floor.first.pk), (3, floor.first.pk), (4, floor.second.pk)
    ]  # fmt: skip
    assert not KeptAct.objects.exists()
    page.locator("[data-queue]").click()
    expect(page.locator("[data-act=done]")).to_have_count(4)
    hand.look("synced")


def test_an_answer_lost_on_the_way_is_asked_for_again_and_counts_once(floor, open_page):
    page = open_page(phone=True)
    page.clock.install()
    hand = Worker(page, "lost")
    hand.sign_in(floor)
    cut = []

    def lose(route):
        if len(cut) < 2:
            cut.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route("**/station/api/sync", lose)
    hand.report(floor.first.pk, "7")
    hand.to_tasks()
    page.locator("[data-queue]").click()
    page.get_by_role("button", name="现在同步").click()

    def is_asked_again() -> bool:
        page.clock.fast_forward(10_000)  # longer than the device waits after two losses
        return len(cut) == 2 and page.locator("[data-queue]").get_attribute("data-queue") == "0"

    until(is_asked_again, 30, "it is asked for again")
    hand.synced()
    assert cut[0] == 200
    assert [int(r.quantity) for r in Report.objects.all()] == [7]


def test_too_many_is_asked_once_and_then_booked_with_a_flag(floor, open_page):
    page = open_page(phone=True)
    hand = Worker(page, "over")
    hand.sign_in(floor)
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.digits("130")
    hand.tap("[data-done]")
    expect(page.get_by_text("比可报的多 30")).to_be_visible()
    assert page.evaluate(LIES_OPEN, ".finish .warn")
    hand.look("asked")
    hand.tap("[data-done]")
    expect(page.locator("[data-state=flagged]")).to_be_visible()
    hand.look("flagged")
    assert Report.objects.get().flags == ["over"]


@pytest.mark.slow
def test_a_task_that_others_report_says_so_and_offers_the_reasons_of_its_work_centre(floor, open_page):
    world = floor.world
    world.change(DefectReason.objects.get(code="D01"), centres=[{"work_centre": world.milling}])
    skill = world.make("people.skill", code="GEAR", name="滚齿")
    world.change(world.turning, reporters="skilled", skill=skill)
    page = watched(open_page(phone=True))
    hand = Worker(page, "outside")
    hand.sign_in(floor)
    shell_is_kept(page)
    page.context.set_offline(True)
    hand.tap(f'[data-task="{floor.first.pk}"]')
    expect(page.locator("[data-outside]")).to_contain_text("滚齿")
    hand.look("task")
    hand.digits("3")
    hand.tap('[data-field="bad"]')
    hand.digits("1")
    expect(page.locator("[data-reason]")).to_have_text(["尺寸超差", "砂眼", "碰伤", "毛刺"])
    hand.tap('[data-reason="D02"]')
    hand.look("reasons")
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    page.context.set_offline(False)
    hand.synced()
    expect(page.locator("[data-state=flagged]")).to_be_visible()
    assert [one.flags for one in Report.objects.all()] == [["reporter"]] * 2


def test_it_is_seen_in_english_and_in_the_dark(floor, open_page):
    page = open_page(tablet=True, language="en", color_scheme="dark")
    hand = Worker(page, "dark-en")
    page.goto("/station/")
    page.locator("#pairing").fill(floor.pairing_code())
    hand.look("pair")
    page.get_by_role("button", name="Pair", exact=True).click()
    pin = floor.pin()
    page.locator("#sign-code").fill("E-WORK")
    page.locator('[data-field="pin"]').click()
    hand.digits(pin)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("[data-task]").first).to_be_visible()
    hand.look("tasks")
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.tap('[data-field="bad"]')
    hand.look("task")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="My day").click()
    hand.look("today")


def test_a_label_opens_its_task_by_its_number_too(floor, chromium, site):

    context = chromium.new_context(base_url=site, locale="zh-CN", viewport={"width": 390, "height": 844})
    page = context.new_page()
    hand = Worker(page, "scan")
    hand.sign_in(floor)
    page.get_by_role("button", name="扫码").click()
    page.get_by_label("编号").fill(f"https://factory.example{codes.make('production.operation', floor.second.pk)}")
    hand.look("scan")
    page.get_by_role("button", name="确定").click()
    expect(page.locator("h1")).to_contain_text("20 铣削")
    context.close()


def test_data_photos_shares_and_material_are_told_without_a_network(floor, open_page, tmp_path):
    page = watched(open_page(phone=True))
    hand = Worker(page, "whole")
    hand.sign_in(floor)
    shell_is_kept(page)
    third = floor.shop.operation(floor.orders[2], 10)
    page.context.set_offline(True)
    hand.tap(f'[data-task="{third.pk}"]')
    hand.digits("5")
    expect(page.locator("[data-done]")).to_be_disabled()
    hand.tap('[data-datum="直径"]')
    hand.digits("43")
    expect(page.get_by_text("高于上限 42")).to_be_visible()
    shoot(page, '[data-datum="首件"] button', jpeg(tmp_path, wide=2400))
    expect(page.locator('[data-datum="首件"] [data-photo] img')).to_be_visible()
    scanned(page, "[data-scan-material]", "BP-1")
    expect(page.locator('[data-alarm="red"]')).to_contain_text("用错料")
    page.wait_for_timeout(300)
    hand.look("alarm")
    page.get_by_role("button", name="知道了").click()
    scanned(page, "[data-scan-material]", f"https://any.host{codes.make('inventory.lot', floor.shop.steel_lot.pk)}")
    expect(page.locator('[data-alarm="green"]')).to_be_visible()
    expect(page.locator('[data-lot="HEAT-1"]')).to_be_visible()
    expect(page.locator("[data-alarm]")).to_have_count(0)
    page.locator("summary").click()
    page.get_by_role("button", name="钱师傅", exact=True).click()
    page.get_by_role("button", name="赵师傅 多一份").click()
    hand.look("whole")
    page.reload()
    expect(page.locator('[data-datum="直径"] b')).to_have_text("43")
    expect(page.locator('[data-lot="HEAT-1"]')).to_be_visible()
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    page.locator("[data-queue]").click()
    expect(page.locator("[data-photos]")).to_have_attribute("data-photos", "1")
    hand.look("queue")
    page.reload()
    page.context.set_offline(False)
    hand.synced()
    row = Report.objects.get()
    assert (row.quantity, row.flags, row.data["直径"]) == (5, ["limits"], "43")
    assert [D(one["quantity"]).quantize(D("0.01")) for one in row.people] == [D("3.33"), D("1.67")]
    assert [D(lot["quantity"]) for lot in row.lots] == [D("2.5")]
    assert row.output_lot.number == floor.orders[2].number
    until(lambda: Attachment.objects.exists(), 30, "the photo has followed")
    hung = Attachment.objects.get(noun="production.report", record=row.pk)
    assert hung.file_id == row.data["首件"]
    assert hung.file.size < 1_500_000
    page.locator("[data-queue]").click()
    expect(page.locator("[data-photos]")).to_have_count(0)


#: The keys of the photos that the device holds.
PHOTOS = """() => new Promise((done) => {
    const asked = indexedDB.open('banyan-station');
    asked.onsuccess = () => {
        const keys = asked.result.transaction('photos').objectStore('photos').getAllKeys();
        keys.onsuccess = () => { asked.result.close(); done(keys.result.length); };
    };
})"""


#: Whether what was opened without an entry is forgotten on the disk as well, so that a reload shows the tasks.
NOT_OPEN = """new Promise((done) => {
    const asked = indexedDB.open('banyan-station');
    asked.onsuccess = () => {
        const draft = asked.result.transaction('facts').objectStore('facts').get('draft');
        draft.onsuccess = () => { asked.result.close(); done(draft.result === undefined); };
    };
})"""


def test_what_was_typed_stays_wherever_one_looks_until_it_is_cleared(floor, open_page, tmp_path):
    page = watched(open_page(phone=True))
    hand = Worker(page, "begun")
    hand.sign_in(floor)
    good, task = page.locator(".entry-good b"), f'[data-task="{floor.first.pk}"]'
    hand.tap(task)
    hand.digits("12")
    shoot(page, "[data-photo-button]", jpeg(tmp_path))
    expect(page.locator("[data-photo] img")).to_be_visible()
    hand.look("typed")
    for leave in (
        lambda: page.locator("[data-queue]").click(),
        lambda: page.get_by_role("button", name="菜单").click(),
        lambda: hand.tap("[data-help]"),
    ):
        leave()
        page.get_by_role("button", name="返回").click()
        expect(page.locator(task)).to_contain_text("未报完")
        hand.look("left")
        hand.tap(f'[data-task="{floor.second.pk}"]')
        expect(good).to_have_text("0")
        page.get_by_role("button", name="返回").click()
        expect(page.locator(task)).to_be_visible()
        comes_true(page, NOT_OPEN)
        page.reload()
        hand.tap(task)
        expect(good).to_have_text("12")
        expect(page.locator("[data-photo] img")).to_be_visible()
    assert page.evaluate(PHOTOS) == 1
    hand.tap("[data-discard]")
    hand.look("clear")
    page.get_by_role("button", name="返回").last.click()
    expect(good).to_have_text("12")
    hand.tap("[data-discard]")
    hand.tap("[data-clear]")
    expect(page.locator("[data-begun]")).to_have_count(0)
    hand.tap(task)
    expect(good).to_have_text("0")
    until(lambda: page.evaluate(PHOTOS) == 0, 10, "the photo is gone")
    assert not Report.objects.exists()
    assert page.faults == []


def test_bad_pieces_are_counted_by_reason_in_one_report_without_a_network(floor, open_page):
    page = watched(open_page(phone=True))
    hand = Worker(page, "reasons")
    hand.sign_in(floor)
    shell_is_kept(page)
    page.context.set_offline(True)
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.digits("20")
    hand.taps.clear()
    hand.tap('[data-field="bad"]', "bad")
    hand.digits("6")
    hand.tap('[data-reason="D02"]', "the first reason")
    hand.tap('[data-reason="D01"]', "the second")
    hand.digits("2")
    hand.tap('[data-reason="D04"]', "the third")
    expect(page.locator('[data-count="D02"] b')).to_have_text("3")
    hand.look("three")
    hand.took("three reasons", 4)
    hand.digits("5")
    expect(page.locator("[data-done]")).to_have_text("各原因合计多于不良 6")
    expect(page.locator("[data-done]")).to_be_disabled()
    page.get_by_role("button", name="碰伤 少一件").click()
    hand.tap('[data-reason="D04"]')
    expect(page.locator('[data-count="D02"] b')).to_have_text("4")
    page.reload()
    expect(page.locator('[data-count="D02"] b')).to_have_text("4")
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    page.context.set_offline(False)
    hand.synced()
    bad = Report.objects.get(kind="scrap")
    codes_of = {str(one.pk): one.code for one in DefectReason.objects.all()}
    assert bad.quantity == 6
    assert {codes_of[one["reason"]]: int(D(str(one["quantity"]))) for one in bad.defects} == {"D02": 4, "D01": 2}
    assert [one for one in page.faults if "net::ERR_" not in one] == []


def test_finished_pieces_are_given_their_serial_numbers_without_a_network(floor, open_page):
    Item.objects.filter(pk=floor.world.product.pk).update(tracking="serial")
    order = floor.orders[0]
    floor.shop.through(order, 10, (10, 20))
    last = floor.shop.operation(order, 30)
    page = watched(open_page(phone=True))
    hand = Worker(page, "serials")
    hand.sign_in(floor)
    shell_is_kept(page)
    page.context.set_offline(True)
    hand.taps.clear()
    hand.tap(f'[data-task="{last.pk}"]', "the task")
    hand.digits("3")
    expect(page.locator("[data-done]")).to_have_text("还差 3 个序列号")
    hand.tap("[data-number-serials]", "number them")
    expect(page.locator("[data-serial]")).to_have_count(3)
    hand.look("numbered")
    hand.tap("[data-done]", "done")
    expect(page.locator("[data-finished-lot]")).to_have_text(f"{order.number}-001 … {order.number}-003")
    hand.look("done")
    hand.took("serials", 3)
    page.get_by_role("button", name="继续这道工序").click()
    scanned(page, "[data-scan-serial]", "SN-77")
    expect(page.locator('[data-serial="SN-77"]')).to_be_visible()
    expect(page.locator(".entry-good b")).to_have_text("1")
    scanned(page, "[data-scan-serial]", f"{order.number}-002")
    expect(page.locator('[data-alarm="orange"]')).to_contain_text("已经有了")
    page.get_by_role("button", name="知道了").click()
    page.reload()
    expect(page.locator('[data-serial="SN-77"]')).to_be_visible()
    hand.tap('[data-field="good"]')
    hand.digits("2")
    hand.tap("[data-number-serials]")
    expect(page.locator(f'[data-serial="{order.number}-004"]')).to_be_visible()
    hand.tap("[data-done]")
    page.context.set_offline(False)
    hand.synced()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "done")
    rows = Report.objects.filter(operation=last).order_by("reported_at")
    assert [one.output_lot.number for one in rows] == [
        *(f"{order.number}-00{n}" for n in (1, 2, 3)), "SN-77", f"{order.number}-004"
    ]  # fmt: skip
    with page.expect_popup() as shown, page.expect_response("**/station/api/label*") as answer:
        page.locator("[data-label]").click()
    assert (answer.value.status, answer.value.headers["content-type"]) == (200, "application/pdf")
    shown.value.close()
    assert [one for one in page.faults if "net::ERR_" not in one] == []


def test_a_required_time_is_asked_for_and_a_lot_nobody_could_check_is_booked_with_a_flag(floor, open_page):
    oven = [{"name": "出炉", "name_en": "Out of the oven", "kind": "time"}]
    Operation.objects.filter(work_order=floor.orders[2], sequence=10).update(capture=oven)
    world = floor.world
    wrong = world.item(code="ODD", name="错料", tracking="lot", unit=world.steel.unit)
    lot = floor.shop.lot(wrong, "ODD-1")
    floor.shop.receive(wrong, 50, "10", lot)
    third = floor.shop.operation(floor.orders[2], 10)
    page = watched(open_page(phone=True))
    hand = Worker(page, "time")
    hand.sign_in(floor)
    shell_is_kept(page)
    page.context.set_offline(True)
    hand.tap(f'[data-task="{third.pk}"]')
    hand.digits("4")
    expect(page.locator("[data-done]")).to_have_text("还要填“出炉”")
    page.locator('input[data-datum="出炉"]').fill("07:45")
    page.locator('input[data-datum="出炉"]').blur()
    expect(page.locator("[data-done]")).to_be_enabled()
    page.get_by_role("button", name="现在").click()
    expect(page.locator('input[data-datum="出炉"]')).not_to_have_value("07:45")
    page.locator('input[data-datum="出炉"]').fill("07:45")
    scanned(page, "[data-scan-material]", f"https://any.host{codes.make('inventory.lot', lot.pk)}")
    expect(page.locator('[data-alarm="orange"]')).to_contain_text("未核对")
    page.get_by_role("button", name="知道了").click()
    hand.look("time")
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    page.context.set_offline(False)
    hand.synced()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "flagged")
    row = Report.objects.get()
    assert (row.quantity, row.flags, row.data) == (4, ["lot"], {"出炉": "07:45"})
    assert floor.shop.on_hand(wrong, lot) < 50
    assert not KeptAct.objects.exists()


def test_on_a_temporary_card_whatever_is_scanned_is_told_as_used(floor, open_page, tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    world, shop = floor.world, floor.shop
    photo = files.store("part.jpg", [jpeg(tmp_path).read_bytes()])
    card = {"part_name": "支架", "quantity": "5", "photo": photo.digest, "people": [world.worker.pk]}
    world.do("production.work_order.make_card", plant=world.plant.pk, **card)
    task = Operation.objects.get(work_order__kind="temporary")
    old = shop.lot(world.steel, "HEAT-0")
    shop.receive(world.steel, 5, "10", old)
    Lot.objects.filter(pk=old.pk).update(made_on=None, expires_on=date(2026, 1, 31))
    page = watched(open_page(phone=True))
    hand = Worker(page, "card")
    hand.sign_in(floor)
    hand.tap(f'[data-task="{task.pk}"]')
    scanned(page, "[data-scan-material]", "HEAT-0")
    expect(page.locator('[data-alarm="red"]')).to_contain_text("已过期")
    hand.look("expired")
    page.get_by_role("button", name="知道了").click()
    scanned(page, "[data-scan-material]", "HEAT-1")
    expect(page.locator("[data-use]")).to_be_disabled()
    for key in "2.5":
        page.locator(f'.ask [data-key="{key}"]').click()
    hand.look("quantity")
    page.locator("[data-use]").click()
    expect(page.locator('[data-alarm="green"]')).to_be_visible()
    hand.synced()
    shell_is_kept(page)
    page.context.set_offline(True)
    scanned(page, "[data-scan-material]", world.screw.code)
    page.locator('.ask [data-key="8"]').click()
    page.locator("[data-use]").click()
    expect(page.locator("[data-alarm]")).to_be_visible()
    expect(page.locator("[data-alarm]")).to_have_count(0)
    page.get_by_role("tab", name="要求、用料").click()
    expect(page.locator("[data-drawing]").last).to_be_visible()
    hand.look("photo")
    page.reload()
    page.context.set_offline(False)
    hand.synced()
    assert list(KeptAct.objects.values_list("code", "fault_en")) == []
    used = Material.objects.filter(work_order=task.work_order_id).values_list("item", "issued_quantity")
    assert dict(used) == {world.steel.pk: D("2.5"), world.screw.pk: 8}


def test_help_is_called_in_three_taps_without_a_network(floor, open_page):
    page = watched(open_page(small=True))
    hand = Worker(page, "help")
    hand.sign_in(floor)
    shell_is_kept(page)
    hand.tap(f'[data-task="{floor.first.pk}"]')
    page.context.set_offline(True)
    hand.taps.clear()
    hand.tap("[data-help]", "help")
    hand.look("help")
    hand.tap('[data-category="QUALITY"]', "quality")
    assert page.evaluate(LIES_OPEN, "[data-call]")
    page.locator("[data-reason]").first.click()
    expect(page.locator("[data-reason]").first).to_have_attribute("aria-pressed", "true")
    hand.look("chosen")
    hand.tap("[data-call]", "call")
    expect(page.locator(".tick")).to_be_visible()
    hand.look("called")
    hand.took("help (a defect reason may be added)", 3)
    page.reload()
    page.context.set_offline(False)
    hand.synced()
    case = ShopException.objects.get()
    assert (case.operation_id, case.category.code, case.is_stopping) == (floor.first.pk, "QUALITY", True)
    assert case.defect_reason_id is not None
    page.get_by_role("button", name="返回").click()
    expect(page.get_by_text("已停工")).to_be_visible()


def test_a_label_that_the_day_does_not_hold_is_looked_up_or_told_blind(floor, open_page):
    page = open_page(phone=True)
    hand = Worker(page, "unknown")
    hand.sign_in(floor)
    shell_is_kept(page)
    orders = [floor.shop.released(quantity="30") for _ in range(2)]
    known, unknown = (floor.shop.operation(order, 10) for order in orders)
    scan = ".foot .btn-primary"
    scanned(page, scan, orders[0].number)
    expect(page.locator("h1")).to_contain_text("10 车削")
    page.context.set_offline(True)
    page.get_by_role("button", name="返回").click()
    scanned(page, scan, f"https://any.host{codes.make('production.operation', known.pk)}")
    hand.digits("3")
    hand.tap("[data-done]")
    hand.to_tasks()
    scanned(page, scan, f"https://any.host{codes.make('production.operation', unknown.pk)}")
    expect(page.get_by_text("只知道标签上的编号")).to_be_visible()
    hand.digits("4")
    hand.look("blind")
    hand.tap("[data-done]")
    page.context.set_offline(False)
    hand.synced()
    rows = Report.objects.order_by("device_at").values_list("operation_id", "quantity")
    assert [(key, int(quantity)) for key, quantity in rows] == [(known.pk, 3), (unknown.pk, 4)]


def test_the_finished_lot_is_shown_and_its_label_is_a_page(floor, open_page):
    page = open_page(tablet=True)
    hand = Worker(page, "lot")
    floor.shop.through(floor.orders[0], 10, (10, 20))
    hand.sign_in(floor)
    last = floor.shop.operation(floor.orders[0], 30)
    hand.tap(f'[data-task="{last.pk}"]')
    hand.digits("10")
    hand.tap("[data-done]")
    expect(page.locator("[data-finished-lot]")).to_have_text(floor.orders[0].number)
    hand.synced()
    hand.look("lot")
    with page.expect_popup() as shown, page.expect_response("**/station/api/label*") as answer:
        page.locator("[data-label]").click()
    assert answer.value.headers["content-type"] == "application/pdf"
    assert answer.value.status == 200
    shown.value.close()
    paper = page.locator("[data-label-size]")
    found = [one.get_attribute("value") for one in paper.locator("option").all()]
    assert (found, paper.input_value()) == ([one.key for one in SIZES_OF_LABELS], "60x40")
    paper.select_option("a4-3x8")
    with page.expect_popup() as shown, page.expect_response("**/station/api/label*") as answer:
        page.locator("[data-label]").click()
    assert (answer.value.status, "size=a4-3x8" in answer.value.url) == (200, True)
    shown.value.close()


def film(file: Path, text: str) -> Path:
    """Write what a camera sees for a second, over and over: a code."""
    width, height = 640, 480
    with file.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420mpeg2\n".encode())
        code = file.with_suffix(".png")
        segno.make(text, error="m").save(code, scale=8, border=4)
        drawn = Image.open(code).convert("L")
        drawn.thumbnail((height, height))
        seen = Image.new("L", (width, height), 255)
        seen.paste(drawn, ((width - drawn.width) // 2, (height - drawn.height) // 2))
        frame = b"FRAME\n" + seen.tobytes() + bytes([128]) * (width * height // 2)
        out.write(frame * 10)
    return file


def test_a_camera_reads_the_badge_and_from_an_operations_label_it_is_at_most_three_taps(
    floor, chromium, site, tmp_path
):
    """The decoder is the one fetched by browsers that have none of their own."""
    badge = badges.badge_code(floor.badge.pk, floor.badge.serial)
    label = f"https://factory.example{codes.make('production.operation', floor.first.pk)}"
    seen = film(tmp_path / "camera.y4m", badge)
    browser = launched(chromium.browser_type, seen)
    page = browser.new_page(base_url=site, locale="zh-CN", viewport=PHONE)
    page.goto("/station/")
    page.locator("#pairing").fill(floor.pairing_code())
    page.get_by_role("button", name="配对").click()
    page.get_by_role("button", name="扫工牌登录").click()
    expect(page.locator("[data-task]").first).to_be_visible()
    film(seen, label)
    hand = Worker(page, "camera")

    def scan() -> None:
        page.get_by_role("button", name="扫码").click()
        expect(page.get_by_role("heading", name="10 车削")).to_be_visible()
        hand.taps.clear()

    scan()
    hand.digits("50")
    hand.tap("[data-done]", "done")
    expect(page.locator(".tick")).to_be_visible()
    hand.took("usual report after the scan", 3)
    hand.to_tasks()
    scan()
    hand.digits("8")
    hand.tap('[data-field="bad"]', "bad")
    hand.digits("2")
    hand.tap('[data-reason="D02"]', "the reason")
    hand.tap("[data-done]", "done")
    expect(page.locator(".tick")).to_be_visible()
    hand.took("with bad pieces, after the scan", 3)
    hand.synced()
    floor.first.refresh_from_db()
    assert (floor.first.good_quantity, floor.first.scrap_quantity) == (58, 2)
    browser.close()


#: The taps of a whole report, and the reaction to each as (selector, its text): the task's form, the number in its
#: field, the reasons, the chip in its colour. The last one, Book, has two: that the button says it is being kept is the
#: reaction; the tick comes when the disk has it, and its own time is told beside.
TAPS = (
    ("open", '[data-task="{task}"]', [(".told .pad", "")]),
    ("key", '[data-key="2"]', [(".entry-good b", "2")]),
    ("bad", '[data-field="bad"]', [("[data-reason]", "")]),
    ("key", '[data-key="1"]', [(".entry-bad b", "1")]),
    ("chip", '[data-reason="D02"]', [('[data-reason="D02"].is-on', "")]),
    ("book", "[data-done]", [("[data-done][aria-busy]", ""), (".tick", "")]),
)
#: Watches for the next finger on the screen: `tapped` gives ms from its touch until each reaction is drawn.
WATCH = """([selector, reactions]) => {
    const all = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    const isShown = ([found, text]) => all(found).some((one) => !text || one.textContent === text);
    if (reactions.some(isShown)) throw new Error(`${reactions} is there before the tap`);
    window.tapped = new Promise((done) => addEventListener('pointerdown', ({ pointerType, timeStamp }) => {
        const drawn = () => new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
        const taken = reactions.map((one) => new Promise((next) => {
            const watch = new MutationObserver(() => isShown(one) && (watch.disconnect(), next()));
            watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
        }).then(drawn).then(() => performance.now() - timeStamp));
        void Promise.all(taken).then((times) => done([pointerType, times]));
    }, { capture: true, once: true }));
    const one = document.querySelector(selector);
    one.scrollIntoView({ block: 'center' });
    const r = one.getBoundingClientRect();
    const at = [r.x + r.width / 2, r.y + r.height / 2];
    if (!one.contains(document.elementFromPoint(...at))) throw new Error(`${selector} lies under something`);
    return at;
}"""
#: A button that does nothing but mark itself: what a tap on it takes is the machine's and the browser's.
BARE = """() => {
    const one = document.createElement('button');
    one.dataset.bare = '';
    one.style = 'position: fixed; inset: 0 auto auto 0; width: 4rem; height: 4rem; z-index: 99';
    one.onclick = () => one.classList.add('is-on');
    document.body.append(one);
}"""
#: The ms that somebody needs at least to find the next thing to tap.
AIM = 300
#: How many reports are measured together, and how often so many are at most.
ROUNDS, SETS = 7, 3


def touched(page: Page, selector: str, reactions: list[tuple[str, str]]) -> list[float]:
    """Touch what a selector finds with a finger; give the ms from the touch until each reaction is drawn."""
    page.wait_for_timeout(AIM)
    page.touchscreen.tap(*page.evaluate(WATCH, [selector, reactions]))
    by, taken = page.evaluate("window.tapped")
    assert by == "touch"
    return taken


def timed_report(page: Page, task: object) -> list[float]:
    """Make a report by touch; print how long each tap took, and give the ms of a bare tap and of each reaction."""
    page.wait_for_selector(f'[data-task="{task}"]')
    page.evaluate(BARE)
    (bare,) = touched(page, "[data-bare]", [("[data-bare].is-on", "")])
    page.evaluate("document.querySelector('[data-bare]').remove()")
    taken = [(name, touched(page, what.format(task=task), reactions)) for name, what, reactions in TAPS]
    tick = taken[-1][1][1]
    told = ", ".join(f"{name} {ms:.0f}" for name, (ms, *_) in taken)
    print(f"a report: {told} and the tick {tick:.0f}; a bare tap {bare:.0f}")
    return [bare, *(ms for _, (ms, *_) in taken)]


def timed_reports(hand: Worker, task: object) -> tuple[float, float]:
    """Make some reports; give the ms of the slowest tap and of a bare one, each by its middle figure."""
    reports = []
    for _ in range(ROUNDS):
        reports.append(timed_report(hand.page, task))
        hand.synced()
        hand.to_tasks()
    bare, *taps = (median(tap) for tap in zip(*reports, strict=True))
    return max(taps), bare


def first_load(open_page):
    """Open the station for the first time as on a poor phone: 1.6 Mbit/s, a processor four times slower.

    Gives: the page, ms until something is painted, ms until it is drawn, kB that came
    """
    page = open_page(phone=True)
    link = page.context.new_cdp_session(page)
    sizes = []
    link.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    link.send("Network.enable")
    link.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000,
    })  # fmt: skip
    link.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto("/station/")
    page.wait_for_selector("body[data-ready]")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    drawn = page.evaluate("performance.now()")
    link.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
    })  # fmt: skip
    return page, paint, drawn, sum(sizes) / 1000


def most(bare: float) -> float:
    """Give the ms that a tap may take where a bare one takes so many."""
    return max(100, 3 * bare)


@pytest.mark.alone
def test_it_paints_soon_is_small_and_answers_a_tap_at_once(floor, open_page):
    """The middle one of three first loads counts; of the taps the slowest, each by the middle one of three reports.

    Other work on the machine spoils a measurement, and nothing makes one better than it is: where a tap is too slow,
    three more reports are made, three times at most. A tap may take 100 ms, and on a machine where a bare one takes
    more than a third of that, three bare ones.
    """
    loads = []
    while len(loads) < 2 or (len(loads) < 3 and (loads[0][1] < 1_500) != (loads[1][1] < 1_500)):
        for page, *_ in loads:
            page.close()  # a slowed page takes a whole processor, also while it does nothing
        loads.append(first_load(open_page))
    print()
    for _, paint, drawn, size in loads:
        print(f"a first load: painted after {paint:.0f} ms, drawn by {drawn:.0f}, {size:.0f} kB")
    page = loads[-1][0]
    hand = Worker(page, "poor")
    hand.sign_in(floor)
    sets: list[tuple[float, float]] = []
    while not sets or (sets[-1][0] >= most(sets[-1][1]) and len(sets) < SETS):
        sets.append(timed_reports(hand, floor.first.pk))
    slowest, bare = sets[-1]
    paint = sorted(paint for _, paint, _, _ in loads)[len(loads) // 2]
    size = max(size for *_, size in loads)
    print(f"station_first_paint_ms {paint:.0f}")
    print(f"station_transfer_kb {size:.0f}")
    print(f"station_tap_ms {slowest:.0f} (a bare tap {bare:.0f}, load {getloadavg()[0]:.1f})")
    assert paint < 1_500
    assert size < 150
    assert slowest < most(bare)
    made = ROUNDS * len(sets)
    floor.first.refresh_from_db()
    assert (floor.first.good_quantity, floor.first.scrap_quantity) == (2 * made, made)


def all_made(page: Page, hand: Worker, last: Operation) -> None:
    """Report all that an operation has left, and wait until the day has come again without it."""
    hand.tap(f'[data-task="{last.pk}"]')
    hand.tap("[data-all]")
    with page.expect_response(lambda answer: "/station/api/day" in answer.url and answer.status == 200):
        hand.tap("[data-done]")
    hand.synced()
    last.refresh_from_db()
    assert (last.state, last.good_quantity) == ("done", last.quantity)


def test_the_last_pieces_have_their_label_and_can_be_undone(floor, open_page):
    """With the last piece an operation leaves the day; what was told about it is at hand all the same."""
    order = floor.shop.released(quantity="12")
    floor.shop.through(order, 12, (10, 20))
    last = floor.shop.operation(order, 30)
    page = watched(open_page(phone=True))
    hand = Worker(page, "finished")
    hand.sign_in(floor)
    all_made(page, hand, last)
    expect(page.locator("[data-state=done]")).to_be_visible()
    expect(page.get_by_role("button", name="继续这道工序")).to_have_count(0)
    expect(page.locator("[data-finished-lot]")).to_have_text(order.number)
    hand.look("label")
    with page.expect_popup() as shown, page.expect_response("**/station/api/label*") as answer:
        page.locator("[data-label]").click()
    assert (answer.value.status, answer.value.headers["content-type"]) == (200, "application/pdf")
    shown.value.close()
    page.locator("[data-undo]").click()
    expect(page.get_by_text("已撤销")).to_be_visible()
    hand.synced()
    last.refresh_from_db()
    assert (last.state, last.good_quantity) != ("done", last.quantity)
    assert last.good_quantity == 0
    expect(page.locator(f'[data-task="{last.pk}"]')).to_be_visible()
    # and from the queue
    all_made(page, hand, last)
    page.locator("[data-queue]").click()
    page.locator("[data-undo]").click()
    expect(page.get_by_text("已撤销")).to_be_visible()
    hand.synced()
    last.refresh_from_db()
    assert last.good_quantity == 0
    page.locator("[data-queue]").click()
    expect(page.locator("[data-undo]")).to_have_count(0)
    assert not KeptAct.objects.exists()
    assert page.faults == []


#: A clock that is a day ahead.
TOMORROW = """window.Date = class extends Date {
    constructor(...given) { super(...(given.length ? given : [window.Date.now()])); }
    static now() { return super.now() + 86_400_000; }
};"""


def test_on_a_new_day_without_a_network_the_sums_begin_at_nothing(floor, open_page):
    page = watched(open_page(phone=True))
    hand = Worker(page, "new-day")
    hand.sign_in(floor)
    shell_is_kept(page)
    hand.report(floor.first.pk, "5")
    hand.synced()
    expect(page.locator(".sums:visible")).to_contain_text("¥7.50")
    hand.to_tasks()
    page.context.set_offline(True)
    page.add_init_script(TOMORROW)
    page.reload()
    expect(page.locator(".sums:visible")).to_contain_text("¥0.00")
    expect(page.locator("[data-local]")).to_contain_text("只含这台设备")
    hand.look("tasks")
    hand.report(floor.first.pk, "60")
    expect(page.locator(".sums:visible")).to_contain_text("¥90.00")
    expect(page.locator(".sums:visible")).to_contain_text("2.0")
    page.get_by_role("button", name="菜单").click()
    page.get_by_role("button", name="我的今天").click()
    expect(page.locator("[data-local]")).to_be_visible()
    expect(page.locator(".lines li")).to_contain_text(["10 车削"])
    hand.look("today")
    # the server says which day it is: the device's clock is a day ahead
    page.context.set_offline(False)
    hand.synced()
    expect(page.locator("[data-local]")).to_have_count(0)
    expect(page.locator(".sums:visible")).to_contain_text("¥97.50")
    assert [one for one in page.faults if "net::ERR_" not in one] == []


@pytest.fixture
def camera(floor, chromium, site, tmp_path):
    """Open a station whose camera sees the label of the second operation; its browser has no decoder of its own."""
    label = f"https://factory.example{codes.make('production.operation', floor.second.pk)}"
    browser = launched(chromium.browser_type, film(tmp_path / "camera.y4m", label))
    page = browser.new_page(base_url=site, locale="zh-CN", viewport=PHONE)
    page.set_default_timeout(15_000)
    yield page
    browser.close()


def scanner_is(page: Page, how: str) -> None:
    """Wait until the menu says what the worker script answered: the scanner is kept, or still coming."""
    page.get_by_role("button", name="菜单").click()
    expect(page.locator("[data-scanner]")).to_have_attribute("data-scanner", how)
    page.get_by_role("button", name="返回").click()


def look_again(page: Page) -> None:
    """Do as somebody who turns to the device again."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_without_a_network_the_camera_reads_what_it_was_kept_for(floor, camera):
    page, hand = camera, Worker(camera, "scan-offline")
    hand.sign_in(floor)
    shell_is_kept(page)
    scanner_is(page, "coming")
    look_again(page)
    scanner_is(page, "kept")
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("[data-task]").first).to_be_visible()
    scanner_is(page, "kept")
    page.get_by_role("button", name="扫码").click()
    expect(page.get_by_role("heading", name="20 铣削")).to_be_visible()


#: Whether the device holds the decoder, and its compiled code.
HELD = """caches.open('station-shell').then((kept) => kept.keys())
    .then((all) => ['decoder-', '.wasm'].map((part) => all.some((one) => one.url.includes(part))))"""


@pytest.fixture
def cut_off(monkeypatch) -> tuple[set[str], list[str]]:
    """Cut the network in the middle of files whose name ends with one of these, while they are here; tell which."""
    real, endings, cut = StaticFilesHandler.serve, set(), []

    def serve(self, request):
        answer = real(self, request)
        if not request.path.endswith(tuple(endings)):
            return answer
        whole, line = answer.getvalue(), request.environ["wsgi.input"]._read.__self__

        def half() -> Iterator[bytes]:
            yield whole[: len(whole) // 2]
            line.raw._sock.shutdown(SHUT_RDWR)
            cut.append(request.path)

        return StreamingHttpResponse(half(), headers={"Content-Length": str(len(whole))})

    monkeypatch.setattr(StaticFilesHandler, "serve", serve)
    return endings, cut


@pytest.mark.slow
def test_a_scanner_cut_off_on_its_way_is_not_said_to_be_here_and_comes_whole_later(floor, camera, cut_off):
    page, hand = camera, Worker(camera, "scan-cut")
    hand.sign_in(floor)
    shell_is_kept(page)
    endings, cut = cut_off
    endings.add(".wasm")
    look_again(page)
    comes_true(page, f"{HELD}.then(([code]) => code)")
    until(lambda: len(cut) > 0, 20, "it is cut off")
    page.reload()
    expect(page.locator("[data-task]").first).to_be_visible()
    look_again(page)
    until(lambda: len(cut) > 1, 20, "it is cut off again")
    scanner_is(page, "coming")
    page.context.set_offline(True)
    page.get_by_role("button", name="扫码").click()
    expect(page.locator(".scan-note")).to_contain_text("扫码组件尚未下载")
    page.get_by_role("button", name="关闭").click()
    assert page.evaluate(HELD) == [True, False]
    # the network is back and whole: it is fetched without anybody asking for it
    endings.clear()
    page.context.set_offline(False)
    scanner_is(page, "kept")
    assert page.evaluate(HELD) == [True, True]
    page.context.set_offline(True)
    page.reload()
    page.get_by_role("button", name="扫码").click()
    expect(page.get_by_role("heading", name="20 铣削")).to_be_visible()


def test_a_scanner_that_is_not_here_yet_is_said_and_the_number_typed(floor, camera):
    page, hand = camera, Worker(camera, "scan-missing")
    hand.sign_in(floor)
    shell_is_kept(page)
    page.context.set_offline(True)
    assert page.evaluate(HELD) == [False, False]
    page.get_by_role("button", name="扫码").click()
    expect(page.locator(".scan-note")).to_contain_text("扫码组件尚未下载")
    hand.look("said")
    page.get_by_label("编号").fill(floor.orders[0].number)
    page.get_by_role("button", name="确定").click()
    expect(page.locator("h1")).to_contain_text("10 车削")
    # the network is back: it comes, and the camera reads
    hand.page.get_by_role("button", name="返回").click()
    page.context.set_offline(False)
    page.get_by_role("button", name="扫码").click()
    expect(page.get_by_role("heading", name="20 铣削")).to_be_visible()
    assert page.evaluate(HELD) == [True, True]
