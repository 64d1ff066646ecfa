"""Bringing the database to the present version."""

from __future__ import annotations

from collections.abc import Callable

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from banyan.config import grants

ONE_AT_A_TIME = 0x42414E59  # "BANY": the advisory lock of migrations


def apply(*, say: Callable[[str], None]) -> int:
    """Apply the migrations that are missing, then give the application's role its rights.

    Takes:  say, told one line per group of migrations
    Gives:  how many were applied
    Writes: schema and grants, as the owner; one program at a time
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            say(f"Applying {len(plan)} migrations")
            call_command("migrate", interactive=False, verbosity=0)
        grants.apply()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_AT_A_TIME])
    return len(plan)
