"""What the bus refuses."""

from __future__ import annotations

from banyan.lib.errors import Conflict, Invalid


class FlowNotReady(Conflict):
    code = "integration.flow_not_ready"
    zh = "集成流 {flow} 还不能启用：{why}"
    en = "Flow {flow} cannot be switched on yet: {why}"
    way_out_zh = "补齐后再试"
    way_out_en = "Put that right and try again"


class SamplesFail(Conflict):
    code = "integration.samples_fail"
    zh = "集成流 {flow} 的样例没有通过：{which}"
    en = "Samples of flow {flow} fail: {which}"
    way_out_zh = "修改映射或样例"
    way_out_en = "Change the mapping or the samples"


class NoSamples(Conflict):
    code = "integration.no_samples"
    zh = "集成流 {flow} 没有样例"
    en = "Flow {flow} has no samples"
    way_out_zh = "先固定至少一个样例"
    way_out_en = "Pin at least one sample first"


class RouteUntried(Conflict):
    code = "integration.route_untried"
    zh = "集成流 {flow} 没有样例走这条路：{events}"
    en = "No sample of flow {flow} goes the way of {events}"
    way_out_zh = "流自己和每条路由都先固定至少一个样例"
    way_out_en = "Pin at least one sample of each route, and of what goes by none"


class UnknownSecret(Invalid):
    code = "integration.unknown_secret"
    zh = "连接器 {connector} 没有名为“{name}”的密钥；可用：{known}"
    en = "Connector {connector} has no secret named “{name}”; there is: {known}"
    way_out_zh = "换一个名称"
    way_out_en = "Choose one of these"


class NothingChosen(Invalid):
    code = "integration.nothing_chosen"
    zh = "没有限定要重放哪些消息"
    en = "Nothing says which messages to replay"
    way_out_zh = "至少选定集成流、原因或时间之一"
    way_out_en = "Name a flow, a reason or a time"


class WrongRange(Invalid):
    code = "integration.wrong_range"
    zh = "时间范围的起点不在终点之前"
    en = "The range does not begin before it ends"
    way_out_zh = "交换两端"
    way_out_en = "Swap its ends"


class TooManyToTry(Invalid):
    code = "integration.too_many_to_try"
    zh = "选中 {n} 条消息，一次最多试运行 {most} 条"
    en = "{n} messages are chosen: at most {most} are tried at once"
    way_out_zh = "缩小时间范围或条件；重放没有此限制"
    way_out_en = "Choose a smaller range; a replay has no such limit"


class OfASaga(Conflict):
    code = "integration.of_a_saga"
    zh = "{what} 属于跨系统事务，不能单独操作"
    en = "{what} belongs to a saga: this is not done to it by itself"
    way_out_zh = "在跨系统事务或其执行记录上操作"
    way_out_en = "Do it at the saga, or at its run"


class NoPresets(Conflict):
    code = "integration.no_presets"
    zh = "连接器 {connector} 没有预置的集成流：{names}"
    en = "The connector {connector} brings no such flows: {names}"
    way_out_zh = "看其说明文件中列出的名称，或自己新建集成流"
    way_out_en = "See the names in its README, or draw the flow yourself"


class NotFromEvents(Conflict):
    code = "integration.not_from_events"
    zh = "集成流 {flow} 不是由业务事件触发的，不能补发"
    en = "Flow {flow} is not triggered by events: there is nothing to fill in from"
    way_out_zh = "选择由事件触发的集成流"
    way_out_en = "Choose a flow that events trigger"


class NotListedByTime(Conflict):
    code = "integration.not_listed_by_time"
    zh = "集成流 {flow} 的对方不能按时间列出"
    en = "The partner of flow {flow} does not list by time"
    way_out_zh = "选择轮询且对方能按修改时间列出的流；REST 与 SOAP 在操作的 since 中写明"
    way_out_en = "Choose a polled flow whose partner lists by time of change; REST and SOAP say so in `since`"


class NothingRead(Conflict):
    code = "integration.nothing_read"
    zh = "没有读到对方的内容：{why}"
    en = "Nothing could be read from the partner: {why}"
    way_out_zh = "先检测外部系统的连接，或粘贴一份样例"
    way_out_en = "Check the connection of the system, or paste a sample"


class EnvironmentGiven(Conflict):
    code = "integration.environment_given"
    zh = "BANYAN_ENVIRONMENT 写明的是 {given}"
    en = "BANYAN_ENVIRONMENT says {given}"
    way_out_zh = "先改这个变量，再重启"
    way_out_en = "Change that variable first, and restart"
