"""What engineers see of proposals at a glance."""

from __future__ import annotations

from banyan.kernel.figures import figure
from banyan.lib.labels import L

figure(
    "proposals.open", L("待定工程建议", "Proposals to decide"), noun="proposals.proposal", where="state:in=open",
    tone="orange", icon="bulb",
)  # fmt: skip
