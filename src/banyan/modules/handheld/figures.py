"""What the stores see of borrowed material at a glance."""

from __future__ import annotations

from banyan.kernel.figures import figure
from banyan.lib.labels import L

figure(
    "handheld.borrowed", L("未还的借料", "Borrowed, not settled"), noun="handheld.borrow", where="state:in=open",
    tone="orange", icon="arrows-exchange",
)  # fmt: skip
