"""Pages of the trace: find a lot, and see what lies before and behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from banyan.kernel import reading, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.lib.labels import L, Label, plain
from banyan.modules.engineering import capture
from banyan.modules.inventory.starts import STOP_REASONS
from banyan.modules.production.nouns import REPORT_KINDS
from banyan.modules.trace.lanes import lanes_of, much
from banyan.modules.trace.lists import SECTIONS, Row, rows_of, spoken
from banyan.modules.trace.queries import LOT, MOST_REPORTS, Picture, Worked, may_hold, picture
from banyan.web import acting, areas, codes
from banyan.web.answers import go, page, part
from banyan.web.cells import Wording, number, title_in

MOST_HITS = 40
BEGIN = "trace.recall.begin"
_KINDS = {one.key: one for one in REPORT_KINDS}


def start(request: HttpRequest) -> HttpResponse:
    """Ask for a lot or serial number; what was scanned or typed exactly opens at once."""
    ctx, text = request.ctx, request.GET.get("text", "").strip()[:200]
    noun = registry.noun(LOT)
    reading.require_read(ctx, noun)
    scanned = codes.parse(text) if text else None
    if scanned and scanned.noun == LOT and scanned.id:
        return redirect(f"/trace/lots/{scanned.id}")
    term = scanned.code if scanned else text
    hits = _hits(ctx, term) if term else []
    if len(hits) == 1:
        return redirect(hits[0]["path"])
    return page(request, "trace/start.html", {"text": text, "hits": hits, "area": areas.area_of("inventory")})


def _hits(ctx: Context, term: str) -> list[dict[str, Any]]:
    """Give the lots of that very number, else those that it is found in."""
    noun = registry.noun(LOT)
    for query in (
        reading.Query(filters=(("number", "eq", term),), limit=MOST_HITS),
        reading.Query(search=term, limit=MOST_HITS),
    ):
        found = reading.list_records(ctx, noun, query)
        if found.rows:
            break
    return [
        {
            "path": f"/trace/lots/{row['id']}", "number": row["number"], "state": noun.spec.life.state(row["state"]),
            "item": title_in(found.titles, "items.item", row["item"]),
        }
        for row in found.rows
    ]  # fmt: skip


def of_lot(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give a lot in the middle, its origins to one side and its whereabouts to the other, and what they say."""
    ctx = request.ctx
    found = picture(ctx, key)
    wording = Wording(ctx.language, acting.zone_of(request), ctx)
    lot, rows = found.lot, list(rows_of(found))
    states = registry.noun(LOT).spec.life
    return page(request, "trace/lot.html", {
        "lot": lot,
        "item_name": spoken(lot.name, lot.name_en),
        "state": states.state(lot.state),
        "states": {one.key: one for one in states.states},
        "area": areas.area_of("inventory"),
        "here": f"/inventory/lots/{key}",
        "facts": _facts(found, wording),
        "lanes": lanes_of(found),
        "up_count": len(found.up.steps), "down_count": len(found.down.steps),
        "is_cut": found.up.is_cut or found.down.is_cut,
        "parts": [_part(section, rows, wording) for section in SECTIONS if any(r.section == section for r in rows)],
        "came": [_came(found, one, wording) for one in found.came],
        "worked": [_worked(found, one, wording) for one in found.worked],
        "is_more_worked": len(found.worked) >= MOST_REPORTS,
        "recalls": [(f"/trace/recalls/{k}", n, _RECALL[s]) for k, n, s in found.recalls],
        "may_hold": may_hold(ctx) and not any(s == "open" for _, _, s in found.recalls),
        "reasons": STOP_REASONS,
        "pdf": f"/print/inventory/lots/{key}.pdf?layout=recall_list",
        "xlsx": f"/queries/trace.recall_list/export.xlsx?lot={key}",
    })  # fmt: skip


def hold(request: HttpRequest, key: UUID) -> HttpResponse:
    """Hold a lot with all that was made of it; asked by GET, give the dialog that takes a reason in words."""
    ctx = request.ctx
    ctx.require(BEGIN, registry.command(BEGIN).label)
    lot = reading.read_record(ctx, registry.noun(LOT), key)
    if request.method != "POST":
        return part(request, "trace/hold.html", {"key": key, "number": lot["number"]})
    reason = request.POST.get("reason", "").strip()
    (recall,) = execute(ctx, registry.command(BEGIN), data={"lot": key, "reason": reason}).value
    note = L("已冻结并召回：{number}", "Held and recalled: {number}").filled({"number": recall.number})
    return go(request, f"/trace/recalls/{recall.pk}", note)


