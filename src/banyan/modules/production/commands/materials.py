"""Material that goes to an order and comes back by hand, and debts that are settled or given up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import command, owe_numbers
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Instant, Quantity, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.lib.money import round_money
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory.kinds import FREE, STOPPED
from banyan.modules.inventory.queries import put_away_places, standing, stock_rows
from banyan.modules.inventory.values import Edge, MoveIntent, Standing, StockRow
from banyan.modules.items.queries import items_by_id
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.flush import ORDER, Arrived, debt, posted, settle
from banyan.modules.production.errors import (
    MaterialShort,
    MoreThanNeeded,
    NoDebts,
    NothingToIssue,
    TooMuchReturned,
    WrongLine,
)
from banyan.modules.production.models import (
    Material,
    MaterialDebt,
    MaterialIssue,
    MaterialIssueLine,
    WorkOrder,
)
from banyan.modules.production.queries import lots_by_id, lots_out_of, material_held

ZERO = Decimal(0)
SHOWN = 5


class IssueLine(Input):
    """A quantity of a material; without a lot or place they are chosen, first expiry and first in first."""

    material: UUID = field("用料行", "Material line")
    quantity: Quantity = field("数量", "Quantity", gt=0)
    lot: UUID | None = field("批次", "Lot", None, reference="inventory.lot")
    location: UUID | None = field("仓位", "Location", None, reference="inventory.location")


class Issue(Input):
    """What goes to the orders; without lines all that is still needed."""

    lines: Annotated[list[IssueLine], Field(max_length=2_000)] = field("明细", "Lines", default_factory=list)
    moved_at: Instant | None = field("时间", "At", None)


class Supplement(Input):
    """What goes to the orders beyond what was planned, and why."""

    lines: Annotated[list[IssueLine], Field(min_length=1, max_length=2_000)] = field("明细", "Lines")
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")
    moved_at: Instant | None = field("时间", "At", None)


class Return(Input):
    """What comes back from the orders; without a place it goes where the item is put away."""

    lines: Annotated[list[IssueLine], Field(min_length=1, max_length=2_000)] = field("明细", "Lines")
    reason: Annotated[Text, Field(max_length=255)] = field("原因", "Reason", "")
    moved_at: Instant | None = field("时间", "At", None)


class Waive(Input):
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


@dataclass(frozen=True, slots=True)
class _Part:
    """A quantity of a lot of a material, out of or into a place, with the value that comes back."""

    material: Material
    quantity: Decimal
    location: UUID
    lot: UUID | None
    amount: Decimal | None = None
    kept_for: UUID | None = None
    is_fact: bool = False
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A quantity of a lot in a place that goes to a material line, though it is kept for that of another order."""

    material: UUID
    kept_for: UUID
    quantity: Decimal
    location: UUID
    lot: UUID | None


# --- to the order -------------------------------------------------------------------------------------------


@command(
    "production.work_order.issue",
    L("领料", "Issue material"),
    input=Issue,
    icon="transfer-out",
    help=L(
        "不填明细则按先到期先出领取全部未领物料", "Without lines all that is still needed, first expiry first"
    ),
)
def issue_material(ctx: Context, orders: Sequence[WorkOrder], data: Issue) -> tuple[MaterialIssue, ...]:
    """Move material from stock to orders, using up what was kept for them.

    Raises: MaterialShort with what is missing; MoreThanNeeded; NothingToIssue; what posting refuses
    Writes: an issue per order, moves, genealogy, counters; locks materials, then stock
    """
    materials = flow.lock_materials([order.pk for order in orders])
    if data.lines:
        lines = _named(materials, data.lines)
        _refuse_more_than_needed(lines)
    else:
        lines = [
            (m, IssueLine(material=m.pk, quantity=open_of(m)))
            for m in materials.values()
            if not m.is_backflushed and open_of(m) > 0
        ]
    if not lines:
        raise NothingToIssue
    return issue_lines(ctx, orders, materials, lines, "issue", "", data.moved_at)


@command(
    "production.work_order.supplement",
    L("补料", "Supplement material"),
    input=Supplement,
    icon="plus",
    tone="orange",
)
def supplement_material(
    ctx: Context, orders: Sequence[WorkOrder], data: Supplement
) -> tuple[MaterialIssue, ...]:
    """Move more material to orders than was planned, with the reason: it was scrapped, or the plan was short.

    Raises: MaterialShort; what posting refuses
    Writes: as `issue_material`
    """
    materials = flow.lock_materials([order.pk for order in orders])
    return issue_lines(
        ctx, orders, materials, _named(materials, data.lines), "supplement", data.reason, data.moved_at
    )


