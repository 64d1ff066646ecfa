"""Orders by the bus: what became binding here is one sales order there, to the document's words and to the amount."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

from django.db import connection

from banyan.connectors.yonyou.connector import NUMBERS
from banyan.integration.models import Message
from banyan.integration.watch import defaults
from banyan.integration.watch.models import Discrepancy, Scan
from banyan.integration.watch.scanning import run_scan
from banyan.kernel import proofs
from banyan.modules.sales.models import Order
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry, samples
from tests.plugins.world import World

TOKENS = "/iuap-api-auth/open-auth/selfAppAuth/base/v1/getAccessToken"
#: What the document says must be there (销售订单单个保存).
HEAD = {"_status", "salesOrgId", "transactionTypeId", "vouchdate", "agentId", "settlementOrgId", "invoiceAgentId",
        "payMoney", "orderPrices!currency", "orderPrices!natCurrency", "orderPrices!exchRate",
        "orderPrices!exchangeRateType", "orderPrices!taxInclusive", "orderDetails"}  # fmt: skip
LINE = {"_status", "productId", "stockOrgId", "settlementOrgId", "masterUnitId", "iProductAuxUnitId", "iProductUnitId",
        "qty", "subQty", "priceQty", "invExchRate", "invPriceExchRate", "unitExchangeType", "unitExchangeTypePrice",
        "taxId", "orderProductType", "oriTaxUnitPrice", "oriSum",
        *(f"orderDetailPrices!{name}" for name in ("oriUnitPrice", "oriMoney", "oriTax", "natUnitPrice",
                                                   "natTaxUnitPrice", "natMoney", "natSum", "natTax"))}  # fmt: skip


class Suite:
    """The platform as it keeps orders: one for a resubmitCheckKey; the first answer is lost after its effect."""

    def __init__(self) -> None:
        self.orders: dict[str, dict] = {}
        self.is_weak = True

    def answer(self, asked):
        if asked.path == TOKENS:
            return {"code": "00000", "message": "成功！", "data": {"access_token": "t", "expire": 7200}}
        if asked.path.endswith("/list"):
            return self.listed(asked.json)
        order = asked.json["data"]
        lines = order["orderDetails"]
        missing = HEAD - set(order) or {name for line in lines for name in LINE - set(line)}
        if missing:
            return {"code": "310008", "message": f"参数校验失败，缺少必填参数 {sorted(missing)}"}
        if any(isinstance(value, str) for each in (order, *lines) for name, value in each.items() if name in NUMBERS):
            return {"code": "310023", "message": "参数类型校验失败"}
        if D(str(order["payMoney"])) != sum(D(str(line["oriSum"])) for line in lines):
            return {"code": "999", "message": "含税总额与明细不符"}
        if len(order["resubmitCheckKey"]) > 32:
            return {"code": "999", "message": "resubmitCheckKey"}
        again = self.orders.setdefault(order["resubmitCheckKey"], order) is not order
        if self.is_weak:
            self.is_weak = False
            return 503, {}
        return {"code": "100004" if again else "200", "message": "", "data": {"id": len(self.orders)}}

    def listed(self, asked):
        """Give the heads of a page of orders by their day, in the order of their ids; a last row of totals is none."""
        assert (asked["isSum"], asked["queryOrders"]) == (True, [{"field": "id", "order": "asc"}])
        begin, end = asked["open_vouchdate_begin"], asked["open_vouchdate_end"]
        rows = [
            {"id": n, "code": one["code"], "vouchdate": one["vouchdate"], "payMoney": one["payMoney"], "pubts": "",
             "nextStatus": one.get("nextStatus", "CONFIRMORDER")}
            for n, one in enumerate(self.orders.values()) if begin <= one["vouchdate"] <= end
        ]  # fmt: skip
        first = (asked["pageIndex"] - 1) * asked["pageSize"]
        page = [*rows[first : first + asked["pageSize"]], {"vouchdate": "合计", "payMoney": 0}]
        return {"code": "200", "message": "", "data": {"recordCount": len(rows), "recordList": page}}


def join(world, hand, url):
    """Join the platform to us: our binding orders are told."""
    assert world.plant
    system = hand.system(
        "YON", "yonyou", {"address": url, "token_address": f"{url}{TOKENS}", "app_key": "k"}, {"app_secret": "s"},
    )  # fmt: skip
    sample = samples("yonyou", "order_confirmed.json")
    sample["data"] |= {"party": str(world.customer.pk), "currency": str(world.currency.pk)}
    given = {"organization": "991", "transaction_type": "SO01"}
    flow = hand.flow(
        system, "ORDERS", sample, direction="out", trigger="event", target="sale_order_save",
        detail={"events": ["sales.order_confirmed"]}, mapping={"preset": "yonyou.sale_orders", "settings": given},
    )  # fmt: skip
    assert flow.state == "active"
    return flow


def test_our_binding_orders_are_compared_with_those_there_and_saved_again(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    suite, now = Suite(), datetime.now(UTC)
    suite.is_weak, ctx = False, ctx.with_(now=now)
    world, hand = World(ctx), Integrator(ctx)

    def found() -> list[tuple[str, str, str]]:
        scan = Scan.objects.select_related("system").get(kind="theirs")
        found.run = run_scan(ctx.with_(now=now + timedelta(hours=1)), scan)
        return sorted(Discrepancy.objects.exclude(state="closed").values_list("kind", "key", "proposed"))

    with partner(suite.answer) as there:
        flow = join(world, hand, there.url)
        line = {"item": world.part, "quantity": "3", "price": "33.333333"}
        orders = [world.make("sales.order", party=world.customer, plant=world.plant, lines=[line]) for _ in range(3)]
        world.do("sales.order.confirm", orders)
        carry(now + timedelta(seconds=61))
        defaults.seed(ctx)
        scan = Scan.objects.get(kind="theirs")
        assert (scan.code, scan.operation, scan.send_flow_id) == ("SCAN-ORDERS", "sale_orders", flow.pk)
        assert (found(), found.run.ours, found.run.theirs, found.run.windows_differ) == ([], 3, 3, 0)
        lost, other, gone = orders
        theirs = {one["code"]: key for key, one in suite.orders.items()}
        kept = suite.orders.pop(theirs[lost.number])
        suite.orders[theirs[other.number]]["payMoney"] = 1
        suite.orders[theirs[gone.number]]["nextStatus"] = "OPPOSE"
        suite.orders["by hand"] = kept | {"code": "UO-1"}
        assert found() == sorted([
            ("missing_there", lost.number, "send_again"), ("different", other.number, "send_again"),
            ("missing_there", gone.number, "send_again"), ("missing_here", "UO-1", "task"),
        ])  # fmt: skip
        hand.do("watch.discrepancy.send_again", Discrepancy.objects.get(key=lost.number).pk)
        carry(now + timedelta(seconds=122))
        assert lost.number not in [key for _, key, _ in found()]
    connection.close()


def test_a_binding_order_is_saved_once_and_what_cannot_be_is_dead(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    suite, now = Suite(), datetime.now(UTC)
    ctx = ctx.with_(now=now)
    world, hand = World(ctx), Integrator(ctx)
    with partner(suite.answer) as there:
        join(world, hand, there.url)
        line = {"item": world.part, "quantity": "3", "price": "33.333333"}
        other = {"item": world.product, "quantity": "10", "price": "100"}
        ours = world.make("sales.order", party=world.customer, plant=world.plant, lines=[other, line])
        abroad = world.make("sales.order", party=world.customer, plant=world.plant, lines=[line],
                            currency=world.dollar)  # fmt: skip
        world.do("sales.order.confirm", [ours, abroad])
        for _ in range(2):
            now += timedelta(seconds=61)
            carry(now)
    [theirs] = suite.orders.values()
    ours = Order.objects.get(pk=ours.pk)
    assert (theirs["code"], theirs["agentId"], D(str(theirs["payMoney"]))) == (ours.number, "CU-1", ours.gross_amount)
    assert theirs["vouchdate"] == f"{ours.ordered_on} 00:00:00"
    whole = samples("yonyou", "sale_order.json")["data"]
    kept = {"resubmitCheckKey", "code", "vouchdate", "payMoney", "orderDetails"}
    assert {k: v for k, v in theirs.items() if k not in kept} == {k: v for k, v in whole.items() if k not in kept}
    assert theirs["orderDetails"][0] == whole["orderDetails"][0]
    assert [one["productId"] for one in theirs["orderDetails"]] == ["FG-1", "MP-1"]
    dead = Message.objects.get(state="dead")
    assert (dead.record, dead.reason) == (abroad.pk, "mapping")
    assert "USD" in dead.error
    assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith("integration.")] == []
    connection.close()
