"""The edge process as a whole: a real broker, the real command, killed at random moments, the server away at first."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count

import pytest
from paho.mqtt import client as paho

from banyan.connectors.webhook.connector import Webhook
from banyan.connectors.webhook.settings import WebhookSettings
from banyan.integration.connecting import Received
from tests.integration.both_sides import books_agree
from tests.integration.partner import connection, partner
from tests.partners.nodes import free_port, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COUNT = 1500
pytestmark = pytest.mark.partner("mosquitto and an OPC UA server")


def home():
    """Give what the server has kept by name, the switch that keeps it away, and itself; some of its answers are ill."""
    kept, away = {}, threading.Event()
    away.set()

    def server(asked):
        if away.is_set() or random.random() < 0.1:
            return 503, {}
        system = connection(WebhookSettings(), {"signing_secret": SECRET}, now=datetime.now(UTC))
        request = Received(asked.method, asked.path, {}, asked.headers, asked.body, datetime.now(UTC))
        for message in Webhook().receive(system, "readings", request):
            assert kept.setdefault(message.id, message.body) == message.body
        return None if random.random() < 0.1 else (200, {"ok": True})

    return kept, away, server


def edge_config(folder, there, parcel, sources):
    """Write what an edge process is told: its server, its spool below the folder, its sources; give the file."""
    (folder / "secret").write_text(SECRET)
    config = folder / "edge.toml"
    config.write_text(
        f'name = "line-1"\nspool = "{folder}/spool/edge.db"\n'
        f'[server]\nurl = "{there.url}/hooks/edge/readings"\nsecret_file = "{folder}/secret"\nparcel = {parcel}\n'
        + sources
    )
    return config


def begun(config):
    """Begin an edge process."""
    with config.with_name("log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "banyan.config.cli", "edge", str(config)], env=os.environ, stderr=log
        )


def state(config):
    """Give what the edge says of its spool."""
    program = [sys.executable, "-m", "banyan.config.cli", "edge", str(config), "--state"]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout


def test_each_reading_arrives_once_over_kills_of_the_edge_and_a_server_that_is_away(tmp_path, mosquitto):
    kept, away, server = home()
    with partner(server) as there:
        config = edge_config(
            tmp_path, there, 100,
            f'[[mqtt]]\nname = "gateway"\nhost = "127.0.0.1"\nport = {mosquitto.port}\ntopics = ["车间/#"]\n',
        )  # fmt: skip

        def start():
            return begun(config)

        edge = start()
        try:
            said = mosquitto.folder / "log"
            # The broker tells who came; the subscription follows within its next breath.
            wait_for(lambda: "banyan-edge-line-1-gateway" in said.read_text(errors="replace"), 20, "the edge")
            time.sleep(1)
            machine = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="machine")
            machine.max_inflight_messages_set(100)
            machine.connect("127.0.0.1", mosquitto.port)
            machine.loop_start()
            kills = sorted(random.sample(range(100, COUNT), 5))
            for n in range(COUNT):
                machine.publish("车间/一线/产量", json.dumps({"good": n}), qos=1)
                if n in kills:
                    time.sleep(random.uniform(0.1, 0.6))
                    edge.send_signal(signal.SIGKILL)
                    edge.wait()
                    edge = start()
                if n == COUNT // 2:
                    away.clear()
            wait_for(lambda: len(kept) >= COUNT, 60, f"all readings ({len(kept)} of {COUNT})")
            time.sleep(1)
        finally:
            machine.disconnect()
            machine.loop_stop()
            edge.send_signal(signal.SIGTERM)
            assert edge.wait(15) == 0
        got = [(name, "line", body["value"]["good"]) for name, body in kept.items()]
        books_agree("machine", [("line", n) for n in range(COUNT)], "server", got)
        assert state(config).startswith("0 readings wait; 0 refused")
        print(f"{COUNT} readings, 5 kills -9, {len(there.asked)} parcels sent: each reading once")


@contextmanager
def controller(port):
    """Have a controller with two nodes; give how a value is measured by it."""
    from asyncua import ua
    from asyncua.sync import Server

    server = Server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = server.register_namespace("urn:banyan:edge")
    line = server.nodes.objects.add_object(ua.NodeId("Line1", space), "一号线")
    nodes = {
        "good": line.add_variable(ua.NodeId("Line1.Good", space), "良品", 0, ua.VariantType.UInt32),
        "pulse": line.add_variable(ua.NodeId("Line1.Pulse", space), "脉冲", 0, ua.VariantType.UInt32),
    }

    def measure(name, value):
        given = ua.Variant(value, ua.VariantType.UInt32)
        nodes[name].write_value(ua.DataValue(given, SourceTimestamp=datetime.now(UTC)))

    server.start()
    try:
        yield measure, {name: node.nodeid.to_string() for name, node in nodes.items()}
    finally:
        server.stop()


def test_what_a_controller_told_waits_on_disk_for_the_server_and_arrives_once(tmp_path):
    """The controller comes later than the edge, the edge is killed with all of it on its disk, the server is away."""
    kept, away, server = home()
    port, spool, changes, pulses = free_port(), tmp_path / "spool" / "edge.db", 200, count(1)
    spool.parent.mkdir()

    def on_disk(subject):
        with closing(sqlite3.connect(f"file:{spool}?mode=ro", uri=True)) as database:
            return database.execute("SELECT count(*) FROM reading WHERE subject = ?", (subject,)).fetchone()[0]

    with partner(server) as there:
        config = edge_config(
            tmp_path, there, 50,
            f'[[opcua]]\nname = "press"\nurl = "opc.tcp://127.0.0.1:{port}/"\nevery_ms = 50\n'
            'nodes = { good = "ns=2;s=Line1.Good", pulse = "ns=2;s=Line1.Pulse" }\n',
        )  # fmt: skip
        edge = begun(config)
        try:
            said = tmp_path / "log"
            wait_for(lambda: "the controller is not reached" in said.read_text(errors="replace"), 30, "a first try")
            with controller(port) as (measure, addresses):
                assert addresses == {"good": "ns=2;s=Line1.Good", "pulse": "ns=2;s=Line1.Pulse"}

                def is_watched(before):
                    measure("pulse", next(pulses))
                    time.sleep(0.2)
                    return on_disk("pulse") > before

                def all_on_disk(until):
                    # The value that a node holds when it is first watched is told as well.
                    return lambda: on_disk("good") == until

                wait_for(lambda: is_watched(1), 60, "the edge at the controller")
                for n in range(1, changes + 1):
                    measure("good", n)
                    time.sleep(0.005)
                    if n == changes // 2:
                        wait_for(all_on_disk(n + 1), 20, "the first half on disk")
                        edge.send_signal(signal.SIGKILL)
                        edge.wait()
                        edge, told = begun(config), on_disk("pulse")
                        wait_for(lambda told=told: is_watched(told), 60, "the edge at the controller again")
                wait_for(all_on_disk(changes + 1), 20, "all on disk")
                waiting = on_disk("good")
                assert kept == {}
                away.clear()
                wait_for(lambda: on_disk("good") + on_disk("pulse") == 0, 60, "the spool's end")
        finally:
            edge.send_signal(signal.SIGTERM)
            assert edge.wait(15) == 0
        good = [body["value"]["value"] for body in kept.values() if body["subject"] == "good"]
        assert good[0] == 0, "what the node held when it was first watched"
        got = [(str(place), "good", n) for place, n in enumerate(good)]
        books_agree("controller", [("good", n) for n in range(changes + 1)], "server", got)
        assert all(body["value"]["is_good"] and body["source"] == "press" for body in kept.values())
        assert state(config).startswith("0 readings wait; 0 refused")
        print(f"{waiting} readings of a controller on disk while the server was away and the edge was killed: "
              f"{len(good)} arrived, each once, in order, in {len(there.asked)} parcels sent")  # fmt: skip
