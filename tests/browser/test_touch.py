"""What is done standing up, with a thumb: goods taken in, material picked, work reported."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from banyan.kernel import exchange, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from tests.browser.conftest import MONDAY, SCREENS
from tests.browser.hands import Hand
from tests.browser.looks import check, picture
from tests.browser.sizes import phone_and_tablet
from tests.browser.soon import expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def do(command: str, ids: Any = (), **data: Any) -> Any:
    """Run a command as the system, on the morning of the story."""
    ctx = Context(SYSTEM, now=MONDAY, through="story", program="story")
    return execute(ctx, registry.command(command), ids=list(ids), data=data or None).ids


def key(noun: str, code: str) -> str:
    """Give the key of a record of the demo factory by its code."""
    return str(exchange.resolve(noun, [code])[code])


@pytest.fixture
def waiting(demo) -> None:
    """Have a purchase order wait for its goods, and a work order for its material."""
    plant, today = key("company.plant", "P1"), f"{MONDAY:%Y-%m-%d}"
    line = {"item": key("items.item", "BP-MOT-075"), "quantity": "20", "wanted_on": today}
    bought = do("purchasing.order.create", records=[
        {"party": key("parties.party", "S009"), "plant": plant, "ordered_on": today, "lines": [line]}
    ])  # fmt: skip
    do("purchasing.order.order", bought)
    made = do("production.work_order.create", records=[{
        "item": key("items.item", "SA-R37-OUT"), "plant": plant, "quantity": "4",
        "due_on": f"{MONDAY + timedelta(days=3):%Y-%m-%d}",
    }])  # fmt: skip
    do("production.work_order.release", made)


@phone_and_tablet
def test_goods_are_taken_in_material_is_picked_and_work_is_reported(waiting, enter, size):
    device = next(iter(size))
    keeper, worker = enter("warehouse", **size), enter("worker", **size)

    def look(hand: Hand, name: str) -> None:
        picture(hand.page, SCREENS / "touch" / f"{device}-{name}.png")
        check(hand.page, name, is_phone="phone" in size)

    keeper.go("采购", "采购订单").open("S009").press("到货")
    keeper.put(keeper.cell("数量"), "12").put(keeper.cell("批号"), "MOT-C")
    look(keeper, "receipt")
    keeper.send().sees("部分到货")
    look(keeper, "received")

    keeper.go("生产", "工单").open("SA-R37-OUT").press("领料")
    keeper.put(keeper.cell("批次"), "L250121")
    look(keeper, "pick")
    keeper.send()

    worker.go("生产", "工单").open("SA-R37-OUT")
    look(worker, "work-order")
    worker.taps = 0
    worker.press("报工").fill({"合格": "3"})
    look(worker, "report")
    worker.send()
    assert worker.taps + 1 <= 3, "a report takes two taps and a number"
    worker.press("报工").fill({"工序": "零件清洗及压装轴承", "不良": "1", "不良原因": "D21"})
    look(worker, "scrap")
    worker.send().sees("SA-R37-OUT")
    look(worker, "reported")
    assert worker.page.faults == keeper.page.faults == []


@pytest.mark.slow
def test_help_is_called_in_three_taps(waiting, enter):
    worker = enter("worker", phone=True).go("生产", "工单").open("SA-R37-OUT")
    worker.taps = 0
    worker.press("安灯呼叫").fill({"异常类别": "质量"})
    check(worker.page, "call", is_phone=True)
    worker.send().sees("已提出", "SA-R37-OUT")
    assert worker.taps <= 3, "help, the category, done"
    with pytest.raises(AssertionError, match="已停工"):
        worker.go("生产", "工单").open("SA-R37-OUT").press("报工").fill({"合格": "3"}).send()


@phone_and_tablet
def test_a_press_that_puts_the_pad_away_is_not_lost(waiting, enter, size):
    """The pad goes as another field is tapped, and the dialog shrinks; what was tapped is what was meant."""
    keeper = enter("warehouse", **size).go("生产", "工单").open("SA-R37-OUT").press("完工入库")
    pad, last = keeper.box.locator("[data-pad]"), keeper.box.get_by_label("最后一次入库")
    for is_wanted in ("是", "否"):
        keeper.cell("数量").tap()
        expect(pad).to_be_visible()
        keeper.put(last, is_wanted)
        expect(pad).to_be_hidden()
    keeper.cell("数量").tap()
    keeper.fill({"备注": "先入一半"})
    expect(pad).to_be_hidden()
    assert keeper.box.get_by_label("备注").input_value() == "先入一半"
    foot = keeper.box.locator(".box-foot button").last
    assert foot.evaluate("e => e.scrollWidth <= e.clientWidth"), "the words of the button are cut off"
