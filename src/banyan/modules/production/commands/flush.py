"""Material that follows reports: backflush, debts for what was not there, and which lots went into which.

Material of an order is moved with the order as its origin and the material line as its origin line, so that
whoever hears of the move knows what it was for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db, schema
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.equipment.queries import work_centres
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.kinds import FREE, STOPPED
from banyan.modules.inventory.models import Move
from banyan.modules.inventory.queries import standing, stock_rows
from banyan.modules.inventory.values import Edge, LotWant, MoveIntent, StockRow
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.flow import Op
from banyan.modules.production.commands.strange import strange_lots
from banyan.modules.production.errors import LotNotForOrder, LotUnknown
from banyan.modules.production.models import Material, MaterialDebt
from banyan.modules.production.queries import lots_by_id
from banyan.modules.production.values import Used

ORDER = "production.work_order"
ZERO = Decimal(0)


class LotUse(schema.Input):
    """A quantity of a lot that went into what is reported."""

    lot: UUID = schema.field("批次", "Lot", reference="inventory.lot")
    quantity: schema.Quantity = schema.field("数量", "Quantity", gt=0)


@dataclass(frozen=True, slots=True)
class Flushed:
    """A report whose material is to be moved: the counters of its operation after it, the lots it names."""

    report: UUID
    op: Op
    counters: rules.Flow
    lots: tuple[LotUse, ...]
    output_lot: UUID | None
    at: datetime | None
    is_counted: bool


@dataclass(slots=True)
class _Want:
    """So much of a material for a report; from a lot where one is named, else in picking order."""

    use: Flushed
    material: Material
    quantity: Decimal
    lot: UUID | None = None
    moved: Decimal = ZERO


def move_material(
    ctx: Context, uses: Sequence[Flushed], undone: Sequence[tuple[UUID, dict[str, Any]]]
) -> tuple[dict[UUID, tuple[UUID, ...]], dict[UUID, set[UUID]]]:
    """Move the material that reports have used, and move back that of reports taken back: all in one posting.

    Takes:  undone: (key of the undo, the report it takes back)
    Gives:  the moves by report, and by report the lots used that nothing at its order speaks for
    Raises: LotUnknown, LotNotForOrder for what is told as it happens; of what has happened such lots are strange
    Writes: moves, genealogy, counters of the materials, debts; locks materials, then stock. What is not there
            to be moved is owed
    """
    orders = sorted({use.op.order for use in uses} | {row["work_order_id"] for _, row in undone})
    items = _items_of_lots(uses)
    materials = flow.lock_materials(orders, backflushed_only=not items and not undone)
    told = [
        Used(use.report, use.op.order, use.op.sequence, one.lot, one.quantity)
        for use in uses if use.at for one in use.lots
    ]  # fmt: skip
    strange = strange_lots(ctx, told, materials, items) if told else {}
    wants, links = _wants(uses, materials, items, strange)
    intents, wanted_by = _intents(ctx, wants)
    back, undone_by, debts, unlinks = _back(ctx, undone, materials)
    stock.link_lots(ctx, [*links, *unlinks, *_edges(intents, wanted_by)])
    moves: dict[UUID, list[UUID]] = {}
    for place, move in posted(ctx, [*intents, *back]):
        if place < len(intents):
            wanted_by[place].moved += move.quantity
            intents[place] = replace(intents[place], quantity=intents[place].quantity - move.quantity)
            moves.setdefault(wanted_by[place].use.report, []).append(move.pk)
        else:
            moves.setdefault(undone_by[place - len(intents)], []).append(move.pk)
    stock.link_lots(ctx, _edges(intents, wanted_by, sign=-1))
    debts += _booked(ctx, wants)
    flow.save_materials(materials.values())
    db.insert_rows(debts)
    return {report: tuple(found) for report, found in moves.items()}, strange


def _edges(intents: Sequence[MoveIntent], wanted_by: Sequence[_Want], sign: int = 1) -> list[Edge]:
    """Give which lots go into which by what is to be moved, or with −1 by what was not there to be moved."""
    return [
        Edge(intent.lot, want.use.output_lot, sign * intent.quantity, ORDER, intent.origin)
        for intent, want in zip(intents, wanted_by, strict=True)
        if intent.lot and intent.quantity
    ]


def posted(ctx: Context, intents: Sequence[MoveIntent]) -> Iterator[tuple[int, Move]]:
    """Post moves, and give each with its intent's place; facts of which nothing was there are left out."""
    wanted = [intent.quantity for intent in intents]
    done = stock.post_moves(ctx, intents)
    places = [n for n, quantity in enumerate(wanted) if done.missing.get(n, ZERO) < quantity]
    return zip(places, done, strict=True)


