"""The kernel's own nouns: users and roles, and what lies beside every record."""

from __future__ import annotations

from banyan.kernel.figures import figure
from banyan.kernel.grants import REACHES, check_grants
from banyan.kernel.models import (
    AccessToken,
    Call,
    Client,
    Delivery,
    InboxItem,
    Outbox,
    Role,
    RoleGrant,
    Session,
    User,
    UserRole,
)
from banyan.kernel.nouns import choice, f, life, lines, noun, preset, section
from banyan.kernel.spec import Scope
from banyan.lib.labels import L

noun(
    User, key="kernel.user", plural_key="users", label=L("用户", "User"), plural=L("用户", "Users"),
    help=L("能登录的人和程序", "People and programs that can sign in"), icon="user", area="system",
    fields=dict(
        login=f("登录名", "Login", sortable=True), name=f("姓名", "Name", sortable=True), email=f("邮箱", "E-mail"),
        language=f("语言", "Language", choices=[choice("zh", "中文", "Chinese"), choice("en", "英文", "English")]),
        is_active=f("启用", "Active"), is_program=f("程序账号", "Program"),
        last_login=f("最近登录", "Last sign-in", readonly=True),
        plants=f("工厂", "Plants", L("权限范围为“工厂”时能看到的工厂；界面上可选的工厂",
                                     "What a reach of “plant” covers, and the plants to choose from; all when empty"),
                 reference="company.plant"),
        teams=f("班组", "Teams", L("权限范围为“班组”时能看到的班组", "What a reach of “team” covers"),
                reference="people.team"),
    ),
    lines=[lines("roles", UserRole, L("角色", "Roles"), fields=dict(role=f("角色", "Role")))],
    title=("name",), natural_key="login", list=("login", "name", "language", "is_active", "last_login"),
    filters=("is_active", "is_program"), find=("login", "name"), sort="login", scope=Scope(own="id"),
    form=(section("账号", "Account", "login", "name", "email", "language", "is_active", "is_program"),
          section("范围", "Reach", "plants", "teams")),
)

noun(
    Role, key="kernel.role", plural_key="roles", label=L("角色", "Role"), plural=L("角色", "Roles"),
    help=L("一组权限；默认角色可以修改", "A set of permissions; the default ones may be changed"), icon="users-group",
    area="system",
    fields=dict(code=f("编码", "Code"), name_zh=f("中文名", "Chinese name"), name_en=f("英文名", "English name"),
                areas=f("菜单", "Areas"), home=f("起始页", "Begins with"),
                cards=f("首页卡片", "Home cards", L(
                    "首页上依次显示的数字、查询和区块，如 sales.late、production.my_tasks、tasks、inbox、areas",
                    "Figures, queries and parts of the home page in order: sales.late, production.my_tasks, tasks, "
                    "inbox, areas"))),
    lines=[lines("grants", RoleGrant, L("权限", "Grants"), fields=dict(
        permission=f("权限", "Permission",
                     L("如 sales.order.confirm，可用 *", "Such as sales.order.confirm; * is allowed")),
        reach=f("范围", "Reach", choices=REACHES)))],
    title=("name_zh", "name_en"), natural_key="code", list=("code", "name_zh", "name_en"), sort="code",
    prepare=check_grants,
)

figure("kernel.users", L("启用的用户", "Active users"), noun="kernel.user", where="is_active:eq=true", icon="users")

noun(
    AccessToken, key="kernel.token", plural_key="tokens", label=L("访问令牌", "Access token"),
    plural=L("访问令牌", "Access tokens"), icon="key", area="system", verbs=("change", "delete"),
    help=L("程序用来代表某人调用接口；只显示一次", "Lets a program act for a person; shown only once"),
    fields=dict(name=f("名称", "Name"), user=f("用户", "User", readonly=True),
                scopes=f("限于", "Limited to", readonly=True), expires_at=f("到期", "Expires"),
                per_minute=f("每分钟次数", "Calls a minute", L("空为不限", "No limit when empty")),
                per_day=f("每天次数", "Calls a day", L("空为不限", "No limit when empty")),
                is_active=f("启用", "Active")),
    title=("name",), list=("name", "user", "expires_at", "is_active", "created_at"), scope=Scope(own="user_id"),
)

