"""Thirty stations on a bad network, the server killed twice: every report arrives, once, each station's in order."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from banyan.config.settings import PASSWORD_HASHERS
from banyan.kernel import proofs
from banyan.kernel.models import Role, RoleGrant, User, UserRole
from banyan.lib.ids import new_id
from banyan.modules.production.models import Operation, Report
from banyan.modules.production.tests.conftest import Shop
from banyan.modules.station.models import KeptAct
from tests.plugins import figures
from tests.plugins.server import Server
from tests.plugins.world import World

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]
STATIONS, REPORTS, KILLS = 30, 2_000, 2
#: All of it, from the first report to the last.
SECONDS = 180
#: How often a request is cut before it is sent, half way, and after the server has acted.
CUTS = (("before", 0.12), ("half", 0.06), ("after", 0.15))
COUNTED = ("good", "scrap")


class Cut(Exception):
    """The network went."""


@dataclass(frozen=True, slots=True)
class Lost:
    """An ask that the server did not answer as it should, between two moments; nobody had cut it."""

    begun: float
    ended: float
    fault: str

    def is_by(self, kills: list[tuple[float, float]]) -> bool:
        """Say whether the server was away meanwhile: from a kill until it served again."""
        return any(self.begun < back and self.ended > gone for gone, back in kills)


@dataclass(eq=False)
class Station(threading.Thread):
    """A device: people tell at it, it keeps what they told in order, and sends until it is answered."""

    server: Server
    number: int
    code: str
    pin: str
    pairing: str
    operations: list[str]
    wanted: int
    chance: random.Random
    end: float
    told: list[dict] = field(default_factory=list)
    left: int = 0
    states: dict[str, str] = field(default_factory=dict)
    cuts: Counter = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    counts: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.key = str(new_id())
        self.late = timedelta(seconds=self.chance.choice([0, 0, 0, 4_000, -90_000]))  # some clocks are wrong

    def enter(self) -> None:
        """Pair and sign in, while the network is still good."""
        token = json.loads(self.ask("pair", {"code": self.pairing}))["token"]
        proof = {"code": self.code, "pin": self.pin}
        self.ticket = json.loads(self.ask("sign-in", proof, {"Station-Device": token}))["ticket"]

    def run(self) -> None:
        try:
            while (self.counts < self.wanted or self.left < len(self.told)) and time.monotonic() < self.end:
                for _ in range(self.chance.randint(0, 6)):
                    if self.counts < self.wanted:
                        self.tell()
                if self.chance.random() < 0.7:
                    self.send()
                time.sleep(self.chance.uniform(0, 0.1))
        except Exception as fault:
            self.unexpected.append(repr(fault))

    def tell(self) -> None:
        """Do something and note it: a count as wanted, or a start or a pause beside; the n-th act counts n pieces,
        so that the order shows in the ledger."""
        kind = self.chance.choices(["good", "scrap", "start", "pause"], [80, 8, 6, 6])[0]
        quantity = {"quantity": str(len(self.told) + 1)} if kind in COUNTED else {}
        self.counts += bool(quantity)
        key = str(new_id())
        at = datetime.now(UTC) + self.late
        self.told.append({
            "id": key, "seq": len(self.told) + 1, "at": at.isoformat(), "said": f"{self.number}/{len(self.told) + 1}",
            "kind": "report" if quantity else kind, "operation": self.chance.choice(self.operations),
            "parts": [{"id": key, "kind": kind, **quantity}],
        })  # fmt: skip

    def send(self) -> None:
        """Send what waits; an answer that is lost leaves it waiting."""
        batch = self.told[self.left : self.left + self.chance.randint(1, 50)]
        if not batch:
            return
        begun, now = time.monotonic(), datetime.now(UTC) + self.late
        body = {"device": self.key, "sent_at": now.isoformat(), "acts": self.chance.sample(batch, len(batch))}
        try:
            answer = json.loads(self.ask("sync", body, {"Authorization": f"Station {self.ticket}"}, self.cut()))
        except Cut:
            return
        except TimeoutError:  # a machine under load; it is sent again like after a cut
            self.cuts["late"] += 1
            return
        except (OSError, http.client.HTTPException) as fault:
            self.lost.append(Lost(begun, time.monotonic(), repr(fault)))
            return
        for one in answer["acts"]:
            if self.states.setdefault(one["id"], one["state"]) != one["state"]:
                self.unexpected.append(f"{one['id']} was {self.states[one['id']]}, now {one['state']}")
        self.left += len(batch)

    def cut(self) -> str:
        drawn = self.chance.random()
        for name, share in CUTS:
            if drawn < share:
                self.cuts[name] += 1
                return name
            drawn -= share
        return ""

    def ask(self, path: str, body: dict, headers: dict | None = None, cut: str = "") -> bytes:
        """Ask the server over a connection of its own.

        Raises: Cut as the network goes; OSError, HTTPException where the server breaks off or fails
        """
        content = json.dumps(body).encode()
        link = self.server.connect(20)
        try:
            if cut == "before":
                raise Cut
            link.putrequest("POST", f"/station/api/{path}")
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                link.putheader(name, value)
            link.putheader("Content-Length", str(len(content)))
            link.endheaders(content[: len(content) // 2] if cut == "half" else content)
            if cut == "half":
                raise Cut
            answer = link.getresponse()
            found = answer.read()
            if answer.status >= 500:
                raise http.client.HTTPException(f"{answer.status} {found[:200]!r}")
            if cut == "after":
                raise Cut
            if answer.status != 200:
                self.unexpected.append(f"{answer.status} {found[:200]!r}")
                raise Cut
            return found
        finally:
            link.close()


def floor(ctx) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Give operations to report on, and a person with a PIN and a pairing code for each station."""
    world = World(ctx.with_(now=datetime.now(UTC) - timedelta(days=2)))
    shop = Shop(world)
    orders = [shop.released(quantity="50000") for _ in range(6)]
    operations = [str(Operation.objects.get(work_order=order, sequence=10).pk) for order in orders]
    operations.append(str(Operation.objects.get(work_order=orders[0], sequence=20).pk))  # with backflush, and too early
    world.ctx = ctx.with_(now=datetime.now(UTC))
    role = Role.objects.create(code="soak", name_zh="工人", name_en="Worker")
    RoleGrant.objects.create(role=role, permission="production.*", reach="plant")
    seats = []
    for number in range(STATIONS):
        user = User.objects.create(login=f"soak{number}", name=f"工人{number}", plants=[world.plant.pk])
        UserRole.objects.create(user=user, role=role)
        person = world.employee(code=f"S-{number:02}", name=f"工人{number}", department=world.department)
        world.change(person, user=user.pk)
        badge = world.make("station.badge", employee=person)
        pin = world.do("station.badge.new_pin", badge).in_("en").split()[-1]
        device = world.make("station.device", code=f"T-{number:02}", name=f"工位{number}", plant=world.plant)
        pairing = world.do("station.device.pair", device).in_("en").split("enter ")[1].split()[0]
        seats.append((person.code, pin, pairing))
    return operations, seats


