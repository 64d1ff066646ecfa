"""What an item needs, what it costs, and which revision counts when: pure, one load in, values out.

Source: docs/algorithms/explosion.md and roll-up.md, with the worked numbers
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal, localcontext
from math import gcd
from uuid import UUID

from banyan.lib.graph import topological_levels
from banyan.modules.engineering.values import (
    BomFacts,
    CostBreakdown,
    Exploded,
    Line,
    Need,
    Operation,
    Output,
    Rates,
    from_micro,
    micro,
)

_HUNDRED_PERCENT = 1_000_000  # per cent are kept to four places
COST_PLACES = Decimal("0.000001")
_MINUTES_A_HOUR = Decimal(60)
_PRECISE = Context(prec=40)
MOST_ROWS = 100_000

Recipes = Mapping[UUID, tuple[Need, ...]]


# --- quantities ---------------------------------------------------------------------------------------------


def yield_after(operations: Sequence[Operation], sequence: int | None) -> tuple[int, int]:
    """Give which part of what enters an operation comes out of the last one, as a fraction.

    Takes:  sequence None, or one the routing lacks: the first operation
    """
    known = {o.sequence for o in operations}
    top, bottom = 1, 1
    for operation in operations:
        if sequence not in known or operation.sequence >= sequence:
            top *= _percent(operation.yield_percent)
            bottom *= _HUNDRED_PERCENT
    return top, bottom


def needs_of(
    lines: Iterable[Line],
    *,
    base_quantity: Decimal,
    operations: Sequence[Operation] = (),
    item_yield: Decimal = Decimal(100),
    places: Mapping[UUID, int] | None = None,
) -> tuple[Need, ...]:
    """Give what one good piece, or one order, takes of each component.

    Takes:  places: how finely each component's unit is counted, six where not told
    Gives:  quantity per × (1 + component scrap) ÷ yield of the operations from the one that uses it
            ÷ yield of the item; what is fixed per order knows only the component's own scrap
    Source: docs/algorithms/explosion.md, cases 1 and 2
    """
    made, whole = [], _percent(item_yield)
    for line in lines:
        top = micro(line.quantity) * (_HUNDRED_PERCENT + _percent(line.scrap_percent))
        if line.is_fixed:
            bottom = _HUNDRED_PERCENT
        else:
            good, started = yield_after(operations, line.operation)
            top *= started * _HUNDRED_PERCENT
            bottom = micro(base_quantity) * _HUNDRED_PERCENT * good * whole
        shared = gcd(top, bottom) or 1
        made.append(
            Need(
                line.component,
                top // shared,
                bottom // shared,
                line.is_fixed,
                line.operation,
                line.line,
                line.place,
                (places or {}).get(line.component, 6),
            )
        )
    return tuple(made)


def _percent(value: Decimal) -> int:
    return int(value.scaleb(4))


def dissolve(recipes: Recipes, phantoms: frozenset[UUID] | set[UUID]) -> dict[UUID, tuple[Need, ...]]:
    """Give the recipes with every phantom replaced by its own components; the parent's operation uses them.

    Gives:  a recipe for the phantoms too; a phantom without a recipe stays as it is
    Raises: CircleFound with the path
    """
    concerned = phantoms & recipes.keys()
    inside = [(item, n.component) for item in concerned for n in recipes[item] if n.component in concerned]
    levels = topological_levels(inside)
    kits: dict[UUID, tuple[Need, ...]] = {}
    for item in sorted(concerned, key=lambda i: -levels.get(i, 0)):
        kits[item] = _without_phantoms(recipes[item], kits)
    return {item: _without_phantoms(needs, kits) for item, needs in recipes.items()}


def _without_phantoms(needs: tuple[Need, ...], phantoms: Recipes) -> tuple[Need, ...]:
    if not any(need.component in phantoms for need in needs):
        return needs
    made: list[Need] = []
    for need in needs:
        inner = phantoms.get(need.component)
        if inner is None:
            made.append(need)
        else:
            made += [_inside(need, one) for one in inner]
    return tuple(made)


def _inside(phantom: Need, part: Need) -> Need:
    """Give the need for a phantom's part as the parent's own."""
    if part.is_fixed:
        top, bottom = part.numerator, part.denominator
    else:
        top, bottom = phantom.numerator * part.numerator, phantom.denominator * part.denominator
    shared = gcd(top, bottom) or 1
    return replace(
        part,
        numerator=top // shared,
        denominator=bottom // shared,
        is_fixed=phantom.is_fixed or part.is_fixed,
        operation=phantom.operation,
        place=part.place or phantom.place,
    )


def low_level_codes(recipes: Recipes) -> dict[UUID, int]:
    """Give each item of a structure its low-level code, in rising order.

    Raises: CircleFound with the path
    """
    return topological_levels((item, need.component) for item, needs in recipes.items() for need in needs)


def explode(recipes: Recipes, item: UUID, quantity: Decimal) -> tuple[Exploded, ...]:
    """Give everything below an item in the order of the drawings, each use on a row of its own.

    Takes:  recipes without circles
    Gives:  the quantity that orders of just these sizes would take, each rounded up to its unit; at most
            MOST_ROWS rows, the top one not among them
    """
    found: list[Exploded] = []
    for row in _walk(recipes, item, micro(quantity)):
        found.append(row)
        if len(found) == MOST_ROWS:
            break
    return tuple(found)


def _walk(recipes: Recipes, item: UUID, quantity: int) -> Iterator[Exploded]:
    open_levels = [(iter(recipes.get(item, ())), quantity)]
    path = [item]
    while open_levels:
        needs, amount = open_levels[-1]
        need = next(needs, None)
        if need is None:
            open_levels.pop()
            path.pop()
            continue
        below = need.for_micro(amount)
        yield Exploded(
            len(path), need.component, from_micro(below), path[-1], need.line, need.operation, tuple(path)
        )
        if need.component in recipes:
            path.append(need.component)
            open_levels.append((iter(recipes[need.component]), below))


def total_needs(recipes: Recipes, wants: Mapping[UUID, Decimal]) -> dict[UUID, Decimal]:
    """Give how much of every item the wants take, each item once, in order of low-level code.

    Gives:  the wanted items included; one order per item is assumed where something is fixed per order
    """
    levels = low_level_codes(recipes)
    gross: dict[UUID, int] = {item: micro(quantity) for item, quantity in wants.items()}
    for item in levels:
        amount = gross.get(item)
        if amount:
            for need in recipes.get(item, ()):
                gross[need.component] = gross.get(need.component, 0) + need.for_micro(amount)
    alone = [item for item in wants if item not in levels]
    return {item: from_micro(gross[item]) for item in (*levels, *alone) if item in gross}


# --- cost ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that the cost of an item is built from: its needs, operations, further outputs and usual lot."""

    needs: tuple[Need, ...] = ()
    operations: tuple[Operation, ...] = ()
    outputs: tuple[Output, ...] = ()
    base_quantity: Decimal = Decimal(1)
    item_yield: Decimal = Decimal(100)
    lot: Decimal = Decimal(1)


