"""What can go wrong with recalls, in words."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid


class RecalledAlready(Conflict):
    code = "trace.recalled_already"
    zh = "该批次已有进行中的召回"
    en = "The lot has an open recall already"
    way_out_zh = "打开那张召回单，需要时“重新追溯”"
    way_out_en = "Open that recall; trace again there if need be"


class CustomersNotTold(Conflict):
    code = "trace.customers_not_told"
    zh = "召回 {recall} 还有 {count} 个客户没有通知：{names}"
    en = "Recall {recall}: {count} customers have not been told: {names}"
    way_out_zh = "逐个通知并登记后再关闭"
    way_out_en = "Tell them and tick them off, then close it"


class NotACustomerOfIt(Invalid):
    code = "trace.not_a_customer_of_it"
    zh = "该客户不在这张召回单上"
    en = "The customer is not on this recall"


class NothingHeld(Conflict):
    code = "trace.nothing_held"
    zh = "召回 {recall} 没有可解冻的批次"
    en = "Recall {recall} holds no lot that could be released"


class NotReached(Invalid):
    code = "trace.not_reached"
    zh = "所选批次不是由这张召回单冻结的"
    en = "The lots chosen are not held by this recall"


explain_constraint("trace_recall_one_open", RecalledAlready())
