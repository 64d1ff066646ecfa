"""The site answers machines and people."""

from __future__ import annotations

import pytest


@pytest.mark.django_db
def test_health_is_told_without_signing_in(client):
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.browser
def test_a_browser_opens_the_first_page_in_chinese(open_page):
    page = open_page(phone=True)
    assert page.goto("/").status == 200
    assert page.evaluate("document.documentElement.lang").lower().startswith("zh")
