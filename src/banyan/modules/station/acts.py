"""What a station sends: acts of a person, and what each kind of them becomes.

Start, pause, report and undo are production's. A further kind is named in `KINDS`, and the module that it belongs to
answers the port `station.act.KIND`:

    @answers("station.act.help")
    def help_called(ctx: Context, told: Mapping[str, Any]) -> Mapping[str, Any]:

`told` is {id, kind, happened_at, clock_at, said, body}: key made by the device, its time set right and as the device
had it, and what else the device sent. The answer may say {flags, text}; what is flagged (`FLAGGED`) is booked, and is
put before a leader as well, who accepts it or has it taken back. It is called with the same key again whenever
the device has not heard the answer, then it must answer alike and write nothing. A `DomainError` keeps the act for a
leader (`station.kept_act`). What has not happened yet and may be refused (a pick, a shipment) is no act: it is asked
of the server at once and never waits in a queue.

What such a module needs on the device for a shift it gives by the port `station.day.KIND`, a function of the context
whose JSON stands in the day under that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel.context import Context
from banyan.kernel.registry import port
from banyan.kernel.schema import Input, Instant, Quantity, Text, field, parse
from banyan.lib.labels import L, Label
from banyan.modules.production.commands.reports import DefectCount, LotUse, OneReport, Share
from banyan.modules.station.errors import ActUnreadable

ZERO = Decimal(0)
#: Reports of one act: good and bad pieces, and each piece that has a serial number.
MOST_PARTS = 100

@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of act, which is always something that has happened. `noun` is that of the record it becomes, under the
    act's own key."""

    label: Label
    tone: str = "grey"
    noun: str = ""


KINDS: dict[str, Kind] = {
    "start": Kind(L("开工", "Start"), "blue"),
    "pause": Kind(L("暂停", "Pause")),
    "report": Kind(L("报工", "Report"), "green", "production.report"),
    "undo": Kind(L("撤销", "Undo"), "orange"),
    "help": Kind(L("安灯呼叫", "Call for help"), "red", "exceptions.exception"),
    "use": Kind(L("用料", "Material used"), "purple"),
    "gate": Kind(L("到货", "Arrival")),
    "store": Kind(L("入库", "Put away")),
    "move": Kind(L("移库", "Move")),
    "count": Kind(L("盘点", "Count")),
}
#: What a leader is to look at in an act of a further kind that is booked.
FLAGGED: dict[str, Label] = {
    "held": L("用了冻结批次，产出一并冻结", "held lot used; what came of it is held too"),
    "expired": L("用了过期批次", "expired lot used"),
    "over": L("到货多于订单，已按实收入账", "more came than was ordered; all of it is booked"),
    "short": L("账上不够，差的记为欠料", "more than the books had; the rest is owed"),
}
#: Those that are reports of production.
REPORTED = ("start", "pause", "report", "undo")


def _nobody(ctx: Context, told: Mapping[str, Any]) -> Mapping[str, Any]:
    raise ActUnreadable(fault="kind")


