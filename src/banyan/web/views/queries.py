"""The page of a declared query: what is asked above, the answer below; each row opens what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from banyan.kernel import exchange
from banyan.kernel.queries import Column, DeclaredQuery, ask, declared_query
from banyan.kernel.records import titles
from banyan.kernel.spec import NUMBERS, FieldSpec
from banyan.lib.labels import plain
from banyan.web import acting, areas, controls
from banyan.web.answers import page
from banyan.web.cells import Wording
from banyan.web.views.lists import EXPORTS


def show(request: HttpRequest, key: str) -> HttpResponse:
    """Give a query's page; answered as soon as nothing that must be filled in is missing."""
    ctx, asked = request.ctx, declared_query(key)
    ctx.require(asked.permission, asked.label)
    fields = controls.of_model(asked.input) if asked.input else ()
    data = _given(request, fields)
    is_ready = all(c.key in data for c in fields if c.required)
    rows = ask(ctx, asked, data) if is_ready else []
    wording = Wording(ctx.language, acting.zone_of(request), ctx)
    return page(request, "web/query.html", {
        "asked": asked,
        "area": areas.area_of(asked.area),
        "filled": controls.Filler(acting.zone_of(request), _names(fields, data)).fill(fields, data),
        "columns": [(column, "num" if column.type in NUMBERS else "") for column in asked.columns],
        "rows": [_row(asked, row, wording) for row in rows],
        "totals": _totals(asked, rows, wording),
        "is_ready": is_ready,
        "export": f"/queries/{key}/export.xlsx?{urlencode(data)}" if rows else "",
    })  # fmt: skip


def export(request: HttpRequest, key: str, form: str) -> StreamingHttpResponse:
    """Give the answer as a file."""
    asked = declared_query(key)
    rows = ask(request.ctx, asked, _given(request, controls.of_model(asked.input) if asked.input else ()))
    heads = [c.label.in_(request.ctx.language) for c in asked.columns]
    cells = ([_cell(c, row.get(c.key)) for c in asked.columns] for row in rows)
    pieces = exchange.csv_of(heads, cells) if form == "csv" else exchange.xlsx_of(heads, cells)
    answer = StreamingHttpResponse(pieces, content_type=EXPORTS[form])
    answer["Content-Disposition"] = f'attachment; filename="{key}.{form}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _given(request: HttpRequest, fields: tuple[controls.Control, ...]) -> dict[str, Any]:
    taker = controls.Taker(request.GET, acting.zone_of(request))
    data = taker.take(fields)
    taker.faults.refuse_if_any()
    return data


def _names(fields: tuple[controls.Control, ...], data: Mapping[str, Any]) -> dict[str, Mapping[UUID, str]]:
    """Give the titles of the records chosen, by noun; what is not a key names nothing."""
    wanted: dict[str, set[UUID]] = {}
    for one in fields:
        if one.reference and one.key in data:
            with suppress(ValueError):
                wanted.setdefault(one.reference, set()).add(UUID(str(data[one.key])))
    return {noun: titles(noun, list(ids)) for noun, ids in wanted.items()}


def _row(asked: DeclaredQuery, row: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    return {
        "path": path_of_row(row, wording),
        "cells": [
            (c, text_of(c, row.get(c.key), wording), "num" if c.type in NUMBERS else "", _bar(c, row))
            for c in asked.columns
        ],
    }


def _bar(column: Column, row: Mapping[str, Any]) -> str:
    """Give how much of the width a share fills, empty for what is none."""
    value = row.get(column.key)
    return "" if column.type != "percent" or value is None else str(value)


def path_of_row(row: Mapping[str, Any], wording: Wording) -> str:
    """Give the address of what a row opens, where the person may: a record, or a further query."""
    if row.get("_noun") and row.get("_id"):
        return wording.path_of(row["_noun"], row["_id"]) or ""
    if row.get("_query"):
        return f"/queries/{row['_query']}?{urlencode(row.get('_input') or {})}"
    return ""


def text_of(column: Column, value: Any, wording: Wording) -> str:
    spec = FieldSpec(column.key, 0, column.type, column.label, column.key)
    if column.type == "reference":
        return "" if value is None else str(value)
    return wording.text(spec, value, {})


def _totals(asked: DeclaredQuery, rows: list[dict[str, Any]], wording: Wording) -> list[tuple[Column, str, str]]:
    if not rows or not any(c.is_summed for c in asked.columns):
        return []
    sums = {
        c.key: plain(sum((Decimal(r[c.key]) for r in rows if r.get(c.key)), Decimal(0)))
        for c in asked.columns if c.is_summed
    }  # fmt: skip
    return [(c, text_of(c, sums.get(c.key), wording), "num" if c.type in NUMBERS else "") for c in asked.columns]


def _cell(column: Column, value: Any) -> Any:
    if value is None:
        return ""
    return Decimal(value) if column.type in NUMBERS and isinstance(value, str) else value
