"""The edge process as a whole: a real broker, the real command, killed at random moments, the server away at first."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from paho.mqtt import client as paho

from banyan.connectors.webhook.connector import Webhook
from banyan.connectors.webhook.settings import WebhookSettings
from banyan.integration.connecting import Received
from tests.integration.partner import connection, partner
from tests.partners.nodes import wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COUNT = 1500
pytestmark = pytest.mark.partner


def test_each_reading_arrives_once_over_kills_of_the_edge_and_a_server_that_is_away(tmp_path, mosquitto):
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

    with partner(server) as there:
        (tmp_path / "secret").write_text(SECRET)
        config = tmp_path / "edge.toml"
        config.write_text(
            f'name = "line-1"\nspool = "{tmp_path}/spool/edge.db"\n'
            f'[server]\nurl = "{there.url}/hooks/edge/readings"\nsecret_file = "{tmp_path}/secret"\nparcel = 100\n'
            f'[[mqtt]]\nname = "gateway"\nhost = "127.0.0.1"\nport = {mosquitto.port}\ntopics = ["车间/#"]\n'
        )

        def start():
            with (tmp_path / "log").open("ab") as log:
                return subprocess.Popen(
                    [sys.executable, "-m", "banyan.config.cli", "edge", str(config)], env=os.environ, stderr=log
                )

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
        told = Counter(body["value"]["good"] for body in kept.values())
        assert told == Counter(range(COUNT))
        said = subprocess.run(
            [sys.executable, "-m", "banyan.config.cli", "edge", str(config), "--state"], capture_output=True, text=True
        )
        assert said.stdout.startswith("0 readings wait; 0 refused")
        print(f"{COUNT} readings, 5 kills -9, {len(there.asked)} parcels sent: each reading once")

