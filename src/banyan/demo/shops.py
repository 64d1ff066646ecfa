"""Shops in the demo factory: what they list, a dozen of their orders in all states, and a flow that brings more.

The flow reads files of a small web shop from a folder, so that a newcomer sees the bus at work without any partner:
what is laid into the exchange folder's `webshop/in` becomes an order within a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.demo.acting import Cast
from banyan.integration import effects, inbox
from banyan.integration.connecting import Incoming
from banyan.integration.plans import plan_of
from banyan.integration.watch import defaults
from banyan.kernel import db, proofs, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.lib.labels import plain
from banyan.modules.channels.jobs import offer_due

#: What nobody has been promised: finished goods on the price list, and bought parts for repairs, the dearest first.
_GOODS = """
    SELECT i.id, i.code, i.name, round(min(p.price) * 1.13, 2), s.available - s.promised
    FROM inventory_supply s
    JOIN items_item i ON i.id = s.item_id JOIN sales_customerprice p ON p.item_id = i.id AND p.party_id IS NULL
    JOIN company_currency c ON c.id = p.currency_id AND c.id = (SELECT currency_id FROM company_company LIMIT 1)
    WHERE s.plant_id = %s AND s.available - s.promised >= 4 AND i.is_active AND p.price > 0
    GROUP BY i.id, s.id ORDER BY s.available - s.promised DESC, i.code LIMIT 2
"""
_SPARES = """
    SELECT i.id, i.code, i.name, round(min(p.price) * 1.8, 2), min(s.available - s.promised) FROM inventory_supply s
    JOIN items_item i ON i.id = s.item_id JOIN company_unit u ON u.id = i.unit_id
    JOIN purchasing_supplieritem p ON p.item_id = i.id AND p.is_preferred
    WHERE s.plant_id = %s AND s.available - s.promised >= 40 AND i.is_active AND i.kind = 'bought'
      AND i.tracking = 'none' AND u.dimension = 'count' AND p.price >= 1
    GROUP BY i.id ORDER BY min(p.price) DESC, i.code LIMIT 2
