"""A request to a host that is none of ours is refused in the form of its address, and writes nothing."""

from __future__ import annotations

import pytest


@pytest.mark.django_db
@pytest.mark.parametrize("host", [";1.}", "evil.example", ""])
def test_a_foreign_host_is_a_problem(client, host, settings):
    settings.ALLOWED_HOSTS = ["localhost"]
    headers = {"host": host or "\x7f"}
    answer = client.post("/api/v1/items/items", "{}", content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "header_invalid"
    page = client.get("/login", headers=headers)
    assert (page.status_code, page.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
