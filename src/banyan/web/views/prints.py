"""Print: choose a layout and a language, get a PDF; many records at once go to a worker."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from banyan.kernel import files, jobs, reading
from banyan.kernel.models import JobRun
from banyan.kernel.nouns import Noun
from banyan.kernel.prints import LabelLayout, Layout
from banyan.kernel.records import titles
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.labels import L
from banyan.web import acting
from banyan.web.answers import go, is_partial, page, part
from banyan.web.printing import labels, layouts
from banyan.web.printing.press import Order, Printed, print_order
from banyan.web.prints import PRINT

#: More than these are printed by a worker: a document takes about half a second, a label hundredths.
DOCUMENTS_AT_ONCE, LABELS_AT_ONCE, RECORDS_AT_ONCE = 20, 300, 50
MOST_RECORDS, MOST_COPIES, MOST_LABELS = 2_000, 500, 5_000
SHOWN_RECORDS = 8
LANGUAGES = (("zh", "中文"), ("en", "English"))


def print_dialog(request: HttpRequest, noun: Noun) -> HttpResponse:
    """Ask how to print, or begin a long print.

    Takes:  ids: the records; layout, language, size, copies, skip: what is chosen so far
    """
    ctx = request.ctx
    reading.require_read(ctx, noun)
    order = _order(request, noun)
    if not order.ids:
        raise Invalid("nothing_selected", L("请先选择记录", "Select records first"))
    if request.method == "POST":
        layouts.find(ctx, noun, order.layout)
        with transaction.atomic():
            run = jobs.start(ctx, PRINT, order.as_data())
        return go(request, f"/jobs/{run.pk}", L("打印已在后台开始", "The print has begun"), tone="blue")
    return _ask(request, noun, order)


def _ask(request: HttpRequest, noun: Noun, order: Order) -> HttpResponse:
    ctx, spec = request.ctx, noun.spec
    chosen = layouts.find(ctx, noun, order.layout)
    some = [UUID(one) for one in order.ids[:SHOWN_RECORDS]]
    known = titles(spec.key, some)
    is_label = isinstance(chosen, LabelLayout)
    shown = {
        "noun": noun,
        "spec": spec,
        "path": f"/print/{spec.path}",
        "order": order,
        "layouts": layouts.offered(ctx, noun),
        "chosen": chosen,
        "languages": LANGUAGES,
        "sizes": labels.SIZES if is_label else (),
        "size": labels.size_of(order.size or (chosen.preferred if is_label else "")),
        "ids": ",".join(order.ids),
        "count": len(order.ids),
        "is_long": _is_long(order, chosen),
        "at_once": _copies_at_once(len(order.ids)),
        "names": [known.get(k) or str(L("未编号", "No number yet")) for k in some],
        "more": max(0, len(order.ids) - SHOWN_RECORDS),
    }
    if request.headers.get("HX-Target") == "dialog-body":
        return part(request, "print/dialog.html", shown)
    return page(request, "print/dialog_page.html", shown)


def print_record(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give a record as a PDF, in its first layout unless another is named."""
    return _pdf(request, print_order(request.ctx, _order(request, noun, (str(key),))))


def print_records(request: HttpRequest, noun: Noun) -> HttpResponse:
    """Give some records as one PDF."""
    order = _order(request, noun)
    if not order.ids:
        raise Invalid("nothing_selected", L("请先选择记录", "Select records first"))
    if _is_long(order, layouts.find(request.ctx, noun, order.layout)):
        raise Invalid(
            "print_too_long", L("太多了，请从列表中打印", "Too many at once; print them from the list")
        )
    return _pdf(request, print_order(request.ctx, order))


def printed(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give what a worker has printed, to whoever asked for it."""
    run = JobRun.objects.filter(pk=key, kind=PRINT, state="done", created_by_id=request.ctx.person).first()
    if run is None:
        raise NotFound("print_unknown", L("找不到这次打印", "No such print"))
    return _pdf(request, Printed(run.result["name"], files.content(run.result["digest"]).read_bytes()))


def _is_long(order: Order, layout: Layout) -> bool:
    """Say whether a print is work for a worker."""
    count = len(order.ids)
    return order.copies > _copies_at_once(count) if layout.is_label else count > DOCUMENTS_AT_ONCE


def _copies_at_once(count: int) -> int:
    """Give how many labels of each of so many records are printed at once; none where a worker prints them."""
    return 0 if count > RECORDS_AT_ONCE else LABELS_AT_ONCE // count


def _order(request: HttpRequest, noun: Noun, ids: tuple[str, ...] | None = None) -> Order:
    given = request.POST if request.method == "POST" else request.GET
    if ids is None:
        ids = _ids([v for text in given.getlist("ids") for v in text.split(",") if v])
    language = given.get("language", "")
    copies, skip = _count(given.get("copies"), 1, MOST_COPIES), _count(given.get("skip"), 0, 200)
    if copies * len(ids) > MOST_LABELS:
        raise Invalid(
            "too_many_labels",
            L("一次最多 {most} 个标签", "At most {most} labels at once"),
            {"most": MOST_LABELS},
        )
    return Order(
        noun=noun.spec.key,
        ids=ids,
        layout=given.get("layout", ""),
        language=language if language in ("zh", "en") else request.ctx.language,
        zone=str(acting.zone_of(request)),
        site=request.build_absolute_uri("/").rstrip("/"),
        size=given.get("size", ""),
        copies=copies,
        skip=skip,
    )


def _ids(texts: list[str]) -> tuple[str, ...]:
    try:
        found = tuple(dict.fromkeys(str(UUID(one)) for one in texts))
    except ValueError:
        raise NotFound from None
    if len(found) > MOST_RECORDS:
        raise Invalid(
            "too_many_records",
            L("一次最多 {most} 条", "At most {most} records at once"),
            {"most": MOST_RECORDS},
        )
    return found


def _count(text: Any, least: int, most: int) -> int:
    """Give a number as typed, within its bounds; the least for what is none."""
    return min(max(int(text), least), most) if str(text or "").isdecimal() and len(str(text)) < 6 else least


def _pdf(request: HttpRequest, paper: Printed) -> HttpResponse:
    if is_partial(request):
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = f"{request.path}?{urlencode(list(request.GET.lists()), doseq=True)}"
        return answer
    answer = HttpResponse(paper.content, content_type="application/pdf")
    answer["Content-Disposition"] = content_disposition_header(as_attachment=False, filename=paper.name)
    answer["Cache-Control"] = "no-store"
    return answer
