"""How systems, flows and messages appear."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.integration import checks
from banyan.integration.models import (
    Attempt,
    Flow,
    FlowVersion,
    Gauge,
    Message,
    Position,
    Repair,
    Sample,
    Secret,
    System,
)
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft, choice, f, life, lines, noun, preset, section
from banyan.lib.labels import L

ENVIRONMENTS = [choice("test", "测试", "Test"), choice("production", "生产", "Production", "orange")]
DIRECTIONS = [choice("out", "发出", "Out", "blue"), choice("in", "接收", "In", "purple")]
TRIGGERS = [
    choice("event", "业务事件", "Event"), choice("schedule", "定时", "Schedule"), choice("poll", "轮询", "Poll"),
    choice("webhook", "推送", "Webhook"), choice("file", "文件到达", "File arrival"),
    choice("queue", "队列消息", "Queue message"), choice("saga", "跨系统事务", "Saga"),
]  # fmt: skip
ORDERS = [
    choice("strict", "严格按序", "Strict"), choice("newest", "只要最新", "Newest wins"),
    choice("free", "不限顺序", "Free"),
]  # fmt: skip
BREAKERS = [
    choice("closed", "正常", "Closed", "green"), choice("half_open", "试探", "Half open", "orange"),
    choice("open", "熔断", "Open", "red"),
]  # fmt: skip
OUTCOMES = [
    choice("done", "成功", "Done", "green"), choice("again", "重复送达", "Again", "orange"),
    choice("failed", "失败", "Failed", "orange"), choice("dead", "死信", "Dead", "red"),
]  # fmt: skip
REASONS = [
    choice("transport", "网络不通", "No connection", "orange"), choice("timeout", "超时", "Timed out", "orange"),
    choice("throttled", "被限流", "Throttled", "orange"), choice("unavailable", "对方故障", "Partner fault", "orange"),
    choice("busy", "记录被占用", "Busy", "orange"), choice("refused", "被拒绝", "Refused", "red"),
    choice("mapping", "映射出错", "Mapping fault", "red"), choice("validation", "内容不合格", "Not valid", "red"),
    choice("gone", "对象已不存在", "Gone", "red"), choice("too_large", "内容过大", "Too large", "red"),
    choice("forged", "签名不符", "Forged", "red"), choice("not_allowed", "不允许", "Not allowed", "red"),
    choice("environment", "环境不符", "Other environment", "red"),
    choice("source_reused", "编号重复内容不同", "Source reused", "red"),
    choice("loop", "循环触发", "Loop", "red"),
    choice("exhausted", "重试用尽", "Tries used up", "red"), choice("fault", "程序错误", "Program fault", "red"),
]  # fmt: skip


def _check_systems(ctx: Context, drafts: Sequence[Draft]) -> None:
    checks.check_systems([draft.record for draft in drafts])


def _check_flows(ctx: Context, drafts: Sequence[Draft]) -> None:
    checks.check_flows([draft.record for draft in drafts])


noun(
    System, key="integration.system", plural_key="systems", icon="plug-connected", area="integration",
    label=L("外部系统", "Outside system"), plural=L("外部系统", "Outside systems"),
    help=L("一个伙伴系统的一个环境：如何连接、限制、以谁的身份执行",
           "A partner in one environment: how it is reached, its limits, the account it acts as"),
    fields=dict(
        code=f("编码", "Code"), name=f("名称", "Name"),
        connector=f("连接器", "Connector", L("用什么方式连接；要填的设置由它决定",
                                                "How it is spoken to; what is asked for follows")),
        environment=f("环境", "Environment", L("只有同一环境的安装会连接它",
                                                        "Only an installation of the same one calls it"),
                      choices=ENVIRONMENTS),
        settings=f("设置", "Settings", L("连接器规定的内容", "What the connector asks for")),
        hosts=f("允许的主机", "Allowed hosts", L("只会连接这些主机，如 api.example.com 或 .example.com",
                                            "Only these are ever called, such as api.example.com or .example.com")),
        rate=f("每秒调用", "Calls per second", L("空为不限", "No limit when empty")),
        burst=f("突发", "Burst"), failures=f("连续失败几次熔断", "Failures that open the breaker"),
        limits=f("单独的限制", "Limits of single operations",
                 L("写明的操作有自己的熔断和限流，其余共用系统的",
                   "Operations named here have a breaker and a rate of their own; the others share the system's")),
        timeout_seconds=f("超时（秒）", "Time-out (s)"), most_bytes=f("最大字节", "Most bytes"),
        account=f("执行账号", "Account", L("收到的内容以此账号的权限执行",
               "What comes in is executed with this account's rights")),
        note=f("备注", "Note"),
    ),
    life=life(
        states=[choice("draft", "草稿", "Draft"), choice("active", "启用", "Active", "green"),
                choice("stopped", "停止", "Stopped", "red")],
        edges=[("draft", "active", "activate"), ("active", "stopped", "stop"), ("stopped", "active", "resume")],
        editable=("draft", "active", "stopped"),
    ),
    title=("code", "name"), natural_key="code", list=("code", "name", "connector", "environment", "state"),
    filters=("state", "connector", "environment"), find=("code", "name"), sort="code",
    form=(section("系统", "System", "code", "name", "connector", "environment", "account", "settings", "hosts", "note"),
          section("限制", "Limits", "rate", "burst", "failures", "timeout_seconds", "most_bytes", "limits",
                  folded=True)),
    phone=("code", "name", "state"), prepare=_check_systems,
)  # fmt: skip

noun(
    Secret, key="integration.secret", plural_key="secrets", icon="key", area="integration",
    label=L("密钥", "Secret"), plural=L("密钥", "Secrets"), verbs=("delete",),
    help=L("加密保存，只写不读", "Kept sealed: written, never shown"),
    fields=dict(system=f("外部系统", "Outside system", readonly=True), name=f("名称", "Name", readonly=True),
                ends_at=f("到期时间", "Ends at", readonly=True), renew_at=f("下次续期", "Renewed next", readonly=True),
                failures=f("续期连续失败", "Renewals failed in a row", readonly=True),
                error=f("续期错误", "Renewal's fault", readonly=True)),
    title=("system", "name"), list=("system", "name", "ends_at", "failures", "changed_at", "changed_by"),
    filters=("system",),
    form=(section("密钥", "Secret", "system", "name", "ends_at", "renew_at", "failures", "error"),),
)  # fmt: skip

noun(
    Gauge, key="integration.gauge", plural_key="gauges", icon="activity", area="integration",
    label=L("系统状况", "System gauge"), plural=L("系统状况", "System gauges"), verbs=(),
    help=L("熔断与限流的现状", "How breaker and rate stand now"),
    fields=dict(
        system=f("外部系统", "Outside system", readonly=True),
        operation=f("操作", "Operation", L("空为整个系统", "The whole system when empty"), readonly=True),
        breaker=f("熔断器", "Breaker", choices=BREAKERS, readonly=True),
        failures=f("连续失败", "Failures in a row", readonly=True), opened=f("熔断次数", "Times opened", readonly=True),
        until=f("直到", "Until", readonly=True), error=f("最近的错误", "Last error", readonly=True),
        changed_at=f("变化于", "Changed at", readonly=True, sortable=True),
    ),
    title=("system", "operation"), filters=("breaker", "system"), sort="-changed_at",
    list=("system", "operation", "breaker", "failures", "until", "error", "changed_at"),
    phone=("system", "operation", "breaker"),
)  # fmt: skip

noun(
    Flow, key="integration.flow", plural_key="flows", icon="route", area="integration",
    label=L("集成流", "Flow"), plural=L("集成流", "Flows"),
    help=L("触发 → 过滤 → 映射 → 目标；有样例，测试通过后启用",
           "Trigger → filter → mapping → target; tested with samples, then switched on"),
    fields=dict(
        code=f("编码", "Code"), name=f("名称", "Name"),
        system=f("外部系统", "Outside system", L("发出：发给它；接收：以它的执行账号执行我方命令",
                 "Out: what it is sent to; in: the command runs as its account")),
        direction=f("方向", "Direction", L("发出：目标是外部系统的操作；接收：目标是我方命令",
                    "Out: it ends at an operation of the system; in: at a command of ours"), choices=DIRECTIONS),
        origin=f("来源系统", "Comes from", L("从一个系统转到另一个系统时，读取哪一个；空为同一系统",
                 "From one system to another: the one that is read; the same one when empty")),
        trigger=f("触发", "Trigger", choices=TRIGGERS),
        detail=f("触发细节", "Trigger's detail",
                 L('事件 {"events": ["sales.order_confirmed"]}，可带 "routes"；'
                     '轮询 {"operation": "orders", "every": 60}；定时 {"cron": "30 7 * * 1-5"}，可带 "data" 和 "list"',
                   'Event {"events": ["sales.order_confirmed"]}, and with it "routes"; '
                   'poll {"operation": "orders", "every": 60}; '
                   'schedule {"cron": "30 7 * * 1-5"}, and with it "data" and "list"')),
        filter=f("过滤条件", "Filter", L('如 data.priority = "rush"；空为全部',
                                           'Such as data.priority = "rush"; all when empty')),
        mapping=f("映射", "Mapping", L('空为原样；映射表 {"table": "编码"}；随连接器 {"preset": "shopify.orders"}',
                   'As it is when empty; {"table": "CODE"}; {"preset": "shopify.orders"}')),
        target=f("目标", "Target", L("发出：系统的操作；接收：我方命令，如 sales.order.create",
                                   "Out: an operation of the system; in: a command of ours, as sales.order.create")),
        key=f("排序键", "Ordering key", L("表达式；空为单据", "An expression; the document when empty")),
        order=f("顺序", "Order", choices=ORDERS),
        reply=f("回执处理", "Reply", L('如 {"keep": true}；{"command": {"target": "命令", "mapping": {…}}}',
                                            'Such as {"keep": true}; {"command": {"target": "KEY", "mapping": {…}}}')),
        retries=f("重试间隔（秒）", "Retry pauses (s)", L("如 [5, 300]；空为通常的间隔",
                                                                "Such as [5, 300]; the usual ones when empty")),
        running=f("运行版本", "Running version", readonly=True), note=f("备注", "Note"),
    ),
    life=life(
        states=[choice("draft", "草稿", "Draft"), choice("tested", "已测试", "Tested", "blue"),
                choice("active", "启用", "Active", "green"), choice("stopped", "停止", "Stopped", "red"),
                choice("retired", "停用", "Retired")],
        edges=[("draft", "tested", "test"), ("tested", "active", "activate"), ("active", "stopped", "stop"),
               ("stopped", "active", "resume"), ("stopped", "draft", "revise"), ("tested", "draft", "revise"),
               ("stopped", "retired", "retire")],
        way=("draft", "tested", "active"),
    ),
    title=("code", "name"), natural_key="code",
    list=("code", "name", "system", "direction", "trigger", "target", "state"),
    filters=("state", "system", "direction", "trigger"), find=("code", "name"), sort="code",
    form=(section("流", "Flow", "code", "name", "system", "direction", "note"),
          section("触发", "Trigger", "trigger", "origin", "detail", "filter"),
          section("内容与目标", "Content and target", "mapping", "target", "reply"),
          section("顺序与重试", "Order and retries", "key", "order", "retries", folded=True)),
    phone=("code", "name", "state"), prepare=_check_flows,
)  # fmt: skip

noun(
    FlowVersion, key="integration.flow_version", plural_key="flow_versions", icon="versions", area="integration",
    label=L("集成流版本", "Flow version"), plural=L("集成流版本", "Flow versions"), verbs=(), retention="ledger",
    help=L("启用时冻结的定义", "What was frozen when a flow was switched on"),
    fields=dict(flow=f("集成流", "Flow", readonly=True), no=f("版本", "Version", readonly=True),
                at=f("时间", "At", readonly=True, sortable=True), person=f("人员", "Person", readonly=True),
                definition=f("定义", "Definition", readonly=True)),
    title=("flow", "no"), list=("flow", "no", "at", "person"), filters=("flow",), sort="-at",
)  # fmt: skip

noun(
    Sample, key="integration.sample", plural_key="samples", icon="test-pipe", area="integration",
    label=L("样例", "Sample"), plural=L("样例", "Samples"),
    help=L("固定的输入和应有的输出；全部通过才能启用",
           "A pinned input and what must come of it; all must pass before a flow is switched on"),
    fields=dict(flow=f("集成流", "Flow"), name=f("名称", "Name"), input=f("输入", "Input"),
    output=f("应有输出", "Expected output"),
                is_filtered=f("应被过滤", "Is filtered")),
    title=("name",), list=("flow", "name", "is_filtered"), filters=("flow",),
)  # fmt: skip

noun(
    Position, key="integration.position", plural_key="positions", icon="flag", area="integration",
    label=L("读取位置", "Position"), plural=L("读取位置", "Positions"), verbs=(),
    help=L("每个集成流读到哪里，下次何时再读", "How far each flow has read, and when it reads again"),
    fields=dict(flow=f("集成流", "Flow", readonly=True), position=f("位置", "Position", readonly=True),
                next_at=f("下次", "Next at", readonly=True, sortable=True), read_at=f("上次", "Read at", readonly=True),
                failures=f("连续失败", "Failures in a row", readonly=True), error=f("错误", "Error", readonly=True)),
    title=("flow",), list=("flow", "read_at", "next_at", "failures", "error"), sort="next_at",
)  # fmt: skip

noun(
    Message, key="integration.message", plural_key="messages", icon="mail-forward", area="integration",
    label=L("消息", "Message"), plural=L("消息", "Messages"), verbs=(), retention="ledger",
    help=L("进出的每一条内容：状态、原因、重试", "Everything that goes out or comes in: state, reason, tries"),
    fields=dict(
        at=f("时间", "At", readonly=True, sortable=True), flow=f("集成流", "Flow", readonly=True),
        system=f("外部系统", "Outside system", readonly=True),
        direction=f("方向", "Direction", choices=DIRECTIONS, readonly=True), type=f("类型", "Type", readonly=True),
        key=f("排序键", "Ordering key", readonly=True),
        reason=f("原因", "Reason", choices=REASONS, readonly=True), error=f("错误", "Error", readonly=True),
        attempts=f("尝试次数", "Tries", readonly=True), next_at=f("下次尝试", "Next try", readonly=True),
        done_at=f("完成于", "Done at", readonly=True), body=f("内容", "Body", readonly=True),
        repaired=f("修复后的内容", "Repaired body", readonly=True), reply=f("回执", "Reply", readonly=True),
        answered_at=f("对方回复于", "Answered at", readonly=True,
                      help=L("对方已收下，只是回执没有用上；重放时不再发送",
                             "The partner has it; only its answer could not be used: a replay sends nothing")),
        code=f("对方代码", "Partner's code", readonly=True), source=f("来源编号", "Source id", readonly=True),
        used=f("所用版本", "Version used", readonly=True), record_noun=f("单据类型", "Noun", readonly=True),
        record=f("单据", "Record", readonly=True), note=f("说明", "Note", readonly=True),
        trace=f("追踪", "Trace", L("W3C traceparent：随消息从哪里来、到哪里去，一路相同的编号",
                                   "W3C traceparent: the same name all the way the message went"), readonly=True),
    ),
    lines=[
        lines("tries", Attempt, L("尝试", "Tries"), fields=dict(
            position=f("次", "No.", readonly=True), at=f("时间", "At", readonly=True),
            outcome=f("结果", "Outcome", choices=OUTCOMES, readonly=True),
            ms=f("毫秒", "ms", readonly=True, type="decimal"),
            reason=f("原因", "Reason", choices=REASONS, readonly=True),
            code=f("对方代码", "Partner's code", readonly=True),
            error=f("错误", "Error", readonly=True))),
        lines("repairs", Repair, L("修复", "Repairs"), fields=dict(
            position=f("次", "No.", readonly=True), at=f("时间", "At", readonly=True),
            person=f("人员", "Person", readonly=True),
            note=f("说明", "Note", readonly=True), body=f("内容", "Body", readonly=True))),
    ],
    life=life(
        states=[choice("waiting", "待处理", "Waiting", "blue"), choice("done", "完成", "Done", "green"),
                choice("dead", "死信", "Dead", "red"), choice("superseded", "已被更新取代", "Superseded"),
                choice("filtered", "已过滤", "Filtered"), choice("given_up", "已放弃", "Given up", "orange")],
        edges=[("waiting", "given_up", "give_up"), ("dead", "given_up", "give_up"), ("dead", "waiting", "replay"),
               ("given_up", "waiting", "replay"), ("dead", "dead", "repair"), ("waiting", "waiting", "repair")],
        way=("waiting", "done"), editable=(),
    ),
    title=("flow", "type"), list=("at", "flow", "type", "record", "state", "reason", "attempts", "error"),
    filters=("state", "reason", "flow", "system", "direction", "key", "type", "at", "trace"),
    form=(section("消息", "Message", "at", "flow", "system", "direction", "type", "record", "key", "source", "trace"),
          section("结果", "Outcome", "reason", "error", "attempts", "next_at", "done_at", "code", "reply",
                  "answered_at", "note"),
          section("内容", "Body", "body", "repaired")),
    phone=("type", "record", "state"), sort="-at",
    presets=[preset("dead", "死信", "Dead letters", "state:in=dead"),
    preset("waiting", "待处理", "Waiting", "state:in=waiting")],
)  # fmt: skip
