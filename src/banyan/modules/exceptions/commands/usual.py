"""The categories, causes and levels that most factories begin with; they belong to the factory afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from banyan.kernel import db
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.models import Record, Role
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label
from banyan.modules.exceptions.errors import NothingMissing
from banyan.modules.exceptions.models import Category, Cause, Level

#: Code, names, severity, working minutes to respond and to resolve.
CATEGORIES = (
    ("MATERIAL", "物料", "Material", "major", 15, 120), ("QUALITY", "质量", "Quality", "severe", 15, 240),
    ("EQUIPMENT", "设备", "Equipment", "severe", 10, 240), ("PROCESS", "工艺", "Process", "major", 30, 480),
    ("SAFETY", "安全", "Safety", "severe", 5, 120), ("OTHER", "其他", "Other", "minor", 60, 960),
)  # fmt: skip
#: Man, machine, material, method, measurement, environment. Source: Ishikawa, Guide to Quality Control.
CAUSES = (
    ("MAN", "人员", "People"), ("MACHINE", "设备", "Machine"), ("MATERIAL", "材料", "Material"),
    ("METHOD", "方法", "Method"), ("MEASURE", "测量", "Measurement"), ("ENVIRONMENT", "环境", "Environment"),
)  # fmt: skip
#: Names, working minutes after the clock has run out, whom it tells.
LEVELS = (
    ("班组长", "Team leader", 0, "team_leader"), ("部门", "Department", 30, "department"),
    ("老板", "Boss", 120, "role"),
)  # fmt: skip


@command(
    "exceptions.category.add_usual", L("添加常用设置", "Add the usual ones"), on="noun", icon="playlist-add",
    help=L("六类异常、六种原因和三级升级；已有的不变",
           "Six categories, six causes and three levels of escalation; what exists stays as it is"),
)  # fmt: skip
def add_usual(ctx: Context) -> Label:
    """Write the usual categories, causes and levels that do not exist yet.

    Raises: NothingMissing
    Writes: categories, causes, levels
    """
    categories = [
        dict(code=code, name=zh, name_en=en, severity=severity, response_minutes=first, resolution_minutes=last)
        for code, zh, en, severity, first, last in CATEGORIES
    ]
    made = _add(ctx, Category, "code", categories)
    made += _add(ctx, Cause, "code", [dict(code=code, name=zh, name_en=en) for code, zh, en in CAUSES])
    boss = Role.objects.filter(code="boss").first()
    levels = [
        dict(sequence=n, name=zh, name_en=en, after_minutes=minutes, audience=audience,
             role_id=boss.pk if boss and audience == "role" else None)
        for n, (zh, en, minutes, audience) in enumerate(LEVELS, start=1) if boss or audience != "role"
    ]  # fmt: skip
    made += _add(ctx, Level, "sequence", levels) if not Level.objects.exists() else 0
    if not made:
        raise NothingMissing
    return L("添加了 {n} 项", "Added: {n}").filled({"n": made})


def _add(ctx: Context, model: type[Record], key: str, rows: Sequence[Mapping[str, Any]]) -> int:
    known = set(model.objects.values_list(key, flat=True))
    made = [
        model(id=new_id(), created_at=ctx.now, created_by_id=ctx.person, changed_at=ctx.now,
              changed_by_id=ctx.person, **row)
        for row in rows if row[key] not in known
    ]  # fmt: skip
    db.insert_rows(made)
    return len(made)
