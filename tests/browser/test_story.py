"""The story by hand: from the customer's order to the books, each step by its person, as the screens show it.

Every main screen is kept in `build/screens/story`, by device and language; the figures are those one would check with
a pencil.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest

from banyan.kernel import db, dispatcher, proofs
from banyan.web.cells import Wording
from tests.browser.conftest import MONDAY, SCREENS
from tests.browser.hands import Hand
from tests.browser.looks import check, check_whole, picture

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
ZERO = Decimal(0)
Enter = Callable[..., Hand]
DARK = {"color_scheme": "dark"}
DEVICES = [
    pytest.param({}, "zh", id="desk-zh"),
    pytest.param(DARK, "en", id="desk-en", marks=pytest.mark.slow),
    pytest.param({"tablet": True}, "zh", id="tablet-zh", marks=pytest.mark.slow),
    pytest.param({"tablet": True}, "en", id="tablet-en", marks=pytest.mark.slow),
    pytest.param({"phone": True}, "en", id="phone-en", marks=pytest.mark.slow),
    pytest.param({"phone": True} | DARK, "zh", id="phone-zh", marks=pytest.mark.slow),
]


def keep(hand: Hand, name: str) -> None:
    """Keep what a person sees, under the number of the step and a name, and hold it to what holds for every page."""
    device = {1440: "desk", 1024: "tablet", 390: "phone"}[hand.page.viewport_size["width"]]
    file = SCREENS / "story" / f"{device}-{hand.language}" / f"{name}.png"
    picture(hand.page, file, caret="initial")  # hiding it leaves a style behind
    try:
        check(hand.page, name, is_phone=device == "phone", language=hand.language)
        check_whole(hand.page, name)
    except AssertionError as fault:  # the story goes on, so that all that is wrong is seen at once
        hand.page.faults.append(str(fault))


def amount(text: str) -> Decimal:
    """Give the amount that a cell shows."""
    return Decimal(text.replace(",", "") or 0)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("size", "language"), DEVICES)
def test_the_story_from_the_order_to_the_books(enter, size, language):
    """One pass, because each step stands on the one before."""
    come = partial(enter, language=language, **size)
    motors_are_held(come("quality"))
    too_much_is_refused(come("sales"))
    order = sales_takes_the_order(come("sales"))
    planner_plans(come("planner"))
    buyer_orders(come("buyer"))
    goods_come_in_two_parts(come("warehouse"), come("quality"))
    parts_are_made(come("leader"), come("warehouse"), come("worker"))
    serial = reducers_are_made(come("leader"), come("warehouse"), come("worker"))
    goods_go_out_in_two_parcels(come("warehouse"), order, serial)
    customer_pays_twice(come("accountant"), order)
    one_piece_comes_back(come("sales"), come("warehouse"), come("accountant"), order, serial)
    work_orders_are_closed(come("leader"))
    vouchers_are_made_and_checked(come("accountant"), come("checker"))
    boss_looks(come("boss"), order, serial)
    dispatcher.wait_until_quiet(60)  # on a slow machine the first events are old by now, and nobody carries them here
    assert [f.text for verdict in proofs.run() for f in verdict.found.faults] == []
    for role, hand in enter.hands.items():
        assert hand.page.faults == [], role


def motors_are_held(quality: Hand) -> None:
    """A noise in the bearings: the lot of motors in stock is held, so that the plan must buy."""
    quality.go("库存", "批次").search("L250111").open("L250111")
    quality.do("冻结", 原因="轴承异响，待复检").sees("冻结")
    keep(quality, "01-lot-held")


def too_much_is_refused(sales: Hand) -> None:
    """An order beyond the customer's credit limit is refused in words, and deleted again."""
    sales.go("销售", "销售订单").press("新建").fill({"客户": "C001"})
    sales.enter_lines([["物料", "数量", "需求日期"], ["FG-R37", "900", f"{MONDAY:%Y-%m}-31"]])
    sales.press("保存").sees("草稿")
    with pytest.raises(AssertionError, match="信用额度|credit limit"):
        sales.do("确认")
    sales.page.reload()
    sales.sees("草稿").do("删除")
    sales.page.faults[:] = [fault for fault in sales.page.faults if "409" not in fault]  # the refusal, as it must be


