"""The stories that are told again in `make test`, told to the real partners.

    BANYAN_TEST_ALL=1 BANYAN_CAPTURE=1 pytest tests/partners/test_talks.py

keeps what was said beside each connector (`payloads/talk.json`). Do so after an upgrade of a client that speaks another
way than the one before.
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.partners import servers, sftp, stories
from tests.partners.nodes import free_port
from tests.partners.talking import Talk, Where, keep, plain, recorded
from tests.partners.test_vendure import Buyer, shop, variants

pytestmark = pytest.mark.partner("all partners whose talk is kept")
__all__ = ["shop"]
IS_CAPTURING = bool(os.environ.get("BANYAN_CAPTURE"))


def is_told(connector, partner, port, name=""):
    """Tell a story to a partner on a port; keep it where that is asked for."""
    with recorded(port) as (there, talk):
        where = Where(there, datetime.now(UTC) + timedelta(seconds=1))
        found = getattr(stories, name or connector)(where)
        getattr(stories, f"{name or connector}_holds")(plain(found))
    kept(connector, partner, where, talk, found)


def kept(connector, partner, where, talk: Talk, found, name=""):
    assert talk.connections
    if IS_CAPTURING:
        keep(connector, partner, where, talk, found, name)


def told_by(*program):
    """Give the version that a program tells of itself."""
    said = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    return re.search(r"\d+\.\d+(\.\d+)?", said.stdout + said.stderr)[0]


def test_rabbitmq(rabbitmq):
    told = told_by("dpkg-query", "-W", "rabbitmq-server")
    is_told("amqp", f"RabbitMQ {told}", rabbitmq.port)


def test_mosquitto(mosquitto):
    is_told("mqtt", f"mosquitto {told_by('/usr/sbin/mosquitto', '-h')}", mosquitto.port)


@contextmanager
def controller():
    from asyncua import ua
    from asyncua.sync import Server

    server, port = Server(), free_port()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = server.register_namespace("urn:banyan:talk")
    line = server.nodes.objects.add_object(ua.NodeId("Line1", space), "一号线")
    for name, value, kind in (("Good", 7, "UInt32"), ("Speed", 1.5, "Double"), ("Order", "", "String")):
        node = line.add_variable(ua.NodeId(f"Line1.{name}", space), name, value, getattr(ua.VariantType, kind))
        node.set_writable()
    server.start()
    try:
        yield port
    finally:
        server.stop()


def test_a_controller():
    with controller() as port:
        is_told("opcua", f"asyncua server {version('asyncua')}", port)


def test_mariadb(needs):
    needs(servers.is_there("/usr/sbin/mariadbd", "mariadb-install-db"), "MariaDB; install mariadb-server")
    import pymysql

    with servers.folder_for_all() as folder, servers.mariadb(folder) as port:
        with pymysql.connect(host="127.0.0.1", port=port, user="root", database="wms", autocommit=True,
                             charset="utf8mb4") as opened, opened.cursor() as cursor:  # fmt: skip
            for statement in stories.TABLES:
                cursor.execute(statement)
        is_told("sql", f"MariaDB {told_by('/usr/sbin/mariadbd', '--version')}", port)


def test_a_soap_service(tmp_path):
    port = free_port()
    with servers.script(Path(__file__).with_name("wms_spyne.py"), port, tmp_path / "log"):
        is_told("soap", f"spyne {version('spyne')}", port)


def test_vendure(shop):
    assert Buyer(shop).buys(variants(shop)["LAMP-01-W"], 2)["state"] == "PaymentSettled"
    is_told("vendure", "Vendure 3.7.2", int(shop.rpartition(":")[2]))


def test_an_s3_store(needs, tmp_path):
    python = servers.S3 / "env" / "bin" / "python"
    needs(python.exists(), "an S3 store; `make test-all` installs it")
    with servers.s3(tmp_path) as (address, user, secret), recorded(int(address.rpartition(":")[2])) as (port, talk):
        where = Where(port, datetime.now(UTC), {"user": user, "secret": secret})
        found = stories.s3(where)
    stories.s3_holds(plain(found))
    assert len(user) == len(stories.S3_USER)
    named = [[(who, said.replace(user.encode(), stories.S3_USER.encode())) for who, said in turns]
             for turns in talk.connections]  # fmt: skip
    assert secret.encode() not in b"".join(said for turns in named for _, said in turns)
    moto = told_by(python, "-c", "import moto; print(moto.__version__)")
    kept("file", f"moto {moto}", where, Talk(named), found, "s3")


def test_sftp(needs, tmp_path):
    needs(Path(sftp.PROGRAM).exists(), "OpenSSH's SFTP program; install openssh-sftp-server")
    here = tmp_path / "talk" / "in"
    here.mkdir(parents=True)
    (here / "订单.csv").write_text("no,名称\n1,轴承\n")
    now = datetime.now(UTC) + timedelta(seconds=1)
    with sftp.recorded(tmp_path) as (port, key, talk):
        where = Where(port, now, {"host_key": key})
        found = stories.sftp(where)
    stories.sftp_holds(plain(found))
    assert [file.name for file in (tmp_path / "talk" / "archive").iterdir()] == ["订单.csv"]
    assert (tmp_path / "talk" / "out" / "回执.csv").read_text() == "名\n榕\n"
    kept("file", f"OpenSSH sftp-server {told_by('ssh', '-V')}", where, talk, found)
