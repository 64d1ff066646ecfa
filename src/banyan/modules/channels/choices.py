"""The words for what a shop, an order and a refund can be."""

from __future__ import annotations

from banyan.kernel.nouns import choice

PLATFORMS = (
    choice("taobao", "淘宝/天猫", "Taobao/Tmall"), choice("jd", "京东", "JD"), choice("douyin", "抖音", "Douyin"),
    choice("pinduoduo", "拼多多", "Pinduoduo"), choice("shopify", "Shopify", "Shopify"),
    choice("woocommerce", "WooCommerce", "WooCommerce"), choice("vendure", "Vendure", "Vendure"),
    choice("other", "其他", "Other"),
)  # fmt: skip
REASONS = (
    choice("unmatched", "SKU 未对照", "SKU unknown", "orange"),
    choice("amounts", "金额不符", "Amounts disagree", "red"),
    choice("price", "价格异常", "Price too low", "red"),
    choice("no_stock", "缺货", "Out of stock", "red"),
    choice("remark", "有留言", "Has a remark", "blue"),
    choice("address", "地址异常", "Address", "orange"),
    choice("quantity", "数量超限", "Quantity over limit", "orange"),
    choice("duplicate", "疑似重复", "Perhaps twice", "orange"),
    choice("customer", "客户不可用", "Customer not usable", "red"),
    choice("rule", "规则拦截", "Held by a rule", "orange"),
    choice("person", "人工暂停", "Held by hand", "blue"),
)  # fmt: skip
OUTSIDE_STATES = (
    choice("placed", "待付款", "To be paid"), choice("paid", "已付款", "Paid", "green"),
    choice("cancelled", "已取消", "Cancelled", "red"),
)  # fmt: skip
STATES = (
    choice("received", "已接收", "Received"), choice("held", "待处理", "Held", "orange"),
    choice("accepted", "已接单", "Accepted", "blue"), choice("allocated", "已配货", "Allocated", "blue"),
    choice("shipped", "已发货", "Shipped", "green"), choice("done", "已完成", "Done", "green"),
    choice("cancelled", "已取消", "Cancelled", "red"), choice("refunded", "已退款", "Refunded", "red"),
)  # fmt: skip
PART_KINDS = (choice("part", "组成", "Part"), choice("gift", "赠品", "Gift", "green"))
REFUND_KINDS = (
    choice("refund", "仅退款", "Money only"), choice("return", "退货退款", "Goods come back"),
    choice("intercept", "拦截快递", "Stopped on the way"),
)  # fmt: skip
FEE_KINDS = (
    choice("order", "订单收入", "Order"), choice("refund", "退款", "Refund", "orange"),
    choice("fee", "费用", "Fee", "blue"), choice("other", "其他", "Other"),
)  # fmt: skip
