"""The page at /api/v1/: every noun with its operations and schemas, for people who write programs."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from banyan.kernel import registry
from banyan.lib.errors import DomainError, NotAuthenticated
from banyan.lib.labels import speaking
from banyan.web.rest import answers, callers, openapi

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_METHODS = ("get", "post", "patch", "delete")


def page(request: HttpRequest) -> HttpResponse:
    """Show the description; `?noun=` opens one noun with its schemas."""
    language = callers.language_of(request)
    if request.method not in ("GET", "HEAD"):
        return answers.not_allowed(("GET", "HEAD"), request, language)
    try:
        ctx = callers.context_of(request)
        with speaking(ctx.language):
            response = render(request, "rest/browse.html", _shown(request, ctx.language))
    except NotAuthenticated:
        return redirect(f"/login?{urlencode({'next': reverse('rest_browse')})}")
    except DomainError as refusal:
        return answers.problem(request, refusal, language)
    except Exception as fault:
        return answers.incident(request, fault, language)
    response["Content-Security-Policy"] = POLICY
    return response


def _shown(request: HttpRequest, language: str) -> dict[str, Any]:
    document = openapi.document(language)
    wanted = request.GET.get("noun", "")
    by_tag: dict[str, list[dict[str, Any]]] = {}
    for path, node in document["paths"].items():
        for method in _METHODS:
            if method in node:
                operation = node[method]
                by_tag.setdefault(operation["tags"][0], []).append(
                    {
                        "method": method.upper(),
                        "path": answers.ROOT + path,
                        **operation,
                        "body": _body(operation),
                    }
                )
    noun = registry.noun(wanted) if registry.has_noun(wanted) else None
    schemas = document["components"]["schemas"]
    name = openapi.schemas.schema_name(wanted) if noun else ""
    return {
        "document": document,
        "language": "en" if language == "en" else "zh-Hans",
        "nouns": [(n.spec.key, str(n.spec.plural), n.spec.path) for n in registry.nouns()],
        "other": [row for tag, rows in by_tag.items() if not registry.has_noun(tag) for row in rows],
        "noun": noun,
        "operations": by_tag.get(wanted, []) if noun else [],
        "schema": _pretty(schemas[name]) if noun else "",
    }


def _body(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return _pretty(content["example"]) if "example" in content else ""


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
