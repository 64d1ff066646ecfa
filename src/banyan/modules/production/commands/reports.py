"""Reports from the shop floor: the hottest command of the product.

A report locks the rows of its operations and nothing else of the order: what came before is read after that
lock is held, and whoever takes back what others build on locks those others too. So 32 people at one
operation wait for each other for a moment only, and two orders never wait for each other at all.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import Apart, Call, Together, command, tell_for
from banyan.kernel.context import Context
from banyan.kernel.registry import port
from banyan.kernel.schema import Input, Instant, Quantity, Text, field
from banyan.lib.errors import DomainError, FieldFaults
from banyan.lib.labels import L
from banyan.modules.company.queries import plants
from banyan.modules.engineering import capture
from banyan.modules.inventory.commands import period_is_open
from banyan.modules.people.queries import employees_by_id, work_day
from banyan.modules.production import rules
from banyan.modules.production.commands import flow
from banyan.modules.production.commands.flow import Op, Shop
from banyan.modules.production.commands.flush import Flushed, LotUse, move_material, output_lots
from banyan.modules.production.commands.leading import require_led, teams_led, teams_of_reports
from banyan.modules.production.errors import (
    AlreadyUndone,
    ApprovedAlready,
    CannotUndo,
    NotAtWork,
    OperationStopped,
    OperationUnknown,
    ReportKeyReused,
    ReportUnknown,
    ReversalReasonNeeded,
    StillNeededLater,
    TooMuchReported,
    WrongReport,
)
from banyan.modules.production.events import Part, Reported
from banyan.modules.production.models import AT_WORK, DefectReason, Report, ReportApproval, ReportFlag

ZERO = Decimal(0)
UNDO = "production.report.undo"
MOST_REPORTS = 500
#: Reports of one call above which it is booked by itself.
MOST_TOGETHER = 5
#: Why nobody may go on with an operation, in words: (ctx, operations) to a label for each that is stopped.
stops = port("production.operation.stops", lambda _ctx, _operations: {})


class DefectCount(Input):
    """So many counts are bad for one reason."""

    reason: UUID = field("不良原因", "Defect reason", reference="production.defect_reason")
    quantity: Quantity = field("数量", "Quantity", gt=0)


class Share(Input):
    """A person who took part; shares are in any proportion, all alike where none is given."""

    employee: UUID = field("员工", "Employee", reference="people.employee")
    share: Quantity | None = field("份额", "Share", None, ge=0)


class OneReport(Input):
    """One word from the shop floor; its key is made by the device, so that it may be sent again at no
    risk."""

    id: UUID = field(
        "标识",
        "Key",
        help=L("由设备生成的 UUID；重复提交只记一次", "A UUID made by the device; sent twice it counts once"),
    )
    operation: UUID | None = field("工序", "Operation", None, reference="production.operation")
    kind: Literal["start", "pause", "good", "scrap", "rework", "undo"] = field("类型", "Kind")
    quantity: Quantity = field("数量", "Quantity", ZERO, ge=0)
    defects: Annotated[list[DefectCount], Field(max_length=50)] = field(
        "不良原因", "Defects", default_factory=list
    )
    people: Annotated[list[Share], Field(max_length=50)] = field("人员", "People", default_factory=list)
    machine: UUID | None = field("设备", "Machine", None, reference="equipment.machine")
    minutes: Quantity | None = field(
        "工时（所有人合计）", "Working time of all people", None, unit="min", ge=0, le=100_000
    )
    machine_minutes: Quantity | None = field("机器工时", "Machine time", None, unit="min", ge=0, le=100_000)
    back_to: UUID | None = field("退回到工序", "Back to operation", None, reference="production.operation")
    lots: Annotated[list[LotUse], Field(max_length=200)] = field(
        "投入批次", "Input lots", default_factory=list
    )
    output_lot: Annotated[Text, Field(max_length=60)] = field("产出批号", "Output lot", "")
    data: dict[str, Any] = field("采集数据", "Captured data", default_factory=dict)
    note: Annotated[Text, Field(max_length=500)] = field("备注", "Note", "")
    reverses: UUID | None = field("撤销的报工", "Undoes", None, reference="production.report")
    device_at: Instant | None = field("设备时间", "Device time", None)
    clock_at: Instant | None = field(
        "设备时钟", "Device clock", None, help=L("设备自己的时间，未校正", "The device's own time, not set right")
    )
    offline: bool = field("离线时记录", "Recorded offline", False)
    sent_by: UUID | None = field(
        "代发人", "Sent by", None, reference="kernel.user",
        help=L("本人不在时代为发送的人", "Who sends it while the person is away"),
    )  # fmt: skip

    @property
    def is_offline(self) -> bool:
        """Say whether it tells what has happened already: then it is booked and flagged where it would be
        refused."""
        return self.offline and self.device_at is not None


class Reports(Input):
    """Reports in the order in which they happened: all are booked, or none."""

    reports: Annotated[list[OneReport], Field(min_length=1, max_length=MOST_REPORTS)] = field(
        "报工", "Reports"
    )


class Undo(Input):
    """Taking a report back; the key is made by the device like that of a report."""

    id: UUID = field("标识", "Key")
    report: UUID = field("报工", "Report", reference="production.report")
    note: Annotated[Text, Field(max_length=500)] = field("原因", "Reason", "")


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """What became of a report; sent again, it gets the same answer."""

    id: UUID
    work_order: UUID
    operation: UUID
    kind: str
    quantity: Decimal
    minutes: Decimal
    flags: tuple[str, ...]
    reported_at: datetime


def _keys_together(data: Reports) -> frozenset[UUID]:
    """Give the keys of reports that may go together with others', none where one of them goes its own way."""
    if len(data.reports) > MOST_TOGETHER or not all(goes_along(one) for one in data.reports):
        return frozenset()
    return frozenset(one.id for one in data.reports)


