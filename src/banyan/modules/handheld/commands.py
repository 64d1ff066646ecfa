"""Borrowing between work orders, and the pick list that fixes lots and bins for an order; see also `otherlots`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from pydantic import Field

from banyan.kernel import access, db, locks, registry
from banyan.kernel.commands import command, hear, take_numbers
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.handheld import queries, rules
from banyan.modules.handheld.errors import (
    NotAtWork,
    NothingToLend,
    NothingToSettle,
    NotNeeded,
    OrdersUnknown,
    OtherPlant,
    SameOrder,
)
from banyan.modules.handheld.models import Borrow
from banyan.modules.handheld.otherlots import take_other_lot
from banyan.modules.handheld.settling import open_borrows, settle_issued, settle_with_free, waive
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory import queries as inventory
from banyan.modules.inventory.values import Demand
from banyan.modules.items.queries import items_by_id
from banyan.modules.production.commands import issue_kept, issue_material, return_material
from banyan.modules.production.commands.flow import lock_materials
from banyan.modules.production.commands.materials import Kept
from banyan.modules.production.models import AT_WORK, Material, MaterialIssue, WorkOrder
from banyan.modules.production.queries import ORDER, material_held

__all__ = ["borrow", "settle", "start_pick", "take_other_lot", "waive_borrows"]

NOUN = "handheld.borrow"
ZERO = Decimal(0)


class BorrowInput(Input):
    """Which order takes how much of what from which; without a lot the one that is due."""

    borrower: UUID = field("借入工单", "Borrower", reference="production.work_order")
    lender: UUID = field("借出工单", "Lender", reference="production.work_order")
    item: UUID = field("物料", "Item", reference="items.item")
    quantity: Quantity = field("数量", "Quantity", gt=0)
    lot: UUID | None = field("批次", "Lot", None, reference="inventory.lot")
    note: Annotated[Text, Field(max_length=255)] = field("说明", "Note", "")


class Waive(Input):
    """Why the lender needs nothing back."""

    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


@command(
    f"{NOUN}.borrow", L("借料", "Borrow"), input=BorrowInput, on="noun", creates=True, icon="arrows-exchange",
    tone="orange", is_primary=True,
    help=L("先扫要料的工单，再扫有料的工单；料到时自动结清",
           "The order that needs it first, then the one that has it; settled when material arrives"),
)  # fmt: skip
def borrow(ctx: Context, data: BorrowInput) -> tuple[Borrow, ...]:
    """Let an order take material that is another's: kept for it in a store, or with it already.

    Gives:  a borrow per lot
    Raises: OrdersUnknown, SameOrder, NotAtWork, OtherPlant, NotNeeded, NothingToLend; what posting refuses, such as
            a held lot
    Writes: an issue to the borrower, a return of the lender where it had it, moves, what was kept is used up; locks
            the orders, their materials, then stock
    """
    lender, borrower = _orders(ctx, data)
    materials = lock_materials([lender.pk, borrower.pk])
    mine = _needing(materials.values(), borrower, data)
    theirs = [m for m in materials.values() if m.work_order_id == lender.pk and m.item_id == data.item]
    parts, source = _from_store(ctx, lender, theirs, data), "kept"
    if parts is None:
        parts, source = _from_order(lender, theirs, data), "held"
    if source == "kept":
        papers = issue_kept(ctx, [borrower], [
            Kept(mine.pk, key, part.quantity, part.location, part.lot) for key, part in parts
        ], _why(lender))  # fmt: skip
    else:
        papers = _hand_over(ctx, lender, borrower, mine, parts)
    hear(ctx)
    return _note(ctx, lender, borrower, mine, parts, source, papers, data.note)


def _orders(ctx: Context, data: BorrowInput) -> tuple[WorkOrder, WorkOrder]:
    reach = access.scope(ctx, registry.noun(ORDER), f"{NOUN}.borrow") or Q()
    found = locks.lock(WorkOrder, [data.lender, data.borrower], where=reach)
    lender, borrower = found.get(data.lender), found.get(data.borrower)
    if lender is None or borrower is None:
        raise OrdersUnknown
    if lender.pk == borrower.pk:
        raise SameOrder(order=lender.number)
    for order in (borrower, lender):
        if order.state not in AT_WORK:
            raise NotAtWork(order=order.number or "—")
    if lender.plant_id != borrower.plant_id:
        raise OtherPlant
    return lender, borrower


def _needing(materials: Any, borrower: WorkOrder, data: BorrowInput) -> Material:
    """Give the borrower's line that needs it most. Raises: NotNeeded."""
    lines = [m for m in materials if m.work_order_id == borrower.pk and m.item_id == data.item]
    best = max(lines, key=queries.needed, default=None)
    needed = queries.needed(best) if best else ZERO
    if needed < data.quantity:
        raise NotNeeded(order=borrower.number, item=_code(data.item), needed=max(ZERO, needed), asked=data.quantity)
    return best


