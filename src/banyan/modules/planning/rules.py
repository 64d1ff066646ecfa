"""The planning run as a sum: one pass by low-level code, what is there against what is wanted.

Source: docs/algorithms/netting.md, with the worked numbers
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from banyan.lib.graph import CircleFound, topological_levels
from banyan.modules.engineering.values import Need
from banyan.modules.planning.values import (
    NORMAL,
    SAFETY,
    Demand,
    Message,
    MessageKind,
    Order,
    Peg,
    Plan,
    PlanItem,
    Ref,
    Supply,
    WorkDays,
    World,
)

#: More lots than this at once are planned as one order of so many lots.
MOST_LOTS = 200
#: So many working days an order may come too early before anybody is asked to put it off.
PATIENCE_DAYS = 5
#: So many messages of a kind are kept, the most urgent ones: nobody reads more.
MOST_OF_A_KIND = 1000
SAFETY_NOUN, ORDER_NOUN = "items.item_plant", "planning.planned_order"
_PLANNED = Ref(ORDER_NOUN, None)
_NOBODY, _NEVER = SAFETY + 1, date.max.toordinal()


# --- lots and days ------------------------------------------------------------------------------------------


def lots(item: PlanItem, net: int) -> tuple[int, ...]:
    """Give the sizes of the orders that cover a net requirement, in millionths.

    Takes:  net above zero
    Gives:  by the fixed rule lots of just that size; else one lot, raised to the minimum, to the multiple and
            to what the unit allows
    """
    if item.rule == "fixed" and item.fixed:
        count = -(-net // item.fixed)
        return (item.fixed,) * count if count <= MOST_LOTS else (item.fixed * count,)
    return (_raised(max(net, item.minimum), item.multiple, item.step),)


def _raised(quantity: int, *grids: int) -> int:
    for grid in grids:
        if grid > 1:
            quantity = -(-quantity // grid) * grid
    return quantity


class Dates(NamedTuple):
    """When an order starts and is due."""

    start: int
    due: int


def order_dates(item: PlanItem, wanted: int, today: int, days: WorkDays) -> Dates:
    """Give an order's days: due the safety days before it is wanted, started its lead time before that.

    Gives:  what should have started already starts on the first working day, and is due as much later
    """
    due = days.minus(days.on_or_before(wanted), item.safety_days)
    start = days.minus(due, item.lead)
    first = days.on_or_after(today)
    if start < first:
        return Dates(first, days.plus(first, item.lead))
    return Dates(start, due)


def safety_day(safety: int, stock: int, changes: Iterable[tuple[int, int]], today: int) -> int:
    """Give the first day on which less than the safety stock is left; today where that is never so.

    Takes:  changes as (day, quantity), what comes in above zero, what goes out below; any order
    """
    by_day: dict[int, int] = defaultdict(int)
    for day, quantity in changes:
        by_day[max(day, today)] += quantity
    left = stock
    if left < safety:
        return today
    for day in sorted(by_day):
        left += by_day[day]
        if left < safety:
            return day
    return today


# --- the run ------------------------------------------------------------------------------------------------


def levels_of(items: Mapping[UUID, PlanItem]) -> dict[UUID, int]:
    """Give the low-level code of every item. Raises: CircleFound with the path."""
    levels = topological_levels((key, need.component) for key, item in items.items() for need in item.needs)
    return {key: levels.get(key, 0) for key in items} | levels


def make_plan(world: World) -> Plan:
    """Plan everything once, parents before their components.

    Gives:  the same plan for the same world, whatever the order of its lists
    Raises: CircleFound when an item is, by a way, its own component
    Source: docs/algorithms/netting.md
    """
    return _Run(world).plan()


class _Node:
    """An item in the run: its parts, and who wants it and what is there, as places in the plan's lists."""

    __slots__ = ("item", "parts", "there", "wanted")

    def __init__(self, item: PlanItem) -> None:
        self.item = item
        self.parts: list[tuple[_Node, Need]] = []
        self.there: list[int] = []
        self.wanted: list[int] = []


