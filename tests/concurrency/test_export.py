"""Traces of real processes: each sends its own, and what is left when it ends goes out."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from banyan.integration.models import Message
from banyan.integration.tests.telling import sell
from banyan.kernel.models import SpanTally
from banyan.lib.ids import new_id
from tests.integration.collecting import Collector
from tests.integration.partner import partner
from tests.plugins.server import Server, robot_token

CALLS = 20


@pytest.fixture
def collector():
    """Give a collector that this process sends nothing to."""
    made = Collector()
    with partner(made.answer) as there:
        made.url = there.url
        yield made


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
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


def test_the_bus_sends_its_own(live_db, ctx, flow, collector):
    flow()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    sell(ctx.with_(trace=trace), (new_id(), 1), (new_id(), 2))
    assert Message.objects.count() == 2
