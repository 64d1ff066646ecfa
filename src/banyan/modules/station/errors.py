"""What can go wrong at a station, in words."""

from __future__ import annotations

from banyan.lib.errors import Conflict, DomainError, Invalid, NotAllowed, NotAuthenticated, NotFound
from banyan.lib.labels import L


class WrongPairingCode(NotAuthenticated):
    code = "station.wrong_pairing_code"
    zh = "配对码不对或已过期"
    en = "This pairing code is wrong or has expired"
    way_out_zh = "请管理员在“工位设备”中重新生成"
    way_out_en = "Ask an administrator for a new one, in the list of station devices"


class DeviceUnknown(NotAuthenticated):
    code = "station.device_unknown"
    zh = "此设备没有配对，或已被停用"
    en = "This device is not paired, or has been taken out of use"
    way_out_zh = "请管理员给出配对码"
    way_out_en = "Ask an administrator for a pairing code"


class SignInRefused(NotAuthenticated):
    code = "station.sign_in_refused"
    zh = "工牌或 PIN 不对"
    en = "Badge or PIN is wrong"
    way_out_zh = "请重试；忘记 PIN 时请班组长重设"
    way_out_en = "Try again; a leader can give you a new PIN"


class NotABadge(NotAuthenticated):
    code = "station.not_a_badge"
    zh = "扫到的不是工牌，是{what}的标签"
    en = "This is not a badge but the label of: {what}"
    way_out_zh = "请扫“工牌”中打印的卡，或用工号和 PIN 登录"
    way_out_en = "Scan a card printed from the list of badges, or sign in with code and PIN"


class SignInNeeded(NotAuthenticated):
    code = "station.sign_in_needed"
    zh = "请重新登录，排队的报工会保留"
    en = "Sign in again; what is queued stays"


class NotForOthers(NotAllowed):
    code = "station.not_for_others"
    zh = "您不能代{person}发送，报工仍在设备里"
    en = "You cannot send for {person}; what waits stays on the device"
    way_out_zh = "请本人重新登录，或请本班组的班组长在这台设备上代发"
    way_out_en = "The person signs in again, or the leader of that team sends it from this device"


class SignInLocked(DomainError):
    status = 429
    title = L("尝试次数过多", "Too many attempts")
    code = "station.sign_in_locked"
    zh = "尝试次数过多，请 {minutes} 分钟后再试"
    en = "Too many attempts; try again in {minutes} minutes"
    way_out_zh = "班组长可以在“工牌”中解锁"
    way_out_en = "A leader can unlock the badge in the list of badges"


class NoAccount(Invalid):
    code = "station.no_account"
    zh = "{employee} 还没有账号，不能使用工牌"
    en = "{employee} has no user account yet and cannot use a badge"
    way_out_zh = "先在员工资料中关联一个账号"
    way_out_en = "Link a user to the employee first"


class ActUnreadable(Invalid):
    code = "station.act_unreadable"
    zh = "报工内容不完整：{fault}"
    en = "The report is not complete: {fault}"


class NotArrived(Conflict):
    code = "station.not_arrived"
    zh = "照片所属的报工还没有入账"
    en = "The act that this photo belongs to is not here yet"
    way_out_zh = "设备会稍后再发"
    way_out_en = "The device sends it again later"


class WrongPhoto(Invalid):
    code = "station.wrong_photo"
    zh = "照片内容与其标识不符"
    en = "The photo is not what its key says"
    way_out_zh = "设备会再发一次"
    way_out_en = "The device sends it again"


class ActTwice(Conflict):
    code = "station.act_twice"
    zh = "标识 {id} 已用于另一条报工"
    en = "The key {id} was used for another report"


class ActBroken(Conflict):
    code = "station.act_broken"
    zh = "入账时系统出错，事件编号 {incident}"
    en = "Booking it failed, incident {incident}"
    way_out_zh = "稍后重试；仍不行时请把事件编号告诉管理员"
    way_out_en = "Try again later; if it stays, tell the administrator the incident number"


class OrderNotAtWork(NotFound):
    code = "station.order_not_at_work"
    zh = "“{code}”不是本厂在制的工单或工序"
    en = "“{code}” is no order or operation at work here"
    way_out_zh = "核对标签；未下达的工单请班组长下达"
    way_out_en = "Check the label; an order not released yet is released by the leader"


class OperationNotThere(NotFound):
    code = "station.operation_not_there"
    zh = "本厂没有工单“{order}”的工序 {sequence}"
    en = "There is no operation {sequence} of an order “{order}” here"
    way_out_zh = "问清是哪道工序，选好再入账；没有做就不入账"
    way_out_en = "Ask which operation it was and book it there, or dismiss it where it was not done"


class MaterialUnknown(NotFound):
    code = "station.material_unknown"
    zh = "找不到“{code}”对应的批次或物料"
    en = "There is no lot or item “{code}”"


class BookedFlagged(Conflict):
    code = "station.booked_flagged"
    zh = "已入账，请核对：{flags}"
    en = "Booked, to be looked at: {flags}"
    way_out_zh = "属实就认可；没有发生就冲回"
    way_out_en = "Accept it where it is so, take it back where it was not"


class LotNotMade(NotFound):
    code = "station.lot_not_made"
    zh = "批次 {lot} 的报工还没有入账"
    en = "No report of lot {lot} is booked yet"
    way_out_zh = "联网同步后再打印标签"
    way_out_en = "Print its label once the report has been sent"
