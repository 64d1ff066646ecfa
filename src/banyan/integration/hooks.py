"""Where partners push: POST /hooks/{system}/{operation}, without session or form token; the connector verifies.

What is answered is the connector's word, given when the messages are kept. A forged or broken request leaves nothing
but a line in the log, and so does one that has come before.
"""

from __future__ import annotations

import logging
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from banyan.integration import inbox
from banyan.integration.connecting import Failed, Received, Reply
from banyan.integration.plans import Plan, link_of, plans_of, refused
from banyan.kernel import db, tracing
from banyan.lib import traces
from banyan.lib.errors import DomainError
from banyan.web.middleware import public

log = logging.getLogger("banyan.bus")
ROUTE = "/hooks/{system}/{operation}"

_HEARING = """
    SELECT s.id, s.most_bytes, t.version, f.id, f.running_id
    FROM integration_system s
    LEFT JOIN integration_flow f ON coalesce(f.origin_id, f.system_id) = s.id AND f.trigger = 'webhook'
        AND f.running_id IS NOT NULL AND f.state <> 'retired' AND f.detail ->> 'operation' = %s
    LEFT JOIN integration_system t ON t.id = f.system_id
    WHERE s.code = %s AND s.state = 'active'
"""


@csrf_exempt
@public
def receive(request: HttpRequest, system: str, operation: str) -> HttpResponse:
    """Keep what a partner pushes and answer it as its connector says.

    Gives:  404 where no such system or operation hears; 413 for what is too large, before it is read
    """
    if "\0" in system or "\0" in operation:
        return _plain(404, "unknown")
    rows = db.rows(_HEARING, [operation, system])
    flows = {flow: (running, version) for _, _, version, flow, running in rows if flow is not None}
    if not flows:
        return _plain(404, "unknown")
    trace = traces.received(request.headers.get("traceparent"))
    with tracing.begin(f"POST {ROUTE}", trace, kind="server", begins=True) as step:
        response = _received(request, system, operation, rows[0][0], rows[0][1], flows, step.trace or trace)
        step.say(http__request__method="POST", http__route=ROUTE, http__response__status_code=response.status_code,
                 system=system, operation=operation)  # fmt: skip
        if response.status_code >= 500:
            step.say(error__type=str(response.status_code))
            step.fail("fault")
    return response


def _received(
    request: HttpRequest, system: str, operation: str, key: UUID, most: int, flows: dict, trace: str | None
) -> HttpResponse:
    try:
        body = _body(request, most)
    except Failed as fault:
        log.warning("%s/%s: refused a request (%s): %s", system, operation, fault.kind, fault.text)
        return _plain(413 if fault.kind == "too_large" else 400, fault.kind)
    try:
        link = link_of(key)
    except DomainError:
        link = None
    if link is None:
        return _plain(503, "unavailable")
    connector, connect = link
    try:
        connection = connect()
    except Failed as fault:
        log.warning("%s/%s: refused a request (%s): %s", system, operation, fault.kind, fault.text.splitlines()[-1])
        return _plain(503, fault.kind)
    fault, taken = None, 0
    now = timezone.now()
    received = Received(
        method=request.method or "POST", path=request.path, query=request.GET.dict(),
        headers={name.lower(): value for name, value in request.headers.items()}, body=body, at=now,
    )  # fmt: skip
    try:
        messages = connector.receive(connection, operation, received)
    except Exception as found:  # whatever a connector raises refuses the request
        fault = refused(found)
        said = fault.text.splitlines()[-1][:300] if fault.text else ""
        log.warning("%s/%s: refused a request (%s): %s", system, operation, fault.kind, said)
    else:
        kept = [inbox.keep(plan, messages, now, trace) for plan in _plans(flows)]
        taken = sum(one.new for one in kept)
        if any(one.reused for one in kept):
            fault = Failed("source_reused", "an id came again with another body")
        elif messages and not taken:
            log.info("%s/%s: nothing of a request was new: %d known already, %r the first", system, operation,
                     len(messages), messages[0].id[:100])  # fmt: skip
    return _answered(connector.answer(connection, operation, taken, fault))


def _plans(flows: dict) -> tuple[Plan, ...]:
    return tuple(plans_of(flows).values())


def _body(request: HttpRequest, most: int) -> bytes:
    """Give what was sent. Raises: Failed("too_large")"""
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise Failed("refused", "no length") from None
    if declared > most:
        raise Failed("too_large", f"{declared} bytes")
    try:
        body = request.read(most + 1)
    except (UnreadablePostError, RawPostDataException) as fault:
        raise Failed("transport", str(fault)) from None
    if len(body) > most:
        raise Failed("too_large", f"more than {most} bytes")
    if declared and len(body) < declared:
        raise Failed("transport", "the body ended early")
    return body


def _answered(reply: Reply) -> HttpResponse:
    response = HttpResponse(reply.body, status=reply.status, content_type=reply.media_type)
    for name, value in reply.headers.items():
        response[name] = value
    return response


def _plain(status: int, word: str) -> JsonResponse:
    return JsonResponse({"ok": False, "reason": word}, status=status)
