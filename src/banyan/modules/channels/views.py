"""Pages of the channels: all open orders by their clocks, and an order beside what came."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse

from banyan.kernel import reading, registry
from banyan.lib.errors import Invalid
from banyan.lib.labels import L, Label
from banyan.modules.channels import rules
from banyan.modules.channels.choices import REASONS, STATES
from banyan.modules.channels.commands.refunding import CREDIT_NOTE
from banyan.modules.channels.models import Difference, OrderBody
from banyan.web import acting, areas
from banyan.web.answers import page
from banyan.web.cells import Wording, badge, number, title_in

NOUN = "channels.order"
MOST = 200
OPEN = ("received", "held", "accepted", "allocated")
FILTERS = ("shop", "state", "hold", "has_difference")
COLUMNS = (
    "outside_number", "shop", "outside_state", "state", "hold", "has_difference", "buyer_name", "region", "city",
    "total_amount", "plant", "location", "part",
)  # fmt: skip
#: Of a difference the desk shows so much.
MOST_SAID = 80
DIFFERS = L("{what}：{ours} ≠ {theirs}", "{what}: {ours} ≠ {theirs}")
NEVER = datetime.max.replace(tzinfo=UTC)
#: Until when somebody has to act: the buyer who has not paid, else the one who ships.
DUE = Coalesce(
    Case(When(outside_state="placed", pay_by__isnull=False, then=F("pay_by")), default=F("ship_by")),
    Value(NEVER), output_field=DateTimeField(),
)  # fmt: skip

areas.screen(
    "channels.desk", L("订单工作台", "Order desk"), area="channels", path="/channels/desk", icon="clock",
    permission="channels.order.read",
)  # fmt: skip


def clock_words(due: datetime | None, now: datetime) -> tuple[str, Label] | None:
    """Give the tone and the words of a clock, None without one."""
    if due is None:
        return None
    left = rules.minutes_left(due, now)
    tone, words = rules.clock_tone(left), _words(abs(left))
    return tone, (L("剩 {t}", "{t} left") if left >= 0 else L("逾期 {t}", "{t} late")).filled({"t": words})


def _words(minutes: int) -> Label:
    if minutes < 60:
        return L("{n} 分", "{n} min").filled({"n": minutes})
    if minutes < 48 * 60:
        return L("{n} 小时", "{n} h").filled({"n": minutes // 60})
    return L("{n} 天", "{n} days").filled({"n": minutes // (24 * 60)})


def desk(request: HttpRequest) -> HttpResponse:
    """Give a page of the open orders of all shops, the clock that ends first before the others.

    Raises: Invalid for a cursor that is none
    """
    ctx, noun = request.ctx, registry.noun(NOUN)
    reading.require_read(ctx, noun)
    chosen = {name: request.GET.get(name, "") for name in FILTERS}
    filters = [(name, "eq", value) for name, value in chosen.items() if value]
    if not (chosen["state"] or chosen["has_difference"]):
        filters.append(("state", "in", ",".join(OPEN)))
    asked = reading.Query(filters=tuple(filters))
    count, is_more = reading.count_records(ctx, noun, asked)
    after = request.GET.get("after", "")
    dues, following = _by_clock(reading.matching(ctx, noun, asked), after)
    found = reading.list_records(ctx, noun, reading.Query(ids=tuple(dues), limit=MOST, columns=COLUMNS))
    rows = {UUID(row["id"]): row for row in found.rows}
    shops = reading.list_records(ctx, registry.noun("channels.shop"), reading.Query(limit=MOST, columns=("name",)))
    states = [one for one in STATES if one.key in OPEN]
    differing = _differing(noun, [key for key, row in rows.items() if row["has_difference"]])
    kept = {name: value for name, value in chosen.items() if value}
    return page(request, "channels/desk.html", {
        "area": areas.area_of("channels"),
        "rows": [
            _row(rows[key], due, found.titles, ctx.now, differing.get(key, ()))
            for key, due in dues.items() if key in rows
        ],
        "count": count, "is_more": is_more,
        "first": f"?{urlencode(kept)}" if after else "",
        "next": f"?{urlencode(kept | {'after': following})}" if following else "",
        "groups": [
            [
                *_group(chosen, "state", [(one.key, one.label) for one in states]),
                *_group(chosen, "has_difference", [("true", L("有差异", "Differs"))]),
            ],
            _group(chosen, "shop", [(str(row["id"]), row["name"]) for row in shops.rows]),
            _group(chosen, "hold", [(one.key, one.label) for one in REASONS]) if chosen["state"] == "held" else None,
        ],
        "may_match": ctx.may("channels.listing.match"),
    })  # fmt: skip


def _by_clock(orders: QuerySet, after: str) -> tuple[dict[UUID, datetime], str]:
    """Give a page of orders with their clocks, in order, and the cursor of the next page; empty at the end."""
    orders = orders.annotate(due=DUE)
    if after:
        due, key = _place(after)
        orders = orders.filter(Q(due__gt=due) | Q(due=due, pk__gt=key))
    found = list(orders.order_by("due", "pk").values_list("pk", "due")[: MOST + 1])
    shown = dict(found[:MOST])
    if len(found) <= MOST:
        return shown, ""
    key, due = found[MOST - 1]
    return shown, base64.urlsafe_b64encode(f"{due.isoformat()} {key}".encode()).decode().rstrip("=")


def _place(after: str) -> tuple[datetime, UUID]:
    """Give the clock and the key that a cursor stands for. Raises: Invalid."""
    try:
        due, key = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode().split(" ")
        at = datetime.fromisoformat(due)
        if at.tzinfo is None:
            raise ValueError(due)
        return at, UUID(key)
    except ValueError:
        raise Invalid("cursor", L("翻页标记无效，请从第一页开始",
                                  "The cursor is not valid; start from the first page")) from None


def _group(chosen: Mapping[str, str], name: str, options: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Give the chips of a filter: pressing one that is on takes it away."""
    made = []
    for key, label in options:
        is_on = chosen[name] == key
        asked = {k: v for k, v in {**chosen, name: "" if is_on else key}.items() if v}
        made.append({"label": label, "is_on": is_on, "query": urlencode(asked)})
    return made


