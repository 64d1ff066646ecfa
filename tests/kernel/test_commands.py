"""The life of a command, seen through the kernel's own noun of users."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from banyan.kernel import access, locks, registry
from banyan.kernel.commands import execute, save
from banyan.kernel.models import Audit, History, Role, RoleGrant, User
from banyan.lib.errors import Conflict, Invalid, NotAllowed, Stale

pytestmark = pytest.mark.django_db


def create_user(ctx, login="li.wei", **more):
    return execute(
        ctx,
        registry.command("kernel.user.create"),
        data={"records": [{"login": login, "name": "李伟", **more}]},
    )


def test_create_writes_record_audit_and_history(ctx):
    made = create_user(ctx)
    assert User.objects.get(pk=made.ids[0]).name == "李伟"
    line = Audit.objects.get()
    assert (line.command, line.outcome, line.records) == ("kernel.user.create", "done", [made.ids[0]])
    assert History.objects.filter(record=made.ids[0], operation="insert").count() == 1


def test_the_same_key_twice_is_done_once(ctx):
    keyed = ctx.with_(key="k-1")
    first, second = create_user(keyed), create_user(keyed)
    assert second.is_replay
    assert second.ids == first.ids
    assert User.objects.count() == 1


def test_another_body_under_the_same_key_is_refused(ctx):
    keyed = ctx.with_(key="k-1")
    create_user(keyed)
    with pytest.raises(Invalid) as refusal:
        create_user(keyed, login="other")
    assert refusal.value.code == "key_reused"


def test_a_refusal_leaves_only_its_audit_line(ctx, nobody):
    with pytest.raises(NotAllowed):
        create_user(nobody)
    assert User.objects.count() == 0
    assert Audit.objects.get().outcome == "refused"


def test_a_stale_version_is_refused(ctx):
    key = create_user(ctx).ids[0]
    change = registry.command("kernel.user.change")
    execute(ctx, change, ids=[key], data={"name": "王芳"}, versions={key: 1})
    with pytest.raises(Stale):
        execute(ctx, change, ids=[key], data={"name": "赵强"}, versions={key: 1})
    assert User.objects.get(pk=key).name == "王芳"
    line = History.objects.get(operation="update")
    assert (line.old, line.new) == ({"name": "李伟"}, {"name": "王芳"})


def test_each_input_for_itself_collects_refusals_of_every_kind(ctx):
    create_user(ctx, login="known")
    rows = [
        {"login": "a", "name": "甲"},
        {"login": "known", "name": "乙"},
        {"name": "丙"},
        {"login": "d", "name": "丁"},
    ]
    done = execute(
        ctx, registry.command("kernel.user.create"), each=True, inputs=[{"records": [row]} for row in rows]
    )
    assert {place: refusal.code for place, refusal in done.faults.items()} == {
        1: "already_exists",
        2: "invalid",
    }
    assert [user.login for user in done.records] == ["a", "d"]
    assert set(User.objects.values_list("login", flat=True)) == {"known", "a", "d"}


def test_an_input_per_record_is_done_wholly_or_not_at_all(ctx):
    first, second = create_user(ctx, login="a").ids[0], create_user(ctx, login="b").ids[0]
    change = registry.command("kernel.user.change")
    with pytest.raises(Invalid) as refusal:
        execute(ctx, change, ids=[first, second], inputs=[{"name": "甲"}, {"name": 5}])
    assert list(refusal.value.fields) == ["records.1.name"]
    execute(
        ctx,
        change,
        ids=[second, first],
        inputs=[{"name": "乙"}, {"name": "甲"}],
        versions={first: 1, second: 1},
    )
    assert dict(User.objects.values_list("login", "name")) == {"a": "甲", "b": "乙"}


def test_a_dry_run_changes_nothing(ctx):
    execute(
        ctx,
        registry.command("kernel.user.create"),
        data={"records": [{"login": "a", "name": "b"}]},
        dry_run=True,
    )
    assert User.objects.count() == 0
    assert Audit.objects.count() == 0


def test_find_text_is_searched_by_one_two_and_three_characters(ctx):
    create_user(ctx, login="wang.fang")
    for term in ("李", "李伟", "ang.f", "WANG"):
        assert User.objects.filter(find_text__found=term).count() == 1
    assert User.objects.filter(find_text__found="伟李").count() == 0


def test_a_principal_has_the_grants_of_all_its_roles(ctx):
    role = execute(
        ctx,
        registry.command("kernel.role.create"),
        data={
            "records": [
                {
                    "code": "sales",
                    "name_zh": "销售",
                    "name_en": "Sales",
                    "areas": ["sales"],
                    "grants": [{"permission": "sales.*", "reach": "own"}, {"permission": "*.read"}],
                }
            ]
        },
    ).ids[0]
    key = create_user(ctx, roles=[{"role": str(role)}]).ids[0]
    who = access.principal_of(key)
    assert who.reach("sales.order.confirm") == "own"
    assert who.reach("finance.invoice.read") is None
    assert who.roles == ("sales",)


def test_a_ledger_row_cannot_be_changed(ctx):
    create_user(ctx)
    with pytest.raises(DatabaseError, match="ledger"):
        Audit.objects.update(code="x")


def test_a_change_never_takes_a_line_from_another_record(ctx):
    def role(code):
        return Role.objects.get(
            pk=execute(
                ctx,
                registry.command("kernel.role.create"),
                data={
                    "records": [
                        {
                            "code": code,
                            "name_zh": code,
                            "name_en": code,
                            "grants": [{"permission": "sales.*"}],
                        }
                    ]
                },
            ).ids[0]
        )

    mine, other = role("mine"), role("other")
    line = other.grants.get()
    with pytest.raises(Invalid) as refusal:
        execute(
            ctx,
            registry.command("kernel.role.change"),
            ids=[mine.pk],
            data={"grants": [{"id": str(line.pk), "permission": "*"}]},
        )
    assert list(refusal.value.fields) == ["grants.0.id"]
    assert other.grants.get().permission == "sales.*"


def test_records_that_changed_differently_are_written_in_one_statement(ctx, django_assert_num_queries):
    ids = [create_user(ctx, login=f"user{n}").ids[0] for n in range(3)]
    with transaction.atomic():
        found = locks.lock(User, ids)
        for n, user in enumerate(found.values()):
            user.name, user.plants, user.last_login = f"第{n}人", [ids[0]] * n, ctx.now if n else None
        with django_assert_num_queries(1):
            save(ctx, list(found.values()))
    stored = (
        User.objects.filter(pk__in=ids).order_by("pk").values_list("name", "plants", "last_login", "version")
    )
    assert [(name, len(plants), at is None, version) for name, plants, at, version in stored] == [
        ("第0人", 0, True, 2),
        ("第1人", 1, False, 2),
        ("第2人", 2, False, 2),
    ]


def test_a_rehearsal_finds_what_commit_would(ctx):
    role = execute(
        ctx,
        registry.command("kernel.role.create"),
        data={"records": [{"code": "sales", "name_zh": "销售", "name_en": "Sales"}]},
    ).ids[0]
    user = create_user(ctx, roles=[{"role": str(role)}]).ids[0]
    with pytest.raises(Conflict) as refusal:
        execute(ctx, registry.command("kernel.role.delete"), ids=[role], dry_run=True)
    assert refusal.value.code == "still_referenced"
    done = execute(ctx, registry.command("kernel.role.delete"), ids=[role], each=True)
    assert [refusal.code for refusal in done.faults.values()] == ["still_referenced"]
    assert User.objects.get(pk=user).roles.get().role_id == role


def test_the_audit_keeps_a_backslash_and_drops_nul(ctx):
    create_user(ctx, name="\\u0000 as text")
    assert Audit.objects.get().input["records"][0]["name"] == "\\u0000 as text"
    with pytest.raises(Invalid):
        create_user(ctx, login="b", name="\x00\x00x")
    assert Audit.objects.get(outcome="refused").input["records"][0]["name"] == "x"


def test_a_changed_line_keeps_what_the_change_does_not_name(ctx):
    role = execute(
        ctx,
        registry.command("kernel.role.create"),
        data={
            "records": [
                {
                    "code": "sales",
                    "name_zh": "销售",
                    "name_en": "Sales",
                    "grants": [{"permission": "sales.*", "reach": "own"}, {"permission": "items.*"}],
                }
            ]
        },
    ).ids[0]
    first = RoleGrant.objects.get(permission="sales.*")
    execute(
        ctx,
        registry.command("kernel.role.change"),
        ids=[role],
        data={"grants": [{"id": str(first.pk), "permission": "sales.order.*"}]},
    )
    assert list(RoleGrant.objects.values_list("pk", "permission", "reach")) == [
        (first.pk, "sales.order.*", "own")
    ]
