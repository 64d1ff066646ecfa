"""What the board shows: frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from banyan.lib.labels import is_chinese, plain, spoken_language
from banyan.modules.engineering.capture import Datum

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class TeamFacts:
    """A team as its leader sees it."""

    id: UUID
    name: str
    plant: UUID
    zone: str


@dataclass(slots=True)
class TaskCard:
    """An operation given to somebody, or to nobody yet.

    Takes:  quantity: of this assignment, else what is planned; done: what those people have made of it; `seen`:
            the assignments of the whole operation, which a change of them must name
    """

    assignment: UUID | None
    operation: UUID
    work_order: UUID
    number: str
    item: str
    item_name: str
    title: str
    work_centre: UUID | None
    centre_name: str
    machine: UUID | None
    machine_code: str
    quantity: Decimal
    planned: Decimal
    good: Decimal
    room: Decimal
    is_urgent: bool
    is_late: bool
    is_stopped: bool
    is_part: bool
    due_on: object
    skill: UUID | None
    run_minutes: Decimal
    ratio: Decimal
    places: int
    done: Decimal = ZERO
    done_today: Decimal = ZERO
    employee: UUID | None = None
    team: UUID | None = None
    seen: tuple[UUID, ...] = ()

    @property
    def seen_text(self) -> str:
        return ",".join(str(one) for one in self.seen)

    @property
    def open(self) -> Decimal:
        """Give the counts that this assignment has still to make."""
        return max(ZERO, self.quantity - (self.done if self.is_part else self.good))

    @property
    def percent(self) -> int:
        made = self.done if self.is_part else self.good
        return min(100, int(made * 100 / self.quantity)) if self.quantity else 0

    @property
    def minutes_each(self) -> Decimal:
        """Give the minutes that a count takes by the routing."""
        return self.run_minutes / self.ratio if self.ratio else ZERO


@dataclass(slots=True)
class PersonRow:
    """Somebody of a team, what they do now, and what they have before them; `day` is that of the shift they are in."""

    id: UUID
    code: str
    name: str
    team: UUID
    skills: frozenset[UUID] = frozenset()
    skill_names: tuple[str, ...] = ()
    day: date = date.min
    status: str = "none"
    since: datetime | None = None
    at: str = ""
    why: str = ""
    tasks: list[TaskCard] = field(default_factory=list)
    good: Decimal = ZERO
    bad: Decimal = ZERO
    due: Decimal = ZERO

    @property
    def load(self) -> int:
        """Give the minutes of work given to them."""
        return int(sum((task.open * task.minutes_each for task in self.tasks), ZERO))

    @property
    def task_keys(self) -> str:
        return ",".join(str(task.assignment) for task in self.tasks)


@dataclass(frozen=True, slots=True)
class HourRow:
    """What an hour should bring, and brought."""

    hour: str
    planned: Decimal
    good: Decimal
    bad: Decimal
    is_past: bool
    is_now: bool
    height: int = 0
    plan_height: int = 0

    @property
    def top(self) -> int:
        return 20 - self.height

    @property
    def plan_top(self) -> int:
        return 20 - self.plan_height


@dataclass(frozen=True, slots=True)
class MachineRow:
    """A machine where the teams work."""

    id: UUID
    code: str
    state: str
    since: datetime | None
    at: str


@dataclass(frozen=True, slots=True)
class Board:
    """All that a leader sees at a glance."""

    teams: tuple[TeamFacts, ...]
    chosen: tuple[UUID, ...]
    people: tuple[PersonRow, ...]
    shared: tuple[TaskCard, ...]
    pool: tuple[TaskCard, ...]
    pool_more: int
    hours: tuple[HourRow, ...]
    machines: tuple[MachineRow, ...]
    waiting: int
    flags: int
    good: Decimal
    bad: Decimal
    due: Decimal
    planned: Decimal
    centres: tuple[tuple[UUID, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A report that waits for approval."""

    id: UUID
    kind: str
    quantity: Decimal
    at: datetime
    number: str
    item: str
    title: str
    who: str
    minutes: Decimal
    note: str
    flags: tuple[str, ...]
    shared_by: int
    work_order: UUID
    passes_on: bool


