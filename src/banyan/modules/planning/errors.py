"""What can go wrong with planning."""

from __future__ import annotations

from banyan.lib.errors import Conflict


class NoSupplier(Conflict):
    code = "planning.no_supplier"
    zh = "{item} 没有供应商，不能转采购订单"
    en = "{item} has no supplier and cannot become a purchase order"
    way_out_zh = "在计划订单上选择供应商，或维护供应商货源后重新计划"
    way_out_en = "Choose a supplier on the planned order, or enter a source and plan again"


class StructureBroken(Conflict):
    code = "planning.structure_broken"
    zh = "BOM 有循环，无法计划：{path}"
    en = "The BOMs have a circle and cannot be planned: {path}"
    way_out_zh = "改正其中一个 BOM 后重新计划"
    way_out_en = "Mend one of the BOMs and plan again"


class LinesUnknown(Conflict):
    code = "planning.lines_unknown"
    zh = "指定为急单的订单行没有未交数量：{count} 行"
    en = "{count} of the order lines named as urgent have nothing open"
    way_out_zh = "选择未交完的订单行"
    way_out_en = "Choose lines that still wait for goods"


class NothingProposed(Conflict):
    code = "planning.nothing_proposed"
    zh = "没有可接受的建议：{messages}"
    en = "There is nothing to accept: {messages}"
    way_out_zh = "只有当前计划对已确认计划订单的提前、推后、减少和取消可以接受；工单和采购订单请打开后修改"
    way_out_en = "Only firm planned orders follow the current plan; open other orders to change them"
