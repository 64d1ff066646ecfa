"""Posting moves: the one way stock changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from banyan.kernel import db
from banyan.kernel.commands import tell
from banyan.kernel.context import Context
from banyan.kernel.registry import port
from banyan.lib.ids import new_id
from banyan.modules.inventory import errors, queries, rules
from banyan.modules.inventory.commands.books import Books, Part, insert
from banyan.modules.inventory.errors import Shortage
from banyan.modules.inventory.events import PromisesBroken, StockMoved
from banyan.modules.inventory.kinds import OURS, STOPPED
from banyan.modules.inventory.models import Move
from banyan.modules.inventory.queries import MoveFacts
from banyan.modules.inventory.rules import Layer, PoolKey, ShelfKey, Valued, Worth
from banyan.modules.inventory.values import MovedFact, MoveIntent

#: Whether the books are open on a day: answered by the module that keeps them, always when nobody does.
period_is_open = port("inventory.period_is_open", lambda day: True)
#: The first day from one on that takes moves, None where none does.
first_open_day = port("inventory.first_open_day", lambda day: day)

LARGEST = Decimal(10) ** 14
#: How far a device's clock may be ahead of the server's.
CLOCK_TOLERANCE = timedelta(minutes=5)
ZERO = Decimal(0)


class Posted(tuple[Move, ...]):
    """The moves made, in the order of the intents; an intent of which nothing moved has none.

    Gives:  missing: by the intent's place in the order, what a fact asked for beyond what was there;
            facts: what the event told, one per move
    """

    missing: dict[int, Decimal]
    facts: tuple[MovedFact, ...]


@dataclass(slots=True)
class Step:
    """An intent with what is known of its item and ends."""

    number: int
    intent: MoveIntent
    facts: MoveFacts
    moved_at: datetime
    happened_at: datetime
    flag: str = ""

    @property
    def is_own(self) -> bool:
        return self.intent.owner is None

    @property
    def source_key(self) -> ShelfKey | None:
        return self._key(self.intent.source) if self.facts.source_kind in OURS else None

    @property
    def target_key(self) -> ShelfKey | None:
        return self._key(self.intent.target) if self.facts.target_kind in OURS else None

    def _key(self, location: UUID) -> ShelfKey:
        return self.intent.item, self.intent.lot, location, self.intent.owner

    @property
    def plants(self) -> tuple[UUID, ...]:
        """Give the plants whose stock it changes, that of the source first."""
        ends = (
            (self.facts.source_kind, self.facts.source_plant),
            (self.facts.target_kind, self.facts.target_plant),
        )
        return tuple(dict.fromkeys(plant for kind, plant in ends if kind in OURS))

    @property
    def changes_value(self) -> bool:
        """Say whether it crosses the border of a plant's own stock."""
        inside = self.facts.source_kind in OURS and self.facts.target_kind in OURS
        return self.is_own and not (inside and len(self.plants) == 1)


@dataclass(slots=True)
class Done:
    """A step as it was carried out."""

    step: Step
    move: UUID
    quantity: Decimal
    given_up: Valued | None = None
    taken_on: Valued | None = None


def post_moves(ctx: Context, intents: Sequence[MoveIntent]) -> Posted:
    """Move stock, all intents or none; call it once per command, with everything that moves.

    Takes:  intents in the order things happen: what one puts down the next may take up
    Gives:  the moves, with what facts were missing
    Raises: NotEnoughStock with every shortage, HeldLot, LotNeeded and the other refusals of an intent;
            PeriodClosed for a moment in a closed period, but for a fact, which is booked at the beginning of the
            first open day and flagged; nothing is written
    Writes: moves, value entries, balances, supply, stock value, claims used up; locks lots, balances, supply
            and value by key; tells StockMoved, and PromisesBroken where less is left than was promised.
            Seven statements for any number of intents, fewer without lots, demands or layers
    """
    if not intents:
        return _posted((), {}, ())
    steps = _steps(ctx, intents)
    demands = sorted({i.demand for i in intents if i.demand})
    books = Books(ctx)
    serials = {s.intent.lot for s in steps if s.facts.tracking == "serial"}
    books.lock_lots((i.lot for i in intents if i.lot), demands, is_exclusive=bool(serials))
    _check_lots(steps, books)
    books.lock_shelves(
        [key for s in steps for key in (s.source_key, s.target_key) if key], demands, sorted(serials)
    )
    books.lock_worths(_worths(steps))
    books.read_claims(demands)
    _remember_last_units(books, steps)
    done, missing, shortages = _carry_out(books, steps)
    if shortages:
        raise errors.NotEnoughStock(shortages)
    broken = books.settle()
    books.write(_ledgers(ctx, done))
    moves = tuple(_move(ctx, one) for one in done)
    facts = tuple(_fact(one) for one in done)
    if moves:
        tell(StockMoved(record=moves[0].origin, noun=moves[0].origin_noun, moves=facts))
    if broken:
        tell(PromisesBroken(record=intents[0].origin, noun=intents[0].origin_noun, broken=broken))
    return _posted(moves, missing, facts)


