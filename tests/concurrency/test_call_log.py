"""The call log of real web processes: calls of several are all in it, and none is lost when they end."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from banyan.kernel.models import AccessToken, Call, CallDay
from tests.plugins.server import Server, robot_token

CALLS, EACH = 240, 8


@pytest.fixture
def two(live_db, tmp_path):
    """Give two web processes before one database."""
    made = [Server(live_db.url("banyan_app"), tmp_path / str(n)) for n in range(2)]
    for one in made:
        one.start()
    yield made
    for one in made:
        if one.process.poll() is None:
            one.kill()


def ask(server: Server, token: str, times: int) -> list[int]:
    link, statuses = server.connect(), []
    for _ in range(times):
        link.request("GET", "/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        answer = link.getresponse()
        answer.read()
        statuses.append(answer.status)
    link.close()
    return statuses


def asked(two, token: str) -> list[int]:
    """Ask both processes at once, by eight threads."""
    with ThreadPoolExecutor(EACH) as hands:
        jobs = [hands.submit(ask, two[n % 2], token, CALLS // EACH) for n in range(EACH)]
        return [status for job in jobs for status in job.result()]


@pytest.mark.slow
def test_no_call_is_lost_when_processes_end_and_a_quota_holds_over_both(two):
    token = robot_token()
    AccessToken.objects.update(per_minute=10_000, per_day=100)
    statuses = asked(two, token)
    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) == 100
    for one in two:
        one.process.send_signal(signal.SIGTERM)
        one.process.wait(20)
    assert Call.objects.count() == CALLS
    day = CallDay.objects.get()
    assert (day.calls, day.throttled) == (CALLS, CALLS - 100)
