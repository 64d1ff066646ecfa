"""People's name tags. What signs in at a station is printed from the badge, not from here."""

from __future__ import annotations

from banyan.kernel import prints
from banyan.kernel.prints import column
from banyan.lib.labels import L

prints.scanned_as("people.employee", "e")
prints.label(
    "name_tag",
    "people.employee",
    L("姓名牌（不能登录工位）", "Name tag (does not sign in)"),
    title="name",
    lines=(
        column("code", L("工号", "No.")),
        column("job_title"),
        column("team.name"),
        column("department.name"),
    ),
    preferred="card",
)
