"""A trace goes all the way: from a call or a partner's webhook to the event, its message, and whoever gets that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from banyan.integration import effects, performing
from banyan.integration.connecting import Incoming
from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Message
from banyan.integration.tests.conftest import PAGES
from banyan.integration.tests.telling import sell
from banyan.integration.tests.test_in import inward, pushed, read, role  # noqa: F401
from banyan.kernel.context import Context
from banyan.kernel.models import Outbox, Role
from banyan.lib import traces
from banyan.lib.ids import new_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_an_events_trace_is_in_its_message_and_the_partner_gets_the_messages_own_step(ctx, flow, partner):
    flow()
    step = traces.step(GIVEN, new_id())
    sell(ctx.with_(trace=step), (new_id(), 1))
    sell(ctx, (new_id(), 2))
    assert [one.trace for one in Outbox.objects.filter(type="test.sold").order_by("seq")] == [step, None]
    carry_until_quiet()
    first, second = Message.objects.order_by("seq")
    assert (first.trace, second.trace) == (step, None)
    assert [body.get("traceparent") for body in partner.bodies] == [step, None]


def test_a_filtered_flow_keeps_the_trace_too(ctx, flow):
    flow(filter="data.n > 3", sample=({"data": {"n": 4}}, {"data": {"n": 4}}))
    sell(ctx.with_(trace=GIVEN), (new_id(), 1), (new_id(), 7))
    assert set(Message.objects.values_list("state", "trace")) == {("filtered", GIVEN), ("waiting", GIVEN)}


def watched(usual: Callable, seen: list[str | None]) -> Callable:
    def execute(ctx: Context, *args: Any, **more: Any) -> Any:
        seen.append(ctx.trace)
        return usual(ctx, *args, **more)

    return execute


@pytest.fixture
def told(monkeypatch) -> list[str | None]:
    """Give the traces that the effects' commands ran in."""
    seen: list[str | None] = []
    for module in (effects, performing):
        monkeypatch.setattr(module, "execute", watched(module.execute, seen))
    return seen


@pytest.mark.parametrize(("header", "kept"), [(GIVEN, GIVEN), ("not a trace", None), (None, None)])
def test_a_webhooks_trace_is_kept_and_passed_to_its_effect(pushed, told, header, kept):  # noqa: F811
    body = dict(id=str(new_id()), code="R1", name_zh="一", name_en="One")
    assert pushed(body, **({"HTTP_TRACEPARENT": header} if header else {})).status_code == 200
    message = Message.objects.get()
    assert message.trace == kept
    carry_until_quiet()
    assert Role.objects.filter(code="R1").exists()
    assert told == [traces.step(GIVEN, message.pk) if kept else None]


def test_each_message_of_a_batch_tells_of_its_own_trace(inward, told):  # noqa: F811
    inward()
    PAGES["roles"] = [[
        Incoming(id=str(n), body=role(n).body, key=f"R{n}", trace=trace)
        for n, trace in enumerate((GIVEN, None, "nonsense", GIVEN))
    ]]  # fmt: skip
    read()
    carry_until_quiet()
    messages = list(Message.objects.order_by("seq"))
    assert [one.trace for one in messages] == [GIVEN, None, None, GIVEN]
    assert told == [traces.step(GIVEN, one.pk) if one.trace else None for one in messages]
