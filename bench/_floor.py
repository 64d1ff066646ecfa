"""The shop floor that is measured: people with badges at paired stations, who report and read their day.

Reports go through the station's own interface, a person and a device each, books on and wages counted.
"""

from __future__ import annotations

import heapq
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import _bare
from _factory import OPERATIONS, Factory
from _measures import API, Bench, Figure, _prove, _report, cost
from _server import Answer, Client, Server, at_once

from banyan.kernel import db
from banyan.kernel.models import User
from banyan.lib.ids import new_id
from banyan.modules.station import badges
from banyan.modules.station.models import Badge

PEOPLE, STATIONS, TEAM = 1_000, 100, 20
FED = 500_000
#: How much of what people do is a report; the rest reads the day anew.
REPORTING = 0.7
PAUSE = 30.0
WORKERS = 96
#: Seconds between a leader's sweeps: several fall into each timed window, the shortest of which takes two seconds.
SWEEP = 0.5


@dataclass
class Person:
    """Somebody who has signed in at a station, with a connection and a count of acts of their own."""

    client: Client
    ticket: str
    operations: Sequence[UUID]
    device: str = ""
    sequence: int = 0
    mark: str = ""

    def report(self, operation: UUID, quantity: int = 1) -> Answer:
        """Send one report of a good piece, as the station does."""
        self.sequence += 1
        key, now = str(new_id()), datetime.now(UTC).isoformat()
        act = {
            "id": key, "seq": self.sequence, "kind": "report", "at": now, "operation": str(operation),
            "minutes": "1", "parts": [{"id": key, "kind": "good", "quantity": str(quantity)}],
        }  # fmt: skip
        body = {"device": self.device, "sent_at": now, "acts": [act]}
        answer = self.client.post("/station/api/sync", body, Authorization=f"Station {self.ticket}")
        done = answer.json()["acts"]
        if [one["state"] for one in done] != ["done"]:
            raise RuntimeError(f"the report was not booked: {done}")
        return answer

    def read(self) -> Answer:
        """Read the day; what has not changed is not sent again."""
        headers = {"Authorization": f"Station {self.ticket}"} | ({"If-None-Match": self.mark} if self.mark else {})
        answer = self.client._send("GET", "/station/api/day", b"", headers)
        if answer.status not in (200, 304):
            raise RuntimeError(f"the day: {answer.status} {answer.body[:300]!r}")
        self.mark = answer.headers.get("etag", self.mark)
        return answer


