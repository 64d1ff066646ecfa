"""Files in an S3 store: signed as the document's examples are, whole or not at all, nothing newer is lost.

The stand-in answers in the shape captured of moto 5.2.5 (`payloads/s3-list.xml`, `payloads/s3-error.xml`) and refuses a
request whose signature is not of what it heard. The real store is tried in tests/partners/test_s3.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote
from uuid import UUID

import pytest
from pydantic import ValidationError

from banyan.connectors.file.connector import File
from banyan.connectors.file.s3 import S3, authorization
from banyan.connectors.file.settings import FileSettings
from banyan.integration.connecting import Failed, Outgoing
from tests.integration.partner import NOW, connection, partner

PAYLOADS = Path(__file__).parent / "payloads"
ID = UUID("0195a3f0-0000-7000-8000-000000000001")
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EMPTY = hashlib.sha256(b"").hexdigest()
file = File()


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "wanted"),
    [
        ("GET", "/test.txt", {}, {"range": "bytes=0-9"}, b"",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("PUT", "/test%24file.text", {},
         {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
         b"Welcome to Amazon S3.", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        ("GET", "/", {"lifecycle": ""}, {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "/", {"prefix": "J", "max-keys": "2"}, {}, b"",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)  # fmt: skip
def test_the_documents_examples_are_signed_byte_for_byte(method, path, query, headers, body, wanted):
    signed = {
        "host": "examplebucket.s3.amazonaws.com", "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), **headers,
    }  # fmt: skip
    said = authorization(method, path, query, signed, user=KEY, secret=SECRET, region="us-east-1")
    names = ";".join(sorted(signed))
    assert said == (
        f"AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders={names},Signature={wanted}"
    )


class Store:
    """A bucket in memory that names two objects a list."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fault: tuple[int, str] | None = None
        self.has_conditional_delete = True
        self.on_copy = lambda: None

    def __call__(self, asked):
        if self.fault:
            return self._error(*self.fault)
        path, _, query = asked.target.partition("?")
        said = asked.headers["authorization"]
        names = re.search("SignedHeaders=([^,]+)", said).group(1).split(";")
        wanted = authorization(
            asked.method, path, dict(parse_qsl(query, keep_blank_values=True)),
            {name: asked.headers[name] for name in names}, user=KEY, secret=SECRET, region="cn-north-1",
        )  # fmt: skip
        if said != wanted or asked.headers["x-amz-content-sha256"] != hashlib.sha256(asked.body).hexdigest():
            return self._error(403, "SignatureDoesNotMatch")
        assert {"host", "x-amz-date", *(name for name in asked.headers if name.startswith("x-amz-"))} <= {*names}
        assert path.startswith("/wms/")
        key = unquote(path.removeprefix("/wms/"))
        return getattr(self, f"_{asked.method.lower()}")(key, asked)

    def _get(self, key, asked):
        if not key:
            return self._list(asked)
        return (200, self.objects[key]) if key in self.objects else self._error(404, "NoSuchKey")

    def _head(self, key, asked):
        return (200 if key in self.objects else 404), b""

    def _put(self, key, asked):
        source = asked.headers.get("x-amz-copy-source")
        if source is None:
            self.objects[key] = asked.body
            return 200, b""
        self.on_copy()
        of = unquote(source).removeprefix("/wms/")
        if of not in self.objects:
            return self._error(404, "NoSuchKey")
        if asked.headers.get("x-amz-copy-source-if-match") not in (None, self._mark(of)):
            return self._error(412, "PreconditionFailed")
        self.objects[key] = self.objects[of]
        return 200, b"<CopyObjectResult/>"

    def _delete(self, key, asked):
        if "if-match" in asked.headers and not self.has_conditional_delete:
            return self._error(501, "NotImplemented")
        if key in self.objects and asked.headers.get("if-match") not in (None, self._mark(key)):
            return self._error(412, "PreconditionFailed")
        self.objects.pop(key, None)
        return 204, b""

    def _mark(self, key):
        return f'"{hashlib.md5(self.objects[key]).hexdigest()}"'

    def _list(self, asked):
        prefix, after = asked.one("prefix") or "", asked.one("continuation-token") or ""
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        text = (PAYLOADS / "s3-list.xml").read_text()
        one = re.search("<Contents>.*?</Contents>", text).group()
        listed = "".join(
            _with(one, Key=quote(key), ETag=self._mark(key), Size=str(len(self.objects[key]))) for key in keys[:2]
        )
        more = f"true</IsTruncated><NextContinuationToken>{keys[1]}</NextContinuationToken>" if keys[2:] else ""
        text = text.replace("false</IsTruncated>", more) if more else text
        return 200, re.sub("<Contents>.*</Contents>", lambda _: listed, text).encode()

    def _error(self, status, code):
        text = (PAYLOADS / "s3-error.xml").read_text()
        return status, _with(text, Code=code).encode()


def _with(text, **values):
    for name, value in values.items():
        text = re.sub(f"<{name}>.*?</{name}>", lambda _, n=name, v=value: f"<{n}>{v}</{n}>", text)
    return text


@pytest.fixture
def store():
    made = Store()
    with partner(made) as there:
        made.url = there.url
        yield made


def system(store, secret=SECRET, folder="", **operation):
    made = {"key": "orders", "ways": ["poll", "send"], "ready": "at_once", **operation}
    settings = FileSettings(
        place="s3", address=store.url, bucket="wms", region="cn-north-1", user=KEY, folder=folder, operations=[made]
    )
    return connection(settings, {"secret_key": secret})


