"""What lies before and behind a lot: lots, orders, people, machines, readings, documents, places. Bounded reads.

Everything is read in sets; nothing here takes a statement per lot. What a person may not read is not given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from banyan.kernel import access, db, registry
from banyan.kernel.context import Context
from banyan.modules.inventory import queries as stock
from banyan.modules.inventory.kinds import OURS
from banyan.modules.inventory.values import LotOrigin, LotWhereabouts, Trace, TraceStep
from banyan.modules.trace.models import MOST_LEVELS

ORDER, LOT, SHIPMENT = "production.work_order", "inventory.lot", "sales.shipment"
#: Lots shown on a side, and reports shown beneath.
MOST_LOTS, MOST_REPORTS = 400, 200
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class LotFacts:
    """A lot with what is said of its item."""

    id: UUID
    number: str
    state: str
    item: UUID
    code: str
    name: str
    name_en: str
    specification: str
    unit: str
    unit_en: str
    tracking: str
    reason: str
    stopped_at: datetime | None
    supplier_lot: str
    heat_number: str
    made_on: date | None
    expires_on: date | None
    origin_noun: str
    origin: UUID | None


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that lots came with or went away with, with whom it is from or to."""

    id: UUID
    noun: str
    number: str
    party: UUID | None
    party_name: str
    on: date | None
    order: UUID | None = None
    order_noun: str = ""
    order_number: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask at a customer."""

    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """A work order, with what it makes."""

    id: UUID
    number: str
    state: str
    item: UUID
    code: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Worked:
    """One report of an order: who, on what, when, how many, and what was measured."""

    id: UUID
    order: UUID
    operation: UUID
    sequence: int
    operation_name: str
    operation_name_en: str
    kind: str
    quantity: Decimal
    people: tuple[str, ...]
    machine: UUID | None
    machine_name: str
    at: datetime
    lot: UUID | None
    data: Mapping[str, Any]
    capture: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A lot in the middle, where it came from and where it went.

    Takes:  up and down: traces; came: what came in from suppliers; places: what lies where; gone: what left us;
            in_orders: what was issued to orders. What is not for this person is left out
    """

    lot: LotFacts
    up: Trace
    down: Trace
    lots: Mapping[UUID, LotFacts]
    orders: Mapping[UUID, OrderFacts]
    papers: Mapping[UUID, Paper]
    came: tuple[LotOrigin, ...]
    places: tuple[LotWhereabouts, ...]
    gone: tuple[LotWhereabouts, ...]
    in_orders: tuple[LotWhereabouts, ...]
    worked: tuple[Worked, ...]
    contacts: Mapping[UUID, Contact]
    recalls: tuple[tuple[UUID, str, str], ...]

    def steps(self, up: bool) -> tuple[TraceStep, ...]:
        """Give the lots of a side that are shown, the nearest first."""
        return (self.up if up else self.down).steps[:MOST_LOTS]

    @property
    def customers(self) -> dict[UUID, list[LotWhereabouts]]:
        """Give what went to customers, by customer, the one who got most first."""
        found: dict[UUID, list[LotWhereabouts]] = {}
        for one in self.gone:
            paper = self.papers.get(one.origin) if one.kind == "customer" else None
            if paper and paper.party:
                found.setdefault(paper.party, []).append(one)
        return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def picture(ctx: Context, lot: UUID, levels: int = MOST_LEVELS) -> Picture:
    """Give what lies before and behind a lot, as far as the person may read it. Thirteen statements at most.

    Raises: NotFound for an unknown lot, NotAllowed
    """
    from banyan.kernel.reading import read_record

    read_record(ctx, registry.noun(LOT), lot, expand=False)
    up, down = stock.trace([lot], "up", levels), stock.trace([lot], "down", levels)
    before = [lot, *(s.lot for s in up.steps)]
    after = [lot, *(s.lot for s in down.steps)]
    shown = {lot, *(s.lot for s in (*up.steps[:MOST_LOTS], *down.steps[:MOST_LOTS]))}
    came = [one for one in stock.origins(before) if one.source_kind != "production"]
    there = _in_reach(ctx, less_returned(stock.whereabouts(after)))
    gone = [one for one in there if one.kind not in OURS and one.kind != "production"]
    shown |= {one.lot for one in (*came, *there)}
    lots = lot_facts(shown)
    in_orders = [one for one in there if one.kind == "production"]
    orders = _orders(ctx, _orders_of(lots.values(), up, down, in_orders))
    papers = _papers(ctx, [(one.origin_noun, one.origin) for one in (*came, *gone) if one.origin])
    mine = [key for key in (lots[lot].origin,) if key in orders]
    others = [key for key in _near(up, down) if key in orders and key not in mine]
    return Picture(
        lot=lots[lot], up=up, down=down, lots=lots, orders=orders, papers=papers,
        came=tuple(one for one in came if one.origin in papers or not one.origin_noun.startswith("purchasing.")),
        places=tuple(one for one in there if one.kind in OURS),
        gone=tuple(one for one in gone if one.kind != "customer" or one.origin in papers),
        in_orders=tuple(one for one in in_orders if one.origin in orders),
        worked=_worked(ctx, [*mine, *others]),
        contacts=_contacts(ctx, [p.party for p in papers.values() if p.party and p.noun.startswith("sales.")]),
        recalls=_recalls(ctx, lot),
    )  # fmt: skip


