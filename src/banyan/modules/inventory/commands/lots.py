"""Lots: made, held, released, rejected; and which went into which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from banyan.kernel import db, locks
from banyan.kernel.commands import command, save, tell
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Input, Text, field
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.inventory import errors, queries, rules
from banyan.modules.inventory.commands.books import Books, LotFacts, columns, insert, unnest
from banyan.modules.inventory.events import LotHeld, LotReleased, PromisesBroken
from banyan.modules.inventory.kinds import STOPPED
from banyan.modules.inventory.models import Lot
from banyan.modules.inventory.values import Allocated, Edge, LotWant, Trace
from banyan.modules.items.queries import items_by_id

#: How far a hold follows genealogy, where nobody says less.
MOST_LEVELS = 20


def make_lots(ctx: Context, wants: Sequence[LotWant]) -> tuple[Lot, ...]:
    """Give the lots that are wanted, made where they do not exist; a known (item, number) is that lot again.

    Takes:  number empty: one is given; expires_on None: by the item's shelf life, where it is known when the
            lot was made
    Gives:  lots in the order of the wants
    Raises: LotNotTracked
    Writes: lots; four statements at most
    """
    if not wants:
        return ()
    items = items_by_id([want.item for want in wants])
    for want in wants:
        if want.item not in items:
            raise errors.NoSuchItem(item=want.item)
        if items[want.item].tracking == "none":
            raise errors.LotNotTracked(item=items[want.item].code)
    named = _numbered(ctx, wants)
    db.insert_rows(
        [
            Lot(
                id=new_id(), item_id=w.item, number=w.number, supplier_id=w.supplier,
                supplier_lot=w.supplier_lot, heat_number=w.heat_number, made_on=w.made_on,
                expires_on=w.expires_on or rules.expiry(w.made_on, items[w.item].shelf_life_days),
                origin_noun=w.origin_noun, origin=w.origin, created_at=ctx.now, changed_at=ctx.now,
                created_by_id=ctx.person, changed_by_id=ctx.person,
            )
            for w in named
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    rows = db.rows(
        f"SELECT l.id FROM {unnest('uuid text')} WITH ORDINALITY AS k(item, number, n) "
        "JOIN inventory_lot l ON l.item_id = k.item AND l.number = k.number ORDER BY k.n",
        columns([(want.item, want.number) for want in named], 2),
    )
    found = Lot.objects.in_bulk([key for (key,) in rows])
    return tuple(found[key] for (key,) in rows)


def _numbered(ctx: Context, wants: Sequence[LotWant]) -> list[LotWant]:
    """Give the wants with a number each: L, year and month, and a count that never starts again."""
    lacking = sum(not want.number for want in wants)
    if not lacking:
        return list(wants)
    counts = iter(db.rows("SELECT nextval('inventory_lot_number') FROM generate_series(1, %s)", [lacking]))
    return [
        want if want.number else replace(want, number=f"L{ctx.now:%y%m}-{next(counts)[0]:06}")
        for want in wants
    ]


def prepare_lots(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse another item for a lot that has moved, and lots of items that have none.

    Raises: LotInUse, LotNotTracked
    """
    changed = [
        draft.record for draft in drafts
        if getattr(draft.record, "_stored", {}).get("item_id") != draft.record.item_id
    ]  # fmt: skip
    moved = {
        key for (key,) in db.rows(
            "SELECT k.id FROM unnest(%s::uuid[]) AS k(id) "
            "WHERE EXISTS (SELECT FROM inventory_move m WHERE m.lot_id = k.id)",
            [[lot.pk for lot in changed]],
        )
    }  # fmt: skip
    items = items_by_id([lot.item_id for lot in changed])
    for lot in changed:
        if lot.pk in moved:
            raise errors.LotInUse(lot=lot.number)
        if items[lot.item_id].tracking == "none":
            raise errors.LotNotTracked(item=items[lot.item_id].code)


# --- genealogy ----------------------------------------------------------------------------------------------


