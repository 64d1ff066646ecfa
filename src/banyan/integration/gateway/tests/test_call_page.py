"""A call is opened to all that came of it: its audit lines, and the messages of its trace."""

from __future__ import annotations

from django.test import Client as Browser

from banyan.integration.models import Message
from banyan.integration.tests.conftest import account, flow, partner, system  # noqa: F401
from banyan.integration.tests.telling import sell
from banyan.kernel import access
from banyan.kernel.models import AccessToken, Call, User
from banyan.lib import traces
from banyan.lib.ids import new_id
from banyan.web.rest import calls

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_call_is_opened_to_its_audit_and_its_messages(ctx, live_db, flow):  # noqa: F811
    flow()
    user = User(login="boss", name="Boss", is_superuser=True)
    user.save()
    token = access.new_token()
    AccessToken.objects.create(user=user, name="scale", digest=access.token_digest(token), scopes=["*"])
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    answer = Browser().post(
        "/api/v1/kernel/roles", b'{"code": "R9", "name_zh": "x", "name_en": "x"}', content_type="application/json",
        headers={"Authorization": f"Bearer {token}", "traceparent": parent},
    )  # fmt: skip
    assert answer.status_code == 201
    calls.write()
    call = Call.objects.get()
    sell(ctx.with_(trace=call.trace), (new_id(), 1))
    message = Message.objects.get()
    browser = Browser()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    text = browser.get(f"/integration/gateway/calls/{call.pk}").content.decode()
    for word in ("kernel.role.create", f"/kernel/roles/{answer.json()['id']}", f"/integration/messages/{message.pk}",
                 f"trace:starts=00-{TRACE}-", str(call.pk)):  # fmt: skip
        assert word in text, word
    assert f"/integration/gateway/calls/{call.pk}" in browser.get(f"/kernel/calls/{call.pk}").content.decode()
    assert f"trace:starts=00-{TRACE}-" in browser.get(f"/integration/messages/{message.pk}").content.decode()
    found = browser.get(f"/kernel/calls?trace:starts=00-{TRACE}-").content.decode()
    assert f"/kernel/calls/{call.pk}" in found
    assert browser.get(f"/integration/gateway/calls/{new_id()}").status_code == 404
    assert traces.trace_of(message.trace) == traces.trace_of(parent)
