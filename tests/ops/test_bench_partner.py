"""The bench's partner takes what our webhooks send, and nothing that is not signed or not the event it is named."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from banyan.config.environ import CHECKOUT
from banyan.connectors.webhook.connector import packed
from banyan.connectors.webhook.settings import WebhookSettings
from banyan.connectors.webhook.signature import keys_of, signature
from banyan.integration.connecting import Outgoing
from banyan.lib.ids import new_id


@pytest.fixture
def partner(monkeypatch):
    monkeypatch.syspath_prepend(str(CHECKOUT / "bench"))
    import _receiver

    yield _receiver
    for name in ("_receiver", "_amqp"):
        sys.modules.pop(name, None)


def test_a_signed_event_is_taken_and_a_changed_or_renamed_one_is_refused(partner):
    out = Outgoing(id=new_id(), operation="event", body={"data": {"sent": 1700000000.5}}, key="K1",
                   type="bench.sold", at=datetime.now(UTC))  # fmt: skip
    body, _ = packed(WebhookSettings(), out)
    (key,) = keys_of(partner.SECRET)

    def answered(name: str, sent: bytes, signed: bytes) -> bytes:
        head = (f"POST /events HTTP/1.1\r\nWebhook-Id: {name}\r\nWebhook-Timestamp: 1700000000\r\n"
                f"Webhook-Signature: {signature(key, name, 1700000000, signed)}").encode()  # fmt: skip
        return partner.Receiver().answer(head, head.lower(), sent)

    name = str(out.id)
    assert answered(name, body, body).startswith(b"HTTP/1.1 200")
    assert partner.SEEN[name.encode()][0] == 1700000000.5
    assert b"the signature does not match" in answered(name, body.replace(b"K1", b"K2"), body)
    other = str(new_id())
    assert b"no CloudEvent of that id" in answered(other, body, body)
    assert list(partner.SEEN) == [name.encode()]