_LOTS = """
    SELECT l.id, l.number, l.state, i.id, i.code, i.name, i.name_en, i.specification, u.name, u.name_en, i.tracking,
           l.reason, l.stopped_at, l.supplier_lot, l.heat_number, l.made_on, l.expires_on, l.origin_noun, l.origin
    FROM inventory_lot l JOIN items_item i ON i.id = l.item_id JOIN company_unit u ON u.id = i.unit_id
    WHERE l.id = ANY(%s)
"""


def lot_facts(keys: Iterable[UUID]) -> dict[UUID, LotFacts]:
    """Give lots with their items. One statement."""
    return {row[0]: LotFacts(*row) for row in db.rows(_LOTS, [list(keys)])}


def _in_reach(ctx: Context, found: Sequence[LotWhereabouts]) -> list[LotWhereabouts]:
    """Leave out what lies in plants, or went from plants, whose stock is not for this person."""
    reach = ctx.principal.reach("inventory.balance.read")
    if reach == "all":
        return list(found)
    if reach is None:
        return [one for one in found if one.kind not in OURS]
    rows = db.rows(
        "SELECT id FROM inventory_location WHERE id = ANY(%s) AND plant_id = ANY(%s)",
        [list({one.location for one in found}), list(ctx.principal.plants)],
    )
    here = {key for (key,) in rows}
    return [one for one in found if one.location in here or one.kind not in OURS]


#: What customers have sent back of lots, by the order line that it had been shipped on; a return taken back is none.
_RETURNED = """
    SELECT m.lot_id, l.order_line_id, sum(CASE s.kind WHEN 'customer' THEN m.quantity ELSE -m.quantity END)
    FROM inventory_move m JOIN sales_returnline l ON l.id = m.origin_line
    JOIN inventory_location s ON s.id = m.source_id JOIN inventory_location t ON t.id = m.target_id
    WHERE m.lot_id = ANY(%s) AND m.origin_noun = 'sales.return_order' AND 'customer' IN (s.kind, t.kind)
    GROUP BY 1, 2
"""
_SHIPPED_ON = """
    SELECT DISTINCT x.shipment_id, x.lot_id, x.order_line_id FROM sales_shipmentline x
    WHERE x.shipment_id = ANY(%s) AND x.lot_id = ANY(%s)
"""


def less_returned(found: Sequence[LotWhereabouts]) -> list[LotWhereabouts]:
    """Take what customers sent back off what had been shipped to them, the latest shipment of the order line first.

    Gives:  what went there net; a shipment of which all came back is left out. Two statements, one where none came
    """
    gone = [one for one in found if one.kind == "customer" and one.origin_noun == SHIPMENT]
    rows = db.rows(_RETURNED, [[one.lot for one in gone]]) if gone else []
    if not rows:
        return list(found)
    back = {(lot, line): quantity for lot, line, quantity in rows}
    lines: dict[tuple[UUID, UUID], list[UUID]] = {}
    for shipment, lot, line in db.rows(_SHIPPED_ON, [[one.origin for one in gone], [one.lot for one in gone]]):
        lines.setdefault((shipment, lot), []).append(line)
    left: dict[tuple[UUID, UUID], Decimal] = {}
    for one in sorted(gone, key=lambda one: one.last_at, reverse=True):
        key = (one.origin, one.lot)
        left[key] = one.quantity
        for line in lines.get(key, ()):
            part = min(left[key], back.get((one.lot, line), ZERO))
            if part > 0:
                left[key] -= part
                back[one.lot, line] -= part
    kept = [replace(one, quantity=left[one.origin, one.lot]) if one in gone else one for one in found]
    return [one for one in kept if one.quantity > 0]


