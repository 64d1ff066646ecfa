"""The webhook connector: CloudEvents out and in, signed by the Standard Webhooks scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import orjson

from banyan.connectors.webhook.settings import WebhookSettings
from banyan.connectors.webhook.signature import check, keys_of, signature
from banyan.integration import clocks
from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Incoming,
    Operation,
    Outgoing,
    Received,
    Reply,
    Sent,
    connector,
    refusal_of,
)  # fmt: skip
from banyan.integration.guard import excerpt, too_large
from banyan.integration.templates import as_text, at
from banyan.lib.labels import L

MOST_REPLY = 100_000


@connector
class Webhook(Connector):
    """Tells a partner's address what happens here, and takes what the partner tells."""

    key: ClassVar[str] = "webhook"
    label = L("签名 Webhook", "Signed webhook")
    help = L("按 Standard Webhooks 签名收发 CloudEvents", "CloudEvents both ways, signed by Standard Webhooks")
    settings = WebhookSettings
    secrets: ClassVar[tuple[str, ...]] = ("signing_secret",)

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give `event`, by which all can be told, and each type the settings name."""
        both = frozenset({"send", "receive"})
        return (
            Operation("event", L("任何事件", "Any event"), both),
            *(Operation(each, L(each, each), both) for each in connection.settings.operations),
        )

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Tell one event. Raises: Failed; 410 says that nobody listens there any more."""
        settings: WebhookSettings = connection.settings
        if not settings.address:
            raise Failed("refused", L("未填写通知地址", "No address has been entered"))
        body, headers = packed(settings, out)
        if out.traceparent:
            headers["traceparent"] = out.traceparent
        seconds = int(connection.now.timestamp())
        headers |= {
            "webhook-id": str(out.id), "webhook-timestamp": str(seconds),
            "webhook-signature": " ".join(
                signature(key, str(out.id), seconds, body) for key in keys_of(connection.secret("signing_secret"))
            ),
        }  # fmt: skip
        answer = connection.http.request(
            "POST", settings.address, headers={**settings.headers, **headers}, body=body,
            timeout=connection.timeout, most_bytes=MOST_REPLY,
        ).checked()  # fmt: skip
        return Sent(_reply(answer), str(answer.status))

    def receive(self, connection: Connection, operation: str, request: Received) -> tuple[Incoming, ...]:
        """Check signature, age and size, and give the events told. Raises: Failed: forged, too_large, validation."""
        settings: WebhookSettings = connection.settings
        if len(request.body) > settings.most_bytes:
            raise too_large(settings.most_bytes)
        headers = {name.lower(): value for name, value in request.headers.items()}
        message_id = headers.get("webhook-id", "")
        check(
            keys_of(connection.secret("signing_secret")), message_id, headers.get("webhook-timestamp", ""),
            headers.get("webhook-signature", ""), request.body, connection.now, settings.tolerance,
        )  # fmt: skip
        return taken(settings, operation, message_id, headers, request.body)

    def answer(self, connection: Connection, operation: str, taken: int, fault: Failed | None) -> Reply:
        """Give 204 for what is kept; the partner tries again on every other answer."""
        if fault is None:
            return Reply(b"", 204)
        status = {"forged": 401, "too_large": 413, "throttled": 429, "validation": 400, "mapping": 422}.get(fault.kind)
        return Reply(refusal_of(fault), status or (503 if fault.is_passing else 422))

    def health(self, connection: Connection) -> Health:
        """Say whether the address may be spoken to and the secret can be used; nothing is sent."""
        try:
            keys_of(connection.secret("signing_secret"))
            if connection.settings.address:
                connection.http.check(connection.settings.address)
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh, en or zh))
        return Health(True, L("地址与密钥有效；未发送通知", "Address and secret are in order; nothing was sent"))


def packed(settings: WebhookSettings, out: Outgoing) -> tuple[bytes, dict[str, str]]:
    """Give body and headers of an event: structured, binary (CloudEvents 1.0, HTTP binding) or the bare data."""
    if settings.mode == "plain":
        return orjson.dumps(out.body), {"Content-Type": "application/json; charset=utf-8"}
    event = {"specversion": "1.0", "id": str(out.id), "source": settings.source, "type": out.type or out.operation}
    if out.at is not None:
        event["time"] = clocks.written(out.at, "iso_ms")
    if out.key:
        event["subject"] = out.key
    if out.trace:
        event["traceparent"] = out.trace
    if settings.mode == "structured":
        whole = {**event, "datacontenttype": "application/json", "data": out.body}
        return orjson.dumps(whole), {"Content-Type": "application/cloudevents+json; charset=utf-8"}
    headers = {f"ce-{name}": quote(value, safe=" !#$&'()*+,/:;<=>?@[\\]^_`{|}~.-") for name, value in event.items()}
    return orjson.dumps(out.body), {"Content-Type": "application/json; charset=utf-8", **headers}


def taken(
    settings: WebhookSettings, operation: str, message_id: str, headers: Mapping[str, str], body: bytes
) -> tuple[Incoming, ...]:
    """Give the messages of a checked body: a structured event, a batch of them, a binary event, or bare JSON."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Failed(
            "validation",
            L("正文不是 UTF-8 的 JSON：{start}", "The body is no JSON in UTF-8: {start}").filled(
                {"start": excerpt(body, most=80)}
            ),
        ) from None
    if kind == "application/cloudevents-batch+json":
        if not isinstance(said, list):
            raise _malformed("[]")
        return tuple(_event(settings, each, f"{message_id}.{index}") for index, each in enumerate(said))
    if kind == "application/cloudevents+json":
        return (_event(settings, said, message_id),)
    raw = body.decode()
    if "ce-specversion" in headers:
        event = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        return (_event(settings, {**event, "data": said}, message_id, raw),)
    found = at(said, settings.type_path)
    key = as_text(at(said, settings.key_path)) if settings.key_path else ""
    when = _instant(at(said, "timestamp"))
    return (Incoming(message_id, said, key, as_text(found) or operation, when, raw),)


def _event(settings: WebhookSettings, event: Any, message_id: str, raw: str = "") -> Incoming:
    if not isinstance(event, Mapping) or event.get("specversion") != "1.0":
        raise _malformed("specversion")
    for name in ("id", "source", "type"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise _malformed(name)
    key = as_text(at(event, settings.key_path)) if settings.key_path else as_text(event.get("subject"))
    return Incoming(
        message_id, event.get("data"), key, event["type"], clocks.read(event.get("time")),
        raw or orjson.dumps(event).decode(), trace=as_text(event.get("traceparent")),
    )  # fmt: skip


def _instant(value: Any) -> datetime | None:
    try:
        return clocks.read(value) if isinstance(value, str) else None
    except Failed:
        return None


def _malformed(what: str) -> Failed:
    return Failed(
        "validation", L("不是有效的 CloudEvent：{what}", "No valid CloudEvent: {what}").filled({"what": what})
    )


def _reply(answer: Any) -> Any:
    if not answer.body.strip():
        return None
    try:
        return answer.json()
    except Failed:
        return None
