"""The health board in a real browser: on a phone and a desktop, in both languages, from a red card to what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from banyan.integration.models import Attempt, Flow, FlowVersion, Gauge, Message, System
from banyan.integration.watch import days
from banyan.kernel.models import User
from banyan.lib.ids import new_id
from tests.browser import looks
from tests.browser.conftest import PASSWORD, SCREENS, watched
from tests.browser.hands import sign_in
from tests.browser.soon import expect
from tests.plugins.levels import later

pytestmark = [pytest.mark.browser]
NOW = datetime.now(UTC)
CUT = """() => [...document.querySelectorAll('.wh-system .table-frame')]
.filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth).map(e => `${e.scrollWidth} > ${e.clientWidth}`)"""


def _flow(system: System, code: str, name: str) -> Flow:
    flow = Flow.objects.create(code=code, name=name, system=system, direction="out", trigger="event", target="push",
                               detail={"events": ["sales.*"]})  # fmt: skip
    version = FlowVersion.objects.create(flow=flow, no=1, at=NOW - timedelta(days=3), person_id=new_id(), definition={})
    Flow.objects.filter(pk=flow.pk).update(running=version, state="active")
    flow.refresh_from_db()
    return flow


def _messages(flow: Flow, count: int, *, hours: float, state: str = "done", slow: int = 1) -> None:
    for n in range(count):
        key, at = new_id(), NOW - timedelta(hours=hours, seconds=7 * n)
        one = Message.objects.create(
            id=key, flow=flow, system=flow.system, used_id=flow.running_id, direction="out", source=str(key),
            type="sales.order_confirmed", key=f"SO-{n:04}", body={"n": n}, state=state, at=at, next_at=at,
            reason="refused" if state == "dead" else "", error="422 no such SKU" if state == "dead" else "",
        )  # fmt: skip
        if state != "waiting":
            took = timedelta(milliseconds=(180 + 40 * n) * slow)
            Attempt.objects.create(message=one, position=1, at=at + took, ms=90, outcome=state,
                                   used_id=flow.running_id)  # fmt: skip


@pytest.fixture
def linked(live_db) -> None:
    """Give three partners: one well, one with dead messages and a backlog, one that cannot be reached."""
    boss = User(login="all", name="Lin", is_superuser=True)
    boss.set_password(PASSWORD)
    boss.save()
    shop, mes, bank = (
        System.objects.create(code=code, name=name, connector="rest", state="active", environment="production")
        for code, name in (("SHOP", "Web shop"), ("MES", "MES line 3"), ("BANK", "Bank"))
    )
    well, orders, stock, pay = (
        _flow(shop, "STOCK-OUT", "Stock to the shop"), _flow(mes, "WO-OUT", "Work orders"),
        _flow(mes, "ITEM-OUT", "Items"), _flow(bank, "PAY-OUT", "Payments"),
    )  # fmt: skip
    for flow, slow in ((well, 1), (orders, 1), (stock, 2_000)):
        _messages(flow, 12, hours=0.2, slow=slow)
        _messages(flow, 9, hours=24, slow=slow)
    _messages(orders, 3, hours=0.5, state="dead")
    _messages(stock, 5, hours=2, state="waiting")
    _messages(pay, 4, hours=1, state="waiting")
    Gauge.objects.create(id=bank.pk, system=bank, breaker="open", failures=10, until=NOW + timedelta(minutes=9),
                         error="connect: no route to host")  # fmt: skip
    zone = ZoneInfo("Asia/Shanghai")
    days.rebuild(days.due_days(NOW, zone), zone, NOW)


@pytest.mark.parametrize(("is_phone", "language"), [
    later(False, "en", id="desktop-en"), pytest.param(True, "zh", id="phone-zh"),
    later(False, "zh", id="desktop-zh"), later(True, "en", id="phone-en"),
])  # fmt: skip
def test_the_board_says_what_is_wrong_and_leads_there(linked, open_page, language, is_phone):
    page = watched(open_page(phone=is_phone, language=language))
    sign_in(page, "all", PASSWORD)
    if language == "en":
        page.context.request.get("/")
        User.objects.filter(login="all").update(language="en")
    page.goto("/integration/health")
    bank = page.get_by_role("region", name="Bank")
    expect(bank.locator(".wh-head .state").first).to_have_text(
        "对方不通，已熔断" if language == "zh" else "Partner unreachable, breaker open"
    )
    assert page.locator(".wh-system h2 a").all_inner_texts() == ["Bank", "MES line 3", "Web shop"]
    name = f"health-{language}-{'phone' if is_phone else 'desktop'}"
    looks.check(page, name, is_phone=is_phone, language=language)
    assert page.evaluate(CUT) == [], "figures stick out of their frame"
    looks.picture(page, SCREENS / f"{name}.png", full_page=True)
    bank.get_by_role("button", name="停止" if language == "zh" else "Stop").first.click()
    expect(page.locator("dialog[open] .box-foot")).to_be_visible()
    page.locator("dialog[open] [data-close]").first.click()
    page.get_by_role("region", name="MES line 3").locator(".wh-facts .wh-bad a").first.click()
    page.wait_for_url("**/integration/messages?system:in=*&state:in=dead**")
    expect(page.locator(".rows tbody tr")).to_have_count(3)
    assert page.faults == []
