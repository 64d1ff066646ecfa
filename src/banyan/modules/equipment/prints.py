"""Labels of machines and work centres."""

from __future__ import annotations

from banyan.kernel import prints
from banyan.kernel.prints import column
from banyan.lib.labels import L

prints.scanned_as("equipment.machine", "m")
prints.scanned_as("equipment.work_centre", "c")
prints.label(
    "label",
    "equipment.machine",
    L("设备标签", "Machine label"),
    title="code",
    lines=(
        column("name"),
        column("maker_type"),
        column("work_centre.name"),
        column("serial_number", L("出厂编号", "Serial")),
    ),
)
prints.label(
    "label",
    "equipment.work_centre",
    L("工作中心标签", "Work centre label"),
    title="code",
    lines=(column("name"), column("department.name")),
)
