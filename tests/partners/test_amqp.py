"""The AMQP connector against a real RabbitMQ."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pika
import pytest

from banyan.connectors.amqp.connector import Amqp
from banyan.integration.connecting import Failed, Sent
from tests.integration.both_sides import books_agree
from tests.partners.standing import connection_to, outgoing

pytestmark = pytest.mark.partner("RabbitMQ")


@pytest.fixture
def amqp():
    return Amqp()


def system(rabbitmq, name, **settings):
    return {
        "host": "127.0.0.1",
        "port": rabbitmq.port,
        "ways": [{"key": "orders", "routing_key": name, "queue": name}],
        "queues": [{"key": "take", "queue": name}],
        **settings,
    }


def reach(amqp, rabbitmq, name, **settings):
    return connection_to(amqp, system(rabbitmq, name, **settings), {"password": "guest"})


def test_what_is_published_is_taken_with_its_id_key_and_words(amqp, rabbitmq):
    connection = reach(amqp, rabbitmq, "订单")
    sent = outgoing("orders", {"number": "SO-1", "客户": "榕西机械"}, key="SO-1")
    assert amqp.send(connection, sent) == Sent()
    page = amqp.poll(connection, "take", None, 10)
    [message] = page.messages
    assert (message.id, message.body, message.key) == (str(sent.id), sent.body, "SO-1")
    page.confirm()
    assert amqp.poll(connection, "take", None, 10).messages == ()


def test_what_is_not_confirmed_comes_again_with_the_same_id(amqp, rabbitmq):
    connection = reach(amqp, rabbitmq, "again")
    amqp.send_many(connection, [outgoing("orders", {"n": n}) for n in range(5)])
    first = amqp.poll(connection, "take", None, 3)
    assert first.has_more
    again = amqp.poll(connection, "take", None, 10)
    assert sorted(m.body["n"] for m in again.messages) == [0, 1, 2, 3, 4]
    assert {m.id for m in first.messages} <= {m.id for m in again.messages}
    again.confirm()
    assert amqp.poll(connection, "take", None, 10).messages == ()


def test_a_message_without_a_queue_is_refused_and_its_neighbours_are_not(amqp, rabbitmq):
    ways = [{"key": "orders", "queue": "good"}, {"key": "nowhere", "routing_key": "nobody"}]
    connection = reach(amqp, rabbitmq, "good", ways=ways)
    answers = amqp.send_many(
        connection, [outgoing("orders", {}), outgoing("nowhere", {}), outgoing("unknown", {}), outgoing("orders", {})]
    )
    assert [a if isinstance(a, Sent) else (a.kind, a.code) for a in answers] == [
        Sent(),
        ("refused", "312"),
        ("refused", ""),
        Sent(),
    ]


def test_an_unknown_exchange_a_wrong_password_and_a_broker_that_is_away_say_so(amqp, rabbitmq):
    lost = reach(amqp, rabbitmq, "x", ways=[{"key": "orders", "exchange": "none", "routing_key": "x"}])
    [answer] = amqp.send_many(lost, [outgoing("orders", {})])
    assert (answer.kind, answer.code) == ("refused", "404")
    forged = connection_to(amqp, system(rabbitmq, "x"), {"password": "wrong"})
    [answer] = amqp.send_many(forged, [outgoing("orders", {})])
    assert answer.kind == "not_allowed"
    assert amqp.health(forged).is_well is False
    away = connection_to(amqp, system(rabbitmq, "x", port=1), {"password": "guest"}, timeout=3)
    [answer] = amqp.send_many(away, [outgoing("orders", {})])
    assert answer.kind == "transport"
    assert answer.is_passing
    with pytest.raises(Failed) as fault:
        amqp.poll(away, "take", None, 1)
    assert fault.value.is_passing
    assert amqp.health(reach(amqp, rabbitmq, "x")).is_well


def test_text_and_octets_that_are_no_json_are_kept(amqp, rabbitmq):
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq.port)) as opened:
        channel = opened.channel()
        channel.queue_declare("raw", durable=True, arguments={"x-queue-type": "quorum"})
        for body in (b"plain", "订单".encode("gbk"), b"plain"):
            channel.basic_publish("", "raw", body)
    page = amqp.poll(reach(amqp, rabbitmq, "raw"), "take", None, 10)
    assert [m.body for m in page.messages] == [{"text": "plain"}, {"base64": "tqm1pQ=="}, {"text": "plain"}]
    page.confirm()


def test_a_message_that_is_too_large_is_laid_aside_and_blocks_nobody(amqp, rabbitmq):
    connection = replace(reach(amqp, rabbitmq, "large"), most_bytes=1000)
    assert amqp.poll(connection, "take", None, 10).messages == ()
    channel = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq.port)).channel()
    channel.confirm_delivery()  # all are there before the first is taken, however long so large a one takes
    for name, body in (("1", b'{"n": 1}'), ("2", b"x" * 50_000_000), ("3", b'{"n": 3}')):
        channel.basic_publish("", "large", body, pika.BasicProperties(message_id=name))
    channel.connection.close()
    patient = replace(reach(amqp, rabbitmq, "large", wait_seconds=5), most_bytes=1000)
    page = amqp.poll(patient, "take", None, 3)
    assert [(one.id, one.fault and one.fault.kind) for one in page.messages] == [
        ("1", None), ("2", "too_large"), ("3", None)]  # fmt: skip
    assert page.messages[1].body["bytes"] == 50_000_000
    assert page.messages[1].raw == ""
    page.confirm()
    assert amqp.poll(connection, "take", None, 10).messages == ()


def test_nothing_confirmed_is_lost_when_the_broker_is_killed(amqp, rabbitmq):
    connection = reach(amqp, rabbitmq, "kills")
    confirmed, sent, tries = set(), [outgoing("orders", {"n": n}) for n in range(3000)], 0
    waiting = list(sent)
    while waiting and tries < 14:
        tries += 1
        batch = waiting[:300]
        if tries == 4:
            # RabbitMQ 3.10 forgets the term of a queue younger than some seconds when it is killed.
            time.sleep(5)
            rabbitmq.kill()
            assert amqp.send_many(connection, batch)[0].is_passing
            rabbitmq.start()
        answers = amqp.send_many(connection, batch)
        confirmed |= {out.id for out, answer in zip(batch, answers, strict=True) if isinstance(answer, Sent)}
        waiting = [out for out in waiting if out.id not in confirmed]
    assert waiting == []
    taken = []
    while (page := amqp.poll(connection, "take", None, 500)).messages:
        taken += [(m.id, m.id, m.body["n"]) for m in page.messages]
        page.confirm()
    books_agree("confirmed to us", [(str(out.id), out.body["n"]) for out in sent], "at the broker", taken)


def test_batches_are_confirmed_much_faster_than_one_by_one(amqp, rabbitmq):
    connection = reach(amqp, rabbitmq, "speed")
    body = {"specversion": "1.0", "type": "sales.order.confirmed", "data": {"number": "SO-1", "lines": [1, 2, 3] * 20}}
    amqp.send_many(connection, [outgoing("orders", body)])
    batches = [[outgoing("orders", body, key=f"SO-{n}") for n in range(500)] for _ in range(12)]
    started = time.perf_counter()
    for batch in batches:
        assert all(isinstance(answer, Sent) for answer in amqp.send_many(connection, batch))
    rate = 6000 / (time.perf_counter() - started)
    started, taken = time.perf_counter(), 0
    while (page := amqp.poll(connection, "take", None, 500)).messages:
        taken += len(page.messages)
        page.confirm()
    taking = taken / (time.perf_counter() - started)
    assert taken == 6001
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq.port)) as opened:
        channel = opened.channel()
        channel.confirm_delivery()
        started, octets = time.perf_counter(), json.dumps(body).encode()
        for _ in range(400):
            channel.basic_publish("", "speed", octets, pika.BasicProperties(delivery_mode=2), mandatory=True)
        single = 400 / (time.perf_counter() - started)
    print(f"published {rate:.0f} confirmed/s in batches, {single:.0f}/s one by one; taken {taking:.0f}/s")
    assert rate > 1.5 * single
