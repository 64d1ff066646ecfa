"""Who may do what, and to which rows: one place for pages, fragments, REST, import, export and find."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.db.models import Q

from banyan.kernel import db, registry
from banyan.kernel.context import Context, Principal, Reach, narrowed
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec, NounSpec

NOTHING = Q(pk__in=())


def scope(ctx: Context, noun: Noun, permission: str) -> Q | None:
    """Give the predicate that limits a noun's rows to those within reach; None when all are.

    Gives:  one indexed comparison on the row's own columns, no join; NOTHING when the permission is missing.
            A noun without a plant or a team belongs to everyone who holds the permission; one without an owner is
            nobody's own.
    """
    reach = ctx.principal.reach(permission)
    if reach is None:
        return NOTHING
    columns, who = noun.spec.scope, ctx.principal
    own = Q(**{columns.own: who.id}) if columns.own else None
    if columns.employee:
        own = Q(**{columns.employee: who.employee}) if who.employee else NOTHING
    if reach == "own":
        return NOTHING if own is None else own
    if reach == "team" and columns.team:
        return Q(**{f"{columns.team}__in": who.teams}) | (own or Q())
    if reach in ("team", "plant") and columns.plant:
        return Q(**{f"{columns.plant}__in": who.plants}) | Q(**{f"{columns.plant}__isnull": True})
    return None


def can_hold(spec: NounSpec, reach: Reach) -> bool:
    """Say whether a noun's rows can be held to a reach: `own`, `team`, `plant` each want a column to compare."""
    columns = spec.scope
    held = {"own": columns.own or columns.employee, "team": columns.team, "plant": columns.plant}
    return reach == "all" or bool(held[reach])


def without_reach(permission: str, reach: Reach) -> Noun | None:
    """Give the noun that a grant names and whose rows cannot be held to its reach; None where all is well.

    Takes:  permission: one noun's, such as sales.order.read or sales.order.*; a wider pattern names none, and holds its
            nouns as far as each can be held (`scope`)
    """
    key = permission.rpartition(".")[0]
    if "*" in key or not registry.has_noun(key):
        return None
    noun = registry.noun(key)
    return None if can_hold(noun.spec, reach) else noun


def may_see(ctx: Context, field: FieldSpec) -> bool:
    """Say whether a field exists for this principal."""
    return field.see is None or ctx.principal.may(field.see)


def visible(ctx: Context, fields: Iterable[FieldSpec]) -> tuple[FieldSpec, ...]:
    """Give the fields that exist for this principal, in order."""
    return tuple(f for f in fields if may_see(ctx, f))


