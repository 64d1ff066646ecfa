"""How a party appears."""

from __future__ import annotations

from decimal import Decimal

from banyan.kernel.nouns import choice, f, lines, noun, section
from banyan.lib.labels import L
from banyan.modules.parties import errors  # noqa: F401  its words for constraints
from banyan.modules.parties.models import Address, Contact, ExternalId, Party

noun(
    Party,
    key="parties.party",
    plural_key="parties",
    icon="users",
    area="parties",
    find_order=20,
    label=L("往来单位", "Party"),
    plural=L("往来单位", "Parties"),
    help=L(
        "客户、供应商和承运商；一个单位可以同时是几种",
        "Customers, suppliers and carriers; one can be several",
    ),
    fields=dict(
        code=f("编码", "Code"),
        name=f("名称", "Name", sortable=True),
        short_name=f("简称", "Short name"),
        is_customer=f("客户", "Customer"),
        is_supplier=f("供应商", "Supplier"),
        is_carrier=f("承运商", "Carrier"),
        tax_number=f("税号", "Tax number"),
        bank_name=f("开户行", "Bank"),
        bank_account=f("银行账号", "Bank account"),
        currency=f("结算币种", "Currency", L("空为本位币", "Empty: the company's own")),
        tax_code=f("默认税码", "Usual tax code"),
        payment_terms=f(
            "付款条件",
            "Payment terms",
            choices=[
                choice("prepaid", "预付", "Prepaid"),
                choice("on_delivery", "货到付款", "On delivery"),
                choice("monthly", "月结", "Monthly statement"),
            ],
        ),
        payment_days=f("账期天数", "Payment days", unit="d", minimum=Decimal(0), maximum=Decimal(3650)),
        credit_limit=f(
            "信用额度",
            "Credit limit",
            L("空为不限，0 为不赊账", "Empty: no limit; 0: no credit"),
            minimum=Decimal(0),
        ),
        is_active=f("启用", "Active", readonly=True),
        is_blocked=f("冻结", "Blocked", readonly=True),
        block_reason=f("冻结原因", "Why blocked", readonly=True),
    ),
    lines=[
        lines(
            "contacts",
            Contact,
            L("联系人", "Contacts"),
            fields=dict(
                name=f("姓名", "Name"),
                phone=f("电话", "Phone"),
                email=f("邮箱", "E-mail"),
                role=f("职务", "Role"),
            ),
        ),
        lines(
            "addresses",
            Address,
            L("地址", "Addresses"),
            fields=dict(
                kind=f(
                    "用途",
                    "Kind",
                    choices=[
                        choice("registered", "注册", "Registered"),
                        choice("delivery", "收货", "Delivery"),
                        choice("invoice", "开票", "Invoice"),
                    ],
                ),
                line=f("街道门牌", "Street"),
                city=f("城市", "City"),
                region=f("省份", "Region"),
                country=f("国家", "Country", L("两个字母，如 CN", "Two letters, such as CN")),
                postcode=f("邮编", "Postcode"),
                is_default=f("默认", "Default"),
            ),
        ),
        lines(
            "external_ids",
            ExternalId,
            L("外部编码", "Outside codes"),
            fields=dict(system=f("系统", "System"), outside_code=f("外部编码", "Outside code")),
        ),
    ],
    title=("code", "name"),
    natural_key="code",
    import_map={
        "code": ("客户编码", "客户编号", "客户代码", "供应商编码", "供应商编号", "供应商代码", "单位编码",
                 "Customer no.", "Customer code", "Supplier no.", "Supplier code", "Vendor no.", "Vendor code"),
        "name": ("客户名称", "供应商名称", "单位名称", "公司名称", "企业名称", "Company", "Company name",
                 "Customer name", "Supplier name", "Vendor name"),
        "short_name": ("客户简称", "供应商简称", "公司简称"),
        "tax_number": ("纳税人识别号", "统一社会信用代码", "信用代码", "Tax ID", "VAT number", "VAT no."),
        "bank_name": ("开户银行", "银行", "Bank name"),
        "bank_account": ("账号", "银行账户", "Account no.", "Account number", "IBAN"),
        "payment_days": ("账期", "付款天数", "Credit days"),
        "contacts.name": ("联系人", "Contact", "Contact person"),
        "contacts.phone": ("联系电话", "手机", "手机号", "Mobile"),
        "contacts.email": ("电子邮箱", "电子邮件", "Mail"),
        "addresses.line": ("地址", "详细地址", "Address"),
        "addresses.postcode": ("邮政编码", "Zip", "Postal code"),
    },
    sort="code",
    list=(
        "code",
        "name",
        "is_customer",
        "is_supplier",
        "is_carrier",
        "payment_days",
        "is_blocked",
        "is_active",
    ),
    filters=("is_customer", "is_supplier", "is_carrier", "is_blocked", "is_active"),
    form=(
        section(
            "基本信息", "Basics", "code", "name", "short_name", "is_customer", "is_supplier", "is_carrier"
        ),
        section("结算", "Terms", "currency", "tax_code", "payment_terms", "payment_days", "credit_limit"),
        section("税务与银行", "Tax and bank", "tax_number", "bank_name", "bank_account", folded=True),
        section("状态", "State", "is_active", "is_blocked", "block_reason", folded=True),
    ),
    phone=("code", "name", "is_blocked"),
    find=("code", "name", "short_name", "tax_number"),
)
