"""Making tables together, with their indexes, changes the time, not the outcome."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel, RunSQL
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from django.utils import translation

from banyan.config.migrations import folded

TABLE = CreateModel("Lot", [("id", models.BigAutoField(primary_key=True)), ("code", models.TextField())])
INDEX = AddIndex("Lot", models.Index(fields=["code"], name="lot_code"))
POSITIVE = AddConstraint("Lot", models.CheckConstraint(condition=models.Q(id__gt=0), name="lot_positive"))


def test_indexes_and_constraints_join_their_table():
    (made,) = folded([TABLE, INDEX, POSITIVE])
    (table,) = made.tables
    assert table.options == {"indexes": [INDEX.index], "constraints": [POSITIVE.constraint]}
    assert TABLE.options == {}


@pytest.mark.parametrize(
    "between", [AddField("Lot", "held", models.BooleanField(default=False)), RunSQL("SELECT 1")]
)
def test_what_stands_between_keeps_its_place(between):
    made, *others = folded([TABLE, between, INDEX])
    assert (made.tables, others) == ([TABLE], [between, INDEX])


@pytest.mark.django_db
def test_all_migrations_lead_to_the_models_as_they_are():
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    state = ProjectState()
    for migration, _ in executor.migration_plan(graph.leaf_nodes(), clean_start=True):
        for operation in folded(migration.operations):
            operation.state_forwards(migration.app_label, state)
    with translation.override(None, deactivate=True):
        changes = MigrationAutodetector(state, ProjectState.from_apps(apps)).changes(graph)
    assert {app: [m.operations for m in made] for app, made in changes.items()} == {}
