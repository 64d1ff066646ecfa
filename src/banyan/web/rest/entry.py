"""The one door of REST: from an address to a noun or command of the registry, from every fault to a problem.

There is no route per noun: nouns made of data appear and vanish while the product runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from banyan.kernel import queries, registry
from banyan.kernel.commands import Command
from banyan.kernel.nouns import Noun
from banyan.lib.errors import DomainError, NotFound
from banyan.lib.labels import L, speaking
from banyan.web.rest import answers, callers, calls, openapi, parameters, resources, tables
from banyan.web.rest.resources import Call

Handler = Callable[[Call], HttpResponse]
Methods = Mapping[str, Handler]
GENERIC = frozenset({"create", "change", "delete"})


def _describe(call: Call) -> HttpResponse:
    """Give the OpenAPI document."""
    body, tag = openapi.encoded(call.ctx.language)
    if parameters.is_known(call.request, tag):
        return answers.empty(304, ETag=tag)
    response = HttpResponse(body, content_type="application/json")
    response["ETag"] = tag
    return response


_FIXED: dict[str, Methods] = {
    "me": {"GET": resources.me},
    "find": {"GET": resources.find},
    "files": {"POST": tables.keep_file},
    "openapi.json": {"GET": _describe},
}


def serve(path: str, **methods: Handler) -> None:
    """Answer at an address of its own what a higher floor knows: `serve("asyncapi.json", GET=describe)`."""
    _FIXED[path] = methods


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


def methods_at(path: str) -> Methods:
    """Give what can be asked at an address, by method. Raises: NotFound."""
    if path in _FIXED:
        return _FIXED[path]
    parts = path.split("/")
    if len(parts) < 2:
        raise _nothing(path)
    if parts[0] == "queries" and len(parts) == 2:
        asked = queries.declared_query(parts[1])
        return {
            "GET": lambda call: resources.ask_by_address(call, asked),
            "POST": lambda call: resources.ask(call, asked),
        }
    try:
        noun = registry.noun_at("/".join(parts[:2]))
    except NotFound:
        return _loose_command(parts)
    rest = parts[2:]
    if not rest:
        return _collection(noun)
    key = _key(rest[0])
    found = _of_record(noun, key, rest[1:]) if key else _of_noun(noun, rest)
    if not found:
        raise _nothing(path)
    return found


def _collection(noun: Noun) -> Methods:
    methods: dict[str, Handler] = {"GET": lambda call: resources.list_records(call, noun)}
    if offers(noun, "create"):
        methods["POST"] = lambda call: resources.create(call, noun)
    return methods


def _of_record(noun: Noun, key: UUID, rest: list[str]) -> Methods:
    if not rest:
        methods: dict[str, Handler] = {"GET": lambda call: resources.read_record(call, noun, key)}
        if offers(noun, "change"):
            methods["PATCH"] = lambda call: resources.change(call, noun, key)
        if offers(noun, "delete"):
            methods["DELETE"] = lambda call: resources.delete(call, noun, key)
        return methods
    if rest == ["timeline"]:
        return {"GET": lambda call: resources.timeline(call, noun, key)}
    if rest == ["attachments"]:
        return {"GET": lambda call: resources.attachments(call, noun, key)}
    if len(rest) == 2 and rest[0] == "attachments" and (which := _key(rest[1])):
        return {"GET": lambda call: resources.attachment(call, noun, key, which)}
    if len(rest) == 1 and (cmd := command_of(noun, rest[0], on="records")):
        return {"POST": lambda call: resources.command_on_record(call, noun, key, cmd)}
    return {}


def _of_noun(noun: Noun, rest: list[str]) -> Methods:
    if rest == ["bulk"]:
        return {"POST": lambda call: resources.bulk(call, noun)}
    if rest == ["export"]:
        return {"GET": lambda call: tables.export_table(call, noun)}
    if rest[0] == "import" and offers(noun, "create") and takes_tables(noun):
        if len(rest) == 1:
            return {"POST": lambda call: tables.import_table(call, noun)}
        batch = _key(rest[1])
        if batch and len(rest) == 2:
            return {"GET": lambda call: tables.read_import(call, noun, batch)}
        if batch and rest[2:] == ["undo"] and offers(noun, "delete"):
            return {"POST": lambda call: tables.undo_import(call, noun, batch)}
    if len(rest) == 1 and (cmd := command_of(noun, rest[0], on="noun")):
        return {"POST": lambda call: resources.command_on_noun(call, cmd)}
    return {}


def _loose_command(parts: list[str]) -> Methods:
    """Give a command that belongs to no noun of the registry, at module/noun/command."""
    name = ".".join(parts)
    if len(parts) == 3 and registry.has_command(name):
        cmd = registry.command(name)
        if cmd.rest and cmd.on == "noun" and not registry.has_noun(cmd.noun):
            return {"POST": lambda call: resources.command_on_noun(call, cmd)}
    raise _nothing("/".join(parts))


def offers(noun: Noun, verb: str) -> bool:
    """Say whether REST offers a noun's create, change or delete."""
    key = noun.spec.permission(verb)
    if not registry.has_command(key) or not registry.command(key).rest:
        return False
    return registry.command(key).on == ("noun" if verb == "create" else "records")


def takes_tables(noun: Noun) -> bool:
    """Say whether the noun's create takes a list of records, which is what an import makes."""
    return resources.takes_records(registry.command(noun.spec.permission("create")))


def command_of(noun: Noun, name: str, *, on: str) -> Command | None:
    """Give a noun's command of its own that REST offers, None where there is none."""
    key = noun.spec.permission(name)
    if name in GENERIC or "." in name or not registry.has_command(key):
        return None
    cmd = registry.command(key)
    return cmd if cmd.rest and cmd.on == on else None


def _key(text: str) -> UUID | None:
    if len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


def _nothing(path: str) -> NotFound:
    return NotFound(
        "address_unknown", L("没有 {path} 这个地址", "There is nothing at {path}"), {"path": path[:200]}
    )