def sales_takes_the_order(sales: Hand) -> str:
    """Three lines from the customer's sheet, the reducers urgent; the promise stands on the order."""
    days = [f"{MONDAY:%Y-%m}-{day}" for day in (16, 31, 31)]
    sales.go("销售", "销售订单").press("新建").fill({"客户": "C001", "优先级": "加急"})
    sales.enter_lines([
        ["物料", "数量", "需求日期"],
        ["FG-R37", "12", days[0]], ["FG-NMRV063", "2", days[1]], ["FG-PX90", "1", days[2]],
    ])  # fmt: skip
    keep(sales, "02-order-pasted")
    sales.press("保存").sees("草稿", "21,985.28")
    sales.do("确认").sees("已确认")
    assert sales.value("承诺日期") == Wording(sales.language, MONDAY.tzinfo).day(days[2])
    assert (sales.value("不含税金额"), sales.value("税额")) == ("19,456.00", "2,529.28")
    keep(sales, "03-order-confirmed")
    return sales.number


def planner_plans(planner: Hand) -> None:
    """What is short is worked out, the same when asked again, and made into work orders and a purchase order."""
    planner.go("计划", "计划运算").do("运行计划")
    assert planner.number.startswith("MRP")
    assert planner.value("新增") != "0"
    keep(planner, "04-plan")
    planner.go("计划", "计划运算").do("运行计划")
    assert [planner.value(word) for word in ("新增", "变更", "取消")] == ["0"] * 3
    planner.go("计划", "计划订单")
    for item, quantity in {"SA-R37-BOX": "10", "SA-R37-MID": "7", "SA-R37-OUT": "4"}.items():
        assert quantity in planner.cells(item)
    assert {"10", "4"} == {row.locator("td").nth(2).inner_text() for row in planner.row("FG-R37").all()}
    planner.pick("R37").pick("BP-MOT-075")
    keep(planner, "05-planned-orders")
    planner.do("转订单").go("生产", "工单")
    assert planner.row("计划").count() == 5
    keep(planner, "06-work-orders")


def buyer_orders(buyer: Hand) -> None:
    """The order goes to the supplier, who confirms the day."""
    buyer.go("采购", "采购订单").open("S009").sees("10,240.00")
    buyer.press("下单").sees("已下单").do("确认交期", 供应商单号="BA-5512").sees("已确认")
    keep(buyer, "07-purchase-order")


def goods_come_in_two_parts(warehouse: Hand, quality: Hand) -> None:
    """Ten motors come, of which three are rejected; the rest comes later and is good."""
    warehouse.go("采购", "采购订单").open("S009").press("到货")
    warehouse.put(warehouse.cell("数量"), "10").put(warehouse.cell("批号"), "MOT-A")
    warehouse.put(warehouse.cell("供应商批号"), "BA2603-7").remove_line(2).fill({"送货单号": "DN-7781"})
    keep(warehouse, "08-receipt")
    warehouse.send().sees("部分到货")
    quality.go("采购", "收货单").open("DN-7781").press("入库")
    assert "BP-MOT" in chosen(quality.cell("收货行"))
    quality.put(quality.cell("合格"), "7").put(quality.cell("不合格"), "3")
    quality.put(quality.cell("不合格原因"), "尺寸超差")
    keep(quality, "09-inspection")
    quality.send().sees("已入库", "尺寸超差")
    warehouse.press("到货")
    for line in (1, 2):
        warehouse.put(warehouse.cell("批号", line), "MOT-B")
    warehouse.fill({"送货单号": "DN-7790"}).send().sees("已到货")
    quality.go("采购", "收货单").open("DN-7790").do("入库").sees("已入库")


def parts_are_made(leader: Hand, warehouse: Hand, worker: Hand) -> None:
    """Three sub-assemblies: released, material issued, reported, received; for all at once where it goes."""
    made = {"SA-R37-BOX": ("6", "4"), "SA-R37-MID": ("7",), "SA-R37-OUT": ("4",)}
    leader.go("生产", "工单").pick("SA-R37")
    leader.do("下达")
    warehouse.go("生产", "工单").pick("SA-R37").do("领料")
    for item, parts in made.items():
        worker.go("生产", "工单").open(item)
        for operation in ("零件清洗及压装轴承", "部件检验"):
            for part in parts:
                worker.do("报工", 工序=operation, 合格=part)
    keep(worker, "10-parts-reported")
    warehouse.go("生产", "工单").pick("SA-R37").do("完工入库")
    for item in made:
        assert set(warehouse.said("已完工")) & set(warehouse.cells(item))


