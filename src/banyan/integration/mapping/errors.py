"""What key links, matching and merging refuse."""

from __future__ import annotations

from banyan.kernel.schema import explain_constraint
from banyan.lib.errors import Conflict, Invalid, NotFound


class CodeTaken(Conflict):
    code = "mapping.code_taken"
    zh = "{system} 的 {entity} 编码“{code}”已经对照到 {other}"
    en = "Code “{code}” of {entity} in {system} is {other} already"
    way_out_zh = "先取消原来的对照，或把两条记录合并"
    way_out_en = "Unlink it first, or merge the two records"


class RecordTaken(Conflict):
    code = "mapping.record_taken"
    zh = "{record} 在 {system} 已有主编码“{code}”"
    en = "{record} has a main code in {system} already: “{code}”"
    way_out_zh = "作为非主编码关联，或先取消原来的对照"
    way_out_en = "Link it as another code, not the main one, or unlink the first"


class RecordUnknown(NotFound):
    code = "mapping.record_unknown"
    zh = "找不到 {entity} 的记录“{record}”"
    en = "There is no record “{record}” of {entity}"
    way_out_zh = "检查编码，或先建立该记录"
    way_out_en = "Check the code, or make the record first"


class NotACandidate(Invalid):
    code = "mapping.not_a_candidate"
    zh = "所选记录不在候选之中"
    en = "The record chosen is not among the candidates"
    way_out_zh = "从候选中选一条；都不是时点“都不是”"
    way_out_en = "Choose one of the candidates, or say that none of them is it"


class NothingToMerge(Invalid):
    code = "mapping.nothing_to_merge"
    zh = "没有要并入的记录"
    en = "There is no record to merge"
    way_out_zh = "选一条主记录和至少一条要并入的记录"
    way_out_en = "Choose a winner and at least one other record"


class NoRules(Invalid):
    code = "mapping.no_match_rules"
    zh = "{entity} 没有匹配规则"
    en = "There are no match rules for {entity}"
    way_out_zh = "先建立匹配规则，例如按编码"
    way_out_en = "Make match rules first, for instance by code"


class LinkExists(Conflict):
    code = "mapping.link_exists"
    zh = "该外部编码或该记录已有对照"
    en = "This outside code or this record is linked already"
    way_out_zh = "打开主键对照，查看并取消原来的一条"
    way_out_en = "Open the key links, look at the old one and unlink it"


explain_constraint("mapping_key_link_code", LinkExists())
explain_constraint("mapping_key_link_record", LinkExists())