# --- what reports use ---------------------------------------------------------------------------------------


def _items_of_lots(uses: Sequence[Flushed]) -> dict[UUID, UUID]:
    """Give the item of each lot that reports name. Raises: LotUnknown for what is told as it happens"""
    named = {use.lot for one in uses for use in one.lots}
    if not named:
        return {}
    found = {key: lot.item for key, lot in lots_by_id(list(named)).items()}
    if any(use.lot not in found for one in uses if not one.at for use in one.lots):
        raise LotUnknown
    return found


def _wants(
    uses: Sequence[Flushed], materials: Mapping[UUID, Material], items: Mapping[UUID, UUID],
    strange: Mapping[UUID, set[UUID]],
) -> tuple[list[_Want], list[Edge]]:  # fmt: skip
    """Give what is to be moved for each report; lots that lie at the order already are only linked to its
    output."""
    wants: list[_Want] = []
    edges: list[Edge] = []
    for use in uses:
        mine = [m for m in materials.values() if m.work_order_id == use.op.order]
        given: dict[UUID, Decimal] = {}
        for lot in use.lots:
            is_strange = lot.lot in strange.get(use.report, ())
            if is_strange and all(m.item_id != items.get(lot.lot) for m in mine):
                continue
            material = _material_of(items[lot.lot], mine, use)
            if material.is_backflushed or is_strange:
                wants.append(_Want(use, material, lot.quantity, lot.lot))
                given[material.pk] = given.get(material.pk, ZERO) + lot.quantity
            elif use.output_lot:
                edges += _link(use, lot)
        for material in mine:
            if material.is_backflushed and material.operation == use.op.sequence and use.is_counted:
                target = rules.backflush_target(
                    material.quantity, use.counters, is_fixed=material.is_fixed, places=material.places
                )
                open_quantity = target - material.flushed_quantity - given.get(material.pk, ZERO)
                if open_quantity > 0:
                    wants.append(_Want(use, material, open_quantity))
                    given[material.pk] = given.get(material.pk, ZERO) + open_quantity
        for key, quantity in given.items():
            materials[key].flushed_quantity += quantity
    return wants, edges


def _material_of(item: UUID, mine: Sequence[Material], use: Flushed) -> Material:
    """Give the order's line that a named lot is for: a backflushed one of the operation first."""
    lines = [m for m in mine if m.item_id == item]
    if not lines:
        raise LotNotForOrder(order=use.op.number)
    return min(lines, key=lambda m: (not m.is_backflushed, m.operation != use.op.sequence, m.position, m.pk))


def _link(use: Flushed, lot: LotUse) -> list[Edge]:
    """Give the edges that say into which lot something went that was known for the order only."""
    return [
        Edge(lot.lot, None, -lot.quantity, ORDER, use.op.order),
        Edge(lot.lot, use.output_lot, lot.quantity, ORDER, use.op.order),
    ]


def _intents(ctx: Context, wants: Sequence[_Want]) -> tuple[list[MoveIntent], list[_Want]]:
    """Give the moves that the wants ask for, from what lies where now; three statements per plant at most."""
    intents: list[MoveIntent] = []
    wanted_by: list[_Want] = []
    for plant in sorted({want.use.op.plant for want in wants}):
        here = [want for want in wants if want.use.op.plant == plant]
        production = standing(plant).production
        rows = stock_rows(plant, sorted({want.material.item_id for want in here}))
        centres = work_centres(sorted({w.use.op.work_centre for w in here if w.use.op.work_centre}))
        left = {row.balance: row.on_hand for row in rows}
        for want in here:
            centre = centres.get(want.use.op.work_centre)
            for row, part in _picked(want, rows, left, centre.line_side if centre else None, ctx.now):
                intents.append(
                    MoveIntent(
                        item=want.material.item_id,
                        quantity=part,
                        source=row.location,
                        target=production,
                        lot=row.lot,
                        origin_noun=ORDER,
                        origin=want.use.op.order,
                        origin_line=want.material.pk,
                        moved_at=want.use.at,
                        demand=(ORDER, want.material.pk),
                        is_fact=True,
                    )
                )
                wanted_by.append(want)
    return intents, wanted_by


