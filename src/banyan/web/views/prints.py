"""Paper: any record as a PDF with Chinese fonts, laid out from its spec."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from banyan.kernel import reading
from banyan.kernel.nouns import Noun
from banyan.web import acting, records
from banyan.web.cells import Wording
from banyan.web.shell import Shell

SHEET = "web/print.html"
#: A table with more columns lies across the sheet.
PORTRAIT_COLUMNS = 9


def print_record(request: HttpRequest, noun: Noun, key: UUID) -> HttpResponse:
    """Give a record as a PDF."""
    ctx, spec = request.ctx, noun.spec
    record = reading.read_record(ctx, noun, key)
    zone = acting.zone_of(request)
    wording = Wording(ctx.language, zone, None)
    state = record.get(spec.life.field) if spec.life else None
    title = records.title_of(spec, record, record["_titles"])
    lines = records.lines(ctx, spec, record, wording, is_paper=True)
    html = render_to_string(
        SHEET,
        {
            "spec": spec,
            "title": title,
            "state": spec.life.state(state) if state else None,
            "company": Shell(request).company,
            "sections": [s for s in records.sections(ctx, spec, record, wording) if not s.is_folded],
            "lines": lines,
            "printed": wording.instant(ctx.now),
            "who": ctx.principal.name,
            "qr": qr_svg(request.build_absolute_uri(f"/{spec.path}/{key}")),
            "language": ctx.language,
            "is_wide": any(len(part.heads) > PORTRAIT_COLUMNS for part in lines),
        },
    )
    answer = HttpResponse(pdf_of(html), content_type="application/pdf")
    number = str(record.get(spec.numbering.field) or "") if spec.numbering else ""
    name = "".join(c for c in number or spec.name if c.isalnum() or c in "-_")
    answer["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer


def pdf_of(html: str) -> bytes:
    """Give an HTML sheet as a PDF; nothing is fetched from anywhere."""
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    return HTML(string=html, url_fetcher=URLFetcher(allowed_protocols={"data"})).write_pdf()


def qr_svg(text: str) -> str:
    """Give a QR code as an inline SVG picture."""
    import segno

    return segno.make(text, error="m").svg_data_uri(scale=3, border=0)
