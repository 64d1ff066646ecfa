"""What a leader does by hand: an order goes another way, an exception is put right, a part gets a temporary card."""

from __future__ import annotations

import re
from decimal import Decimal as D
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

from banyan.kernel.models import Attachment, Role, User, UserRole
from banyan.modules.engineering.models import BomLine, RoutingOperation
from banyan.modules.exceptions.models import ShopException, Step
from banyan.modules.items.models import Item
from banyan.modules.production.models import Deviation, Operation, WorkOrder
from banyan.modules.proposals.models import Proposal
from banyan.modules.trace.models import Recall
from tests.browser.conftest import PASSWORD, SCREENS, watched
from tests.browser.hands import Hand
from tests.browser.looks import check, picture
from tests.browser.soon import expect
from tests.browser.test_teamboard import Floor

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
LOOKS = SCREENS / "leader"
#: Whether the text that is chosen has all the room it takes, drawn as its select draws it.
FITS = """one => { const style = getComputedStyle(one), copy = document.createElement('div');
copy.textContent = one.selectedOptions[0].text;
Object.assign(copy.style, { position: 'absolute', font: style.font, whiteSpace: style.whiteSpace,
  width: `${one.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)}px` });
one.parentElement.append(copy);
const fits = copy.scrollWidth <= copy.clientWidth + 1 && copy.offsetHeight <= one.clientHeight + 1;
copy.remove(); return fits }"""


@pytest.fixture
def floor(again, settings, tmp_path) -> Floor:
    settings.MEDIA_ROOT = tmp_path / "files"
    return again(Floor)


@pytest.fixture
def enter(floor, open_page):
    """Open a page where somebody has signed in."""

    def come(login: str, **size: object) -> Hand:
        return Hand(watched(open_page(**size)), is_touch=bool(size)).come_in(login, PASSWORD)

    return come


def look(hand: Hand, name: str) -> None:
    picture(hand.page, LOOKS / f"{name}.png")
    check(hand.page, name, is_phone=hand.is_touch)


def photo_taken(place: object, folder: Path) -> None:
    """Take a photo where one is asked for, and wait until it is stored."""
    file = folder / "part.jpg"
    Image.effect_noise((640, 480), 60).convert("RGB").save(file)
    place.locator("input[type=file]").set_input_files(file)
    expect(place.locator("input[name=photo]")).to_have_value(re.compile("^[0-9a-f]{64}$"))


def picture_is_shown(page: Page) -> None:
    """Wait until the picture that hangs on a record is drawn."""
    page.locator("#files").scroll_into_view_if_needed()
    expect(page.locator("#files img")).to_have_count(1)
    assert page.locator("#files img").evaluate("(one) => one.decode().then(() => one.naturalWidth)") > 0


def views(page: Page) -> dict[str, list[str]]:
    """Give the lines of the three views by name: as designed, planned and built, and why they differ."""
    found = {}
    for row in page.locator("table.three tbody tr").all():
        name, *cells = row.locator("th, td").all_inner_texts()
        found[" ".join(name.split()[:2])] = [" ".join(text.split()) for text in cells]
    return found


