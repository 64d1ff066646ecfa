"""What follows from figures and rows, without database: figures of tries, alerts, comparable values, a state."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple
from uuid import UUID

from banyan.integration.templates import at
from banyan.lib.labels import L, Label

Colour = Literal["green", "orange", "red", "grey"]


# --- figures of tries --------------------------------------------------------------------------------------------

#: Times are kept in classes, each this much wider than the one before: what is read from one is right within 5 %.
GROWTH = 1.1


@dataclass(frozen=True, slots=True)
class Figures:
    """What was done in a time; milliseconds from event to effect, None where nothing was done."""

    done: int = 0
    failed: int = 0
    retried: int = 0
    dead: int = 0
    mean_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None

    @property
    def rate(self) -> float | None:
        """Give the share of tries that failed, in percent."""
        tries = self.done + self.failed
        return 100 * self.failed / tries if tries else None


NOTHING = Figures()


@dataclass(slots=True)
class Sums:
    """Tries added up; those that were done, by the class of the time they took."""

    failed: int = 0
    retried: int = 0
    dead: int = 0
    ms: int = 0
    done: dict[int, int] = field(default_factory=dict)

    def add(self, bucket: int, tries: int, failed: int, dead: int, retried: int, ms: int) -> None:
        """Add tries of one class, -1 for those that did nothing."""
        self.failed += failed
        self.dead += dead
        self.retried += retried
        self.ms += ms
        if bucket >= 0:
            self.done[bucket] = self.done.get(bucket, 0) + tries

    @property
    def figures(self) -> Figures:
        count = sum(self.done.values())
        return Figures(count, self.failed, self.retried, self.dead, self.ms / count if count else None,
                       quantile(self.done, 0.5), quantile(self.done, 0.95))  # fmt: skip


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """Give the time that a share of tries did not exceed, between two of them in proportion; None without any.

    Takes:  how many there are of each class: 0 is below 1 ms, n from GROWTH ** (n - 1) to below GROWTH ** n
    Gives:  milliseconds, at most 5 % (below 1 ms: 0.5 ms) from what the times themselves would give
    Source: Masson, Rim and Lee, DDSketch, VLDB 2019, 2.2; in proportion as PostgreSQL's percentile_cont
    """
    if not counts:
        return None
    place = (sum(counts.values()) - 1) * share
    low, high = (_time_at(counts, rank) for rank in (math.floor(place), math.ceil(place)))
    return low + (high - low) * (place - math.floor(place))


def _time_at(counts: Mapping[int, int], rank: int) -> float:
    bucket, passed = 0, 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        if passed > rank:
            break
    return 2 * GROWTH**bucket / (1 + GROWTH) if bucket else 0.5


# --- alerts ------------------------------------------------------------------------------------------------------


class Subject(NamedTuple):
    """What a rule is broken by: one flow, one system, or what is ours alone."""

    rule: UUID
    system: UUID | None
    flow: UUID | None


@dataclass(frozen=True, slots=True)
class Terms:
    """A rule's times: how long it must be broken before it is told, and after how long it is told again."""

    minutes: int
    repeat_minutes: int


