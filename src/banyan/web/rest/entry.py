"""The one door of REST: who calls, what is answered, what is noted of it; every fault leaves as a problem."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from banyan.lib.errors import DomainError
from banyan.lib.labels import speaking
from banyan.web.rest import answers, callers, calls, parameters
from banyan.web.rest.resources import Call
from banyan.web.rest.routes import methods_at


class Calls:
    """Middleware that answers calls which bear a token before all that only pages need: sessions, forms."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info.removeprefix(f"{answers.ROOT}/")
        if path and path != request.path_info and "HTTP_AUTHORIZATION" in request.META:
            return entry(request, path)
        return self.get_response(request)


@csrf_exempt
def entry(request: HttpRequest, path: str) -> HttpResponse:
    """Answer a call under /api/v1/; whatever goes wrong leaves as problem+json, a fault with a number."""
    begun = time.perf_counter()
    language = callers.language_of(request)
    try:
        ctx = callers.context_of(request)
        language = ctx.language
        with speaking(language):
            response = _answer(request, Call(request, ctx, parameters.is_rehearsal(request)), path)
    except DomainError as refusal:
        response = answers.problem(request, refusal, language)
    except Exception as fault:
        response = answers.incident(request, fault, language)
    response.headers.setdefault("Content-Language", "en" if language == "en" else "zh-Hans")
    response["Vary"] = "Authorization, Cookie, Accept-Language"
    logged(request, response, path, begun)
    return response


def logged(request: HttpRequest, response: HttpResponse, path: str, begun: float, operation: str = "") -> None:
    """Note the call of a program, and tell it the call's key and what its limits leave it.

    Takes:  path: below /api/v1/, or whole from `/` on where the operation is given
    """
    caller: callers.Caller | None = getattr(request, "caller", None)
    if caller is None:
        return
    if caller.step:
        _end_step(caller, request, response, path, begun, operation)
    if caller.bearer is None:
        return
    response["X-Request-Id"] = str(caller.key)
    answers.tell_limits(response, caller.left)
    held, size = caller.bearer, request.META.get("CONTENT_LENGTH") or ""
    calls.note(calls.Noted(
        caller.key, caller.now, caller.principal.id, held.key if held.is_client else None,
        None if held.is_client else held.key, caller.program, (request.method or "")[:8], path, operation,
        response.status_code, calls.outcome_of(response.status_code), (time.perf_counter() - begun) * 1000,
        int(size) if size.isdigit() else 0, 0 if response.streaming else len(response.content), caller.trace,
    ))  # fmt: skip


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _end_step(
    caller: callers.Caller, request: HttpRequest, response: HttpResponse, path: str, begun: float, operation: str
) -> None:
    """Say of a call's step what a collector is told: address as a template, status, the program's client.

    Source: OpenTelemetry semantic conventions, HTTP server spans
    """
    method = request.method if request.method in _METHODS else "_OTHER"
    route = path if operation else f"{answers.ROOT}/{calls.template_of(path).removeprefix('/')}"
    step, held, status = caller.step, caller.bearer, response.status_code
    step.name = f"{'HTTP' if method == '_OTHER' else method} {route}"
    step.say(
        http__request__method=method, http__route=route, http__response__status_code=status,
        operation=operation or calls.operation_of(method, path), outcome=calls.outcome_of(status),
        client=str(held.key) if held is not None and held.is_client else None,
    )  # fmt: skip
    if status >= 500:
        step.say(error__type=str(status))
        step.fail("fault")
    step.end(begun)


def _answer(request: HttpRequest, call: Call, path: str) -> HttpResponse:
    methods = methods_at(path)
    allowed = {*methods, "OPTIONS", *(("HEAD",) if "GET" in methods else ())}
    if request.method == "OPTIONS":
        return answers.empty(204, Allow=", ".join(sorted(allowed)))
    handler = methods.get("GET" if request.method == "HEAD" else request.method or "")
    if handler is None:
        return answers.not_allowed(allowed, request, call.ctx.language)
    return handler(call)