@dataclass
class Floor:
    """A factory with people at stations; each team is given the operations of an order."""

    server: Server
    factory: Factory
    people: list[Person] = field(default_factory=list)
    sweeps: int = 0
    stations: int = 0

    def set_up(self, people: int) -> None:
        """Make teams, people with users and badges, stations, and a wage rate; everybody signs in by badge."""
        factory = self.factory
        role = db.one("SELECT id FROM kernel_role WHERE code = 'worker'")[0]
        factory.make("wages.rate", dict(piece_price="0.15", valid_from="2020-01-01"))
        teams = factory.make(
            "people.team",
            *(dict(code=f"T{n}", name=f"班组{n}", plant=str(factory.plant)) for n in range(-(-people // TEAM))),
        )
        users = factory.make(
            "kernel.user", *(dict(login=f"w{n}", name=f"工人{n}", roles=[dict(role=str(role))]) for n in range(people))
        )
        User.objects.filter(pk__in=users).update(plants=[factory.plant])
        workers = factory.make(
            "people.employee",
            *(
                dict(
                    code=f"E{n}", name=f"工人{n}", plant=str(factory.plant), team=str(teams[n // TEAM]), user=str(user)
                )
                for n, user in enumerate(users)
            ),
        )
        factory.make("station.badge", *(dict(employee=str(worker)) for worker in workers))
        self._assign(teams)
        self._sign_in(workers, self._pair(min(STATIONS, people)))

    def _assign(self, teams: Sequence[UUID]) -> None:
        """Release an order for each eight teams, feed its operations, and give them to those teams."""
        factory = self.factory
        self.orders = factory.released_orders(max(8, -(-len(teams) // 8)))
        self.operations = factory.operations_of(self.orders)
        bench = Bench(self.server, factory)
        self.fed = {key: FED - 1000 * (n // len(self.orders)) for n, key in enumerate(self.operations)}
        for key, quantity in self.fed.items():
            _report(bench, key, str(quantity), 0)
        self.mine: list[list[UUID]] = []
        of = {order: factory.operations_of([order]) for order in self.orders}
        for number, team in enumerate(teams):
            order = self.orders[number % len(self.orders)]
            lines = [dict(operation=str(one), team=str(team)) for one in of[order]]
            factory.do("production.work_order.assign", [order], lines=lines)
            self.mine.append(of[order])

    def _pair(self, count: int) -> list[str]:
        factory = self.factory
        stations = factory.make(
            "station.device", *(dict(code=f"S{n}", name=f"工位{n}", plant=str(factory.plant)) for n in range(count))
        )
        client, tokens = Client(self.server.port), []
        for station in stations:
            code = factory.do("station.device.pair", [station]).in_("en").split("enter ")[1].split()[0]
            tokens.append(client.post("/station/api/pair", {"code": code}).json()["token"])
        return tokens

    def _sign_in(self, workers: Sequence[UUID], tokens: Sequence[str]) -> None:
        held = dict(Badge.objects.filter(employee__in=workers).values_list("employee_id", "pk"))

        def enter(_thread: int, number: int) -> Person:
            client = Client(self.server.port)
            proof = {"badge": badges.badge_code(held[workers[number]], 1)}
            answer = client.post("/station/api/sign-in", proof, Station_Device=tokens[number % len(tokens)])
            return Person(client, answer.json()["ticket"], self.mine[number // TEAM], str(new_id()))

        _, done = at_once(range(len(workers)), enter, 8)
        self.people, self.stations = [person for _, person in done], len(tokens)

    # what is measured

    def rates(self, counts: Sequence[int]) -> Iterator[Figure]:
        """Measure reports a second by so many people at once, each waiting for the answer to the last."""
        operations = self.operations[: 8 * OPERATIONS]
        for clients in counts:
            tasks = [operations[n % len(operations)] for n in range(max(200, 25 * clients))]
            with cost(Bench(self.server, self.factory), len(tasks)) as used, self.approving():
                begun = datetime.now(UTC)
                seconds, done = at_once(
                    tasks, lambda thread, operation: self.people[thread].report(operation), clients
                )
                ended = datetime.now(UTC)
            for operation in tasks:
                self.fed[operation] += 1
            spent = sorted(1000 * one for one, _ in done)
            note = f"{self.approved(begun, ended)} approved meanwhile; {used[0]}"
            if clients == 1:
                note = f"{self.statements()} statements; {note}"
            yield Figure(f"floor_reports_per_s_{clients}", len(tasks) / seconds, "1/s", note=note)
            yield Figure(f"floor_report_p95_ms_{clients}", spent[int(len(spent) * 0.95)], "ms")

    def approved(self, begun: datetime, ended: datetime) -> int:
        """Count the reports that were approved between two moments. Raises: RuntimeError for none"""
        count = db.one(
            "SELECT count(*) FROM production_reportapproval WHERE state = 'approved' AND decided_at >= %s AND "
            "decided_at < %s AND operation_id = ANY(%s)",
            [begun, ended, self.operations],
        )[0]
        if not count:
            raise RuntimeError("no report was approved while reports were measured")
        return count

    def approving(self) -> Any:
        """Let a leader approve all reports and wages of the floor again and again meanwhile."""
        return _Sweeps(lambda: self._approve(Client(self.server.port, self.factory.token)))

    def _approve(self, client: Client) -> None:
        for what in ("production/reports", "wages/lines"):
            answer = client.post(f"{API}/{what}/approve", {}, Idempotency_Key=str(new_id()))
            if answer.status != 200:
                raise RuntimeError(f"approving {what}: {answer.status} {answer.body[:300]!r}")
        self.sweeps += 1

    def statements(self) -> int:
        """Count the statements of one report sent through the station's interface, in this process."""
        from django.test import Client as Inside

        person, door = self.people[0], Inside(HTTP_HOST="localhost")

        def send() -> None:
            client = person.client
            person.client = _Inside(door)
            try:
                person.report(self.operations[0])
                self.fed[self.operations[0]] += 1
            finally:
                person.client = client

        send()
        return _bare.count_statements(send)

    def day_at_work(self, seconds: float) -> Day:
        """Let everybody act every half minute: most report, some read the day; time each from when it was due."""
        day = Day(seconds)
        chance = random.Random(20_260_101)
        due = [(chance.uniform(0, PAUSE), number) for number in range(len(self.people))]
        heapq.heapify(due)
        guard, reported = threading.Lock(), []

        def work() -> None:
            while not day.faults:
                with guard:
                    if due[0][0] > seconds:
                        return
                    at, number = heapq.heappop(due)
                    heapq.heappush(due, (at + PAUSE * chance.uniform(0.5, 1.5), number))
                    is_report, person = chance.random() < REPORTING, self.people[number]
                    operation = person.operations[number % len(person.operations)]
                wait = at - (time.perf_counter() - begun)
                if wait > 0:
                    time.sleep(wait)
                try:
                    person.report(operation) if is_report else person.read()
                except Exception as fault:
                    day.faults.append(f"{type(fault).__name__}: {fault}"[:300])
                    return
                done = time.perf_counter() - begun
                with guard:
                    day.acts.append(Act(at, 1000 * (done - at), is_report))
                    reported.extend([operation] if is_report else [])

        begun = time.perf_counter()
        with cost(Bench(self.server, self.factory), 1) as used, self.approving():
            opened = datetime.now(UTC)
            threads = [threading.Thread(target=work, daemon=True) for _ in range(WORKERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            ended = datetime.now(UTC)
        day.used, day.approved = used[0], 0 if day.faults else self.approved(opened, ended)
        for operation in reported:
            self.fed[operation] += 1
        return day

    def prove(self) -> int:
        """Refuse figures that lost a report: counters, ledger, books and wages must tell the same, all approved.

        Gives: how many were sent
        """
        # the pieces fed at first were one report each, by somebody who is no employee
        sent = sum(self.fed.values()) - sum(FED - 1000 * (n // len(self.orders)) for n in range(len(self.operations)))
        first = {key: FED - 1000 * (n // len(self.orders)) for n, key in enumerate(self.operations)}
        _prove(self.orders, self.operations, sent, first)
        waged = db.one("SELECT count(*) FROM wages_wageline")[0]
        if waged != sent:
            raise RuntimeError(f"{sent} reports and {waged} wage lines")
        self._prove_approved(sent + len(self.operations))
        return sent

    def _prove_approved(self, count: int) -> None:
        """Refuse figures during which nobody approved, or where the leader's last sweep leaves a report waiting."""
        if not self.sweeps:
            raise RuntimeError("no report was approved while it was measured")
        self._approve(Client(self.server.port, self.factory.token))
        states = dict(
            db.rows(
                "SELECT state, count(*) FROM production_reportapproval WHERE operation_id = ANY(%s) GROUP BY 1",
                [self.operations],
            )
        )
        counted = db.one(
            "SELECT sum(good_quantity), sum(approved_quantity) FROM production_operation WHERE id = ANY(%s)",
            [self.operations],
        )
        if states != {"approved": count} or counted[0] != counted[1]:
            raise RuntimeError(f"of {count} reports {states}; {counted[0]} good pieces, {counted[1]} of them approved")


class _Inside:
    """The station's door in this process, with the words of a client."""

    def __init__(self, door: Any) -> None:
        self.door = door

    def post(self, path: str, data: Any, Authorization: str) -> Answer:
        answer = self.door.post(path, data, content_type="application/json", headers={"Authorization": Authorization})
        return Answer(answer.status_code, {}, answer.content)


class _Sweeps:
    """Does something again and again in a thread of its own while the block runs."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act, self.end = act, threading.Event()

    def __enter__(self) -> None:
        self.faults: list[BaseException] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __exit__(self, *_fault: object) -> None:
        self.end.set()
        self.thread.join()
        if self.faults:
            raise self.faults[0]

    def _run(self) -> None:
        try:
            while not self.end.wait(SWEEP):
                self.act()
        except BaseException as fault:
            self.faults.append(fault)


@dataclass(frozen=True, slots=True)
class Act:
    """One act: when it was due, how long until it was answered, in milliseconds, and whether it reported."""

    at: float
    ms: float
    is_report: bool


@dataclass
class Day:
    """What many people did in a while."""

    seconds: float
    acts: list[Act] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    used: str = ""
    approved: int = 0

    def percentile(self, share: float, acts: Sequence[Act] | None = None) -> float:
        """Give the milliseconds within which so large a share was answered."""
        found = sorted(one.ms for one in (self.acts if acts is None else acts))
        return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0

    def of(self, is_report: bool) -> list[Act]:
        """Give the reports, or the readings of the day."""
        return [one for one in self.acts if one.is_report is is_report]

    def figures(self) -> list[Figure]:
        """Give the figures of it. Raises: RuntimeError where anything failed"""
        if self.faults:
            raise RuntimeError(f"{len(self.faults)} acts failed: {self.faults[0]}")
        note = (
            f"{len(self.acts)} acts in {self.seconds:.0f} s, median {self.percentile(0.5):.0f} ms, "
            f"{self.approved} approved meanwhile"
        )
        return [
            Figure("floor_1000_people_p95_ms", self.percentile(0.95), "ms", note=note),
            Figure("floor_day_p95_ms", self.percentile(0.95, self.of(False)), "ms"),
            Figure("floor_acts_per_s", len(self.acts) / self.seconds, "1/s"),
        ]

    def by_time(self, width: float) -> list[tuple[float, float, float, int]]:
        """Give (middle of a span in seconds, median, 95th percentile, acts) of each span."""
        spans: dict[int, list[float]] = {}
        for one in self.acts:
            spans.setdefault(int(one.at / width), []).append(one.ms)
        return [
            ((n + 0.5) * width, statistics.median(found), sorted(found)[int(len(found) * 0.95)], len(found))
            for n, found in sorted(spans.items())
        ]
