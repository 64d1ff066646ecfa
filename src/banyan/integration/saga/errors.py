"""What sagas refuse."""

from __future__ import annotations

from banyan.lib.errors import Conflict


class SagaNotReady(Conflict):
    code = "saga.not_ready"
    zh = "跨系统事务 {saga} 还不能启用：{why}"
    en = "Saga {saga} cannot be switched on yet: {why}"
    way_out_zh = "补齐后再试"
    way_out_en = "Put that right and try again"


class NotRunning(Conflict):
    code = "saga.not_running"
    zh = "跨系统事务 {saga} 没有启用，不能发起"
    en = "Saga {saga} is not switched on: nothing can be started by it"
    way_out_zh = "先启用它"
    way_out_en = "Switch it on first"


class StillUnderWay(Conflict):
    code = "saga.still_under_way"
    zh = "跨系统事务 {saga} 还有 {n} 次执行没有了结"
    en = "{n} runs of saga {saga} are not over"
    way_out_zh = "等它们完成，或逐个撤销、认可后再停用"
    way_out_en = "Wait for them, or undo or accept them, then retire it"


class PastNoReturn(Conflict):
    code = "saga.past_no_return"
    zh = "{run} 已越过不可回头点“{step}”，不能撤销"
    en = "{run} is past its point of no return, “{step}”: it cannot be undone"
    way_out_zh = "重试、跳过该步骤，或人工认可"
    way_out_en = "Retry or skip the step, or accept it by hand"


class BeingTried(Conflict):
    code = "saga.being_tried"
    zh = "{run} 的步骤“{step}”此刻正在发送，结果未知"
    en = "Step “{step}” of {run} is being sent this moment; what comes of it is not known yet"
    way_out_zh = "几秒后再试"
    way_out_en = "Try again in a few seconds"


class NothingToSkip(Conflict):
    code = "saga.nothing_to_skip"
    zh = "{run} 没有可跳过的步骤"
    en = "{run} has no step to skip"
    way_out_zh = "刷新页面查看现状"
    way_out_en = "Load the page again to see how it stands"
