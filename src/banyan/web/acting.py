"""Who acts on a page: from a session to the Context that every command and query takes."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from banyan.kernel import access, registry
from banyan.kernel.context import Context, Principal
from banyan.kernel.models import User
from banyan.lib.labels import DEFAULT_LANGUAGE
from banyan.web.sessions import UNASKED

LANGUAGE_COOKIE = "language"
THEME_COOKIE = "theme"
PLACE = "place"
HOME_ZONE = "Asia/Shanghai"
#: What everybody who has signed in may do: look after their own account, views and inbox.
OWN_GRANT = ("self.*", "own")
_ACCEPTED = re.compile(r"\s*([a-zA-Z-]+)\s*(?:;\s*q=([0-9.]+))?\s*")


def context_of(request: HttpRequest) -> Context | None:
    """Give the circumstances of a request with a session, None when nobody has signed in.

    Gives:  the plant chosen in the session; the client's key and consents where the form carries them.
            One statement beside the session's own, another where its use is noted
    """
    who = _signed_in(request)
    if who is None:
        return None
    place, now = request.session.get(PLACE) or {}, timezone.now()
    if UNASKED not in request.headers:
        request.session.seen(now)
    return Context(
        principal=replace(who, grants=(*who.grants, OWN_GRANT)),
        now=now,
        plant=UUID(place["plant"]) if place.get("plant") else None,
        key=request.POST.get("_key") or None if request.method == "POST" else None,
        language=who.language,
        consents=frozenset(request.POST.getlist("_consent")) if request.method == "POST" else frozenset(),
    )


def _signed_in(request: HttpRequest) -> Principal | None:
    """Give whose session this is, while the account is active and its password the one signed in with.

    That is Django's own check (`django.contrib.auth.get_user`), made of the statement that reads the grants;
    where it fails, Django looks for itself, as it knows older secret keys and ends what is no session any more.
    """
    session = request.session
    try:
        found = access.person_of(UUID(session[SESSION_KEY]))
    except (KeyError, ValueError):
        return None
    if found is None:
        return None
    who, password = found
    is_held = session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS and constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), User(password=password).get_session_auth_hash()
    )
    return who if is_held or request.user.is_authenticated else None


def asked_language(request: HttpRequest) -> str:
    """Give the language for someone who has not signed in: the cookie's, else the browser's first of ours."""
    kept = request.COOKIES.get(LANGUAGE_COOKIE)
    if kept in ("zh", "en"):
        return kept
    wishes = []
    for part in request.headers.get("Accept-Language", "")[:200].split(","):
        match = _ACCEPTED.fullmatch(part)
        if match:
            wishes.append((-_weight(match[2]), match[1].lower()))
    for _, tag in sorted(wishes, key=lambda wish: wish[0]):
        if tag.startswith(("zh", "en")):
            return tag[:2]
    return DEFAULT_LANGUAGE


def _weight(text: str | None) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def zone_of(request: HttpRequest) -> ZoneInfo:
    """Give the zone in which instants are shown: that of the plant chosen in the session."""
    session = getattr(request, "session", None)
    place = (session.get(PLACE) if session is not None else None) or {}
    return _zone(place.get("zone") or HOME_ZONE)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(HOME_ZONE)


def plants_of(who: Principal) -> list[tuple[UUID, str, str]]:
    """Give the plants a person may act in, as (id, name, zone) by code; none where the product has no plants.

    A person whose account names no plant may act in all of them. One statement.
    """
    if not registry.has_noun("company.plant"):
        return []
    rows = registry.noun("company.plant").model._base_manager.order_by("code")
    if who.plants:
        rows = rows.filter(pk__in=who.plants)
    return list(rows.values_list("pk", "name", "zone"))


def choose_plant(request: HttpRequest, who: Principal, wanted: UUID | None = None) -> None:
    """Keep in the session where the person acts: the plant asked for, else the present, else the first."""
    plants = plants_of(who)
    kept = (request.session.get(PLACE) or {}).get("plant")
    found = next((p for p in plants if p[0] == wanted), None) or next(
        (p for p in plants if str(p[0]) == kept), None
    )
    found = found or (plants[0] if plants else None)
    request.session[PLACE] = {"plant": str(found[0]), "zone": found[2]} if found else {}
