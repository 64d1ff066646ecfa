"""The picture of a trace as lanes: suppliers, origins, the lot, what was made of it, customers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from banyan.kernel import registry
from banyan.lib.labels import L, Label, plain
from banyan.modules.inventory.values import LotWhereabouts, TraceStep
from banyan.modules.trace.lists import named, spoken
from banyan.modules.trace.queries import ORDER, LotFacts, Picture
from banyan.web.cells import number

#: Boxes in a lane; the others stand behind a link. From so many on, lots of one item from one order are one box.
MOST_BOXES, ALIKE = 8, 4


@dataclass(frozen=True, slots=True)
class Box:
    """A lot, several alike, a place or a party. `key` are the lots it stands for, `to` those it leads to."""

    key: str
    title: str
    path: str
    lines: tuple[str, ...]
    icon: str
    state: str = ""
    to: str = ""
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """Boxes of one depth; `more` are not shown but listed at `more_path`."""

    label: Label
    kind: str
    boxes: tuple[Box, ...]
    count: int = 0
    more: int = 0
    more_path: str = ""


def lanes_of(found: Picture) -> tuple[Lane, ...]:
    """Give the lanes from left to right: whence it came, the lot, where it went."""
    middle = Lane(L("本批次", "This lot"), "here", (_lot(found.lot, "", "", is_here=True),))
    up, down = _levels(found, up=True), _levels(found, up=False)
    made = [_suppliers(found), *reversed(up), middle, *down, _places(found), _customers(found)]
    return tuple(lane for lane in made if lane.boxes)


def _levels(found: Picture, *, up: bool) -> list[Lane]:
    by_depth: dict[int, list[TraceStep]] = {}
    for step in (found.up if up else found.down).steps:
        by_depth.setdefault(step.depth, []).append(step)
    label = L("来源 {n}", "Origin {n}") if up else L("去向 {n}", "Made of it {n}")
    return [_level(found, steps, label.filled({"n": depth}), up=up) for depth, steps in by_depth.items()]


def _level(found: Picture, steps: list[TraceStep], label: Label, *, up: bool) -> Lane:
    alike: dict[object, list[TraceStep]] = {}
    for step in steps:
        if step.lot in found.lots:
            alike.setdefault((step.item, step.origin, step.through, step.state), []).append(step)
    boxes: list[Box] = []
    for several in alike.values():
        if len(several) < ALIKE:
            boxes += [_step(found, step, up=up) for step in several]
        else:
            boxes.append(_several(found, several))
    left = sum(len(one.key.split()) for one in boxes[MOST_BOXES:]) + sum(s.lot not in found.lots for s in steps)
    return Lane(
        label, "up" if up else "down", tuple(boxes[:MOST_BOXES]), len(steps), left, _listed(s.lot for s in steps)
    )


def _several(found: Picture, steps: list[TraceStep]) -> Box:
    """Give lots of one item that came from one order as one box."""
    lots = [found.lots[step.lot] for step in steps]
    order = found.orders.get(steps[0].origin)
    numbers = sorted(one.number for one in lots)
    count = str(L("{n} 个批次", "{n} lots").filled({"n": len(lots)}))
    lines = (named(lots[0].code, lots[0].name, lots[0].name_en), f"{count} · {order.number}" if order else count)
    return Box(
        " ".join(str(one.id) for one in lots), f"{numbers[0]} … {numbers[-1]}", _listed(one.id for one in lots), lines,
        "stack-2", lots[0].state, str(steps[0].through),
    )  # fmt: skip


def _listed(keys: Iterable[object]) -> str:
    """Give the list of some lots, as many as an address holds."""
    return f"/inventory/lots?id:in={','.join(str(key) for key in list(keys)[:100])}"


def _step(found: Picture, step: TraceStep, *, up: bool) -> Box:
    """Give a lot on the way, with how much was used: of itself upwards, downwards of the lot it was made of."""
    order = found.orders.get(step.origin) if step.origin_noun == ORDER else None
    lot = found.lots[step.lot]
    used = lot if up else found.lots.get(step.through, lot)
    return _lot(lot, much(step.quantity, used), str(step.through), order.number if order else "")


def much(quantity: Decimal, lot: LotFacts) -> str:
    """Give a quantity of a lot with its unit."""
    return f"{number(plain(quantity))} {spoken(lot.unit, lot.unit_en)}"


def _lot(lot: LotFacts, used: str, to: str, order: str = "", *, is_here: bool = False) -> Box:
    lines = [f"{lot.code} {spoken(lot.name, lot.name_en)}"]
    if used:
        lines.append(f"{used} · {order}" if order else used)
    return Box(str(lot.id), lot.number, f"/trace/lots/{lot.id}", tuple(lines), "barcode", lot.state, to, is_here)


def _suppliers(found: Picture) -> Lane:
    boxes = []
    for one in found.came:
        paper = found.papers.get(one.origin)
        if paper is None or not paper.party:
            continue
        lot = found.lots[one.lot]
        lines = (f"{paper.number} · {paper.on or ''}".strip(" ·"), much(one.quantity, lot))
        path = _path(paper.noun, paper.id)
        boxes.append(Box(f"p{paper.id}{one.lot}", paper.party_name, path, lines, "truck", to=str(one.lot)))
    return _end(L("供应商", "Suppliers"), boxes, "#came")


def _end(label: Label, boxes: list[Box], more_path: str) -> Lane:
    return Lane(label, "end", tuple(boxes[:MOST_BOXES]), len(boxes), max(0, len(boxes) - MOST_BOXES), more_path)


def _places(found: Picture) -> Lane:
    by_place: dict[str, list[LotWhereabouts]] = {}
    for one in found.places:
        by_place.setdefault(one.location_code, []).append(one)
    boxes = []
    for code, several in by_place.items():
        lots = [found.lots[one.lot] for one in several]
        lines = [lots[0].number if len(lots) == 1 else str(L("{n} 个批次", "{n} lots").filled({"n": len(lots)}))]
        if len({lot.item for lot in lots}) == 1:
            lines.append(much(sum((one.quantity for one in several), Decimal(0)), lots[0]))
        to = " ".join(str(lot.id) for lot in lots)
        boxes.append(Box(f"at{several[0].location}", code, "#stock", tuple(lines), "map-pin", to=to))
    return _end(L("在库", "In stock"), boxes, "#stock")


def _customers(found: Picture) -> Lane:
    boxes = []
    for party, gone in found.customers.items():
        papers = {one.origin for one in gone}
        first = found.papers[gone[0].origin]
        lines = [L("{n} 次发货", "{n} shipments").filled({"n": len(papers)})]
        lots = list(dict.fromkeys(str(one.lot) for one in gone))
        path = _path(first.noun, first.id) if len(papers) == 1 else "#customers"
        boxes.append(Box(f"c{party}", first.party_name, path, tuple(map(str, lines)), "users", to=" ".join(lots)))
    return _end(L("客户", "Customers"), boxes, "#customers")


def _path(noun: str, key: object) -> str:
    return f"/{registry.noun(noun).spec.path}/{key}"
