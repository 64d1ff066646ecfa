"""Bringing the database to the present version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, AlterField, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.state import ProjectState

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
            for migration, _ in plan:
                migration.operations = type(migration).operations = folded(migration.operations)
            executor.migrate([leaf for leaf in leaves if not _is_ours(leaf[0])])
            call_command("migrate", interactive=False, verbosity=0)
        grants.apply()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_AT_A_TIME])
    return len(plan)


# Django renders every related model anew for each operation on a table, field, index or constraint: the
# time grows with the square of the models. Three measures keep a first start short: the packages'
# migrations, which once altered many fields, come before our models are known; our indexes are made with
# their tables; and operations of a kind that follow each other are done from one rendering.

TOGETHER = ((CreateModel,), (AddField, AddIndex, AddConstraint), (AlterField,))


def folded(operations: Sequence[Operation]) -> list[Operation]:
    """Give operations that lead to the same tables, in less time."""
    return _grouped(_with_indexes(operations))


class Together(Operation):
    """Does several operations of one app from one rendering of the models."""

    def __init__(self, several: Sequence[Operation]) -> None:
        self.several = several

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change the models; new ones join those rendered, after any other change all are rendered anew."""
        rendered = state.__dict__.pop("apps", None)
        for operation in self.several:
            operation.state_forwards(app_label, state)
        if rendered is not None and all(isinstance(operation, CreateModel) for operation in self.several):
            rendered.render_multiple([state.models[app_label, table.name_lower] for table in self.several])
            state.apps = rendered

    def database_forwards(self, app_label: str, schema_editor, from_state, to_state) -> None:
        """Change the tables, in order."""
        for operation in self.several:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)


def _grouped(operations: Sequence[Operation]) -> list[Operation]:
    """Join runs of a kind; a field named twice stays as it is, because each change needs its own state."""
    result: list[Operation] = []
    for kind, run in groupby(operations, key=_kind):
        several = list(run)
        fields = [(o.model_name_lower, o.name_lower) for o in several if isinstance(o, FieldOperation)]
        is_one_step = kind is not None and len(set(fields)) == len(fields)
        result += [Together(several)] if is_one_step and (kind == 0 or len(several) > 1) else several
    return result


def _kind(operation: Operation) -> int | None:
    return next((place for place, kind in enumerate(TOGETHER) if isinstance(operation, kind)), None)


def _with_indexes(operations: Sequence[Operation]) -> list[Operation]:
    """Move indexes and constraints into the creation of their tables, past operations on other tables."""
    result: list[Operation] = []
    made: dict[str, int] = {}
    for operation in operations:
        if isinstance(operation, CreateModel):
            made[operation.name_lower] = len(result)
        elif isinstance(operation, AddIndex | AddConstraint):
            place = made.get(operation.model_name_lower)
            if place is not None:
                result[place] = _with(result[place], operation)
                continue
        elif isinstance(operation, FieldOperation):
            made.pop(operation.model_name_lower, None)
        else:
            made.clear()
        result.append(operation)
    return result


def _with(table: CreateModel, addition: AddIndex | AddConstraint) -> CreateModel:
    kind, thing = (
        ("indexes", addition.index)
        if isinstance(addition, AddIndex)
        else ("constraints", addition.constraint)
    )
    options = table.options | {kind: [*table.options.get(kind, ()), thing]}
    return CreateModel(table.name, table.fields, options, table.bases, table.managers)


def _is_ours(app: str) -> bool:
    return apps.get_app_config(app).name.startswith("banyan.")
