"""The kernel's own nouns: users and roles, and what lies beside every record."""

from __future__ import annotations

from banyan.kernel.figures import figure
from banyan.kernel.models import AccessToken, InboxItem, Role, RoleGrant, User, UserRole
from banyan.kernel.nouns import choice, f, lines, noun, section
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
        reach=f("范围", "Reach", choices=[choice("own", "本人", "Own"), choice("team", "班组", "Team"),
                                        choice("plant", "工厂", "Plant"), choice("all", "全部", "All")])))],
    title=("name_zh", "name_en"), natural_key="code", list=("code", "name_zh", "name_en"), sort="code",
)

figure("kernel.users", L("启用的用户", "Active users"), noun="kernel.user", where="is_active:eq=true", icon="users")

noun(
    AccessToken, key="kernel.token", plural_key="tokens", label=L("访问令牌", "Access token"),
    plural=L("访问令牌", "Access tokens"), icon="key", area="system", verbs=("change", "delete"),
    help=L("程序用来代表某人调用接口；只显示一次", "Lets a program act for a person; shown only once"),
    fields=dict(name=f("名称", "Name"), user=f("用户", "User", readonly=True),
                scopes=f("限于", "Limited to", readonly=True), expires_at=f("到期", "Expires"),
                is_active=f("启用", "Active")),
    title=("name",), list=("name", "user", "expires_at", "is_active", "created_at"), scope=Scope(own="user_id"),
)

noun(
    InboxItem, key="kernel.inbox_item", plural_key="inbox", label=L("待办", "Inbox item"), plural=L("待办", "Inbox"),
    help=L("要看或要办的事", "What you should see or do"), icon="inbox", area="system", verbs=(),
    fields=dict(kind=f("类型", "Kind", readonly=True), person=f("给谁", "For", readonly=True),
                text_zh=f("内容", "Text (Chinese)", readonly=True),
                text_en=f("英文内容", "Text (English)", readonly=True), done_at=f("完成于", "Done at", readonly=True)),
    title=("text_zh",), list=("text_zh", "kind", "created_at", "done_at"), scope=Scope(own="person_id"),
)
