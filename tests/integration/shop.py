"""A WooCommerce shop that keeps its own books, and the hand of an integrator who joins it to us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Sum
from django.test import Client

from banyan.integration import mappings, polling
from banyan.integration.engine import carry_until_quiet
from banyan.integration.models import Flow, Message, System
from banyan.integration.trying import outcome_of
from banyan.kernel import dispatcher, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.models import Role, RoleGrant, User, UserRole
from banyan.lib.ids import new_id
from banyan.modules.channels.jobs import offer_due
from tests.integration.partner import Asked, partner
from tests.partners.shops import CONNECTORS

SECRET, KEY, HOOK = "cs_1", "ck_1", "hook-secret"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{"


@dataclass
class WooShop:
    """REST API v3 as WooCommerce documents it. `script`: what is answered next, after the effect."""

    now: datetime
    url: str = ""
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)
    notes: dict[int, list[str]] = field(default_factory=dict)
    sold: dict[str, int] = field(default_factory=dict)
    script: list[Any] = field(default_factory=list)
    is_down: bool = False
    secret: str = SECRET
    calls: int = 0

    def place(self, sku: str, pieces: int, price: str, *, state: str = "processing") -> dict[str, Any]:
        """Take a buyer's order."""
        number = 1000 + len(self.orders)
        goods = Decimal(price) * pieces
        at = self.now.strftime("%FT%T")
        self.orders[number] = {
            "id": number, "number": str(number), "status": state, "currency": "CNY", "date_created_gmt": at,
            "date_modified_gmt": at, "date_paid_gmt": at if state == "processing" else None, "discount_total": "0.00",
            "shipping_total": "10.00", "total": f"{goods + 10:.2f}", "customer_note": "",
            "billing": {"email": f"buyer{number}@example.com", "phone": "13800000000"},
            "shipping": {"first_name": "明", "last_name": "王", "address_1": "文一路 1 号", "city": "杭州",
                         "state": "CN11", "postcode": "310012", "country": "CN"},
            "line_items": [{"id": number * 10, "sku": sku, "name": sku, "quantity": pieces, "price": float(price),
                            "subtotal": f"{goods:.2f}", "total": f"{goods:.2f}"}],
        }  # fmt: skip
        return self.orders[number]

    def change(self, number: int, state: str) -> dict[str, Any]:
        """Change an order's state, as the shopkeeper or the buyer does."""
        self.orders[number] = self.orders[number] | {
            "status": state, "date_modified_gmt": self.now.strftime("%FT%T"),
        }  # fmt: skip
        return self.orders[number]

    def answer(self, asked: Asked) -> Any:
        self.calls += 1
        if self.is_down:
            return None
        wanted = "Basic " + base64.b64encode(f"{KEY}:{self.secret}".encode()).decode()
        if asked.headers.get("authorization") != wanted:
            return 401, {"code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources."}
        said = self._said(asked)
        return self.script.pop(0) if self.script else said

    def _said(self, asked: Asked) -> Any:
        path = asked.path.removeprefix("/wp-json/wc/v3/").split("/")
        match asked.method, *path:
            case "GET", "orders":
                begin, end = (datetime.fromisoformat(asked.one(f"modified_{x}")) for x in ("after", "before"))
                rows = sorted(self.orders.values(), key=lambda one: one["date_modified_gmt"])
                moments = [datetime.fromisoformat(one["date_modified_gmt"]).replace(tzinfo=UTC) for one in rows]
                found = [one for one, at in zip(rows, moments, strict=True) if begin < at < end]
                return found[: int(asked.one("per_page"))]
            case "GET", "orders", number, "notes" if int(number) in self.orders:
                return [{"id": n, "note": text} for n, text in enumerate(self.notes.get(int(number), []))]
            case "POST", "orders", number, "notes" if int(number) in self.orders:
                self.notes.setdefault(int(number), []).append(asked.json["note"])
                return 201, {"id": 1, "note": asked.json["note"]}
            case "PUT", "orders", number if int(number) in self.orders:
                return self.change(int(number), asked.json["status"])
            case "GET", "products":
                goods = [
                    {"id": n, "sku": sku, "parent_id": 0, "type": "simple", "stock_quantity": self.stock[sku]}
                    for n, sku in enumerate(sorted(self.stock), start=1)
                ]  # fmt: skip
                wanted = asked.one("sku")
                return [one for one in goods if wanted in (None, one["sku"])] if asked.one("page") != "2" else []
            case "PUT", "products", number:
                sku = sorted(self.stock)[int(number) - 1]
                self.stock[sku] = int(asked.json["stock_quantity"])
                return {"id": int(number), "stock_quantity": self.stock[sku]}
        return 404, {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID."}

    def push(self, order: Mapping[str, Any], *, secret: str = HOOK) -> int:
        """Deliver a webhook about an order as it is given; give our answer's status."""
        body = json.dumps(order).encode()
        signed = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        return Client().post(
            "/hooks/WOO/orders", body, content_type="application/json", headers={"X-WC-Webhook-Signature": signed}
        ).status_code  # fmt: skip


@contextmanager
def open_shop(now: datetime, *skus: str) -> Iterator[WooShop]:
    """Have a shop open for business meanwhile."""
    shop = WooShop(now, stock=dict.fromkeys(skus, 0))
    with partner(shop.answer) as there:
        shop.url = there.url
        yield shop


class Integrator:
    """Makes systems and flows by the commands that the screens and REST have."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def do(self, key: str, *ids: Any, **data: Any) -> Any:
        return execute(self.ctx, registry.command(key), ids=ids, data=data or None)

    def account(self, *grants: str) -> str:
        """Make a program's account with just these grants."""
        user = User.objects.create(login=f"bus-{new_id().hex[-12:]}", name="接口", is_program=True)
        role = Role.objects.create(code=new_id().hex[-12:], name_zh="接口", name_en="Interface")
        RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=grant) for grant in grants)
        UserRole.objects.create(user=user, role=role)
        return str(user.pk)

    def system(
        self, code: str, connector: str, settings: Mapping[str, Any], secrets: Mapping[str, str], **more: Any
    ) -> Any:
        """Make a system, fill in its secrets, switch it on."""
        facts = dict(code=code, name=code, connector=connector, settings=settings, hosts=["127.0.0.1:*"],
                     timeout_seconds=1) | more  # fmt: skip
        key = self.do("integration.system.create", records=[facts]).ids[0]
        for name, value in secrets.items():
            self.do("integration.secret.set", system=str(key), name=name, value=value)
        self.do("integration.system.activate", key)
        return key

    def flow(self, system: Any, code: str, sample: Any, **facts: Any) -> Flow:
        """Make a flow, pin what the bench says of a sample, test it and switch it on."""
        given = dict(code=code, name=code, system=str(system), mapping={}) | facts
        key = self.do("integration.flow.create", records=[given]).ids[0]
        definition = {"filter": "", "mapping": mappings.frozen(given["mapping"])}
        output = outcome_of(definition, sample, System.objects.get(pk=system).code).value
        self.do("integration.sample.create", records=[dict(flow=str(key), name="样例", input=sample, output=output)])
        self.do("integration.flow.test", key)
        self.do("integration.flow.activate", key)
        return Flow.objects.get(pk=key)


