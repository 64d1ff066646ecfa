"""Permissions to pick from: by module, by what they are called; others may be typed."""

from __future__ import annotations

import pytest

from banyan.kernel import clients
from banyan.kernel.models import Client, User
from tests.web.conftest import PART

pytestmark = pytest.mark.django_db


def picked(browser, term: str = "") -> list[dict]:
    return browser.get("/options/kernel.permission", {"q": term}, headers=PART).json()["options"]


def test_without_a_word_all_and_each_module_are_offered(everyone):
    found = picked(everyone)
    assert [one["id"] for one in found[:2]] == ["*", "*.*.read"]
    modules = {one["id"] for one in found[2:]}
    assert {"sales.*", "inventory.*", "integration.*", "kernel.*"} <= modules
    assert all(one["title"] != one["id"] and one["group"] for one in found)


@pytest.mark.parametrize(("term", "wanted"), [
    ("sales.order.confirm", "sales.order.confirm"), ("销售订单 确认", "sales.order.confirm"),
    ("sales order confirm", "sales.order.confirm"), ("销售订单 查看", "sales.order.read"),
])  # fmt: skip
def test_what_is_typed_is_found_by_key_and_in_both_languages(everyone, term, wanted):
    found = picked(everyone, term)
    assert wanted in [one["id"] for one in found]
    groups = [one["group"] for one in found]
    assert groups == sorted(groups, key=groups.index)  # those of a module stand together


def test_all_that_is_offered_covers_something(everyone):
    known, wrong = clients.permissions(), []
    for word in ("sales", "kernel", "inventory", "integration"):
        for one in picked(everyone, word):
            if not any(clients.covers(one["id"], permission) for permission in known):
                wrong.append(one["id"])
    assert wrong == []


def test_picked_and_typed_ones_are_kept_as_they_stand(everyone):
    user = User.objects.create(login="shop", name="Shop", is_program=True)
    posted = {"name": "Shop", "user": str(user.pk), "scopes": ["sales.*", "items.item.read, sales.*"]}
    answer = everyone.post("/kernel/clients/do/issue", posted, headers=PART)
    assert answer.status_code == 200, answer.content.decode()
    assert Client.objects.get().scopes == ["sales.*", "items.item.read"]
    page = everyone.get(f"/kernel/clients/do/limit?ids={Client.objects.get().pk}", headers=PART).content.decode()
    assert page.count("data-token") == 2
    assert 'data-combo="kernel.permission"' in page
    assert "data-free" in page
