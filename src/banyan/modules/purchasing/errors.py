"""What can go wrong in buying."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid, NeedsConfirmation


class SourcesOverlap(Conflict):
    code = "purchasing.sources_overlap"
    zh = "该供应商的这个物料，在同一单位、币种和时间已有货源"
    en = "This supplier has the item in this unit, currency and time already"
    way_out_zh = "先结束原来的货源，再新建"
    way_out_en = "End the earlier row first"


class OnePreferred(Conflict):
    code = "purchasing.one_preferred"
    zh = "同一时间一个物料只能有一个首选货源"
    en = "An item has one preferred source at a time"
    way_out_zh = "先取消原来的首选"
    way_out_en = "Take the preference from the other source first"


class OrderEmpty(Conflict):
    code = "purchasing.order_empty"
    zh = "{order} 没有明细"
    en = "{order} has no lines"
    way_out_zh = "先添加明细"
    way_out_en = "Add lines first"


class LineUnknown(Invalid):
    code = "purchasing.line_unknown"
    zh = "所选的明细行不属于这些单据：{lines}"
    en = "These lines do not belong to the chosen documents: {lines}"


class HistoryOnly(Conflict):
    code = "purchasing.history_only"
    zh = "{order} 是旧系统的历史订单，不能收货、退货或取消"
    en = "{order} is history of an earlier system: nothing can be received, returned or cancelled on it"


class NotPlaced(Conflict):
    code = "purchasing.order_not_open"
    zh = "采购订单 {order} 处于“{state}”，不能收货"
    en = "Purchase order {order} is “{state}”: nothing can be received on it"


class NothingToReceive(Conflict):
    code = "purchasing.nothing_to_receive"
    zh = "{order} 没有待收的数量"
    en = "{order} has nothing left to receive"


class ReceivesTooMuch(Conflict):
    code = "purchasing.receives_too_much"
    zh = "{order} 的 {item} 最多还能收 {most}（含允差），不能收 {quantity}"
    en = "{order}: at most {most} of {item} may still come, tolerance included, not {quantity}"
    way_out_zh = "改小数量、拒收多余部分，或为多出的部分另下订单"
    way_out_en = "Take in less, refuse the rest, or order the rest"


class ReceiptKeyTaken(Conflict):
    code = "purchasing.receipt_key_taken"
    zh = "标识 {key} 已用于另一张收货单，或一次收了几张订单"
    en = "The key {key} belongs to another receipt, or several orders are received at once"
    way_out_zh = "换一个新的标识，一次收一张订单"
    way_out_en = "Make a new key, and receive one order at a time"


class SerialsDiffer(Invalid):
    code = "purchasing.serials_differ"
    zh = "{item} 到货 {quantity}，但给了 {count} 个序列号"
    en = "{quantity} of {item} came, but {count} serial numbers were given"


class BooksTooMuch(Conflict):
    code = "purchasing.books_too_much"
    zh = "{receipt} 的 {item} 待检只有 {left}，不能判定 {quantity}"
    en = "{receipt}: only {left} of {item} is in inspection, so {quantity} cannot be judged"


class NothingToBook(Conflict):
    code = "purchasing.nothing_to_book"
    zh = "{receipt} 没有待入库的数量"
    en = "{receipt} has nothing left to book"


class RejectReasonNeeded(Invalid):
    code = "purchasing.reject_reason_needed"
    zh = "拒收须写明原因"
    en = "Say why goods are rejected"


class ReturnsTooMuch(Conflict):
    code = "purchasing.returns_too_much"
    zh = "{order} 的 {item} 只收了 {kept}，不能退 {quantity}"
    en = "{order}: only {kept} of {item} was received and not returned, so {quantity} cannot go back"


class AlreadyReturned(Conflict):
    code = "purchasing.already_returned"
    zh = "{order} 的 {item} 已有退货，不能撤销到货"
    en = "{order}: some of {item} has gone back, so the arrival cannot be reversed"


class AlreadyInvoiced(Conflict):
    code = "purchasing.already_invoiced"
    zh = "{order} 的 {item} 已收发票，不能撤销到货"
    en = "{order}: {item} has been invoiced, so the arrival cannot be reversed"
    way_out_zh = "先冲销发票"
    way_out_en = "Reverse the invoice first"


class NothingOpen(Conflict):
    code = "purchasing.nothing_open"
    zh = "{order} 没有未到的数量可取消"
    en = "{order} has nothing open to cancel"


class OrderClosed(Conflict):
    code = "purchasing.order_closed"
    zh = "采购订单 {order} 已关闭"
    en = "Purchase order {order} is closed"


class StillInInspection(Conflict):
    code = "purchasing.still_in_inspection"
    zh = "{order} 还有 {quantity} 待检，不能关闭"
    en = "{order}: {quantity} is still in inspection, so it cannot be closed"
    way_out_zh = "先入库"
    way_out_en = "Book it first"


class NotYetInvoiced(NeedsConfirmation):
    code = "purchasing.close_uninvoiced"
    zh = "{orders} 还有未收到发票的到货，确定关闭？"
    en = "{orders}: goods came and were not invoiced. Close all the same?"


class MixedOrders(Invalid):
    code = "purchasing.mixed_orders"
    zh = "一张单据只能属于一个供应商、一个工厂和一种货币"
    en = "A document is for one supplier, one plant and one currency"


class TooMuchInvoiced(Conflict):
    code = "purchasing.invoices_too_much"
    zh = "{order} 的 {item} 已收 {received}，开票数量不能到 {invoiced}"
    en = "{order}: {received} of {item} was received, so {invoiced} cannot be invoiced"


explain_constraint("purchasing_source_no_overlap", SourcesOverlap())
explain_constraint("purchasing_source_one_preferred", OnePreferred())
