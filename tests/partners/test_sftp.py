"""Files over SFTP with OpenSSH's own server."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from banyan.connectors.file.connector import File
from banyan.connectors.file.places import fingerprint
from banyan.connectors.file.settings import FileSettings
from banyan.integration.connecting import Failed, Outgoing
from tests.integration.partner import NOW, connection
from tests.partners import servers

pytestmark = pytest.mark.partner("sshd")
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
file = File()


@pytest.fixture(scope="module")
def server(needs):
    needs(servers.is_there("/usr/sbin/sshd", "ssh-keygen"), "an SSH server; install openssh-server")
    with servers.folder_for_all() as folder, servers.sshd(folder) as found:
        yield found


def system(server, *, key="", secret=None, now=NOW, user="postgres", **operation):
    import base64
    import getpass
    import os

    port, home, private, public = server
    named = key or fingerprint(base64.b64decode(public.split()[1]))
    made = {"key": "orders", "ways": ["poll", "send"], "ready": "at_once", **operation}
    name = user if os.geteuid() == 0 else getpass.getuser()
    settings = FileSettings(
        place="sftp", host="127.0.0.1", port=port, user=name, host_key=named, folder=str(home), operations=[made]
    )
    return connection(settings, {"private_key": private if secret is None else secret}, now=now)


def put(server, name, text):
    folder = server[1] / "in"
    if not folder.exists():
        folder.mkdir()
    folder.chmod(0o777)
    (folder / name).write_text(text)
    (folder / name).chmod(0o666)


def names(server, folder):
    there = server[1] / folder
    return sorted(p.name for p in there.iterdir()) if there.exists() else []


def test_a_file_goes_round(server):
    put(server, "订单.csv", "no,名称\n1,轴承\n")
    page = file.poll(system(server), "orders", None, 10)
    assert [m.body for m in page.messages] == [{"no": "1", "名称": "轴承"}]
    assert names(server, "in") == ["订单.csv"]
    page.confirm()
    assert (names(server, "in"), names(server, "archive")) == ([], ["订单.csv"])
    link = system(server, folder="out", name="{key}")
    for _ in range(2):
        file.send(link, Outgoing(ID, "orders", [{"名": "榕"}], "回执", "t", NOW))
    assert names(server, "out") == ["回执.csv"]
    assert (server[1] / "out" / "回执.csv").read_text() == "名\n榕\n"


def test_a_file_that_grows_is_left_until_two_looks_agree(server):
    put(server, "a.csv", "a\n1\n")
    made = {"ready": "quiet", "quiet": 10}
    first = file.poll(system(server, **made), "orders", None, 10)
    put(server, "a.csv", "a\n1\n2\n")
    second = file.poll(system(server, now=NOW + timedelta(seconds=20), **made), "orders", first.position, 10)
    third = file.poll(system(server, now=NOW + timedelta(seconds=40), **made), "orders", second.position, 10)
    assert [len(p.messages) for p in (first, second, third)] == [0, 0, 2]
    third.confirm()


def test_a_broken_file_is_set_aside(server):
    put(server, "b.csv", "a,a\n")
    with pytest.raises(Failed, match=r"b\.csv"):
        file.poll(system(server), "orders", None, 10)
    assert names(server, "failed") == ["b.csv", "b.csv.why.txt"]


def test_another_host_key_is_refused_before_we_sign_in(server):
    with pytest.raises(Failed, match="impostor") as told:
        file.poll(system(server, key="SHA256:" + "A" * 43), "orders", None, 10)
    assert told.value.kind == "refused"


def test_another_key_of_ours_is_refused(server):
    other = (server[1].parent / "other").read_text()
    with pytest.raises(Failed) as told:
        file.poll(system(server, secret=other), "orders", None, 10)
    assert told.value.kind == "refused"
    with pytest.raises(Failed) as told:
        file.poll(system(server, secret="no key"), "orders", None, 10)
    assert "no key" not in told.value.text


def test_health_is_told(server):
    assert file.health(system(server)).is_well
    assert not file.health(system(server, user="nosuchuser")).is_well
