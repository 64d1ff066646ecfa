"""Writing what a run has found: thousands of rows in a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection

from banyan.kernel import db, registry
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label, plain
from banyan.modules.engineering.values import MICRO, from_micro
from banyan.modules.items import queries as items
from banyan.modules.planning.models import Run
from banyan.modules.planning.queries import ORDER, PRIORITY, STOCK
from banyan.modules.planning.rules import Changes
from banyan.modules.planning.values import Message, Order, Plan, Ref, Supply

KEPT_RUNS = 10
_TEXT_LENGTH = 500
#: So many rows are sent to the database at once.
_CHUNK = 2000


# --- what a run has found -----------------------------------------------------------------------------------


def write_found(run: Run, plan: Plan, told: Sequence[Message]) -> str:
    """Keep pegs and messages. Gives: their fingerprint"""
    digest = blake2b(digest_size=32)
    _copy("planning_peg", _PEG, _of_run(run, _noted(_peg_lines(plan), digest)))
    flag = "f" if run.is_trial else "t"
    noted = (f"{line}\t{flag}" for line in _noted(_message_lines(plan, told), digest))
    _copy("planning_message", _MESSAGE, _of_run(run, noted))
    return digest.hexdigest()


def fingerprint(plan: Plan, told: Sequence[Message]) -> str:
    """Give the fingerprint of pegs and messages: another where any of them differs."""
    digest = blake2b(digest_size=32)
    for lines in (_peg_lines(plan), _message_lines(plan, told)):
        for _ in _noted(lines, digest):
            pass
    return digest.hexdigest()


def _noted(lines: Iterable[str], digest: blake2b) -> Iterator[str]:
    for line in lines:
        digest.update(line.encode())
        yield line


# --- planned orders -----------------------------------------------------------------------------------------


def write_orders(ctx: Context, run: Run, changes: Changes) -> None:
    """Make, change and take away planned orders as a run says; those that stay are not touched."""
    if changes.new:
        _write_new(ctx, run, changes.new)
    if changes.changed:
        db.run(_CHANGE, {"run": run.pk, "now": ctx.now, "person": ctx.person} | _columns(changes.changed))
    if changes.gone:
        db.run("DELETE FROM planning_plannedorder WHERE id = ANY(%s)", [changes.gone])


def _write_new(ctx: Context, run: Run, orders: Sequence[Order]) -> None:
    days, names = _Days(), _Keys()
    shared = _line(1, ctx.now, ctx.now, ctx.person, ctx.person, run.plant_id, run.pk, "planned", "")
    _copy(
        "planning_plannedorder",
        ("version", "created_at", "changed_at", "created_by_id", "changed_by_id", "plant_id", "run_id",
         "state", "result_noun", "id", "item_id", "kind", "quantity", "starts_on", "due_on", "ready_on",
         "supplier_id", "priority"),
        (
            f"{shared}\t{o.key}\t{names[o.item]}\t{o.kind}\t{_number(o.quantity)}\t{days[o.start]}\t"
            f"{days[o.due]}\t{days[o.ready]}\t{names[o.supplier]}\t{PRIORITY[o.rank]}"
            for o in orders
        ),
    )  # fmt: skip


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
    return {
        "keys": [o.key for o in orders], "quantities": [from_micro(o.quantity) for o in orders],
        "starts": [_day(o.start) for o in orders], "dues": [_day(o.due) for o in orders],
        "readies": [_day(o.ready) for o in orders], "suppliers": [o.supplier for o in orders],
        "priorities": [PRIORITY[o.rank] for o in orders],
    }  # fmt: skip


# --- pegs ---------------------------------------------------------------------------------------------------

_PEG = ("run_id", "id", "supply_noun", "supply", "supply_line", "supply_on", "item_id", "quantity",
        "demand_noun", "demand", "demand_line", "demand_on", "priority")  # fmt: skip


def _peg_lines(plan: Plan) -> Iterator[str]:
    """Give a line for each peg, as COPY reads it, without its run: which supply serves which demand."""
    days, keys, names = _Days(), _Keys(), _names(plan)
    demands, parents = plan.demands, plan.parents
    ends = [f"{noun}\t{keys[record]}\t{keys[line]}" for noun, record, line in names]
    supplies = [f"{end}\t{days[day]}\t" for end, day in zip(ends, plan.ready, strict=True)]
    for s, d, quantity in plan.pegs:
        item, _, day, ref, rank = demands[d]
        if ref.record is None:
            taker = ends[parents[d]]
        else:
            taker = f"{ref.noun}\t{keys[ref.record]}\t{keys[ref.line]}"
        yield f"{supplies[s]}{keys[item]}\t{_number(quantity)}\t{taker}\t{days[day]}\t{PRIORITY[rank]}"


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


def supersede(plant: UUID) -> None:
    """Take from the current run of a plant, and from its messages, that they are current. Two statements."""
    for table, column in (("planning_message", "run_id"), ("planning_run", "id")):
        db.run(
            f"UPDATE {table} SET is_current = false WHERE is_current AND {column} IN "
            "(SELECT id FROM planning_run WHERE plant_id = %s AND is_current)",
            [plant],
        )


def forget_old_runs(plant: UUID) -> None:
    """Take away pegs and messages of all but the last runs of a plant; the runs themselves stay."""
    for table in ("planning_peg", "planning_message"):
        db.run(
            f"DELETE FROM {table} WHERE run_id IN (SELECT id FROM planning_run WHERE plant_id = %s "
            "AND NOT is_current ORDER BY planned_at DESC, number DESC OFFSET %s)",
            [plant, KEPT_RUNS],
        )


# --- rows as COPY reads them --------------------------------------------------------------------------------


class _Days(dict):
    """Days by their ordinal, as text."""

    def __missing__(self, ordinal: int) -> str:
        self[ordinal] = text = str(date.fromordinal(ordinal))
        return text


class _Keys(dict):
    """Keys as text."""

    def __missing__(self, key: UUID | None) -> str:
        self[key] = text = _text(key)
        return text


def _of_run(run: Run, lines: Iterable[str]) -> Iterator[str]:
    """Give lines with their run and a key each; keys in a row, as an index takes them quickest."""
    run_key, first = str(run.pk), str(new_id())[:-8]
    return (f"{run_key}\t{first}{place:08x}\t{line}" for place, line in enumerate(lines))


def _number(quantity: int) -> str:
    return f"{quantity // MICRO}.{quantity % MICRO:06}"


_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _text(value: Any) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPED)


def _line(*values: Any) -> str:
    return "\t".join(map(_text, values))


def _copy(table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
    """Write rows in one statement, in chunks so that the database already works while the next are made."""
    rows = iter(lines)
    sql = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        while chunk := list(islice(rows, _CHUNK)):
            copy.write("\n".join(chunk) + "\n")


# --- messages -----------------------------------------------------------------------------------------------

_WORDS: Mapping[str, Label] = {
    "late": L("{demand} 的 {item} 最早 {day} 齐，晚 {days} 天，卡在 {cause}：{why}",
              "{demand}: {item} comes on {day} at the earliest, {days} days late; held up by {cause}: {why}"),
    "expedite": L("{supply} 的 {item} 应由 {day} 提前到 {wanted}",
                  "{supply}: {item} is wanted on {wanted}, not on {day}"),
    "past": L("{demand} 的 {item} 应于 {wanted} 交付，已过 {days} 天，有货未发",
              "{demand}: {item} was wanted on {wanted}, {days} days ago; it is there and has not gone out"),
    "below_safety": L("{item} 的库存比安全库存少 {quantity}，最早 {day} 补足",
                      "Stock of {item} is {quantity} below its safety stock, refilled on {day} at best"),
    "postpone": L("{supply} 的 {item} 可由 {day} 推后到 {wanted}",
                  "{supply}: {item} is not wanted before {wanted}; put it off from {day}"),
    "cancel": L("{supply} 的 {item} {quantity} 已没有需求，可取消",
                "{supply}: nobody needs its {quantity} of {item}; cancel it"),
    "overdue": L("{supply} 的 {item} 已过期，原定 {day}", "{supply}: {item} was due on {day} and is overdue"),
    "surplus": L("{supply} 的 {item} 多出 {quantity}，可减少",
                 "{supply}: {quantity} of {item} are not needed; reduce it"),
    "no_supplier": L("{item} 需采购 {quantity}，但没有在用的供应商",
                     "{quantity} of {item} are to be bought, but no supplier in use delivers it"),
    "no_bom": L("{item} 需生产 {quantity}，但没有生效的BOM",
                "{quantity} of {item} are to be made, but no BOM of it counts"),
    "out_of_use": L("{item} 需要 {quantity}，但已停用：重新启用、换料或改BOM",
                    "{quantity} of {item} are wanted, but it is out of use: take it up again or replace it"),
    "line_side": L("{item} 有 {quantity} 在线边，{wanted} 要用：先调回仓库才能领用或发货",
                   "{quantity} of {item}, wanted on {wanted}, lie at line sides: fetch them to store first"),
}  # fmt: skip
_WHY: Mapping[str, Label] = {
    "stock": L("有库存，待发货", "in stock, to be shipped"),
    "order": L("{number} 预计 {day} 到", "{number} is expected on {day}"),
    "buy": L("采购，{start} 下单 {day} 到", "to be bought, ordered on {start}, there on {day}"),
    "make": L("生产，{start} 开工 {day} 完成", "to be made, started on {start}, done on {day}"),
}  # fmt: skip


_MESSAGE = (
    "run_id", "id", "item_id", "quantity", "kind", "day", "wanted_on", "days_late", "supply_noun", "supply",
    "supply_line", "demand_noun", "demand", "demand_line", "cause_item_id", "text_zh", "text_en",
    "is_current",
)  # fmt: skip


def _message_lines(plan: Plan, told: Sequence[Message]) -> Iterator[str]:
    """Give a line for each message, as COPY reads it, without its run, in both languages. One statement."""
    names, codes = _names(plan), _codes(plan, told)
    return (_message_line(plan, one, names, codes) for one in told)


def _codes(plan: Plan, told: Sequence[Message]) -> dict[UUID, str]:
    wanted = {m.item for m in told}
    wanted |= {plan.supplies[m.cause].item for m in told if m.cause is not None}
    return {key: one.code for key, one in items.items_by_id(list(wanted)).items()}


def _message_line(plan: Plan, one: Message, names: Sequence[tuple], codes: Mapping[UUID, str]) -> str:
    supply = ("", None, None) if one.supply is None else names[one.supply]
    demand = ("", None, None) if one.demand is None else _taker(plan, names, one.demand)
    cause = None if one.cause is None else plan.supplies[one.cause]
    text = _WORDS[one.kind].filled(_facts(plan, one, cause, codes))
    return _line(
        one.item, _number(one.quantity), one.kind, _day(one.day), _day(one.wanted), one.days_late, *supply,
        *demand, cause.item if cause else None, text.zh[:_TEXT_LENGTH], text.en[:_TEXT_LENGTH],
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