@pytest.mark.slow
def test_an_order_goes_another_way_and_the_three_views_stand_side_by_side(floor, enter):
    order, world = floor.orders[0], floor.world
    world.item(code="RM-2", name="方钢", kind="bought", unit=world.kilogram)
    hand = enter("leader")
    hand.page.goto(f"/production/work_orders/{order.pk}")
    hand.press("加工序").fill({"工序": "去毛刺", "工作中心": "铣削", "单件工时": "1", "原因": "毛刺多"})
    assert hand.box.get_by_label("序号").input_value() == "40"
    hand.box.get_by_label("20 铣削", exact=True).check()
    look(hand, "add-operation")
    hand.send().do("跳过工序", 工序="30 检验", 原因="客户免检")
    hand.press("调整工序顺序").fill({"工序": "20 铣削", "原因": "先去毛刺"})
    hand.box.get_by_label("40 去毛刺", exact=True).check()
    hand.send().do("替代料", 用料行="圆钢", 替代物料="RM-2", 原因="圆钢没有货")
    floor.report(5, minutes="12")
    hand.press("设计、计划与实际")
    look(hand, "views")
    assert views(hand.page) == {
        "10 车削": ["210 min TURN 车削", "210 min TURN 车削", "5 22 min", "—"],
        "20 铣削": ["100 min MILL 铣削 ← 10", "100 min MILL 铣削 ← 40", "—", "先去毛刺"],
        "30 检验": ["100 min TURN 车削 ← 20", "— TURN 车削 ← 20", "—", "客户免检"],
        "40 去毛刺": ["—", "100 min MILL 铣削 ← 10", "—", "毛刺多"],
        "BP-1 螺钉": ["400", "400", "—", "—"], "MP-1 齿轮": ["200", "200", "—", "—"],
        "RM-1 圆钢": ["50", "0", "—", "圆钢没有货"], "RM-2 方钢": ["—", "50", "—", "圆钢没有货"],
    }  # fmt: skip
    kinds = ["add_operation", "skip", "reorder", "substitute"]
    assert list(Deviation.objects.order_by("at").values_list("kind", flat=True)) == kinds
    expect(hand.page.locator(".timeline > li")).to_have_count(4)
    for reason in ("毛刺多", "客户免检", "先去毛刺", "圆钢没有货"):
        expect(hand.page.locator(".timeline")).to_contain_text(reason)
    steps = Operation.objects.filter(work_order=order).order_by("position").values_list("sequence", "state")
    assert list(steps) == [(10, "running"), (40, "open"), (20, "open"), (30, "skipped")]
    assert hand.page.faults == []


@pytest.mark.slow
def test_an_exception_is_raised_with_a_photo_and_its_five_sections_are_filled(floor, enter, tmp_path):
    floor.world.do("exceptions.category.add_usual")
    hand = enter("leader", phone=True)
    hand.page.goto(f"/production/work_orders/{floor.orders[0].pk}")
    hand.press("安灯呼叫").fill({"异常类别": "质量", "问题": "外圆有振纹"})
    photo_taken(hand.box.locator('[data-path="photo"]'), tmp_path)
    look(hand, "raise")
    hand.send().sees("已提出")
    floor.first.refresh_from_db()
    assert floor.first.is_stopped
    hand.do("接手").sees("已接手")
    hand.do("遏制", 临时措施="隔离 12 件，换刀片").sees("已遏制")
    floor.first.refresh_from_db()
    assert not floor.first.is_stopped
    hand.do("解决", 原因类别="设备", 根本原因="刀片崩刃").sees("已解决")
    hand.do("关闭", 预防措施="每班首件查刀片").sees("已关闭")
    look(hand, "closed")
    filled = {
        "异常类别": "质量", "问题": "外圆有振纹", "责任班组": "T1 车铣班", "接手人": "王建军",
        "临时措施": "隔离 12 件，换刀片", "原因类别": "设备", "根本原因": "刀片崩刃", "预防措施": "每班首件查刀片",
    }  # fmt: skip
    assert {label: hand.value(label) for label in filled} == filled
    picture_is_shown(hand.page)
    case = ShopException.objects.get()
    assert Attachment.objects.get(noun="exceptions.exception").record == case.pk
    done = Step.objects.filter(exception=case).order_by("at").values_list("kind", flat=True)
    assert list(done) == ["raised", "taken", "contained", "resolved", "closed"]
    assert hand.page.faults == []