class _Run:
    """One pass over the items; what orders ask of their components is added to the lists as it is found.

    `left` is what is free of each supply, `ranks` who is the first that a supply serves, `first` when;
    `short` is what stock lacks of the safety stock, by the demand that refills it.
    """

    def __init__(self, world: World) -> None:
        self.days, self.today, self.apart = world.days, world.today, world.apart
        demands = sorted(world.demands, key=lambda d: (d.day, *_in_order(d.ref, d.item), d.quantity))
        supplies = sorted(world.supplies, key=lambda s: (s.kind != "stock", s.day, *_in_order(s.ref, s.item)))
        makers = {s.ref.record: n for n, s in enumerate(supplies) if s.kind != "stock"}
        self.result = Plan(demands=demands, supplies=supplies, first_order=len(supplies))
        self.result.parents = [makers.get(d.ref.record, -1) for d in demands]
        self.left = [s.quantity for s in supplies]
        self.rank_of = [d.rank for d in demands]
        self.ranks = [_NOBODY] * len(supplies)
        self.first = [_NEVER] * len(supplies)
        self.short: dict[int, int] = {}
        self.nodes = _nodes(world.items, demands, supplies)

    def plan(self) -> Plan:
        for node in self.nodes.values():
            self._net(node)
        self._tell_days(self._be_ready())
        return self.result

    # one item

    def _net(self, node: _Node) -> None:
        self._inherit_ranks(node.wanted)
        if node.item.safety:
            self._want_safety(node)
        pegs = len(self.result.pegs)
        missing = self._serve(node)
        if node.item.key in self.apart and not node.item.is_backflushed:
            self._tell_apart(node, pegs)
        if missing:
            self._order(node, missing)
        for supply in node.there:
            self._judge(node, supply)

    def _want_safety(self, node: _Node) -> None:
        """Want the safety stock, on the first day on which less than that would be left."""
        demands, supplies, item = self.result.demands, self.result.supplies, node.item
        stock = sum(supplies[s].quantity for s in node.there if supplies[s].kind == "stock")
        changes = [(supplies[s].day, supplies[s].quantity) for s in node.there if supplies[s].kind != "stock"]
        changes += [(demands[d].day, -demands[d].quantity) for d in node.wanted]
        day = safety_day(item.safety, stock, changes, self.today)
        place = len(demands)
        if stock < item.safety:
            self.short[place] = item.safety - stock
        demands.append(Demand(item.key, item.safety, day, Ref(SAFETY_NOUN, item.settings), SAFETY))
        self.result.parents.append(-1)
        self.rank_of.append(SAFETY)
        node.wanted.append(place)

    def _inherit_ranks(self, wanted: Sequence[int]) -> None:
        """What an order takes of its components is for whom the order is."""
        for demand in wanted:
            parent = self.result.parents[demand]
            if parent >= 0:
                self.rank_of[demand] = min(self.rank_of[demand], self.ranks[parent])

    def _serve(self, node: _Node) -> list[tuple[int, int, int, int]]:
        """Peg what is there, stock first and then by day, to the demands in order of rank, day and number.

        Gives:  what is missing: the day, the rank, the demand, how much of it
        """
        demands, left, missing, free = self.result.demands, self.left, [], iter(node.there)
        supply = next(free, None)
        for rank, day, demand in sorted((self.rank_of[d], demands[d].day, d) for d in node.wanted):
            open_quantity = demands[demand].quantity
            while open_quantity and supply is not None:
                taken = min(open_quantity, left[supply])
                if taken:
                    self._peg(supply, demand, taken)
                    open_quantity -= taken
                if not left[supply]:
                    supply = next(free, None)
            if open_quantity:
                missing.append((max(day, self.today), rank, demand, open_quantity))
        return missing

    def _peg(self, supply: int, demand: int, quantity: int) -> None:
        self.result.pegs.append(Peg(supply, demand, quantity))
        self.left[supply] -= quantity
        rank = self.rank_of[demand]
        self.ranks[supply] = min(rank, self.ranks[supply])
        if rank != SAFETY:
            self.first[supply] = min(self.first[supply], self.result.demands[demand].day)

    def _order(self, node: _Node, missing: list[tuple[int, int, int, int]]) -> None:
        """Plan orders for what is missing, day by day; what a lot has over serves the following days."""
        item, queue = node.item, sorted(missing)
        open_quantities = [quantity for *_, quantity in queue]
        at, ordered = 0, 0
        while at < len(queue):
            day = queue[at][0]
            until = day + 1
            if item.rule == "days_of_supply":
                until = max(until, self.days.plus(self.days.on_or_before(day), item.supply_days))
            net, last = 0, at
            while last < len(queue) and queue[last][0] < until:
                net += open_quantities[last]
                last += 1
            for size in lots(item, net):
                supply = self._new_order(item, size, day)
                ordered += size
                while at < len(queue) and self.left[supply]:
                    taken = min(open_quantities[at], self.left[supply])
                    self._peg(supply, queue[at][2], taken)
                    open_quantities[at] -= taken
                    at += not open_quantities[at]
                order = self.result.orders[-1]
                order.rank = self.ranks[supply]
                self._ask_for_parts(node, supply, order.start)
        self._tell_unsourced(item, ordered)

    def _new_order(self, item: PlanItem, quantity: int, wanted: int) -> int:
        start, due = order_dates(item, wanted, self.today, self.days)
        self.result.orders.append(Order(item.key, quantity, start, due, item.kind, item.supplier))
        self.result.supplies.append(Supply(item.key, quantity, due, _PLANNED, "planned"))
        self.left.append(quantity)
        self.ranks.append(_NOBODY)
        self.first.append(_NEVER)
        return len(self.left) - 1

    def _ask_for_parts(self, node: _Node, supply: int, start: int) -> None:
        whole, demands, rank = self.result.supplies[supply], self.result.demands, self.ranks[supply]
        if rank == _NOBODY:
            rank = NORMAL
        for part, need in node.parts:
            part.wanted.append(len(demands))
            demands.append(Demand(part.item.key, need.for_micro(whole.quantity), start, whole.ref, rank))
        self.result.parents += [supply] * len(node.parts)
        self.rank_of += [rank] * len(node.parts)

    # what exists already

    def _judge(self, node: _Node, place: int) -> None:
        """Ask for the parts of an order that has not asked yet; say what is wrong with its day or size."""
        supply, item = self.result.supplies[place], node.item
        if supply.kind in ("stock", "gate"):
            return
        if supply.explodes:
            self._ask_for_parts(node, place, self._start_of(item, supply))
        used = supply.quantity - self.left[place]
        if not used:
            self._tell("cancel", item, place, supply.quantity)
            return
        self._judge_day(item, place, supply)
        needless = supply.quantity - sum(lots(item, used))
        if self.left[place] and needless > 0:
            self._tell("surplus", item, place, min(needless, self.left[place]))

    def _judge_day(self, item: PlanItem, place: int, supply: Supply) -> None:
        first = self.first[place]
        if supply.day < self.today:
            self._tell("overdue", item, place, supply.quantity, wanted=supply.day)
        elif first < supply.day:
            self._tell("expedite", item, place, supply.quantity, wanted=max(first, self.today))
        elif first != _NEVER:
            later = self.days.minus(self.days.on_or_before(first), item.safety_days)
            if later > self.days.plus(supply.day, PATIENCE_DAYS):
                self._tell("postpone", item, place, supply.quantity, wanted=later)

    def _start_of(self, item: PlanItem, supply: Supply) -> int:
        day = self.days.on_or_before(max(supply.day, self.today))
        return max(supply.start or self.days.minus(day, item.lead), self.days.on_or_after(self.today))

    def _tell(
        self, kind: MessageKind, item: PlanItem, place: int | None, quantity: int, wanted: int = 0
    ) -> None:
        day = self.result.supplies[place].day if place is not None else 0
        self.result.messages.append(Message(kind, item.key, quantity, day, wanted, place))

    def _tell_apart(self, node: _Node, pegs: int) -> None:
        """Say what of the stock is to be fetched from line sides, beyond what the stores hold.

        Takes:  pegs: where those of the item begin
        """
        supplies, demands = self.result.supplies, self.result.demands
        stock = sum(supplies[s].quantity for s in node.there if supplies[s].kind == "stock")
        near = stock - self.apart[node.item.key]
        used, days = 0, []
        for supply, demand, quantity in self.result.pegs[pegs:]:
            if supplies[supply].kind == "stock" and self.rank_of[demand] != SAFETY:
                used += quantity
                if used > near:
                    days.append(demands[demand].day)
        if days:
            self._tell("line_side", node.item, None, used - near, wanted=max(min(days), self.today))

    def _tell_unsourced(self, item: PlanItem, ordered: int) -> None:
        if not item.is_active:
            self._tell("out_of_use", item, None, ordered)
        if item.kind == "make" and not item.needs:
            self._tell("no_bom", item, None, ordered)
        if item.kind == "buy" and item.supplier is None:
            self._tell("no_supplier", item, None, ordered)

    # when things are really there

    def _be_ready(self) -> list[int]:
        """Work out, deepest parts first, when each supply is there. Gives: per supply what holds it up."""
        supplies, parents = self.result.supplies, self.result.parents
        held, causes = [0] * len(supplies), [-1] * len(supplies)
        ready = self.result.ready = [0] * len(supplies)
        for supply, demand, _ in reversed(self.result.pegs):
            if not ready[supply]:
                ready[supply] = self._ready(supply, held, causes)
            parent = parents[demand]
            if parent >= 0 and ready[supply] > held[parent]:
                held[parent], causes[parent] = ready[supply], supply
        for supply, day in enumerate(ready):
            if not day:
                ready[supply] = self._ready(supply, held, causes)
        for order, day in zip(self.result.orders, ready[self.result.first_order :], strict=True):
            order.ready = day
        return causes

    def _ready(self, place: int, held: Sequence[int], causes: list[int]) -> int:
        supply, order = self.result.supplies[place], self.result.order_of(place)
        if supply.kind == "stock":
            return self.today
        item = self.nodes[supply.item].item
        usual = order.due if order else max(supply.day, self.today)
        start = order.start if order else self._start_of(item, supply)
        if held[place] <= start:
            causes[place] = -1
            return usual
        return max(usual, self.days.plus(self.days.on_or_after(held[place]), item.lead))

    def _tell_days(self, causes: Sequence[int]) -> None:
        """Say which customers wait beyond their day, and what stock is below its safety, and until when."""
        ready, parents = self.result.ready, self.result.parents
        last: dict[int, int] = {}
        for supply, demand, _ in self.result.pegs:
            if parents[demand] < 0 and (demand not in last or ready[supply] > ready[last[demand]]):
                last[demand] = supply
        for demand, supply in sorted(last.items()):
            if self.rank_of[demand] == SAFETY:
                self._tell_below_safety(demand, supply)
            elif ready[supply] > self.result.demands[demand].day:
                self._tell_late(demand, supply, causes)

    def _tell_below_safety(self, demand: int, supply: int) -> None:
        if demand in self.short:
            item, day = self.result.demands[demand].item, self.result.ready[supply]
            self.result.messages.append(
                Message("below_safety", item, self.short[demand], day, self.today, supply, demand)
            )

    def _tell_late(self, demand: int, supply: int, causes: Sequence[int]) -> None:
        wanted, day, cause = self.result.demands[demand], self.result.ready[supply], supply
        while causes[cause] >= 0:
            cause = causes[cause]
        kind: MessageKind = "late" if day > self.today else "past"
        self.result.messages.append(
            Message(kind, wanted.item, wanted.quantity, day, wanted.day, supply, demand, cause)
        )


