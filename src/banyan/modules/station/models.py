"""Stations of the shop floor, badges of the people at them, and what a station told that could not be booked."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from banyan.kernel.models import Rank, Record, find_column, find_index

#: Digits of a PIN that the product gives.
PIN_DIGITS = 6
KEPT_STATES = ("open", "booked", "dismissed")


class Device(Record):
    """A tablet or phone of the shop floor. Only hashes of its token and of its pairing code are kept.

    `machine` is the one it stands at, if any: what is reported there was done on it unless the worker says otherwise.

    `clock_offset` is by how many seconds its clock was behind when it last synced, below zero when ahead.
    """

    lock_rank = Rank.MASTER + 85
    derived = (
        "digest",
        "pairing_digest",
        "pairing_until",
        "paired_at",
        "misses",
        "locked_until",
        "seen_at",
        "clock_offset",
    )

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    plant = models.ForeignKey("company.Plant", models.PROTECT, related_name="+")
    work_centre = models.ForeignKey(
        "equipment.WorkCentre", models.PROTECT, null=True, blank=True, related_name="+"
    )
    machine = models.ForeignKey("equipment.Machine", models.PROTECT, null=True, blank=True, related_name="+")
    is_active = models.BooleanField(default=True)
    digest = models.CharField(max_length=64, null=True, unique=True, editable=False)
    pairing_digest = models.CharField(max_length=64, null=True, unique=True, editable=False)
    pairing_until = models.DateTimeField(null=True, editable=False)
    paired_at = models.DateTimeField(null=True, editable=False)
    misses = models.PositiveSmallIntegerField(default=0, editable=False)
    locked_until = models.DateTimeField(null=True, editable=False)
    seen_at = models.DateTimeField(null=True, editable=False)
    clock_offset = models.IntegerField(null=True, editable=False)
    find_text = find_column("code", "name")

    class Meta:
        indexes = [find_index("station_device_find")]


class Badge(Record):
    """With what an employee signs in at a station: a code to scan, which follows from `serial`, and a PIN's hash.

    A new serial makes the old card, and every sign-in made with it, worth nothing.
    """

    lock_rank = Rank.MASTER + 86
    derived = ("pin_hash", "misses", "locked_until", "used_at")

    employee = models.OneToOneField("people.Employee", models.PROTECT, related_name="+")
    serial = models.PositiveIntegerField(default=1, editable=False)
    is_active = models.BooleanField(default=True)
    pin_hash = models.CharField(max_length=160, blank=True, default="", editable=False)
    misses = models.PositiveSmallIntegerField(default=0, editable=False)
    locked_until = models.DateTimeField(null=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)


class Sender(models.Model):
    """A person at a device (by the key it made for itself) who has sent acts, and when the last of them happened."""

    device = models.UUIDField()
    person = models.UUIDField()
    happened_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "person"], name="station_sender_one")]


class KeptAct(Record):
    """What somebody did at a station and no rule lets be booked: kept as it was told, until a leader decides.

    Its key is the one the device made. `happened_at` is the device's time set right, `clock_at` as the device
    had it; `body` is the whole act, `said` what the person saw on the screen.
    """

    lock_rank = Rank.DOCUMENT + 2

    device = models.ForeignKey(Device, models.PROTECT, null=True, blank=True, related_name="+")
    plant = models.ForeignKey("company.Plant", models.PROTECT, null=True, blank=True, related_name="+")
    person = models.ForeignKey("kernel.User", models.PROTECT, related_name="+")
    employee = models.ForeignKey("people.Employee", models.PROTECT, null=True, blank=True, related_name="+")
    sequence = models.BigIntegerField(default=0)
    kind = models.CharField(max_length=24)
    operation = models.ForeignKey(
        "production.Operation", models.PROTECT, null=True, blank=True, related_name="+"
    )
    said = models.CharField(max_length=300, blank=True, default="")
    code = models.CharField(max_length=120)
    fault_zh = models.CharField(max_length=500)
    fault_en = models.CharField(max_length=500)
    body = models.JSONField(default=dict)
    happened_at = models.DateTimeField()
    clock_at = models.DateTimeField()
    state = models.CharField(max_length=9, default="open")
    answer = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=KEPT_STATES), name="station_kept_act_state"),
        ]
        indexes = [
            models.Index(fields=["plant", "id"], name="station_kept_act_open", condition=Q(state="open")),
        ]
