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


class StatementUnderWay(Conflict):
    code = "wages.statement_under_way"
    zh = "这些工资正由他人生成工资单"
    en = "Somebody is making statements of these wages"
    way_out_zh = "稍后重试"
    way_out_en = "Try again in a moment"


explain_constraint("wages_rate_once_at_a_time", RateOverlaps())
explain_constraint("wages_deduction_once_at_a_time", DeductionOverlaps())
explain_constraint("wages_factor_once_at_a_time", FactorOverlaps())
for _name in ("rate", "deduction", "factor"):
    explain_constraint(f"wages_{_name}_days", WrongValidity())
explain_constraint("wages_rate_one_hour_price", TwoHourPrices())
explain_constraint("wages_item_once", StatementUnderWay())
explain_constraint("wages_statement_one_draft", StatementUnderWay())