def goes_along(one: Any) -> bool:
    """Say whether a report may go together with others' for what it says: it takes none back and names no lots.

    Takes:  one: a report, or what a station sends of it: kind, lots, output_lot
    """
    return one.kind != "undo" and not one.lots and not one.output_lot


def _report_together(calls: Sequence[Call]) -> list[tuple[ReportAnswer, ...]]:
    """Book reports of several people as `report_work` does, in one set of statements.

    Raises: Apart for a report that is there already, begins an order, moves material, takes one back, or needs a
            leader's look; else as `report_work`
    """
    told = [(call.ctx, one) for call in calls for one in call.data.reports]
    booking = _Booking(calls[0].ctx, [one for _, one in told], [ctx for ctx, _ in told])
    answers = {answer.id: answer for answer in booking.run()}
    return [tuple(answers[one.id] for one in call.data.reports) for call in calls]


@command(
    "production.work_order.report",
    L("报工", "Report"),
    input=Reports,
    on="noun",
    icon="checkbox",
    is_primary=True,
    screen=False,
    help=L(
        "开工、暂停、合格、报废、返工、撤销；同一标识只记一次",
        "Start, pause, good, scrap, rework, undo; the same key counts once",
    ),
    together=Together(_keys_together, _report_together),
)
def report_work(ctx: Context, data: Reports) -> tuple[ReportAnswer, ...]:
    """Book reports of people on operations, each once however often it is sent.

    Takes:  `minutes` is the working time of all people together; without it the clock between start and pause
            counts, and without that the routing's time. `device_at` with `offline` says that it has happened
            already
    Gives:  an answer per report, in their order
    Raises: TooMuchReported, NotAtWork for a live report; an offline one is booked, and flagged for the leader. What is
            told by others than those who report at a work centre is booked and flagged, live or not
    Writes: reports, counters of the operations; backflush with its debts; locks operations, then materials,
            then stock; tells Reported
    """
    return book_reports(ctx, data.reports)


def book_reports(ctx: Context, reports: Sequence[OneReport], *, is_work: bool = True) -> tuple[ReportAnswer, ...]:
    """Book reports inside a command, as `report_work` does.

    Takes:  is_work: whether people tell what they made, so that it is asked who may report at the work centre
    """
    return _Booking(ctx, reports, is_work=is_work).run()


@command(
    UNDO,
    L("撤销报工", "Undo a report"),
    input=Undo,
    on="noun",
    icon="arrow-back-up",
    tone="orange",
)
def undo_report(ctx: Context, data: Undo) -> tuple[ReportAnswer, ...]:
    """Take a report back by a reversing one: counters, time, amounts, backflushed material.

    Raises: StillNeededLater when later operations have used the pieces; ApprovedAlready for one's own that is
            approved, which a leader takes back with a reason; NotYourTeam
    Writes: as `report_work`
    """
    return _Booking(ctx, [OneReport(id=data.id, kind="undo", reverses=data.report, note=data.note)]).run()


_UNDONE = (
    "id",
    "work_order_id",
    "operation_id",
    "plant_id",
    "kind",
    "quantity",
    "back_to_id",
    "people",
    "machine_id",
    "minutes",
    "labour_minutes",
    "machine_minutes",
    "setup_minutes",
    "labour_amount",
    "machine_amount",
    "overhead_amount",
    "setup_amount",
    "output_lot_id",
    "lots",
    "day",
    "person",
    "worker",
    "moves",
)


@dataclass(slots=True)
class _Entry:
    """A report on its way to the ledger, in the circumstances of who tells it."""

    ctx: Context
    data: OneReport
    place: int
    op: Op
    undone: dict[str, Any] | None = None
    people: list[dict[str, Any]] = dataclass_field(default_factory=list)
    worker: UUID | None = None
    effort: rules.Effort = rules.Effort()
    minutes: Decimal | None = None
    flags: list[str] = dataclass_field(default_factory=list)
    excess: Decimal = ZERO
    counters: rules.Flow | None = None
    output_lot: UUID | None = None
    moves: tuple[UUID, ...] = ()
    strange: set[UUID] = dataclass_field(default_factory=set)

    @property
    def kind(self) -> str:
        return self.undone["kind"] if self.undone else self.data.kind

    @property
    def sign(self) -> int:
        return -1 if self.undone else 1

    @property
    def quantity(self) -> Decimal:
        return self.undone["quantity"] if self.undone else self.data.quantity

    @property
    def back_to(self) -> UUID | None:
        return self.undone["back_to_id"] if self.undone else self.data.back_to

    @property
    def pieces(self) -> Decimal:
        return self.sign * self.quantity / self.op.flow.ratio

    def flag(self, kind: str) -> None:
        """Note once what a leader should look at."""
        if kind not in self.flags:
            self.flags.append(kind)


def _flushes(entry: _Entry) -> bool:
    """Say whether a report takes material by itself."""
    return entry.op.has_backflush and entry.kind in ("good", "scrap")