def _labels(noun: Any) -> dict[str, Label]:
    """Give what differences are about, in words."""
    return {field.key: field.label for field in noun.spec.fields} | {
        "lines": L("明细", "Lines"),
        CREDIT_NOTE: L("退款红字（发票可冲减、应冲减）", "Credit for refunds (left of the invoice, due)"),
    }  # fmt: skip


def _differing(noun: Any, orders: Sequence[UUID]) -> dict[UUID, list[Label]]:
    """Give what is to be decided about orders, in words. One statement, none for none."""
    labels: dict[str, Label] = _labels(noun)
    found: dict[UUID, list[Label]] = {}
    open_ = Difference.objects.filter(channel_order__in=orders, state="open").order_by("created_at") if orders else ()
    for one in open_:
        said = DIFFERS.filled({
            "what": labels.get(one.field, one.field), "ours": one.ours[:MOST_SAID] or "—",
            "theirs": one.theirs[:MOST_SAID] or "—",
        })  # fmt: skip
        found.setdefault(one.channel_order_id, []).append(said)
    return found


def _row(
    row: Mapping[str, Any], due: datetime, titles: Any, now: datetime, differs: Sequence[Label]
) -> dict[str, Any]:
    unpaid = row["outside_state"] == "placed"
    clock = clock_words(due, now) if due != NEVER and row["state"] in OPEN else None
    return {
        "path": f"/channels/orders/{row['id']}", "number": row["outside_number"], "part": row["part"],
        "shop": title_in(titles, "channels.shop", row["shop"]), "clock": clock, "is_unpaid": unpaid,
        "state": badge(STATES, row["state"]), "hold": badge(REASONS, row["hold"]) if row["hold"] else "",
        "has_difference": row["has_difference"], "differs": differs, "buyer": row["buyer_name"],
        "where": " ".join(one for one in (row["region"], row["city"]) if one),
        "total": number(row["total_amount"], places=2),
        "place": title_in(titles, "inventory.location", row["location"]) if row["location"]
        else title_in(titles, "company.plant", row["plant"]),
    }  # fmt: skip


def _due(row: Mapping[str, Any]) -> datetime | None:
    """Give what `DUE` gives, None without a clock."""
    by = row["pay_by"] if row["outside_state"] == "placed" and row["pay_by"] else row["ship_by"]
    return _instant(by)


def _instant(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def original(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give an order as we understand it beside what came, and what the two say differently."""
    ctx, noun = request.ctx, registry.noun(NOUN)
    row = reading.read_record(ctx, noun, key)
    wording = Wording(ctx.language, acting.zone_of(request), ctx)
    bodies = list(
        OrderBody.objects.filter(
            channel_order__shop=row["shop"], channel_order__outside_number=row["outside_number"]
        ).order_by("-no")
    )  # fmt: skip
    wanted = request.GET.get("no", "")
    shown = next((one for one in bodies if str(one.no) == wanted), bodies[0] if bodies else None)
    differences = Difference.objects.filter(channel_order=key).order_by("state", "-created_at")
    labels = _labels(noun)
    return page(request, "channels/original.html", {
        "area": areas.area_of("channels"), "row": row, "path": f"/channels/orders/{key}",
        "state": badge(STATES, row["state"]), "hold": badge(REASONS, row["hold"]) if row["hold"] else "",
        "clock": clock_words(_due(row), ctx.now) if row["state"] in OPEN else None,
        "facts": _facts(noun, row, wording),
        "lines": [_line(one) for one in row["lines"]],
        "differences": [
            {"what": labels.get(one.field, one.field), "ours": one.ours, "theirs": one.theirs, "note": one.note,
             "path": f"/channels/differences/{one.pk}", "is_open": one.state == "open"}
            for one in differences
        ],
        "versions": [(one.no, one.outside_version, wording.instant(one.at), one is shown) for one in bodies],
        "body": _laid_out(shown.body) if shown else "",
        "digest": shown.digest if shown else "",
    })  # fmt: skip


def _laid_out(body: str) -> str:
    """Give JSON with a name in each line, other text as it is."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body


UNDERSTOOD = (
    "buyer", "buyer_name", "phone", "country", "region", "city", "address", "postcode", "remark", "seller_note",
    "ordered_at", "paid_at", "ship_by", "goods_amount", "discount_amount", "freight_amount", "total_amount",
)  # fmt: skip


def _facts(noun: Any, row: Mapping[str, Any], wording: Wording) -> list[tuple[Label, Any]]:
    return [
        (noun.spec.field(name).label, wording.html(noun.spec.field(name), row[name], {}))
        for name in UNDERSTOOD if row[name] not in (None, "")
    ]  # fmt: skip


def _line(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sku": one["sku"], "title": one["title"], "quantity": number(one["quantity"]),
        "amount": number(one["amount"], places=2), "is_known": one["listing"] is not None,
        "listing": f"/channels/listings/{one['listing']}" if one["listing"] else "",
    }  # fmt: skip
