"""A partner's answer that leads to a command of ours: done once, whatever happens; refused, it is seen and replayed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from banyan.integration import claims, sending
from banyan.integration.engine import carry_once, carry_until_quiet
from banyan.integration.errors import FlowNotReady
from banyan.integration.models import Attempt, Message, System
from banyan.integration.plans import plan_of
from banyan.integration.tests.conftest import MAKES_A_ROLE, do
from banyan.integration.tests.telling import sell
from banyan.kernel.models import Audit, Role
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id

pytestmark = pytest.mark.usefixtures("proved")


@pytest.fixture
def answering(flow, partner):
    """Make a flow out whose answers make roles, numbered by the partner."""
    partner.says = {"number": "P-1"}
    return lambda **given: flow(**{"reply": MAKES_A_ROLE} | given)


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_an_answer_is_mapped_to_a_command_as_the_systems_account(ctx, answering, system):
    answering()
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    out = Message.objects.get()
    role = Role.objects.get(code="P-1")
    assert (out.state, out.error, out.reply, out.answered_at) == ("done", "", None, None)
    assert (role.name_zh, role.name_en) == ("test.sold", str(out.pk))
    assert role.created_by_id == system.account_id
    assert Audit.objects.get(command="kernel.role.create", outcome="done").key == f"reply {out.pk}"


def test_a_command_acts_on_the_record_the_answer_names(ctx, answering, partner):
    key = do(ctx, "kernel.role.create", records=[dict(code="R1", name_zh="旧", name_en="Old")]).ids[0]
    partner.says = {"ref": "R1", "title": "New"}
    fields = [{"target": "records_of", "source": "reply.ref"}, {"target": "name_en", "source": "reply.title"}]
    answering(reply={"keep": True, "command": {"target": "kernel.role.change", "mapping": {"fields": fields}}})
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    assert Role.objects.get(pk=key).name_en == "New"
    assert Message.objects.get().reply == {"ref": "R1", "title": "New"}


def test_killed_between_the_answer_and_its_mark_it_is_done_once(ctx, answering, partner):
    """The first worker sends and dies; the message is due again, the partner answers again."""
    made = answering()
    sell(ctx, (new_id(), 1))
    plan = plan_of(made.pk)
    held, _ = claims.claim(plan, 10, 30.0)
    lost = list(sending.send_run(plan, held))
    assert Role.objects.count() == 1  # the account's own
    carry_until_quiet(later(60))
    assert [m.state for m in Message.objects.all()] == ["done"]
    assert Role.objects.filter(code="P-1").count() == 1
    # and should the first one not be dead after all, its answer changes nothing
    claims.mark(plan, lost, [0.5])
    assert Role.objects.filter(code="P-1").count() == 1
    assert sorted(Attempt.objects.values_list("outcome", flat=True)) == ["again", "done"]
    assert len(partner.got) == 2
    assert len({name for name, _ in partner.got}) == 1


def test_killed_inside_the_mark_nothing_is_done(ctx, answering, monkeypatch):
    answering()
    sell(ctx, (new_id(), 1))

    def dies(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(claims, "write_marks", dies)
        with pytest.raises(KeyboardInterrupt):
            carry_once()
    assert not Role.objects.filter(code="P-1").exists()
    assert Message.objects.get().state == "waiting"
    carry_until_quiet(later(60))
    assert Role.objects.filter(code="P-1").count() == 1


def test_a_refusal_is_seen_with_its_reason_and_a_replay_sends_nothing(ctx, answering, partner):
    answering()
    taken = do(ctx, "kernel.role.create", records=[dict(code="P-1", name_zh="已有", name_en="Taken")]).ids[0]
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    dead = Message.objects.get()
    assert (dead.state, dead.reason, dead.reply) == ("dead", "refused", {"number": "P-1"})
    assert dead.error.startswith("对方已收下并回复，但回执没有用上\nthe partner has it and answered")
    assert dead.answered_at is not None
    assert Audit.objects.filter(command="kernel.role.create", outcome="refused").count() == 1
    do(ctx, "integration.message.replay", dead.pk)
    carry_until_quiet(later(1))
    assert Message.objects.get().state == "dead"
    do(ctx, "kernel.role.change", taken, code="P-9")
    do(ctx, "integration.message.replay", dead.pk)
    carry_until_quiet(later(2))
    assert Message.objects.get().state == "done"
    assert Role.objects.filter(code="P-1").count() == 1
    assert len(partner.got) == 1


def test_a_repaired_message_is_sent_anew(ctx, answering, partner):
    answering()
    partner.says = {"ok": True}
    sell(ctx, (new_id(), 1))
    carry_until_quiet()
    dead = Message.objects.get()
    assert (dead.state, dead.reason) == ("dead", "validation")
    partner.says = {"number": "P-7"}
    do(ctx, "integration.message.repair", dead.pk, body={"mended": 1})
    do(ctx, "integration.message.replay", dead.pk)
    carry_until_quiet(later(1))
    assert Message.objects.get().state == "done"
    assert partner.bodies[1] == {"mended": 1}
    assert Role.objects.filter(code="P-7").exists()


def test_in_a_strict_flow_nothing_overtakes_an_answer_that_was_refused(ctx, answering, partner):
    answering(order="strict")
    taken = do(ctx, "kernel.role.create", records=[dict(code="P-1", name_zh="已有", name_en="Taken")]).ids[0]
    one = new_id()
    sell(ctx, (one, 1), (one, 2))
    carry_until_quiet()
    assert [m.state for m in Message.objects.order_by("seq")] == ["dead", "waiting"]
    assert len(partner.got) == 1
    do(ctx, "kernel.role.change", taken, code="P-9")
    do(ctx, "integration.message.replay", Message.objects.get(state="dead").pk)
    carry_once(later(1))
    partner.says = {"number": "P-2"}
    carry_until_quiet(later(2))
    assert [m.state for m in Message.objects.order_by("seq")] == ["done", "done"]
    assert [body["data"]["n"] for body in partner.bodies] == [1, 2]


def test_without_an_account_the_flow_is_not_switched_on(ctx, answering, system):
    System.objects.filter(pk=system.pk).update(account=None)
    with pytest.raises(FlowNotReady) as refused:
        answering()
    assert "no account" in refused.value.label.en


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"command": "kernel.role.create"}, "target"), ({"command": {"target": "kernel.role.create"}}, "mapping"),
        ({"command": {"target": "no.such", "mapping": {"table": "X"}}}, "no.such"),
        ({"command": {"target": "kernel.role.create", "mapping": {"table": "NONE"}}}, "NONE"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_is_refused_when_it_is_written(answering, given, word):
    with pytest.raises(Invalid) as refused:
        answering(reply=given)
    assert any(word in text for texts in refused.value.field_texts("en").values() for text in texts)
