"""How scripts of a station reach the server: JSON in and out, a ticket instead of a cookie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from banyan.lib.errors import DomainError, Invalid
from banyan.lib.labels import L, speaking
from banyan.modules.station import signing
from banyan.modules.station.errors import SignInNeeded
from banyan.modules.station.signing import Seat
from banyan.web.middleware import public

MOST_BYTES = 4_000_000


def interface(method: str) -> Callable[..., Callable[..., HttpResponse]]:
    """Make a view that answers scripts: JSON in and out, refusals as problem+json in the caller's language."""

    def decorate(view: Callable[..., Any]) -> Callable[..., HttpResponse]:
        @public
        @csrf_exempt
        @never_cache
        @sensitive_post_parameters()
        @wraps(view)
        def answer(request: HttpRequest, **place: Any) -> HttpResponse:
            if request.method != method:
                return HttpResponse(status=405, headers={"Allow": method})
            language = "en" if request.headers.get("Accept-Language", "").startswith("en") else "zh"
            with speaking(language):
                try:
                    found = view(request, language, **place)
                except DomainError as refusal:
                    return JsonResponse(refusal.as_problem(language), status=refusal.status)
            return found if isinstance(found, HttpResponse) else _json(found)

        return answer

    return decorate


def _json(data: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(data, default=str), status=status, content_type="application/json")


def unless_known(request: HttpRequest, found: Any, now: datetime) -> HttpResponse:
    """Give a shift's data; nothing where the device has just that already (ETag)."""
    content = orjson.dumps(found, default=str)
    mark = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": mark, "Station-Time": now.isoformat()}
    # a compressing layer between marks the tag as weak
    if request.headers.get("If-None-Match", "").removeprefix("W/") == mark:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(content, content_type="application/json", headers=headers)


def body_of(request: HttpRequest) -> dict[str, Any]:
    """Give the request's JSON object. Raises: Invalid"""
    if len(request.body) > MOST_BYTES:
        raise Invalid("station.too_large", L("一次发送的内容过多", "Too much was sent at once"))
    try:
        found = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Invalid("station.not_json", L("内容不是 JSON 对象", "The content is no JSON object"))
    return found


def seat_of_request(request: HttpRequest) -> Seat:
    """Give who acts, by the ticket that the request carries. Raises: SignInNeeded"""
    return signing.seat_of(ticket_of_request(request))


def ticket_of_request(request: HttpRequest) -> str:
    """Give the ticket that a request carries, whatever it is worth. Raises: SignInNeeded"""
    kind, _, ticket = request.headers.get("Authorization", "").partition(" ")
    if kind != "Station":
        raise SignInNeeded
    return ticket.strip()[:2_000]
