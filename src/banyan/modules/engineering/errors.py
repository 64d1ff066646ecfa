"""What can go wrong with BOMs and routings."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid


class StructureLoop(Conflict):
    code = "engineering.structure_loop"
    zh = "BOM 形成循环：{path}"
    en = "The BOMs form a circle: {path}"
    way_out_zh = "从循环中的一个 BOM 里去掉该子件"
    way_out_en = "Take the component out of one of the BOMs along the circle"


class NothingInside(Conflict):
    code = "engineering.nothing_inside"
    zh = "{item} 的版本 {revision} 没有任何行"
    en = "Revision {revision} of {item} has no lines"
    way_out_zh = "先填写明细再发布"
    way_out_en = "Fill in its lines, then release it"


class ReleasedTwice(Conflict):
    code = "engineering.released_twice"
    zh = "{item} 的几个版本不能同时发布"
    en = "Several revisions of {item} cannot be released at once"
    way_out_zh = "一次发布一个版本，后发布的取代先发布的"
    way_out_en = "Release them one after the other; the later one supersedes the earlier"


class WrongPredecessors(Invalid):
    code = "engineering.wrong_predecessors"
    zh = "{item} 的工序 {operation}：前道工序 {predecessors} 不存在或不在它之前"
    en = "{item}, operation {operation}: predecessors {predecessors} do not exist or do not come before it"
    way_out_zh = "前道工序填较小的工序号，用分号隔开；都不填则依次进行"
    way_out_en = "Name lower sequences, separated by semicolons; name none at all for one after the other"


class EndsBeforeItBegins(Invalid):
    code = "engineering.ends_before_it_begins"
    zh = "失效日 {effective_to} 不晚于生效日 {effective_from}"
    en = "It ends on {effective_to}, not after it takes effect on {effective_from}"


class RevisionExists(Conflict):
    code = "engineering.revision_exists"
    zh = "该物料在该工厂已有这个版本号"
    en = "The item has a revision of that code at this plant already"
    way_out_zh = "换一个版本号"
    way_out_en = "Choose another code"


class ReleasedIsFinal(Conflict):
    code = "engineering.released_is_final"
    zh = "已发布的版本不能再改"
    en = "A released revision can no longer change"
    way_out_zh = "新建一个版本，修改后发布"
    way_out_en = "Make a new revision, change that and release it"


class TwoCountAtOnce(Conflict):
    code = "engineering.two_count_at_once"
    zh = "同一天只能有一个版本生效"
    en = "Only one revision counts on any day"
    way_out_zh = "请重试；若仍如此，检查生效日期"
    way_out_en = "Try again; if it stays so, check the dates"


class WrongFigure(Invalid):
    code = "engineering.wrong_figure"
    zh = "数量须大于零，损耗率须在 0 到 100 之间，成品率须在 0 到 100 之间"
    en = "Quantities are above zero, scrap from 0 to below 100, yield above 0 up to 100"


class SequenceTwice(Invalid):
    code = "engineering.sequence_twice"
    zh = "工序号在一条工艺路线中只能出现一次"
    en = "A sequence stands only once in a routing"


class Nowhere(Invalid):
    code = "engineering.nowhere"
    zh = "工序须有工作中心，或为委外"
    en = "An operation has a work centre or is subcontracted"


for _name in ("bom", "routing"):
    explain_constraint(f"engineering_{_name}_revision_once", RevisionExists())
    explain_constraint(f"engineering_{_name}_one_a_day", TwoCountAtOnce())
    explain_constraint(f"engineering_{_name}_is_final", ReleasedIsFinal())
for _name in ("bom_base", "bom_line_quantity", "bom_line_scrap", "operation_yield", "output_quantity"):
    explain_constraint(f"engineering_{_name}", WrongFigure())
explain_constraint("engineering_operation_once", SequenceTwice())
explain_constraint("engineering_operation_somewhere", Nowhere())
