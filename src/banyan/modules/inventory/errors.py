"""What can go wrong with stock, in words: the thing, the fault, the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid, NotFound
from banyan.lib.labels import L


@dataclass(frozen=True, slots=True)
class Shortage:
    """One thing of which there is not enough: where it was asked for, by code and id."""

    item: str
    location: str
    wanted: Decimal
    free: Decimal
    missing: Decimal
    item_id: UUID
    lot: UUID | None = None
    line: UUID | None = None


class NotEnoughStock(Conflict):
    """Less is free than is asked for; `shortages` has a row for each thing that is short."""

    code = "inventory.not_enough_stock"
    zh = "{item} 在 {location} 可用 {free}，缺 {missing}（共 {count} 项不足）"
    en = "{item} at {location}: {free} available, {missing} missing ({count} short in all)"
    way_out_zh = "减少数量，或先入库、解除其他占用"
    way_out_en = "Reduce the quantity, receive goods first, or release what others hold"

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        first = shortages[0]
        super().__init__(
            item=first.item,
            location=first.location,
            free=first.free,
            missing=first.missing,
            count=len(shortages),
            shortages=tuple(shortages),
        )
        self.shortages = tuple(shortages)


class HeldLot(Conflict):
    code = "inventory.lot_held"
    zh = "{item} 的批次 {lot} 已冻结或判为不良（{reason}），不能领用或发货"
    en = "Lot {lot} of {item} is held or rejected ({reason}): it can be neither issued nor shipped"
    way_out_zh = "先解冻该批次，或换一个批次"
    way_out_en = "Release the lot or choose another one"


class LotNeeded(Invalid):
    code = "inventory.lot_needed"
    zh = "{item} 按批次或序列号管理，请指明批次"
    en = "{item} is tracked by lot or serial number: name the lot"


class LotNotTracked(Invalid):
    code = "inventory.lot_not_tracked"
    zh = "{item} 不按批次管理，不能指明批次"
    en = "{item} is not tracked: it takes no lot"


class LotOfOtherItem(Invalid):
    code = "inventory.lot_of_other_item"
    zh = "批次 {lot} 不属于 {item}"
    en = "Lot {lot} is not of {item}"


class SerialOfOne(Invalid):
    code = "inventory.serial_of_one"
    zh = "{item} 按序列号管理，每个序列号一次只能移动 1 件，而不是 {quantity}"
    en = "{item} has serial numbers: each moves as one piece, not {quantity}"


class SerialThere(Conflict):
    code = "inventory.serial_there"
    zh = "{item} 的序列号 {lot} 已在库中，不能再次入库"
    en = "Serial number {lot} of {item} is in stock already"


class QuantityNotPositive(Invalid):
    code = "inventory.quantity_not_positive"
    zh = "{item} 的数量须大于零，而不是 {quantity}"
    en = "The quantity of {item} must be above zero, not {quantity}"


class QuantityTooFine(Invalid):
    code = "inventory.quantity_too_fine"
    zh = "{item} 的数量 {quantity} 小数位过多：计量单位最多 {places} 位"
    en = "The quantity {quantity} of {item} is too fine: its unit has {places} places"


class QuantityTooLarge(Invalid):
    code = "inventory.quantity_too_large"
    zh = "{item} 的数量 {quantity} 过大"
    en = "The quantity {quantity} of {item} is too large"


class AmountNotValid(Invalid):
    code = "inventory.amount_not_valid"
    zh = "{item} 的金额 {amount} 无效：不能为负，最多两位小数"
    en = "The amount {amount} of {item} is not valid: not below zero, at most two places"


class ItemNotStocked(Invalid):
    code = "inventory.item_not_stocked"
    zh = "{item} 是服务或虚拟件，没有库存"
    en = "{item} is a service or a phantom: it is not kept in stock"


class NoSuchItem(NotFound):
    code = "inventory.no_such_item"
    zh = "找不到物料 {item}"
    en = "There is no item {item}"


class NoSuchLocation(NotFound):
    code = "inventory.no_such_location"
    zh = "找不到库位 {location}"
    en = "There is no location {location}"


class NoSuchLot(NotFound):
    code = "inventory.no_such_lot"
    zh = "找不到批次 {lot}"
    en = "There is no lot {lot}"


class SamePlace(Invalid):
    code = "inventory.same_place"
    zh = "{item} 的移出与移入库位相同：{location}"
    en = "{item} would move from {location} to the same place"


class WrongLocation(Invalid):
    code = "inventory.wrong_location"
    zh = "库位 {location}（{kind}）不能用于此操作"
    en = "Location {location} ({kind}) cannot be used here"


class LocationClosed(Conflict):
    code = "inventory.location_closed"
    zh = "库位 {location} 已停用，不能移入"
    en = "Location {location} is closed: nothing can be moved into it"


class LocationInUse(Conflict):
    code = "inventory.location_in_use"
    zh = "库位 {location} 已有库存移动，不能再改工厂或类型"
    en = "Stock has moved through {location}: its plant and kind can no longer change"
    way_out_zh = "新建一个库位，把库存调拨过去"
    way_out_en = "Make a new location and transfer the stock"


class LotInUse(Conflict):
    code = "inventory.lot_in_use"
    zh = "批次 {lot} 已有库存移动，不能再改物料"
    en = "Lot {lot} has moved: it cannot become another item's"


class LocationLoop(Invalid):
    code = "inventory.location_loop"
    zh = "库位 {location} 不能放在自己或其他工厂的库位之下"
    en = "Location {location} cannot lie below itself or in another plant"


class NoStanding(Conflict):
    code = "inventory.no_standing"
    zh = "工厂 {plant} 还没有基本库位"
    en = "Plant {plant} has no standing locations yet"
    way_out_zh = "在“库位”中执行“建立基本库位”"
    way_out_en = "Run “Make standing locations” on the list of locations"


class InFuture(Invalid):
    code = "inventory.in_future"
    zh = "移动时间 {moved_at} 在将来"
    en = "The moment of the move, {moved_at}, lies in the future"


class PeriodClosed(Conflict):
    code = "inventory.period_closed"
    zh = "{day} 所在的期间已结账，不能补记库存移动"
    en = "The period of {day} is closed: no move can be dated back into it"
    way_out_zh = "改用未结账期间的日期"
    way_out_en = "Use a date in an open period"


class AlreadyReversed(Conflict):
    code = "inventory.already_reversed"
    zh = "该库存移动已被冲销过"
    en = "The move has been reversed already"


class CostingUnknown(Invalid):
    code = "inventory.costing_unknown"
    zh = "{item} 的计价方法 {method} 不受支持"
    en = "{item}: the costing method {method} is not supported"


class StandardCostMissing(Conflict):
    code = "inventory.standard_cost_missing"
    zh = "{item} 按标准成本计价，但没有标准成本"
    en = "{item} is valued at standard cost, but has none"
    way_out_zh = "先在物料工厂参数中填写标准成本"
    way_out_en = "Enter the standard cost in the item's data of the plant"


class NoValueLeft(Conflict):
    code = "inventory.no_value_left"
    zh = "{item} 的库存价值为 {value}，不能再调整 {amount}"
    en = "{item} is worth {value} in stock: {amount} cannot be added to that"


class NotCounted(Conflict):
    code = "inventory.not_counted"
    zh = "还有 {count} 行没有盘点"
    en = "{count} lines have not been counted yet"


class RecountNeeded(Conflict):
    code = "inventory.recount_needed"
    zh = "{count} 行的差异超出允差，须复盘"
    en = "{count} lines differ by more than the tolerance and must be counted again"


class ReasonNeeded(Invalid):
    code = "inventory.reason_needed"
    zh = "请填写原因"
    en = "Say why: a reason is needed"

    def __init__(self) -> None:
        super().__init__(fields={"reason": L("必填", "is required")})


class NothingToPost(Conflict):
    code = "inventory.nothing_to_post"
    zh = "单据没有明细，不能过账"
    en = "The document has no lines to post"


class LotExists(Conflict):
    code = "inventory.lot_exists"
    zh = "该物料已有这个批号"
    en = "The item has a lot of this number already"


class LotDaysWrong(Invalid):
    code = "inventory.lot_days_wrong"
    zh = "有效期不能早于生产日期"
    en = "A lot cannot expire before it was made"


class DefaultExists(Conflict):
    code = "inventory.default_exists"
    zh = "该工厂已有这种类型的默认库位"
    en = "The plant has a default location of this kind already"


class BarcodeUsed(Conflict):
    code = "inventory.barcode_used"
    zh = "该条码已用于另一个库位"
    en = "The barcode belongs to another location already"


class StockChanged(Conflict):
    code = "inventory.stock_changed"
    zh = "库存刚被他人改变"
    en = "Somebody else has just changed the stock"
    way_out_zh = "请再试一次"
    way_out_en = "Please try again"


explain_constraint("inventory_lot_once", LotExists())
explain_constraint("inventory_lot_expires_after_made", LotDaysWrong())
explain_constraint("inventory_location_one_default", DefaultExists())
explain_constraint("inventory_location_barcode_once", BarcodeUsed())
explain_constraint("inventory_move_reverses_id_key", AlreadyReversed())
explain_constraint("inventory_balance_not_negative", StockChanged())
explain_constraint("inventory_balance_allocated", StockChanged())
explain_constraint("inventory_supply_promised", StockChanged())