def link_lots(ctx: Context, edges: Sequence[Edge]) -> None:
    """Note which lots went into which, at the moment it is reported; an output of a held lot is held too.

    Call it before the output lots are posted, so that they come into stock as held. An edge below zero takes
    an earlier one back.
    Writes: genealogy, held output lots; locks lots by key; tells LotHeld
    """
    if not edges:
        return
    lots = sorted({lot for edge in edges for lot in (edge.input_lot, edge.output_lot) if lot})
    books = Books(ctx)
    books.lock_lots(lots)
    found = books.lots
    for lot in lots:
        if lot not in found:
            raise errors.NoSuchLot(lot=lot)
    db.run(*insert(
        "inventory_genealogy", _GENEALOGY,
        [(new_id(), e.input_lot, e.output_lot, e.quantity, e.origin_noun, e.origin, ctx.now) for e in edges],
    ))  # fmt: skip
    reasons = {
        edge.output_lot: f"{found[edge.input_lot].number}: {found[edge.input_lot].reason}"
        for edge in edges
        if edge.output_lot and edge.quantity > 0 and found[edge.input_lot].state in STOPPED
        and found[edge.output_lot].state not in STOPPED
    }  # fmt: skip
    if reasons:
        held = list(locks.lock(Lot, reasons).values())
        _stop(ctx, held, "held", reasons)
        save(ctx, held)


_GENEALOGY = {
    "id": "uuid", "input_lot_id": "uuid", "output_lot_id": "uuid", "quantity": "numeric",
    "origin_noun": "text", "origin": "uuid", "at": "timestamptz",
}  # fmt: skip


# --- holds --------------------------------------------------------------------------------------------------


class Hold(Input):
    """Why, and how far."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)
    with_output: bool = field(
        "连同用它做出的批次", "Also what was made of it", False,
        help=L("沿批次谱系向下，一并冻结", "Follows genealogy down and holds those lots too"),
    )  # fmt: skip


class Why(Input):
    """Why."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)


@command(
    "inventory.lot.hold", L("冻结", "Hold"), input=Hold, icon="lock", tone="orange", is_primary=True,
    help=L("停止领用和发货，直到解冻", "Stops issue and shipment until it is released"),
)  # fmt: skip
def hold_lots(ctx: Context, lots: Sequence[Lot], data: Hold) -> None:
    """Stop issue and shipment of lots, from this moment on.

    Writes: lots, supply, promises that can no longer be kept; locks balances and supply by key; tells
            LotHeld, and PromisesBroken for those demand lines
    """
    made, _ = _reached(lots, MOST_LEVELS if data.with_output else 0)
    _stop(ctx, [*lots, *made], "held", data.reason)
    save(ctx, made)


def hold_all(
    ctx: Context, lots: Sequence[UUID], reason: str, levels: int = MOST_LEVELS
) -> tuple[tuple[Lot, ...], Trace]:
    """Hold lots with what was made of them, so many levels down; what is held or rejected already stays as it is.

    Gives:  the lots that it has stopped, and the trace that led to them, with the states from before
    Raises: NoSuchLot
    Writes: as hold does
    """
    first = locks.lock(Lot, lots)
    for key in lots:
        if key not in first:
            raise errors.NoSuchLot(lot=key)
    made, found = _reached(list(first.values()), levels)
    stopped = [*(lot for lot in first.values() if lot.state not in STOPPED), *made]
    _stop(ctx, stopped, "held", reason)
    save(ctx, stopped)
    return tuple(stopped), found


def _reached(lots: Sequence[Lot], levels: int) -> tuple[list[Lot], Trace]:
    """Lock what was made of locked lots, so many levels down; give those not stopped yet, and the trace.

    Locks round by round, until a trace finds no other: what is linked meanwhile waits for a lot locked here and
    inherits the hold, or is found in the next round.
    """
    found, known = Trace((), False), {}
    while levels:
        found = queries.trace([lot.pk for lot in lots], "down", levels)
        fresh = {step.lot for step in found.steps} - known.keys()
        if not fresh:
            break
        known |= locks.lock(Lot, fresh)
    return [lot for _, lot in sorted(known.items()) if lot.state not in STOPPED], found


def inherit_holds(ctx: Context, made: Mapping[UUID, UUID]) -> None:
    """Hold lots that come out of orders into which a stopped lot has gone, where that is known for the order only.

    Takes:  the order by lot. Call it before the lots are posted
    Writes: those lots; locks what went into the orders against a change of state; tells LotHeld
    """
    if not made:
        return
    rows = db.rows(_WENT_IN, [list(set(made.values()))])
    locks.note(Lot.lock_rank, [key for _, key, *_ in rows])
    reasons = {order: f"{number}: {reason}" for order, _, number, state, reason in rows if state in STOPPED}
    if not reasons:
        return
    lots = locks.lock(Lot, made).values()
    held = [lot for lot in lots if made[lot.pk] in reasons and lot.state not in STOPPED]
    _stop(ctx, held, "held", {lot.pk: reasons[made[lot.pk]] for lot in held})
    save(ctx, held)


