"""The OPC UA connector against an OPC UA server in this process."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from banyan.connectors.opcua.connector import OpcUa
from banyan.integration.connecting import Failed
from tests.partners.nodes import free_port
from tests.partners.standing import connection_to, outgoing

#: The server reads its whole address space at start, which takes seconds.
pytestmark = pytest.mark.partner("an OPC UA server")
logging.getLogger("asyncua").setLevel(logging.CRITICAL)


@pytest.fixture(scope="module")
def controller():
    from asyncua import ua
    from asyncua.sync import Server

    server = Server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{free_port()}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = server.register_namespace("urn:banyan:test")
    line = server.nodes.objects.add_object(ua.NodeId("Line1", space), "一号线")
    nodes = {
        "good": line.add_variable(ua.NodeId("Line1.Good", space), "良品", 0, ua.VariantType.UInt32),
        "speed": line.add_variable(ua.NodeId("Line1.Speed", space), "速度", 1.5, ua.VariantType.Double),
        "order": line.add_variable(ua.NodeId("Line1.Order", space), "工单", "", ua.VariantType.String),
    }
    for node in nodes.values():
        node.set_writable()
    server.start()
    yield server, nodes
    server.stop()


@pytest.fixture
def reach(controller):
    server, nodes = controller

    def make(**settings):
        addresses = {name: node.nodeid.to_string() for name, node in nodes.items()}
        groups = [
            {"key": "state", "nodes": addresses},
            {"key": "counts", "way": "watch", "nodes": {"good": addresses["good"]}},
            {"key": "set", "way": "write", "nodes": addresses},
            {"key": "lost", "nodes": {"x": "ns=2;s=Nowhere"}},
        ]
        url = server.aio_obj.endpoint.geturl()
        return connection_to(OpcUa(), {"url": url, "groups": groups, "watch_seconds": 1.0, **settings}, timeout=4)

    return make


def test_only_what_changed_is_given(reach, controller):
    _, nodes = controller
    opcua, connection = OpcUa(), reach()
    nodes["good"].write_value(7, controller[1]["good"].read_data_type_as_variant_type())
    first = opcua.poll(connection, "state", None, 10)
    assert {m.body["node"]: m.body["value"] for m in first.messages} == {"good": 7, "speed": 1.5, "order": ""}
    assert opcua.poll(connection, "state", first.position, 10).messages == ()
    nodes["good"].write_value(8, controller[1]["good"].read_data_type_as_variant_type())
    [message] = opcua.poll(connection, "state", first.position, 10).messages
    assert (message.key, message.body["value"], message.body["is_good"]) == ("good", 8, True)


def test_values_are_written_in_the_nodes_own_type_or_not_at_all(reach, controller):
    opcua, connection = OpcUa(), reach()
    opcua.send(connection, outgoing("set", {"values": {"order": "工单 17", "speed": 2, "good": 12}}))
    assert [controller[1][name].read_value() for name in ("order", "speed", "good")] == ["工单 17", 2.0, 12]
    for value in (-1, 1.5, "many", True, 2**32):
        with pytest.raises(Failed) as fault:
            opcua.send(connection, outgoing("set", {"node": "good", "value": value}))
        assert fault.value.kind == "validation"
    assert controller[1]["good"].read_value() == 12
    with pytest.raises(Failed) as fault:
        opcua.send(connection, outgoing("set", {"node": "unknown", "value": 1}))
    assert fault.value.kind == "validation"


def test_every_change_is_seen_while_it_is_watched(reach, controller):
    opcua, connection = OpcUa(), reach()
    kind = controller[1]["good"].read_data_type_as_variant_type()

    def count():
        time.sleep(0.4)
        for n in range(100, 120):
            controller[1]["good"].write_value(n, kind)
            time.sleep(0.005)

    counting = threading.Thread(target=count)
    counting.start()
    page = opcua.poll(connection, "counts", None, 100)
    counting.join()
    assert [m.body["value"] for m in page.messages][-20:] == list(range(100, 120))
    assert len({m.id for m in page.messages}) == len(page.messages)


def test_a_node_that_is_gone_and_a_controller_that_is_away_say_so(reach):
    opcua = OpcUa()
    with pytest.raises(Failed) as fault:
        opcua.poll(reach(url="opc.tcp://127.0.0.1:1/"), "state", None, 10)
    assert fault.value.is_passing
    [lost] = opcua.poll(reach(), "lost", None, 10).messages
    assert (lost.body["is_good"], lost.body["status"]) == (False, "BadNodeIdUnknown")
    assert opcua.health(reach()).is_well
    assert not opcua.health(reach(url="opc.tcp://127.0.0.1:1/")).is_well