def issue_kept(
    ctx: Context, orders: Sequence[WorkOrder], kept: Sequence[Kept], reason: str
) -> tuple[MaterialIssue, ...]:
    """Issue to orders what is kept for lines of others, within a command that writes down who owes it to whom.

    Takes:  orders, locked
    Raises: MoreThanNeeded; what posting refuses
    Writes: as `issue_material`; what was kept for the others is used up
    """
    materials = flow.lock_materials([order.pk for order in orders])
    _refuse_more_than_needed(
        [(materials[one.material], IssueLine(material=one.material, quantity=one.quantity)) for one in kept]
    )
    parts = [
        _Part(materials[one.material], one.quantity, one.location, one.lot, kept_for=one.kept_for) for one in kept
    ]
    for part in parts:
        part.material.issued_quantity += part.quantity
    return _post(ctx, orders, materials, parts, "issue", reason, None)


def _named(
    materials: Mapping[UUID, Material], lines: Sequence[IssueLine]
) -> list[tuple[Material, IssueLine]]:
    for place, line in enumerate(lines):
        if line.material not in materials:
            raise WrongLine(
                fields={f"lines.{place}.material": L("不属于所选工单", "not of the chosen orders")}
            )
    return [(materials[line.material], line) for line in lines]


def open_of(material: Material) -> Decimal:
    """Give what an order still needs of a material."""
    return material.quantity - material.issued_quantity + material.returned_quantity


def _refuse_more_than_needed(lines: Sequence[tuple[Material, IssueLine]]) -> None:
    asked: dict[UUID, Decimal] = {}
    for material, line in lines:
        asked[material.pk] = asked.get(material.pk, ZERO) + line.quantity
        if asked[material.pk] > open_of(material):
            raise MoreThanNeeded(
                item=_code(material), asked=asked[material.pk], left=max(ZERO, open_of(material))
            )


def _code(material: Material) -> str:
    return items_by_id([material.item_id])[material.item_id].code


def issue_lines(
    ctx: Context,
    orders: Sequence[WorkOrder],
    materials: Mapping[UUID, Material],
    lines: Sequence[tuple[Material, IssueLine]],
    kind: str,
    reason: str,
    moved_at: datetime | None,
    key: UUID | None = None,
    *,
    is_used: bool = False,
) -> tuple[MaterialIssue, ...]:
    """Issue lines to orders inside a command.

    Takes:  key: of the issue, where there is one order only; is_used: it has happened, so that what is kept for
            others is taken as well where no place is named
    """
    parts = chosen(ctx, orders, lines, is_used=is_used)
    for part in parts:
        part.material.issued_quantity += part.quantity
    return _post(ctx, orders, materials, parts, kind, reason, moved_at, key)


def issue_told(
    ctx: Context,
    order: WorkOrder,
    materials: Mapping[UUID, Material],
    lines: Sequence[tuple[Material, IssueLine]],
    moved_at: datetime | None,
    key: UUID,
) -> tuple[MaterialIssue, ...]:
    """Issue to an order, inside a command, what went into it before that is told here.

    No state of a lot stops it. What is not there is owed, the first of it under the key of the issue; what has come
    out of the order already is held with a stopped lot that went in.

    Gives:  the issue, none where all of it is owed
    Writes: as `issue_lines`, debts, held lots
    """
    parts, owed = _sources(ctx, [order], lines, is_used=True, is_told=True)
    for part in parts:
        part.material.issued_quantity += part.quantity
    made = _post(ctx, [order], materials, parts, "issue", "", moved_at, key, owed=owed) if parts else ()
    debts = []
    for material, quantity in owed:
        material.debt_quantity += quantity
        first = None if debts else key
        debts.append(debt(ctx, material, order.plant_id, quantity, "owed", None, key=first))
    if debts:
        flow.save_materials(materials.values())
        db.insert_rows(debts)
    return made


def chosen(
    ctx: Context, orders: Sequence[WorkOrder], lines: Sequence[tuple[Material, IssueLine]], *, is_used: bool = False
) -> list[_Part]:
    """Give where each line is taken from. Raises: MaterialShort. One statement per plant."""
    parts, missing = _sources(ctx, orders, lines, is_used=is_used)
    if missing:
        codes = items_by_id([m.item_id for m, _ in missing])
        named = [f"{codes[m.item_id].code} × {short.normalize():f}" for m, short in missing[:SHOWN]]
        raise MaterialShort(missing=named, count=len(missing))
    return parts