def told(**data: Any) -> dict[str, Any]:
    """Give a sample of an event as flows get it."""
    return {"specversion": "1.0", "id": "e1", "type": "channels.x", "data": data}


def joined(hand: Integrator, shop: WooShop, code: str = "W1") -> Any:
    """Join a shop to us: orders polled and pushed, stock, waybills and states told. Gives the system's key."""
    account = hand.account("channels.order.receive")
    system = hand.system(
        "WOO", "woocommerce", {"address": shop.url, "consumer_key": KEY},
        {"consumer_secret": SECRET, "webhook_secret": HOOK}, account=account,
    )  # fmt: skip
    sample = samples("woocommerce", "order.json")
    orders = dict(direction="in", target="channels.order.receive",
                  mapping={"preset": "woocommerce.orders", "settings": {"shop": code}})  # fmt: skip
    hand.flow(system, "ORDERS", sample, trigger="poll", detail={"operation": "orders", "every": 60}, **orders)
    hand.flow(system, "PUSHED", sample, trigger="webhook", detail={"operation": "orders"}, **orders)
    out = dict(direction="out", trigger="event")
    hand.flow(
        system, "STOCK", told(shop=code, sku="A-1", quantity="4"), target="stock", order="newest",
        detail={"events": ["channels.offer_changed"]}, filter=f'data.shop = "{code}"',
        mapping=table(("sku", "data.sku", ""), ("stock_quantity", "data.quantity", "number")), **out,
    )  # fmt: skip
    ship = dict(shop=code, outside_number="1000", tracking_number="SF1", is_reversed=False, is_last=True)
    hand.flow(
        system, "WAYBILL", told(**ship), target="note", detail={"events": ["channels.shipment_told"]},
        filter=f'data.shop = "{code}" and not data.is_reversed',
        mapping=table(("id", "data.outside_number", ""), ("note", "data.tracking_number", "")), **out,
    )  # fmt: skip
    hand.flow(
        system, "SHIPPED", told(**ship), target="state", detail={"events": ["channels.shipment_told"]},
        filter=f'data.shop = "{code}" and data.is_last and not data.is_reversed',
        mapping=table(("id", "data.outside_number", ""), ("status", "=completed", "")), **out,
    )  # fmt: skip
    return system


def samples(connector: str, name: str) -> Any:
    """Give a payload that comes with a connector."""
    return json.loads((CONNECTORS / connector / "payloads" / name).read_text(encoding="utf-8"))


def table(*lines: tuple[str, str, str]) -> dict[str, Any]:
    """Write a small mapping table: target, source (or `=` and a fixed text), converter."""
    fields = []
    for target, source, converter in lines:
        line = {"target": target, "required": True}
        line |= {"default": source[1:]} if source.startswith("=") else {"source": source}
        fields.append(line | ({"converter": converter} if converter else {}))
    return {"format": 1, "code": "t", "fields": fields}


def _hear() -> None:
    """Let listeners hear, and offers follow as the worker's job would make them."""
    dispatcher.wait_until_quiet()
    if offer_due():
        dispatcher.wait_until_quiet()


def carry(now: datetime) -> None:
    """Let everything happen that is due by then: reading, executing, telling, sending."""
    seen: Any = None
    for _ in range(40):
        while polling.read_due(now):
            pass
        _hear()
        carry_until_quiet(now)
        _hear()
        # What an open breaker holds back stays due: it is over when nothing has moved.
        before, seen = seen, Message.objects.aggregate(n=Count("pk"), s=Sum("attempts"), at=Max("done_at"))
        if seen == before:
            return
    raise TimeoutError("it does not come to rest")


def carry_over(shop: WooShop, span: timedelta, step: timedelta) -> None:
    """Let a span of time pass in steps."""
    end = shop.now + span
    while shop.now < end:
        shop.now += step
        carry(shop.now)
