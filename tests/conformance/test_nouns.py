"""What holds for every noun, declared or made of data: one suite, no noun named in it."""

from __future__ import annotations

import csv
import io

import pytest

from banyan.kernel import beside, data_nouns, exchange, reading, registry
from banyan.kernel.commands import execute
from banyan.kernel.models import Audit, History
from banyan.kernel.spec import to_json
from banyan.lib.errors import DomainError, Invalid, NotAllowed, NotFound, Stale
from banyan.lib.ids import new_id
from banyan.web import controls
from tests.kernel.visitor_pass import VISITOR_PASS

pytestmark = pytest.mark.django_db
MADE = VISITOR_PASS["key"]


def keys(verb: str | None = None) -> list[str]:
    return [n.spec.key for n in registry.nouns() if verb is None or verb in n.spec.verbs] + [MADE]


@pytest.fixture
def noun(request, db):
    if request.param != MADE:
        yield registry.noun(request.param)
        return
    made = data_nouns.compile_definition(VISITOR_PASS)
    data_nouns.create_tables(made)
    registry.publish([made])
    yield made
    registry.withdraw(MADE)


every_noun = pytest.mark.parametrize("noun", keys(), indirect=True)
every_created = pytest.mark.parametrize("noun", keys("create"), indirect=True)


def counts(noun):
    return [m._base_manager.count() for m in (noun.model, *noun.line_models.values())]


@every_noun
def test_its_spec_is_plain_data(noun):
    assert to_json(noun.spec)["key"] == noun.spec.key
    numbers = [f.no for f in noun.spec.fields]
    assert len(numbers) == len(set(numbers))


@every_noun
def test_what_limits_a_choice_is_a_yes_or_no_field_of_what_is_chosen(noun):
    own = [one for one in registry.commands_of(noun.spec.key) if one.input]
    asked = [control for one in own for control in controls.of_model(one.input_model())]
    fields = (*noun.spec.fields, *(field for line in noun.spec.lines for field in line.fields))
    for one in (*fields, *asked, *(column for control in asked for column in control.columns)):
        if one.only:
            chosen = registry.noun(one.reference).spec.field(one.only)
            assert (chosen.type, chosen.filterable) == ("boolean", True), one


