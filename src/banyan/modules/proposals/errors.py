"""What can go wrong with proposals, in words."""

from __future__ import annotations

from banyan.lib.errors import Conflict, Invalid


class LineUnknown(Invalid):
    code = "proposals.line_unknown"
    zh = "该行不属于所选建议"
    en = "This line does not belong to the proposal"


class NotDecided(Conflict):
    code = "proposals.not_decided"
    zh = "{number} 还有 {count} 行没有决定"
    en = "{number}: {count} lines are not decided yet"
    way_out_zh = "逐行接受、修改或拒绝"
    way_out_en = "Accept, edit or reject them line by line"


class NothingAccepted(Conflict):
    code = "proposals.nothing_accepted"
    zh = "{number} 没有接受任何一行"
    en = "{number}: no line was accepted"
    way_out_zh = "接受至少一行，或拒绝整个建议"
    way_out_en = "Accept at least one line, or reject the proposal"


class ItemNeeded(Conflict):
    code = "proposals.item_needed"
    zh = "{part} 还没有物料：接受“物料”行，才能建立物料清单和工艺路线"
    en = "{part} is no item yet: accept the line of the item first, then its BOM and routing can be made"


class CentreNeeded(Conflict):
    code = "proposals.centre_needed"
    zh = "工序 {operation} 没有工作中心"
    en = "Operation {operation} has no work centre"
    way_out_zh = "在该行选择工作中心，或拒绝该行"
    way_out_en = "Choose a work centre for the line, or reject it"


class NumberTaken(Conflict):
    code = "proposals.number_taken"
    zh = "{number} 的工序号 {sequence} 用了两次"
    en = "{number}: two operations would have the number {sequence}"
    way_out_zh = "在其中一行改工序号"
    way_out_en = "Change the number in one of the two lines"


class CodeTaken(Conflict):
    code = "proposals.code_taken"
    zh = "物料编码 {code} 已被使用"
    en = "The item code {code} is taken"
    way_out_zh = "在“物料”行改一个编码"
    way_out_en = "Change the code in the line of the item"


class ReasonNeeded(Invalid):
    code = "proposals.reason_needed"
    zh = "拒绝时请写原因"
    en = "Say why it is rejected"