noun(
    Session, key="kernel.session", plural_key="sessions", label=L("登录会话", "Session"),
    plural=L("登录会话", "Sessions"), icon="device-desktop", area="system", verbs=(),
    help=L("谁在哪台设备上登录着；可以逐个结束", "Who has signed in on which device; each can be ended"),
    fields=dict(
        user=f("用户", "User", readonly=True),
        way=f("登录方式", "Signed in by", readonly=True, choices=[
            choice("password", "密码", "Password"), choice("badge", "工牌", "Badge"), choice("pin", "PIN", "PIN"),
            choice("link", "链接", "Link")]),
        device=f("设备", "Device", readonly=True), address=f("地址", "Address", readonly=True),
        created_at=f("登录于", "Signed in", readonly=True, sortable=True),
        seen_at=f("最近使用", "Last used", readonly=True, sortable=True),
        ended_at=f("结束于", "Ended", readonly=True),
    ),
    life=life(
        states=[choice("open", "有效", "Open", "green"), choice("ended", "已结束", "Ended")],
        edges=[("open", "ended", "end")], editable=(),
    ),
    title=("device", "way"), list=("user", "device", "way", "address", "created_at", "seen_at", "state"),
    scope=Scope(own="user_id"), filters=("user", "way", "state", "created_at", "seen_at"),
    phone=("user", "device", "seen_at"), sort="-seen_at",
    form=(section("会话", "Session", "user", "device", "way", "address"),
          section("时间", "Times", "created_at", "seen_at", "ended_at")),
    presets=[preset("open", "有效的", "Open", "state:in=open", first=True)],
)  # fmt: skip

noun(
    Client, key="kernel.client", plural_key="clients", label=L("接口客户端", "Client"),
    plural=L("接口客户端", "Clients"), icon="plug", area="integration", verbs=("change",),
    help=L("程序账号登录接口用的 OAuth2 客户端：范围、配额、密钥；可停用",
           "What a program's account signs in to the interface with: its scopes, quota and secret; it can be stopped"),
    fields=dict(
        name=f("名称", "Name"), user=f("程序账号", "Program's account", readonly=True),
        client_id=f("客户端标识", "Client id", readonly=True),
        scopes=f("限于", "Limited to", readonly=True),
        per_minute=f("每分钟次数", "Calls a minute", readonly=True),
        per_day=f("每天次数", "Calls a day", readonly=True),
        secret_at=f("密钥更换于", "Secret of", readonly=True),
        old_until=f("旧密钥至", "Old secret until", readonly=True),
        note=f("备注", "Note"),
    ),
    life=life(
        states=[choice("active", "启用", "Active", "green"), choice("stopped", "停用", "Stopped", "red")],
        edges=[("active", "stopped", "stop"), ("stopped", "active", "resume")], editable=("active", "stopped"),
    ),
    title=("name",), list=("name", "user", "state", "scopes", "per_minute", "per_day", "secret_at"),
    scope=Scope(own="user_id"),
    filters=("state", "user"), find=("name", "client_id"), sort="name", phone=("name", "user", "state"),
    form=(section("客户端", "Client", "name", "user", "client_id", "note"),
          section("范围与配额", "Scopes and quota", "scopes", "per_minute", "per_day"),
          section("密钥", "Secret", "secret_at", "old_until")),
)  # fmt: skip

noun(
    Call, key="kernel.call", plural_key="calls", label=L("接口调用", "Call"), plural=L("接口调用", "Calls"),
    icon="list-search", area="integration", verbs=(), retention="ledger",
    help=L("程序对接口的每次调用：谁、何时、什么操作、结果、耗时；不含内容和密钥",
           "Every call of the interface by a program: who, when, what, how it ended; neither bodies nor secrets"),
    fields=dict(
        at=f("时间", "At", readonly=True, sortable=True), client=f("客户端", "Client", readonly=True),
        token=f("令牌", "Token", readonly=True), user=f("账号", "Account", readonly=True),
        program=f("程序", "Program", readonly=True), method=f("方法", "Method", readonly=True),
        path=f("地址", "Path", readonly=True), operation=f("操作", "Operation", readonly=True),
        status=f("状态", "Status", readonly=True),
        outcome=f("结果", "Outcome", readonly=True, choices=[
            choice("done", "成功", "Done", "green"), choice("refused", "被拒", "Refused", "orange"),
            choice("limited", "超限", "Over its quota", "orange"), choice("failed", "故障", "Fault", "red")]),
        ms=f("毫秒", "ms", readonly=True, type="decimal"),
        bytes_in=f("请求字节", "Bytes in", readonly=True), bytes_out=f("应答字节", "Bytes out", readonly=True),
        trace=f("追踪", "Trace", readonly=True),
    ),
    title=("operation", "status"), scope=Scope(own="user_id"),
    list=("at", "program", "method", "path", "operation", "status", "outcome", "ms", "bytes_out"),
    filters=("client", "token", "outcome", "status", "operation", "method", "at", "trace"),
    form=(section("调用", "Call", "at", "program", "client", "token", "user", "method", "path", "operation", "trace"),
          section("结果", "Outcome", "outcome", "status", "ms", "bytes_in", "bytes_out")),
    phone=("operation", "status", "at"), sort="-at",
    presets=[preset("not_done", "未成功", "Not done", "outcome:in=refused,limited,failed")],
)  # fmt: skip

