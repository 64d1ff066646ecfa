"""What leaders and administrators do with stations, badges and acts that could not be booked."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from django.contrib.auth.hashers import make_password
from pydantic import Field

from banyan.kernel import beside, registry
from banyan.kernel.access import token_digest
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.models import Attachment
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Input, Instant, Text, field
from banyan.lib.errors import FieldFaults, Invalid
from banyan.lib.labels import L, Label
from banyan.modules.equipment.queries import centres_of_machines, work_centres
from banyan.modules.people.models import Employee
from banyan.modules.people.queries import employees_by_id
from banyan.modules.production.commands import report_work, take_back_told
from banyan.modules.production.commands.leading import require_led
from banyan.modules.production.errors import ReversalReasonNeeded
from banyan.modules.production.models import ReportApproval
from banyan.modules.station import badges, finding
from banyan.modules.station.acts import KINDS, Act, Further, book, read, reports_of, take_back, told_of
from banyan.modules.station.errors import BookedFlagged, NoAccount, NotArrived
from banyan.modules.station.models import PIN_DIGITS, Badge, Device, KeptAct

KEPT = "station.kept_act"
#: How long a pairing code is good for.
PAIRING = timedelta(minutes=15)


def prepare_devices(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a station at a machine of another plant, or of another work centre than its own. Raises: Invalid"""
    centres = centres_of_machines([draft.record.machine_id for draft in drafts])
    homes = work_centres(list(centres.values())) if centres else {}
    faults = FieldFaults()
    for draft in drafts:
        home = homes.get(centres.get(draft.record.machine_id))
        if home and home.plant != draft.record.plant_id:
            faults.add("machine", L("须为本工厂的设备", "must be a machine of the same plant"))
        elif home and draft.record.work_centre_id not in (None, home.id):
            faults.add("machine", L("不在所选的工作中心", "does not stand at the work centre chosen"))
    faults.refuse_if_any()


