"""Making tables together, with their indexes, changes the time, not the outcome."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations import AddConstraint, AddField, AddIndex, AlterField, CreateModel, RunSQL
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
    (table,) = made.several
    assert table.options == {"indexes": [INDEX.index], "constraints": [POSITIVE.constraint]}
    assert TABLE.options == {}


@pytest.mark.parametrize(
    "between", [AddField("Lot", "held", models.BooleanField(default=False)), RunSQL("SELECT 1")]
)
def test_what_stands_between_keeps_its_place(between):
    made, *others = folded([TABLE, between, INDEX])
    assert (made.several, [step for other in others for step in getattr(other, "several", [other])]) == (
        [TABLE],
        [between, INDEX],
    )


def test_what_changes_a_table_joins_its_like_but_a_field_changed_twice_does_not():
    held = AddField("Lot", "held", models.BooleanField(default=False))
    code, wider = (AlterField("Lot", "code", models.CharField(max_length=size)) for size in (20, 40))
    added, altered, again = folded([held, INDEX, code, held])
    assert (added.several, altered, again) == ([held, INDEX], code, held)
    assert folded([code, wider]) == [code, wider]


def test_new_tables_join_the_rendered_models_and_others_stay_as_they_are():
    state = ProjectState()
    TABLE.state_forwards("stock", state)
    lot = state.apps.get_model("stock", "Lot")
    move = CreateModel("Move", [("id", TABLE.fields[0][1]), ("lot", models.ForeignKey("stock.Lot", models.PROTECT))])
    before = state.clone()
    (made,) = folded([move, AddIndex("Move", models.Index(fields=["lot"], name="move_lot"))])
    made.state_forwards("stock", state)
    assert state.apps.get_model("stock", "Lot") is lot
    assert state.apps.get_model("stock", "Move")._meta.get_field("lot").remote_field.model is lot
    assert ("stock", "move") not in before.models
    assert "move" not in before.apps.all_models["stock"]


def test_a_changed_table_is_rendered_anew():
    state = ProjectState()
    TABLE.state_forwards("stock", state)
    lot = state.apps.get_model("stock", "Lot")
    (changed,) = folded([AddField("Lot", "held", models.BooleanField(default=False)), INDEX])
    changed.state_forwards("stock", state)
    assert state.apps.get_model("stock", "Lot") is not lot
    assert state.apps.get_model("stock", "Lot")._meta.get_field("held")


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
