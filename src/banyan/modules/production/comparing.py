"""An order as it was designed, as it is planned and as it was built, side by side; what differs is marked."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from banyan.kernel.titles import titles, titles_of
from banyan.lib.labels import L, Label, plain
from banyan.modules.production import queries
from banyan.modules.production.models import Deviation
from banyan.modules.production.nouns import DEVIATION_KINDS, OPERATION_STATES
from banyan.modules.production.values import BuiltLine, BuiltStep

ZERO = Decimal(0)
TITLE = L("设计、计划与实际", "As designed, planned and built")
_STATES = {one.key: one for one in OPERATION_STATES}
_KINDS = {one.key: one for one in DEVIATION_KINDS}
#: Deviations shown on the page, the latest first.
MOST = 100


@dataclass(frozen=True, slots=True)
class Side:
    """One of the three views of a line: what it says, and whether it differs from the view before it."""

    text: str = ""
    more: str = ""
    is_different: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A material or an operation in the three views."""

    name: str
    designed: Side
    planned: Side
    built: Side
    reason: str = ""
    state: Any = None

    @property
    def is_different(self) -> bool:
        return self.planned.is_different or self.built.is_different


@dataclass(frozen=True, slots=True)
class Kept:
    """A deviation as the page shows it."""

    at: str
    kind: Any
    about: str
    reason: str
    person: str
    changes: tuple[tuple[str, str, str], ...]


def materials(order: UUID) -> tuple[Line, ...]:
    """Give what an order takes, item by item, in the three views. Eleven statements, however many lines."""
    sides = (queries.as_designed(order), queries.as_planned(order), queries.as_built(order))
    sums: list[dict[UUID, Decimal]] = [{}, {}, {}]
    reasons: dict[UUID, str] = {}
    for place, lines in enumerate(sides):
        for line in lines:
            sums[place][line.item] = sums[place].get(line.item, ZERO) + line.quantity
            reasons[line.item] = reasons.get(line.item) or line.deviation_reason
    lots = _lots(sides[2])
    named = titles("items.item", list(reasons))
    designed, planned, built = sums
    return tuple(
        Line(
            named.get(item, ""),
            Side(_amount(designed.get(item))),
            Side(_amount(planned.get(item)), "", designed.get(item) != planned.get(item)),
            Side(_amount(built.get(item)), lots.get(item, ""), built.get(item, ZERO) > planned.get(item, ZERO)),
            reasons[item],
        )
        for item in sorted(reasons, key=lambda one: named.get(one, ""))
    )


def _amount(quantity: Decimal | None) -> str:
    return "" if quantity is None else plain(quantity)


def _lots(lines: tuple[BuiltLine, ...]) -> dict[UUID, str]:
    """Give the lots that went in, by item. One statement."""
    known = queries.lots_by_id([line.lot for line in lines if line.lot])
    found: dict[UUID, str] = {}
    for line in lines:
        if line.lot:
            text = f"{known[line.lot].number} × {plain(line.quantity)}"
            found[line.item] = f"{found[line.item]}, {text}" if line.item in found else text
    return found


def operations(order: UUID) -> tuple[Line, ...]:
    """Give the operations of an order in the three views, in the order in which they are done. Five statements."""
    designed = {step.sequence: step for step in queries.operations_designed(order)}
    own = queries.operations_planned_and_built(order)
    centres = titles(
        "equipment.work_centre",
        list({s.work_centre for s in (*designed.values(), *(p for p, _ in own)) if s.work_centre}),
    )
    lines = [_operation(designed.pop(p.sequence, None), p, b, centres) for p, b in own]
    lines += [
        Line(f"{s.sequence} {s.name}", _step(s, centres), Side("", "", True), Side()) for s in designed.values()
    ]
    return tuple(lines)


