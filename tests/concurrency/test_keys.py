"""The same request ten times at one moment, under one key: done once, and all ten are told the same."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from banyan.kernel.models import Audit, Outbox, Role
from tests.plugins.server import Server, robot_token

TIMES = 10
ROLE = {"code": "welder", "name_zh": "焊工", "name_en": "Welder"}


@pytest.fixture
def asked(server: Server):
    """Give a function that sends bodies at one moment, each over a connection of its own; answers in their order."""
    token = robot_token()

    def send(key: str, *bodies: dict) -> list[tuple[int, dict, bytes]]:
        start = threading.Barrier(len(bodies))

        def one(body: dict) -> tuple[int, dict, bytes]:
            link = server.connect()
            link.connect()
            start.wait(30)
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key}
            link.request("POST", "/api/v1/kernel/roles", json.dumps(body).encode(), headers)
            answer = link.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()

        with ThreadPoolExecutor(len(bodies)) as pool:
            return list(pool.map(one, bodies))

    return send


def test_the_same_request_ten_times_with_one_key_is_done_once(asked):
    for n in range(5):
        role = ROLE | {"code": f"welder-{n}"}
        answers = asked(f"key-{n}", *[role] * TIMES)
        assert {status for status, _, _ in answers} == {201}
        assert len({body for _, _, body in answers}) == 1
        assert sum("idempotent-replay" not in headers for _, headers, _ in answers) == 1
        made = Role.objects.get(code=role["code"])
        assert json.loads(answers[0][2])["id"] == str(made.pk)
        assert Audit.objects.filter(command="kernel.role.create", outcome="done").count() == n + 1
        assert Outbox.objects.filter(record=made.pk).count() <= 1


def test_two_bodies_at_once_under_one_key_are_not_taken_for_each_other(asked):
    answers = asked("mixed", *[ROLE | {"code": f"welder-{n % 2}"} for n in range(TIMES)])
    assert sorted({status for status, _, _ in answers}) == [201, 422]
    refused = [json.loads(body) for status, _, body in answers if status == 422]
    assert {one["code"] for one in refused} == {"key_reused"}
    assert len(refused) == TIMES // 2
    assert Role.objects.filter(code__startswith="welder").count() == 1


def test_a_refusal_under_a_key_leaves_the_key_free(asked):
    answers = asked("later", *[{"code": "", "name_zh": "", "name_en": ""}] * TIMES)
    assert {status for status, _, _ in answers} == {422}
    assert [status for status, _, _ in asked("later", ROLE)] == [201]