def _orders_of(
    lots: Iterable[LotFacts], up: Trace, down: Trace, in_orders: Iterable[LotWhereabouts]
) -> set[UUID]:
    return {
        *(one.origin for one in lots if one.origin_noun == ORDER and one.origin),
        *(s.origin for s in (*up.steps[:MOST_LOTS], *down.steps[:MOST_LOTS]) if s.origin_noun == ORDER),
        *(one.origin for one in in_orders if one.origin),
    }


def _near(up: Trace, down: Trace) -> list[UUID]:
    """Give the orders along the traces, the nearest first."""
    steps = sorted((*up.steps[:MOST_LOTS], *down.steps[:MOST_LOTS]), key=lambda s: s.depth)
    return list(dict.fromkeys(s.origin for s in steps if s.origin_noun == ORDER))


def _seen(ctx: Context, key: str) -> Any:
    """Give the rows of a noun that the person may read, None where there are none."""
    if not registry.has_noun(key):
        return None
    noun = registry.noun(key)
    limits = access.scope(ctx, noun, noun.spec.permission("read"))
    rows = noun.model._base_manager.all()
    return rows if limits is None else rows.filter(limits)


def _orders(ctx: Context, keys: Iterable[UUID]) -> dict[UUID, OrderFacts]:
    """Give work orders that the person may read. One statement."""
    wanted = [key for key in keys if key]
    if not wanted or not ctx.may(f"{ORDER}.read"):
        return {}
    rows = _seen(ctx, ORDER).filter(pk__in=wanted).values_list(
        "id", "number", "state", "item_id", "item__code", "item__name", "item__name_en"
    )  # fmt: skip
    return {row[0]: OrderFacts(row[0], row[1] or "", *row[2:]) for row in rows}


#: Documents with which lots come and go: fields of whom, when, and the order behind.
_PAPERS = {
    "purchasing.receipt": ("party_id", "party__name", "arrived_on", "order_id", "order__number", "purchasing.order"),
    "sales.shipment": ("party_id", "party__name", "shipped_on", "order_id", "order__number", "sales.order"),
    "sales.return_order": ("party_id", "party__name", "received_on", None, None, ""),
    "purchasing.return_order": ("party_id", "party__name", "returned_on", None, None, ""),
    "inventory.stock_document": (None, None, "moved_at__date", None, None, ""),
}


def _papers(ctx: Context, named: Iterable[tuple[str, UUID]]) -> dict[UUID, Paper]:
    """Give the documents that the person may read, by key. One statement per kind of document."""
    by_noun: dict[str, set[UUID]] = {}
    for noun, key in named:
        if noun in _PAPERS:
            by_noun.setdefault(noun, set()).add(key)
    found = {}
    for noun, keys in by_noun.items():
        party, name, day, order, number, order_noun = _PAPERS[noun]
        if not ctx.may(f"{noun}.read"):
            continue
        fields = [one for one in ("id", "number", party, name, day, order, number) if one]
        for row in _seen(ctx, noun).filter(pk__in=keys).values(*fields):
            found[row["id"]] = Paper(
                row["id"], noun, row["number"] or "", row.get(party), row.get(name) or "", row.get(day),
                row.get(order), order_noun if row.get(order) else "", row.get(number) or "",
            )  # fmt: skip
    return found