class _Booking:
    """One call of the report command, or several people's together, step by step.

    Takes:  tellers: who tells each report, where several do; `ctx` says when, for all; is_work: as `book_reports`
    """

    def __init__(
        self, ctx: Context, reports: Sequence[OneReport], tellers: Sequence[Context] | None = None, *,
        is_work: bool = True,
    ) -> None:  # fmt: skip
        self.ctx = ctx
        self.reports = reports
        self.is_together = tellers is not None
        self.is_work = is_work
        self.tellers = tellers or [ctx] * len(reports)
        self.undone: dict[UUID, dict[str, Any]] = {}
        self.approved: set[UUID] = set()
        self.entries: list[_Entry] = []
        self.known: set[UUID] = set()

    def run(self) -> tuple[ReportAnswer, ...]:
        if self.is_together:
            self._part(self._unlike())
        self._read_undone()
        operations = self._operations()
        self._lock(operations)
        self.shop = flow.read_shop(
            operations, reports=[one.id for one in self.reports], hands=self._hands(),
            machines=sorted({one.machine for one in self.reports if one.machine}),
        )  # fmt: skip
        self.known = self._already_known()
        self._read_approved()
        self._enter()
        if self.is_together:
            self._part(e.data.id for e in self.entries if e.op.order in self.begun or _flushes(e))
        if not self.entries:
            return self._answers({})
        self._name_people()
        self._read_clocks()
        for entry in self.entries:
            self._count(entry)
        self._check_data()
        self._check_periods()
        self._check_machines()
        self._check_senders()
        self._check_reporters()
        if self.is_together:
            self._part(entry.data.id for entry in self.entries if entry.flags)
        self._move_material()
        rows = {entry.data.id: self._row(entry) for entry in self.entries}
        if flow.write_reports(self.shop, list(rows.values())) < len(rows):
            raise ReportKeyReused(id=next(iter(rows)))
        self._count_starts()
        self._save_lost()
        self._flag()
        for entry in self.entries:
            tell_for(entry.ctx, self._event(entry, rows[entry.data.id]))
        return self._answers(rows)

    # --- what is not done together with others

    def _part(self, keys: Iterable[UUID]) -> None:
        """Have calls done each by itself. Raises: Apart where there are such"""
        apart = frozenset(keys)
        if apart:
            raise Apart(apart)

    def _unlike(self) -> set[UUID]:
        """Give the reports that nobody's go along with, and those of which two have one key."""
        counted = Counter(one.id for one in self.reports)
        return {one.id for one in self.reports if counted[one.id] > 1 or not goes_along(one)}

    # --- before the locks

    def _read_undone(self) -> None:
        wanted = [r.reverses for r in self.reports if r.kind == "undo" and r.reverses]
        if wanted:
            rows = Report.objects.filter(pk__in=wanted).values(*_UNDONE)
            self.undone = {row["id"]: row for row in rows}

    def _operations(self) -> list[UUID]:
        """Give the operations reported on, and those that pieces go back to."""
        named = {r.operation for r in self.reports if r.operation} | {
            r.back_to for r in self.reports if r.back_to
        }
        for row in self.undone.values():
            named |= {row["operation_id"], row["back_to_id"]} - {None}
        return sorted(named)

    def _hands(self) -> list[tuple[UUID, UUID]]:
        """Give who worked at which operation: the first of those named, else the teller."""
        told = zip(self.reports, self.tellers, strict=True)
        named = [
            (one.operation, one.people[0].employee if one.people else teller.principal.employee)
            for one, teller in told if one.operation and not one.machine
        ]  # fmt: skip
        return sorted({(operation, employee) for operation, employee in named if employee})

    def _lock(self, operations: Sequence[UUID]) -> None:
        """Lock the operations; their orders only where their own row will change: for the first report, and
        where pieces are lost; for an undo also the operations that may have used what is taken back."""
        kinds = {one.kind for one in self.reports}
        begins = bool(kinds & {"start", "good", "scrap", "rework"})
        orders = flow.lock_for_reports(
            operations, released_orders=begins, all_orders=bool(kinds & {"scrap", "undo"}),
            siblings=bool(self.undone),
        )  # fmt: skip
        self.begun = frozenset(orders) if begins else frozenset()
        if begins and not self.is_together:
            flow.begin_orders(self.ctx, orders)

    # --- with the locks held

    def _already_known(self) -> set[UUID]:
        """Give which keys are in the ledger. Raises: ReportKeyReused for one with another content."""
        if self.is_together:
            self._part(self.shop.known)
        for one in self.reports:
            if one.id in self.shop.known and self.shop.known[one.id] != _digest(one):
                raise ReportKeyReused(id=one.id)
        return set(self.shop.known)

    def _read_approved(self) -> None:
        """Read which of the reports to take back are approved; nobody can approve one meanwhile."""
        if self.undone:
            rows = ReportApproval.objects.filter(pk__in=list(self.undone), state="approved")
            self.approved = set(rows.values_list("pk", flat=True))

    def _enter(self) -> None:
        """Check each new report by itself, and enter it."""
        faults, seen = FieldFaults(), {}
        for place, one in enumerate(self.reports):
            if one.id in seen and _digest(seen[one.id]) != _digest(one):
                raise ReportKeyReused(id=one.id)
            if one.id in seen or one.id in self.known:
                continue
            seen[one.id] = one
            undone = self._undone_by(one, place) if one.kind == "undo" else None
            op = self.shop.ops.get(undone["operation_id"] if undone else one.operation)
            if op is None or not _in_reach(self.tellers[place], op):
                if undone is None and one.operation is None:
                    faults.add(("reports", place, "operation"), L("必填", "is required"))
                    continue
                raise OperationUnknown(
                    fields={f"reports.{place}.operation": L("找不到该工序", "no such operation")}
                )
            entry = _Entry(self.tellers[place], one, place, op, undone)
            _check(entry, self.shop, faults)
            self.entries.append(entry)
        faults.refuse_if_any(WrongReport)
        self._check_reasons()

    def _undone_by(self, one: OneReport, place: int) -> dict[str, Any]:
        row = self.undone.get(one.reverses) if one.reverses else None
        reach = self.ctx.principal.reach(UNDO)
        if row is None or reach is None or (reach == "own" and row["person"] != self.ctx.person):
            raise ReportUnknown(fields={f"reports.{place}.reverses": L("找不到该报工", "no such report")})
        if row["kind"] == "undo":
            raise CannotUndo
        if row["person"] != self.ctx.person and teams_led(self.ctx, UNDO) is not None:
            require_led(self.ctx, UNDO, teams=teams_of_reports([row["id"]]))
        taken_back = {entry.data.reverses for entry in self.entries if entry.undone}
        if one.reverses in taken_back or db.one(
            "SELECT 1 FROM production_report WHERE reverses_id = %s", [one.reverses]
        ):
            raise AlreadyUndone
        if one.reverses in self.approved:
            if reach == "own":
                raise ApprovedAlready
            if not one.note and not one.is_offline:
                raise ReversalReasonNeeded(fields={f"reports.{place}.note": L("填写原因", "say why")})
        return row

    def _check_reasons(self) -> None:
        """Refuse what is no reason for such a report there; one that has been told offline stands, and is flagged."""
        named = {d.reason for entry in self.entries for d in entry.data.defects}
        if not named:
            return
        rows = DefectReason.objects.filter(pk__in=named)
        known: dict[UUID, tuple[str, bool, set[UUID | None]]] = {}
        for key, kind, is_active, centre in rows.values_list("id", "kind", "is_active", "centres__work_centre"):
            known.setdefault(key, (kind, is_active, set()))[2].add(centre)  # None stands for everywhere
        faults = FieldFaults()
        for entry in self.entries:
            for n, defect in enumerate(entry.data.defects):
                kind, is_active, centres = known.get(defect.reason, ("", False, set()))
                if is_active and kind in ("both", entry.kind) and centres & {None, entry.op.work_centre}:
                    continue
                if kind and entry.data.is_offline:
                    entry.flag("reason")
                else:
                    faults.add(
                        ("reports", entry.place, "defects", n, "reason"),
                        L(
                            "没有此不良原因，或不用于此类报工或此工作中心",
                            "no such reason, or not one for this kind or work centre",
                        ),
                    )
        faults.refuse_if_any(WrongReport)

    def _name_people(self) -> None:
        """Say who took part; a person who names nobody reports for themselves.

        Offline a colleague may be named who has left since: the report stands, and is flagged.
        """
        named = {
            s.employee for e in self.entries for s in e.data.people if s.employee != e.ctx.principal.employee
        }
        known = employees_by_id(list(named)) if named else {}
        faults = FieldFaults()
        for entry in self.entries:
            own = entry.ctx.principal.employee
            if entry.undone:
                entry.people, entry.worker = [], entry.undone["worker"]
                continue
            for n, share in enumerate(entry.data.people):
                if share.employee == own or share.employee in known and known[share.employee].is_active:
                    continue
                if share.employee in known and entry.data.is_offline:
                    entry.flag("left")
                else:
                    faults.add(
                        ("reports", entry.place, "people", n, "employee"),
                        L("没有该在职员工", "no such employee at work"),
                    )
            people = [(s.employee, s.share) for s in entry.data.people] or ([(own, None)] if own else [])
            entry.people = [{"employee": key, "share": share} for key, share in people]
            entry.worker = people[0][0] if people else entry.ctx.person
        faults.refuse_if_any(WrongReport)

    def _read_clocks(self) -> None:
        """Read who started and paused when, for counts without a time on operations that people have
        started."""
        self.marks: dict[tuple[UUID, UUID], list[tuple[str, datetime]]] = {}
        asked = {
            (e.op.id, e.worker)
            for e in self.entries
            if e.op.started and e.kind in rules.COUNTED and not e.undone and e.data.minutes is None
        }
        if not asked:
            return
        orders = {self.shop.ops[key].order for key, _ in asked}
        rows = db.rows(
            "SELECT r.operation_id, r.worker, r.kind, coalesce(r.device_at, r.reported_at) AS at "
            "FROM production_report r "
            "WHERE r.work_order_id = ANY(%s) AND r.operation_id = ANY(%s) AND r.worker = ANY(%s) AND "
            "r.kind <> 'undo' "
            "AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id) ORDER BY at, r.id",
            [list(orders), [key for key, _ in asked], [worker for _, worker in asked]],
        )
        for operation, worker, kind, at in rows:
            self.marks.setdefault((operation, worker), []).append((kind, at))

    # --- one report after the other

    def _count(self, entry: _Entry) -> None:
        """Count a report in memory: is it possible, what does it change, what does it cost."""
        op, shop = entry.op, self.shop
        self._require_at_work(entry)
        back = shop.ops.get(entry.back_to) if entry.back_to else None
        step = rules.Step(
            op.sequence, entry.kind, entry.quantity, back.sequence if back else None, entry.sign,
            entry.data.reverses in self.approved,
        )  # fmt: skip
        flows = shop.flows(op.order)
        over = rules.excess(flows, step, op.planned, op.tolerance)
        if over:
            if not entry.data.is_offline:
                raise self._refusal(entry, flows, over)
            entry.flags.append("over")
            entry.excess = max(over.values())
        shop.apply(op.order, step)
        entry.counters = op.flow
        if entry.undone:
            self._take_back_effort(entry)
        elif entry.kind in rules.COUNTED:
            self._add_effort(entry)
        self._share_out(entry)

    def _require_at_work(self, entry: _Entry) -> None:
        op = entry.op
        if op.is_stopped and entry.kind in rules.GOES_ON and not entry.undone:
            if not entry.data.is_offline:
                raise OperationStopped(order=op.number, operation=op.title, why=stops(self.ctx, [op.id]).get(op.id, ""))
            entry.flags.append("stopped")
        if op.state not in ("closed", "skipped") and (op.order_state in AT_WORK):
            return
        if not entry.data.is_offline:
            raise NotAtWork(order=op.number, operation=op.title, state=_state_label(op))
        entry.flags.append("skipped" if op.state == "skipped" else "closed")

    def _refusal(self, entry: _Entry, flows: rules.Flows, over: dict[int, Decimal]) -> DomainError:
        op = entry.op
        if entry.undone:
            later = self.shop.by_order[op.order][max(over)]
            return StillNeededLater(order=op.number, operation=later.title, excess=over[later.sequence])
        left = max(ZERO, rules.room(op.sequence, flows, op.planned, op.tolerance))
        arrived = rules.round_quantity(rules.arrived(op.sequence, flows, op.planned) * op.flow.ratio)
        text = L(f"最多 {left.normalize():f}", f"at most {left.normalize():f}")
        return TooMuchReported(
            order=op.number,
            operation=op.title,
            asked=entry.quantity,
            room=left,
            arrived=arrived,
            taken=op.flow.taken,
            fields={f"reports.{entry.place}.quantity": text},
        )

    def _add_effort(self, entry: _Entry) -> None:
        op, given = entry.op, entry.data
        minutes = given.minutes
        if minutes is None and op.started:
            minutes = self._clocked(entry)
        is_first = not op.has_setup_charged
        is_free = "closed" in entry.flags
        entry.minutes = minutes
        entry.effort = rules.effort(
            pieces=entry.pieces,
            run_minutes=op.run_minutes,
            setup_minutes=op.setup_minutes if is_first else ZERO,
            rates=rules.Rates() if is_free else op.rates,
            minutes=minutes,
            machine_minutes=given.machine_minutes,
            people=len(entry.people),
        )
        if is_first:
            op.has_setup_charged = op.is_changed = True

    def _clocked(self, entry: _Entry) -> Decimal | None:
        marks = self.marks.setdefault((entry.op.id, entry.worker), [])
        until = entry.data.device_at or self.ctx.now
        worked = rules.clocked_minutes(marks, until)
        is_told = any(kind in rules.COUNTED and at == until for kind, at in marks)
        marks.append((entry.kind, until))
        return worked * max(1, len(entry.people)) or (ZERO if is_told else None)

    def _take_back_effort(self, entry: _Entry) -> None:
        row = entry.undone
        entry.effort = rules.Effort(*(row[name] for name in rules.Effort.__slots__)).back()
        if "closed" in entry.flags:  # the books of a closed order stand at nothing
            entry.effort = entry.effort.free()
        entry.minutes = None if row["minutes"] is None else -row["minutes"]
        if row["setup_minutes"]:
            entry.op.has_setup_charged, entry.op.is_changed = False, True

    def _share_out(self, entry: _Entry) -> None:
        if entry.undone:
            entry.people = [
                p
                | {"minutes": str(-Decimal(p["minutes"])), "quantity": str(-Decimal(p["quantity"]))}
                for p in entry.undone["people"]
            ]
            return
        shares = [p["share"] for p in entry.people]
        try:
            minutes = rules.shared_out(entry.effort.labour_minutes, shares)
            counts = rules.shared_out(entry.quantity if entry.kind in rules.COUNTED else ZERO, shares, 6)
        except ValueError:
            raise WrongReport(
                fields={
                    f"reports.{entry.place}.people": L(
                        "份额须全部填写（且不全为零）或全部不填",
                        "give shares for all (not all zero) or for none",
                    )
                }
            ) from None
        entry.people = [
            {
                "employee": str(p["employee"]),
                "share": None if p["share"] is None else str(p["share"]),
                "minutes": str(m),
                "quantity": str(q),
            }
            for p, m, q in zip(entry.people, minutes, counts, strict=True)
        ]

    def _check_data(self) -> None:
        """Flag what lacks, and what goes beyond limits, in the data asked for at an operation; the report stands.

        Reports of one person's call on an operation are taken together: good and bad of one go bring their data once.
        """
        told: dict[tuple[UUID, int], dict[str, Any]] = {}
        firsts: dict[tuple[UUID, int], _Entry] = {}
        for entry in self.entries:
            if entry.op.capture and not entry.undone and entry.kind in rules.COUNTED:
                one = entry.op.id, id(entry.ctx)
                told.setdefault(one, {}).update(entry.data.data)
                firsts.setdefault(one, entry)
        for key, entry in firsts.items():
            asked = capture.read(orjson.loads(entry.op.capture))
            if capture.missing(asked, told[key]):
                entry.flags.append("missing")
            if capture.beyond(asked, told[key]):
                entry.flags.append("limits")

    def _check_machines(self) -> None:
        """Flag work on a machine that does not stand where the operation is done, or did not run then; it stands."""
        for entry in self.entries:
            machine = self.shop.named.get(entry.data.machine) if entry.data.machine else None
            if entry.undone or not entry.data.machine:
                continue
            is_right = machine is not None and _stands_at(machine, entry.op)
            if not is_right or rules.was_stopped(machine.state, machine.since, self._happened_at(entry)):
                entry.flags.append("machine")

    def _check_senders(self) -> None:
        """Flag pieces, and what takes them back, that somebody else sends for the person; they stand."""
        for entry in self.entries:
            is_piece = entry.undone is not None or entry.kind in rules.COUNTED
            if entry.data.sent_by and is_piece:
                entry.flags.append("sender")

    def _check_reporters(self) -> None:
        """Flag pieces with somebody who is none of those that report at the work centre; they stand.

        No statement where anyone may, else one
        """
        asked = [
            (entry.data.id, entry.op.id, one, self._day(entry), self._happened_at(entry))
            for entry in self.entries
            if self.is_work and entry.op.reporters != "anyone" and not entry.undone and entry.kind in rules.COUNTED
            for one in [UUID(person["employee"]) for person in entry.people] or [None]
        ]
        outside = {key for (key,) in db.rows(_OUTSIDERS, [*map(list, zip(*asked, strict=True))])} if asked else ()
        for entry in self.entries:
            if entry.data.id in outside:
                entry.flags.append("reporter")

    def _check_periods(self) -> None:
        """Flag what was done in a period that is closed by now: it is booked on the first open day."""
        zones = {plant.id: plant for plant in plants()}
        days: dict[date, list[_Entry]] = {}
        for entry in self.entries:
            here = zones[entry.op.plant]
            done = here.day(self._happened_at(entry))
            if entry.kind in rules.COUNTED and done < here.day(self.ctx.now):
                days.setdefault(done, []).append(entry)
        for day, entries in days.items():
            if not period_is_open(day):
                for entry in entries:
                    entry.flags.append("period")

    # --- material, ledger, counters

    def _move_material(self) -> None:
        named = [e for e in self.entries if e.data.output_lot and not e.undone]
        made = [(e.op.order, e.op.item, e.data.output_lot, self._day(e)) for e in named]
        lots = output_lots(self.ctx, made)
        for entry, lot in zip(named, lots, strict=True):
            entry.output_lot = lot
        self._check_serials(named)
        uses = [
            Flushed(
                e.data.id,
                e.op,
                e.counters,
                tuple(e.data.lots),
                e.output_lot,
                _moved_at(e),
                e.kind in ("good", "scrap"),
            )
            for e in self.entries
            if not e.undone and (e.data.lots or e.op.has_backflush and e.kind in ("good", "scrap"))
        ]
        takes_back = [
            (e.data.id, e.undone)
            for e in self.entries
            if e.undone and (e.op.has_backflush or e.undone["lots"])
        ]
        moves, strange = move_material(self.ctx, uses, takes_back) if uses or takes_back else ({}, {})
        for entry in self.entries:
            entry.moves, entry.strange = moves.get(entry.data.id, ()), strange.get(entry.data.id, set())
            if entry.strange:
                entry.flags.append("lot")
        self._flag_held()
        self._flag_expired()

    def _check_serials(self, named: Sequence[_Entry]) -> None:
        """Let a serial number stand for one piece of its order, reported once at an operation.

        Raises: WrongReport for what is told as it happens; what has happened is flagged
        """
        if not named:
            return
        asked = [(e.data.id, e.output_lot, e.op.id, e.op.order, e.quantity) for e in named]
        used = {key for (key,) in db.rows(_USED_SERIALS, [*map(list, zip(*asked, strict=True))])}
        faults = FieldFaults()
        for entry in named:
            if entry.data.id in used and entry.data.is_offline:
                entry.flags.append("serial")
            elif entry.data.id in used:
                said = L("此序列号已报过，或不是一件", "this serial number was reported before, or is not one piece")
                faults.add(("reports", entry.place, "output_lot"), said)
        faults.refuse_if_any(WrongReport)

    def _flag_held(self) -> None:
        """Note the offline reports that used a lot which has been put on hold since."""
        told = [e for e in self.entries if e.data.is_offline and not e.undone and (e.moves or e.data.lots)]
        if not told:
            return
        moves = [move for e in told for move in e.moves]
        lots = [use.lot for e in told for use in e.data.lots]
        stopped = {key for (key,) in db.rows(_STOPPED, [moves, lots])}
        for entry in told:
            if stopped & {*entry.moves, *(use.lot for use in entry.data.lots)}:
                entry.flags.append("held")

    def _flag_expired(self) -> None:
        """Note the offline reports that name a lot which had expired where and when it was used."""
        asked = [
            (e.data.id, use.lot, _moved_at(e) or self.ctx.now, e.op.plant)
            for e in self.entries if e.data.is_offline and not e.undone for use in e.data.lots
        ]  # fmt: skip
        expired = {key for (key,) in db.rows(_EXPIRED, [*map(list, zip(*asked, strict=True))])} if asked else ()
        for entry in self.entries:
            if entry.data.id in expired:
                entry.flags.append("expired")

    def _row(self, entry: _Entry) -> dict[str, Any]:
        one, op, effort = entry.data, entry.op, entry.effort
        back = self.shop.ops.get(entry.back_to) if entry.back_to else None
        return dict(
            id=one.id,
            work_order_id=op.order,
            operation_id=op.id,
            plant_id=op.plant,
            kind=one.kind,
            quantity=entry.quantity * entry.sign if entry.kind in rules.COUNTED else ZERO,
            back_to_id=back.id if back and back is not op else None,
            back_quantity=rules.round_quantity(entry.pieces * back.flow.ratio)
            if back and back is not op
            else ZERO,
            defects=[{"reason": d.reason, "quantity": d.quantity} for d in one.defects],
            people=entry.people,
            machine_id=entry.undone["machine_id"] if entry.undone else self._machine(entry),
            minutes=entry.minutes,
            labour_minutes=effort.labour_minutes,
            machine_minutes=effort.machine_minutes,
            setup_minutes=effort.setup_minutes,
            labour_amount=effort.labour_amount,
            machine_amount=effort.machine_amount,
            overhead_amount=effort.overhead_amount,
            setup_amount=effort.setup_amount,
            lots=[
                {"lot": use.lot, "quantity": use.quantity} | ({"is_strange": True} if use.lot in entry.strange else {})
                for use in one.lots
            ],  # fmt: skip
            output_lot_id=entry.output_lot,
            data=one.data,
            note=one.note,
            flags=entry.flags,
            device_at=one.device_at,
            clock_at=one.clock_at,
            reported_at=self._at(entry),
            day=self._day(entry),
            person=entry.ctx.person,
            worker=entry.worker,
            moves=list(entry.moves),
            reverses_id=one.reverses if entry.undone else None,
            digest="\\x" + _digest(one).hex(),
        )

    def _machine(self, entry: _Entry) -> UUID | None:
        """Give on which machine it was done: as told, else as the leader put the person, else as planned."""
        given = self.shop.machines.get((entry.op.id, entry.worker)) if entry.worker else None
        told = entry.data.machine if entry.data.machine in self.shop.named else None
        return told or given or entry.op.machine

    def _at(self, entry: _Entry) -> datetime:
        """Give the moment of a report; those of one call stand in their order, a millionth of a second
        apart."""
        return self.ctx.now + timedelta(microseconds=entry.place)

    def _happened_at(self, entry: _Entry) -> datetime:
        """Give when it was done: what waited on a device says so, but no device knows what comes."""
        return min(_moved_at(entry) or self._at(entry), self._at(entry))

    def _day(self, entry: _Entry) -> date:
        """Give the day whose output it changes."""
        if entry.undone:
            return entry.undone["day"]
        return work_day(entry.worker, entry.op.plant, self._happened_at(entry))

    def _count_starts(self) -> None:
        """Count who is at an operation: those whose last start or pause, not undone, is a start."""
        asked = {e.op.id for e in self.entries if e.kind in ("start", "pause")}
        if not asked:
            return
        orders = {self.shop.ops[key].order for key in asked}
        found = dict(db.rows(_STARTED, [list(orders), list(asked)]))
        for op in self.shop.ops.values():
            op.is_changed = op.id in asked
            if op.is_changed:
                op.started = found.get(op.id, 0)
                op.state = rules.operation_state(op.state, op.flow, op.started)
        flow.save_shop(self.shop)

    def _save_lost(self) -> None:
        """Keep what an order has lost; its row is locked since before the operations."""
        orders = {e.op.order for e in self.entries if e.kind == "scrap"}
        if orders:
            db.run(
                "UPDATE production_workorder w SET scrapped_quantity = v.lost FROM "
                "jsonb_to_recordset(%s::jsonb) "
                "v(id uuid, lost numeric) WHERE w.id = v.id",
                [flow.as_json([dict(id=order, lost=self.shop.lost(order)) for order in sorted(orders)])],
            )

    def _flag(self) -> None:
        ReportFlag.objects.bulk_create(
            [
                ReportFlag(
                    work_order_id=e.op.order,
                    operation_id=e.op.id,
                    plant_id=e.op.plant,
                    report_id=e.data.id,
                    kind=flag,
                    excess_quantity=e.excess if flag == "over" else ZERO,
                    created_at=self.ctx.now,
                    changed_at=self.ctx.now,
                    created_by_id=self.ctx.person,
                    changed_by_id=self.ctx.person,
                )
                for e in self.entries
                for flag in e.flags
            ]
        )

    def _event(self, entry: _Entry, row: dict[str, Any]) -> Reported:
        op, effort = entry.op, entry.effort
        return Reported(
            record=op.order,
            report=entry.data.id,
            operation=op.id,
            kind=entry.kind,
            quantity=row["quantity"],
            pieces=rules.round_quantity(entry.pieces),
            item=op.item,
            plant=op.plant,
            work_centre=op.work_centre,
            labour_minutes=effort.labour_minutes,
            machine_minutes=effort.machine_minutes,
            setup_minutes=effort.setup_minutes,
            labour_amount=effort.labour_amount,
            machine_amount=effort.machine_amount,
            overhead_amount=effort.overhead_amount,
            setup_amount=effort.setup_amount,
            reported_at=self._at(entry),
            happened_at=self._happened_at(entry),
            day=row["day"],
            operation_name=op.name,
            people=tuple(_part(p) for p in entry.people) if entry.kind in rules.COUNTED else (),
            defects=tuple((d.reason, d.quantity) for d in entry.data.defects),
            reverses=row["reverses_id"],
        )

    def _answers(self, rows: dict[UUID, dict[str, Any]]) -> tuple[ReportAnswer, ...]:
        old = [one.id for one in self.reports if one.id not in rows]
        stored = (
            {row["id"]: row for row in Report.objects.filter(pk__in=old).values(*_ANSWERED)} if old else {}
        )
        return tuple(_answer((rows | stored)[one.id]) for one in self.reports)


