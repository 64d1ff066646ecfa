"""A pooled connection is asked over the wire only where it is in doubt, and one that the server ended is found out."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from banyan.config import pooled
from banyan.config.pooled import Pooled


@pytest.fixture
def held(live_db):
    with Pooled.connect(live_db.url("banyan_app"), autocommit=True) as made:
        yield made


def asked(held: Pooled) -> int:
    """Give how many empty statements a check of the connection sends."""
    sent, real = [], psycopg.Connection.execute

    def count(self, query, *args, **more):
        sent.append(query)
        return real(self, query, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", count)
        held.execute("")
    return len(sent)


def test_a_quiet_connection_is_asked_once_in_a_while(held, monkeypatch):
    assert [asked(held) for _ in range(3)] == [1, 0, 0]
    assert held.execute("SELECT 7").fetchone() == (7,)
    monkeypatch.setattr(pooled, "DOUBTED_AFTER", 0.0)
    assert asked(held) == 1


def test_a_connection_that_the_server_has_ended_is_refused_at_once(held):
    held.execute("")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [held.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        held.execute("")