def _nodes(
    items: Mapping[UUID, PlanItem], demands: Sequence[Demand], supplies: Sequence[Supply]
) -> dict[UUID, _Node]:
    """Give the items in the order in which they are netted, parents before their components."""
    nodes = {key: _Node(item) for key, item in items.items()}
    for node in nodes.values():
        node.parts = [(nodes[need.component], need) for need in node.item.needs if need.component in nodes]
    levels = _levels(nodes.values())
    nodes = {n.item.key: n for n in sorted(nodes.values(), key=lambda n: (levels.get(n, 0), n.item.code))}
    for place, demand in enumerate(demands):
        nodes[demand.item].wanted.append(place)
    for place, supply in enumerate(supplies):
        nodes[supply.item].there.append(place)
    return nodes


def _levels(nodes: Iterable[_Node]) -> dict[_Node, int]:
    """Give the low-level code of every node with parts or parents; by nodes, which are quicker than keys."""
    try:
        return topological_levels((node, part) for node in nodes for part, _ in node.parts)
    except CircleFound as found:
        raise CircleFound(tuple(node.item.key for node in found.path)) from None


def _in_order(ref: Ref, item: UUID) -> tuple[str, int, int, int]:
    return ref.number, ref.record.int if ref.record else 0, ref.line.int if ref.line else 0, item.int