_WENT_IN = """
    SELECT e.origin, l.id, l.number, l.state, l.reason
    FROM (SELECT origin, input_lot_id FROM inventory_genealogy WHERE origin = ANY(%s) AND output_lot_id IS NULL
          GROUP BY 1, 2 HAVING sum(quantity) > 0) e
    JOIN inventory_lot l ON l.id = e.input_lot_id ORDER BY l.id FOR SHARE OF l
"""


@command("inventory.lot.reject", L("判为不良", "Reject"), input=Why, icon="ban", tone="red")
def reject_lots(ctx: Context, lots: Sequence[Lot], data: Why) -> None:
    """Judge lots bad: like a hold, for good. Writes: as hold does; tells LotHeld with state rejected."""
    _stop(ctx, lots, "rejected", data.reason)


@command("inventory.lot.release", L("解冻", "Release"), input=Why, icon="lock-open", tone="green")
def release_lots(ctx: Context, lots: Sequence[Lot], data: Why) -> None:
    """Let lots be issued and shipped again.

    Writes: lots, supply; locks balances and supply by key; tells LotReleased
    """
    books = _books_of(ctx, lots)
    for lot in lots:
        lot.state, lot.stopped_at, lot.reason = "released", None, data.reason
    for key, shelf in books.shelves.items():
        if rules.is_free(shelf.kind, key[3], "released"):
            books.pools[key[0], shelf.plant].available += shelf.on_hand - shelf.allocated
    books.write()
    tell(*(LotReleased(record=x.pk, item=x.item_id, number=x.number, reason=data.reason) for x in lots))


def _stop(ctx: Context, lots: Sequence[Lot], state: str, reason: str | Mapping[UUID, str]) -> None:
    """Set locked lots to held or rejected and take their stock out of what is available.

    Takes:  reason: one for all, or by lot
    """
    if not lots:
        return
    books = _books_of(ctx, lots)
    for key, shelf in books.shelves.items():
        if shelf.is_free:
            books.pools[key[0], shelf.plant].available -= shelf.on_hand - shelf.allocated
            shelf.is_free = False
    for lot in lots:
        lot.state, lot.stopped_at = state, lot.stopped_at or ctx.now
        lot.reason = (reason if isinstance(reason, str) else reason[lot.pk])[:255]
    broken = books.settle()
    books.write()
    allocated = _allocated_on(books)
    tell(*(
        LotHeld(
            record=lot.pk, item=lot.item_id, number=lot.number, state=state, reason=lot.reason,
            allocated=tuple(one for one in allocated if one.lot == lot.pk),
        )
        for lot in lots
    ))  # fmt: skip
    if broken:
        tell(PromisesBroken(record=lots[0].pk, noun="inventory.lot", broken=broken))


def _books_of(ctx: Context, lots: Sequence[Lot]) -> Books:
    """Lock all balances of the lots, in the state these have now, and the supply they count in."""
    books = Books(ctx)
    books.lots = {
        lot.pk: LotFacts(lot.pk, lot.item_id, lot.number, lot.state, lot.stopped_at, lot.reason)
        for lot in lots
    }
    books.lock_shelves(lots=sorted(books.lots))
    books.lock_pools(
        (key[0], shelf.plant) for key, shelf in books.shelves.items()
        if rules.is_free(shelf.kind, key[3], "released")
    )  # fmt: skip
    return books


def _allocated_on(books: Books) -> tuple[Allocated, ...]:
    keys = {shelf.id: shelf.key for shelf in books.shelves.values() if shelf.allocated}
    if not keys:
        return ()
    rows = db.rows(
        "SELECT demand_noun, demand_line, balance_id, quantity FROM inventory_allocation "
        "WHERE balance_id = ANY(%s) ORDER BY allocated_at, id",
        [list(keys)],
    )
    return tuple(
        Allocated(noun, line, keys[balance][0], keys[balance][1], keys[balance][2], quantity)
        for noun, line, balance, quantity in rows
    )
