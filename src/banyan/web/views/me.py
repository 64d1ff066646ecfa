"""My account: name, language, theme, password, sessions, tokens, plant."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from banyan.kernel import registry, sessions
from banyan.kernel.commands import execute
from banyan.kernel.models import AccessToken, Role
from banyan.lib.errors import NotFound
from banyan.lib.labels import L
from banyan.web import acting, commands, controls
from banyan.web.answers import go, page, part
from banyan.web.cells import Wording


def me(request: HttpRequest) -> HttpResponse:
    """Give the account page, and change name, language and theme."""
    ctx = request.ctx
    if request.method == "POST":
        data = {k: request.POST[k].strip() for k in ("name", "language", "theme") if k in request.POST}
        execute(ctx, registry.command("self.profile.change"), data=data)
        response = HttpResponse(status=204)
        response["HX-Redirect"] = "/me"
        return response
    tokens = AccessToken.objects.filter(user_id=ctx.person, is_active=True).order_by("-created_at")
    roles = Role.objects.filter(code__in=ctx.principal.roles).order_by("code")
    values = {
        "name": ctx.principal.name,
        "language": ctx.principal.language,
        "theme": ctx.principal.theme or "auto",
    }
    filler = controls.Filler(acting.zone_of(request))
    zone = acting.zone_of(request)
    return page(
        request,
        "web/me.html",
        {
            "profile": filler.fill(controls.of_model(commands.Profile), values),
            "token_form": filler.fill(controls.of_model(commands.NewToken), {}),
            "tokens": [
                (t, t.expires_at.astimezone(zone).date().isoformat() if t.expires_at else "") for t in tokens
            ],
            "sessions": _sessions(request),
            "roles": [r.name_zh if ctx.language == "zh" else r.name_en for r in roles],
        },
    )


@require_POST
@sensitive_post_parameters()
def password(request: HttpRequest) -> HttpResponse:
    """Change the password; this session goes on, the others end."""
    given = {name: request.POST.get(name, "")[:1000] for name in ("old", "new", "again")}
    user = commands.change_password(request.ctx, **given, keep=_this(request))
    request.user = user  # Django would hold the session against the new password
    update_session_auth_hash(request, user)
    return go(request, "/me", L("密码已修改", "Password changed"))


@require_POST
def end_session(request: HttpRequest, key: UUID) -> HttpResponse:
    """End one of my sessions, on this device or another."""
    execute(request.ctx, registry.command("self.session.end"), data={"session": str(key)})
    return go(request, "/me", L("已结束，该设备须重新登录", "Ended; that device has to sign in again"))


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """End all of my sessions but this one."""
    keep = _this(request)
    done = execute(
        request.ctx, registry.command("self.session.end_others"), data={"keep": str(keep)} if keep else {}
    )
    said = L("已结束 {count} 个登录", "{count} sessions ended").filled({"count": done.value})
    return go(request, "/me", said)


def _this(request: HttpRequest) -> UUID | None:
    standing = request.session.standing
    return standing.id if standing else None


@dataclass(frozen=True)
class SessionLine:
    """A session as the page shows it."""

    id: UUID
    icon: str
    device: str
    way: str
    address: str
    begun: str
    seen: str
    is_this: bool


def _sessions(request: HttpRequest) -> list[SessionLine]:
    """Give one's own sessions that stand: this one first, then those last used."""
    ctx, wording, this = request.ctx, Wording(request.ctx.language, acting.zone_of(request)), _this(request)
    ways = {c.key: c.label for c in registry.noun("kernel.session").spec.field("way").choices}
    lines = [
        SessionLine(
            row.pk,
            "tools" if row.way in sessions.AT_STATIONS else _icon(row.device),
            row.device or str(L("未知设备", "Unknown device")),
            str(ways.get(row.way, row.way)),
            row.address,
            wording.instant(row.created_at),
            wording.instant(row.seen_at),
            row.pk == this,
        )
        for row in sessions.of_person(ctx.person, ctx.now)
    ]
    return sorted(lines, key=lambda line: not line.is_this)


def _icon(device: str) -> str:
    is_small = any(word in device for word in ("iPhone", "iPad", "Android", "HarmonyOS"))
    return "device-mobile" if is_small else "device-desktop"


@require_POST
def make_token(request: HttpRequest) -> HttpResponse:
    """Make a personal token and show it, this once."""
    taker = controls.Taker(request.POST, acting.zone_of(request))
    data = taker.take(controls.of_model(commands.NewToken))
    taker.faults.refuse_if_any()
    token = execute(request.ctx, registry.command("self.token.make"), data=data).value
    return part(request, "web/token.html", {"token": token, "name": data["name"]})


@require_POST
def revoke_token(request: HttpRequest, key: UUID) -> HttpResponse:
    """Make one of my tokens worthless."""
    execute(request.ctx, registry.command("self.token.revoke"), data={"token": str(key)})
    return go(request, "/me", L("令牌已停用", "Token revoked"))


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language and stay on the page."""
    execute(
        request.ctx,
        registry.command("self.profile.change"),
        data={"language": request.POST.get("language", "")},
    )
    response = redirect(_here(request))
    response.set_cookie(
        acting.LANGUAGE_COOKIE, request.POST["language"], max_age=365 * 24 * 3600, samesite="Lax"
    )
    return response


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme that the page has already put on."""
    execute(
        request.ctx, registry.command("self.profile.change"), data={"theme": request.POST.get("theme", "")}
    )
    response = HttpResponse(status=204)
    response.set_cookie(acting.THEME_COOKIE, request.POST["theme"], max_age=365 * 24 * 3600, samesite="Lax")
    return response


@require_POST
def plant(request: HttpRequest) -> HttpResponse:
    """Act in another plant from now on."""
    try:
        wanted = UUID(request.POST.get("plant", ""))
    except ValueError:
        raise NotFound() from None
    acting.choose_plant(request, request.ctx.principal, wanted)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = _here(request)
    return response


def _here(request: HttpRequest) -> str:
    from urllib.parse import urlsplit

    from django.utils.http import url_has_allowed_host_and_scheme

    there = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "/"
    if not url_has_allowed_host_and_scheme(there, allowed_hosts={request.get_host()}):
        return "/"
    parts = urlsplit(there)
    return parts.path + (f"?{parts.query}" if parts.query else "")