def _from_store(
    ctx: Context, lender: WorkOrder, theirs: Sequence[Material], data: BorrowInput
) -> list[tuple[UUID, rules.Shelf]] | None:
    """Give what to take of what is kept for the lender in stores, line by line; None where that does not reach."""
    held = inventory.held_by([m.pk for m in theirs])
    kept = {m.pk: sum(held.get(m.pk, (ZERO, ZERO)), ZERO) for m in theirs}
    if sum(kept.values(), ZERO) < data.quantity:
        return None
    shelves = queries.shelves_for([m.pk for m in theirs], lender.plant_id, data.item, ctx.now, data.lot)
    found, left = [], data.quantity
    for key, share in kept.items():
        part, _ = rules.taken([s for k, s in shelves if k in (key, None)], min(share, left))
        used = {(s.location, s.lot): s.quantity for s in part}
        shelves = [
            (k, rules.Shelf(s.location, s.lot, s.quantity - used.get((s.location, s.lot), ZERO))) for k, s in shelves
        ]
        found += [(key, one) for one in part]
        left -= sum((one.quantity for one in part), ZERO)
    return found if left <= 0 else None


def _from_order(lender: WorkOrder, theirs: Sequence[Material], data: BorrowInput) -> list[tuple[UUID, rules.Shelf]]:
    """Give what to take of what the lender has, of one of its lines. Raises: NothingToLend."""
    place = inventory.put_away_places(lender.plant_id, [data.item]).get(data.item)
    place = place or inventory.standing(lender.plant_id).warehouse
    best: tuple[Decimal, list[rules.Shelf], UUID | None] = (ZERO, [], None)
    for (line, lot), (there, _) in material_held([m.pk for m in theirs], [lender.pk]).items():
        if data.lot in (None, lot) and there > 0:
            shelf = rules.Shelf(place, lot, there)
            several = [*best[1], shelf] if best[2] == line else [shelf]
            total = sum((s.quantity for s in several), ZERO)
            if total > best[0]:
                best = (total, several, line)
    parts, missing = rules.taken(best[1], data.quantity)
    if missing > 0 or best[2] is None:
        raise NothingToLend(order=lender.number, item=_code(data.item), there=best[0], asked=data.quantity)
    return [(best[2], part) for part in parts]


def _hand_over(
    ctx: Context, lender: WorkOrder, borrower: WorkOrder, mine: Material, parts: Sequence[tuple[UUID, rules.Shelf]]
) -> tuple[MaterialIssue, ...]:
    """Move material from the lender to the borrower: back to its place in the books, and out again."""

    def lines(material: UUID | None) -> list[dict[str, Any]]:
        return [dict(material=material or key, quantity=s.quantity, lot=s.lot, location=s.location) for key, s in parts]

    return_material(ctx, [lender.pk], {"lines": lines(None), "reason": _why(borrower)})
    return issue_material(ctx, [borrower.pk], {"lines": lines(mine.pk)})


