"""Key links: by hand, by rules, by decision, by merging; the cross-check; the lookups that messages use."""

from __future__ import annotations

from datetime import timedelta

import pytest

from banyan.integration.mapping import queries
from banyan.integration.mapping.applying import apply
from banyan.integration.mapping.checking import cross_check
from banyan.integration.mapping.commands import link, match
from banyan.integration.mapping.definition import compile_mapping
from banyan.integration.mapping.errors import CodeTaken, NoRules, NotACandidate, RecordTaken, RecordUnknown
from banyan.integration.mapping.models import Candidate, Duplicate, Finding, KeyLink, Merge
from banyan.integration.mapping.preparing import EntityUnknown, FieldUnknown, LinesWrong, RecordsUnknown
from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.models import Audit
from banyan.kernel.proofs import run as prove
from banyan.lib.errors import NotAllowed
from banyan.lib.ids import new_id

pytestmark = pytest.mark.django_db
PARTY = "parties.party"


def party(world, code, name, **more):
    return world.make(PARTY, code=code, name=name, is_customer=True, **more)


def linked(ctx, record, code, **more):
    return link(ctx, system="shop", entity=PARTY, code=code, record=record.pk, **more)


def things(*rows):
    return [dict(code=code, name=name, facts=facts) for code, name, facts in rows]


def rule(world, fact, field, compare="exact", decides="confirms", sequence=10):
    return world.make("mapping.match_rule", entity=PARTY, fact=fact, field=field, compare=compare, decides=decides,
                      sequence=sequence)  # fmt: skip


def test_a_link_is_found_both_ways_in_one_statement_each(ctx, world, django_assert_num_queries):
    one, two = party(world, "C1", "甲"), party(world, "C2", "乙")
    linked(ctx, one, "9")
    linked(ctx, two, "8")
    with django_assert_num_queries(1):
        assert queries.keys_of("shop", PARTY, ["9", "8", "7"]) == {"9": one.pk, "8": two.pk}
    with django_assert_num_queries(1):
        assert queries.codes_of("shop", PARTY, [one.pk, new_id()]) == {one.pk: "9"}
    assert queries.keys_of("erp", PARTY, ["9"]) == {}


def test_linking_twice_is_one_link_and_confirms_a_proposed_one(ctx, world):
    one = party(world, "C1", "甲")
    made = world.make("mapping.key_link", system="shop", entity=PARTY, code="9", record=str(one.pk))
    assert made.state == "proposed"
    assert queries.keys_of("shop", PARTY, ["9"]) == {}
    assert linked(ctx, one, "9").pk == made.pk
    assert queries.keys_of("shop", PARTY, ["9"]) == {"9": one.pk}
    assert KeyLink.objects.count() == 1


def test_a_link_by_our_code(ctx, world):
    one = party(world, "C1", "甲")
    assert link(ctx, system="shop", entity=PARTY, code="9", our_code="C1").record == one.pk
    with pytest.raises(RecordUnknown):
        link(ctx, system="shop", entity=PARTY, code="8", our_code="C9")
    with pytest.raises(EntityUnknown):
        link(ctx, system="shop", entity="parties.nobody", code="8", our_code="C9")


def test_a_code_is_one_record_and_a_record_has_one_main_code(ctx, world):
    one, two = party(world, "C1", "甲"), party(world, "C2", "乙")
    linked(ctx, one, "9")
    with pytest.raises(CodeTaken) as caught:
        linked(ctx, two, "9")
    assert "甲" in caught.value.text("zh")
    with pytest.raises(RecordTaken):
        linked(ctx, one, "10")
    linked(ctx, one, "10", is_main=False)
    assert queries.keys_of("shop", PARTY, ["9", "10"]) == {"9": one.pk, "10": one.pk}
    assert queries.codes_of("shop", PARTY, [one.pk]) == {one.pk: "9"}


def test_who_may_not_see_a_record_cannot_link_it(person, world):
    one = party(world, "C1", "甲")
    with pytest.raises(RecordUnknown):
        linked(person("mapping.*"), one, "9")
    with pytest.raises(NotAllowed):
        linked(person("parties.*"), one, "9")


def test_links_to_records_that_are_not_there_are_refused_each_by_its_place(person, world):
    one = party(world, "C1", "甲")
    rows = [dict(system="shop", entity=PARTY, code=code, record=str(record))
            for code, record in (("9", one.pk), ("8", new_id()))]  # fmt: skip
    with pytest.raises(RecordsUnknown) as caught:
        world.make_many("mapping.key_link", rows)
    assert list(caught.value.fields) == ["records.1.record"]
    assert caught.value.facts["count"] == 1
    create = registry.command("mapping.key_link.create")
    with pytest.raises(RecordsUnknown):
        execute(person("mapping.*"), create, data={"records": rows[:1]})
    assert KeyLink.objects.count() == 0
    execute(person("mapping.*", "parties.party.read"), create, data={"records": rows[:1]})
    assert KeyLink.objects.get().record == one.pk