def _sources(
    ctx: Context, orders: Sequence[WorkOrder], lines: Sequence[tuple[Material, IssueLine]], *, is_used: bool,
    is_told: bool = False,
) -> tuple[list[_Part], list[tuple[Material, Decimal]]]:  # fmt: skip
    """Give where each line is taken from, and what of it is nowhere. One statement per plant."""
    plants = {order.pk: order.plant_id for order in orders}
    parts = [
        _Part(m, line.quantity, line.location, line.lot, is_fact=is_told, is_told=is_told)
        for m, line in lines if line.location
    ]  # fmt: skip
    missing: list[tuple[Material, Decimal]] = []
    for plant in sorted(set(plants.values())):
        here = [(m, line) for m, line in lines if not line.location and plants[m.work_order_id] == plant]
        if not here:
            continue
        rows = stock_rows(plant, sorted({m.item_id for m, _ in here}))
        left = {row.balance: row.on_hand - (ZERO if is_used else row.allocated) for row in rows}
        for material, line in here:
            usable = [row for row in rows if _is_usable(row, material, line, ctx.now, is_told=is_told)]
            sources = {(row.location, row.lot): row for row in usable}
            taken, short = rules.taken_from(
                line.quantity, [rules.Source(row.location, row.lot, left[row.balance]) for row in usable]
            )
            for source, quantity in taken:
                left[sources[source.location, source.lot].balance] -= quantity
                parts.append(
                    _Part(material, quantity, source.location, source.lot, is_fact=is_used, is_told=is_told)
                )
            if short:
                missing.append((material, short))
    return parts, missing


def _is_usable(
    row: StockRow, material: Material, line: IssueLine, now: datetime, *, is_told: bool = False
) -> bool:
    return (
        row.item == material.item_id
        and row.owner is None
        and row.kind in FREE
        and (row.lot_state not in STOPPED or (is_told and row.lot == line.lot))
        and (row.lot == line.lot if line.lot else row.expires_on is None or row.expires_on >= now.date())
    )


# --- back from the order ------------------------------------------------------------------------------------


@command(
    "production.work_order.return_material",
    L("退料", "Return material"),
    input=Return,
    icon="transfer-in",
    tone="purple",
)
def return_material(ctx: Context, orders: Sequence[WorkOrder], data: Return) -> tuple[MaterialIssue, ...]:
    """Move material from orders back to stock, at the average value at which it was issued to them.

    Raises: TooMuchReturned where the order does not hold so much of the material, or of the lot
    Writes: a return per order, moves, genealogy, counters; locks materials, then stock
    """
    materials = flow.lock_materials([order.pk for order in orders])
    plants = {order.pk: order.plant_id for order in orders}
    lines = _named(materials, data.lines)
    places = _places({(plants[m.work_order_id], m.item_id) for m, line in lines if not line.location})
    held = material_held([m.pk for m, _ in lines], list(plants))
    parts = []
    for material, line in lines:
        there, worth = held.get((material.pk, line.lot), (ZERO, ZERO))
        if line.quantity > there:
            raise TooMuchReturned(item=_code(material), asked=line.quantity, there=there)
        amount = max(ZERO, round_money(worth * line.quantity / there))
        held[material.pk, line.lot] = (there - line.quantity, worth - amount)
        material.returned_quantity += line.quantity
        location = line.location or places[plants[material.work_order_id], material.item_id]
        parts.append(_Part(material, line.quantity, location, line.lot, amount))
    return _post(ctx, orders, materials, parts, "return", data.reason, data.moved_at)


def _places(wanted: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], UUID]:
    """Give where items are put away, by plant and item."""
    found: dict[tuple[UUID, UUID], UUID] = {}
    by_plant: dict[UUID, list[UUID]] = {}
    for plant, item in wanted:
        by_plant.setdefault(plant, []).append(item)
    for plant, items in by_plant.items():
        own, store = put_away_places(plant, items), standing(plant).warehouse
        found |= {(plant, item): own.get(item, store) for item in items}
    return found


