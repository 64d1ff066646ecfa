"""Bringing the database to the present version."""

from __future__ import annotations

from collections.abc import Callable

from django.apps import apps
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
        leaves = executor.loader.graph.leaf_nodes()
        plan = executor.migration_plan(leaves)
        if plan:
            say(f"Applying {len(plan)} migrations")
            executor.migrate([leaf for leaf in leaves if not _is_ours(leaf[0])])
            call_command("migrate", interactive=False, verbosity=0)
        grants.apply()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_AT_A_TIME])
    return len(plan)


def _is_ours(app: str) -> bool:
    """Tell our own apps, which come after the packages'.

    Django renders every model known so far anew for each field that a package once altered; the packages
    altered hundreds, so it saves half the time that they do it before ours are known.
    """
    return apps.get_app_config(app).name.startswith("banyan.")
