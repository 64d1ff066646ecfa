"""Personal tokens: what a program signs in with on behalf of a person. Each is shown once.

It is narrowed by permission patterns (`sales.*`, `*.read`); nothing narrowed can make something wider. Programs with an
account of their own have clients (`clients.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import SecretStr

from banyan.kernel import access
from banyan.kernel.commands import command
from banyan.kernel.context import Context, covers
from banyan.kernel.models import AccessToken, User
from banyan.kernel.schema import Input, Instant, Text, field
from banyan.lib.errors import FieldFaults, NotAllowed, NotFound
from banyan.lib.ids import new_id
from banyan.lib.labels import L

_PATTERN = re.compile(r"(\*|[a-z][a-z0-9_]*)(\.(\*|[a-z][a-z0-9_]*)){0,5}")


def is_pattern(text: str) -> bool:
    """Say whether a text is a permission or a pattern of them."""
    return len(text) <= 120 and _PATTERN.fullmatch(text) is not None


class NewToken(Input):
    """A token: what for, limited to what, until when, and for whom where it is not one's own."""

    name: Text = field("名称", "Name", min_length=1, max_length=120)
    scopes: list[Text] = field(
        "限于", "Limited to", default_factory=lambda: ["*"], min_length=1, max_length=50, picked="kernel.permission"
    )
    expires_at: Instant | None = field("到期", "Expires", None)
    per_minute: int | None = field("每分钟次数", "Calls a minute", None, ge=1, le=1_000_000)
    per_day: int | None = field("每天次数", "Calls a day", None, ge=1, le=1_000_000_000)
    user: UUID | None = field(
        "用户",
        "User",
        None,
        reference="kernel.user",
        help=L(
            "空为自己；为他人需有修改用户的权限", "Empty: oneself; for others with the right to change users"
        ),
    )


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token just made; only now is it readable."""

    id: UUID
    name: str
    token: SecretStr
    expires_at: datetime | None


@command(
    "kernel.token.issue",
    L("签发令牌", "Issue a token"),
    input=NewToken,
    on="noun",
    icon="key",
    is_primary=True,
    screen=False,
)
def issue_token(ctx: Context, data: NewToken) -> IssuedToken:
    """Make a personal token.

    Raises: Invalid for malformed scopes or an end that has passed; NotAllowed where it would reach further
            than the token that asks for it, or for another person without the right to change users
    """
    faults = FieldFaults()
    for place, scope in enumerate(data.scopes):
        if not is_pattern(scope):
            faults.add(
                ("scopes", place),
                L("须为权限，如 sales.* 或 *.read", "must be a permission such as sales.* or *.read"),
            )
    if data.expires_at is not None and data.expires_at <= ctx.now:
        faults.add("expires_at", L("须晚于现在", "must lie ahead"))
    faults.refuse_if_any()
    require_within(ctx, data.scopes)
    owner = data.user or ctx.person
    if owner != ctx.person:
        _require_over_users(ctx)
    if not User.objects.filter(pk=owner, is_active=True).exists():
        raise NotFound(
            "user_unknown", L("没有这个用户，或已停用", "No such user, or shut out"), {"id": owner}
        )
    token = access.new_token()
    row = AccessToken(
        id=new_id(),
        user_id=owner,
        name=data.name,
        digest=access.token_digest(token),
        scopes=data.scopes,
        expires_at=data.expires_at,
        per_minute=data.per_minute,
        per_day=data.per_day,
        created_at=ctx.now,
        changed_at=ctx.now,
        created_by_id=ctx.person,
        changed_by_id=ctx.person,
    )
    AccessToken.objects.bulk_create([row])
    return IssuedToken(row.pk, row.name, SecretStr(token), row.expires_at)


def require_within(ctx: Context, scopes: Sequence[str]) -> None:
    """Refuse scopes that reach further than the token that asks for them. Raises: NotAllowed naming them."""
    limits = ctx.principal.limits
    wider = [] if limits is None else [s for s in scopes if not any(covers(limit, s) for limit in limits)]
    if wider:
        raise NotAllowed(
            "token_too_wide",
            L(
                "令牌不能超出当前令牌的范围：{scopes}",
                "A token cannot reach further than the one asking: {scopes}",
            ),
            {"scopes": wider},
        )


def _require_over_users(ctx: Context) -> None:
    if ctx.principal.reach("kernel.user.change") != "all":
        raise NotAllowed(
            "token_for_another",
            L(
                "为他人签发令牌，需要修改用户的权限",
                "Issuing a token for another needs the right to change users",
            ),
        )
