"""The warehouse on a phone: a pick in few taps with an alarm for the wrong label, a count without a network."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page

from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import Role, User, UserRole
from banyan.modules.handheld.models import Borrow, OtherLot
from banyan.modules.inventory.models import Count, CountLine
from banyan.modules.production.models import MaterialIssue
from banyan.modules.production.tests.conftest import Shop
from banyan.modules.purchasing.models import Order, Receipt, ReceiptLine
from banyan.modules.sales.models import ShipmentLine
from banyan.modules.station import badges
from banyan.modules.station.models import KeptAct
from banyan.ops.roles import write_defaults
from banyan.web import codes
from tests.browser.conftest import SCREENS, watched
from tests.browser.floor import Worker, shell_is_kept
from tests.browser.looks import picture
from tests.browser.sizes import every_handheld, later
from tests.browser.soon import expect
from tests.plugins.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


class Stores:
    """A warehouse with bins, an order to receive, orders to pick for, a count to do, and its keeper's badge."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        world = World(Context(SYSTEM, now=now - timedelta(days=1), through="story"))
        self.shop, self.world = Shop(world), world
        names = {"A-01": "小件架01位", "A-02": "小件架02位", "B-01": "棒料架01位"}
        assert self.shop.places
        self.bins = {
            code: world.make(
                "inventory.location", code=code, name=name, kind="bin", plant=world.plant,
                parent=self.shop.places.warehouse,
            )
            for code, name in names.items()
        }  # fmt: skip
        self.other = self.shop.lot(world.steel, "HEAT-2")
        self.shop.receive(world.part, 300, "3000", target=self.bins["A-01"].pk)
        self.shop.receive(world.screw, 600, "60", target=self.bins["A-02"].pk)
        self.shop.receive(world.steel, 80, "400", self.shop.steel_lot, self.bins["B-01"].pk)
        world.ctx = self.shop.ctx = world.ctx.with_(now=now)
        self.shop.receive(world.steel, 5, "25", self.other, self.bins["A-02"].pk)
        write_defaults(world.ctx)
        self.orders = [self.shop.released(quantity=str(n)) for n in (100, 60)]
        lines = [{"item": world.screw, "quantity": "500", "price": "0.1"}]
        self.bought = world.make("purchasing.order", party=world.supplier, plant=world.plant, lines=lines)
        world.do("purchasing.order.order", self.bought)
        self.count = world.make(
            "inventory.count", plant=world.plant, location=self.bins["A-02"], tolerance_percent="1"
        )
        user = User.objects.create(login="keeper", name="孙库管", plants=[world.plant.pk])
        UserRole.objects.create(user=user, role=Role.objects.get(code="warehouse"))
        world.change(world.worker, user=user.pk)
        self.badge = world.make("station.badge", employee=world.worker)
        self.device = world.make("station.device", code="WH-01", name="仓库一号", plant=world.plant)

    def pairing_code(self) -> str:
        return self.world.do("station.device.pair", self.device).in_("en").split("enter ")[1].split()[0]


class Keeper(Worker):
    """Somebody in the warehouse, who scans and taps; scans are not counted."""

    def look(self, name: str) -> None:
        expect(self.page.locator(".flash")).to_have_count(0)
        picture(self.page, SCREENS / "warehouse" / f"{self.name}-{name}.png")
        self.check(name)

    def enter(self, stores: Stores, pair: str = "配对", scan: str = "扫工牌登录", ok: str = "确定") -> None:
        page = self.page
        page.goto("/station/")
        page.locator("#pairing").fill(stores.pairing_code())
        page.get_by_role("button", name=pair, exact=True).click()
        page.get_by_role("button", name=scan).click()
        page.locator(".scan input").fill(badges.badge_code(stores.badge.pk, stores.badge.serial))
        page.get_by_role("button", name=ok, exact=True).click()
        expect(page.locator("[data-open=gate]")).to_be_visible()

    def scan(self, text: str) -> None:
        """Scan as a reader does that types like a keyboard."""
        self.page.evaluate(
            """(text) => [...text, 'Enter'].forEach((key) =>
                document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true})))""",
            text,
        )

    def at(self, name: str) -> None:
        expect(self.page.locator("[data-ware]")).to_have_attribute("data-ware", name)

    def home(self) -> None:
        while self.page.locator("[data-ware=home]").count() == 0:
            self.page.get_by_role("button", name=re.compile("返回|Back")).click()


@pytest.fixture
def stores(again) -> Stores:
    return again(Stores)


