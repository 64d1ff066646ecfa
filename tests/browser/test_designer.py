"""A first flow drawn in a real browser, from nothing until the partner has its message; and how the designer looks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Flow, Message, Sample
from banyan.kernel import dispatcher
from tests.browser.conftest import SCREENS, settle
from tests.browser.looks import check, picture
from tests.browser.sizes import every_look
from tests.browser.soon import expect
from tests.integration.shop import Integrator

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


class Receiver:
    """A partner on the loopback that keeps what it is sent, and answers with a number of its own."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                said = b'{"number": "EXT-1"}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_port


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def shop(factory, receiver):
    """Give an active system that stands for the receiver, over the REST connector."""
    system = factory.make("integration.system", code="SHOP", name="Web shop", connector="rest", settings={
        "address": f"http://127.0.0.1:{receiver.port}", "operations": [
            {"key": "orders", "zh": "订单", "en": "Orders", "ways": ["send"], "method": "POST", "path": "/orders",
             "body": "{body}"}]}, hosts=["127.0.0.1:*"])  # fmt: skip
    factory.do("integration.system.activate", system)
    return system


def faults_of(page) -> list[str]:
    """Give what the console complains of, but not that a newer request has taken an older one's place."""
    return [f for f in page.faults if not any(word in f for word in ("htmx:afterRequest", "htmx:sendAbort"))]


def step(page, name: str) -> None:
    page.locator(f".fd-card[for=fd-step-{name}]").click()
    expect(page.locator(f".fd-panel[data-step={name}]")).to_be_visible()


def look(page, name: str, *, is_phone: bool = False, language: str = "zh") -> None:
    folder = SCREENS / "designer"
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0) }")
    settle(page)
    picture(page, folder / f"{name}.png", full_page=True)
    check(page, name, is_phone=is_phone, language=language)


def test_a_first_flow_is_drawn_tried_and_switched_on_by_clicks(factory, shop, receiver, signed_in):
    dispatcher.wait_until_quiet()
    page = signed_in()
    page.goto("/integration/design")
    page.get_by_role("link", name="新建第一个").click()
    page.locator("#fd-code").fill("ORDERS-OUT")
    page.locator("#fd-name").fill("订单到商城")
    page.locator("#fd-system").select_option(index=1)
    settle(page)
    page.get_by_placeholder("再加一个").fill("sales.order_confirmed")
    page.get_by_placeholder("再加一个").press("Tab")
    expect(page.locator("#fd-says-trigger")).to_contain_text("发生 sales.order_confirmed 时")
    settle(page)
    # a real payload: the latest that was told
    page.get_by_role("button", name="取最近一条").click()
    expect(page.locator("#fd-made-trigger .bench-json")).to_contain_text("sales.order_confirmed")
    step(page, "filter")
    page.get_by_label("只要满足的条件").fill('type = "sales.order_confirmed" and')
    expect(page.locator("#fd-made-filter .bench-faults")).to_be_visible()
    page.get_by_label("只要满足的条件").fill("")
    page.get_by_label("字段").fill("noun")
    page.get_by_label("值", exact=True).fill("sales.order")
    page.get_by_role("button", name="加上").click()
    expect(page.get_by_label("只要满足的条件")).to_have_value('noun = "sales.order"')
    expect(page.locator("#fd-says-filter .state-green")).to_be_visible()
    step(page, "mapping")
    _draw_table(page)
    page.get_by_label("怎样转换").select_option("none")
    settle(page)
    page.get_by_label("怎样转换").select_option("table")
    settle(page)
    page.get_by_label("映射表", exact=True).select_option("orders-out")
    expect(page.locator("#fd-made-mapping .bench-json")).to_contain_text('"order"')
    step(page, "target")
    page.get_by_label("发给外部系统的操作").select_option("orders")
    expect(page.locator("#fd-says-target")).to_contain_text("发给 Web shop：orders")
    step(page, "reply")
    page.get_by_label("把对方的回复保留在消息上").check()
    page.get_by_role("button", name="保存").click()
    page.wait_for_url("**/integration/flow/*/design")
    flow = Flow.objects.get()
    assert (flow.code, flow.state, flow.filter, flow.reply) == ("ORDERS-OUT", "draft", 'noun = "sales.order"',
                                                                {"keep": True})  # fmt: skip
    page.get_by_role("button", name="取最近一条").click()
    expect(page.locator("#fd-body")).not_to_have_value("")
    expect(page.locator("#fd-says-target .state-green")).to_be_visible()
    page.get_by_role("button", name="试运行").click()
    expect(page.locator("#notes")).to_contain_text("试运行通过")
    page.get_by_label("样例名称").fill("第一单")
    page.get_by_role("button", name="固定为样例").click()
    expect(page.locator(".bench-samples")).to_contain_text("第一单")
    expect(page.locator("#fd-tests")).to_contain_text("固定样例 1/1 通过")
    page.get_by_role("button", name="启用").click()
    expect(page.locator("h1 .state")).to_contain_text("启用")
    expect(page.locator(".fd-versions")).to_contain_text("第 1 版")
    assert Sample.objects.get().output == {"order": Sample.objects.get().input["subject"]}
    factory.do("sales.order.confirm", factory.orders[20:21])
    dispatcher.wait_until_quiet()
    carry_until_quiet()
    message = Message.objects.get()
    assert (message.state, message.reply) == ("done", {"number": "EXT-1"})
    assert receiver.got == [{"order": message.body["subject"]}]
    assert faults_of(page) == []


