"""What can go wrong with exceptions, in words."""

from __future__ import annotations

from banyan.lib.errors import Conflict, Invalid


class ExceptionKeyReused(Invalid):
    code = "exceptions.key_reused"
    zh = "标识 {id} 已用于另一个异常"
    en = "The key {id} was used for another exception"
    way_out_zh = "为新的异常换一个标识"
    way_out_en = "Use a new key for a new exception"


class WrongException(Invalid):
    """Several faults of the input; the marked fields say which."""

    code = "exceptions.wrong_exception"
    zh = "异常内容有误，请检查标出的字段"
    en = "The exception is not valid; see the marked fields"


class NothingNamed(Invalid):
    code = "exceptions.nothing_named"
    zh = "请说明异常出在哪里：工单、工序、设备、批次或工厂"
    en = "Say where it is: a work order, operation, machine, lot or plant"


class CategoryOutOfUse(Conflict):
    code = "exceptions.category_out_of_use"
    zh = "异常类别“{category}”已停用"
    en = "The category “{category}” is out of use"
    way_out_zh = "选择另一个类别"
    way_out_en = "Choose another category"


class NotOfOneOrder(Invalid):
    code = "exceptions.not_of_one_order"
    zh = "工序不属于所选工单"
    en = "The operation does not belong to the chosen work order"


class SameTeam(Conflict):
    code = "exceptions.same_team"
    zh = "{number} 已由“{team}”负责"
    en = "{number} is with “{team}” already"


class TeamOfAnotherPlant(Invalid):
    code = "exceptions.team_of_another_plant"
    zh = "班组“{team}”属于另一个工厂"
    en = "The team “{team}” belongs to another plant"


class CauseOutOfUse(Conflict):
    code = "exceptions.cause_out_of_use"
    zh = "原因“{cause}”已停用"
    en = "The cause “{cause}” is out of use"
    way_out_zh = "选择另一个原因"
    way_out_en = "Choose another cause"


class NothingMissing(Conflict):
    code = "exceptions.nothing_missing"
    zh = "常用的类别、原因和升级级别都已存在"
    en = "The usual categories, causes and levels are all there"
