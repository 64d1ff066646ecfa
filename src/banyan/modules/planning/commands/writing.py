"""Writing what a run has found: thousands of rows in a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from banyan.kernel import db, registry
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label, plain
from banyan.modules.engineering.values import from_micro
from banyan.modules.items import queries as items
from banyan.modules.planning.models import Run
from banyan.modules.planning.queries import ORDER, PRIORITY, STOCK
from banyan.modules.planning.rules import Changes
from banyan.modules.planning.values import Message, Order, Plan, Ref, Supply

KEPT_RUNS = 10
_TEXT_LENGTH = 500


def write_orders(ctx: Context, run: Run, changes: Changes) -> None:
    """Make, change and take away planned orders as a run says; those that stay are not touched."""
    for order in changes.new:
        order.key = new_id()
    _copy(
        "planning_plannedorder",
        ("id", "version", "created_at", "changed_at", "created_by_id", "changed_by_id", "plant_id", "run_id",
         "item_id", "kind", "quantity", "starts_on", "due_on", "ready_on", "supplier_id", "priority",
         "state", "result_noun"),
        (
            (o.key, 1, ctx.now, ctx.now, ctx.person, ctx.person, run.plant_id, run.pk, o.item, o.kind,
             from_micro(o.quantity), *_days(o), o.supplier, PRIORITY[o.rank], "planned", "")
            for o in changes.new
        ),
    )  # fmt: skip
    if changes.changed:
        db.run(_CHANGE, {"run": run.pk, "now": ctx.now, "person": ctx.person} | _columns(changes.changed))
    if changes.gone:
        db.run("DELETE FROM planning_plannedorder WHERE id = ANY(%s)", [changes.gone])


_CHANGE = """
    UPDATE planning_plannedorder p
    SET quantity = n.quantity, starts_on = n.starts_on, due_on = n.due_on, ready_on = n.ready_on,
        supplier_id = n.supplier, priority = n.priority, run_id = %(run)s, version = p.version + 1,
        changed_at = %(now)s, changed_by_id = %(person)s
    FROM unnest(%(keys)s::uuid[], %(quantities)s::numeric[], %(starts)s::date[], %(dues)s::date[],
                %(readies)s::date[], %(suppliers)s::uuid[], %(priorities)s::text[])
         AS n(id, quantity, starts_on, due_on, ready_on, supplier, priority)
    WHERE p.id = n.id
