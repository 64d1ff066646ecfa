"""Runs go forward, are taken back in reverse, and go forward whatever happens past the point of no return."""

from __future__ import annotations

import pytest

from banyan.integration.models import Flow, Message
from banyan.integration.saga.models import Decision, Run, RunStep
from banyan.integration.saga.tests.conftest import STEPS, carry, do, later, reading, red, states
from banyan.integration.tests.telling import sell
from banyan.kernel.models import InboxItem, Outbox
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id


def test_steps_are_done_in_their_order_and_read_each_others_answers(saga, start, partner):
    run = start(saga())
    carry()
    assert states(run) == ["done", "done", "done", "done"]
    assert partner.done == ["reserve", "book", "tell"]
    run.refresh_from_db()
    bodies = [body for _, _, body in partner.got]
    assert bodies == [
        {"order": "A-1", "run": run.number}, {"order": "A-1", "reservation": "reserve-1"},
        {"order": "A-1", "waybill": "book-2"},
    ]  # fmt: skip
    assert run.key == "A-1"
    assert run.number.startswith("SG")
    assert (run.message, run.due_at, run.at_step) == (None, None, "")
    assert Outbox.objects.filter(type="saga.run_done", record=run.pk).count() == 1
    assert red() == []


def test_a_refusal_at_the_third_step_takes_back_the_second_and_the_first(saga, start, partner):
    partner.says["tell"] = [422]
    run = start(saga())
    carry()
    assert states(run) == ["undone", "undone", "undone", "failed"]
    assert partner.asked == ["reserve", "book", "tell", "cancel", "release"]
    assert partner.got[-1][2] == {"reservation": "reserve-1"}
    assert "步骤“通知财务”失败" in Run.objects.get().error
    assert Outbox.objects.filter(type="saga.run_undone", record=run.pk).count() == 1
    assert red() == []


def test_what_passes_is_tried_again_under_one_name_and_done_once(saga, start, partner):
    partner.says["book"] = [503, 429]
    run = start(saga())
    carry()
    assert states(run) == ["running", "done", "doing", "pending"]
    for minutes in (2, 4):
        carry(minutes)
    assert states(run) == ["done", "done", "done", "done"]
    names = [name for operation, name, _ in partner.got if operation == "book"]
    assert len(names) == 3
    assert len(set(names)) == 1
    assert red() == []


def test_past_its_deadline_a_step_that_never_arrived_is_not_taken_back_the_others_are(saga, start, partner, system):
    run = start(saga(retries=[600] * 9))
    partner.says["book"] = [429] * 99
    for minutes in (0, 11, 29):
        carry(minutes)
    assert states(run) == ["running", "done", "doing", "pending"]
    carry(31)
    assert states(run) == ["undone", "undone", "failed", "pending"]
    assert "期限" in RunStep.objects.get(name="waybill").error
    assert "cancel" not in partner.asked
    message = Message.objects.get(type="saga.waybill.do")
    assert (message.state, message.note) == ("given_up", "deadline")
    assert red() == []


def test_past_its_deadline_a_step_that_may_have_been_done_is_taken_back_too(saga, start, partner):
    run = start(saga(retries=[600] * 9))
    partner.says["book"] = [500] * 99
    for minutes in (0, 11, 22, 31):
        carry(minutes)
    assert states(run) == ["undone", "undone", "undone", "pending"]
    assert RunStep.objects.get(name="waybill").is_unsure
    assert partner.asked[-2:] == ["cancel", "release"]
    assert red() == []


def test_a_partner_that_cannot_be_reached_has_done_nothing(saga, start, partner):
    """Nothing was sent, so nothing is taken back of it: what it does not hear need not be undone either."""
    run = start(saga())
    carry()  # done before it goes away
    other = start(Run.objects.get().saga, "A-2")
    partner.down()
    for minutes in (0, 2, 4, 6, 8, 61):
        carry(minutes)
    assert states(run)[0] == "done"
    assert states(other) == ["undone", "failed", "pending", "pending"]
    assert not RunStep.objects.get(run=other, name="reserve").is_unsure
    partner.up()
    assert red() == []


def test_nothing_was_there_to_be_taken_back_of_what_may_have_happened(saga, start, partner):
    run = start(saga(retries=[600] * 9))
    partner.says |= {"book": [500] * 99, "cancel": [404]}
    for minutes in (0, 11, 22, 31):
        carry(minutes)
    assert states(run) == ["undone", "undone", "undone", "pending"]
    assert red() == []


