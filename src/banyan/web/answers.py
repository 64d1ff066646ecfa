"""Answers to the browser: a page or the fragment of it, from one template and one context."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string

from banyan.lib.labels import Label


def is_partial(request: HttpRequest) -> bool:
    """Say whether the browser asks for a part of the page it already shows."""
    return request.headers.get("HX-Request") == "true" and not request.headers.get(
        "HX-History-Restore-Request"
    )


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Give a page, or only its main part to a browser that has the shell already.

    The template begins with `{% extends base %}`; base is the shell or the bare main part.
    """
    from banyan.web.shell import Shell

    shown = {**context, "shell": Shell(request), "ctx": getattr(request, "ctx", None)}
    shown["base"] = "web/bare.html" if is_partial(request) else "web/shell.html"
    response = HttpResponse(render_to_string(template, shown, request), status=status)
    response["Vary"] = "HX-Request, HX-History-Restore-Request, Cookie"
    response["Cache-Control"] = "no-store"
    return response


def part(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Give a fragment that never stands alone: a dialog, a panel, a list of choices."""
    response = HttpResponse(
        render_to_string(template, {**context, "ctx": getattr(request, "ctx", None)}, request), status=status
    )
    response["Cache-Control"] = "no-store"
    return response


def go(request: HttpRequest, path: str, note: Label | None = None, *, tone: str = "green") -> HttpResponse:
    """Send the browser to a page after something was done, with a short note saying what."""
    if not is_partial(request):
        return redirect(path)
    response = HttpResponse(status=204)
    response["HX-Location"] = json.dumps(
        {"path": path, "target": "#main", "swap": "innerHTML show:window:top"}
    )
    return noted(response, note, tone=tone)


def noted(response: HttpResponse, note: Label | None, *, tone: str = "green", **more: Any) -> HttpResponse:
    """Add a short note to an answer, and other news to the page (`reload`, `close`)."""
    news: dict[str, Any] = dict(more)
    if note is not None:
        news["banyan:note"] = {"text": str(note), "tone": tone}
    if news:
        response["HX-Trigger"] = json.dumps(news)
    return response
