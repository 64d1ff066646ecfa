"""The only way out: a host is checked, resolved once, and spoken to at that very address.

    guard = Guard(["api.example.com", "*.shop.example.com:8443", "10.1.2.3:8080", "mes.example.com:8080 inside"])
    answer = guard.request("POST", "https://api.example.com/orders", body=b"...").checked()
    address = guard.allows("10.1.2.3", 8080)          # before any other socket is opened

An entry is a name, `*.name`, an address or a network, with a port (`:*` for any; none: 80 and 443). What leads to
the machine itself or into the own network is refused, unless it is named: by address, by network, by a name that only
the own network can have (`mes`, `mes.lan`), or by a name with the word `inside`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import select
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

import orjson

from banyan.integration.connecting import UNREACHED, Failed
from banyan.lib.labels import L, Label

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

WEB_PORTS = frozenset({80, 443})
MOST_HEAD = 65_536
MOST_REDIRECTS = 3
MOST_KEPT = 16
IDLE_SECONDS = 25.0
PIECE = 65_536
#: Where clouds answer with the machine's own credentials: only ever reached when named by address.
METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")))
#: Endings that no public name has (RFC 6761, 6762, 8375, ICANN's .internal).
INSIDE_ENDINGS = (".local", ".lan", ".internal", ".intranet", ".corp", ".home.arpa", ".localhost", ".localdomain")
_EMBEDDED_V4 = ipaddress.ip_network("64:ff9b::/96")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PATH_SAFE, _QUERY_SAFE = "/%:@!$&'()*+,;=~-._", "/%:@!$'()*+,;=~-._?&"
_local = threading.local()
_resolvers: ThreadPoolExecutor


def _begin_anew() -> None:
    """Forget connections and threads that belong to the process this one was forked from."""
    global _local, _resolvers
    _local = threading.local()
    _resolvers = ThreadPoolExecutor(8, thread_name_prefix="resolve")


_begin_anew()
os.register_at_fork(after_in_child=_begin_anew)


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of a system's list of hosts."""

    text: str
    name: str = ""
    network: Any = None
    is_wildcard: bool = False
    ports: frozenset[int] | None = WEB_PORTS
    is_inside: bool = False

    def covers(self, host: str, port: int) -> bool:
        """Say whether the entry names this host, given as it stands in an address, and port."""
        if self.ports is not None and port not in self.ports:
            return False
        if self.network is not None:
            address = _literal(host)
            return address is not None and address.version == self.network.version and address in self.network
        return host.endswith(self.name) if self.is_wildcard else host == self.name

    def admits(self, address: Address) -> bool:
        """Say whether a host found by this entry may lie at that address."""
        if address.is_multicast or address.is_unspecified or (address.is_reserved and address.version == 4):
            return False
        if self.network is not None:
            return address in self.network
        if address in METADATA:
            return False
        return self.is_inside or is_public(address)


def allowed(entry: str) -> Allowed:
    """Read one entry of a list of allowed hosts. Raises: ValueError that says what is wrong with it."""
    words = entry.split()
    if not words or words[1:] not in ([], ["inside"]):
        raise ValueError(f"{entry!r} is not a host: write host, host:port or host:port inside")
    host, ports = _host_and_ports(words[0])
    inside = words[1:] == ["inside"]
    try:
        return Allowed(entry, network=ipaddress.ip_network(host.strip("[]")), ports=ports, is_inside=True)
    except ValueError:
        pass
    wild = host.startswith("*.")
    name = plain_host(host[2:] if wild else host)
    if wild:
        if "." not in name:
            raise ValueError(f"{entry!r} would allow a whole top domain: name at least two parts after the star")
        return Allowed(entry, name=f".{name}", is_wildcard=True, ports=ports, is_inside=inside)
    return Allowed(entry, name=name, ports=ports, is_inside=inside or "." not in name or name.endswith(INSIDE_ENDINGS))