def _operation(designed: BuiltStep | None, planned: BuiltStep, built: BuiltStep, centres: Any) -> Line:
    is_left_out = planned.state == "skipped"
    text = _step(planned, centres)
    differs = designed is None or is_left_out or planned.is_outside or (
        (designed.work_centre, designed.minutes, designed.before)
        != (planned.work_centre, planned.minutes, planned.before)
    )
    done = Side(
        plain(round(built.quantity, 6)) if built.quantity else "",
        f"{plain(round(built.minutes, 1))} min" if built.minutes else "",
        bool(built.quantity) and built.minutes > planned.minutes > 0,
    )
    return Line(
        f"{planned.sequence} {planned.name}",
        _step(designed, centres) if designed else Side(),
        Side("" if is_left_out else text.text, text.more, differs),
        done, planned.reason, _STATES[planned.state],
    )  # fmt: skip


def _step(step: BuiltStep, centres: Any) -> Side:
    before = f" ← {step.before}" if step.before else ""
    return Side(f"{plain(round(step.minutes, 1))} min", f"{centres.get(step.work_centre, '')}{before}")


def deviations(order: UUID, zone: ZoneInfo) -> tuple[Kept, ...]:
    """Give what was changed on an order, the latest first. Two statements, one more where a title refers to others."""
    found = Deviation.objects.filter(work_order=order).select_related("operation")
    rows = list(found.order_by("-at", "-id")[:MOST])
    wanted = {value for row in rows for side in (row.before, row.after) for value in _keys(side)}
    words = _titles(wanted | {("kernel.user", str(row.person_id)) for row in rows})
    return tuple(
        Kept(
            f"{row.at.astimezone(zone):%Y-%m-%d %H:%M}", _KINDS[row.kind],
            str(row.operation.title) if row.operation else "",
            row.reason, words.get(str(row.person_id), ""), _changes(row, words),
        )
        for row in rows
    )  # fmt: skip


#: Fields of a deviation in words, with the noun whose key they hold.
WORDS: dict[str, tuple[Label, str]] = {
    "sequence": (L("序号", "Sequence"), ""),
    "name": (L("工序", "Operation"), ""),
    "predecessors": (L("前道工序", "Predecessors"), ""),
    "state": (L("状态", "State"), ""),
    "good_quantity": (L("合格", "Good"), ""),
    "run_minutes": (L("单件工时", "Run time"), ""),
    "work_centre_id": (L("工作中心", "Work centre"), "equipment.work_centre"),
    "machine_id": (L("设备", "Machine"), "equipment.machine"),
    "is_subcontracted": (L("委外", "Subcontracted"), ""),
    "supplier_id": (L("委外商", "Subcontractor"), "parties.party"),
    "quantity": (L("数量", "Quantity"), ""),
    "operation": (L("用于工序", "For operation"), ""),
    "item_id": (L("物料", "Item"), "items.item"),
    "bom_id": (L("物料清单", "BOM"), "engineering.bom"),
    "routing_id": (L("工艺路线", "Routing"), "engineering.routing"),
    "lines": (L("明细", "Lines"), ""),
}


def _keys(side: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (WORDS[name][1], value) for name, value in side.items() if name in WORDS and WORDS[name][1] and value
    ]


def _titles(wanted: set[tuple[str, str]]) -> dict[str, str]:
    by_noun: dict[str, list[str]] = {}
    for noun, key in sorted(wanted):
        by_noun.setdefault(noun, []).append(key)
    return {str(key): title for named in titles_of(by_noun).values() for key, title in named.items()}


def _changes(row: Deviation, words: dict[str, str]) -> tuple[tuple[str, str, str], ...]:
    names = [name for name in WORDS if name in row.after]
    rows = [(str(WORDS[n][0]), _text(row.before.get(n), words), _text(row.after.get(n), words)) for n in names]
    return tuple(one for one in rows if one[1] != one[2])


def _text(value: Any, words: dict[str, str]) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "✓" if value else "–"
    if value in _STATES:
        return str(_STATES[value].label)
    return words.get(str(value), str(value))
