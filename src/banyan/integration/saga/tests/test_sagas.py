"""A saga is checked, frozen, stopped and revised; runs keep what they began with."""

from __future__ import annotations

import pytest

from banyan.integration.models import Flow, FlowVersion
from banyan.integration.saga.errors import NotRunning, SagaNotReady, StillUnderWay
from banyan.integration.saga.models import Run, Saga, SagaVersion
from banyan.integration.saga.tests.conftest import STEPS, carry, do, reading, red, states
from banyan.lib.errors import Invalid


def facts(system, *steps, **given):
    rows = [dict(system=str(system.pk)) | one for one in steps]
    return dict(code="S-1", name="发货", trigger="call", steps=rows) | given


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (dict(trigger="event"), "events"),
        (dict(events=["sales.order_confirmed"]), "events"),
        (dict(filter="data.n >"), "filter"),
        (dict(retries=[0]), "retries"),
        (dict(step=dict(name="Reserve it")), "steps.0.name"),
        (dict(step=dict(kind="command", target="no.such.thing")), "steps.0.target"),
        (dict(step=dict(undo_kind="none")), "steps.0.undo_target"),
        (dict(step=dict(undo_target="")), "steps.0.undo_target"),
        (dict(step=dict(mapping={"fields": [{"target": "a", "source": "b", "converter": "nonsense"}]})),
         "steps.0.mapping"),
        (dict(step=dict(reply={"other": 1})), "steps.0.reply"),
    ],
)  # fmt: skip
def test_what_a_definition_lacks_is_named(ctx, system, wrong, place):
    step = STEPS[0] | wrong.pop("step", {})
    with pytest.raises(Invalid) as refusal:
        do(ctx, "saga.saga.create", records=[facts(system, step, **wrong)])
    assert [path.removeprefix("records.0.") for path in refusal.value.fields] == [place]
    assert Saga.objects.count() == 0


def test_a_name_stands_once(ctx, system):
    with pytest.raises(Invalid) as refusal:
        do(ctx, "saga.saga.create", records=[facts(system, STEPS[0], STEPS[0])])
    assert "steps.1.name" in str(refusal.value.fields)


def test_it_is_not_switched_on_without_somebody_to_ask_or_an_account_to_act_as(ctx, system, boss):
    key = do(ctx, "saga.saga.create", records=[facts(system, STEPS[0])]).ids[0]
    with pytest.raises(SagaNotReady):
        do(ctx, "saga.saga.activate", key)
    type(system).objects.filter(pk=system.pk).update(account=None)
    ours = STEPS[0] | dict(kind="command", target="kernel.role.create")
    other = do(ctx, "saga.saga.create", records=[
        facts(system, ours, code="S-2", person=str(boss.pk))]).ids[0]  # fmt: skip
    with pytest.raises(SagaNotReady) as refusal:
        do(ctx, "saga.saga.activate", other)
    assert "执行账号" in refusal.value.label.zh
    assert (SagaVersion.objects.count(), Flow.objects.count()) == (0, 0)


def test_runs_keep_the_version_they_began_with_and_what_waited_takes_the_new_one(ctx, saga, start, partner):
    made = saga()
    partner.says["book"] = [503]
    under_way = start(made, "A-1")
    carry()
    do(ctx, "saga.saga.stop", made.pk)
    with pytest.raises(NotRunning):
        start(made, "A-2")
    do(ctx, "saga.saga.revise", made.pk)
    steps = [dict(name=one["name"], title=one["title"], system=str(made_system(made)), target=one["target"],
                  mapping=one["mapping"], undo_kind=one.get("undo_kind", "none"),
                  undo_target=one.get("undo_target", ""), undo_mapping=one.get("undo_mapping", {}))
             for one in (STEPS[0], STEPS[1] | {"target": "book_express"})]  # fmt: skip
    do(ctx, "saga.saga.change", made.pk, steps=steps)
    do(ctx, "saga.saga.activate", made.pk)
    later_one = start(Saga.objects.get(pk=made.pk), "A-3")
    carry(2)
    assert states(under_way) == ["done", "done", "done", "done"]
    assert states(later_one) == ["done", "done", "done"]
    assert partner.done.count("book") == 1
    assert partner.done.count("book_express") == 1
    first, second = SagaVersion.objects.order_by("no")
    assert first.definition["steps"][0]["do"] == second.definition["steps"][0]["do"]  # it has not changed
    assert first.definition["steps"][1]["do"] != second.definition["steps"][1]["do"]
    assert FlowVersion.objects.count() == Flow.objects.count() == 6
    assert red() == []


def made_system(saga):
    return SagaVersion.objects.get(pk=saga.running_id).definition["steps"][0]["do"]["system"]


def test_flows_that_carry_nothing_any_more_are_retired(ctx, saga, start, partner):
    made = saga()
    partner.says["book"] = [503] * 9
    run = start(made)
    carry()
    do(ctx, "saga.saga.stop", made.pk)
    with pytest.raises(StillUnderWay):
        do(ctx, "saga.saga.retire", made.pk)
    do(ctx, "saga.run.accept", run.pk, reason="手工完成")
    do(ctx, "saga.saga.retire", made.pk)
    assert set(Flow.objects.values_list("state", flat=True)) == {"retired"}
    assert red() == []


def test_what_starts_a_stopped_saga_waits_until_it_is_resumed(ctx, saga, partner):
    from banyan.integration.tests.telling import sell
    from banyan.lib.ids import new_id

    made = saga(dict(name="tell", title="通知", target="tell", mapping=reading(("n", "data.n"))), trigger="event",
                events=["test.*"], key="")  # fmt: skip
    do(ctx, "saga.saga.stop", made.pk)
    sell(ctx, (new_id(), 1))
    carry(600)
    run = Run.objects.get()
    assert states(run) == ["waiting", "pending"]
    assert red() == []
    do(ctx, "saga.saga.resume", made.pk)
    carry(600)
    assert states(run) == ["done", "done"]
    assert red() == []


def test_a_flow_cannot_be_made_a_step_by_hand(ctx, system):
    with pytest.raises(Invalid) as refusal:
        do(ctx, "integration.flow.create", records=[dict(
            code="F-1", name="流", system=str(system.pk), direction="out", trigger="saga", target="push")])  # fmt: skip
    assert "trigger" in str(refusal.value.fields)
