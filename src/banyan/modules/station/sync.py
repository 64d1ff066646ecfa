"""What waited at a station is booked: each act once, in the order in which it was done, and none dropped.

An act is a fact by the time it comes here. What production cannot take as it stands is booked with a flag where
its ledger allows that; what it can by no means book is kept for a leader (`station.kept_act`) and stops no other.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.utils import timezone
from pydantic import TypeAdapter, ValidationError

from banyan.kernel import db
from banyan.kernel.commands import Contended, KeyReused
from banyan.kernel.context import Context, Principal
from banyan.kernel.schema import Instant
from banyan.lib.errors import DomainError, Invalid
from banyan.lib.labels import L, Label
from banyan.modules.production.commands import report_work
from banyan.modules.production.commands.reports import OneReport, ReportAnswer, Reports, stops
from banyan.modules.production.errors import OperationStopped, ReportKeyReused
from banyan.modules.production.models import Operation, Report
from banyan.modules.station import acts, clocks, finding, rules
from banyan.modules.station.acts import KINDS, Act, Batch, Further, reports_of
from banyan.modules.station.commands import keep_act, withdraw_kept
from banyan.modules.station.errors import ActBroken, ActTwice, ActUnreadable, BookedFlagged, OperationNotThere
from banyan.modules.station.signing import Seat

log = logging.getLogger("banyan.station")
#: Characters of a report's note.
NOTE = 500
#: A start that is sent so soon is asked for, not told: it may be refused.
AT_ONCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an act: done, flagged (booked, and a leader is to look), kept (for a leader), refused."""

    id: str
    state: str
    flags: tuple[str, ...] = ()
    text: Label | None = None

    def as_json(self, language: str) -> dict[str, Any]:
        """Give it as the device reads it."""
        said = self.text.in_(language) if self.text else ""
        return {"id": self.id, "state": self.state, "flags": list(self.flags), "text": said}


@dataclass(slots=True)
class Told:
    """An act of a batch on its way: as it was sent, and as it was understood."""

    raw: dict[str, Any]
    act: Act | Further | None = None
    fault: DomainError | None = None
    happened_at: datetime | None = None
    clock_at: datetime | None = None
    is_asked: bool = False
    reports: list[OneReport] = dataclass_field(default_factory=list)


def sync(ctx: Context, seat: Seat, batch: Batch) -> dict[str, Any]:
    """Book what waited at a device, act by act, each in a transaction of its own.

    Takes:  acts of one person, in any order; what was sent before may come again
    Gives:  {now, offset: seconds by which the device's clock is behind, acts: an answer each, by sequence}
    Raises: nothing for what an act says; a database that is away is passed on, and the device sends again
    """
    offset = rules.clock_offset(batch.sent_at, ctx.now)
    told = read_acts(batch)
    with _in_turn(batch.device):
        sender = (batch.device, ctx.person)
        before = _before(sender, told)
        _place(before, told, offset, ctx.now)
        answers = [_settle(ctx.with_(now=timezone.now()), seat, one, before) for one in told]
        _note(sender, told, seat, ctx.now, round(offset.total_seconds()))
        clocks.watch(ctx, seat, round(offset.total_seconds()))
    return {
        "now": ctx.now.isoformat(),
        "offset": round(offset.total_seconds()),
        "acts": [answer.as_json(ctx.language) for answer in answers],
    }


def read_acts(batch: Batch) -> list[Told]:
    """Give the acts of a batch as they are understood, by sequence, each with a time by the device's clock."""
    told = sorted((_read(raw) for raw in batch.acts), key=lambda one: _sequence(one.raw))
    clock = told[0].clock_at or batch.sent_at if told else batch.sent_at
    for one in told:
        clock = one.clock_at = one.clock_at or clock
        one.is_asked = isinstance(one.act, Act) and one.act.kind == "start" and batch.sent_at - clock <= AT_ONCE
    return told


@dataclass(slots=True)
class _Before:
    """What is known of a batch before it is booked: acts and reports of its keys, and the sender's last moment."""

    kept: dict[UUID, Answer] = dataclass_field(default_factory=dict)
    reports: dict[UUID, dict[str, Any]] = dataclass_field(default_factory=dict)
    times: dict[UUID, datetime] = dataclass_field(default_factory=dict)
    last: datetime | None = None


