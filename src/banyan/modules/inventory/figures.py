"""What the stores, the books and the boss see of stock at a glance."""

from __future__ import annotations

from banyan.kernel.figures import figure
from banyan.lib.labels import L

figure(
    "inventory.value", L("库存金额", "Stock value"), noun="inventory.stock_value", sums=("amount",),
    icon="coins", tone="blue",
)  # fmt: skip
figure(
    "inventory.held", L("冻结批次", "Lots on hold"), noun="inventory.lot", where="state:in=held",
    tone="orange", icon="lock",
)  # fmt: skip
figure(
    "inventory.expiring", L("30 天内到期批次", "Lots expiring in 30 days"), noun="inventory.lot", tone="orange",
    where="state:in=released&expires_on:gte={today}&expires_on:lte={days30}", icon="hourglass",
)  # fmt: skip
figure(
    "inventory.counts", L("进行中的盘点", "Counts under way"), noun="inventory.count",
    where="state:in=draft,counting", icon="clipboard-check",
)  # fmt: skip
