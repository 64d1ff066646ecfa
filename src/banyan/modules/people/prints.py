"""People's badges."""

from __future__ import annotations

from banyan.kernel import prints
from banyan.kernel.prints import column
from banyan.lib.labels import L

prints.scanned_as("people.employee", "e")
prints.label(
    "badge",
    "people.employee",
    L("工牌", "Badge"),
    title="name",
    lines=(
        column("code", L("工号", "No.")),
        column("job_title"),
        column("team.name"),
        column("department.name"),
    ),
    preferred="card",
)
