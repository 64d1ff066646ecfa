"""What everybody who has signed in may do for themselves: account, password, sessions, tokens, views, inbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Q

from banyan.kernel import access, locks, registry, sessions
from banyan.kernel.commands import command, save
from banyan.kernel.context import Context
from banyan.kernel.models import AccessToken, InboxItem, SavedView, Session, User
from banyan.kernel.schema import Input, Text, field
from banyan.kernel.spec import Choice
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L

_LANGUAGES = (Choice("zh", L("中文", "中文")), Choice("en", L("English", "English")))
_THEMES = (
    Choice("auto", L("跟随设备", "As the device")),
    Choice("light", L("浅色", "Light")),
    Choice("dark", L("深色", "Dark")),
)


class Profile(Input):
    """What a person may change of the own account."""

    name: Text = field("姓名", "Name", None, min_length=1, max_length=120)
    language: Literal["zh", "en"] = field("语言", "Language", None, choices=_LANGUAGES)
    theme: Literal["auto", "light", "dark"] = field("外观", "Theme", None, choices=_THEMES)


@command(
    "self.profile.change",
    L("修改我的账号", "Change my account"),
    input=Profile,
    on="noun",
    rest=False,
    screen=False,
)
def change_profile(ctx: Context, data: Profile) -> None:
    """Change name, language or theme of whoever asks."""
    user = _me(ctx)
    for name in data.model_fields_set:
        setattr(user, name, getattr(data, name))
    save(ctx, [user])


class NewPassword(Input):
    """No secret appears here: the audit keeps what this input shows, which is no more than the session that goes on."""

    keep: UUID | None = field("保留", "Keep", None)


@command(
    "self.password.change",
    L("修改密码", "Change password"),
    input=NewPassword,
    on="noun",
    rest=False,
    screen=False,
)
def note_new_password(ctx: Context, data: NewPassword) -> User:
    """Lock the account of whoever asks, for `change_password`, which carries the secrets beside the input.

    Writes: the account; the person's other sessions, which end
    """
    user = _me(ctx)
    user.access_epoch += 1
    save(ctx, [user])
    sessions.end_all(ctx, [user.pk], keep=data.keep)
    return user


def change_password(ctx: Context, *, old: str, new: str, again: str, keep: UUID | None = None) -> User:
    """Give a person a new password; every session of theirs ends, at stations too, but the one to keep.

    Raises: Invalid naming the field that is wrong
    Writes: the user's password, an audit line without it
    """
    from django.db import transaction

    user = User.objects.get(pk=ctx.person)
    if not user.check_password(old):
        raise Invalid(fields={"old": L("原密码不对", "The present password is wrong")})
    if new != again:
        raise Invalid(fields={"again": L("两次输入不一致", "The two do not agree")})
    try:
        validate_password(new, user)
    except ValidationError as fault:
        raise Invalid(fields={"new": [L(text, text) for text in fault.messages]}) from None
    user.set_password(new)
    with transaction.atomic():
        note_new_password(ctx, {"keep": keep} if keep else {})
        User.objects.filter(pk=user.pk).update(password=user.password)
    return user


class NewToken(Input):
    """A token for a program of one's own."""

    name: Text = field("用途", "Purpose", min_length=1, max_length=120)
    scopes: list[Text] = field(
        "限于这些权限",
        "Limited to these permissions",
        default_factory=lambda: ["*"],
        max_length=50,
        help=L(
            "如 sales.*、*.read；用逗号分开，* 为您的全部权限",
            "Such as sales.*, *.read, with commas; * is all you may do",
        ),
    )
    days: int = field("有效天数", "Days it is valid", 365, ge=1, le=3650)


@command("self.token.make", L("新建令牌", "New token"), input=NewToken, on="noun", rest=False, screen=False)
def make_token(ctx: Context, data: NewToken) -> str:
    """Make a personal token; give it, this once."""
    token = access.new_token()
    AccessToken.objects.bulk_create(
        [
            AccessToken(
                id=new_id(),
                user_id=ctx.person,
                name=data.name,
                digest=access.token_digest(token),
                scopes=data.scopes or ["*"],
                expires_at=ctx.now + timedelta(days=data.days),
                created_at=ctx.now,
                changed_at=ctx.now,
                created_by_id=ctx.person,
                changed_by_id=ctx.person,
            )
        ]
    )
    return token


class OneSession(Input):
    session: UUID = field("登录会话", "Session")


