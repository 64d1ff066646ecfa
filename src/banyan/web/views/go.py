"""Where a printed code leads: `/go/NOUN/ID-or-code` for any camera, `/go?text=` for what a scanner read."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from banyan.kernel import prints, reading, registry
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.records import titles
from banyan.lib.errors import NotFound
from banyan.lib.labels import L
from banyan.web import codes, incidents
from banyan.web.middleware import public


@public
def go(request: HttpRequest, short: str, ref: str) -> HttpResponse:
    """Send to the record that a code names: its page, or where its noun's module says by the port `NOUN.go`.

    A name that several records bear, such as a lot's number, leads to the list of them. Who has not signed in goes
    where the module says by the port `NOUN.door`, a function of the code's two parts, else signs in here first.
    """
    noun = codes.noun_of(short)
    if request.ctx is None:
        door: Callable[[str, str], str] = registry.port(f"{noun}.door", lambda _short, _ref: "")
        address = door(short, ref)
        return redirect(address) if address else incidents.to_sign_in(request)
    scanned = codes.read_ref(noun, ref) if noun else None
    if scanned is None:
        raise _unknown(f"{short}/{ref}")
    return redirect(_way(request.ctx, scanned))


def scan(request: HttpRequest) -> HttpResponse:
    """Send to what a scanned text names, an address or the bare code on a label; answer scripts in JSON.

    Gives:  JSON: {hits: [{noun, id, title, path}]}
    """
    ctx, text = request.ctx, request.GET.get("text", "")[:500]
    scanned = codes.parse(text)
    found = _hits(ctx, scanned) if scanned else _named(ctx, text.strip())
    if "application/json" in request.headers.get("Accept", ""):
        known = [(noun, key, titles(noun, [key]).get(key, "")) for noun, key in found]
        hits = [{"noun": n, "id": str(k), "title": t, "path": _path(ctx, n, k)} for n, k, t in known]
        return JsonResponse({"hits": hits})
    if len(found) == 1:
        return redirect(_path(ctx, *found[0]))
    if scanned is None:
        raise _unknown(text)
    return redirect(_way(ctx, scanned))


def _way(ctx: Context, scanned: codes.Scanned) -> str:
    """Give the address that a code leads to. Raises: NotFound."""
    if scanned.id is not None:
        return _path(ctx, scanned.noun, scanned.id)
    found = _by_code(ctx, registry.noun(scanned.noun), scanned.code)
    if len(found) == 1:
        return _path(ctx, scanned.noun, found[0])
    if found:
        spec = registry.noun(scanned.noun).spec
        return f"/{spec.path}?{urlencode({f'{spec.natural_key}:eq': scanned.code})}"
    raise _unknown(scanned.code)


def _path(ctx: Context, noun_key: str, key: UUID) -> str:
    """Give the page of a record, or what its module offers whoever scans it.

    Gives:  for somebody who may not read the noun, the record its title begins with: an operation's order
    """
    ask: Callable[[Context, UUID], str] = registry.port(f"{noun_key}.go", lambda _ctx, _key: "")
    noun = registry.noun(noun_key)
    return ask(ctx, key) or _page_above(ctx, noun, key) or f"/{noun.spec.path}/{key}"


def _page_above(ctx: Context, noun: Noun, key: UUID) -> str:
    spec = noun.spec
    first = spec.field(spec.title[0]) if spec.title else None
    if ctx.may(spec.permission("read")) or not first or not registry.has_noun(first.reference or ""):
        return ""
    above = registry.noun(first.reference).spec
    found = noun.model._base_manager.filter(pk=key).values_list(first.column, flat=True).first()
    return f"/{above.path}/{found}" if found and ctx.may(above.permission("read")) else ""


def _hits(ctx: Context, scanned: codes.Scanned) -> list[tuple[str, UUID]]:
    if scanned.id is not None:
        return [(scanned.noun, scanned.id)]
    return [(scanned.noun, key) for key in _by_code(ctx, registry.noun(scanned.noun), scanned.code)]


def _named(ctx: Context, text: str) -> list[tuple[str, UUID]]:
    """Give what bears a text as its code: one or two statements per noun with a code of its own."""
    nouns = [registry.noun(key) for key in prints.codes().values() if registry.has_noun(key)]
    return [(noun.spec.key, key) for noun in nouns if text for key in _by_code(ctx, noun, text)]


def _by_code(ctx: Context, noun: Noun, code: str) -> list[UUID]:
    """Give the records that a code means: by natural key or number, else as the port `NOUN.scan` knows it."""
    spec = noun.spec
    if not ctx.may(spec.permission("read")) or "\0" in code:
        return []
    named = spec.natural_key or (spec.numbering.field if spec.numbering else "")
    ask = registry.port(f"{spec.key}.scan", lambda _ctx, _code: ())
    keys: tuple[UUID, ...] = ()
    if named:
        query = reading.Query(filters=((named, "eq", code),), columns=(named,), limit=20, expand=())
        keys = tuple(UUID(row["id"]) for row in reading.list_records(ctx, noun, query).rows)
    if not keys and (known := tuple(ask(ctx, code))):
        query = reading.Query(ids=known, columns=spec.title[:1], limit=20, expand=())
        keys = tuple(UUID(row["id"]) for row in reading.list_records(ctx, noun, query).rows)
    return list(keys)


def _unknown(text: str) -> NotFound:
    return NotFound(
        "code_unknown", L("没有与“{code}”对应的记录", "No record goes by “{code}”"), {"code": text[:80]}
    )