def most_urgent(messages: Iterable[Message]) -> list[Message]:
    """Give the messages that people are told: of each kind the latest customers, then the first days."""
    counts: Counter[str] = Counter()
    told = []
    for one in sorted(messages, key=lambda m: (-m.days_late, m.wanted or m.day)):
        counts[one.kind] += 1
        if counts[one.kind] <= MOST_OF_A_KIND:
            told.append(one)
    return told


# --- from one run to the next -------------------------------------------------------------------------------


class Known(NamedTuple):
    """A planned order that the run before left, not decided upon by anybody."""

    key: UUID
    item: UUID
    quantity: int
    start: int
    due: int
    ready: int
    kind: str
    supplier: UUID | None
    rank: int


class Changes(NamedTuple):
    """What a run changes: orders to make, orders that became others under the same key, keys to take away."""

    new: list[Order]
    changed: list[Order]
    gone: list[UUID]


def keep_keys(known: Iterable[Known], orders: Iterable[Order]) -> Changes:
    """Give every planned order its key: that of the run before where it says the same, else of one like it.

    Gives:  orders that are just as they were are in none of the lists; `new` ones have no key yet
    """
    changes = Changes([], [], [])
    before: dict[UUID, list[Known]] = defaultdict(list)
    after: dict[UUID, list[Order]] = defaultdict(list)
    for row in known:
        before[row.item].append(row)
    for order in orders:
        after[order.item].append(order)
    for item, rows in before.items():
        rows.sort(key=lambda row: (row.due, row.key.int))
        _keep_of_item(rows, after.pop(item, []), changes)
    for several in after.values():
        changes.new.extend(several)
    return changes


