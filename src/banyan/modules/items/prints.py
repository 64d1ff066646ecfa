"""Items on paper."""

from __future__ import annotations

from banyan.kernel import prints
from banyan.kernel.prints import column
from banyan.lib.labels import L

prints.scanned_as("items.item", "i")
prints.label(
    "label",
    "items.item",
    L("物料标签", "Item label"),
    title="code",
    lines=(
        column("name"),
        column("specification"),
        column("drawing_number", L("图号", "Drawing")),
        column("unit.name", L("单位", "Unit")),
    ),
)
