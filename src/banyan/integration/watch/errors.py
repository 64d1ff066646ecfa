"""What the watch refuses."""

from __future__ import annotations

from banyan.lib.errors import Conflict, Invalid


class NoOutFlow(Conflict):
    code = "watch.no_out_flow"
    zh = "{scan} 没有写明用哪个集成流重发"
    en = "{scan} does not say by which flow to send again"
    way_out_zh = "在核对设置中填写“重发用的流”，或改为指派给人"
    way_out_en = "Fill in the flow to send by in the scan, or assign it to somebody"


class NothingToSend(Conflict):
    code = "watch.nothing_to_send"
    zh = "{key} 没有可重发的业务事件"
    en = "{key} has no event that could be sent again"
    way_out_zh = "手工处理后，核对会自行关闭该差异"
    way_out_en = "Put it right by hand; the next scan closes the discrepancy"


class NoInFlow(Conflict):
    code = "watch.no_in_flow"
    zh = "{scan} 没有写明用哪个集成流重取"
    en = "{scan} does not say by which flow to fetch again"
    way_out_zh = "在核对设置中填写“重取用的流”，或改为指派给人"
    way_out_en = "Fill in the flow to fetch by in the scan, or assign it to somebody"


class NothingToFetch(Conflict):
    code = "watch.nothing_to_fetch"
    zh = "{key} 在对方没有内容可取"
    en = "The partner lists nothing of {key} to fetch"
    way_out_zh = "改为重发，或指派给人"
    way_out_en = "Send it again instead, or assign it to somebody"


class TakenInBefore(Conflict):
    code = "watch.taken_in_before"
    zh = "{key} 的消息已经执行过，不再重复执行"
    en = "The message {key} has been done and is not done a second time"
    way_out_zh = "查看该消息做成了什么；手工处理，或接受该差异"
    way_out_en = "See what that message made; put it right by hand, or accept the discrepancy"


class WrongDays(Invalid):
    code = "watch.wrong_days"
    zh = "日期范围不对：起始日须不晚于结束日，且不超过 {most} 天"
    en = "The range of days is wrong: it must not end before it begins, and spans at most {most} days"
    way_out_zh = "换一个范围"
    way_out_en = "Choose another range"


class ScanFailed(Conflict):
    code = "watch.scan_failed"
    zh = "核对 {scan} 没有完成：{why}"
    en = "Scan {scan} could not be finished: {why}"
    way_out_zh = "排除原因后再运行；已有差异保持不变"
    way_out_en = "Put that right and run it again; discrepancies are as they were"
