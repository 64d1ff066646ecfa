"""The rows that one posting locks, reads and writes back: the only place that changes balances.

Locks are taken in one order: lots, balances, supply with value; within each by key. They wait, never skip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from banyan.kernel import db, locks
from banyan.kernel.context import Context
from banyan.lib.ids import new_id
from banyan.modules.inventory import rules
from banyan.modules.inventory.models import Balance, Lot, StockValue, Supply
from banyan.modules.inventory.rules import Claim, Layer, Pool, PoolKey, Shelf, ShelfKey, Worth
from banyan.modules.inventory.values import BrokenPromise, DemandKey


@dataclass(frozen=True, slots=True)
class LotFacts:
    """A lot whose row is locked."""

    id: UUID
    item: UUID
    number: str
    state: str
    stopped_at: datetime | None
    reason: str


#: A statement with its parameters.
Part = tuple[str, list[Any]]


def columns(rows: Iterable[Sequence[Any]], count: int) -> list[list[Any]]:
    """Give rows as columns, so many of them even when there are no rows: the arrays that unnest takes."""
    found = [list(column) for column in zip(*rows, strict=True)]
    return found or [[] for _ in range(count)]


def unnest(types: str) -> str:
    """Give the call of unnest for arrays of the types named, as in "uuid uuid numeric"."""
    return f"unnest({', '.join(f'%s::{one}[]' for one in types.split())})"


def insert(table: str, fields: Mapping[str, str], rows: Iterable[Sequence[Any]], tail: str = "") -> Part:
    """Give the statement that adds rows to a table.

    Takes:  fields: types by column, in the order of the rows' values; tail: what follows, such as ON CONFLICT
    """
    return (
        f"INSERT INTO {table} ({', '.join(fields)}) SELECT * FROM {unnest(' '.join(fields.values()))} {tail}",
        columns(rows, len(fields)),
    )


class Books:
    """The locked rows of one posting, by key, and what is to be written of them."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.lots: dict[UUID, LotFacts] = {}
        self.shelves: dict[ShelfKey, Shelf] = {}
        self.pools: dict[PoolKey, Pool] = {}
        self.worths: dict[PoolKey, Worth] = {}
        self.promises: dict[UUID, Claim] = {}
        self.allocations: dict[UUID, Claim] = {}
        self._promises_of: dict[DemandKey, list[Claim]] = {}
        self._allocations_of: dict[DemandKey, list[Claim]] = {}
        self._new_promises: dict[tuple[DemandKey, PoolKey], Decimal] = {}
        self._new_allocations: dict[tuple[DemandKey, ShelfKey], Decimal] = {}

    # locks

    def lock_lots(
        self, lots: Iterable[UUID], demands: Sequence[DemandKey] = (), *, is_exclusive: bool = False
    ) -> None:
        """Lock lots, and those on which the demands have allocations, against a change of their state.

        Takes:  is_exclusive: for serial numbers, so that one piece cannot come in twice at once
        """
        wanted = sorted(set(lots))
        if not wanted and not demands:
            return
        locks.claim(Lot.lock_rank, wanted)
        rows = db.rows(
            f"""
            SELECT id, item_id, number, state, stopped_at, reason FROM inventory_lot
            WHERE id IN (
                SELECT unnest(%s::uuid[]) UNION
                SELECT b.lot_id FROM {unnest("text uuid")} AS d(noun, line)
                JOIN inventory_allocation a ON a.demand_line = d.line AND a.demand_noun = d.noun
                JOIN inventory_balance b ON b.id = a.balance_id WHERE b.lot_id IS NOT NULL
            )
            ORDER BY id FOR {"NO KEY UPDATE" if is_exclusive else "SHARE"}
            """,
            [wanted, *columns(demands, 2)],
        )
        locks.note(Lot.lock_rank, [row[0] for row in rows])
        self.lots |= {row[0]: LotFacts(*row) for row in rows}

    def lock_shelves(
        self, keys: Iterable[ShelfKey] = (), demands: Sequence[DemandKey] = (), lots: Sequence[UUID] = (),
        ids: Sequence[UUID] = (),
    ) -> None:  # fmt: skip
        """Lock balance rows: of the keys that exist, of the demands' allocations, of the lots, of the ids."""
        wanted = sorted(set(keys), key=str)
        locks.claim(Balance.lock_rank, [*wanted, *ids])
        parts, params = [], []
        with_lot = [key for key in wanted if key[1] is not None]
        without = [(item, location, owner) for item, lot, location, owner in wanted if lot is None]
        if with_lot:
            parts.append(
                f"SELECT x.id FROM {unnest('uuid uuid uuid uuid')} AS k(item, lot, location, owner) "
                "JOIN inventory_balance x ON x.item_id = k.item AND x.lot_id = k.lot "
                "AND x.location_id = k.location AND x.owner_id IS NOT DISTINCT FROM k.owner"
            )
            params += columns(with_lot, 4)
        if without:
            parts.append(
                f"SELECT x.id FROM {unnest('uuid uuid uuid')} AS k(item, location, owner) "
                "JOIN inventory_balance x ON x.item_id = k.item AND x.lot_id IS NULL "
                "AND x.location_id = k.location AND x.owner_id IS NOT DISTINCT FROM k.owner"
            )
            params += columns(without, 3)
        if demands:
            parts.append(
                f"SELECT a.balance_id FROM {unnest('text uuid')} AS d(noun, line) "
                "JOIN inventory_allocation a ON a.demand_line = d.line AND a.demand_noun = d.noun"
            )
            params += columns(demands, 2)
        if lots:
            parts.append("SELECT x.id FROM inventory_balance x WHERE x.lot_id = ANY(%s)")
            params.append(list(lots))
        if ids:
            parts.append("SELECT unnest(%s::uuid[])")
            params.append(list(ids))
        if not parts:
            return
        rows = db.rows(
            "SELECT id, item_id, lot_id, location_id, owner_id, plant_id, kind, on_hand, allocated "
            f"FROM inventory_balance WHERE id IN ({' UNION '.join(parts)}) ORDER BY id FOR NO KEY UPDATE",
            params,
        )
        locks.note(Balance.lock_rank, [row[1:5] for row in rows])
        for key, item, lot, location, owner, plant, kind, on_hand, allocated in rows:
            state = self.lots[lot].state if lot in self.lots else None
            self.shelves[item, lot, location, owner] = Shelf(
                (item, lot, location, owner), plant, kind, rules.is_free(kind, owner, state), on_hand,
                allocated, key,
            )  # fmt: skip

    def shelf(self, key: ShelfKey, plant: UUID, kind: str) -> Shelf:
        """Give the shelf of a key, an empty one where there is no row yet."""
        if key not in self.shelves:
            _, lot, _, owner = key
            state = self.lots[lot].state if lot in self.lots else None
            self.shelves[key] = Shelf(key, plant, kind, rules.is_free(kind, owner, state))
        return self.shelves[key]

    def lock_pools(self, keys: Iterable[PoolKey]) -> None:
        """Lock what can be promised of items in plants."""
        wanted = sorted(set(keys))
        if not wanted:
            return
        locks.claim(Supply.lock_rank, wanted)
        rows = db.rows(
            "SELECT s.item_id, s.plant_id, s.available, s.promised, s.id "
            f"FROM {unnest('uuid uuid')} AS k(item, plant) "
            "JOIN inventory_supply s ON s.item_id = k.item AND s.plant_id = k.plant "
            "ORDER BY s.id FOR NO KEY UPDATE OF s",
            columns(wanted, 2),
        )
        self.pools |= {
            key: Pool(key) for key in wanted if key not in self.pools
        } | {(item, plant): Pool((item, plant), *rest) for item, plant, *rest in rows}  # fmt: skip

    def free_now(self, keys: Iterable[PoolKey]) -> dict[PoolKey, Decimal]:
        """Give what can be promised of items in plants, as it is without a lock: it may be gone a moment later."""
        wanted = sorted(set(keys))
        rows = db.rows(
            "SELECT s.item_id, s.plant_id, s.available - s.promised "
            f"FROM {unnest('uuid uuid')} AS k(item, plant) "
            "JOIN inventory_supply s ON s.item_id = k.item AND s.plant_id = k.plant",
            columns(wanted, 2),
        )
        return dict.fromkeys(wanted, Decimal()) | {(item, plant): free for item, plant, free in rows}

    def lock_worths(self, worths: Iterable[Worth]) -> None:
        """Lock what can be promised of items in plants together with what they are worth.

        Takes:  one empty worth per item and plant, with its costing method; it is filled
        """
        wanted = {worth.key: worth for worth in worths}
        if not wanted:
            return
        locks.claim(Supply.lock_rank, wanted)
        locks.claim(StockValue.lock_rank, wanted)
        rows = db.rows(
            "SELECT s.item_id, s.plant_id, s.available, s.promised, s.id, v.quantity, v.amount "
            f"FROM {unnest('uuid uuid')} AS k(item, plant) "
            "JOIN inventory_supply s ON s.item_id = k.item AND s.plant_id = k.plant "
            "JOIN inventory_stockvalue v ON v.id = s.id ORDER BY s.id FOR NO KEY UPDATE OF s, v",
            columns(sorted(wanted), 2),
        )
        for item, plant, available, promised, key, quantity, amount in rows:
            self.pools[item, plant] = Pool((item, plant), available, promised, key)
            worth = wanted[item, plant]
            worth.id, worth.quantity, worth.amount = key, quantity, amount
            worth.__post_init__()
        for key in wanted:
            self.pools.setdefault(key, Pool(key))
        self.worths |= wanted
        self._read_layers([key for key, worth in wanted.items() if worth.method == "fifo"])

    def _read_layers(self, keys: Sequence[PoolKey]) -> None:
        if not keys:
            return
        rows = db.rows(
            "SELECT l.item_id, l.plant_id, l.id, l.move_id, l.received_at, l.quantity, l.amount "
            f"FROM {unnest('uuid uuid')} AS k(item, plant) "
            "JOIN inventory_valuelayer l ON l.item_id = k.item AND l.plant_id = k.plant "
            "ORDER BY l.received_at, l.id",
            columns(keys, 2),
        )
        for item, plant, *rest in rows:
            self.worths[item, plant].layers.append(Layer(*rest))

    # claims

    def read_claims(self, demands: Sequence[DemandKey]) -> None:
        """Read promises and allocations of demand lines; their pools and shelves are locked already."""
        if not demands:
            return
        arrays = columns(demands, 2)
        rows = db.rows(
            f"""
            SELECT true, p.id, p.demand_noun, p.demand_line, p.item_id, p.plant_id, NULL, NULL,
                   p.quantity, p.promised_at
            FROM {unnest("text uuid")} AS d(noun, line)
            JOIN inventory_promise p ON p.demand_line = d.line AND p.demand_noun = d.noun
            UNION ALL
            SELECT false, a.id, a.demand_noun, a.demand_line, b.item_id, b.lot_id, b.location_id, b.owner_id,
                   a.quantity, a.allocated_at
            FROM {unnest("text uuid")} AS d(noun, line)
            JOIN inventory_allocation a ON a.demand_line = d.line AND a.demand_noun = d.noun
            JOIN inventory_balance b ON b.id = a.balance_id
            ORDER BY 10, 2
            """,
            [*arrays, *arrays],
        )
        for is_promise, key, noun, line, item, second, location, owner, quantity, at in rows:
            if is_promise and (item, second) in self.pools:
                claim = Claim(key, (noun, line), (item, second), quantity, at)
                self.promises[key] = claim
                self._promises_of.setdefault(claim.demand, []).append(claim)
            elif not is_promise and self._is_held_fast(item, second, location, owner):
                claim = Claim(key, (noun, line), (item, second, location, owner), quantity, at)
                self.allocations[key] = claim
                self._allocations_of.setdefault(claim.demand, []).append(claim)

    def _is_held_fast(self, item: UUID, lot: UUID | None, location: UUID, owner: UUID | None) -> bool:
        """Say whether an allocation's shelf, lot and pool are locked, so that it may be changed here."""
        shelf = self.shelves.get((item, lot, location, owner))
        return shelf is not None and (lot is None or lot in self.lots) and (item, shelf.plant) in self.pools

    def promises_of(self, demand: DemandKey, pool: PoolKey) -> list[Claim]:
        """Give a demand's promises of an item at a plant."""
        return [claim for claim in self._promises_of.get(demand, ()) if claim.place == pool]

    def allocations_of(self, demand: DemandKey, pool: PoolKey) -> list[Claim]:
        """Give a demand's allocations of an item at a plant."""
        item, plant = pool
        return [
            claim for claim in self._allocations_of.get(demand, ())
            if claim.place[0] == item and self.shelves[claim.place].plant == plant
        ]  # fmt: skip

    def add_promise(self, demand: DemandKey, pool: PoolKey, quantity: Decimal) -> None:
        """Promise more of a pool to a demand."""
        self.pools[pool].promised += quantity
        self._new_promises[demand, pool] = self._new_promises.get((demand, pool), rules.ZERO) + quantity

    def add_allocation(self, demand: DemandKey, shelf: Shelf, quantity: Decimal) -> None:
        """Fix more of a shelf, which exists, for a demand."""
        shelf.allocated += quantity
        if shelf.is_free:
            self.pools[shelf.key[0], shelf.plant].available -= quantity
        held = next((c for c in self._allocations_of.get(demand, ()) if c.place == shelf.key), None)
        if held is not None:
            held.quantity += quantity
        else:
            place = (demand, shelf.key)
            self._new_allocations[place] = self._new_allocations.get(place, rules.ZERO) + quantity

    # when less is there than is held

    def settle(self) -> tuple[BrokenPromise, ...]:
        """Break allocations beyond what lies on their shelf, then promises beyond what is available.

        Gives:  what each demand line has lost, the newest first; two statements where anything breaks
        """
        lost: list[BrokenPromise] = []
        over = [shelf for shelf in self.shelves.values() if shelf.allocated > shelf.on_hand]
        if over:
            self._read_allocations_on(over)
        for shelf in over:
            claims = [c for c in self.allocations.values() if c.place == shelf.key]
            for claim, cut in rules.break_claims(claims, shelf.allocated - shelf.on_hand):
                shelf.allocated -= cut
                if shelf.is_free:
                    self.pools[shelf.key[0], shelf.plant].available += cut
                lost.append(BrokenPromise(*claim.demand, shelf.key[0], shelf.plant, cut))
        short = [pool for pool in self.pools.values() if pool.promised > pool.available]
        if short:
            self._read_promises_of(short)
        for pool in short:
            claims = [c for c in self.promises.values() if c.place == pool.key]
            for claim, cut in rules.break_claims(claims, pool.promised - pool.available):
                pool.promised -= cut
                lost.append(BrokenPromise(*claim.demand, *pool.key, cut))
        return tuple(lost)

    def _read_allocations_on(self, shelves: Sequence[Shelf]) -> None:
        by_id = {shelf.id: shelf for shelf in shelves}
        for key, noun, line, balance, quantity, at in db.rows(
            "SELECT id, demand_noun, demand_line, balance_id, quantity, allocated_at "
            "FROM inventory_allocation WHERE balance_id = ANY(%s)",
            [list(by_id)],
        ):
            claim = Claim(key, (noun, line), by_id[balance].key, quantity, at)
            self.allocations.setdefault(key, claim)

    def _read_promises_of(self, pools: Sequence[Pool]) -> None:
        for key, noun, line, item, plant, quantity, at in db.rows(
            "SELECT p.id, p.demand_noun, p.demand_line, p.item_id, p.plant_id, p.quantity, p.promised_at "
            f"FROM {unnest('uuid uuid')} AS k(item, plant) "
            "JOIN inventory_promise p ON p.item_id = k.item AND p.plant_id = k.plant",
            columns([pool.key for pool in pools], 2),
        ):
            self.promises.setdefault(key, Claim(key, (noun, line), (item, plant), quantity, at))

    # writing

    def write(self, ledgers: Mapping[str, Part] | None = None) -> None:
        """Write everything that has changed, and new rows of ledgers, in one statement.

        Takes:  ledgers: statements by name, that add rows
        """
        parts = {
            **(ledgers or {}), **self._shelf_writes(), **self._pool_writes(), **self._worth_writes(),
            **self._claim_writes(),
        }  # fmt: skip
        if parts:
            text = ", ".join(f"{name} AS ({sql})" for name, (sql, _) in parts.items())
            db.rows(f"WITH {text} SELECT 1", [value for _, params in parts.values() for value in params])

    def _shelf_writes(self) -> dict[str, Part]:
        changed = [
            (s.id, s.on_hand - s.was_on_hand, s.allocated - s.was_allocated)
            for s in self.shelves.values()
            if s.id and (s.on_hand != s.was_on_hand or s.allocated != s.was_allocated)
        ]
        new = [
            (new_id(), *s.key, s.plant, s.kind, s.on_hand, 0, self.ctx.now)
            for s in self.shelves.values() if not s.id and s.on_hand
        ]  # fmt: skip
        parts: dict[str, Part] = {}
        if changed:
            parts["shelves"] = (
                "UPDATE inventory_balance b SET on_hand = b.on_hand + w.hand, "
                "allocated = b.allocated + w.held, "
                "first_in_at = CASE WHEN b.on_hand = 0 THEN %s::timestamptz ELSE b.first_in_at END "
                f"FROM {unnest('uuid numeric numeric')} AS w(id, hand, held) WHERE b.id = w.id",
                [self.ctx.now, *columns(changed, 3)],
            )
        if new:
            parts["new_shelves"] = insert(
                "inventory_balance", _BALANCE, sorted(new, key=lambda row: str(row[1:5])),
                "ON CONFLICT (item_id, lot_id, location_id, owner_id) "
                "DO UPDATE SET on_hand = inventory_balance.on_hand + excluded.on_hand",
            )  # fmt: skip
        return parts

    def _pool_writes(self) -> dict[str, Part]:
        changed = [
            (p.id, p.available - p.was_available, p.promised - p.was_promised)
            for p in self.pools.values()
            if p.id and (p.available != p.was_available or p.promised != p.was_promised)
        ]
        new = sorted((*p.key, new_id(), p.available, 0) for p in self.pools.values() if not p.id)
        parts: dict[str, Part] = {}
        if changed:
            parts["pools"] = (
                "UPDATE inventory_supply s SET available = s.available + w.free, "
                f"promised = s.promised + w.held FROM {unnest('uuid numeric numeric')} AS w(id, free, held) "
                "WHERE s.id = w.id",
                columns(changed, 3),
            )
        if new:
            parts["new_pools"] = insert(
                "inventory_supply", _SUPPLY, new,
                "ON CONFLICT (item_id, plant_id) "
                "DO UPDATE SET available = inventory_supply.available + excluded.available "
                "RETURNING id, item_id, plant_id",
            )  # fmt: skip
            parts["new_worths"] = self._new_worths([(item, plant) for item, plant, *_ in new])
        return parts

    def _new_worths(self, keys: Sequence[PoolKey]) -> Part:
        """Give the statement that adds values to new supply rows, under the ids those have got."""
        worths = [self.worths.get(key) or Worth(key) for key in keys]
        return (
            "INSERT INTO inventory_stockvalue AS v (id, item_id, plant_id, quantity, amount) "
            "SELECT p.id, p.item_id, p.plant_id, k.quantity, k.amount "
            f"FROM {unnest('uuid uuid numeric numeric')} AS k(item, plant, quantity, amount) "
            "JOIN new_pools p ON p.item_id = k.item AND p.plant_id = k.plant "
            "ON CONFLICT (id) DO UPDATE SET quantity = v.quantity + excluded.quantity, "
            "amount = v.amount + excluded.amount",
            columns([(*worth.key, worth.quantity, worth.amount) for worth in worths], 4),
        )

    def _worth_writes(self) -> dict[str, Part]:
        changed = [
            (w.id, w.quantity - w.was_quantity, w.amount - w.was_amount)
            for w in self.worths.values()
            if w.id and (w.quantity != w.was_quantity or w.amount != w.was_amount)
        ]
        layers = [
            (layer.id, *worth.key, layer.move, layer.received_at, layer.quantity, layer.amount)
            for worth in self.worths.values() for layer in worth.layers
            if layer.quantity and (layer.is_new or layer.quantity != layer.was)
        ]  # fmt: skip
        gone = [
            layer.id for worth in self.worths.values() for layer in worth.layers
            if not layer.quantity and not layer.is_new
        ]  # fmt: skip
        parts: dict[str, Part] = {}
        if changed:
            parts["worths"] = (
                "UPDATE inventory_stockvalue v SET quantity = v.quantity + w.quantity, "
                f"amount = v.amount + w.amount FROM {unnest('uuid numeric numeric')} "
                "AS w(id, quantity, amount) WHERE v.id = w.id",
                columns(changed, 3),
            )
        if layers:
            parts["layers"] = insert(
                "inventory_valuelayer", _LAYER, layers,
                "ON CONFLICT (id) DO UPDATE SET quantity = excluded.quantity, amount = excluded.amount",
            )  # fmt: skip
        if gone:
            parts["gone_layers"] = ("DELETE FROM inventory_valuelayer WHERE id = ANY(%s)", [gone])
        return parts

    def _claim_writes(self) -> dict[str, Part]:
        parts: dict[str, Part] = {}
        for name, claims in (("promise", self.promises), ("allocation", self.allocations)):
            changed = [(c.id, c.quantity) for c in claims.values() if c.quantity and c.quantity != c.was]
            gone = [c.id for c in claims.values() if not c.quantity and c.was]
            if changed:
                parts[f"changed_{name}"] = (
                    f"UPDATE inventory_{name} c SET quantity = w.quantity "
                    f"FROM {unnest('uuid numeric')} AS w(id, quantity) WHERE c.id = w.id",
                    columns(changed, 2),
                )
            if gone:
                parts[f"gone_{name}"] = (f"DELETE FROM inventory_{name} WHERE id = ANY(%s)", [gone])
        promises = [
            (new_id(), *demand, *pool, quantity, self.ctx.now)
            for (demand, pool), quantity in self._new_promises.items()
        ]
        allocations = [
            (new_id(), *demand, self.shelves[key].id, quantity, self.ctx.now)
            for (demand, key), quantity in self._new_allocations.items()
        ]
        if promises:
            parts["new_promises"] = insert(
                "inventory_promise", _PROMISE, promises,
                "ON CONFLICT (demand_line, item_id, plant_id, demand_noun) "
                "DO UPDATE SET quantity = inventory_promise.quantity + excluded.quantity",
            )  # fmt: skip
        if allocations:
            parts["new_allocations"] = insert(
                "inventory_allocation", _ALLOCATION, allocations,
                "ON CONFLICT (demand_line, balance_id, demand_noun) "
                "DO UPDATE SET quantity = inventory_allocation.quantity + excluded.quantity",
            )  # fmt: skip
        return parts


_BALANCE = {
    "id": "uuid", "item_id": "uuid", "lot_id": "uuid", "location_id": "uuid", "owner_id": "uuid",
    "plant_id": "uuid", "kind": "text", "on_hand": "numeric", "allocated": "numeric",
    "first_in_at": "timestamptz",
}  # fmt: skip
_SUPPLY = {
    "item_id": "uuid", "plant_id": "uuid", "id": "uuid", "available": "numeric", "promised": "numeric",
}  # fmt: skip
_LAYER = {
    "id": "uuid", "item_id": "uuid", "plant_id": "uuid", "move_id": "uuid", "received_at": "timestamptz",
    "quantity": "numeric", "amount": "numeric",
}  # fmt: skip
_PROMISE = {
    "id": "uuid", "demand_noun": "text", "demand_line": "uuid", "item_id": "uuid", "plant_id": "uuid",
    "quantity": "numeric", "promised_at": "timestamptz",
}  # fmt: skip
_ALLOCATION = {
    "id": "uuid", "demand_noun": "text", "demand_line": "uuid", "balance_id": "uuid",
    "quantity": "numeric", "allocated_at": "timestamptz",
}  # fmt: skip
