"""What sellers ask: what is late, whether promises were kept, and every date that was promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.kernel.queries import column, query
from banyan.kernel.records import titles
from banyan.kernel.schema import Day, Input, field
from banyan.lib.labels import L
from banyan.lib.money import rounded
from banyan.modules.company import queries as company
from banyan.modules.sales import queries
from banyan.modules.sales.models import OrderLine


class AtPlant(Input):
    """The plant asked for; one's own, else the first, when not told."""

    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")


class Days(AtPlant):
    """The plant and days asked for; the last ninety days when not told."""

    first: Day | None = field("从", "From", None)
    last: Day | None = field("到", "To", None)


class OfOrder(Input):
    """The order asked for."""

    order: UUID = field("订单", "Order", reference="sales.order")


def _plant(ctx: Context, data: AtPlant) -> company.PlantFacts:
    known = company.plants()
    wanted = data.plant or ctx.plant
    return next((plant for plant in known if plant.id == wanted), None) or company.default_plant()


def _names(noun: str, ids: Sequence[UUID]) -> dict[UUID, str]:
    return dict(titles(noun, list(ids)))


@query(
    "sales.late_lines",
    L("逾期与将逾期订单行", "Late order lines"),
    input=AtPlant,
    icon="clock-exclamation",
    help=L(
        "承诺日期已过，或承诺晚于客户需求的未发订单行",
        "Open lines past their promise, or promised later than wanted",
    ),
    columns=(
        column("number", "订单", "Order"),
        column("party", "客户", "Customer"),
        column("item", "物料", "Item"),
        column("open_quantity", "未发", "Open", "quantity"),
        column("wanted_on", "需求日期", "Wanted on", "date"),
        column("promised_on", "承诺日期", "Promised on", "date"),
        column("days", "逾期天数", "Days late", "integer"),
    ),
)
def late_lines(ctx: Context, data: AtPlant) -> Iterator[dict[str, Any]]:
    """Give late lines, the oldest first; a row opens its order. Five statements."""
    plant = _plant(ctx, data)
    rows = queries.late_lines(plant.id, plant.day(ctx.now))
    parties, items = (
        _names("parties.party", [r.party for r in rows]),
        _names("items.item", [r.item for r in rows]),
    )
    for row in rows:
        yield dict(
            number=row.number,
            party=parties[row.party],
            item=items[row.item],
            open_quantity=row.open_quantity,
            wanted_on=row.wanted_on,
            promised_on=row.promised_on,
            days=row.days,
            _noun="sales.order",
            _id=row.order,
        )


@query(
    "sales.promises_kept",
    L("承诺兑现率", "Promises kept"),
    input=Days,
    icon="calendar-check",
    help=L(
        "按第一次承诺的日期计算，改期不算准时",
        "Measured against the first day promised; a new date does not make it in time",
    ),
    columns=(
        column("party", "客户", "Customer"),
        column("lines", "订单行", "Lines", "integer", summed=True),
        column("kept", "准时", "In time", "integer", summed=True),
        column("percent", "兑现率", "Kept", "percent"),
        column("average_days_late", "平均延迟天数", "Average days late", "decimal"),
    ),
)
def promises_kept(ctx: Context, data: Days) -> Iterator[dict[str, Any]]:
    """Give by customer how promises were kept; a row opens the customer. Four statements."""
    plant = _plant(ctx, data)
    last = data.last or plant.day(ctx.now)
    rows = queries.promises_kept(plant.id, data.first or last - timedelta(days=90), last)
    parties = _names("parties.party", [row.party for row in rows])
    for row in rows:
        yield dict(
            party=parties[row.party],
            lines=row.lines,
            kept=row.kept,
            percent=rounded(Decimal(100 * row.kept) / row.lines, 1),
            average_days_late=rounded(row.average_days_late, 1),
            _noun="parties.party",
            _id=row.party,
        )


@query(
    "sales.promise_history",
    L("订单承诺台账", "Promise ledger of an order"),
    input=OfOrder,
    icon="calendar-stats",
    columns=(
        column("position", "行", "Line", "integer"),
        column("item", "物料", "Item"),
        column("at", "时间", "At", "instant"),
        column("was", "原日期", "Was", "date"),
        column("promised_on", "承诺日期", "Promised on", "date"),
        column("reason", "原因", "Reason"),
        column("person", "经办人", "By"),
    ),
)
def promise_history(ctx: Context, data: OfOrder) -> Iterator[dict[str, Any]]:
    """Give every date promised for an order, line by line, oldest first. Four statements."""
    lines = {
        key: (position, item)
        for key, position, item in OrderLine.objects.filter(order=data.order).values_list(
            "pk", "position", "item"
        )
    }
    rows = queries.promise_ledger(list(lines))
    items = _names("items.item", [item for _, item in lines.values()])
    people = _names("kernel.user", [row.person for row in rows if row.person])
    for row in sorted(rows, key=lambda r: (lines[r.line][0], r.no)):
        yield dict(
            position=lines[row.line][0], item=items[lines[row.line][1]], at=row.at, was=row.was,
            promised_on=row.promised_on, reason=row.reason, person=people.get(row.person, ""),
            _noun="sales.order_line", _id=row.line,
        )  # fmt: skip
