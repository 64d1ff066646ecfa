"""The plan worked out once more, slowly and by other means, to compare with: one day and one row at a time.

It shares no code with the rules but the values that go in. Quantities are fractions of a piece, days are
dates, lists are searched from the front each time; what comes late is found by asking downwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from uuid import UUID

from banyan.modules.planning.rules import MOST_LOTS
from banyan.modules.planning.values import PlanItem, World

MICRO = 1_000_000
DAY = timedelta(days=1)
SAFETY = 9
PATIENCE = 5


@dataclass(eq=False)
class Has:
    """A supply: what there is, what is left of it, and what it serves."""

    item: PlanItem
    name: str
    kind: str
    quantity: Fraction
    day: date
    explodes: bool = False
    start: date | None = None
    record: UUID | None = None
    rank: int = 10
    left: Fraction = Fraction(0)
    parts: list[Wants] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = self.quantity


@dataclass(eq=False)
class Wants:
    """A demand, and what it got of which supply."""

    item: PlanItem
    name: str
    quantity: Fraction
    day: date
    rank: int
    parent: Has | None = None
    got: list[tuple[Has, Fraction]] = field(default_factory=list)

    @property
    def missing(self) -> Fraction:
        return self.quantity - sum(part for _, part in self.got)


class Reference:
    """A plan: orders, pegs and messages, each as a counter of plain rows."""

    def __init__(self, world: World, is_worked: Callable[[date], bool]) -> None:
        self.is_worked, self.today = is_worked, date.fromordinal(world.today)
        self.items = world.items
        self.has: list[Has] = []
        self.messages: Counter = Counter()
        rows = sorted(world.supplies, key=lambda s: (s.kind != "stock", s.day, s.ref.number))
        for s in rows:
            self.has.append(Has(
                self.items[s.item], s.ref.number or s.kind, s.kind, Fraction(s.quantity, MICRO),
                date.fromordinal(s.day), s.explodes, date.fromordinal(s.start) if s.start else None,
                s.ref.record,
            ))  # fmt: skip
        self.wants: list[Wants] = []
        for d in sorted(world.demands, key=lambda d: (d.day, d.ref.number)):
            maker = [h for h in self.has if h.record and h.record == d.ref.record]
            self.wants.append(Wants(
                self.items[d.item], d.ref.number, Fraction(d.quantity, MICRO), date.fromordinal(d.day),
                d.rank, maker[-1] if maker else None,
            ))  # fmt: skip
            if maker:
                maker[-1].parts.append(self.wants[-1])
        for one in sorted(self.items.values(), key=lambda i: (self.level(i), i.code)):
            self.net(one)
        self.tell_days()

    # the calendar, a day at a time

    def step(self, day: date, count: int, by: timedelta) -> date:
        while count:
            day += by
            count -= self.is_worked(day)
        return day

    def this_or(self, day: date, by: timedelta) -> date:
        while not self.is_worked(day):
            day += by
        return day

    # the structure

    def level(self, item: PlanItem) -> int:
        """The longest way up to an item that nobody needs."""
        above = [one for one in self.items.values() if any(n.component == item.key for n in one.needs)]
        return max((self.level(one) + 1 for one in above), default=0)

    def explode(self, order: Has, start: date) -> None:
        for need in order.item.needs:
            part = self.items[need.component]
            grid = Fraction(10) ** -need.places
            per = Fraction(need.numerator, need.denominator)
            gross = per / MICRO if need.is_fixed else per * order.quantity
            rank = order.rank if order.rank < 10 else 1
            wanted = Wants(part, f"for {order.name}", ceil(gross / grid) * grid, start, rank, order)
            self.wants.append(wanted)
            order.parts.append(wanted)

    # one item

    def net(self, item: PlanItem) -> None:
        for one in self.wants:
            if one.item is item and one.parent:
                one.rank = min(one.rank, one.parent.rank)
        there = [one for one in self.has if one.item is item]
        if item.safety:
            self.want_safety(item, there)
        wanted = sorted(
            (one for one in self.wants if one.item is item),
            key=lambda w: (w.rank, w.day, self.wants.index(w)),
        )
        for one in wanted:
            for supply in there:
                self.give(supply, one)
        self.order(item, [one for one in wanted if one.missing])
        for supply in there:
            self.judge(supply)

    def give(self, supply: Has, wanted: Wants) -> None:
        part = min(supply.left, wanted.missing)
        if part:
            supply.left -= part
            supply.rank = min(supply.rank, wanted.rank)
            wanted.got.append((supply, part))

    def want_safety(self, item: PlanItem, there: list[Has]) -> None:
        safety = Fraction(item.safety, MICRO)
        left = sum((s.quantity for s in there if s.kind == "stock"), Fraction(0))
        wanted = [one for one in self.wants if one.item is item]
        last = max([self.today, *(s.day for s in there), *(w.day for w in wanted)])
        day, found = self.today, left < safety
        while not found and day <= last:
            coming = [s for s in there if s.kind != "stock" and max(s.day, self.today) == day]
            left += sum(s.quantity for s in coming)
            left -= sum(w.quantity for w in wanted if max(w.day, self.today) == day)
            if left < safety:
                found = True
            else:
                day += DAY
        self.wants.append(Wants(item, "safety", safety, day if found else self.today, SAFETY))

    def order(self, item: PlanItem, missing: list[Wants]) -> None:
        total = Fraction(0)
        while missing:
            first = min(max(one.day, self.today) for one in missing)
            until = first + DAY
            if item.rule == "days_of_supply":
                until = max(until, self.step(self.this_or(first, -DAY), item.supply_days, DAY))
            now = sorted(
                (one for one in missing if max(one.day, self.today) < until),
                key=lambda w: (max(w.day, self.today), w.rank, self.wants.index(w)),
            )
            later = sorted(
                (one for one in missing if one not in now),
                key=lambda w: (max(w.day, self.today), w.rank, self.wants.index(w)),
            )
            for size in self.lots(item, sum(one.missing for one in now)):
                total += size
                order = self.place(item, size, first)
                for one in [*now, *later]:
                    self.give(order, one)
                self.explode(order, order.start)
            missing = [one for one in missing if one.missing]
        if total and not item.is_active:
            self.tell("out_of_use", item, total)
        if total and item.kind == "make" and not item.needs:
            self.tell("no_bom", item, total)
        if total and item.kind == "buy" and not item.supplier:
            self.tell("no_supplier", item, total)

    def lots(self, item: PlanItem, net: Fraction) -> list[Fraction]:
        step = Fraction(item.step, MICRO)
        if item.rule == "fixed" and item.fixed:
            sizes, fixed = [], Fraction(item.fixed, MICRO)
            while sum(sizes) < net:
                sizes.append(fixed)
            return sizes if len(sizes) <= MOST_LOTS else [sum(sizes)]
        size = max(net, Fraction(item.minimum, MICRO))
        if item.multiple:
            multiple = Fraction(item.multiple, MICRO)
            size = ceil(size / multiple) * multiple
        return [ceil(size / step) * step]

    def place(self, item: PlanItem, size: Fraction, wanted: date) -> Has:
        due = self.step(self.this_or(wanted, -DAY), item.safety_days, -DAY)
        start, soonest = self.step(due, item.lead, -DAY), self.this_or(self.today, DAY)
        if start < soonest:
            start, due = soonest, self.step(soonest, item.lead, DAY)
        order = Has(item, f"{item.code} {start} {due}", "planned", size, due, start=start)
        self.has.append(order)
        return order

    # what is said of what exists

    def judge(self, supply: Has) -> None:
        item = supply.item
        if supply.kind in ("stock", "gate"):
            return
        if supply.explodes:
            self.explode(supply, self.start_of(supply))
        served = [w for w in self.wants for s, _ in w.got if s is supply]
        used = supply.quantity - supply.left
        if not served:
            self.tell("cancel", item, supply.quantity, supply.day)
            return
        days = [w.day for w in served if w.rank != SAFETY]
        if supply.day < self.today:
            self.tell("overdue", item, supply.quantity, supply.day, supply.day)
        elif days and min(days) < supply.day:
            self.tell("expedite", item, supply.quantity, supply.day, max(min(days), self.today))
        elif days:
            due = self.step(self.this_or(min(days), -DAY), item.safety_days, -DAY)
            if due > self.step(supply.day, PATIENCE, DAY):
                self.tell("postpone", item, supply.quantity, supply.day, due)
        needless = supply.quantity - sum(self.lots(item, used))
        if supply.left and needless > 0:
            self.tell("surplus", item, min(needless, supply.left), supply.day)

    def start_of(self, supply: Has) -> date:
        day = self.this_or(max(supply.day, self.today), -DAY)
        return max(supply.start or self.step(day, supply.item.lead, -DAY), self.this_or(self.today, DAY))

    def tell(
        self, kind: str, item: PlanItem, quantity: Fraction, day: date | None = None,
        wanted: date | None = None,
    ) -> None:  # fmt: skip
        self.messages[kind, item.code, quantity, day, wanted] += 1

    # when things are really there

    def ready(self, supply: Has) -> date:
        """The day a supply is there: its own, or its lead time after the last part of it."""
        if supply.kind == "stock":
            return self.today
        usual = supply.day if supply.kind == "planned" else max(supply.day, self.today)
        start = supply.start if supply.kind == "planned" else self.start_of(supply)
        parts = [self.ready(part) for wanted in supply.parts for part, _ in wanted.got]
        if not parts or max(parts) <= start:
            return usual
        return max(usual, self.step(self.this_or(max(parts), DAY), supply.item.lead, DAY))

    def tell_days(self) -> None:
        for one in self.wants:
            if one.parent or not one.got:
                continue
            day = max(self.ready(supply) for supply, _ in one.got)
            stock = sum(s.quantity for s in self.has if s.item is one.item and s.kind == "stock")
            if one.rank == SAFETY:
                if stock < one.quantity:
                    self.tell("below_safety", one.item, one.quantity - stock, day, self.today)
            elif day > one.day:
                kind = "late" if day > self.today else "past"
                self.tell(kind, one.item, one.quantity, day, one.day)

    # to compare with

    def orders(self) -> Counter:
        return Counter(
            (o.item.code, o.quantity, o.start, o.day, self.ready(o), o.rank)
            for o in self.has if o.kind == "planned"
        )  # fmt: skip

    def pegs(self) -> Counter:
        found: Counter = Counter()
        for one in self.wants:
            for supply, part in one.got:
                found[supply.item.code, supply.name, one.name, one.day] += part
        return found
