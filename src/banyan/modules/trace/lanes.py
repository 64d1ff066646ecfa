"""The picture of a trace as lanes: suppliers, origins, the lot, what was made of it, customers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from banyan.kernel import registry
from banyan.lib.labels import L, Label, plain
from banyan.modules.inventory.values import TraceStep
from banyan.modules.trace.lists import spoken
from banyan.modules.trace.queries import ORDER, LotFacts, Picture
from banyan.web.cells import number

#: Boxes in a lane; the others stand behind a link.
MOST_BOXES = 12


@dataclass(frozen=True, slots=True)
class Box:
    """A lot or a document on the picture. `to` are the keys of the boxes it leads to, towards the middle."""

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
    return [
        Lane(
            label.filled({"n": depth}), "up" if up else "down",
            tuple(_step(found, step, up=up) for step in steps[:MOST_BOXES] if step.lot in found.lots),
            max(0, len(steps) - MOST_BOXES), _listed(step.lot for step in steps),
        )
        for depth, steps in by_depth.items()
    ]  # fmt: skip


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
    return Lane(L("供应商", "Suppliers"), "end", tuple(boxes[:MOST_BOXES]), max(0, len(boxes) - MOST_BOXES), "#came")


def _places(found: Picture) -> Lane:
    boxes = []
    for one in found.places:
        lot = found.lots[one.lot]
        boxes.append(Box(f"b{one.lot}{one.location}", one.location_code, f"/trace/lots/{lot.id}",
                         (lot.number, much(one.quantity, lot)), "map-pin", to=str(one.lot)))  # fmt: skip
    return Lane(L("在库", "In stock"), "end", tuple(boxes[:MOST_BOXES]), max(0, len(boxes) - MOST_BOXES), "#stock")


def _customers(found: Picture) -> Lane:
    boxes = []
    for party, gone in found.customers.items():
        papers = {one.origin for one in gone}
        first = found.papers[gone[0].origin]
        lines = [L("{n} 次发货", "{n} shipments").filled({"n": len(papers)})]
        lots = list(dict.fromkeys(str(one.lot) for one in gone))
        path = _path(first.noun, first.id) if len(papers) == 1 else "#customers"
        boxes.append(Box(f"c{party}", first.party_name, path, tuple(map(str, lines)), "users", to=" ".join(lots)))
    return Lane(
        L("客户", "Customers"), "end", tuple(boxes[:MOST_BOXES]), max(0, len(boxes) - MOST_BOXES), "#customers"
    )  # fmt: skip


def _path(noun: str, key: object) -> str:
    return f"/{registry.noun(noun).spec.path}/{key}"
