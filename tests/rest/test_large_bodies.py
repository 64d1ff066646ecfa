"""A body that is too large is refused over a real connection, and whoever sent it gets to read why."""

from __future__ import annotations

import http.client
import json

import pytest

from tests.plugins.server import Server, robot_token

MB = 1024 * 1024


def _asked(server: Server, path: str, body: bytes | object, **headers: str) -> tuple[int, dict]:
    link = server.connect()
    link.request("POST", f"/api/v1/{path}", body, {"Content-Type": "application/json"} | headers)
    answer = link.getresponse()
    return answer.status, json.loads(answer.read())


def test_a_body_of_ten_megabytes_gets_its_refusal(server):
    held = {"Authorization": f"Bearer {robot_token()}"}
    body = b'{"name": "' + b"x" * (10 * MB) + b'"}'
    for _ in range(5):
        status, problem = _asked(server, "items/items", body, **held)
        assert (status, problem["code"]) == (413, "body_too_large")
    assert _asked(server, "items/items", body)[0] == 401
    assert _asked(server, "items/nowhere", body, **held)[0] == 404


def test_a_body_in_pieces_is_refused_instead_of_taken_for_none(server):
    pieces = iter([b'{"name": ', b'"x"}'])
    status, problem = _asked(server, "items/items", pieces, Authorization=f"Bearer {robot_token()}")
    assert (status, problem["code"]) == (411, "length_wanted")


def test_a_body_without_end_is_cut_off(server):
    sent = 0

    def endless():
        nonlocal sent
        while sent < 2000 * MB:
            sent += MB
            yield b"x" * MB

    with pytest.raises((OSError, http.client.HTTPException)):
        _asked(server, "items/items", endless(), Transfer_Encoding="chunked")
    assert sent < 300 * MB
