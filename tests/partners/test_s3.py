"""Files in the bucket of an S3 store that checks every signature: moto, in a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from banyan.connectors.file.connector import File
from banyan.connectors.file.s3 import S3
from banyan.connectors.file.settings import FileSettings
from banyan.integration.connecting import Failed, Outgoing
from tests.integration.partner import connection
from tests.partners import servers

pytestmark = pytest.mark.partner("an S3 store")
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
file = File()


@pytest.fixture(scope="module")
def store(needs, tmp_path_factory):
    needs((servers.S3 / "env" / "bin" / "python").exists(), "an S3 store; `make test-all` installs it")
    with servers.s3(tmp_path_factory.mktemp("s3")) as found:
        yield found


@pytest.fixture
def system(store, request):
    """Give the system as its connector sees it, in a folder of the test's own."""
    address, user, secret = store

    def given(*, key=secret, bucket="wms", after=0, **operation):
        made = {"key": "orders", "ways": ["poll", "send"], "ready": "at_once", **operation}
        settings = FileSettings(
            place="s3", address=address, bucket=bucket, user=user, folder=request.node.name, operations=[made]
        )
        return connection(settings, {"secret_key": key}, now=datetime.now(UTC) + timedelta(seconds=after))

    return given


def names(link, folder):
    return [each.name for each in S3(link).files(folder)]


def test_a_file_goes_round(system):
    link, name = system(), "订单 1+2 ~b'(x)!*&=?#%.csv"
    S3(link).write(f"in/{name}", "no,名称\n1,轴承\n".encode())
    page = file.poll(link, "orders", None, 10)
    assert [m.body for m in page.messages] == [{"no": "1", "名称": "轴承"}]
    assert names(link, "in") == [name]
    page.confirm()
    assert (names(link, "in"), names(link, "archive")) == ([], [name])
    out = system(folder="out", name="{key}")
    for _ in range(2):
        file.send(out, Outgoing(ID, "orders", [{"名": "榕"}], "回执", "t", datetime.now(UTC)))
    assert names(out, "out") == ["回执.csv"]
    assert S3(out).read("out/回执.csv", 1000).decode().split() == ["名", "榕"]


def test_a_name_that_comes_again_leaves_the_one_in_the_archive(system):
    link = system()
    for text in ("a\n1\n", "a\n2\n"):
        S3(link).write("in/a.csv", text.encode())
        file.poll(link, "orders", None, 10).confirm()
    kept = names(link, "archive")
    assert len(kept) == 2
    assert {S3(link).read(f"archive/{name}", 1000) for name in kept} == {b"a\n1\n", b"a\n2\n"}


def test_a_file_that_was_written_anew_after_it_was_read_stays(system):
    link = system()
    S3(link).write("in/a.csv", b"a\n1\n")
    page = file.poll(link, "orders", None, 10)
    S3(link).write("in/a.csv", b"a\n2\n")  # Same size and, by the store's clock, the same second.
    page.confirm()
    assert (names(link, "in"), names(link, "archive")) == (["a.csv"], [])
    assert [m.body for m in file.poll(link, "orders", None, 10).messages] == [{"a": "2"}]


def test_a_broken_file_is_set_aside(system):
    link = system()
    S3(link).write("in/b.csv", b"a,a\n")
    with pytest.raises(Failed, match=r"b\.csv"):
        file.poll(link, "orders", None, 10)
    assert sorted(names(link, "failed")) == ["b.csv", "b.csv.why.txt"]
    assert names(link, "in") == []


def test_more_files_than_one_list_names_are_all_seen(system):
    store = S3(system())
    for number in range(1005):
        store.write(f"in/{number:04}.csv", b"n\n1\n")
    assert sorted(names(system(), "in")) == [f"{number:04}.csv" for number in range(1005)]


def test_what_the_store_refuses_is_told_without_the_secret(system, store):
    for link, word in ((system(key="wrong-secret-key"), "SignatureDoesNotMatch"), (system(bucket="other"), "NoSuch")):
        with pytest.raises(Failed, match=word) as told:
            file.poll(link, "orders", None, 10)
        assert (told.value.kind, "wrong-secret-key" in told.value.text) == ("refused", False)


def test_health_is_told(system):
    assert file.health(system()).is_well
    assert not file.health(system(key="wrong-secret-key")).is_well
