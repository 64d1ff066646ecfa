"""What borrowers owe is settled: by what arrives, by what lenders are issued, or by somebody's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.handheld import queries, rules
from banyan.modules.handheld.models import Borrow, Settlement
from banyan.modules.handheld.rules import Owed
from banyan.modules.inventory import commands as stock
from banyan.modules.inventory import queries as inventory
from banyan.modules.inventory.values import Demand
from banyan.modules.production.models import Material
from banyan.modules.production.queries import ORDER

ZERO = Decimal(0)


def open_borrows(borrows: Sequence[Borrow]) -> list[Owed]:
    """Give what locked borrows leave open, the oldest first."""
    left = sorted((b for b in borrows if b.state == "open"), key=lambda b: (b.borrowed_at, b.pk))
    return [Owed(b.pk, b.lender_material_id, b.quantity - b.settled_quantity) for b in left]


def settle_issued(ctx: Context, borrows: Sequence[Borrow], owed: Sequence[Owed]) -> bool:
    """Settle what lenders have again: nobody owes a line more than it still needs. One statement besides.

    Takes:  borrows locked, whoever calls writes them back
    """
    got = rules.beyond_need(owed, _needs(owed))
    return _settled(ctx, borrows, rules.paid(owed, got), "issue")


def settle_with_free(
    ctx: Context, borrows: Sequence[Borrow], owed: Sequence[Owed],
    most: Mapping[tuple[UUID, UUID], Decimal] | None = None,
) -> bool:  # fmt: skip
    """Keep for lenders what is free in stores, up to what they lack.

    Takes:  most: by item and plant, no more than this
    Writes: promises, settlements; locks supply
    """
    by_key = {b.pk: b for b in borrows}
    needs = _needs(owed)
    held = inventory.held_by(list(needs))
    lacking = {key: need - sum(held.get(key, (ZERO, ZERO)), ZERO) for key, need in needs.items()}
    left = dict(most) if most is not None else None
    wanted: dict[UUID, Demand] = {}
    for one in owed:
        row = by_key[one.borrow]
        pool = (row.item_id, row.plant_id)
        known = wanted[one.material].quantity if one.material in wanted else ZERO
        room = left.get(pool, ZERO) if left is not None else one.quantity
        part = min(one.quantity, lacking[one.material] - known, room)
        if part > 0:
            wanted[one.material] = Demand(ORDER, one.material, *pool, known + part)
            if left is not None:
                left[pool] -= part
    got = {line: q for (_, line), q in stock.promise_what_is_free(ctx, list(wanted.values())).items()}
    return _settled(ctx, borrows, rules.paid(owed, got), "arrival")


def waive(ctx: Context, borrows: Sequence[Borrow], reason: str) -> None:
    """Note that nothing more is given back of locked borrows."""
    _settled(ctx, borrows, [(one.borrow, one.quantity) for one in open_borrows(borrows)], "waived", reason)


def _needs(owed: Sequence[Owed]) -> dict[UUID, Decimal]:
    rows = Material.objects.filter(pk__in={one.material for one in owed})
    return {row.pk: max(ZERO, queries.needed(row)) for row in rows}


def _settled(
    ctx: Context, borrows: Sequence[Borrow], paid: Sequence[tuple[UUID, Decimal]], kind: str, reason: str = ""
) -> bool:
    """Count what is settled on locked borrows, and write it down; say whether anything was."""
    by_key = {b.pk: b for b in borrows}
    rows = []
    for key, quantity in paid:
        one = by_key[key]
        one.settled_quantity += quantity
        if one.settled_quantity == one.quantity:
            one.state, one.settled_at = "waived" if kind == "waived" else "settled", ctx.now
        rows.append(
            Settlement(
                id=new_id(), borrow_id=key, kind=kind, quantity=quantity, reason=reason, person=ctx.person, at=ctx.now
            )
        )
    if rows:
        db.insert_rows(rows)
    return bool(rows)