_WORKED = """
    SELECT r.id, r.work_order_id, r.operation_id, o.sequence, o.name, o.name_en, r.kind, r.quantity,
           coalesce((SELECT array_agg(e.name ORDER BY x.n) FROM jsonb_array_elements(r.people) WITH ORDINALITY x(p, n)
                     JOIN people_employee e ON e.id = (x.p ->> 'employee')::uuid), '{{}}'),
           r.machine_id, m.name, coalesce(r.device_at, r.reported_at), r.output_lot_id, r.data::text, o.capture::text
    FROM unnest(%(orders)s::uuid[]) WITH ORDINALITY AS k(id, n)
    JOIN production_report r ON r.work_order_id = k.id
    JOIN production_operation o ON o.id = r.operation_id
    LEFT JOIN equipment_machine m ON m.id = r.machine_id
    WHERE r.kind IN ('good', 'scrap', 'rework') AND r.reverses_id IS NULL {limits}
      AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
    ORDER BY k.n, o.sequence, coalesce(r.device_at, r.reported_at), r.id LIMIT %(most)s
"""


def _worked(ctx: Context, orders: Sequence[UUID]) -> tuple[Worked, ...]:
    """Give what was reported on orders and not taken back, in the order of the orders. One statement."""
    reach = ctx.principal.reach("production.report.read")
    if not orders or reach is None:
        return ()
    limits = {"own": "AND r.person = %(me)s", "team": "AND r.plant_id = ANY(%(plants)s)",
              "plant": "AND r.plant_id = ANY(%(plants)s)"}.get(reach, "")  # fmt: skip
    given = {
        "orders": list(orders)[:MOST_LOTS], "most": MOST_REPORTS, "me": ctx.person,
        "plants": list(ctx.principal.plants),
    }  # fmt: skip
    return tuple(
        Worked(*row[:8], tuple(row[8]), row[9], row[10] or "", *row[11:13], *map(orjson.loads, row[13:]))
        for row in db.rows(_WORKED.format(limits=limits), given)
    )


def _contacts(ctx: Context, parties: Iterable[UUID]) -> dict[UUID, Contact]:
    """Give the first contact of each party, to whoever may read parties. One statement."""
    wanted = list(set(parties))
    if not wanted or not ctx.may("parties.party.read"):
        return {}
    rows = db.rows(
        "SELECT DISTINCT ON (party_id) party_id, name, phone, email FROM parties_contact "
        "WHERE party_id = ANY(%s) ORDER BY party_id, position",
        [wanted],
    )
    return {key: Contact(*rest) for key, *rest in rows}


def _recalls(ctx: Context, lot: UUID) -> tuple[tuple[UUID, str, str], ...]:
    """Give the recalls that have reached a lot, the newest first, as (key, number, state). One statement."""
    rows = _seen(ctx, "trace.recall") if ctx.may("trace.recall.read") else None
    if rows is None:
        return ()
    return tuple(rows.filter(lots__lot=lot).order_by("-created_at").values_list("id", "number", "state")[:10])


@dataclass(frozen=True, slots=True)
class Shipped:
    """What a customer has got of some lots: in how many shipments, when last, how much where it is of one item."""

    party: UUID
    shipments: int
    last_on: date | None
    quantity: Decimal | None


def shipped_to(lots: Sequence[UUID]) -> tuple[Shipped, ...]:
    """Give every customer who has got pieces of lots, whoever asks, the latest first. Two statements."""
    gone = [one for one in less_returned(stock.whereabouts(lots)) if one.origin_noun == SHIPMENT]
    rows = db.rows(
        "SELECT s.party_id, count(DISTINCT s.id), max(s.shipped_on), "
        "CASE WHEN count(DISTINCT l.item_id) = 1 THEN sum(k.quantity) END "
        "FROM unnest(%s::uuid[], %s::uuid[], %s::numeric[]) AS k(shipment, lot, quantity) "
        "JOIN sales_shipment s ON s.id = k.shipment JOIN inventory_lot l ON l.id = k.lot "
        "GROUP BY s.party_id ORDER BY 3 DESC NULLS LAST, 1",
        [[one.origin for one in gone], [one.lot for one in gone], [one.quantity for one in gone]],
    )
    return tuple(Shipped(*row) for row in rows)


def plant_of(lot: UUID) -> UUID | None:
    """Give the plant in which a lot lies, or last moved. One statement."""
    row = db.one(
        "SELECT plant_id FROM inventory_move WHERE lot_id = %s ORDER BY posted_at DESC LIMIT 1", [lot]
    )
    return row[0] if row else None


def may_hold(ctx: Context) -> bool:
    """Say whether a person may recall lots, and so hold them."""
    return ctx.may("trace.recall.begin")
