"""Clients: what a program with an account of its own signs in with (OAuth2, client credentials).

A secret is shown once. It is replaced without a gap: the old one stays good for a while beside the new one. A client is
narrowed by permission patterns, as a token is, and has a quota; stopped, what it was given ends at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as said
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.hashers import check_password
from pydantic import SecretStr

from banyan.kernel import registry
from banyan.kernel.commands import command
from banyan.kernel.context import Context, covers
from banyan.kernel.models import Client, User
from banyan.kernel.schema import Input, Text, field
from banyan.kernel.tokens import is_pattern, require_within
from banyan.lib.errors import Conflict, FieldFaults, Invalid, NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label

#: An old secret is good for at most this many hours.
MOST_HOURS = 24 * 30
VERBS = ("read", "create", "change", "delete")


class NoProgram(Conflict):
    code = "kernel.no_program"
    zh = "{user} 不是程序账号"
    en = "{user} is not a program's account"
    way_out_zh = "为程序新建账号，并勾选“程序账号”"
    way_out_en = "Make an account for the program and mark it as one"


class NoOldSecret(Conflict):
    code = "kernel.no_old_secret"
    zh = "{client} 只有一个密钥"
    en = "{client} has but one secret"


@dataclass(frozen=True, slots=True)
class IssuedClient:
    """A client's name and secret; only now is the secret readable. `old_until`: how long the one before is good."""

    client_id: str = said(metadata={"label": L("客户端标识", "Client id")})
    client_secret: SecretStr = said(metadata={"label": L("密钥", "Secret")})
    name: str = said(metadata={"label": L("名称", "Name")})
    old_until: datetime | None = said(default=None, metadata={"label": L("旧密钥至", "Old secret until")})


_SCOPES_HELP = L(
    "选模块、单据或操作，也可写 *.*.read 这样的范围；* 为账号的全部权限",
    "Choose modules, nouns or commands, or write a range such as *.*.read; * is all its account may do",
)
#: The list they are picked from.
PERMISSIONS = "kernel.permission"


class NewClient(Input):
    """A client of a program's account."""

    name: Text = field("名称", "Name", min_length=1, max_length=120)
    user: UUID = field("程序账号", "Program's account", reference="kernel.user")
    scopes: list[Text] = field(
        "限于", "Limited to", default_factory=lambda: ["*"], min_length=1, max_length=50, help=_SCOPES_HELP,
        picked=PERMISSIONS,
    )
    per_minute: int | None = field("每分钟次数", "Calls a minute", None, ge=1, le=1_000_000)
    per_day: int | None = field("每天次数", "Calls a day", None, ge=1, le=1_000_000_000)


@command(
    "kernel.client.issue", L("新建客户端", "New client"), input=NewClient, on="noun", icon="plus", is_primary=True
)
def issue(ctx: Context, data: NewClient) -> IssuedClient:
    """Make a client for a program's account; it gets tokens by the client credentials grant.

    Raises: NotFound for an unknown account, NoProgram for a person's; Invalid for scopes that cover nothing;
            NotAllowed where it would reach further than the token that asks for it
    """
    user = User.objects.filter(pk=data.user).first()
    if user is None:
        raise NotFound("user_unknown", L("没有这个用户", "No such user"), {"id": data.user})
    return _issued(ctx, user, data.name, data.scopes, data.per_minute, data.per_day)


class NamedClient(Input):
    """A client of the account at hand, without limits of its own."""

    name: Text = field("名称", "Name", min_length=1, max_length=120)


@command(
    "kernel.user.issue_client", L("签发 OAuth2 客户端", "Issue an OAuth2 client"), input=NamedClient, icon="plug",
    screen=False, bumps=False,
)  # fmt: skip
def issue_for(ctx: Context, users: Sequence[User], data: NamedClient) -> IssuedClient:
    """Make a client for one program's account. Raises: NoProgram; Invalid for several at once; NotAllowed."""
    if len(users) != 1:
        raise Invalid("one_at_a_time", L("一次只能为一个账号签发", "Issue for one account at a time"))
    return _issued(ctx, users[0], data.name, ["*"], None, None)


def _issued(
    ctx: Context, user: User, name: str, scopes: Sequence[str], per_minute: int | None, per_day: int | None
) -> IssuedClient:
    from oauth2_provider.generators import generate_client_id, generate_client_secret
    from oauth2_provider.models import get_application_model

    check_scopes(scopes)
    require_within(ctx, scopes)
    if not user.is_program or not user.is_active:
        raise NoProgram(user=user.login)
    model, secret, client_id = get_application_model(), generate_client_secret(), generate_client_id()
    model(
        client_id=client_id, client_secret=secret, user=user, name=name, client_type=model.CLIENT_CONFIDENTIAL,
        authorization_grant_type=model.GRANT_CLIENT_CREDENTIALS,
    ).save(force_insert=True)  # fmt: skip
    Client.objects.bulk_create([Client(
        id=new_id(), client_id=client_id, name=name, user=user, scopes=list(scopes), per_minute=per_minute,
        per_day=per_day, secret_at=ctx.now, created_at=ctx.now, changed_at=ctx.now, created_by_id=ctx.person,
        changed_by_id=ctx.person,
    )])  # fmt: skip
    return IssuedClient(client_id, SecretStr(secret), name)


class Rotation(Input):
    """How long the present secret stays good beside the new one."""

    hours: int = field("旧密钥再用（小时）", "Old secret stays good (hours)", 24, ge=0, le=MOST_HOURS,
                       help=L("0 为立即失效", "With 0 it ends at once"))  # fmt: skip


