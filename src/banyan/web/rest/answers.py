"""Answers: JSON, problems, files; and how one is kept under the caller's key, to be given again."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import quote

import orjson
from django.db import models
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from pydantic import BaseModel, SecretStr

from banyan.kernel import rates
from banyan.kernel.commands import noun_of
from banyan.lib.errors import DomainError, NotAuthenticated, TooMany, jsonable
from banyan.lib.labels import is_chinese
from banyan.web.incidents import Broken

log = logging.getLogger("banyan.rest")
ROOT = "/api/v1"
#: The versions of the interface that there are, each with its root; nothing of the one there is is deprecated.
VERSIONS = (("v1", ROOT),)


def body_of(value: Any) -> bytes:
    """Give a value as JSON bytes."""
    return orjson.dumps(value, default=jsonable)


def answer(value: Any, status: int = 200, **headers: str) -> HttpResponse:
    """Give a JSON answer; header names have `_` for `-`."""
    response = HttpResponse(body_of(value), status=status, content_type="application/json")
    for name, text in headers.items():
        response[name.replace("_", "-")] = text
    return response


def empty(status: int = 204, **headers: str) -> HttpResponse:
    """Give an answer without a body."""
    response = HttpResponse(b"", status=status)
    del response["Content-Type"]
    for name, text in headers.items():
        response[name.replace("_", "-")] = text
    return response


def kept(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Give an answer in the form that is stored: its body as text, so that it is replayed byte by byte."""
    return {
        "status": status,
        "headers": dict(headers or {}),
        "body": "" if value is None else body_of(value).decode(),
    }


def replayed(stored: Mapping[str, Any], *, is_replay: bool) -> HttpResponse:
    """Give the HTTP answer of a kept one."""
    body = stored["body"].encode()
    response = (
        HttpResponse(body, status=stored["status"], content_type="application/json")
        if body
        else empty(stored["status"])
    )
    for name, text in stored["headers"].items():
        response[name] = text
    if is_replay:
        response["Idempotent-Replay"] = "true"
    return response


def problem(request: HttpRequest, refusal: DomainError, language: str) -> HttpResponse:
    """Give a refusal as problem+json. Source: RFC 9457."""
    response = HttpResponse(
        body_of(refusal.as_problem(language, request.path)),
        status=refusal.status,
        content_type="application/problem+json",
    )
    response["Content-Language"] = "zh-Hans" if is_chinese(language) else "en"
    response._has_been_logged = (
        True  # refusals are in the audit, incidents were logged; Django need not say it again
    )
    if isinstance(refusal, NotAuthenticated):
        response["WWW-Authenticate"] = 'Bearer realm="banyan"'
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.facts.get("wait", 60))
    return response


def tell_limits(response: HttpResponse, left: Sequence[rates.Left]) -> None:
    """Tell a program its limits, and what this process knows to be left of them.

    Source: draft-ietf-httpapi-ratelimit-headers-10
    """
    if left:
        response["RateLimit-Policy"] = ", ".join(f'"{_policy(n, one)}";q={one.limit};w={one.window.seconds}'
                                                 for n, one in enumerate(left))  # fmt: skip
        response["RateLimit"] = ", ".join(f'"{_policy(n, one)}";r={one.calls};t={one.window.wait}'
                                          for n, one in enumerate(left))  # fmt: skip


def _policy(place: int, one: rates.Left) -> str:
    return one.window.name if place else "account"


def incident(request: HttpRequest, fault: Exception, language: str) -> HttpResponse:
    """Log a fault once, under a number, and give the problem that shows the number."""
    number = secrets.token_hex(4).upper()
    log.error("incident %s at %s %s", number, request.method, request.path, exc_info=fault)
    return problem(request, Broken(incident=number), language)


def not_allowed(allowed: Iterable[str], request: HttpRequest, language: str) -> HttpResponse:
    """Give 405 with the methods that there are."""
    response = problem(
        request, MethodNotAllowed(method=(request.method or "")[:20], allowed=sorted(allowed)), language
    )
    response["Allow"] = ", ".join(sorted(allowed))
    return response


class MethodNotAllowed(DomainError):
    status = 405
    code = "method_not_allowed"
    zh = "此地址不支持 {method}；可用：{allowed}"
    en = "There is no {method} here; use one of {allowed}"


def download(pieces: Iterable[bytes], name: str, media_type: str) -> StreamingHttpResponse:
    """Give a file to keep, piece by piece."""
    response = StreamingHttpResponse(pieces, content_type=media_type)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def reference(record: models.Model) -> dict[str, Any]:
    """Give a record of a noun as {noun, id, version, href}; of another model as its id alone."""
    noun = noun_of(record)
    if noun is None:
        return {"id": str(record.pk)}
    return {
        "noun": noun.spec.key,
        "id": str(record.pk),
        "version": getattr(record, "version", 1),
        "href": f"{ROOT}/{noun.spec.path}/{record.pk}",
    }


def told(value: Any, *, with_secrets: bool = False) -> Any:
    """Give what a command's function returned as JSON data: records as references, secrets masked."""
    if isinstance(value, models.Model):
        return reference(value)
    if isinstance(value, SecretStr):
        return value.get_secret_value() if with_secrets else None
    if isinstance(value, BaseModel):
        return {
            name: told(getattr(value, name), with_secrets=with_secrets) for name in type(value).model_fields
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: told(getattr(value, f.name), with_secrets=with_secrets) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): told(one, with_secrets=with_secrets) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [told(one, with_secrets=with_secrets) for one in value]
    return jsonable(value)


def has_secret(value: Any) -> bool:
    """Say whether a command's value holds something that is shown only once."""
    return is_dataclass(value) and any(isinstance(getattr(value, f.name), SecretStr) for f in fields(value))
