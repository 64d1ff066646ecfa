"""What the application's role may do: everything to ordinary rows, only add to ledgers, own nothing."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction
from psycopg import sql

from banyan.config.environ import has_part
from banyan.ops.cluster import APP

_REVOKE = sql.SQL("REVOKE {} ON TABLE {} FROM {}")


def append_only_tables() -> tuple[str, ...]:
    """Give the tables whose rows are never changed, as the kernel registers them."""
    if not has_part("banyan.kernel.db"):
        return ()
    from banyan.kernel import db

    return tuple(db.append_only_tables())


def apply(ledgers: Iterable[str] | None = None) -> None:
    """Give the application's role its rights on every table of the schema.

    Takes:  ledgers, names of append-only tables; None for those of the kernel's registry
    Writes: grants, in one transaction; repeatable
    """
    names = append_only_tables() if ledgers is None else tuple(ledgers)
    role = sql.Identifier(APP)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regrole(%s)", [APP])
        if cursor.fetchone()[0] is None:
            raise SystemExit(f"The database has no role {APP}; docs/configuration.md says how to make it.")
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {}",
        ):
            cursor.execute(sql.SQL(statement).format(role))
        there = set(connection.introspection.table_names(cursor))
        for name in sorted(there.intersection(names)):
            cursor.execute(_REVOKE.format(sql.SQL("UPDATE, DELETE, TRUNCATE"), sql.Identifier(name), role))
        cursor.execute(
            _REVOKE.format(sql.SQL("INSERT, UPDATE, DELETE"), sql.Identifier("django_migrations"), role)
        )