def test_one_click_on_a_reason_holds_a_lot_and_begins_the_recall(floor, enter):
    user = User(login="quality", name="质检", plants=[floor.world.plant.pk])
    user.set_password(PASSWORD)
    user.save()
    UserRole.objects.create(user=user, role=Role.objects.get(code="quality"))
    lot = floor.shop.steel_lot
    hand = enter("quality")
    hand.page.goto(f"/trace/lots/{lot.pk}")
    look(hand, "hold-all")
    hand.page.get_by_role("button", name="供应商通知").click()
    expect(hand.page.locator("h1", has_text="RC")).to_be_visible()
    recall = Recall.objects.get(lot=lot)
    assert hand.page.url.endswith(f"/trace/recalls/{recall.pk}")
    lot.refresh_from_db()
    assert (lot.state, recall.reason) == ("held", "供应商通知")
    assert hand.page.faults == []


@pytest.mark.slow
def test_a_card_with_a_photo_becomes_what_engineering_accepts_line_by_line(floor, enter, tmp_path):
    world, shop = floor.world, floor.shop
    world.change(world.steel, name="热轧圆钢 45# Φ60 调质 GB/T 699-2015")
    user = User(login="engineer", name="李工", plants=[world.plant.pk])
    user.set_password(PASSWORD)
    user.save()
    UserRole.objects.create(user=user, role=Role.objects.get(code="engineer"))
    hand = enter("leader", phone=True)
    hand.page.goto("/production/card")
    hand.page.locator("#c-part").fill("非标支架")
    photo_taken(hand.page.locator('[data-path="photo"]'), tmp_path)
    for name in ("车削", "铣削"):
        hand.page.locator(".tile", has_text=name).first.tap()
    hand.page.locator("#c-quantity").fill("4")
    look(hand, "card")
    hand.press("开卡").sees("非标支架")
    picture_is_shown(hand.page)
    card = WorkOrder.objects.get(kind="temporary")
    assert Attachment.objects.get(noun="production.work_order").record == card.pk
    used = [{"item": world.part, "quantity": "8"}, {"item": world.steel, "quantity": "4", "lot": shop.steel_lot}]
    world.do("production.work_order.use_material", card, lines=used)
    for sequence in (10, 20):
        shop.report(card, sequence, "good", 4, minutes="30")
    hand.page.reload()
    hand.do("结束工艺卡").sees("已关闭")
    assert hand.page.faults == []
    # engineering has the proposal: a line is edited, one is rejected, the others are accepted as they are
    hand = enter("engineer").go("工程", "工程建议").open("非标支架").press("逐行决定")
    named = [hand.cell("行", n).evaluate("(one) => one.selectedOptions[0].text") for n in range(1, 6)]
    assert named == [
        "物料 非标支架", "用料 MP-1 齿轮：新 → 2", "用料 RM-1 热轧圆钢 45# Φ60 调质 GB/T 699-2015：新 → 1",
        "工序 10 车削：新 → 7.5 分钟", "工序 20 铣削：新 → 7.5 分钟",
    ]  # fmt: skip
    for width in (390, 1440):
        hand.page.set_viewport_size({"width": width, "height": 900})
        assert [hand.cell("行", n).evaluate(FITS) for n in range(1, 6)] == [True] * 5
    hand.put(hand.cell("物料编码", 1), "BR-100").put(hand.cell("每件用量或分钟", 3), "0.9")
    hand.put(hand.cell("决定", 5), "拒绝").put(hand.cell("原因", 5), "只做一次")
    look(hand, "decide")
    hand.send()
    decided = [row.locator("td").all_inner_texts()[-2] for row in hand.main.locator("table.lines tbody tr").all()]
    assert decided == ["改后接受", "接受", "改后接受", "接受", "拒绝"]
    look(hand, "decided")
    hand.do("生成工程草稿").sees("已成草稿")
    made = Proposal.objects.get()
    assert Item.objects.get(pk=made.made_item_id).code == "BR-100"
    components = BomLine.objects.filter(bom=made.made_bom_id).order_by("position")
    assert list(components.values_list("component", "quantity")) == [(world.part.pk, 2), (world.steel.pk, D("0.9"))]
    steps = RoutingOperation.objects.filter(routing=made.made_routing_id)
    assert list(steps.values_list("name", "run_minutes")) == [("车削", D("7.5"))]
    assert hand.page.faults == []