@command("kernel.client.rotate", L("更换密钥", "Rotate secret"), input=Rotation, icon="refresh", is_at_hand=True)
def rotate(ctx: Context, clients: Sequence[Client], data: Rotation) -> IssuedClient:
    """Give a client a new secret; the present one stays good for some hours, the one before it ends.

    Raises: Invalid for several at once; NotAllowed through a token that reaches less far
    Writes: the client; the library's own record of it
    """
    from oauth2_provider.generators import generate_client_secret
    from oauth2_provider.models import get_application_model

    if len(clients) != 1:
        raise Invalid("one_at_a_time", L("一次只能更换一个客户端的密钥", "Rotate one client's secret at a time"))
    client, secret = clients[0], generate_client_secret()
    require_within(ctx, client.scopes)
    application = get_application_model().objects.select_for_update().get(client_id=client.client_id)
    client.old_secret = application.client_secret if data.hours else ""
    client.old_until = ctx.now + timedelta(hours=data.hours) if data.hours else None
    client.secret_at = ctx.now
    application.client_secret = secret
    application.save(update_fields=["client_secret", "updated"])
    return IssuedClient(client.client_id, SecretStr(secret), client.name, client.old_until)


@command("kernel.client.end_old_secret", L("停用旧密钥", "End the old secret"), icon="key", tone="orange")
def end_old_secret(ctx: Context, clients: Sequence[Client]) -> None:
    """Let the old secret of clients end now. Raises: NoOldSecret"""
    for client in clients:
        if not client.old_secret:
            raise NoOldSecret(client=client.name)
        client.old_secret, client.old_until = "", None


class Limits(Input):
    """What a client may do, of all that its account may."""

    scopes: list[Text] = field("限于", "Limited to", min_length=1, max_length=50, help=_SCOPES_HELP,
                              picked=PERMISSIONS)  # fmt: skip


@command("kernel.client.limit", L("限定范围", "Limit"), input=Limits, icon="shield-lock", is_at_hand=True)
def limit(ctx: Context, clients: Sequence[Client], data: Limits) -> None:
    """Say anew what clients may do; tokens they hold are narrowed from the next call on.

    Raises: Invalid for scopes that cover nothing; NotAllowed where it would reach further than the token that asks
    """
    check_scopes(data.scopes)
    require_within(ctx, data.scopes)
    for client in clients:
        client.scopes = list(data.scopes)


class Quota(Input):
    """How often clients may call; no quota where empty."""

    per_minute: int | None = field("每分钟次数", "Calls a minute", None, ge=1, le=1_000_000)
    per_day: int | None = field("每天次数", "Calls a day", None, ge=1, le=1_000_000_000)


@command("kernel.client.set_quota", L("设定配额", "Set quota"), input=Quota, icon="gauge", is_at_hand=True)
def set_quota(ctx: Context, clients: Sequence[Client], data: Quota) -> None:
    """Say how often clients may call in a minute and in a day, over all processes."""
    for client in clients:
        client.per_minute, client.per_day = data.per_minute, data.per_day


@command("kernel.client.stop", L("停用", "Stop"), icon="player-stop", tone="red", is_at_hand=True)
def stop(ctx: Context, clients: Sequence[Client]) -> None:
    """Stop clients: they get no token, and those they hold are refused from the next call on."""


@command("kernel.client.resume", L("恢复", "Resume"), icon="player-play", tone="green", is_at_hand=True)
def resume(ctx: Context, clients: Sequence[Client]) -> None:
    """Let stopped clients go on."""


@registry.answers("kernel.client.limit.start")
def _limits_now(ctx: Context, ids: Sequence[UUID]) -> dict[str, list[str]]:
    found = Client.objects.filter(pk__in=ids).first()
    return {"scopes": found.scopes} if found else {}


@registry.answers("kernel.client.set_quota.start")
def _quota_now(ctx: Context, ids: Sequence[UUID]) -> dict[str, int | None]:
    found = Client.objects.filter(pk__in=ids).first()
    return {"per_minute": found.per_minute, "per_day": found.per_day} if found else {}


def check_scopes(scopes: Sequence[str]) -> None:
    """Refuse what is no permission, and what covers nothing that there is. Raises: Invalid with each place."""
    faults, known = FieldFaults(), None
    for place, scope in enumerate(scopes):
        if not is_pattern(scope):
            faults.add(("scopes", place), _MALFORMED)
            continue
        known = known or permissions()
        if not any(covers(scope, permission) for permission in known):
            faults.add(("scopes", place), _NOTHING.filled({"scope": scope}))
    faults.refuse_if_any()


_MALFORMED: Label = L("须为权限，如 sales.* 或 *.read", "must be a permission such as sales.* or *.read")
_NOTHING: Label = L("没有任何操作符合 {scope}", "nothing that there is is covered by {scope}")


def permissions() -> frozenset[str]:
    """Give the permissions of all nouns, commands and queries of the registry."""
    from banyan.kernel import queries

    found = {noun.spec.permission(verb) for noun in registry.nouns() for verb in VERBS}
    found |= {cmd.permission for cmd in registry.commands()} | {one.permission for one in queries.queries()}
    return frozenset(found)


def is_old_secret(client_id: str, secret: str, now: datetime) -> bool:
    """Say whether a secret is a client's old one and still good."""
    found = Client.objects.filter(client_id=client_id, old_until__gt=now).values_list("old_secret", flat=True).first()
    return bool(found) and check_password(secret, found)
