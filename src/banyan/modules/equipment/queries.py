"""Reads of work centres and machines; frozen values for the modules above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banyan.modules.equipment.errors import WorkCentreInactive
from banyan.modules.equipment.models import Machine, WorkCentre


@dataclass(frozen=True, slots=True)
class Rates:
    """What an hour at a work centre costs, in the company's currency."""

    labour: Decimal
    machine: Decimal
    overhead: Decimal

    @property
    def total(self) -> Decimal:
        return self.labour + self.machine + self.overhead


@dataclass(frozen=True, slots=True)
class WorkCentreFacts:
    """A work centre as others see it; calendar None means the plant's own."""

    id: UUID
    code: str
    name: str
    plant: UUID
    department: UUID | None
    calendar: UUID | None
    line_side: UUID | None
    skill: UUID | None
    stations: int
    efficiency_percent: Decimal
    may_subcontract: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """A machine as others see it: where it stands, and its state."""

    id: UUID
    code: str
    name: str
    work_centre: UUID
    state: str


_COLUMNS = (
    "id", "code", "name", "plant_id", "department_id", "calendar_id", "line_side_id", "skill_id", "stations",
    "efficiency_percent", "may_subcontract", "is_active",
)  # fmt: skip


def rates(work_centre_ids: Sequence[UUID]) -> dict[UUID, Rates]:
    """Give the hourly rates of work centres by key. One statement."""
    wanted = {one for one in work_centre_ids if one is not None}
    if not wanted:
        return {}
    rows = WorkCentre.objects.filter(pk__in=wanted)
    return {
        key: Rates(*rest)
        for key, *rest in rows.values_list("id", "labour_rate", "machine_rate", "overhead_rate")
    }


def work_centres(ids: Sequence[UUID] | None = None, plant: UUID | None = None) -> dict[UUID, WorkCentreFacts]:
    """Give work centres by key: those named, else those in use, of one plant or of all. One statement."""
    rows = (
        WorkCentre.objects.filter(is_active=True)
        if ids is None
        else WorkCentre.objects.filter(pk__in=list(ids))
    )
    if plant is not None:
        rows = rows.filter(plant=plant)
    return {row[0]: WorkCentreFacts(*row) for row in rows.order_by("code").values_list(*_COLUMNS)}


def require_usable(ids: Sequence[UUID]) -> dict[UUID, WorkCentreFacts]:
    """Give work centres by key if all are in use. One statement. Raises: WorkCentreInactive."""
    found = work_centres(ids)
    for one in found.values():
        if not one.is_active:
            raise WorkCentreInactive(work_centre=one.code)
    return found


def machines_at(work_centre_ids: Sequence[UUID]) -> dict[UUID, tuple[MachineFacts, ...]]:
    """Give all machines of each work centre, by code. One statement."""
    found: dict[UUID, list[MachineFacts]] = {}
    rows = Machine.objects.filter(work_centre__in=list(work_centre_ids)).order_by("code")
    for row in rows.values_list("id", "code", "name", "work_centre_id", "state"):
        found.setdefault(row[3], []).append(MachineFacts(*row))
    return {work_centre: tuple(several) for work_centre, several in found.items()}


def centres_of_machines(ids: Sequence[UUID | None]) -> dict[UUID, UUID]:
    """Give the work centre of each machine. One statement, none without any."""
    wanted = {one for one in ids if one is not None}
    return dict(Machine.objects.filter(pk__in=wanted).values_list("id", "work_centre_id")) if wanted else {}


def running_machines(work_centre_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """Give the machines that run at each work centre, by code. One statement."""
    found: dict[UUID, list[UUID]] = {}
    rows = Machine.objects.filter(work_centre__in=list(work_centre_ids), state="running").order_by("code")
    for work_centre, machine in rows.values_list("work_centre_id", "id"):
        found.setdefault(work_centre, []).append(machine)
    return {work_centre: tuple(several) for work_centre, several in found.items()}
