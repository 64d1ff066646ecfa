"""What can go wrong with wages."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict


class RateOverlaps(Conflict):
    code = "wages.rate_overlaps"
    zh = "相同工厂、物料、工序和技能的工价在有效期内已有一条"
    en = "There is a rate for the same plant, item, operation and skill in that time already"
    way_out_zh = "先结束较早的一条"
    way_out_en = "End the earlier one first"


class DeductionOverlaps(Conflict):
    code = "wages.deduction_overlaps"
    zh = "同一不良原因和物料在有效期内已有一条扣款标准"
    en = "There is a deduction for the same reason and item in that time already"
    way_out_zh = "先结束较早的一条"
    way_out_en = "End the earlier one first"


class FactorOverlaps(Conflict):
    code = "wages.factor_overlaps"
    zh = "该员工在有效期内已有一条分配系数"
    en = "The employee has a factor in that time already"
    way_out_zh = "先结束较早的一条"
    way_out_en = "End the earlier one first"


class WrongValidity(Conflict):
    code = "wages.wrong_validity"
    zh = "失效日须晚于生效日"
    en = "It ends before it begins"


class TwoHourPrices(Conflict):
    code = "wages.two_hour_prices"
    zh = "按员工小时工资计算时，不填计时单价"
    en = "With the employee's own hourly pay there is no price per hour"


class RateInUse(Conflict):
    code = "wages.rate_in_use"
    zh = "该工价已用于 {first} 至 {last} 的工资，只能把失效日定在此之后"
    en = "This rate has paid wages from {first} to {last}: it may only be ended after that"
    way_out_zh = "结束这一条，另建新的工价"
    way_out_en = "End it, and write a new one"


class PoolOverlaps(Conflict):
    code = "wages.pool_overlaps"
    zh = "该班组在有效期内已有一个工资池"
    en = "The team has a pool in that time already"
    way_out_zh = "先结束较早的一个"
    way_out_en = "End the earlier one first"


class PoolInUse(Conflict):
    code = "wages.pool_in_use"
    zh = "该工资池已有 {first} 至 {last} 的计件工资，不能删除、换班组，或把失效日定在此之前"
    en = "This pool has piece wages from {first} to {last}: its team stays, and it may only be ended after that"
    way_out_zh = "结束这一个，另建新的"
    way_out_en = "End it, and make a new one"


class NobodyThere(Conflict):
    code = "wages.nobody_there"
    zh = "{team} 在 {day} 没有可参与分配的出勤"
    en = "Nobody of {team} who could share was there on {day}"
    way_out_zh = "先录入考勤，或用“按报工推算考勤”"
    way_out_en = "Record attendance first, or propose it from reports"


class ReportedButNotThere(Conflict):
    code = "wages.reported_but_not_there"
    zh = "{names} 在 {day} 有报工但没有考勤"
    en = "{names} reported on {day} but have no attendance"
    way_out_zh = "先录入考勤，或用“按报工推算考勤”"
    way_out_en = "Record their attendance first, or propose it from reports"


class OwnBonus(Conflict):
    code = "wages.own_bonus"
    zh = "奖扣须由制单人和本人以外的人审核"
    en = "Somebody other than who made the bonus, and who gets it, must approve it"
    way_out_zh = "请有权限的其他人审核"
    way_out_en = "Ask somebody else who may"


class NoBonus(Conflict):
    code = "wages.no_bonus"
    zh = "金额不能为 0"
    en = "The amount must not be zero"


class StatementUnderWay(Conflict):
    code = "wages.statement_under_way"
    zh = "这些工资正由他人生成工资单"
    en = "Somebody is making statements of these wages"
    way_out_zh = "稍后重试"
    way_out_en = "Try again in a moment"


explain_constraint("wages_rate_once_at_a_time", RateOverlaps())
explain_constraint("wages_deduction_once_at_a_time", DeductionOverlaps())
explain_constraint("wages_factor_once_at_a_time", FactorOverlaps())
explain_constraint("wages_pool_once_at_a_time", PoolOverlaps())
explain_constraint("wages_bonus_amount", NoBonus())
for _name in ("rate", "deduction", "factor", "pool"):
    explain_constraint(f"wages_{_name}_days", WrongValidity())
explain_constraint("wages_rate_one_hour_price", TwoHourPrices())
explain_constraint("wages_item_once", StatementUnderWay())
explain_constraint("wages_statement_one_draft", StatementUnderWay())
