"""What a report may say and what it does, what an order costs and lacks, where it stands: no database, no
clock.

Counts of an operation are compared in **finished-piece equivalents**: counts ÷ report ratio, the ratio being
how many counts are reported per finished piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeVar
from uuid import UUID

from banyan.lib.graph import find_cycle
from banyan.lib.money import EXACT, allocate, round_money
from banyan.lib.quantity import Rounding, round_quantity

Kind = Literal["start", "pause", "good", "scrap", "rework", "undo"]
COUNTED: frozenset[str] = frozenset({"good", "scrap", "rework"})
#: Reports of people who go on with an operation; a pause ends what is stopped already.
GOES_ON: frozenset[str] = COUNTED | {"start"}
ZERO, ONE, HUNDRED, HOUR = Decimal(0), Decimal(1), Decimal(100), Decimal(60)
Key = TypeVar("Key")


# --- how much may be reported -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    """The counters of one operation and its place in the order.

    Takes:  quantity: counts planned to begin; rework: counts found to need rework; sent_back: those of them
            that went to an earlier operation, the others are mended here; come_back: counts that later
            operations sent here; approved: good counts that a leader has approved; needs_approval: only those
            pass on; away: counts that are at a rework order and will be given back; split: counts that had come
            here and went on in an order of their own
    """

    sequence: int
    predecessors: tuple[int, ...] = ()
    ratio: Decimal = ONE
    quantity: Decimal = ZERO
    good: Decimal = ZERO
    scrap: Decimal = ZERO
    rework: Decimal = ZERO
    sent_back: Decimal = ZERO
    come_back: Decimal = ZERO
    is_skipped: bool = False
    approved: Decimal = ZERO
    needs_approval: bool = False
    away: Decimal = ZERO
    split: Decimal = ZERO

    @property
    def passed(self) -> Decimal:
        """Give the counts that may go on from here."""
        return self.approved if self.needs_approval else self.good

    @property
    def taken(self) -> Decimal:
        """Give the counts that have used up what came in; a piece that came back may be reported again."""
        return self.good + self.scrap + self.sent_back - self.come_back + self.away + self.split

    @property
    def pieces(self) -> Decimal:
        """Give the finished-piece equivalents that went through, each piece once however often it came
        back."""
        return (self.good + self.scrap - self.come_back) / self.ratio


Flows = Mapping[int, Flow]


def predecessor_links(written: Sequence[tuple[int, str]]) -> dict[int, tuple[int, ...]]:
    """Give the operations that each operation waits for.

    Takes:  (sequence, predecessors as written: "10;20", empty for none)
    Gives:  by sequence; where no operation names any, each waits for the one before it
    Raises: ValueError naming what is written for an operation that is not there, or a circle
    """
    known = sorted(sequence for sequence, _ in written)
    if not any(text.strip() for _, text in written):
        return {one: ((known[at - 1],) if at else ()) for at, one in enumerate(known)}
    links = {sequence: _sequences(text) for sequence, text in written}
    for sequence, before in links.items():
        unknown = [str(one) for one in before if one not in links]
        if unknown:
            raise ValueError(f"{sequence} ← {', '.join(unknown)}")
    circle = find_cycle((before, sequence) for sequence, several in links.items() for before in several)
    if circle:
        raise ValueError(" → ".join(str(one) for one in circle))
    return links


def _sequences(text: str) -> tuple[int, ...]:
    parts = [
        part
        for part in text.replace(",", ";").replace("，", ";").replace("；", ";").split(";")
        if part.strip()
    ]
    return tuple(dict.fromkeys(int(part) for part in parts))


def written_links(sequences: Iterable[int]) -> str:
    """Give predecessors as they are stored: "10;20"."""
    return ";".join(str(one) for one in sequences)


def arrived(sequence: int, flows: Flows, planned: Decimal) -> Decimal:
    """Give the finished-piece equivalents that have come to an operation.

    Takes:  planned: what the order is to make
    Gives:  the least that any predecessor has passed on (all are needed); a skipped one passes on what came
            to it, without what was lost there. An operation without predecessors may begin what is planned
            for it, and a new piece for each one lost there or later that was not planned to be lost
    """
    flow = flows[sequence]
    if not flow.predecessors:
        return max(flow.quantity / flow.ratio, planned + _lost(sequence, flows))
    return min(_passed(one, flows, planned) for one in flow.predecessors)


def _lost(sequence: int, flows: Flows) -> Decimal:
    return sum((flows[s].scrap / flows[s].ratio for s in _from_here(sequence, flows)), ZERO)


def _passed(sequence: int, flows: Flows, planned: Decimal) -> Decimal:
    flow = flows[sequence]
    if not flow.is_skipped:
        return flow.passed / flow.ratio
    return arrived(sequence, flows, planned) - (flow.taken - flow.good) / flow.ratio


def finished(flows: Flows, planned: Decimal) -> Decimal | None:
    """Give the finished pieces that came out of an order's last operations, those that all of them have
    passed on.

    Gives:  None for an order without operations
    """
    waited_for = {before for flow in flows.values() for before in flow.predecessors}
    last = [sequence for sequence in flows if sequence not in waited_for]
    return round_quantity(min(_passed(one, flows, planned) for one in last)) if last else None


def next_ones(sequence: int, flows: Flows) -> tuple[int, ...]:
    """Give the operations to which the pieces of one go next, past those that are left out."""
    found: set[int] = set()
    for one, flow in flows.items():
        if sequence in flow.predecessors:
            found.update(next_ones(one, flows) if flow.is_skipped else (one,))
    return tuple(sorted(found))


def lost_pieces(flow: Flow) -> Decimal:
    """Give the finished-piece equivalents scrapped at an operation."""
    return round_quantity(flow.scrap / flow.ratio)


def _from_here(sequence: int, flows: Flows) -> set[int]:
    found = {sequence}
    while True:
        more = {s for s, flow in flows.items() if s not in found and found.intersection(flow.predecessors)}
        if not more:
            return found
        found |= more


def moved_on(sequence: int, flows: Flows) -> Decimal:
    """Give the finished-piece equivalents that went through an operation and on, later, in an order of their own."""
    return sum((flows[s].split / flows[s].ratio for s in _from_here(sequence, flows) - {sequence}), ZERO)


def before(sequence: int, flows: Flows) -> frozenset[int]:
    """Give the operations that pieces have been through when they come to one."""
    return frozenset(s for s in flows if s != sequence and sequence in _from_here(s, flows))


def cut(flows: Flows, planned: Decimal, quantity: Decimal) -> int | None:
    """Give the first operation before which so many pieces wait that have been through another one.

    Takes:  quantity: finished pieces
    Gives:  None where there is none, or where the way through the operations is not a straight one
    """
    followed = [one for flow in flows.values() for one in flow.predecessors]
    if len(set(followed)) < len(followed) or any(len(flow.predecessors) > 1 for flow in flows.values()):
        return None
    for sequence in sorted(flows, key=lambda s: len(before(s, flows))):
        flow = flows[sequence]
        is_past_one = any(not flows[s].is_skipped for s in before(sequence, flows))
        waiting = arrived(sequence, flows, planned) - flow.taken / flow.ratio
        if is_past_one and not flow.is_skipped and waiting >= quantity:
            return sequence
    return None


def limit(sequence: int, flows: Flows, planned: Decimal, tolerance_percent: Decimal = ZERO) -> Decimal:
    """Give how many counts an operation may take in all.

    Gives:  what has arrived, raised by the tolerance; but the tolerance of one operation is not raised again
            by that of the next, so that the last one stays within tolerance of what the order is to make
    """
    here = arrived(sequence, flows, planned)
    if tolerance_percent:
        raised = 1 + tolerance_percent / HUNDRED
        here = min(here * raised, max(here, (planned + _lost(sequence, flows)) * raised))
    return round_quantity(here * flows[sequence].ratio)


def room(sequence: int, flows: Flows, planned: Decimal, tolerance_percent: Decimal = ZERO) -> Decimal:
    """Give how many counts more an operation may take; below zero when it is over already."""
    return limit(sequence, flows, planned, tolerance_percent) - flows[sequence].taken


def overdrawn(flows: Flows, planned: Decimal, tolerance_percent: Decimal = ZERO) -> dict[int, Decimal]:
    """Give by how many counts operations are over, those that are not left out."""
    left = {s: room(s, flows, planned, tolerance_percent) for s, flow in flows.items() if not flow.is_skipped}
    return {sequence: -counts for sequence, counts in left.items() if counts < 0}


def may_go_back(source: int, target: int, flows: Flows) -> bool:
    """Say whether pieces may be sent back from one operation to another: to itself or to one that leads to
    it."""
    return source in _from_here(target, flows)


# --- what a report does -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """A report as the counters see it.

    Takes:  back_to: for rework, the operation the pieces go back to, this one when not told; sign: −1 takes a
            report back; is_approved: the one taken back was approved
    """

    sequence: int
    kind: str
    quantity: Decimal = ZERO
    back_to: int | None = None
    sign: int = 1
    is_approved: bool = False


def applied(flows: Flows, step: Step) -> dict[int, Flow]:
    """Give the counters after a report; start and pause change none."""
    changed, counts = dict(flows), step.quantity * step.sign
    if step.kind in COUNTED:
        flow = changed[step.sequence]
        changed[step.sequence] = replace(flow, **{step.kind: getattr(flow, step.kind) + counts})
        if step.kind == "good" and step.is_approved:
            changed[step.sequence] = replace(changed[step.sequence], approved=flow.approved + counts)
    if step.kind == "rework" and step.back_to not in (None, step.sequence):
        flow, target = changed[step.sequence], changed[step.back_to]
        back = round_quantity(counts / flow.ratio * target.ratio)
        changed[step.sequence] = replace(flow, sent_back=flow.sent_back + counts)
        changed[step.back_to] = replace(target, come_back=target.come_back + back)
    return changed


def excess(
    flows: Flows, step: Step, planned: Decimal, tolerance_percent: Decimal = ZERO
) -> dict[int, Decimal]:
    """Give by how many counts a report goes too far, by operation; empty when it may be.

    Gives:  operations that are over after it and were not, or less so, before. Taking a report back is judged
            at operations that wait for others only: with a scrapped piece its new start is taken back too
    """
    if step.kind not in COUNTED:
        return {}
    if step.kind == "rework" and step.back_to in (None, step.sequence):
        over = step.quantity - room(step.sequence, flows, planned, tolerance_percent)
        return {step.sequence: min(over, step.quantity)} if over > 0 and step.sign > 0 else {}
    was, after = overdrawn(flows, planned, tolerance_percent), applied(flows, step)
    return {
        sequence: over
        for sequence, over in overdrawn(after, planned, tolerance_percent).items()
        if over > was.get(sequence, ZERO) and (step.sign > 0 or after[sequence].predecessors)
    }


def operation_state(state: str, flow: Flow, started: int = 0) -> str:
    """Give where an operation stands: skipped and closed are decided by people, the rest follows from the
    counters."""
    if state in ("skipped", "closed"):
        return state
    if flow.good + flow.scrap >= flow.quantity > 0:
        return "done"
    if started or flow.good or flow.scrap or flow.rework:
        return "running"
    return "open"


def order_state(state: str, *, made: Decimal, quantity: Decimal, is_last: bool = False) -> str:
    """Give where an order stands after finished pieces went to stock, or came back from it."""
    if state not in ("released", "running", "completed"):
        return state
    return "completed" if is_last or made >= quantity else "running"


def shared_out(total: Decimal, shares: Sequence[Decimal | None], places: int = 2) -> tuple[Decimal, ...]:
    """Give each person's part of a time or a count, adding up to it exactly.

    Takes:  shares in any proportion; all alike where none is given
    Raises: ValueError where some are given and others not, or all are zero
    """
    if not shares:
        return ()
    given = [share for share in shares if share is not None]
    if given and (len(given) < len(shares) or not any(given)):
        raise ValueError("shares are given for all, and not all zero, or for none")
    return allocate(round_quantity(total, places), given or [ONE] * len(shares), places)


def clocked_minutes(marks: Sequence[tuple[str, datetime]], until: datetime) -> Decimal:
    """Give the minutes somebody worked since the last count was reported.

    Takes:  marks in order of time: start and pause, and counts (good, scrap, rework), which take the time
            before them
    Gives:  to a hundredth, never below zero; a pause without a start counts nothing
    """
    began: datetime | None = None
    seconds = 0.0
    for kind, at in marks:
        if kind == "start":
            began = began or at
        elif began is not None:
            seconds += (at - began).total_seconds()
            began = None if kind == "pause" else at
        if kind in COUNTED:
            seconds = 0.0
    if began is not None:
        seconds += (until - began).total_seconds()
    return round_quantity(Decimal(max(0, round(seconds))) / HOUR, 2)


# --- what it costs ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rates:
    """Per hour: labour on people's time, machine on the machine's, overhead on people's."""

    labour: Decimal = ZERO
    machine: Decimal = ZERO
    overhead: Decimal = ZERO