def reducers_are_made(leader: Hand, warehouse: Hand, worker: Hand) -> str:
    """Motors are issued by lot; one reducer is scrapped; the good ones come to store by serial number.

    Gives:  the serial number of one that the customer will get
    """
    leader.go("生产", "工单").pick("FG-R37").do("下达")
    leader.go("生产", "工单")
    rush, plain = (leader.cells("FG-R37", text)[1] for text in ("紧急", "普通"))
    for order, lot in ((rush, "MOT-A"), (plain, "MOT-B")):
        warehouse.go("生产", "工单").open(order).press("领料")
        motor = [n for n in range(1, 7) if "BP-MOT" in chosen(warehouse.cell("用料行", n))]
        warehouse.put(warehouse.cell("批次", motor[0]), lot)
        if order == rush:
            keep(warehouse, "11-issue-by-lot")
        warehouse.send()
    worker.go("生产", "工单").open(plain).press("报工")
    worker.fill({"工序": "总装", "合格": "5", "不良": "1", "不良原因": "D21"})
    keep(worker, "12-report-with-scrap")
    worker.send()
    leader.open(plain).do("报工", 工序="总装", 合格="4")
    assert reporters(plain, "总装") == 2
    leader.do("报工", 工序="跑合试车检验", 合格="9").do("报工", 工序="喷涂标识包装", 合格="9")
    worker.go("生产", "工单").open(rush)
    for operation in ("总装", "跑合试车检验", "喷涂标识包装"):
        worker.do("报工", 工序=operation, 合格="4")
    keep(worker, "13-reported")
    warehouse.go("生产", "工单").open(rush).press("完工入库")
    assert warehouse.cell("批号").input_value() == f"{rush}-001"
    keep(warehouse, "14-serial-numbers")
    warehouse.send().sees("已完工")
    warehouse.go("生产", "工单").open(plain).do("完工入库", 最后一次入库="是").sees("已完工")
    assert (warehouse.value("已入库"), warehouse.value("已报废")) == ("9", "1")
    return f"{rush}-001"


def reporters(order: str, operation: str) -> int:
    """Give how many people have reported good pieces of an operation."""
    sql = """
        SELECT count(DISTINCT r.worker) FROM production_report r JOIN production_operation o ON o.id = r.operation_id
        JOIN production_workorder w ON w.id = o.work_order_id
        WHERE w.number = %s AND o.name = %s AND r.kind = 'good'
    """
    return db.one(sql, [order, operation])[0]


def chosen(cell) -> str:
    """Give the text of a choice."""
    return cell.evaluate("e => e.selectedOptions[0].text")


def goods_go_out_in_two_parcels(warehouse: Hand, order: str, serial: str) -> None:
    """What was in stock goes first; then the urgent reducers that were made."""
    warehouse.go("销售", "销售订单").open(order).press("发货")
    warehouse.put(warehouse.cell("数量"), "8").fill({"运单号": "SF1001"})
    keep(warehouse, "15-first-parcel")
    warehouse.send().sees("部分发货")
    warehouse.do("发货", 运单号="SF1002").sees("已发货")
    warehouse.go("销售", "发货单").open("SF1002").sees(serial)
    keep(warehouse, "16-second-parcel")


def customer_pays_twice(accountant: Hand, order: str) -> None:
    """One invoice with 13 % VAT; one payment is matched as it is booked, the other afterwards."""
    accountant.go("财务", "销售发票").do("按订单开票", 销售订单=order)
    accountant.sees("已记账", "16,020.00", "2,082.60")
    keep(accountant, "17-invoice")
    invoice = accountant.number
    for sum_, is_later in (("10000", False), ("11985.28", True)):
        accountant.go("财务", "收付款").press("新建")
        accountant.fill({"方向": "收款", "往来单位": "C001", "日期": f"{MONDAY:%Y-%m-%d}"})
        accountant.fill({"账户": "1002", "币种": "CNY", "金额": sum_}).press("保存").press("记账")
        if is_later:
            accountant.send().press("核销")
        accountant.put(accountant.cell("发票"), invoice)
        if is_later:
            keep(accountant, "18-matching")
        accountant.send().sees("已记账")
    accountant.go("财务", "销售发票")
    *sums, state = accountant.cells(invoice)[-3:]
    assert sums == ["21,985.28", "21,985.28"]
    assert state in accountant.said("已结清")


