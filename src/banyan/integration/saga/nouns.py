"""How sagas, their versions and their runs appear."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.integration.saga import checks
from banyan.integration.saga.models import OPEN, Decision, Run, RunStep, Saga, SagaStep, SagaVersion
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft, choice, f, life, lines, noun, numbering, preset, section
from banyan.lib.labels import L

TRIGGERS = [choice("event", "业务事件", "Event"), choice("call", "命令或集成流发起", "Started by a command or flow")]
KINDS = [
    choice("operation", "外部操作", "Their operation", "blue"), choice("command", "我方命令", "Our command", "purple"),
]  # fmt: skip
UNDO_KINDS = [choice("none", "无", "None"), *KINDS]
STEP_STATES = [
    choice("pending", "未开始", "Not begun"), choice("doing", "执行中", "Under way", "blue"),
    choice("done", "完成", "Done", "green"), choice("skipped", "人工跳过", "Skipped by hand", "orange"),
    choice("failed", "失败", "Failed", "red"), choice("undoing", "撤销中", "Being undone", "orange"),
    choice("undone", "已撤销", "Undone"), choice("kept", "保留", "Left as it is"),
]  # fmt: skip
DECISIONS = [
    choice("retry", "重试", "Try again", "blue"), choice("skip", "跳过步骤", "Skip the step", "orange"),
    choice("undo", "撤销", "Undo", "red"), choice("accept", "人工认可", "Accept by hand", "orange"),
]  # fmt: skip


def _check(ctx: Context, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        checks.check(draft.record, draft.lines.get("steps"))


noun(
    Saga, key="saga.saga", plural_key="sagas", icon="arrows-transfer-up", area="integration",
    label=L("跨系统事务", "Saga"), plural=L("跨系统事务", "Sagas"),
    help=L("跨多个系统的步骤：逐步执行，失败则逆序撤销；越过不可回头点后只向前",
           "Steps over several systems: done one by one, taken back in reverse on failure; forward only past the point "
           "of no return"),
    fields=dict(
        code=f("编码", "Code"), name=f("名称", "Name"), trigger=f("触发", "Trigger", choices=TRIGGERS),
        events=f("事件类型", "Events", L("如 sales.order_confirmed，可用 *",
                                             "Such as sales.order_confirmed; * is allowed")),
        filter=f("过滤条件", "Filter", L('如 data.priority = "rush"；空为全部',
                                     'Such as data.priority = "rush"; all when empty')),
        key=f("键", "Key", L("表达式，显示在执行列表中；空为单号",
                            "An expression, shown in the list of runs; the number when empty")),
        retries=f("重试间隔（秒）", "Retry pauses (s)", L("如 [5, 300]；空为通常的间隔",
                                                       "Such as [5, 300]; the usual ones when empty")),
        role=f("人工处理角色", "Asks role"), person=f("人工处理人", "Asks person"),
        running=f("运行版本", "Running version", readonly=True), note=f("备注", "Note"),
    ),
    lines=[lines("steps", SagaStep, L("步骤", "Steps"), required=True, fields=dict(
        name=f("名称", "Name", L("后面的步骤以 steps.名称.answer 读取结果", "Later steps read steps.NAME.answer")),
        title=f("标题", "Title"),
        system=f("外部系统", "Outside system", L("命令以其执行账号执行", "Commands run as its account")),
        kind=f("动作", "Action", choices=KINDS),
        target=f("目标", "Target", L("操作，或命令如 sales.order.confirm",
                                   "An operation, or a command as sales.order.confirm")),
        mapping=f("映射", "Mapping", L('空为原样；{"table": "编码"}', 'As it is when empty; {"table": "CODE"}')),
        undo_kind=f("补偿", "Compensation", choices=UNDO_KINDS),
        undo_target=f("补偿目标", "Its target"), undo_mapping=f("补偿映射", "Its mapping"),
        deadline_minutes=f("期限（分钟）", "Deadline (min)", L("超过则失败；补偿超过则请人处理",
                                                           "Failed after it; a compensation asks somebody after it")),
        is_point_of_no_return=f("不可回头点", "No return", L("完成后只向前", "Once done, forward only")),
        reply=f("回执处理", "Reply", L('如 {"link": {"code": "id"}}', 'Such as {"link": {"code": "id"}}')),
    ), columns=("name", "title", "system", "kind", "target", "undo_kind", "undo_target", "deadline_minutes",
                "is_point_of_no_return", "mapping", "undo_mapping", "reply"))],
    life=life(
        states=[choice("draft", "草稿", "Draft"), choice("active", "启用", "Active", "green"),
                choice("stopped", "停止", "Stopped", "red"), choice("retired", "停用", "Retired")],
        edges=[("draft", "active", "activate"), ("active", "stopped", "stop"), ("stopped", "active", "resume"),
               ("stopped", "draft", "revise"), ("stopped", "retired", "retire")],
        way=("draft", "active"),
    ),
    title=("code", "name"), natural_key="code", list=("code", "name", "trigger", "events", "state", "running"),
    filters=("state", "trigger"), find=("code", "name"), sort="code",
    form=(section("事务", "Saga", "code", "name", "trigger", "events", "filter", "key"),
          section("需要人工时", "When somebody is needed", "role", "person", "note"),
          section("重试", "Retries", "retries", folded=True)),
    phone=("code", "name", "state"), prepare=_check,
)  # fmt: skip

noun(
    SagaVersion, key="saga.version", plural_key="versions", icon="versions", area="integration",
    label=L("跨系统事务版本", "Saga version"), plural=L("跨系统事务版本", "Saga versions"), verbs=(),
    retention="ledger",
    help=L("启用时冻结的定义", "What was frozen when a saga was switched on"),
    fields=dict(saga=f("跨系统事务", "Saga", readonly=True), no=f("版本", "Version", readonly=True),
                at=f("时间", "At", readonly=True, sortable=True), person=f("人员", "Person", readonly=True),
                definition=f("定义", "Definition", readonly=True)),
    title=("saga", "no"), list=("saga", "no", "at", "person"), filters=("saga",), sort="-at",
)  # fmt: skip

_MOVES = [
    (source, target, "advance") for source in OPEN
    for target in ("running", "compensating", "needs_person", "done", "undone") if target != source
]  # fmt: skip
noun(
    Run, key="saga.run", plural_key="runs", icon="subtask", area="integration",
    label=L("事务执行", "Saga run"), plural=L("事务执行", "Saga runs"), verbs=(),
    help=L("每一次跨系统事务：到了哪一步，下一步是什么，谁来决定",
           "Each saga under way: which step it is at, what comes next, who decides"),
    fields=dict(
        number=f("编号", "Number", readonly=True), saga=f("跨系统事务", "Saga", readonly=True),
        key=f("键", "Key", readonly=True), origin_noun=f("单据类型", "Noun", readonly=True),
        origin=f("单据", "Record", readonly=True), at_step=f("当前步骤", "At step", readonly=True),
        is_backward=f("在撤销", "Being undone", readonly=True), error=f("原因", "Why", readonly=True),
        reason=f("人工决定的原因", "Reason of the decision", readonly=True),
        asked_at=f("请人处理于", "Asked at", readonly=True), began_at=f("开始于", "Began at", readonly=True),
        ended_at=f("结束于", "Ended at", readonly=True), used=f("所用版本", "Version used", readonly=True),
        source=f("来源编号", "Source id", readonly=True), start=f("起始内容", "What started it", readonly=True),
    ),
    lines=[
        lines("steps", RunStep, L("步骤", "Steps"), fields=dict(
            title=f("步骤", "Step", readonly=True),
            state=f("状态", "State", choices=STEP_STATES, readonly=True),
            is_point_of_no_return=f("不可回头点", "No return", readonly=True),
            deadline_at=f("期限", "Deadline", readonly=True), began_at=f("开始", "Began", readonly=True),
            done_at=f("完成", "Done", readonly=True), undone_at=f("撤销完成", "Undone", readonly=True),
            error=f("错误", "Error", readonly=True), is_unsure=f("结果未知", "Outcome unknown", readonly=True),
            answer=f("回执", "Answer", readonly=True), undo_answer=f("撤销回执", "Answer to undoing", readonly=True),
            message=f("消息", "Message", readonly=True, reference="integration.message"),
            undo_message=f("撤销消息", "Undoing message", readonly=True, reference="integration.message")),
            columns=("title", "state", "error", "is_point_of_no_return", "deadline_at", "done_at", "undone_at",
                     "is_unsure", "message", "undo_message")),
        lines("decisions", Decision, L("人工决定", "Decisions"), fields=dict(
            position=f("次", "No.", readonly=True), at=f("时间", "At", readonly=True),
            person=f("人员", "Person", readonly=True),
            what=f("决定", "Decision", choices=DECISIONS, readonly=True), step=f("步骤", "Step", readonly=True),
            reason=f("原因", "Reason", readonly=True)),
            columns=("at", "person", "what", "step", "reason")),
    ],
    life=life(
        states=[choice("waiting", "待开始", "Waiting"), choice("running", "执行中", "Running", "blue"),
                choice("compensating", "撤销中", "Being undone", "orange"),
                choice("needs_person", "待人工", "Needs a person", "red"), choice("done", "完成", "Done", "green"),
                choice("undone", "已撤销", "Undone"), choice("accepted", "人工认可", "Accepted by hand", "orange")],
        edges=[*_MOVES,
               ("needs_person", "running", "retry"), ("needs_person", "compensating", "retry"),
               ("running", "running", "retry"), ("compensating", "compensating", "retry"),
               ("needs_person", "running", "skip"), ("needs_person", "compensating", "skip"),
               ("running", "running", "skip"), ("compensating", "compensating", "skip"),
               ("needs_person", "compensating", "undo"), ("running", "compensating", "undo"),
               ("done", "compensating", "undo"), ("waiting", "accepted", "accept"),
               ("needs_person", "accepted", "accept"), ("running", "accepted", "accept"),
               ("compensating", "accepted", "accept")],
        way=("waiting", "running", "done"), editable=(),
    ),
    numbering=numbering("SG{yy}{mm}-{n:05}"),
    title=("number", "saga", "key"), natural_key="number",
    list=("number", "saga", "key", "at_step", "state", "error", "began_at", "ended_at"),
    filters=("state", "saga", "key", "origin", "began_at"), find=("number", "key"), sort="-began_at",
    form=(section("执行", "Run", "number", "saga", "key", "origin", "at_step", "error", "reason"),
          section("时间", "Times", "began_at", "asked_at", "ended_at"),
          section("起始内容", "What started it", "used", "source", "start", folded=True)),
    phone=("number", "key", "at_step"),
    presets=[preset("open", "未了结", "Under way", "state:in=waiting,running,compensating,needs_person", first=True),
             preset("asks", "待人工", "Needs a person", "state:in=needs_person")],
)  # fmt: skip