_ANSWERED = (
    "id",
    "work_order_id",
    "operation_id",
    "kind",
    "quantity",
    "labour_minutes",
    "flags",
    "reported_at",
)

#: Moves, and lots, that a hold should have stopped.
_STOPPED = """
SELECT id FROM inventory_move WHERE id = ANY(%s) AND flag = 'held_lot'
UNION ALL SELECT id FROM inventory_lot WHERE id = ANY(%s) AND state IN ('held', 'rejected')
"""

#: Of uses (report, lot, time, plant) the reports whose lot was good until an earlier day of the plant.
_EXPIRED = """
SELECT n.id FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::uuid[]) AS n(id, lot, at, plant)
JOIN inventory_lot l ON l.id = n.lot JOIN company_plant p ON p.id = n.plant
WHERE l.expires_on < (n.at AT TIME ZONE p.zone)::date
"""

#: Of people in reports (key, operation, employee, day, time) the reports with one who does not report there.
_OUTSIDERS = f"""
SELECT DISTINCT n.id FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::date[], %s::timestamptz[])
    AS n(id, operation, employee, day, at)
JOIN production_operation o ON o.id = n.operation JOIN equipment_workcentre c ON c.id = o.work_centre_id
WHERE {flow.OUTSIDER.format(employee="n.employee", day="n.day", at="n.at")}
"""