def _picked(
    want: _Want, rows: Sequence[StockRow], left: dict[UUID, Decimal], line_side: UUID | None, now: datetime
) -> list[tuple[StockRow, Decimal]]:
    """Give where a want is taken from: the line side of its work centre, then the stores, first expiry
    first."""
    usable = [
        row
        for row in rows
        if row.item == want.material.item_id
        and row.owner is None
        and (row.location == line_side or row.kind in FREE)
        and (row.lot == want.lot if want.lot else row.lot_state not in STOPPED)
        and (want.lot or row.expires_on is None or row.expires_on >= now.date())
    ]
    usable.sort(key=lambda row: row.location != line_side)
    taken, _ = rules.taken_from(
        want.quantity, [rules.Source(row.location, row.lot, left[row.balance]) for row in usable]
    )
    by_place = {(row.location, row.lot): row for row in usable}
    found = [(by_place[source.location, source.lot], part) for source, part in taken]
    for row, part in found:
        left[row.balance] -= part
    return found


def _booked(ctx: Context, wants: Sequence[_Want]) -> list[MaterialDebt]:
    """Count what has moved for the wants, and give the debts for what has not."""
    debts = []
    for want in wants:
        want.material.issued_quantity += want.moved
        owed = want.quantity - want.moved
        if owed > 0:
            want.material.debt_quantity += owed
            debts.append(debt(ctx, want.material, want.use.op.plant, owed, "owed", want.use.report))
    return debts


def debt(
    ctx: Context,
    material: Material,
    plant: UUID,
    quantity: Decimal,
    kind: str,
    report: UUID | None,
    move: UUID | None = None,
    key: UUID | None = None,
) -> MaterialDebt:
    """Give a new row of the debts' ledger."""
    return MaterialDebt(
        id=key or new_id(),
        material_id=material.pk,
        work_order_id=material.work_order_id,
        plant_id=plant,
        item_id=material.item_id,
        report_id=report,
        quantity=quantity,
        kind=kind,
        move_id=move,
        at=ctx.now,
    )


# --- reports taken back -------------------------------------------------------------------------------------


def _back(
    ctx: Context, undone: Sequence[tuple[UUID, dict[str, Any]]], materials: Mapping[UUID, Material]
) -> tuple[list[MoveIntent], list[UUID], list[MaterialDebt], list[Edge]]:
    """Give the moves that bring back what reports had used, the undo each belongs to, and the end of their
    debts."""
    if not undone:
        return [], [], [], []
    by_report = {row["id"]: (key, row) for key, row in undone}
    at_once = {move: row["id"] for _, row in undone for move in row["moves"]}
    later, debts = _end_debts(ctx, by_report, materials)
    intents = list(stock.reversals([*at_once, *later], "undo", is_fact=True)) if at_once or later else []
    keys, edges = [], []
    for intent in intents:
        is_later = intent.reverses in later
        key, row = by_report[(later if is_later else at_once)[intent.reverses]]
        line = materials[intent.origin_line]
        line.issued_quantity -= intent.quantity
        if not is_later:
            line.flushed_quantity -= intent.quantity
        if intent.lot:
            output = None if is_later else row["output_lot_id"]
            edges.append(Edge(intent.lot, output, -intent.quantity, ORDER, intent.origin))
        keys.append(key)
    flushed_items = {m.item_id for m in materials.values() if m.is_backflushed}
    for _, row in undone:
        edges += _unlink(row, flushed_items)
    return intents, keys, debts, edges


def _end_debts(
    ctx: Context, by_report: Mapping[UUID, tuple[UUID, dict[str, Any]]], materials: Mapping[UUID, Material]
) -> tuple[dict[UUID, UUID], list[MaterialDebt]]:
    """Give the moves that settled debts of reports, and the rows that end what is still owed."""
    settled_by: dict[UUID, UUID] = {}
    left: dict[tuple[UUID, UUID], Decimal] = {}
    for report, material, move, quantity, kind in db.rows(
        "SELECT report_id, material_id, move_id, quantity, kind FROM production_materialdebt WHERE "
        "report_id = ANY(%s)",
        [list(by_report)],
    ):
        left[report, material] = left.get((report, material), ZERO) + quantity
        if kind == "owed":
            materials[material].flushed_quantity -= quantity
        if move:
            settled_by[move] = report
    debts = []
    for (report, material), quantity in left.items():
        if quantity:
            line = materials[material]
            line.debt_quantity -= quantity
            debts.append(debt(ctx, line, by_report[report][1]["plant_id"], -quantity, "undone", report))
    return settled_by, debts