_COMPARED = ("id", "kind", "quantity", "operation_id", "reverses_id", "flags")
_BEFORE = """
    SELECT 'report', device_at, id, kind, quantity, operation_id, reverses_id, flags, '', '', '', '', ''
    FROM production_report WHERE id = ANY(%(keys)s::uuid[])
    UNION ALL
    SELECT 'kept', happened_at, id, '', 0, NULL, NULL, '{}', state, answer, fault_zh, fault_en, code
    FROM station_keptact WHERE id = ANY(%(keys)s::uuid[])
    UNION ALL
    SELECT 'sender', happened_at, NULL, '', 0, NULL, NULL, '{}', '', '', '', '', ''
    FROM station_sender WHERE device = %(device)s AND person = %(person)s
"""


def _before(sender: tuple[UUID, UUID], told: Sequence[Told]) -> _Before:
    """Read what is known of the acts of a batch. One statement."""
    keys = {key for one in told if (key := _key_of(one))}
    keys |= {part.id for one in told if isinstance(one.act, Act) for part in one.act.parts}
    found = _Before()
    given = {"keys": list(keys), "device": sender[0], "person": sender[1]}
    for kind, at, key, *facts in db.rows(_BEFORE, given):
        if kind == "sender":
            found.last = at
        elif kind == "kept":
            found.kept[key] = _answer_of(key, *facts[-5:])
        else:
            found.reports[key] = dict(zip(_COMPARED, (key, *facts[:-5]), strict=True))
        if key and at:
            found.times[key] = at
    return found


def _place(before: _Before, told: Sequence[Told], offset: timedelta, now: datetime) -> None:
    """Say when each act happened: after all that the person told there before; what was sent before keeps its time."""
    stored = before.times
    known = {place: stored[key] for place, one in enumerate(told) if (key := _key_of(one)) in stored}
    times = rules.happened([one.clock_at for one in told], offset, now, after=before.last, known=known)
    for one, at in zip(told, times, strict=True):
        one.happened_at = at


#: A device that is heard of all the time is noted no more often than this.
SEEN = timedelta(minutes=1)
#: Written without waiting for the disk: the reports themselves are on it.
_NOTE = """
    WITH noted AS (
        INSERT INTO station_sender AS s (device, person, happened_at)
        SELECT %(device)s, %(person)s, %(at)s::timestamptz WHERE %(at)s::timestamptz IS NOT NULL
        ON CONFLICT (device, person) DO UPDATE SET happened_at = greatest(s.happened_at, excluded.happened_at)
    ), seen AS (
        UPDATE station_device SET seen_at = %(now)s, clock_offset = %(offset)s WHERE id = %(station)s
    ) SELECT set_config('synchronous_commit', 'off', true)
"""


def _note(sender: tuple[UUID, UUID], told: Sequence[Told], seat: Seat, now: datetime, offset: int) -> None:
    """Remember when the last act of a person at a device happened; and, where that is news, how its clock goes."""
    db.run(_NOTE, {
        "device": sender[0], "person": sender[1], "at": max((one.happened_at for one in told), default=None),
        "now": now, "offset": offset, "station": seat.device if is_news(seat, now, offset) else None,
    })  # fmt: skip


def is_news(seat: Seat, now: datetime, offset: int) -> bool:
    """Say whether it is worth a note that a station is heard of now, and how its clock goes."""
    is_known = seat.seen_at is not None and now - seat.seen_at < SEEN and seat.clock_offset == offset
    return seat.device is not None and not is_known


def _read(raw: dict[str, Any]) -> Told:
    try:
        act = acts.read(raw)
    except Invalid as fault:
        return Told(raw, fault=ActUnreadable(fault=_first(fault)), clock_at=_clock_of(raw))
    return Told(raw, act=act, clock_at=act.at)


def _clock_of(raw: dict[str, Any]) -> datetime | None:
    """Give the time of an act that cannot be read otherwise, where that can be read."""
    try:
        return TypeAdapter(Instant).validate_python(raw.get("at"))
    except ValidationError:
        return None


def _first(fault: Invalid) -> str:
    return "; ".join(f"{path}: {texts[0]}" for path, texts in list(fault.field_texts().items())[:3])[:300]


def _sequence(raw: dict[str, Any]) -> int:
    found = raw.get("seq")
    return found if isinstance(found, int) and 0 <= found < 2**53 else 0


