"""A station's browser is killed, not closed, without a network and while it sends: all arrives once and in order."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, Route

from banyan.kernel.models import Attachment
from banyan.modules.production.models import Report
from banyan.modules.station.models import KeptAct
from tests.browser.floor import Floor, Worker, jpeg, shell_is_kept, shoot
from tests.browser.soon import expect
from tests.ops.site import until
from tests.plugins.browser import Device

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SYNC = "**/station/api/sync"


def told_without_a_network(device: Device, floor: Floor, folder: Path) -> Worker:
    """Sign in, lose the network, report 1, 2 and 3 (with a photo), and begin a fourth report."""
    hand = Worker(device.start(), "crash")
    hand.sign_in(floor)
    shell_is_kept(hand.page)
    device.context.set_offline(True)
    for quantity in "12":
        hand.report(floor.first.pk, quantity)
        hand.to_tasks()
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.digits("3")
    shoot(hand.page, "[data-photo-button]", jpeg(folder, wide=2400))
    expect(hand.page.locator("[data-photo] img")).to_be_visible()
    hand.tap("[data-done]")
    expect(hand.page.locator(".tick")).to_be_visible()
    hand.to_tasks()
    hand.tap(f'[data-task="{floor.first.pk}"]')
    hand.digits("4")
    expect(hand.page.locator(".entry-good b")).to_have_text("4")
    return hand


def started_again(device: Device, hand: Worker, **how: bool) -> Page:
    """Start the killed browser on the same profile."""
    device.wait_dead()
    device.close()
    page = hand.page = device.start(**how)
    return page


def killed_at_sync(device: Device, page: Page, reach) -> list[object]:
    """Open the station with the network there, kill its browser at the first request to sync; give what reach gave."""
    found = []

    def dies(route: Route) -> None:
        if not found:
            found.append(reach(route))
            device.kill()

    page.route(SYNC, dies)
    with suppress(Error):
        page.goto("/station/")
        until(lambda: found or page.wait_for_timeout(50), 20, "it syncs")
    device.wait_dead()
    return found


def waits(hand: Worker, count: int) -> None:
    """Hold the queue to the reports that were told, whole and in their order, and their photo."""
    page = hand.page
    expect(page.locator("[data-queue]")).to_have_attribute("data-queue", str(count))
    page.locator("[data-queue]").click()
    rows = page.locator("[data-act=waiting]")
    expect(rows).to_have_count(count)
    said = [row.split("合格 ")[1][0] for row in rows.locator("b").all_text_contents()]
    assert said == [str(n) for n in range(count, 0, -1)]
    expect(page.locator("[data-photos]")).to_have_attribute("data-photos", "1")


@pytest.mark.slow
def test_a_device_killed_without_a_network_and_while_it_sends_tells_everything_once_and_in_order(
    floor, device, tmp_path, settings
):
    settings.MEDIA_ROOT = tmp_path / "files"
    hand = told_without_a_network(device, floor, tmp_path)
    device.kill()
    # without a network still: what was told is there, and what was being typed
    page = started_again(device, hand, offline=True)
    page.goto("/station/")
    expect(page.locator(".entry-good b")).to_have_text("4")
    hand.tap("[data-done]")
    expect(page.locator(".tick")).to_be_visible()
    waits(hand, 4)
    hand.look("queue")
    device.kill()
    # with the network there: killed before the server has heard, then before the device has heard the answer
    page = started_again(device, hand)
    assert killed_at_sync(device, page, lambda _: "unheard") == ["unheard"]
    assert not Report.objects.exists()
    page = started_again(device, hand)
    assert killed_at_sync(device, page, lambda route: route.fetch().status) == [200]
    assert Report.objects.count() == 4
    page = started_again(device, hand, offline=True)
    page.goto("/station/")
    waits(hand, 4)
    device.context.set_offline(False)
    hand.synced()
    expect(page.locator("[data-act=done]")).to_have_count(4)
    expect(page.locator("[data-photos]")).to_have_count(0)
    page.reload()
    hand.synced()
    rows = Report.objects.order_by("device_at").values_list("quantity", "operation_id")
    assert [(int(quantity), key) for quantity, key in rows] == [(n, floor.first.pk) for n in (1, 2, 3, 4)]
    assert [int(row.quantity) for row in Report.objects.order_by("reported_at", "device_at")] == [1, 2, 3, 4]
    until(Attachment.objects.exists, 20, "the photo has followed")
    assert Attachment.objects.get().record == Report.objects.get(quantity=3).pk
    assert not KeptAct.objects.exists()
    floor.first.refresh_from_db()
    assert floor.first.good_quantity == 10
