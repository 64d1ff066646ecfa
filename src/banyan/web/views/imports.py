"""The import of any noun: a file or a pasted block, its columns mapped, checked, done, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_POST

from banyan.kernel import exchange, files, jobs
from banyan.kernel.models import ImportBatch, JobRun, User
from banyan.kernel.nouns import Noun
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.labels import L, Label
from banyan.web import acting, areas, checked
from banyan.web.answers import go, page
from banyan.web.cells import Wording
from banyan.web.jobs import CHECK, IMPORT, UNDO

PREVIEW_ROWS = 5
#: Above this many rows check and import run as jobs, with progress that can be left and found again.
AT_ONCE = 2_000


def wizard(request: HttpRequest, noun: Noun) -> HttpResponse:
    """Give the step of the import that was asked for: choose, map, check, do."""
    step = request.POST.get("step", "read")
    if request.method == "POST" and step == "do":
        return _do(request, noun)
    if request.method != "POST":
        request.ctx.require(noun.spec.permission("create"), noun.spec.label)
        return _choose(request, noun)
    exchange.require(request.ctx, noun)
    if step == "read":
        return _read(request, noun)
    table, mapping = _table(request)
    if step == "map":
        return _map(request, noun, table, mapping)
    return _check(request, noun, table, mapping)


def example(request: HttpRequest, noun: Noun) -> StreamingHttpResponse:
    """Give an empty workbook with the columns an import takes."""
    import io

    import xlsxwriter

    request.ctx.require(noun.spec.permission("create"), noun.spec.label)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet, bold, must = (
        book.add_worksheet(),
        book.add_format({"bold": True}),
        book.add_format({"bold": True, "font_color": "#b00020"}),
    )
    sheet.freeze_panes(1, 0)
    for place, target in enumerate(t for t in exchange.targets(noun, request.ctx) if t.path != "id"):
        sheet.write(0, place, str(target.label), must if target.required else bold)
        sheet.set_column(place, place, 16)
    book.close()
    answer = StreamingHttpResponse(
        [out.getvalue()], content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    answer["Content-Disposition"] = f'attachment; filename="{noun.spec.plural_key}.xlsx"'
    return answer


@require_POST
def undo(request: HttpRequest, noun: Noun, batch: UUID) -> HttpResponse:
    """Take an import back; a large one as a job."""
    exchange.require(request.ctx, noun, exchange.undo_command)
    found = ImportBatch.objects.filter(pk=batch, noun=noun.spec.key).first()
    if found is None:
        raise NotFound()
    if found.rows > AT_ONCE:
        with exchange.audited(request.ctx, noun, exchange.undo_command), transaction.atomic():
            run = jobs.start(request.ctx, UNDO, {"batch": str(batch)})
        return go(request, f"/jobs/{run.pk}", L("已在后台开始撤销", "Taking it back has begun"), tone="blue")
    exchange.undo(request.ctx, batch)
    return go(request, f"/{noun.spec.path}/import", L("导入已撤销", "The import was taken back"))


def _frame(noun: Noun, step: int) -> dict[str, Any]:
    return {
        "noun": noun,
        "spec": noun.spec,
        "area": areas.area_of(noun.spec.area),
        "path": f"/{noun.spec.path}",
        "step": step,
    }


def _choose(request: HttpRequest, noun: Noun) -> HttpResponse:
    rows = ImportBatch.objects.filter(noun=noun.spec.key)
    batches = list(rows.order_by("-created_at")[:8])
    names = dict(User.objects.filter(pk__in=[b.created_by_id for b in batches]).values_list("pk", "name"))
    wording = Wording(request.ctx.language, acting.zone_of(request))
    shown = [(b, names.get(b.created_by_id, ""), wording.instant(b.created_at)) for b in batches]
    accepted = ".csv,.txt,.xlsx"
    return page(request, "web/import_choose.html", _frame(noun, 1) | {"batches": shown, "accepted": accepted})


def _read(request: HttpRequest, noun: Noun) -> HttpResponse:
    """Keep what was given, so that the steps that follow only carry its digest."""
    upload = request.FILES.get("file")
    text = request.POST.get("text", "")
    if upload:
        name, chunks = upload.name, upload.chunks()
    elif text.strip():
        name, chunks = "paste.txt", iter([text.encode()])
    else:
        raise Invalid("table_missing", L("请选择文件，或粘贴表格", "Choose a file, or paste a table"))
    stored = files.store(name, chunks)
    table = exchange.read_table(name, files.content(stored.digest))
    if not table.rows:
        raise Invalid("table_empty", L("表格没有数据行", "The table has no rows below its head"))
    return _map(request, noun, table, exchange.suggest_map(noun, table.columns, request.ctx))


def _table(request: HttpRequest) -> tuple[exchange.Table, dict[str, str]]:
    """Give the kept table, and which column goes to which field."""
    digest = request.POST.get("digest", "")
    if len(digest) != 64 or not digest.isalnum():
        raise NotFound()
    table = exchange.read_table(request.POST.get("name", "")[:255], files.content(digest))
    return table, {c: v for n, c in enumerate(table.columns) if (v := request.POST.get(f"map.{n}", ""))}


def _map(request: HttpRequest, noun: Noun, table: exchange.Table, mapping: Mapping[str, str]) -> HttpResponse:
    columns = [
        {
            "name": c,
            "number": n,
            "target": mapping.get(c, ""),
            "samples": [checked.text_of(r, n) for r in table.head[:PREVIEW_ROWS]],
        }
        for n, c in enumerate(table.columns)
    ]
    missing = [
        t.label
        for t in exchange.targets(noun, request.ctx)
        if t.required and "." not in t.path and t.path not in mapping.values()
    ]
    return page(
        request,
        "web/import_map.html",
        _frame(noun, 2)
        | {
            "columns": columns,
            "targets": exchange.targets(noun, request.ctx),
            "table": table,
            "rows": len(table.rows),
            "missing": missing,
        },
    )


def _check(
    request: HttpRequest, noun: Noun, table: exchange.Table, mapping: Mapping[str, str]
) -> HttpResponse:
    """Say what an import would do; of a long table a job finds it out, and keeps it for `checked_page`."""
    if len(table.rows) > AT_ONCE:
        return _begin(request, CHECK, noun, table, mapping, L("检查已在后台开始", "The check has begun"))
    found = exchange.check(request.ctx, noun, table, mapping)
    return _show(request, noun, checked.kept(table, mapping, found))


def checked_page(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give what a job found in a long table: the step before it is imported."""
    exchange.require(request.ctx, noun)
    own = JobRun.objects.filter(kind=CHECK, created_by_id=request.ctx.person, state="done")
    run = own.filter(pk=key, input__noun=noun.spec.key).first()
    if run is None:
        raise NotFound()
    return _show(request, noun, run.result["found"])