noun(
    InboxItem, key="kernel.inbox_item", plural_key="inbox", label=L("待办", "Inbox item"), plural=L("待办", "Inbox"),
    help=L("要看或要办的事", "What you should see or do"), icon="inbox", area="system", verbs=(),
    fields=dict(kind=f("类型", "Kind", readonly=True), person=f("给谁", "For", readonly=True),
                text_zh=f("内容", "Text (Chinese)", readonly=True),
                text_en=f("英文内容", "Text (English)", readonly=True), done_at=f("完成于", "Done at", readonly=True)),
    title=("text_zh",), list=("text_zh", "kind", "created_at", "done_at"), scope=Scope(own="person_id"),
)

noun(
    Outbox, key="kernel.event", plural_key="events", label=L("事件", "Event"), plural=L("已发生的事件", "Past events"),
    icon="activity", area="system", verbs=(), retention="ledger",
    help=L("系统里已经发生、告知各接收方的事", "What has happened here, as listeners are told of it"),
    fields=dict(
        type=f("类型", "Type", readonly=True), at=f("时间", "At", readonly=True),
        noun=f("单据类型", "Noun", readonly=True), record=f("单据", "Record", readonly=True),
        number=f("单号", "Number", readonly=True), person=f("人员", "Person", readonly=True, reference="kernel.user"),
        payload=f("内容", "Payload", readonly=True), trace=f("追踪", "Trace", readonly=True),
        dispatched_at=f("派发于", "Dispatched at", readonly=True), seq=f("次序", "Sequence", readonly=True),
    ),
    title=("type", "number"), list=("at", "type", "noun", "number", "person", "dispatched_at"),
    filters=("type", "noun", "number", "at", "dispatched_at"), phone=("type", "number", "at"), sort="-seq",
    form=(section("事件", "Event", "type", "at", "noun", "number", "person", "trace", "dispatched_at", "seq"),
          section("内容", "Payload", "payload")),
)  # fmt: skip

noun(
    Delivery, key="kernel.delivery", plural_key="deliveries", label=L("事件投递", "Delivery of an event"),
    plural=L("事件投递", "Deliveries of events"), icon="mail-forward", area="system", verbs=(), retention="ledger",
    help=L("每个事件送达每个接收方的情况；死信会挡住同一单据其后的事件，直到重新投递或放弃",
           "How each event fares with each listener; a dead letter holds back later events of its record until it is "
           "delivered again or given up"),
    fields=dict(
        event=f("事件", "Event", readonly=True), listener=f("接收方", "Listener", readonly=True),
        attempts=f("尝试次数", "Tries", readonly=True), next_at=f("下次尝试", "Next try", readonly=True),
        error=f("错误", "Error", readonly=True), done_at=f("完成于", "Done at", readonly=True),
        seq=f("次序", "Sequence", readonly=True),
    ),
    life=life(
        states=[choice("waiting", "待投递", "Waiting", "blue"), choice("done", "已送达", "Delivered", "green"),
                choice("dead", "死信", "Dead", "red"), choice("given_up", "已放弃", "Given up", "orange")],
        edges=[("dead", "waiting", "replay"), ("dead", "given_up", "give_up")], way=("waiting", "done"), editable=(),
    ),
    title=("event", "listener"), list=("event", "listener", "state", "attempts", "next_at", "error"),
    filters=("state", "listener", "attempts", "next_at", "done_at"), phone=("event", "listener", "state"),
    sort="-seq",
    form=(section("投递", "Delivery", "event", "listener", "attempts", "next_at", "done_at", "seq"),
          section("错误", "Error", "error")),
    presets=[preset("open", "未送达", "Not delivered", "state:in=waiting,dead", first=True),
             preset("dead", "死信", "Dead letters", "state:in=dead")],
)  # fmt: skip

figure("kernel.dead_letters", L("未能送达的事件", "Events not delivered"), noun="kernel.delivery",
       where="state:eq=dead", tone="red", icon="mail-forward")  # fmt: skip