def is_public(address: Address) -> bool:
    """Say whether an address lies in the open internet, also where it wraps an IPv4 one."""
    if address.version == 6:
        inner = address.ipv4_mapped or address.sixtofour
        if address in _EMBEDDED_V4:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and address not in METADATA


@lru_cache(1024)
def plain_host(host: str) -> str:
    """Give a host's name in small ASCII letters, as it goes on the wire. Raises: ValueError."""
    text = host.strip("[]").rstrip(".").lower()
    if not text.isascii():
        try:
            text = text.encode("idna").decode()
        except UnicodeError:
            raise ValueError(f"{host!r} is not a host name") from None
    if _literal(text) is None and not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", text):
        raise ValueError(f"{host!r} is not a host name")
    return text


@dataclass(frozen=True, slots=True)
class Answer:
    """What a partner answered; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    ms: float = 0.0
    hide: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def text(self) -> str:
        """Give the body as text, by its declared encoding, else UTF-8. Raises: Failed("refused")."""
        found = re.search(r"charset=\"?([\w.:-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        encoding = found.group(1) if found else "utf-8-sig"
        encoding = {"gb2312": "gb18030", "gbk": "gb18030", "utf-8": "utf-8-sig"}.get(encoding.lower(), encoding)
        try:
            return self.body.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            raise Failed(
                "refused", L("应答不是 {encoding} 编码的文本", "The answer is no text in {encoding}")
                .filled({"encoding": encoding}), code=str(self.status),
            ) from None  # fmt: skip

    def json(self) -> Any:
        """Give the body as JSON data; None for an empty one. Raises: Failed("refused")."""
        if not self.body.strip():
            return None
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            pass
        try:
            import json

            return json.loads(self.text())
        except (ValueError, RecursionError):
            raise Failed(
                "refused", L("应答不是 JSON：{start}", "The answer is not JSON: {start}")
                .filled({"start": excerpt(self.body, self.hide, 200)}), code=str(self.status),
            ) from None  # fmt: skip

    def checked(self) -> Answer:
        """Give the answer if it is a good one. Raises: Failed by its status."""
        if self.is_ok:
            return self
        kind: Any
        match self.status:
            case 429:
                kind = "throttled"
            case 408:
                kind = "timeout"
            case 410:
                kind = "gone"
            case 413:
                kind = "too_large"
            case 425 | 423:
                kind = "busy"
            case status if status >= 500:
                kind = "unavailable"
            case _:
                kind = "refused"
        said = excerpt(self.body, self.hide)
        raise Failed(
            kind, f"HTTP {self.status}{': ' if said else ''}{said}",
            code=str(self.status), retry_after=retry_after(self.headers.get("retry-after", "")),
        )  # fmt: skip


class Guard:
    """A system's way out: its hosts, its limits. Cheap to make; connections are kept per thread, not per guard.

    Takes:  allowed_hosts: entries as in the module's text; timeout: seconds for the whole of a call;
            most_bytes: of an answer, after it is unpacked; trusted: certificates (PEM) of the partner's own authority,
            trusted beside those of the system
    Gives:  `ahead`: by how much our clock runs before that of who answered last, as far as its answer shows
    Raises: ValueError for an entry that cannot be read
    """

    def __init__(
        self,
        allowed_hosts: Sequence[str],
        *,
        timeout: float = 20.0,
        connect_timeout: float = 5.0,
        read_timeout: float | None = None,
        most_bytes: int = 5_000_000,
        trusted: str = "",
    ) -> None:
        self.entries = _entries(tuple(allowed_hosts))
        self.timeout, self.connect_timeout = timeout, connect_timeout
        self.read_timeout = read_timeout or timeout
        self.most_bytes = most_bytes
        self.trusted = trusted
        self.ahead = timedelta()

    def allows(self, host: str, port: int) -> str:
        """Check a host and port before a socket is opened.

        Gives:  the address to connect to; only this one is checked
        Raises: Failed("not_allowed") where the host is not on the list or lies where it must not;
                Failed("transport") where it has no address
        """
        return str(self.addresses(host, port)[0])

    def check(self, url: str) -> None:
        """Check an address without speaking to it. Raises: as `allows`."""
        parts = _checked_url(url)
        self.allows(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    def addresses(self, host: str, port: int) -> tuple[Address, ...]:
        """Give the addresses of an allowed host, all of them checked. Raises: as `allows`."""
        host, entries = self._entries_for(host, port)
        found = _resolved(host, self.connect_timeout)
        for address in found:
            _check_address(host, address, entries)
        return found

    def request(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        json: Any = None,
        timeout: float | None = None,
        most_bytes: int | None = None,
        hide: Sequence[str] = (),
    ) -> Answer:
        """Ask once, and follow a redirect only within the same host.

        Takes:  query: added to the address; json: sent as the body where that is missing;
                hide: secrets that must not appear in the text of a fault, should the partner repeat them
        Gives:  the answer whatever its status; `checked()` refuses bad ones
        Raises: Failed: not_allowed, transport, timeout, too_large, refused
        """
        parts = _checked_url(url)
        if query:
            added = urlencode(query, doseq=True)
            parts = parts._replace(query=f"{parts.query}&{added}" if parts.query else added)
        sent = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "Banyan"}
        if json is not None and body is None:
            body = orjson.dumps(json)
            sent["Content-Type"] = "application/json"
        if headers:
            given = {name.lower() for name in headers}
            sent = {**{k: v for k, v in sent.items() if k.lower() not in given}, **headers}
        begun = time.monotonic()
        deadline = begun + (timeout or self.timeout)
        limit = most_bytes or self.most_bytes
        method = method.upper()
        for _ in range(MOST_REDIRECTS + 1):
            asked_at = datetime.now(UTC)
            status, got, content = self._once(method, parts, sent, body, deadline, limit)
            self.ahead = ahead_of(got.get("date", ""), asked_at)
            target = got.get("location", "")
            if status not in (301, 302, 303, 307, 308) or not target:
                took = (time.monotonic() - begun) * 1000
                return Answer(status, got, content, parts._replace(query="", fragment="").geturl(), took, tuple(hide))
            parts = _redirected(parts, target)
            if method not in ("GET", "HEAD") and status not in (307, 308):
                raise Failed(
                    "refused", L("对方把请求转到别处（{status}）", "The partner sent the call elsewhere ({status})")
                    .filled({"status": status}), code=str(status),
                )  # fmt: skip
        raise Failed("refused", L("对方反复转向", "The partner redirects without end"))

    def get(self, url: str, **more: Any) -> Answer:
        """Ask by GET. Raises: as `request`."""
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> Answer:
        """Ask by POST. Raises: as `request`."""
        return self.request("POST", url, **more)

    def _entries_for(self, host: str, port: int) -> tuple[str, tuple[Allowed, ...]]:
        try:
            host = plain_host(host)
        except ValueError as error:
            raise Failed("not_allowed", str(error)) from None
        entries = tuple(entry for entry in self.entries if entry.covers(host, port))
        if not entries:
            raise Failed(
                "not_allowed",
                L(
                    "{host}:{port} 不在该系统允许的主机之列；如确需访问，请在外部系统的“允许的主机”中加入",
                    "{host}:{port} is not among the hosts allowed for this system; add it there if it is meant",
                ).filled({"host": host, "port": str(port)}),
            )
        return host, entries

    def _once(
        self, method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes | None,
        deadline: float, limit: int,
    ) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        host, entries = self._entries_for(parts.hostname or "", port)
        head = _head(method, parts, host, port, headers, body)
        kept = _kept()
        key = (is_tls, host, port, self.trusted)
        wire = kept.pop(key, None)
        if wire is not None and wire.is_usable():
            _check_address(host, wire.address, entries)
            wire.begin(deadline, self.read_timeout)
            try:
                return self._exchange(wire, kept, key, method, head, limit)
            except _ClosedUnasked:
                pass  # it was closed while it was idle: the same once more, on a new one
        elif wire is not None:
            wire.close()
        try:
            wire = self._opened(host, port, is_tls, entries, deadline)
        except Failed as fault:
            fault.code = fault.code or (UNREACHED if fault.is_passing else "")
            raise
        try:
            return self._exchange(wire, kept, key, method, head, limit)
        except _ClosedUnasked:
            raise Failed("transport", L("对方未作应答便断开", "The partner hung up without an answer")) from None

    def _exchange(
        self, wire: _Wire, kept: dict[Any, _Wire], key: Any, method: str, head: bytes, limit: int
    ) -> tuple[int, dict[str, str], bytes]:
        is_done = False
        try:
            status, headers, content = wire.exchange(method, head, limit)
            is_done = True
        except TimeoutError:
            raise Failed("timeout", L("对方未在时限内应答", "The partner did not answer in time")) from None
        except ssl.SSLError as error:
            raise Failed("transport", f"TLS: {error.reason or error}") from None
        except OSError as error:
            raise Failed("transport", error.strerror or str(error)) from None
        finally:
            if not is_done:
                wire.close()
        if wire.is_kept:
            wire.idle_since = time.monotonic()
            kept[key] = wire
            while len(kept) > MOST_KEPT:
                kept.pop(next(iter(kept))).close()
        else:
            wire.close()
        return status, headers, content

    def _opened(self, host: str, port: int, is_tls: bool, entries: tuple[Allowed, ...], deadline: float) -> _Wire:
        addresses = _resolved(host, min(self.connect_timeout, max(deadline - time.monotonic(), 0.001)))
        for address in addresses:
            _check_address(host, address, entries)
        fault: Failed | None = None
        for address in addresses[:3]:
            patience = min(self.connect_timeout, deadline - time.monotonic())
            if patience <= 0:
                break
            plain = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
            plain.settimeout(patience)
            try:
                plain.connect((str(address), port))
            except TimeoutError:
                plain.close()
                fault = Failed(
                    "timeout", L("连接 {host} 超时", "No connection to {host} in time").filled({"host": host})
                )
                continue
            except OSError as error:
                plain.close()
                fault = Failed("transport", f"{host}:{port}: {error.strerror or error}")
                continue
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if is_tls:
                plain = _with_tls(plain, host, self.trusted)
            wire = _Wire(plain, address)
            wire.begin(deadline, self.read_timeout)
            return wire
        raise fault or Failed(
            "timeout", L("连接 {host} 超时", "No connection to {host} in time").filled({"host": host})
        )


class _ClosedUnasked(Exception):
    """A kept connection ended before one byte of an answer."""


class _Wire:
    """One connection, and the reading of HTTP/1.1 from it under limits (RFC 9112)."""

    __slots__ = ("address", "buffer", "deadline", "idle_since", "is_kept", "patience", "socket")

    def __init__(self, opened: socket.socket, address: Address) -> None:
        self.socket, self.address = opened, address
        self.buffer = bytearray()
        self.is_kept = True
        self.deadline = self.patience = self.idle_since = 0.0

    def begin(self, deadline: float, patience: float) -> None:
        self.deadline, self.patience = deadline, patience

    def is_usable(self) -> bool:
        """Say whether nothing has come and nobody has hung up since it was laid aside."""
        if time.monotonic() - self.idle_since > IDLE_SECONDS:
            return False
        try:
            poll = select.poll()
            poll.register(self.socket, select.POLLIN | select.POLLHUP | select.POLLERR)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        try:
            self.socket.close()
        except OSError:
            pass

    def exchange(self, method: str, head: bytes, limit: int) -> tuple[int, dict[str, str], bytes]:
        """Send a request and give status, headers and unpacked body of its answer."""
        self.buffer.clear()
        try:
            self._wait()
            self.socket.sendall(head)
        except (BrokenPipeError, ConnectionResetError):
            raise _ClosedUnasked from None
        while True:
            status, headers, version = self._read_head()
            if status >= 200 or status == 101:
                break
        if status == 101:
            raise Failed("refused", "HTTP 101")
        said = headers.get("connection", "").lower()
        self.is_kept = "close" not in said if version == "HTTP/1.1" else "keep-alive" in said
        if method == "HEAD" or status in (204, 304):
            return status, headers, b""
        unpack = _Unpacker(headers.get("content-encoding", ""), limit)
        self._read_body(headers, unpack, limit)
        return status, headers, unpack.whole()

    def _wait(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(min(left, self.patience))

    def _more(self) -> bool:
        self._wait()
        piece = self.socket.recv(PIECE)
        self.buffer += piece
        return bool(piece)

    def _read_head(self) -> tuple[int, dict[str, str], str]:
        begun = bool(self.buffer)
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > MOST_HEAD:
                raise Failed("too_large", L("应答头过长", "The head of the answer is too long"))
            try:
                is_more = self._more()
            except ConnectionResetError:
                if begun or self.buffer:
                    raise
                raise _ClosedUnasked from None
            if not is_more:
                if not begun and not self.buffer:
                    raise _ClosedUnasked
                raise ConnectionError("the partner hung up in the middle of its answer")
        if end > MOST_HEAD:
            raise Failed("too_large", L("应答头过长", "The head of the answer is too long"))
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        del self.buffer[: end + 4]
        version, _, rest = lines[0].partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not rest[:3].isdigit():
            raise Failed("refused", L("对方所答不是 HTTP", "What answers does not speak HTTP"))
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not _TOKEN.fullmatch(name):
                raise Failed("refused", L("应答头有误", "A header of the answer is malformed"))
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return int(rest[:3]), headers, version

    def _read_body(self, headers: Mapping[str, str], unpack: _Unpacker, limit: int) -> None:
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked":
                raise Failed("refused", L("不支持的传输编码", "A transfer encoding that is not supported"))
            self._read_chunks(unpack, limit)
            return
        length = headers.get("content-length")
        if length is None:
            self.is_kept = False
            unpack.add(bytes(self.buffer))
            self.buffer.clear()
            while self._more():
                unpack.add(bytes(self.buffer))
                self.buffer.clear()
            return
        if not length.isdigit():
            raise Failed("refused", L("应答头有误", "A header of the answer is malformed"))
        if int(length) > limit:
            raise too_large(limit)
        self._read_exactly(int(length), unpack)

    def _read_exactly(self, count: int, unpack: _Unpacker) -> None:
        while count:
            if not self.buffer and not self._more():
                raise ConnectionError("the partner hung up in the middle of its answer")
            piece = bytes(self.buffer[:count])
            del self.buffer[: len(piece)]
            count -= len(piece)
            unpack.add(piece)

    def _read_chunks(self, unpack: _Unpacker, limit: int) -> None:
        total = 0
        while True:
            size = self._line().split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
                raise Failed("refused", L("应答的分块有误", "A chunk of the answer is malformed"))
            count = int(size, 16)
            total += count
            if total > limit:
                raise too_large(limit)
            if count == 0:
                break
            self._read_exactly(count, unpack)
            if self._line():
                raise Failed("refused", L("应答的分块有误", "A chunk of the answer is malformed"))
        for _ in range(100):
            if not self._line():
                return
        raise Failed("too_large", L("应答头过长", "The head of the answer is too long"))

    def _line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > PIECE or not self._more():
                raise ConnectionError("the partner hung up in the middle of its answer")
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line


class _Unpacker:
    """Gathers a body, unpacked, and stops at the limit rather than after it."""

    def __init__(self, encoding: str, limit: int) -> None:
        self.limit, self.size = limit, 0
        self.pieces: list[bytes] = []
        self.make: Callable[[], Any] | None
        match encoding.strip().lower():
            case "" | "identity":
                self.make = None
            case "gzip" | "x-gzip":
                self.make = lambda: zlib.decompressobj(16 + zlib.MAX_WBITS)
            case "deflate":
                self.make = lambda: zlib.decompressobj(zlib.MAX_WBITS)
            case _:
                raise Failed(
                    "refused", L("不支持的压缩方式 {encoding}", "A compression that was not asked for: {encoding}")
                    .filled({"encoding": encoding[:40]}),
                )  # fmt: skip
        self.engine = self.make() if self.make else None

    def add(self, piece: bytes) -> None:
        if self.engine is None:
            self._take(piece)
            return
        while piece:
            try:
                self._take(self.engine.decompress(piece, self.limit - self.size + 1))
            except zlib.error:
                raise Failed("refused", L("应答的压缩数据有误", "The packed answer is malformed")) from None
            piece = self.engine.unconsumed_tail

    def whole(self) -> bytes:
        """Give all of it. Raises: Failed where what was packed ends early."""
        if self.engine is not None and self.pieces and not self.engine.eof:
            raise Failed("transport", L("应答的压缩数据不完整", "The packed answer ends early"))
        return b"".join(self.pieces)

    def _take(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self.limit:
            raise too_large(self.limit)
        if piece:
            self.pieces.append(piece)


def too_large(limit: int) -> Failed:
    """Give the refusal of what is larger than a limit in bytes."""
    return Failed(
        "too_large", L("内容超过 {limit} 字节的上限", "More than the limit of {limit} bytes").filled({"limit": limit})
    )


def retry_after(text: str) -> float | None:
    """Give the seconds of a Retry-After header, at most a day; None where it says nothing readable."""
    text = text.strip()
    if not text:
        return None
    if text.isdigit():
        return float(min(int(text), 86_400))
    try:
        seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), 86_400.0)


def ahead_of(date: str, asked_at: datetime) -> timedelta:
    """Give by how much our clock runs at least before the one that a Date header was written by; nought where it does
    not, or says nothing readable.

    Source: RFC 9110 6.6.1, whole seconds of when the answer was made, which is after it was asked for
    """
    try:
        made_at = parsedate_to_datetime(date.strip())
    except ValueError:
        return timedelta()
    if made_at.tzinfo is None:
        made_at = made_at.replace(tzinfo=UTC)
    return max(timedelta(), asked_at - made_at - timedelta(seconds=1))


def excerpt(body: bytes, hide: Sequence[str] = (), most: int = 500) -> str:
    """Give the start of a body on few lines, with secrets covered, for the text of a fault."""
    text = body[: most * 8].decode("utf-8", "replace")
    text = " ".join("".join(c if c.isprintable() or c.isspace() else "·" for c in text).split())
    return covered(text, hide)[:most]


def covered(text: str, secrets: Sequence[str]) -> str:
    """Give a text in which each secret is covered."""
    for secret in sorted((each for each in secrets if len(each) >= 4), key=len, reverse=True):
        text = text.replace(secret, "•••")
    return text


def check_text(url: str) -> Label | None:
    """Say what is wrong with an address, None where nothing is."""
    try:
        _checked_url(url)
    except Failed as fault:
        zh, _, en = fault.text.partition("\n")
        return L(zh, en or zh)
    return None


def _kept() -> dict[Any, _Wire]:
    kept: dict[Any, _Wire] | None = getattr(_local, "kept", None)
    if kept is None:
        kept = _local.kept = {}
    return kept


@lru_cache(512)
def _entries(texts: tuple[str, ...]) -> tuple[Allowed, ...]:
    return tuple(allowed(text) for text in texts if text.strip())


def _host_and_ports(text: str) -> tuple[str, frozenset[int] | None]:
    match = re.fullmatch(r"(\[[^\]]+\](?:/\d+)?|[^:\[\]]+)(?::(\*|\d{1,5}))?", text)
    if match is None:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a host with a port") from None
        return text, WEB_PORTS
    host, port = match.groups()
    if port is None:
        return host.replace("[", "").replace("]", ""), WEB_PORTS
    if port != "*" and not 0 < int(port) < 65_536:
        raise ValueError(f"{text!r}: there is no port {port}")
    return host.replace("[", "").replace("]", ""), None if port == "*" else frozenset({int(port)})


@lru_cache(1024)
def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _resolved(host: str, patience: float) -> tuple[Address, ...]:
    literal = _literal(host)
    if literal is not None:
        return (literal,)
    try:
        rows = _resolvers.submit(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM).result(patience)
    except LateError:
        raise Failed(
            "timeout", L("查询 {host} 的地址超时", "No address of {host} in time").filled({"host": host})
        ) from None
    except (OSError, UnicodeError):
        rows = []
    found = tuple(dict.fromkeys(ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows))
    if not found:
        raise Failed("transport", L("查不到 {host} 的地址", "{host} has no address").filled({"host": host}))
    return found


def _check_address(host: str, address: Address, entries: Sequence[Allowed]) -> None:
    if not any(entry.admits(address) for entry in entries):
        raise Failed(
            "not_allowed",
            L(
                "{host} 指向内部地址 {address}；如确为厂内系统，请在“允许的主机”中写明该地址，或在名称后加 inside",
                "{host} leads to the inside address {address}; if it is a system of the own network, "
                "name that address among the allowed hosts, or add `inside` to the name",
            ).filled({"host": host, "address": str(address)}),
        )


@lru_cache(1024)
def _checked_url(url: str) -> SplitResult:
    try:
        if any(ord(c) <= 32 or ord(c) == 127 for c in url):
            raise ValueError
        parts = urlsplit(url)
        _ = parts.port
        if parts.scheme not in ("http", "https") or not parts.hostname or "\\" in parts.netloc:
            raise ValueError
    except ValueError:
        raise Failed(
            "not_allowed", L("地址须为 http(s)://主机/路径", "An address must be http(s)://host/path")
        ) from None
    if "@" in parts.netloc:
        raise Failed("not_allowed", L("地址中不得含用户名", "An address must not hold a user's name"))
    return parts._replace(path=quote(parts.path, _PATH_SAFE), query=quote(parts.query, _QUERY_SAFE), fragment="")


def _redirected(parts: SplitResult, target: str) -> SplitResult:
    there = _checked_url(urljoin(parts.geturl(), target))
    if (there.hostname, there.scheme == "https") != (parts.hostname, True) and (there.scheme, there.netloc) != (
        parts.scheme,
        parts.netloc,
    ):
        raise Failed(
            "not_allowed", L("对方转向另一主机 {host}，未跟随", "A redirect to another host, {host}: not followed")
            .filled({"host": there.netloc}),
        )  # fmt: skip
    return there


def _head(
    method: str, parts: SplitResult, host: str, port: int, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    shown = f"[{host}]" if ":" in host else host
    if port != (443 if parts.scheme == "https" else 80):
        shown = f"{shown}:{port}"
    lines = [f"{method} {path} HTTP/1.1", f"Host: {shown}"]
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or "\r" in value or "\n" in value or "\0" in value:
            raise Failed(
                "refused", L("请求头 {name} 有误", "The header {name} is malformed").filled({"name": name[:60]})
            )
        lines.append(f"{name}: {value}")
    if body is not None or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body or b'')}")
    try:
        text = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    except UnicodeEncodeError:
        raise Failed("refused", L("请求头只能含西文", "Headers and addresses hold Latin letters only")) from None
    return text + (body or b"")


@lru_cache(64)
def _context(trusted_hash: str, trusted: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusted:
        context.load_verify_locations(cadata=trusted)
    return context


def _with_tls(plain: socket.socket, host: str, trusted: str) -> socket.socket:
    try:
        context = _context(hashlib.sha256(trusted.encode()).hexdigest(), trusted)
        return context.wrap_socket(plain, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        fault = Failed(
            "transport",
            L("{host} 的证书不可信：{why}", "The certificate of {host} is not trusted: {why}").filled(
                {"host": host, "why": error.verify_message}
            ),
        )
    except TimeoutError:
        fault = Failed("timeout", L("与 {host} 建立加密连接超时", "No TLS with {host} in time").filled({"host": host}))
    except (OSError, ValueError) as error:
        fault = Failed("transport", f"TLS: {getattr(error, 'reason', None) or error}")
    plain.close()
    raise fault
