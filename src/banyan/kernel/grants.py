"""Grants as they are written with a role: a reach that a noun's rows cannot be held to is refused."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel import access
from banyan.kernel.context import Context
from banyan.kernel.models import RoleGrant
from banyan.kernel.nouns import Draft, choice
from banyan.lib.errors import FieldFaults
from banyan.lib.labels import L

REACHES = (choice("own", "本人", "Own"), choice("team", "班组", "Team"), choice("plant", "工厂", "Plant"),
           choice("all", "全部", "All"))  # fmt: skip
_LABELS = {reach.key: reach.label for reach in REACHES}


def check_grants(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse new grants that name one noun with a reach its rows cannot be held to: they would mean all.

    Raises: Invalid naming each such grant and the reaches it may have
    """
    faults = FieldFaults()
    held = set(RoleGrant.objects.filter(role__in=[d.record.pk for d in drafts if not d.record._state.adding])
               .values_list("role_id", "permission", "reach"))  # fmt: skip
    for number, draft in enumerate(drafts):
        if "grants" not in draft.given:
            continue
        head = ("records", number) if draft.record._state.adding else ()
        for place, grant in enumerate(draft.lines["grants"]):
            noun = access.without_reach(grant.permission, grant.reach)
            if noun is not None and (draft.record.pk, grant.permission, grant.reach) not in held:
                able = [_LABELS[r.key] for r in REACHES if access.can_hold(noun.spec, r.key)]
                faults.add((*head, "grants", place, "reach"), L(
                    "“{noun}”不能按“{reach}”区分，等于全部；可选：{able}",
                    "{noun} cannot be told apart by “{reach}”, which would mean all; choose {able}",
                ).filled({"noun": noun.spec.label, "reach": _LABELS[grant.reach], "able": able}))  # fmt: skip
    faults.refuse_if_any()
