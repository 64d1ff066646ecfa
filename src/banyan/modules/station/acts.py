"""What a station sends: acts of a person at an operation, and the reports they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel import registry
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Instant, Quantity, Text, field
from banyan.lib.labels import Label
from banyan.modules.production.commands.reports import DefectCount, LotUse, OneReport, Share

ZERO = 0


class Part(Input):
    """One report of an act: good pieces, bad ones of one kind, a start, a pause, or the undoing of a report."""

    id: UUID = field("标识", "Key")
    kind: Literal["start", "pause", "good", "scrap", "rework", "undo"] = field("类型", "Kind")
    quantity: Quantity = field("数量", "Quantity", ZERO, ge=0)
    defects: Annotated[list[DefectCount], Field(max_length=50)] = field("不良", "Defects", default_factory=list)
    reverses: UUID | None = field("撤销的报工", "Undoes", None)


class Act(Input):
    """What a person did in one go; its key and those of its parts are made by the device."""

    id: UUID = field("标识", "Key")
    seq: Annotated[int, Field(ge=0, le=2**53)] = field("序号", "Sequence")
    kind: Literal["start", "pause", "report", "undo"] = field("类型", "Kind")
    at: Instant = field("设备时间", "Device time")
    operation: UUID | None = field("工序", "Operation", None)
    parts: Annotated[list[Part], Field(min_length=1, max_length=20)] = field("报工", "Reports")
    people: Annotated[list[Share], Field(max_length=50)] = field("人员", "People", default_factory=list)
    machine: UUID | None = field("设备", "Machine", None)
    minutes: Quantity | None = field("工时", "Minutes", None, ge=0, le=100_000)
    lots: Annotated[list[LotUse], Field(max_length=200)] = field("投入批次", "Input lots", default_factory=list)
    output_lot: Annotated[Text, Field(max_length=60)] = field("产出批号", "Output lot", "")
    data: dict[str, Any] = field("采集数据", "Captured data", default_factory=dict)
    note: Annotated[Text, Field(max_length=500)] = field("备注", "Note", "")
    said: Annotated[Text, Field(max_length=300)] = field("内容", "In words", "")


class OtherAct(Input):
    """An act of a kind that another module books; what it says stands in `body`."""

    id: UUID = field("标识", "Key")
    seq: Annotated[int, Field(ge=0, le=2**53)] = field("序号", "Sequence")
    kind: Annotated[Text, Field(max_length=8)] = field("类型", "Kind")
    at: Instant = field("设备时间", "Device time")
    parts: Annotated[list[Any], Field(max_length=0)] = field("报工", "Reports", default_factory=list)
    body: dict[str, Any] = field("内容", "Content")
    said: Annotated[Text, Field(max_length=300)] = field("内容", "In words", "")


@dataclass(frozen=True, slots=True)
class ActKind:
    """A kind of act that another module books, given by answering the port `station.act.KIND`.

    Takes:  input: of the act's body; book: a function (context, body, when it happened) that books it and gives what
            the person is told; the context bears the act's key, with which one command is run once however often it
            comes. A refusal keeps the act for whoever decides on such
    """

    input: type[Input]
    book: Callable[[Context, Any, datetime], Label | None]


def kind_elsewhere(name: Any) -> ActKind | None:
    """Give a kind of act that another module books, None for a report or an unknown kind."""
    return registry.port(f"station.act.{name}", lambda: None)() if isinstance(name, str) else None


class Batch(Input):
    """What waited at a device; each act is read by itself, so that one that cannot be read stops no other."""

    device: UUID = field("设备", "Device")
    sent_at: Instant = field("设备现在的时间", "The device's time now")
    acts: Annotated[list[dict[str, Any]], Field(max_length=200)] = field("报工", "Acts")


def reports_of(act: Act, happened_at: datetime) -> list[OneReport]:
    """Give an act as production takes it: something that has happened, at a time set right.

    Lots, data and time go with the first part only, so that they count once.
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
            if place == 0:
                more |= {"minutes": act.minutes, "data": act.data, "lots": act.lots}
            if part.kind == "good":
                more["output_lot"] = act.output_lot
        made.append(
            OneReport(
                id=part.id, kind=part.kind, note=act.note, device_at=happened_at, clock_at=act.at, offline=True, **more
            )
        )
    return made
