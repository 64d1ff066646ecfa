"""Calling for help: an exception is raised on an order, operation, machine or lot, once however often it is sent."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel import beside, db, registry
from banyan.kernel.commands import OfferedOn, command, take_numbers, tell
from banyan.kernel.context import Context
from banyan.kernel.models import StoredFile
from banyan.kernel.schema import Input, Instant, Text, field
from banyan.lib.errors import FieldFaults, NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.exceptions import queries, rules
from banyan.modules.exceptions.commands.clocks import Calendars, note_steps, settle_stops
from banyan.modules.exceptions.errors import (
    CategoryOutOfUse,
    ExceptionKeyReused,
    NothingNamed,
    NotOfOneOrder,
    WrongException,
)
from banyan.modules.exceptions.events import ExceptionRaised
from banyan.modules.exceptions.models import Category, ShopException
from banyan.modules.exceptions.nouns import SEVERITIES
from banyan.modules.people.queries import employees_by_id
from banyan.modules.production.models import DefectReason

NOUN = queries.NOUN
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
#: On which records help is called, and which field of the call takes them.
CALLED_ON = (("production.work_order", "work_order"), ("production.operation", "operation"),
             ("equipment.machine", "machine"), ("inventory.lot", "lot"))  # fmt: skip


class Raise(Input):
    """What is wrong and where; the category alone is enough on an operation."""

    id: UUID = field(
        "标识", "Key", default_factory=new_id,
        help=L("由设备生成的 UUID；重复提交只记一次", "A UUID made by the device; sent twice it counts once"),
    )  # fmt: skip
    category: UUID = field("异常类别", "Category", reference="exceptions.category")
    operation: UUID | None = field("工序", "Operation", None, reference="production.operation")
    photo: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = field("照片", "Photo", None, is_file=True)
    problem: Annotated[Text, Field(max_length=1000)] = field("问题", "Problem", "")
    severity: Literal["minor", "major", "severe"] | None = field(
        "严重程度", "Severity", None, choices=SEVERITIES, help=L("空为类别的", "Empty: that of the category")
    )
    work_order: UUID | None = field("工单", "Work order", None, reference="production.work_order", when="work_order")
    machine: UUID | None = field("设备", "Machine", None, reference="equipment.machine", when="machine")
    lot: UUID | None = field("批次", "Lot", None, reference="inventory.lot", when="lot")
    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant", when="plant")
    device_at: Instant | None = field("设备时间", "Device time", None, when="device_at")
    defect_reason: UUID | None = field("不良原因", "Defect reason", None, reference="production.defect_reason")


@command(
    "exceptions.exception.raise", L("安灯呼叫", "Call for help"), input=Raise, on="noun", icon="urgent", tone="orange",
    is_big=True, is_at_hand=True, creates=True, offered_on=tuple(OfferedOn(noun, value) for noun, value in CALLED_ON),
    help=L("提出异常，通知责任班组；严重的使工序停工",
           "Raise an exception and tell the responsible team; a severe one stops its operation"),
)  # fmt: skip
def raise_exception(ctx: Context, data: Raise) -> tuple[ShopException, ...]:
    """Raise an exception and tell those responsible; the same key with the same content is the same exception.

    Gives:  the exception, new or as it stands by now
    Raises: ExceptionKeyReused for a key that came with other content; NothingNamed, NotOfOneOrder, WrongException,
            CategoryOutOfUse
    Writes: exception, step, photo, inbox items; a severe one stops its operation, whose row is locked; tells
            ExceptionRaised
    """
    digest = hashlib.sha256(data.model_dump_json(exclude_defaults=True).encode()).hexdigest()
    db.one("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{NOUN} {data.id}"])
    known = ShopException.objects.filter(pk=data.id).first()
    if known:
        if known.digest != digest:
            raise ExceptionKeyReused(id=data.id)
        return (known,)
    place, category = _place(ctx, data), _category(data)
    case = ShopException(
        id=data.id, category=category, severity=data.severity or category.severity, problem=data.problem,
        defect_reason_id=data.defect_reason, raised_at=ctx.now, device_at=data.device_at, digest=digest,
        created_at=ctx.now, created_by_id=ctx.person, changed_at=ctx.now, changed_by_id=ctx.person, **place,
    )  # fmt: skip
    case.team_id = _team(ctx, case, category)
    calendars = Calendars()
    calendars.start(case, ctx.now, category.response_minutes, category.resolution_minutes)
    calendars.wind(case)
    is_stopping = case.is_stopping and settle_stops([case])
    period = ctx.now.strftime("%y%m")
    case.number = f"EX{period}-{take_numbers(NOUN, period, 1):05}"
    db.insert_rows([case])
    note_steps(ctx, [case], "raised", data.problem)
    if data.photo:
        _hang(ctx, case, data.photo)
    _tell_team(ctx, case, category)
    tell(ExceptionRaised(
        record=case.pk, category=category.pk, severity=case.severity, plant=case.plant_id,
        work_order=case.work_order_id, operation=case.operation_id, machine=case.machine_id, lot=case.lot_id,
        team=case.team_id, is_stopping=is_stopping, response_due_at=case.response_due_at,
        resolution_due_at=case.resolution_due_at,
    ))  # fmt: skip
    return (case,)


def _category(data: Raise) -> Category:
    found = Category.objects.filter(pk=data.category).first()
    if found is None:
        raise WrongException(fields={"category": L("没有此类别", "no such category")})
    if not found.is_active:
        raise CategoryOutOfUse(category=found.name)
    return found


def _place(ctx: Context, data: Raise) -> dict[str, Any]:
    """Give where the exception is, from what it names: the operation says most.

    Raises: WrongException for what does not exist, NothingNamed, NotOfOneOrder, NotFound beyond the person's plants
    """
    named = {key: getattr(data, key) for key in ("operation", "work_order", "machine", "lot", "plant")}
    found = queries.places(**named)
    faults = FieldFaults()
    for key in sorted(key for key, value in named.items() if value and key not in found):
        faults.add(key, L("没有此记录", "no such record"))
    if data.defect_reason and not DefectReason.objects.filter(pk=data.defect_reason).exists():
        faults.add("defect_reason", L("没有此不良原因", "no such defect reason"))
    faults.refuse_if_any(WrongException)
    said = [found[key] for key in ("operation", "work_order", "machine", "lot", "plant") if key in found]
    if not said:
        raise NothingNamed
    plant, work_order, work_centre, machine, item = (
        next((row[n] for row in said if row[n]), None) for n in range(5)
    )
    if data.work_order and work_order != data.work_order:
        raise NotOfOneOrder
    plant = plant or ctx.plant or next(iter(ctx.principal.plants), None)
    if plant is None:
        raise NothingNamed
    if ctx.principal.reach(f"{NOUN}.raise") in ("team", "plant") and plant not in ctx.principal.plants:
        raise NotFound
    return dict(
        plant_id=plant, work_order_id=work_order, operation_id=data.operation, work_centre_id=work_centre,
        machine_id=data.machine or machine, lot_id=data.lot, item_id=item,
    )  # fmt: skip


def _team(ctx: Context, case: ShopException, category: Category) -> UUID | None:
    """Give who is responsible: by route, else the category's team, else that of whoever raises it."""
    routes = queries.routes(case.plant_id)
    names = queries.operation_names(case.operation_id) if any(route.operation for route in routes) else ()
    found = rules.responsible(
        routes, category=category.pk, work_centre=case.work_centre_id, defect_reason=case.defect_reason_id,
        operation=names,
    ) or category.team_id  # fmt: skip
    own = ctx.principal.employee
    if found or own is None:
        return found
    facts = employees_by_id([own]).get(own)
    return facts.team if facts else None


def _hang(ctx: Context, case: ShopException, digest: str) -> None:
    """Hang the photo on the exception."""
    kind = StoredFile.objects.filter(pk=digest).values_list("media_type", flat=True).first()
    name = f"{case.number}.{_SUFFIXES.get(kind, 'bin')}"
    beside.attach(ctx, registry.noun(NOUN), [case], beside.Attach(digest=digest, name=name))


def _tell_team(ctx: Context, case: ShopException, category: Category) -> None:
    """Put the exception into the inboxes of the responsible team."""
    people = queries.people_of_team(case.team_id) if case.team_id else ()
    said = {
        "number": case.number, "category": L(category.name, category.name_en or category.name),
        "problem": case.problem[:200] or L("请到现场", "please come"),
    }  # fmt: skip
    text = L("异常 {number}（{category}）：{problem}", "Exception {number} ({category}): {problem}").filled(said)
    beside.notify(ctx, [one for one in people if one != ctx.person], "exception", text, NOUN, case.pk)
