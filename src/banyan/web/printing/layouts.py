"""Which layouts a noun prints: those declared, and two that follow from its spec alone."""

from __future__ import annotations

from banyan.kernel import prints
from banyan.kernel.access import visible
from banyan.kernel.context import Context
from banyan.kernel.nouns import COMMON, Noun
from banyan.kernel.prints import Block, Column, DocumentLayout, LabelLayout, Layout, Sign, Table
from banyan.kernel.spec import NounSpec
from banyan.lib.errors import NotFound
from banyan.lib.labels import L
from banyan.web.pairs import pairs_of

#: The key of the layout that shows a record as it is, whatever its noun.
RECORD = "record"
LABEL = "label"
WHOLE = L("完整内容", "Whole record")
PLAIN_LABEL = L("标签", "Label")


def offered(ctx: Context, noun: Noun) -> tuple[Layout, ...]:
    """Give what a noun prints: its documents; then of numbered papers the whole first, of others labels."""
    own = prints.layouts(noun.spec.key)
    labels = tuple(one for one in own if one.is_label) or (plain_label(noun.spec),)
    documents = tuple(one for one in own if not one.is_label)
    rest = (whole(ctx, noun.spec), *labels) if noun.spec.numbering else (*labels, whole(ctx, noun.spec))
    return (*documents, *rest)


def find(ctx: Context, noun: Noun, key: str) -> Layout:
    """Give a layout by its key, the first one where none is named. Raises: NotFound."""
    found = offered(ctx, noun)
    chosen = next((one for one in found if one.key == key), None) if key else found[0]
    if chosen is None:
        raise NotFound(
            "layout_unknown", L("没有名为 {layout} 的版式", "There is no layout {layout}"), {"layout": key}
        )
    return chosen


def whole(ctx: Context, spec: NounSpec) -> DocumentLayout:
    """Give the layout that shows a record in the sections of its form, with its lines."""
    fields = {f.key: f for f in visible(ctx, spec.fields)}
    hidden = set(pairs_of(fields).values()) | {spec.life.field if spec.life else ""}
    sections = tuple(
        Block(part.label, tuple(_column(spec, k) for k in part.fields if k in fields and k not in hidden))
        for part in spec.form
        if not part.folded
    )
    if not sections:
        rest = tuple(k for k in fields if k not in COMMON and k not in hidden)
        sections = (Block(spec.label, tuple(_column(spec, k) for k in rest)),)
    tables = tuple(Table(line.key, tuple(Column(k) for k in line.columns), line.label) for line in spec.lines)
    return DocumentLayout(
        RECORD, spec.key, WHOLE, sections=sections, tables=tables, shows_state=True,
        signs=(Sign(L("制单", "Made by")), Sign(L("审核", "Checked by")), Sign(L("签收", "Received by"))),
    )  # fmt: skip


def plain_label(spec: NounSpec) -> LabelLayout:
    """Give the label of a noun that declares none: what names it, large, and the rest of its title."""
    number = spec.numbering.field if spec.numbering else ""
    title = spec.natural_key or number or (spec.title[0] if spec.title else "id")
    rest = tuple(k for k in dict.fromkeys((*spec.title, *spec.phone)) if k != title and spec.has_field(k))
    return LabelLayout(LABEL, spec.key, PLAIN_LABEL, title, tuple(Column(k) for k in rest))


def _column(spec: NounSpec, key: str) -> Column:
    return Column(key, is_wide=spec.field(key).type in ("long_text", "json"), stays=True)
