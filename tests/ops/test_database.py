"""The database of the tests is the product's, and its two roles differ."""

from __future__ import annotations

import threading

import pytest
from django.db import connection


def _one(sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_tests_run_as_the_owner_in_a_database_of_their_own():
    assert _one("SELECT current_user") == "banyan_owner"
    assert str(_one("SELECT current_database()")).startswith("test_banyan_")


@pytest.mark.django_db
def test_the_application_role_owns_nothing(app_role):
    assert _one("SELECT current_user") == "banyan_app"
    assert _one("SELECT count(*) FROM pg_class c WHERE pg_get_userbyid(c.relowner) = 'banyan_app'") == 0


def test_what_one_thread_commits_another_reads(live_db):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE seen (n int)")
        cursor.execute("INSERT INTO seen VALUES (7)")
    found = []

    def read():
        found.append(_one("SELECT n FROM seen"))
        connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert found == [7]