@dataclass(frozen=True, slots=True)
class Open:
    """An alert that is not cleared."""

    id: UUID
    state: str
    since: datetime
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What an evaluation comes to; by alert, or by subject for what is new."""

    begun: tuple[Subject, ...] = ()
    raised_at_once: tuple[Subject, ...] = ()
    raised: tuple[UUID, ...] = ()
    repeated: tuple[UUID, ...] = ()
    cleared: tuple[UUID, ...] = ()
    forgotten: tuple[UUID, ...] = ()

    @property
    def is_quiet(self) -> bool:
        return not any((self.begun, self.raised_at_once, self.raised, self.repeated, self.cleared, self.forgotten))


def judged(
    broken: Iterable[Subject], held: Mapping[Subject, Open], terms: Mapping[UUID, Terms], now: datetime
) -> Judged:
    """Give what becomes of rules that are broken now and of alerts that are open.

    Gives:  broken and not open: begins, raised at once without a duration; pending for its duration: raised;
            raised and not acknowledged: told again after the pause; open and broken no more: cleared, or forgotten
            where it was never raised
    """
    broken = set(broken)
    begun, at_once, raised, repeated, cleared, forgotten = [], [], [], [], [], []
    for one in sorted(broken - held.keys(), key=str):
        (begun if terms[one.rule].minutes else at_once).append(one)
    for one, alert in sorted(held.items(), key=lambda pair: pair[1].id):
        if one not in broken:
            (forgotten if alert.state == "pending" else cleared).append(alert.id)
        elif alert.state == "pending" and now - alert.since >= timedelta(minutes=terms[one.rule].minutes):
            raised.append(alert.id)
        elif alert.state == "raised" and _is_due_again(alert, terms[one.rule], now):
            repeated.append(alert.id)
    return Judged(*map(tuple, (begun, at_once, raised, repeated, cleared, forgotten)))


def _is_due_again(alert: Open, terms: Terms, now: datetime) -> bool:
    pause = timedelta(minutes=terms.repeat_minutes)
    return bool(pause) and alert.told_at is not None and now - alert.told_at >= pause


def pause_after(failures: int) -> timedelta | None:
    """Give how long to wait before telling the outside again, None when it is given up."""
    return timedelta(minutes=min(2 ** (failures - 1), 60)) if failures <= 10 else None


# --- values of two systems, comparable ---------------------------------------------------------------------------


def canonical(value: Any) -> str:
    """Give a value as both sides write it: numbers without idle zeros, instants in UTC, nothing as empty text.

    A text that reads as a plain number is one, so that "12.50" is 12.5; leading zeros make it a code.
    """
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (dict, list)):
        return str(value)
    text = str(value).strip()
    number = amount(value)
    if number is None:
        return text
    digits = text.lstrip("-")
    is_code = isinstance(value, str) and digits[:1] == "0" and digits[1:2] not in ("", ".")
    return text if is_code else _plain(number)


def amount(value: Any) -> Decimal | None:
    """Give a value as a number, None where it is none."""
    if value is None or isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 18 else None


def amount_at(body: Any, path: str) -> Decimal | None:
    """Give the number at a path; of a list within it (`lines[].quantity`) the sum. None where there is none."""
    head, is_list, rest = path.partition("[].")
    if not is_list:
        return amount(at(body, path))
    rows = at(body, head)
    found = [amount_at(one, rest) for one in rows] if isinstance(rows, list) else []
    numbers = [one for one in found if one is not None]
    return sum(numbers, Decimal(0)) if numbers else None


def _plain(number: Decimal) -> str:
    if not number:
        return "0"
    return f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"


def slot_of(at: datetime | None, since: datetime, until: datetime, hours: int) -> int | None:
    """Give the window an instant lies in, counted from `since`; None outside of what is compared."""
    if at is None or not since <= at < until:
        return None
    return int((at - since).total_seconds() // (hours * 3600))


def span(now: datetime, days: int, hours: int, quiet_minutes: int) -> tuple[datetime, datetime]:
    """Give from when until when is compared; windows begin at whole multiples, so that they stay the same ones."""
    size = hours * 3600
    until = now - timedelta(minutes=quiet_minutes)
    since = datetime.fromtimestamp((until - timedelta(days=days)).timestamp() // size * size, UTC)
    return since, until


# --- how a link is doing, in words -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signs:
    """What a flow's or system's state follows from; seconds for times."""

    state: str
    breaker: str = "closed"
    dead: int = 0
    blocked: int = 0
    waiting: int = 0
    oldest: float = 0.0
    reading_failures: int = 0
    differences: int = 0


#: A message that has waited so long is late, whatever it waits for.
LATE_SECONDS = 900.0


def standing(signs: Signs) -> tuple[Colour, Label]:
    """Give the colour of a link and the one thing to say of it, the worst first."""
    faults: Sequence[tuple[bool, Colour, Label]] = (
        (signs.state in ("draft", "tested", "retired"), "grey", L("未启用", "Not in use")),
        (signs.state == "stopped", "grey", L("已停止", "Stopped")),
        (signs.breaker == "open", "red", L("对方不通，已熔断", "Partner unreachable, breaker open")),
        (signs.blocked > 0, "red", L("{n} 个单据卡住", "Blocked keys: {n}").filled({"n": signs.blocked})),
        (signs.dead > 0, "red", L("{n} 条死信", "Dead: {n}").filled({"n": signs.dead})),
        (signs.reading_failures > 2, "red", L("读取对方失败", "Reading fails")),
        (signs.breaker == "half_open", "orange", L("恢复试探中", "Probing")),
        (signs.waiting > 0 and signs.oldest >= LATE_SECONDS, "orange", L("有积压", "Backlog")),
        (signs.differences > 0, "orange", L("{n} 处差异", "Discrepancies: {n}").filled({"n": signs.differences})),
    )
    return next(((colour, label) for is_so, colour, label in faults if is_so), ("green", L("正常", "Well")))