@dataclass(frozen=True, slots=True)
class ToldRow:
    """A report that is to be put right."""

    id: UUID
    kind: str
    quantity: Decimal
    number: str
    title: str
    who: str
    operation: UUID
    work_order: UUID


@dataclass(frozen=True, slots=True)
class Measured:
    """Something that an operation asks for, and what was told of it, nothing where it was left out."""

    asked: Datum
    told: str = ""

    @property
    def name(self) -> str:
        return self.asked.name if is_chinese(spoken_language()) else self.asked.name_en or self.asked.name

    @property
    def value(self) -> str:
        """Give what was told, with its unit."""
        return f"{self.told} {self.asked.unit}".strip()

    @property
    def limits(self) -> str:
        """Give what it may be: from least to most, one of choices, nothing where no such limit is set."""
        least, most = self.asked.minimum, self.asked.maximum
        if self.asked.kind == "choice":
            return " / ".join(self.asked.choices)
        if self.asked.kind != "number" or least is None and most is None:
            return ""
        if least is None or most is None:
            return f"≥ {plain(least)}" if most is None else f"≤ {plain(most)}"
        return f"{plain(least)}–{plain(most)}"


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A breach: what the device said, and what the order said at that time.

    Takes:  quantity: below zero for pieces taken back; can_correct: pieces that stand; undone_kind, undone_at: of the
            report taken back; users: (operation, counts taken, counts that come to it now) after one whose pieces
            were taken back; machine, machine_centre, machine_state, machine_since: of the machine it was told on;
            planned_machine, centre: where the operation is done; reporters, skill: who reports there; reasons,
            people: named in it; beyond, lacking: data beyond limits, and not told
    """

    report: UUID
    flags: tuple[tuple[UUID, str, Decimal], ...]
    kind: str
    quantity: Decimal
    who: str
    happened_at: datetime
    clock_at: datetime | None
    reported_at: datetime
    note: str
    number: str
    work_order: UUID
    operation: UUID
    item: str
    title: str
    order_state: str
    closed_at: datetime | None
    operation_state: str
    planned: Decimal
    taken_then: Decimal
    arrived_then: Decimal | None
    lots: str
    output_lot: UUID | None
    output_number: str
    is_held: bool
    is_waiting: bool
    can_correct: bool
    undone_kind: str
    undone_at: datetime | None
    good_now: Decimal
    is_stopped: bool
    sequence: int
    machine: str
    machine_centre: str
    machine_state: str
    machine_since: datetime | None
    planned_machine: str
    centre: str
    reporters: str
    skill: str
    reasons: str
    people: str
    beyond: tuple[Measured, ...] = ()
    lacking: tuple[Measured, ...] = ()
    users: tuple[tuple[str, Decimal, Decimal], ...] = ()

    @property
    def is_undo(self) -> bool:
        return bool(self.undone_kind)

    @property
    def is_other_machine(self) -> bool:
        return any(kind == "machine" for _, kind, _ in self.flags)

    @property
    def is_others_work(self) -> bool:
        return any(kind == "reporter" for _, kind, _ in self.flags)

    @property
    def has_other_reason(self) -> bool:
        return any(kind == "reason" for _, kind, _ in self.flags)

    @property
    def names_somebody_gone(self) -> bool:
        return any(kind == "left" for _, kind, _ in self.flags)


@dataclass(frozen=True, slots=True)
class KeptRow:
    """An act of a station that no rule let be booked, or (`is_booked`) that is booked and to be looked at.

    `can_reverse` is for an undo of what stands.
    """

    id: UUID
    said: str
    kind: str
    who: str
    device: str
    happened_at: datetime
    clock_at: datetime
    why_zh: str
    why_en: str
    number: str
    title: str
    order_state: str
    operation: UUID | None
    can_reverse: bool = False
    is_booked: bool = False