def test_thirty_stations_on_a_bad_network_and_two_kills_lose_and_double_nothing(live_db, ctx, tmp_path, settings):
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS  # those of the server
    seed = figures.seed()
    print(f"\nseed {seed}")
    chance = random.Random(seed)
    operations, seats = floor(ctx)
    server = Server(live_db.url("banyan_app"), tmp_path)
    server.start()
    begun, away = time.monotonic(), []
    wanted = [REPORTS // STATIONS + (n < REPORTS % STATIONS) for n in range(STATIONS)]
    stations = [
        Station(server, n, *seats[n], operations, wanted[n], random.Random(seed + n), begun + SECONDS)
        for n in range(STATIONS)
    ]
    try:
        for one in stations:
            one.enter()
        for one in stations:
            one.start()
        for kill in range(1, KILLS + 1):
            at = REPORTS * kill // (KILLS + 1) + chance.randint(-100, 100)
            while sum(one.left for one in stations) < at and time.monotonic() < begun + SECONDS:
                time.sleep(0.01)
            gone = time.monotonic()
            server.kill()
            server.start()
            away.append((gone, time.monotonic()))
        for one in stations:
            one.join(max(0.1, begun + SECONDS - time.monotonic()))
    finally:
        server.kill()
    seconds = time.monotonic() - begun
    lost = [one for station in stations for one in station.lost]
    made = {act["id"]: act["parts"][0]["kind"] for one in stations for act in one.told}
    booked = {str(key) for key in Report.objects.values_list("id", flat=True)}
    cuts = sum((one.cuts for one in stations), Counter())
    states = Counter(state for one in stations for state in one.states.values())
    kinds = Counter(made.values())
    counted = Report.objects.filter(kind__in=COUNTED).count()
    print(f"stations {STATIONS}, reports made {sum(kinds[one] for one in COUNTED)}, booked {counted}")
    print(f"all acts {len(made)} {dict(kinds)}, booked {len(booked)}, kept {KeptAct.objects.count()}")
    print(f"answers {dict(states)}; cuts {dict(cuts)}; kills {KILLS}, {len(lost)} asks lost by them; {seconds:.0f} s")
    assert [fault for one in stations for fault in one.unexpected] == []
    assert [one.fault for one in lost if not one.is_by(away)] == []
    assert sum(kinds[one] for one in COUNTED) == counted == REPORTS
    assert booked == made.keys()
    assert not KeptAct.objects.exists()
    for one in stations:
        keys = [act["id"] for act in one.told]
        rows = Report.objects.filter(pk__in=keys)
        for column in ("device_at", "reported_at"):
            order = [str(key) for key in rows.order_by(column).values_list("id", flat=True)]
            assert order == keys, (one.number, column)
    verdicts = proofs.run()
    print(f"verify: {sum(v.is_green for v in verdicts)} of {len(verdicts)} proofs hold")
    assert [(v.proof.key, f.text) for v in verdicts for f in v.found.faults] == []
    assert seconds < SECONDS
