"""What can go wrong with people's records."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict


class LeftBeforeHired(Conflict):
    code = "people.left_before_hired"
    zh = "离职日不能早于入职日"
    en = "Somebody cannot leave before being hired"


class SkillOverlaps(Conflict):
    code = "people.skill_overlaps"
    zh = "同一技能的有效期重叠"
    en = "The same skill is valid twice at a time"
    way_out_zh = "先结束较早的一条"
    way_out_en = "End the earlier one first"


class SkillValidity(Conflict):
    code = "people.skill_validity"
    zh = "技能的失效日须晚于生效日"
    en = "A skill is valid from an earlier day than it is valid to"


class AttendanceTwice(Conflict):
    code = "people.attendance_twice"
    zh = "该员工当天该班次已有考勤"
    en = "The employee has attendance for that day and shift already"


class UserHasEmployee(Conflict):
    code = "people.user_has_employee"
    zh = "该用户已对应另一名员工"
    en = "This user belongs to another employee already"


class ShiftWithoutLength(Conflict):
    code = "people.shift_without_length"
    zh = "班次的起止时间不能相同"
    en = "A shift cannot end when it starts"


explain_constraint("people_employee_left_after_hired", LeftBeforeHired())
explain_constraint("people_employee_skill_once_at_a_time", SkillOverlaps())
explain_constraint("people_employee_skill_validity", SkillValidity())
explain_constraint("people_attendance_once", AttendanceTwice())
explain_constraint("people_employee_user_id_key", UserHasEmployee())
explain_constraint("people_shift_has_length", ShiftWithoutLength())
