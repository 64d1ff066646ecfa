"""The press: records and a layout in, a PDF out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import translation

from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.prints import DocumentLayout, LabelLayout
from banyan.kernel.records import titles
from banyan.lib.errors import NotFound
from banyan.lib.labels import L, speaking
from banyan.web.cells import Wording
from banyan.web.printing import labels, layouts
from banyan.web.printing.documents import Composer, Paper
from banyan.web.printing.pdf import pdf_of, qr

LABELS = "print/labels.html"
#: Records read at once.
CHUNK = 50
_FORBIDDEN = str.maketrans({c: "-" for c in '\\/:*?"<>|\r\n\t'})


@dataclass(frozen=True)
class Order:
    """What is to be printed, and how; as plain data it can wait for a worker.

    Takes:  ids: records in the order of printing; layout: its key, empty for the first; size, copies, skip:
            of labels; site: the address under which the codes lead here
    """

    noun: str
    ids: tuple[str, ...]
    layout: str = ""
    language: str = "zh"
    zone: str = "Asia/Shanghai"
    site: str = ""
    size: str = ""
    copies: int = 1
    skip: int = 0

    def as_data(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self) | {"ids": list(self.ids)}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Order:
        """Give an order from plain data."""
        return cls(**(data | {"ids": tuple(data["ids"])}))


@dataclass(frozen=True)
class Printed:
    """A PDF and the name it is kept under."""

    name: str
    content: bytes


def print_order(
    ctx: Context, order: Order, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Printed:
    """Print records.

    Takes:  progress: told how many of how many records are done
    Raises: NotFound when a record does not exist or lies outside the person's scope, or for an unknown layout
    """
    noun = registry.noun(order.noun)
    with speaking(order.language), translation.override("zh-hans" if order.language == "zh" else "en"):
        layout = layouts.find(ctx, noun, order.layout)
        paper = Paper(order.language, ZoneInfo(order.zone), order.site)
        total = steps = len(order.ids)
        if isinstance(layout, LabelLayout):
            pages = _label_pages(ctx, noun, layout, paper, order)
            sheets, steps = _label_sheets(pages, order, layout), -(-len(pages) // CHUNK)
        else:
            sheets = _document_sheets(ctx, noun, layout, paper, order)
        content = pdf_of(sheets, lambda done: progress(total * done // steps, total))
        return Printed(_name(noun, layout, order, ctx.now), content)


def document_html(
    ctx: Context, noun: Noun, layout: DocumentLayout, paper: Paper, ids: Sequence[UUID]
) -> Iterator[str]:
    """Give the HTML of documents, one per record."""
    records = _read(ctx, noun, ids)
    for sheet in Composer(ctx, noun, layout, paper).sheets(records):
        yield render_to_string(layout.template, {"sheet": sheet} | _around(ctx, paper))


def _document_sheets(
    ctx: Context, noun: Noun, layout: DocumentLayout, paper: Paper, order: Order
) -> Iterator[str]:
    for part in _chunks(order.ids):
        yield from document_html(ctx, noun, layout, paper, part)


def _label_pages(
    ctx: Context, noun: Noun, layout: LabelLayout, paper: Paper, order: Order
) -> list[list[labels.Sticker]]:
    labeller = labels.Labeller(ctx, noun, layout, paper)
    said = [one for part in _chunks(order.ids) for one in labeller.texts(_read(ctx, noun, part))]
    size = labels.size_of(order.size or layout.preferred)
    made = list(labels.pages(said, size, copies=order.copies, skip=order.skip))
    if not made:
        raise NotFound("nothing_to_print", L("没有可打印的标签", "There is nothing to print a label for"))
    return made


def _label_sheets(
    made: Sequence[Sequence[labels.Sticker]], order: Order, layout: LabelLayout
) -> Iterator[str]:
    """Give the HTML of pages of labels, some pages at a time."""
    size = labels.size_of(order.size or layout.preferred)
    for start in range(0, len(made), CHUNK):
        pages = [[(one, qr(one.code)) for one in page] for page in made[start : start + CHUNK]]
        yield render_to_string(LABELS, {"pages": pages, "size": size, "edge": labels.code_edge(size)})


def _read(ctx: Context, noun: Noun, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    found = reading.read_records(ctx, noun, ids, expand=False)
    if len(found) != len(set(ids)):
        raise NotFound(
            "print_missing",
            L(
                "有 {count} 条{noun}不存在或不在您的范围内",
                "{count} {noun}: not there, or outside your scope",
            ),
            {"count": len(set(ids)) - len(found), "noun": noun.spec.label},
        )
    return found


def _chunks(ids: Sequence[str]) -> Iterator[list[UUID]]:
    keys = [UUID(one) for one in ids]
    return (keys[n : n + CHUNK] for n in range(0, len(keys), CHUNK))


def _around(ctx: Context, paper: Paper) -> dict[str, Any]:
    wording = Wording(paper.language, paper.zone, None)
    return {"printed": wording.instant(ctx.now), "who": ctx.principal.name, "language": paper.language}


def _name(noun: Noun, layout: DocumentLayout | LabelLayout, order: Order, now: datetime) -> str:
    """Give the file name: the layout, and the record's own name where there is only one, else the day."""
    label = noun.spec.label if layout.key == layouts.RECORD else layout.label
    one = UUID(order.ids[0])
    which = titles(noun.spec.key, [one]).get(one, "") if len(order.ids) == 1 else ""
    return f"{label} {which or now.astimezone(ZoneInfo(order.zone)).strftime('%Y-%m-%d')}.pdf".translate(
        _FORBIDDEN
    )