def _show(request: HttpRequest, noun: Noun, found: Mapping[str, Any]) -> HttpResponse:
    return page(request, "web/import_check.html", _frame(noun, 3) | checked.in_words(found))


def _begin(
    request: HttpRequest, kind: str, noun: Noun, table: exchange.Table, mapping: Mapping[str, str], note: Label
) -> HttpResponse:
    """Start a job on a kept table, and go to where its progress shows."""
    data = {"noun": noun.spec.key, "digest": table.digest, "name": table.name, "mapping": dict(mapping)}
    with transaction.atomic():
        run = jobs.start(request.ctx, kind, data)
    return go(request, f"/jobs/{run.pk}", note, tone="blue")


def _do(request: HttpRequest, noun: Noun) -> HttpResponse:
    ctx = request.ctx
    with exchange.audited(ctx, noun):
        table, mapping = _table(request)
    if len(table.rows) > AT_ONCE:
        return _begin(request, IMPORT, noun, table, mapping, L("导入已在后台开始", "The import has begun"))
    batch = exchange.run(ctx, noun, table, mapping)
    counted = L("已导入：新建 {made} 条，修改 {changed} 条", "Imported: {made} new, {changed} changed")
    return go(
        request,
        f"/{noun.spec.path}/import",
        counted.filled({"made": batch.made, "changed": batch.changed}),
    )
