"""What quality and the boss see of recalls at a glance."""

from __future__ import annotations

from banyan.kernel.figures import figure
from banyan.lib.labels import L

figure(
    "trace.open", L("进行中的召回", "Open recalls"), noun="trace.recall", where="state:in=open", tone="red",
    icon="arrow-back-up",
)  # fmt: skip