def was_stopped(state: str, since: datetime | None, at: datetime) -> bool:
    """Say whether a machine that is in a state since some time stood still at a moment."""
    return state != "running" and (since is None or since <= at)


@dataclass(frozen=True, slots=True)
class Effort:
    """Time and amounts of a report; amounts contain the set-up, `setup_amount` says how much of them it
    is."""

    labour_minutes: Decimal = ZERO
    machine_minutes: Decimal = ZERO
    setup_minutes: Decimal = ZERO
    labour_amount: Decimal = ZERO
    machine_amount: Decimal = ZERO
    overhead_amount: Decimal = ZERO
    setup_amount: Decimal = ZERO

    @property
    def amount(self) -> Decimal:
        return self.labour_amount + self.machine_amount + self.overhead_amount

    def back(self) -> Effort:
        """Give what takes it back."""
        return Effort(*(-getattr(self, name) for name in Effort.__slots__))

    def free(self) -> Effort:
        """Give the same time at no cost."""
        return Effort(self.labour_minutes, self.machine_minutes, self.setup_minutes)


def effort(
    *,
    pieces: Decimal,
    run_minutes: Decimal,
    setup_minutes: Decimal,
    rates: Rates,
    minutes: Decimal | None = None,
    machine_minutes: Decimal | None = None,
    people: int = 1,
) -> Effort:
    """Give the time of a report and what it costs: reported time × rate, else routing time × pieces; set-up
    apart.

    Takes:  pieces in finished-piece equivalents; setup_minutes: zero when an earlier report has borne them;
            minutes: working time of all people together, None when not reported; machine_minutes: None when
            not told, then the people are taken to have worked side by side
    """
    routed = run_minutes * pieces
    labour = routed if minutes is None else minutes
    machine = machine_minutes
    if machine is None:
        machine = routed if minutes is None else minutes / max(1, people)
    labour, machine = round_quantity(labour, 2), round_quantity(machine, 2)
    setup = round_quantity(setup_minutes, 2)
    hourly = rates.labour + rates.machine + rates.overhead
    return Effort(
        labour,
        machine,
        setup,
        round_money((labour + setup) * rates.labour / HOUR),
        round_money((machine + setup) * rates.machine / HOUR),
        round_money((labour + setup) * rates.overhead / HOUR),
        round_money(setup * hourly / HOUR),
    )


