"""What is completed or refused before the company's master data is written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import available_timezones

from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.lib.errors import FieldFaults
from banyan.lib.graph import find_cycle
from banyan.lib.labels import L
from banyan.modules.company.errors import DepartmentLoop
from banyan.modules.company.models import Department


def prepare_plants(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a zone that does not exist. Raises: Invalid."""
    faults = FieldFaults()
    for draft in drafts:
        if draft.record.zone not in _zones():
            faults.add(
                "zone", L("没有这个时区，如 Asia/Shanghai", "is not a time zone such as Asia/Shanghai")
            )
    faults.refuse_if_any()


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    """Give the names of all zones, looked up once: the system's folders of zones are searched for them."""
    return frozenset(available_timezones())


def prepare_departments(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a circle of parents. Raises: DepartmentLoop with the codes along it."""
    if not any("parent" in draft.given for draft in drafts):
        return
    rows = {
        key: (code, parent) for key, code, parent in Department.objects.values_list("id", "code", "parent_id")
    }
    rows |= {d.record.pk: (d.record.code, d.record.parent_id) for d in drafts}
    circle = find_cycle((parent, key) for key, (_, parent) in rows.items() if parent)
    if circle:
        raise DepartmentLoop(path=" → ".join(rows[key][0] for key in circle))