def label(noun: str, record) -> str:
    return f"https://factory.example{codes.make(noun, record.pk)}"


def opened(open_page, stores, **size: object) -> tuple[Page, Keeper]:
    page = watched(open_page(**size))
    hand = Keeper(page, next(iter(size)))
    hand.enter(stores)
    return page, hand


@every_handheld
def test_a_pick_alarms_at_the_wrong_label_and_takes_few_taps(stores, open_page, size):
    page, hand = opened(open_page, stores, **{size: True})
    hand.look("home")
    order = stores.orders[0]
    hand.taps.clear()
    hand.tap("[data-open=picks]", "pick")
    hand.look("picks")
    hand.tap(f'[data-work="{order.number}"]', "the order")
    expect(page.locator(".ware-place b")).to_have_text("A-01")
    hand.look("walk")
    hand.scan(label("inventory.lot", stores.shop.steel_lot))
    expect(page.locator("[data-alarm=wrong]")).to_be_visible()
    page.wait_for_timeout(300)
    hand.look("alarm")
    page.locator("[data-seen]").click()
    expect(page.locator("[data-next]")).to_have_count(0)
    hand.scan(label("inventory.location", stores.bins["A-01"]))
    expect(page.locator(".ware-place.is-seen")).to_be_visible()
    hand.scan("MP-1")
    hand.tap("[data-next]", "taken")
    expect(page.locator(".ware-place b")).to_have_text("B-01")
    hand.scan(label("inventory.lot", stores.other))
    expect(page.locator("[data-alarm=wrong]")).to_contain_text("HEAT-1")
    page.locator("[data-seen]").click()
    hand.scan(label("inventory.lot", stores.shop.steel_lot))
    hand.look("right")
    page.reload()
    hand.at("walk")
    hand.tap("[data-next]", "taken")
    hand.look("all")
    page.context.set_offline(True)
    hand.tap("[data-next]", "issue")
    expect(page.locator("[data-fault]")).to_contain_text("没有网络")
    hand.look("needs-network")
    page.context.set_offline(False)
    hand.tap("[data-next]", "issue")
    expect(page.locator(".ware-done")).to_contain_text(order.number)
    hand.taps.pop()  # the one that had no network
    hand.took("a pick of two bins", 3 + 2)  # three, and one for each thing taken
    assert MaterialIssue.objects.filter(work_order=order).count() == 1
    assert stores.shop.material(order, stores.world.part).issued_quantity == 200
    hand.look("done")
    assert [one for one in page.faults if "ERR_INTERNET" not in one and "Failed to load" not in one] == []


def test_a_shipment_goes_in_part_and_with_another_lot_by_consent(stores, open_page):
    world, shop = stores.world, stores.shop
    lots = {number: shop.lot(world.product, number) for number in ("FG-1", "FG-2", "FG-3")}
    for number, place, quantity in (("FG-1", "A-01", 12), ("FG-2", "A-02", 20), ("FG-3", "B-01", 40)):
        shop.receive(world.product, quantity, "100", lots[number], stores.bins[place].pk)
    line = {"item": world.product, "quantity": "30", "price": "900", "tax_code": world.vat13}
    order = world.make("sales.order", party=world.customer, plant=world.plant, lines=[line])
    world.do("sales.order.confirm", order)
    page, hand = opened(open_page, stores, phone=True)
    hand.tap("[data-open=picks]")
    hand.tap(f'[data-shipment="{order.number}"]')
    expect(page.locator(".ware-place b")).to_have_text("A-01")
    hand.scan(label("inventory.lot", lots["FG-3"]))
    expect(page.locator("[data-alarm=wrong]")).to_contain_text("FG-1")
    hand.look("other-asked")
    page.locator("[data-way]").click()
    hand.at("other_lot")
    expect(page.locator("[data-next]")).to_be_disabled()
    hand.tap('[data-why="damaged"]')
    hand.look("other-lot")
    hand.tap("[data-next]")
    hand.at("walk")
    expect(page.locator(".ware-place b")).to_have_text("A-02")
    hand.scan(label("inventory.lot", lots["FG-2"]))
    hand.digits("10")
    hand.tap("[data-next]")
    expect(page.locator(".ware-place b")).to_have_text("B-01")
    hand.scan(label("inventory.lot", lots["FG-3"]))
    hand.tap("[data-next]")
    expect(page.locator("[data-part]")).to_be_visible()
    expect(page.locator("[data-left]")).to_contain_text("留下 8")
    hand.look("part")
    hand.tap("[data-next]")
    expect(page.locator(".ware-done")).to_be_visible()
    order.refresh_from_db()
    assert (order.state, order.lines.get().shipped_quantity) == ("partly_shipped", 22)
    taken = OtherLot.objects.get()
    assert (taken.due_lot, taken.lot, taken.reason) == (lots["FG-1"], lots["FG-3"], "包装破损")
    gone = {one.lot.number: int(one.quantity) for one in ShipmentLine.objects.select_related("lot")}
    assert gone == {"FG-3": 12, "FG-2": 10}


