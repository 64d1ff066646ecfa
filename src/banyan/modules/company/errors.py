"""What can go wrong with master data of the company."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid


class NotSetUp(Conflict):
    code = "company.not_set_up"
    zh = "还没有建立公司或工厂"
    en = "There is no company or plant yet"
    way_out_zh = "先在“公司”中建立公司和工厂"
    way_out_en = "Create the company and a plant under “Company” first"


class DepartmentLoop(Invalid):
    code = "company.department_loop"
    zh = "部门的上级形成循环：{path}"
    en = "The departments' parents form a circle: {path}"
    way_out_zh = "换一个上级部门"
    way_out_en = "Choose another parent"


class NoExchangeRate(Conflict):
    code = "company.no_exchange_rate"
    zh = "{currency} 在 {day} 没有汇率"
    en = "{currency} has no exchange rate on {day}"
    way_out_zh = "在币种中补上该日或之前的汇率"
    way_out_en = "Add a rate of that day or earlier to the currency"


class BadExceptionTimes(Conflict):
    code = "company.exception_times"
    zh = "上班的例外日须填起止时间，休息日不填"
    en = "A worked exception needs both times, a day off has none"


class BadCurrencyCode(Conflict):
    code = "company.currency_code"
    zh = "币种编码须为三个大写字母，如 CNY"
    en = "A currency code is three capital letters, such as CNY"


class BadUnitFactor(Conflict):
    code = "company.unit_factor"
    zh = "换算系数须大于零，并填写量纲"
    en = "A factor is above zero and belongs to a dimension"


class BadTaxRate(Conflict):
    code = "company.tax_rate"
    zh = "税率须在 0 至 100 之间；免税和出口为 0"
    en = "A tax rate lies between 0 and 100, and is 0 for exempt and export"


explain_constraint("company_exception_times", BadExceptionTimes())
explain_constraint("company_currency_code", BadCurrencyCode())
explain_constraint("company_unit_factor", BadUnitFactor())
explain_constraint("company_tax_code_rate", BadTaxRate())
explain_constraint("company_tax_code_kind", BadTaxRate())
