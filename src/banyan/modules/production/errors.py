"""What can go wrong in production, in words."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid, NeedsConfirmation, NotAllowed, NotFound, Stale


class NotYourTeam(NotAllowed):
    code = "production.not_your_team"
    zh = "涉及其他班组的人员，您只能派工、审核和更正本班组的"
    en = "This concerns people of another team: you dispatch, approve and correct for your own only"
    way_out_zh = "请那个班组的班组长处理"
    way_out_en = "Ask the leader of that team"


class OperationUnknown(NotFound):
    code = "production.operation_unknown"
    zh = "找不到该工序"
    en = "No such operation"


class CentreTwice(Conflict):
    code = "production.centre_twice"
    zh = "同一工作中心填了两次"
    en = "The same work centre is named twice"


class ReportUnknown(NotFound):
    code = "production.report_unknown"
    zh = "找不到要撤销的报工"
    en = "There is no such report to undo"


class TooMuchReported(Conflict):
    code = "production.too_much_reported"
    zh = "{order} 工序 {operation}：报 {asked}，最多还能报 {room}（上道到达 {arrived}，本道已报 {taken}）"
    en = (
        "{order}, operation {operation}: {asked} reported, {room} possible ({arrived} arrived, {taken} taken)"
    )
    way_out_zh = "先报上道工序，或核对数量；确实多做时由班组长提高工单的允差"
    way_out_en = (
        "Report the operation before it first, or check the count; a leader may raise the order's tolerance"
    )


class StillNeededLater(Conflict):
    code = "production.still_needed_later"
    zh = "{order}：撤销后工序 {operation} 会多报 {excess}"
    en = "{order}: without it operation {operation} would have reported {excess} too many"
    way_out_zh = "先撤销后道工序的报工"
    way_out_en = "Undo the reports of the later operation first"


class NotAtWork(Conflict):
    code = "production.not_at_work"
    zh = "{order} 工序 {operation} 处于“{state}”，不能报工"
    en = "{order}, operation {operation} is “{state}”: nothing can be reported on it"
    way_out_zh = "请班组长确认工单和工序状态"
    way_out_en = "Ask the leader about the state of the order and the operation"


class OperationStopped(Conflict):
    code = "production.operation_stopped"
    zh = "{order} 工序 {operation} 已停工：{why}"
    en = "{order}, operation {operation} is stopped: {why}"
    way_out_zh = "先采取临时措施解除停工；已经做完的由班组长确认后补报"
    way_out_en = "A temporary countermeasure lets it go on; what is made already is reported after that"


class ReportKeyReused(Invalid):
    code = "production.report_key_reused"
    zh = "标识 {id} 已用于另一条报工"
    en = "The key {id} was used for another report"
    way_out_zh = "为新的报工换一个标识"
    way_out_en = "Use a new key for a new report"


class AlreadyUndone(Conflict):
    code = "production.already_undone"
    zh = "该报工已被撤销"
    en = "This report has been undone already"
    way_out_zh = "不用再处理，选“不入账”即可"
    way_out_en = "Nothing is left to do: do not book it"


class BookedAgain(Conflict):
    code = "production.booked_again"
    zh = "这次撤销的报工已恢复过"
    en = "What this undo took back has been booked again already"
    way_out_zh = "数量不对时更正恢复的那条报工"
    way_out_en = "Correct the report that was booked again, where it is wrong"


class ReportedSince(Conflict):
    code = "production.reported_since"
    zh = "撤销后已经重新报工，再恢复 {quantity} 会超报"
    en = "It has been reported anew since: another {quantity} would be too many"
    way_out_zh = "认可撤销，或更正后来的报工"
    way_out_en = "Accept the undo, or correct the report that was made since"


class ApprovedAlready(Conflict):
    code = "production.approved_already"
    zh = "该报工已审核，不能自行撤销"
    en = "This report has been approved: you cannot take it back yourself"
    way_out_zh = "请班组长填写原因后冲销"
    way_out_en = "A leader can reverse it, with a reason"


class ReversalReasonNeeded(Invalid):
    code = "production.reversal_reason_needed"
    zh = "冲销已审核的报工须填写原因"
    en = "Taking back an approved report needs a reason"


class NobodyNamed(Invalid):
    code = "production.nobody_named"
    zh = "原报工没有写明人员，不能更正数量"
    en = "The report names nobody: it can be taken back, not corrected"
    way_out_zh = "数量填 0 冲销，再重新报工"
    way_out_en = "Take it back with quantity 0, then report anew"


class NotAllApproved(Conflict):
    code = "production.not_all_approved"
    zh = "{order} 工序 {operation}：合格 {good}，已审核 {approved}"
    en = "{order}, operation {operation}: {good} good, {approved} approved"
    way_out_zh = "先审核或冲销报工，再关闭"
    way_out_en = "Approve or take back its reports first, then close"


class DispatchStale(Stale):
    code = "production.dispatch_stale"
    zh = "{order} 工序 {operation} 的派工已被他人修改"
    en = "Somebody else has changed who does operation {operation} of {order}"


class NotSkilled(NeedsConfirmation):
    code = "production.not_skilled"
    zh = "没有所需技能：{people}"
    en = "Without the skill it takes: {people}"
    way_out_zh = "确认后仍可派工"
    way_out_en = "The work can be given to them all the same"


class CannotUndo(Invalid):
    code = "production.cannot_undo"
    zh = "撤销记录本身不能再撤销"
    en = "An undo cannot be undone"
    way_out_zh = "重新报一次"
    way_out_en = "Report it again"


class WrongReport(Invalid):
    """Several faults of the input; the marked fields say which."""

    code = "production.wrong_report"
    zh = "报工内容有误，请检查标出的字段"
    en = "The report is not valid; see the marked fields"


class NothingToRelease(Conflict):
    code = "production.no_recipe"
    zh = "{item} 在 {day} 没有生效的工艺路线（{order}）"
    en = "{item} has no routing in force on {day} ({order})"
    way_out_zh = "发布工艺路线，或先在工单上添加工序"
    way_out_en = "Release a routing, or add operations to the order first"


class WrongLinks(Invalid):
    code = "production.wrong_links"
    zh = "{order} 的工序关系有误：{links}"
    en = "The operations of {order} are linked wrongly: {links}"


class NotKitted(NeedsConfirmation):
    code = "production.not_kitted"
    zh = "缺料：{missing}"
    en = "Material is missing: {missing}"
    way_out_zh = "确认后仍可下达，缺料会在领料时再次提示"
    way_out_en = "It can be released all the same; issuing will say again what is missing"


class HasBegun(Conflict):
    code = "production.has_begun"
    zh = "{order} 已有报工、领料或入库，不能取消"
    en = "{order} has reports, issues or completions: it cannot be cancelled"
    way_out_zh = "撤销报工并退料后再取消，或者关闭工单"
    way_out_en = "Undo the reports and return the material first, or close the order"


class OpenDebts(Conflict):
    code = "production.open_debts"
    zh = "{order} 还有欠料：{debts}"
    en = "{order} still owes material: {debts}"
    way_out_zh = "补足库存后结清欠料，或由班组长核销"
    way_out_en = "Bring in the stock and settle it, or have a leader waive it"


class NotAllReceived(Conflict):
    code = "production.not_all_received"
    zh = "{order}：末道工序合格 {good}，已入库 {made}"
    en = "{order}: {good} good at the last operation, {made} received"
    way_out_zh = "先办理完工入库，或更正报工，两者一致后再关闭"
    way_out_en = "Receive the rest or correct the reports; close when they agree"


class TooMuchReceived(Conflict):
    code = "production.too_much_received"
    zh = "{order}：入库 {asked}，末道工序合格未入库仅 {room}"
    en = "{order}: {asked} to receive, only {room} are good and not received yet"
    way_out_zh = "先报末道工序的合格数"
    way_out_en = "Report the good pieces of the last operation first"


class LotNeeded(Invalid):
    code = "production.lot_needed"
    zh = "{item} 按批次或序列号管理，请填写批号"
    en = "{item} is kept by lot or serial number: name one"


class SerialQuantity(Invalid):
    code = "production.serial_quantity"
    zh = "{item} 按序列号管理，每个序列号数量为 1"
    en = "{item} is kept by serial number: the quantity of each is 1"


class NothingToIssue(Conflict):
    code = "production.nothing_to_issue"
    zh = "没有待领的物料"
    en = "There is nothing left to issue"


class MaterialShort(Conflict):
    code = "production.material_short"
    zh = "库存不足：{missing}"
    en = "Not enough in stock: {missing}"
    way_out_zh = "减少数量、换一个批次或仓位，或先收货"
    way_out_en = "Reduce the quantity, choose another lot or place, or receive goods first"


class TooMuchReturned(Conflict):
    code = "production.too_much_returned"
    zh = "{item}：退 {asked}，工单上只有 {there}"
    en = "{item}: {asked} to return, the order holds only {there}"


class WrongLine(Invalid):
    code = "production.wrong_line"
    zh = "该行不属于所选工单"
    en = "This line does not belong to the chosen order"


class WrongLot(Invalid):
    code = "production.wrong_lot"
    zh = "批次 {lot} 不是 {item} 的批次"
    en = "Lot {lot} is not a lot of {item}"


class ReasonNeeded(Invalid):
    code = "production.reason_needed"
    zh = "请填写原因"
    en = "Say why"


class SequenceTaken(Conflict):
    code = "production.sequence_taken"
    zh = "{order} 已有工序 {sequence}"
    en = "{order} already has an operation {sequence}"


class NotSkippable(Conflict):
    code = "production.not_skippable"
    zh = "工序 {operation} 已跳过或已关闭"
    en = "Operation {operation} is skipped or closed already"


class AlreadyReversed(Conflict):
    code = "production.already_reversed"
    zh = "{number} 已冲销"
    en = "{number} has been reversed already"


class OrderClosed(Conflict):
    code = "production.order_closed"
    zh = "{order} 已关闭或未下达"
    en = "{order} is closed or not released"


class MoreThanNeeded(Conflict):
    code = "production.more_than_needed"
    zh = "{item}：领 {asked}，工单还需 {left}"
    en = "{item}: {asked} to issue, the order needs {left} more"
    way_out_zh = "超出计划的用料请用“补料”并填写原因"
    way_out_en = "Use “Supplement material”, with a reason, for what goes beyond the plan"


class NoDebts(Conflict):
    code = "production.no_debts"
    zh = "没有可结清的欠料，或库存仍然不足"
    en = "There is no debt that stock could settle"


class LotUnknown(NotFound):
    code = "production.lot_unknown"
    zh = "找不到所填的批次"
    en = "There is no such lot"


class LotNotForOrder(Invalid):
    code = "production.lot_not_for_order"
    zh = "所填批次的物料不在工单 {order} 的用料中"
    en = "The lot's item is not among the materials of {order}"
    way_out_zh = "核对批次，或先在工单上添加该用料"
    way_out_en = "Check the lot, or add the material to the order first"


class OneAtATime(Invalid):
    code = "production.one_at_a_time"
    zh = "一次只能修改一张工单"
    en = "One order at a time"


class AlreadyIssued(Conflict):
    code = "production.already_issued"
    zh = "该用料已全部领用，没有可替代的数量"
    en = "All of this material has been issued: nothing is left to replace"
    way_out_zh = "先退料，或不选替代行直接加料"
    way_out_en = "Return it first, or add the material without replacing a line"


class NotASubstitute(Conflict):
    code = "production.not_a_substitute"
    zh = "{item} 的物料档案里没有替代料"
    en = "{item} has no substitutes"
    way_out_zh = "选一个替代物料，或在物料档案中加替代料"
    way_out_en = "Name an item, or add one to the item's substitutes"


class AlreadyBegun(Conflict):
    code = "production.already_begun"
    zh = "{order}：已开工或已入库的超过 {quantity}"
    en = "{order}: more than {quantity} has been begun or received"
    way_out_zh = "数量只能减到已开工的；拆单可拆还没开工的，或同在一道工序前等着的（工序须一道接一道）；其余先撤销报工"
    way_out_en = (
        "Take off what nobody has begun; split off that, or what waits before one and the same operation of a straight "
        "routing; undo reports for the rest"
    )


class LotNamedBefore(Conflict):
    code = "production.lot_named_before"
    zh = "{order}：{operation} 之前已报产出批号 {lot}，做了一半的不能再拆成另一批"
    en = "{order}: reports before {operation} name the lot {lot}; what is half-way cannot become another lot"
    way_out_zh = "在原工单做完；或撤销那些报工，不带批号重报后再拆"
    way_out_en = "Finish it on this order; or undo those reports, tell them without a lot, and split then"


class ReworkIsFixed(Conflict):
    code = "production.rework_is_fixed"
    zh = "{order} 是返工工单，数量须与原工序一致，不能改"
    en = "{order} is a rework order: its pieces belong to the operation they came from, so the quantity stands"


class OpenRework(Conflict):
    code = "production.open_rework"
    zh = "{order} 工序 {operation} 还有 {quantity} 件在返工工单上"
    en = "{order}, operation {operation}: {quantity} are still at a rework order"
    way_out_zh = "先送回返工件，或关闭返工工单"
    way_out_en = "Bring the reworked pieces back first, or close the rework order"


class NoWayBack(Conflict):
    code = "production.no_way_back"
    zh = "{order} 不是从工序送出的返工工单"
    en = "{order} is no rework order of an operation"
    way_out_zh = "用“完工入库”"
    way_out_en = "Receive its pieces into the store instead"


class NothingToReturn(Conflict):
    code = "production.nothing_to_return"
    zh = "{order}：送回 {asked}，返工合格未送回的只有 {ready}"
    en = "{order}: {asked} to bring back, only {ready} are good and not back yet"
    way_out_zh = "先报返工末道工序的合格数"
    way_out_en = "Report the good pieces of the last rework operation first"


class GoesBack(Conflict):
    code = "production.goes_back"
    zh = "{order} 的返工件要送回原工序，不入库"
    en = "The pieces of {order} go back to the operation they came from, not to the store"
    way_out_zh = "用“送回原工序”"
    way_out_en = "Use “Back to the operation”"


class NothingLeft(Conflict):
    code = "production.nothing_left"
    zh = "工序 {operation} 只剩 {left} 未做"
    en = "Operation {operation}: only {left} are not done yet"


class ServiceNeeded(Conflict):
    code = "production.service_needed"
    zh = "工序 {operation} 没有委外服务物料"
    en = "Operation {operation} has no service to buy"
    way_out_zh = "选择一个类型为“服务”的物料，如“热处理加工费”"
    way_out_en = "Choose an item of kind service, such as “heat treatment”"


class NoPlaceOutside(Conflict):
    code = "production.no_place_outside"
    zh = "该委外商没有委外仓，无法发料"
    en = "The subcontractor has no place for our material"
    way_out_zh = "建一个类型为“委外商”的仓位并填写该单位，或不发料"
    way_out_en = "Make a location of kind subcontractor with this party, or send no material"


class SameRevision(Conflict):
    code = "production.same_revision"
    zh = "{order} 已是 {day} 生效的版本，没有差异"
    en = "{order} has the revisions in force on {day} already"
    way_out_zh = "先发布新版本"
    way_out_en = "Release the new revision first"


class RevisionDiffers(NeedsConfirmation):
    code = "production.revision_differs"
    zh = "换版本将改 {count} 行：{lines}"
    en = "The new revisions change {count} lines: {lines}"
    way_out_zh = "确认后按此修改；已领料和已报工的不变"
    way_out_en = "Confirm to change them so; what was issued and reported stands"


class DifferenceChanged(Conflict):
    code = "production.difference_changed"
    zh = "{order}：差异与您看到的不同了"
    en = "{order}: the difference is no longer the one you saw"
    way_out_zh = "重新看一遍再确认"
    way_out_en = "Look at it again, then accept it"


class PartNeeded(Invalid):
    code = "production.part_needed"
    zh = "选一个零件，或写出名称"
    en = "Choose a part, or write its name"


class NotTemporary(Conflict):
    code = "production.not_temporary"
    zh = "{order} 不是临时工艺卡"
    en = "{order} is no temporary card"
    way_out_zh = "普通工单用“领料”“加料”“完工入库”"
    way_out_en = "Other orders issue, add material and receive goods"


class NoItemYet(Conflict):
    code = "production.no_item_yet"
    zh = "{order}：{part} 还没有物料编码，不能入库"
    en = "{order}: {part} is no item yet, so it cannot go to the store"
    way_out_zh = "结束工艺卡；工程接受建议后建立物料"
    way_out_en = "Finish the card; engineering makes the item from its proposal"


class StillKept(Conflict):
    code = "production.still_kept"
    zh = "还为 {order} 预留着库存"
    en = "Stock is still kept for {order}"
    way_out_zh = "先领用，或分两步：完工入库，再关闭"
    way_out_en = "Issue it first, or take two steps: receive the goods, then close"


explain_constraint("production_defect_reason_centre_once", CentreTwice())