def roll_up(
    recipes: Mapping[UUID, Recipe], prices: Mapping[UUID, Decimal], rates: Mapping[UUID, Rates]
) -> dict[UUID, CostBreakdown]:
    """Give the cost of one stock unit of every item named, each item computed once.

    Takes:  prices of what has no recipe; rates per hour by work centre
    Gives:  parents after their components; an item without recipe and price costs nothing and is `missing`
    Raises: CircleFound with the path
    Source: docs/algorithms/roll-up.md
    """
    makers = dict(_makers(recipes))
    edges = [(item, need.component) for item, (maker, _) in makers.items() for need in recipes[maker].needs]
    levels = topological_levels(edges)
    levels |= {item: 0 for item in (*makers, *prices) if item not in levels}
    costs: dict[UUID, CostBreakdown] = {}
    whole: dict[UUID, CostBreakdown] = {}
    with localcontext(_PRECISE):
        for item in sorted(levels, key=lambda i: -levels[i]):
            if item not in makers:
                costs[item] = replace(CostBreakdown.bought(prices.get(item), item), level=levels[item])
                continue
            maker, share = makers[item]
            if maker not in whole:
                whole[maker] = _cost_of(recipes[maker], costs, rates)
            costs[item] = _times(whole[maker], share, levels[item])
    return costs


def _makers(recipes: Mapping[UUID, Recipe]) -> Iterator[tuple[UUID, tuple[UUID, Decimal]]]:
    """Give for every item that is made whose recipe makes it, and the part of one piece's cost it carries."""
    for item, recipe in recipes.items():
        yield item, (item, 1 - sum((o.cost_share for o in recipe.outputs), Decimal(0)) / 100)
    for item, recipe in recipes.items():
        for output in recipe.outputs:
            if output.item not in recipes:
                yield output.item, (item, output.cost_share / 100 * recipe.base_quantity / output.quantity)


