"""The gateway in the menu, the description of events on the interface, and the ways between a call and its messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from banyan.integration.gateway import asyncapi  # noqa: F401  serves its address
from banyan.kernel.context import Context
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label
from banyan.lib.traces import trace_of
from banyan.web import areas

READ = "kernel.client.read"
Pages = tuple[tuple[str, Label, str], ...]

areas.screen(
    "integration.gateway", L("接口网关", "Gateway"), area="integration", path="/integration/gateway", icon="api",
    permission=READ, order=12,
)  # fmt: skip
areas.screen(
    "integration.events", L("事件目录", "Events"), area="integration", path="/integration/gateway/events",
    icon="activity", permission=READ, order=13,
)  # fmt: skip


@answers("kernel.call.pages")
def of_call(ctx: Context, record: Mapping[str, Any]) -> Pages:
    """Give the way from a call to what came of it."""
    return (("route", L("审计与消息", "Audit and messages"), call_page(record["id"])),)


@answers("integration.message.pages")
def of_message(ctx: Context, record: Mapping[str, Any]) -> Pages:
    """Give the way from a message to the calls of its trace, where there is one and they may be read."""
    if not record.get("trace") or not ctx.may("kernel.call.read"):
        return ()
    return (("list-search", L("同一追踪的调用", "Calls of the trace"), calls_of(record["trace"])),)


def call_page(key: Any) -> str:
    """Give the address of a call with what came of it."""
    return f"/integration/gateway/calls/{key}"


def calls_of(traceparent: str) -> str:
    """Give the address of the list of calls of a trace."""
    return f"/kernel/calls?trace:starts={trace_of(traceparent)}"