def refuse_missing(intents: Sequence[MoveIntent], posted: Posted) -> None:
    """Refuse that facts have moved in part, where all of a line moves or nothing. Raises: NotEnoughStock"""
    if not posted.missing:
        return
    facts = queries.move_facts(intents)
    raise errors.NotEnoughStock([
        Shortage(
            facts[n].item_code or "", facts[n].source_code or "", intents[n].quantity,
            intents[n].quantity - short, short, intents[n].item, intents[n].lot, intents[n].origin_line,
        )
        for n, short in sorted(posted.missing.items())
    ])  # fmt: skip


def lock_moves(ctx: Context, intents: Sequence[MoveIntent], lots: Sequence[UUID]) -> None:
    """Lock what the intents will move together with all that lies there of the lots, so that these can be held first.

    Writes: locks lots, balances, supply and value by key
    """
    steps = _steps(ctx, intents)
    demands = sorted({i.demand for i in intents if i.demand})
    books = Books(ctx)
    books.lock_lots((i.lot for i in intents if i.lot), demands)
    books.lock_lots(lots, is_exclusive=True)
    keys = [key for s in steps for key in (s.source_key, s.target_key) if key]
    books.lock_shelves(keys, demands, lots)
    worths = _worths(steps)
    books.lock_pools([*((key[0], shelf.plant) for key, shelf in books.shelves.items()), *(w.key for w in worths)])
    books.lock_worths(worths)


def _posted(moves: Sequence[Move], missing: dict[int, Decimal], facts: tuple[MovedFact, ...]) -> Posted:
    posted = Posted(moves)
    posted.missing, posted.facts = missing, facts
    return posted


def reverse_moves(
    ctx: Context, moves: Sequence[Move | UUID], reason: str, *, is_fact: bool = False
) -> Posted:
    """Take moves back by new ones that name them, each with the value it had.

    Takes:  moves whose goods are where they went; is_fact: they are back already, so what is there returns
    Raises: AlreadyReversed, also for a move that is itself a reversal; NotEnoughStock
    """
    return post_moves(ctx, reversals(moves, reason, is_fact=is_fact))