#: Of reports (key, lot, operation, order, quantity) those whose serial number stands for another piece, or for several.
_USED_SERIALS = """
SELECT n.id FROM (
    SELECT n.*, row_number() OVER (PARTITION BY n.lot, n.operation ORDER BY n.place) AS turn
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::numeric[]) WITH ORDINALITY
        AS n(id, lot, operation, work_order, quantity, place)
) n JOIN inventory_lot l ON l.id = n.lot JOIN items_item i ON i.id = l.item_id
WHERE i.tracking = 'serial' AND (
    n.quantity <> 1 OR n.turn > 1 OR l.origin IS DISTINCT FROM n.work_order OR EXISTS (
        SELECT 1 FROM production_report r WHERE r.work_order_id = n.work_order AND r.operation_id = n.operation
        AND r.output_lot_id = n.lot AND r.kind = 'good' AND r.id <> n.id
        AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)))
"""

#: People at operations of some orders: one row per operation and worker whose last mark is a start.
_STARTED = """
SELECT operation_id, count(*) FROM (
    SELECT DISTINCT ON (r.operation_id, r.worker) r.operation_id, r.worker, r.kind FROM production_report r
    WHERE r.work_order_id = ANY(%s) AND r.kind IN ('start', 'pause')
      AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
    ORDER BY r.operation_id, r.worker, coalesce(r.device_at, r.reported_at) DESC, r.id DESC
) last WHERE kind = 'start' AND operation_id = ANY(%s) GROUP BY operation_id
"""


