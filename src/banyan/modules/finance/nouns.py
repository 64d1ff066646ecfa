"""How finance appears: accounts, periods, entries, vouchers, rules, invoices, payments."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft, choice, f, life, lines, noun, numbering, preset, section
from banyan.kernel.spec import Link, Scope
from banyan.lib.labels import L
from banyan.lib.money import round_money
from banyan.modules.channels.choices import FEE_KINDS
from banyan.modules.company.queries import tax_codes
from banyan.modules.finance.models import (
    Account,
    CustomerInvoice,
    CustomerInvoiceLine,
    Entry,
    EntryLine,
    ManualEntry,
    ManualEntryLine,
    Matching,
    Payment,
    Period,
    PostingRule,
    SettlementItem,
    StockAccount,
    SupplierInvoice,
    SupplierInvoiceLine,
    Voucher,
)

SIDE = [choice("debit", "借", "Debit"), choice("credit", "贷", "Credit")]
EVENTS = [
    choice("purchase_receipt", "采购入库（暂估）", "Goods received, not invoiced"),
    choice("material_issue", "生产领料", "Material issued to production"),
    choice("labour", "人工计入生产成本", "Labour to work in process"),
    choice("machine", "机器费用计入生产成本", "Machine time to work in process"),
    choice("overhead", "制造费用计入生产成本", "Overhead to work in process"),
    choice("conversion", "人工与费用计入生产成本", "Labour, machine and overhead to work in process"),
    choice("subcontract", "委外加工", "Subcontracted work"),
    choice("completion", "完工入库", "Goods completed"),
    choice("temporary_work", "临时加工转出", "Temporary work taken out"),
    choice("production_variance", "生产成本差异", "Production variance"),
    choice("shipment", "销售出库", "Goods shipped, not invoiced"),
    choice("stock_gain", "盘盈", "Stock gain"),
    choice("stock_loss", "盘亏", "Stock loss"),
    choice("stock_scrap", "库存报废", "Stock scrapped"),
    choice("stock_opening", "期初库存", "Opening stock"),
    choice("customer_invoice", "销售开票", "Customer invoice"),
    choice("customer_invoice_tax", "销项税额", "Output VAT"),
    choice("cost_of_sales", "结转销售成本", "Cost of sales"),
    choice("supplier_invoice", "采购收票", "Supplier invoice"),
    choice("supplier_invoice_tax", "进项税额", "Input VAT"),
    choice("price_variance", "采购价格差异", "Purchase price variance"),
    choice("payment_in", "收款", "Payment received"),
    choice("payment_out", "付款", "Payment made"),
    choice("payment_back", "退款给客户", "Paid back to customers"),
    choice("settlement", "平台结算", "Shops' statements"),
    choice("platform_fee", "平台费用", "Platform fees"),
    choice("wage_accrual", "计提工资", "Wages accrued"),
    choice("wage_payment", "发放工资", "Wages paid"),
    choice("manual", "手工凭证", "Manual entry"),
    choice("opening", "期初余额", "Opening balance"),
    choice("reversal", "红字冲销", "Reversal"),
]


def _price(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Complete invoices written by hand: amounts of lines and totals."""
    rates = tax_codes()
    for draft in drafts:
        net = tax = Decimal(0)
        for row in draft.lines["lines"]:
            if not row.order_line_id:
                row.net_amount = round_money(row.quantity * row.price)
                row.tax_amount = round_money(row.net_amount * rates[row.tax_code_id].fraction)
            net, tax = net + row.net_amount, tax + row.tax_amount
        draft.record.net_amount, draft.record.tax_amount, draft.record.gross_amount = net, tax, net + tax


