"""Who calls: a person by session, a person's or program's token, or a program by OAuth2.

A token is looked up on every call: revoking it, or shutting its owner out, holds from the next call on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone

from banyan.kernel import access, rates, tracing
from banyan.kernel.context import Context, Principal
from banyan.lib import traces
from banyan.lib.errors import Invalid, NotAllowed, NotAuthenticated
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.web import acting

KEY_MOST = 200
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class TokenRefused(NotAuthenticated):
    """The token is unknown, expired or revoked, or its owner has been shut out."""

    code = "token_refused"
    zh = "令牌无效或已过期"
    en = "The token is not valid or has expired"
    way_out_zh = "重新获取令牌"
    way_out_en = "Get a new token"


@dataclass(slots=True)
class Caller:
    """A principal, the program it uses, the plant it stands in; the token it bears, None for a person's session.

    `key` is the request's own, and the step it is in its `trace`; `step` is that step where it is recorded. `left` is
    what its limits leave it.
    """

    principal: Principal
    program: str
    now: datetime
    plant: UUID | None = None
    bearer: access.Bearer | None = None
    key: UUID = field(default_factory=new_id)
    trace: str | None = None
    step: tracing.Step = tracing.NOTHING
    left: list[rates.Left] = field(default_factory=list)


def context_of(request: HttpRequest) -> Context:
    """Give the circumstances of a call, counted against the caller's rate.

    Raises: NotAuthenticated, NotAllowed for a forged form, TooMany, Invalid for a malformed header
    """
    caller = request.caller = _caller(request, timezone.now())
    trace_on(caller, request)
    count(caller)
    return Context(
        principal=caller.principal,
        now=caller.now,
        through="rest",
        program=caller.program,
        plant=caller.plant,
        device_at=_device_time(request),
        key=_key(request),
        language=language_of(request, caller.principal),
        consents=frozenset(request.headers.get("X-Consent", "").replace(",", " ").split()),
        trace=caller.trace,
    )


def trace_on(caller: Caller, request: HttpRequest) -> None:
    """Let a call be a step of the trace it came with; one without begins one: a program's, or any to be recorded."""
    parent = traces.received(request.headers.get("traceparent"))
    if tracing.is_on():
        caller.step = tracing.begin("", parent, kind="server", key=caller.key, begins=True)
    if caller.step:
        caller.trace = caller.step.trace
    elif parent:
        caller.trace = traces.step(parent, caller.key)
    elif caller.bearer or tracing.is_on():
        caller.trace = traces.begun(caller.key)


def count(caller: Caller) -> None:
    """Count a call against the rate of its account, and the quota of its client or token.

    Raises: QuotaUsed
    """
    caller.left.append(rates.take(f"rest:{caller.principal.id}", settings.BANYAN_RATE_PER_MINUTE))
    held = caller.bearer
    if held is None:
        return
    if held.per_minute is not None:
        caller.left.append(rates.take(f"minute:{held.key}", held.per_minute))
    if held.per_day is not None:
        caller.left.append(rates.take(f"day:{held.key}", held.per_day, zone=_HOME))


_HOME = ZoneInfo(acting.HOME_ZONE)


def language_of(request: HttpRequest, who: Principal | None = None) -> str:
    """Give the language to answer in: the one asked for, else the account's own."""
    if who is None or "Accept-Language" in request.headers:
        return acting.asked_language(request)
    return who.language


def _caller(request: HttpRequest, now: datetime) -> Caller:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return _person(request, now)
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated(
            "scheme_unknown", L("请使用 Authorization: Bearer", "Use Authorization: Bearer")
        )
    found = access.bearer(token.strip(), now)
    if found is None:
        raise TokenRefused()
    return bearing(found, now)


def bearing(found: access.Bearer, now: datetime, way: str = "") -> Caller:
    """Give the caller that a token stands for."""
    way = way or ("client" if found.is_client else "token")
    plants = found.who.plants
    return Caller(found.who, f"{way}:{found.name}"[:80], now, plants[0] if len(plants) == 1 else None, found)


def _person(request: HttpRequest, now: datetime) -> Caller:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        raise NotAuthenticated()
    ctx = acting.context_of(request)
    if ctx is None:
        raise NotAuthenticated()
    if request.method not in _SAFE and _Forgery(lambda _: None).reason(request):
        raise NotAllowed(
            "form_expired",
            L("缺少或错误的 X-CSRFToken", "X-CSRFToken is missing or wrong"),
            way_out=L(
                "用 csrftoken Cookie 的值作为 X-CSRFToken，或使用令牌",
                "Send the value of the csrftoken cookie as X-CSRFToken, or use a token",
            ),
        )
    return Caller(ctx.principal, "browser", now, ctx.plant)


class _Forgery(CsrfViewMiddleware):
    """Django's own check of forged requests, asked instead of put in the way."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason

    def reason(self, request: HttpRequest) -> str | None:
        self.process_request(request)
        return self.process_view(request, None, (), {})


def _key(request: HttpRequest) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method in _SAFE:
        return None
    if not 1 <= len(key) <= KEY_MOST or not key.isascii() or not key.isprintable():
        raise Invalid(
            "key_malformed",
            L(
                "Idempotency-Key 须为 1 到 {most} 个可见字符",
                "Idempotency-Key must be 1 to {most} visible characters",
            ),
            {"most": KEY_MOST},
        )
    return key


def _device_time(request: HttpRequest) -> datetime | None:
    text = request.headers.get("X-Device-Time")
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo and 1970 <= found.year <= 9998:
            return found.astimezone(UTC)
    except ValueError:
        pass
    raise Invalid(
        "device_time",
        L("X-Device-Time 须为带时区的时刻", "X-Device-Time must be an instant with zone"),
        {"value": text[:40]},
    )
