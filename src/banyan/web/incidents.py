"""What a person sees when something is refused or goes wrong: one handler for pages and fragments."""

from __future__ import annotations

import json
import logging
import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from banyan.lib.errors import DomainError, NeedsConfirmation, NotAllowed, NotAuthenticated, NotFound
from banyan.lib.labels import L
from banyan.web.answers import is_partial, page

log = logging.getLogger("banyan.web")
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Broken(DomainError):
    """Something unexpected: everything was rolled back, the log has the rest under the incident number."""

    status = 500
    title = L("系统出错", "Something went wrong")
    code = "unexpected"
    zh = "系统出错，您的操作没有保存。事件编号 {incident}"
    en = "Something went wrong and nothing was saved. Incident {incident}"
    way_out_zh = "可以再试一次；仍不行时，请把事件编号告诉管理员"
    way_out_en = "You may try again; if it stays, tell your administrator the incident number"


class HeaderInvalid(DomainError):
    """A header cannot be read, such as a host name that is none."""

    status = 400
    title = L("请求头无效", "Invalid header")
    code = "header_invalid"
    zh = "请求头无效，例如 Host 不是本站的名称"
    en = "A header is not valid, such as a Host that is none of this site's"
    way_out_zh = "用 BANYAN_HOSTS 中的名称访问"
    way_out_en = "Use one of the names in BANYAN_HOSTS"


def answer(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """Give a refusal as a page, or as the fragment that the page puts beside the form or into a note."""
    if isinstance(refusal, NotAuthenticated):
        return to_sign_in(request)
    faults = refusal.field_texts()
    shown = {
        "refusal": refusal,
        "needs_consent": isinstance(refusal, NeedsConfirmation),
        "faults": json.dumps(faults, ensure_ascii=False),
        "loose": faults.get("__root__", []),
        "field_faults": [
            (path, text) for path, texts in faults.items() if path != "__root__" for text in texts
        ],
    }
    template = "web/refusal.html" if is_partial(request) else "web/refusal_page.html"
    response = page(request, template, shown, status=refusal.status)
    response["X-Refusal"] = refusal.code
    return response


def unexpected(request: HttpRequest, fault: Exception) -> HttpResponse:
    """Log a fault once, under a number, and give the page that shows the number."""
    incident = "".join(secrets.choice(_LETTERS) for _ in range(8))
    log.error("incident %s at %s %s", incident, request.method, request.path, exc_info=fault)
    response = answer(request, Broken(incident=incident))
    response._has_been_logged = True  # Django would log it a second time
    return response


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send to the sign-in page and back here afterwards."""
    back = request.get_full_path() if request.method == "GET" and not is_partial(request) else "/"
    target = f"{reverse('sign_in')}?{urlencode({'next': back})}" if back != "/" else reverse("sign_in")
    if is_partial(request):
        response = HttpResponse(status=401)
        response["HX-Redirect"] = target
        return response
    return redirect(target)


def malformed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request whose headers are not to be trusted, in plain words."""
    if request.path_info.startswith("/api/"):
        problem = HeaderInvalid().as_problem("en", request.path)
        return HttpResponse(json.dumps(problem), status=400, content_type="application/problem+json")
    return HttpResponse("请求无效 Bad request", status=400, content_type="text/plain; charset=utf-8")


def nothing_here(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Give the page for an address that leads nowhere."""
    return answer(request, NotFound("page_unknown", L("没有这个页面", "There is no such page")))


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Give the page for a form without this browser's token."""
    return answer(
        request,
        NotAllowed(
            "form_expired", L("页面已过期，请刷新后再提交", "This page has expired; reload it and send again")
        ),
    )