def _total(ctx: Context, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        draft.record.amount = sum((r.amount for r in draft.lines["lines"] if r.side == "debit"), Decimal(0))


noun(
    Account,
    key="finance.account",
    plural_key="accounts",
    label=L("科目", "Account"),
    plural=L("会计科目", "Accounts"),
    help=L("会计科目表；只有末级科目可以记账", "The chart of accounts; only leaves take entries"),
    icon="list-tree",
    area="finance",
    verbs=("create", "change"),
    fields=dict(
        code=f("科目编码", "Code", sortable=True),
        name=f("科目名称", "Name"),
        name_en=f("英文名称", "English name"),
        kind=f(
            "类别",
            "Kind",
            choices=[
                choice("asset", "资产", "Asset"),
                choice("liability", "负债", "Liability"),
                choice("equity", "权益", "Equity"),
                choice("cost", "成本", "Cost"),
                choice("income", "收入", "Income"),
                choice("expense", "费用", "Expense"),
            ],
        ),
        normal_side=f("余额方向", "Normal side", choices=SIDE),
        parent=f("上级科目", "Parent"),
        is_leaf=f("末级", "Leaf"),
        auxiliaries=f("辅助核算", "Dimensions"),
        is_active=f("启用", "Active"),
    ),
    title=("code", "name"),
    natural_key="code",
    list=("code", "name", "kind", "normal_side", "is_leaf"),
    filters=("kind", "is_leaf", "is_active"),
    find=("code", "name", "name_en"),
    sort="code",
)

noun(
    Period,
    key="finance.period",
    plural_key="periods",
    label=L("会计期间", "Period"),
    plural=L("会计期间", "Periods"),
    help=L("按月结账；已结账期间不能再记账", "Months; a closed one takes no more entries"),
    icon="calendar",
    area="finance",
    verbs=(),
    fields=dict(
        code=f("期间", "Period", sortable=True),
        starts_on=f("开始", "Starts on"),
        ends_on=f("结束", "Ends on"),
    ),
    life=life(
        states=[choice("open", "未结账", "Open", "green"), choice("closed", "已结账", "Closed", "grey")],
        edges=[("open", "closed", "close"), ("closed", "open", "reopen")],
        editable=(),
    ),
    title=("code",),
    natural_key="code",
    list=("code", "starts_on", "ends_on", "state"),
    filters=("state",),
    sort="-code",
)

noun(
    Entry,
    key="finance.entry",
    plural_key="entries",
    label=L("分录", "Entry"),
    plural=L("分录", "Entries"),
    help=L("业务发生时自动记账；只增不改，红字冲销", "Posted as things happen; never changed, only reversed"),
    icon="book",
    area="finance",
    verbs=(),
    scope=Scope(),
    fields=dict(
        on=f("日期", "Date", sortable=True),
        event=f("业务", "Event", choices=EVENTS, readonly=True),
        period=f("期间", "Period", readonly=True),
        text=f("摘要", "Text", readonly=True),
        origin_noun=f("来源类型", "Origin kind", readonly=True),
        origin=f("来源", "Origin", readonly=True, type="text"),
        reverses=f("冲销", "Reverses", readonly=True),
        posted_at=f("记账时间", "Posted at", readonly=True, sortable=True),
    ),
    lines=[
        lines(
            "lines",
            EntryLine,
            L("分录行", "Lines"),
            fields=dict(
                account=f("科目", "Account", readonly=True),
                side=f("方向", "Side", choices=SIDE, readonly=True),
                amount=f("金额", "Amount", readonly=True),
                party=f("往来单位", "Party", readonly=True),
                item=f("物料", "Item", readonly=True),
                work_order=f("工单", "Work order", readonly=True),
                department=f("部门", "Department", readonly=True),
                quantity=f("数量", "Quantity", readonly=True),
            ),
        )
    ],
    title=("event", "on"),
    list=("on", "event", "text", "origin", "posted_at"),
    phone=("on", "event", "origin"),
    form=(section("分录", "Entry", "on", "event", "origin", "text", "period", "reverses", "posted_at"),),
    filters=("event", "period"),
    sort="-posted_at",
)

noun(
    Voucher,
    key="finance.voucher",
    plural_key="vouchers",
    label=L("凭证", "Voucher"),
    plural=L("凭证", "Vouchers"),
    help=L(
        "汇总凭证，按字按月连续编号；制单与审核不能同一人",
        "Summary vouchers, numbered without gaps; maker and checker differ",
    ),
    icon="receipt",
    area="finance",
    verbs=(),
    fields=dict(
        word=f("字", "Word", readonly=True),
        no=f("号", "No.", readonly=True, sortable=True),
        period=f("期间", "Period", readonly=True),
        on=f("日期", "Date", readonly=True, sortable=True),
        event=f("业务", "Event", choices=EVENTS, readonly=True),
        entries=f("分录数", "Entries", readonly=True),
        amount=f("金额", "Amount", readonly=True),
        made_by=f("制单", "Made by", readonly=True, reference="kernel.user"),
        checked_by=f("审核", "Checked by", readonly=True, reference="kernel.user"),
    ),
    life=life(
        states=[
            choice("made", "未审核", "To be checked", "orange"),
            choice("checked", "已审核", "Checked", "green"),
        ],
        edges=[("made", "checked", "check")],
        editable=(),
    ),
    title=("word", "no", "period"),
    list=("period", "word", "no", "on", "event", "entries", "amount", "state"),
    phone=("word", "no", "event", "amount"),
    filters=("period", "state", "event"),
    sort="-on",
)

noun(
    PostingRule,
    key="finance.posting_rule",
    plural_key="posting_rules",
    label=L("记账规则", "Posting rule"),
    plural=L("记账规则", "Posting rules"),
    icon="arrows-exchange",
    area="finance",
    help=L(
        "哪项业务记哪个科目；空着的一方取物料的存货科目",
        "Which event goes to which account; an empty side is the item's stock account",
    ),
    fields=dict(
        event=f("业务", "Event", choices=EVENTS),
        debit=f("借方科目", "Debit"),
        credit=f("贷方科目", "Credit"),
        note=f("说明", "Note"),
    ),
    title=("event",),
    natural_key="event",
    list=("event", "debit", "credit", "note"),
    sort="event",
)

noun(
    StockAccount,
    key="finance.stock_account",
    plural_key="stock_accounts",
    label=L("存货科目", "Stock account"),
    plural=L("存货科目", "Stock accounts"),
    icon="packages",
    area="finance",
    help=L(
        "物料类别对应的存货科目；类别为空的一行用于其余物料",
        "The stock account per item category; the row without one serves the rest",
    ),
    fields=dict(category=f("物料类别", "Category"), account=f("科目", "Account")),
    title=("category", "account"),
    list=("category", "account"),
)

_INVOICE = dict(
    kind=f(
        "类型",
        "Kind",
        choices=[choice("invoice", "蓝字", "Invoice"), choice("credit", "红字", "Credit note", "red")],
    ),
    plant=f("工厂", "Plant"),
    invoiced_on=f("开票日期", "Invoiced on", sortable=True),
    due_on=f("到期日", "Due on"),
    currency=f("币种", "Currency"),
    reference=f("发票号码", "Reference"),
    net_amount=f("不含税金额", "Net", readonly=True),
    tax_amount=f("税额", "VAT", readonly=True),
    gross_amount=f("价税合计", "Gross", readonly=True),
    settled_amount=f("已核销", "Settled", readonly=True),
    reverses=f("冲销", "Reverses", readonly=True),
)
_INVOICE_LINE = dict(
    item=f("物料", "Item"),
    text=f("说明", "Text"),
    quantity=f("数量", "Quantity"),
    price=f("不含税单价", "Price"),
    tax_code=f("税码", "VAT"),
    net_amount=f("不含税金额", "Net", readonly=True),
    tax_amount=f("税额", "VAT", readonly=True),
    order_line=f("订单行", "Order line", readonly=True),
)
_INVOICE_LIFE = dict(
    states=[
        choice("draft", "草稿", "Draft"),
        choice("posted", "已记账", "Posted", "blue"),
        choice("paid", "已结清", "Paid", "green"),
        choice("reversed", "已冲销", "Reversed", "red"),
    ],
    edges=[("draft", "posted", "post"), ("posted", "reversed", "reverse")],
    way=("draft", "posted", "paid"),
)
_INVOICE_VIEW = dict(
    title=("number", "party"),
    natural_key="number",
    list=("number", "party", "kind", "invoiced_on", "due_on", "gross_amount", "settled_amount", "state"),
    filters=("state", "party", "kind"),
    find=("number", "reference"),
    find_through=("party",),
    area="finance",
    phone=("number", "party", "gross_amount", "state"),
    prepare=_price,
)

noun(
    CustomerInvoice,
    key="finance.customer_invoice",
    plural_key="customer_invoices",
    label=L("销售发票", "Customer invoice"),
    plural=L("销售发票", "Customer invoices"),
    help=L("向客户开具的发票和红字发票", "Invoices and credit notes to customers"),
    icon="file-invoice",
    fields=dict(party=f("客户", "Customer", only="is_customer"), **_INVOICE),
    lines=[lines("lines", CustomerInvoiceLine, L("明细", "Lines"), fields=_INVOICE_LINE, required=True)],
    life=life(**_INVOICE_LIFE),
    numbering=numbering("SI{yy}{mm}-{n:05}"),
    **_INVOICE_VIEW,
)

noun(
    SupplierInvoice,
    key="finance.supplier_invoice",
    plural_key="supplier_invoices",
    label=L("采购发票", "Supplier invoice"),
    plural=L("采购发票", "Supplier invoices"),
    help=L("供应商开来的发票，与收货核对", "Suppliers' invoices, matched to receipts"),
    icon="file-import",
    fields=dict(party=f("供应商", "Supplier", only="is_supplier"), **_INVOICE),
    lines=[lines("lines", SupplierInvoiceLine, L("明细", "Lines"), fields=_INVOICE_LINE, required=True)],
    life=life(**_INVOICE_LIFE),
    numbering=numbering("PI{yy}{mm}-{n:05}"),
    **_INVOICE_VIEW,
)

noun(
    Payment,
    key="finance.payment",
    plural_key="payments",
    label=L("收付款", "Payment"),
    plural=L("收付款", "Payments"),
    help=L("收到或付出的款项，与发票核销", "Money received or paid, matched to invoices"),
    icon="cash",
    area="finance",
    fields=dict(
        direction=f(
            "方向",
            "Direction",
            choices=[
                choice("in", "收款", "Received", "green"),
                choice("out", "付款", "Paid", "orange"),
                choice("back", "退款", "Paid back", "red"),
            ],
        ),
        party=f("往来单位", "Party"),
        paid_on=f("日期", "Paid on", sortable=True),
        account=f("账户", "Account"),
        currency=f("币种", "Currency"),
        amount=f("金额", "Amount", minimum=Decimal("0.01")),
        method=f(
            "方式",
            "Method",
            choices=[
                choice("transfer", "转账", "Transfer"),
                choice("cash", "现金", "Cash"),
                choice("acceptance", "承兑汇票", "Acceptance bill"),
                choice("other", "其他", "Other"),
            ],
        ),
        reference=f("流水号", "Reference"),
        matched_amount=f("已核销", "Matched", readonly=True),
    ),
    life=life(
        states=[
            choice("draft", "草稿", "Draft"),
            choice("posted", "已记账", "Posted", "green"),
            choice("reversed", "已冲销", "Reversed", "red"),
        ],
        edges=[("draft", "posted", "post"), ("posted", "posted", "match"), ("posted", "reversed", "reverse")],
    ),
    numbering=numbering("PM{yy}{mm}-{n:05}"),
    title=("number", "party"),
    natural_key="number",
    list=("number", "direction", "party", "paid_on", "amount", "matched_amount", "state"),
    filters=("direction", "state", "party"),
    find=("number", "reference"),
    find_through=("party",),
)

noun(
    Matching,
    key="finance.matching",
    plural_key="matchings",
    label=L("核销", "Matching"),
    plural=L("核销记录", "Matchings"),
    help=L("哪笔收付款结清了哪张发票", "Which payment settled which invoice"),
    icon="link",
    area="finance",
    verbs=(),
    scope=Scope(),
    fields=dict(
        payment=f("收付款", "Payment", readonly=True),
        customer_invoice=f("销售发票", "Customer invoice", readonly=True),
        supplier_invoice=f("采购发票", "Supplier invoice", readonly=True),
        amount=f("金额", "Amount", readonly=True),
        at=f("时间", "At", readonly=True, sortable=True),
    ),
    title=("payment", "amount"),
    list=("payment", "customer_invoice", "supplier_invoice", "amount", "at"),
    sort="-at",
    links=(Link("customer_invoice", "payment"), Link("supplier_invoice", "payment")),
)

noun(
    SettlementItem,
    key="finance.settlement_item",
    plural_key="settlement_items",
    label=L("平台结算明细", "Statement line"),
    plural=L("平台结算明细", "Statement lines"),
    help=L(
        "平台结算单的每一行在账上的去向：核销了发票、记了费用，或待人处理",
        "Where each line of a shop's statement went: paid for invoices, a fee, or open for a person to decide",
    ),
    icon="receipt",
    area="finance",
    verbs=(),
    fields=dict(
        settlement=f("结算单", "Statement", readonly=True),
        line=f("结算单行", "Line", readonly=True, reference="channels.settlement"),
        kind=f("类型", "Kind", choices=FEE_KINDS, readonly=True),
        outside_number=f("外部订单号", "Outside number", readonly=True),
        channel_order=f("渠道订单", "Channel order", readonly=True),
        amount=f("金额", "Amount", readonly=True),
        paid_amount=f("已核销", "Paid for invoices", readonly=True),
        fee_amount=f("记为费用", "Fees", readonly=True),
        decided_amount=f("已处理差额", "Decided", readonly=True),
        open_amount=f("待处理", "Open", readonly=True),
        reason=f(
            "待处理原因",
            "Open because",
            readonly=True,
            choices=[
                choice("no_order", "没有对应的订单", "No such order", "red"),
                choice("no_invoice", "订单还没开票", "Not invoiced yet", "blue"),
                choice("more", "多于应收", "More than was open", "orange"),
                choice("other", "平台其他款项", "Something else", "orange"),
                choice("back", "已撤销", "Taken back", "orange"),
            ],
        ),
        account=f("转入科目", "Went to", readonly=True),
        note=f("说明", "Note", readonly=True),
    ),
    life=life(
        states=[
            choice("open", "待处理", "Open", "orange"),
            choice("matched", "已核销", "Paid for invoices", "green"),
            choice("fee", "费用", "Fee", "blue"),
            choice("decided", "已处理", "Decided", "green"),
        ],
        edges=[
            ("open", "open", "match"),
            ("open", "matched", "match"),
            ("open", "decided", "decide"),
            ("open", "open", "reopen"),
            ("matched", "open", "reopen"),
            ("decided", "open", "reopen"),
        ],
        editable=(),
    ),
    presets=[preset("open", "待处理", "To be decided", "state:in=open", first=True)],
    title=("outside_number", "settlement"),
    list=("settlement", "kind", "outside_number", "amount", "open_amount", "state", "reason", "paid_amount",
          "channel_order"),
    form=(
        section("明细", "Line", "settlement", "kind", "outside_number", "channel_order", "reason"),
        section("金额", "Amounts", "amount", "paid_amount", "fee_amount", "decided_amount", "open_amount", "account",
                "note"),
    ),
    filters=("state", "settlement", "kind", "reason"),
    phone=("outside_number", "open_amount", "state"),
    find=("outside_number",),
    find_through=("settlement",),
)  # fmt: skip

noun(
    ManualEntry,
    key="finance.manual_entry",
    plural_key="manual_entries",
    label=L("手工凭证", "Manual entry"),
    plural=L("手工凭证", "Manual entries"),
    help=L("手工录入的会计分录，由他人审核记账", "Entries written by hand, posted by somebody else"),
    icon="pencil",
    area="finance",
    fields=dict(
        on=f("日期", "Date", sortable=True),
        text=f("摘要", "Text"),
        is_opening=f("期初", "Opening"),
        amount=f("金额", "Amount", readonly=True),
    ),
    lines=[
        lines(
            "lines",
            ManualEntryLine,
            L("分录行", "Lines"),
            required=True,
            fields=dict(
                account=f("科目", "Account"),
                side=f("方向", "Side", choices=SIDE),
                amount=f("金额", "Amount"),
                party=f("往来单位", "Party"),
                employee=f("员工", "Employee"),
                department=f("部门", "Department"),
                item=f("物料", "Item"),
                work_order=f("工单", "Work order"),
                note=f("说明", "Note"),
            ),
        )
    ],
    life=life(
        states=[
            choice("draft", "草稿", "Draft"),
            choice("posted", "已记账", "Posted", "green"),
            choice("reversed", "已冲销", "Reversed", "red"),
        ],
        edges=[("draft", "posted", "post"), ("posted", "reversed", "reverse")],
    ),
    numbering=numbering("JE{yy}{mm}-{n:05}"),
    title=("number", "text"),
    natural_key="number",
    list=("number", "on", "text", "amount", "state"),
    filters=("state",),
    find=("number", "text"),
    prepare=_total,
)