_PRINCIPAL = """
SELECT u.id, u.name, u.language, u.theme, u.login, u.plants, u.teams, u.is_superuser, u.is_program, u.employee_key,
       coalesce(array_agg(DISTINCT r.code) FILTER (WHERE r.code IS NOT NULL), '{{}}'),
       coalesce(array_agg(DISTINCT g.permission || ' ' || g.reach) FILTER (WHERE g.id IS NOT NULL), '{{}}'),
       coalesce(array_agg(DISTINCT array_to_string(r.areas, ' ')) FILTER (WHERE r.code IS NOT NULL), '{{}}'),
       coalesce(array_agg(DISTINCT array_to_string(r.cards, ' ')) FILTER (WHERE r.code IS NOT NULL), '{{}}'),
       coalesce(max(r.home), ''), {limits}
FROM {source}
LEFT JOIN kernel_userrole ur ON ur.user_id = u.id
LEFT JOIN kernel_role r ON r.id = ur.role_id
LEFT JOIN kernel_rolegrant g ON g.role_id = r.id
WHERE u.is_active AND {condition}
GROUP BY u.id{held}
"""
_BY_KEY = _PRINCIPAL.format(limits="NULL, u.password", source="kernel_user u", condition="u.id = %s", held="")
_BY_KEYS = _PRINCIPAL.format(limits="NULL, u.password", source="kernel_user u", condition="u.id = ANY(%s)", held="")
_BY_TOKEN = _PRINCIPAL.format(
    limits="t.id, t.name, t.per_minute, t.per_day, t.scopes, NULL",
    source="kernel_accesstoken t JOIN kernel_user u ON u.id = t.user_id",
    held=", t.id",
    condition="t.digest = %s AND t.is_active AND (t.expires_at IS NULL OR t.expires_at > %s)",
)
_BY_CLIENT = _PRINCIPAL.format(
    limits="c.id, c.name, c.per_minute, c.per_day, string_to_array(t.scope, ' '), c.scopes", held=", t.id, c.id",
    source="oauth2_provider_accesstoken t JOIN oauth2_provider_application a ON a.id = t.application_id "
           "JOIN kernel_client c ON c.client_id = a.client_id JOIN kernel_user u ON u.id = c.user_id",
    condition="t.token_checksum = %s AND t.expires > %s AND c.state = 'active'",
)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who stands behind a token, and what it was given for.

    Takes:  key, name: of the client the token was given to, or of the personal token itself; per_minute, per_day:
            its quota, None without one
    """

    who: Principal
    key: UUID
    name: str
    is_client: bool
    per_minute: int | None
    per_day: int | None


def principal_of(user_id: UUID, limits: tuple[str, ...] | None = None) -> Principal | None:
    """Give the principal of an active user with its grants, None when there is none. One statement."""
    row = db.one(_BY_KEY, [user_id])
    return _principal(row[:-2], limits) if row else None


def person_of(user_id: UUID) -> tuple[Principal, str] | None:
    """Give the principal of an active user, and what is stored of its password. One statement."""
    row = db.one(_BY_KEY, [user_id])
    return (_principal(row[:-2], None), row[-1]) if row else None


def people_of(user_ids: Iterable[UUID]) -> dict[UUID, tuple[Principal, str]]:
    """Give the principals of active users, and what is stored of their passwords, by key. One statement."""
    return {row[0]: (_principal(row[:-2], None), row[-1]) for row in db.rows(_BY_KEYS, [list(set(user_ids))])}


def _principal(row: tuple, limits: tuple[str, ...] | None) -> Principal:
    (key, name, language, theme, login, plants, teams, is_superuser, is_program, employee, roles, grants, areas,
     cards, home) = row
    return Principal(
        id=key, name=name, language=language, theme=theme, login=login, plants=tuple(plants), teams=tuple(teams),
        grants=(("*", "all"),) if is_superuser else _grants(tuple(grants)), roles=tuple(roles),
        areas=_merged(areas), cards=_merged(cards), home=home, limits=limits,
        is_program=is_program, employee=employee,
    )


def _merged(groups: Iterable[str]) -> tuple[str, ...]:
    """Give the words of several roles, each once."""
    return tuple(dict.fromkeys(word for group in groups for word in group.split()))


@lru_cache(maxsize=1024)
def _grants(told: tuple[str, ...]) -> tuple[tuple[str, Reach], ...]:
    """Give grants as pairs; who holds the same ones has the very same pairs, so that they are found fast."""
    return tuple(tuple(one.rsplit(" ", 1)) for one in told)


#: What every personal token begins with, so that it is known where it should not be.
TOKEN_MARK = "byn_"


def token_digest(token: str) -> str:
    """Give what is stored of a personal token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def new_token() -> str:
    """Make a personal token; it is shown once and never stored."""
    return TOKEN_MARK + secrets.token_urlsafe(32)


def bearer(token: str, now: datetime) -> Bearer | None:
    """Give who stands behind a token, narrowed to its scopes and its client's; None when it is not valid.

    Takes:  token: a personal one, or one that an OAuth2 client was given
    Gives:  as things stand now: a token revoked, a client stopped or limited, an owner shut out holds from the next
            call on. One statement
    """
    is_client = not token.startswith(TOKEN_MARK)
    row = db.one(_BY_CLIENT if is_client else _BY_TOKEN, [token_digest(token), now])
    if row is None:
        return None
    key, name, per_minute, per_day, scopes, limits = row[-6:]
    kept = tuple(scopes) if limits is None else narrowed(tuple(scopes), tuple(limits))
    return Bearer(_principal(row[:-6], kept), key, name, is_client, per_minute, per_day)


def principal_of_token(token: str, now: datetime) -> Principal | None:
    """Give the principal of a token, narrowed to the token's scopes; None when it is not valid."""
    found = bearer(token, now)
    return found.who if found else None