def lock_keys(devices: Iterable[UUID]) -> list[int]:
    """Give what the turns of devices are locked by, in the order in which to lock them."""
    return sorted(device.int >> 65 for device in devices)


class _in_turn:
    """Let two requests of one device go one after the other, so that its acts are booked in their order."""

    def __init__(self, device: UUID) -> None:
        (self.key,) = lock_keys([device])

    def __enter__(self) -> None:
        db.run("SELECT pg_advisory_lock(%s)", [self.key])

    def __exit__(self, *_fault: object) -> None:
        try:
            db.run("SELECT pg_advisory_unlock(%s)", [self.key])
        except (OperationalError, InterfaceError):
            log.info("the connection went with its lock")


def _settle(ctx: Context, seat: Seat, told: Told, before: _Before) -> Answer:
    """Book an act, or keep it; give what became of it."""
    key = _key_of(told)
    if key is None:
        return Answer(str(told.raw.get("id"))[:80], "refused", text=ActUnreadable(fault="id").label)
    if told.act is None:
        return _kept(ctx, seat, told, told.fault)  # once, however often it comes
    if key in before.kept:
        return before.kept[key]
    if isinstance(told.act, Further):
        return _shown(ctx, seat, told, _guarded(ctx, seat, told, _further))
    if told.act.named and told.act.operation is None:
        told.act.operation = finding.named(seat.plant, told.act.named)
    told.reports = reports_of(told.act, told.happened_at)
    if seat.sender:
        _name_sender(told.reports, seat.sender)
    known = _known(told.reports, before.reports)
    if known is not None:
        return known
    if told.act.kind == "undo" and _withdrawn(ctx, told.act):
        return Answer(str(key), "done", text=L("已撤回", "Withdrawn"))
    if told.is_asked and (why := _stopped(ctx, seat, told.act.operation)):
        return Answer(str(key), "refused", text=why.label)
    return _guarded(ctx, seat, told, _reported)


def _stopped(ctx: Context, seat: Seat, operation: UUID | None) -> OperationStopped | None:
    """Give why nobody may begin at an operation of the plant, None where they may."""
    stopped = Operation.objects.filter(pk=operation, plant=seat.plant, is_stopped=True)
    if (found := stopped.select_related("work_order").first()) is None:
        return None
    why = stops(ctx, [found.pk]).get(found.pk, "")
    return OperationStopped(order=found.work_order.number, operation=found.title, why=why)


def _name_sender(reports: Sequence[OneReport], sender: Principal) -> None:
    """Say in reports who sends them for somebody away; a leader sees it as a flag, and in the note."""
    said = str(L("代发：{name}", "Sent by {name}").filled({"name": sender.name}))
    for one in reports:
        one.sent_by = sender.id
        one.note = " · ".join(filter(None, (one.note[: NOTE - len(said) - 3], said)))


def _guarded(ctx: Context, seat: Seat, told: Told, book: Callable[[Context, Told], Answer]) -> Answer:
    """Book an act; what refuses it, or breaks, keeps it for a leader. A database that is away or busy is passed on."""
    try:
        return book(ctx, told)
    except (OperationalError, InterfaceError, Contended):
        raise
    except KeyReused as refusal:
        return Answer(str(told.act.id), "refused", text=refusal.label)
    except DomainError as refusal:
        return _kept(ctx, seat, told, refusal)
    except Exception as fault:
        incident = secrets.token_hex(4).upper()
        log.error("incident %s at act %s", incident, told.act.id, exc_info=fault)
        return _kept(ctx, seat, told, ActBroken(incident=incident))


def _reported(ctx: Context, told: Told) -> Answer:
    if (named := told.act.named) and told.act.operation is None:
        raise OperationNotThere(order=named.number or str(named.order), sequence=named.sequence)
    try:
        answers = report_work(ctx, Reports(reports=told.reports))
    except ReportKeyReused as refusal:
        rows = Report.objects.filter(pk__in=[one.id for one in told.reports]).values(*_COMPARED)
        known = _known(told.reports, {row["id"]: row for row in rows})
        return known or Answer(str(told.act.id), "refused", text=refusal.label)
    return answer_of(told, {one.id: one for one in answers})


