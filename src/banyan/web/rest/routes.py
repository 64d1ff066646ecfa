"""From an address below /api/v1/ to what can be asked there.

There is no route per noun: nouns made of data appear and vanish while the product runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from django.http import HttpResponse

from banyan.kernel import queries, registry
from banyan.kernel.nouns import Noun
from banyan.lib.errors import NotFound
from banyan.lib.labels import L
from banyan.web.rest import answers, openapi, parameters, resources, tables
from banyan.web.rest.offered import command_of, offers, takes_tables
from banyan.web.rest.resources import Call

Handler = Callable[[Call], HttpResponse]
Methods = Mapping[str, Handler]


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