def _moved_at(entry: _Entry) -> datetime | None:
    """Give when material moved: an offline report says so itself, any other moves it now."""
    return entry.data.device_at if entry.data.is_offline else None


def _part(person: dict[str, Any]) -> Part:
    share = person["share"]
    return Part(
        UUID(person["employee"]),
        None if share is None else Decimal(share),
        Decimal(person["quantity"]),
        Decimal(person["minutes"]),
    )


def _answer(row: dict[str, Any]) -> ReportAnswer:
    return ReportAnswer(
        row["id"],
        row["work_order_id"],
        row["operation_id"],
        row["kind"],
        row["quantity"],
        row["labour_minutes"],
        tuple(row["flags"]),
        row["reported_at"],
    )


def _digest(one: OneReport) -> bytes:
    """Give the hash of what was sent, but for how it was sent: later it may come online or by another way.

    Of a device's own time and that time set right, the first was sent and the second may come out otherwise.
    """
    how = {"offline", "device_at"} if one.clock_at else {"offline"}
    return hashlib.sha256(one.model_dump_json(exclude=how, exclude_defaults=True).encode()).digest()


def _in_reach(ctx: Context, op: Op) -> bool:
    """Say whether an operation lies within reach of who reports: the noun's scope, row by row."""
    reach = ctx.principal.reach("production.work_order.report") or ctx.principal.reach(UNDO)
    if reach in ("team", "plant"):
        return op.plant in ctx.principal.plants
    return reach == "all" or op.created_by == ctx.person


