"""The ways between an event, its deliveries and the record it happened to; from a user to where they are signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from banyan.kernel import registry
from banyan.kernel.context import Context
from banyan.kernel.models import Outbox
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label

Pages = tuple[tuple[str, Label, str], ...]


@answers("kernel.event.pages")
def of_event(ctx: Context, record: Mapping[str, Any]) -> Pages:
    """Give the ways from an event to its record and to its deliveries, where they may be read."""
    found = _record(ctx, record["noun"], record["record"])
    if ctx.may("kernel.delivery.read"):
        found += (("mail-forward", L("投递情况", "Deliveries"), f"/kernel/deliveries?event:in={record['id']}"),)
    return found


@answers("kernel.delivery.pages")
def of_delivery(ctx: Context, record: Mapping[str, Any]) -> Pages:
    """Give the way from a delivery to the record of its event, where it may be read."""
    event = Outbox.objects.only("noun", "record").get(pk=record["event"])
    return _record(ctx, event.noun, event.record)


@answers("kernel.user.pages")
def of_user(ctx: Context, record: Mapping[str, Any]) -> Pages:
    """Give the way from a user to their sessions, where they may be read."""
    if not ctx.may("kernel.session.read"):
        return ()
    address = f"/kernel/sessions?user:in={record['id']}&state:in=open"
    return (("device-desktop", L("登录着的设备", "Where they are signed in"), address),)


def _record(ctx: Context, key: str, record: Any) -> Pages:
    if not record or not registry.has_noun(key):
        return ()
    spec = registry.noun(key).spec
    return ((spec.icon, spec.label, f"/{spec.path}/{record}"),) if ctx.may(spec.permission("read")) else ()