@dataclass(frozen=True, slots=True)
class PlannedMaterial:
    """A material line of an order: quantity for the whole order, planned cost of one."""

    quantity: Decimal
    unit_cost: Decimal


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """An operation of an order: minutes per finished piece and per order, rates, price of outside work per
    piece."""

    run_minutes: Decimal
    setup_minutes: Decimal
    rates: Rates
    outside_price: Decimal = ZERO


def planned_unit_cost(
    quantity: Decimal,
    materials: Iterable[PlannedMaterial],
    operations: Iterable[PlannedOperation],
    other_outputs_percent: Decimal = ZERO,
) -> Decimal:
    """Give the planned cost of one finished piece by the order's own lines, to six places.

    Takes:  other_outputs_percent: the share of the cost that co-products bear
    """
    if quantity <= 0:
        return ZERO
    total = sum((m.quantity * m.unit_cost for m in materials), ZERO)
    for operation in operations:
        rates = operation.rates
        minutes = operation.setup_minutes + operation.run_minutes * quantity
        total += (
            minutes * (rates.labour + rates.machine + rates.overhead) / HOUR
            + operation.outside_price * quantity
        )
    return round_quantity(EXACT.divide(total * (HUNDRED - other_outputs_percent) / HUNDRED, quantity))


def completed_amount(quantity: Decimal, unit_cost: Decimal) -> Decimal:
    """Give what finished pieces take out of work in progress."""
    return round_money(quantity * unit_cost)


