"""Messages in: kept once, executed once, refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from banyan.integration import conditions, effects, inbox, performing, polling
from banyan.integration.commands import messages
from banyan.integration.connecting import Incoming
from banyan.integration.engine import carry_until_quiet
from banyan.integration.errors import NothingChosen, TooManyToTry, WrongRange
from banyan.integration.mapping.models import KeyLink
from banyan.integration.models import Attempt, Message, Position, Secret, System
from banyan.integration.plans import plan_of
from banyan.integration.tests.conftest import CONFIRMED, PAGES, do
from banyan.kernel import db, registry
from banyan.kernel.commands import Contended, execute
from banyan.kernel.models import Audit, History, Role, User
from banyan.lib.errors import Invalid
from tests.integration.both_sides import bus_agrees, roles

pytestmark = pytest.mark.usefixtures("proved")


@pytest.fixture
def inward(flow):
    """Make an active flow that makes roles of what it polls."""

    def make(**given):
        return flow(**dict(direction="in", trigger="poll", detail={"operation": "roles", "every": 60},
                           target="kernel.role.create") | given)  # fmt: skip

    return make


def role(n, **more):
    body = dict(code=f"R{n}", name_zh=f"角色{n}", name_en=f"Role {n}") | more
    return Incoming(id=str(n), body=body, key=more.get("code", f"R{n}"))


def later(seconds):
    return datetime.now(UTC) + timedelta(seconds=seconds)


def states():
    return list(Message.objects.order_by("seq").values_list("source", "state", "reason"))


def made():
    return list(Role.objects.filter(code__startswith="R").order_by("code").values_list("code", flat=True))


def test_long_names_and_keys_with_one_beginning_stay_apart(inward):
    plan = plan_of(inward().pk)
    usual = [role(n, code="K" * 240 + str(n)) for n in (1, 2)]
    long = [replace(one, id="M" * 240 + one.id) for one in usual]
    other = [replace(one, body=one.body | {"name_en": "another"}) for one in long]
    for _ in range(2):  # what comes again is known
        inbox.keep(plan, long, later(0))
        inbox.keep(plan, other, later(0))
    found = Message.objects.order_by("seq")
    assert [one.state for one in found] == ["waiting"] * 2 + ["dead"] * 2
    assert len({one.source for one in found}) == 4
    assert len({one.key for one in found.filter(state="waiting")}) == 2
    assert conditions.key_of("code", usual[0].body) == found[0].key != conditions.key_of("code", usual[1].body)


def read(now=None):
    while polling.read_due(now):
        pass


def test_pages_are_read_kept_executed_and_then_acknowledged(inward, system):
    inward()
    PAGES["roles"] = [[role(1), role(2)], [role(3)]]
    read()
    carry_until_quiet()
    assert made() == ["R1", "R2", "R3"]
    assert CONFIRMED == [0, 1]
    message = Message.objects.get(source="1")
    one = Role.objects.get(code="R1")
    assert (message.state, message.record_noun, message.record) == ("done", "kernel.role", one.pk)
    line = Audit.objects.get(records__contains=[message.record])
    assert (line.person, line.program, line.command) == (system.account_id, "bus SHOP", "kernel.role.create")
    assert Position.objects.get().position == 2


def test_many_that_are_well_are_made_by_one_command(inward):
    inward()
    PAGES["roles"] = [[role(n) for n in range(10)]]
    read()
    carry_until_quiet()
    assert made() == [f"R{n}" for n in range(10)]
    assert Audit.objects.filter(command="kernel.role.create", outcome="done").count() == 1
    for message in Message.objects.all():
        assert Role.objects.get(pk=message.record).code == message.key


def test_the_same_message_five_times_is_done_once(inward):
    inward()
    PAGES["roles"] = [[role(1)] * 2, [role(1)], [role(1), role(1)]]
    read()
    carry_until_quiet()
    assert (made(), states()) == (["R1"], [("1", "done", "")])
    assert Attempt.objects.count() == 1
    bus_agrees("in", [("R1", 1)], roles("R"))


def test_the_same_id_with_another_body_is_refused_and_noted_once(inward):
    inward()
    PAGES["roles"] = [[role(1)], [role(1, name_en="Another")], [role(1, name_en="Another")]]
    read()
    carry_until_quiet()
    assert made() == ["R1"]
    bus_agrees("in", [("R1", 1), ("R1", 2)], roles("R"), {2: "source_reused"})


def test_a_reader_that_loses_its_claim_keeps_nothing(inward):
    made_flow = inward()
    PAGES["roles"] = [[role(1)]]
    db.run(polling._ENROL, {"now": None})
    from banyan.integration.plans import plan_of
    from banyan.lib.ids import new_id

    polling._read(plan_of(made_flow.pk), new_id(), None, 0, later(0), None)
    assert (states(), CONFIRMED) == ([], [])
    read()
    assert states() == [("1", "waiting", "")]


def test_a_partner_that_cannot_be_read_is_read_again_later(inward, monkeypatch):
    from banyan.integration.tests.conftest import Loop

    inward()

    def fall(*_):
        raise ConnectionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "poll", fall)
        read()
    position = Position.objects.get()
    assert (position.failures, position.error, position.claim) == (1, "refused", None)
    PAGES["roles"] = [[role(1)]]
    read()
    assert states() == []
    read(later(61))
    assert states() == [("1", "waiting", "")]


def test_what_is_not_valid_is_dead_with_its_faults_and_nothing_is_written(inward):
    inward()
    PAGES["roles"] = [[role(1), Incoming(id="2", body={"code": "R2", "wrong": 1}, key="R2"), role(3)]]
    read()
    carry_until_quiet()
    assert made() == ["R1", "R3"]
    bad = Message.objects.get(source="2")
    assert (bad.state, bad.reason) == ("dead", "validation")
    assert "records.0.wrong" in bad.error
    assert Audit.objects.filter(command="kernel.role.create", outcome="refused").count() == 1


def test_a_conflict_seen_by_the_database_alone_is_dead_and_the_rest_goes_on(inward):
    inward()
    PAGES["roles"] = [[role(1), Incoming(id="1b", body=role(1).body, key="other"), role(2)]]
    read()
    carry_until_quiet()
    assert made() == ["R1", "R2"]
    assert Message.objects.get(source="1b").state == "dead"


def test_a_message_whose_rows_others_held_at_every_try_is_tried_again(inward, monkeypatch):
    inward()
    PAGES["roles"] = [[role(1)]]
    read()

    def held(*_given, **_named):
        raise Contended(command="新建")

    with monkeypatch.context() as patch:
        patch.setattr(performing, "execute", held)
        carry_until_quiet()
    ((_, state, reason),) = states()
    assert (made(), reason, state != "dead") == ([], "busy", True)
    carry_until_quiet(later(600))
    assert (made(), states()[0][1]) == (["R1"], "done")


def test_an_account_without_the_right_is_told_so(inward, system, account, ctx):
    inward()
    do(ctx, "integration.system.change", system.pk, account=str(account("kernel.user.read").pk))
    PAGES["roles"] = [[role(1)]]
    read()
    carry_until_quiet()
    assert (made(), states()) == ([], [("1", "dead", "not_allowed")])


def test_a_repaired_message_is_tried_dry_then_replayed_beside_its_frozen_original(inward, ctx):
    inward()
    wrong = {"code": "R2", "name_zh": "二"}
    PAGES["roles"] = [[Incoming(id="2", body=wrong, key="R2")]]
    read()
    carry_until_quiet()
    message = Message.objects.get()
    assert message.reason == "validation"
    right = wrong | {"name_en": "Two"}
    do(ctx, "integration.message.repair", message.pk, body=right, note="补英文名")
    (tried,) = do(ctx, "integration.message.dry_run", messages=[str(message.pk)]).value
    assert (tried["is_well"], tried["value"], made()) == (True, right, [])
    do(ctx, "integration.message.replay", message.pk)
    carry_until_quiet(later(1))
    message.refresh_from_db()
    assert (message.state, message.body, message.repaired, made()) == ("done", wrong, right, ["R2"])


def test_a_dry_run_says_what_is_wrong_and_writes_nothing(inward, ctx):
    inward()
    PAGES["roles"] = [[Incoming(id="2", body={"code": "R2"}, key="R2")]]
    read()
    (tried,) = do(ctx, "integration.message.dry_run", messages=[str(Message.objects.get().pk)]).value
    assert (tried["is_well"], tried["reason"]) == (False, "validation")
    assert (made(), Message.objects.get().state) == ([], "waiting")


def test_many_dead_ones_are_replayed_by_reason(inward, ctx):
    inward(order="free")
    PAGES["roles"] = [[Incoming(id=str(n), body={"code": f"R{n}"}) for n in range(5)] + [role(9)]]
    read()
    carry_until_quiet()
    assert Message.objects.filter(state="dead", reason="validation").count() == 5
    do(ctx, "integration.message.replay_where", reason="validation")
    assert Message.objects.filter(state="waiting").count() == 5
    carry_until_quiet(later(1))
    assert Message.objects.filter(state="dead", reason="validation").count() == 5


@pytest.fixture
def dead_of_three_days(inward):
    """Give two flows: one with a dead letter of each of three days, in order 1, 2, 3; the other with one, 4, of day 2.

    Gives:  the flows and the days
    """
    flows = [inward(order="free") for _ in range(2)]
    days = [datetime(2026, 3, day, 9, 0, tzinfo=UTC) for day in (1, 2, 3)]
    for flow, n, day in ((flows[0], 1, 0), (flows[0], 2, 1), (flows[0], 3, 2), (flows[1], 4, 1)):
        inbox.keep(plan_of(flow.pk), [Incoming(id=str(n), body={"code": f"R{n}"})], days[day])
    carry_until_quiet()
    assert set(states()) == {(str(n), "dead", "validation") for n in (1, 2, 3, 4)}
    return flows, days


def ranges(flows, days):
    """Give what may be chosen, and what that is of the dead of three days."""
    first, other = (str(one.pk) for one in flows)
    one, two, three = (day.isoformat() for day in days)
    return (
        (dict(since=two), "234"), (dict(until=two), "1"), (dict(since=two, until=three), "24"),
        (dict(since=one, until=two), "1"), (dict(flow=other), "4"), (dict(flow=first, since=two), "23"),
        (dict(reason="validation", until=three), "124"), (dict(reason="refused", since=one), ""),
    )  # fmt: skip


def test_dead_ones_of_a_range_or_a_flow_are_replayed_and_no_other(dead_of_three_days, ctx):
    for turn, (chosen, expected) in enumerate(ranges(*dead_of_three_days), start=1):
        do(ctx, "integration.message.replay_where", **chosen)
        waiting = Message.objects.filter(state="waiting").order_by("source").values_list("source", flat=True)
        assert "".join(waiting) == expected, chosen
        carry_until_quiet(later(turn))
        assert Message.objects.filter(state="dead").count() == 4


def test_a_dry_run_takes_what_a_replay_of_the_same_choice_would(dead_of_three_days, ctx):
    def tried(**chosen):
        value = do(ctx, "integration.message.dry_run", **chosen).value
        return "".join(one["value"]["code"].removeprefix("R") for one in value)

    flows, days = dead_of_three_days
    for chosen, expected in ranges(flows, days):
        assert tried(**chosen) == expected, chosen
    assert tried(messages=[str(one.pk) for one in Message.objects.all()], until=days[1].isoformat()) == "1"
    assert Message.objects.filter(state="dead").count() == 4


def test_a_dry_run_of_more_than_is_tried_at_once_is_refused_with_how_many(dead_of_three_days, ctx, monkeypatch):
    monkeypatch.setattr(messages, "MOST_TRIED", 3)
    (flow, _), _ = dead_of_three_days
    assert len(do(ctx, "integration.message.dry_run", flow=str(flow.pk)).value) == 3
    with pytest.raises(TooManyToTry, match="4"):
        do(ctx, "integration.message.dry_run", reason="validation")


def test_nothing_in_particular_or_a_range_upside_down_is_refused(dead_of_three_days, ctx):
    _, (day, _, _) = dead_of_three_days
    for name in ("replay_where", "dry_run"):
        for chosen, refusal in (({}, NothingChosen), (dict(since=day.isoformat(), until=day.isoformat()), WrongRange)):
            with pytest.raises(refusal):
                execute(ctx, registry.command(f"integration.message.{name}"), data=chosen)
    assert Message.objects.filter(state="dead").count() == 4


def test_a_worker_that_dies_before_the_commit_has_done_nothing(inward, monkeypatch):
    made_flow = inward()
    PAGES["roles"] = [[role(1)]]
    read()
    from banyan.integration import claims
    from banyan.integration.plans import plan_of

    plan = plan_of(made_flow.pk)
    held, _ = claims.claim(plan, 10, effects.LEASE_SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(claims, "write_marks", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            effects.execute_batch(plan, held)
    assert (made(), Attempt.objects.count()) == ([], 0)
    carry_until_quiet()
    assert made() == []
    carry_until_quiet(later(effects.LEASE_SECONDS + 1))
    assert made() == ["R1"]


def test_a_record_is_changed_by_its_code(inward, ctx):
    inward(target="kernel.role.change")
    do(ctx, "kernel.role.create", records=[role(1).body])
    PAGES["roles"] = [[Incoming(id="a", body={"records_of": "R1", "name_en": "Changed"}, key="R1"),
                       Incoming(id="b", body={"records_of": "R404", "name_en": "Lost"}, key="R404")]]  # fmt: skip
    read()
    carry_until_quiet()
    assert Role.objects.get(code="R1").name_en == "Changed"
    assert states() == [("a", "done", ""), ("b", "dead", "validation")]


def test_what_a_message_made_is_linked_to_the_partners_own_code(inward, system):
    inward(reply={"link": {"code": "code"}})
    PAGES["roles"] = [[role(1)]]
    read()
    carry_until_quiet()
    link = KeyLink.objects.get()
    assert (link.system, link.entity, link.code, link.origin) == ("SHOP", "kernel.role", "R1", "message")
    assert link.record == Role.objects.get(code="R1").pk


def test_a_link_that_cannot_be_made_takes_the_effect_back(inward):
    inward(reply={"link": {"code": "no_such_member"}})
    PAGES["roles"] = [[role(1)]]
    read()
    carry_until_quiet()
    assert (made(), states()) == ([], [("1", "dead", "mapping")])


def test_the_clock_starts_a_flow_once_per_beat(flow, partner):
    flow(trigger="schedule", detail={"every": 3600})
    now = datetime(2027, 1, 1, 10, 20, tzinfo=UTC)
    read(now)
    read(now)
    read(now + timedelta(hours=5))
    carry_until_quiet(now + timedelta(hours=5))
    assert [m[0] for m in states()] == ["2027-01-01T10:00:00+00:00", "2027-01-01T15:00:00+00:00"]
    assert len(partner.got) == 2


def test_a_cron_flow_starts_at_its_times_and_makes_up_for_missed_ones_once(ctx, flow, partner):
    """Switched on at ten, it waits for half past seven; what a stop of days let pass is run once."""
    zone = ZoneInfo("Asia/Shanghai")

    def on(day, hour, minute=0):
        return datetime(2027, 3, day, hour, minute, tzinfo=zone)

    monday = ctx.with_(now=on(1, 10))
    made = flow(trigger="schedule", detail={"cron": "30 7 * * 1-5"})
    do(ctx, "integration.flow.stop", made.pk)
    do(ctx, "integration.flow.revise", made.pk)
    do(ctx, "integration.flow.test", made.pk)
    do(monday, "integration.flow.activate", made.pk)
    read(on(1, 10, 1))
    assert states() == []
    assert Position.objects.get().next_at == on(2, 7, 30)
    read(on(2, 7, 29))
    read(on(2, 7, 31))
    read(on(2, 7, 32))
    assert [m[0] for m in states()] == ["2027-03-01T23:30:00+00:00"]
    do(ctx.with_(now=on(2, 12)), "integration.flow.stop", made.pk)
    read(on(5, 12))
    do(ctx.with_(now=on(7, 12)), "integration.flow.resume", made.pk)
    for _ in range(3):
        read(on(7, 12, 1))
    carry_until_quiet(on(7, 12, 2))
    # Wednesday, Thursday and Friday were missed: Friday's stands for them
    assert [m[0] for m in states()] == ["2027-03-01T23:30:00+00:00", "2027-03-04T23:30:00+00:00"]
    assert len(partner.got) == 2
    assert Position.objects.get().next_at == on(8, 7, 30)


def test_what_was_due_before_a_new_version_is_not_missed(ctx, flow):
    made = flow(trigger="schedule", detail={"cron": "0 8 * * *", "zone": "UTC"})
    later = datetime(2027, 3, 1, 7, tzinfo=UTC)
    read(later)
    before = Message.objects.count()
    do(ctx, "integration.flow.stop", made.pk)
    do(ctx, "integration.flow.revise", made.pk)
    do(ctx, "integration.flow.change", made.pk, detail={"cron": "0 * * * *", "zone": "UTC"})
    do(ctx, "integration.flow.test", made.pk)
    do(ctx.with_(now=later + timedelta(hours=5, minutes=10)), "integration.flow.activate", made.pk)
    read(later + timedelta(hours=5, minutes=11))
    assert Message.objects.count() == before
    read(later + timedelta(hours=6))
    assert Message.objects.count() == before + 1


@pytest.mark.parametrize(
    "detail", [{}, {"cron": "0 8 * * *", "every": 60}, {"cron": "0 8 * *"}, {"cron": "0 8 * * *", "zone": "Mars"}]
)
def test_a_schedule_that_cannot_be_read_is_refused(flow, detail):
    with pytest.raises(Invalid) as refused:
        flow(trigger="schedule", detail=detail)
    assert any(path.endswith("detail") for path in refused.value.field_texts("en"))


@pytest.fixture
def pushed(inward, ctx, system, seal_here):
    """Give a way to push to a flow, signed."""
    inward(trigger="webhook", detail={"operation": "roles"})
    do(ctx, "integration.secret.set", system=str(system.pk), name="word", value="opensesame")

    def push(body, word="opensesame", operation="roles", code="SHOP", **more):
        return Client(enforce_csrf_checks=True).post(
            f"/hooks/{code}/{operation}", data=body if isinstance(body, bytes) else json.dumps(body),
            content_type="application/json", headers={"word": word}, **more,
        )  # fmt: skip

    return push


def test_a_push_is_kept_answered_and_executed(pushed):
    body = dict(id="p1", code="R1", name_zh="一", name_en="One")
    answer = pushed(body)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert states() == [("p1", "waiting", "")]
    assert pushed(body).status_code == 200
    assert pushed(body | {"name_en": "Other"}).status_code == 422
    assert [state[1] for state in states()] == ["waiting", "dead"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"word": "guess"}, 401), ({"operation": "unknown"}, 404), ({"code": "NOBODY"}, 404), ({"code": "A\0B"}, 404)],
)
def test_a_push_that_is_forged_or_leads_nowhere_leaves_nothing(pushed, asked, status):
    assert pushed({"id": "x"}, **asked).status_code == status
    assert states() == []


def test_a_push_that_is_too_large_or_broken_leaves_nothing(pushed, ctx, system):
    do(ctx, "integration.system.change", system.pk, most_bytes=1000)
    assert pushed({"id": "x", "text": "a" * 1000}).status_code == 413
    assert pushed(b"{not json").status_code == 422
    assert states() == []


def test_a_stopped_system_hears_nothing(pushed, ctx, system):
    do(ctx, "integration.system.stop", system.pk)
    assert pushed({"id": "x"}).status_code == 404


def test_a_secret_is_sealed_and_stands_nowhere_else(ctx, system, seal_here):
    do(ctx, "integration.secret.set", system=str(system.pk), name="word", value="opensesame")
    secret = Secret.objects.get()
    assert "opensesame" not in secret.sealed
    for rows in (Audit.objects.values_list("input", flat=True), History.objects.values_list("new", flat=True)):
        assert not any("opensesame" in str(row) or secret.sealed in str(row) for row in rows)
    before = System.objects.get(pk=system.pk).version
    do(ctx, "integration.secret.set", system=str(system.pk), name="word", value="other")
    assert Secret.objects.get().sealed != secret.sealed
    assert System.objects.get(pk=system.pk).version == before + 1


def test_an_unknown_secret_is_refused(ctx, system, seal_here):
    from banyan.integration.errors import UnknownSecret

    with pytest.raises(UnknownSecret):
        do(ctx, "integration.secret.set", system=str(system.pk), name="password", value="x")


def test_the_connection_is_checked_in_words(ctx, system, partner):
    assert "正常" in str(do(ctx, "integration.system.check", system=str(system.pk)).value)
    partner.down()
    assert "不通" in str(do(ctx, "integration.system.check", system=str(system.pk)).value)


def test_a_dry_run_is_told_by_what_each_thing_is_called(ctx, inward, live_db):
    inward()
    PAGES["roles"] = [[role(1)], [role(2, code="")]]
    read()
    client = Client(headers={"HX-Request": "true"})
    client.force_login(User.objects.create(login="all", name="林", is_superuser=True, language="en"))
    keys = [str(key) for key in Message.objects.order_by("seq").values_list("pk", flat=True)]
    page = client.post("/integration/messages/do/dry_run", {"messages": keys}).content.decode()
    assert f"/do/dry_run?_on=integration.message%3A{keys[0]}" in unescape(
        client.get(f"/integration/messages/{keys[0]}").content.decode()), "a message's page offers it"
    first, second = page.split("<tbody>")[1].split("</tr>")[:2]
    assert '<td data-label="Would be done">Yes</td>' in first
    assert '<td data-label="Would be done">No</td>' in second
    assert "&quot;code&quot;: &quot;R1&quot;" in first.split('data-label="What the target gets"')[1]
    assert "is_well" not in page
