"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from banyan.kernel import access, rates
from banyan.kernel.models import User
from banyan.lib.labels import L
from banyan.web import acting
from banyan.web.answers import page
from banyan.web.devices import address_of
from banyan.web.middleware import public

WRONG = L("登录名或密码不对", "Login or password is wrong")
LOCKED = L(
    "尝试次数过多，请 {minutes} 分钟后再试，或请管理员重设密码",
    "Too many attempts; try again in {minutes} minutes, or ask an administrator for a new password",
)
CROWDED = L(
    "此地址的登录尝试过于频繁，请 {wait} 秒后再试",
    "Too many sign-ins from this address; try again in {wait} seconds",
)
#: Tries to sign in from one address in a minute, over all names and processes: each costs a slow hash. A whole shift
#: that signs in behind one router stays below it.
TRIES_PER_MINUTE = 60
YEAR = 365 * 24 * 3600


@public
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the sign-in page, and sign in with a login name and a password.

    The session gets a new key, so that one set by somebody else before is worth nothing; misses are counted
    in the database and lock the pair of name and address over all processes. An address that tries too often,
    under whatever names, is refused before anything is hashed.
    """
    back = _back(request)
    if request.ctx is not None:
        return redirect(back)
    if request.method != "POST":
        return _form(request, back)
    name = request.POST.get("username", "").strip()[:80]
    try:
        rates.take(f"login:{address_of(request)}", TRIES_PER_MINUTE, lease=1)
    except rates.QuotaUsed as refusal:
        return _crowded(request, back, name, refusal.data["wait"])
    user = authenticate(request, username=name, password=request.POST.get("password", "")[:1000])
    if user is None or user.is_program:
        if getattr(request, "axes_locked_out", False):
            return locked(request)
        return _form(request, back, name=name, refusal=WRONG, status=401)
    login(request, user)
    acting.choose_plant(request, access.principal_of(user.pk))
    return redirect(back)


def locked(request: HttpRequest, *_args: object, **_more: object) -> HttpResponse:
    """Say that somebody has missed too often."""
    from django.conf import settings

    minutes = max(1, round(float(settings.AXES_COOLOFF_TIME) * 60))
    return _form(
        request,
        _back(request),
        name=request.POST.get("username", "")[:80],
        refusal=LOCKED.filled({"minutes": minutes}),
        status=429,
    )


def _crowded(request: HttpRequest, back: str, name: str, wait: int) -> HttpResponse:
    """Say that too many have tried from one address."""
    answer = _form(request, back, name=name, refusal=CROWDED.filled({"wait": wait}), status=429)
    answer.headers["Retry-After"] = str(wait)
    return answer


@require_POST
@public
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("sign_in")


@require_POST
@public
def outside_language(request: HttpRequest) -> HttpResponse:
    """Keep the language for someone who has not signed in."""
    response = redirect(_back(request))
    if request.POST.get("language") in ("zh", "en"):
        response.set_cookie(acting.LANGUAGE_COOKIE, request.POST["language"], max_age=YEAR, samesite="Lax")
    return response


def _form(
    request: HttpRequest, back: str, *, name: str = "", refusal: object = None, status: int = 200
) -> HttpResponse:
    shown = {"next": back, "username": name, "refusal": refusal}
    shown["is_first_run"] = request.method == "GET" and not User.objects.exists()
    return page(request, "web/sign_in.html", shown, status=status)


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else "/"
