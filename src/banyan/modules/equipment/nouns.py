"""How work centres and machines appear."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, life, noun, section
from banyan.lib.labels import L
from banyan.modules.equipment.commands import prepare_work_centres
from banyan.modules.equipment.models import Machine, WorkCentre

ZERO = Decimal(0)

noun(
    WorkCentre,
    key="equipment.work_centre",
    plural_key="work_centres",
    icon="building-warehouse",
    area="production",
    find_order=45,
    label=L("工作中心", "Work centre"),
    plural=L("工作中心", "Work centres"),
    help=L(
        "做同一种活的人或机器；费率按小时", "People or machines that do the same work; rates are per hour"
    ),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        plant=f("工厂", "Plant"),
        department=f("部门", "Department"),
        calendar=f("工作日历", "Calendar", L("空为工厂的日历", "Empty: the plant's own")),
        line_side=f("线边库位", "Line side", L("这里领料和倒冲", "Materials are taken from here")),
        skill=f("所需技能", "Skill", L("在这里干活要会的", "What work here asks for")),
        reporters=f(
            "谁可报工", "Who may report",
            L("其他人报的照样入账，并提醒班组长", "What others report is booked too, and flagged for the leader"),
            choices=[
                choice("anyone", "任何人", "Anyone"), choice("skilled", "有所需技能的人", "People with the skill"),
                choice("given", "派到的人或班组", "Those it is given to"),
            ],
        ),
        labour_rate=f("人工费率", "Labour rate", unit="/h", minimum=ZERO, see="equipment.rates"),
        machine_rate=f("机器费率", "Machine rate", unit="/h", minimum=ZERO, see="equipment.rates"),
        overhead_rate=f("制造费用费率", "Overhead rate", unit="/h", minimum=ZERO, see="equipment.rates"),
        stations=f(
            "工位数",
            "Stations",
            L("可同时干活的位置", "Places that work at the same time"),
            minimum=Decimal(1),
            maximum=Decimal(1000),
        ),
        efficiency_percent=f("效率", "Efficiency", unit="%", minimum=Decimal("0.0001"), maximum=Decimal(200)),
        may_subcontract=f("可委外", "May be subcontracted"),
        is_active=f("启用", "Active", readonly=True),
    ),
    title=("code", "name"),
    natural_key="code",
    sort="code",
    list=("code", "name", "plant", "department", "stations", "efficiency_percent", "is_active"),
    filters=("plant", "department", "is_active"),
    form=(
        section("工作中心", "Work centre", "code", "name", "plant", "department", "line_side", "skill", "reporters"),
        section("能力", "Capacity", "calendar", "stations", "efficiency_percent", "may_subcontract"),
        section("费率", "Rates", "labour_rate", "machine_rate", "overhead_rate"),
        section("状态", "State", "is_active", folded=True),
    ),
    phone=("code", "name"),
    find=("code", "name"),
    prepare=prepare_work_centres,
)

noun(
    Machine,
    key="equipment.machine",
    plural_key="machines",
    icon="settings-automation",
    area="production",
    find_order=46,
    label=L("设备", "Machine"),
    plural=L("设备", "Machines"),
    help=L("工作中心的机器及其状态", "The machines of work centres, and how they are"),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        work_centre=f("工作中心", "Work centre"),
        maker_type=f("型号", "Type"),
        serial_number=f("出厂编号", "Serial number"),
        bought_on=f("购入日", "Bought on"),
        state_since=f("起于", "Since", readonly=True),
        state_reason=f("原因", "Reason", readonly=True),
    ),
    life=life(
        states=[
            choice("running", "运行", "Running", "green"),
            choice("down", "故障", "Down", "red"),
            choice("maintenance", "保养", "Maintenance", "orange"),
        ],
        edges=[
            ("running", "down", "stop"),
            ("maintenance", "down", "stop"),
            ("running", "maintenance", "maintain"),
            ("down", "maintenance", "maintain"),
            ("down", "running", "start"),
            ("maintenance", "running", "start"),
        ],
        editable=("running", "down", "maintenance"),
    ),
    title=("code", "name"),
    natural_key="code",
    sort="code",
    list=("code", "name", "work_centre", "state", "state_since", "state_reason"),
    filters=("state", "work_centre"),
    form=(
        section("设备", "Machine", "code", "name", "work_centre", "maker_type", "serial_number", "bought_on"),
        section("状态", "State", "state", "state_since", "state_reason"),
    ),
    phone=("code", "name", "state"),
    find=("code", "name", "serial_number"),
    find_through=("work_centre",),
)