def _stands_at(machine: flow.NamedMachine, op: Op) -> bool:
    """Say whether a machine stands where an operation is done: its work centre, the plant where it has none."""
    return machine.centre == op.work_centre if op.work_centre else machine.plant == op.plant


def _state_label(op: Op) -> Any:
    from banyan.kernel import registry

    if op.state in ("closed", "skipped"):
        return (
            registry.noun("production.operation")
            .spec.field("state")
            .choices[3 if op.state == "skipped" else 4]
            .label
        )
    return registry.noun("production.work_order").spec.life.state(op.order_state).label


def _check(entry: _Entry, shop: Shop, faults: FieldFaults) -> None:
    """Note what cannot be right in a report, whatever the counters say."""
    one, op = entry.data, entry.op

    def fault(name: str, zh: str, en: str) -> None:
        faults.add(("reports", entry.place, name), L(zh, en))

    if entry.undone:
        return
    if one.kind in rules.COUNTED:
        if one.quantity <= 0:
            fault("quantity", "须大于零", "must be above zero")
        elif rules.round_quantity(one.quantity, op.places) != one.quantity:
            fault("quantity", f"最多 {op.places} 位小数", f"at most {op.places} decimal places")
    elif one.quantity:
        fault("quantity", "开工和暂停不填数量", "start and pause take no quantity")
    if one.defects and one.kind not in ("scrap", "rework"):
        fault("defects", "只用于报废和返工", "only for scrap and rework")
    elif sum((d.quantity for d in one.defects), ZERO) > one.quantity:
        fault("defects", "不良数之和超过报工数量", "add up to more than the quantity")
    if one.reverses and one.kind != "undo":
        fault("reverses", "只用于撤销", "only for undo")
    if one.back_to:
        back = shop.ops.get(one.back_to)
        if one.kind != "rework":
            fault("back_to", "只用于返工", "only for rework")
        elif (
            back is None
            or back.order != op.order
            or not rules.may_go_back(op.sequence, back.sequence, shop.flows(op.order))
        ):
            fault("back_to", "须为本工单中在此之前的工序", "must be an earlier operation of this order")
    if len({s.employee for s in one.people}) < len(one.people):
        fault("people", "同一员工出现多次", "somebody is named twice")
    if one.machine and not one.is_offline and not (
        one.machine in shop.named and _stands_at(shop.named[one.machine], op)
    ):
        fault("machine", "不是该工序工作中心的设备", "no machine of the operation's work centre")
    if one.output_lot and one.kind != "good":
        fault("output_lot", "只用于合格", "only for good pieces")
