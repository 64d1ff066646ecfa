"""The SOAP connector against a spyne server."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from banyan.connectors.soap.connector import Soap
from banyan.connectors.soap.settings import SoapSettings
from banyan.integration.connecting import Failed, Outgoing
from tests.integration.partner import NOW, connection
from tests.partners import servers

pytestmark = pytest.mark.partner("a SOAP service")
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
soap = Soap()


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    found = servers.free_port()
    with servers.script(Path(__file__).with_name("wms_spyne.py"), found, tmp_path_factory.mktemp("soap") / "log"):
        yield found


def system(port, timeout=10.0):
    return connection(SoapSettings(wsdl_address=f"http://127.0.0.1:{port}/?wsdl"), timeout=timeout)


def out(body) -> Outgoing:
    return Outgoing(ID, "add_order", body, "", "t", NOW)


def test_an_order_is_called_in(port):
    body = {"number": "SO-1", "lines": {"Line": [{"sku": "轴承", "qty": "2.5"}, {"sku": "螺栓", "qty": "1"}]}}
    assert soap.send(system(port), out(body)).reply == "SO-1：3.5 件 轴承、螺栓"


def test_the_service_is_described(port):
    (found,) = soap.describe(system(port))
    assert found.key == "add_order"
    assert found.input["properties"]["lines"]["properties"]["Line"]["type"] == "array"


def test_a_fault_is_a_refusal_with_its_code(port):
    with pytest.raises(Failed, match="订单 X 已存在") as told:
        soap.send(system(port), out({"number": "X"}))
    assert (told.value.kind, told.value.code) == ("refused", "Client.Duplicate")


def test_a_slow_service_is_left(port):
    with pytest.raises(Failed) as told:
        soap.send(system(port, timeout=1.0), out({"number": "slow"}))
    assert told.value.kind == "timeout"