def _post(
    ctx: Context,
    orders: Sequence[WorkOrder],
    materials: Mapping[UUID, Material],
    parts: Sequence[_Part],
    kind: str,
    reason: str,
    moved_at: datetime | None,
    key: UUID | None = None,
    owed: list[tuple[Material, Decimal]] | None = None,
) -> tuple[MaterialIssue, ...]:
    """Post the parts and write their papers: one per order.

    Takes:  owed: where it was told afterwards, takes up what somebody else took meanwhile; else that is refused
    """
    plants = {order.pk: order.plant_id for order in orders}
    ends = {plant: standing(plant) for plant in set(plants.values())}
    intents = [
        _intent(part, ends[plants[part.material.work_order_id]], kind, reason, moved_at) for part in parts
    ]
    issues = {
        order: MaterialIssue(
            id=key or new_id(),
            work_order_id=order,
            plant_id=plants[order],
            kind=kind,
            moved_at=moved_at or ctx.now,
            reason=reason,
            **by(ctx),
        )
        for order in sorted({part.material.work_order_id for part in parts})
    }
    sign = -1 if kind == "return" else 1
    stock.link_lots(
        ctx,
        [
            Edge(part.lot, None, sign * part.quantity, ORDER, part.material.work_order_id)
            for part in parts
            if part.lot
        ],
    )
    if owed is not None:
        _hold_what_came_out(ctx, list(plants), intents)
    done = list(posted(ctx, intents))
    moved = {n: move.quantity for n, move in done}
    lacking = [(part, part.quantity - moved.get(n, ZERO)) for n, part in enumerate(parts)]
    lacking = [(part, quantity) for part, quantity in lacking if quantity]
    if lacking and owed is None:
        raise MaterialShort(missing=[_code(parts[0].material)], count=1)  # somebody else took it meanwhile
    for part, quantity in lacking:
        part.material.issued_quantity -= quantity
        owed.append((part.material, quantity))
    stock.link_lots(
        ctx,
        [
            Edge(part.lot, None, -quantity, ORDER, part.material.work_order_id)
            for part, quantity in lacking
            if part.lot
        ],
    )
    rows = [
        MaterialIssueLine(
            id=new_id(),
            issue_id=issues[parts[n].material.work_order_id].pk,
            position=n + 1,
            material_id=parts[n].material.pk,
            item_id=parts[n].material.item_id,
            lot_id=parts[n].lot,
            location_id=parts[n].location,
            quantity=move.quantity,
            move_id=move.pk,
        )
        for n, move in done
    ]
    flow.save_materials(materials.values())
    filled = {row.issue_id for row in rows}
    made = db.insert_rows([issue for issue in issues.values() if issue.pk in filled])
    db.insert_rows(rows)
    owe_numbers(made)
    return made


def _hold_what_came_out(ctx: Context, orders: Sequence[UUID], intents: Sequence[MoveIntent]) -> None:
    """Hold the lots that have come out of orders already, where a stopped lot goes in now."""
    went_in = lots_by_id([intent.lot for intent in intents if intent.lot])
    if not any(lot.state in STOPPED for lot in went_in.values()):
        return
    made = {lot: order for order, lot in lots_out_of(orders)}
    if made:
        stock.lock_moves(ctx, intents, list(made))
        stock.inherit_holds(ctx, made)


def _intent(part: _Part, ends: Standing, kind: str, reason: str, moved_at: datetime | None) -> MoveIntent:
    is_back = kind == "return"
    return MoveIntent(
        item=part.material.item_id,
        quantity=part.quantity,
        lot=part.lot,
        amount=part.amount,
        source=ends.production if is_back else part.location,
        target=part.location if is_back else ends.production,
        origin_noun=ORDER,
        origin=part.material.work_order_id,
        origin_line=part.material.pk,
        moved_at=moved_at,
        demand=None if is_back else (ORDER, part.kept_for or part.material.pk),
        reason=reason,
        is_fact=part.is_fact,
        is_told=part.is_told,
    )


def by(ctx: Context) -> dict[str, Any]:
    """Give who and when of a new record."""
    return dict(created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person)