def test_a_held_lot_turns_the_screen_and_is_not_taken(stores, open_page):
    page, hand = opened(open_page, stores, phone=True)
    hand.tap("[data-open=picks]")
    hand.tap(f'[data-work="{stores.orders[1].number}"]')
    hand.at("walk")
    hand.scan("MP-1")
    hand.tap("[data-next]")
    expect(page.locator(".ware-place b")).to_have_text("B-01")
    stores.world.do("inventory.lot.hold", stores.shop.steel_lot, reason="炉号待查")
    hand.scan("HEAT-1")
    hand.tap("[data-next]")
    hand.tap("[data-next]")
    expect(page.locator("[data-alarm=held]")).to_contain_text("HEAT-1")
    page.locator("[data-seen]").click()
    expect(page.locator("[data-fault]")).to_contain_text("冻结")
    hand.look("held-refused")
    assert MaterialIssue.objects.count() == 0
    hand.tap("[data-undo=RM-1]")
    hand.tap("[data-skip]")
    hand.tap("[data-next]")
    expect(page.locator(".ware-done")).to_be_visible()
    assert stores.shop.material(stores.orders[1], stores.world.part).issued_quantity > 0
    hand.home()
    hand.tap("[data-open=look]")
    hand.scan("HEAT-1")
    expect(page.locator("[data-alarm=held]")).to_be_visible()
    hand.look("held")
    page.locator("[data-seen]").click()
    hand.look("look")


def test_a_count_goes_on_without_a_network_through_a_reload_and_arrives_once(stores, open_page):
    page, hand = opened(open_page, stores, phone=True)
    shell_is_kept(page)
    hand.tap("[data-open=counts]")
    hand.look("counts")
    hand.tap('[data-count="A-02"]')
    hand.at("count")
    page.context.set_offline(True)
    hand.scan("BP-1")
    hand.digits("590")
    hand.look("count")
    page.reload()
    hand.at("count")
    expect(page.locator("[data-quantity] b")).to_contain_text("590")
    hand.tap("[data-next]")
    expect(page.locator(".note")).to_contain_text("590")
    hand.digits("5")
    hand.tap("[data-next]")
    expect(page.get_by_text("都数完了")).to_be_visible()
    expect(page.locator("[data-queue]")).to_have_attribute("data-queue", "2")
    hand.look("counted-offline")
    page.reload()
    expect(page.locator("[data-queue]")).to_have_attribute("data-queue", "2")
    assert CountLine.objects.filter(counted__isnull=False).count() == 0
    page.context.set_offline(False)
    hand.synced()
    expect(page.locator(".warn")).to_contain_text("再数一遍")
    hand.look("count-again")
    hand.digits("590")
    hand.tap("[data-next]")
    hand.synced()
    hand.tap("[data-next]", "post")
    expect(page.locator(".ware-done")).to_be_visible()
    found = dict(CountLine.objects.values_list("item__code", "recounted"))
    assert found == {"BP-1": 590, "RM-1": None}
    assert Count.objects.get().state == "posted"
    assert not KeptAct.objects.exists()


