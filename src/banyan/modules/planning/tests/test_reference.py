"""Any plan is what the slow reference works out: orders, pegs, days and messages."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from uuid import UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from banyan.modules.engineering.values import Need
from banyan.modules.planning import rules
from banyan.modules.planning.tests.reference import Reference
from banyan.modules.planning.values import (
    NORMAL,
    URGENT,
    Demand,
    Plan,
    PlanItem,
    Ref,
    Supply,
    WorkDays,
    World,
)

MONDAY = date(2026, 3, 2)
ONE = 1_000_000
CODES = "ABCDEFG"


def key(name: str) -> UUID:
    return uuid5(UUID(int=2), name)


def is_worked(day: date) -> bool:
    return day.weekday() < 5 and day != date(2026, 3, 12)


whole = st.integers(1, 40).map(lambda n: n * ONE)
finely = st.integers(1, 4000).map(lambda n: n * ONE // 100)
near = st.integers(MONDAY.toordinal() - 8, MONDAY.toordinal() + 45)


@st.composite
def items(draw) -> dict[UUID, PlanItem]:
    """Draw seven items, each made of some of those after it."""
    found = {}
    for place, code in enumerate(CODES):
        below = st.lists(st.sampled_from(CODES[place + 1 :]), unique=True, max_size=3)
        needs = tuple(draw(need(part)) for part in (draw(below) if place < 6 else ()))
        rule = draw(st.sampled_from(["lot_for_lot", "minimum_multiple", "fixed", "days_of_supply"]))
        found[key(code)] = PlanItem(
            key(code), code, "make" if needs else draw(st.sampled_from(["make", "buy", "buy"])),
            draw(st.integers(0, 8)), rule,
            draw(whole) if rule in ("minimum_multiple", "days_of_supply") else 0,
            draw(st.integers(0, 7)) * ONE if rule == "minimum_multiple" else 0,
            draw(st.integers(5, 40)) * ONE if rule == "fixed" else 0,
            draw(st.integers(0, 9)), draw(st.sampled_from([0, 0, 6 * ONE])), draw(st.integers(0, 2)),
            ONE if CODES.index(code) % 2 else ONE // 100, needs,
            draw(st.sampled_from([key("supplier"), key("supplier"), None])),
            draw(st.integers(0, 9)) > 0,
        )  # fmt: skip
    return found


@st.composite
def need(draw, part: str) -> Need:
    places = 0 if CODES.index(part) % 2 else 2
    if draw(st.integers(0, 5)) == 0:
        return Need(key(part), draw(whole), 1, is_fixed=True, places=places)
    return Need(key(part), draw(st.integers(1, 7)), draw(st.sampled_from([1, 1, 2, 3, 49])), places=places)


@st.composite
def worlds(draw) -> World:
    """Draw a factory with stock, open orders that have or have not asked for their parts, and customers."""
    known = draw(items())
    supplies = [
        Supply(key(code), draw(finely), MONDAY.toordinal(), Ref("inventory.balance", None), "stock")
        for code in draw(st.lists(st.sampled_from(CODES), unique=True, max_size=5))
    ]
    demands = [
        Demand(
            key(draw(st.sampled_from(CODES))), draw(finely), draw(near),
            Ref("sales.order", key(f"SO{n}"), None, f"SO{n}"),
            draw(st.sampled_from([URGENT, NORMAL, NORMAL])),
        )
        for n in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    for n in range(draw(st.integers(0, 5))):
        item = known[key(draw(st.sampled_from(CODES)))]
        kind = draw(st.sampled_from(["order", "order", "firm", "gate"]))
        day = MONDAY.toordinal() if kind == "gate" else draw(near)
        ref = Ref("x.order", key(f"WO{n}"), None, f"WO{n}")
        asks = kind != "gate" and draw(st.booleans())
        start = draw(st.sampled_from([0, 0, day - 3])) if kind != "gate" else 0
        supplies.append(Supply(item.key, draw(finely), day, ref, kind, asks, start))
        if kind == "order" and not asks and item.needs:
            part = draw(st.sampled_from(item.needs)).component
            demands.append(Demand(part, draw(finely), day - 3, ref._replace(line=key("line"))))
    return World(MONDAY.toordinal(), WorkDays(is_worked, MONDAY), known, demands, supplies)


def day(ordinal: int) -> date | None:
    return date.fromordinal(ordinal) if ordinal else None


def pieces(quantity: int) -> Fraction:
    return Fraction(quantity, ONE)


def name_of(plan: Plan, place: int) -> str:
    supply, order = plan.supplies[place], plan.order_of(place)
    if order:
        return f"{code_of(supply.item)} {day(order.start)} {day(order.due)}"
    return supply.ref.number or supply.kind


def code_of(item: UUID) -> str:
    return next(code for code in CODES if key(code) == item)


def wanted_by(plan: Plan, place: int) -> str:
    demand, parent = plan.demands[place], plan.parents[place]
    if demand.ref.noun == rules.SAFETY_NOUN:
        return "safety"
    if parent >= 0 and demand.ref.line is None:
        return f"for {name_of(plan, parent)}"
    return demand.ref.number


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_the_plan_is_what_the_reference_works_out(world):
    plan, slow = rules.make_plan(world), Reference(world, is_worked)
    orders = Counter(
        (code_of(o.item), pieces(o.quantity), day(o.start), day(o.due), day(o.ready), o.rank)
        for o in plan.orders
    )
    assert orders == slow.orders()
    pegs: Counter = Counter()
    for supply, demand, quantity in plan.pegs:
        item, wanted = code_of(plan.supplies[supply].item), day(plan.demands[demand].day)
        pegs[item, name_of(plan, supply), wanted_by(plan, demand), wanted] += pieces(quantity)
    assert pegs == slow.pegs()
    assert slow.messages == Counter(
        (m.kind, code_of(m.item), pieces(m.quantity), day(m.day), day(m.wanted)) for m in plan.messages
    )
