"""How people appear."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import f, lines, noun, section
from banyan.lib.labels import L
from banyan.modules.people import errors  # noqa: F401  its words for constraints
from banyan.modules.people.commands import prepare_employees
from banyan.modules.people.models import Attendance, Employee, EmployeeSkill, Shift, Skill, Team

noun(
    Employee,
    key="people.employee",
    plural_key="employees",
    icon="user",
    area="people",
    find_order=40,
    label=L("员工", "Employee"),
    plural=L("员工", "Employees"),
    help=L("在这里工作的人，有没有账号都可以", "People who work here, with or without a login"),
    fields=dict(
        code=f("工号", "Code"),
        name=f("姓名", "Name", sortable=True),
        department=f("部门", "Department"),
        plant=f("工厂", "Plant"),
        team=f("班组", "Team"),
        shift=f("班次", "Shift"),
        job_title=f("职务", "Job title"),
        phone=f("电话", "Phone"),
        user=f("账号", "User"),
        hired_on=f("入职日", "Hired on"),
        left_on=f("离职日", "Left on", readonly=True),
        is_active=f("在职", "Active", readonly=True),
        hourly_pay=f("小时工资", "Hourly pay", minimum=Decimal(0), see="people.pay"),
    ),
    lines=[
        lines(
            "skills",
            EmployeeSkill,
            L("技能", "Skills"),
            fields=dict(
                skill=f("技能", "Skill"),
                level=f(
                    "等级",
                    "Level",
                    L("1 学徒，2 独立，3 能带人", "1 learning, 2 alone, 3 teaches"),
                    minimum=Decimal(1),
                    maximum=Decimal(5),
                ),
                valid_from=f("生效日", "Valid from"),
                valid_to=f("失效日", "Valid to", L("该日起无效", "Invalid from that day")),
            ),
        )
    ],
    title=("code", "name"),
    natural_key="code",
    import_map=dict(
        code=("员工编号", "员工号", "人员编码", "Employee no.", "Employee ID", "Staff no."),
        name=("员工姓名", "人员姓名", "Employee", "Employee name", "Full name"),
        department=("所属部门", "车间", "Dept."),
        team=("小组", "组别"),
        job_title=("岗位", "职位", "Position"),
        phone=("手机", "手机号", "联系电话", "Mobile"),
        hired_on=("入职日期", "入职时间", "Hire date", "Start date"),
    ),
    sort="code",
    list=("code", "name", "department", "team", "shift", "job_title", "is_active"),
    filters=("department", "team", "shift", "plant", "is_active"),
    form=(
        section("员工", "Employee", "code", "name", "job_title", "phone", "user"),
        section("岗位", "Place", "plant", "department", "team", "shift"),
        section("任职", "Employment", "hired_on", "left_on", "is_active", "hourly_pay"),
    ),
    phone=("code", "name", "team"),
    find=("code", "name", "job_title"),
    prepare=prepare_employees,
)

noun(
    Team,
    key="people.team",
    plural_key="teams",
    icon="users-group",
    area="people",
    find_order=75,
    label=L("班组", "Team"),
    plural=L("班组", "Teams"),
    help=L("一起干活的人和班组长", "People who work together, and their leader"),
    fields=dict(
        code=f("编码", "Code"), name=f("名称", "Name"), plant=f("工厂", "Plant"), leader=f("班组长", "Leader")
    ),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "plant", "leader"),
    filters=("plant",),
    sort="code",
    form=(section("班组", "Team", "code", "name", "plant", "leader"),),
    phone=("code", "name"),
    find=("code", "name"),
)

noun(
    Skill,
    key="people.skill",
    plural_key="skills",
    icon="certificate",
    area="people",
    find_order=76,
    label=L("技能", "Skill"),
    plural=L("技能", "Skills"),
    help=L("某些工序要求会的本领", "What one must be able to do for certain operations"),
    fields=dict(code=f("编码", "Code"), name=f("名称", "Name")),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name"),
    sort="code",
    find=("code", "name"),
    form=(section("技能", "Skill", "code", "name"),),
)

noun(
    Shift,
    key="people.shift",
    plural_key="shifts",
    icon="clock",
    area="people",
    find_order=77,
    label=L("班次", "Shift"),
    plural=L("班次", "Shifts"),
    help=L("上下班时间", "When people come and go"),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        starts_at=f("上班", "Starts at"),
        ends_at=f("下班", "Ends at", L("早于上班则为次日", "Before the start means the next day")),
        break_minutes=f("休息", "Breaks", unit="min", minimum=Decimal(0), maximum=Decimal(720)),
    ),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "starts_at", "ends_at", "break_minutes"),
    sort="code",
    find=("code", "name"),
    form=(section("班次", "Shift", "code", "name", "starts_at", "ends_at", "break_minutes"),),
)

noun(
    Attendance,
    key="people.attendance",
    plural_key="attendance",
    icon="calendar-check",
    area="people",
    label=L("考勤", "Attendance"),
    plural=L("考勤", "Attendance"),
    help=L("每人每天在岗的分钟数", "How many minutes somebody was there on a day"),
    fields=dict(
        employee=f("员工", "Employee"),
        day=f("日期", "Day", sortable=True),
        shift=f("班次", "Shift"),
        minutes=f("分钟", "Minutes", unit="min", minimum=Decimal(0), maximum=Decimal(1440)),
        note=f("备注", "Note"),
    ),
    title=("employee", "day"),
    list=("day", "employee", "shift", "minutes", "note"),
    filters=("employee", "day", "shift"),
    form=(section("考勤", "Attendance", "employee", "day", "shift", "minutes", "note"),),
    phone=("day", "employee", "minutes"),
    find_through=("employee",),
    sort="-day",
)