def test_unlinking_leaves_its_reason_in_the_audit(ctx, world):
    made = linked(ctx, party(world, "C1", "甲"), "9")
    world.do("mapping.key_link.unlink", made.pk, reason="对错了")
    assert KeyLink.objects.count() == 0
    assert Audit.objects.get(command="mapping.key_link.unlink").input == {"reason": "对错了"}


# --- matching -----------------------------------------------------------------------------------------------


def test_things_are_matched_by_the_rules_in_order(ctx, world):
    one, two = party(world, "C1", "甲公司"), party(world, "C2", "ACME Ltd")
    party(world, "C3", "丙")
    party(world, "C4", "丙")
    rule(world, "our_code", "code")
    rule(world, "name", "name", "folded", "proposes", 20)
    given = things(
        ("1", "x", {"our_code": "C1"}), ("2", "ａｃｍｅ  ltd", {}), ("3", "丙", {}), ("4", "无人", {})
    )  # fmt: skip
    counted = match(ctx, system="shop", entity=PARTY, things=given)
    assert counted == {"linked": 0, "confirmed": 1, "proposed": 1, "doubtful": 1, "unknown": 1}
    links = {k.code: (k.record, k.state, k.origin, k.reason) for k in KeyLink.objects.all()}
    assert links == {"1": (one.pk, "confirmed", "match", "our_code = code"),
                     "2": (two.pk, "proposed", "match", "name = name")}  # fmt: skip
    paper = Duplicate.objects.get()
    assert (paper.code, paper.candidates.count()) == ("3", 2)
    again = match(ctx, system="shop", entity=PARTY, things=given)
    assert again == {"linked": 2, "confirmed": 0, "proposed": 0, "doubtful": 1, "unknown": 1}
    assert Duplicate.objects.count() == 1


def test_two_things_that_name_one_record_are_both_doubtful(ctx, world):
    party(world, "C1", "甲")
    rule(world, "name", "name")
    counted = match(ctx, system="shop", entity=PARTY, things=things(("1", "甲", {}), ("2", "甲", {})))
    assert (counted["confirmed"], counted["doubtful"]) == (0, 2)


def test_a_rehearsed_match_writes_nothing(ctx, world):
    party(world, "C1", "甲")
    rule(world, "name", "name")
    data = {"system": "shop", "entity": PARTY, "things": things(("1", "甲", {}))}
    outcome = execute(ctx, match, data=data, dry_run=True)
    assert outcome.value["confirmed"] == 1
    assert KeyLink.objects.count() == 0


def test_matching_takes_as_many_statements_for_many_things(ctx, world, django_assert_max_num_queries):
    world.make_many(PARTY, [dict(code=f"C{n}", name=f"名{n}", is_customer=True) for n in range(200)])
    rule(world, "name", "name")
    given = things(*((str(n), f"名{n}", {}) for n in range(200)))
    with django_assert_max_num_queries(20):
        assert match(ctx, system="shop", entity=PARTY, things=given)["confirmed"] == 200


def test_without_rules_nothing_is_matched(ctx, world):
    with pytest.raises(NoRules):
        match(ctx, system="shop", entity=PARTY, things=things(("1", "甲", {})))
    with pytest.raises(FieldUnknown):
        rule(world, "name", "nobody")


# --- deciding and merging -----------------------------------------------------------------------------------


@pytest.fixture
def doubt(ctx, world):
    """Two parties of one name, the outside code for which both come into question, and how they differ."""
    first = party(world, "C1", "甲", short_name="甲甲")
    later = ctx.with_(now=ctx.now + timedelta(days=1))
    execute(later, world_create(), data={"records": [
        {"code": "C2", "name": "甲", "is_customer": True, "short_name": "甲甲甲甲", "bank_name": "工行"}
    ]})  # fmt: skip
    rule(world, "name", "name")
    match(ctx, system="shop", entity=PARTY, things=things(("7", "甲", {})))
    paper = Duplicate.objects.get()
    other = next(c.record for c in paper.candidates.all() if c.record != first.pk)
    return paper, first, other


def world_create():
    from banyan.kernel import registry

    return registry.command("parties.party.create")


def test_a_person_decides_which_record_it_is(ctx, world, doubt):
    paper, first, other = doubt
    with pytest.raises(NotACandidate):
        world.do("mapping.duplicate.decide", paper, record=new_id())
    world.do("mapping.duplicate.decide", paper, record=first.pk)
    assert (paper.state, paper.record) == ("linked", first.pk)
    assert queries.keys_of("shop", PARTY, ["7"]) == {"7": first.pk}