def test_a_file_is_taken_kept_and_answered(store):
    name = "订单 1+2 ~b'(x)!*&=?#%.csv"
    store.objects = {f"in/{name}": "no,名称\n1,轴承\n".encode(), "in/": b"", "in/deep/x.csv": b"a\n1\n"}
    page = file.poll(system(store), "orders", None, 10)
    assert [m.body for m in page.messages] == [{"no": "1", "名称": "轴承"}]
    assert f"in/{name}" in store.objects
    page.confirm()
    assert sorted(store.objects) == [f"archive/{name}", "in/", "in/deep/x.csv"]
    link = system(store, folder="榕/erp", name="{key}", format="json")
    file.send(link, Outgoing(ID, "orders", [1], "回执", "t", NOW))
    assert json.loads(store.objects["榕/erp/in/回执.json"]) == [1]


def test_all_files_are_listed_page_by_page(store):
    store.objects = {f"in/{number}.csv": b"n\n1\n" for number in range(5)}
    assert [each.name for each in S3(system(store)).files("in")] == [f"{number}.csv" for number in range(5)]
    assert file.health(system(store)).is_well


def test_what_was_written_anew_is_not_moved_nor_removed(store):
    store.objects = {"in/a.csv": b"a\n1\n"}
    page = file.poll(system(store), "orders", None, 10)
    store.objects["in/a.csv"] = b"a\n2\n"
    page.confirm()
    assert store.objects == {"in/a.csv": b"a\n2\n"}

    place = S3(system(store))
    place.files("in")
    store.objects["in/a.csv"] = b"a\n3\n"
    place.move("in/a.csv", "archive/a.csv")
    assert store.objects == {"in/a.csv": b"a\n3\n"}
    place.move("in/gone.csv", "archive/gone.csv")
    assert "archive/gone.csv" not in store.objects


def test_a_store_without_conditional_deletes_is_asked_without(store):
    store.objects, store.has_conditional_delete = {"in/a.csv": b"a\n1\n"}, False
    file.poll(system(store), "orders", None, 10).confirm()
    assert store.objects == {"archive/a.csv": b"a\n1\n"}


def test_an_archived_name_that_comes_again_gets_another(store):
    store.objects = {"in/a.csv": b"a\n1\n", "archive/a.csv": b"a\n0\n"}
    file.poll(system(store), "orders", None, 10).confirm()
    assert sorted(store.objects.values()) == [b"a\n0\n", b"a\n1\n"]
    assert store.objects["archive/a.csv"] == b"a\n0\n"


def test_a_large_file_is_refused_before_it_is_fetched(store):
    store.objects = {"in/a.csv": b"a\n" + b"1\n" * 600}
    link = system(store)
    link.settings.most_bytes = 1000
    with pytest.raises(Failed) as told:
        file.poll(link, "orders", None, 10)
    assert told.value.kind == "too_large"
    assert "failed/a.csv" in store.objects


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ((503, "SlowDown"), "unavailable"), ((400, "RequestTimeout"), "unavailable"),
        ((500, "InternalError"), "unavailable"), ((403, "AccessDenied"), "refused"),
        ((403, "RequestTimeTooSkewed"), "refused"), ((404, "NoSuchBucket"), "refused"),
        ((301, "PermanentRedirect"), "refused"), ((429, "TooManyRequests"), "throttled"),
    ],
)  # fmt: skip
def test_a_fault_of_the_store_is_told_by_its_code(store, fault, kind):
    store.fault = fault
    with pytest.raises(Failed, match=fault[1]) as told:
        file.poll(system(store), "orders", None, 10)
    assert (told.value.kind, SECRET in told.value.text) == (kind, False)


def test_a_wrong_secret_is_refused_and_never_told(store):
    with pytest.raises(Failed, match="SignatureDoesNotMatch") as told:
        file.poll(system(store, secret="not-the-secret"), "orders", None, 10)
    assert "not-the-secret" not in told.value.text


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff\xfe", b"{}"])
def test_what_lists_nothing_is_refused(store, body):
    with partner(lambda asked: (200, body)) as other:
        store.url = other.url
        with pytest.raises(Failed):
            file.poll(system(store), "orders", None, 10)


def test_the_clouds_name_the_bucket_before_the_host():
    asked = []

    class Http:
        def request(self, method, url, **more):
            asked.append(url)
            raise Failed("transport", "")

    settings = FileSettings(
        place="s3", address="https://oss-cn-hangzhou.aliyuncs.com:443", bucket="wms", user=KEY, bucket_in="host",
        region="oss-cn-hangzhou", folder="/erp/",
    )  # fmt: skip
    link = connection(settings, {"secret_key": SECRET})
    object.__setattr__(link, "http", Http())
    with pytest.raises(Failed):
        S3(link).read("in/a b.csv", 10)
    assert asked == ["https://wms.oss-cn-hangzhou.aliyuncs.com:443/erp/in/a%20b.csv"]


@pytest.mark.parametrize(
    "wrong",
    [{"address": ""}, {"bucket": ""}, {"user": ""}, {"bucket": "A/b"}, {"bucket": "../x"}, {"address": "ftp://x"},
     {"address": "https://u:p@x"}, {"address": "https://x/?a=1"}, {"region": "a b"}, {"folder": "a/../b"}],
)  # fmt: skip
def test_settings_that_lead_nowhere_are_refused(wrong):
    with pytest.raises(ValidationError):
        FileSettings(**{"place": "s3", "address": "https://s3.example.com", "bucket": "wms", "user": KEY, **wrong})
