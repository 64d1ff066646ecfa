"""Reports of programs that come at the same moment: booked in one transaction, each as its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from banyan.kernel import registry
from banyan.kernel.commands import Call, parse_input
from banyan.kernel.gathering import Called, work_together
from banyan.kernel.models import Audit, Outbox, Request, User
from banyan.kernel.tokens import issue_token
from banyan.lib.ids import new_id
from banyan.modules.production.models import Report
from src.banyan.modules.production.tests.conftest import Shop
from src.banyan.modules.production.tests.test_at_once import at_once, faults
from tests.plugins.world import World

CMD = registry.command("production.work_order.report")
#: Keys with stamps, locks, operations, reports, whether there are books, trail; begin and commit are not counted.
STATEMENTS = 6


@pytest.fixture
def shop(live_db, ctx) -> Shop:
    return Shop(World(ctx))


@pytest.fixture
def begun(shop) -> tuple[Shop, Any]:
    """An order of a thousand that somebody has begun."""
    order = shop.released(quantity="1000")
    shop.report(order, 10, "good", 1)
    return shop, order


def letter(shop: Shop, said: Mapping[str, Any], key: str | None = None) -> Called:
    ctx = shop.ctx.with_(key=key, through="rest", now=timezone.now())
    data = parse_input(CMD, {"reports": [said]})
    call = Call(ctx, data, lambda done: {"status": 200, "told": [str(one.id) for one in done.value]})
    return Called(sender=key or said["id"], keys=CMD.together.keys(data), cmd=CMD, call=call)


def told(letters: list[Called]) -> list[Any]:
    return [one.outcome and one.outcome.answer["told"] for one in letters]


def test_reports_done_together_have_each_their_audit_line_their_event_and_their_stored_answer(begun):
    shop, order = begun
    audits, events = Audit.objects.count(), Outbox.objects.count()
    said = [shop.say(order, 10, "good", n) for n in (2, 3, 4)]
    letters = [letter(shop, one, f"key-{n}" if n else None) for n, one in enumerate(said)]
    work_together(letters)
    assert told(letters) == [[str(one["id"])] for one in said]
    lines = Audit.objects.order_by("seq")[audits:]
    assert [(line.input["reports"][0]["id"], line.key, line.through) for line in lines] == [
        (str(said[0]["id"]), "", "rest"), (str(said[1]["id"]), "key-1", "rest"), (str(said[2]["id"]), "key-2", "rest"),
    ]  # fmt: skip
    assert Outbox.objects.count() == events + 3
    kept = Request.objects.filter(key__startswith="key-").order_by("key")
    assert [one.answer["answer"]["told"] for one in kept] == [[str(said[1]["id"])], [str(said[2]["id"])]]
    assert shop.operation(order, 10).good_quantity == 1 + 9
    assert faults() == []


def test_many_are_booked_by_as_many_statements_as_two(begun):
    shop, order = begun
    for size in (2, 5, 20):
        letters = [letter(shop, shop.say(order, 10, "good", 1), str(new_id())) for _ in range(size)]
        with CaptureQueriesContext(connection) as queries:
            work_together(letters)
        assert all(told(letters))
        assert len([one for one in queries if one["sql"] not in ("BEGIN", "COMMIT")]) == STATEMENTS


def test_what_does_not_go_along_leaves_nothing_and_does_not_hold_up_the_others(begun):
    shop, order = begun
    sent = shop.say(order, 10, "good", 1)
    first = letter(shop, sent, "seen")
    work_together([first])
    again, many, unbegun, plain = (
        letter(shop, sent, "seen"), letter(shop, shop.say(order, 20, "good", 500), "many"),
        letter(shop, shop.say(shop.released(), 10, "good", 1), "unbegun"),
        letter(shop, shop.say(order, 10, "good", 1), "plain"),
    )  # fmt: skip
    work_together([again, many])
    assert told([again, many]) == [None, None]
    work_together([again, unbegun, plain])
    assert [bool(one) for one in told([again, unbegun, plain])] == [False, False, True]
    assert set(Request.objects.values_list("key", flat=True)) == {"seen", "plain"}
    assert Report.objects.count() == 3


def test_who_does_not_report_at_the_work_centre_goes_apart_and_is_flagged(begun):
    shop, order = begun
    world = shop.world
    world.change(world.turning, reporters="skilled", skill=world.skill)
    said = [
        shop.say(order, 10, "good", 1, people=[{"employee": one.pk}]) for one in (world.worker, world.second_worker)
    ]
    letters = [letter(shop, one) for one in said]
    work_together(letters)
    assert [bool(one) for one in told(letters)] == [True, False]
    assert [one.flags for one in shop.send(*said)] == [(), ("reporter",)]
    assert faults() == []


@pytest.mark.parametrize("more", [
    pytest.param({"kind": "undo", "reverses": str(new_id())}, id="undo"),
    pytest.param({"lots": [{"lot": str(new_id()), "quantity": "1"}]}, id="lots"),
    pytest.param({"output_lot": "L-1"}, id="output lot"),
])  # fmt: skip
def test_an_undo_and_lots_are_not_taken_along(more):
    said = {"id": str(new_id()), "operation": str(new_id()), "kind": "good", "quantity": "1"} | more
    assert CMD.together.keys(parse_input(CMD, {"reports": [said]})) == frozenset()


def test_32_calls_at_once_are_told_once_what_became_of_their_reports(begun):
    shop, order = begun
    user = User.objects.create(login="mes", name="MES", is_superuser=True)
    token = issue_token(shop.ctx, name="mes", user=user.pk).token.get_secret_value()

    def send(said: dict[str, Any], key: str) -> tuple[int, Any]:
        answer = Client().post(
            "/api/v1/production/work_orders/report", orjson.dumps({"reports": [said]}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
        )  # fmt: skip
        return answer.status_code, answer.json()

    said = [shop.say(order, 10 if n % 4 else 20, "good", 1) for n in range(32)]
    answers = at_once([lambda one=one, n=n: send(one, f"k{n}") for n, one in enumerate(said)])
    done = [n for n, (status, _) in enumerate(answers) if status == 200]
    assert [n for n in range(32) if n % 4] == [n for n in done if n % 4]
    assert [answers[n][1]["result"][0]["id"] for n in done] == [str(said[n]["id"]) for n in done]
    again = at_once([lambda one=one, n=n: send(one, f"k{n}") for n, one in enumerate(said)])
    assert [again[n][1] for n in done] == [answers[n][1] for n in done]
    assert Report.objects.count() == 1 + sum(status == 200 for status, _ in again)
    assert faults() == []
