"""How a mapping is read and how rows become values: tables of cases, without a database."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal as D
from typing import get_args
from uuid import UUID

import pytest

from banyan.ops.migration import mapping
from banyan.ops.migration.engine import record_model
from banyan.ops.migration.mapping import BadMapping, value_of
from banyan.ops.migration.sources import NoSource, Row, Source, Sources
from banyan.ops.migration.values import CellUnreadable, NotBroughtIn, NoTranslation, evaluate, holds

BOX = UUID(int=7)


class Around:
    """What values need besides the row: a rate of two, one known key, one rule."""

    rate = D(2)
    rules = {"length": lambda row, around: len(row["Name"])}  # noqa: RUF012

    def key_of(self, noun, key):
        if (noun, key) != ("company.unit", "BOX"):
            raise NotBroughtIn(noun=noun, key=key)
        return BOX


UNIT = Row("Unit", 4, {"Code": "BOX", "Name": "Box"})
ROW = Row(
    "Product", 1,
    {"Id": "7", "Name": "Nut", "Made": "1", "Cost": "1.2345678", "Count": "5.00",
     "Day": "2021-05-02 00:00:00.000", "At": "07:30:00.0000000", "Empty": "", "Odd": "x"},
    {"unit": UNIT, "none": None},
)  # fmt: skip


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Name", "Nut"),
        ("Empty", None),
        ({"of": "Empty", "empty": ""}, ""),
        ({"of": "Made", "as": "flag"}, True),
        ({"of": "Count", "as": "integer"}, 5),
        ({"of": "Cost", "as": "price"}, D("2.469136")),
        ({"of": "Cost", "as": "amount"}, D("2.47")),
        ({"of": "Day", "as": "date"}, date(2021, 5, 2)),
        ({"of": "Day", "as": "day_after"}, date(2021, 5, 3)),
        ({"of": "At", "as": "time"}, time(7, 30)),
        ({"of": "Made", "is": {"1": "made", "0": "bought"}}, "made"),
        ({"of": "unit.Name"}, "Box"),
        ({"of": "none.Name"}, None),
        ({"text": "P-{Id:03} {unit.Code}"}, "P-007 BOX"),
        ({"text": "{none.Code|EA}"}, "EA"),
        ({"text": "{Empty}"}, None),
        ({"value": 2.5}, 2.5),
        ({"ref": "company.unit", "key": "{unit.Code}"}, BOX),
        ({"ref": "company.unit", "key": "{Empty}"}, None),
        ({"rule": "length"}, 3),
    ],
)
def test_a_row_becomes_a_value(said, wanted):
    assert evaluate(value_of(said), ROW, Around()) == wanted


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"of": "Odd", "as": "decimal"}, CellUnreadable),
        ({"of": "Odd", "as": "date"}, CellUnreadable),
        ({"of": "Odd", "as": "flag"}, CellUnreadable),
        ({"of": "Odd", "is": {"1": "made"}}, NoTranslation),
        ({"ref": "company.unit", "key": "{Name}"}, NotBroughtIn),
        ({"of": "Odd", "as": "colour"}, BadMapping),
    ],
)
def test_a_cell_that_says_something_else_is_refused(said, refusal):
    with pytest.raises(refusal):
        evaluate(value_of(said), ROW, Around())


@pytest.mark.parametrize("said", [{}, {"of": "A", "text": "B"}, {"off": "A"}, {"of": "A", "colour": 1}, 7])
def test_a_value_is_said_in_one_form(said):
    with pytest.raises(BadMapping):
        value_of(said)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ({}, True),
        ({"Made": "1"}, True),
        ({"Made": "0"}, False),
        ({"Made": ["0", "1"]}, True),
        ({"Empty": ""}, True),
        ({"Empty": "*"}, False),
        ({"Name": "*", "Made": "1"}, True),
        ({"Made": {"not": "1"}}, False),
        ({"Count": {"above": 4}}, True),
        ({"Empty": {"above": 0}}, False),
        ({"rule": {"length": 3}}, True),
        ({"rule": {"length": 4}}, False),
    ],
)
def test_a_condition_is_a_table_of_columns(condition, wanted):
    assert holds(condition, ROW, Around()) is wanted


def test_a_source_remembers_what_became_of_each_row():
    source = Source("S", [{"A": "1", "B": "x"}, {"A": "2", "B": "x"}, {"A": "1", "B": "y"}], is_outside=True)
    assert [row.number for row in source.matching(("A",), ("1",))] == [1, 3]
    assert [row.number for row in source.matching(("A", "B"), ("2", "x"))] == [2]
    source.brought.add(2)
    assert [row.number for row in source.open_rows] == [1, 3]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NoSource) as refused:
        Sources(tmp_path, tmp_path)["Product"]
    assert refused.value.facts["file"] == "Product.csv"


def test_every_mapping_can_be_read_and_names_only_nouns_and_fields_there_are():
    from banyan.kernel import registry

    for system in mapping.systems():
        for step in mapping.load(system).steps:
            model = record_model(registry.command(f"{step.noun}.{step.command}"))
            assert set(step.fields) <= set(model.model_fields), step.noun
            for name, lines in step.lines.items():
                line = get_args(model.model_fields[name].annotation)[0]
                assert set(lines.fields) <= set(line.model_fields), f"{step.noun}.{name}"
