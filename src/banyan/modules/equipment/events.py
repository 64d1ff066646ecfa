"""What has happened to machines and work centres."""

from __future__ import annotations

from dataclasses import dataclass

from banyan.kernel.events import Event
from banyan.lib.labels import L


@dataclass(frozen=True)
class MachineStopped(Event):
    """A machine no longer runs: it is down or in maintenance."""

    type = "equipment.machine_stopped"
    noun = "equipment.machine"
    label = L("设备已停机", "Machine stopped")
    help = L("设备不再运行：故障或保养", "A machine no longer runs: it is down or in maintenance")

    state: str
    reason: str


@dataclass(frozen=True)
class MachineStarted(Event):
    """A machine runs again; `minutes_stopped` is how long it did not."""

    type = "equipment.machine_started"
    noun = "equipment.machine"
    label = L("设备已恢复运行", "Machine started")
    help = L("`minutes_stopped` 为停机的分钟数", "`minutes_stopped` is how long it did not run")

    minutes_stopped: int


@dataclass(frozen=True)
class WorkCentreDeactivated(Event):
    """A work centre is no longer offered; listeners refuse while work is open there."""

    type = "equipment.work_centre_deactivated"
    noun = "equipment.work_centre"
    label = L("工作中心已停用", "Work centre deactivated")
    help = L("不再供选择", "The work centre is no longer offered")