def _cost_of(
    recipe: Recipe, costs: Mapping[UUID, CostBreakdown], rates: Mapping[UUID, Rates]
) -> CostBreakdown:
    """Give the cost of one good piece before anything is shared with further outputs, not rounded."""
    material = labour = machine = overhead = subcontract = Decimal(0)
    missing: set[UUID] = set()
    for need in recipe.needs:
        part, quantity = costs[need.component], need.per_piece(recipe.lot)
        material += quantity * part.material
        labour += quantity * part.labour
        machine += quantity * part.machine
        overhead += quantity * part.overhead
        subcontract += quantity * part.subcontract
        missing |= part.missing
    good, started = yield_after(recipe.operations, None)
    pieces = Decimal(started) / Decimal(good) * 100 / recipe.item_yield
    for operation in recipe.operations:
        hours = (operation.setup_minutes / recipe.lot + operation.run_minutes) * pieces / _MINUTES_A_HOUR
        rate = rates.get(operation.work_centre, Rates()) if operation.work_centre else Rates()
        if operation.is_subcontracted:
            subcontract += operation.subcontract_price * pieces
        labour += hours * rate.labour
        machine += hours * rate.machine
        overhead += hours * rate.overhead
    return CostBreakdown(material, labour, machine, overhead, subcontract, missing=frozenset(missing))


def _times(cost: CostBreakdown, share: Decimal, level: int) -> CostBreakdown:
    return CostBreakdown(
        *(
            (part * share).quantize(COST_PLACES)
            for part in (cost.material, cost.labour, cost.machine, cost.overhead, cost.subcontract)
        ),
        level=level,
        missing=cost.missing,
    )


# --- revisions ----------------------------------------------------------------------------------------------


def next_revision(code: str) -> str:
    """Give the code of the revision after one: A → B, Z → AA, A9 → A10, 1.9 → 1.10."""
    digits = re.search(r"\d+$", code)
    if digits:
        return code[: digits.start()] + str(int(digits.group()) + 1).zfill(len(digits.group()))
    letters = re.search(r"[A-Z]+$", code)
    if not letters:
        return f"{code}2" if code else "A"
    kept, last = code[: letters.start()], letters.group()
    rest = last.rstrip("Z")
    if not rest:
        return kept + "A" * (len(last) + 1)
    return kept + rest[:-1] + chr(ord(rest[-1]) + 1) + "A" * (len(last) - len(rest))


@dataclass(frozen=True, slots=True)
class Window:
    """The days on which a revision counts, half open; without an end it counts for good."""

    key: UUID
    starts_on: date
    ends_on: date | None = None


def fit_window(new: Window, others: Iterable[Window]) -> tuple[Window, tuple[Window, ...]]:
    """Give the new revision's days and those of the earlier ones that it cuts short.

    Takes:  others: revisions of the same item and plant that have been released
    Gives:  an earlier one ends where the new one begins, one that begins the same day counts on no day at
            all; a later one stands, and the new one ends where that begins
    """
    cut, ends_on = [], new.ends_on
    for other in others:
        if other.starts_on > new.starts_on:
            if _counts(other):
                ends_on = min(ends_on or other.starts_on, other.starts_on)
        elif other.ends_on is None or other.ends_on > new.starts_on:
            cut.append(replace(other, ends_on=new.starts_on))
    return replace(new, ends_on=ends_on), tuple(cut)


def _counts(window: Window) -> bool:
    return window.ends_on is None or window.ends_on > window.starts_on


def parse_predecessors(text: str) -> tuple[int, ...]:
    """Read "10;20", also with commas or spaces. Raises: ValueError for anything else."""
    parts = [part for part in re.split(r"[;,，；、\s]+", text.strip()) if part]
    return tuple(sorted({int(part) for part in parts}))


def linked(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Give the operations in order; where none names a predecessor, each follows the one before it."""
    ordered = tuple(sorted(operations, key=lambda o: o.sequence))
    if any(o.predecessors for o in ordered):
        return ordered
    return tuple(
        replace(o, predecessors=(ordered[n - 1].sequence,)) if n else o for n, o in enumerate(ordered)
    )


def wrong_predecessors(links: Mapping[int, Sequence[int]]) -> dict[int, tuple[int, ...]]:
    """Give by operation the predecessors that do not exist or come no earlier; none when all is well."""
    found = {}
    for sequence, before in links.items():
        wrong = tuple(one for one in before if one not in links or one >= sequence)
        if wrong:
            found[sequence] = wrong
    return found


def recipes_of(boms: Iterable[BomFacts]) -> dict[UUID, tuple[Need, ...]]:
    """Give what each item of the BOMs needs, by item."""
    return {bom.item: bom.needs for bom in boms}