def _keep_of_item(rows: Sequence[Known], orders: Sequence[Order], changes: Changes) -> None:
    same: dict[tuple, list[UUID]] = defaultdict(list)
    left: dict[UUID, str] = {}
    for row in rows:
        same[row[2:]].append(row.key)
        left[row.key] = row.kind
    for order in orders:
        alike = same.get(_face(order))
        if alike:
            order.key = alike.pop(0)
            del left[order.key]
    for order in orders:
        if order.key is None:
            order.key = next((key for key, kind in left.items() if kind == order.kind), None)
            if order.key is None:
                changes.new.append(order)
            else:
                del left[order.key]
                changes.changed.append(order)
    changes.gone.extend(left)


def _face(order: Order) -> tuple:
    return order.quantity, order.start, order.due, order.ready, order.kind, order.supplier, order.rank


# --- when could it be there ---------------------------------------------------------------------------------


#: By item, (day, quantity) that may be taken.
Free = Mapping[UUID, Sequence[tuple[int, int]]]
Pool = dict[UUID, list[tuple[int, int]]]


class Want(NamedTuple):
    """A quantity somebody asks about; `key` is how the answer is called."""

    key: UUID
    item: UUID
    quantity: int


def earliest_days(
    wants: Sequence[Want],
    items: Mapping[UUID, PlanItem],
    free: Free,
    today: int,
    days: WorkDays,
) -> dict[UUID, int]:
    """Give for each want the first day on which it can be there, those asked first being served first.

    Takes:  items: those wanted and all below them; free: what nobody else is pegged to, stock as today's
    Gives:  today where stock suffices; else when open supply comes, where a new order would take no less
            time, or the lead times of new orders added up along the slowest way, each part taken from stock
            and open supply first
    Source: docs/algorithms/netting.md, "When could it be there"
    """
    pool = {item: sorted((max(day, today), left) for day, left in rows) for item, rows in free.items()}
    order = sorted(items, key=levels_of(items).__getitem__)
    return {want.key: _earliest(want, order, items, pool, today, days) for want in wants}


def _earliest(
    want: Want, order: Sequence[UUID], items: Mapping[UUID, PlanItem], pool: Pool, today: int, days: WorkDays
) -> int:
    first = days.on_or_after(today)
    gross, made, there = {want.item: want.quantity}, {}, {}
    for key in order:
        if gross.get(key):
            item = items[key]
            there[key], missing = _take(pool, key, gross[key], days.plus(first, item.lead))
            if missing:
                made[key] = sum(lots(item, missing)), missing
                for need in item.needs:
                    gross[need.component] = gross.get(need.component, 0) + need.for_micro(made[key][0])
    for key in reversed(order):
        if key in made:
            item, (size, missing) = items[key], made[key]
            start = max([first, *(there[n.component] for n in item.needs if n.component in there)])
            due = days.plus(days.on_or_after(start), item.lead)
            there[key] = max(there[key] or today, due)
            if size > missing:
                pool.setdefault(key, []).append((due, size - missing))
    return max(there[want.item], today)


def _take(pool: Pool, item: UUID, quantity: int, until: int) -> tuple[int, int]:
    """Take from what is free up to a day. Gives: the last day taken from, 0 for none; what lacks."""
    day, left = 0, []
    for when, free in pool.get(item, ()):
        taken = min(free, quantity) if when <= until else 0
        if taken:
            day, quantity, free = max(day, when), quantity - taken, free - taken
        if free:
            left.append((when, free))
    pool[item] = left
    return day, quantity