@pytest.mark.slow
def test_a_push_of_one_system_is_drawn_to_another_and_an_event_to_a_command(factory, shop, receiver, signed_in):
    factory.make("integration.system", code="MES", name="Shop floor", connector="rest", settings={
        "address": f"http://127.0.0.1:{receiver.port}", "operations": [
            {"key": "reports", "zh": "报工", "en": "Reports", "ways": ["poll"], "path": "/reports"}]},
        hosts=["127.0.0.1:*"])  # fmt: skip
    page = signed_in()
    page.goto("/integration/design/new")
    page.locator("#fd-code").fill("REPORTS")
    page.locator("#fd-name").fill("报工到商城")
    page.locator("#fd-system").select_option(label="SHOP Web shop (测试)")
    settle(page)
    page.locator("#fd-trigger").select_option("poll")
    settle(page)
    step(page, "target")
    expect(page.locator("#fd-direction")).to_have_value("in")
    page.locator("#fd-direction").select_option("out")
    settle(page)
    page.get_by_label("发给外部系统的操作").select_option("orders")
    step(page, "trigger")
    page.get_by_label("读取哪个系统").select_option(label="MES Shop floor (测试)")
    settle(page)
    page.get_by_label("操作", exact=False).and_(page.locator("#fd-operation")).select_option("reports")
    expect(page.locator("#fd-says-trigger")).to_contain_text("Shop floor")
    expect(page.locator("#fd-says-target")).to_contain_text("发给 Web shop：orders")
    page.get_by_role("button", name="保存").click()
    page.wait_for_url("**/integration/flow/*/design")
    flow = Flow.objects.get()
    assert (flow.direction, flow.trigger, flow.origin.code, flow.system.code) == ("out", "poll", "MES", "SHOP")
    page.locator("#fd-trigger").select_option("event")
    settle(page)
    step(page, "target")
    page.locator("#fd-direction").select_option("in")
    settle(page)
    page.get_by_label("我方的操作").and_(page.locator("#fd-target")).fill("sales.order.cancel")
    expect(page.locator("#fd-says-target")).to_contain_text("销售订单")
    assert faults_of(page) == []
    look(page, "event-to-command")