def one_piece_comes_back(sales: Hand, warehouse: Hand, accountant: Hand, order: str, serial: str) -> None:
    """The return names the serial number; a red credit note follows."""
    sales.go("销售", "销售退货").press("新建").fill({"客户": "C001", "原因": "质量问题", "说明": "运转异响"})
    sales.put(sales.cell("订单行"), "FG-R37").put(sales.cell("数量"), "1").put(sales.cell("批次"), serial)
    sales.press("保存").sees("待收")
    warehouse.go("销售", "销售退货").open("C001").press("收货").sees("已收")
    keep(warehouse, "19-return")
    accountant.go("财务", "销售发票").do("按订单开票", 销售订单=order).sees("红字", "-1,335.00")
    keep(accountant, "20-credit-note")


def work_orders_are_closed(leader: Hand) -> None:
    """All five are closed at once."""
    leader.go("生产", "工单").pick("R37").do("关闭")
    assert leader.row("已关闭").count() == 5
    keep(leader, "21-closed")


def vouchers_are_made_and_checked(accountant: Hand, checker: Hand) -> None:
    """The maker of vouchers does not check them."""
    accountant.go("财务", "凭证").do("生成凭证")
    checker.go("财务", "凭证").pick_all().do("审核")
    assert checker.row("未审核").count() == 0
    events = [row.locator("td").nth(5).inner_text().strip() for row in checker.row().all()]
    assert [text for text in events if not text or re.fullmatch("[a-z_]+", text)] == [], "an event without words"
    assert re.search(r"\d\.\d\d", checker.row().first.inner_text()), "what is checked is shown with its amount"
    keep(checker, "22-vouchers")


def boss_looks(boss: Hand, order: str, serial: str) -> None:
    """The chain of the order, the way of the lot both ways, the cost, the books: each figure as it must be."""
    keep(boss, "23-boss-home")
    boss.go("销售", "销售订单").open(order)
    chain = boss.main.locator("section").filter(has_text=boss.part("来龙去脉")).last
    chain.scroll_into_view_if_needed()
    for kind in ("销售订单", "发货单"):
        assert any(text in chain.inner_text() for text in boss.said(kind))
    assert len(set(re.findall(r"SH\d{4}-\d{5}", chain.inner_text()))) == 2
    keep(boss, "24-chain")
    boss.go("库存", "批次追溯").fill({"批次": serial, "方向": "向上：由什么做成"}).press("查询").sees("MOT-A")
    keep(boss, "25-trace")
    boss.open("MOT-A").sees("S009", "BA2603-7")
    where_the_motors_went(boss, order, serial)
    what_the_reducers_cost(boss, serial.rpartition("-")[0])
    boss.go("财务", "往来账龄").sees("-1,508.55")
    boss.go("财务", "科目余额表")
    rows = [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in boss.row().all()]
    books = {row[0]: [amount(text) for text in row[2:]] for row in rows if re.fullmatch(r"\d{4}", row[0])}
    assert books["1002"][1:3] == [Decimal("21985.28"), ZERO]
    assert books["1122"][1:3] == [Decimal("20476.73"), Decimal("21985.28")]
    assert sum(row[1] for row in books.values()) == sum(row[2] for row in books.values()) > 0
    assert sum(row[3] for row in books.values()) == 0
    keep(boss, "28-trial-balance")


def where_the_motors_went(boss: Hand, order: str, serial: str) -> None:
    """From the supplier's lot on to the customer, who has the reducers but the one that came back."""
    other = f"{serial[:-1]}2"
    boss.go("库存", "召回清单").fill({"批次": "MOT-A"}).press("查询").sees(other, serial)
    assert boss.row(serial, order).count() == 0
    assert boss.row(other, order).count() == 1
    keep(boss, "26-recall-list")
    boss.open(other, order).sees("SF1002", other)


def what_the_reducers_cost(boss: Hand, order: str) -> None:
    """Material, labour and machine went into the order, and nothing of it is left in process."""
    boss.go("财务", "工单成本").fill({"工单": order}).press("查询").sees("直接材料")
    for element in ("直接材料", "直接人工", "机器费用"):
        assert amount(boss.cells(element)[1]) > 0, element
    rows = [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in boss.row().all()]
    process = [[amount(text) for text in row[1:]] for row in rows if re.match(r"[45]001", row[0])]
    assert sum(row[0] for row in process) == sum(row[1] for row in process) > 0
    assert {row[2] for row in process} == {ZERO}
    keep(boss, "27-cost")
