"""What can go wrong with shops, their orders and their settlements."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid, NeedsConfirmation, NotFound


class NoSuchShop(NotFound):
    code = "channels.no_such_shop"
    zh = "没有编码为 {shop} 的店铺，或已停用"
    en = "There is no active shop with the code {shop}"
    way_out_zh = "先建店铺，或改正编码"
    way_out_en = "Set the shop up first, or correct the code"


class NoSuchOrder(NotFound):
    code = "channels.no_such_order"
    zh = "店铺 {shop} 没有外部订单 {number}"
    en = "Shop {shop} has no order {number}"


class UnknownCurrency(Invalid):
    code = "channels.unknown_currency"
    zh = "订单 {number}：没有币种 {currency}"
    en = "Order {number}: there is no currency {currency}"


class ListedTwice(Conflict):
    code = "channels.listed_twice"
    zh = "该店铺已有这个 SKU 的对照"
    en = "This shop's SKU is matched already"


class ListingEmpty(Invalid):
    code = "channels.listing_empty"
    zh = "{sku}：请选择物料，或填写套装的组成"
    en = "{sku}: choose an item, or give the parts of the bundle"


class NotAStore(Invalid):
    code = "channels.not_a_store"
    zh = "{location} 不是该工厂可发货的仓库"
    en = "{location} is not a store of that plant to ship from"
    way_out_zh = "选择该工厂的仓库、库区或库位，或留空"
    way_out_en = "Choose a warehouse, zone or bin of the plant, or none"


class MatchesNothing(Invalid):
    code = "channels.matches_nothing"
    zh = "没有选择物料"
    en = "No item was chosen"
    way_out_zh = "至少为一个 SKU 选择物料"
    way_out_en = "Choose an item for one SKU at least"


class HasNothing(Conflict):
    code = "channels.nothing_to_do"
    zh = "{order} 没有可处理的内容"
    en = "{order}: there is nothing to do"


class AmountsDiffer(Conflict):
    code = "channels.amounts_differ"
    zh = "{number}：实付 {total}，销售订单为 {gross}"
    en = "{number}: {total} was paid, the sales order comes to {gross}"


class StillUnpaid(Conflict):
    code = "channels.still_unpaid"
    zh = "{order} 尚未付款，付款后自动接单"
    en = "{order} is not paid yet; it is accepted when it is"


class NotTogether(Invalid):
    code = "channels.not_together"
    zh = "{orders} 的买家、地址、客户、工厂或币种不同，不能合并发货"
    en = "{orders} differ in buyer, address, customer, plant or currency and cannot leave together"


class MergesOne(Invalid):
    code = "channels.merges_one"
    zh = "至少选择两张订单"
    en = "Choose at least two orders"


class SplitsTooMuch(Invalid):
    code = "channels.splits_too_much"
    zh = "{order} 的 {sku} 只有 {quantity}，且拆单后两边都要有货"
    en = "{order} has {quantity} of {sku}; something must be left on both sides"


class LineUnknown(Invalid):
    code = "channels.line_unknown"
    zh = "{order} 没有这样的明细"
    en = "{order} has no such line"


class RefundsTooMuch(Invalid):
    code = "channels.refunds_too_much"
    zh = "{order} 实付 {total}，已申请或已退 {known}，不能再退 {amount}"
    en = "{order}: {total} was paid and {known} is refunded or asked for, so {amount} is too much"


class ReturnsNothing(Invalid):
    code = "channels.returns_nothing"
    zh = "退货退款须写明退回的明细，且货已发出"
    en = "Say which goods come back; they must have been shipped"


class GoodsNotBack(NeedsConfirmation):
    code = "channels.goods_not_back"
    zh = "{refund} 的货还没有收到，确定先退款？"
    en = "The goods of {refund} are not back yet. Pay all the same?"


class GoodsStillOut(Conflict):
    code = "channels.goods_still_out"
    zh = "退货单 {number} 还没有收货"
    en = "Return {number} has not been received"


class SumsDiffer(Invalid):
    code = "channels.sums_differ"
    zh = "结算单合计 {total}，明细之和 {lines}"
    en = "The statement says {total}, its lines add up to {lines}"
    way_out_zh = "核对文件是否完整后重新导入"
    way_out_en = "See whether the file is complete, and import it again"


class NotAllMatched(NeedsConfirmation):
    code = "channels.not_all_matched"
    zh = "还有 {unmatched} 行没有对应的订单，差异 {difference}，确定核对完成？"
    en = "{unmatched} lines have no order and {difference} differs. Settle all the same?"


class SettledAlready(Conflict):
    code = "channels.settled_already"
    zh = "结算单 {number} 已导入，内容不同"
    en = "Statement {number} was imported with other contents"


explain_constraint("channels_listing_once", ListedTwice())