def reversals(moves: Sequence[Move | UUID], reason: str, *, is_fact: bool = False) -> tuple[MoveIntent, ...]:
    """Give the intents that take moves back, the last move first, to be posted together with others.

    Raises: AlreadyReversed, also for a move that is itself a reversal
    """
    found = _to_reverse([getattr(move, "pk", move) for move in moves])
    for move in found:
        if move.is_done or move.reverses is not None:
            raise errors.AlreadyReversed(move=move.id)
    return tuple(
        MoveIntent(
            item=m.item, lot=m.lot, owner=m.owner, quantity=m.quantity, source=m.target, target=m.source,
            origin_noun=m.origin_noun, origin=m.origin, origin_line=m.origin_line, amount=m.amount,
            reason=reason, reverses=m.id, is_fact=is_fact,
        )
        for m in found
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _ToReverse:
    id: UUID
    item: UUID
    lot: UUID | None
    owner: UUID | None
    quantity: Decimal
    source: UUID
    target: UUID
    origin_noun: str
    origin: UUID
    origin_line: UUID | None
    reverses: UUID | None
    is_done: bool
    amount: Decimal | None


def _to_reverse(keys: Sequence[UUID]) -> tuple[_ToReverse, ...]:
    rows = db.rows(
        """
        SELECT m.id, m.item_id, m.lot_id, m.owner_id, m.quantity, m.source_id, m.target_id, m.origin_noun,
               m.origin, m.origin_line, m.reverses_id,
               EXISTS (SELECT FROM inventory_move r WHERE r.reverses_id = m.id),
               (SELECT max(abs(v.amount + v.difference)) FROM inventory_valueentry v WHERE v.move_id = m.id)
        FROM unnest(%s::uuid[]) WITH ORDINALITY AS k(id, n) JOIN inventory_move m ON m.id = k.id
        ORDER BY k.n DESC
        """,
        [list(keys)],
    )
    return tuple(_ToReverse(*row) for row in rows)


# --- what is refused before anything is locked --------------------------------------------------------------


def _steps(ctx: Context, intents: Sequence[MoveIntent]) -> list[Step]:
    steps = []
    for number, (intent, facts) in enumerate(zip(intents, queries.move_facts(intents), strict=True)):
        _check(intent, facts)
        moment = _moment(ctx, intent)
        steps.append(Step(number, intent, facts, moment, moment))
    _check_periods(ctx, steps)
    return steps


def _check(intent: MoveIntent, facts: MoveFacts) -> None:
    item, quantity, amount = facts.item_code, intent.quantity, intent.amount
    if item is None:
        raise errors.NoSuchItem(item=intent.item)
    for code, location in ((facts.source_code, intent.source), (facts.target_code, intent.target)):
        if code is None:
            raise errors.NoSuchLocation(location=location)
    if facts.item_kind in ("service", "phantom"):
        raise errors.ItemNotStocked(item=item)
    if intent.source == intent.target:
        raise errors.SamePlace(item=item, location=facts.source_code)
    if facts.source_kind not in OURS and facts.target_kind not in OURS:
        raise errors.WrongLocation(location=facts.target_code, kind=facts.target_kind)
    if not facts.target_is_active and intent.reverses is None:
        raise errors.LocationClosed(location=facts.target_code)
    if quantity <= 0:
        raise errors.QuantityNotPositive(item=item, quantity=quantity)
    if quantity >= LARGEST:
        raise errors.QuantityTooLarge(item=item, quantity=quantity)
    if quantity != round(quantity, facts.places):
        raise errors.QuantityTooFine(item=item, quantity=quantity, places=facts.places)
    if amount is not None and (amount < 0 or amount != round(amount, 2) or amount >= LARGEST):
        raise errors.AmountNotValid(item=item, amount=amount)
    if facts.tracking == "none" and intent.lot is not None:
        raise errors.LotNotTracked(item=item)
    if facts.tracking != "none" and intent.lot is None:
        raise errors.LotNeeded(item=item)
    if facts.tracking == "serial" and quantity != 1:
        raise errors.SerialOfOne(item=item, quantity=quantity)


def _moment(ctx: Context, intent: MoveIntent) -> datetime:
    """Give when it moved; the clock of a device that reports a fact may be ahead."""
    moved_at = intent.moved_at or ctx.now
    if moved_at > ctx.now:
        if not intent.is_fact and moved_at > ctx.now + CLOCK_TOLERANCE:
            raise errors.InFuture(moved_at=moved_at)
        return ctx.now
    return moved_at


def _check_periods(ctx: Context, steps: Sequence[Step]) -> None:
    """Date facts of a closed period on the first open day. Raises: PeriodClosed for what is no fact"""
    days: dict[date, list[Step]] = {}
    for step in steps:
        zone = ZoneInfo(step.facts.zone)
        day = step.moved_at.astimezone(zone).date()
        if day < ctx.now.astimezone(zone).date():
            days.setdefault(day, []).append(step)
    for day, late in sorted(days.items()):
        if period_is_open(day):
            continue
        first = first_open_day(day)
        for step in late:
            zone = ZoneInfo(step.facts.zone)
            if not step.intent.is_fact or first is None or first > ctx.now.astimezone(zone).date():
                raise errors.PeriodClosed(day=day)
            step.moved_at, step.flag = datetime.combine(first, time(), zone), "closed_period"


def _check_lots(steps: Sequence[Step], books: Books) -> None:
    for step in steps:
        if step.intent.lot is None:
            continue
        lot, item = books.lots.get(step.intent.lot), step.facts.item_code
        if lot is None:
            raise errors.NoSuchLot(lot=step.intent.lot)
        if lot.item != step.intent.item:
            raise errors.LotOfOtherItem(lot=lot.number, item=item)
        if lot.state in STOPPED and rules.stops_held(step.facts.source_kind, step.facts.target_kind):
            is_before = rules.is_fact_before_hold(step.intent.is_fact, step.happened_at, lot.stopped_at)
            if not (is_before or step.intent.is_told):
                raise errors.HeldLot(lot=lot.number, item=item, reason=lot.reason or lot.state)
            step.flag = "held_lot"


# --- carrying out -------------------------------------------------------------------------------------------


def _worths(steps: Sequence[Step]) -> list[Worth]:
    worths: dict[PoolKey, Worth] = {}
    for step in steps:
        facts = step.facts
        methods = {
            facts.source_plant: (facts.source_method, facts.source_standard),
            facts.target_plant: (facts.target_method, facts.target_standard),
        }
        for plant in step.plants if step.is_own else ():
            method, standard = methods[plant]
            if method not in rules.METHODS:
                raise errors.CostingUnknown(item=facts.item_code, method=method)
            if method == "standard" and standard is None:
                raise errors.StandardCostMissing(item=facts.item_code)
            worths[step.intent.item, plant] = Worth((step.intent.item, plant), method, standard)
    return list(worths.values())


def _remember_last_units(books: Books, steps: Sequence[Step]) -> None:
    """Look up what pieces were worth last, where some come in without a value and none is in stock."""
    wanted = [
        key
        for step in steps
        if step.changes_value and step.facts.source_kind not in OURS and step.intent.amount is None
        for key in [(step.intent.item, step.facts.target_plant)]
        if books.worths[key].quantity == 0 and books.worths[key].standard_cost is None
    ]
    if wanted:
        for key, unit in queries.last_unit_values(sorted(set(wanted))).items():
            books.worths[key].last_unit = unit


def _carry_out(books: Books, steps: Sequence[Step]) -> tuple[list[Done], dict[int, Decimal], list[Shortage]]:
    done: list[Done] = []
    missing: dict[int, Decimal] = {}
    shortages: list[Shortage] = []
    for step in steps:
        quantity, short = _take(books, step)
        if short and step.intent.is_fact:
            missing[step.number] = short.missing
        elif short:
            shortages.append(short)
        if quantity > 0:
            _check_serial(books, step)
            done.append(_put(books, step, quantity))
        if not short and not step.intent.is_fact:
            shortages += _beyond_promises(books, step)
    return done, missing, shortages


def _take(books: Books, step: Step) -> tuple[Decimal, Shortage | None]:
    """Take the step's quantity from its shelf; all of it comes from a far end."""
    intent, facts, key = step.intent, step.facts, step.source_key
    if key is None:
        return intent.quantity, None
    pool_key = (intent.item, facts.source_plant)
    shelf = books.shelf(key, facts.source_plant, facts.source_kind)
    pool = books.pools[pool_key] if step.is_own else rules.Pool(pool_key)
    demand = intent.demand
    taken = rules.take_out(
        shelf, pool, intent.quantity, demand,
        books.promises_of(demand, pool_key) if demand else (),
        books.allocations_of(demand, pool_key) if demand else (), books.shelves, intent.is_fact,
    )  # fmt: skip
    if not taken.missing:
        return taken.quantity, None
    return taken.quantity, _shortage(step, taken.free, taken.missing)


def _shortage(step: Step, free: Decimal, missing: Decimal) -> Shortage:
    return Shortage(
        step.facts.item_code or "", step.facts.source_code or "", step.intent.quantity, free, missing,
        step.intent.item, step.intent.lot, step.intent.origin_line,
    )  # fmt: skip


def _check_serial(books: Books, step: Step) -> None:
    """Refuse a serial number that comes in while its piece is here."""
    if step.facts.tracking == "serial" and step.source_key is None:
        here = sum(s.on_hand for key, s in books.shelves.items() if key[1] == step.intent.lot)
        if here:
            raise errors.SerialThere(item=step.facts.item_code, lot=books.lots[step.intent.lot].number)


def _put(books: Books, step: Step, quantity: Decimal) -> Done:
    intent, facts, key = step.intent, step.facts, step.target_key
    done = Done(step, new_id(), quantity)
    if key is not None:
        pool_key = (intent.item, facts.target_plant)
        pool = books.pools[pool_key] if step.is_own else rules.Pool(pool_key)
        rules.put_in(books.shelf(key, facts.target_plant, facts.target_kind), pool, quantity)
    if step.changes_value:
        given = rules.part_of(intent.amount, quantity, intent.quantity)
        if step.source_key is not None:
            worth = books.worths[intent.item, facts.source_plant]
            done.given_up = worth.take(quantity, given, intent.reverses)
            given = done.given_up.amount if given is None else given
        if key is not None:
            layer = Layer(new_id(), done.move, step.moved_at, ZERO, ZERO)
            done.taken_on = books.worths[intent.item, facts.target_plant].put(quantity, given, layer)
    return done


def _beyond_promises(books: Books, step: Step) -> list[Shortage]:
    """Give the shortage when an intent would use up what is promised to others."""
    if step.source_key is None or not step.is_own:
        return []
    pool = books.pools[step.intent.item, step.facts.source_plant]
    if pool.promised <= pool.available:
        return []
    missing = pool.promised - pool.available
    return [_shortage(step, max(ZERO, step.intent.quantity - missing), missing)]


# --- writing ------------------------------------------------------------------------------------------------


def _ledgers(ctx: Context, done: Sequence[Done]) -> dict[str, Part]:
    entries = [row for one in done for row in _entries(ctx, one)]
    parts: dict[str, Part] = {}
    if done:
        parts["moves"] = insert("inventory_move", _MOVE, [_row(ctx, one) for one in done])
    if entries:
        parts["entries"] = insert("inventory_valueentry", _ENTRY, entries)
    return parts


_MOVE = {
    "id": "uuid", "item_id": "uuid", "lot_id": "uuid", "owner_id": "uuid", "quantity": "numeric",
    "source_id": "uuid", "target_id": "uuid", "plant_id": "uuid", "moved_at": "timestamptz",
    "posted_at": "timestamptz", "origin_noun": "text", "origin": "uuid", "origin_line": "uuid",
    "person": "uuid", "device_at": "timestamptz", "reason": "text", "flag": "text", "reverses_id": "uuid",
}  # fmt: skip
_ENTRY = {
    "id": "uuid", "move_id": "uuid", "item_id": "uuid", "plant_id": "uuid", "quantity": "numeric",
    "amount": "numeric", "difference": "numeric", "kind": "text", "moved_at": "timestamptz",
    "posted_at": "timestamptz",
}  # fmt: skip


def _row(ctx: Context, done: Done) -> tuple[Any, ...]:
    i, step = done.step.intent, done.step
    return (
        done.move, i.item, i.lot, i.owner, done.quantity, i.source, i.target, step.plants[0], step.moved_at,
        ctx.now, i.origin_noun, i.origin, i.origin_line, i.person or ctx.person, ctx.device_at,
        i.reason[:255], step.flag, i.reverses,
    )  # fmt: skip


def _move(ctx: Context, done: Done) -> Move:
    move = Move(**dict(zip(_MOVE, _row(ctx, done), strict=True)))
    move._state.adding = False
    return move


def _entries(ctx: Context, done: Done) -> list[tuple[Any, ...]]:
    step, intent = done.step, done.step.intent
    kind = rules.value_kind(step.facts.source_kind, step.facts.target_kind, intent.reverses is not None)
    made = []
    for plant, valued, sign in (
        (step.facts.source_plant, done.given_up, -1), (step.facts.target_plant, done.taken_on, 1),
    ):  # fmt: skip
        if valued is not None:
            made.append((
                new_id(), done.move, intent.item, plant, sign * done.quantity, sign * valued.amount,
                sign * valued.difference, kind, step.moved_at, ctx.now,
            ))  # fmt: skip
    return made


def _fact(done: Done) -> MovedFact:
    step, intent, facts = done.step, done.step.intent, done.step.facts
    first = done.given_up or done.taken_on or Valued(ZERO)
    is_between = done.given_up is not None and done.taken_on is not None
    return MovedFact(
        move=done.move, item=intent.item, lot=intent.lot, quantity=done.quantity, amount=first.amount,
        source=intent.source, source_kind=facts.source_kind, target=intent.target,
        target_kind=facts.target_kind, plant=step.plants[0], origin_noun=intent.origin_noun,
        origin=intent.origin, origin_line=intent.origin_line, moved_at=step.moved_at, reason=intent.reason,
        owner=intent.owner, difference=ZERO if is_between else first.difference, to_plant=step.plants[-1],
        to_amount=done.taken_on.amount if is_between else first.amount, reverses=intent.reverses,
        flag=step.flag,
    )  # fmt: skip
