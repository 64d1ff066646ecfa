"""Each proof names the fault planted for it."""

from __future__ import annotations

import pytest

from banyan.kernel import db, proofs

pytestmark = pytest.mark.django_db


@pytest.mark.plants("company.departments")
def test_a_circle_of_departments_is_named(world):
    below = world.make("company.department", code="SUB", name="下级", parent=world.department)
    assert proofs.run(["company.departments"])[0].is_green
    db.run("UPDATE company_department SET parent_id = %s WHERE id = %s", [below.pk, world.department.pk])
    found = proofs.run(["company.departments"])[0].found
    assert {one.record for one in found.faults} == {str(below.pk), str(world.department.pk)}