def book(ctx: Context, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have the module of a further kind book an act; give {flags, text}. Raises: what it refuses"""
    return port(f"station.act.{told['kind']}", _nobody)(ctx, told) or {}


def take_back(ctx: Context, kind: str, key: UUID) -> None:
    """Have the module of a further kind take back what it has booked. Raises: what it refuses"""
    port(f"station.take_back.{kind}", lambda ctx, key: None)(ctx, key)


def further_day(ctx: Context) -> dict[str, Any]:
    """Give what modules of further kinds want on the device for a shift, by kind."""
    asked = {kind: port(f"station.day.{kind}", lambda ctx: None)(ctx) for kind in KINDS if kind not in REPORTED}
    return {kind: found for kind, found in asked.items() if found is not None}


class Part(Input):
    """One report of an act: good pieces, bad ones of one kind, a start, a pause, or the undoing of a report.

    A piece with a serial number is a part of its own, which names what went into it.
    """

    id: UUID = field("标识", "Key")
    kind: Literal["start", "pause", "good", "scrap", "rework", "undo"] = field("类型", "Kind")
    quantity: Quantity = field("数量", "Quantity", ZERO, ge=0)
    defects: Annotated[list[DefectCount], Field(max_length=50)] = field("不良", "Defects", default_factory=list)
    reverses: UUID | None = field("撤销的报工", "Undoes", None)
    output_lot: Annotated[Text, Field(max_length=60)] = field("序列号", "Serial number", "")
    lots: Annotated[list[LotUse], Field(max_length=200)] = field("投入批次", "Input lots", default_factory=list)


class Named(Input):
    """An operation as its traveller names it, where the device knew no more of the order."""

    order: UUID | None = field("工单", "Work order", None)
    number: Annotated[Text, Field(max_length=80)] = field("工单号", "Order number", "")
    sequence: Annotated[int, Field(ge=1, le=99_999)] = field("工序号", "Operation number")


class Act(Input):
    """What a person did in one go; its key and those of its parts are made by the device."""

    id: UUID = field("标识", "Key")
    seq: Annotated[int, Field(ge=0, le=2**53)] = field("序号", "Sequence")
    kind: Literal["start", "pause", "report", "undo"] = field("类型", "Kind")
    at: Instant = field("设备时间", "Device time")
    operation: UUID | None = field("工序", "Operation", None)
    named: Named | None = field("按编号", "By number", None)
    parts: Annotated[list[Part], Field(min_length=1, max_length=MOST_PARTS)] = field("报工", "Reports")
    people: Annotated[list[Share], Field(max_length=50)] = field("人员", "People", default_factory=list)
    machine: UUID | None = field("设备", "Machine", None)
    minutes: Quantity | None = field("工时", "Minutes", None, ge=0, le=100_000)
    lots: Annotated[list[LotUse], Field(max_length=200)] = field("投入批次", "Input lots", default_factory=list)
    output_lot: Annotated[Text, Field(max_length=60)] = field("产出批号", "Output lot", "")
    data: dict[str, Any] = field("采集数据", "Captured data", default_factory=dict)
    note: Annotated[Text, Field(max_length=500)] = field("备注", "Note", "")
    said: Annotated[Text, Field(max_length=300)] = field("内容", "In words", "")


class Further(Input):
    """An act of a further kind: what every act says; the rest is its module's to read."""

    id: UUID = field("标识", "Key")
    seq: Annotated[int, Field(ge=0, le=2**53)] = field("序号", "Sequence")
    kind: Annotated[Text, Field(max_length=24)] = field("类型", "Kind")
    at: Instant = field("设备时间", "Device time")
    said: Annotated[Text, Field(max_length=300)] = field("内容", "In words", "")
    body: dict[str, Any] = field("内容", "Content", default_factory=dict)


class Batch(Input):
    """What waited at a device; each act is read by itself, so that one that cannot be read stops no other."""

    device: UUID = field("设备", "Device")
    sent_at: Instant = field("设备现在的时间", "The device's time now")
    person: UUID | None = field(
        "代谁发送", "Sent for", None, reference="kernel.user",
        help=L("登录已失效的人，由有权的人代发", "Who is signed out: somebody with the right sends it for them"),
    )  # fmt: skip
    acts: Annotated[list[dict[str, Any]], Field(max_length=200)] = field("报工", "Acts")


def told_of(act: Further, happened_at: datetime) -> dict[str, Any]:
    """Give an act of a further kind as its module takes it."""
    return {
        "id": act.id, "kind": act.kind, "happened_at": happened_at, "clock_at": act.at, "said": act.said,
        "body": act.body,
    }  # fmt: skip


def read(raw: Mapping[str, Any]) -> Act | Further:
    """Give an act as it was sent, understood. Raises: Invalid"""
    if raw.get("kind") in REPORTED or raw.get("kind") not in KINDS:
        return parse(Act, {name: value for name, value in raw.items() if name != "photos"})
    known = {name: raw[name] for name in Further.model_fields if name in raw and name != "body"}
    return parse(Further, known | {"body": {k: v for k, v in raw.items() if k not in Further.model_fields}})


def reports_of(act: Act, happened_at: datetime) -> list[OneReport]:
    """Give an act as production takes it: something that has happened, at a time set right.

    The act's lots, data and time go with the first part only, so that they count once.
    """
    made = []
    for place, part in enumerate(act.parts):
        more: dict[str, Any] = {}
        if part.kind == "undo":
            more["reverses"] = part.reverses
        else:
            more |= {"operation": act.operation, "people": act.people, "machine": act.machine}
            if part.kind in ("good", "scrap", "rework"):
                more |= {"quantity": part.quantity, "defects": part.defects}
            lots = [*part.lots, *act.lots] if place == 0 else part.lots
            if place == 0:
                more |= {"minutes": act.minutes, "data": act.data}
            if lots:
                more["lots"] = lots
            if part.kind == "good":
                more["output_lot"] = part.output_lot or act.output_lot
        made.append(
            OneReport(
                id=part.id, kind=part.kind, note=act.note, device_at=happened_at, clock_at=act.at, offline=True, **more
            )
        )
    return made
