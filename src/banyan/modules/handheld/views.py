"""The warehouse phone's interface: a shift's data, and what needs the balances of this moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from pydantic import Field

from banyan.kernel import registry, schema
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.schema import Input, Text, field
from banyan.lib.errors import Invalid
from banyan.lib.labels import L
from banyan.modules.company.queries import default_plant, plant
from banyan.modules.handheld import queries
from banyan.modules.handheld.errors import CodeUnknown
from banyan.modules.production.models import Material, WorkOrder
from banyan.modules.sales.models import Shipment, ShipmentLine
from banyan.modules.station.entry import body_of, interface, seat_of_request, unless_known
from banyan.web import codes
from banyan.web.printing.labels import known_size
from banyan.web.printing.press import Order, print_order

#: Labels that a phone prints: of what is at hand in a warehouse.
LABELLED = ("inventory.lot", "inventory.location", "items.item")
MOST_LABELS = 200


def _ctx(request: HttpRequest, language: str) -> Context:
    return seat_of_request(request).context(timezone.now(), language)


@interface("GET")
def day(request: HttpRequest, language: str) -> Any:
    """Give what somebody in the warehouse needs for the shift; nothing where the device has it already (ETag)."""
    ctx = _ctx(request, language)
    ctx.require("inventory.location.read")
    here = plant(ctx.plant) if ctx.plant else default_plant()
    return unless_known(request, queries.day(ctx, here.day(ctx.now)), ctx.now)


class Doing(Input):
    """Something done now: its key, made by the device, what it is, the record it is done to."""

    id: UUID = field("标识", "Key")
    kind: Annotated[Text, Field(max_length=20)] = field("类型", "Kind")
    record: UUID | None = field("单据", "Record", None)
    data: dict[str, Any] = field("内容", "Content", default_factory=dict)


def _nothing(ctx: Context, doing: Doing) -> dict[str, Any]:
    return {}


def _walk_of_order(ctx: Context, doing: Doing) -> dict[str, Any]:
    return queries.walk_of_order(UUID(str(doing.data.get("work_order"))))


def _walk_of_prepared(ctx: Context, doing: Doing) -> dict[str, Any]:
    """Give the walk of the shipment that was prepared for an order."""
    made = Shipment.objects.filter(order=doing.record, state="draft").order_by("-created_at").first()
    return (queries.walk_of_shipment(made.pk) | {"shipment": str(made.pk)}) if made else {"steps": [], "missing": []}


def _walk_again(ctx: Context, doing: Doing) -> dict[str, Any]:
    """Give the walk on which another lot is to be fetched now."""
    told = doing.data
    if line := told.get("shipment_line"):
        return queries.walk_of_shipment(ShipmentLine.objects.values_list("shipment", flat=True).get(pk=line))
    return queries.walk_of_order(Material.objects.values_list("work_order", flat=True).get(pk=told["material"]))


@dataclass(frozen=True, slots=True)
class Live:
    """What is done at once: the command, and what the phone is told when it is done."""

    command: str
    told: Callable[[Context, Doing], dict[str, Any]] = _nothing


LIVE: Mapping[str, Live] = {
    "pick": Live("handheld.pick.start", _walk_of_order),
    "issue": Live("production.work_order.issue"),
    "return": Live("production.work_order.return_material"),
    "borrow": Live("handheld.borrow.borrow"),
    "prepare": Live("sales.order.pick", _walk_of_prepared),
    "ship": Live("sales.shipment.ship"),
    "ship_part": Live("sales.shipment.ship_part"),
    "other_lot": Live("handheld.other_lot.take", _walk_again),
    "count_start": Live("inventory.count.start"),
    "count_post": Live("inventory.count.post"),
}


@interface("POST")
def act(request: HttpRequest, language: str) -> Any:
    """Do what needs the balances of this moment; the same key again does nothing more and is answered alike."""
    ctx = _ctx(request, language)
    doing = schema.parse(Doing, body_of(request))
    live = LIVE.get(doing.kind)
    if live is None:
        raise Invalid("handheld.unknown_act", L("未知的操作 {kind}", "Unknown act {kind}"), {"kind": doing.kind})
    ids = [doing.record] if doing.record else []
    keyed = ctx.with_(key=f"live:{doing.id}", device_at=None)
    execute(keyed, registry.command(live.command), ids=ids, data=doing.data or None)
    return {"id": str(doing.id), "done": True} | live.told(ctx, doing)


def _key(request: HttpRequest, name: str) -> UUID:
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        raise Invalid(fields={name: L("须为标识", "must be a key")}) from None


@interface("GET")
def shipment(request: HttpRequest, language: str) -> Any:
    """Give the walk of a shipment that is prepared."""
    ctx, key = _ctx(request, language), _key(request, "id")
    ctx.require("sales.shipment.ship")
    if not Shipment.objects.filter(pk=key, plant=ctx.plant).exists():
        raise CodeUnknown(code=str(key))
    return queries.walk_of_shipment(key) | {"shipment": str(key)}


@interface("GET")
def held(request: HttpRequest, language: str) -> Any:
    """Give what a work order has of its materials."""
    ctx, key = _ctx(request, language), _key(request, "id")
    ctx.require("production.work_order.read")
    _own(ctx, key)
    return {"lines": queries.held(key, ctx.plant)}


@interface("GET")
def lenders(request: HttpRequest, language: str) -> Any:
    """Give what a work order needs, and which others could lend it."""
    ctx, key = _ctx(request, language), _key(request, "id")
    ctx.require("handheld.borrow.borrow")
    _own(ctx, key)
    return {"items": queries.lenders(key, ctx.plant)}


def _own(ctx: Context, order: UUID) -> None:
    if not WorkOrder.objects.filter(pk=order, plant=ctx.plant).exists():
        raise CodeUnknown(code=str(order))


@interface("GET")
def look(request: HttpRequest, language: str) -> Any:
    """Give what a scanned text names, and what lies of it or in it now. Raises: CodeUnknown."""
    ctx, text = _ctx(request, language), request.GET.get("text", "").strip()[:300]
    ctx.require("inventory.balance.read")
    scanned = codes.parse(text)
    if scanned is not None and scanned.id:
        hits = [{"noun": scanned.noun, "id": str(scanned.id)}]
    else:
        hits = queries.named(scanned.code if scanned else text, ctx.plant)
    if not hits:
        raise CodeUnknown(code=text[:60])
    return {"hits": hits, "lies": queries.lies(UUID(hits[0]["id"]), ctx.plant)}


@interface("POST")
def label(request: HttpRequest, language: str) -> Any:
    """Give labels as a PDF, in the phone's size. Raises: NotAllowed, NotFound, SizeUnknown."""
    ctx, body = _ctx(request, language), body_of(request)
    noun = str(body.get("noun"))
    if noun not in LABELLED:
        raise Invalid("handheld.no_label", L("没有这种标签", "There is no such label"))
    ids = body.get("ids")
    copies = body.get("copies", 1)
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_LABELS or not isinstance(copies, int):
        raise Invalid("handheld.no_label", L("没有这种标签", "There is no such label"))
    keys = tuple(str(schema.parse(_Key, {"id": one}).id) for one in ids)
    paper = print_order(ctx, Order(
        noun=noun, ids=keys, layout="label", language=language, copies=max(1, min(copies, MOST_LABELS)),
        site=request.build_absolute_uri("/").rstrip("/"), size=known_size(str(body.get("size") or "")),
    ))  # fmt: skip
    return HttpResponse(paper.content, content_type="application/pdf")


class _Key(Input):
    id: UUID = field("标识", "Key")
