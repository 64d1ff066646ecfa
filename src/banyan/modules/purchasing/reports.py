"""What buyers ask: what is late, who delivers well, what things cost, what waits at the gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.records import titles
from banyan.kernel.schema import Day, Input, field
from banyan.lib.labels import L
from banyan.modules.company import queries as company
from banyan.modules.purchasing import queries

WHY = {
    "overdue": L("已逾期", "Overdue"), "will_be_late": L("将迟于需求", "Will be late"),
    "unconfirmed": L("供应商未确认", "Not confirmed"),
}  # fmt: skip


class AtPlant(Input):
    """The plant asked for; one's own, else the first, when not told."""

    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")


class Days(Input):
    """The days asked for, the last year when not told, and how late is still in time."""

    first: Day | None = field("从", "From", None)
    last: Day | None = field("到", "To", None)
    grace_days: int = field("宽限天数", "Grace days", 0, ge=0, le=365)


class OfItem(Input):
    """The item asked for, of one supplier or all."""

    item: UUID = field("物料", "Item", reference="items.item")
    party: UUID | None = field("供应商", "Supplier", None, reference="parties.party", only="is_supplier")


def _plant(ctx: Context, data: AtPlant) -> company.PlantFacts:
    known = company.plants()
    wanted = data.plant or ctx.plant
    return next((plant for plant in known if plant.id == wanted), None) or company.default_plant()


def _names(noun: str, ids: Sequence[UUID | None]) -> dict[UUID, str]:
    return dict(titles(noun, list(ids)))


@query(
    "purchasing.late_warnings",
    L("采购交期预警", "Late deliveries"),
    input=AtPlant,
    icon="clock-exclamation",
    help=L(
        "已逾期、将迟于需求，或临近需求仍未确认的采购订单行",
        "Lines overdue, confirmed later than wanted, or not confirmed in time",
    ),
    columns=(
        column("why", "预警", "Why"),
        column("number", "订单", "Order"),
        column("party", "供应商", "Supplier"),
        column("item", "物料", "Item"),
        column("open_quantity", "未到", "Open", "quantity"),
        column("wanted_on", "需求日期", "Wanted on", "date"),
        column("confirmed_on", "确认交期", "Confirmed for", "date"),
        column("days", "天数", "Days", "integer"),
    ),
)
def late_warnings(ctx: Context, data: AtPlant) -> Iterator[dict[str, Any]]:
    """Give the lines to look at, most urgent first; a row opens its order. Five statements."""
    plant = _plant(ctx, data)
    rows = queries.late_warnings(plant.id, plant.day(ctx.now))
    parties, items = (
        _names("parties.party", [r.party for r in rows]),
        _names("items.item", [r.item for r in rows]),
    )
    for row in rows:
        yield dict(
            why=WHY[row.why].in_(ctx.language),
            number=row.number,
            party=parties[row.party],
            item=items[row.item],
            open_quantity=row.open_quantity,
            wanted_on=row.wanted_on,
            confirmed_on=row.confirmed_on,
            days=row.days,
            _noun="purchasing.order",
            _id=row.order,
        )


@query(
    "purchasing.delivery_performance",
    L("供应商交付表现", "Delivery performance"),
    input=Days,
    icon="chart-bar",
    columns=(
        column("party", "供应商", "Supplier"),
        column("lines", "到货行", "Lines", "integer", summed=True),
        column("late", "迟到", "Late", "integer", summed=True),
        column("on_time_percent", "准时率", "In time", "percent"),
        column("average_days_late", "平均迟到天数", "Average days late", "decimal"),
        column("rejected_percent", "不合格率", "Rejected", "percent"),
    ),
)
def delivery_performance(ctx: Context, data: Days) -> Iterator[dict[str, Any]]:
    """Give how suppliers deliver, the least punctual first; a row opens the supplier. Three statements."""
    last = data.last or company.default_plant().day(ctx.now)
    found = queries.delivery_performance(
        data.first or last - timedelta(days=365), last, grace_days=data.grace_days
    )
    names = _names("parties.party", list(found))
    for party, one in sorted(found.items(), key=lambda pair: (pair[1].on_time_percent, names[pair[0]])):
        yield dict(
            party=names[party],
            lines=one.lines,
            late=one.late,
            on_time_percent=one.on_time_percent,
            average_days_late=one.average_days_late,
            rejected_percent=one.rejected_percent,
            _noun="parties.party",
            _id=party,
        )


@query(
    "purchasing.price_history",
    L("采购价格历史", "Price history"),
    input=OfItem,
    icon="history",
    columns=(
        column("ordered_on", "订单日期", "Ordered on", "date"),
        column("party", "供应商", "Supplier"),
        column("number", "订单", "Order"),
        column("quantity", "数量", "Quantity", "quantity"),
        column("unit", "单位", "Unit"),
        column("price", "单价", "Price", "decimal"),
        column("currency", "币种", "Currency"),
        column("net_unit_price", "本位币不含税单价", "Net price in our currency", "decimal"),
    ),
)
def price_history(ctx: Context, data: OfItem) -> Iterator[dict[str, Any]]:
    """Give what an item cost on every placed order, the latest first. Four statements."""
    rows = queries.price_history([data.item], data.party)
    parties, units = (
        _names("parties.party", [r.party for r in rows]),
        _names("company.unit", [r.unit for r in rows]),
    )
    currencies = _names("company.currency", [row.currency for row in rows])
    for row in rows:
        yield dict(
            ordered_on=row.ordered_on, party=parties[row.party], number=row.number, quantity=row.quantity,
            unit=units[row.unit], price=row.price, currency=currencies[row.currency],
            net_unit_price=row.net_unit_price, _noun="purchasing.order", _id=row.order,
        )  # fmt: skip


@query(
    "purchasing.waiting_at_gate",
    L("到货未入库", "Waiting at the gate"),
    input=AtPlant,
    icon="hourglass",
    help=L(
        "已到货、还没有判定入库的货，等得最久的在前",
        "Goods arrived and not yet booked, the longest waiting first",
    ),
    columns=(
        column("number", "收货单", "Receipt"),
        column("party", "供应商", "Supplier"),
        column("item", "物料", "Item"),
        column("quantity", "待检数量", "In inspection", "quantity"),
        column("arrived_at", "到货时间", "Arrived at", "instant"),
        column("hours", "等待小时", "Hours", "decimal"),
    ),
)
def waiting_at_gate(ctx: Context, data: AtPlant) -> Iterator[dict[str, Any]]:
    """Give what lies between gate and store; a row opens its receipt. Five statements."""
    rows = queries.waiting_at_gate(_plant(ctx, data).id, ctx.now)
    parties, items = (
        _names("parties.party", [r.party for r in rows]),
        _names("items.item", [r.item for r in rows]),
    )
    for row in rows:
        yield dict(
            number=row.number, party=parties[row.party], item=items[row.item], quantity=row.quantity,
            arrived_at=row.arrived_at, hours=row.hours, _noun="purchasing.receipt", _id=row.receipt,
        )  # fmt: skip
