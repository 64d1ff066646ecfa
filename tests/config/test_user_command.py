"""People are made, shut out and let in from the terminal."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import check_password

from banyan.kernel.models import Role, User

GOOD = "correct-horse-battery"


@pytest.fixture
def role(db) -> Role:
    return Role.objects.create(code="planner", name_zh="计划员", name_en="Planner")


def test_a_person_is_added_with_role_and_password(banyan, role):
    result = banyan("user", "add", "li", "--name", "李明", "--role", "planner", "--password", GOOD)
    assert result.exit_code == 0, result.output
    made = User.objects.get(login="li")
    assert check_password(GOOD, made.password)
    assert [held.role_id for held in made.roles.all()] == [role.pk]
    assert "li\t李明\tplanner" in banyan("user", "list").output


def test_an_unknown_role_is_refused_and_nobody_is_made(banyan, role):
    result = banyan("user", "add", "li", "--name", "李明", "--role", "pilot", "--password", GOOD)
    assert result.exit_code == 2
    assert "planner" in result.output
    assert not User.objects.filter(login="li").exists()


def test_a_weak_password_is_refused(banyan, role):
    result = banyan("user", "add", "li", "--name", "李明", "--role", "planner", "--password", "12345")
    assert result.exit_code == 1
    assert not User.objects.filter(login="li").exists()


def test_a_person_is_shut_out_and_let_in(banyan, role):
    banyan("user", "add", "li", "--name", "李明", "--role", "planner", "--password", GOOD)
    assert banyan("user", "off", "li").exit_code == 0
    assert User.objects.get(login="li").is_active is False
    assert banyan("user", "on", "li").exit_code == 0
    assert User.objects.get(login="li").is_active is True


def test_a_new_password_ends_open_sessions(banyan, role):
    banyan("user", "add", "li", "--name", "李明", "--role", "planner", "--password", GOOD)
    before = User.objects.get(login="li").access_epoch
    assert banyan("user", "password", "li", "--password", GOOD + "-2").exit_code == 0
    after = User.objects.get(login="li")
    assert check_password(GOOD + "-2", after.password)
    assert after.access_epoch == before + 1


def test_somebody_unknown_is_named(banyan):
    result = banyan("user", "off", "nobody")
    assert result.exit_code == 1
    assert "nobody" in result.output
