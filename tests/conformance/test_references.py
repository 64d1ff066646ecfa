"""Every pair of (noun key, id) that a table holds is looked up by a proof, or only tells of the past."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import models

from banyan.kernel import proofs
from banyan.kernel.references import Reference

#: What happened to records that may be gone since.
PAST = {
    ("kernel_outbox", "record"), ("integration_message", "record"), ("saga_run", "origin"),
    ("watch_discrepancy", "record"), ("mapping_finding", "record"),
}  # fmt: skip
#: Ids of lines without a noun beside them: it is always the same.
LINES = {("finance_entryline", "origin_line"), ("production_material", "source_line"),
         ("production_operation", "source_line")}  # fmt: skip


def pairs(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    """Give (table, column) of the ids of a table that stand beside a noun's key."""
    columns = {field.column: field for field in model._meta.concrete_fields}
    for name, field in columns.items():
        if not isinstance(field, models.CharField) or not (name in ("noun", "entity") or name.endswith("_noun")):
            continue
        stem = name.removesuffix("_noun") if name.endswith("_noun") else "record"
        for one in (stem, f"{stem}_line"):
            if isinstance(columns.get(one), models.UUIDField):
                yield model._meta.db_table, one


@pytest.mark.django_db
def test_every_pair_of_noun_and_id_is_looked_up(monkeypatch):
    seen: set[tuple[str, str]] = set()

    def counted(self: Reference) -> list:
        seen.update((self.table, column) for column in (self.record, self.line) if column)
        return []

    monkeypatch.setattr(Reference, "counted", counted)
    proofs.run()
    there = {pair for model in apps.get_models() for pair in pairs(model)}
    assert len(there) > 20
    assert there - seen == PAST
    assert {pair for pair in seen - there if "(" not in pair[0]} == LINES | {("mapping_merge", "winner")}
