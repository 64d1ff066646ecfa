"""A dead letter in a real browser: found by its reason, put right, tried without effect, replayed until it is done."""

from __future__ import annotations

import json

import pytest

from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Message, Repair
from banyan.kernel import dispatcher
from tests.browser.conftest import SCREENS, settle
from tests.browser.looks import check, picture
from tests.browser.sizes import desk_and_phone
from tests.browser.soon import expect
from tests.browser.test_designer import Receiver, faults_of, receiver, shop

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
__all__ = ["receiver", "shop"]
MAPPING = {"fields": [
    {"target": "order", "source": "subject"},
    {"target": "total", "source": "data.total", "converter": "number", "required": True},
]}  # fmt: skip
SAMPLE = {"subject": "SO-1", "data": {"total": "12.50"}}


@pytest.fixture
def dead(factory, shop) -> Message:
    """Give a message that a mapping could make nothing of: what it needs is not in the event."""
    dispatcher.wait_until_quiet()
    flow = factory.make(
        "integration.flow", code="ORDERS", name="Orders to the shop", system=shop, direction="out", trigger="event",
        detail={"events": ["sales.order_confirmed"]}, target="orders", mapping=MAPPING)  # fmt: skip
    factory.make("integration.sample", flow=flow, name="One", input=SAMPLE,
                 output={"order": "SO-1", "total": "12.5"})  # fmt: skip
    factory.do("integration.flow.test", flow)
    factory.do("integration.flow.activate", flow)
    factory.do("sales.order.confirm", factory.orders[30:31])
    dispatcher.wait_until_quiet()
    carry_until_quiet()
    return Message.objects.get()


def look(page, name: str, language: str, is_phone: bool) -> None:
    settle(page)
    picture(page, SCREENS / "dead_letters" / f"{name}-{language}.png", full_page=True)
    check(page, name, is_phone=is_phone, language=language)


@desk_and_phone
def test_a_dead_letter_is_repaired_tried_and_replayed(dead, receiver: Receiver, signed_in, size, language):
    assert (dead.state, dead.reason) == ("dead", "mapping")
    is_zh, is_phone = language == "zh", "phone" in size
    page = signed_in(**size, language=language)

    def act(zh: str, en: str) -> None:
        button = page.get_by_role("button", name=zh if is_zh else en, exact=True).filter(visible=True)
        if not button.count():
            page.locator(".head-actions details.menu summary").click()
        button.first.click()
        settle(page)

    page.goto("/integration/messages?state:in=dead")
    look(page, "list", language, is_phone)
    page.locator(".rows tbody a").first.click()
    page.wait_for_url(f"**/integration/messages/{dead.pk}")
    why = "必填，但来源没有值" if is_zh else "needed, but the source has no value"
    expect(page.locator("#main")).to_contain_text(why)
    look(page, "dead", language, is_phone)
    act("修复内容", "Repair")
    body = dead.body | {"data": dead.body["data"] | {"total": "76305.52"}}
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=body]").fill(json.dumps(body))
    dialog.locator("[name=note]").fill("对方要 total" if is_zh else "total was missing")
    look(page, "repair", language, is_phone)
    dialog.locator(".box-foot button").last.click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    settle(page)
    act("试运行", "Dry run")
    page.locator("dialog[open] .box-foot button").last.click()
    expect(page.locator("dialog[open]")).to_contain_text("76305.52")
    look(page, "tried", language, is_phone)
    assert receiver.got == []
    page.locator("dialog[open] [data-close]").first.click()
    expect(page.locator("dialog[open]")).to_have_count(0)
    settle(page)
    act("重放", "Replay")
    carry_until_quiet()
    page.reload()
    expect(page.locator("h1 .state")).to_have_text("完成" if is_zh else "Done")
    look(page, "replayed", language, is_phone)
    assert receiver.got == [{"order": dead.body["subject"], "total": "76305.52"}]
    assert Repair.objects.get().body == body
    assert Message.objects.get().body == dead.body
    assert faults_of(page) == []
