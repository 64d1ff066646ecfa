"""What the company's master data refuses."""

from __future__ import annotations

import pytest

from banyan.lib.errors import Conflict, Invalid
from banyan.modules.company.errors import BadExceptionTimes, BadTaxRate, DepartmentLoop
from banyan.modules.company.models import Department

pytestmark = pytest.mark.django_db


def test_departments_cannot_stand_under_themselves(world):
    top = world.make("company.department", code="A", name="甲")
    middle = world.make("company.department", code="B", name="乙", parent=top)
    with pytest.raises(DepartmentLoop) as refused:
        world.change(top, parent=middle)
    assert {"A", "B"} <= set(refused.value.facts["path"].split(" → "))
    assert Department.objects.get(code="A").parent_id is None


def test_a_plant_needs_a_zone_that_exists(world):
    with pytest.raises(Invalid) as refused:
        world.make(
            "company.plant", code="X", name="X", company=world.company, calendar=world.calendar, zone="Mars"
        )
    assert "zone" in refused.value.fields


@pytest.mark.parametrize(
    ("noun", "values", "refusal"),
    [
        ("company.tax_code", {"code": "X", "name": "X", "rate": "3", "kind": "exempt"}, BadTaxRate),
        ("company.tax_code", {"code": "X", "name": "X", "rate": "100"}, Invalid),
        ("company.currency", {"code": "cn", "name": "X"}, Conflict),
        ("company.unit", {"code": "X", "name": "X", "places": 7}, Invalid),
        ("company.unit", {"code": "X", "name": "X", "factor": "2"}, Conflict),
        (
            "company.calendar",
            {"code": "X", "name": "X", "exceptions": [{"day": "2026-05-01", "is_working": True}]},
            BadExceptionTimes,
        ),
        (
            "company.calendar",
            {"code": "X", "name": "X", "shifts": [{"weekday": 7, "starts_at": "08:00", "ends_at": "09:00"}]},
            Invalid,
        ),
        (
            "company.currency",
            {"code": "EUR", "name": "欧元", "rates": [{"valid_from": "2026-01-01", "rate": "0"}]},
            Invalid,
        ),
    ],
)
def test_nonsense_is_refused_in_words(world, noun, values, refusal):
    with pytest.raises(refusal):
        world.make(noun, **values)


def test_a_code_exists_once(world):
    assert world.pieces
    with pytest.raises(Conflict):
        world.make("company.unit", code="pcs", name="又一个")