"""


def _columns(orders: Sequence[Order]) -> dict[str, list]:
    days = [_days(order) for order in orders]
    return {
        "keys": [o.key for o in orders], "quantities": [from_micro(o.quantity) for o in orders],
        "starts": [d[0] for d in days], "dues": [d[1] for d in days], "readies": [d[2] for d in days],
        "suppliers": [o.supplier for o in orders], "priorities": [PRIORITY[o.rank] for o in orders],
    }  # fmt: skip


def _days(order: Order) -> tuple[date, date, date]:
    return date.fromordinal(order.start), date.fromordinal(order.due), date.fromordinal(order.ready)


def write_pegs(run: Run, plan: Plan) -> None:
    """Keep which supply serves which demand, up to the customers."""
    names = _names(plan)
    ready = [date.fromordinal(day) for day in plan.ready]
    _copy(
        "planning_peg",
        ("run_id", "item_id", "quantity", "supply_noun", "supply", "supply_line", "supply_on", "demand_noun",
         "demand", "demand_line", "demand_on", "priority"),
        (
            (run.pk, plan.demands[d].item, from_micro(quantity), *names[s], ready[s], *_taker(plan, names, d),
             date.fromordinal(plan.demands[d].day), PRIORITY[plan.demands[d].rank])
            for s, d, quantity in plan.pegs
        ),
    )  # fmt: skip


def _names(plan: Plan) -> list[tuple[str, UUID | None, UUID | None]]:
    """Give noun, record and line of every supply."""
    known = [(s.ref.noun, s.ref.record, s.ref.line) for s in plan.supplies[: plan.first_order]]
    return known + [(ORDER, order.key, None) for order in plan.orders]


def _taker(plan: Plan, names: Sequence[tuple], demand: int) -> tuple[str, UUID | None, UUID | None]:
    """Give noun, record and line of a demand; what an order takes is named by the order."""
    ref, parent = plan.demands[demand].ref, plan.parents[demand]
    if parent >= 0 and ref.record is None:
        return names[parent]
    return ref.noun, ref.record, ref.line


def _copy(table: str, columns: Sequence[str], rows: Iterable[tuple]) -> None:
    listed = ", ".join(columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def forget_old_runs(plant: UUID) -> None:
    """Take away pegs and messages of all but the last runs of a plant; the runs themselves stay."""
    for table in ("planning_peg", "planning_message"):
        db.run(
            f"DELETE FROM {table} WHERE run_id IN (SELECT id FROM planning_run WHERE plant_id = %s "
            "AND NOT is_current ORDER BY planned_at DESC, number DESC OFFSET %s)",
            [plant, KEPT_RUNS],
        )


# --- messages -----------------------------------------------------------------------------------------------

_WORDS: Mapping[str, Label] = {
    "late": L("{demand} 的 {item} 最早 {day} 齐，晚 {days} 天，卡在 {cause}：{why}",
              "{demand}: {item} comes on {day} at the earliest, {days} days late; held up by {cause}: {why}"),
    "expedite": L("{supply} 的 {item} 应由 {day} 提前到 {wanted}",
                  "{supply}: {item} is wanted on {wanted}, not on {day}"),
    "overdue": L("{supply} 的 {item} 已过期，原定 {day}", "{supply}: {item} was due on {day} and is overdue"),
    "surplus": L("{supply} 的 {item} 多出 {quantity}，可减少或取消",
                 "{supply}: {quantity} of {item} are not needed; reduce or cancel it"),
    "no_supplier": L("{item} 需采购 {quantity}，但没有在用的供应商",
                     "{quantity} of {item} are to be bought, but no supplier in use delivers it"),
    "no_bom": L("{item} 需生产 {quantity}，但没有生效的BOM",
                "{quantity} of {item} are to be made, but no BOM of it counts"),
    "out_of_use": L("{item} 需要 {quantity}，但已停用：重新启用、换料或改BOM",
                    "{quantity} of {item} are wanted, but it is out of use: take it up again or replace it"),
    "line_side": L("{item} 有 {quantity} 在线边，{wanted} 要用：先调回仓库才能领用或发货",
                   "{quantity} of {item}, wanted on {wanted}, lie at line sides: bring them to a store first"),
}  # fmt: skip
_WHY: Mapping[str, Label] = {
    "stock": L("有库存，待发货", "in stock, to be shipped"),
    "order": L("{number} 预计 {day} 到", "{number} is expected on {day}"),
    "buy": L("采购，{start} 下单 {day} 到", "to be bought, ordered on {start}, there on {day}"),
    "make": L("生产，{start} 开工 {day} 完成", "to be made, started on {start}, done on {day}"),
}  # fmt: skip


def write_messages(run: Run, plan: Plan) -> None:
    """Keep what people should do or know, in both languages."""
    names, codes = _names(plan), _codes(plan)
    _copy(
        "planning_message",
        ("run_id", "item_id", "quantity", "kind", "day", "wanted_on", "days_late", "supply_noun", "supply",
         "supply_line", "demand_noun", "demand", "demand_line", "cause_item_id", "text_zh", "text_en"),
        _message_rows(run, plan, names, codes),
    )  # fmt: skip


def _codes(plan: Plan) -> dict[UUID, str]:
    wanted = {m.item for m in plan.messages}
    wanted |= {plan.supplies[m.cause].item for m in plan.messages if m.cause is not None}
    return {key: one.code for key, one in items.items_by_id(list(wanted)).items()}


def _message_rows(run: Run, plan: Plan, names: Sequence[tuple], codes: Mapping[UUID, str]) -> Iterator[tuple]:
    for one in plan.messages:
        supply = ("", None, None) if one.supply is None else names[one.supply]
        demand = ("", None, None) if one.demand is None else _taker(plan, names, one.demand)
        cause = None if one.cause is None else plan.supplies[one.cause]
        text = _WORDS[one.kind].filled(_facts(plan, one, cause, codes))
        yield (
            run.pk, one.item, from_micro(one.quantity), one.kind, _day(one.day), _day(one.wanted),
            one.day - one.wanted if one.kind == "late" else 0, *supply, *demand,
            cause.item if cause else None, text.zh[:_TEXT_LENGTH], text.en[:_TEXT_LENGTH],
        )  # fmt: skip


def _facts(plan: Plan, one: Message, cause: Supply | None, codes: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "item": codes[one.item], "quantity": plain(from_micro(one.quantity)), "day": _day(one.day),
        "wanted": _day(one.wanted), "days": one.day - one.wanted,
        "supply": "" if one.supply is None else _called(plan.supplies[one.supply].ref),
        "demand": "" if one.demand is None else _called(plan.demands[one.demand].ref),
        "cause": codes[cause.item] if cause else "", "why": _why(plan, one, cause) if cause else "",
    }  # fmt: skip


def _why(plan: Plan, one: Message, cause: Supply) -> Label:
    ready = date.fromordinal(plan.ready[one.cause])
    order = plan.order_of(one.cause)
    if order:
        return _WHY[order.kind].filled({"start": date.fromordinal(order.start), "day": ready})
    if cause.ref.noun == STOCK:
        return _WHY["stock"]
    return _WHY["order"].filled({"number": _called(cause.ref), "day": ready})


def _called(ref: Ref) -> str | Label:
    """Give how people call a document: its number, or what it is while it has none."""
    return ref.number or registry.noun(ref.noun).spec.label


def _day(ordinal: int) -> date | None:
    return date.fromordinal(ordinal) if ordinal else None
