"""What surrounds every page: who acts, in which language, and one way out for everything that goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from banyan.lib.errors import DomainError
from banyan.lib.labels import speaking
from banyan.web import acting, incidents

#: Addresses that answer machines: they know their callers by other means and word faults as problem+json.
MACHINE_PATHS = ("/api/", "/healthz", "/hooks/", "/metrics", "/oauth/", "/soap/", "/static/")
POLICY = "; ".join(
    (
        "default-src 'self'",
        # the decoder of scanned codes is compiled code, served from here like everything else
        "script-src 'self' 'wasm-unsafe-eval'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def public(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view that answers people who have not signed in."""
    view.is_public = True
    return view


class Acting:
    """Give each page request its Context (`request.ctx`, None when nobody has signed in) and its language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(MACHINE_PATHS):
            return self.get_response(request)
        request.ctx = acting.context_of(request)
        language = request.ctx.language if request.ctx else acting.asked_language(request)
        with speaking(language), translation.override("zh-hans" if language == "zh" else "en"):
            response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(self), geolocation=(), microphone=(self)")
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if (
            request.path.startswith(MACHINE_PATHS)
            or getattr(view, "is_public", False)
            or request.ctx is not None
        ):
            return None
        return incidents.to_sign_in(request)

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        if request.path.startswith(MACHINE_PATHS):
            return None
        if isinstance(fault, DomainError):
            return incidents.answer(request, fault)
        if settings.DEBUG or _is_djangos(fault):
            return None
        return incidents.unexpected(request, fault)


def _is_djangos(fault: Exception) -> bool:
    """Say whether Django itself answers this: an unknown address, a refused form, an upload too large."""
    from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
    from django.http import Http404

    return isinstance(fault, (Http404, PermissionDenied, SuspiciousOperation, BadRequest))
