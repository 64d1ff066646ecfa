"""A noun made of data does what a declared one does."""

from __future__ import annotations

import pytest

from banyan.kernel import data_nouns, exchange, reading, registry
from banyan.kernel.commands import Command, execute
from banyan.kernel.models import History
from banyan.kernel.spec import to_json
from banyan.lib.errors import Conflict, Invalid, NotAllowed
from banyan.lib.labels import L
from tests.kernel.visitor_pass import VISITOR_PASS

pytestmark = pytest.mark.django_db


@pytest.fixture
def passes(db):
    noun = data_nouns.compile_definition(VISITOR_PASS)
    data_nouns.create_tables(noun)
    registry.publish([noun])
    registry.add_command(
        Command(
            key="made.visitor_pass.issue",
            label=L("发证", "Issue"),
            permission="made.visitor_pass.issue",
            function=lambda ctx, records: None,
        )
    )
    yield noun
    registry.withdraw("made.visitor_pass")


def create(ctx, **more):
    data = {
        "visitor": "张三",
        "visits_on": "2026-03-02",
        "things": [{"thing": "笔记本电脑", "quantity": "1"}],
        **more,
    }
    return execute(ctx, registry.command("made.visitor_pass.create"), data={"records": [data]}).ids[0]


def test_it_is_created_read_changed_and_found(ctx, passes):
    key = create(ctx)
    execute(ctx, registry.command("made.visitor_pass.change"), ids=[key], data={"visitor": "李四"})
    row = reading.read_record(ctx, passes, key)
    assert (row["visitor"], row["state"], row["version"]) == ("李四", "draft", 2)
    assert [t["thing"] for t in row["things"]] == ["笔记本电脑"]
    assert [r["id"] for r in reading.list_records(ctx, passes, reading.Query(search="李四")).rows] == [
        str(key)
    ]
    assert History.objects.filter(record=key).count() == 2


def test_it_lives_and_is_numbered_at_posting(ctx, passes):
    key = create(ctx)
    execute(ctx, registry.command("made.visitor_pass.issue"), ids=[key])
    row = reading.read_record(ctx, passes, key)
    assert (row["state"], row["number"]) == ("issued", "VP2603-00001")
    with pytest.raises(Conflict):
        execute(ctx, registry.command("made.visitor_pass.change"), ids=[key], data={"visitor": "王五"})


def test_it_is_exported_and_imported(ctx, passes):
    create(ctx)
    content = b"".join(exchange.export(ctx, passes, reading.Query(), full=True))
    table = exchange.read_table("x.csv", content)
    batch = exchange.run(ctx, passes, table, exchange.suggest_map(passes, table.columns))
    assert batch.made == 1


def test_a_reference_to_nothing_is_refused(ctx, passes):
    with pytest.raises(Invalid) as refusal:
        create(ctx, host="01890000-0000-7000-8000-000000000000")
    assert list(refusal.value.fields) == ["records.0.host"]


def test_heads_of_columns_that_people_use_are_known(passes):
    columns = ["Guest name", "来访人", "件数", "thing", "什么"]
    assert exchange.suggest_map(passes, columns) == {
        "Guest name": "visitor", "件数": "things.quantity", "thing": "things.thing",
    }  # fmt: skip


def test_heads_for_what_nobody_can_write_are_refused():
    with pytest.raises(Invalid) as refusal:
        data_nouns.compile_definition(VISITOR_PASS | {"import_map": {"number": ["证号"], "things.thing": ["物"]}})
    assert list(refusal.value.fields) == ["import_map.number"]


def test_an_export_of_what_is_no_field_is_refused():
    with pytest.raises(Invalid) as refusal:
        data_nouns.compile_definition(VISITOR_PASS | {"export": ["number", "created_at", "things", "none"]})
    assert list(refusal.value.fields) == ["export.2", "export.3"]


def test_a_field_with_a_right_of_its_own_is_nowhere_without_it(ctx, person, db):
    fields = [{**one, **({"see": "made.visitor_pass.deposits"} if one["key"] == "deposit" else {})}
              for one in VISITOR_PASS["fields"]]  # fmt: skip
    noun = data_nouns.compile_definition(VISITOR_PASS | {"fields": fields})
    data_nouns.create_tables(noun)
    registry.publish([noun])
    try:
        key = create(ctx, deposit="50")
        some = [person("made.visitor_pass.read", "made.visitor_pass.create", *more)
                for more in ((), ("made.visitor_pass.deposits",))]  # fmt: skip
        assert [reading.read_record(one, noun, key).get("deposit") for one in some] == [None, "50"]
        assert ["deposit" in exchange.suggest_map(noun, ["押金"], one).values() for one in some] == [False, True]
        with pytest.raises(NotAllowed) as refusal:
            create(some[0], deposit="50")
        assert refusal.value.code == "field_not_allowed"
    finally:
        registry.withdraw("made.visitor_pass")


def test_its_spec_is_json(passes):
    assert to_json(passes.spec)["label"] == {"zh": "访客证", "en": "Visitor pass"}