def answer_of(told: Told, answers: Mapping[UUID, ReportAnswer]) -> Answer:
    """Give what became of an act whose reports are booked."""
    flags = tuple(dict.fromkeys(flag for one in told.reports for flag in answers[one.id].flags))
    return Answer(str(told.act.id), "flagged" if flags else "done", flags)


def _further(ctx: Context, told: Told) -> Answer:
    found = acts.book(ctx, acts.told_of(told.act, told.happened_at))
    flags = tuple(found.get("flags", ()))
    return Answer(str(told.act.id), "flagged" if flags else "done", flags, found.get("text"))


def _shown(ctx: Context, seat: Seat, told: Told, answer: Answer) -> Answer:
    """Put an act of a further kind that is booked with flags before a leader; give its answer."""
    if answer.state == "flagged":
        said = [acts.FLAGGED[flag] for flag in answer.flags]
        words = L("、".join(one.zh for one in said), ", ".join(one.en for one in said))
        _kept(ctx, seat, told, BookedFlagged(flags=words))
    return answer


def _known(reports: Sequence[OneReport], rows: dict[UUID, dict[str, Any]]) -> Answer | None:
    """Give the answer to an act that is booked already, None where it is not; another one's key is refused."""
    if not any(one.id in rows for one in reports):
        return None
    first = str(reports[0].id)
    for one in reports:
        row = rows.get(one.id)
        if row is None or not _is_same(one, row):
            return Answer(first, "refused", text=ActTwice(id=one.id).label)
    flags = tuple(dict.fromkeys(flag for one in reports for flag in rows[one.id]["flags"]))
    return Answer(first, "flagged" if flags else "done", flags)


def _is_same(one: OneReport, row: dict[str, Any]) -> bool:
    if one.kind != row["kind"]:
        return False
    if one.kind == "undo":
        return one.reverses == row["reverses_id"]
    return one.operation == row["operation_id"] and Decimal(one.quantity) == row["quantity"]


def _withdrawn(ctx: Context, act: Act) -> bool:
    """Take back what the same person told and what is only kept; say whether there was such."""
    undone = [part.reverses for part in act.parts if part.reverses]
    return bool(undone and withdraw_kept(ctx, {"acts": undone}))


def _key_of(told: Told) -> UUID | None:
    if told.act is not None:
        return told.act.id
    try:
        return UUID(str(told.raw.get("id")))
    except ValueError:
        return None


def _kept(ctx: Context, seat: Seat, told: Told, refusal: DomainError) -> Answer:
    """Keep an act for a leader, with why it could not be booked and when it happened by either clock."""
    key, act = _key_of(told), told.act
    wanted = act.operation if isinstance(act, Act) else _named_in(act)
    place = Operation.objects.filter(pk=wanted).values_list("pk", "plant_id").first() if wanted else None
    reasons = [text for texts in refusal.field_texts().values() for text in texts][:3]
    more = f" ({'; '.join(reasons)})" if reasons else ""
    keep_act(
        ctx,
        dict(
            act=key, device=seat.device, plant=place[1] if place else seat.plant, employee=ctx.principal.employee,
            sequence=_sequence(told.raw), kind=act.kind if act else _kind_of(told.raw), code=refusal.code,
            operation=place[0] if place else None, said=act.said if act else str(told.raw.get("said", ""))[:300],
            fault_zh=(refusal.text("zh") + more)[:500], fault_en=(refusal.text("en") + more)[:500],
            body=_body(told), happened_at=told.happened_at, clock_at=told.clock_at,
        ),
    )  # fmt: skip
    return Answer(str(key), "kept", text=refusal.label)


def _named_in(act: Further | None) -> UUID | None:
    """Give the operation that an act of a further kind says it was at."""
    try:
        return UUID(str(act.body.get("operation"))) if act else None
    except ValueError:
        return None


def _body(told: Told) -> dict[str, Any]:
    return told.act.model_dump(mode="json") if isinstance(told.act, Act) else told.raw


def _kind_of(raw: dict[str, Any]) -> str:
    kind = raw.get("kind")
    return kind if kind in KINDS else "report"


def _answer_of(key: UUID, state: str, answer: str, fault_zh: str, fault_en: str, code: str) -> Answer:
    """Give the answer to an act that is kept, as it stands by now."""
    waiting = "flagged" if state == "open" and code == BookedFlagged.code else "kept"
    return Answer(str(key), "done" if state == "booked" else waiting, text=L(answer or fault_zh, answer or fault_en))