def test_two_outside_things_may_be_one_record_of_ours(ctx, world):
    one = party(world, "C1", "甲")
    rule(world, "name", "name")
    match(ctx, system="shop", entity=PARTY, things=things(("1", "甲", {}), ("2", "甲", {})))
    for paper in Duplicate.objects.order_by("code"):
        world.do("mapping.duplicate.decide", paper, record=one.pk)
    assert queries.keys_of("shop", PARTY, ["1", "2"]) == {"1": one.pk, "2": one.pk}
    assert queries.codes_of("shop", PARTY, [one.pk]) == {one.pk: "1"}


def test_none_of_them_needs_a_reason_and_links_nothing(ctx, world, doubt):
    paper, *_ = doubt
    world.do("mapping.duplicate.dismiss", paper, reason="新客户")
    assert (paper.state, paper.reason, KeyLink.objects.count()) == ("dismissed", "新客户", 0)


def test_merging_keeps_values_by_the_rules_moves_links_and_keeps_what_was(ctx, world, doubt):
    paper, first, other = doubt
    for field, keeps in (("short_name", "longest"), ("bank_name", "filled")):
        world.make("mapping.survivorship", entity=PARTY, field=field, keeps=keeps)
    link(ctx, system="erp", entity=PARTY, code="K2", record=other)
    world.do("mapping.duplicate.merge", paper, winner=first.pk, reason="同一家")
    first.refresh_from_db()
    assert (first.short_name, first.bank_name, first.is_active) == ("甲甲甲甲", "工行", True)
    assert type(first).objects.get(pk=other).is_active is False
    assert queries.keys_of("erp", PARTY, ["K2"]) == {"K2": first.pk}
    assert queries.keys_of("shop", PARTY, ["7"]) == {"7": first.pk}
    merge = Merge.objects.get()
    assert merge.before[str(first.pk)]["short_name"] == "甲甲"
    assert merge.kept["bank_name"] == {"value": "工行", "from": str(other)}
    assert (paper.state, paper.record) == ("merged", first.pk)


def test_a_person_may_say_field_by_field_whose_value_stays(ctx, world, doubt):
    _, first, other = doubt
    world.do("mapping.merge.make", entity=PARTY, winner=first.pk, losers=[other], take={"short_name": other},
             reason="同一家")
    first.refresh_from_db()
    assert (first.short_name, first.bank_name) == ("甲甲甲甲", "")


def test_merging_needs_the_right_to_change_the_records(person, world, doubt):
    paper, first, _ = doubt
    from banyan.kernel import registry

    with pytest.raises(NotAllowed):
        execute(person("mapping.*", "parties.party.read"), registry.command("mapping.duplicate.merge"), ids=[paper.pk],
                data={"winner": first.pk, "reason": "x"})  # fmt: skip
    first.refresh_from_db()
    assert (first.short_name, Merge.objects.count()) == ("甲甲", 0)


# --- the daily check ----------------------------------------------------------------------------------------


def test_the_cross_check_finds_what_is_wrong_once_and_sees_it_gone(ctx, world):
    one, two = party(world, "C1", "甲"), party(world, "C2", "乙")
    linked(ctx, one, "a-1")
    gone = KeyLink.objects.create(system="shop", entity=PARTY, code="ghost", record=new_id(), state="confirmed")
    counted = cross_check(ctx)
    assert counted == {"link_gone": 1, "without_link": 1, "linked_twice": 0, "new": 2, "gone": 0}
    found = {(f.kind, f.code, f.record) for f in Finding.objects.all()}
    assert found == {("link_gone", "ghost", gone.record), ("without_link", "", two.pk)}
    assert cross_check(ctx)["new"] == 0
    linked(ctx, two, "A-１")
    gone.delete()
    counted = cross_check(ctx)
    assert (counted["linked_twice"], counted["new"], counted["gone"]) == (2, 2, 2)
    assert Finding.objects.filter(state="gone", gone_at=ctx.now).count() == 2


@pytest.mark.plants("mapping.references")
def test_what_links_duplicates_and_merges_name_must_exist(ctx, world):
    one, two = party(world, "C1", "甲"), party(world, "C2", "乙")
    linked(ctx, one, "a-1")
    paper = Duplicate.objects.create(system="shop", entity=PARTY, code="b", state="linked", record=one.pk)
    Candidate.objects.create(duplicate=paper, record=one.pk, position=1)
    merged = dict(entity=PARTY, losers=[two.pk], before={}, kept={}, at=ctx.now, person_id=ctx.person)
    Merge.objects.create(winner=one.pk, **merged)
    found = prove(["mapping.references"])[0].found
    assert (found.counted, found.broken) == (4, 0)
    lost = [new_id() for _ in range(4)]
    KeyLink.objects.create(system="shop", entity=PARTY, code="ghost", record=lost[0], state="confirmed")
    other = Duplicate.objects.create(system="shop", entity=PARTY, code="c", state="linked", record=lost[1])
    Candidate.objects.create(duplicate=other, record=lost[2], position=1)
    Merge.objects.create(winner=lost[3], **merged)
    faults = prove(["mapping.references"])[0].found.faults
    assert [fault.text.rpartition(" / ")[2] for fault in faults] == [
        f"{what} names {PARTY} {key}, which does not exist"
        for what, key in zip(
            ("key link shop ghost", "duplicate shop c", "candidate of a duplicate", "merge"), lost, strict=True
        )
    ]