POINT = (STEPS[0], STEPS[1] | {"is_point_of_no_return": True}, STEPS[2] | {"deadline_minutes": 600})


def test_past_the_point_of_no_return_a_refusal_is_repeated_until_it_is_done(saga, start, partner):
    partner.says["tell"] = [422, 409, 500]
    run = start(saga(*POINT))
    for minutes in (0, 2, 4, 6):
        assert states(run)[0] in ("waiting", "running")
        carry(minutes)
    assert states(run) == ["done", "done", "done", "done"]
    assert partner.asked == ["reserve", "book", "tell", "tell", "tell", "tell"]
    assert red() == []


def test_past_the_point_of_no_return_somebody_is_asked_in_the_end(ctx, saga, start, partner, boss):
    partner.says["tell"] = [422] * 4
    run = start(saga(*POINT))
    for minutes in (0, 2, 4, 6, 8, 10):
        carry(minutes)
    assert states(run) == ["needs_person", "done", "done", "doing"]
    item = InboxItem.objects.get(person=boss, done_at=None)
    assert item.record == run.pk
    assert "通知财务" in item.text_zh
    assert "HTTP 422" in item.text_zh
    assert Outbox.objects.filter(type="saga.run_needs_person", record=run.pk).count() == 1
    do(ctx, "saga.run.retry", run.pk, reason="财务已开账")
    carry(12)
    assert states(run) == ["done", "done", "done", "done"]
    assert not InboxItem.objects.filter(done_at=None).exists()
    assert red() == []


def test_a_late_step_past_the_point_asks_somebody_and_goes_on_by_itself(saga, start, partner, boss):
    steps = (STEPS[0], STEPS[1] | {"is_point_of_no_return": True}, STEPS[2] | {"deadline_minutes": 5})
    partner.says["tell"] = [503] * 3
    run = start(saga(*steps, retries=[240, 240, 240]))
    carry(0)
    carry(6)
    assert states(run) == ["needs_person", "done", "done", "doing"]
    assert InboxItem.objects.filter(person=boss, done_at=None).count() == 1
    carry(11)
    assert InboxItem.objects.count() == 1  # asked once
    carry(16)
    assert states(run) == ["done", "done", "done", "done"]
    assert not InboxItem.objects.filter(done_at=None).exists()
    assert red() == []


def test_a_late_step_that_is_out_of_tries_says_so_without_asking_again(saga, start, partner, boss):
    steps = (STEPS[0], STEPS[1] | {"is_point_of_no_return": True}, STEPS[2] | {"deadline_minutes": 5})
    partner.says["tell"] = [503] * 9
    run = start(saga(*steps, retries=[240, 240]))
    carry(0)
    carry(6)
    assert "仍在重试" in Run.objects.get().error
    carry(11)
    assert states(run) == ["needs_person", "done", "done", "doing"]
    assert "不再自动重试" in Run.objects.get().error
    assert InboxItem.objects.count() == 1
    assert Run.objects.get().message is None
    assert red() == []


def test_the_point_itself_with_an_outcome_nobody_knows_is_for_a_person(saga, start, partner, boss):
    partner.says["book"] = [500] * 9
    run = start(saga(*POINT))
    for minutes in (0, 2, 4, 6, 8, 31):
        carry(minutes)
    assert states(run) == ["needs_person", "done", "failed", "pending"]
    assert partner.asked == ["reserve", "book", "book", "book", "book"]
    assert "不可回头点" in InboxItem.objects.get(person=boss).text_zh
    assert red() == []


def test_a_compensation_is_repeated_then_somebody_is_asked(ctx, saga, start, partner, boss):
    partner.says |= {"tell": [400], "cancel": [409] * 4}
    run = start(saga())
    for minutes in (0, 2, 4, 6, 8):
        carry(minutes)
    assert states(run) == ["needs_person", "done", "undoing", "failed"]
    assert partner.asked.count("cancel") == 4
    assert InboxItem.objects.filter(person=boss, done_at=None, record=run.pk).count() == 1
    do(ctx, "saga.run.skip", run.pk, reason="已电话取消运单")
    carry(9)
    assert states(run) == ["undone", "undone", "kept", "failed"]
    assert partner.asked[-1] == "release"
    assert Decision.objects.get().reason == "已电话取消运单"
    assert Run.objects.get().error.startswith("步骤“通知财务”失败")
    assert red() == []