def prepare_badges(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a badge for an employee who has no account to act with. Raises: NoAccount"""
    people = employees_by_id([draft.record.employee_id for draft in drafts])
    for draft in drafts:
        person = people.get(draft.record.employee_id)
        if person is not None and person.user is None:
            raise NoAccount(employee=person.name)


@command("station.device.pair", L("配对", "Pair"), icon="qrcode", is_primary=True)
def pair_device(ctx: Context, devices: Sequence[Device]) -> Label:
    """Make a code by which one device becomes this station; what was this station before is shut out.

    Gives:  the code, this once; only its hash is kept
    """
    if len(devices) != 1:
        raise Invalid("station.one_device", L("一次只能配对一台设备", "Pair one device at a time"))
    code = badges.new_pairing_code()
    device = devices[0]
    device.pairing_digest, device.pairing_until = token_digest(code), ctx.now + PAIRING
    device.digest, device.paired_at = None, None
    return L("在设备上打开 /station/，输入配对码 {code}（15 分钟内有效）",
             "Open /station/ on the device and enter {code} (good for 15 minutes)").filled(
        {"code": badges.spelled(code)}
    )  # fmt: skip


@command("station.badge.new_pin", L("重设 PIN", "New PIN"), icon="key", is_primary=True)
def give_new_pins(ctx: Context, held: Sequence[Badge]) -> Label:
    """Give badges a PIN each, and unlock them; the PINs are shown this once, only hashes are kept."""
    names = dict(Employee.objects.filter(pk__in=[b.employee_id for b in held]).values_list("id", "name"))
    told = []
    for badge in held:
        pin = "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))
        badge.pin_hash, badge.misses, badge.locked_until = make_password(pin), 0, None
        told.append(f"{names[badge.employee_id]} {pin}")
    return L("PIN 只显示这一次：{pins}", "Shown only this once: {pins}").filled({"pins": "; ".join(told)})


@command("station.badge.replace", L("补办", "Replace"), icon="refresh", tone="orange")
def replace_badges(ctx: Context, held: Sequence[Badge]) -> None:
    """Make lost cards, and every sign-in made with them, worth nothing; a new card is to be printed."""
    for badge in held:
        badge.serial += 1


@command("station.badge.unlock", L("解锁", "Unlock"), icon="lock-open", tone="green")
def unlock_badges(ctx: Context, held: Sequence[Badge]) -> None:
    """Let people sign in again who missed too often."""
    for badge in held:
        badge.misses, badge.locked_until = 0, None


class Book(Input):
    operation: UUID | None = field(
        "记到工序", "Book on operation", None, reference="production.operation",
        help=L("空为原来的工序", "Empty: the one it was told for"),
    )  # fmt: skip
    reason: Annotated[Text, Field(max_length=255)] = field(
        "冲销原因", "Why it is taken back", "",
        help=L("撤销已审核的报工时填写", "For the undo of a report that has been approved"),
    )  # fmt: skip


@command("station.kept_act.book", L("入账", "Book it"), input=Book, icon="check", tone="green", is_primary=True)
def book_kept_acts(ctx: Context, acts: Sequence[KeptAct], data: Book) -> None:
    """Book what was kept, for the people who did it, at the time at which they did it.

    What is booked already and was only to be looked at is accepted as it stands.

    Raises: what `report_work` refuses still; NotYourTeam
    Writes: as `report_work`, in the order in which the acts happened
    """
    _require_led(ctx, acts, "book")
    for kept in sorted(acts, key=lambda one: (one.happened_at, one.pk)):
        if kept.code == BookedFlagged.code:
            kept.answer = str(L("认可", "Accepted"))
            continue
        act = read(kept.body)
        kept.answer = str(L("已入账", "Booked"))
        Attachment.objects.filter(noun=KEPT, record=kept.pk).update(noun=KINDS[act.kind].noun or KEPT)
        if isinstance(act, Further):
            book(ctx, told_of(act, kept.happened_at))
            continue
        if act.kind == "undo":
            act.note = data.reason or act.note
            _require_reason(act)
        elif data.operation:
            act.operation = data.operation
        elif act.named and act.operation is None:
            act.operation = finding.named(kept.plant_id, act.named)
        reports = reports_of(act, kept.happened_at)
        for report in reports:
            if not report.people and kept.employee_id and report.kind != "undo":
                report.people = _alone(kept.employee_id)
        report_work(ctx, {"reports": [one.model_dump(exclude_unset=True) for one in reports]})


def _require_led(ctx: Context, acts: Sequence[KeptAct], name: str) -> None:
    """Refuse to decide on what people of other teams told; one's own one may. Raises: NotYourTeam"""
    require_led(ctx, f"{KEPT}.{name}", people=[kept.employee_id for kept in acts if kept.person_id != ctx.person])


def _require_reason(act: Act) -> None:
    """Refuse to take back what is approved without saying why. Raises: ReversalReasonNeeded"""
    undone = [part.reverses for part in act.parts]
    if not act.note and ReportApproval.objects.filter(pk__in=undone, state="approved").exists():
        raise ReversalReasonNeeded(fields={"reason": L("填写原因", "say why")})


def _alone(employee: UUID) -> list[Any]:
    from banyan.modules.production.commands.reports import Share

    return [Share(employee=employee)]


class Dismiss(Input):
    answer: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


@command("station.kept_act.dismiss", L("不入账", "Do not book"), input=Dismiss, icon="x", tone="orange")
def dismiss_kept_acts(ctx: Context, acts: Sequence[KeptAct], data: Dismiss) -> None:
    """Say why something told is not booked; what is booked already, with a flag, is taken back.

    Raises: NotYourTeam; what `reverse_issues` and the module of the act's kind refuse
    Writes: as `take_back_told`, and as that module takes it back
    """
    _require_led(ctx, acts, "dismiss")
    for kept in acts:
        kept.answer = data.answer
    booked = [kept for kept in acts if kept.code == BookedFlagged.code]
    take_back_told(ctx, [kept.pk for kept in booked])
    for kept in booked:
        take_back(ctx, kept.kind, kept.pk)


class Keep(Input):
    """An act that could not be booked, as the sync understood it."""

    act: UUID = field("标识", "Key")
    device: UUID | None = field("设备", "Device", None)
    plant: UUID | None = field("工厂", "Plant", None)
    employee: UUID | None = field("员工", "Employee", None)
    sequence: int = field("序号", "Sequence", 0)
    kind: Text = field("类型", "Kind")
    operation: UUID | None = field("工序", "Operation", None)
    said: Text = field("内容", "What was told", "")
    code: Text = field("代码", "Code")
    fault_zh: Text = field("原因", "Why")
    fault_en: Text = field("英文原因", "Why in English")
    body: dict[str, Any] = field("内容", "Content")
    happened_at: Instant = field("发生于", "Happened at")
    clock_at: Instant = field("设备时间", "Device time")


@command("self.station_act.keep", L("保留报工", "Keep a report"), input=Keep, on="noun", rest=False, screen=False)
def keep_act(ctx: Context, data: Keep) -> None:
    """Keep an act that could not be booked, once however often it comes."""
    row = data.model_dump(exclude={"act", "device", "plant", "employee", "operation"})
    KeptAct.objects.bulk_create(
        [
            KeptAct(
                id=data.act, device_id=data.device, plant_id=data.plant, employee_id=data.employee,
                operation_id=data.operation, person_id=ctx.person, created_at=ctx.now, changed_at=ctx.now,
                created_by_id=ctx.person, changed_by_id=ctx.person, **row,
            )
        ],
        ignore_conflicts=True,
    )  # fmt: skip


class Withdraw(Input):
    acts: list[UUID] = field("报工", "Reports")


@command("self.station_act.withdraw", L("撤回", "Withdraw"), input=Withdraw, on="noun", rest=False, screen=False)
def withdraw_kept(ctx: Context, data: Withdraw) -> int:
    """Take back what one told oneself and what is not booked yet; give how many."""
    mine = KeptAct.objects.filter(pk__in=data.acts, person_id=ctx.person, state="open").exclude(code=BookedFlagged.code)
    return mine.update(
        state="dismissed", answer=str(L("本人撤回", "Withdrawn by the person")), changed_at=ctx.now,
        changed_by_id=ctx.person,
    )  # fmt: skip


class Picture(Input):
    act: UUID = field("标识", "Act")
    kind: Literal[tuple(kind for kind, one in KINDS.items() if one.noun)] = field("类型", "Kind")
    digest: str = field("照片", "Photo", pattern="^[0-9a-f]{64}$")
    name: Annotated[Text, Field(min_length=1, max_length=255)] = field("文件名", "File name")


@command("self.station_act.hang", L("添加照片", "Add a photo"), input=Picture, on="noun", rest=False, screen=False)
def hang_picture(ctx: Context, data: Picture) -> None:
    """Hang a photo on what somebody's act became: the record, or what is kept of it; once however often it comes.

    Raises: NotArrived while the act itself is not here, or was somebody else's
    """
    kept = KeptAct.objects.filter(pk=data.act, person_id=ctx.person).exclude(state="booked").first()
    noun = registry.noun(KEPT if kept else KINDS[data.kind].noun)
    record = kept or noun.model.objects.filter(pk=data.act).first()
    if record is None or (kept is None and _teller(record) != ctx.person):
        raise NotArrived
    if not Attachment.objects.filter(record=data.act, file_id=data.digest).exists():
        beside.attach(ctx, noun, [record], beside.Attach(digest=data.digest, name=data.name))


def _teller(record: Any) -> UUID | None:
    """Give who told what a record says."""
    return getattr(record, "person", None) or record.created_by_id