def test_a_link_outlives_a_record_that_somebody_deleted(ctx, world):
    one, two = party(world, "C1", "甲"), party(world, "C2", "乙")
    linked(ctx, one, "a-1")
    linked(ctx, two, "a-2")
    registry.command("parties.party.delete")(ctx, [one.pk])
    assert prove(["mapping.references"])[0].is_green
    type(two).objects.filter(pk=two.pk)._raw_delete("default")
    (fault,) = prove(["mapping.references"])[0].found.faults
    assert str(two.pk) in fault.text


# --- tables -------------------------------------------------------------------------------------------------


def test_a_table_freezes_with_its_value_maps_and_the_types_of_its_samples(ctx, world, django_assert_max_num_queries):
    one = party(world, "C1", "甲")
    linked(ctx, one, "9")
    world.make("mapping.value_map", code="pay", name="支付", lines=[{"outside": "1", "ours": "cash"}])
    table = world.make("mapping.table", code="orders", name="订单", system="shop", lines=[
        {"target": "party", "source": "buyer.id", "converter": "ours(parties.party)", "is_required": True},
        {"target": "pay", "source": "pay", "converter": "map(pay)"},
        {"target": "double", "expression": "total * 2"},
    ])  # fmt: skip
    world.make("mapping.sample", table=table, name="一", body='{"buyer": {"id": 9}, "pay": "1", "total": 1.5}')
    definition = queries.definition_of("orders")
    assert definition["types"] == {"buyer.id": "number", "pay": "text", "total": "number"}
    mapping = compile_mapping(definition)
    bodies = [{"buyer": {"id": 9}, "pay": "1", "total": n} for n in range(50)]
    with django_assert_max_num_queries(1):
        facts = queries.facts_for(mapping, bodies, system="shop")
    assert apply(mapping, bodies[3], facts).plain() == {"party": str(one.pk), "pay": "cash", "double": "6"}


def test_lookups_through_two_systems_and_by_our_own_code(ctx, world):
    one = party(world, "C1", "甲")
    linked(ctx, one, "9")
    link(ctx, system="erp", entity=PARTY, code="K-1", record=one.pk)
    mapping = compile_mapping({"fields": [
        {"target": "a", "source": "c", "converter": "ours(parties.party) | theirs(parties.party, system=erp)"},
        {"target": "b", "source": "o", "converter": "record(parties.party)"},
        {"target": "d", "source": "o", "converter": "record(parties.party) | code_of(parties.party)"},
    ]})  # fmt: skip
    body = {"c": "9", "o": "C1"}
    mapped = apply(mapping, body, queries.facts_for(mapping, [body], system="shop"))
    assert mapped.value == {"a": "K-1", "b": str(one.pk), "d": "C1"}


def test_a_person_finds_only_what_they_may_read(ctx, person, world):
    one = party(world, "C1", "甲")
    linked(ctx, one, "9")
    mapping = compile_mapping({"fields": [
        {"target": "a", "source": "c", "converter": "ours(parties.party)"},
        {"target": "b", "source": "o", "converter": "record(parties.party)"},
    ]})  # fmt: skip
    body = {"c": "9", "o": "C1"}
    for grants, gives in ((), {}), (("mapping.*",), {"a": str(one.pk)}), (("parties.*",), {"b": str(one.pk)}):
        facts = queries.facts_for(mapping, [body], system="shop", ctx=person(*grants))
        assert apply(mapping, body, facts).value == gives


def test_a_key_in_capitals_is_the_same_key(ctx, world):
    one = party(world, "C1", "甲")
    linked(ctx, one, "9")
    mapping = compile_mapping({"fields": [{"target": "a", "source": "c", "converter": "theirs(parties.party)"}]})
    body = {"c": str(one.pk).upper()}
    assert apply(mapping, body, queries.facts_for(mapping, [body], system="shop")).value == {"a": "9"}


def test_lines_that_cannot_be_read_are_refused_with_their_place(world):
    with pytest.raises(LinesWrong) as caught:
        world.make("mapping.table", code="t", name="t", lines=[
            {"target": "a", "source": "b"}, {"target": "a[", "source": "x", "expression": "1 +", "converter": "trimm"},
        ])  # fmt: skip
    assert set(caught.value.fields) == {"lines.1.target", "lines.1.expression", "lines.1.converter"}