"""
_PLACES = (
    ("王建国", "浙江", "杭州", "文一路 1 号"), ("陈丽", "广东", "佛山", "岭南大道 20 号"),
    ("周海", "江苏", "无锡", "锡沪路 8 号"), ("何敏", "四川", "成都", "蜀汉路 66 号"),
    ("吴强", "山东", "济南", "工业南路 9 号"),
)  # fmt: skip


@dataclass(frozen=True)
class Ware:
    """What is sold in the shops: its item, its price there, tax inside, and how many nobody has been promised."""

    item: UUID
    code: str
    name: str
    price: Decimal
    free: Decimal


@dataclass
class Market:
    """The three shops, with how their orders are written."""

    cast: Cast
    plant: UUID
    taobao: str = "RX-TM"
    jd: str = "RX-JD"
    web: str = "RX-WEB"
    count: int = 0
    titles: dict[str, str] = field(default_factory=lambda: {"SET-CARE": "保养套装", "RX-NEW-2026": "新款联轴器"})

    def order(self, shop: str, *lines: tuple[str, Any, Any], hours: int = 6, **more: Any) -> dict[str, Any]:
        """Give an outside order as its shop tells it, whose total agrees with its lines unless it is given."""
        self.count += 1
        name, region, city, address = _PLACES[self.count % len(_PLACES)]
        at = (self.cast.now - timedelta(hours=hours)).replace(microsecond=0)
        rows = [
            {"line": str(n), "sku": sku, "title": self.titles[sku], "quantity": str(pieces), "price": str(price)}
            for n, (sku, pieces, price) in enumerate(lines, start=1)
        ]
        total = sum(Decimal(row["quantity"]) * Decimal(row["price"]) for row in rows)
        total += Decimal(more.get("freight_amount", 0)) - Decimal(more.get("discount_amount", 0))
        return {
            "shop": shop, "number": f"{at:%y%m%d}{self.count:06}", "buyer": f"buyer{self.count:02}",
            "buyer_name": name, "phone": f"139000000{self.count:02}", "region": region, "city": city,
            "address": address, "ordered_at": at.isoformat(), "paid_at": at.isoformat(),
            "total_amount": f"{total:.2f}", "lines": rows,
        } | more  # fmt: skip

    def receive(self, *orders: dict[str, Any]) -> list[Any]:
        """Receive outside orders as a flow would; give what became of each."""
        return list(self.cast.do("sales", "channels.order.receive", orders=list(orders)).value)


def tell(cast: Cast, plant: UUID) -> None:
    """Set three shops up, take orders of theirs in, ship some, and switch a flow on; nothing where nothing is to sell.

    Raises: AssertionError when a proof of channels does not hold
    """
    goods = [Ware(*row) for row in db.rows(_GOODS, [plant])]
    spares = [Ware(*row) for row in db.rows(_SPARES, [plant])]
    if len(goods) < 2 or len(spares) < 2:
        return
    cast.chapter("渠道：三个店铺、十几张外部订单、一条集成流",
                 "Channels: three shops, a dozen outside orders, a flow of the bus")  # fmt: skip
    cast.now = max(cast.now, datetime.now(UTC) - timedelta(hours=8))
    market = Market(cast, plant)
    market.titles |= {ware.code: ware.name for ware in (*goods, *spares)}
    _set_up(market, goods, spares)
    _orders(market, goods, spares)
    _flow(market, spares[0])
    defaults.seed(Context(SYSTEM, now=cast.now, through="story", program="story"))
    offer_due()
    states = dict(db.rows("SELECT state, count(*) FROM channels_channelorder GROUP BY 1"))
    (offers,) = db.one("SELECT count(*) FROM channels_offer WHERE quantity > 0")
    cast.fact("外部订单 {all} 张：待处理 {held}，待发货 {open}，已发货 {shipped}，已取消 {cancelled}；"
              "可售 {offers} 个 SKU",
              "{all} outside orders: {held} to be looked at, {open} to ship, {shipped} shipped, {cancelled} cancelled; "
              "{offers} SKUs on offer",
              all=sum(states.values()), held=states.get("held", 0), shipped=states.get("shipped", 0),
              open=states.get("accepted", 0) + states.get("allocated", 0), cancelled=states.get("cancelled", 0),
              offers=offers)  # fmt: skip
    keys = [p.key for p in proofs.proofs() if p.key.startswith(("channels.", "integration."))]
    broken = [(v.proof.key, v.found.faults[:1]) for v in proofs.run(keys) if not v.is_green]
    if broken:
        raise AssertionError(f"not all proofs hold: {broken}")


def _set_up(market: Market, goods: Sequence[Ware], spares: Sequence[Ware]) -> None:
    """Enter shops, what they list, a bundle with its gift, and a rule."""
    (tax,) = db.one("SELECT id FROM company_taxcode WHERE rate = 13 ORDER BY code LIMIT 1")
    (freight,) = db.one("SELECT id FROM items_item WHERE kind = 'service' AND is_active ORDER BY code LIMIT 1")
    same = {"plant": str(market.plant), "tax_code": str(tax), "freight_item": str(freight),
            "price_tolerance_percent": "5"}  # fmt: skip
    made = market.cast.do("sales", "channels.shop.create", records=[
        same | {"code": market.taobao, "name": "天猫旗舰店", "platform": "taobao", "safety_percent": "10",
                "merge_minutes": 60, "priority": 10},
        same | {"code": market.jd, "name": "京东专营店", "platform": "jd", "safety_percent": "20", "ship_hours": 24},
        same | {"code": market.web, "name": "官网商城", "platform": "other", "system": "WEBSHOP"},
    ]).ids  # fmt: skip
    records: list[dict[str, Any]] = [
        {"shop": str(shop), "sku": ware.code, "title": ware.name, "item": str(ware.item), "price": str(ware.price)}
        for shop in made for ware in (*goods, *spares)
    ]  # fmt: skip
    records.append({
        "shop": str(made[0]), "sku": "SET-CARE", "title": "保养套装", "price": "39.80", "parts": [
            {"kind": "part", "item": str(spares[0].item), "quantity": "2", "weight": "2"},
            {"kind": "part", "item": str(spares[1].item), "quantity": "1", "weight": "1"},
            {"kind": "gift", "item": str(spares[1].item), "quantity": "1", "least_quantity": "2"},
        ],
    })  # fmt: skip
    market.cast.do("sales", "channels.listing.create", records=records)
    market.cast.do("sales", "channels.rule.create", records=[
        {"code": "BIG", "name": "大额订单先核对", "reason": "rule", "condition": "total > 4000",
         "shop": str(made[0])},
        {"code": "INVOICE", "name": "留言要求专票", "reason": "remark", "condition": 'contains(remark, "专票")'},
    ])  # fmt: skip
    market.cast.do("sales", "channels.warehouse.create", records=[
        {"plant": str(market.plant), "name": "本厂", "parcel_cost": "12.00"}
    ])  # fmt: skip


def _orders(market: Market, goods: Sequence[Ware], spares: Sequence[Ware]) -> None:
    """Take orders in and bring each to another state."""
    cast, (big, other), (seal, ring) = market.cast, goods, spares
    one = (big.code, 1, big.price)
    few = (seal.code, 6, seal.price)
    going = market.receive(
        market.order(market.taobao, one, few, hours=30, freight_amount="18.00"),
        market.order(market.jd, (other.code, 1, other.price), hours=26),
        market.order(market.jd, (ring.code, 10, ring.price), hours=20),
        market.order(market.taobao, few, hours=12),
    )
    open_ = [
        market.order(market.taobao, ("SET-CARE", 2, "39.80"), hours=5, remark="请尽快发货"),
        market.order(market.jd, (ring.code, 8, ring.price), hours=29),
        moved := market.order(market.taobao, (seal.code, 4, seal.price), hours=4),
        market.order(market.taobao, (big.code, 3, big.price), (other.code, 2, other.price), hours=3),
        market.order(market.taobao, few, hours=2, remark="需要专票"),
        market.order(market.taobao, ("RX-NEW-2026", 2, "58.00"), hours=2, freight_amount="8.00"),
        market.order(market.jd, (seal.code, 5, seal.price / 2), hours=2),
        market.order(market.jd, (big.code, big.free + 3, big.price), hours=1),
        market.order(market.taobao, few, hours=1, state="placed", paid_at=None,
                     pay_by=(cast.now + timedelta(hours=20)).replace(microsecond=0).isoformat()),
    ]  # fmt: skip
    market.receive(*open_)
    market.receive(moved | {"address": "文二路 200 号", "version": "2"})
    carriers = db.rows("SELECT id FROM parties_party WHERE is_carrier ORDER BY code DESC LIMIT 1")
    by = {"carrier": str(carriers[0][0])} if carriers else {}
    for n, done in enumerate(going[:3]):
        cast.do("warehouse", "channels.order.ship", [done.order], tracking_number=f"FX20260{n + 1:06}", **by)
    cast.do("sales", "channels.order.cancel", [going[3].order], reason="买家拍错，申请取消")
    cast.do("sales", "channels.refund.receive", refunds=[{
        "shop": market.jd, "order": going[2].number, "number": "RF-001", "kind": "return", "reason": "多拍了",
        "amount": f"{4 * ring.price:.2f}", "lines": [{"sku": ring.code, "quantity": "4"}],
    }])  # fmt: skip


#: The columns of the web shop's file, and what each becomes.
_LINES = (
    ("orders[0].number", "key", "trim", "外部订单号"),
    ("orders[0].buyer_name", "rows[0].recipient", "trim", "收件人"),
    ("orders[0].phone", "rows[0].phone", "trim", "电话"),
    ("orders[0].region", "rows[0].region", "trim", "省"),
    ("orders[0].city", "rows[0].city", "trim", "城市"),
    ("orders[0].address", "rows[0].address", "trim", "地址"),
    ("orders[0].total_amount", "rows[0].total", "money", "实付"),
    ("orders[0].lines[].sku", "rows[].sku", "trim", "店铺 SKU"),
    ("orders[0].lines[].quantity", "rows[].quantity", "quantity", "数量"),
    ("orders[0].lines[].price", "rows[].price", "money", "单价"),
)
_HEADING = ("order_no", "sku", "quantity", "price", "total", "recipient", "phone", "region", "city", "address")


def _flow(market: Market, ware: Ware) -> None:
    """Set up the web shop's system, mapping table, flow and sample as an integrator would, and take its order in."""
    account = market.cast.actors["sales"].id
    total = f"{3 * ware.price:.2f}"
    row = ("W-1001", ware.code, "3", f"{ware.price:.2f}", total, "林岚", "13900000099", "福建", "厦门", "湖滨路 5 号")
    sample = {"key": "W-1001", "rows": [dict(zip(_HEADING, row, strict=True))]}
    by = Context(SYSTEM, now=market.cast.now, through="story", program="story")

    def do(command: str, ids: Sequence[UUID] = (), **data: Any) -> Any:
        return execute(by, registry.command(command), ids=ids, data=data or None)

    system = do("integration.system.create", records=[{
        "code": "WEBSHOP", "name": "官网商城（文件）", "connector": "file", "environment": "test",
        "account": str(account),
        "settings": {"folder": "webshop", "operations": [
            {"key": "orders", "zh": "订单文件", "en": "Order files", "folder": "in", "pattern": "*.csv",
             "each": "group", "key_column": "order_no", "quiet": 2},
        ]},
        "note": "把 CSV 放进交换目录 webshop/in，一分钟内成为渠道订单 / A CSV in webshop/in becomes channel orders",
    }]).ids  # fmt: skip
    do("integration.system.activate", system)
    lines = [
        {"target": target, "source": source, "converter": converter, "is_required": source != "rows[0].phone",
         "note": note, "sample": _at(sample, source)}
        for target, source, converter, note in _LINES
    ]  # fmt: skip
    do("mapping.table.create", records=[{
        "code": "webshop-orders", "name": "官网订单", "system": "WEBSHOP", "from_entity": "orders",
        "target": "channels.order.receive",
        "lines": [{"target": "orders[0].shop", "default": market.web, "is_required": True, "note": "店铺编码"}, *lines],
    }])  # fmt: skip
    (flow,) = do("integration.flow.create", records=[{
        "code": "webshop-orders", "name": "官网订单 → 渠道订单", "system": str(system[0]), "direction": "in",
        "trigger": "file", "detail": {"operation": "orders", "every": 30}, "mapping": {"table": "webshop-orders"},
        "target": "channels.order.receive",
    }]).ids  # fmt: skip
    do("integration.sample.create", records=[
        {"flow": str(flow), "name": "一张订单", "input": sample, "output": _expected(market, row)}
    ])  # fmt: skip
    do("integration.flow.test", [flow])
    do("integration.flow.activate", [flow])
    inbox.keep(plan_of(flow), [Incoming(id="W-1001.csv:1", body=sample, key="W-1001", type="orders")], market.cast.now)
    effects.execute_due()


def _expected(market: Market, row: Sequence[str]) -> dict[str, Any]:
    """Give what must come of a row of the web shop's file."""
    number, sku, quantity, price, total, name, phone, region, city, address = row
    return {"orders": [{
        "shop": market.web, "number": number, "buyer_name": name, "phone": phone, "region": region, "city": city,
        "address": address, "total_amount": plain(Decimal(total)),
        "lines": [{"sku": sku, "quantity": quantity, "price": plain(Decimal(price))}],
    }]}  # fmt: skip


def _at(sample: dict[str, Any], source: str) -> str:
    """Give the value of the sample that a source names."""
    return str(sample["key"] if source == "key" else sample["rows"][0][source.rpartition(".")[2]])
