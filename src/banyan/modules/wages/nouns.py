"""How wages appear."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, life, lines, noun, numbering, section
from banyan.kernel.spec import Scope
from banyan.lib.labels import L
from banyan.modules.wages import errors  # noqa: F401  its words for constraints
from banyan.modules.wages.commands import prepare_rates
from banyan.modules.wages.models import (
    Approval,
    Bonus,
    Deduction,
    Factor,
    Pool,
    Rate,
    Sharing,
    SharingItem,
    SharingPerson,
    Statement,
    StatementDay,
    StatementItem,
    WageLine,
)
from banyan.modules.wages.sharing import prepare_pools

#: Who may see what others are paid, and with reach "own" what one is paid oneself.
PAY = "wages.pay"
ZERO = Decimal(0)
KINDS = [
    choice("good", "合格", "Good", "green"),
    choice("scrap", "报废", "Scrap", "red"),
    choice("rework", "返工", "Rework", "orange"),
    choice("share", "班组分配", "Team share", "blue"),
    choice("bonus", "奖扣", "Bonus", "purple"),
]
_ENDS = L("该日起无效", "Invalid from that day")

noun(
    Rate,
    key="wages.rate",
    plural_key="rates",
    label=L("工价", "Wage rate"),
    plural=L("工价", "Wage rates"),
    help=L(
        "每件合格品和每小时付多少；留空表示不限，条件多的优先",
        "What a good piece and an hour are paid; what is left empty counts for all, the narrower goes first",
    ),
    icon="coins",
    area="people",
    find_order=78,
    fields=dict(
        item=f("物料", "Item"),
        operation=f("工序", "Operation", L("工序名称", "The operation's name")),
        skill=f("技能", "Skill", L("本人当天须会的技能", "One that the person has on the day")),
        plant=f("工厂", "Plant"),
        piece_price=f("计件单价", "Piece rate", see=PAY, minimum=ZERO),
        hour_price=f("计时单价", "Time rate", L("每小时", "Per hour"), see=PAY, minimum=ZERO),
        is_own_pay=f("按员工小时工资", "By own hourly pay", L("计时按员工档案", "The hour by the employee's record")),
        shift_minimum=f("每班保底", "Minimum per shift", see=PAY, minimum=ZERO),
        valid_from=f("生效日", "Valid from", sortable=True),
        valid_to=f("失效日", "Valid to", _ENDS),
        note=f("备注", "Note"),
    ),
    title=("item", "operation", "skill"),
    list=("item", "operation", "skill", "plant", "piece_price", "hour_price", "shift_minimum", "valid_from",
          "valid_to"),
    filters=("item", "operation", "skill", "plant", "valid_from"),
    form=(
        section("用于", "For", "item", "operation", "skill", "plant"),
        section("单价", "Prices", "piece_price", "hour_price", "is_own_pay", "shift_minimum"),
        section("有效期", "Validity", "valid_from", "valid_to", "note"),
    ),
    phone=("item", "operation", "piece_price"),
    find=("operation", "note"),
    find_through=("item",),
    sort="-valid_from",
    scope=Scope(plant="plant_id"),
    prepare=prepare_rates,
)  # fmt: skip

noun(
    Deduction,
    key="wages.deduction",
    plural_key="deductions",
    label=L("质量扣款", "Quality deduction"),
    plural=L("质量扣款", "Quality deductions"),
    help=L("每件不良品按原因扣多少", "What a bad piece costs those who made it, by reason"),
    icon="receipt-off",
    area="people",
    fields=dict(
        reason=f("不良原因", "Defect reason"),
        item=f("物料", "Item"),
        price=f("每件扣款", "Per bad piece", see=PAY, minimum=ZERO),
        valid_from=f("生效日", "Valid from", sortable=True),
        valid_to=f("失效日", "Valid to", _ENDS),
    ),
    title=("reason", "item"),
    list=("reason", "item", "price", "valid_from", "valid_to"),
    filters=("reason", "item"),
    find_through=("reason",),
    sort="-valid_from",
    scope=Scope(),
)

noun(
    Factor,
    key="wages.factor",
    plural_key="factors",
    label=L("分配系数", "Sharing factor"),
    plural=L("分配系数", "Sharing factors"),
    help=L(
        "几人共同报工且未填份额时，按系数分计件工资；未设为 1",
        "How piece wages of several are shared where the report tells no shares; 1 without one",
    ),
    icon="chart-pie",
    area="people",
    fields=dict(
        employee=f("员工", "Employee"),
        factor=f("系数", "Factor", minimum=ZERO, maximum=Decimal(100)),
        valid_from=f("生效日", "Valid from", sortable=True),
        valid_to=f("失效日", "Valid to", _ENDS),
        note=f("备注", "Note"),
    ),
    title=("employee", "factor"),
    list=("employee", "factor", "valid_from", "valid_to", "note"),
    filters=("employee",),
    find_through=("employee",),
    sort="-valid_from",
    scope=Scope(employee="employee_id"),
)

noun(
    Pool,
    key="wages.pool",
    plural_key="pools",
    label=L("班组工资池", "Team pool"),
    plural=L("班组工资池", "Team pools"),
    help=L(
        "班组的计件工资按天汇总，再按出勤分给到岗的人；计时工资和扣款仍归本人",
        "Piece wages of a team are put together by the day and shared over those who were there; time wages and "
        "deductions stay one's own",
    ),
    icon="users-group",
    area="people",
    fields=dict(
        team=f("班组", "Team"),
        is_by_time=f("按出勤时长", "By time there", L("时长乘系数；否则到岗者只按系数",
                                                  "Time × factor; else by factor of all who were there")),
        valid_from=f("生效日", "Valid from", sortable=True),
        valid_to=f("失效日", "Valid to", _ENDS),
        note=f("备注", "Note"),
    ),
    title=("team", "valid_from"),
    list=("team", "is_by_time", "valid_from", "valid_to", "note"),
    filters=("team",),
    find_through=("team",),
    sort="-valid_from",
    scope=Scope(team="team_id"),
    prepare=prepare_pools,
)  # fmt: skip

noun(
    Sharing,
    key="wages.sharing",
    plural_key="sharings",
    label=L("日分配", "Sharing of a day"),
    plural=L("日分配", "Sharings of days"),
    help=L(
        "班组某天的计件工资怎样分给到岗的人；有变化时重新分配，旧的保留",
        "How a team's piece wages of a day were shared; after a change it is done anew, the old one is kept",
    ),
    icon="chart-pie",
    area="people",
    verbs=(),
    fields=dict(
        team=f("班组", "Team", readonly=True),
        day=f("日期", "Day", readonly=True, sortable=True),
        pool=f("工资池", "Pool", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        amount=f("金额", "Amount", readonly=True, see=PAY),
        is_current=f("有效", "Stands", readonly=True),
    ),
    lines=[
        lines(
            "people", SharingPerson, L("到岗的人", "Who was there"),
            fields=dict(
                employee=f("员工", "Employee", readonly=True),
                minutes=f("出勤", "There", readonly=True, unit="min"),
                factor=f("系数", "Factor", readonly=True),
                amount=f("金额", "Amount", readonly=True, see=PAY),
            ),
        ),
        lines(
            "items", SharingItem, L("报工工资", "Wages of reports"),
            fields=dict(
                line=f("工资明细", "Wage line", readonly=True),
                amount=f("归入班组", "Into the pool", readonly=True, see=PAY),
            ),
        ),
    ],
    title=("team", "day"),
    list=("day", "team", "amount", "is_current"),
    filters=("team", "day", "is_current"),
    phone=("day", "team", "amount"),
    find_through=("team",),
    sort="-day",
    scope=Scope(team="team_id", plant="plant_id"),
)  # fmt: skip

noun(
    Bonus,
    key="wages.bonus",
    plural_key="bonuses",
    label=L("奖扣单", "Bonus"),
    plural=L("奖扣单", "Bonuses"),
    help=L(
        "给某人某天加或扣一笔，写明原因；由他人审核后进入工资",
        "Something on top of a person's day, or off it, with a reason; it counts once another approves it",
    ),
    icon="medal",
    area="people",
    fields=dict(
        employee=f("员工", "Employee"),
        day=f("日期", "Day", sortable=True),
        amount=f("金额", "Amount", L("扣款填负数", "Negative takes off"), see=PAY),
        reason=f("原因", "Reason"),
    ),
    life=life(
        states=[
            choice("draft", "待审核", "Waiting"),
            choice("approved", "已审核", "Approved", "green"),
            choice("reversed", "已冲销", "Reversed", "red"),
        ],
        edges=[("draft", "approved", "approve"), ("approved", "reversed", "reverse")],
    ),
    title=("employee", "day", "reason"),
    list=("day", "employee", "amount", "reason", "state"),
    filters=("state", "employee", "day"),
    phone=("day", "employee", "amount"),
    find=("reason",),
    find_through=("employee",),
    sort="-day",
    scope=Scope(employee="employee_id"),
)  # fmt: skip

noun(
    WageLine,
    key="wages.line",
    plural_key="lines",
    label=L("工资明细", "Wage line"),
    plural=L("工资明细", "Wage lines"),
    help=L(
        "每次报工挣得的工资；不可修改，撤销报工时红字冲回",
        "What each report earned; never changed, taken back when the report is undone",
    ),
    icon="list-numbers",
    area="people",
    verbs=(),
    retention="ledger",
    fields=dict(
        employee=f("员工", "Employee", readonly=True),
        day=f("日期", "Day", L("按班次归属", "That of the shift"), readonly=True, sortable=True),
        report=f("报工", "Report", readonly=True),
        work_order=f("工单", "Work order", readonly=True),
        operation=f("工序", "Operation", readonly=True),
        item=f("物料", "Item", readonly=True),
        kind=f("类型", "Kind", choices=KINDS, readonly=True),
        quantity=f("合格数", "Good", readonly=True),
        minutes=f("工时", "Time", readonly=True, unit="min"),
        rate=f("工价", "Wage rate", readonly=True, see=PAY),
        piece_price=f("计件单价", "Piece rate", readonly=True, see=PAY),
        hour_price=f("计时单价", "Time rate", readonly=True, see=PAY),
        shift_minimum=f("每班保底", "Minimum per shift", readonly=True, see=PAY),
        piece_amount=f("计件工资", "Piece wage", readonly=True, see=PAY),
        time_amount=f("计时工资", "Time wage", readonly=True, see=PAY),
        deduction_amount=f("质量扣款", "Deduction", readonly=True, see=PAY),
        bonus_amount=f("奖扣", "Bonus", readonly=True, see=PAY),
        pool=f("工资池", "Pool", readonly=True),
        pooled_amount=f("归入班组", "Into the pool", L("由班组按出勤分配，不计入本人金额",
                                                  "Shared by the team's attendance, no part of the amount"),
                        readonly=True, see=PAY),
        sharing=f("日分配", "Sharing", readonly=True),
        bonus=f("奖扣单", "Bonus", readonly=True),
        amount=f("金额", "Amount", readonly=True, see=PAY),
        team=f("班组", "Team", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        at=f("报工时间", "Reported at", readonly=True),
        reverses=f("冲回", "Takes back", readonly=True),
    ),
    title=("employee", "day"),
    list=("day", "employee", "work_order", "operation", "kind", "quantity", "minutes", "amount"),
    filters=("employee", "day", "team", "kind", "work_order", "report"),
    phone=("day", "employee", "amount"),
    find_through=("employee", "work_order"),
    sort="-day",
    scope=Scope(employee="employee_id", team="team_id", plant="plant_id"),
)

noun(
    Approval,
    key="wages.approval",
    plural_key="approvals",
    label=L("工资审核", "Wage approval"),
    plural=L("工资审核", "Wage approvals"),
    help=L("谁何时审核了哪条工资", "Who approved which wage line, and when"),
    icon="checks",
    area="people",
    verbs=(),
    retention="ledger",
    fields=dict(
        line=f("工资明细", "Wage line", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        at=f("时间", "At", readonly=True, sortable=True),
        person=f("审核人", "By", readonly=True, reference="kernel.user"),
    ),
    title=("line",),
    list=("at", "line", "person"),
    filters=("person", "at"),
    sort="-at",
    scope=Scope(own="person", plant="plant_id"),
)

_SUMS = dict(
    quantity=f("合格数", "Good", readonly=True),
    minutes=f("工时", "Time", readonly=True, unit="min"),
    piece_amount=f("计件工资", "Piece wage", readonly=True, see=PAY),
    time_amount=f("计时工资", "Time wage", readonly=True, see=PAY),
    deduction_amount=f("质量扣款", "Deduction", readonly=True, see=PAY),
    bonus_amount=f("奖扣", "Bonus", readonly=True, see=PAY),
)

noun(
    Statement,
    key="wages.statement",
    plural_key="statements",
    label=L("工资单", "Wage statement"),
    plural=L("工资单", "Wage statements"),
    help=L("每人每月的计件计时工资", "Piece and time wages of a person and month"),
    icon="receipt",
    area="people",
    find_order=79,
    verbs=("delete",),
    fields=dict(
        employee=f("员工", "Employee", readonly=True),
        starts_on=f("从", "From", readonly=True, sortable=True),
        ends_on=f("到", "To", readonly=True),
        team=f("班组", "Team", readonly=True),
        department=f("部门", "Department", readonly=True),
        plant=f("工厂", "Plant", readonly=True),
        **_SUMS,
        top_up_amount=f("保底补足", "Made up to minimum", readonly=True, see=PAY),
        amount=f("应付工资", "Wages", readonly=True, see=PAY),
        confirmed_at=f("确认时间", "Confirmed at", readonly=True),
        paid_on=f("发放日", "Paid on", readonly=True),
        reason=f("冲销原因", "Why reversed", readonly=True),
    ),
    lines=[
        lines(
            "days", StatementDay, L("每日", "Days"),
            fields=dict(
                day=f("日期", "Day", readonly=True), **_SUMS,
                shift_minimum=f("每班保底", "Minimum per shift", readonly=True, see=PAY),
                top_up_amount=f("保底补足", "Made up to minimum", readonly=True, see=PAY),
                amount=f("金额", "Amount", readonly=True, see=PAY),
            ),
        ),
        lines(
            "items", StatementItem, L("报工工资", "Wages of reports"),
            fields=dict(
                day=f("日期", "Day", readonly=True),
                report=f("报工", "Report", readonly=True),
                quantity=f("合格数", "Good", readonly=True),
                minutes=f("工时", "Time", readonly=True, unit="min"),
                amount=f("金额", "Amount", readonly=True, see=PAY),
                line=f("工资明细", "Wage line", readonly=True),
            ),
        ),
    ],  # fmt: skip
    life=life(
        states=[
            choice("draft", "草稿", "Draft"),
            choice("confirmed", "已确认", "Confirmed", "blue"),
            choice("paid", "已发放", "Paid", "green"),
            choice("reversed", "已冲销", "Reversed", "red"),
        ],
        edges=[("draft", "confirmed", "confirm"), ("confirmed", "paid", "pay"), ("confirmed", "reversed", "reverse")],
    ),
    numbering=numbering("WS{yy}{mm}-{n:05}"),
    title=("number", "employee", "starts_on"),
    list=("number", "employee", "starts_on", "quantity", "minutes", "piece_amount", "time_amount",
          "deduction_amount", "bonus_amount", "top_up_amount", "amount", "state"),
    filters=("state", "starts_on", "employee", "team", "department", "plant"),
    form=(
        section("工资单", "Statement", "employee", "starts_on", "ends_on", "team", "department", "plant"),
        section("金额", "Amounts", *_SUMS, "top_up_amount", "amount"),
        section("经过", "Course", "confirmed_at", "paid_on", "reason"),
    ),
    phone=("employee", "starts_on", "amount"),
    find=("number", "reason"),
    find_through=("employee",),
    sort="-starts_on",
    scope=Scope(employee="employee_id", team="team_id", plant="plant_id"),
)  # fmt: skip
