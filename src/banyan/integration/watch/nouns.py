"""How the watch's records appear, and where its board stands in the menu."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from banyan.integration.watch import checks
from banyan.integration.watch.models import Alert, AlertRule, Day, Discrepancy, Scan, ScanRun
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft, choice, f, life, noun, preset, section
from banyan.lib.labels import L
from banyan.web import areas

READ = "watch.day.read"
MEASURES = [
    choice("dead", "死信条数", "Dead messages"), choice("waiting", "最久等待（分钟）", "Oldest waiting (minutes)"),
    choice("breaker", "熔断", "Breaker open"), choice("blocked", "卡住的键", "Blocked keys"),
    choice("errors", "失败率（%）", "Error rate (%)"), choice("differences", "核对差异", "Scan discrepancies"),
    choice("silence", "无消息（分钟）", "No traffic for (minutes)"),
    choice("renewal", "续期失败的会话密钥", "Session keys not renewed"),
]  # fmt: skip
SCOPES = [
    choice("all", "全部", "All"), choice("system", "一个系统", "One system"), choice("flow", "一个流", "One flow"),
]  # fmt: skip
WAYS = [
    choice("inbox", "仅收件箱", "Inbox only"), choice("mail", "邮件", "Mail"), choice("webhook", "推送", "Webhook"),
    choice("wecom", "企业微信机器人", "WeCom robot"), choice("dingtalk", "钉钉机器人", "DingTalk robot"),
    choice("feishu", "飞书机器人", "Feishu robot"),
]  # fmt: skip
NEWS = [
    choice("", "已通知", "Told"), choice("raised", "提出", "Raised"), choice("repeated", "再次", "Again"),
    choice("cleared", "解除", "Cleared"),
]  # fmt: skip
KINDS = [choice("ours", "我方自查", "Ours alone"), choice("theirs", "与对方核对", "Against a partner", "blue")]
RUN_STATES = [
    choice("running", "进行中", "Running", "blue"), choice("done", "完成", "Done", "green"),
    choice("failed", "失败", "Failed", "red"),
]  # fmt: skip
DIFFERENCES = [
    choice("impossible", "不可能的状态", "Impossible state", "red"),
    choice("missing_there", "对方缺少", "Missing there", "orange"),
    choice("missing_here", "我方缺少", "Missing here", "orange"), choice("different", "内容不同", "Different", "blue"),
]  # fmt: skip
REPAIRS = [
    choice("send_again", "重发", "Send again"), choice("fetch_again", "重取", "Fetch again"),
    choice("task", "人工处理", "By hand"),
]  # fmt: skip

WITHIN = L("误差不超过 5%", "Right within 5 %")


def _check_rules(ctx: Context, drafts: Sequence[Draft]) -> None:
    checks.check_rules([draft.record for draft in drafts])


def _check_scans(ctx: Context, drafts: Sequence[Draft]) -> None:
    checks.check_scans(ctx, [draft.record for draft in drafts])


noun(
    Day, key="watch.day", plural_key="days", icon="chart-bar", area="integration",
    label=L("日统计", "Day's figures"), plural=L("日统计", "Days' figures"), verbs=(),
    help=L("每个集成流、每个系统一天的收发：由任务统计，可重算",
           "What each flow and each system did in a day: counted by a job, can be counted again"),
    fields=dict(
        on=f("日期", "Day", readonly=True, sortable=True), system=f("外部系统", "Outside system", readonly=True),
        flow=f("集成流", "Flow", L("空为整个系统", "Empty: the whole system"), readonly=True),
        done=f("完成", "Done", readonly=True), failed=f("失败次数", "Failed tries", readonly=True),
        retried=f("重试后完成", "Done after retries", readonly=True), dead=f("死信", "Dead", readonly=True),
        mean_ms=f("平均", "Mean", readonly=True, type="decimal", unit="ms"),
        p50_ms=f("P50", "P50", WITHIN, readonly=True, type="decimal", unit="ms"),
        p95_ms=f("P95", "P95", WITHIN, readonly=True, type="decimal", unit="ms"),
        made_at=f("统计于", "Counted at", readonly=True),
    ),
    title=("on", "system", "flow"),
    list=("on", "system", "flow", "done", "failed", "retried", "dead", "p50_ms", "p95_ms"),
    filters=("on", "system", "flow"), sort="-on", phone=("on", "flow", "done"),
)  # fmt: skip

noun(
    AlertRule, key="watch.alert_rule", plural_key="alert_rules", icon="bell-ringing", area="integration",
    label=L("告警规则", "Alert rule"), plural=L("告警规则", "Alert rules"),
    help=L("量什么、到多少、持续多久、通知谁、怎样通知",
           "What is measured, from which value, for how long, who is told and how"),
    fields=dict(
        name=f("名称", "Name"), measure=f("指标", "Measure", choices=MEASURES),
        scope=f("范围", "Scope", choices=SCOPES), system=f("外部系统", "Outside system"), flow=f("集成流", "Flow"),
        threshold=f("从多少起", "From", L("达到或超过即告警", "At this value or above"), minimum=Decimal("0.01")),
        minutes=f("持续（分钟）", "For (minutes)", L("0 为立即", "0: at once")),
        window_minutes=f("统计最近（分钟）", "Over the last (minutes)", L("用于失败率", "For the error rate"),
                         minimum=Decimal(1)),
        repeat_minutes=f("再次提醒（分钟）", "Again after (minutes)",
                         L("无人确认时；0 为不重复", "While nobody acknowledges it; 0: never")),
        role=f("通知角色", "Tells role"), person=f("通知人员", "Tells person"),
        way=f("方式", "Way", L("收件箱总会收到", "The inbox always gets it"), choices=WAYS),
        via=f("经由系统", "Through system"),
        operation=f("操作", "Operation", L("该系统的发送操作；群机器人自动填写",
                                         "That system's operation to send; a robot's is filled in")),
        is_active=f("启用", "Active"),
    ),
    title=("name",), list=("name", "measure", "scope", "threshold", "minutes", "role", "person", "way", "is_active"),
    filters=("measure", "scope", "is_active", "system", "flow"), find=("name",), sort="name",
    form=(section("规则", "Rule", "name", "measure", "threshold", "minutes", "window_minutes", "is_active"),
          section("范围", "Scope", "scope", "system", "flow"),
          section("通知", "Telling", "role", "person", "repeat_minutes", "way", "via", "operation")),
    phone=("name", "measure", "threshold"), prepare=_check_rules,
)  # fmt: skip

noun(
    Alert, key="watch.alert", plural_key="alerts", icon="bell", area="integration",
    label=L("告警", "Alert"), plural=L("告警", "Alerts"), verbs=(),
    help=L("被触发的规则：提出、确认、解除", "Rules that are broken: raised, acknowledged, cleared"),
    fields=dict(
        rule=f("规则", "Rule", readonly=True), system=f("外部系统", "Outside system", readonly=True),
        flow=f("集成流", "Flow", readonly=True), value=f("值", "Value", readonly=True, type="decimal"),
        since=f("始于", "Since", readonly=True, sortable=True), raised_at=f("提出于", "Raised at", readonly=True),
        acknowledged_at=f("确认于", "Acknowledged at", readonly=True),
        acknowledged_by=f("确认人", "Acknowledged by", readonly=True),
        cleared_at=f("解除于", "Cleared at", readonly=True), told=f("通知次数", "Times told", readonly=True),
        told_at=f("最近通知", "Last told", readonly=True),
        news=f("待通知", "Still to tell", choices=NEWS, readonly=True),
        news_error=f("通知失败", "Telling failed", readonly=True),
    ),
    life=life(
        states=[choice("pending", "观察中", "Pending"), choice("raised", "已提出", "Raised", "red"),
                choice("acknowledged", "已确认", "Acknowledged", "orange"),
                choice("cleared", "已解除", "Cleared", "green")],
        edges=[("raised", "acknowledged", "acknowledge")], way=("raised", "acknowledged", "cleared"), editable=(),
    ),
    title=("rule", "flow", "system"),
    list=("since", "rule", "system", "flow", "value", "state", "acknowledged_by", "told_at"),
    filters=("state", "rule", "system", "flow", "since"), sort="-since", phone=("rule", "flow", "state"),
    form=(section("告警", "Alert", "rule", "system", "flow", "value", "since", "raised_at", "cleared_at"),
          section("处理", "Handling", "acknowledged_at", "acknowledged_by", "told", "told_at", "news", "news_error")),
    presets=[preset("open", "未解除", "Open", "state:in=raised,acknowledged", first=True)],
)  # fmt: skip

noun(
    Scan, key="watch.scan", plural_key="scans", icon="zoom-check", area="integration",
    label=L("核对", "Scan"), plural=L("核对", "Scans"),
    help=L("每夜比对：我方不可能的状态；我方记录与对方清单",
           "Compared each night: our impossible states; our records with what a partner lists"),
    fields=dict(
        code=f("编码", "Code"), name=f("名称", "Name"), kind=f("种类", "Kind", choices=KINDS),
        checks=f("自查项目", "Checks", L("空为全部", "All when empty")),
        system=f("外部系统", "Outside system"),
        operation=f("对方清单", "Partner's list", L("能读取清单的操作", "An operation that lists")),
        noun=f("我方单据", "Our noun", L("如 sales.order", "Such as sales.order")),
        where=f("我方条件", "Our condition", L("同列表地址，如 state:in=confirmed",
                                           "As in a list's address, such as state:in=confirmed")),
        key_field=f("我方键", "Our key", L(
            "字段，如 number、party.code；link 为主键对照；message 为重取流中做成该记录的消息编号",
            "A field such as number or party.code; link: the key link; message: the id of the message that made it")),
        at_field=f("我方时间", "Our time", L("按它分时间窗", "Windows go by it")),
        amount_field=f("我方金额", "Our amount", L("按时间窗求和", "Added up by window")),
        their_key=f("对方键", "Their key", L("路径，如 order.no", "A path such as order.no")),
        their_at=f("对方时间", "Their time", L("空：对方列出的是现状（如库存），不按时间窗比对",
                   "Empty: they list what is there now, such as stock; no windows")),
        their_amount=f("对方金额", "Their amount", L("路径；lines[].quantity 为各行之和",
                                                 "A path; lines[].quantity: the sum of the lines")),
        their_filter=f("对方条件", "Their condition", L('表达式，如 state = "posted"；只比对满足的',
                                                    'An expression such as state = "posted"; only that is compared')),
        fields=f("比对字段", "Fields compared", L('如 [{"ours": "amount", "theirs": "total"}]',
                                              'Such as [{"ours": "amount", "theirs": "total"}]')),
        is_mapped=f("经映射读取", "Read through the mapping", L(
            "对方的路径指重取流的映射结果，如 orders.0.number",
            "Their paths lead into what the mapping of the fetching flow gives, such as orders.0.number")),
        days=f("回看天数", "Days back", minimum=Decimal(1), maximum=Decimal(400)),
        window_hours=f("时间窗（小时）", "Window (hours)", minimum=Decimal(1), maximum=Decimal(744)),
        quiet_minutes=f("不看最近（分钟）", "Not the last (minutes)", 
                        L("还在路上的不算", "What is still on its way does not count")),
        send_flow=f("重发用的流", "Sends again by"), fetch_flow=f("重取用的流", "Fetches again by"),
        owner=f("负责人", "Owner"), repairs_itself=f("自动修复", "Repairs by itself",
              L("新差异立即重发或重取", "What is new is sent or fetched again at once")),
        is_active=f("启用", "Active"),
    ),
    title=("code", "name"), natural_key="code", list=("code", "name", "kind", "system", "noun", "owner", "is_active"),
    filters=("kind", "system", "is_active"), find=("code", "name"), sort="code",
    form=(section("核对", "Scan", "code", "name", "kind", "owner", "is_active"),
          section("我方自查", "Ours alone", "checks"),
          section("与对方核对", "Against a partner", "system", "operation", "noun", "where", "key_field", "their_key",
                  "at_field", "their_at", "amount_field", "their_amount", "their_filter", "fields", "is_mapped"),
          section("范围与修复", "Range and repair", "days", "window_hours", "quiet_minutes", "send_flow", "fetch_flow",
                  "repairs_itself", folded=True)),
    phone=("code", "name"), prepare=_check_scans,
)  # fmt: skip

noun(
    ScanRun, key="watch.scan_run", plural_key="scan_runs", icon="list-check", area="integration",
    label=L("核对记录", "Scan run"), plural=L("核对记录", "Scan runs"), verbs=(),
    help=L("每次核对比了多少、哪些时间窗不同、结果如何",
           "How much each run compared, which windows differed, what came of it"),
    fields=dict(
        scan=f("核对", "Scan", readonly=True), started_at=f("开始", "Started", readonly=True, sortable=True),
        finished_at=f("结束", "Finished", readonly=True),
        state=f("状态", "State", choices=RUN_STATES, readonly=True), person=f("人员", "Person", readonly=True),
        since=f("从", "Since", readonly=True), until=f("到", "Until", readonly=True),
        ours=f("我方", "Ours", readonly=True), theirs=f("对方", "Theirs", readonly=True),
        windows=f("时间窗", "Windows", readonly=True),
        windows_differ=f("不同的窗", "Windows that differ", readonly=True),
        sums=f("各窗条数与金额", "Counts and sums", readonly=True), found=f("差异", "Discrepancies", readonly=True),
        new=f("新差异", "New", readonly=True), gone=f("已消失", "Gone", readonly=True),
        error=f("错误", "Error", readonly=True),
    ),
    title=("scan", "started_at"),
    list=("started_at", "scan", "state", "ours", "theirs", "windows_differ", "found", "new", "gone"),
    filters=("scan", "state", "started_at"), sort="-started_at", phone=("scan", "started_at", "found"),
)  # fmt: skip

noun(
    Discrepancy, key="watch.discrepancy", plural_key="discrepancies", icon="arrows-diff", area="integration",
    label=L("差异", "Discrepancy"), plural=L("差异", "Discrepancies"), verbs=(),
    help=L("核对发现的不一致；消失后自行关闭", "What scans found not to agree; closes itself once it is gone"),
    fields=dict(
        scan=f("核对", "Scan", readonly=True), kind=f("种类", "Kind", choices=DIFFERENCES, readonly=True),
        key=f("键", "Key", readonly=True), text=f("说明", "What", readonly=True),
        noun=f("单据类型", "Noun", readonly=True), record=f("单据", "Record", readonly=True),
        at=f("单据时间", "Record's time", readonly=True), facts=f("不同之处", "What differs", readonly=True),
        body=f("对方内容", "Their content", readonly=True),
        proposed=f("建议", "Proposed", choices=REPAIRS, readonly=True), owner=f("负责人", "Owner", readonly=True),
        reason=f("原因", "Reason", readonly=True),
        first_seen_at=f("首次发现", "First seen", readonly=True, sortable=True),
        last_seen_at=f("最近发现", "Last seen", readonly=True), times=f("次数", "Times seen", readonly=True),
        acted_at=f("修复于", "Repaired at", readonly=True), closed_at=f("关闭于", "Closed at", readonly=True),
    ),
    life=life(
        states=[choice("open", "待处理", "Open", "red"), choice("repairing", "修复中", "Repairing", "blue"),
                choice("accepted", "已接受", "Accepted"), choice("closed", "已关闭", "Closed", "green")],
        edges=[("open", "repairing", "send_again"), ("open", "repairing", "fetch_again"),
               ("repairing", "repairing", "send_again"), ("repairing", "repairing", "fetch_again"),
               ("open", "open", "assign"), ("repairing", "repairing", "assign"), ("accepted", "accepted", "assign"),
               ("open", "accepted", "accept"), ("repairing", "accepted", "accept"), ("accepted", "open", "reopen")],
        way=("open", "repairing", "closed"), editable=(),
    ),
    title=("key",), list=("first_seen_at", "scan", "kind", "key", "text", "proposed", "owner", "times", "state"),
    filters=("state", "kind", "scan", "owner", "proposed", "first_seen_at"), find=("key",), sort="-first_seen_at",
    form=(section("差异", "Discrepancy", "scan", "kind", "key", "text", "noun", "record", "at", "facts", "body"),
          section("处理", "Handling", "proposed", "owner", "reason", "first_seen_at", "last_seen_at", "times",
                  "acted_at", "closed_at")),
    phone=("key", "kind", "state"),
    presets=[preset("open", "未关闭", "Open", "state:in=open,repairing", first=True)],
)  # fmt: skip

areas.screen(
    "watch.health", L("健康看板", "Health board"), area="integration", path="/integration/health", icon="heartbeat",
    permission=READ, order=1,
)  # fmt: skip
