"""What can go wrong with items."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid


class ItemInactive(Conflict):
    code = "items.inactive"
    zh = "物料 {item} 已停用"
    en = "Item {item} is not active"
    way_out_zh = "启用后再操作，或换用替代料"
    way_out_en = "Activate it, or use a substitute"


class NoConversion(Conflict):
    code = "items.no_conversion"
    zh = "物料 {item} 没有单位“{unit}”到库存单位“{stock_unit}”的换算"
    en = "Item {item} has no conversion from “{unit}” to its stock unit “{stock_unit}”"
    way_out_zh = "在物料的“单位换算”中补上"
    way_out_en = "Add it under the item's units"


class CategoryLoop(Invalid):
    code = "items.category_loop"
    zh = "类别的上级形成循环：{path}"
    en = "The categories' parents form a circle: {path}"
    way_out_zh = "换一个上级类别"
    way_out_en = "Choose another parent"


class InUse(Conflict):
    code = "items.in_use"
    zh = "物料 {item} 已有库存流水，不能再改{field}"
    en = "Item {item} has stock moves already: its {field} can no longer change"
    way_out_zh = "新建一个物料，停用这个"
    way_out_en = "Create a new item and deactivate this one"


class NotTrackable(Conflict):
    code = "items.not_trackable"
    zh = "服务和虚拟件没有库存，不能按批次或序列号管理"
    en = "Services and phantoms have no stock and cannot be tracked by lot or serial"


class ShelfLifeNeedsLots(Conflict):
    code = "items.shelf_life_needs_lots"
    zh = "有保质期的物料须按批次或序列号管理"
    en = "An item with a shelf life is tracked by lot or serial"


class LotRuleIncomplete(Conflict):
    code = "items.lot_rule_incomplete"
    zh = "批量规则缺少参数：固定批量填固定数量，最小与倍数至少填一项，按天合并填供应天数"
    en = "The lot rule lacks its figure: the fixed lot, the minimum or multiple, or the days of supply"


class PlanningExists(Conflict):
    code = "items.planning_exists"
    zh = "该物料在该工厂已有计划参数"
    en = "The item has planning data at this plant already"


explain_constraint("items_item_tracking_needs_stock", NotTrackable())
explain_constraint("items_item_shelf_life_needs_lots", ShelfLifeNeedsLots())
explain_constraint("items_item_plant_lot_rule", LotRuleIncomplete())
explain_constraint("items_item_plant_once", PlanningExists())
