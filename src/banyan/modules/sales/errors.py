"""What can go wrong in selling."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid, NeedsConfirmation


class PricesOverlap(Conflict):
    code = "sales.prices_overlap"
    zh = "同一客户、物料、单位、币种和起订量，在这段时间已有价格"
    en = "There is a price for this customer, item, unit, currency and quantity at that time already"
    way_out_zh = "先结束原来的价格，再新建"
    way_out_en = "End the earlier price first"


class OrderEmpty(Conflict):
    code = "sales.order_empty"
    zh = "{order} 没有明细"
    en = "{order} has no lines"
    way_out_zh = "先添加明细"
    way_out_en = "Add lines first"


class LineUnknown(Invalid):
    code = "sales.line_unknown"
    zh = "所选的明细行不属于这些单据：{lines}"
    en = "These lines do not belong to the chosen documents: {lines}"


class ReasonNeeded(Invalid):
    code = "sales.reason_needed"
    zh = "改动已承诺的日期须写明原因"
    en = "Say why a promised date changes"


class NothingToShip(Conflict):
    code = "sales.nothing_to_ship"
    zh = "{order} 没有可发的数量"
    en = "{order} has nothing left to ship"


class ShipsTooMuch(Conflict):
    code = "sales.ships_too_much"
    zh = "{order} 的 {item} 只剩 {open} 未发，不能发 {quantity}"
    en = "{order}: only {open} of {item} is left to ship, not {quantity}"
    way_out_zh = "改小数量，或为多发的部分另下订单"
    way_out_en = "Ship less, or take an order for the rest"


class PartTooLarge(Conflict):
    code = "sales.part_too_large"
    zh = "{item} 只备了 {prepared}，不能发 {asked}"
    en = "Only {prepared} of {item} was prepared, not {asked}"
    way_out_zh = "改小数量，或先为订单再备一次货"
    way_out_en = "Ship less, or prepare more for the order first"


class MixedOrders(Invalid):
    code = "sales.mixed_orders"
    zh = "一张单据只能属于一个客户、一个工厂和一种货币"
    en = "A document is for one customer, one plant and one currency"


class NotYetConfirmed(Conflict):
    code = "sales.order_not_open"
    zh = "订单 {order} 处于“{state}”，不能发货"
    en = "Order {order} is “{state}” and cannot be shipped"


class OrderClosed(Conflict):
    code = "sales.order_closed"
    zh = "订单 {order} 已关闭"
    en = "Order {order} is closed"


class ReturnsTooMuch(Conflict):
    code = "sales.returns_too_much"
    zh = "{order} 的 {item} 客户手中只有 {kept}，不能退 {quantity}"
    en = "{order}: the customer has only {kept} of {item}, so {quantity} cannot come back"


class LotNotShipped(Conflict):
    code = "sales.lot_not_shipped"
    zh = "{order} 的 {item}：该批次客户手中只有 {kept}"
    en = "{order}: of this lot of {item} the customer has only {kept}"
    way_out_zh = "选择发给客户的批次"
    way_out_en = "Choose a lot that was shipped to the customer"


class AlreadyInvoiced(Conflict):
    code = "sales.already_invoiced"
    zh = "{order} 的 {item} 已开票，不能撤销发货"
    en = "{order}: {item} has been invoiced, so the shipment cannot be reversed"
    way_out_zh = "先红冲发票"
    way_out_en = "Reverse the invoice first"


class AlreadyReturned(Conflict):
    code = "sales.already_returned"
    zh = "{order} 的 {item} 已有退货，不能撤销发货"
    en = "{order}: some of {item} has come back, so the shipment cannot be reversed"


class NothingOpen(Conflict):
    code = "sales.nothing_open"
    zh = "{order} 没有未发的数量可取消"
    en = "{order} has nothing open to cancel"


class NotYetInvoiced(NeedsConfirmation):
    code = "sales.close_uninvoiced"
    zh = "{orders} 还有未开票的发货，确定关闭？"
    en = "{orders}: goods were shipped and not invoiced. Close all the same?"


class DateInPast(Invalid):
    code = "sales.promise_in_past"
    zh = "承诺日期 {day} 已过去"
    en = "The promised date {day} has passed"


class TooMuchInvoiced(Conflict):
    code = "sales.invoices_too_much"
    zh = "{order} 的 {item} 已发 {shipped}，开票数量不能到 {invoiced}"
    en = "{order}: {shipped} of {item} has been shipped, so {invoiced} cannot be invoiced"


explain_constraint("sales_price_no_overlap", PricesOverlap())
