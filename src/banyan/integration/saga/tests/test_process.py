"""The bus's process moves runs by itself; killed in the middle, each action is there once, and none is lost."""

from __future__ import annotations

import random
import signal
import time

import pytest

from banyan.integration.models import Attempt, Message
from banyan.integration.saga.models import Run
from banyan.integration.saga.tests.conftest import do, red, states
from banyan.integration.tests.test_process import start as begin
from banyan.integration.tests.test_process import wait_for
from banyan.kernel import db

#: As if the time of a dead worker's claims had passed.
PASSED = ("UPDATE integration_message SET next_at = now(), claimed_until = now() WHERE claimed_until IS NOT NULL "
          "AND state = 'waiting'")  # fmt: skip


@pytest.mark.slow
def test_the_process_moves_a_run_from_step_to_step_and_ends_cleanly(saga, start, partner, live_db):
    made = saga()
    process = begin(live_db)
    try:
        time.sleep(0.5)
        run = start(made)
        wait_for(lambda: states(run)[0] == "done")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
    assert partner.done == ["reserve", "book", "tell"]
    assert red() == []


@pytest.mark.slow
def test_killed_while_the_carrier_answers_the_run_goes_on_and_the_waybill_is_booked_once(saga, start, partner, live_db):
    run = start(saga())
    partner.slow["book"] = 1.0
    process = begin(live_db)
    wait_for(lambda: "book" in partner.done)  # it is booked; the answer never arrives
    process.kill()
    process.wait()
    assert states(run) == ["running", "done", "doing", "pending"]
    db.run(PASSED)
    partner.slow.clear()
    process = begin(live_db)
    try:
        wait_for(lambda: states(run)[0] == "done")
    finally:
        process.terminate()
        process.wait(15)
    assert partner.asked == ["reserve", "book", "book", "tell"]
    assert partner.done == ["reserve", "book", "tell"]
    assert red() == []


@pytest.mark.slow
def test_killed_in_the_answer_and_refused_after_it_what_may_have_happened_is_taken_back(
    ctx, saga, start, partner, live_db,
):  # fmt: skip
    """The worker died with the call on its way, and a person undoes: the waybill may exist, so it is cancelled."""
    run = start(saga())
    partner.slow["book"] = 1.0
    process = begin(live_db)
    wait_for(lambda: "book" in partner.done)
    process.kill()
    process.wait()
    db.run(PASSED)
    do(ctx, "saga.run.undo", run.pk, reason="客户取消")
    process = begin(live_db)
    try:
        wait_for(lambda: states(run)[0] == "undone")
    finally:
        process.terminate()
        process.wait(15)
    assert states(run) == ["undone", "undone", "undone", "pending"]
    assert partner.done == ["reserve", "book", "cancel", "release"]
    assert red() == []


@pytest.mark.slow
def test_killed_at_random_moments_every_action_happens_once(saga, start, partner, live_db):
    """Forty orders, the carrier refuses every fourth: what is done is done once, what is undone is undone once."""
    made = saga()
    partner.says["book"] = lambda body: 422 if int(body["order"]) % 4 == 0 else 200
    partner.slow |= {"reserve": 0.01, "book": 0.02, "tell": 0.01, "release": 0.02}
    runs = [start(made, str(n)) for n in range(40)]
    chance = random.Random(11)
    for _ in range(8):
        process = begin(live_db)
        time.sleep(chance.uniform(0.1, 1.0))
        process.kill()
        process.wait()
        db.run(PASSED)
    process = begin(live_db)
    try:
        wait_for(lambda: not Run.objects.filter(ended_at=None).exists(), 60)
    finally:
        process.terminate()
        process.wait(15)
    assert [states(run)[0] for run in runs] == ["undone" if n % 4 == 0 else "done" for n in range(40)]
    counts = {one: partner.done.count(one) for one in ("reserve", "book", "tell", "release", "cancel")}
    assert counts == {"reserve": 40, "book": 30, "tell": 30, "release": 10, "cancel": 0}
    reserved = [body["order"] for operation, body, _ in partner.did.values() if operation == "reserve"]
    assert sorted(reserved, key=int) == [str(n) for n in range(40)]
    assert Message.objects.filter(state="done").count() == Attempt.objects.filter(outcome="done").count() == 110
    assert red() == []
