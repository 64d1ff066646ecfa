"""Scans: planted differences are found, persist as one, close themselves, and are repaired by one press."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.integration import reads
from banyan.integration.connecting import Failed, Incoming
from banyan.integration.models import Message, System
from banyan.integration.tests.conftest import PAGES, Loop, do
from banyan.integration.watch import scanning
from banyan.integration.watch.errors import NoInFlow, NothingToSend, ScanFailed
from banyan.integration.watch.jobs import look_after_alerts
from banyan.integration.watch.models import Alert, Discrepancy, Scan, ScanRow, ScanRun
from banyan.kernel import impossible as kernel_impossible
from banyan.kernel import jobs
from banyan.kernel.commands import execute
from banyan.kernel.impossible import impossible
from banyan.kernel.models import Audit, InboxItem, JobRun, Outbox, User
from banyan.kernel.registry import command
from banyan.lib.errors import Invalid, NotAllowed
from banyan.lib.ids import new_id
from banyan.lib.labels import L

NOW = datetime.now(UTC)


@pytest.fixture
def ours(system):
    """Make systems of ours that a partner lists too: code, name, rate, hours ago."""

    def make(code: str, name: str = "一", rate: str = "10", hours: float = 48) -> System:
        return System.objects.create(code=code, name=name, connector="test_loop", rate=rate,
                                     created_at=NOW - timedelta(hours=hours))  # fmt: skip

    return make


def theirs(*rows: tuple[str, str, str, float]) -> None:
    """Say what the partner lists, two to a page: code, name, rate, hours ago."""
    found = [
        Incoming(id=code, body=dict(no=code, title=name, sum=rate, at=(NOW - timedelta(hours=hours)).isoformat()))
        for code, name, rate, hours in rows
    ]
    PAGES["list"] = [found[n : n + 2] for n in range(0, len(found), 2)]


@pytest.fixture
def scan(ctx, system):
    def make(**given) -> Scan:
        facts = dict(
            code=f"S{new_id().hex[-8:]}", name="对账", kind="theirs", system=str(system.pk), operation="list",
            noun="integration.system", where="code:starts=X", key_field="code", at_field="created_at",
            amount_field="rate", their_key="no", their_at="at", their_amount="sum",
            fields=[{"ours": "name", "theirs": "title", "values": {"甲": "一"}}],
        ) | given  # fmt: skip
        return Scan.objects.get(pk=do(ctx, "watch.scan.create", records=[facts]).ids[0])

    return make


def run(ctx, scan: Scan, now: datetime = NOW) -> ScanRun:
    return scanning.run_scan(ctx.with_(now=now), Scan.objects.select_related("system").get(pk=scan.pk))


def found() -> list[tuple[str, str, str]]:
    return list(Discrepancy.objects.order_by("key").values_list("kind", "key", "state"))


def test_what_differs_is_found_by_key_and_field_and_what_agrees_is_not(ctx, ours, scan):
    for code in ("X1", "X2", "X3"):
        ours(code)
    ours("X5", rate="7.50")
    ours("X6", hours=120)
    theirs(("X1", "甲", "10.00", 48), ("X2", "二", "10", 48), ("X4", "一", "5", 48), ("X5", "一", "8", 30),
           ("X6", "一", "10.000", 120))  # fmt: skip
    made = run(ctx, scan())
    assert found() == [("different", "X2", "open"), ("missing_there", "X3", "open"), ("missing_here", "X4", "open"),
                       ("different", "X5", "open")]  # fmt: skip
    facts = dict(Discrepancy.objects.values_list("key", "facts"))
    assert facts["X2"] == {"name": ["一", "二"]}
    assert [float(one) for one in facts["X5"]["="]] == [7.5, 8.0]
    assert (made.state, made.ours, made.theirs, made.found, made.new, made.gone) == ("done", 5, 5, 4, 4, 0)
    assert made.windows_differ < made.windows  # the window of X6 agrees
    assert ScanRow.objects.count() == 0


def test_a_difference_that_persists_is_the_same_and_one_that_is_gone_closes_itself(ctx, ours, scan):
    one = scan()
    ours("X1")
    ours("X2")
    theirs(("X1", "二", "10", 48))
    run(ctx, one)
    first = dict(Discrepancy.objects.values_list("key", "pk"))
    theirs(("X1", "三", "10", 48), ("X2", "一", "10", 48))
    again = run(ctx, one, NOW + timedelta(hours=1))
    assert (again.found, again.new, again.gone) == (1, 0, 1)
    assert found() == [("different", "X1", "open"), ("missing_there", "X2", "closed")]
    same = Discrepancy.objects.get(key="X1")
    assert (same.pk, same.times, same.facts) == (first["X1"], 2, {"name": ["一", "三"]})
    theirs(("X1", "二", "10", 48))
    run(ctx, one, NOW + timedelta(hours=2))  # back again: a new one beside the closed
    assert [kind for kind, key, _ in found() if key == "X2"] == ["missing_there", "missing_there"]


def test_planted_differences_raise_an_alert_from_the_rules_number_on_and_their_end_clears_it(ctx, ours, scan, system):
    boss = User.objects.create(login=f"boss-{new_id().hex[-8:]}", name="主管")
    rule = dict(name="看住差异", measure="differences", person=str(boss.pk), threshold="2", minutes=0)
    do(ctx, "watch.alert_rule.create", records=[rule])
    one = scan()
    for code in ("X1", "X2"):
        ours(code)
    theirs(("X1", "一", "10", 48))
    run(ctx, one)
    look_after_alerts(NOW)
    assert (found(), Alert.objects.count()) == ([("missing_there", "X2", "open")], 0)
    theirs()
    run(ctx, one, NOW + timedelta(hours=1))
    look_after_alerts(NOW + timedelta(hours=1))
    alert = Alert.objects.get()
    assert (alert.system_id, alert.flow_id, alert.value, alert.state) == (system.pk, None, 2, "raised")
    assert "看住差异" in InboxItem.objects.get(person=boss).text_zh
    theirs(("X1", "一", "10", 48), ("X2", "一", "10", 48))
    run(ctx, one, NOW + timedelta(hours=2))
    look_after_alerts(NOW + timedelta(hours=2))
    alert.refresh_from_db()
    assert (alert.state, InboxItem.objects.get(person=boss).done_at is not None) == ("cleared", True)


def test_what_has_moved_out_of_the_range_is_neither_found_nor_closed(ctx, ours, scan):
    one = scan(days=5)
    ours("X1")
    theirs()
    run(ctx, one)
    run(ctx, one, NOW + timedelta(days=10))
    assert found() == [("missing_there", "X1", "open")]


def test_what_is_on_its_way_is_left_alone(ctx, ours, scan):
    ours("X1", hours=0.1)
    theirs()
    assert run(ctx, scan()).found == 0


def test_a_partner_that_fails_leaves_everything_as_it_was(ctx, ours, scan, system):
    one = scan()
    ours("X1")
    theirs()
    run(ctx, one)
    PAGES["list"] = [[Incoming(id="1", body={"nothing": 1})]]
    with pytest.raises(ScanFailed):
        run(ctx, one)
    failed = ScanRun.objects.get(state="failed")
    assert "no key at no" in failed.error
    assert failed.finished_at is not None
    assert found() == [("missing_there", "X1", "open")]
    assert ScanRow.objects.count() == 0


def test_a_partner_that_asks_to_wait_is_waited_for_and_the_scan_goes_on(ctx, ours, scan, system, monkeypatch):
    theirs(("X1", "一", "10", 48), ("X2", "一", "10", 48), ("X3", "一", "10", 48))
    lists, calls = Loop.poll, []
    said = {2: Failed("throttled", "HTTP 429", code="429", retry_after=0.2), 3: Failed("unavailable", "HTTP 500")}

    def poll(self, *given):
        calls.append(datetime.now(UTC))
        if fault := said.get(len(calls)):
            raise fault
        return lists(self, *given)

    monkeypatch.setattr(Loop, "poll", poll)
    monkeypatch.setattr(reads, "PAUSES", (0.01, 0.01))
    done = run(ctx, scan())
    assert (done.theirs, len(calls), done.state) == (3, 4, "done")
    assert calls[2] - calls[1] >= timedelta(seconds=0.2)
    System.objects.filter(pk=system.pk).update(failures=50)
    said |= dict.fromkeys(range(5, 50), Failed("unavailable", "HTTP 500"))
    with pytest.raises(ScanFailed):
        run(ctx, scan())
    assert len(calls) == 4 + 1 + len(reads.PAUSES)


def test_our_own_impossible_states_are_found_and_close_when_put_right(ctx, flow, message, scan):
    one = scan(kind="ours", checks=["integration.stuck"], system=None, operation="", noun="")
    stuck = message(flow(), NOW - timedelta(hours=90), key="SO-1")
    message(stuck.flow, NOW - timedelta(hours=80), key="SO-2")  # its last try is yet to come
    made = run(ctx, one)
    assert (made.found, made.new) == (1, 1)
    seen = Discrepancy.objects.get()
    assert (seen.record, seen.noun, seen.proposed) == (stuck.pk, "integration.message", "task")
    assert seen.text.split("\n")[1] == f"Stuck for 90 hours (flow {stuck.flow.code}, key SO-1)"
    Message.objects.filter(pk=stuck.pk).update(state="given_up")
    assert run(ctx, one).gone == 1


def test_how_long_a_message_may_wait_follows_from_the_schedule_of_its_flow(ctx, flow, message, scan):
    one = scan(kind="ours", checks=["integration.stuck"], system=None, operation="", noun="")
    short, long = flow(retries=[5, 60]), flow(retries=[86_400] * 6)
    late = message(short, NOW - timedelta(hours=26))
    message(short, NOW - timedelta(hours=20))
    later = message(long, NOW - timedelta(hours=160))
    message(long, NOW - timedelta(hours=155))
    assert run(ctx, one).found == 2
    assert set(Discrepancy.objects.values_list("record", flat=True)) == {late.pk, later.pk}


def test_a_module_brings_its_own_impossible_state(ctx, live_db, scan, system, monkeypatch):
    monkeypatch.setattr(kernel_impossible, "_known", {})

    @impossible("test.nameless", L("{code} 没有名称", "{code} has no name"), noun="integration.system")
    def nameless(now):
        return [(key, {"code": code}) for key, code in System.objects.filter(name="").values_list("pk", "code")]

    one = scan(kind="ours", system=None, operation="", noun="")
    assert run(ctx, one).found == 0
    System.objects.filter(pk=system.pk).update(name="")
    assert run(ctx, one).found == 1
    assert Discrepancy.objects.get().text == "SHOP 没有名称\nSHOP has no name"


def test_one_press_sends_again_and_the_next_run_sees_whether_it_helped(ctx, ours, scan, flow):
    out = flow(detail={"events": ["kernel.*"]})
    one = scan(send_flow=str(out.pk))
    mine = ours("X1")
    theirs()
    run(ctx, one)
    seen = Discrepancy.objects.get()
    assert seen.proposed == "send_again"
    with pytest.raises(NothingToSend):
        do(ctx, "watch.discrepancy.send_again", seen.pk)
    Outbox.objects.create(at=NOW, type="kernel.changed", key=str(mine.pk), noun="integration.system", record=mine.pk,
                          payload={}, dispatched_at=NOW)  # fmt: skip
    do(ctx, "watch.discrepancy.send_again", seen.pk)
    sent = Message.objects.get()
    assert (sent.flow_id, sent.record, sent.state) == (out.pk, mine.pk, "waiting")
    assert Audit.objects.filter(command="watch.discrepancy.send_again", outcome="done", records=[seen.pk]).count() == 1
    assert found() == [("missing_there", "X1", "repairing")]
    run(ctx, one)
    assert found() == [("missing_there", "X1", "open")]  # it did not help
    theirs(("X1", "一", "10", 48))
    run(ctx, one)
    assert found() == [("missing_there", "X1", "closed")]


def test_what_is_missing_here_is_fetched_again_by_itself_where_the_scan_says_so(ctx, ours, scan, flow):
    into = flow(direction="in", trigger="poll", detail={"operation": "list"}, target="kernel.role.create")
    theirs(("X9", "一", "5", 48))
    run(ctx, scan(fetch_flow=str(into.pk), repairs_itself=True))
    assert found() == [("missing_here", "X9", "repairing")]
    taken = Message.objects.get()
    assert (taken.flow_id, taken.body["no"]) == (into.pk, "X9")
    other = scan()
    run(ctx, other)
    with pytest.raises(NoInFlow):
        do(ctx, "watch.discrepancy.fetch_again", Discrepancy.objects.get(scan=other).pk)


def test_the_owner_hears_of_what_is_new_once_and_others_can_be_given_it(ctx, ours, scan):
    owner, other = (User.objects.create(login=f"o{n}-{new_id().hex[-6:]}", name=f"人{n}") for n in (1, 2))
    one = scan(owner=str(owner.pk))
    ours("X1")
    theirs()
    run(ctx, one)
    run(ctx, one)
    assert InboxItem.objects.filter(person=owner).count() == 1
    seen = Discrepancy.objects.get()
    do(ctx, "watch.discrepancy.assign", seen.pk, owner=str(other.pk))
    assert InboxItem.objects.filter(person=other, record=seen.pk).count() == 1
    do(ctx, "watch.discrepancy.accept", seen.pk, reason="对方不收小单")
    run(ctx, one)
    assert found() == [("missing_there", "X1", "accepted")]
    do(ctx, "watch.discrepancy.reopen", seen.pk)
    assert found() == [("missing_there", "X1", "open")]


def test_a_scan_runs_as_a_job_and_gives_what_it_came_to(ctx, ours, scan):
    ours("X1")
    theirs()
    do(ctx, "watch.scan.run", scan().pk)
    job = JobRun.objects.get(kind="watch.scan")
    jobs.perform(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["found"], job.done) == ("done", 1, 1)


def test_a_run_takes_the_same_statements_for_a_few_keys_and_for_many(ctx, ours, scan):
    one = scan()

    def statements(count: int) -> int:
        for n in range(count):
            ours(f"X{count}-{n}", hours=48 + n % 40)
        theirs()
        with CaptureQueriesContext(connection) as caught:
            run(ctx, one)
        return len(caught)

    assert statements(3) == statements(150)


def test_who_may_not_repair_does_not(ctx, ours, scan, nobody):
    ours("X1")
    theirs()
    run(ctx, scan())
    for name in ("send_again", "fetch_again", "assign", "accept"):
        with pytest.raises(NotAllowed):
            execute(nobody, command(f"watch.discrepancy.{name}"), ids=[Discrepancy.objects.get().pk])
    assert found() == [("missing_there", "X1", "open")]


@pytest.mark.parametrize(
    ("faulty", "field"),
    [
        (dict(noun="no.noun"), "noun"), (dict(where="nothing:eq=1"), "where"), (dict(key_field="nothing"), "fields"),
        (dict(fields=[{"ours": "name"}]), "fields"), (dict(their_key=""), "their_key"),
        (dict(their_amount=""), "their_amount"),
        (dict(kind="ours", checks=["no.check"]), "checks"), (dict(key_field="message"), "fetch_flow"),
        (dict(where="account.login:starts=x"), "where"), (dict(where="account.nothing:in=x"), "fields"),
    ],
)  # fmt: skip
def test_a_scan_that_cannot_work_is_refused(scan, faulty, field):
    with pytest.raises(Invalid) as refusal:
        scan(**faulty)
    assert any(field in key for key in refusal.value.fields)
    assert Scan.objects.count() == 0


def test_amounts_of_ours_that_are_one_thing_there_add_up(ctx, ours, scan):
    ours("X1", name="甲", rate="4")
    ours("X2", name="甲", rate="6.5")
    theirs(("甲", "一", "10.5", 48))
    one = scan(key_field="name", fields=[])
    assert (run(ctx, one).found, found()) == (0, [])
    theirs(("甲", "一", "10", 48))
    assert run(ctx, one).found == 1
    ((kind, key, facts),) = Discrepancy.objects.values_list("kind", "key", "facts")
    assert (kind, key, [float(each) for each in facts["="]]) == ("different", "甲", [10.5, 10.0])


def test_what_is_ours_at_another_time_than_theirs_is_here_all_the_same(ctx, ours, scan):
    one = scan(days=5)
    ours("X1", hours=600)
    ours("X2", hours=600)
    theirs(("X1", "一", "10", 48), ("X2", "二", "10", 48), ("X3", "一", "10", 48))
    run(ctx, one)
    assert found() == [("different", "X2", "open"), ("missing_here", "X3", "open")]
    theirs(("X1", "一", "10", 48), ("X2", "一", "10", 48))
    assert run(ctx, one).gone == 2


def test_a_condition_may_ask_for_a_field_of_what_a_record_belongs_to(ctx, ours, scan):
    robot = User.objects.create(login=f"r-{new_id().hex[-8:]}", name="接口", is_program=True)
    System.objects.filter(pk=ours("X1").pk).update(account=robot)
    ours("X2")
    theirs()
    run(ctx, scan(where=f"code:starts=X&account.login:in={robot.login}"))
    assert found() == [("missing_there", "X1", "open")]


def test_what_the_flow_leaves_out_need_not_be_here_and_may_be(ctx, ours, scan, flow):
    into = flow(direction="in", trigger="poll", detail={"operation": "list"}, target="kernel.role.create",
                filter='no = "X3"', sample=({"no": "X3"}, {"no": "X3"}))  # fmt: skip
    ours("X1")
    theirs(("X1", "一", "10", 48), ("X2", "一", "10", 48), ("X3", "一", "10", 48))
    run(ctx, scan(fetch_flow=str(into.pk), is_mapped=True))
    assert found() == [("missing_here", "X3", "open")]


def test_a_scan_through_a_mapping_needs_the_flow_whose_mapping_it_is(scan):
    with pytest.raises(Invalid) as refusal:
        scan(is_mapped=True)
    assert "fetch_flow" in str(refusal.value.field_texts("en"))