def _why(other: WorkOrder) -> str:
    return f"{L('借料', 'Borrowed')} {other.number}"


def _note(
    ctx: Context, lender: WorkOrder, borrower: WorkOrder, mine: Material, parts: Sequence[tuple[UUID, rules.Shelf]],
    source: str, papers: Sequence[MaterialIssue], note: str,
) -> tuple[Borrow, ...]:  # fmt: skip
    """Write down who owes what to whom: a borrow per lender's line and lot."""
    sums: dict[tuple[UUID, UUID | None], Decimal] = {}
    for key, shelf in parts:
        sums[key, shelf.lot] = sums.get((key, shelf.lot), ZERO) + shelf.quantity
    period = ctx.now.strftime("%y%m")
    last = take_numbers(NOUN, period, len(sums))
    made = [
        Borrow(
            id=new_id(), number=f"BR{period}-{last - len(sums) + n:05}", plant_id=lender.plant_id, item_id=mine.item_id,
            lot_id=lot, quantity=quantity, source=source, lender_id=lender.pk, lender_material_id=line,
            borrower_id=borrower.pk, borrower_material_id=mine.pk, issue_id=papers[0].pk, borrowed_at=ctx.now,
            note=note, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person, changed_by_id=ctx.person,
        )
        for n, ((line, lot), quantity) in enumerate(sums.items(), start=1)
    ]  # fmt: skip
    db.insert_rows(made)
    return tuple(made)


def _code(item: UUID) -> str:
    found = items_by_id([item]).get(item)
    return found.code if found else str(item)


@command(f"{NOUN}.settle", L("结清", "Settle"), icon="checks", tone="green", is_primary=True)
def settle(ctx: Context, borrows: Sequence[Borrow]) -> None:
    """Give lenders what is free in stores now, and count what they have been issued since.

    Raises: NothingToSettle
    Writes: promises for the lenders' lines, settlements; locks supply
    """
    owed = open_borrows(borrows)
    is_done = settle_issued(ctx, borrows, owed)
    is_done = settle_with_free(ctx, borrows, open_borrows(borrows)) or is_done
    if not is_done:
        raise NothingToSettle


@command(
    f"{NOUN}.waive", L("核销", "Waive"), input=Waive, icon="eraser", tone="orange",
    confirm=L("出借工单不再需要这些料？", "Does the lender need nothing back?"),
)  # fmt: skip
def waive_borrows(ctx: Context, borrows: Sequence[Borrow], data: Waive) -> None:
    """Note that lenders need nothing back. Writes: settlements of what is left."""
    waive(ctx, borrows, data.reason)
    for one in borrows:
        one.state = "waived"


class Pick(Input):
    """Which order's material is to be fetched."""

    work_order: UUID = field("工单", "Work order", reference="production.work_order")


@command(
    "handheld.pick.start", L("开始拣料", "Start picking"), input=Pick, on="noun", icon="clipboard-list", rest=False,
    screen=False, permission="production.work_order.issue",
)  # fmt: skip
def start_pick(ctx: Context, data: Pick) -> None:
    """Fix lots and bins for what an order still needs, first expiry and first in first, so that nobody else takes them.

    Takes:  work_order: what it has fixed already stays; what is not there is left open
    Raises: OrdersUnknown, NotAtWork
    Writes: allocations, promises used up; locks materials, lots, balances, supply
    """
    reach = access.scope(ctx, registry.noun(ORDER), "production.work_order.issue") or Q()
    order = locks.lock(WorkOrder, [data.work_order], where=reach).get(data.work_order)
    if order is None:
        raise OrdersUnknown
    if order.state not in AT_WORK:
        raise NotAtWork(order=order.number or "—")
    wanted = [
        Demand(ORDER, m.pk, m.item_id, order.plant_id, queries.needed(m))
        for m in lock_materials([order.pk]).values()
        if not m.is_backflushed and queries.needed(m) > 0
    ]
    stock.allocate(ctx, wanted, is_partial=True)