# --- material -----------------------------------------------------------------------------------------------


def backflush_target(needed: Decimal, flow: Flow, *, is_fixed: bool, places: int) -> Decimal:
    """Give how much of a component the counts of its operation have used, in all.

    Takes:  needed for all that is planned to begin at the operation
    Gives:  by pieces that went through, good or scrapped; one that came back has got its material already. A
            fixed quantity is used with the first piece
    """
    planned = flow.quantity / flow.ratio
    if flow.pieces <= 0 or planned <= 0:
        return ZERO
    return needed if is_fixed else round_quantity(needed * flow.pieces / planned, places)


def to_begin(quantity: Decimal, ratio: Decimal, yields_percent: Iterable[Decimal], places: int) -> Decimal:
    """Give the counts an operation is planned to begin so that the order's quantity comes out at the end.

    Takes:  yields_percent: of the operation, of those after it, and of the item
    """
    part = ONE
    for percent in yields_percent:
        part *= percent / HUNDRED
    return round_quantity(round_quantity(quantity / part, places, Rounding.UP) * ratio)


@dataclass(frozen=True, slots=True)
class KitLine:
    """One material of one order in a kit check: what is open, what is there for it, what is missing."""

    order: UUID
    material: UUID
    item: UUID
    needed: Decimal
    free: Decimal

    @property
    def missing(self) -> Decimal:
        return self.needed - self.free