def test_goods_come_in_and_are_put_away_and_two_scans_borrow(stores, open_page):
    page, hand = opened(open_page, stores, phone=True)
    hand.taps.clear()
    hand.tap("[data-open=gate]", "at the gate")
    hand.look("gate")
    hand.tap(f'[data-order="{stores.bought.number}"]', "the order")
    hand.look("arrival")
    hand.tap("[data-next]", "all is here")
    expect(page.locator(".ware-done")).to_be_visible()
    hand.took("an arrival", 3)
    hand.synced()
    expect(page.locator("[data-open=store] .ware-number")).to_have_text("1")
    assert Receipt.objects.get().state == "arrived"
    hand.tap("[data-open=store]")
    hand.look("store")
    hand.scan("BP-1")
    hand.at("put")
    expect(page.locator(".ware-place b")).to_have_text("A-02")
    hand.scan("A-02")
    hand.look("put")
    hand.tap("[data-next]")
    hand.at("store")
    hand.synced()
    assert Receipt.objects.get().state == "booked"
    hand.home()
    late = stores.shop.released(quantity="10")
    page.get_by_role("button", name="菜单").click()
    page.get_by_role("button", name="刷新任务").click()
    hand.tap("[data-open=borrows]")
    expect(page.locator(f'[data-work="{late.number}"]')).to_be_visible()
    hand.look("borrow-1")
    hand.scan(label("production.work_order", late))
    hand.at("lenders")
    hand.look("borrow-2")
    hand.tap(f'[data-lender="{stores.orders[0].number}"][data-item="MP-1"]')
    hand.look("borrow-3")
    hand.tap("[data-next]")
    expect(page.locator(".ware-done")).to_contain_text("借料")
    assert (Borrow.objects.get().borrower_id, Borrow.objects.get().quantity) == (late.pk, 20)


def test_labels_of_what_has_come_print_right_there_and_later_where_there_is_no_network(stores, open_page):
    world = stores.world
    for quantity in ("20", "10"):
        line = {"item": world.steel, "quantity": quantity, "price": "5"}
        order = world.make("purchasing.order", party=world.supplier, plant=world.plant, lines=[line])
        world.do("purchasing.order.order", order)
    bought = list(Order.objects.exclude(pk=stores.bought.pk).order_by("number"))
    page, hand = opened(open_page, stores, small=True)
    shell_is_kept(page)

    def arrive(order) -> None:
        hand.tap("[data-open=gate]")
        hand.tap(f'[data-order="{order.number}"]')
        hand.tap("[data-next]")
        expect(page.locator(".ware-done")).to_be_visible()

    def printed() -> dict:
        with page.expect_response(re.compile("/warehouse/label")) as answer:
            hand.tap("[data-label]")
        assert answer.value.status == 200
        return answer.value.request.post_data_json

    arrive(bought[0])
    lots = page.locator("[data-lots]")
    expect(lots.get_by_role("button", name="打印批号标签")).to_be_enabled()
    made = ReceiptLine.objects.get(order_line__order=bought[0]).lot
    expect(lots).to_have_attribute("data-lots", made.number)
    hand.look("arrived-labels")
    assert printed() == {"noun": "inventory.lot", "ids": [str(made.pk)], "size": ""}
    page.locator("[data-label-size]").select_option("a4-2x4")
    page.reload()
    expect(page.locator("[data-label-size]")).to_have_value("a4-2x4")
    assert printed()["size"] == "a4-2x4"

    page.context.set_offline(True)
    arrive(bought[1])
    expect(page.locator("[data-label-later]")).to_contain_text("联网入账后")
    hand.look("arrived-offline")
    page.context.set_offline(False)
    hand.synced()
    second = ReceiptLine.objects.get(order_line__order=bought[1]).lot
    expect(lots).to_have_attribute("data-lots", second.number)

    hand.tap("[data-open=store]")
    hand.scan(label("inventory.lot", second))
    hand.at("put")
    hand.scan("A-02")
    page.context.set_offline(True)
    hand.tap("[data-next]")
    hand.at("store")
    expect(lots).to_have_attribute("data-lots", second.number)
    expect(lots.locator("[data-label]")).to_be_disabled()
    expect(lots).to_contain_text("联网后可打印")
    page.context.set_offline(False)
    hand.synced()
    expect(lots.locator("[data-label]")).to_be_enabled()
    hand.look("stored-labels")
    assert printed()["ids"] == [str(second.pk)]


@pytest.mark.parametrize("size", [
    pytest.param({"tablet": True}, id="tablet"), later({"desktop": True}, id="desktop"),
])
def test_it_is_seen_in_english_and_in_the_dark(stores, open_page, size):
    more = {key: value for key, value in size.items() if key != "desktop"}
    page = watched(open_page(language="en", color_scheme="dark", **more))
    hand = Keeper(page, f"dark-en-{next(iter(size))}")
    hand.enter(stores, pair="Pair", scan="Scan badge", ok="OK")
    hand.look("home")
    hand.tap("[data-open=picks]")
    hand.look("picks")
    hand.tap(f'[data-work="{stores.orders[0].number}"]')
    hand.at("walk")
    hand.look("walk")
    assert not re.search("[\\u4e00-\\u9fff]", page.locator(".ware-note, .note").first.inner_text())