@every_noun
def test_an_empty_list_is_read_in_few_statements(ctx, noun, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        reading.list_records(ctx, noun, reading.Query())


@every_noun
def test_without_the_right_nothing_can_be_read(nobody, noun):
    for read in (
        lambda: reading.list_records(nobody, noun, reading.Query()),
        lambda: reading.read_record(nobody, noun, new_id()),
        lambda: b"".join(exchange.export(nobody, noun, reading.Query())),
    ):
        with pytest.raises(NotAllowed):
            read()


@every_noun
def test_a_record_that_is_not_there_is_not_found(ctx, noun):
    with pytest.raises(NotFound):
        reading.read_record(ctx, noun, new_id())


@every_created
def test_it_is_created_with_audit_and_history_and_read_back(ctx, noun, samples):
    data = samples.input(noun)
    key = execute(ctx, registry.command(noun.spec.permission("create")), data={"records": [data]}).ids[0]
    row = reading.read_record(ctx, noun, key)
    for field in noun.spec.fields:
        if field.key in data and not field.is_number and field.type not in ("instant", "time"):
            assert row[field.key] == data[field.key], field.key
    assert Audit.objects.filter(records__contains=[key], outcome="done").count() == 1
    assert History.objects.filter(record=key, operation="insert").count() == 1
    assert beside.timeline(ctx, noun, key)


@every_created
def test_a_refused_create_leaves_only_its_audit_line(nobody, ctx, noun, samples):
    data = samples.input(noun)
    before, lines = counts(noun), Audit.objects.count()
    with pytest.raises(NotAllowed):
        execute(nobody, registry.command(noun.spec.permission("create")), data={"records": [data]})
    assert (counts(noun), Audit.objects.count()) == (before, lines + 1)


@every_created
def test_an_unknown_field_is_named(ctx, noun, samples):
    with pytest.raises(Invalid) as refusal:
        execute(
            ctx,
            registry.command(noun.spec.permission("create")),
            data={"records": [samples.input(noun) | {"没有的字段": 1}]},
        )
    assert list(refusal.value.fields) == ["records.0.没有的字段"]


@every_created
def test_a_rehearsal_writes_nothing(ctx, noun, samples):
    data = samples.input(noun)
    before = counts(noun)
    execute(ctx, registry.command(noun.spec.permission("create")), data={"records": [data]}, dry_run=True)
    assert counts(noun) == before


@every_created
def test_a_stale_change_is_refused(ctx, noun, samples):
    if "change" not in noun.spec.verbs:
        pytest.skip("cannot be changed")
    key = samples.make(noun)
    field = next(
        (
            f
            for f in noun.spec.fields
            if f.type in ("text", "long_text") and not f.readonly and not f.unique and not f.choices
        ),
        None,
    )
    if field is None:
        pytest.skip("has no free text")
    with pytest.raises(Stale):
        execute(
            ctx,
            registry.command(noun.spec.permission("change")),
            ids=[key],
            data={field.key: "新值"},
            versions={key: 99},
        )


@every_created
def test_a_draft_or_unused_record_can_be_deleted(ctx, noun, samples):
    if "delete" not in noun.spec.verbs:
        pytest.skip("cannot be deleted")
    key = samples.make(noun)
    execute(ctx, registry.command(noun.spec.permission("delete")), ids=[key])
    assert not noun.model._base_manager.filter(pk=key).exists()
    assert History.objects.filter(record=key, operation="delete").count() == 1


@every_created
def test_a_full_export_is_read_back(ctx, noun, samples):
    key = samples.make(noun)
    content = b"".join(exchange.export(ctx, noun, reading.Query(ids=(key,)), full=True))
    table = exchange.read_table("x.csv", content)
    mapping = exchange.suggest_map(noun, table.columns)
    if noun.spec.natural_key and not noun.spec.field(noun.spec.natural_key).readonly:
        batch = exchange.run(ctx, noun, table, mapping)
        assert (batch.made, batch.changed) == (0, 0)
        return
    execute(ctx, registry.command(noun.spec.permission("delete")), ids=[key])
    assert exchange.run(ctx, noun, table, mapping).made == 1


@every_noun
def test_an_export_holds_what_the_noun_says_unless_columns_are_chosen(ctx, noun):
    spec = noun.spec

    def heads(*chosen):
        content = b"".join(exchange.export(ctx, noun, reading.Query(columns=chosen))).decode("utf-8-sig")
        return next(csv.reader(io.StringIO(content)))

    def labels(keys):
        return [spec.field(key).label.in_(ctx.language) for key in keys]

    assert heads() == labels(spec.export or spec.list)
    assert heads(*spec.list[-2:]) == labels(spec.list[-2:])


def test_nouns_of_both_providers_say_what_their_export_holds():
    declared = [one.spec.key for one in registry.nouns() if one.spec.export and one.spec.export != one.spec.list]
    assert declared
    assert data_nouns.compile_definition(VISITOR_PASS).spec.export == tuple(VISITOR_PASS["export"])


@every_created
def test_usual_heads_of_columns_go_where_the_noun_says(noun):
    places = {target.path: target for target in exchange.targets(noun)}
    for path, heads in noun.spec.import_map:
        for head in heads:
            assert exchange.suggest_map(noun, [head]) == {head: path}
    for key, target in places.items():
        assert exchange.suggest_map(noun, [key]) == {key: key}
        assert set(exchange.suggest_map(noun, [target.label.zh, target.label.en]).values()) <= set(places)


@every_created
def test_it_is_found_by_what_it_is_called(ctx, noun, samples):
    if not noun.spec.find:
        pytest.skip("has nothing to find it by")
    key = samples.make(noun)
    text = noun.model._base_manager.filter(pk=key).values_list("find_text", flat=True)[0]
    if not text.strip():
        pytest.skip("its sample has no text")
    found = reading.list_records(ctx, noun, reading.Query(search=text.split()[0]))
    assert str(key) in [r["id"] for r in found.rows]


@every_noun
def test_every_command_refuses_who_has_no_right(nobody, noun):
    for command in registry.commands_of(noun.spec.key):
        before = Audit.objects.count()
        with pytest.raises(DomainError) as refusal:
            execute(nobody, command, ids=[new_id()] if command.on == "records" else [])
        assert refusal.value.status == 403, command.key
        assert Audit.objects.count() == before + 1, command.key