@command(
    "production.material_issue.reverse",
    L("冲销", "Reverse"),
    icon="arrow-back-up",
    tone="orange",
    confirm=L("冲销这张领料单？", "Reverse it?"),
)
def reverse_issues(ctx: Context, issues: Sequence[MaterialIssue]) -> None:
    """Take issues, supplements and returns back by reverse moves.

    Raises: what posting refuses, such as goods that have gone on
    Writes: moves, genealogy, counters; locks the orders, their materials, then stock
    """
    orders = _lock_open_orders(issues)
    materials = flow.lock_materials(orders)
    lines = list(MaterialIssueLine.objects.filter(issue__in=issues).order_by("pk"))
    kinds = {issue.pk: issue.kind for issue in issues}
    edges = []
    for line in lines:
        material, is_return = materials[line.material_id], kinds[line.issue_id] == "return"
        if is_return:
            material.returned_quantity -= line.quantity
        else:
            material.issued_quantity -= line.quantity
            if material.issued_quantity < material.returned_quantity:
                raise TooMuchReturned(item=_code(material), asked=line.quantity, there=ZERO)
        if line.lot_id:
            quantity = line.quantity if is_return else -line.quantity
            edges.append(Edge(line.lot_id, None, quantity, ORDER, material.work_order_id))
    stock.link_lots(ctx, edges)
    stock.reverse_moves(ctx, [line.move_id for line in lines], "reverse")
    flow.save_materials(materials.values())


def take_back_told(ctx: Context, keys: Sequence[UUID]) -> None:
    """Take back, inside a command, what was told as used on cards under these keys, because it was not used.

    Raises: what `reverse_issues` refuses
    Writes: as `reverse_issues`; what is owed of it still ends
    """
    issues = list(MaterialIssue.objects.filter(pk__in=keys, state="posted").values_list("pk", flat=True))
    if issues:
        reverse_issues(ctx, issues)
    owed = list(MaterialDebt.objects.filter(pk__in=keys))
    if not owed:
        return
    materials = flow.lock_materials(sorted({row.work_order_id for row in owed}))
    left = {key: quantity for key, report, quantity in flow.open_debts(list(materials)) if report is None}
    rows = []
    for row in owed:
        part = min(row.quantity, left.get(row.material_id, ZERO))
        if part > 0:
            left[row.material_id] -= part
            materials[row.material_id].debt_quantity -= part
            rows.append(debt(ctx, materials[row.material_id], row.plant_id, -part, "undone", None))
    flow.save_materials(materials.values())
    db.insert_rows(rows)


def _lock_open_orders(papers: Sequence[Any]) -> list[UUID]:
    """Lock the orders of papers. Raises: OrderClosed where one is closed."""
    return flow.lock_open_orders({paper.work_order_id for paper in papers})


# --- debts --------------------------------------------------------------------------------------------------


@command(
    "production.work_order.settle_debts",
    L("结清欠料", "Settle material debts"),
    icon="checks",
    tone="green",
)
def settle_debts(ctx: Context, orders: Sequence[WorkOrder]) -> None:
    """Move what orders owe from what is in stock now.

    Raises: NoDebts where nothing is owed, or nothing of it is there
    Writes: moves, genealogy, debts, counters; locks materials, then stock
    """
    plants = {order.pk: order.plant_id for order in orders}
    materials = [m for m in flow.lock_materials(list(plants)).values() if m.debt_quantity > 0]
    arrivals = (
        [
            Arrived(row.item, plant, row.location, row.lot, row.on_hand - row.allocated)
            for plant in sorted(set(plants.values()))
            for row in stock_rows(plant, sorted({m.item_id for m in materials}))
            if row.owner is None and row.lot_state not in STOPPED and row.kind in (*FREE, "line_side")
        ]
        if materials
        else []
    )
    if not settle(ctx, materials, plants, arrivals):
        raise NoDebts


@command(
    "production.work_order.waive_debts",
    L("核销欠料", "Waive material debts"),
    input=Waive,
    icon="eraser",
    tone="orange",
    confirm=L("确认这些物料实际没有用到？", "Was the material really not used?"),
)
def waive_debts(ctx: Context, orders: Sequence[WorkOrder], data: Waive) -> None:
    """Give up what orders owe, because it was not used after all; the reason stays in the audit.

    Raises: NoDebts
    Writes: debts, counters of the materials
    """
    plants = {order.pk: order.plant_id for order in orders}
    materials = {key: m for key, m in flow.lock_materials(list(plants)).items() if m.debt_quantity > 0}
    if not materials:
        raise NoDebts
    rows = [
        debt(ctx, materials[key], plants[materials[key].work_order_id], -quantity, "waived", report)
        for key, report, quantity in flow.open_debts(list(materials))
    ]
    for row in rows:
        materials[row.material_id].debt_quantity += row.quantity
    flow.save_materials(materials.values())
    db.insert_rows(rows)
