"""The MQTT connector against a real mosquitto."""

from __future__ import annotations

import pytest

from banyan.connectors.mqtt.connector import Mqtt
from banyan.integration.connecting import Failed, Sent
from tests.partners.standing import connection_to, outgoing


@pytest.fixture
def mqtt():
    return Mqtt()


def reach(mqtt, mosquitto, **settings):
    topics = [
        {"key": "tell", "topic": "车间/一线/产量", "way": "send"},
        {"key": "hear", "topic": "车间/+/产量"},
        {"key": "named", "topic": "车间/+/产量", "id_field": "id"},
    ]
    return connection_to(mqtt, {"host": "127.0.0.1", "port": mosquitto.port, "topics": topics, **settings})


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_what_is_published_is_taken_and_comes_again_until_it_is_confirmed(mqtt, mosquitto, version):
    connection = reach(mqtt, mosquitto, version=version)
    assert mqtt.poll(connection, "hear", None, 10).messages == ()
    sent = [outgoing("tell", {"good": n}, key="一线") for n in range(3)]
    assert list(mqtt.send_many(connection, sent)) == [Sent()] * 3
    first = mqtt.poll(connection, "hear", None, 10)
    assert [m.body for m in first.messages] == [{"topic": "车间/一线/产量", "value": {"good": n}} for n in range(3)]
    again = mqtt.poll(connection, "hear", None, 10)
    assert [m.id for m in again.messages] == [m.id for m in first.messages]
    again.confirm()
    assert mqtt.poll(connection, "hear", None, 10).messages == ()
    if version == "5":
        assert [m.id for m in first.messages] == [str(out.id) for out in sent]
        assert {m.key for m in first.messages} == {"一线"}


def test_what_came_while_we_were_away_and_the_broker_was_stopped_is_kept(mqtt, mosquitto):
    connection = reach(mqtt, mosquitto)
    mqtt.poll(connection, "hear", None, 10)
    mqtt.send_many(connection, [outgoing("tell", {"good": n}) for n in range(250)])
    mosquitto.stop()
    with pytest.raises(Failed) as fault:
        mqtt.poll(connection, "hear", None, 10)
    assert fault.value.kind == "transport"
    [answer] = mqtt.send_many(connection, [outgoing("tell", {})])
    assert answer.is_passing
    mosquitto.start()
    taken = []
    for _ in range(20):
        page = mqtt.poll(connection, "hear", None, 100)
        if not page.messages:
            break
        taken += [m.body["value"]["good"] for m in page.messages]
        page.confirm()
    assert taken == list(range(250))


def test_equal_readings_are_two_and_a_field_names_a_reading(mqtt, mosquitto):
    connection = reach(mqtt, mosquitto, version="3.1.1")
    mqtt.poll(connection, "hear", None, 10)
    mqtt.poll(connection, "named", None, 10)
    mqtt.send_many(connection, [outgoing("tell", {"id": "r-1", "good": 5})] * 2)
    page = mqtt.poll(connection, "hear", None, 10)
    assert len({m.id for m in page.messages}) == 2
    page.confirm()
    named = mqtt.poll(connection, "named", None, 10)
    assert [m.id for m in named.messages] == ["r-1", "r-1"]
    named.confirm()


def test_an_unknown_topic_is_refused_and_health_says_whether_the_broker_is_there(mqtt, mosquitto):
    connection = reach(mqtt, mosquitto)
    [answer] = mqtt.send_many(connection, [outgoing("nowhere", {})])
    assert (answer.kind, answer.is_passing) == ("refused", False)
    assert mqtt.health(connection).is_well
    assert not mqtt.health(reach(mqtt, mosquitto, port=1)).is_well
