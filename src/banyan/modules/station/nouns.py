"""How stations, badges and kept acts appear."""

from __future__ import annotations

from banyan.kernel.nouns import choice, f, life, noun, preset, section
from banyan.lib.labels import L
from banyan.modules.station import errors  # noqa: F401  its words
from banyan.modules.station.acts import KINDS
from banyan.modules.station.commands import prepare_badges, prepare_devices
from banyan.modules.station.models import Badge, Device, KeptAct
from banyan.web import areas

areas.screen(
    "station", L("工位", "Station"), area="production", path="/station/", icon="device-tablet",
    permission="production.work_order.report", order=1,
)  # fmt: skip

noun(
    Device,
    key="station.device",
    plural_key="devices",
    icon="device-tablet",
    area="production",
    find_order=78,
    label=L("工位设备", "Station device"),
    plural=L("工位设备", "Station devices"),
    help=L(
        "车间里的平板和手机；配对一次后可用工牌登录",
        "Tablets and phones of the shop floor; paired once, people sign in on them by badge",
    ),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        plant=f("工厂", "Plant"),
        work_centre=f("工作中心", "Work centre"),
        machine=f("设备", "Machine", L("此工位所在的设备；报工时默认选它", "Where it stands; proposed for reports")),
        is_active=f("启用", "Active"),
        paired_at=f("配对于", "Paired at", readonly=True),
        seen_at=f("最近同步", "Last sync", readonly=True),
        clock_offset=f(
            "时钟偏差",
            "Clock offset",
            L("设备时钟慢了多少；负数为快", "By how much its clock is behind; below zero when ahead"),
            unit="s",
            readonly=True,
        ),
    ),
    title=("code", "name"),
    natural_key="code",
    sort="code",
    list=("code", "name", "plant", "work_centre", "is_active", "paired_at", "seen_at", "clock_offset"),
    filters=("plant", "work_centre", "is_active"),
    form=(
        section("设备", "Device", "code", "name", "plant", "work_centre", "machine", "is_active"),
        section("状态", "State", "paired_at", "seen_at", "clock_offset"),
    ),
    phone=("code", "name", "seen_at"),
    find=("code", "name"),
    prepare=prepare_devices,
)

noun(
    Badge,
    key="station.badge",
    plural_key="badges",
    icon="id-badge-2",
    area="people",
    label=L("工牌", "Badge"),
    plural=L("工牌", "Badges"),
    help=L("员工在工位上用工牌或 PIN 登录", "With a badge or a PIN people sign in at a station"),
    fields=dict(
        employee=f("员工", "Employee"),
        is_active=f("启用", "Active"),
        serial=f(
            "卡次",
            "Issue",
            L("补办后旧卡失效", "A new issue makes the old card void"),
            readonly=True,
            see="station.badge.replace",
        ),
        used_at=f("最近登录", "Last sign-in", readonly=True),
        locked_until=f("锁定到", "Locked until", readonly=True),
    ),
    title=("employee",),
    list=("employee", "is_active", "serial", "used_at", "locked_until"),
    filters=("employee", "is_active"),
    form=(section("工牌", "Badge", "employee", "is_active", "serial", "used_at", "locked_until"),),
    phone=("employee", "used_at"),
    find_through=("employee",),
    prepare=prepare_badges,
)

noun(
    KeptAct,
    key="station.kept_act",
    plural_key="kept_acts",
    icon="alert-triangle",
    area="production",
    label=L("待处理的报工", "Report to decide"),
    plural=L("待处理的报工", "Reports to decide"),
    help=L(
        "工位上报了、但规则不允许入账或已入账还要核对的，由班组长处理；内容不会丢",
        "Told at a station and not bookable by the rules, or booked and to be looked at: a leader decides",
    ),
    verbs=(),
    fields=dict(
        said=f("报了什么", "What was told", readonly=True),
        kind=f(
            "类型",
            "Kind",
            readonly=True,
            choices=[choice(key, kind.label.zh, kind.label.en, kind.tone) for key, kind in KINDS.items()],
        ),
        employee=f("员工", "Employee", readonly=True),
        person=f("账号", "User", readonly=True),
        operation=f("工序", "Operation", readonly=True),
        fault_zh=f("为什么", "Why (Chinese)", readonly=True),
        fault_en=f("英文原因", "Why", readonly=True),
        code=f("代码", "Code", readonly=True),
        happened_at=f("发生于", "Happened at", readonly=True, sortable=True),
        clock_at=f("设备时间", "Device time", readonly=True),
        device=f("设备", "Device", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        sequence=f("序号", "Sequence", readonly=True),
        body=f("内容", "Content", readonly=True),
        answer=f("处理", "Answer", readonly=True),
    ),
    life=life(
        states=[
            choice("open", "待处理", "Open", "orange"),
            choice("booked", "已入账", "Booked", "green"),
            choice("dismissed", "不入账", "Dismissed"),
        ],
        edges=[("open", "booked", "book"), ("open", "dismissed", "dismiss")],
        editable=(),
    ),
    title=("said",),
    list=("happened_at", "employee", "said", "fault_zh", "operation", "device", "state"),
    filters=("state", "kind", "employee", "operation", "device"),
    form=(
        section("报工", "Report", "said", "kind", "employee", "operation", "happened_at"),
        section("为什么没有入账", "Why it is not booked", "fault_zh", "fault_en", "code", "state", "answer"),
        section("来自", "Of", "device", "person", "plant", "sequence", "clock_at", "body", folded=True),
    ),
    phone=("said", "fault_zh", "happened_at"),
    presets=(preset("open", "待处理", "To decide", "state:in=open", first=True),),
)
