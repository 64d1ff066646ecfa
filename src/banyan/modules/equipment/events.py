"""What has happened to machines and work centres."""

from __future__ import annotations

from dataclasses import dataclass

from banyan.kernel.events import Event


@dataclass(frozen=True)
class MachineStopped(Event):
    """A machine no longer runs: it is down or in maintenance."""

    type = "equipment.machine_stopped"
    noun = "equipment.machine"

    state: str
    reason: str


@dataclass(frozen=True)
class MachineStarted(Event):
    """A machine runs again; `minutes_stopped` is how long it did not."""

    type = "equipment.machine_started"
    noun = "equipment.machine"

    minutes_stopped: int


@dataclass(frozen=True)
class WorkCentreDeactivated(Event):
    """A work centre is no longer offered; listeners refuse while work is open there."""

    type = "equipment.work_centre_deactivated"
    noun = "equipment.work_centre"