_RECALL = {"open": L("进行中", "open"), "closed": L("已关闭", "closed")}


def _facts(found: Picture, wording: Wording) -> list[tuple[Label, str, str]]:
    lot = found.lot
    order = found.orders.get(lot.origin) if lot.origin else None
    made = [
        (L("状态原因", "Reason"), lot.reason if lot.state != "released" else "", ""),
        (L("冻结于", "Stopped at"), wording.instant(lot.stopped_at) if lot.stopped_at else "", ""),
        (L("工单", "Work order"), order.number if order else "",
         wording.path_of("production.work_order", order.id) if order else ""),
        (L("供应商批号", "Supplier's lot"), lot.supplier_lot, ""),
        (L("炉号", "Heat number"), lot.heat_number, ""),
        (L("生产日期", "Made on"), wording.day(lot.made_on) if lot.made_on else "", ""),
        (L("有效期至", "Expires on"), wording.day(lot.expires_on) if lot.expires_on else "", ""),
    ]  # fmt: skip
    return [(label, text, path or "") for label, text, path in made if text]


def _part(section: str, rows: list[Row], wording: Wording) -> dict[str, Any]:
    mine = [row for row in rows if row.section == section]
    return {
        "key": "customers" if section == "customer" else section, "label": SECTIONS[section],
        "is_customers": section == "customer", "count": len(mine),
        "parties": len({row.party for row in mine}),
        "rows": [
            {
                "row": row, "quantity": much(row.quantity, row.lot), "on": wording.day(row.on) if row.on else "",
                "path": wording.path_of(row.noun, row.id) if row.id else "",
                "item": f"{row.lot.code} {spoken(row.lot.name, row.lot.name_en)}",
                "lot_path": f"/trace/lots/{row.lot.id}",
            }
            for row in mine
        ],
    }  # fmt: skip


def _came(found: Picture, one: Any, wording: Wording) -> dict[str, Any]:
    paper, lot = found.papers.get(one.origin), found.lots[one.lot]
    return {
        "party": paper.party_name if paper else "", "document": paper.number if paper else "",
        "path": wording.path_of(paper.noun, paper.id) if paper else "",
        "order": paper.order_number if paper else "",
        "order_path": wording.path_of(paper.order_noun, paper.order) if paper and paper.order else "",
        "on": wording.instant(one.moved_at), "lot": lot, "lot_path": f"/trace/lots/{lot.id}",
        "item": f"{lot.code} {spoken(lot.name, lot.name_en)}", "quantity": much(one.quantity, lot),
    }  # fmt: skip


def _worked(found: Picture, one: Worked, wording: Wording) -> dict[str, Any]:
    order = found.orders[one.order]
    lot = found.lots.get(one.lot) if one.lot else None
    return {
        "order": order.number, "order_path": wording.path_of("production.work_order", one.order),
        "item": f"{order.code} {spoken(order.name, order.name_en)}",
        "operation": f"{one.sequence} {spoken(one.operation_name, one.operation_name_en)}",
        "kind": _KINDS[one.kind], "quantity": number(plain(one.quantity)), "people": "、".join(one.people),
        "machine": one.machine_name, "machine_path": wording.path_of("equipment.machine", one.machine) or "",
        "at": wording.instant(one.at), "lot": lot.number if lot else "",
        "readings": readings(one.data, one.capture, wording.language),
    }  # fmt: skip


def readings(data: Mapping[str, Any], asked: Any, language: str) -> list[tuple[str, str]]:
    """Give what was measured as (name, value), named and with the unit as the operation has it."""
    known = {one.name: one for one in capture.read(asked)}
    found = []
    for key, value in data.items():
        if value in (None, "", [], {}):
            continue
        one = known.get(key)
        name = (one.name_en if one and language == "en" else "") or key
        found.append((name, f"{_said(value)} {one.unit}".strip() if one else _said(value)))
    return found


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(L("是", "yes") if value else L("否", "no"))
    if isinstance(value, (list, tuple)):
        return "、".join(_said(one) for one in value)
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_said(one)}" for key, one in value.items())
    return str(value)
