"""People decide, each with a reason; nobody without the right; of two at once, one."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from banyan.integration.models import Message
from banyan.integration.saga.errors import BeingTried, PastNoReturn
from banyan.integration.saga.models import Decision, Run, RunStep
from banyan.integration.saga.tests.conftest import STEPS, carry, do, red, states
from banyan.kernel import db, registry
from banyan.kernel.commands import WrongState, execute
from banyan.kernel.models import Audit
from banyan.lib.errors import DomainError, Invalid, NotAllowed, Stale


@pytest.fixture
def stuck(saga, start, partner) -> Run:
    """Give a run whose second step waits for its next try."""
    partner.says["book"] = [503] * 99
    run = start(saga())
    carry()
    assert states(run) == ["running", "done", "doing", "pending"]
    return run


def test_a_decision_stands_with_its_reason_in_the_audit_and_at_the_run(ctx, stuck, partner):
    do(ctx, "saga.run.undo", stuck.pk, reason="客户取消了订单")
    carry(1)
    assert states(stuck) == ["undone", "undone", "undone", "pending"]
    line = Audit.objects.get(command="saga.run.undo")
    assert (line.outcome, line.person, line.records) == ("done", ctx.person, [stuck.pk])
    assert line.input == {"reason": "客户取消了订单"}
    kept = Decision.objects.get()
    assert (kept.what, kept.step, kept.reason, kept.person_id) == ("undo", "预订运单", "客户取消了订单", ctx.person)
    assert Run.objects.get().reason == "客户取消了订单"
    assert red() == []


@pytest.mark.parametrize("what", ["retry", "skip", "undo", "accept"])
def test_without_a_reason_or_the_right_nothing_is_decided(ctx, person, stuck, what):
    others = [f"saga.run.{one}" for one in ("retry", "skip", "undo", "accept") if one != what]
    with pytest.raises(Invalid):
        do(ctx, f"saga.run.{what}", stuck.pk, reason=" ")
    with pytest.raises(NotAllowed):
        do(person("saga.run.read", *others), f"saga.run.{what}", stuck.pk, reason="想试试")
    assert states(stuck) == ["running", "done", "doing", "pending"]
    assert Decision.objects.count() == 0
    assert Audit.objects.filter(command=f"saga.run.{what}", outcome="refused").count() == 2
    assert red() == []


def test_retry_tries_at_once_under_the_same_name(ctx, stuck, partner):
    partner.says["book"] = []
    do(ctx, "saga.run.retry", stuck.pk, reason="承运商已恢复")
    carry()
    assert states(stuck) == ["done", "done", "done", "done"]
    assert len({name for operation, name, _ in partner.got if operation == "book"}) == 1
    assert red() == []


def test_a_skipped_step_counts_as_seen_to_and_the_next_begins(ctx, saga, start, partner):
    steps = (STEPS[0], STEPS[1], STEPS[2] | {"mapping": {}})
    partner.says["book"] = [503] * 99
    run = start(saga(*steps))
    carry()
    do(ctx, "saga.run.skip", run.pk, reason="运单已在承运商网站手工预订")
    carry()
    assert states(run) == ["done", "done", "skipped", "done"]
    assert Message.objects.get(type="saga.waybill.do").state == "given_up"
    assert red() == []


def test_an_accepted_run_ends_as_it_stands(ctx, stuck, partner):
    do(ctx, "saga.run.accept", stuck.pk, reason="其余由物流部手工完成")
    asked = len(partner.got)
    carry(600)
    assert states(stuck) == ["accepted", "done", "doing", "pending"]
    assert len(partner.got) == asked
    with pytest.raises(WrongState):
        do(ctx, "saga.run.retry", stuck.pk, reason="再试")
    assert red() == []


def test_a_done_run_can_be_taken_back_but_not_past_the_point_of_no_return(ctx, saga, start, partner):
    run = start(saga())
    point = start(saga(STEPS[0], STEPS[1] | {"is_point_of_no_return": True}, STEPS[2]), "A-2")
    carry()
    do(ctx, "saga.run.undo", run.pk, reason="客户退单")
    with pytest.raises(PastNoReturn) as refusal:
        do(ctx, "saga.run.undo", point.pk, reason="客户退单")
    assert "预订运单" in refusal.value.label.zh
    carry()
    assert states(run) == ["undone", "undone", "undone", "kept"]
    assert states(point) == ["done", "done", "done", "done"]
    assert red() == []


@pytest.mark.parametrize("what", ["skip", "undo", "accept"])
def test_what_is_being_sent_this_moment_is_not_decided_on(ctx, stuck, what):
    db.run("UPDATE integration_message SET claim = gen_random_uuid(), claimed_until = now() + interval '1 day', "
           "next_at = now() + interval '1 day' WHERE state = 'waiting'")  # fmt: skip
    with pytest.raises(BeingTried):
        do(ctx, f"saga.run.{what}", stuck.pk, reason="等不及")
    assert states(stuck) == ["running", "done", "doing", "pending"]
    assert Decision.objects.count() == 0


def test_who_saw_an_older_state_is_told_so(ctx, stuck):
    seen = Run.objects.get().version
    do(ctx, "saga.run.retry", stuck.pk, reason="先试")
    with pytest.raises(Stale):
        execute(ctx, registry.command("saga.run.accept"), ids=[stuck.pk], data={"reason": "不等了"},
                versions={stuck.pk: seen})  # fmt: skip
    assert Decision.objects.count() == 1


def test_of_two_who_decide_at_once_one_is_refused(ctx, stuck, partner):
    """One undoes, the other accepts as it is; whoever comes second finds it decided."""
    seen = Run.objects.get().version
    gate, said = threading.Barrier(2), []

    def decide(what: str) -> None:
        gate.wait()
        try:
            execute(ctx, registry.command(f"saga.run.{what}"), ids=[stuck.pk], data={"reason": what},
                    versions={stuck.pk: seen})  # fmt: skip
            said.append("done")
        except DomainError as refusal:
            said.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(what,)) for what in ("undo", "accept")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["done", "stale"]
    assert Decision.objects.count() == 1
    carry(1)
    assert states(stuck)[0] == ("undone" if Decision.objects.get().what == "undo" else "accepted")
    assert red() == []


def test_a_saga_is_no_ones_single_message(ctx, stuck, partner):
    """Its messages are not replayed, its flows not changed, behind its back."""
    message = Message.objects.get(type="saga.waybill.do")
    do(ctx, "integration.message.give_up", message.pk, reason="放弃")
    carry(1)
    assert states(stuck)[0] == "undone"
    for key, record in (("integration.message.replay", message.pk), ("integration.flow.stop", message.flow_id)):
        if key.endswith("replay"):
            with pytest.raises(DomainError) as refusal:
                do(ctx, key, record)
            assert refusal.value.code == "integration.of_a_saga"
        else:
            do(ctx, key, record)
    for what in ("revise", "retire"):
        with pytest.raises(DomainError) as refusal:
            do(ctx, f"integration.flow.{what}", message.flow_id)
        assert refusal.value.code == "integration.of_a_saga"
    assert RunStep.objects.get(name="waybill").state == "undone"
    assert red() == []
