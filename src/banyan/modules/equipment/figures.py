"""What the shop sees of its machines at a glance."""

from __future__ import annotations

from banyan.kernel.figures import figure
from banyan.lib.labels import L

figure(
    "equipment.down", L("停机设备", "Machines down"), noun="equipment.machine",
    where="state:in=down,maintenance", tone="red", icon="alert-triangle",
)  # fmt: skip
