"""Traces of real processes: each sends its own, and what is left when it ends goes out."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from banyan.integration.secrets import new_key
from banyan.kernel.models import JobRun, SpanTally
from tests.integration.collecting import Collector
from tests.integration.partner import partner
from tests.integration.trading import GIVEN, HOOK, THEIRS, TRACE, Trade, packed
from tests.plugins.levels import later
from tests.plugins.server import Server, robot_token

CALLS = 20


@pytest.fixture
def collector():
    """Give a collector that this process sends nothing to."""
    made = Collector()
    with partner(made.answer) as there:
        made.url = there.url
        yield made


@pytest.mark.parametrize("way", [signal.SIGTERM, later(signal.SIGINT)])
def test_a_web_process_that_is_stopped_sends_what_it_has(live_db, tmp_path: Path, collector, way):
    server = Server(live_db.url("banyan_app"), tmp_path)
    server.surroundings["BANYAN_OTLP_ENDPOINT"] = collector.url
    server.start()
    link, token = server.connect(), robot_token()
    for _ in range(CALLS):
        link.request("GET", "/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert link.getresponse().read()
    link.close()
    server.process.send_signal(way)
    server.process.wait(20)
    assert [(one.name, one.facts["http.response.status_code"]) for one in collector.seen] == [
        ("GET /api/v1/me", 200)
    ] * CALLS  # fmt: skip
    assert len({one.trace for one in collector.seen}) == CALLS
    assert SpanTally.objects.get().sent == CALLS


@pytest.fixture
def site(live_db, tmp_path: Path, settings, collector):
    """Give web, bus, dispatcher and worker, all processes of their own; they are stopped as a supervisor does."""
    settings.BANYAN_SECRETS_KEY = new_key()
    server = Server(live_db.url("banyan_app"), tmp_path)
    server.surroundings |= {"BANYAN_OTLP_ENDPOINT": collector.url, "BANYAN_SECRETS_KEY": settings.BANYAN_SECRETS_KEY}
    programs: list[subprocess.Popen] = []

    def start() -> Server:
        server.start()
        programs.append(server.process)
        for name in ("bus", "dispatch", "work"):
            words = [sys.executable, "-m", "banyan.config.cli", name]
            programs.append(subprocess.Popen(words, env=server.surroundings, stderr=subprocess.DEVNULL))
        return server

    def stop() -> None:
        for one in programs:
            one.send_signal(signal.SIGTERM)
        for one in programs:
            one.wait(30)

    yield start, stop
    for one in programs:
        if one.poll() is None:
            one.kill()
            one.wait(10)


def until(is_so: Callable[[], bool], seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.1)


@pytest.mark.slow
def test_one_trace_goes_through_all_processes_and_each_sends_its_own(live_db, ctx, site, collector, one_minute):
    start, stop = site
    with partner(lambda asked: {}) as carrier:
        trade = Trade(ctx.with_(now=datetime.now(UTC)), carrier.url)
        order = trade.order()
        scan = trade.hand.do("watch.scan.create", records=[dict(code="OURS", name="自查")]).ids[0]
        server = start()
        sent, signed = packed({"records_of": str(order.pk)})
        link = server.connect()
        link.request("POST", HOOK, sent, {**signed, "Content-Type": "application/json", "traceparent": GIVEN})
        assert link.getresponse().status == 204
        until(lambda: bool(carrier.asked))
        link = server.connect()
        link.request("POST", f"/api/v1/watch/scans/{scan}/run", b"", {
            "Authorization": f"Bearer {trade.token}", "Content-Type": "application/json", "traceparent": GIVEN,
        })  # fmt: skip
        answer = link.getresponse()
        assert answer.status == 200, answer.read()
        until(lambda: JobRun.objects.filter(kind="watch.scan", state="done").exists())
        stop()
    connection.close()
    ours = {one.name: one for one in collector.seen if one.trace == TRACE}
    print(*((one.name, one.step, one.parent, one.pid) for one in collector.seen if one.trace == TRACE), sep="\n")
    names = {one.step: one.name for one in ours.values()} | {THEIRS: None}
    assert {name: names[one.parent] for name, one in ours.items() if not name.startswith("hear")} == {
        "POST /hooks/{system}/{operation}": None, "take CONFIRM": "POST /hooks/{system}/{operation}",
        "sales.order.confirm": "take CONFIRM", "deliver TELL": "sales.order.confirm",
        "POST /api/v1/watch/scans/{id}/run": None, "watch.scan.run": "POST /api/v1/watch/scans/{id}/run",
        "job watch.scan": "watch.scan.run",
    }  # fmt: skip
    pids = {one.name: one.pid for one in ours.values()}
    assert pids["take CONFIRM"] == pids["sales.order.confirm"] == pids["deliver TELL"]
    assert len({pids["take CONFIRM"], pids["watch.scan.run"], pids["job watch.scan"]}) == 3
