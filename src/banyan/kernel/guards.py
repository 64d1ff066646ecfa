"""What the database itself enforces for every table: history by trigger, ledgers that only grow, nothing left beside
what is gone.

`install` runs after each migration, as the owner; it is idempotent and reads everything from the registry.
"""

from __future__ import annotations

from django.apps import apps
from django.db import connection, models

from banyan.kernel import registry
from banyan.kernel.models import Line, Record

#: Columns whose change is no news: they follow from others or are kept by the engine.
ENGINE = ("version", "changed_at", "changed_by_id", "find_text", "access_epoch", "last_login", "password")


def install() -> None:
    """Create or replace the triggers of every table that exists."""
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        for statement in statements(existing):
            cursor.execute(statement)


def statements(existing: set[str]) -> list[str]:
    """Give the SQL for all guards of the existing tables."""
    made: list[str] = []
    nouns = {noun.model for noun in registry.nouns()}
    for model in apps.get_models():
        if model._meta.db_table in existing:
            made += of_model(model, is_noun=model in nouns)
    for noun in registry.nouns():
        if noun.model._meta.apps is not apps and noun.model._meta.db_table in existing:
            for model in (noun.model, *noun.line_models.values()):
                made += of_model(model, is_noun=model is noun.model)
    return made


def beside(table: str) -> list[str]:
    """Give the SQL by which what lies beside a noun's records goes with them."""
    return [
        f'CREATE OR REPLACE TRIGGER banyan_beside AFTER DELETE ON "{table}" REFERENCING OLD TABLE AS stale '
        "FOR EACH STATEMENT EXECUTE FUNCTION banyan_beside()"
    ]


def of_model(model: type[models.Model], *, is_noun: bool = False) -> list[str]:
    """Give the SQL for the guards of one table, which people can comment on where it is a noun's."""
    table = model._meta.db_table
    always = [
        f'CREATE OR REPLACE TRIGGER banyan_steady AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON "{table}" '
        "FOR EACH STATEMENT EXECUTE FUNCTION banyan_steady()"
    ] if getattr(model, "is_steady", False) else []
    if getattr(model, "append_only", False):
        return [
            f'CREATE OR REPLACE TRIGGER banyan_append_only BEFORE UPDATE OR DELETE ON "{table}" '
            "FOR EACH STATEMENT EXECUTE FUNCTION banyan_append_only()"
        ]
    always += beside(table) if is_noun else []
    if not issubclass(model, (Record, Line)) or getattr(model, "keeps_no_history", False):
        return always
    derived = "{" + ",".join((*ENGINE, *getattr(model, "derived", ()))) + "}"
    parent = _parent(model)
    made = always
    for operation, tables in (
        ("INSERT", "REFERENCING NEW TABLE AS fresh"),
        ("UPDATE", "REFERENCING NEW TABLE AS fresh OLD TABLE AS stale"),
        ("DELETE", "REFERENCING OLD TABLE AS stale"),
    ):
        made.append(
            f'CREATE OR REPLACE TRIGGER banyan_history_{operation.lower()} AFTER {operation} ON "{table}" {tables} '
            f"FOR EACH STATEMENT EXECUTE FUNCTION banyan_history('{parent}', '{derived}')"
        )
    return made


def _parent(model: type[models.Model]) -> str:
    if not issubclass(model, Line):
        return ""
    return next(
        (f.attname for f in model._meta.concrete_fields
         if isinstance(f, models.ForeignKey) and f.remote_field.on_delete is models.CASCADE), "",
    )
