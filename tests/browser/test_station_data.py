"""What an operation wants entered with a report: each kind is pressed, with and without a network."""

from __future__ import annotations

import re

import pytest

from banyan.kernel.models import Attachment
from banyan.modules.production.models import Operation, Report
from tests.browser.conftest import watched
from tests.browser.floor import LIES_OPEN, Worker, jpeg, shell_is_kept, shoot
from tests.browser.sizes import later
from tests.browser.soon import expect
from tests.ops.site import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
ASKED = [
    {"name": "直径", "name_en": "Diameter", "kind": "number", "unit": "mm", "minimum": "38", "maximum": "42"},
    {"name": "外观", "name_en": "Looks", "kind": "choice", "choices": ["良好", "轻微划痕", "拒收"]},
    {"name": "炉号", "name_en": "Heat", "kind": "text"},
    {"name": "出炉", "name_en": "Out of the oven", "kind": "time"},
    {"name": "首件", "name_en": "First piece", "kind": "photo"},
    {"name": "备注", "name_en": "Remark", "kind": "text", "is_required": False},
]


@pytest.mark.parametrize("network", [later(True, id="with"), pytest.param(False, id="without")])
def test_every_kind_of_required_data_is_pressed_and_comes_with_the_report(
    floor, open_page, tmp_path, settings, network
):
    settings.MEDIA_ROOT = tmp_path / "files"
    Operation.objects.filter(work_order=floor.orders[2], sequence=10).update(capture=ASKED)
    task = floor.shop.operation(floor.orders[2], 10)
    page = watched(open_page(phone=True))
    hand = Worker(page, f"data-{'with' if network else 'without'}")
    hand.sign_in(floor)
    shell_is_kept(page)
    page.context.set_offline(not network)
    hand.tap(f'[data-task="{task.pk}"]')
    hand.digits("5")
    done = page.locator("[data-done]")
    # a number, held against its limits at once
    expect(done).to_have_text("还要填“直径”")
    number = page.locator('[data-datum="直径"]')
    expect(number.locator(".limits")).to_have_text("38–42 mm")
    hand.tap('[data-datum="直径"]')
    assert page.evaluate(LIES_OPEN, '[data-datum="直径"], .told .key')
    hand.digits("37")
    expect(number).to_contain_text("低于下限 38")
    hand.digits("⌫⌫42.5")
    expect(number).to_contain_text("高于上限 42")
    hand.digits("⌫⌫⌫1.5")
    expect(number.locator("b")).to_have_text("41.5")
    expect(number.locator("[role=alert]")).to_have_count(0)
    # a choice, changed once, and one that is taken back
    expect(done).to_have_text("还要填“外观”")
    chips = page.locator('[data-datum="外观"] .chip')
    expect(chips).to_have_text(["良好", "轻微划痕", "拒收"])
    for place in (0, 2, 2):
        chips.nth(place).click()
    expect(done).to_have_text("还要填“外观”")
    chips.nth(1).click()
    expect(chips.nth(1)).to_have_attribute("aria-pressed", "true")
    # a text: what is still lacking follows each letter, without leaving the field
    expect(done).to_have_text("还要填“炉号”")
    text = page.locator('input[data-datum="炉号"]')
    text.press_sequentially("H-2041")
    expect(text).to_be_focused()
    expect(done).to_have_text("还要填“出炉”")
    # a time: now, and then as typed
    page.get_by_role("button", name="现在").click()
    time = page.locator('input[data-datum="出炉"]')
    expect(time).to_have_value(re.compile(r"\d\d:\d\d"))
    time.fill("06:20")
    # a photo
    expect(done).to_have_text("还要填“首件”")
    shoot(page, '[data-datum="首件"] button', jpeg(tmp_path))
    expect(page.locator('[data-datum="首件"] [data-photo] img')).to_be_visible()
    expect(done).to_be_enabled()
    hand.look("filled")
    page.reload()
    expect(number.locator("b")).to_have_text("41.5")
    expect(chips.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(text).to_have_value("H-2041")
    expect(time).to_have_value("06:20")
    expect(page.locator('[data-datum="首件"] [data-photo] img')).to_be_visible()
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    page.context.set_offline(False)
    hand.synced()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "done")
    row = Report.objects.get()
    photo = row.data.pop("首件")
    assert (int(row.quantity), row.flags) == (5, [])
    assert row.data == {"直径": "41.5", "外观": "轻微划痕", "炉号": "H-2041", "出炉": "06:20"}
    until(Attachment.objects.exists, 30, "the photo has followed")
    assert Attachment.objects.get(noun="production.report", record=row.pk).file_id == photo