def test_an_event_starts_one_run_where_it_is_wanted(ctx, saga, partner):
    step = dict(name="tell", title="通知", target="tell", mapping=reading(("n", "data.n"), ("record", "run.record")))
    made = saga(step, trigger="event", events=["test.sold"], filter="data.n > 1", key="")
    record = new_id()
    sell(ctx, (record, 1), (record, 2))
    carry(600)
    run = Run.objects.get()
    assert states(run) == ["done", "done"]
    assert (run.origin_noun, run.origin, run.key) == ("kernel.user", record, str(record))
    assert partner.got[0][2] == {"n": 2, "record": str(record)}
    assert Flow.objects.get(code=f"{made.code}-1-1").state == "active"
    assert red() == []


def test_where_the_filter_cannot_be_worked_out_somebody_is_asked(ctx, saga, partner, boss):
    step = dict(name="tell", title="通知", target="tell", mapping=reading(("n", "data.n")))
    saga(step, trigger="event", events=["test.sold"], filter='data.n + "x" > 1', key="")
    sell(ctx, (new_id(), 1))
    carry(600)
    run = Run.objects.get()
    assert states(run) == ["needs_person", "pending"]
    assert partner.got == []
    assert InboxItem.objects.filter(person=boss).count() == 1
    do(ctx, "saga.run.retry", run.pk, reason="应当执行")
    carry(601)
    assert states(run) == ["done", "done"]
    assert red() == []


def test_no_saga_hears_what_is_told_of_runs(ctx, saga, start, partner):
    step = dict(name="tell", title="通知", target="tell")
    saga(step, trigger="event", events=["*"], key="")
    start(saga(step, key=""))
    carry()
    carry(1)
    assert Outbox.objects.filter(type="saga.run_done").count() == 1
    assert Run.objects.count() == 1
    assert red() == []


def test_a_command_of_ours_is_a_step_and_its_compensation_another(ctx, saga, start, partner, system):
    """It is done as the system's account, with its mark, in one transaction; once."""
    from banyan.kernel.models import Audit, Role

    ours = dict(
        name="note", title="建档", kind="command", target="kernel.role.create",
        mapping={"fields": [{"target": "code", "source": "order"}, {"target": "name_zh", "source": "order"},
                            {"target": "name_en", "source": "order"}]},
        undo_kind="command", undo_target="kernel.role.delete",
        undo_mapping={"fields": [{"target": "records_of", "source": "steps.note.answer.ids[0]", "required": True}]},
    )  # fmt: skip
    made = saga(STEPS[0], ours, STEPS[1])
    good = start(made, "A-1")
    carry()
    assert states(good) == ["done", "done", "done", "done"]
    assert Role.objects.filter(code="A-1").count() == 1
    assert Audit.objects.get(command="kernel.role.create", outcome="done").person == system.account_id
    partner.says["book"] = [422]
    bad = start(made, "A-2")
    carry()
    assert states(bad) == ["undone", "undone", "undone", "failed"]
    assert not Role.objects.filter(code="A-2").exists()
    assert partner.asked[-1] == "release"
    assert red() == []


def test_the_same_start_id_starts_one_run(ctx, saga, start, partner):
    made = saga()
    first, again = start(made, once="order 7"), start(made, once="order 7")
    assert first.pk == again.pk
    assert RunStep.objects.count() == 3
    with pytest.raises(Invalid):
        do(ctx, "saga.run.start", saga=made.pk, payload={"order": {"no": 1}})
    assert Run.objects.count() == 1
    carry()
    assert red() == []


@pytest.mark.slow
def test_many_runs_at_once_do_each_action_once(saga, start, partner):
    made = saga()
    partner.says["book"] = lambda body: 422 if int(body["order"]) % 5 == 0 else 200
    runs = [start(made, str(n)) for n in range(40)]
    carry()
    assert [states(run)[0] for run in runs] == ["undone" if n % 5 == 0 else "done" for n in range(40)]
    assert partner.done.count("reserve") == 40
    assert partner.done.count("tell") == 32
    assert partner.done.count("release") == 8
    assert red() == []


def test_a_stopped_system_lets_its_steps_wait(ctx, saga, start, partner, system):
    run = start(saga())
    do(ctx, "integration.system.stop", system.pk)
    carry()
    assert states(run) == ["running", "doing", "pending", "pending"]
    do(ctx, "integration.system.resume", system.pk)
    carry(1)
    assert states(run) == ["done", "done", "done", "done"]
    assert later(1) >= Run.objects.get().ended_at
    assert red() == []