def _unlink(row: dict[str, Any], flushed_items: set[UUID]) -> list[Edge]:
    """Give the edges that take lots which lie at the order back from the output that a report said they went
    into."""
    if not row["output_lot_id"] or not row["lots"]:
        return []
    linked = [one for one in row["lots"] if not one.get("is_strange")]
    lots = lots_by_id([UUID(one["lot"]) for one in linked])
    found = []
    for one in linked:
        key, quantity = UUID(one["lot"]), Decimal(one["quantity"])
        if lots[key].item not in flushed_items:
            found += [
                Edge(key, row["output_lot_id"], -quantity, ORDER, row["work_order_id"]),
                Edge(key, None, quantity, ORDER, row["work_order_id"]),
            ]
    return found


# --- debts that are settled ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrived:
    """Stock that may settle debts: so much of a lot in a place."""

    item: UUID
    plant: UUID
    location: UUID
    lot: UUID | None
    quantity: Decimal


def settle(
    ctx: Context, materials: Sequence[Material], plants: Mapping[UUID, UUID], arrivals: Sequence[Arrived]
) -> Decimal:
    """Move what has arrived into the orders that owe it, in the order of the materials, report by report.

    Takes:  materials locked; plants by order
    Gives:  the quantity settled, over all items
    Writes: moves, genealogy (for the order, not for one output), debts, counters of the materials
    """
    debts: dict[UUID, list[tuple[UUID | None, Decimal]]] = {}
    for key, report, quantity in flow.open_debts([material.pk for material in materials]):
        debts.setdefault(key, []).append((report, quantity))
    intents: list[MoveIntent] = []
    paid: list[tuple[Material, UUID | None]] = []
    production = {plant: standing(plant).production for plant in sorted({one.plant for one in arrivals})}
    for arrival in arrivals:
        left = arrival.quantity
        for material in materials:
            if material.item_id != arrival.item or plants[material.work_order_id] != arrival.plant:
                continue
            owed = debts.get(material.pk, [])
            for n, part in rules.settled([(n, quantity) for n, (_, quantity) in enumerate(owed)], left):
                left -= part
                owed[n] = (owed[n][0], owed[n][1] - part)
                paid.append((material, owed[n][0]))
                intents.append(
                    MoveIntent(
                        item=arrival.item,
                        quantity=part,
                        source=arrival.location,
                        target=production[arrival.plant],
                        lot=arrival.lot,
                        origin_noun=ORDER,
                        origin=material.work_order_id,
                        origin_line=material.pk,
                        demand=(ORDER, material.pk),
                        is_fact=True,
                        reason="debt",
                    )
                )
    if not intents:
        return ZERO
    stock.link_lots(ctx, [Edge(i.lot, None, i.quantity, ORDER, i.origin) for i in intents if i.lot])
    rows, total = [], ZERO
    for place, move in posted(ctx, intents):
        material, report = paid[place]
        material.issued_quantity += move.quantity
        material.debt_quantity -= move.quantity
        total += move.quantity
        rows.append(
            debt(ctx, material, plants[material.work_order_id], -move.quantity, "settled", report, move.pk)
        )
        intents[place] = replace(intents[place], quantity=intents[place].quantity - move.quantity)
    stock.link_lots(
        ctx, [Edge(i.lot, None, -i.quantity, ORDER, i.origin) for i in intents if i.lot and i.quantity]
    )
    flow.save_materials(materials)
    db.insert_rows(rows)
    return total


# --- lots that come out -------------------------------------------------------------------------------------


def output_lots(ctx: Context, named: Sequence[tuple[UUID, UUID, str, date]]) -> tuple[UUID, ...]:
    """Give the lots of (order, item, number, day), in order; made on that day where they do not exist yet, numbered
    where unnamed."""
    return tuple(
        lot.pk
        for lot in stock.make_lots(
            ctx,
            [
                LotWant(item=item, number=number, origin_noun=ORDER, origin=order, made_on=day)
                for order, item, number, day in named
            ],
        )
    )
