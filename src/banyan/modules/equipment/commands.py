"""What people do with machines and work centres, and what is refused before they are written."""

from __future__ import annotations

from collections.abc import Sequence

from banyan.kernel.commands import command, tell
from banyan.kernel.context import Context
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Input, Text, field
from banyan.lib.errors import FieldFaults
from banyan.lib.labels import L
from banyan.modules.equipment.events import MachineStarted, MachineStopped, WorkCentreDeactivated
from banyan.modules.equipment.models import Machine, WorkCentre
from banyan.modules.inventory.models import Location


class Stop(Input):
    """Why the machine does not run."""

    reason: Text = field("原因", "Reason", min_length=1, max_length=255)


@command("equipment.machine.stop", L("停机", "Stop"), input=Stop, icon="player-stop", tone="red")
def stop_machines(ctx: Context, machines: Sequence[Machine], data: Stop) -> None:
    """Say that machines have broken down. Writes: the machines; tells MachineStopped."""
    _halt(ctx, machines, "down", data.reason)


@command("equipment.machine.maintain", L("保养", "Maintain"), input=Stop, icon="tool", tone="orange")
def maintain_machines(ctx: Context, machines: Sequence[Machine], data: Stop) -> None:
    """Take machines out for maintenance. Writes: the machines; tells MachineStopped."""
    _halt(ctx, machines, "maintenance", data.reason)


@command("equipment.machine.start", L("恢复运行", "Start"), icon="player-play", tone="green", is_primary=True)
def start_machines(ctx: Context, machines: Sequence[Machine]) -> None:
    """Say that machines run again.

    Writes: the machines; tells MachineStarted with the minutes they stood still
    """
    for machine in machines:
        stopped = (ctx.now - machine.state_since).total_seconds() if machine.state_since else 0
        tell(MachineStarted(record=machine.pk, minutes_stopped=max(0, int(stopped // 60))))
        machine.state, machine.state_since, machine.state_reason = "running", ctx.now, ""


def _halt(ctx: Context, machines: Sequence[Machine], state: str, reason: str) -> None:
    for machine in machines:
        if machine.state == "running":
            machine.state_since = ctx.now
        machine.state, machine.state_reason = state, reason
    tell(*(MachineStopped(record=machine.pk, state=state, reason=reason) for machine in machines))


@command("equipment.work_centre.deactivate", L("停用", "Deactivate"), icon="archive", tone="orange")
def deactivate_work_centres(ctx: Context, work_centres: Sequence[WorkCentre]) -> None:
    """Take work centres out of use. Writes: the work centres; tells WorkCentreDeactivated."""
    for work_centre in work_centres:
        work_centre.is_active = False
    tell(*(WorkCentreDeactivated(record=work_centre.pk) for work_centre in work_centres))


@command("equipment.work_centre.activate", L("启用", "Activate"), icon="archive-off", tone="green")
def activate_work_centres(ctx: Context, work_centres: Sequence[WorkCentre]) -> None:
    """Bring work centres back into use."""
    for work_centre in work_centres:
        work_centre.is_active = True


def prepare_work_centres(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse a line side that is another kind of location or of another plant.

    Raises: Invalid naming the field
    """
    wanted = {draft.record.line_side_id for draft in drafts if draft.record.line_side_id and _moves(draft)}
    if not wanted:
        return
    found = {
        key: rest
        for key, *rest in Location.objects.filter(pk__in=wanted).values_list("id", "kind", "plant_id")
    }
    faults = FieldFaults()
    for draft in drafts:
        place = found.get(draft.record.line_side_id)
        if place and place != ["line_side", draft.record.plant_id]:
            faults.add(
                "line_side", L("须为本工厂的线边库位", "must be a line-side location of the same plant")
            )
    faults.refuse_if_any()


def _moves(draft: Draft) -> bool:
    return bool({"line_side", "plant"} & draft.given)
