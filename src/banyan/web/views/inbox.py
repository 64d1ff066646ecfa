"""The inbox: what somebody should see or do."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.models import InboxItem
from banyan.web import acting
from banyan.web.answers import noted, page, part
from banyan.web.cells import Wording
from banyan.web.views.home import inbox_lines

SHOWN = 100


def inbox(request: HttpRequest) -> HttpResponse:
    """Give the open items, newest first, or those done."""
    is_done = request.GET.get("done") == "1"
    items = InboxItem.objects.filter(person_id=request.ctx.person, done_at__isnull=not is_done)
    wording = Wording(request.ctx.language, acting.zone_of(request), request.ctx)
    lines = inbox_lines(request.ctx, items.order_by("-created_at")[:SHOWN], wording)
    return page(request, "web/inbox.html", {"items": lines, "is_done": is_done})


def count(request: HttpRequest) -> HttpResponse:
    """Give the number of open items, for the shell."""
    found = InboxItem.objects.filter(person_id=request.ctx.person, done_at=None)[:100].count()
    return part(request, "web/inbox_count.html", {"count": found})


@require_POST
def done(request: HttpRequest) -> HttpResponse:
    """Mark items done; without any, all."""
    execute(request.ctx, registry.command("self.inbox.done"), data={"items": request.POST.getlist("items")})
    return noted(HttpResponse(status=204), None, **{"banyan:reload": True})