def _draw_table(page) -> None:
    """Make a mapping table in a tab beside the flow: paste the payload, name the partner's field, tap its source."""
    payload = page.locator("#fd-body").input_value()
    page.get_by_label("怎样转换").select_option("table")
    settle(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="新建映射表").click(modifiers=["Control"])
    tab = opened.value
    tab.get_by_label("编码").fill("orders-out")
    tab.get_by_label("名称").fill("订单到商城")
    tab.get_by_role("button", name="保存", exact=True).click()
    tab.get_by_role("link", name="映射台").click()
    tab.wait_for_url("**/bench")
    tab.fill("#bench-body", payload)
    row = tab.locator("[data-bench] [data-row]").first
    row.locator('[name$=".target"]').fill("order")
    tab.locator('[data-source="subject"]').click()
    expect(row.locator('[name$=".source"]')).to_have_value("subject")
    expect(tab.locator(".bench-json")).to_contain_text('"order"')
    tab.get_by_role("button", name="保存", exact=True).click()
    expect(tab.locator("#notes")).to_contain_text("已保存")
    tab.close()


EVENT = {
    "id": "e-1", "type": "sales.order_confirmed", "noun": "sales.order", "subject": "SO2611-00012",
    "record": "01a226f0-d17d-732a-acd2-5826d7f99f89", "data": {"priority": "rush", "amount": "1250.50"},
}  # fmt: skip


@pytest.fixture
def drawn(factory, shop):
    """Give a flow that runs by its second version, at the times of a calendar; and one drawn anew.

    The system's account may do what the answer leads to
    """
    account = Integrator(factory.ctx).account("sales.order.change")
    factory.do("integration.system.change", shop, account=account)
    nightly = factory.make("integration.flow", code="STOCK", name="Stock each night", system=shop, direction="out",
                           trigger="schedule", detail={"cron": "30 22 * * 1-5"}, target="orders")  # fmt: skip
    factory.make("integration.sample", flow=nightly, name="First", input={"id": 1}, output={"id": 1})
    factory.do("integration.flow.test", nightly)
    factory.do("integration.flow.activate", nightly)
    for name in ("stop", "revise"):
        factory.do(f"integration.flow.{name}", nightly)
    factory.do("integration.flow.change", nightly, detail={"cron": "0 22 * * *"}, reply={"keep": True})
    for name in ("test", "activate"):
        factory.do(f"integration.flow.{name}", nightly)
    orders = factory.make(
        "integration.flow", code="ORDERS", name="Orders to the shop", system=shop, direction="out", trigger="event",
        detail={"events": ["sales.order_confirmed"]}, filter='data.priority = "rush"', target="orders",
        mapping={"fields": [{"target": "order", "source": "subject"}, {"target": "total", "source": "data.amount"}]},
        reply={"command": {"target": "sales.order.change", "mapping": {"fields": [
            {"target": "records_of", "source": "message.record"},
            {"target": "customer_reference", "source": "reply.number"}]}}})  # fmt: skip
    factory.make("integration.sample", flow=orders, name="Rush", input=EVENT,
                 output={"order": "SO2611-00012", "total": "1250.50"})  # fmt: skip
    return nightly, orders


@every_look
def test_the_designer_looks_right(drawn, signed_in, device, size, language, theme):
    nightly, orders = drawn
    page = signed_in(**size, language=language, color_scheme=theme)
    is_phone, tail = device == "phone", f"{device}-{language}-{theme}"
    page.goto("/integration/design")
    look(page, f"flows-{tail}", is_phone=is_phone, language=language)
    page.goto(f"/integration/flow/{nightly.pk}/design")
    expect(page.locator(".fd-times li")).to_have_count(5)
    page.locator(".fd-versions summary").first.click()
    expect(page.locator(".fd-changes").first).to_contain_text("0 22 * * *")
    look(page, f"running-{tail}", is_phone=is_phone, language=language)
    page.goto(f"/integration/flow/{orders.pk}/design")
    step(page, "reply")
    page.locator("#fd-answer").fill('{"number": "EXT-1"}')
    expect(page.locator("#fd-made-reply")).to_contain_text("customer_reference")
    expect(page.locator(".fd-says .state-green")).to_have_count(5)
    look(page, f"drawn-{tail}", is_phone=is_phone, language=language)
    assert faults_of(page) == []
