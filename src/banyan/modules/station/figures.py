"""What a leader sees of stations at a glance."""

from __future__ import annotations

from banyan.kernel.figures import figure
from banyan.lib.labels import L

figure(
    "station.kept", L("待处理的报工", "Reports to decide"), noun="station.kept_act", where="state:in=open",
    tone="orange", icon="alert-triangle",
)  # fmt: skip
