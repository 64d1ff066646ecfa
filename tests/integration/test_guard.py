"""Nothing goes out but to allowed hosts, at checked addresses, within limits."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import socket
import ssl
import time
import zlib

import pytest

from banyan.integration import guard as guarding
from banyan.integration.connecting import Failed
from banyan.integration.guard import Guard, allowed, is_public, retry_after
from tests.integration.wire import answering, http


@pytest.fixture
def names(monkeypatch):
    """Give a table of names that stands in for the resolver; it counts its questions."""
    table: dict[str, list[str]] = {}
    asked: list[str] = []

    def look_up(host, port, **_):
        asked.append(host)
        if host not in table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 0)) for a in table[host]]

    monkeypatch.setattr(guarding.socket, "getaddrinfo", look_up)
    table["asked"] = asked  # type: ignore[assignment]
    return table


def refusal(act, *args, **more) -> Failed:
    with pytest.raises(Failed) as told:
        act(*args, **more)
    return told.value


@pytest.mark.parametrize(
    ("entry", "host", "port", "covered"),
    [
        ("api.example.com", "api.example.com", 443, True),
        ("api.example.com", "API.Example.com.", 443, True),
        ("api.example.com", "api.example.com", 8443, False),
        ("api.example.com:8443", "api.example.com", 8443, True),
        ("api.example.com:8443", "api.example.com", 443, False),
        ("api.example.com:*", "api.example.com", 3306, True),
        ("api.example.com", "evil-api.example.com", 443, False),
        ("api.example.com", "api.example.com.evil.net", 443, False),
        ("*.example.com", "shop.example.com", 443, True),
        ("*.example.com", "a.shop.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "badexample.com", 443, False),
        ("10.1.0.0/16:8080", "10.1.200.3", 8080, True),
        ("10.1.0.0/16:8080", "10.2.0.1", 8080, False),
        ("[2001:db8::1]:443", "2001:db8::1", 443, True),
        ("工厂.example.com", "工厂.example.com", 443, True),
    ],
)
def test_an_entry_names_a_host_and_its_ports(entry, host, port, covered):
    assert allowed(entry).covers(guarding.plain_host(host), port) is covered


@pytest.mark.parametrize(
    "entry", ["", "*", "*.com", "a b c", "http://x.com", "x.com:99999", "x.com outside", "10.0.0.0/40"]
)
def test_an_entry_that_is_no_host_is_refused(entry):
    with pytest.raises(ValueError):
        allowed(entry)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "10.0.0.1",
        "172.16.5.5",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "fd00:ec2::254",
        "2001::1",
        "fec0::1",
    ],
)
def test_inside_addresses_are_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "192.168.0.10", "::ffff:127.0.0.1"])
def test_a_public_name_that_leads_inside_is_refused(names, inside):
    names["api.example.com"] = [inside]
    fault = refusal(Guard(["api.example.com", "*.example.com"]).allows, "api.example.com", 443)
    assert (fault.kind, "内部地址" in fault.text, "inside address" in fault.text) == ("not_allowed", True, True)


def test_one_inside_address_among_several_spoils_them_all(names):
    names["api.example.com"] = ["93.184.215.14", "127.0.0.1"]
    assert refusal(Guard(["api.example.com"]).allows, "api.example.com", 443).kind == "not_allowed"


@pytest.mark.parametrize(
    ("entry", "host", "address", "is_open"),
    [
        ("10.0.0.8:8080", "10.0.0.8", "10.0.0.8", True),
        ("10.0.0.0/8:8080", "10.0.0.8", "10.0.0.8", True),
        ("mes:8080", "mes", "10.0.0.8", True),
        ("mes.lan:8080", "mes.lan", "10.0.0.8", True),
        ("mes.example.com:8080 inside", "mes.example.com", "10.0.0.8", True),
        ("mes.example.com:8080", "mes.example.com", "10.0.0.8", False),
        ("*.example.com:8080", "mes.example.com", "10.0.0.8", False),
        ("mes.lan:8080", "mes.lan", "169.254.169.254", False),
        ("mes.lan:8080", "mes.lan", "224.0.0.1", False),
        ("169.254.169.254:8080", "169.254.169.254", "169.254.169.254", True),
    ],
)
def test_the_own_network_is_open_only_where_it_is_named(names, entry, host, address, is_open):
    names[host] = [address]
    guard = Guard([entry])
    if is_open:
        assert guard.allows(host, 8080) == address
    else:
        assert refusal(guard.allows, host, 8080).kind == "not_allowed"


def test_a_host_that_is_not_listed_is_refused_with_the_way_out():
    fault = refusal(Guard(["api.example.com"]).request, "GET", "https://evil.net/")
    assert fault.kind == "not_allowed"
    assert "evil.net:443" in fault.text
    assert "允许的主机" in fault.text


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1:6379/",
        "http://",
        "//x/",
        "http://a\\@127.0.0.1/",
        "http://user:pw@127.0.0.1/",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/ x",
    ],
)
def test_addresses_with_tricks_are_refused(url):
    assert refusal(Guard(["127.0.0.1:*"]).request, "GET", url).kind == "not_allowed"


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001"])
def test_other_spellings_of_the_own_machine_are_refused(host):
    assert refusal(Guard(["*.example.com", "api.example.com"]).request, "GET", f"http://{host}/").kind == "not_allowed"


def test_the_address_that_was_checked_is_the_one_that_is_used(names):
    with answering(lambda *_: http()) as wire:
        names["mes.lan"] = ["127.0.0.1"]
        guard = Guard([f"mes.lan:{wire.port}"])
        assert guard.request("GET", f"http://mes.lan:{wire.port}/a").json() == {}
        names["mes.lan"] = ["169.254.169.254"]
        assert guard.request("GET", f"http://mes.lan:{wire.port}/b").json() == {}
        assert (names["asked"], wire.connections) == (["mes.lan"], 1)
        assert b"\r\nHost: mes.lan:" in wire.heard[0]


def test_a_kept_connection_is_checked_again_for_another_system():
    with answering(lambda *_: http()) as wire:
        Guard([f"127.0.0.1:{wire.port}"]).get(f"{wire.url}/")
        assert refusal(Guard(["api.example.com"]).get, f"{wire.url}/").kind == "not_allowed"


def test_a_redirect_within_the_host_is_followed():
    def answer(head, count):
        return http(b"", "302 Found", "Location: /there") if count == 1 else http(b'{"here":1}')

    with answering(answer) as wire:
        assert Guard([f"127.0.0.1:{wire.port}"]).get(f"{wire.url}/a").json() == {"here": 1}
        assert wire.heard[1].startswith(b"GET /there ")


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:22/", "https://other.example.com/", "//10.0.0.1/x"],
)
def test_a_redirect_to_elsewhere_is_refused(target):
    with answering(lambda *_: http(b"", "302 Found", f"Location: {target}")) as wire:
        guard = Guard([f"127.0.0.1:{wire.port}", "127.0.0.1:22", "other.example.com"])
        assert refusal(guard.get, f"{wire.url}/").kind == "not_allowed"
        assert len(wire.heard) == 1


def test_a_post_is_not_turned_into_a_get():
    with answering(lambda *_: http(b"", "303 See Other", "Location: /there")) as wire:
        assert refusal(Guard([f"127.0.0.1:{wire.port}"]).post, f"{wire.url}/", json={}).kind == "refused"
        assert len(wire.heard) == 1


def test_a_circle_of_redirects_ends():
    with answering(lambda *_: http(b"", "307 Temporary Redirect", "Location: /again")) as wire:
        assert refusal(Guard([f"127.0.0.1:{wire.port}"]).post, f"{wire.url}/", json={}).kind == "refused"
        assert len(wire.heard) == guarding.MOST_REDIRECTS + 1


def test_fifty_megabytes_are_refused_before_they_are_read():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n"
    with answering(lambda *_: head) as wire:
        begun = time.monotonic()
        assert refusal(Guard([f"127.0.0.1:{wire.port}"]).get, f"{wire.url}/").kind == "too_large"
        assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"4000\r\n"
        + b"x" * 0x4000
        + b"\r\n"
        + b"4000\r\n"
        + b"x" * 0x4000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 40_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_an_endless_answer_is_cut_at_the_limit(said):
    with answering(lambda *_: said) as wire:
        fault = refusal(Guard([f"127.0.0.1:{wire.port}"], most_bytes=20_000).get, f"{wire.url}/")
        assert fault.kind == "too_large"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_of_zeros_is_cut_while_it_is_unpacked(encoding):
    engine = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    zeros = bytes(1_000_000)
    bomb = b"".join(engine.compress(zeros) for _ in range(100)) + engine.flush()
    assert len(bomb) < 120_000
    with answering(lambda *_: http(bomb, "200 OK", f"Content-Encoding: {encoding}")) as wire:
        fault = refusal(Guard([f"127.0.0.1:{wire.port}"], most_bytes=1_000_000).get, f"{wire.url}/")
        assert fault.kind == "too_large"


def test_a_packed_answer_is_unpacked():
    with answering(lambda *_: http(gzip.compress('{"名":"榕"}'.encode()), "200 OK", "Content-Encoding: gzip")) as wire:
        assert Guard([f"127.0.0.1:{wire.port}"]).get(f"{wire.url}/").json() == {"名": "榕"}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "refused"),
        (b"HTTP/1.1 200 OK\r\nBad Header: 1\r\n\r\n", "refused"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "refused"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "refused"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "refused"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz", "refused"),
        (None, "transport"),
    ],
)
def test_what_is_no_http_is_refused(said, kind):
    with answering(lambda *_: said) as wire:
        assert refusal(Guard([f"127.0.0.1:{wire.port}"]).get, f"{wire.url}/").kind == kind


def test_half_an_answer_is_a_fault_of_transport():
    said = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", None]
    with answering(lambda head, count: said[0]) as wire:
        guard = Guard([f"127.0.0.1:{wire.port}"], timeout=0.3)
        assert refusal(guard.get, f"{wire.url}/").kind == "timeout"


def test_a_slow_drip_ends_at_the_total_time():
    def drip(client):
        class Dripping:
            def __getattr__(self, name):
                return getattr(client, name)

            def sendall(self, said):
                for byte in said:
                    client.sendall(bytes([byte]))
                    time.sleep(0.05)

        return Dripping()

    with answering(lambda *_: http(b"x" * 1000), wrap=drip) as wire:
        begun = time.monotonic()
        guard = Guard([f"127.0.0.1:{wire.port}"], timeout=0.4, read_timeout=0.2)
        assert refusal(guard.get, f"{wire.url}/").kind == "timeout"
        assert time.monotonic() - begun < 1


def test_nobody_at_the_port_is_a_fault_of_transport():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert refusal(Guard(["127.0.0.1:*"]).get, f"http://127.0.0.1:{port}/").kind == "transport"


def test_a_name_without_address_is_a_fault_of_transport(names):
    assert refusal(Guard(["gone.example.com"]).get, "https://gone.example.com/").kind == "transport"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad", "refused"),
        ("401 No", "refused"),
        ("404 None", "refused"),
        ("408 Late", "timeout"),
        ("410 Gone", "gone"),
        ("413 Big", "too_large"),
        ("422 Bad", "refused"),
        ("423 Locked", "busy"),
        ("429 Slow", "throttled"),
        ("500 Oops", "unavailable"),
        ("503 Down", "unavailable"),
        ("504 Late", "unavailable"),
    ],
)
def test_a_status_says_whether_to_try_again(status, kind):
    with answering(lambda *_: http(b'{"why":"not so","token":"s3cret-token"}', status, "Retry-After: 7")) as wire:
        answer = Guard([f"127.0.0.1:{wire.port}"]).get(f"{wire.url}/", hide=("s3cret-token",))
        fault = refusal(answer.checked)
    assert (fault.kind, fault.code, fault.retry_after) == (kind, status[:3], 7.0)
    assert "not so" in fault.text
    assert "s3cret-token" not in fault.text


def test_retry_after_is_read_in_both_forms():
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)
    assert 85 < retry_after(later.strftime("%a, %d %b %Y %H:%M:%S GMT")) <= 90
    assert (retry_after("120"), retry_after(""), retry_after("soon"), retry_after("9999999")) == (
        120,
        None,
        None,
        86400,
    )


def test_a_connection_is_kept_and_opened_anew_when_the_partner_closed_it():
    def answer(head, count):
        return http(b"{}", "200 OK", "Connection: close") if count == 3 else None if count == 6 else http()

    with answering(answer) as wire:
        guard = Guard([f"127.0.0.1:{wire.port}"])
        for _ in range(5):
            assert guard.post(f"{wire.url}/", json={"n": 1}).status == 200
        assert wire.connections == 2
        assert guard.post(f"{wire.url}/", json={"n": 1}).status == 200
        assert wire.connections == 3


def test_a_header_cannot_be_broken_into_two():
    with answering(lambda *_: http()) as wire:
        guard = Guard([f"127.0.0.1:{wire.port}"])
        assert refusal(guard.get, f"{wire.url}/", headers={"X-A": "b\r\nX-Evil: 1"}).kind == "refused"
        assert wire.heard == []


def test_chinese_in_an_address_goes_encoded():
    with answering(lambda *_: http()) as wire:
        Guard([f"127.0.0.1:{wire.port}"]).get(f"{wire.url}/物料/A%20B", query={"名": "轴 承"})
        assert wire.heard[0].startswith(b"GET /%E7%89%A9%E6%96%99/A%20B?%E5%90%8D=%E8%BD%B4+%E6%89%BF HTTP/1.1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Give a certificate for mes.lan of an authority nobody knows: (file, PEM)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mes.lan")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mes.lan")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + pem
    )
    return file, pem.decode()


def test_tls_is_verified_against_the_name(names, certificate):
    file, pem = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with answering(lambda *_: http(), wrap=lambda c: context.wrap_socket(c, server_side=True)) as wire:
        names["mes.lan"] = names["wms.lan"] = ["127.0.0.1"]
        hosts = [f"mes.lan:{wire.port}", f"wms.lan:{wire.port}"]
        fault = refusal(Guard(hosts).get, f"https://mes.lan:{wire.port}/")
        assert (fault.kind, "not trusted" in fault.text) == ("transport", True)
        assert Guard(hosts, trusted=pem).get(f"https://mes.lan:{wire.port}/").json() == {}
        assert refusal(Guard(hosts, trusted=pem).get, f"https://wms.lan:{wire.port}/").kind == "transport"


def test_a_small_post_is_quick():
    with answering(lambda *_: http(b'{"ok":true}')) as wire:
        guard = Guard([f"127.0.0.1:{wire.port}"])
        body = b'{"order":"SO-1","quantity":3}' * 10
        guard.post(f"{wire.url}/", body=body)
        begun = time.thread_time()
        for _ in range(300):
            guard.post(f"{wire.url}/", body=body)
        each = (time.thread_time() - begun) / 300 * 1000
    assert each < 1, f"{each:.3f} ms of our own time per post"
