"""Production's own pages: an order as designed, planned and built, and the temporary card."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from banyan.kernel import reading, registry
from banyan.kernel.commands import audits_refusals, execute
from banyan.kernel.context import Context
from banyan.kernel.records import titles
from banyan.lib.errors import FieldFaults
from banyan.lib.labels import L
from banyan.modules.company.queries import default_plant, plants
from banyan.modules.equipment.models import WorkCentre
from banyan.modules.people.queries import employees_by_id, team_members
from banyan.modules.production import comparing, queries
from banyan.modules.production.commands.cards import make_card
from banyan.modules.production.commands.revising import CHANGES, Difference, difference
from banyan.modules.production.models import AT_WORK, WorkOrder
from banyan.web import acting, areas
from banyan.web.answers import go, page

ORDER = "production.work_order"
MOST_STEPS = 50

def three_views(request: HttpRequest, key: UUID) -> HttpResponse:
    """Show an order as designed, planned and built, or with `revision` what those in force `on` a day would change."""
    ctx = request.ctx
    noun = registry.noun(ORDER)
    record = reading.read_record(ctx, noun, key, expand=False, without=[line.key for line in noun.spec.lines])
    shown = {
        "record": record,
        "state": noun.spec.life.state(record["state"]),
        "item": record["part_name"] or titles("items.item", [UUID(record["item"])]).get(UUID(record["item"]), ""),
        "area": areas.area_of("production"),
        "here": f"/production/work_orders/{key}",
        "may_change": record["state"] in AT_WORK and ctx.may(f"{ORDER}.change_revision"),
    }
    if "revision" in request.GET:
        on, differs = _difference(ctx, record, request)
        changes = [(change, CHANGES[change.change]) for change in differs.changes]
        shown |= {"on": on.isoformat(), "differs": differs, "changes": changes}
        return page(request, "production/revision.html", shown)
    materials, operations = comparing.materials(key), comparing.operations(key)
    return page(request, "production/views.html", shown | {
        "parts": (
            (L("工序", "Operations"), operations), (L("用料", "Materials"), materials),
        ),
        "count": sum(line.is_different for line in (*materials, *operations)),
        "deviations": comparing.deviations(key, acting.zone_of(request)),
    })  # fmt: skip


def _difference(ctx: Context, record: dict[str, Any], request: HttpRequest) -> tuple[date, Difference]:
    """Give the day that is asked for, today without, and what its revisions would change. Raises: Invalid"""
    order = WorkOrder.objects.get(pk=record["id"])
    faults = FieldFaults()
    today = plants([order.plant_id])[0].day(ctx.now)
    text = request.GET.get("on", "")
    try:
        on = date.fromisoformat(text) if text else today
    except ValueError:
        faults.add("on", L("不是日期", "is no date"))
        on = today
    faults.refuse_if_any()
    return on, difference(order, on)


def card(request: HttpRequest) -> HttpResponse:
    """Give the form of a temporary card, or make the card: the part, its photo, the operations tapped, the people."""
    ctx = request.ctx
    ctx.require(f"{ORDER}.make_card", make_card.label)
    plant = ctx.plant or default_plant().id
    if request.method == "POST":
        with audits_refusals(ctx, make_card):
            data = _card(request)
        made = execute(ctx, make_card, data=data).ids[0]
        said = L("工艺卡已开，可以报工", "The card is made: report on it")
        return go(request, f"/production/work_orders/{made}", said)
    own = ctx.principal.employee
    me = employees_by_id([own]).get(own) if own else None
    return page(request, "production/card.html", {
        "area": areas.area_of("production"),
        "chips": queries.usual_operations(plant),
        "centres": WorkCentre.objects.filter(plant=plant, is_active=True).order_by("code"),
        "people": team_members([me.team])[me.team] if me and me.team else (),
        "plant": plant,
    })  # fmt: skip


def _card(request: HttpRequest) -> dict[str, Any]:
    """Give what the form says; chips come as "name|work centre" in the order of the taps, then what is typed only."""
    posted = request.POST
    turns = {text: turn for turn, text in enumerate(posted.get("taps", "").split("\n"))}
    tapped = sorted(posted.getlist("step")[:MOST_STEPS], key=lambda text: turns.get(text.strip(), len(turns)))
    steps = []
    for text in tapped:
        name, _, centre = text.rpartition("|")
        steps.append({"name": name, "work_centre": centre or None})
    typed = posted.get("more", "").replace("，", ",").replace("、", ",").replace("\n", ",")
    centre = posted.get("more_centre") or None
    steps += [{"name": one.strip(), "work_centre": centre} for one in typed.split(",") if one.strip()][:MOST_STEPS]
    said: dict[str, Any] = {
        name: posted[name].strip() for name in ("item", "part_name", "photo", "quantity", "note", "plant")
        if posted.get(name, "").strip()
    }  # fmt: skip
    return said | {"operations": steps, "people": [key for key in posted.getlist("people") if key]}