def kit_check(
    needs: Iterable[tuple[UUID, UUID, UUID, Decimal]],
    free: Mapping[UUID, Decimal],
    kept: Mapping[UUID, Decimal] | None = None,
) -> tuple[KitLine, ...]:
    """Give to each need what is kept for it, then in turn what stock is left.

    Takes:  needs (order, material line, item, open quantity), the first served first; free: stock by item;
            kept: stock that is no longer free because it is kept for a material line
    Gives:  a line per need, in the same order
    """
    left, lines = dict(free), []
    for order, material, item, needed in needs:
        own = min(needed, (kept or {}).get(material, ZERO))
        given = max(ZERO, min(needed - own, left.get(item, ZERO)))
        left[item] = left.get(item, ZERO) - given
        lines.append(KitLine(order, material, item, needed, own + given))
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class Source:
    """Stock that may be taken: a quantity of a lot at a location."""

    location: UUID
    lot: UUID | None
    free: Decimal


def taken_from(
    quantity: Decimal, sources: Iterable[Source]
) -> tuple[tuple[tuple[Source, Decimal], ...], Decimal]:
    """Give what is taken from each source in turn, and what is missing after the last."""
    taken = []
    for source in sources:
        part = min(quantity, source.free)
        if part > 0:
            taken.append((source, part))
            quantity -= part
    return tuple(taken), quantity


def settled(
    open_debts: Iterable[tuple[Key, Decimal]], arrived_quantity: Decimal
) -> tuple[tuple[Key, Decimal], ...]:
    """Give what an arrival pays of each debt in turn, those it does not reach left out."""
    paid = []
    for key, owed in open_debts:
        part = min(owed, arrived_quantity)
        if part > 0:
            paid.append((key, part))
            arrived_quantity -= part
    return tuple(paid)
