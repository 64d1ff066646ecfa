"""What the application's role may do, and what the database refuses it."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from psycopg.errors import InsufficientPrivilege

from banyan.config import grants


def _may(sql: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    except ProgrammingError as error:
        if not isinstance(error.__cause__, InsufficientPrivilege):
            raise
        return False
    return True


@pytest.mark.django_db
def test_ledgers_are_only_added_to_and_other_rows_are_changed():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE a_ledger (n int)")
        cursor.execute("CREATE TABLE a_table (n int)")
        grants.apply([*grants.append_only_tables(), "a_ledger"])
        cursor.execute("SET LOCAL ROLE banyan_app")
    assert _may("INSERT INTO a_ledger VALUES (1)")
    assert _may("SELECT n FROM a_ledger")
    assert not _may("UPDATE a_ledger SET n = 2")
    assert not _may("DELETE FROM a_ledger")
    assert not _may("TRUNCATE a_ledger")
    assert _may("INSERT INTO a_table VALUES (1)")
    assert _may("UPDATE a_table SET n = 2")
    assert _may("DELETE FROM a_table")
    assert not _may("DROP TABLE a_table")
    assert not _may("ALTER TABLE a_ledger ADD COLUMN m int")
    assert not _may("DELETE FROM django_migrations")


@pytest.mark.django_db
def test_the_kernels_ledgers_are_closed_to_changes_after_migration(app_role):
    ledgers = grants.append_only_tables()
    assert ledgers
    for name in ledgers:
        assert not _may(f'DELETE FROM "{name}"')
        assert _may(f'SELECT count(*) FROM "{name}"')
