"""What can go wrong with a phone in the warehouse, in words."""

from __future__ import annotations

from banyan.lib.errors import Conflict, Invalid, NotFound


class OrdersUnknown(NotFound):
    code = "handheld.orders_unknown"
    zh = "找不到借出或借入的工单"
    en = "There is no such order to lend or to borrow"


class ArrivalNotBooked(Conflict):
    code = "handheld.arrival_not_booked"
    zh = "这批货的到货还没有入账"
    en = "The arrival of these goods is not booked yet"
    way_out_zh = "先处理“待处理的报工”中的到货，再把入库入账"
    way_out_en = "Decide on the arrival among the reports to decide, then book this"


class SameOrder(Invalid):
    code = "handheld.same_order"
    zh = "借出和借入是同一张工单 {order}"
    en = "The same order {order} would lend to itself"
    way_out_zh = "先扫要料的工单，再扫有料的工单"
    way_out_en = "Scan the order that needs material first, then the one that has it"


class NotAtWork(Conflict):
    code = "handheld.not_at_work"
    zh = "工单 {order} 不在生产中，不能借料"
    en = "Order {order} is not at work: nothing is borrowed for or from it"


class OtherPlant(Conflict):
    code = "handheld.other_plant"
    zh = "两张工单不在同一工厂，请用调拨"
    en = "The two orders are of different plants: use a transfer"


class NotNeeded(Conflict):
    code = "handheld.not_needed"
    zh = "工单 {order} 还需要 {item} {needed}，不能借 {asked}"
    en = "Order {order} needs {needed} more of {item}: {asked} cannot be borrowed"


class NothingToLend(Conflict):
    code = "handheld.nothing_to_lend"
    zh = "工单 {order} 的 {item} 能借出 {there}，不够 {asked}"
    en = "Order {order} can lend {there} of {item}, not {asked}"
    way_out_zh = "减少数量，或扫另一张有料的工单"
    way_out_en = "Borrow less, or scan another order that has it"


class NothingToSettle(Conflict):
    code = "handheld.nothing_to_settle"
    zh = "现在没有可还给出借工单的料"
    en = "There is nothing now that could be given back to the lender"
    way_out_zh = "料到时会自动结清；出借工单不再需要时可核销"
    way_out_en = "It is settled when material arrives; waive it where the lender needs nothing any more"


class StepUnknown(NotFound):
    code = "handheld.step_unknown"
    zh = "这一行已不在拣货单上"
    en = "This line is not to be fetched any more"
    way_out_zh = "返回，重新开始拣料"
    way_out_en = "Go back and start picking again"


class NotThisLot(Invalid):
    code = "handheld.not_this_lot"
    zh = "批次 {lot} 不能代替 {due}：须是同一物料的另一个批次"
    en = "Lot {lot} cannot be taken for {due}: it must be another lot of the same item"


class LotExpired(Conflict):
    code = "handheld.lot_expired"
    zh = "批次 {lot} 已于 {day} 到期，不能用"
    en = "Lot {lot} expired on {day} and is not to be used"


class CodeUnknown(NotFound):
    code = "handheld.code_unknown"
    zh = "不认识“{code}”"
    en = "“{code}” is not known"
    way_out_zh = "核对标签，或输入编号"
    way_out_en = "Check the label, or type the number"
