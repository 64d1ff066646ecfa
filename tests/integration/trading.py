"""A buyer that confirms our orders by webhook, and a carrier that is told of it: what a trace goes through."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
from django.test import Client

from banyan.connectors.webhook.signature import keys_of, signature
from banyan.integration.engine import carry_until_quiet
from banyan.kernel import dispatcher
from banyan.lib.ids import new_id
from banyan.modules.sales.models import Order
from tests.integration.shop import Integrator
from tests.plugins.server import robot_token
from tests.plugins.world import World

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
THEIRS = "00f067aa0ba902b7"
GIVEN, UNWANTED = f"00-{TRACE}-{THEIRS}-01", f"00-{TRACE}-{THEIRS}-00"
#: What is to be seen nowhere: a signing secret, a collector's key, a note on an order, who the customer is.
WORD = base64.b64encode(b"neither-seen-nor-told-0123456789").decode()
HOOK = "/hooks/BUYER/event"
SECRET, KEY, NOTE = f"whsec_{WORD}", "key-of-the-collector", "13800138000"


class Trade:
    """A buyer that confirms our orders by webhook, and a carrier that is told of it by another."""

    def __init__(self, ctx: Any, url: str) -> None:
        self.ctx, self.world = ctx, World(ctx)
        hand = self.hand = Integrator(ctx)
        self.token = robot_token()
        account = hand.account("sales.*")
        buyer = hand.system("BUYER", "webhook", {}, {"signing_secret": SECRET}, account=account)
        carrier = hand.system("CARRIER", "webhook", {"address": f"{url}/told"}, {"signing_secret": SECRET})
        hand.flow(buyer, "CONFIRM", {"records_of": "SO-1"}, direction="in", trigger="webhook",
                  detail={"operation": "event"}, target="sales.order.confirm")  # fmt: skip
        hand.flow(carrier, "TELL", {"a": 1}, direction="out", trigger="event",
                  detail={"events": ["sales.order_confirmed"]}, target="event")  # fmt: skip

    def order(self) -> Order:
        """Make a draft of an order."""
        return self.world.make(
            "sales.order", party=self.world.customer, plant=self.world.plant, customer_reference=NOTE,
            lines=[{"item": self.world.part, "quantity": "1", "price": "10"}],
        )  # fmt: skip

    def push(self, body: dict[str, Any], **headers: str) -> int:
        """Let the buyer tell us something, signed; give our answer's status."""
        sent, signed = packed(body)
        return Client().post(HOOK, sent, content_type="application/json", headers={**signed, **headers}).status_code

    def call(self, path: str, **headers: str) -> Any:
        """Let a program call our interface."""
        given = {"Authorization": f"Bearer {self.token}", **headers}
        return Client().post(f"/api/v1/{path}", b"", content_type="application/json", headers=given)

    def carry(self) -> None:
        """Let everything happen that is due."""
        carry_until_quiet()
        dispatcher.wait_until_quiet()
        carry_until_quiet()


def packed(body: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Give what the buyer sends, and the headers that sign it."""
    sent, name, at = orjson.dumps(body), str(new_id()), int(datetime.now(UTC).timestamp())
    return sent, {"webhook-id": name, "webhook-timestamp": str(at),
                  "webhook-signature": signature(keys_of(SECRET)[0], name, at, sent)}  # fmt: skip
