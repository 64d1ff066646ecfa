"""How the company's master data appears."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, lines, noun, section
from banyan.lib.labels import L
from banyan.modules.company.commands import prepare_departments, prepare_plants
from banyan.modules.company.models import (
    Calendar,
    CalendarException,
    CalendarShift,
    Company,
    Currency,
    Department,
    ExchangeRate,
    Plant,
    TaxCode,
    Unit,
)

ZERO = Decimal(0)

noun(
    Company,
    key="company.company",
    plural_key="companies",
    icon="building",
    area="company",
    find_order=90,
    label=L("公司", "Company"),
    plural=L("公司", "Companies"),
    help=L("账簿所属的法人；本位币即公司币种", "The legal person whose books these are, in its currency"),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        tax_number=f("税号", "Tax number"),
        currency=f("本位币", "Currency"),
        language=f(
            "语言", "Language", choices=[choice("zh", "中文", "Chinese"), choice("en", "英文", "English")]
        ),
        address=f("地址", "Address"),
        phone=f("电话", "Phone"),
    ),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "tax_number", "currency"),
    sort="code",
    form=(
        section("公司", "Company", "code", "name", "tax_number", "currency", "language"),
        section("联系方式", "Contact", "address", "phone"),
    ),
    phone=("name", "tax_number"),
    find=("code", "name", "tax_number"),
)

noun(
    Plant,
    key="company.plant",
    plural_key="plants",
    icon="building-factory",
    area="company",
    find_order=85,
    label=L("工厂", "Plant"),
    plural=L("工厂", "Plants"),
    help=L(
        "存货和生产所在的工厂；时区决定当地日期",
        "Where stock lies and work is done; its zone decides its day",
    ),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        company=f("公司", "Company"),
        calendar=f("工作日历", "Calendar"),
        zone=f("时区", "Time zone", L("如 Asia/Shanghai", "Such as Asia/Shanghai")),
    ),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "company", "calendar", "zone"),
    sort="code",
    form=(section("工厂", "Plant", "code", "name", "company", "calendar", "zone"),),
    phone=("code", "name"),
    find=("code", "name"),
    prepare=prepare_plants,
)

noun(
    Department,
    key="company.department",
    plural_key="departments",
    icon="sitemap",
    area="company",
    find_order=86,
    label=L("部门", "Department"),
    plural=L("部门", "Departments"),
    help=L("公司的部门；性质决定费用归集", "Parts of the company; the kind decides where their costs go"),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        parent=f("上级部门", "Parent"),
        plant=f("工厂", "Plant"),
        kind=f(
            "性质",
            "Kind",
            choices=[
                choice("production", "生产", "Production"),
                choice("administration", "管理", "Administration"),
                choice("selling", "销售", "Selling"),
                choice("research", "研发", "Research"),
            ],
        ),
    ),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "parent", "plant", "kind"),
    sort="code",
    filters=("kind", "plant"),
    form=(section("部门", "Department", "code", "name", "parent", "plant", "kind"),),
    phone=("code", "name"),
    find=("code", "name"),
    prepare=prepare_departments,
)

noun(
    Calendar,
    key="company.calendar",
    plural_key="calendars",
    icon="calendar",
    area="company",
    find_order=87,
    label=L("工作日历", "Calendar"),
    plural=L("工作日历", "Calendars"),
    help=L("每周的班次和例外日", "The shifts of a week, and the days that differ"),
    fields=dict(code=f("编码", "Code"), name=f("名称", "Name")),
    lines=[
        lines(
            "shifts",
            CalendarShift,
            L("每周班次", "Weekly shifts"),
            fields=dict(
                weekday=f(
                    "星期",
                    "Weekday",
                    L("0 为星期一，6 为星期日", "0 is Monday, 6 is Sunday"),
                    minimum=ZERO,
                    maximum=Decimal(6),
                ),
                starts_at=f("开始", "Starts at"),
                ends_at=f("结束", "Ends at", L("早于开始则为次日", "Before the start means the next day")),
            ),
        ),
        lines(
            "exceptions",
            CalendarException,
            L("例外日", "Exceptions"),
            fields=dict(
                day=f("日期", "Day"),
                is_working=f("上班", "Working"),
                starts_at=f("开始", "Starts at"),
                ends_at=f("结束", "Ends at"),
                note=f("说明", "Note"),
            ),
        ),
    ],
    title=("code", "name"),
    natural_key="code",
    list=("code", "name"),
    sort="code",
    form=(section("日历", "Calendar", "code", "name"),),
    find=("code", "name"),
)

noun(
    Currency,
    key="company.currency",
    plural_key="currencies",
    icon="coin-yuan",
    area="company",
    find_order=88,
    label=L("币种", "Currency"),
    plural=L("币种", "Currencies"),
    help=L("币种及其对本位币的汇率", "Currencies and what one of each is worth in the company's own"),
    fields=dict(
        code=f("编码", "Code", L("ISO 4217，如 CNY", "ISO 4217, such as CNY")),
        name=f("名称", "Name"),
        symbol=f("符号", "Symbol"),
        places=f("小数位", "Decimal places", minimum=ZERO, maximum=Decimal(2)),
    ),
    lines=[
        lines(
            "rates",
            ExchangeRate,
            L("汇率", "Exchange rates"),
            fields=dict(
                valid_from=f("生效日", "Valid from"),
                rate=f(
                    "汇率",
                    "Rate",
                    L("一单位外币折合的本位币", "Company currency for one of this"),
                    minimum=Decimal("0.000001"),
                ),
            ),
        )
    ],
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "symbol", "places"),
    sort="code",
    form=(section("币种", "Currency", "code", "name", "symbol", "places"),),
    find=("code", "name"),
)

noun(
    TaxCode,
    key="company.tax_code",
    plural_key="tax_codes",
    icon="receipt-tax",
    area="company",
    find_order=88,
    label=L("税码", "Tax code"),
    plural=L("税码", "Tax codes"),
    help=L("增值税税率及其性质", "VAT rates and their nature"),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        rate=f("税率", "Rate", unit="%", minimum=ZERO, maximum=Decimal("99.9999")),
        kind=f(
            "性质",
            "Kind",
            choices=[
                choice("vat", "一般计税", "VAT"),
                choice("simplified", "简易计税", "Simplified"),
                choice("exempt", "免税", "Exempt"),
                choice("export", "出口", "Export"),
            ],
        ),
        is_active=f("启用", "Active"),
    ),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "rate", "kind", "is_active"),
    sort="code",
    filters=("kind", "is_active"),
    form=(section("税码", "Tax code", "code", "name", "rate", "kind", "is_active"),),
    phone=("code", "rate"),
    find=("code", "name"),
)

noun(
    Unit,
    key="company.unit",
    plural_key="units",
    icon="ruler",
    area="company",
    find_order=89,
    label=L("计量单位", "Unit"),
    plural=L("计量单位", "Units"),
    help=L(
        "计量单位；同一量纲的单位按系数换算",
        "Units of measure; those of one dimension convert by their factors",
    ),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name"),
        name_en=f("英文名", "English name"),
        places=f(
            "小数位",
            "Decimal places",
            L("0 表示按件计", "0 for what is counted in pieces"),
            minimum=ZERO,
            maximum=Decimal(6),
        ),
        dimension=f(
            "量纲",
            "Dimension",
            choices=[
                choice("count", "数量", "Count"),
                choice("mass", "质量", "Mass"),
                choice("length", "长度", "Length"),
                choice("area", "面积", "Area"),
                choice("volume", "体积", "Volume"),
                choice("time", "时间", "Time"),
                choice("package", "包装", "Package"),
                choice("", "无", "None"),
            ],
        ),
        factor=f(
            "换算系数", "Factor", L("一单位等于多少基准单位", "How many of the dimension's base unit it is")
        ),
    ),
    title=("name", "name_en"),
    natural_key="code",
    list=("code", "name", "name_en", "places", "dimension", "factor"),
    filters=("dimension",),
    sort="code",
    find=("code", "name", "name_en"),
    phone=("code", "name"),
    form=(
        section("单位", "Unit", "code", "name", "name_en", "places"),
        section("换算", "Conversion", "dimension", "factor"),
    ),
)
