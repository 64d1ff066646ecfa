"""Promises and allocations: what of the stock is kept for which demand line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from banyan.kernel import db, locks
from banyan.kernel.context import Context
from banyan.modules.inventory import errors, queries, rules
from banyan.modules.inventory.commands.books import Books, columns, unnest
from banyan.modules.inventory.errors import Shortage
from banyan.modules.inventory.kinds import FREE, STOPPED
from banyan.modules.inventory.models import Lot
from banyan.modules.inventory.rules import Pickable, PoolKey, Shelf
from banyan.modules.inventory.values import Allocated, Demand, DemandKey

ZERO = Decimal(0)


def promise(ctx: Context, demands: Sequence[Demand]) -> None:
    """Keep stock for demand lines, all of them or none; what a line has already stays.

    Raises: NotEnoughStock with what is missing per line, in the order of the demands; nothing is written
    Writes: promises and supply; locks supply by key. Three statements
    """
    _promise(ctx, demands, is_partial=False)


def promise_what_is_free(ctx: Context, demands: Sequence[Demand]) -> dict[DemandKey, Decimal]:
    """Keep for demand lines what is free, first come first served; give how much each line got now.

    Writes: promises and supply; locks supply by key. Two statements
    """
    return _promise(ctx, demands, is_partial=True)


def _promise(ctx: Context, demands: Sequence[Demand], *, is_partial: bool) -> dict[DemandKey, Decimal]:
    if not demands:
        return {}
    wishes = [((demand.item, demand.plant), _quantity(demand)) for demand in demands]
    books = Books(ctx)
    if not is_partial:  # who comes too late need not queue for the lock, and those who come in time wait less
        _refuse_shortages(demands, rules.share(wishes, books.free_now(key for key, _ in wishes)))
    books.lock_pools(key for key, _ in wishes)
    shares = rules.share(wishes, {key: pool.free for key, pool in books.pools.items()})
    if not is_partial:
        _refuse_shortages(demands, shares)
    got: dict[DemandKey, Decimal] = {}
    for demand, share in zip(demands, shares, strict=True):
        got[demand.key] = got.get(demand.key, ZERO) + share
        if share:
            books.add_promise(demand.key, (demand.item, demand.plant), share)
    books.write()
    return got


def _quantity(demand: Demand) -> Decimal:
    quantity = demand.quantity
    if quantity is None or quantity <= 0:
        raise errors.QuantityNotPositive(item=demand.item, quantity=quantity)
    return quantity


def _refuse_shortages(demands: Sequence[Demand], shares: Sequence[Decimal]) -> None:
    short = [
        (demand, share) for demand, share in zip(demands, shares, strict=True) if share < _quantity(demand)
    ]
    if not short:
        return
    items = dict(
        db.rows("SELECT id, code FROM items_item WHERE id = ANY(%s)", [[demand.item for demand, _ in short]])
    )
    plants = dict(
        db.rows("SELECT id, code FROM company_plant WHERE id = ANY(%s)", [[d.plant for d, _ in short]])
    )
    raise errors.NotEnoughStock([
        Shortage(
            items.get(demand.item, str(demand.item)), plants.get(demand.plant, str(demand.plant)),
            _quantity(demand), share, _quantity(demand) - share, demand.item, line=demand.line,
        )
        for demand, share in short
    ])  # fmt: skip


def release_promises(ctx: Context, demands: Sequence[Demand]) -> dict[DemandKey, Decimal]:
    """Give back what is kept for demand lines, promises before allocations; give how much it was.

    Takes:  demands: quantity None releases all that the line holds of the item at the plant
    Writes: promises, allocations, balances, supply; locks lots, balances, supply by key
    """
    if not demands:
        return {}
    keys = sorted({demand.key for demand in demands})
    books = Books(ctx)
    books.lock_lots((), keys)
    books.lock_shelves(demands=keys)
    books.lock_pools((demand.item, demand.plant) for demand in demands)
    books.read_claims(keys)
    given: dict[DemandKey, Decimal] = {}
    for demand in demands:
        pool_key = (demand.item, demand.plant)
        amount = rules.give_back(
            books.promises_of(demand.key, pool_key), books.allocations_of(demand.key, pool_key),
            demand.quantity, books.shelves, books.pools[pool_key],
        )  # fmt: skip
        given[demand.key] = given.get(demand.key, ZERO) + amount
    books.write()
    return given


def allocate(ctx: Context, demands: Sequence[Demand], *, is_partial: bool = False) -> tuple[Allocated, ...]:
    """Fix stock on lots and bins for demand lines, first expiry and first in first, using promises up.

    Takes:  quantity: what the line should have in all; what it has already on usable lots counts, what it
            has on stopped ones is replaced
    Gives:  where each line's quantity lies, in the order of the demands and of picking
    Raises: NotEnoughStock unless is_partial; nothing is written
    Writes: allocations, promises, balances, supply; locks lots, balances, supply by key
    """
    if not demands:
        return ()
    wishes = [((demand.item, demand.plant), _quantity(demand)) for demand in demands]
    keys = sorted({demand.key for demand in demands})
    _queue(key for key, _ in wishes)
    places = {one: frozenset(queries.locations_below(one)) for one in {d.within for d in demands} if one}
    rows = _candidates(ctx, demands, places)
    books = Books(ctx)
    books.lock_lots((row.key[1] for row in rows if row.key[1]), keys)
    books.lock_shelves([row.key for row in rows], keys)
    books.lock_pools(key for key, _ in wishes)
    books.read_claims(keys)
    chosen: list[Allocated] = []
    shares: list[Decimal] = []
    for demand in demands:
        parts = _allocate_one(books, demand, rows, places.get(demand.within))
        shares.append(sum((part.quantity for part in parts), ZERO))
        chosen += parts
    if not is_partial:
        _refuse_shortages(demands, shares)
    books.write()
    return tuple(chosen)


def reallocate(
    ctx: Context, demand: Demand, source: tuple[UUID | None, UUID], target: tuple[UUID | None, UUID]
) -> None:
    """Fix another lot or bin for a demand line, in place of what was picked for it.

    Takes:  demand: how much; source and target: (lot, location); what of the source is not fixed for it stays so
    Raises: HeldLot; NotEnoughStock where the target has not so much that is free; nothing is written
    Writes: allocations, balances, supply; locks lots, balances, supply by key
    """
    pool_key, quantity = (demand.item, demand.plant), _quantity(demand)
    old, new = (demand.item, *source, None), (demand.item, *target, None)
    _queue([pool_key])
    books = Books(ctx)
    books.lock_lots((lot for lot, _ in (source, target) if lot), [demand.key])
    books.lock_shelves([old, new], [demand.key])
    books.lock_pools([pool_key])
    books.read_claims([demand.key])
    lot = books.lots.get(target[0])
    if lot is not None and lot.state in STOPPED:
        (code,) = db.one("SELECT code FROM items_item WHERE id = %s", [demand.item])
        raise errors.HeldLot(item=code, lot=lot.number, reason=lot.reason)
    shelf = books.shelves.get(new)
    is_there = shelf is not None and shelf.is_free and shelf.plant == demand.plant
    _refuse_shortages([demand], [min(quantity, shelf.on_hand - shelf.allocated) if is_there else ZERO])
    left = quantity
    for claim in books.allocations_of(demand.key, pool_key):
        if claim.place == old:
            cut = claim.cut(min(left, claim.quantity))
            books.shelves[old].allocated -= cut
            if books.shelves[old].is_free:
                books.pools[pool_key].available += cut
            left -= cut
    if left < quantity:
        books.add_allocation(demand.key, shelf, quantity - left)
    books.write()


def _allocate_one(
    books: Books, demand: Demand, rows: Sequence[Pickable], places: frozenset[UUID] | None
) -> list[Allocated]:
    pool_key = (demand.item, demand.plant)
    pool = books.pools[pool_key]
    parts: list[Allocated] = []
    left = _quantity(demand)
    for claim in books.allocations_of(demand.key, pool_key):
        shelf = books.shelves[claim.place]
        if not shelf.is_free:
            shelf.allocated -= claim.cut(claim.quantity)
        elif claim.quantity and left:
            parts.append(_allocated(demand, shelf, min(left, claim.quantity)))
            left -= parts[-1].quantity
    promised = sum((claim.quantity for claim in books.promises_of(demand.key, pool_key)), ZERO)
    wanted = min(left, promised + pool.free)
    there = rows if places is None else [row for row in rows if row.key[2] in places]
    for row, quantity in _pick(books, pool_key, there, wanted):
        shelf = books.shelves[row.key]
        used = rules.cut_all(books.promises_of(demand.key, pool_key), quantity)
        pool.promised -= used
        books.add_allocation(demand.key, shelf, quantity)
        parts.append(_allocated(demand, shelf, quantity))
    return parts


def _pick(
    books: Books, pool_key: PoolKey, rows: Sequence[Pickable], wanted: Decimal
) -> tuple[tuple[Pickable, Decimal], ...]:
    """Pick from what is free now, after the locks, in the order of the candidates."""
    item, plant = pool_key
    there = []
    for row in rows:
        shelf = books.shelves.get(row.key)
        if row.key[0] == item and shelf and shelf.plant == plant and shelf.is_free:
            free = shelf.on_hand - shelf.allocated
            there.append(
                Pickable(row.key, free, row.expires_on, row.first_in_at, row.location_code, row.lot_number)
            )
    return rules.pick(wanted, rules.picking_order(there))[0]


def _allocated(demand: Demand, shelf: Shelf, quantity: Decimal) -> Allocated:
    _, lot, location, _ = shelf.key
    return Allocated(demand.noun, demand.line, demand.item, lot, location, quantity)


def _queue(pools: Iterable[PoolKey]) -> None:
    """Let those who allocate the same item in a plant go one after the other, each on what the last left."""
    keys = sorted({f"{item} {plant}" for item, plant in pools})
    locks.claim(Lot.lock_rank - 1, keys)
    db.rows("SELECT pg_advisory_xact_lock(hashtextextended(k, 0)) FROM unnest(%s::text[]) AS k", [keys])


def _candidates(
    ctx: Context, demands: Sequence[Demand], places: Mapping[UUID, frozenset[UUID]]
) -> tuple[Pickable, ...]:
    """Give the first shelves to pick from, twice what is wanted, so that an issue meanwhile leaves enough.

    Gives:  not locked yet; usable stock of our own that has not expired by the plant's day. One statement, and one
            more for each place that stock is to come from
    """
    wanted: dict[UUID | None, dict[PoolKey, Decimal]] = {}
    for demand in demands:
        mine = wanted.setdefault(demand.within, {})
        key = (demand.item, demand.plant)
        mine[key] = mine.get(key, ZERO) + _quantity(demand)
    found = {row.key: row for within, mine in wanted.items() for row in _shelves(ctx, mine, places.get(within))}
    return rules.picking_order(found.values())


def _shelves(
    ctx: Context, wanted: Mapping[PoolKey, Decimal], places: frozenset[UUID] | None
) -> Iterable[Pickable]:
    rows = db.rows(
        f"""
        SELECT item_id, lot_id, location_id, owner_id, free, expires_on, first_in_at, code, number
        FROM (
            SELECT b.item_id, b.lot_id, b.location_id, b.owner_id, b.on_hand - b.allocated AS free,
                   l.expires_on, b.first_in_at, p.code, coalesce(l.number, '') AS number,
                   2 * k.wanted AS enough,
                   sum(b.on_hand - b.allocated) OVER (
                       PARTITION BY b.item_id, b.plant_id
                       ORDER BY l.expires_on NULLS LAST, b.first_in_at, p.code, l.number, b.id
                   ) AS so_far
            FROM {unnest("uuid uuid numeric")} AS k(item, plant, wanted)
            JOIN inventory_balance b ON b.item_id = k.item AND b.plant_id = k.plant
            JOIN inventory_location p ON p.id = b.location_id
            JOIN company_plant z ON z.id = b.plant_id
            LEFT JOIN inventory_lot l ON l.id = b.lot_id
            WHERE b.kind = ANY(%s) AND b.owner_id IS NULL AND b.on_hand > b.allocated
              AND (l.id IS NULL OR l.state <> ALL(%s))
              AND (l.expires_on IS NULL OR l.expires_on >= (%s::timestamptz AT TIME ZONE z.zone)::date)
              {"" if places is None else "AND b.location_id = ANY(%s)"}
        ) ranked
        WHERE so_far - free < enough
        """,
        [
            *columns([(*key, quantity) for key, quantity in wanted.items()], 3),
            list(FREE),
            list(STOPPED),
            ctx.now,
            *([] if places is None else [sorted(places)]),
        ],
    )
    return (Pickable((item, lot, location, owner), *rest) for item, lot, location, owner, *rest in rows)
