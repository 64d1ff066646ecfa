"""What can go wrong in finance."""

from banyan.lib.errors import Conflict, Invalid, NeedsConfirmation, NotAllowed


class PeriodClosed(Conflict):
    code = "finance.period_closed"
    zh = "{day} 所在的会计期间已结账"
    en = "The period of {day} is closed"
    way_out_zh = "改用未结账期间的日期，或先反结账"
    way_out_en = "Use a date in an open period, or re-open the period first"


class NoPeriod(Conflict):
    code = "finance.no_period"
    zh = "没有包含 {day} 的会计期间"
    en = "There is no period for {day}"
    way_out_zh = "在财务中新建该年度的会计期间"
    way_out_en = "Create the periods of that year"


class BooksOff(Conflict):
    code = "finance.books_off"
    zh = "尚未建账，不能记账"
    en = "No books are kept yet; nothing can be posted"
    way_out_zh = "在财务中安装科目表，并新建会计期间"
    way_out_en = "Install a chart of accounts and create the periods"


class NoRule(Conflict):
    code = "finance.no_rule"
    zh = "业务“{event}”没有记账规则"
    en = "There is no posting rule for “{event}”"
    way_out_zh = "在记账规则中为该业务设置借方和贷方科目"
    way_out_en = "Set its debit and credit account in the posting rules"


class NotALeaf(Invalid):
    code = "finance.not_a_leaf"
    zh = "科目 {account} 有下级或已停用，不能记账"
    en = "Account {account} has children or is inactive; it takes no entries"


class NotBalanced(Invalid):
    code = "finance.not_balanced"
    zh = "借方 {debit} 与贷方 {credit} 不相等"
    en = "Debit {debit} and credit {credit} differ"


class SamePerson(NotAllowed):
    code = "finance.same_person"
    zh = "制单人不能审核自己的单据"
    en = "Whoever made it may not check it"
    way_out_zh = "请另一位会计审核"
    way_out_en = "Ask another accountant to check it"


class CreditExceeded(Conflict):
    code = "finance.credit_exceeded"
    zh = "{party} 信用额度 {limit}，已占用 {used}，本单 {amount}，超出 {over}"
    en = "{party}: credit limit {limit}, used {used}, this order {amount}: {over} too much"
    way_out_zh = "先收款，或请有权人放行"
    way_out_en = "Collect a payment first, or ask someone who may release it"


class CreditNeedsConsent(NeedsConfirmation):
    code = "finance.credit_consent"
    zh = "{party} 将超出信用额度 {over}，仍要确认？"
    en = "{party} will exceed its credit limit by {over}. Confirm all the same?"


class NothingToInvoice(Conflict):
    code = "finance.nothing_to_invoice"
    zh = "没有可开票的数量"
    en = "There is nothing to invoice"


class NothingToCredit(Conflict):
    code = "finance.nothing_to_credit"
    zh = "订单 {order} 的退款没有要开红字的金额"
    en = "Order {order}: there is nothing to credit for its refunds"
    way_out_zh = "已退款的都已冲减；还没有开票的部分，开票后自动冲减"
    way_out_en = "What was paid back is credited already; what is not invoiced yet is credited once it is"


class CreditsTooMuch(Conflict):
    code = "finance.credits_too_much"
    zh = "订单 {order} 的退款还应冲减 {due}，已开票未冲减的只有 {left}"
    en = "Order {order}: {due} of its refunds is to be credited, but only {left} of its invoices is left"
    way_out_zh = "核对它的发票、退货和红字发票；发票号码为外部订单号的红字发票算作已冲减"
    way_out_en = (
        "Look at its invoices, returns and credit notes; those whose reference is the outside number count as credits"
    )


class TooMuchMatched(Conflict):
    code = "finance.too_much_matched"
    zh = "{document} 未结 {open}，不能核销 {given}"
    en = "{document} has {open} open; {given} cannot be matched"


class OtherParty(Invalid):
    code = "finance.other_party"
    zh = "收付款与发票不是同一往来单位"
    en = "Payment and invoice are of different parties"


class PaidByStatement(Conflict):
    code = "finance.paid_by_statement"
    zh = "{payment} 是平台结算单核销的，不能单独冲销"
    en = "{payment} belongs to a shop's statement and is not reversed by itself"
    way_out_zh = "在平台结算明细中撤销核销"
    way_out_en = "Take the matching back at the statement's lines"


class NothingToTakeBack(Conflict):
    code = "finance.nothing_to_take_back"
    zh = "{number} 没有可撤销的核销或处理"
    en = "{number}: nothing was matched or decided that could be taken back"


class OrderOfAnotherShop(Invalid):
    code = "finance.order_of_another_shop"
    zh = "{number} 不是该结算单店铺的订单"
    en = "{number} is not an order of the statement's shop"


class PeriodIncomplete(Conflict):
    code = "finance.period_incomplete"
    zh = "{period} 还不能结账：{reason}"
    en = "{period} cannot be closed yet: {reason}"