@command(
    "self.session.end", L("结束登录", "End a session"), input=OneSession, on="noun", rest=False, screen=False
)
def end_session(ctx: Context, data: OneSession) -> None:
    """End a session of one's own. Raises: NotFound for another person's, or one that has ended"""
    found = locks.lock(Session, [data.session], where=Q(user_id=ctx.person, state="open"))
    if not found:
        raise NotFound("session_unknown", L("没有这个登录，或已结束", "There is no such session, or it has ended"))
    for row in found.values():
        row.state, row.ended_at, row.digest = "ended", ctx.now, None
    save(ctx, list(found.values()))


class OtherSessions(Input):
    keep: UUID | None = field("保留", "Keep", None)


@command(
    "self.session.end_others",
    L("结束其他登录", "End all other sessions"),
    input=OtherSessions,
    on="noun",
    rest=False,
    screen=False,
)
def end_other_sessions(ctx: Context, data: OtherSessions) -> int:
    """End all sessions of one's own but the one to keep; give how many."""
    return sessions.end_all(ctx, [ctx.person], keep=data.keep)


class OneToken(Input):
    token: UUID = field("令牌", "Token")


@command(
    "self.token.revoke", L("停用令牌", "Revoke a token"), input=OneToken, on="noun", rest=False, screen=False
)
def revoke_token(ctx: Context, data: OneToken) -> None:
    """Make a token of one's own worthless."""
    if not AccessToken.objects.filter(pk=data.token, user_id=ctx.person).update(
        is_active=False, changed_at=ctx.now
    ):
        raise NotFound()


class View(Input):
    """A list as somebody wants to see it; `query` is the address's question mark and what follows."""

    noun: Text = field("单据", "Noun", max_length=80)
    name: Text = field("名称", "Name", min_length=1, max_length=120)
    query: Text = field("内容", "Query", "", max_length=4000)
    layout: Literal["list", "board"] = field("版式", "Layout", "list")
    is_shared: bool = field("大家可见", "Visible to everyone", False)
    is_default: bool = field("打开时先用它", "Use it when the list is opened", False)


@command("self.view.save", L("保存视图", "Save view"), input=View, on="noun", rest=False, screen=False)
def save_view(ctx: Context, data: View) -> SavedView:
    """Save a view of a list one may read; one's own of the same name is replaced.

    Writes: the view; another default of this person for the noun ceases to be one
    """
    ctx.require(registry.noun(data.noun).spec.permission("read"))
    mine = SavedView.objects.filter(created_by_id=ctx.person, noun=data.noun)
    if data.is_default:
        for other in mine.filter(query__is_default=True):
            SavedView.objects.filter(pk=other.pk).update(query=other.query | {"is_default": False})
    kept = mine.filter(name=data.name).first()
    values: dict[str, Any] = {
        "query": {"text": data.query, "is_default": data.is_default},
        "layout": data.layout,
        "is_shared": data.is_shared,
        "changed_at": ctx.now,
        "changed_by_id": ctx.person,
    }
    if kept:
        SavedView.objects.filter(pk=kept.pk).update(**values)
        return kept
    made = SavedView(noun=data.noun, name=data.name, created_at=ctx.now, created_by_id=ctx.person, **values)
    SavedView.objects.bulk_create([made])
    return made


class OneView(Input):
    view: UUID = field("视图", "View")


@command("self.view.remove", L("删除视图", "Remove view"), input=OneView, on="noun", rest=False, screen=False)
def remove_view(ctx: Context, data: OneView) -> None:
    """Remove a view of one's own."""
    if not SavedView.objects.filter(pk=data.view, created_by_id=ctx.person).delete()[0]:
        raise NotFound()


class Items(Input):
    """Inbox items; without any, all that are open."""

    items: list[UUID] = field("待办", "Items", default_factory=list, max_length=1000)


@command("self.inbox.done", L("标为已办", "Mark done"), input=Items, on="noun", rest=False, screen=False)
def mark_done(ctx: Context, data: Items) -> int:
    """Mark items of one's own inbox as done; give how many."""
    mine = InboxItem.objects.filter(person_id=ctx.person, done_at=None)
    if data.items:
        mine = mine.filter(pk__in=data.items)
    return mine.update(done_at=ctx.now, changed_at=ctx.now, changed_by_id=ctx.person)


def _me(ctx: Context) -> User:
    found = locks.lock(User, [ctx.person])
    if ctx.person not in found:
        raise NotFound()
    return found[ctx.person]
